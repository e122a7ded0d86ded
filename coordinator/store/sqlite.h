// SPDX-License-Identifier: MIT
/*
 * The SQLite backend's own parts. Two files in one folder: state.db (synchronous=FULL: safe against
 * power loss) and results.db (NORMAL: safe against kill -9). WAL in both; one writing and one
 * reading connection each.
 */
#ifndef QUORATE_STORE_SQLITE_H
#define QUORATE_STORE_SQLITE_H

#include "coordinator/store/backend.h"
#include "coordinator/store/seal.h"

#include <sqlite3.h>

/* ---- sqlite_schema.c: a schema is the list of steps that lead to it; its version is their number.
 */
struct sqlite_schema {
	const char *file; /* "state.db" */
	const char *const *steps;
	int n_steps;
};
extern const struct sqlite_schema sqlite_state_schema, sqlite_results_schema;

/* The schema that DB has, or -1 and WHY: it is newer than ours or somebody else's. */
MUST_CHECK int sqlite_version(sqlite3 *db, const struct sqlite_schema *schema, char why[WHY_SIZE]);
/* Brings DB forward to SCHEMA, all steps in one transaction. -1 and WHY when it is newer than ours,
 * is somebody else's database, or a step fails (then it is as it was). */
MUST_CHECK int sqlite_migrate(sqlite3 *db, const struct sqlite_schema *schema, char why[WHY_SIZE]);

/* ---- sqlite.c */
enum { RESULT_IDENT_FIND, RESULT_IDENT_ADD, RESULT_ADD, RESULT_STATEMENT_COUNT };

struct sqlite_store {
	char *folder;
	int lock_fd;
	bool reserve;        /* the file is there; the writer's */
	struct seal_key key; /* constant after open: read by both threads */
	/* the writer's */
	sqlite3 *db[LANE_COUNT];
	sqlite3_stmt *write[OP_KIND_COUNT];
	sqlite3_stmt *result[RESULT_STATEMENT_COUNT];
	/* the reader's */
	sqlite3 *reader[LANE_COUNT];
};
/* A connection for reading only; NULL on failure. */
sqlite3 *sqlite_open_reader(const struct sqlite_store *s, enum lane_kind lane);
/* A sentence about DB's last error. */
void sqlite_why(char why[WHY_SIZE], const char *file, sqlite3 *db);

int sqlite_run(sqlite3 *db, const char *sql);
/* Whether state.db was sealed with KEY: 1 yes, 0 no, -1 it does not say or cannot be read. */
int sqlite_key_fits(sqlite3 *db, const struct seal_key *key);
/* What a sealed document of an object is bound to. */
struct sqlite_object_row {
	uint8_t kind;
	struct id id;
};

/* ---- sqlite_write.c */
MUST_CHECK int sqlite_prepare_state(struct sqlite_store *s);
MUST_CHECK int sqlite_prepare_results(struct sqlite_store *s);
int sqlite_commit(
	void *backend, enum lane_kind lane, struct store_batch *first, char why[WHY_SIZE]);
bool sqlite_prune(void *backend, const struct retention *keep, int64_t now_wall_ms);

/* ---- sqlite_disk.c: the disk under the folder, and a file that keeps some of it back for state and the outbox. */
int sqlite_space(void *backend, struct disk_space *out);
/* Gives the reserve back to the disk; false: there is none left. It is made again when there is room. */
bool sqlite_release_reserve(struct sqlite_store *s);

/* ---- sqlite_query.c */
json_t *sqlite_query(void *backend, const struct query *q);
int sqlite_each_object(void *backend, enum store_kind kind, document_fn fn, void *arg);
int sqlite_each_open_alert(void *backend, document_fn fn, void *arg);
int sqlite_each_pending(void *backend, message_fn fn, void *arg);
int64_t sqlite_last_sequence(void *backend);

#endif
