// SPDX-License-Identifier: MIT
/* Maintenances: planned, listed, ended early, removed. */
#include "coordinator/api/handlers.h"

#include "coordinator/json.h"
#include "coordinator/maintenance.h"
#include "proto/base/mem.h"

#include <string.h>

/* Monitors by their names; those that are gone are left out. */
static json_t *names_of(struct registry *r, const struct maintenance *mt)
{
	json_t *out = json_array();

	for (size_t i = 0; i < mt->monitors.n; i++) {
		const struct registered *found = registry_monitor_find(r, mt->monitors.item[i]);
		if (found)
			json_array_append_new(out, json_string(found->m.name));
	}
	return out;
}

static int64_t count_covered(struct registry *r, const struct maintenance *mt)
{
	const struct registered *entry = NULL;
	int64_t n = 0;

	while ((entry = registry_next_monitor(r, entry ? &entry->m.id : NULL)))
		n += maintenance_covers(mt, &entry->m);
	return n;
}

static json_t *maintenance_json(struct registry *r, const struct maintenance *mt)
{
	json_t *out = schema_encode(&maintenance_schema, 0, mt);

	if (mt->monitors.n > 0)
		json_object_set_new(out, "monitors", names_of(r, mt));
	json_object_set_new(out, "on", json_boolean(mt->on));
	json_object_set_new(out, "window",
		mt->more ? json_pack("{s:o, s:o}", "from", json_time(mt->window.from_wall_ms), "to",
				   json_time(mt->window.to_wall_ms))
			 : json_null());
	json_object_set_new(out, "covers", json_integer(count_covered(r, mt)));
	return out;
}

/* ---- finding */

static bool sees(const struct api_request *r, const struct maintenance *mt)
{
	const char *own = caller_organization(r);

	return !own || (mt->organization && strcmp(own, mt->organization) == 0);
}

static bool is_for_alone(const struct maintenance *mt, const char *id)
{
	return mt->monitors.n == 1 && mt->services.n == 0 && mt->labels.n == 0 &&
	       strcmp(mt->monitors.item[0], id) == 0;
}

/* The one under way for the monitor that TEXT names. */
static struct maintenance *find_by_monitor(struct api_request *r, const char *text)
{
	struct registry *registry = r->coordinator->registry;
	const struct registered *monitor = registry_monitor_find(registry, text);
	char id[ID_TEXT_SIZE];

	if (!monitor)
		return NULL;
	id_format(&monitor->m.id, id);
	for (struct maintenance *mt = NULL; (mt = registry_next_maintenance(registry, mt));)
		if (mt->on && sees(r, mt) && is_for_alone(mt, id))
			return mt;
	return NULL;
}

/* Answers 404 itself. */
static struct maintenance *find(struct api_request *r, bool by_monitor)
{
	struct maintenance *mt = NULL;
	struct id id;

	if (id_parse(r->params[0], &id) == 0)
		mt = registry_maintenance(r->coordinator->registry, &id);
	if (mt && !sees(r, mt))
		mt = NULL;
	if (!mt && by_monitor)
		mt = find_by_monitor(r, r->params[0]);
	if (!mt && by_monitor)
		api_problem(r, 404, "not-found",
			"there is no maintenance with that id, and none under way for a monitor of "
			"that name alone; 'quorate maintenance list' shows their ids",
			NULL);
	else if (!mt)
		reply_not_found(r, "maintenance");
	return mt;
}

/* ---- the routes */

void handle_maintenances_list(struct api_request *r)
{
	struct registry *registry = r->coordinator->registry;
	json_t *items = json_array();

	for (struct maintenance *mt = NULL; (mt = registry_next_maintenance(registry, mt));)
		if (sees(r, mt))
			json_array_append_new(items, maintenance_json(registry, mt));
	reply_list(r, items, NULL);
}

void handle_maintenance_get(struct api_request *r)
{
	const struct maintenance *mt = find(r, false);

	if (mt)
		api_reply_json(r, 200, maintenance_json(r->coordinator->registry, mt));
}

static void answer(struct api_request *r, enum store_error error, const struct id *id, int status)
{
	struct registry *registry = r->coordinator->registry;
	const struct maintenance *mt =
		error == STORE_OK ? registry_maintenance(registry, id) : NULL;

	if (mt)
		api_reply_json(r, status, maintenance_json(registry, mt));
	else
		reply_store_error(r);
}

static void created_cb(void *arg, enum store_error error, const struct id *id)
{
	answer(arg, error, id, 201);
}

static void ended_cb(void *arg, enum store_error error, const struct id *id)
{
	answer(arg, error, id, 200);
}

void handle_maintenances_create(struct api_request *r)
{
	struct problems problems = {0};

	if (registry_add_maintenance(r->coordinator->registry, r->body, caller_organization(r),
		    r->key->name, &problems, created_cb, r) == -1)
		reply_invalid(r, &problems);
}

void handle_maintenance_end(struct api_request *r)
{
	const struct maintenance *mt = find(r, true);

	if (!mt)
		return;
	if (registry_end_maintenance(
		    r->coordinator->registry, &mt->id, r->key->name, ended_cb, r) == -1)
		api_problem(r, 409, "not-under-way",
			mt->more ? "no window of it is under way; remove it, if it is not wanted "
				   "any more"
				 : "it is over already",
			NULL);
}

static void removed_cb(void *arg, enum store_error error, const struct id *id UNUSED)
{
	if (error == STORE_OK)
		api_reply_empty(arg, 204);
	else
		reply_store_error(arg);
}

void handle_maintenance_delete(struct api_request *r)
{
	const struct maintenance *mt = find(r, false);

	if (mt &&
		registry_remove_maintenance(r->coordinator->registry, &mt->id, removed_cb, r) == -1)
		ensure(!"it was just found");
}
