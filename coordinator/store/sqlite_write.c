// SPDX-License-Identifier: MIT
/*
 * The writing half of the SQLite backend: group commits and retention. Invariants: commit returns 0
 * only after SQLite's COMMIT did; after any failure the connection is outside of a transaction
 * again.
 */
#include "coordinator/store/sqlite.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVED_STEP_MS 10000
#define PRUNE_ROWS       500

static const char *const write_sql[OP_KIND_COUNT] = {
	[OP_PUT] = "INSERT INTO object(kind, id, name, document) VALUES(?1, ?2, ?3, ?4) "
		   "ON CONFLICT(kind, id) DO UPDATE SET name = ?3, document = ?4",
	[OP_REMOVE] = "DELETE FROM object WHERE kind = ?1 AND id = ?2",
	[OP_ALERT] =
		"INSERT INTO alert(id, case_id, open, opened_wall_ms, kind, monitor_id, document) "
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(id) DO UPDATE SET case_id = ?2, "
		"open = ?3, opened_wall_ms = ?4, kind = ?5, monitor_id = ?6, document = ?7",
	[OP_EVENT] = "INSERT INTO event(sequence, type, alert, wall_ms, document) "
		     "VALUES(?1, ?2, ?3, ?4, ?5)",
	[OP_MESSAGE] =
		"INSERT INTO message(key, sequence, channel, body, created_wall_ms, state, "
		"attempts, next_wall_ms, last_error) VALUES(?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8)",
	[OP_BUNDLE] = "UPDATE message SET bundle = ?2 WHERE key = ?1",
	/* What was sent is kept without its body, as a trace, until retention takes it. */
	[OP_MARK] =
		"UPDATE message SET state = ?2, attempts = ?3, next_wall_ms = ?4, last_error = ?5, "
		"body = CASE WHEN ?2 = 1 THEN '' ELSE body END WHERE key = ?1",
};

static const char *const result_sql[RESULT_STATEMENT_COUNT] = {
	[RESULT_IDENT_FIND] = "SELECT id FROM ident WHERE key = ?1",
	[RESULT_IDENT_ADD] = "INSERT INTO ident(key) VALUES(?1)",
	[RESULT_ADD] =
		"INSERT INTO result(source, sequence, monitor, started_wall_ms, verdict, reason, "
		"late, document) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
		"ON CONFLICT(source, sequence) DO NOTHING",
};

static int prepare(sqlite3 *db, const char *const *sql, sqlite3_stmt **out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sql[i] && sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &out[i],
				      NULL) != SQLITE_OK)
			return -1;
	return 0;
}

int sqlite_prepare_state(struct sqlite_store *s)
{
	return prepare(s->db[LANE_STATE], write_sql, s->write, OP_KIND_COUNT);
}

int sqlite_prepare_results(struct sqlite_store *s)
{
	return prepare(s->db[LANE_RESULTS], result_sql, s->result, RESULT_STATEMENT_COUNT);
}

/* ---- commit */

static void bind_id(sqlite3_stmt *stmt, int i, const struct id *id)
{
	(void)sqlite3_bind_blob(stmt, i, id, sizeof(*id), SQLITE_STATIC);
}

static void bind_text(sqlite3_stmt *stmt, int i, const char *text)
{
	(void)sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC);
}

static void bind_int(sqlite3_stmt *stmt, int i, int64_t value)
{
	(void)sqlite3_bind_int64(stmt, i, value);
}

static int finish(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static void bind_alert(sqlite3_stmt *stmt, const struct op *op)
{
	bind_id(stmt, 1, &op->u.alert.id);
	bind_text(stmt, 2, op->u.alert.case_id);
	bind_int(stmt, 3, op->u.alert.open);
	bind_int(stmt, 4, op->u.alert.opened_wall_ms);
	bind_text(stmt, 5, op->u.alert.kind);
	bind_text(stmt, 6, op->u.alert.monitor_id);
	bind_text(stmt, 7, op->u.alert.document);
}

static void bind_message(sqlite3_stmt *stmt, const struct store_message *m)
{
	bind_text(stmt, 1, m->key);
	bind_int(stmt, 2, m->sequence);
	bind_text(stmt, 3, m->channel);
	bind_text(stmt, 4, m->body);
	bind_int(stmt, 5, m->created_wall_ms);
	bind_int(stmt, 6, m->attempts);
	bind_int(stmt, 7, m->next_wall_ms);
	bind_text(stmt, 8, m->last_error);
}

static void bind_sealed(
	const struct sqlite_store *s, sqlite3_stmt *stmt, int i, const struct op *op)
{
	struct sqlite_object_row row = {(uint8_t)op->u.object.kind, op->u.object.id};
	size_t size_bytes = strlen(op->u.object.document);
	uint8_t *sealed = mem_alloc(size_bytes + SEAL_ROOM);
	seal(&s->key, &row, sizeof(row), op->u.object.document, size_bytes, sealed);
	(void)sqlite3_bind_blob64(stmt, i, sealed, size_bytes + SEAL_ROOM, free);
}

static int apply_state(struct sqlite_store *s, const struct op *op)
{
	sqlite3_stmt *stmt = s->write[op->kind];
	switch (op->kind) {
	case OP_PUT:
	case OP_REMOVE:
		bind_int(stmt, 1, op->u.object.kind);
		bind_id(stmt, 2, &op->u.object.id);
		if (op->kind == OP_REMOVE)
			break;
		bind_text(stmt, 3, op->u.object.name);
		bind_sealed(s, stmt, 4, op);
		break;
	case OP_ALERT:
		bind_alert(stmt, op);
		break;
	case OP_EVENT:
		bind_int(stmt, 1, op->u.event.sequence);
		bind_text(stmt, 2, op->u.event.type);
		bind_id(stmt, 3, &op->u.event.alert);
		bind_int(stmt, 4, op->u.event.wall_ms);
		bind_text(stmt, 5, op->u.event.document);
		break;
	case OP_MESSAGE:
		bind_message(stmt, &op->u.message);
		break;
	case OP_MARK:
		bind_text(stmt, 1, op->u.mark.key);
		bind_int(stmt, 2, op->u.mark.state);
		bind_int(stmt, 3, op->u.mark.attempts);
		bind_int(stmt, 4, op->u.mark.next_wall_ms);
		bind_text(stmt, 5, op->u.mark.last_error);
		break;
	case OP_BUNDLE:
		bind_text(stmt, 1, op->u.bundle.key);
		bind_id(stmt, 2, &op->u.bundle.id);
		break;
	case OP_RESULT:
	case OP_KIND_COUNT:
		ensure(false);
	}
	return finish(stmt);
}

/* The number that stands for a long key. */
static int ident(struct sqlite_store *s, const void *key, int size_bytes, int64_t *out)
{
	sqlite3_stmt *find = s->result[RESULT_IDENT_FIND], *add = s->result[RESULT_IDENT_ADD];
	(void)sqlite3_bind_blob(find, 1, key, size_bytes, SQLITE_STATIC);
	int rc = sqlite3_step(find);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(find, 0);
	(void)sqlite3_reset(find);
	if (rc == SQLITE_ROW)
		return SQLITE_OK;
	if (rc != SQLITE_DONE)
		return rc;
	(void)sqlite3_bind_blob(add, 1, key, size_bytes, SQLITE_STATIC);
	rc = finish(add);
	*out = sqlite3_last_insert_rowid(s->db[LANE_RESULTS]);
	return rc;
}

static int apply_result(struct sqlite_store *s, const struct op *op)
{
	const struct store_result *r = &op->u.result;
	struct id source_key[2] = {r->probe, r->boot};
	int64_t source = 0, monitor = 0;
	int rc = ident(s, source_key, sizeof(source_key), &source);
	if (rc == SQLITE_OK)
		rc = ident(s, &r->monitor, sizeof(r->monitor), &monitor);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_stmt *stmt = s->result[RESULT_ADD];
	bind_int(stmt, 1, source);
	bind_int(stmt, 2, r->sequence);
	bind_int(stmt, 3, monitor);
	bind_int(stmt, 4, r->started_wall_ms);
	bind_int(stmt, 5, r->verdict);
	bind_int(stmt, 6, r->reason);
	bind_int(stmt, 7, r->late);
	bind_text(stmt, 8, r->document);
	return finish(stmt);
}

/* Whether an error is the batch's own fault (true) or the medium's. */
static bool is_refusal(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
	case SQLITE_TOOBIG:
	case SQLITE_MISMATCH:
		return true;
	default:
		return false;
	}
}

/* Applies B as a whole or not at all; an error is returned only when it is the medium's. */
static int apply_batch(struct sqlite_store *s, enum lane_kind lane, struct store_batch *b)
{
	sqlite3 *db = s->db[lane];
	int rc = sqlite_run(db, "SAVEPOINT batch");
	for (size_t i = 0; rc == SQLITE_OK && i < b->n_ops; i++)
		rc = lane == LANE_RESULTS ? apply_result(s, &b->ops[i])
					  : apply_state(s, &b->ops[i]);
	b->error = STORE_OK;
	if (rc != SQLITE_OK && is_refusal(rc)) {
		b->error = STORE_FAILED;
		rc = sqlite_run(db, "ROLLBACK TO batch");
	}
	return rc == SQLITE_OK ? sqlite_run(db, "RELEASE batch") : rc;
}

/* Notes up to which row results have come by now. */
static int note_received(sqlite3 *db)
{
	char sql[200];
	int64_t step_wall_ms = clock_wall_ms() / RECEIVED_STEP_MS * RECEIVED_STEP_MS;
	snprintf(sql, sizeof(sql),
		"INSERT INTO received SELECT %lld, max(id) FROM result HAVING max(id) NOT NULL "
		"ON CONFLICT(wall_ms) DO UPDATE SET last_id = excluded.last_id",
		(long long)step_wall_ms);
	return sqlite_run(db, sql);
}

/* Returns SQLite's code; WHY is set unless it is SQLITE_OK. */
static int commit_once(
	struct sqlite_store *s, enum lane_kind lane, struct store_batch *first, char why[WHY_SIZE])
{
	sqlite3 *db = s->db[lane];
	int rc = sqlite_run(db, "BEGIN IMMEDIATE");
	if (rc == SQLITE_OK && !first)
		rc = sqlite_run(db, "UPDATE pulse SET n = n + 1");
	for (struct store_batch *b = first; rc == SQLITE_OK && b; b = b->next)
		rc = apply_batch(s, lane, b);
	if (rc == SQLITE_OK && first && lane == LANE_RESULTS)
		rc = note_received(db);
	if (rc == SQLITE_OK)
		rc = sqlite_run(db, "COMMIT");
	if (rc == SQLITE_OK)
		return SQLITE_OK;
	sqlite_why(why, lane == LANE_STATE ? "state.db" : "results.db", db);
	if (!sqlite3_get_autocommit(db))
		(void)sqlite_run(db, "ROLLBACK");
	return rc;
}

int sqlite_commit(void *backend, enum lane_kind lane, struct store_batch *first, char why[WHY_SIZE])
{
	struct sqlite_store *s = backend;
	int rc = commit_once(s, lane, first, why);
	if ((rc & 0xff) == SQLITE_FULL && lane == LANE_STATE && sqlite_release_reserve(s))
		rc = commit_once(s, lane, first, why);
	return rc == SQLITE_OK ? 0 : -1;
}

/* ---- retention */

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = 0;
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

/* The id up to which results have to go. */
static int64_t prune_limit(sqlite3 *db, const struct retention *keep, int64_t now_wall_ms)
{
	char sql[160];
	int64_t limit = 0;
	if (keep->age_ms < now_wall_ms) {
		snprintf(sql, sizeof(sql), "SELECT max(last_id) FROM received WHERE wall_ms < %lld",
			(long long)(now_wall_ms - keep->age_ms - RECEIVED_STEP_MS));
		limit = number(db, sql);
	}
	int64_t pages = number(db, "PRAGMA page_count") - number(db, "PRAGMA freelist_count");
	int64_t page_bytes = number(db, "PRAGMA page_size");
	if (page_bytes > 0 && pages > keep->size_bytes / page_bytes) {
		int64_t slice = number(db, "SELECT min(id) FROM result") + PRUNE_ROWS - 1;
		limit = slice > limit ? slice : limit;
	}
	return limit;
}

/* After the last slice: what nothing points to any more, and the space itself. */
static void prune_rest(sqlite3 *db, int64_t limit)
{
	char sql[400];
	snprintf(sql, sizeof(sql),
		"DELETE FROM received WHERE last_id <= %lld;"
		"DELETE FROM ident WHERE NOT EXISTS (SELECT 1 FROM result WHERE source = ident.id) "
		"AND NOT EXISTS (SELECT 1 FROM result WHERE monitor = ident.id);",
		(long long)limit);
	(void)sqlite_run(db, sql);
}

static void prune_messages(sqlite3 *db, const struct retention *keep, int64_t now_wall_ms)
{
	char sql[240];
	snprintf(sql, sizeof(sql),
		"DELETE FROM message WHERE key IN (SELECT key FROM message WHERE state = %d "
		"ORDER BY sequence LIMIT %d) AND created_wall_ms < %lld",
		OUTBOX_SENT, PRUNE_ROWS, (long long)(now_wall_ms - keep->age_ms));
	if (keep->age_ms < now_wall_ms)
		(void)sqlite_run(db, sql);
}

/* Room on the disk, not only in the file: the log is written back and cut, too. */
static void give_back(sqlite3 *db, bool in_need)
{
	(void)sqlite_run(db, "PRAGMA incremental_vacuum(200)");
	if (in_need)
		(void)sqlite_run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
}

/* A failure here leaves things as they are; the next commit says so louder. On a full disk even removing needs room:
 * the reserve is for that, too. */
bool sqlite_prune(void *backend, const struct retention *keep, int64_t now_wall_ms)
{
	struct sqlite_store *s = backend;
	sqlite3 *db = s->db[LANE_RESULTS];
	int64_t limit = prune_limit(db, keep, now_wall_ms);
	char sql[160];
	snprintf(sql, sizeof(sql),
		"DELETE FROM result WHERE id <= %lld AND id < %d + (SELECT min(id) FROM result)",
		(long long)limit, PRUNE_ROWS);
	int rc = limit > 0 ? sqlite_run(db, sql) : SQLITE_OK;
	if ((rc & 0xff) == SQLITE_FULL)
		return sqlite_release_reserve(s);
	if (limit > 0 && rc == SQLITE_OK && sqlite3_changes(db) > 0) {
		give_back(db, keep->size_bytes == 0);
		return true;
	}
	if (limit > 0)
		prune_rest(db, limit);
	prune_messages(s->db[LANE_STATE], keep, now_wall_ms);
	return false;
}
