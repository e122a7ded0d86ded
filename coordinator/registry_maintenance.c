// SPDX-License-Identifier: MIT
#include "coordinator/maintenance.h"

#include "coordinator/registry_internal.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_MS    (INT64_C(7) * 86400000) /* one that is over, for people who look back */
#define REASON_MAX 500

static int check_every(const void *value, const char **why)
{
	const struct strings *every = value;

	*why = RECURRENCE_DAYS;
	for (size_t i = 0; i < every->n; i++)
		if (!recurrence_day_known(every->item[i]))
			return -1;
	return 0;
}

static int check_at(const void *value, const char **why)
{
	*why = "a time of the day such as 02:00";
	return recurrence_minute(*(char *const *)value) >= 0 ? 0 : -1;
}

#define OF(member) offsetof(struct maintenance, member)
static const struct field fields[] = {
	{.name = "id",
		.type = FIELD_ID,
		.offset = OF(id),
		.flags = FIELD_READONLY,
		.doc = "Made by the coordinator."},
	{.name = "organization",
		.type = FIELD_STRING,
		.offset = OF(organization),
		.min = 1,
		.max = ORGANIZATION_MAX_BYTES,
		.doc = "All monitors of this organization; with names below, only those of them."},
	{.name = "monitors",
		.type = FIELD_STRINGS,
		.offset = OF(monitors),
		.max = MAINTENANCE_NAMES_MAX,
		.doc = "These monitors, by name, external_id or id."},
	{.name = "services",
		.type = FIELD_STRINGS,
		.offset = OF(services),
		.max = MAINTENANCE_NAMES_MAX,
		.doc = "The monitors of these services."},
	{.name = "labels",
		.type = FIELD_PAIRS,
		.offset = OF(labels),
		.max = LABELS_MAX,
		.doc = "The monitors that have all of these labels."},
	{.name = "from",
		.type = FIELD_TIME,
		.offset = OF(from_wall_ms),
		.doc = "When it begins; the default is now. With every: no window begins earlier."},
	{.name = "to",
		.type = FIELD_TIME,
		.offset = OF(to_wall_ms),
		.doc = "When it ends. With every: no window begins then or later."},
	{.name = "for",
		.type = FIELD_DURATION,
		.offset = OF(for_ms),
		.min = MAINTENANCE_FOR_MIN_MS,
		.max = MAINTENANCE_FOR_MAX_MS,
		.doc = "Or how long it takes. With every: each window."},
	{.name = "every",
		.type = FIELD_STRINGS,
		.offset = OF(every),
		.max = RECURRENCE_DAYS_MAX,
		.check = check_every,
		.doc = "It comes again on these days: " RECURRENCE_DAYS "."},
	{.name = "at",
		.type = FIELD_STRING,
		.offset = OF(at),
		.min = 1,
		.max = 5,
		.check = check_at,
		.doc = "With every: the time of the day, such as 02:00."},
	{.name = "zone",
		.type = FIELD_STRING,
		.offset = OF(zone),
		.min = 1,
		.max = 64,
		.doc = "With every: the IANA time zone of that time, such as Asia/Tokyo; the "
		       "default is UTC."},
	{.name = "reason",
		.type = FIELD_STRING,
		.offset = OF(reason),
		.min = 1,
		.max = REASON_MAX,
		.doc = "What for."},
	{.name = "by",
		.type = FIELD_STRING,
		.offset = OF(by),
		.flags = FIELD_READONLY,
		.doc = "Who made it: the name of an API key."},
	{.name = "created_at",
		.type = FIELD_TIME,
		.offset = OF(created_wall_ms),
		.flags = FIELD_READONLY,
		.doc = "When it was made."},
	{.name = "ended_at",
		.type = FIELD_TIME,
		.offset = OF(ended_wall_ms),
		.flags = FIELD_READONLY,
		.doc = "When a window was last ended by hand."},
};
const struct schema maintenance_schema = {.name = "maintenance",
	.fields = fields,
	.n_fields = ARRAY_LEN(fields),
	.size_bytes = offsetof(struct maintenance, on)};

/* ---- when */

static bool recurs(const struct maintenance *mt)
{
	return mt->every.n > 0;
}

static bool window_at(const struct maintenance *mt, int64_t wall_ms, struct window *out)
{
	int64_t from_wall_ms = mt->from_wall_ms;
	struct recurrence r;

	if (!recurs(mt)) {
		*out = (struct window){mt->from_wall_ms, mt->to_wall_ms};
		return wall_ms < mt->to_wall_ms;
	}
	if (mt->ended_wall_ms > from_wall_ms)
		from_wall_ms = mt->ended_wall_ms;
	r = (struct recurrence){.every = mt->every,
		.minute = recurrence_minute(mt->at),
		.for_ms = mt->for_ms,
		.zone = mt->zone ? mt->zone : "UTC",
		.from_wall_ms = from_wall_ms,
		.to_wall_ms = mt->to_wall_ms};
	return recurrence_window(&r, wall_ms, out);
}

/* Where in its windows it is at WALL_MS. */
static void place(struct maintenance *mt, int64_t wall_ms)
{
	mt->looked_wall_ms = wall_ms;
	mt->more = window_at(mt, wall_ms, &mt->window);
	mt->on = mt->more && wall_ms >= mt->window.from_wall_ms;
}

/* Whether its place may be another one by now; a clock that was set back is looked at, too. */
static bool is_due(const struct maintenance *mt, int64_t wall_ms)
{
	if (wall_ms < mt->looked_wall_ms)
		return true;
	return mt->more && wall_ms >= (mt->on ? mt->window.to_wall_ms : mt->window.from_wall_ms);
}

/* ---- for whom */

static bool has_labels(const struct monitor *m, const struct pairs *labels)
{
	for (size_t i = 0; i < labels->n; i++) {
		bool found = false;
		for (size_t k = 0; k < m->labels.n && !found; k++)
			found = strcmp(m->labels.item[k].name, labels->item[i].name) == 0 &&
				strcmp(m->labels.item[k].value, labels->item[i].value) == 0;
		if (!found)
			return false;
	}
	return labels->n > 0;
}

static bool names_any(const struct maintenance *mt)
{
	return mt->monitors.n > 0 || mt->services.n > 0 || mt->labels.n > 0;
}

bool maintenance_covers(const struct maintenance *mt, const struct monitor *m)
{
	const char *whose = m->organization ? m->organization : ORGANIZATION_DEFAULT;
	char id[ID_TEXT_SIZE];

	if (mt->organization && strcmp(mt->organization, whose) != 0)
		return false;
	return !names_any(mt) || has_labels(m, &mt->labels) ||
	       (m->service && strings_have(&mt->services, m->service)) ||
	       (mt->monitors.n > 0 && strings_have(&mt->monitors, id_format(&m->id, id)));
}

/* ---- finding */

struct maintenance *registry_maintenance(struct registry *r, const struct id *id)
{
	struct maintenance *mt;

	HASH_FIND(hh, r->maintenances, id, sizeof(*id), mt);
	return mt;
}

struct maintenance *registry_next_maintenance(struct registry *r, const struct maintenance *after)
{
	return after ? after->hh.next : r->maintenances;
}

const struct maintenance *registry_maintenance_of(struct registry *r, const struct monitor *m)
{
	const struct maintenance *last = NULL;

	for (const struct maintenance *mt = r->maintenances; mt; mt = mt->hh.next)
		if (mt->on && maintenance_covers(mt, m) &&
			(!last || mt->window.to_wall_ms > last->window.to_wall_ms))
			last = mt;
	return last;
}

/* ---- the table */

struct maintenance *registry_insert_maintenance(struct registry *r, struct maintenance *take)
{
	struct maintenance *mt = registry_maintenance(r, &take->id);

	if (mt) {
		schema_clear(&maintenance_schema, mt);
		memcpy(mt, take, maintenance_schema.size_bytes);
	} else {
		mt = mem_alloc(sizeof(*mt));
		memcpy(mt, take, maintenance_schema.size_bytes);
		HASH_ADD(hh, r->maintenances, id, sizeof(mt->id), mt);
	}
	memset(take, 0, sizeof(*take));
	place(mt, clock_wall_ms());
	return mt;
}

void registry_forget_maintenance(struct registry *r, struct maintenance *mt)
{
	HASH_DELETE(hh, r->maintenances, mt);
	schema_clear(&maintenance_schema, mt);
	free(mt);
}

static void tell(struct registry *r, struct maintenance *mt, const char *what)
{
	char id[ID_TEXT_SIZE], to[TIME_TEXT_SIZE] = "-";

	if (mt->on)
		time_format(mt->window.to_wall_ms, to);
	log_info("maintenance.%s id=%s until=%s reason=%s", what, id_format(&mt->id, id), to,
		log_quote(mt->reason ? mt->reason : ""));
	registry_tell(r, CHANGED_MAINTENANCE, mt);
}

void registry_step_maintenances(struct registry *r, int64_t wall_ms)
{
	struct maintenance *mt, *next;

	HASH_ITER (hh, r->maintenances, mt, next) {
		bool was_on = mt->on;
		if (is_due(mt, wall_ms)) {
			place(mt, wall_ms);
			if (mt->on != was_on)
				tell(r, mt, mt->on ? "begun" : "over");
		}
		if (!mt->more && !recurs(mt) && wall_ms - mt->to_wall_ms > KEEP_MS) {
			struct store_batch *b = store_batch_new(r->store);
			store_remove(b, STORE_MAINTENANCE, &mt->id);
			store_submit(r->store, b, STORE_EVENTUALLY, NULL, NULL);
			registry_forget_maintenance(r, mt);
		}
	}
}

/* ---- what people write */

static void check_when(struct maintenance *mt, struct problems *p)
{
	int64_t now_wall_ms = mt->created_wall_ms;

	if (mt->from_wall_ms == UNSET)
		mt->from_wall_ms = now_wall_ms;
	if (mt->at || mt->zone)
		problems_add(p, mt->at ? "at" : "zone",
			"is for windows that come again: 'every' says on which days");
	if (mt->for_ms == UNSET && mt->to_wall_ms == UNSET)
		problems_add(p, "for", "missing: how long, for example 2h, or 'to': until when");
	else if (mt->for_ms != UNSET && mt->to_wall_ms != UNSET)
		problems_add(p, "to", "for says already how long; accepted: one of them");
	else if (mt->to_wall_ms == UNSET)
		mt->to_wall_ms = mt->from_wall_ms + mt->for_ms;
	mt->for_ms = UNSET;
	if (p->total)
		return;
	if (mt->to_wall_ms <= mt->from_wall_ms)
		problems_add(p, "to", "is not after from");
	else if (mt->to_wall_ms <= now_wall_ms)
		problems_add(p, "to", "that is over; accepted: a time to come");
	else if (mt->to_wall_ms - mt->from_wall_ms > MAINTENANCE_FOR_MAX_MS)
		problems_add(p, "to", "accepted: at most 366 days after from");
}

static void check_again(struct maintenance *mt, struct problems *p)
{
	if (!mt->at)
		problems_add(p, "at", "missing: at which time of the day, for example 02:00");
	if (mt->for_ms == UNSET)
		problems_add(p, "for", "missing: how long each window is, for example 2h");
	else if (mt->for_ms > RECURRENCE_FOR_MAX_MS)
		problems_add(p, "for", "accepted with every: at most 31 days");
	if (mt->to_wall_ms != UNSET && mt->to_wall_ms <= mt->created_wall_ms)
		problems_add(p, "to", "that is over; accepted: a time to come");
	if (!mt->zone)
		mt->zone = mem_strdup("UTC");
	else if (!recurrence_zone_known(mt->zone)) /* no field rule: what is stored must load */
		problems_add(p, "zone",
			"'%s' is no time zone of this system; accepted: an IANA name such as "
			"Asia/Tokyo or Europe/Berlin",
			mt->zone);
	if (p->total)
		return;
	place(mt, mt->created_wall_ms);
	if (!mt->more)
		problems_add(p, "every", "no window lies between from and to");
}

static const char *nearest_monitor(struct registry *r, const char *name, const char *organization)
{
	const char **names = mem_array(HASH_COUNT(r->monitors) + 1, sizeof(*names)), *near;
	size_t n = 0;

	for (const struct registered *e = r->monitors; e; e = e->hh.next)
		if (registry_sees(organization, e->m.organization))
			names[n++] = e->m.name;
	near = nearest_name(name, names, n);
	free(names);
	return near;
}

/* Monitors are remembered by their ids: they may be renamed. */
static void resolve_monitors(
	struct registry *r, struct maintenance *mt, const char *organization, struct problems *p)
{
	for (size_t i = 0; i < mt->monitors.n; i++) {
		char **name = &mt->monitors.item[i], id[ID_TEXT_SIZE];
		const struct registered *found = registry_monitor_find(r, *name);
		const char *near;

		if (found && registry_sees(organization, found->m.organization) &&
			(!mt->organization ||
				registry_sees(mt->organization, found->m.organization))) {
			mem_set(name, id_format(&found->m.id, id));
			continue;
		}
		near = nearest_monitor(r, *name, mt->organization);
		problems_add(p, "monitors", "there is no monitor '%.64s'%s%s%s%s%s", *name,
			mt->organization ? " in organization '" : "",
			mt->organization ? mt->organization : "", mt->organization ? "'" : "",
			near ? "; did you mean " : "", near ? near : "");
	}
}

static void check_scope(
	struct registry *r, struct maintenance *mt, const char *organization, struct problems *p)
{
	if (!mt->organization && !names_any(mt))
		problems_add(p, "monitors",
			"missing: for what it is; accepted: monitors, services, labels, or the "
			"whole of an organization");
	if (organization && mt->organization && strcmp(mt->organization, organization) != 0)
		problems_add(
			p, "organization", "this key is for organization '%s' only", organization);
	else if (organization)
		mem_set(&mt->organization, organization);
	resolve_monitors(r, mt, organization, p);
}

/* ---- on their way to the disk */

static void apply_maintenance(struct change *change)
{
	struct maintenance *mt = registry_insert_maintenance(change->registry, change->object);

	free(change->object);
	tell(change->registry, mt, mt->ended_wall_ms == UNSET ? "added" : "ended");
}

static void drop_maintenance(struct change *change)
{
	schema_clear(&maintenance_schema, change->object);
	free(change->object);
}

static void submit(struct registry *r, struct maintenance *take, registry_done_fn done, void *arg)
{
	struct change *change = change_new(r, STORE_MAINTENANCE, &take->id, done, arg);
	struct store_batch *b = store_batch_new(r->store);
	json_t *doc = schema_encode(&maintenance_schema, SCHEMA_WIRE, take);

	change->object = take;
	change->apply = apply_maintenance;
	change->drop = drop_maintenance;
	store_put(b, STORE_MAINTENANCE, &take->id, take->by, doc);
	json_decref(doc);
	change_submit(change, b);
}

int registry_add_maintenance(struct registry *r, const json_t *in, const char *organization,
	const char *by, struct problems *p, registry_done_fn done, void *arg)
{
	struct maintenance *mt = mem_alloc(sizeof(*mt));

	if (schema_decode(&maintenance_schema, SCHEMA_STRICT, in, mt, p) == 0) {
		mt->created_wall_ms = clock_wall_ms();
		check_scope(r, mt, organization, p);
		if (recurs(mt))
			check_again(mt, p);
		else
			check_when(mt, p);
		if (HASH_COUNT(r->maintenances) >= MAINTENANCES_MAX)
			problems_add(p, "", "there are %d maintenances already, which is the most",
				MAINTENANCES_MAX);
	}
	if (p->total) {
		schema_clear(&maintenance_schema, mt);
		free(mt);
		return -1;
	}
	mt->id = id_new();
	mt->by = mem_strdup(by);
	mt->ended_wall_ms = UNSET;
	submit(r, mt, done, arg);
	return 0;
}

int registry_end_maintenance(
	struct registry *r, const struct id *id, const char *by, registry_done_fn done, void *arg)
{
	struct maintenance *old = registry_maintenance(r, id), *mt;
	struct problems problems = {0};
	char text[ID_TEXT_SIZE];
	json_t *doc;

	if (!old || !old->on)
		return -1;
	mt = mem_alloc(sizeof(*mt));
	doc = schema_encode(&maintenance_schema, SCHEMA_WIRE, old);
	if (schema_decode(&maintenance_schema, SCHEMA_WIRE, doc, mt, &problems) == -1)
		ensure(!"it was read before");
	json_decref(doc);
	mt->ended_wall_ms = clock_wall_ms();
	if (!recurs(mt))
		mt->to_wall_ms = mt->ended_wall_ms;
	log_info("maintenance.end id=%s by=%s", id_format(id, text), log_quote(by));
	submit(r, mt, done, arg);
	return 0;
}

static void apply_removal(struct change *change)
{
	struct maintenance *mt = registry_maintenance(change->registry, &change->id);

	if (!mt)
		return;
	mt->on = mt->more = false;
	tell(change->registry, mt, "removed");
	registry_forget_maintenance(change->registry, mt);
}

static void drop_nothing(struct change *change)
{
	(void)change;
}

int registry_remove_maintenance(
	struct registry *r, const struct id *id, registry_done_fn done, void *arg)
{
	struct change *change;
	struct store_batch *b;

	if (!registry_maintenance(r, id))
		return -1;
	change = change_new(r, STORE_MAINTENANCE, id, done, arg);
	change->apply = apply_removal;
	change->drop = drop_nothing;
	b = store_batch_new(r->store);
	store_remove(b, STORE_MAINTENANCE, id);
	change_submit(change, b);
	return 0;
}
