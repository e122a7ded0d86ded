// SPDX-License-Identifier: MIT
/*
 * The tables, as numbered steps. A step that was released is never changed: a change is a new step
 * at the end, and the old schema's text goes into tests/unit/store_sqlite_test.c. PRAGMA
 * user_version counts the steps applied.
 */
#include "coordinator/store/sqlite.h"

#include <stdio.h>
#include <string.h>

#define APPLICATION_ID 0x51724154 /* "QrAT" */

static const char *const state_steps[] = {
	"CREATE TABLE object("
	" kind INTEGER NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL, document BLOB NOT NULL,"
	" PRIMARY KEY(kind, id)) STRICT;"

	"CREATE TABLE alert("
	" id BLOB PRIMARY KEY NOT NULL, case_id TEXT COLLATE NOCASE NOT NULL, open INTEGER NOT "
	"NULL,"
	" opened_wall_ms INTEGER NOT NULL, kind TEXT NOT NULL, monitor_id TEXT, document TEXT NOT "
	"NULL)"
	" STRICT;"
	"CREATE INDEX alert_case ON alert(case_id);"
	"CREATE INDEX alert_open ON alert(id) WHERE open = 1;"
	"CREATE INDEX alert_monitor ON alert(monitor_id, id);"

	"CREATE TABLE event("
	" sequence INTEGER PRIMARY KEY, type TEXT NOT NULL, alert BLOB NOT NULL, wall_ms INTEGER "
	"NOT NULL,"
	" document TEXT NOT NULL) STRICT;"

	"CREATE TABLE message("
	" key TEXT PRIMARY KEY NOT NULL, sequence INTEGER NOT NULL, channel TEXT NOT NULL,"
	" body TEXT NOT NULL, created_wall_ms INTEGER NOT NULL, state INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL, next_wall_ms INTEGER NOT NULL, last_error TEXT) STRICT;"
	"CREATE INDEX message_state ON message(state, sequence);"

	/* Written by a commit of nothing: the question whether commits work. */
	"CREATE TABLE pulse(id INTEGER PRIMARY KEY CHECK(id = 1), n INTEGER NOT NULL) STRICT;"
	"INSERT INTO pulse VALUES(1, 0);",

	/* 2: object.document is sealed from here on (older rows when they are next written); this
	   row knows the key. */
	"CREATE TABLE seal(id INTEGER PRIMARY KEY CHECK(id = 1), document BLOB NOT NULL) STRICT;",

	/* 3: messages that go out as one; NULL: by itself. */
	"ALTER TABLE message ADD COLUMN bundle BLOB;",
};

static const char *const results_steps[] = {
	/* Long keys have a number: a monitor's id (16 bytes), and probe and boot of a source (32
	   bytes). */
	"CREATE TABLE ident(id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB UNIQUE NOT NULL) STRICT;"

	"CREATE TABLE result("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, sequence INTEGER NOT NULL,"
	" monitor INTEGER NOT NULL, started_wall_ms INTEGER NOT NULL, verdict INTEGER NOT NULL,"
	" reason INTEGER NOT NULL, late INTEGER NOT NULL, document TEXT NOT NULL,"
	" UNIQUE(source, sequence)) STRICT;"
	"CREATE INDEX result_monitor ON result(monitor, started_wall_ms);"

	/* Which results were there when: retention goes by when they came, not by a probe's clock.
	 */
	"CREATE TABLE received(wall_ms INTEGER PRIMARY KEY, last_id INTEGER NOT NULL) STRICT;"

	"CREATE TABLE pulse(id INTEGER PRIMARY KEY CHECK(id = 1), n INTEGER NOT NULL) STRICT;"
	"INSERT INTO pulse VALUES(1, 0);",
};

const struct sqlite_schema sqlite_state_schema = {"state.db", state_steps, ARRAY_LEN(state_steps)};
const struct sqlite_schema sqlite_results_schema = {
	"results.db", results_steps, ARRAY_LEN(results_steps)};

static int read_number(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0 : -1;
}

/* Whose is it, and how old? Returns the version, or -1 and WHY. */
int sqlite_version(sqlite3 *db, const struct sqlite_schema *schema, char why[WHY_SIZE])
{
	int64_t version, application, tables;
	if (read_number(db, "PRAGMA user_version", &version) == -1 ||
		read_number(db, "PRAGMA application_id", &application) == -1 ||
		read_number(db, "SELECT count(*) FROM sqlite_schema", &tables) == -1) {
		sqlite_why(why, schema->file, db);
		return -1;
	}
	if (tables > 0 && application != APPLICATION_ID) {
		snprintf(why, WHY_SIZE, "%s is a database, but not one of quorate's", schema->file);
		return -1;
	}
	if (version > schema->n_steps) {
		snprintf(why, WHY_SIZE,
			"%s was written by a newer quorate (its schema is %d, this program knows "
			"up to %d): "
			"use that version, or restore a backup",
			schema->file, (int)version, schema->n_steps);
		return -1;
	}
	return (int)version;
}

static int run_steps(sqlite3 *db, const struct sqlite_schema *schema, int version)
{
	char pragma[80];
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (int i = version; rc == SQLITE_OK && i < schema->n_steps; i++)
		rc = sqlite3_exec(db, schema->steps[i], NULL, NULL, NULL);
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d; PRAGMA application_id=%d",
		schema->n_steps, APPLICATION_ID);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, pragma, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return rc;
}

int sqlite_migrate(sqlite3 *db, const struct sqlite_schema *schema, char why[WHY_SIZE])
{
	int version = sqlite_version(db, schema, why);
	if (version == -1)
		return -1;
	if (version == schema->n_steps)
		return 0;
	if (run_steps(db, schema, version) == SQLITE_OK)
		return 0;
	sqlite_why(why, schema->file, db);
	if (!sqlite3_get_autocommit(db))
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}
