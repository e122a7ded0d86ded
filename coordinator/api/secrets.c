// SPDX-License-Identifier: MIT
/*
 * Secrets: named values for the credentials of monitors. Written, never read: no route and no error
 * gives a value back.
 */
#include "coordinator/api/handlers.h"

#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USED_BY_MAX 100

/* Of the fields only the value is of the wire's kind: it is not encoded here. */
static json_t *secret_json(const struct secret *secret)
{
	return schema_encode(&secret_schema, SCHEMA_FULL, secret);
}

/* ---- who uses what */

struct counting {
	json_t *uses;         /* by the secrets' names: how many monitors */
	const char *seen[64]; /* by the monitor at hand: a secret in two fields is one use */
	size_t n_seen;
};

static void count_one(void *arg, const struct credential_place *at)
{
	struct counting *counting = arg;
	const char *name = at->secret ? secret_name_short(at->secret) : NULL;

	if (!name)
		return;
	for (size_t i = 0; i < counting->n_seen; i++)
		if (strcmp(counting->seen[i], name) == 0)
			return;
	if (counting->n_seen < ARRAY_LEN(counting->seen))
		counting->seen[counting->n_seen++] = name;
	json_object_set_new(counting->uses, name,
		json_integer(json_integer_value(json_object_get(counting->uses, name)) + 1));
}

static json_t *count_uses(struct registry *registry)
{
	struct counting counting = {.uses = json_object()};
	struct registered *m = NULL;

	while ((m = registry_next_monitor(registry, m ? &m->m.id : NULL))) {
		counting.n_seen = 0;
		monitor_each_credential(&m->m, "", count_one, &counting);
	}
	return counting.uses;
}

/* With the names of its monitors. */
static json_t *secret_json_whole(struct registry *registry, const struct secret *secret)
{
	json_t *out = secret_json(secret), *used_by = json_array();
	struct registered *m = NULL;
	json_int_t n = 0;

	while ((m = registry_next_monitor(registry, m ? &m->m.id : NULL))) {
		if (!monitor_uses_secret(&m->m, secret->name))
			continue;
		if (++n <= USED_BY_MAX)
			json_array_append_new(used_by, json_string(m->m.name));
	}
	json_object_set_new(out, "monitors", json_integer(n));
	json_object_set_new(out, "used_by", used_by);
	return out;
}

/* ---- the routes */

void handle_secrets_list(struct api_request *r)
{
	struct registry *registry = r->coordinator->registry;
	json_t *items = json_array(), *uses = count_uses(registry), *item;

	for (const struct secret *s = NULL; (s = registry_next_secret(registry, s));) {
		item = secret_json(s);
		json_object_set_new(item, "monitors",
			json_integer(json_integer_value(json_object_get(uses, s->name))));
		json_array_append_new(items, item);
	}
	json_decref(uses);
	reply_list(r, items, NULL);
}

void handle_secret_get(struct api_request *r)
{
	struct registry *registry = r->coordinator->registry;
	const struct secret *secret = registry_secret(registry, r->params[0]);

	if (secret)
		api_reply_json(r, 200, secret_json_whole(registry, secret));
	else
		reply_not_found(r, "secret");
}

static void set_cb(void *arg, enum store_error error, const struct id *id UNUSED)
{
	struct api_request *r = arg;
	struct registry *registry = r->coordinator->registry;
	const struct secret *secret =
		error == STORE_OK ? registry_secret(registry, r->params[0]) : NULL;

	if (secret)
		api_reply_json(
			r, secret->revision == 1 ? 201 : 200, secret_json_whole(registry, secret));
	else
		reply_store_error(r);
}

void handle_secret_put(struct api_request *r)
{
	struct problems problems = {0};

	if (registry_set_secret(
		    r->coordinator->registry, r->params[0], r->body, &problems, set_cb, r) == -1)
		reply_invalid(r, &problems);
}

static void removed_cb(void *arg, enum store_error error, const struct id *id UNUSED)
{
	if (error == STORE_OK)
		api_reply_empty(arg, 204);
	else
		reply_store_error(arg);
}

void handle_secret_delete(struct api_request *r)
{
	struct registry *registry = r->coordinator->registry;
	struct problems problems = {0};

	if (!registry_secret(registry, r->params[0]))
		reply_not_found(r, "secret");
	else if (registry_remove_secret(registry, r->params[0], &problems, removed_cb, r) == -1)
		reply_invalid(r, &problems);
}
