// SPDX-License-Identifier: MIT
/*
 * Probes: registered, given a new token, drained, removed; and joining, by which a probe trades the
 * secret of its join string, once, for a token of its own making. Secrets are kept as hashes.
 */
#include "coordinator/registry_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <stdlib.h>
#include <string.h>

static const struct field probe_fields[] = {
	{.name = "id",
		.type = FIELD_ID,
		.offset = offsetof(struct probe, id),
		.flags = FIELD_READONLY,
		.doc = "Made by the coordinator."},
	{.name = "name",
		.type = FIELD_STRING,
		.offset = offsetof(struct probe, name),
		.flags = FIELD_REQUIRED,
		.min = 1,
		.max = 64,
		.check = registry_check_name,
		.doc = "Unique name, for example tokyo-1."},
	{.name = "region",
		.type = FIELD_STRING,
		.offset = offsetof(struct probe, region),
		.flags = FIELD_REQUIRED,
		.min = 1,
		.max = 64,
		.doc = "Name of a registered region."},
	{.name = "provider",
		.type = FIELD_STRING,
		.offset = offsetof(struct probe, provider),
		.max = 64,
		.doc = "Whose network it is in; default: its region's."},
	{.name = "organization",
		.type = FIELD_STRING,
		.offset = offsetof(struct probe, organization),
		.min = 1,
		.max = ORGANIZATION_MAX_BYTES,
		.check = organization_check,
		.doc = "The only organization that it serves, for good; shared if left out."},
	{.name = "token_hash",
		.type = FIELD_STRING,
		.offset = offsetof(struct probe, token_hash),
		.flags = FIELD_WIRE | FIELD_SECRET,
		.max = 64},
	{.name = "drained",
		.type = FIELD_BOOL,
		.offset = offsetof(struct probe, drained),
		.flags = FIELD_READONLY,
		.doc = "Whether its seats are given to others."},
	{.name = "join_hash",
		.type = FIELD_STRING,
		.offset = offsetof(struct probe, join_hash),
		.flags = FIELD_WIRE | FIELD_SECRET,
		.max = 64},
	{.name = "join_expires_at",
		.type = FIELD_TIME,
		.offset = offsetof(struct probe, join_expires_wall_ms),
		.flags = FIELD_WIRE},
	{.name = "join_used",
		.type = FIELD_BOOL,
		.offset = offsetof(struct probe, join_used),
		.flags = FIELD_WIRE},
	{.name = "created_at",
		.type = FIELD_TIME,
		.offset = offsetof(struct probe, created_wall_ms),
		.flags = FIELD_READONLY,
		.doc = "When it was registered."},
	{.name = "joined_at",
		.type = FIELD_TIME,
		.offset = offsetof(struct probe, joined_wall_ms),
		.flags = FIELD_READONLY,
		.doc = "When it was first seen."},
	{.name = "known_pin",
		.type = FIELD_STRING,
		.offset = offsetof(struct probe, known_pin),
		.flags = FIELD_WIRE,
		.max = 64},
	{.name = "announced",
		.type = FIELD_OBJECT,
		.offset = offsetof(struct probe, announced),
		.flags = FIELD_WIRE,
		.sub = &capabilities_schema},
	{.name = "announced_at",
		.type = FIELD_TIME,
		.offset = offsetof(struct probe, announced_wall_ms),
		.flags = FIELD_READONLY,
		.doc = "When it last announced something new of itself."},
};
const struct schema probe_schema = {.name = "probe",
	.fields = probe_fields,
	.n_fields = ARRAY_LEN(probe_fields),
	.size_bytes = offsetof(struct probe, hh)};

bool registry_token_fits(const struct probe *probe, const char *token)
{
	char *hash = registry_secret_hash(token);
	bool fits = probe->token_hash && strlen(probe->token_hash) == strlen(hash) &&
		    bytes_equal(hash, probe->token_hash, strlen(hash));

	free(hash);
	return fits;
}

/* ---- probes */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

void registry_store_probe(struct registry *r, const struct probe *probe)
{
	struct store_batch *b;
	json_t *doc;

	if (change_reserves(r, STORE_PROBE, probe->name)) /* what is on its way must stand last */
		return;
	b = store_batch_new(r->store);
	doc = schema_encode(&probe_schema, SCHEMA_WIRE, probe);
	store_put(b, STORE_PROBE, &probe->id, probe->name, doc);
	json_decref(doc);
	store_submit(r->store, b, STORE_EVENTUALLY, NULL, NULL);
}

/* What the probe itself brought about meanwhile is newer than in the copy that was changed. */
static bool keep_news(struct probe *take, struct probe *old)
{
	struct capabilities announced = take->announced;
	bool news = take->joined_wall_ms == UNSET && old->joined_wall_ms != UNSET;

	if (news)
		take->joined_wall_ms = old->joined_wall_ms;
	if (!same_text(take->known_pin, old->known_pin)) {
		mem_set(&take->known_pin, old->known_pin);
		news = true;
	}
	if (old->announced_wall_ms <= take->announced_wall_ms)
		return news;
	take->announced = old->announced;
	take->announced_wall_ms = old->announced_wall_ms;
	old->announced = announced;
	return true;
}

static void apply_probe(struct change *change)
{
	struct probe *take = change->object, *old = registry_probe(change->registry, take->name);
	bool news = old && keep_news(take, old);
	struct probe *probe = registry_insert_probe(change->registry, take);

	free(change->object);
	if (news)
		registry_store_probe(change->registry, probe);
	registry_tell(change->registry, CHANGED_PROBE, probe);
}

static void drop_probe(struct change *change)
{
	schema_clear(&probe_schema, change->object);
	free(change->object);
}

static void submit_probe(struct registry *r, struct probe *take, registry_done_fn done, void *arg)
{
	struct change *change = change_new(r, STORE_PROBE, &take->id, done, arg);
	struct store_batch *b = store_batch_new(r->store);
	json_t *doc = schema_encode(&probe_schema, SCHEMA_WIRE, take);

	change->object = take;
	change->name = mem_strdup(take->name);
	change->apply = apply_probe;
	change->drop = drop_probe;
	store_put(b, STORE_PROBE, &take->id, take->name, doc);
	json_decref(doc);
	change_submit(change, b);
}

/* As it is stored: everything. */
static struct probe *copy_probe(const struct probe *probe)
{
	json_t *doc = schema_encode(&probe_schema, SCHEMA_WIRE, probe);
	struct probe *copy = mem_alloc(sizeof(*copy));
	struct problems problems = {0};

	ensure(schema_decode(&probe_schema, SCHEMA_WIRE, doc, copy, &problems) == 0);
	copy->key = probe->key;
	json_decref(doc);
	return copy;
}

static void offer_join(struct probe *probe, struct probe_secrets *secrets)
{
	registry_secret_make("qj_", secrets->join, JOIN_TEXT_SIZE);
	secrets->expires_wall_ms = clock_wall_ms() + secrets->valid_ms;
	probe->join_hash = registry_secret_hash(secrets->join);
	probe->join_expires_wall_ms = secrets->expires_wall_ms;
}

static void check_taken(const struct probe *old, const struct probe *probe, struct problems *p)
{
	if (same_text(old->organization, probe->organization))
		problems_add(p, "name", "'%s' is a registered probe already", probe->name);
	else if (old->organization)
		problems_add(p, "organization",
			"'%s' is a registered probe already, private to '%s', and stays so: remove "
			"it, and add another",
			probe->name, old->organization);
	else
		problems_add(p, "organization",
			"'%s' is a registered probe already, shared, and stays so: remove it, and "
			"add another",
			probe->name);
}

/* A probe in a private region is private, too. */
static void check_place(struct registry *r, struct probe *probe, struct problems *p)
{
	const struct region *region = registry_region(r, probe->region);

	if (!region)
		registry_region_problem(r, "region", probe->region, NULL, p);
	else if (region->organization && !probe->organization)
		probe->organization = mem_strdup(region->organization);
	else if (region->organization && !same_text(region->organization, probe->organization))
		problems_add(p, "organization", "region '%s' is private to '%s'", region->name,
			region->organization);
}

static int read_new(struct registry *r, const json_t *in, struct probe *probe, struct problems *p)
{
	const struct probe *old;

	if (schema_decode(&probe_schema, SCHEMA_STRICT, in, probe, p) == -1)
		return -1;
	if ((old = registry_probe(r, probe->name)))
		check_taken(old, probe, p);
	if (change_reserves(r, STORE_PROBE, probe->name))
		problems_add(p, "name", "'%s' is being registered just now", probe->name);
	check_place(r, probe, p);
	probe->id = id_new();
	probe->created_wall_ms = clock_wall_ms();
	probe->joined_wall_ms = UNSET;
	return p->total ? -1 : 0;
}

static void issue_secrets(struct probe *probe, struct probe_secrets *secrets)
{
	registry_secret_make("qpt_", secrets->token, TOKEN_TEXT_SIZE);
	probe->token_hash = registry_secret_hash(secrets->token);
	if (secrets->valid_ms > 0)
		offer_join(probe, secrets);
}

static void forget_secrets(struct probe *probe)
{
	mem_set(&probe->token_hash, NULL);
	mem_set(&probe->join_hash, NULL);
	probe->join_expires_wall_ms = UNSET;
	probe->join_used = false;
}

int registry_admit_probe(struct registry *r, const json_t *in, struct probe_secrets *secrets,
	struct problems *p, registry_done_fn done, void *arg)
{
	struct probe *probe = mem_alloc(sizeof(*probe));

	if (read_new(r, in, probe, p) == -1) {
		schema_clear(&probe_schema, probe);
		free(probe);
		return -1;
	}
	issue_secrets(probe, secrets);
	submit_probe(r, probe, done, arg);
	return 0;
}

/* The probe NAME as a copy that may be changed; NULL and a problem: it cannot be. */
static struct probe *copy_to_change(struct registry *r, const char *name, struct problems *p)
{
	const struct probe *probe = registry_probe(r, name);

	if (!probe)
		problems_add(p, "name", "'%s' is not a registered probe", name);
	else if (change_reserves(r, STORE_PROBE, name))
		problems_add(p, "name", "'%s' is being changed just now; try again", name);
	return p->total ? NULL : copy_probe(probe);
}

int registry_renew_probe(struct registry *r, const char *name, struct probe_secrets *secrets,
	struct problems *p, registry_done_fn done, void *arg)
{
	struct probe *changed = copy_to_change(r, name, p);

	if (!changed)
		return -1;
	forget_secrets(changed);
	issue_secrets(changed, secrets);
	submit_probe(r, changed, done, arg);
	return 0;
}

int registry_add_probe(struct registry *r, const json_t *in, bool renew,
	char token[TOKEN_TEXT_SIZE], struct problems *p, registry_done_fn done, void *arg)
{
	struct probe_secrets secrets = {.valid_ms = 0};
	const char *name = json_string_value(json_object_get(in, "name"));
	int result = renew ? registry_renew_probe(r, name, &secrets, p, done, arg)
			   : registry_admit_probe(r, in, &secrets, p, done, arg);

	memcpy(token, secrets.token, TOKEN_TEXT_SIZE);
	explicit_bzero(&secrets, sizeof(secrets));
	return result;
}

int registry_revoke_probe(
	struct registry *r, const char *name, struct problems *p, registry_done_fn done, void *arg)
{
	struct probe *changed = copy_to_change(r, name, p);

	if (!changed)
		return -1;
	forget_secrets(changed);
	submit_probe(r, changed, done, arg);
	return 0;
}

int registry_drain_probe(struct registry *r, const char *name, bool drained, struct problems *p,
	registry_done_fn done, void *arg)
{
	struct probe *changed = copy_to_change(r, name, p);

	if (!changed)
		return -1;
	changed->drained = drained;
	submit_probe(r, changed, done, arg);
	return 0;
}

/* The same work for a name that nobody has as for a wrong secret. */
static bool join_fits(const struct probe *probe, const char *secret)
{
	static const char nobody[] =
		"----------------------------------------------------------------";
	char *hash = registry_secret_hash(secret);
	const char *known = probe && probe->join_hash ? probe->join_hash : nobody;
	bool fits = strlen(known) == strlen(hash) && bytes_equal(hash, known, strlen(hash));

	free(hash);
	return fits;
}

enum join_outcome registry_join_probe(
	struct registry *r, const struct join_request *request, registry_done_fn done, void *arg)
{
	struct probe *probe = registry_probe(r, request->probe), *changed;

	if (!join_fits(probe, request->secret))
		return JOIN_REFUSED;
	if (change_reserves(r, STORE_PROBE, probe->name))
		return JOIN_BUSY;
	if (probe->join_used)
		return registry_token_fits(probe, request->token) ? JOIN_AGAIN : JOIN_USED;
	if (clock_wall_ms() >= probe->join_expires_wall_ms)
		return JOIN_EXPIRED;
	changed = copy_probe(probe);
	free(changed->token_hash);
	changed->token_hash = registry_secret_hash(request->token);
	changed->join_used = true;
	log_info("probe.enrolled name=%s", probe->name);
	submit_probe(r, changed, done, arg);
	return JOIN_TAKEN;
}

void registry_probe_pinned(struct registry *r, struct probe *probe, const char *pin)
{
	if (same_text(probe->known_pin, pin))
		return;
	mem_set(&probe->known_pin, pin);
	registry_store_probe(r, probe);
}

void registry_probe_joined(struct registry *r, struct probe *probe, int64_t wall_ms)
{
	probe->joined_wall_ms = wall_ms;
	registry_store_probe(r, probe);
}

int registry_remove_probe(
	struct registry *r, const char *name, struct problems *p, registry_done_fn done, void *arg)
{
	const struct probe *probe = registry_probe(r, name);

	if (!probe) {
		problems_add(p, "name", "'%s' is not a registered probe", name);
		return -1;
	}
	registry_submit_removal(r, STORE_PROBE, &probe->id, name, done, arg);
	return 0;
}
