// SPDX-License-Identifier: MIT
#include "coordinator/store/archive.h"

#include "coordinator/store/sqlite.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NUMBERS_LEFT_OUT 1000000
#define BUSY_MS          5000

/* Reading beside a coordinator needs the right to write its shared memory; a copy on a read-only disk needs none. */
static sqlite3 *open_reading(const char *path, char why[WHY_SIZE])
{
	sqlite3 *db = NULL;
	int rc;

	if (access(path, R_OK) == -1) {
		snprintf(why, WHY_SIZE, "%s: %s", path, strerrordesc_np(errno));
		return NULL;
	}
	rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
	if (rc != SQLITE_OK) {
		sqlite3_close(db);
		rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
	}
	if (rc == SQLITE_OK && sqlite3_busy_timeout(db, BUSY_MS) == SQLITE_OK &&
		sqlite_run(db, "PRAGMA trusted_schema=OFF; PRAGMA query_only=ON") == SQLITE_OK)
		return db;
	sqlite_why(why, path, db);
	sqlite3_close(db);
	return NULL;
}

static int make_copy(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int rc = backup ? sqlite3_backup_step(backup, -1) : SQLITE_ERROR;

	if (backup && sqlite3_backup_finish(backup) != SQLITE_OK && rc == SQLITE_DONE)
		rc = SQLITE_ERROR;
	if (rc != SQLITE_DONE)
		return -1;
	/* One file, with no log beside it. */
	return sqlite_run(to, "PRAGMA journal_mode=DELETE") == SQLITE_OK ? 0 : -1;
}

int archive_copy(const char *from, const char *to, char why[WHY_SIZE])
{
	sqlite3 *source = open_reading(from, why), *copy = NULL;
	int fd = -1, rc = -1;

	if (!source)
		return -1;
	fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1) {
		snprintf(why, WHY_SIZE, "%s: %s", to, strerrordesc_np(errno));
		goto out;
	}
	if (sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
		rc = make_copy(source, copy);
	if (rc == -1)
		sqlite_why(why, to, copy);
	sqlite3_close(copy);
	if (rc == 0 && (rc = fsync(fd)) == -1)
		snprintf(why, WHY_SIZE, "%s: %s", to, strerrordesc_np(errno));
out:
	if (fd != -1)
		close(fd);
	sqlite3_close(source);
	return rc;
}

/* ---- what is in it */

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

/* Opens FOLDER's database of SCHEMA when it is whole and of this program or an older one. */
static sqlite3 *open_whole(
	const char *folder, const struct sqlite_schema *schema, int *version, char why[WHY_SIZE])
{
	char *path = mem_printf("%s/%s", folder, schema->file);
	sqlite3 *db = open_reading(path, why);
	sqlite3_stmt *stmt = NULL;
	const char *found = NULL;

	free(path);
	if (!db)
		return NULL;
	*version = sqlite_version(db, schema, why);
	if (*version == -1)
		goto bad;
	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		found = (const char *)sqlite3_column_text(stmt, 0);
	if (found && strcmp(found, "ok") == 0) {
		sqlite3_finalize(stmt);
		return db;
	}
	snprintf(why, WHY_SIZE, "%s is damaged: %.200s", schema->file,
		found ? found : sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
bad:
	sqlite3_close(db);
	return NULL;
}

static void count_object(void *arg, const struct id *id, const json_t *document)
{
	(void)id;
	(void)document;
	++*(int64_t *)arg;
}

static enum archive_key load_key(struct sqlite_store *s)
{
	char *path = mem_printf("%s/state.key", s->folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool empty = fd == -1 || lseek(fd, 0, SEEK_END) == 0;
	enum archive_key key = KEY_ABSENT;

	if (!empty)
		key = seal_key_load(fd, &s->key) == 0 &&
				      sqlite_key_fits(s->reader[LANE_STATE], &s->key) != 0
			      ? KEY_FITS
			      : KEY_WRONG;
	if (fd != -1)
		close(fd);
	free(path);
	return key;
}

static int count_objects(struct sqlite_store *s, struct archive_state *out, char why[WHY_SIZE])
{
	for (int kind = 0; out->key == KEY_FITS && kind < STORE_KIND_COUNT; kind++) {
		if (sqlite_each_object(
			    s, (enum store_kind)kind, count_object, &out->objects[kind]) == 0)
			continue;
		snprintf(why, WHY_SIZE, "state.db is damaged: an object cannot be decrypted");
		return -1;
	}
	return 0;
}

int archive_read_state(const char *folder, struct archive_state *out, char why[WHY_SIZE])
{
	struct sqlite_store s = {.folder = (char *)(uintptr_t)folder, .lock_fd = -1};
	sqlite3 *db;
	int rc;

	*out = (struct archive_state){0};
	db = s.reader[LANE_STATE] = open_whole(folder, &sqlite_state_schema, &out->schema, why);
	if (!db)
		return -1;
	out->key = load_key(&s);
	out->alerts = number(db, "SELECT count(*) FROM alert");
	out->open_alerts = number(db, "SELECT count(*) FROM alert WHERE open = 1");
	out->events = number(db, "SELECT count(*) FROM event");
	out->pending = number(db, "SELECT count(*) FROM message WHERE state = 0");
	out->dead = number(db, "SELECT count(*) FROM message WHERE state = 2");
	rc = count_objects(&s, out, why);
	seal_key_clear(&s.key);
	sqlite3_close(db);
	return rc;
}

int archive_read_results(const char *folder, struct archive_results *out, char why[WHY_SIZE])
{
	sqlite3 *db;

	*out = (struct archive_results){0};
	db = open_whole(folder, &sqlite_results_schema, &out->schema, why);
	if (!db)
		return -1;
	out->results = number(db, "SELECT count(*) FROM result");
	out->oldest_wall_ms = number(db, "SELECT min(started_wall_ms) FROM result");
	sqlite3_close(db);
	return 0;
}

/* ---- after a restore */

int archive_renumber(const char *folder, int64_t now_wall_ms, char why[WHY_SIZE])
{
	static const char *const insert =
		"INSERT INTO event SELECT coalesce(max(sequence), 0) + ?1, 'coordinator.restored', "
		"zeroblob(16), ?2, json_object('type', 'coordinator.restored', 'timestamp', ?3, "
		"'data', json_object()) FROM event";
	char *path = mem_printf("%s/%s", folder, sqlite_state_schema.file), now[TIME_TEXT_SIZE];
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, insert, -1, &stmt, NULL);
	if (rc == SQLITE_OK) {
		time_format(now_wall_ms, now);
		(void)sqlite3_bind_int64(stmt, 1, NUMBERS_LEFT_OUT);
		(void)sqlite3_bind_int64(stmt, 2, now_wall_ms);
		(void)sqlite3_bind_text(stmt, 3, now, -1, SQLITE_STATIC);
		rc = sqlite3_step(stmt);
	}
	sqlite3_finalize(stmt);
	if (rc != SQLITE_DONE)
		sqlite_why(why, path, db);
	sqlite3_close(db);
	free(path);
	return rc == SQLITE_DONE ? 0 : -1;
}
