// SPDX-License-Identifier: MIT
/*
 * Opening and closing the SQLite backend: the folder, its lock, its two files.
 *
 * Invariants: one process per folder (an flock); commit returns 0 only after SQLite's COMMIT did;
 * after any failure the connection is outside of a transaction again. results.db may be lost
 * without harm to state.db: a damaged one is put aside at the start. A damaged state.db stops the
 * start.
 */
#include "coordinator/store/archive.h"
#include "coordinator/store/sqlite.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 2000

static const struct sqlite_schema *const db_schemas[LANE_COUNT] = {
	&sqlite_state_schema, &sqlite_results_schema};

#define PRAGMAS                                                                                    \
	"PRAGMA journal_mode=WAL; PRAGMA temp_store=MEMORY; "                                      \
	"PRAGMA journal_size_limit=16777216; PRAGMA wal_autocheckpoint=1000; "                     \
	"PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; "
static const char *const db_pragmas[LANE_COUNT] = {
	PRAGMAS "PRAGMA synchronous=FULL", PRAGMAS "PRAGMA synchronous=NORMAL"};

void sqlite_why(char why[WHY_SIZE], const char *file, sqlite3 *db)
{
	int system = sqlite3_system_errno(db);
	const char *more = system ? strerrordesc_np(system) : NULL;
	snprintf(why, WHY_SIZE, "%s: %s%s%s%s", file, sqlite3_errmsg(db), more ? " (" : "",
		more ? more : "", more ? ")" : "");
}

int sqlite_run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* ---- opening */

static sqlite3 *open_connection(const struct sqlite_store *s, enum lane_kind lane)
{
	sqlite3 *db = NULL;
	char *path = mem_printf("%s/%s", s->folder, db_schemas[lane]->file);
	(void)sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	free(path);
	if (db) {
		(void)sqlite3_extended_result_codes(db, 1);
		(void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	}
	return db;
}

sqlite3 *sqlite_open_reader(const struct sqlite_store *s, enum lane_kind lane)
{
	sqlite3 *db = open_connection(s, lane);
	if (db && sqlite_run(db, "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY") == SQLITE_OK)
		return db;
	sqlite3_close(db);
	return NULL;
}

/* The file exists and is ours alone before SQLite sees it; -wal and -shm get its mode. */
static int make_file(const struct sqlite_store *s, const char *name, char why[WHY_SIZE])
{
	char *path = mem_printf("%s/%s", s->folder, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1 || fchmod(fd, 0600) == -1) {
		snprintf(why, WHY_SIZE, "%s: %s", path, strerrordesc_np(errno));
		if (fd != -1)
			close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

static int make_folder(const char *folder, char why[WHY_SIZE])
{
	struct stat st;
	if (mkdir(folder, 0700) == -1 && errno != EEXIST) {
		snprintf(why, WHY_SIZE, "%s cannot be made: %s", folder, strerrordesc_np(errno));
		return -1;
	}
	if (stat(folder, &st) == -1 || !S_ISDIR(st.st_mode)) {
		snprintf(why, WHY_SIZE, "%s is not a folder", folder);
		return -1;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(why, WHY_SIZE, "others may write into %s: chmod 700 it", folder);
		return -1;
	}
	return 0;
}

static int lock_folder(struct sqlite_store *s, char why[WHY_SIZE])
{
	s->lock_fd = make_file(s, "lock", why);
	if (s->lock_fd == -1)
		return -1;
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		snprintf(why, WHY_SIZE, "another coordinator is using %s", s->folder);
	else
		snprintf(why, WHY_SIZE, "%s/lock: %s", s->folder, strerrordesc_np(errno));
	return -1;
}

/* Before a new program changes the schema of an old state.db: a copy of it, for the way back. */
static int keep_old(struct sqlite_store *s, sqlite3 *db, char why[WHY_SIZE])
{
	int version = sqlite_version(db, &sqlite_state_schema, why);
	if (version == -1 || version == sqlite_state_schema.n_steps)
		return version == -1 ? -1 : 0;
	char *from = mem_printf("%s/state.db", s->folder);
	char *to = mem_printf("%s/state.db.schema-%d", s->folder, version);
	(void)unlink(to); /* of an earlier attempt */
	int rc = archive_copy(from, to, why);
	free(from);
	free(to);
	return rc;
}

/* Returns SQLITE_OK, or SQLite's error and WHY; the connection is left in S for close_lane. */
static int open_lane(struct sqlite_store *s, enum lane_kind lane, char why[WHY_SIZE])
{
	int fd = make_file(s, db_schemas[lane]->file, why);
	if (fd == -1)
		return SQLITE_CANTOPEN;
	bool fresh = lseek(fd, 0, SEEK_END) == 0;
	close(fd);
	sqlite3 *db = s->db[lane] = open_connection(s, lane);
	int keep_wal = 1;
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* A restart on a full disk could not make these files anew. */
	(void)sqlite3_file_control(db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep_wal);
	/* On an old file this pragma would write, which a full disk refuses. */
	int rc = fresh ? sqlite_run(db, "PRAGMA auto_vacuum=INCREMENTAL") : SQLITE_OK;
	if (rc == SQLITE_OK)
		rc = sqlite_run(db, db_pragmas[lane]);
	if (rc != SQLITE_OK) {
		sqlite_why(why, db_schemas[lane]->file, db);
		return rc;
	}
	if (!fresh && lane == LANE_STATE && keep_old(s, db, why) == -1)
		return SQLITE_CANTOPEN;
	if (sqlite_migrate(db, db_schemas[lane], why) == -1)
		return sqlite3_errcode(db) == SQLITE_OK ? SQLITE_MISMATCH : sqlite3_errcode(db);
	s->reader[lane] = sqlite_open_reader(s, lane);
	if (!s->reader[lane]) {
		snprintf(why, WHY_SIZE, "%s cannot be opened for reading", db_schemas[lane]->file);
		return SQLITE_CANTOPEN;
	}
	return SQLITE_OK;
}

static void close_lane(struct sqlite_store *s, enum lane_kind lane)
{
	sqlite3_stmt **stmt = lane == LANE_STATE ? s->write : s->result;
	size_t n = lane == LANE_STATE ? ARRAY_LEN(s->write) : ARRAY_LEN(s->result);
	for (size_t i = 0; i < n; i++) {
		sqlite3_finalize(stmt[i]);
		stmt[i] = NULL;
	}
	sqlite3_close(s->reader[lane]);
	sqlite3_close(s->db[lane]);
	s->reader[lane] = NULL;
	s->db[lane] = NULL;
}

static bool is_damage(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

/* Samples are not worth a refusal to start: what is damaged is put aside under a name that says so.
 */
static int put_results_aside(struct sqlite_store *s, char why[WHY_SIZE])
{
	static const char *const suffix[] = {"", "-wal", "-shm"};
	close_lane(s, LANE_RESULTS);
	for (size_t i = 0; i < ARRAY_LEN(suffix); i++) {
		char *from = mem_printf("%s/results.db%s", s->folder, suffix[i]);
		char *to = mem_printf("%s/results.damaged%s", s->folder, suffix[i]);
		int rc = rename(from, to);
		if (rc == -1 && errno != ENOENT)
			snprintf(why, WHY_SIZE, "%s: %s", from, strerrordesc_np(errno));
		else
			rc = 0;
		free(from);
		free(to);
		if (rc == -1)
			return -1;
	}
	return 0;
}

static int open_results(struct sqlite_store *s, char why[WHY_SIZE])
{
	char damage[WHY_SIZE];
	int rc = open_lane(s, LANE_RESULTS, why);
	if (is_damage(rc)) {
		snprintf(
			damage, sizeof(damage), "%.200s; it was put aside as results.damaged", why);
		if (put_results_aside(s, why) == -1)
			return -1;
		rc = open_lane(s, LANE_RESULTS, why);
		if (rc == SQLITE_OK)
			memcpy(why, damage, sizeof(damage));
	}
	if (rc != SQLITE_OK)
		return -1;
	if (sqlite_prepare_results(s) == -1) {
		sqlite_why(why, "results.db", s->db[LANE_RESULTS]);
		return -1;
	}
	return 0;
}

static void check_row(sqlite3_stmt *stmt, char why[WHY_SIZE])
{
	const char *text = (const char *)sqlite3_column_text(stmt, 0);
	if (text && strcmp(text, "ok") != 0)
		snprintf(why, WHY_SIZE, "state.db is damaged (%.200s): restore a backup", text);
}

static int open_state(struct sqlite_store *s, char why[WHY_SIZE])
{
	sqlite3_stmt *stmt = NULL;
	if (open_lane(s, LANE_STATE, why) != SQLITE_OK)
		return -1;
	sqlite3 *db = s->db[LANE_STATE];
	int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			check_row(stmt, why);
	}
	sqlite3_finalize(stmt);
	if (why[0])
		return -1;
	if (rc != SQLITE_DONE || sqlite_prepare_state(s) == -1) {
		sqlite_why(why, "state.db", db);
		return -1;
	}
	return 0;
}

static const char known[] = "quorate"; /* sealed, in the one row of the table seal */

int sqlite_key_fits(sqlite3 *db, const struct seal_key *key)
{
	sqlite3_stmt *stmt = NULL;
	char text[sizeof(known)];
	int fits = -1;
	if (sqlite3_prepare_v2(db, "SELECT document FROM seal", -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		fits = sqlite3_column_bytes(stmt, 0) == sizeof(known) + SEAL_ROOM &&
		       unseal(key, "seal", 4, sqlite3_column_blob(stmt, 0),
			       sizeof(known) + SEAL_ROOM, text) == sizeof(known);
	sqlite3_finalize(stmt);
	return fits;
}

static int write_seal(sqlite3 *db, const struct seal_key *key)
{
	sqlite3_stmt *stmt = NULL;
	uint8_t sealed[sizeof(known) + SEAL_ROOM];
	int rc = sqlite3_prepare_v2(db, "INSERT INTO seal VALUES(1, ?1)", -1, &stmt, NULL);
	seal(key, "seal", 4, known, sizeof(known), sealed);
	if (rc == SQLITE_OK) {
		(void)sqlite3_bind_blob(stmt, 1, sealed, sizeof(sealed), SQLITE_STATIC);
		rc = sqlite3_step(stmt);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* Asks the row that knows the key, or writes it. */
static int check_key(struct sqlite_store *s, char why[WHY_SIZE])
{
	sqlite3 *db = s->db[LANE_STATE];
	int fits = sqlite_key_fits(db, &s->key);
	if (fits == 1 || (fits == -1 && write_seal(db, &s->key) == 0))
		return 0;
	if (fits == 0)
		snprintf(why, WHY_SIZE,
			"%s/state.key is not the key of state.db: restore both from one backup",
			s->folder);
	else
		sqlite_why(why, "state.db", db);
	return -1;
}

static int open_key(struct sqlite_store *s, char why[WHY_SIZE])
{
	int fd = make_file(s, "state.key", why);
	if (fd == -1)
		return -1;
	int rc = seal_key_load(fd, &s->key);
	close(fd);
	if (rc == -1)
		snprintf(why, WHY_SIZE, "%s/state.key is not a key file, or cannot be written",
			s->folder);
	return rc;
}

static void sqlite_close(void *backend)
{
	struct sqlite_store *s = backend;
	for (int k = 0; k < LANE_COUNT; k++)
		close_lane(s, (enum lane_kind)k);
	if (s->lock_fd != -1)
		close(s->lock_fd);
	seal_key_clear(&s->key);
	free(s->folder);
	free(s);
}

/* So that new files have their names after a power cut. */
static void sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return;
	(void)fsync(fd);
	close(fd);
}

/* An empty store in place of one that is half restored would be a lie. */
static int check_restored(const struct sqlite_store *s, char why[WHY_SIZE])
{
	char *path = mem_printf("%s/" RESTORE_MARK, s->folder);
	int found = access(path, F_OK);
	free(path);
	if (found == -1)
		return 0;
	snprintf(why, WHY_SIZE, "a restore into %s did not end: run it again", s->folder);
	return -1;
}

static int sqlite_open(void **out, const char *location, char why[WHY_SIZE])
{
	if (!location[0]) {
		snprintf(why, WHY_SIZE,
			"sqlite: needs a folder, for example sqlite:/var/lib/quorate-coordinator");
		return -1;
	}
	struct sqlite_store *s = mem_alloc(sizeof(*s));
	s->folder = mem_strdup(location);
	s->lock_fd = -1;
	if (make_folder(s->folder, why) == -1 || lock_folder(s, why) == -1 ||
		check_restored(s, why) == -1 || open_key(s, why) == -1 ||
		open_state(s, why) == -1 || check_key(s, why) == -1 || open_results(s, why) == -1) {
		sqlite_close(s);
		return -1;
	}
	sync_folder(s->folder);
	*out = s;
	return 0;
}

const struct backend_ops sqlite_backend = {
	.open = sqlite_open,
	.close = sqlite_close,
	.commit = sqlite_commit,
	.prune = sqlite_prune,
	.space = sqlite_space,
	.query = sqlite_query,
	.each_object = sqlite_each_object,
	.each_open_alert = sqlite_each_open_alert,
	.each_pending = sqlite_each_pending,
	.last_sequence = sqlite_last_sequence,
};
