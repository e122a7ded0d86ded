// SPDX-License-Identifier: MIT
/* The raw results of one monitor, as their probes sent them, the newest first. */
#include "coordinator/api/handlers.h"

#include "coordinator/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CURSOR_SIZE 48

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

/* The place of ROW, for the next page: its start and its number. */
static void cursor_of(const json_t *row, char out[CURSOR_SIZE])
{
	snprintf(out, CURSOR_SIZE, "%" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT,
		json_integer_value(json_object_get(row, "started_wall_ms")),
		json_integer_value(json_object_get(row, "row")));
}

static bool read_cursor(struct api_request *r, struct result_filter *f)
{
	const char *text = api_query(r, "cursor");
	char end;

	if (!text || (strlen(text) < CURSOR_SIZE &&
			     sscanf(text, "%" SCNd64 "-%" SCNd64 "%c", &f->after_started_wall_ms,
				     &f->after_row, &end) == 2))
		return true;
	refuse_cursor(r, text);
	return false;
}

/* The list holds one more than the page if there is a next page. */
static void results_cb(void *arg, enum store_error error, const json_t *list)
{
	struct api_request *r = arg;
	size_t limit = (size_t)(intptr_t)r->context, i;
	char cursor[CURSOR_SIZE] = "";
	json_t *items, *row;

	if (error == STORE_FAILED || !list) {
		api_problem(r, 503, "store", "the store cannot be read now", NULL);
		return;
	}
	items = json_array();
	json_array_foreach ((json_t *)(uintptr_t)list, i, row) {
		if (i == limit) {
			cursor_of(json_array_get(list, limit - 1), cursor);
			break;
		}
		json_array_append_new(items, result_json(r->coordinator->registry, row));
	}
	reply_list(r, items, cursor[0] ? cursor : NULL);
}

void handle_monitor_results(struct api_request *r)
{
	struct result_filter f = {0};
	struct registered *found;
	int64_t limit;

	if (!query_int(r, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &limit) ||
		!query_time(r, "from", 0, &f.from_wall_ms) ||
		!query_time(r, "to", 0, &f.to_wall_ms) || !read_cursor(r, &f) ||
		!(found = find_monitor(r)))
		return;
	f.monitor = found->m.id;
	f.limit = (int)limit + 1; /* one more tells whether there is a next page */
	r->context = (void *)(intptr_t)limit;
	store_query_results(r->coordinator->store, &f, results_cb, r);
}
