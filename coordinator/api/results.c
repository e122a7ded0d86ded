// SPDX-License-Identifier: MIT
/* The newest raw results of one monitor, as their probes sent them. */
#include "coordinator/api/handlers.h"

#include "coordinator/json.h"

#include <string.h>

static const struct probe *probe_by_id(struct registry *registry, const char *text)
{
	struct id id;

	if (!text || id_parse(text, &id) == -1)
		return NULL;
	for (struct probe *p = NULL; (p = registry_next_probe(registry, p));)
		if (id_equal(&p->id, &id))
			return p;
	return NULL;
}

/* The stored row as an object: the result itself, with the names of its probe and region. */
static json_t *result_json(struct registry *registry, const json_t *row)
{
	const json_t *document = json_object_get(row, "document");
	const char *probe_id = json_string_value(json_object_get(row, "probe"));
	const struct probe *probe = probe_by_id(registry, probe_id);
	json_t *out = json_is_string(document) ? json_loads(json_string_value(document), 0, NULL)
					       : json_copy((json_t *)(uintptr_t)document);

	if (!json_is_object(out)) {
		json_decref(out);
		out = json_object();
	}
	json_set_text(out, "probe",
		probe ? probe->name : probe_id); /* a removed probe has only its id left */
	json_set_text(out, "region", probe ? probe->region : NULL);
	json_object_set(out, "late", json_object_get(row, "late"));
	json_object_set_new(out, "started_at",
		json_time(json_integer_value(json_object_get(row, "started_wall_ms"))));
	return out;
}

static void results_cb(void *arg, enum store_error error, const json_t *list)
{
	struct api_request *r = arg;
	json_t *items, *row;
	size_t i;

	if (error == STORE_FAILED || !list) {
		api_problem(r, 503, "store", "the store cannot be read now", NULL);
		return;
	}
	items = json_array();
	json_array_foreach ((json_t *)(uintptr_t)list, i, row)
		json_array_append_new(items, result_json(r->coordinator->registry, row));
	reply_list(r, items, NULL);
}

void handle_monitor_results(struct api_request *r)
{
	struct registered *found;
	int64_t limit;

	if (!query_int(r, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit) || !(found = find_monitor(r)))
		return;
	store_query_results(r->coordinator->store, &found->m.id, (int)limit, results_cb, r);
}
