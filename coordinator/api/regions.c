// SPDX-License-Identifier: MIT
/* Regions: what monitors name and probes sit in. Few enough to be listed whole. */
#include "coordinator/api/handlers.h"

#include "proto/base/mem.h"

#include <stdlib.h>

static json_t *region_json(const struct region *region)
{
	return schema_encode(&region_schema, SCHEMA_REDACT, region);
}

void handle_regions_list(struct api_request *r)
{
	json_t *items = json_array();

	for (struct region *region = NULL;
		(region = registry_next_region(r->coordinator->registry, region));)
		if (registry_sees(caller_organization(r), region->organization))
			json_array_append_new(items, region_json(region));
	reply_list(r, items, NULL);
}

static struct region *region_by_id(struct registry *registry, const struct id *id)
{
	for (struct region *region = NULL; (region = registry_next_region(registry, region));)
		if (id_equal(&region->id, id))
			return region;
	return NULL;
}

static void created_cb(void *arg, enum store_error error, const struct id *id)
{
	struct api_request *r = arg;
	struct region *region =
		error == STORE_OK ? region_by_id(r->coordinator->registry, id) : NULL;
	char *location;

	if (!region) {
		reply_store_error(r);
		return;
	}
	location = mem_printf("/api/v1/regions/%s", region->name);
	api_set_header(r, "Location", location);
	free(location);
	api_reply_json(r, 201, region_json(region));
}

void handle_regions_create(struct api_request *r)
{
	struct problems problems = {0};

	if (registry_add_region(r->coordinator->registry, r->body, &problems, created_cb, r) == -1)
		reply_invalid(r, &problems);
}

void handle_region_get(struct api_request *r)
{
	const struct region *region = registry_region(r->coordinator->registry, r->params[0]);

	if (region && registry_sees(caller_organization(r), region->organization))
		api_reply_json(r, 200, region_json(region));
	else
		reply_not_found(r, "region");
}

static void removed_cb(void *arg, enum store_error error, const struct id *id UNUSED)
{
	if (error == STORE_OK)
		api_reply_empty(arg, 204);
	else
		reply_store_error(arg);
}

void handle_region_delete(struct api_request *r)
{
	struct problems problems = {0};

	if (!registry_region(r->coordinator->registry, r->params[0]))
		reply_not_found(r, "region");
	else if (registry_remove_region(
			 r->coordinator->registry, r->params[0], &problems, removed_cb, r) == -1)
		reply_invalid(r, &problems);
}
