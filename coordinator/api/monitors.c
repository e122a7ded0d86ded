// SPDX-License-Identifier: MIT
/* Monitors: listed, registered, read, replaced, removed, explained. A monitor is named by id,
 * external_id or name. */
#include "coordinator/api/handlers.h"

#include "coordinator/audience.h"
#include "coordinator/json.h"
#include "coordinator/rule_words.h"
#include "proto/base/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REDACTED "[redacted]"

struct registered *find_monitor(struct api_request *r)
{
	struct registered *found = registry_monitor_find(r->coordinator->registry, r->params[0]);

	if (found && !registry_sees(caller_organization(r), found->m.organization))
		found = NULL;
	if (!found)
		reply_not_found(r, "monitor");
	return found;
}

/* The one default that hangs on another option. */
static void show_default_status(json_t *out, const struct monitor *m)
{
	json_t *expect = json_object_get(out, "expect");

	if (m->type == CHECK_HTTP && expect && !json_object_get(expect, "status"))
		json_object_set_new(expect, "status",
			m->expect.follow > 0 ? json_pack("[s]", "2xx")
					     : json_pack("[s, s]", "2xx", "3xx"));
}

json_t *monitor_json(struct coordinator *c, const struct registered *entry, bool effective)
{
	const struct monitor *m = &entry->m;
	json_t *out = monitor_encode(m, SCHEMA_REDACT | (effective ? SCHEMA_FULL : 0));
	int64_t since_wall_ms = UNSET;
	enum monitor_state state = verdicts_state(c->verdicts, &m->id, &since_wall_ms);

	if (effective)
		show_default_status(out, m);
	json_object_set_new(out, "state", json_string(monitor_state_names[state]));
	json_object_set_new(out, "since", json_time(since_wall_ms));
	if (entry->pause.at_wall_ms != UNSET)
		json_object_set_new(out, "pause", schema_encode(&pause_schema, 0, &entry->pause));
	if (state == STATE_MAINTENANCE)
		json_object_set_new(out, "maintenance", verdicts_maintenance(c->verdicts, &m->id));
	return out;
}

void monitor_set_warnings(json_t *out, const struct monitor *m)
{
	struct problems warnings = {0};
	json_t *list = json_array();

	monitor_warn(m, "", &warnings);
	for (size_t i = 0; i < warnings.n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "path", warnings.item[i].path,
						    "message", warnings.item[i].message));
	if (warnings.n)
		json_object_set(out, "warnings", list);
	json_decref(list);
}

#define ETAG_SIZE 48

/*
 * "REVISION-HASH": the revision rises with what a check could notice (secrets included), the hash
 * covers the rest, a memo for example, as it is shown. FNV-1a will do: it tells versions apart and
 * guards nothing.
 */
static void format_etag(const struct monitor *m, char etag[ETAG_SIZE])
{
	json_t *document = monitor_encode(m, SCHEMA_REDACT | SCHEMA_FULL);
	char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);
	uint64_t hash = 0xcbf29ce484222325u;

	for (const char *p = text; p && *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
	snprintf(etag, ETAG_SIZE, "\"%" PRId64 "-%016" PRIx64 "\"", m->revision, hash);
	free(text);
	json_decref(document);
}

static void set_etag(struct api_request *r, const struct monitor *m)
{
	char etag[ETAG_SIZE];

	format_etag(m, etag);
	api_set_header(r, "ETag", etag);
}

/* ---- list */

struct filter {
	const char *organization;   /* the caller's; NULL: all */
	const char *name, *service; /* part of the name, in any case; the whole service */
	int state;
};

static bool filter_fits(struct coordinator *c, const struct filter *f, const struct monitor *m)
{
	int64_t since_wall_ms;

	if (!registry_sees(f->organization, m->organization))
		return false;
	if (f->name && !strcasestr(m->name, f->name))
		return false;
	if (f->service && (!m->service || strcmp(m->service, f->service) != 0))
		return false;
	return f->state < 0 ||
	       verdicts_state(c->verdicts, &m->id, &since_wall_ms) == (enum monitor_state)f->state;
}

void handle_monitors_list(struct api_request *r)
{
	struct coordinator *c = r->coordinator;
	struct filter f = {.organization = caller_organization(r),
		.name = api_query(r, "name"),
		.service = api_query(r, "service")};
	struct registered *m;
	struct id after, last;
	char cursor[ID_TEXT_SIZE] = "";
	int64_t limit;
	bool effective;
	json_t *items;

	if (!query_int(r, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit) || !query_cursor(r, &after) ||
		!query_enum(r, "state", monitor_state_names, &f.state) ||
		!query_bool(r, "effective", &effective))
		return;
	items = json_array();
	for (m = registry_next_monitor(c->registry, &after); m;
		m = registry_next_monitor(c->registry, &last)) {
		if (filter_fits(c, &f, &m->m)) {
			if (json_array_size(items) == (size_t)limit) {
				id_format(&after, cursor);
				break;
			}
			json_array_append_new(items, monitor_json(c, m, effective));
			after = m->m.id;
		}
		last = m->m.id;
	}
	reply_list(r, items, cursor[0] ? cursor : NULL);
}

/* ---- one */

void handle_monitor_get(struct api_request *r)
{
	struct registered *found;
	bool effective;
	json_t *out;

	if (!query_bool(r, "effective", &effective) || !(found = find_monitor(r)))
		return;
	set_etag(r, &found->m);
	out = monitor_json(r->coordinator, found, effective);
	json_object_set_new(out, "rule", rule_of_monitor(r->coordinator->registry, &found->m));
	api_reply_json(r, 200, out);
}

static void answer_monitor(
	struct api_request *r, enum store_error error, const struct id *id, int status)
{
	struct registered *found =
		error == STORE_OK ? registry_monitor(r->coordinator->registry, id) : NULL;
	char location[64], text[ID_TEXT_SIZE];
	json_t *out;

	if (!found) {
		reply_store_error(r);
		return;
	}
	if (status == 201) {
		snprintf(location, sizeof(location), "/api/v1/monitors/%s", id_format(id, text));
		api_set_header(r, "Location", location);
	}
	set_etag(r, &found->m);
	out = monitor_json(r->coordinator, found, false);
	json_object_set_new(out, "rule", rule_of_monitor(r->coordinator->registry, &found->m));
	monitor_set_warnings(out, &found->m);
	api_reply_json(r, status, out);
}

static void created_cb(void *arg, enum store_error error, const struct id *id)
{
	answer_monitor(arg, error, id, 201);
}

static void replaced_cb(void *arg, enum store_error error, const struct id *id)
{
	answer_monitor(arg, error, id, 200);
}

static void reply_collision(struct api_request *r)
{
	api_problem(r, 409, "conflict",
		"somebody else is changing the same monitor right now; nothing was stored: try "
		"again",
		NULL);
}

/* The plan for the one monitor in the body, in place of STORED (NULL: a new one). NULL after having
 * answered. */
static struct plan *plan_one(struct api_request *r, const struct monitor *stored)
{
	struct problems problems = {0};
	json_t *inputs = json_pack("[o]", monitor_input(r, r->body, stored, "", &problems));
	struct plan *plan = NULL;

	if (problems.total || registry_plan(r->coordinator->registry, inputs,
				      stored ? &stored->id : NULL, "", &plan, &problems) == -1) {
		reply_invalid(r, &problems);
		plan = NULL;
	}
	json_decref(inputs);
	return plan;
}

void handle_monitors_create(struct api_request *r)
{
	struct plan *plan = plan_one(r, NULL);
	struct problems problems = {0};
	const struct monitor *m;

	if (!plan)
		return;
	m = &plan->item[0].m;
	if (plan->item[0].kind != PLAN_CREATE) { /* it was matched with one that exists */
		if (registry_monitor_by_name(r->coordinator->registry, m->name))
			problems_add(&problems, "name",
				"'%s' is the name of another monitor already", m->name);
		else
			problems_add(&problems, "external_id",
				"'%s' belongs to another monitor already", m->external_id);
		registry_plan_free(plan);
		reply_invalid(r, &problems);
		return;
	}
	if (registry_commit(r->coordinator->registry, plan, created_cb, r) == -1)
		reply_collision(r);
}

/* ---- replace: what was "[redacted]" when it was read stays as it is stored */

static json_t *restore(const json_t *in, const json_t *redacted, const json_t *stored)
{
	const char *name;
	json_t *out, *value;

	if (json_is_string(in) && json_is_string(redacted) &&
		strcmp(json_string_value(in), REDACTED) == 0 &&
		strcmp(json_string_value(redacted), REDACTED) == 0)
		return json_incref((json_t *)(uintptr_t)stored);
	if (!json_is_object(in) || !json_is_object(redacted) || !json_is_object(stored))
		return json_incref((json_t *)(uintptr_t)in);
	out = json_object();
	json_object_foreach ((json_t *)(uintptr_t)in, name, value)
		json_object_set_new(out, name,
			restore(value, json_object_get(redacted, name),
				json_object_get(stored, name)));
	return out;
}

/* What is still "[redacted]" would be stored as it stands. Depth is bounded by the parser's. */
static void refuse_redacted(const json_t *in, const char *path, struct problems *problems)
{
	const char *name;
	json_t *value;

	if (json_is_string(in) && strcmp(json_string_value(in), REDACTED) == 0)
		problems_add(problems, path,
			"'" REDACTED "' stands for a stored secret, but there is none for it here");
	json_object_foreach ((json_t *)(uintptr_t)in, name, value) {
		char inner[160];

		snprintf(inner, sizeof(inner), "%s%s%s", path, path[0] ? "." : "", name);
		refuse_redacted(value, utf8_trim(inner), problems);
	}
}

/* OUT belongs to who sent it. */
static void set_organization(const struct api_request *r, json_t *out, const struct monitor *stored,
	const char *path, struct problems *problems)
{
	const char *own = caller_organization(r);
	const json_t *given = json_object_get(out, "organization");
	const char *says = json_string_value(given);
	char at[160];

	if (own && given && !json_is_null(given) && !(says && strcmp(says, own) == 0)) {
		snprintf(at, sizeof(at), "%s%sorganization", path, path[0] ? "." : "");
		problems_add(problems, at, "this key is for organization '%s' only", own);
	} else if (own || (stored && (!given || json_is_null(given)))) {
		json_object_set_new(
			out, "organization", json_string(own ? own : stored->organization));
	}
}

/* What answers have beyond the monitor's fields is read-only like its id: accepted and ignored. */
json_t *monitor_input(const struct api_request *r, const json_t *in, const struct monitor *stored,
	const char *path, struct problems *problems)
{
	json_t *redacted = stored ? monitor_encode(stored, SCHEMA_REDACT | SCHEMA_FULL) : NULL;
	json_t *whole = stored ? monitor_encode(stored, SCHEMA_FULL) : NULL;
	json_t *restored = restore(in, redacted, whole);
	json_t *out = json_is_object(restored) ? json_copy(restored) : json_incref(restored);

	json_object_del(out, "state");
	json_object_del(out, "since");
	json_object_del(out, "warnings");
	json_object_del(out, "pause");
	json_object_del(out, "maintenance");
	json_object_del(out, "rule");
	if (json_is_object(out))
		set_organization(r, out, stored, path, problems);
	refuse_redacted(out, path, problems);
	json_decref(restored);
	json_decref(redacted);
	json_decref(whole);
	return out;
}

/* RFC 9110, section 13.1.1: a list of entity tags, or "*". */
static bool tag_listed(const char *header, const char *etag)
{
	for (const char *p = header; *p; p += strcspn(p, ","), p += *p == ',') {
		p += strspn(p, " \t");
		size_t n = strcspn(p, ", \t");

		if ((n == 1 && *p == '*') || (n == strlen(etag) && memcmp(p, etag, n) == 0))
			return true;
	}
	return false;
}

/* The revision alone is accepted, too: it guards what a check could notice. */
static bool check_if_match(struct api_request *r, const struct monitor *m)
{
	const char *header = api_header(r, "If-Match");
	char etag[ETAG_SIZE], revision[ETAG_SIZE], detail[200];

	if (!header)
		return true;
	format_etag(m, etag);
	snprintf(revision, sizeof(revision), "\"%" PRId64 "\"", m->revision);
	if (tag_listed(header, etag) || tag_listed(header, revision))
		return true;
	snprintf(detail, sizeof(detail),
		"If-Match: %.60s does not fit: the monitor's ETag is now %s; nothing was changed",
		header, etag);
	set_etag(r, m);
	api_problem(r, 412, "changed-meanwhile", detail, NULL);
	return false;
}

void handle_monitor_put(struct api_request *r)
{
	struct registered *found = find_monitor(r);
	struct plan *plan;
	struct id id;

	if (!found || !check_if_match(r, &found->m))
		return;
	id = found->m.id;
	plan = plan_one(r, &found->m);
	if (!plan)
		return;
	if (plan->item[0].kind == PLAN_UNCHANGED) {
		registry_plan_free(plan);
		answer_monitor(r, STORE_OK, &id, 200);
		return;
	}
	if (registry_commit(r->coordinator->registry, plan, replaced_cb, r) == -1)
		reply_collision(r);
}

/* ---- remove, explain */

static void removed_cb(void *arg, enum store_error error, const struct id *id UNUSED)
{
	struct api_request *r = arg;

	if (error != STORE_OK)
		reply_store_error(r);
	else
		api_reply_empty(r, 204);
}

void handle_monitor_delete(struct api_request *r)
{
	struct registered *found = find_monitor(r);

	if (!found || !check_if_match(r, &found->m))
		return;
	if (registry_remove_monitor(r->coordinator->registry, &found->m.id, removed_cb, r) == -1)
		reply_collision(r);
}

void handle_monitor_explain(struct api_request *r)
{
	struct registered *found;
	struct view view;
	json_t *explanation, *shown;

	if (!query_view(r, &view) || !(found = find_monitor(r)))
		return;
	explanation = verdicts_explain(r->coordinator->verdicts, &found->m.id);
	if (!explanation) {
		reply_not_found(r, "monitor");
		return;
	}
	shown = view.customer ? audience_explanation(explanation) : json_incref(explanation);
	json_decref(explanation);
	if (view.japanese) {
		explanation = shown;
		shown = audience_japanese(explanation);
		json_decref(explanation);
	}
	api_reply_json(r, 200, shown);
}
