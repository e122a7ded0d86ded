// SPDX-License-Identifier: MIT
/*
 * The registry's tables: loading, finding, walking, and the way of a change: validated, submitted
 * to the store, applied in memory once committed, told to the listeners. The order of commits is
 * the order of changes (one worker), so what a later change reads is never older than what an
 * earlier one wrote.
 */
#include "coordinator/maintenance.h"
#include "coordinator/registry_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ---- tables */

static int region_order(const struct region *a, const struct region *b)
{
	return strcmp(a->name, b->name);
}

static int probe_order(const struct probe *a, const struct probe *b)
{
	return strcmp(a->name, b->name);
}

struct region *registry_insert_region(struct registry *r, struct region *take)
{
	struct region *region = registry_region(r, take->name);

	if (region)
		registry_forget_region(r, region);
	region = mem_alloc(sizeof(*region));
	*region = *take;
	memset(take, 0, sizeof(*take));
	HASH_ADD_KEYPTR(hh, r->regions, region->name, strlen(region->name), region);
	HASH_SORT(r->regions, region_order);
	return region;
}

struct probe *registry_insert_probe(struct registry *r, struct probe *take)
{
	struct probe *probe = registry_probe(r, take->name);

	if (probe)
		registry_forget_probe(r, probe);
	probe = mem_alloc(sizeof(*probe));
	*probe = *take;
	memset(take, 0, sizeof(*take));
	if (probe->key == 0)
		probe->key = ++r->last_key;
	registry_set_policy(probe);
	HASH_ADD_KEYPTR(hh, r->probes, probe->name, strlen(probe->name), probe);
	HASH_ADD(hh_key, r->probe_keys, key, sizeof(probe->key), probe);
	HASH_SORT(r->probes, probe_order);
	return probe;
}

static void index_monitor(struct registry *r, struct registered *entry)
{
	HASH_ADD_KEYPTR(hh_name, r->monitor_names, entry->m.name, strlen(entry->m.name), entry);
	if (entry->m.external_id)
		HASH_ADD_KEYPTR(hh_external, r->monitor_externals, entry->m.external_id,
			strlen(entry->m.external_id), entry);
}

static void unindex_monitor(struct registry *r, struct registered *entry)
{
	HASH_DELETE(hh_name, r->monitor_names, entry);
	if (entry->m.external_id)
		HASH_DELETE(hh_external, r->monitor_externals, entry);
}

struct registered *registry_insert_monitor(struct registry *r, struct monitor *take)
{
	struct registered *entry = registry_monitor(r, &take->id);

	if (entry) {
		unindex_monitor(r, entry);
		monitor_clear(&entry->m);
		entry->m = *take;
	} else {
		entry = mem_alloc(sizeof(*entry));
		entry->m = *take;
		entry->pause = pause_none;
		HASH_ADD(hh, r->monitors, m.id, sizeof(entry->m.id), entry);
	}
	memset(take, 0, sizeof(*take));
	index_monitor(r, entry);
	return entry;
}

struct api_key *registry_insert_key(struct registry *r, struct api_key *take)
{
	struct api_key *key = mem_alloc(sizeof(*key));

	*key = *take;
	memset(take, 0, sizeof(*take));
	HASH_ADD_KEYPTR(hh, r->keys, key->hash, strlen(key->hash), key);
	return key;
}

static int secret_order(const struct secret *a, const struct secret *b)
{
	return strcmp(a->name, b->name);
}

struct secret *registry_insert_secret(struct registry *r, struct secret *take)
{
	struct secret *secret;

	HASH_FIND(hh, r->secrets, take->name, strlen(take->name), secret);
	if (secret)
		registry_forget_secret(r, secret);
	secret = mem_alloc(sizeof(*secret));
	*secret = *take;
	memset(take, 0, sizeof(*take));
	HASH_ADD_KEYPTR(hh, r->secrets, secret->name, strlen(secret->name), secret);
	HASH_SORT(r->secrets, secret_order);
	return secret;
}

void registry_forget_secret(struct registry *r, struct secret *secret)
{
	HASH_DELETE(hh, r->secrets, secret);
	schema_clear(&secret_schema, secret);
	free(secret);
}

void registry_forget_region(struct registry *r, struct region *region)
{
	HASH_DELETE(hh, r->regions, region);
	schema_clear(&region_schema, region);
	free(region);
}

void registry_forget_probe(struct registry *r, struct probe *probe)
{
	HASH_DELETE(hh, r->probes, probe);
	HASH_DELETE(hh_key, r->probe_keys, probe);
	policy_clear(&probe->policy);
	schema_clear(&probe_schema, probe);
	free(probe);
}

void registry_forget_monitor(struct registry *r, struct registered *entry)
{
	struct pause none = pause_none;

	registry_set_pause(r, entry, &none);
	HASH_DELETE(hh, r->monitors, entry);
	unindex_monitor(r, entry);
	monitor_clear(&entry->m);
	free(entry);
}

void registry_forget_key(struct registry *r, struct api_key *key)
{
	HASH_DELETE(hh, r->keys, key);
	schema_clear(&api_key_schema, key);
	free(key);
}

/* ---- loading */

struct loading {
	struct registry *r;
	int failed;
};

static bool load_object(struct loading *l, const struct schema *schema, const struct id *id,
	const json_t *doc, void *out)
{
	struct problems problems = {0};
	char text[ID_TEXT_SIZE];

	if (schema_decode(schema, SCHEMA_WIRE, doc, out, &problems) == 0)
		return true;
	log_error("store.unreadable object=%s id=%s path=%s why=%s", schema->name,
		id_format(id, text), log_quote(problems.item[0].path),
		log_quote(problems.item[0].message));
	schema_clear(schema, out);
	l->failed++;
	return false;
}

static void load_region(void *arg, const struct id *id, const json_t *doc)
{
	struct loading *l = arg;
	struct region region = {0};

	if (load_object(l, &region_schema, id, doc, &region))
		registry_insert_region(l->r, &region);
}

static void load_probe(void *arg, const struct id *id, const json_t *doc)
{
	struct loading *l = arg;
	struct probe probe = {0};

	if (load_object(l, &probe_schema, id, doc, &probe))
		registry_insert_probe(l->r, &probe);
}

static void load_key(void *arg, const struct id *id, const json_t *doc)
{
	struct loading *l = arg;
	struct api_key key = {0};

	if (load_object(l, &api_key_schema, id, doc, &key))
		registry_insert_key(l->r, &key);
}

static void load_secret(void *arg, const struct id *id, const json_t *doc)
{
	struct loading *l = arg;
	struct secret secret = {0};

	if (load_object(l, &secret_schema, id, doc, &secret))
		registry_insert_secret(l->r, &secret);
}

static void load_monitor(void *arg, const struct id *id, const json_t *doc)
{
	struct loading *l = arg;
	struct monitor m = {0};

	if (load_object(l, &monitor_schema, id, doc, &m))
		registry_insert_monitor(l->r, &m);
}

/* After the monitors; one whose monitor is gone is nobody's. */
static void load_pause(void *arg, const struct id *id, const json_t *doc)
{
	struct loading *l = arg;
	struct registered *entry = registry_monitor(l->r, id);
	struct pause pause = pause_none;

	if (entry && load_object(l, &pause_schema, id, doc, &pause))
		registry_set_pause(l->r, entry, &pause);
}

/* In the order of ids, which is that of their making. */
static void load_maintenance(void *arg, const struct id *id, const json_t *doc)
{
	struct loading *l = arg;
	struct maintenance mt = {0};

	if (load_object(l, &maintenance_schema, id, doc, &mt))
		registry_insert_maintenance(l->r, &mt);
}

struct registry *registry_open(struct store *store, int64_t per_target)
{
	struct registry *r = mem_alloc(sizeof(*r));
	struct loading l = {.r = r};

	r->store = store;
	r->per_target = per_target;
	if (store_each(store, STORE_REGION, load_region, &l) == -1 ||
		store_each(store, STORE_PROBE, load_probe, &l) == -1 ||
		store_each(store, STORE_KEY, load_key, &l) == -1 ||
		store_each(store, STORE_SECRET, load_secret, &l) == -1 ||
		store_each(store, STORE_MONITOR, load_monitor, &l) == -1 ||
		store_each(store, STORE_PAUSE, load_pause, &l) == -1 ||
		store_each(store, STORE_MAINTENANCE, load_maintenance, &l) == -1) {
		registry_close(r);
		return NULL;
	}
	if (l.failed) { /* starting without them would silently watch less than was registered */
		log_error("registry.refused msg=\"objects in the store cannot be read; see above\" "
			  "count=%d",
			l.failed);
		registry_close(r);
		return NULL;
	}
	return r;
}

void registry_close(struct registry *r)
{
	struct region *region, *region_next;
	struct probe *probe, *probe_next;
	struct registered *entry, *entry_next;
	struct api_key *key, *key_next;
	struct secret *secret, *secret_next;
	struct maintenance *mt, *mt_next;
	struct change *change, *change_next;

	DL_FOREACH_SAFE (r->changes, change, change_next) {
		change->drop(change);
		free(change->name);
		free(change);
	}
	HASH_ITER (hh, r->regions, region, region_next)
		registry_forget_region(r, region);
	HASH_ITER (hh, r->probes, probe, probe_next)
		registry_forget_probe(r, probe);
	HASH_ITER (hh, r->monitors, entry, entry_next)
		registry_forget_monitor(r, entry);
	HASH_ITER (hh, r->keys, key, key_next)
		registry_forget_key(r, key);
	HASH_ITER (hh, r->secrets, secret, secret_next)
		registry_forget_secret(r, secret);
	HASH_ITER (hh, r->maintenances, mt, mt_next)
		registry_forget_maintenance(r, mt);
	free(r);
}

/* ---- listeners */

void registry_set_per_target(struct registry *r, int64_t per_target)
{
	r->per_target = per_target;
}

void registry_listen(struct registry *r, registry_listener_fn fn, void *arg)
{
	ensure(r->n_listeners < LISTENERS_MAX);
	r->listener[r->n_listeners++] = (struct listener){fn, arg};
}

void registry_tell(struct registry *r, enum registry_change what, void *object)
{
	for (int i = 0; i < r->n_listeners; i++)
		r->listener[i].fn(r->listener[i].arg, what, object);
}

/* ---- finding and walking */

struct region *registry_region(struct registry *r, const char *name)
{
	struct region *region;

	HASH_FIND(hh, r->regions, name, strlen(name), region);
	return region;
}

struct probe *registry_probe(struct registry *r, const char *name)
{
	struct probe *probe;

	HASH_FIND(hh, r->probes, name, strlen(name), probe);
	return probe;
}

struct probe *registry_probe_by_key(struct registry *r, uint32_t key)
{
	struct probe *probe;

	HASH_FIND(hh_key, r->probe_keys, &key, sizeof(key), probe);
	return probe;
}

struct registered *registry_monitor(struct registry *r, const struct id *id)
{
	struct registered *entry;

	HASH_FIND(hh, r->monitors, id, sizeof(*id), entry);
	return entry;
}

struct registered *registry_monitor_by_name(struct registry *r, const char *name)
{
	struct registered *entry;

	HASH_FIND(hh_name, r->monitor_names, name, strlen(name), entry);
	return entry;
}

struct registered *registry_monitor_by_external_id(struct registry *r, const char *external_id)
{
	struct registered *entry;

	HASH_FIND(hh_external, r->monitor_externals, external_id, strlen(external_id), entry);
	return entry;
}

struct registered *registry_monitor_find(struct registry *r, const char *text)
{
	struct registered *entry;
	struct id id;

	if (id_parse(text, &id) == 0)
		return registry_monitor(r, &id);
	entry = registry_monitor_by_external_id(r, text);
	return entry ? entry : registry_monitor_by_name(r, text);
}

struct region *registry_next_region(struct registry *r, const struct region *after)
{
	return after ? after->hh.next : r->regions;
}

struct probe *registry_next_probe(struct registry *r, const struct probe *after)
{
	return after ? after->hh.next : r->probes;
}

const struct api_key *registry_next_key(struct registry *r, const struct api_key *after)
{
	return after ? after->hh.next : r->keys;
}

const struct secret *registry_next_secret(struct registry *r, const struct secret *after)
{
	return after ? after->hh.next : r->secrets;
}

struct registered *registry_next_monitor(struct registry *r, const struct id *after)
{
	struct registered *entry;

	if (!after || id_is_zero(after))
		return r->monitors;
	entry = registry_monitor(r, after);
	if (entry)
		return entry->hh.next;
	for (entry = r->monitors; entry && id_compare(&entry->m.id, after) <= 0;
		entry = entry->hh.next)
		;
	return entry;
}

size_t registry_count_monitors(const struct registry *r)
{
	return HASH_COUNT(r->monitors);
}

/* ---- changes on their way to the disk */

struct change *change_new(struct registry *r, enum store_kind kind, const struct id *id,
	registry_done_fn done, void *arg)
{
	struct change *change = mem_alloc(sizeof(*change));

	change->registry = r;
	change->kind = kind;
	change->id = *id;
	change->done = done;
	change->arg = arg;
	return change;
}

static void change_done(void *arg, enum store_error error)
{
	struct change *change = arg;

	DL_DELETE(change->registry->changes, change);
	if (error == STORE_OK)
		change->apply(change);
	else
		change->drop(change);
	if (change->done)
		change->done(change->arg, error, &change->id);
	free(change->name);
	free(change);
}

void change_submit(struct change *change, struct store_batch *b)
{
	DL_APPEND(change->registry->changes, change);
	store_submit(change->registry->store, b, STORE_OR_FAIL, change_done, change);
}

bool change_reserves(const struct registry *r, enum store_kind kind, const char *name)
{
	const struct change *change;

	DL_FOREACH (r->changes, change) {
		if (change->kind == kind && change->name && strcmp(change->name, name) == 0)
			return true;
	}
	return false;
}
