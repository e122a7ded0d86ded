// SPDX-License-Identifier: MIT
/* API keys; for admins. A key's secret is told once, its hash never. The last admin key cannot be
 * removed. */
#include "coordinator/api/handlers.h"

#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

static json_t *key_json(const struct api_key *key)
{
	json_t *out = schema_encode(&api_key_schema, SCHEMA_REDACT | SCHEMA_FULL, key);

	json_object_del(out, "hash");
	return out;
}

static const struct api_key *key_by_id(struct registry *registry, const struct id *id)
{
	for (const struct api_key *key = NULL; (key = registry_next_key(registry, key));)
		if (id_equal(&key->id, id))
			return key;
	return NULL;
}

void handle_keys_list(struct api_request *r)
{
	json_t *items = json_array();

	for (const struct api_key *key = NULL;
		(key = registry_next_key(r->coordinator->registry, key));)
		json_array_append_new(items, key_json(key));
	reply_list(r, items, NULL);
}

static void free_secret(void *context)
{
	explicit_bzero(context, KEY_TEXT_SIZE);
	free(context);
}

static void created_cb(void *arg, enum store_error error, const struct id *id)
{
	struct api_request *r = arg;
	const struct api_key *key =
		error == STORE_OK ? key_by_id(r->coordinator->registry, id) : NULL;
	json_t *out;

	if (!key) {
		reply_store_error(r);
		return;
	}
	out = key_json(key);
	json_object_set_new(out, "secret", json_string(r->context));
	api_reply_json(r, 201, out);
}

void handle_keys_create(struct api_request *r)
{
	struct problems problems = {0};

	r->context = mem_alloc(KEY_TEXT_SIZE);
	r->context_free = free_secret;
	if (registry_add_key(
		    r->coordinator->registry, r->body, r->context, &problems, created_cb, r) == -1)
		reply_invalid(r, &problems);
}

static void removed_cb(void *arg, enum store_error error, const struct id *id UNUSED)
{
	if (error == STORE_OK)
		api_reply_empty(arg, 204);
	else
		reply_store_error(arg);
}

static bool is_last_admin(struct registry *registry, const struct api_key *key)
{
	if (key->role != ROLE_ADMIN) /* none of them is bound to an organization */
		return false;
	for (const struct api_key *other = NULL; (other = registry_next_key(registry, other));)
		if (other != key && other->role == ROLE_ADMIN)
			return false;
	return true;
}

void handle_key_delete(struct api_request *r)
{
	struct registry *registry = r->coordinator->registry;
	const struct api_key *key;
	struct id id;

	if (id_parse(r->params[0], &id) == -1 || !(key = key_by_id(registry, &id)))
		reply_not_found(r, "key");
	else if (is_last_admin(registry, key))
		api_problem(r, 422, "last-admin-key",
			"this is the last key of role admin; make another one first", NULL);
	else if (registry_remove_key(registry, &id, removed_cb, r) == -1)
		api_problem(
			r, 409, "conflict", "the key is being changed right now; try again", NULL);
}
