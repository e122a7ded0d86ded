// SPDX-License-Identifier: MIT
/*
 * What operators registered: regions, probes, monitors, API keys. In memory as structs, in the
 * store as documents; a change is believed only after it was committed. Listeners (assignment,
 * verdicts, fleet) are told afterwards.
 */
#ifndef QUORATE_REGISTRY_H
#define QUORATE_REGISTRY_H

#include "coordinator/store/store.h"
#include "proto/base/schema.h"
#include "proto/fence.h"
#include "proto/joinstring.h"
#include "proto/monitor.h"

#include <uthash.h>

struct region {
	struct id id;
	char *name;          /* ap-northeast-1 */
	char *title;         /* "Tokyo"; NULL */
	char *provider;      /* default failure domain of its probes; NULL */
	char *organization;  /* its only one: private, named and never meant by "*"; NULL: shared */
	struct strings sets; /* "@japan" in monitors means every region with the set "japan" */
	UT_hash_handle hh;
};
extern const struct schema region_schema;

struct probe {
	struct id id;
	uint32_t key; /* of this run of the coordinator, never 0: what core knows it by */
	char *name;
	char *region;
	char *provider;     /* NULL: its region's */
	char *organization; /* the only one that it serves, for good; NULL: it is shared */
	char *token_hash;   /* hex SHA-256 of the token; SECRET */
	bool drained;       /* holds a seat only where nobody else can */
	char *join_hash;    /* hex SHA-256 of its join string's secret; SECRET; NULL: none */
	int64_t join_expires_wall_ms;
	bool join_used; /* by the token in token_hash */
	int64_t created_wall_ms;
	int64_t joined_wall_ms;        /* first seen; UNSET: never, so that nobody misses it yet */
	struct capabilities announced; /* newest; what it can and may do */
	int64_t announced_wall_ms;     /* UNSET: never */
	struct policy policy;          /* of announced */
	char *known_pin;   /* of the door's next key: the last that it said it keeps; NULL: none */
	UT_hash_handle hh; /* by name */
	UT_hash_handle hh_key;
};
extern const struct schema probe_schema;

/* Somebody's wish that a monitor is not checked for a while. It stands beside what operators wrote,
 * so that applying a file again does not end it. */
struct pause {
	int64_t at_wall_ms;    /* UNSET: it is not paused */
	int64_t until_wall_ms; /* UNSET: until somebody resumes it */
	char *by;              /* name of an API key */
	char *reason;          /* NULL: none given */
};
extern const struct schema pause_schema;

/* A monitor registered; `m` is what operators wrote. */
struct registered {
	struct monitor m;
	struct pause pause;
	UT_hash_handle hh; /* by id */
	UT_hash_handle hh_name;
	UT_hash_handle hh_external; /* those with an external_id */
};

/* What monitors name as {secret: NAME}. The value leaves the coordinator for voters only. */
struct secret {
	struct id id;
	char *name; /* "NAME" or "ORGANIZATION/NAME", see secret_name_short() */
	char *value;
	int64_t revision; /* +1 with every new value */
	int64_t created_wall_ms, changed_wall_ms;
	UT_hash_handle hh; /* by name */
};
extern const struct schema secret_schema, secret_value_schema; /* the latter: {"value"} */

enum role { ROLE_VIEWER, ROLE_EDITOR, ROLE_ADMIN };
extern const char *const role_names[];

struct api_key {
	struct id id;
	char *name;
	int role;           /* enum role */
	char *organization; /* the only one whose things it sees; NULL: all */
	char *hash;         /* hex SHA-256; SECRET */
	int64_t created_wall_ms;
	UT_hash_handle hh; /* by hash */
};
extern const struct schema api_key_schema;

enum registry_change {
	CHANGED_REGION,
	CHANGED_PROBE,
	CHANGED_MONITOR,
	CHANGED_SECRET,      /* it is new, or has another value */
	CHANGED_MAINTENANCE, /* it is new, is gone, begins or ends */
	REMOVED_REGION,
	REMOVED_PROBE,
	REMOVED_MONITOR
};
/* OBJECT: struct region, struct probe, struct registered, struct secret or struct maintenance; of a REMOVED_x it is still whole during
 * the call. */
typedef void (*registry_listener_fn)(void *arg, enum registry_change change, void *object);

struct registry;
/* Loads everything from STORE; blocks. NULL after logging why. */
struct registry *registry_open(struct store *store, int64_t per_target);
void registry_close(struct registry *r);
void registry_set_per_target(struct registry *r, int64_t per_target);
void registry_listen(struct registry *r, registry_listener_fn listener, void *arg); /* at most 4 */

/* ---- finding; NULL when there is none. Borrowed until the loop turns. */
struct region *registry_region(struct registry *r, const char *name);
struct probe *registry_probe(struct registry *r, const char *name);
struct probe *registry_probe_by_key(struct registry *r, uint32_t key);
struct registered *registry_monitor(struct registry *r, const struct id *id);
struct registered *registry_monitor_by_name(struct registry *r, const char *name);
struct registered *registry_monitor_by_external_id(struct registry *r, const char *external_id);
/* What people type: an id, an external_id or a name. */
struct registered *registry_monitor_find(struct registry *r, const char *text);
const struct api_key *registry_key(struct registry *r, const char *secret);
const struct secret *registry_secret(struct registry *r, const char *name);

/* ---- walking, in order of name (monitors: of id, from AFTER; NULL: the first). */
struct region *registry_next_region(struct registry *r, const struct region *after);
struct probe *registry_next_probe(struct registry *r, const struct probe *after);
struct registered *registry_next_monitor(struct registry *r, const struct id *after);
const struct api_key *registry_next_key(struct registry *r, const struct api_key *after);
const struct secret *registry_next_secret(struct registry *r, const struct secret *after);
size_t registry_count_monitors(const struct registry *r);

/* ---- changing. Each validates first: on -1 PROBLEMS says why and nothing happened (DONE does not
 * come). On 0 the change was submitted; DONE comes with STORE_OK when it is committed and applied,
 * or an error when nothing changed. */
typedef void (*registry_done_fn)(void *arg, enum store_error error, const struct id *id);

/* IN: an object as people write it. Duplicate names are problems. */
MUST_CHECK int registry_add_region(
	struct registry *r, const json_t *in, struct problems *p, registry_done_fn done, void *arg);
#define TOKEN_TEXT_SIZE 49 /* "qpt_" + 44 */
#define JOIN_TEXT_SIZE  48 /* "qj_" + 44 */
struct probe_secrets {
	int64_t valid_ms; /* given: how long the secret to join with is good; 0: none is made */
	int64_t expires_wall_ms;
	char token[TOKEN_TEXT_SIZE];
	char join[JOIN_TEXT_SIZE];
};
/* IN: {"name", "region", "provider", "organization"}. SECRETS are told this once: a token, and with
 * valid_ms a join string's secret. */
MUST_CHECK int registry_admit_probe(struct registry *r, const json_t *in,
	struct probe_secrets *secrets, struct problems *p, registry_done_fn done, void *arg);
/* The same, or with RENEW the next one, without a join string. */
MUST_CHECK int registry_add_probe(struct registry *r, const json_t *in, bool renew,
	char token[TOKEN_TEXT_SIZE], struct problems *p, registry_done_fn done, void *arg);
/* Other secrets for a probe that exists; the old ones are void. */
MUST_CHECK int registry_renew_probe(struct registry *r, const char *name,
	struct probe_secrets *secrets, struct problems *p, registry_done_fn done, void *arg);
/* No secrets at all: it is shut out until it is given others. */
MUST_CHECK int registry_revoke_probe(
	struct registry *r, const char *name, struct problems *p, registry_done_fn done, void *arg);
enum join_outcome {
	JOIN_TAKEN,   /* submitted: DONE comes, and the token is the request's */
	JOIN_AGAIN,   /* the same secret with the same token: it is so already */
	JOIN_REFUSED, /* no such probe or not its secret: nobody is told which */
	JOIN_USED,    /* with another token */
	JOIN_EXPIRED,
	JOIN_BUSY /* the probe is being changed just now */
};
/* DONE comes after JOIN_TAKEN only. */
MUST_CHECK enum join_outcome registry_join_probe(
	struct registry *r, const struct join_request *request, registry_done_fn done, void *arg);
/* A drained probe's seats are given to others, at once; its being away is no alert. */
MUST_CHECK int registry_drain_probe(struct registry *r, const char *name, bool drained,
	struct problems *p, registry_done_fn done, void *arg);
/* Remembers that PROBE was seen for the first time. */
void registry_probe_joined(struct registry *r, struct probe *probe, int64_t wall_ms);
/* PROBE keeps PIN, and so will find the door when that key's turn comes. */
void registry_probe_pinned(struct registry *r, struct probe *probe, const char *pin);
/* Whether TOKEN is the one of PROBE; in constant time. */
bool registry_token_fits(const struct probe *probe, const char *token);
MUST_CHECK int registry_remove_region(
	struct registry *r, const char *name, struct problems *p, registry_done_fn done, void *arg);
MUST_CHECK int registry_remove_probe(
	struct registry *r, const char *name, struct problems *p, registry_done_fn done, void *arg);
MUST_CHECK int registry_remove_monitor(
	struct registry *r, const struct id *id, registry_done_fn done, void *arg);
/* SECRET gets the new key ("qk_…"), told this once. */
#define KEY_TEXT_SIZE 48 /* "qk_" + 44 */
MUST_CHECK int registry_add_key(struct registry *r, const json_t *in, char secret[KEY_TEXT_SIZE],
	struct problems *p, registry_done_fn done, void *arg);
MUST_CHECK int registry_remove_key(
	struct registry *r, const struct id *id, registry_done_fn done, void *arg);

/* ---- secrets (registry_secrets.c) */

/* IN: {"value"}. A secret of that name gets another value, or is made. Refused when a monitor that
 * uses it could not be checked with this value. */
MUST_CHECK int registry_set_secret(struct registry *r, const char *name, const json_t *in,
	struct problems *p, registry_done_fn done, void *arg);
/* Refused while monitors use it. */
MUST_CHECK int registry_remove_secret(
	struct registry *r, const char *name, struct problems *p, registry_done_fn done, void *arg);
/* M as its voters get it, in its wire form with the values of its secrets: for nobody else. A new
 * reference. */
json_t *registry_monitor_for_voters(struct registry *r, struct monitor *m);

/*
 * One plan for one or many monitors (POST, PUT, apply): each input is matched with what exists (by
 * `id` given by the caller, else external_id, else name), validated (schema, known regions with the
 * nearest suggestion, per-target ceiling, a policy that its registered domains can fulfil) and
 * marked. All or nothing.
 */
enum plan_kind { PLAN_CREATE, PLAN_UPDATE, PLAN_UNCHANGED };
extern const char *const plan_kind_names[]; /* create update unchanged */

struct plan_item {
	enum plan_kind kind;
	struct monitor m; /* owned by the plan; id and revision already as they would be */
};

struct plan {
	struct plan_item *item;
	size_t n;
};
/* INPUTS: json array. ID: of the one monitor to be replaced (PUT), or NULL. BASE_PATH: what error
 * paths begin with ("" or "monitors"). 0 and *OUT, or -1 and PROBLEMS. */
MUST_CHECK int registry_plan(struct registry *r, const json_t *inputs, const struct id *id,
	const char *base_path, struct plan **out, struct problems *p);
void registry_plan_free(struct plan *plan);
/* Takes PLAN: one transaction. -1 when something it touches changed since (nothing happened): plan
 * again. */
MUST_CHECK int registry_commit(
	struct registry *r, struct plan *plan, registry_done_fn done, void *arg);

/* ---- pauses (registry_pause.c) */

/* Whether it is checked at all: neither disabled by what was written, nor paused. */
bool registry_is_checked(const struct registered *entry);
/* Takes the content of PAUSE (at_wall_ms is set here); another pause before is replaced. -1: there is
 * no such monitor. */
MUST_CHECK int registry_pause(struct registry *r, const struct id *id, struct pause *take,
	registry_done_fn done, void *arg);
/* DONE comes also when it was not paused. -1: there is no such monitor. */
MUST_CHECK int registry_resume(
	struct registry *r, const struct id *id, const char *by, registry_done_fn done, void *arg);
/* Ends the pauses whose time is over at WALL_MS; at once, also with a broken store: a monitor must
 * not stay unwatched because of a disk. To be called about once a second. */
void registry_end_pauses(struct registry *r, int64_t wall_ms);

/* ---- registry_fence.c: who may check what */

/* Whether ORGANIZATION (NULL: an operator) may know of what OWNER has (NULL: it is shared). */
bool registry_sees(const char *organization, const char *owner);
/* Whether M's organization and regions take PROBE in. */
bool registry_serves(struct registry *r, const struct probe *probe, const struct monitor *m);
/* Why PROBE would not check M, by what it announced; FENCE_OPEN: it would, or nobody knows yet. */
enum fence registry_fence(const struct probe *probe, const struct monitor *m);
/* Both. */
bool registry_eligible(struct registry *r, const struct probe *probe, const struct monitor *m);
/* Remembers what PROBE announced. Returns whether that is news. */
bool registry_announce(
	struct registry *r, struct probe *probe, const struct capabilities *can, int64_t wall_ms);

/* The monitor that M means by TEXT, one of its parents; NULL: there is none (any more). */
const struct registered *registry_parent(
	struct registry *r, const struct monitor *m, const char *text);
/* Whether one of the monitor's region names ("*", "@set", a name) takes in REGION. */
bool registry_in_regions(struct registry *r, const struct monitor *m, const char *region);
/* The seats that M's registered domains give: as many as it asks for, or fewer. */
int registry_count_seats(struct registry *r, const struct monitor *m);
/* The failure domain of PROBE at LEVEL, as a hash for core/assign. */
uint64_t registry_domain(struct registry *r, const struct probe *probe, enum failure_domain level);

#endif
