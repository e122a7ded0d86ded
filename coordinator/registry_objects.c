// SPDX-License-Identifier: MIT
/* Regions and API keys: their fields, their rules, their coming and going; every object's removal. */
#include "coordinator/registry_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <ctype.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Names that stand in URLs, labels and host names. */
int registry_check_name(const void *value, const char **why)
{
	const char *name = *(char *const *)value;

	*why = "lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit";
	if (!name || !(islower((unsigned char)name[0]) || isdigit((unsigned char)name[0])))
		return -1;
	for (const char *c = name; *c; c++) {
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) &&
			!strchr("._-", *c))
			return -1;
	}
	return 0;
}

static const struct field region_fields[] = {
	{.name = "id",
		.type = FIELD_ID,
		.offset = offsetof(struct region, id),
		.flags = FIELD_READONLY,
		.doc = "Made by the coordinator."},
	{.name = "name",
		.type = FIELD_STRING,
		.offset = offsetof(struct region, name),
		.flags = FIELD_REQUIRED,
		.min = 1,
		.max = 64,
		.check = registry_check_name,
		.doc = "Unique name, for example ap-northeast-1."},
	{.name = "title",
		.type = FIELD_STRING,
		.offset = offsetof(struct region, title),
		.max = 128,
		.doc = "Name for people, for example Tokyo."},
	{.name = "provider",
		.type = FIELD_STRING,
		.offset = offsetof(struct region, provider),
		.max = 64,
		.check = NULL,
		.doc = "Whose network it is in; the default for its probes."},
	{.name = "organization",
		.type = FIELD_STRING,
		.offset = offsetof(struct region, organization),
		.min = 1,
		.max = ORGANIZATION_MAX_BYTES,
		.check = organization_check,
		.doc = "The only organization that may use it; shared if left out."},
	{.name = "sets",
		.type = FIELD_STRINGS,
		.offset = offsetof(struct region, sets),
		.max = 16,
		.doc = "Names of sets: monitors say @NAME for all regions of a set."},
};
const struct schema region_schema = {.name = "region",
	.fields = region_fields,
	.n_fields = ARRAY_LEN(region_fields),
	.size_bytes = offsetof(struct region, hh)};

const char *const role_names[] = {"viewer", "editor", "admin", NULL};

static const struct field key_fields[] = {
	{.name = "id",
		.type = FIELD_ID,
		.offset = offsetof(struct api_key, id),
		.flags = FIELD_READONLY,
		.doc = "Made by the coordinator."},
	{.name = "name",
		.type = FIELD_STRING,
		.offset = offsetof(struct api_key, name),
		.flags = FIELD_REQUIRED,
		.min = 1,
		.max = 128,
		.doc = "What it is for."},
	{.name = "role",
		.type = FIELD_ENUM,
		.offset = offsetof(struct api_key, role),
		.names = role_names,
		.fallback = "\"viewer\"",
		.doc = "viewer reads, editor changes monitors, admin everything."},
	{.name = "organization",
		.type = FIELD_STRING,
		.offset = offsetof(struct api_key, organization),
		.min = 1,
		.max = ORGANIZATION_MAX_BYTES,
		.check = organization_check,
		.doc = "The only organization whose things it sees; all if left out."},
	{.name = "hash",
		.type = FIELD_STRING,
		.offset = offsetof(struct api_key, hash),
		.flags = FIELD_WIRE | FIELD_SECRET,
		.max = 64},
	{.name = "created_at",
		.type = FIELD_TIME,
		.offset = offsetof(struct api_key, created_wall_ms),
		.flags = FIELD_READONLY,
		.doc = "When it was made."},
};
const struct schema api_key_schema = {.name = "key",
	.fields = key_fields,
	.n_fields = ARRAY_LEN(key_fields),
	.size_bytes = offsetof(struct api_key, hh)};

/* ---- secrets: 176 random bits, kept as their SHA-256. Being random, they need no slow hash. */

#define SECRET_BYTES 22 /* 44 hex digits */

void registry_secret_make(const char *prefix, char *out, size_t room)
{
	char hex[2 * SECRET_BYTES + 1];

	rand_hex(hex, SECRET_BYTES);
	ensure(strlen(prefix) + strlen(hex) < room);
	stpcpy(stpcpy(out, prefix), hex);
}

char *registry_secret_hash(const char *secret)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char *hex = mem_alloc(2 * sizeof(digest) + 1);

	SHA256((const unsigned char *)secret, strlen(secret), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return hex;
}

/* Finding by the hash of a random secret tells an attacker nothing useful by its timing. */
const struct api_key *registry_key(struct registry *r, const char *secret)
{
	char *hash = registry_secret_hash(secret);
	struct api_key *key;

	HASH_FIND(hh, r->keys, hash, strlen(hash), key);
	free(hash);
	return key;
}

/* ---- regions */

static void apply_region(struct change *change)
{
	struct region *region = registry_insert_region(change->registry, change->object);

	free(change->object);
	registry_tell(change->registry, CHANGED_REGION, region);
}

static void drop_region(struct change *change)
{
	schema_clear(&region_schema, change->object);
	free(change->object);
}

int registry_add_region(
	struct registry *r, const json_t *in, struct problems *p, registry_done_fn done, void *arg)
{
	struct region *region = mem_alloc(sizeof(*region));
	struct store_batch *b;
	struct change *change;
	json_t *doc;

	if (schema_decode(&region_schema, SCHEMA_STRICT, in, region, p) == -1)
		goto refuse;
	if (registry_region(r, region->name) || change_reserves(r, STORE_REGION, region->name)) {
		problems_add(p, "name", "'%s' is a registered region already", region->name);
		goto refuse;
	}
	region->id = id_new();
	change = change_new(r, STORE_REGION, &region->id, done, arg);
	change->object = region;
	change->name = mem_strdup(region->name);
	change->apply = apply_region;
	change->drop = drop_region;
	b = store_batch_new(r->store);
	doc = schema_encode(&region_schema, SCHEMA_WIRE, region);
	store_put(b, STORE_REGION, &region->id, region->name, doc);
	json_decref(doc);
	change_submit(change, b);
	return 0;
refuse:
	schema_clear(&region_schema, region);
	free(region);
	return -1;
}

void registry_region_problem(struct registry *r, const char *path, const char *name,
	const char *organization, struct problems *p)
{
	const char *names[256], *near;
	size_t n = 0;

	for (struct region *region = NULL;
		n < ARRAY_LEN(names) && (region = registry_next_region(r, region));)
		if (registry_sees(organization, region->organization))
			names[n++] = region->name;
	near = nearest_name(name, names, n);
	if (near)
		problems_add(
			p, path, "'%s' is not a registered region; did you mean '%s'?", name, near);
	else
		problems_add(p, path, "'%s' is not a registered region; %s", name,
			n ? "'quorate region list' shows them"
			  : "none is registered yet: 'quorate region add NAME'");
}

/* ---- keys */

static void apply_key(struct change *change)
{
	registry_insert_key(change->registry, change->object);
	free(change->object);
}

static void drop_key(struct change *change)
{
	schema_clear(&api_key_schema, change->object);
	free(change->object);
}

int registry_add_key(struct registry *r, const json_t *in, char secret[KEY_TEXT_SIZE],
	struct problems *p, registry_done_fn done, void *arg)
{
	struct api_key *key = mem_alloc(sizeof(*key));
	struct store_batch *b;
	struct change *change;
	json_t *doc;

	(void)!schema_decode(&api_key_schema, SCHEMA_STRICT, in, key, p);
	if (key->organization && key->role == ROLE_ADMIN)
		problems_add(p, "role",
			"'admin' is for all organizations; accepted for one: viewer, editor");
	if (p->total) {
		schema_clear(&api_key_schema, key);
		free(key);
		return -1;
	}
	key->id = id_new();
	key->created_wall_ms = clock_wall_ms();
	registry_secret_make("qk_", secret, KEY_TEXT_SIZE);
	key->hash = registry_secret_hash(secret);
	change = change_new(r, STORE_KEY, &key->id, done, arg);
	change->object = key;
	change->apply = apply_key;
	change->drop = drop_key;
	b = store_batch_new(r->store);
	doc = schema_encode(&api_key_schema, SCHEMA_WIRE, key);
	store_put(b, STORE_KEY, &key->id, key->name, doc);
	json_decref(doc);
	change_submit(change, b);
	return 0;
}

/* ---- removal: by identity again when it is committed, for the object may have been replaced
 * meanwhile */

static void drop_nothing(struct change *change)
{
	(void)change;
}

static void apply_removal(struct change *change)
{
	struct registry *r = change->registry;
	struct api_key *key, *next;
	struct registered *entry;
	struct region *region;
	struct secret *secret;
	struct probe *probe;

	switch (change->kind) {
	case STORE_REGION:
		if ((region = registry_region(r, change->name))) {
			registry_tell(r, REMOVED_REGION, region);
			registry_forget_region(r, region);
		}
		break;
	case STORE_PROBE:
		if ((probe = registry_probe(r, change->name))) {
			registry_tell(r, REMOVED_PROBE, probe);
			registry_forget_probe(r, probe);
		}
		break;
	case STORE_MONITOR:
		if ((entry = registry_monitor(r, &change->id))) {
			registry_tell(r, REMOVED_MONITOR, entry);
			registry_forget_monitor(r, entry);
		}
		break;
	case STORE_SECRET:
		HASH_FIND(hh, r->secrets, change->name, strlen(change->name), secret);
		if (secret) {
			log_info("secret.removed name=%s", log_quote(secret->name));
			registry_forget_secret(r, secret);
		}
		break;
	default:
		HASH_ITER (hh, r->keys, key, next) {
			if (id_equal(&key->id, &change->id))
				registry_forget_key(r, key);
		}
	}
}

void registry_submit_removal(struct registry *r, enum store_kind kind, const struct id *id,
	const char *name, registry_done_fn done, void *arg)
{
	struct change *change = change_new(r, kind, id, done, arg);
	struct store_batch *b = store_batch_new(r->store);

	change->name = mem_strdup(name);
	change->apply = apply_removal;
	change->drop = drop_nothing;
	store_remove(b, kind, id);
	if (kind == STORE_MONITOR)
		store_remove(b, STORE_PAUSE, id);
	change_submit(change, b);
}

int registry_remove_region(
	struct registry *r, const char *name, struct problems *p, registry_done_fn done, void *arg)
{
	struct region *region = registry_region(r, name);
	const struct probe *probe = NULL;

	if (!region) {
		registry_region_problem(r, "name", name, NULL, p);
		return -1;
	}
	while ((probe = registry_next_probe(r, probe))) {
		if (strcmp(probe->region, name) == 0)
			problems_add(p, "name", "probe '%s' is in region '%s'; remove it first",
				probe->name, name);
	}
	for (struct registered *e = r->monitors; e; e = e->hh.next) {
		for (size_t i = 0; i < e->m.regions.n; i++) {
			if (strcmp(e->m.regions.item[i], name) == 0)
				problems_add(p, "name",
					"monitor '%s' names region '%s'; change it first",
					e->m.name, name);
		}
	}
	if (p->total)
		return -1;
	registry_submit_removal(r, STORE_REGION, &region->id, name, done, arg);
	return 0;
}

int registry_remove_monitor(
	struct registry *r, const struct id *id, registry_done_fn done, void *arg)
{
	if (!registry_monitor(r, id))
		return -1;
	registry_submit_removal(r, STORE_MONITOR, id, NULL, done, arg);
	return 0;
}

int registry_remove_key(struct registry *r, const struct id *id, registry_done_fn done, void *arg)
{
	for (const struct api_key *key = r->keys; key; key = key->hh.next) {
		if (!id_equal(&key->id, id))
			continue;
		registry_submit_removal(r, STORE_KEY, id, NULL, done, arg);
		return 0;
	}
	return -1;
}
