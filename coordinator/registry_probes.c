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

static void apply_probe(struct change *change)
{
	struct probe *take = change->object, *old = registry_probe(change->registry, take->name);
	struct probe *probe;

	if (old && take->joined_wall_ms == UNSET) /* it was first seen meanwhile */
		take->joined_wall_ms = old->joined_wall_ms;
	probe = registry_insert_probe(change->registry, take);
	free(change->object);
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

/* Everything of the old registration but the token and what IN changes. */
static void renew_probe(struct probe *probe, const struct probe *old)
{
	probe->id = old->id;
	probe->key = old->key;
	probe->created_wall_ms = old->created_wall_ms;
	probe->joined_wall_ms = old->joined_wall_ms;
	probe->drained = old->drained;
}

/* As it is stored: everything. */
static struct probe *copy_probe(const struct probe *probe)
{
	struct probe *copy = mem_alloc(sizeof(*copy));

	*copy = *probe;
	copy->name = mem_strdup(probe->name);
	copy->region = mem_strdup(probe->region);
	copy->provider = mem_strdup(probe->provider);
	copy->token_hash = mem_strdup(probe->token_hash);
	copy->join_hash = mem_strdup(probe->join_hash);
	memset(&copy->hh, 0, sizeof(copy->hh));
	memset(&copy->hh_key, 0, sizeof(copy->hh_key));
	return copy;
}

int registry_drain_probe(struct registry *r, const char *name, bool drained, struct problems *p,
	registry_done_fn done, void *arg)
{
	const struct probe *probe = registry_probe(r, name);
	struct probe *changed;

	if (!probe)
		problems_add(p, "name", "'%s' is not a registered probe", name);
	else if (change_reserves(r, STORE_PROBE, name))
		problems_add(p, "name", "'%s' is being changed just now; try again", name);
	if (p->total)
		return -1;
	changed = copy_probe(probe);
	changed->drained = drained;
	submit_probe(r, changed, done, arg);
	return 0;
}

static void offer_join(struct probe *probe, struct probe_secrets *secrets)
{
	registry_secret_make("qj_", secrets->join, JOIN_TEXT_SIZE);
	secrets->expires_wall_ms = clock_wall_ms() + secrets->valid_ms;
	probe->join_hash = registry_secret_hash(secrets->join);
	probe->join_expires_wall_ms = secrets->expires_wall_ms;
}

int registry_add_probe(struct registry *r, const json_t *in, bool renew,
	char token[TOKEN_TEXT_SIZE], struct problems *p, registry_done_fn done, void *arg)
{
	struct probe_secrets secrets = {.valid_ms = 0};
	int result = registry_admit_probe(r, in, renew, &secrets, p, done, arg);

	memcpy(token, secrets.token, TOKEN_TEXT_SIZE);
	explicit_bzero(&secrets, sizeof(secrets));
	return result;
}

int registry_admit_probe(struct registry *r, const json_t *in, bool renew,
	struct probe_secrets *secrets, struct problems *p, registry_done_fn done, void *arg)
{
	struct probe *probe = mem_alloc(sizeof(*probe)), *old = NULL;

	if (schema_decode(&probe_schema, SCHEMA_STRICT, in, probe, p) == -1)
		goto refuse;
	old = registry_probe(r, probe->name);
	if (!renew && old)
		problems_add(p, "name", "'%s' is a registered probe already", probe->name);
	if (renew && !old)
		problems_add(p, "name", "'%s' is not a registered probe", probe->name);
	if (change_reserves(r, STORE_PROBE, probe->name))
		problems_add(p, "name", "'%s' is being registered just now", probe->name);
	if (!registry_region(r, probe->region))
		registry_region_problem(r, "region", probe->region, p);
	if (p->total)
		goto refuse;
	probe->id = id_new();
	probe->created_wall_ms = clock_wall_ms();
	probe->joined_wall_ms = UNSET;
	if (renew)
		renew_probe(probe, old);
	registry_secret_make("qpt_", secrets->token, TOKEN_TEXT_SIZE);
	probe->token_hash = registry_secret_hash(secrets->token);
	if (secrets->valid_ms > 0)
		offer_join(probe, secrets);
	submit_probe(r, probe, done, arg);
	return 0;
refuse:
	schema_clear(&probe_schema, probe);
	free(probe);
	return -1;
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

void registry_probe_joined(struct registry *r, struct probe *probe, int64_t wall_ms)
{
	struct store_batch *b;
	json_t *doc;

	probe->joined_wall_ms = wall_ms;
	if (change_reserves(r, STORE_PROBE, probe->name)) /* what is on its way must stand last */
		return;
	b = store_batch_new(r->store);
	doc = schema_encode(&probe_schema, SCHEMA_WIRE, probe);
	store_put(b, STORE_PROBE, &probe->id, probe->name, doc);
	json_decref(doc);
	store_submit(r->store, b, STORE_EVENTUALLY, NULL, NULL);
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
