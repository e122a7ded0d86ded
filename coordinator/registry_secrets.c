// SPDX-License-Identifier: MIT
/*
 * Secrets: what monitors name as {secret: NAME}. A value comes in once, is kept sealed in the store
 * and goes out to voters only, in the moment in which their orders are written; monitors themselves
 * hold names. There is no way to read one back.
 *
 * Names belong to an organization: "acme/shop-token" is acme's, a name without a slash is that of
 * the organization "default". A monitor may name its own organization's only: who could name
 * another's might have it sent to a server of his own.
 */
#include "coordinator/registry_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "quorate/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static const struct field secret_fields[] = {
	{.name = "id",
		.type = FIELD_ID,
		.offset = offsetof(struct secret, id),
		.flags = FIELD_READONLY,
		.doc = "Made by the coordinator."},
	{.name = "name",
		.type = FIELD_STRING,
		.offset = offsetof(struct secret, name),
		.flags = FIELD_READONLY,
		.min = 1,
		.max = SECRET_NAME_MAX_BYTES,
		.check = secret_name_check,
		.doc = "What monitors name: NAME or ORGANIZATION/NAME."},
	{.name = "value",
		.type = FIELD_STRING,
		.offset = offsetof(struct secret, value),
		.flags = FIELD_WIRE | FIELD_SECRET,
		.max = SECRET_VALUE_MAX_BYTES},
	{.name = "revision",
		.type = FIELD_INT,
		.offset = offsetof(struct secret, revision),
		.flags = FIELD_READONLY,
		.min = 0,
		.max = INT64_C(1) << 53,
		.doc = "Rises with every new value."},
	{.name = "created_at",
		.type = FIELD_TIME,
		.offset = offsetof(struct secret, created_wall_ms),
		.flags = FIELD_READONLY,
		.doc = "When it was made."},
	{.name = "changed_at",
		.type = FIELD_TIME,
		.offset = offsetof(struct secret, changed_wall_ms),
		.flags = FIELD_READONLY,
		.doc = "When it got its value."},
};
const struct schema secret_schema = {.name = "secret",
	.fields = secret_fields,
	.n_fields = ARRAY_LEN(secret_fields),
	.size_bytes = offsetof(struct secret, hh)};

static const struct field value_fields[] = {
	{.name = "value",
		.type = FIELD_STRING,
		.offset = 0,
		.flags = FIELD_REQUIRED | FIELD_SECRET,
		.min = SECRET_VALUE_MIN_BYTES,
		.max = SECRET_VALUE_MAX_BYTES,
		.doc = "The whole of what stands in the monitor's place, \"Bearer …\" included. It "
		       "is never told again."},
};
const struct schema secret_value_schema = {.name = "secret value",
	.fields = value_fields,
	.n_fields = ARRAY_LEN(value_fields),
	.size_bytes = sizeof(char *)};

const struct secret *registry_secret(struct registry *r, const char *name)
{
	struct secret *secret;

	name = secret_name_short(name);
	HASH_FIND(hh, r->secrets, name, strlen(name), secret);
	return secret;
}

/* ---- monitors with their values */

struct filling {
	struct registry *registry;
	const struct secret *instead; /* of the registered one with its name; NULL: none */
};

static void fill(void *arg, const struct credential_place *at)
{
	const struct filling *filling = arg;
	const struct secret *secret = filling->instead;

	if (!at->secret)
		return;
	if (!secret || strcmp(secret->name, secret_name_short(at->secret)) != 0)
		secret = registry_secret(filling->registry, at->secret);
	*at->value = secret ? secret->value : NULL;
}

static void empty(void *arg, const struct credential_place *at)
{
	(void)arg;
	if (at->secret)
		*at->value = NULL;
}

/* The values are lent to M for no longer than it is encoded. */
static json_t *encode_filled(struct filling *filling, struct monitor *m)
{
	json_t *out;

	monitor_each_credential(m, "", fill, filling);
	out = monitor_encode(m, SCHEMA_WIRE);
	monitor_each_credential(m, "", empty, NULL);
	return out;
}

json_t *registry_monitor_for_voters(struct registry *r, struct monitor *m)
{
	struct filling filling = {.registry = r};

	return encode_filled(&filling, m);
}

/* Whether M can be checked with the values in place: a probe will read it just so. */
static bool fits(struct filling *filling, struct monitor *m, const char *base, struct problems *p)
{
	json_t *filled = encode_filled(filling, m);
	struct monitor read;
	int result = monitor_decode(filled, SCHEMA_WIRE, base, &read, p);

	monitor_clear(&read);
	json_decref(filled);
	return result == 0;
}

/* ---- what a monitor names */

struct checking {
	struct registry *registry;
	const char *organization; /* of the monitor */
	struct problems *problems;
	size_t n; /* secrets named */
};

static bool is_of(const char *name, const char *organization)
{
	const char *slash = strchr(name, '/');
	size_t n = strlen(organization);

	if (!slash)
		return strcmp(organization, ORGANIZATION_DEFAULT) == 0;
	return (size_t)(slash - name) == n && memcmp(name, organization, n) == 0;
}

static const char *nearest_secret(struct registry *r, const char *name, const char *organization)
{
	const char **names = mem_array(HASH_COUNT(r->secrets) + 1, sizeof(*names)), *near;
	size_t n = 0;

	for (const struct secret *s = r->secrets; s; s = s->hh.next)
		if (is_of(s->name, organization))
			names[n++] = s->name;
	near = nearest_name(name, names, n);
	free(names);
	return near;
}

static void check_named(void *arg, const struct credential_place *at)
{
	struct checking *checking = arg;
	struct registry *r = checking->registry;
	const char *near;

	if (!at->secret)
		return;
	checking->n++;
	if (!is_of(at->secret, checking->organization)) {
		problems_add(checking->problems, at->path,
			"the secret '%s' is not one of organization '%s', whose monitor this is",
			at->secret, checking->organization);
		return;
	}
	if (registry_secret(r, at->secret) &&
		!change_reserves(r, STORE_SECRET, secret_name_short(at->secret)))
		return;
	if (registry_secret(r, at->secret)) {
		problems_add(checking->problems, at->path,
			"the secret '%s' is being changed just now; try again", at->secret);
		return;
	}
	near = nearest_secret(r, secret_name_short(at->secret), checking->organization);
	if (near)
		problems_add(checking->problems, at->path,
			"there is no secret '%s'; did you mean '%s'?", at->secret, near);
	else
		problems_add(checking->problems, at->path,
			"there is no secret '%s'; 'quorate secret set %s' makes it", at->secret,
			at->secret);
}

void registry_check_secrets(
	struct registry *r, struct monitor *m, const char *base, struct problems *p)
{
	struct checking checking = {.registry = r, .organization = m->organization, .problems = p};
	struct filling filling = {.registry = r};
	struct problems misfits = {0};
	size_t before = p->total;

	monitor_each_credential(m, base, check_named, &checking);
	if (checking.n == 0 || p->total > before || fits(&filling, m, base, &misfits))
		return;
	for (size_t i = 0; i < misfits.n; i++)
		problems_add(p, misfits.item[i].path, "with its secret in place: %s",
			misfits.item[i].message);
}

/* Monitors that use NAME, told as problems of the value or the name; those of changes in flight
 * too. */
static void refuse_used(struct registry *r, const char *name, struct problems *p)
{
	const struct change *change;

	for (const struct registered *e = r->monitors; e; e = e->hh.next) {
		if (monitor_uses_secret(&e->m, name))
			problems_add(p, "name",
				"monitor '%s' uses the secret '%s'; change it first", e->m.name,
				name);
	}
	DL_FOREACH (r->changes, change) {
		const struct plan *plan = change_plan(change);
		for (size_t i = 0; plan && i < plan->n; i++) {
			if (monitor_uses_secret(&plan->item[i].m, name))
				problems_add(p, "name",
					"monitor '%s', which is being registered just now, uses "
					"the secret '%s'",
					plan->item[i].m.name, name);
		}
	}
}

/* ---- coming and going */

static void apply_secret(struct change *change)
{
	struct secret *secret = registry_insert_secret(change->registry, change->object);

	free(change->object);
	log_info("secret.set name=%s revision=%" PRId64, log_quote(secret->name), secret->revision);
	registry_tell(change->registry, CHANGED_SECRET, secret);
}

static void drop_secret(struct change *change)
{
	schema_clear(&secret_schema, change->object);
	free(change->object);
}

static void submit_secret(struct registry *r, struct secret *take, registry_done_fn done, void *arg)
{
	struct change *change = change_new(r, STORE_SECRET, &take->id, done, arg);
	struct store_batch *b = store_batch_new(r->store);
	json_t *doc = schema_encode(&secret_schema, SCHEMA_WIRE, take);

	change->object = take;
	change->name = mem_strdup(take->name);
	change->apply = apply_secret;
	change->drop = drop_secret;
	store_put(b, STORE_SECRET, &take->id, take->name, doc);
	json_decref(doc);
	change_submit(change, b);
}

/* One sentence is enough: the value is wrong for all that use it in the same way. */
static void check_users(struct registry *r, const struct secret *secret, struct problems *p)
{
	struct filling filling = {.registry = r, .instead = secret};

	for (struct registered *e = r->monitors; e && !p->total; e = e->hh.next) {
		struct problems misfits = {0};
		if (monitor_uses_secret(&e->m, secret->name) &&
			!fits(&filling, &e->m, "", &misfits))
			problems_add(p, "value", "does not fit into monitor '%s': %s: %s",
				e->m.name, misfits.item[0].path, misfits.item[0].message);
	}
}

static void check_name(
	struct registry *r, const char *name, const struct secret *old, struct problems *p)
{
	const char *why;

	if (secret_name_check(&name, &why) == -1)
		problems_add(p, "name", "'%.64s' cannot be used; accepted: %s", name, why);
	else if (change_reserves(r, STORE_SECRET, name))
		problems_add(p, "name", "'%s' is being changed just now; try again", name);
	else if (!old && HASH_COUNT(r->secrets) >= SECRETS_MAX)
		problems_add(
			p, "name", "there are %d secrets already, which is the most", SECRETS_MAX);
}

int registry_set_secret(struct registry *r, const char *name, const json_t *in, struct problems *p,
	registry_done_fn done, void *arg)
{
	const struct secret *old = registry_secret(r, name);
	struct secret *secret = mem_alloc(sizeof(*secret));
	int64_t now_wall_ms = clock_wall_ms();

	name = secret_name_short(name);
	check_name(r, name, old, p);
	if (schema_decode(&secret_value_schema, SCHEMA_STRICT, in, &secret->value, p) == -1 ||
		p->total)
		goto refuse;
	secret->name = mem_strdup(name);
	secret->id = old ? old->id : id_new();
	secret->revision = old ? old->revision + 1 : 1;
	secret->created_wall_ms = old ? old->created_wall_ms : now_wall_ms;
	secret->changed_wall_ms = now_wall_ms;
	check_users(r, secret, p);
	if (p->total)
		goto refuse;
	submit_secret(r, secret, done, arg);
	return 0;
refuse:
	schema_clear(&secret_schema, secret);
	free(secret);
	return -1;
}

int registry_remove_secret(
	struct registry *r, const char *name, struct problems *p, registry_done_fn done, void *arg)
{
	const struct secret *secret = registry_secret(r, name);

	if (!secret)
		problems_add(p, "name", "there is no secret '%s'", name);
	else if (change_reserves(r, STORE_SECRET, secret->name))
		problems_add(p, "name", "'%s' is being changed just now; try again", name);
	else
		refuse_used(r, secret->name, p);
	if (p->total)
		return -1;
	registry_submit_removal(r, STORE_SECRET, &secret->id, secret->name, done, arg);
	return 0;
}
