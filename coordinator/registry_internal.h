// SPDX-License-Identifier: MIT
/* What the registry's files share: its tables, and the change that waits for the store. */
#ifndef QUORATE_REGISTRY_INTERNAL_H
#define QUORATE_REGISTRY_INTERNAL_H

#include "coordinator/registry.h"

#define LISTENERS_MAX 4

struct listener {
	registry_listener_fn fn;
	void *arg;
};

struct change;

struct registry {
	struct store *store;
	int64_t per_target;
	struct region *regions;      /* by name, sorted */
	struct probe *probes;        /* by name, sorted */
	struct probe *probe_keys;    /* by key */
	struct registered *monitors; /* by id, in the order of ids */
	struct registered *monitor_names;
	struct registered *monitor_externals;
	struct api_key *keys;             /* by hash */
	struct secret *secrets;           /* by name, sorted */
	struct maintenance *maintenances; /* by id, in the order of their making */
	int n_pauses;
	uint32_t last_key;
	struct listener listener[LISTENERS_MAX];
	int n_listeners;
	struct change *changes; /* submitted, not yet committed, oldest first */
};

/* A change on its way to the disk. `apply` makes it true in memory once it is committed. */
struct change {
	struct registry *registry;
	void (*apply)(struct change *change);
	void (*drop)(struct change *change); /* frees what apply would have taken */
	registry_done_fn done;
	void *arg;
	struct id id; /* of the object, told to done */
	char *name;   /* reserved meanwhile (regions, probes); NULL: none */
	enum store_kind kind;
	void *object; /* the parsed object, or the plan */
	struct change *prev, *next;
};

struct change *change_new(struct registry *r, enum store_kind kind, const struct id *id,
	registry_done_fn done, void *arg);
/* Takes B and CHANGE. */
void change_submit(struct change *change, struct store_batch *b);
/* Whether a change in flight has reserved NAME among objects of KIND. */
bool change_reserves(const struct registry *r, enum store_kind kind, const char *name);

void registry_tell(struct registry *r, enum registry_change what, void *object);

/* Into the tables; an object of the same identity is replaced in place and OBJECT's content taken.
 */
struct region *registry_insert_region(struct registry *r, struct region *take);
struct probe *registry_insert_probe(struct registry *r, struct probe *take);
struct registered *registry_insert_monitor(struct registry *r, struct monitor *take);
struct api_key *registry_insert_key(struct registry *r, struct api_key *take);
struct secret *registry_insert_secret(struct registry *r, struct secret *take);
void registry_forget_secret(struct registry *r, struct secret *secret);
void registry_forget_region(struct registry *r, struct region *region);
void registry_forget_probe(struct registry *r, struct probe *probe);
void registry_forget_monitor(struct registry *r, struct registered *monitor);
void registry_forget_key(struct registry *r, struct api_key *key);

/* ---- registry_pause.c */
/* PAUSE as ENTRY's (its content is taken; all UNSET and NULL: none). */
void registry_set_pause(struct registry *r, struct registered *entry, struct pause *take);
extern const struct pause pause_none;

/* ---- registry_maintenance.c */
struct maintenance *registry_insert_maintenance(struct registry *r, struct maintenance *take);
void registry_forget_maintenance(struct registry *r, struct maintenance *mt);

/* A field rule: a name that stands in URLs, labels and host names. */
int registry_check_name(const void *value, const char **why);
/* 176 random bits in hex behind PREFIX; being random, they need no slow hash. */
void registry_secret_make(const char *prefix, char *out, size_t room);
char *registry_secret_hash(const char *secret); /* hex SHA-256, allocated */
void registry_submit_removal(struct registry *r, enum store_kind kind, const struct id *id,
	const char *name, registry_done_fn done, void *arg);

/* Whether M's secrets are there and fit where they stand; BASE as in registry_plan. */
void registry_check_secrets(
	struct registry *r, struct monitor *m, const char *base, struct problems *p);
/* The monitors of a plan that is not committed yet; NULL: CHANGE is none. */
const struct plan *change_plan(const struct change *change);

/* "not a registered region", with the nearest that is and that ORGANIZATION (NULL: all) sees. */
void registry_region_problem(struct registry *r, const char *path, const char *name,
	const char *organization, struct problems *p);

/* What PLAN's items are found by; NULL: none. KIND: 'i' an id, 'n' a name, 'e' an external_id. */
struct mark;
const struct plan_item *plan_marked(struct mark *marks, char kind, const char *text);

/* ---- registry_family.c; MARKS: of the plan that M is in */
void registry_check_parents(struct registry *r, const struct monitor *m, struct mark *marks,
	const char *base, struct problems *p);
void registry_check_rename(struct registry *r, const struct monitor *m, struct mark *marks,
	const char *base, struct problems *p);

/* ---- registry_domains.c */
#define REGISTRY_PATH_BYTES 160
/* "BASE.MEMBER" */
void registry_path(char out[REGISTRY_PATH_BYTES], const char *base, const char *member);
void registry_check_regions(
	struct registry *r, const struct monitor *m, const char *base, struct problems *p);
/* The level that M asks for; else the coarsest with at least the requested seats; when none has,
 * the one with the most domains. */
enum failure_domain registry_choose_domain(struct registry *r, const struct monitor *m);
/* A policy that M's registered domains cannot fulfil. SEATS_GIVEN: somebody asked for their number. */
void registry_check_policy(struct registry *r, const struct monitor *m, bool seats_given,
	const char *base, struct problems *p);

/* PROBE as it is now, eventually; unless a change of it is on its way, which then does it. */
void registry_store_probe(struct registry *r, const struct probe *probe);
/* Makes what probe->policy is from probe->announced. */
void registry_set_policy(struct probe *probe);
/* A problem when probes would take M, by its organization and regions, but none would check it. */
void registry_judge(
	struct registry *r, const struct monitor *m, const char *base, struct problems *p);

#endif
