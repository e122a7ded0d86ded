// SPDX-License-Identifier: MIT
/*
 * What stands behind store.h: batches of operations that a worker thread hands to a backend.
 * Private to coordinator/store and its tests. A backend knows nothing of the loop, of queues or of
 * retries.
 *
 * Threads: open, each_*, last_sequence and close are called by the opener's thread; commit and
 * prune by the writer; query by the reader. A backend makes these three safe against each other.
 * Nothing here logs: errors are sentences in WHY, for the loop's thread to log.
 */
#ifndef QUORATE_STORE_BACKEND_H
#define QUORATE_STORE_BACKEND_H

#include "coordinator/store/ladder.h"
#include "coordinator/store/store.h"

#include <limits.h>
#include <stddef.h>

#define WHY_SIZE 320

enum op_kind {
	OP_PUT,
	OP_REMOVE,
	OP_ALERT,
	OP_EVENT,
	OP_MESSAGE,
	OP_MARK,
	OP_BUNDLE,
	OP_RESULT,
	OP_KIND_COUNT
};

#define OP_OWNED_MAX 4

/* One write. All texts are copies: the op's owned[] frees them, the rest of it only points there.
 */
struct op {
	enum op_kind kind;
	union {
		struct {
			enum store_kind kind;
			struct id id;
			const char *name, *document;
		} object; /* PUT, REMOVE */
		struct {
			struct id id;
			const char *case_id, *kind, *monitor_id, *document;
			bool open;
			int64_t opened_wall_ms;
		} alert;
		struct {
			int64_t sequence, wall_ms;
			const char *type, *document;
			struct id alert;
		} event;
		struct store_message message;
		struct {
			const char *key, *last_error;
			enum message_state state;
			int64_t attempts, next_wall_ms;
		} mark;
		struct {
			const char *key;
			struct id id;
		} bundle;
		struct store_result result;
	} u;
	char *owned[OP_OWNED_MAX];
	size_t n_owned;
};

enum lane_kind { LANE_STATE, LANE_RESULTS, LANE_COUNT };

/* One transaction, on its way from the loop through a lane of the writer. */
struct store_batch {
	struct store_batch *next;
	struct op *ops;
	size_t n_ops, room_ops;
	enum lane_kind lane;
	enum store_mode mode;
	store_done_fn done;
	void *arg;
	bool answered;          /* DONE was told (or there is none) */
	enum store_error error; /* of this batch alone, set by commit */
};
void store_batch_free(struct store_batch *b);

enum query_kind { QUERY_ALERTS, QUERY_ALERT, QUERY_EVENTS, QUERY_RESULTS, QUERY_DEAD };

struct query {
	struct query *next;
	enum query_kind kind;
	int state; /* ALERTS */
	struct id before;
	struct result_filter results; /* RESULTS */
	int64_t after_sequence;       /* EVENTS */
	int limit;                    /* 1 … QUERY_LIMIT_MAX */
	char *text;                   /* ALERTS: kind; ALERT: id or case id; owned */
	char *monitor_text;           /* ALERTS; owned */
	store_list_fn done;
	void *arg;
};
#define QUERY_LIMIT_MAX 10000

struct retention {
	int64_t age_ms;     /* results older than this go */
	int64_t size_bytes; /* and the oldest ones above this much */
};

typedef void (*document_fn)(void *arg, const struct id *id, const json_t *document);
typedef void (*message_fn)(void *arg, const struct store_message *m);

struct backend_ops {
	int (*open)(void **out, const char *location, char why[WHY_SIZE]);
	void (*close)(void *backend);
	/*
	 * Commits a list of batches of one lane together. Returns 0 when the transaction is safe; a
	 * batch whose own content was refused (a repeated key) has error STORE_FAILED and left no
	 * trace. -1 and WHY: nothing was committed, the medium is at fault, try again later. An
	 * empty list writes something all the same: it is the question whether commits work again.
	 */
	int (*commit)(
		void *backend, enum lane_kind lane, struct store_batch *first, char why[WHY_SIZE]);
	/* Removes a slice of what is past its retention; true: there is more. */
	bool (*prune)(void *backend, const struct retention *keep, int64_t now_wall_ms);
	/* How full its disk is, asked by the writer every few seconds; -1: it cannot be told. NULL: there is no disk. */
	int (*space)(void *backend, struct disk_space *out);
	/* A new reference to a list, or NULL. */
	json_t *(*query)(void *backend, const struct query *q);
	int (*each_object)(void *backend, enum store_kind kind, document_fn fn, void *arg);
	int (*each_open_alert)(void *backend, document_fn fn, void *arg);
	int (*each_pending)(void *backend, message_fn fn, void *arg);
	int64_t (*last_sequence)(void *backend); /* -1: cannot be read */
};
extern const struct backend_ops sqlite_backend, memory_backend;

/* The rows that queries answer with, the same from each backend. Documents are JSON texts. */
json_t *row_event(int64_t sequence, const char *type, const char *document);
json_t *row_result(const struct id *probe, int64_t started_wall_ms, int64_t row, bool late,
	const char *document);
json_t *row_dead(const struct store_message *m);
/* The text as a value; JSON null for what is no JSON. */
json_t *row_document(const char *text, size_t size_bytes);

/* For tests: the next TIMES commits of LANE fail as on a full disk, without reaching the backend.
 */
#define FAULT_LASTING INT_MAX
void store_inject_fault(struct store *store, enum lane_kind lane, int times);

#endif
