// SPDX-License-Identifier: MIT
/*
 * What the coordinator must not forget. About a dozen verbs of the domain; no SQL and no row type
 * crosses this header. Objects are JSON documents to the store, with the few facts beside them that
 * it searches by.
 *
 * A worker thread commits in groups and answers queries on a connection of its own; the loop's
 * thread never waits for a disk. State (objects, alerts, events, messages; synchronous=FULL) and
 * raw results (a second file) are apart: losing samples can never lose an alert. All callbacks come
 * in the loop's thread, exactly once, never before the call returned.
 *
 * When the disk is full or broken, an EVENTUALLY batch stays in memory and is tried again every
 * second in its order (its callback comes with STORE_DEGRADED at the first failure, at once; there
 * is no second one); an OR_FAIL batch is dropped and says so. A batch whose content is refused (an
 * event sequence or a message key that is there already) ends with STORE_FAILED as a whole, in
 * either mode; the others are not touched by it.
 */
#ifndef QUORATE_STORE_H
#define QUORATE_STORE_H

#include "coordinator/store/ladder.h"
#include "proto/base/loop.h"
#include "quorate/id.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct store;
struct store_batch;

enum store_kind {
	STORE_REGION,
	STORE_PROBE,
	STORE_MONITOR,
	STORE_KEY,
	STORE_SECRET,
	STORE_PAUSE,  /* of a monitor, by its id */
	STORE_HUSHED, /* alerts closed by hand whose cause lasts */
	STORE_MAINTENANCE,
	STORE_QUARANTINE, /* the sentence on a probe, by its id */
	STORE_KIND_COUNT
};
enum store_error { STORE_OK = 0, STORE_DEGRADED = -1, STORE_FAILED = -2 };
enum store_mode { STORE_OR_FAIL, STORE_EVENTUALLY };

/* HEALTH is called when commits of state (or of results) begin to fail or the disk fills up to another rung of its
 * ladder (ladder.h), and when all is well again (detail NULL). */
enum store_part { STORE_PART_STATE, STORE_PART_RESULTS, STORE_PART_DISK, STORE_PART_COUNT };
extern const char *const store_part_names[]; /* "state", "results", "disk" */
typedef void (*store_health_fn)(void *arg, enum store_part part, const char *detail);

/*
 * LOCATION: "sqlite:/var/lib/quorate-coordinator" (a folder, made 0700 if missing) or "memory:". Opens, checks
 * the schema version and migrates forward (a newer one than ours is refused). Blocks; for start-up.
 * 0, or -1 after logging why.
 */
MUST_CHECK int store_open(struct store **out, struct loop *loop, const char *location,
	store_health_fn health, void *arg);
/* Commits what is queued (at most 1 s), ends the worker. Callbacks not yet made are not made. */
void store_close(struct store *store);
/* Raw results go when they are older than AGE_MS (by when they were stored), and the oldest ones
 * when they take more than SIZE_BYTES on disk; in small slices. Until it is called: 7 days, 4 GiB.
 */
void store_set_retention(struct store *store, int64_t age_ms, int64_t size_bytes);

/* As last measured; total_bytes 0: not yet, or there is no disk. */
struct disk_space store_disk(const struct store *store);

/* ---- reading at start-up; blocks. FN gets borrowed values; they are called in order of id
 * (messages: of sequence). */
MUST_CHECK int store_each(struct store *store, enum store_kind kind,
	void (*fn)(void *arg, const struct id *id, const json_t *document), void *arg);
MUST_CHECK int store_each_open_alert(struct store *store,
	void (*fn)(void *arg, const struct id *id, const json_t *document), void *arg);

/* An outgoing message of an alert's transition: one row per channel. */
struct store_message {
	int64_t sequence; /* of its event */
	const char *channel;
	const char *key;  /* stable idempotency key, unique: "<event>.<channel>" */
	const char *body; /* what is sent, text */
	int64_t created_wall_ms;
	int64_t attempts;
	int64_t next_wall_ms;   /* not before */
	const char *last_error; /* NULL: none */
	struct id bundle; /* it goes out with the others that have the same; zero: by itself */
};
enum message_state { OUTBOX_PENDING, OUTBOX_SENT, OUTBOX_DEAD };
MUST_CHECK int store_each_pending_message(
	struct store *store, void (*fn)(void *arg, const struct store_message *m), void *arg);
/* The greatest event sequence ever committed; 0: none. */
int64_t store_last_sequence(struct store *store);

/* ---- writing: a batch is one transaction. Documents are borrowed during the call. */
struct store_batch *store_batch_new(struct store *store);
void store_put(struct store_batch *b, enum store_kind kind, const struct id *id, const char *name,
	const json_t *document);
void store_remove(struct store_batch *b, enum store_kind kind, const struct id *id);
void store_put_alert(struct store_batch *b, const struct id *id, const char *case_id, bool open,
	int64_t opened_wall_ms, const char *kind, const char *monitor_id, const json_t *document);
void store_add_event(struct store_batch *b, int64_t sequence, const char *type,
	const struct id *alert, int64_t wall_ms, const json_t *document);
void store_add_message(struct store_batch *b, const struct store_message *m);
void store_mark_message(struct store_batch *b, const char *key, enum message_state state,
	int64_t attempts, int64_t next_wall_ms, const char *last_error);
/* Which bundle a pending message goes out with, from now on. */
void store_bundle_message(struct store_batch *b, const char *key, const struct id *bundle);

struct store_result {
	struct id probe, boot, monitor;
	int64_t sequence;
	int64_t started_wall_ms;
	int verdict, reason;
	bool late;            /* history only */
	const char *document; /* the result as JSON text */
};
void store_add_result(struct store_batch *b,
	const struct store_result *r); /* a repeat of (probe, boot, sequence) is skipped */

typedef void (*store_done_fn)(void *arg, enum store_error error);
/* Takes B. A batch holds results or state, not both. DONE may be NULL. */
void store_submit(struct store *store, struct store_batch *b, enum store_mode mode,
	store_done_fn done, void *arg);
/* Results queued and not yet committed; the caller stops adding above its own limit (they are
 * dropped, counted, never votes). */
int64_t store_results_queued(const struct store *store);

/* ---- queries; answered in the loop with a list (borrowed, NULL on failure) */
typedef void (*store_list_fn)(void *arg, enum store_error error, const json_t *list);

struct alert_filter {
	int state;              /* 1 open (or acknowledged), 0 closed, -1 any */
	const char *kind;       /* NULL: any */
	const char *monitor_id; /* NULL: any */
	struct id before;       /* cursor: ids smaller than this; zero: from the newest */
	int limit;
};
/* Alert documents, newest first. */
void store_query_alerts(
	struct store *store, const struct alert_filter *filter, store_list_fn done, void *arg);
/* The one alert with this id or case id, as a list of one or none. */
void store_query_alert(struct store *store, const char *id_or_case, store_list_fn done, void *arg);
/* Events with a greater sequence, in order: [{"sequence", "type", "document"}]. */
void store_query_events(
	struct store *store, int64_t after_sequence, int limit, store_list_fn done, void *arg);
struct result_filter {
	struct id monitor;
	int64_t from_wall_ms, to_wall_ms; /* started in between, both included; to 0: until now */
	/* Cursor: those that come after this row of an earlier answer. 0: from the newest. */
	int64_t after_started_wall_ms, after_row;
	int limit;
};
/* The results of a monitor, by their start, the newest first: [{"probe", "started_wall_ms", "row",
 * "late", "document"}]; documents are values. */
void store_query_results(
	struct store *store, const struct result_filter *filter, store_list_fn done, void *arg);
/* Messages that could not be delivered, newest first:
 * [{"sequence", "channel", "key", "body" (text), "created_wall_ms", "attempts", "last_error"}]. */
void store_query_dead(struct store *store, int limit, store_list_fn done, void *arg);

#endif
