// SPDX-License-Identifier: MIT
/*
 * The reading half of the SQLite backend: the reader's queries on its own connections, and the
 * walks at start-up, each on a connection of the moment. What is read is always a committed state.
 */
#include "coordinator/store/sqlite.h"

#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *column_text(sqlite3_stmt *stmt, int column)
{
	return (const char *)sqlite3_column_text(stmt, column);
}

static json_t *column_document(sqlite3_stmt *stmt, int column)
{
	const char *text = sqlite3_column_blob(stmt, column);
	return row_document(text, (size_t)sqlite3_column_bytes(stmt, column));
}

static struct id column_id(sqlite3_stmt *stmt, int column)
{
	struct id id = {0};
	if (sqlite3_column_bytes(stmt, column) >= (int)sizeof(id))
		memcpy(&id, sqlite3_column_blob(stmt, column), sizeof(id));
	return id;
}

static void bind_id(sqlite3_stmt *stmt, int i, const struct id *id)
{
	(void)sqlite3_bind_blob(stmt, i, id, sizeof(*id), SQLITE_STATIC);
}

static void bind_text(sqlite3_stmt *stmt, int i, const char *text)
{
	(void)sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC);
}

static void read_message(sqlite3_stmt *stmt, struct store_message *m)
{
	m->sequence = sqlite3_column_int64(stmt, 0);
	m->channel = column_text(stmt, 1);
	m->key = column_text(stmt, 2);
	m->body = column_text(stmt, 3);
	m->created_wall_ms = sqlite3_column_int64(stmt, 4);
	m->attempts = sqlite3_column_int64(stmt, 5);
	m->next_wall_ms = sqlite3_column_int64(stmt, 6);
	m->last_error = column_text(stmt, 7);
	m->bundle = column_id(stmt, 8);
}

#define SELECT_MESSAGE                                                                             \
	"SELECT sequence, channel, key, body, created_wall_ms, attempts, next_wall_ms, "           \
	"last_error, bundle "                                                                      \
	"FROM message "

/* ---- queries: the SQL, the parameters, a row */

/* Each filter that is not asked for is left out, so that the right index is chosen. */
static void alerts_sql(const struct query *q, char *sql, size_t size_bytes)
{
	snprintf(sql, size_bytes,
		"SELECT document FROM alert WHERE 1%s%s%s%s ORDER BY id DESC LIMIT ?4",
		q->state == -1 ? ""
		: q->state     ? " AND open = 1"
			       : " AND open = 0",
		q->text ? " AND kind = ?1" : "", q->monitor_text ? " AND monitor_id = ?2" : "",
		id_is_zero(&q->before) ? "" : " AND id < ?3");
}

static const char *query_sql(const struct query *q, char *sql, size_t size_bytes)
{
	struct id id;
	switch (q->kind) {
	case QUERY_ALERTS:
		alerts_sql(q, sql, size_bytes);
		return sql;
	case QUERY_ALERT:
		if (id_parse(q->text, &id) == 0)
			return "SELECT document FROM alert WHERE id = ?3 LIMIT ?4";
		return "SELECT document FROM alert WHERE case_id = ?1 ORDER BY id DESC LIMIT ?4";
	case QUERY_EVENTS:
		return "SELECT sequence, type, document FROM event WHERE sequence > ?2 ORDER BY "
		       "sequence "
		       "LIMIT ?4";
	case QUERY_RESULTS:
		return "SELECT s.key, r.started_wall_ms, r.id, r.late, r.document FROM result r "
		       "JOIN ident s ON s.id = r.source "
		       "WHERE r.monitor = (SELECT id FROM ident WHERE key = ?3) "
		       "AND r.started_wall_ms >= ?5 AND r.started_wall_ms <= ?6 "
		       "AND (r.started_wall_ms, r.id) < (?7, ?8) "
		       "ORDER BY r.started_wall_ms DESC, r.id DESC LIMIT ?4";
	case QUERY_DEAD:
		return SELECT_MESSAGE "WHERE state = 2 ORDER BY sequence DESC, key DESC LIMIT ?4";
	}
	return NULL;
}

static void bind_results(sqlite3_stmt *stmt, const struct result_filter *f)
{
	(void)sqlite3_bind_int64(stmt, 5, f->from_wall_ms);
	(void)sqlite3_bind_int64(stmt, 6, f->to_wall_ms);
	(void)sqlite3_bind_int64(stmt, 7, f->after_started_wall_ms);
	(void)sqlite3_bind_int64(stmt, 8, f->after_row);
}

/* ID is the caller's, and must live as long as the statement is used. */
static void query_bind(sqlite3_stmt *stmt, const struct query *q, struct id *id)
{
	*id = q->kind == QUERY_RESULTS ? q->results.monitor : q->before;
	if (q->kind == QUERY_ALERT && id_parse(q->text, id) == -1)
		memset(id, 0, sizeof(*id));
	if (q->text)
		bind_text(stmt, 1, q->text);
	if (q->kind == QUERY_EVENTS)
		(void)sqlite3_bind_int64(stmt, 2, q->after_sequence);
	else if (q->monitor_text)
		bind_text(stmt, 2, q->monitor_text);
	bind_id(stmt, 3, id);
	(void)sqlite3_bind_int(stmt, 4, q->limit);
	if (q->kind == QUERY_RESULTS)
		bind_results(stmt, &q->results);
}

static json_t *query_row(sqlite3_stmt *stmt, const struct query *q)
{
	struct store_message message;
	struct id probe;
	switch (q->kind) {
	case QUERY_ALERTS:
	case QUERY_ALERT:
		return column_document(stmt, 0);
	case QUERY_EVENTS:
		return row_event(
			sqlite3_column_int64(stmt, 0), column_text(stmt, 1), column_text(stmt, 2));
	case QUERY_RESULTS:
		probe = column_id(stmt, 0);
		return row_result(&probe, sqlite3_column_int64(stmt, 1),
			sqlite3_column_int64(stmt, 2), sqlite3_column_int(stmt, 3) != 0,
			column_text(stmt, 4));
	case QUERY_DEAD:
		read_message(stmt, &message);
		return row_dead(&message);
	}
	return NULL;
}

json_t *sqlite_query(void *backend, const struct query *q)
{
	struct sqlite_store *s = backend;
	sqlite3 *db = s->reader[q->kind == QUERY_RESULTS ? LANE_RESULTS : LANE_STATE];
	sqlite3_stmt *stmt = NULL;
	char sql[512];
	struct id id;
	int rc = sqlite3_prepare_v2(db, query_sql(q, sql, sizeof(sql)), -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return NULL;
	query_bind(stmt, q, &id);
	json_t *list = json_array();
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		(void)json_array_append_new(list, query_row(stmt, q));
	sqlite3_finalize(stmt);
	if (rc == SQLITE_DONE)
		return list;
	json_decref(list);
	return NULL;
}

/* ---- walks at start-up */

typedef void (*walk_fn)(sqlite3_stmt *stmt, void *arg);

/* Calls ROW for each row of SQL with ?1 = PARAMETER. */
static int walk(struct sqlite_store *s, const char *sql, int parameter, walk_fn row, void *arg)
{
	sqlite3 *db = sqlite_open_reader(s, LANE_STATE);
	sqlite3_stmt *stmt = NULL;
	int rc = db ? sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) : SQLITE_CANTOPEN;
	if (rc == SQLITE_OK) {
		(void)sqlite3_bind_int(stmt, 1, parameter);
		while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
			row(stmt, arg);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return rc == SQLITE_DONE ? 0 : -1;
}

struct document_walk {
	const struct sqlite_store *store;
	enum store_kind kind;
	document_fn fn;
	void *arg;
	bool damaged; /* a document could not be unsealed */
};

static void walk_alert(sqlite3_stmt *stmt, void *arg)
{
	const struct document_walk *to = arg;
	struct id id = column_id(stmt, 0);
	json_t *document = column_document(stmt, 1);
	to->fn(to->arg, &id, document);
	json_decref(document);
}

/* Rows of schema 1 are plain: they begin with a brace. */
static void walk_object(sqlite3_stmt *stmt, void *arg)
{
	struct document_walk *to = arg;
	struct sqlite_object_row row = {(uint8_t)to->kind, column_id(stmt, 0)};
	const uint8_t *sealed = sqlite3_column_blob(stmt, 1);
	size_t size_bytes = (size_t)sqlite3_column_bytes(stmt, 1);
	if (size_bytes > 0 && sealed[0] == '{') {
		walk_alert(stmt, arg);
		return;
	}
	char *text = mem_alloc(size_bytes + 1);
	int64_t n = unseal(&to->store->key, &row, sizeof(row), sealed, size_bytes, text);
	if (n == -1) {
		to->damaged = true;
	} else {
		json_t *document = row_document(text, (size_t)n);
		to->fn(to->arg, &row.id, document);
		json_decref(document);
	}
	free(text);
}

int sqlite_each_object(void *backend, enum store_kind kind, document_fn fn, void *arg)
{
	struct document_walk to = {backend, kind, fn, arg, false};
	int rc = walk(backend, "SELECT id, document FROM object WHERE kind = ?1 ORDER BY id",
		(int)kind, walk_object, &to);
	return to.damaged ? -1 : rc;
}

int sqlite_each_open_alert(void *backend, document_fn fn, void *arg)
{
	struct document_walk to = {backend, 0, fn, arg, false};
	return walk(backend, "SELECT id, document FROM alert WHERE open = ?1 ORDER BY id", 1,
		walk_alert, &to);
}

struct message_walk {
	message_fn fn;
	void *arg;
};

static void walk_message(sqlite3_stmt *stmt, void *arg)
{
	const struct message_walk *to = arg;
	struct store_message m;
	read_message(stmt, &m);
	to->fn(to->arg, &m);
}

int sqlite_each_pending(void *backend, message_fn fn, void *arg)
{
	struct message_walk to = {fn, arg};
	return walk(backend, SELECT_MESSAGE "WHERE state = ?1 ORDER BY sequence, key",
		OUTBOX_PENDING, walk_message, &to);
}

static void walk_number(sqlite3_stmt *stmt, void *arg)
{
	*(int64_t *)arg = sqlite3_column_int64(stmt, 0);
}

int64_t sqlite_last_sequence(void *backend)
{
	int64_t sequence = 0;
	if (walk(backend, "SELECT coalesce(max(sequence), 0) FROM event", 0, walk_number,
		    &sequence) == -1)
		return -1;
	return sequence;
}
