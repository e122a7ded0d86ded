// SPDX-License-Identifier: MIT
/*
 * Many monitors in one request, all or nothing: {"monitors": [...], "dry_run": bool}. The answer
 * says for each what happened (or would happen), and for an update what changes. Secrets are
 * compared, and shown as "[redacted]".
 */
#include "coordinator/api/handlers.h"

#include "coordinator/rule_words.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <string.h>

/* ---- differences */

struct side {
	const json_t *whole, *shown; /* with secrets, and without */
};

static struct side member(struct side s, const char *name)
{
	return (struct side){json_object_get(s.whole, name), json_object_get(s.shown, name)};
}

static json_t *shown_or_null(struct side s)
{
	return s.shown ? json_incref((json_t *)(uintptr_t)s.shown) : json_null();
}

static bool same(struct side a, struct side b)
{
	return a.whole == b.whole || (a.whole && b.whole && json_equal(a.whole, b.whole));
}

/* Objects are compared member by member, everything else as a whole. */
static void diff(struct side from, struct side to, const char *path, json_t *changes)
{
	const char *name;
	json_t *value;

	if (same(from, to))
		return;
	if (!json_is_object(from.whole) || !json_is_object(to.whole)) {
		json_array_append_new(
			changes, json_pack("{s:s, s:o, s:o}", "path", path, "from",
					 shown_or_null(from), "to", shown_or_null(to)));
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)to.whole, name, value) {
		char *inner = mem_printf("%s%s%s", path, path[0] ? "." : "", name);

		if (path[0] || (strcmp(name, "revision") != 0 && strcmp(name, "id") != 0))
			diff(member(from, name), member(to, name), inner, changes);
		free(inner);
	}
	json_object_foreach ((json_t *)(uintptr_t)from.whole, name, value) {
		char *inner = mem_printf("%s%s%s", path, path[0] ? "." : "", name);

		if (!json_object_get(to.whole, name))
			diff(member(from, name), member(to, name), inner, changes);
		free(inner);
	}
}

static json_t *changes_between(const struct monitor *old, const struct monitor *m)
{
	json_t *a = monitor_encode(old, SCHEMA_FULL),
	       *a_shown = monitor_encode(old, SCHEMA_FULL | SCHEMA_REDACT);
	json_t *b = monitor_encode(m, SCHEMA_FULL),
	       *b_shown = monitor_encode(m, SCHEMA_FULL | SCHEMA_REDACT);
	json_t *changes = json_array();

	diff((struct side){a, a_shown}, (struct side){b, b_shown}, "", changes);
	json_decref(a);
	json_decref(a_shown);
	json_decref(b);
	json_decref(b_shown);
	return changes;
}

static json_t *item_json(struct registry *registry, const struct plan_item *item)
{
	const struct registered *old =
		item->kind == PLAN_UPDATE ? registry_monitor(registry, &item->m.id) : NULL;
	char id[ID_TEXT_SIZE];
	json_t *out = json_pack("{s:s, s:s, s:s, s:o}", "kind", plan_kind_names[item->kind], "name",
		item->m.name, "id", id_format(&item->m.id, id), "changes",
		old ? changes_between(&old->m, &item->m) : json_array());

	if (item->kind != PLAN_UNCHANGED)
		json_object_set_new(out, "rule", rule_of_monitor(registry, &item->m));
	monitor_set_warnings(out, &item->m);
	return out;
}

/* ---- the request */

/* Checks the body's own members; the monitors are the registry's business. */
static bool read_body(struct api_request *r, const json_t **monitors, bool *dry_run)
{
	struct problems problems = {0};
	const char *name;
	json_t *value;

	*monitors = json_object_get(r->body, "monitors");
	*dry_run = json_is_true(json_object_get(r->body, "dry_run"));
	if (!json_is_object(r->body))
		problems_add(&problems, "",
			"accepted: an object {\"monitors\": [...], \"dry_run\": true or false}");
	else if (!json_is_array(*monitors))
		problems_add(&problems, "monitors", "%s; accepted: a list of monitors",
			*monitors ? "not a list" : "missing");
	json_object_foreach ((json_t *)(uintptr_t)r->body, name, value) {
		if (strcmp(name, "dry_run") == 0 && !json_is_boolean(value))
			problems_add(&problems, "dry_run", "accepted: true or false");
		else if (strcmp(name, "dry_run") != 0 && strcmp(name, "monitors") != 0)
			problems_add(
				&problems, name, "unknown option; accepted: monitors, dry_run");
	}
	if (problems.total == 0)
		return true;
	reply_invalid(r, &problems);
	return false;
}

static const struct monitor *stored_for(const struct api_request *r, const json_t *in)
{
	struct registry *registry = r->coordinator->registry;
	const char *external_id = json_string_value(json_object_get(in, "external_id"));
	const char *name = json_string_value(json_object_get(in, "name"));
	const struct registered *found =
		external_id ? registry_monitor_find(registry, external_id) : NULL;

	if (!found && name)
		found = registry_monitor_by_name(registry, name);
	if (found && !registry_sees(caller_organization(r), found->m.organization))
		return NULL;
	return found ? &found->m : NULL;
}

static json_t *read_inputs(
	const struct api_request *r, const json_t *monitors, struct problems *problems)
{
	json_t *out = json_array(), *in;
	char path[32];
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)monitors, i, in) {
		snprintf(path, sizeof(path), "monitors[%zu]", i);
		json_array_append_new(out, monitor_input(r, in, stored_for(r, in), path, problems));
	}
	return out;
}

static void answer_items(struct api_request *r)
{
	json_t *items = r->context;

	r->context = NULL;
	api_reply_json(r, 200, json_pack("{s:o}", "items", items));
}

static void applied_cb(void *arg, enum store_error error, const struct id *id UNUSED)
{
	if (error == STORE_OK)
		answer_items(arg);
	else
		reply_store_error(arg);
}

static void free_items(void *context)
{
	json_decref(context);
}

void handle_apply(struct api_request *r)
{
	struct registry *registry = r->coordinator->registry;
	struct problems problems = {0};
	const json_t *monitors;
	struct plan *plan;
	bool dry_run, changes = false;
	json_t *inputs, *items;

	if (!read_body(r, &monitors, &dry_run))
		return;
	inputs = read_inputs(r, monitors, &problems);
	if (problems.total ||
		registry_plan(registry, inputs, NULL, "monitors", &plan, &problems) == -1) {
		reply_invalid(r, &problems);
		json_decref(inputs);
		return;
	}
	json_decref(inputs);
	items = json_array();
	for (size_t i = 0; i < plan->n; i++) {
		changes = changes || plan->item[i].kind != PLAN_UNCHANGED;
		json_array_append_new(items, item_json(registry, &plan->item[i]));
	}
	r->context = items;
	r->context_free = free_items;
	if (dry_run || !changes) {
		registry_plan_free(plan);
		answer_items(r);
	} else if (registry_commit(registry, plan, applied_cb, r) == -1) {
		api_problem(r, 409, "conflict",
			"somebody else is changing one of these monitors right now; nothing was "
			"stored: try again",
			NULL);
	}
}
