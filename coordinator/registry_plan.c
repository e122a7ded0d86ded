// SPDX-License-Identifier: MIT
/*
 * Registering monitors: one path for POST, PUT and apply. A plan says for each input what would
 * happen (create, update, unchanged) and is refused as a whole when one input is wrong; committing
 * it is one transaction.
 */
#include "coordinator/registry_internal.h"

#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

const char *const plan_kind_names[] = {"create", "update", "unchanged", NULL};

/* ---- ceilings */

/* The host part of a monitor's target: what the per-target ceiling is counted by. */
static void target_host(const struct monitor *m, char *out, size_t room)
{
	const char *from = strstr(m->target, "://"), *end;

	from = from ? from + 3 : m->target;
	if (*from == '[')
		end = strchr(from, ']');
	else
		end = from + strcspn(from, ":/?#");
	snprintf(out, room, "%.*s", (int)(end ? end - from : (long)strlen(from)), from);
}

static double checks_per_minute(const struct monitor *m)
{
	return m->enabled ? 60000.0 / (double)m->interval_ms *
				    (double)(m->quorum.seats * m->quorum.per_seat)
			  : 0;
}

/* How many checks a minute one host gets, after the plan. */
struct load {
	char host[256];
	double per_minute;
	UT_hash_handle hh;
};

static struct load *load_of(struct load **loads, const struct monitor *m)
{
	struct load *load;
	char host[sizeof(load->host)];

	target_host(m, host, sizeof(host));
	for (char *c = host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	HASH_FIND_STR(*loads, host, load);
	if (load)
		return load;
	load = mem_alloc(sizeof(*load));
	memcpy(load->host, host, sizeof(host));
	HASH_ADD_STR(*loads, host, load);
	return load;
}

/* ---- rules over the whole plan */

/* What an item is found by: its id, name and external_id, each in a set of its own. */
struct mark {
	char key[NAME_MAX_BYTES * 2 + 8];
	const struct plan_item *item;
	UT_hash_handle hh;
};

const struct plan_item *plan_marked(struct mark *marks, char kind, const char *text)
{
	struct mark *mark;
	char key[sizeof(mark->key)];

	snprintf(key, sizeof(key), "%c%s", kind, text);
	HASH_FIND_STR(marks, key, mark);
	return mark ? mark->item : NULL;
}

/* Returns who has the mark already; marks it otherwise. */
static const struct plan_item *mark_item(
	struct mark **marks, char kind, const char *text, const struct plan_item *item)
{
	const struct plan_item *other = plan_marked(*marks, kind, text);
	struct mark *mark;

	if (other)
		return other;
	mark = mem_alloc(sizeof(*mark));
	snprintf(mark->key, sizeof(mark->key), "%c%s", kind, text);
	mark->item = item;
	HASH_ADD_STR(*marks, key, mark);
	return NULL;
}

static void base_path_of(char out[REGISTRY_PATH_BYTES], const char *base_path, size_t index)
{
	if (base_path[0])
		snprintf(out, REGISTRY_PATH_BYTES, "%s[%zu]", base_path, index);
	else
		out[0] = '\0';
}

static void check_unique(
	struct mark **marks, const struct plan_item *item, const char *base, struct problems *p)
{
	const struct monitor *m = &item->m;
	char path[REGISTRY_PATH_BYTES], id[ID_TEXT_SIZE];
	const struct plan_item *other;

	registry_path(path, base, "name");
	if (mark_item(marks, 'n', m->name, item))
		problems_add(
			p, path, "'%s' is used by an earlier monitor of this request", m->name);
	else if ((other = mark_item(marks, 'i', id_format(&m->id, id), item)) ||
		 (m->external_id && (other = mark_item(marks, 'e', m->external_id, item))))
		problems_add(p, path, "'%s' means the same monitor as '%s' of this request",
			m->name, other->m.name);
}

/* A name or external_id that belongs to another monitor, unless that one is changed by the same
 * plan. */
static void check_taken(struct mark *marks, const struct plan_item *item,
	const struct registered *entry, const char *member, const char *base, struct problems *p)
{
	char path[REGISTRY_PATH_BYTES], id[ID_TEXT_SIZE];

	if (!entry || id_equal(&entry->m.id, &item->m.id) ||
		plan_marked(marks, 'i', id_format(&entry->m.id, id)))
		return;
	registry_path(path, base, member);
	problems_add(p, path, "'%s' belongs to another monitor already: '%s' (%s)",
		member[0] == 'n' ? item->m.name : item->m.external_id, entry->m.name, id);
}

static void check_ceiling(struct registry *r, struct load **loads, const struct plan_item *item,
	const char *base, struct problems *p)
{
	const struct load *load = load_of(loads, &item->m);
	char path[REGISTRY_PATH_BYTES];

	if (item->kind == PLAN_UNCHANGED || load->per_minute <= (double)r->per_target)
		return;
	registry_path(path, base, "interval");
	problems_add(p, path,
		"all monitors of %s would make %.0f checks a minute; at most %lld are allowed "
		"(per_target in coordinator.yml)",
		load->host, load->per_minute, (long long)r->per_target);
}

static void check_plan(
	struct registry *r, const struct plan *plan, const char *base_path, struct problems *p)
{
	struct mark *marks = NULL, *mark, *mark_next;
	struct load *loads = NULL, *load, *load_next;
	char base[REGISTRY_PATH_BYTES], id[ID_TEXT_SIZE];

	for (size_t i = 0; i < plan->n; i++) {
		base_path_of(base, base_path, i);
		check_unique(&marks, &plan->item[i], base, p);
		load_of(&loads, &plan->item[i].m)->per_minute +=
			checks_per_minute(&plan->item[i].m);
	}
	for (struct registered *e = r->monitors; e; e = e->hh.next) {
		if (!plan_marked(marks, 'i', id_format(&e->m.id, id)))
			load_of(&loads, &e->m)->per_minute += checks_per_minute(&e->m);
	}
	for (size_t i = 0; i < plan->n; i++) {
		base_path_of(base, base_path, i);
		const struct plan_item *item = &plan->item[i];
		check_taken(
			marks, item, registry_monitor_by_name(r, item->m.name), "name", base, p);
		if (item->m.external_id)
			check_taken(marks, item,
				registry_monitor_by_external_id(r, item->m.external_id),
				"external_id", base, p);
		check_ceiling(r, &loads, &plan->item[i], base, p);
		registry_check_parents(r, &item->m, marks, base, p);
		registry_check_rename(r, &item->m, marks, base, p);
	}
	HASH_ITER (hh, marks, mark, mark_next) {
		HASH_DEL(marks, mark);
		free(mark);
	}
	HASH_ITER (hh, loads, load, load_next) {
		HASH_DEL(loads, load);
		free(load);
	}
}

/* ---- one input */

static struct registered *match_existing(
	struct registry *r, const struct monitor *m, const struct id *id)
{
	struct registered *entry;

	if (id)
		return registry_monitor(r, id);
	if (m->external_id && (entry = registry_monitor_by_external_id(r, m->external_id)))
		return strcmp(entry->m.organization, m->organization) == 0 ? entry : NULL;
	entry = registry_monitor_by_name(r, m->name);
	if (entry && strcmp(entry->m.organization, m->organization) != 0)
		return NULL; /* another's monitor: a name that is taken */
	/* Another external_id under the same name is another monitor, and so a duplicate name. */
	if (entry && m->external_id && entry->m.external_id)
		return NULL;
	return entry;
}

static bool same_document(const struct monitor *a, const struct monitor *b)
{
	json_t *x = monitor_encode(a, SCHEMA_WIRE | SCHEMA_FULL),
	       *y = monitor_encode(b, SCHEMA_WIRE | SCHEMA_FULL);
	bool same = json_equal(x, y);

	json_decref(x);
	json_decref(y);
	return same;
}

static bool same_electorate(const struct monitor *a, const struct monitor *b)
{
	if (a->quorum.seats != b->quorum.seats || a->quorum.domain != b->quorum.domain ||
		a->regions.n != b->regions.n || strcmp(a->organization, b->organization) != 0)
		return false;
	for (size_t i = 0; i < a->regions.n; i++) {
		if (strcmp(a->regions.item[i], b->regions.item[i]) != 0)
			return false;
	}
	return true;
}

/* What was accepted once stays so, whoever left since. */
static bool same_policy(const struct monitor *a, const struct monitor *b)
{
	return same_electorate(a, b) && a->quorum.down.kind == b->quorum.down.kind &&
	       a->quorum.down.value == b->quorum.down.value &&
	       a->quorum.up.kind == b->quorum.up.kind && a->quorum.up.value == b->quorum.up.value;
}

/* Gives the parsed monitor its identity, revision and failure domain. */
static void plan_identify(struct registry *r, struct plan_item *item, const struct registered *old)
{
	struct monitor *m = &item->m;

	if (!old) {
		item->kind = PLAN_CREATE;
		m->id = id_new();
		m->revision = 1;
		m->domain = registry_choose_domain(r, m);
		return;
	}
	m->id = old->m.id;
	m->revision = old->m.revision;
	m->domain = same_electorate(m, &old->m) ? old->m.domain : (int)registry_choose_domain(r, m);
	item->kind = same_document(m, &old->m) ? PLAN_UNCHANGED : PLAN_UPDATE;
	if (!monitor_same_check(m, &old->m))
		m->revision++;
}

static void plan_input(struct registry *r, const json_t *in, const struct id *id, const char *base,
	struct plan_item *item, struct problems *p)
{
	const struct registered *old;
	const json_t *seats = json_object_get(json_object_get(in, "quorum"), "seats");

	if (monitor_decode(in, SCHEMA_STRICT, base, &item->m, p) == -1)
		return;
	registry_check_regions(r, &item->m, base, p);
	registry_check_secrets(r, &item->m, base, p);
	old = match_existing(r, &item->m, id);
	plan_identify(r, item, old);
	if (!old || !same_policy(&item->m, &old->m))
		registry_check_policy(r, &item->m, seats && !json_is_null(seats), base, p);
	if (item->m.enabled && (!old || item->m.revision != old->m.revision))
		registry_judge(r, &item->m, base, p);
}

int registry_plan(struct registry *r, const json_t *inputs, const struct id *id,
	const char *base_path, struct plan **out, struct problems *p)
{
	struct plan *plan = mem_alloc(sizeof(*plan));
	char base[REGISTRY_PATH_BYTES];

	plan->item = mem_array(json_array_size(inputs) + 1, sizeof(*plan->item));
	for (size_t i = 0; i < json_array_size(inputs); i++) {
		base_path_of(base, base_path, i);
		plan_input(r, json_array_get(inputs, i), id, base, &plan->item[i], p);
		plan->n++;
	}
	if (!p->total)
		check_plan(r, plan, base_path, p);
	if (p->total) {
		registry_plan_free(plan);
		return -1;
	}
	*out = plan;
	return 0;
}

void registry_plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		monitor_clear(&plan->item[i].m);
	free(plan->item);
	free(plan);
}

/* ---- committing */

static void apply_plan(struct change *change)
{
	struct plan *plan = change->object;

	for (size_t i = 0; i < plan->n; i++) {
		if (plan->item[i].kind != PLAN_UNCHANGED)
			registry_tell(change->registry, CHANGED_MONITOR,
				registry_insert_monitor(change->registry, &plan->item[i].m));
	}
	registry_plan_free(plan);
}

static void drop_plan(struct change *change)
{
	registry_plan_free(change->object);
}

const struct plan *change_plan(const struct change *change)
{
	return change->apply == apply_plan ? change->object : NULL;
}

/* Whether a change in flight touches what PLAN touches: its ids or its names. */
static bool plan_collides(const struct registry *r, const struct plan *plan)
{
	const struct change *change;

	DL_FOREACH (r->changes, change) {
		if (change->kind != STORE_MONITOR)
			continue;
		const struct plan *other = change->object;
		for (size_t i = 0; i < plan->n; i++) {
			if (id_equal(&change->id, &plan->item[i].m.id))
				return true;
			for (size_t k = 0; other && k < other->n; k++) {
				if (id_equal(&other->item[k].m.id, &plan->item[i].m.id) ||
					strcmp(other->item[k].m.name, plan->item[i].m.name) == 0)
					return true;
			}
		}
	}
	return false;
}

int registry_commit(struct registry *r, struct plan *plan, registry_done_fn done, void *arg)
{
	struct id first = {{0}};
	struct store_batch *b;
	struct change *change;

	if (plan_collides(r, plan)) {
		registry_plan_free(plan);
		return -1;
	}
	if (plan->n)
		first = plan->item[0].m.id;
	change = change_new(r, STORE_MONITOR, &first, done, arg);
	change->object = plan;
	change->apply = apply_plan;
	change->drop = drop_plan;
	b = store_batch_new(r->store);
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_item *item = &plan->item[i];
		if (item->kind == PLAN_UNCHANGED)
			continue;
		json_t *doc = monitor_encode(&item->m, SCHEMA_WIRE);
		store_put(b, STORE_MONITOR, &item->m.id, item->m.name, doc);
		json_decref(doc);
	}
	change_submit(change, b);
	return 0;
}
