// SPDX-License-Identifier: MIT
/*
 * What only the SQLite backend does: migrations, one owner per folder, damage, full disks,
 * retention, and kill -9 in the middle of commits. The program runs itself as the victim of the
 * last (argument "--writer FOLDER").
 */
#include "tests/unit/store_fixture.h"

#include "coordinator/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *self;

static int setup(void **state)
{
	*state = fixture_new(true);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

static void put(struct fixture *f, struct store_batch *b, int n, const char *text)
{
	struct id id = id_of(n);
	json_t *document = json_pack("{s:s}", "text", text);
	(void)f;
	store_put(b, STORE_MONITOR, &id, text, document);
	json_decref(document);
}

static void add_event(struct store_batch *b, int64_t sequence)
{
	struct id id = id_of(1);
	json_t *document = json_pack("{s:I}", "n", (json_int_t)sequence);
	store_add_event(b, sequence, "alert.opened", &id, 1000, document);
	json_decref(document);
}

static void add_result(struct store_batch *b, int64_t sequence, const char *document)
{
	struct store_result r = {.probe = id_of(1),
		.boot = id_of(2),
		.monitor = id_of(3),
		.sequence = sequence,
		.started_wall_ms = 1000 + sequence,
		.document = document};
	store_add_result(b, &r);
}

static void count_object(void *arg, const struct id *id, const json_t *document)
{
	(void)id;
	assert_non_null(json_object_get(document, "text"));
	++*(int *)arg;
}

static int count_objects(struct fixture *f)
{
	int n = 0;
	assert_int_equal(store_each(f->store, STORE_MONITOR, count_object, &n), 0);
	return n;
}

static size_t list_size(struct fixture *f)
{
	f->lists = 0;
	fixture_wait_count(f, &f->lists, 1);
	assert_int_equal(f->list_error, STORE_OK);
	return json_array_size(f->list);
}

static size_t count_results(struct fixture *f)
{
	struct id monitor = id_of(3);
	store_query_results(f->store, &(struct result_filter){.monitor = monitor, .limit = 10000},
		fixture_on_list, f);
	return list_size(f);
}

static sqlite3 *open_file(const char *path)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static int64_t ask_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static void run_sql(sqlite3 *db, const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void write_bytes(const char *path, off_t at, const char *text, size_t times)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_not_equal(fd, -1);
	for (size_t i = 0; i < times; i++)
		assert_int_equal(pwrite(fd, text, strlen(text), at + (off_t)(i * strlen(text))),
			strlen(text));
	close(fd);
}

/* ---- migrations: the machine */

static const char *const steps[] = {"CREATE TABLE a(x); INSERT INTO a VALUES(1);",
	"ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1;",
	"CREATE TABLE b AS SELECT x + y AS z FROM a;"};

static void every_older_version_is_brought_forward(void **state)
{
	char why[WHY_SIZE] = "";
	(void)state;
	for (int from = 0; from <= 3; from++) {
		sqlite3 *db = open_file(":memory:");
		struct sqlite_schema old = {"a.db", steps, from}, now = {"a.db", steps, 3};
		assert_int_equal(sqlite_migrate(db, &old, why), 0);
		assert_int_equal(sqlite_migrate(db, &now, why), 0);
		assert_int_equal(sqlite_migrate(db, &now, why), 0);
		assert_int_equal(ask_number(db, "SELECT z FROM b"), 3);
		assert_int_equal(ask_number(db, "PRAGMA user_version"), 3);
		sqlite3_close(db);
	}
}

static void a_step_that_fails_leaves_the_old_version(void **state)
{
	static const char *const broken[] = {
		"CREATE TABLE a(x);", "CREATE TABLE b(x);", "CREATE TABLE a(x);"};
	struct sqlite_schema old = {"a.db", broken, 1}, now = {"a.db", broken, 3};
	char why[WHY_SIZE] = "";
	(void)state;
	sqlite3 *db = open_file(":memory:");
	assert_int_equal(sqlite_migrate(db, &old, why), 0);
	assert_int_equal(sqlite_migrate(db, &now, why), -1);
	assert_non_null(strstr(why, "already exists"));
	assert_int_equal(ask_number(db, "PRAGMA user_version"), 1);
	assert_int_equal(ask_number(db, "SELECT count(*) FROM sqlite_schema"), 1);
	assert_true(sqlite3_get_autocommit(db));
	sqlite3_close(db);
}

static void what_is_newer_or_foreign_is_refused(void **state)
{
	struct sqlite_schema now = {"a.db", steps, 3}, old = {"a.db", steps, 2};
	char why[WHY_SIZE] = "";
	(void)state;
	sqlite3 *db = open_file(":memory:");
	assert_int_equal(sqlite_migrate(db, &now, why), 0);
	assert_int_equal(sqlite_migrate(db, &old, why), -1);
	assert_non_null(strstr(why, "newer quorate (its schema is 3, this program knows up to 2)"));
	sqlite3_close(db);
	db = open_file(":memory:");
	run_sql(db, "CREATE TABLE cookies(x)");
	assert_int_equal(sqlite_migrate(db, &now, why), -1);
	assert_non_null(strstr(why, "not one of quorate's"));
	sqlite3_close(db);
}

/*
 * ---- migrations: the real schemas, as they were released, with a row or two. Version N of
 * state.db is old_state[N - 1]. A new step in sqlite_schema.c needs a new text here: the test fails
 * until it is there.
 */
#define STATE_1                                                                                    \
	"CREATE TABLE object(kind INTEGER NOT NULL, id BLOB NOT NULL, name TEXT NOT NULL, "        \
	"document "                                                                                \
	"BLOB NOT NULL,"                                                                           \
	" PRIMARY KEY(kind, id)) STRICT;"                                                          \
	"CREATE TABLE alert(id BLOB PRIMARY KEY NOT NULL, case_id TEXT COLLATE NOCASE NOT NULL, "  \
	"open INTEGER NOT NULL,"                                                                   \
	" opened_wall_ms INTEGER NOT NULL, kind TEXT NOT NULL, monitor_id TEXT, document TEXT "    \
	"NOT "                                                                                     \
	"NULL) STRICT;"                                                                            \
	"CREATE INDEX alert_case ON alert(case_id); CREATE INDEX alert_open ON alert(id) WHERE "   \
	"open = 1;"                                                                                \
	"CREATE INDEX alert_monitor ON alert(monitor_id, id);"                                     \
	"CREATE TABLE event(sequence INTEGER PRIMARY KEY, type TEXT NOT NULL, alert BLOB NOT "     \
	"NULL,"                                                                                    \
	" wall_ms INTEGER NOT NULL, document TEXT NOT NULL) STRICT;"                               \
	"CREATE TABLE message(key TEXT PRIMARY KEY NOT NULL, sequence INTEGER NOT NULL, channel "  \
	"TEXT NOT NULL,"                                                                           \
	" body TEXT NOT NULL, created_wall_ms INTEGER NOT NULL, state INTEGER NOT NULL, attempts " \
	"INTEGER NOT NULL,"                                                                        \
	" next_wall_ms INTEGER NOT NULL, last_error TEXT) STRICT;"                                 \
	"CREATE INDEX message_state ON message(state, sequence);"                                  \
	"CREATE TABLE pulse(id INTEGER PRIMARY KEY CHECK(id = 1), n INTEGER NOT NULL) STRICT;"     \
	"INSERT INTO pulse VALUES(1, 0);"                                                          \
	"INSERT INTO object VALUES(2, x'01000000000000000000000000000001', 'shop', "               \
	"CAST('{\"text\":\"shop\"}' AS BLOB));"                                                    \
	"INSERT INTO event VALUES(41, 'alert.opened', x'01000000000000000000000000000001', 5, "    \
	"'{}');"                                                                                   \
	"INSERT INTO message VALUES('41.chat', 41, 'chat', '{}', 5, 0, 1, 6, 'HTTP status 500');"
#define STATE_2                                                                                    \
	STATE_1                                                                                    \
	"CREATE TABLE seal(id INTEGER PRIMARY KEY CHECK(id = 1), document BLOB NOT NULL) STRICT;"
static const char *const old_state[] = {
	STATE_1,
	STATE_2,
	STATE_2 "ALTER TABLE message ADD COLUMN bundle BLOB;",
};
static const char *const old_results[] = {
	"CREATE TABLE ident(id INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB UNIQUE NOT NULL) STRICT;"
	"CREATE TABLE result(id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, "
	"sequence INTEGER NOT NULL,"
	" monitor INTEGER NOT NULL, started_wall_ms INTEGER NOT NULL, verdict INTEGER NOT NULL, "
	"reason INTEGER NOT NULL,"
	" late INTEGER NOT NULL, document TEXT NOT NULL, UNIQUE(source, sequence)) STRICT;"
	"CREATE INDEX result_monitor ON result(monitor, started_wall_ms);"
	"CREATE TABLE received(wall_ms INTEGER PRIMARY KEY, last_id INTEGER NOT NULL) STRICT;"
	"CREATE TABLE pulse(id INTEGER PRIMARY KEY CHECK(id = 1), n INTEGER NOT NULL) STRICT;"
	"INSERT INTO pulse VALUES(1, 0);"
	"INSERT INTO ident(id, key) VALUES(1, "
	"x'0100000000000000000000000000000101000000000000000000000000000002'),"
	" (2, x'01000000000000000000000000000003');"
	"INSERT INTO result VALUES(1, 1, 1, 2, 1001, 1, 0, 0, '{}');",
};

static void make_old(const char *path, const char *text, int version)
{
	char pragma[80];
	sqlite3 *db = open_file(path);
	run_sql(db, text);
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d; PRAGMA application_id=%d",
		version, 0x51724154);
	run_sql(db, pragma);
	sqlite3_close(db);
}

static void count_message(void *arg, const struct store_message *m)
{
	assert_string_equal(m->last_error, "HTTP status 500");
	++*(int *)arg;
}

static void released_schemas_open_with_their_content(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(sqlite_state_schema.n_steps, ARRAY_LEN(old_state));
	assert_int_equal(sqlite_results_schema.n_steps, ARRAY_LEN(old_results));
	for (int version = 1; version <= (int)ARRAY_LEN(old_state); version++) {
		int pending = 0;
		fixture_close(f);
		fixture_remove_folder(f->folder);
		assert_int_equal(mkdir(f->folder, 0700), 0);
		make_old(path_in(f, "state.db"), old_state[version - 1], version);
		int results = version < (int)ARRAY_LEN(old_results) ? version
								    : (int)ARRAY_LEN(old_results);
		make_old(path_in(f, "results.db"), old_results[results - 1], results);
		fixture_open(f);
		char old[40];
		snprintf(old, sizeof(old), "state.db.schema-%d", version);
		assert_int_equal(access(path_in(f, old), F_OK),
			version < (int)ARRAY_LEN(old_state) ? 0 : -1);
		assert_int_equal(count_objects(f), 1);
		assert_int_equal(store_last_sequence(f->store), 41);
		assert_int_equal(store_each_pending_message(f->store, count_message, &pending), 0);
		assert_int_equal(pending, 1);
		assert_int_equal(count_results(f), 1);
		struct store_batch *b = store_batch_new(f->store);
		add_result(b, 1, "{}"); /* a repeat of the old row */
		add_result(b, 2, "{}");
		assert_int_equal(fixture_commit(f, b, STORE_OR_FAIL), STORE_OK);
		assert_int_equal(count_results(f), 2);
	}
}

/* ---- the folder */

static void reopening_finds_everything(void **state)
{
	struct fixture *f = *state;
	for (int i = 1; i <= 200; i++) {
		struct store_batch *b = store_batch_new(f->store);
		put(f, b, i, "x");
		add_event(b, i);
		store_submit(f->store, b, STORE_OR_FAIL, NULL, NULL);
		b = store_batch_new(f->store);
		add_result(b, i, "{}");
		store_submit(f->store, b, STORE_OR_FAIL, NULL, NULL);
	}
	fixture_close(f); /* commits what is queued */
	fixture_open(f);
	assert_int_equal(count_objects(f), 200);
	assert_int_equal(store_last_sequence(f->store), 200);
	assert_int_equal(count_results(f), 200);
}

static void assert_refused(const char *location, const char *sentence)
{
	char why[WHY_SIZE] = "";
	void *backend;
	assert_int_equal(sqlite_backend.open(&backend, location, why), -1);
	if (!strstr(why, sentence))
		fail_msg("'%s' does not say '%s'", why, sentence);
}

static void a_second_opener_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *second;
	assert_refused(f->folder, "another coordinator is using");
	assert_int_equal(store_open(&second, f->loop, f->location, NULL, NULL), -1);
	assert_int_equal(fixture_commit(f, store_batch_new(f->store), STORE_OR_FAIL), STORE_OK);
}

static void bad_locations_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "sqlite:", "file:/tmp/x", "/tmp/x", "sqlite:/proc/none/x"};
	struct fixture *f = *state;
	struct store *none;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(store_open(&none, f->loop, bad[i], NULL, NULL), -1);
	assert_refused("/dev/null", "not a folder");
	fixture_close(f);
	assert_int_equal(chmod(f->folder, 0770), 0);
	assert_refused(f->folder, "others may write");
	assert_int_equal(chmod(f->folder, 0700), 0);
	fixture_open(f);
}

static void files_are_for_their_owner_only(void **state)
{
	static const char *const files[] = {"state.db", "state.db-wal", "state.db-shm",
		"results.db", "results.db-wal", "results.db-shm", "lock", "state.key"};
	struct fixture *f = *state;
	struct stat st;
	fixture_close(f);
	fixture_remove_folder(f->folder);
	mode_t old = umask(0);
	fixture_open(f); /* makes the folder */
	assert_int_equal(fixture_commit(f, store_batch_new(f->store), STORE_OR_FAIL), STORE_OK);
	umask(old);
	assert_int_equal(stat(f->folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		assert_int_equal(stat(path_in(f, files[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

static void a_newer_store_is_refused(void **state)
{
	struct fixture *f = *state;
	char ours[40];
	fixture_close(f);
	sqlite3 *db = open_file(path_in(f, "state.db"));
	run_sql(db, "PRAGMA user_version=99");
	sqlite3_close(db);
	assert_refused(f->folder, "written by a newer quorate (its schema is 99");
	db = open_file(path_in(f, "state.db"));
	snprintf(ours, sizeof(ours), "PRAGMA user_version=%d", sqlite_state_schema.n_steps);
	run_sql(db, ours);
	sqlite3_close(db);
	fixture_open(f);
}

static bool file_has(const char *path, const char *text)
{
	char command[256];
	snprintf(command, sizeof(command), "grep -qa '%s' '%s'", text, path);
	return system(command) == 0;
}

static void documents_are_sealed_on_disk(void **state)
{
	static const char *const files[] = {"state.db", "state.db-wal"};
	struct fixture *f = *state;
	char *key = mem_strdup(path_in(f, "state.key")), *away = mem_printf("%s.away", key);
	struct store_batch *b = store_batch_new(f->store);
	struct id id = id_of(1);
	json_t *document = json_pack("{s:s}", "text", "BearerOfSecrets");
	store_put(b, STORE_MONITOR, &id, "open-name", document);
	json_decref(document);
	assert_int_equal(fixture_commit(f, b, STORE_OR_FAIL), STORE_OK);
	assert_true(file_has(
		path_in(f, "state.db-wal"), "open-name")); /* the test looks at the right place */
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LEN(files); i++)
			assert_false(file_has(path_in(f, files[i]), "BearerOfSecrets"));
		fixture_close(f);
		fixture_open(f);
		assert_int_equal(count_objects(f), 1);
	}
	fixture_close(f);
	assert_int_equal(rename(key, away), 0);
	assert_refused(f->folder, "state.key is not the key of state.db");
	assert_int_equal(truncate(key, 7), 0);
	assert_refused(f->folder, "not a key file");
	assert_int_equal(rename(away, key), 0);
	/* A document that was moved to another row is not believed. */
	sqlite3 *db = open_file(path_in(f, "state.db"));
	run_sql(db, "UPDATE object SET id = x'01000000000000000000000000000009'");
	sqlite3_close(db);
	fixture_open(f);
	int n = 0;
	assert_int_equal(store_each(f->store, STORE_MONITOR, count_object, &n), -1);
	assert_int_equal(n, 0);
	free(key);
	free(away);
}

static void damaged_results_are_put_aside_damaged_state_stops(void **state)
{
	struct fixture *f = *state;
	struct store_batch *b = store_batch_new(f->store);
	put(f, b, 1, "kept");
	assert_int_equal(fixture_commit(f, b, STORE_OR_FAIL), STORE_OK);
	fixture_close(f);
	write_bytes(path_in(f, "results.db"), 0, "garbage ", 1000);
	fixture_open(f);
	assert_int_equal(access(path_in(f, "results.damaged"), F_OK), 0);
	assert_int_equal(count_objects(f), 1);
	assert_int_equal(count_results(f), 0);
	for (int i = 2; i < 200; i++) {
		b = store_batch_new(f->store);
		put(f, b, i, "more and more of it, so that there are pages to damage");
		store_submit(f->store, b, STORE_OR_FAIL, NULL, NULL);
	}
	fixture_close(f);
	write_bytes(path_in(f, "state.db"), 2 * 4096, "garbage ", 1024);
	assert_refused(f->folder, "state.db");
	write_bytes(path_in(f, "state.db"), 0, "garbage ", 10);
	assert_refused(f->folder, "state.db");
	fixture_remove_folder(f->folder);
	fixture_open(f);
}

/* ---- retention */

#define DAY_MS INT64_C(86400000)

static void *open_backend(struct fixture *f)
{
	char why[WHY_SIZE] = "";
	void *backend;
	fixture_close(f);
	assert_int_equal(sqlite_backend.open(&backend, f->folder, why), 0);
	return backend;
}

static void commit_results(void *backend, int64_t from, int n, const char *document)
{
	char why[WHY_SIZE];
	struct store_batch *b = store_batch_new(NULL);
	for (int i = 0; i < n; i++)
		add_result(b, from + i, document);
	assert_int_equal(sqlite_backend.commit(backend, LANE_RESULTS, b, why), 0);
	store_batch_free(b);
}

static void old_results_go_in_slices(void **state)
{
	struct fixture *f = *state;
	struct sqlite_store *s = open_backend(f);
	struct retention week = {7 * DAY_MS, INT64_MAX};
	int64_t now = clock_wall_ms();
	commit_results(s, 1, 1200, "{}");
	assert_false(sqlite_prune(s, &week, now));
	assert_false(sqlite_prune(s, &week, now + 7 * DAY_MS - 60000));
	assert_int_equal(ask_number(s->db[LANE_RESULTS], "SELECT count(*) FROM result"), 1200);
	/* As if they had come eight days ago; then some more today. */
	run_sql(s->db[LANE_RESULTS], "UPDATE received SET wall_ms = wall_ms - 8 * 86400000");
	commit_results(s, 5001, 10, "{}");
	int slices = 0;
	while (sqlite_prune(s, &week, now))
		slices++;
	assert_int_equal(slices, 3);
	assert_int_equal(ask_number(s->db[LANE_RESULTS], "SELECT count(*) FROM result"), 10);
	assert_int_equal(ask_number(s->db[LANE_RESULTS], "SELECT min(sequence) FROM result"), 5001);
	assert_int_equal(ask_number(s->db[LANE_RESULTS], "SELECT count(*) FROM received"), 1);
	assert_int_equal(ask_number(s->db[LANE_RESULTS], "SELECT count(*) FROM ident"), 2);
	while (sqlite_prune(s, &week, now + 9 * DAY_MS))
		;
	assert_int_equal(ask_number(s->db[LANE_RESULTS], "SELECT count(*) FROM result"), 0);
	assert_int_equal(ask_number(s->db[LANE_RESULTS], "SELECT count(*) FROM ident"), 0);
	commit_results(s, 1, 1,
		"{}"); /* numbers of rows go on: what was noted of old ones means no new one */
	assert_false(sqlite_prune(s, &week, now));
	assert_int_equal(ask_number(s->db[LANE_RESULTS], "SELECT count(*) FROM result"), 1);
	sqlite_backend.close(s);
	fixture_open(f);
}

static void the_oldest_results_go_when_there_are_too_many(void **state)
{
	struct fixture *f = *state;
	struct sqlite_store *s = open_backend(f);
	struct retention small = {7 * DAY_MS, 400000};
	char document[1001];
	memset(document, ' ', 1000);
	document[1000] = '\0';
	for (int i = 0; i < 10; i++)
		commit_results(s, 1 + i * 200, 200, document);
	while (sqlite_prune(s, &small, clock_wall_ms()))
		;
	sqlite3 *db = s->db[LANE_RESULTS];
	int64_t pages =
		ask_number(db, "PRAGMA page_count") - ask_number(db, "PRAGMA freelist_count");
	int64_t left = ask_number(db, "SELECT count(*) FROM result");
	assert_true(pages * 4096 <= small.size_bytes);
	assert_true(left < 400);
	assert_int_equal(ask_number(db, "SELECT coalesce(max(sequence), 2000) FROM result"), 2000);
	sqlite_backend.close(s);
	fixture_open(f);
}

static bool no_results(void *arg)
{
	struct fixture *f = arg;
	struct id monitor = id_of(3);
	if (f->lists == 0)
		return false;
	if (json_array_size(f->list) == 0)
		return true;
	f->lists = 0;
	store_query_results(f->store, &(struct result_filter){.monitor = monitor, .limit = 10},
		fixture_on_list, f);
	return false;
}

static void the_worker_prunes_when_retention_is_set(void **state)
{
	struct fixture *f = *state;
	struct store_batch *b = store_batch_new(f->store);
	add_result(b, 1, "{}");
	assert_int_equal(fixture_commit(f, b, STORE_OR_FAIL), STORE_OK);
	assert_int_equal(count_results(f), 1);
	store_set_retention(f->store, -60000, INT64_MAX); /* older than in a minute from now: all */
	fixture_wait(f, no_results, f);
}

/* ---- kill -9 */

struct writer {
	struct store *store;
	int64_t sequence;
};

struct ack {
	char kind;
	int64_t sequence;
};

static void on_written(void *arg, enum store_error error)
{
	struct ack *ack = arg;
	if (error != STORE_OK || write(STDOUT_FILENO, ack, sizeof(*ack)) != sizeof(*ack))
		_exit(1);
	free(ack);
}

static void write_some(void *arg)
{
	struct writer *w = arg;
	for (int i = 0; i < 5; i++) {
		char key[32], document[300];
		int64_t n = ++w->sequence;
		struct ack *state_ack = mem_alloc(sizeof(*state_ack)),
			   *result_ack = mem_alloc(sizeof(*result_ack));
		struct store_batch *b = store_batch_new(w->store);
		put(NULL, b, (int)n % 50, "a document of some length, over and over again");
		add_event(b, n);
		snprintf(key, sizeof(key), "%d.chat", (int)n);
		struct store_message m = {
			.sequence = n, .channel = "chat", .key = key, .body = "{}"};
		store_add_message(b, &m);
		*state_ack = (struct ack){'s', n};
		store_submit(w->store, b, STORE_OR_FAIL, on_written, state_ack);
		b = store_batch_new(w->store);
		snprintf(document, sizeof(document), "{\"n\":%d,\"pad\":\"%0200d\"}", (int)n, 0);
		add_result(b, n, document);
		*result_ack = (struct ack){'r', n};
		store_submit(w->store, b, STORE_OR_FAIL, on_written, result_ack);
	}
}

static struct timer write_timer;

static void on_write_timer(void *arg)
{
	write_some(arg);
	timer_set_us(&write_timer, 300);
}

/* The victim: writes for ever, tells on standard output what was answered STORE_OK. */
static int run_writer(const char *location)
{
	struct writer w = {0};
	struct loop *loop = loop_new();
	if (store_open(&w.store, loop, location, NULL, NULL) == -1)
		return 1;
	w.sequence = store_last_sequence(w.store);
	timer_init(&write_timer, loop, on_write_timer, &w);
	timer_set(&write_timer, 0);
	loop_run(loop);
	return 1;
}

static pid_t start_writer(struct fixture *f, int *from)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl(self, self, "--writer", f->location, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	*from = fds[0];
	return pid;
}

static void assert_sound(const char *path)
{
	sqlite3_stmt *stmt;
	sqlite3 *db = open_file(path);
	assert_int_equal(
		sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(stmt, 0), "ok");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

/* Reads acknowledgements, kills after WANTED of them, reads those that were still on their way. */
static void kill_after(pid_t pid, int from, int wanted, int64_t *state_ack, int64_t *result_ack)
{
	struct ack ack;
	int n = 0;
	while (read(from, &ack, sizeof(ack)) == sizeof(ack)) {
		int64_t *last = ack.kind == 's' ? state_ack : result_ack;
		assert_true(ack.sequence == *last + 1 || *last == 0);
		*last = ack.sequence;
		if (++n == wanted)
			kill(pid, SIGKILL);
	}
	assert_true(n >= wanted);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(from);
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
	struct fixture *f = *state;
	int64_t state_ack = 0, result_ack = 0;
	for (int round = 0; round < 10; round++) {
		int from;
		fixture_close(f);
		pid_t pid = start_writer(f, &from);
		kill_after(pid, from, 1 + (int)rand_below(400), &state_ack, &result_ack);
		assert_sound(path_in(f, "state.db"));
		assert_sound(path_in(f, "results.db"));
		sqlite3 *db = open_file(path_in(f, "state.db"));
		int64_t events = ask_number(db, "SELECT count(*) FROM event");
		assert_true(events >= state_ack);
		assert_int_equal(ask_number(db, "SELECT max(sequence) FROM event"), events);
		assert_int_equal(ask_number(db, "SELECT count(*) FROM message"), events);
		sqlite3_close(db);
		db = open_file(path_in(f, "results.db"));
		char sql[120];
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM result WHERE sequence <= %d",
			(int)result_ack);
		assert_int_equal(ask_number(db, sql), result_ack);
		sqlite3_close(db);
		fixture_open(f);
		/* The next round goes on from what the store has, acknowledged or not. */
		state_ack = store_last_sequence(f->store);
		result_ack = state_ack;
		struct store_batch *b = store_batch_new(f->store);
		for (int64_t n = 1; n <= state_ack; n++)
			add_result(b, n, "{}"); /* the gap of results that were not committed */
		assert_int_equal(fixture_commit(f, b, STORE_OR_FAIL), STORE_OK);
	}
}

/* ---- a full disk */

/* A mount namespace of our own, by way of a user namespace when we are not root. */
static void enter_namespace(void)
{
	char map[64];
	uid_t uid = getuid();
	if (unshare(CLONE_NEWNS) == -1) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1)
			fail_msg("this test needs root or user namespaces to mount a small tmpfs: "
				 "%s",
				strerror(errno));
		snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)uid);
		write_bytes("/proc/self/uid_map", 0, map, 1);
	}
	/* In a chroot whose root is no mount point it stays shared; the test unmounts what it mounts. */
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		assert_int_equal(errno, EINVAL);
}

/* Fills the file system to the last byte. */
static void fill_disk(struct fixture *f)
{
	static char block[4096];
	int fd = open(path_in(f, "ballast"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_int_not_equal(fd, -1);
	size_t size = sizeof(block);
	while (size > 0) {
		if (write(fd, block, size) == -1) {
			assert_int_equal(errno, ENOSPC);
			size /= 2;
		}
	}
	close(fd);
}

static enum store_error put_large(struct fixture *f, int n, enum store_mode mode)
{
	char text[100001];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct store_batch *b = store_batch_new(f->store);
	put(f, b, n, text);
	return fixture_commit(f, b, mode);
}

static enum store_error add_large_result(struct fixture *f, int n, enum store_mode mode)
{
	char text[100001];
	memset(text, ' ', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct store_batch *b = store_batch_new(f->store);
	add_result(b, n, text);
	return fixture_commit(f, b, mode);
}

static void a_full_disk_is_survived(void **state)
{
	struct fixture *f = *state;
	fixture_close(f);
	enter_namespace();
	assert_int_equal(mount("tmpfs", f->folder, "tmpfs", 0, "size=8m,mode=0700"), 0);
	fixture_open(f);
	assert_int_equal(put_large(f, 1, STORE_OR_FAIL), STORE_OK);
	assert_int_equal(add_large_result(f, 1, STORE_OR_FAIL), STORE_OK);

	fixture_close(f); /* a start after a clean stop, on a disk that has filled up meanwhile */
	fill_disk(f);
	fixture_open(f);
	assert_int_equal(put_large(f, 0, STORE_OR_FAIL), STORE_OK); /* in the room of the reserve */
	assert_int_equal(access(path_in(f, "reserve"), F_OK), -1);

	fixture_close(f); /* the same without a reserve */
	fill_disk(f);
	fixture_open(f);
	assert_int_equal(put_large(f, 2, STORE_EVENTUALLY), STORE_DEGRADED);
	assert_non_null(strstr(f->detail, "full"));
	assert_int_equal(put_large(f, 3, STORE_OR_FAIL), STORE_DEGRADED);
	assert_int_equal(add_large_result(f, 2, STORE_EVENTUALLY), STORE_DEGRADED);
	assert_int_equal(f->health_bad[0], 1);
	assert_int_equal(f->health_bad[1], 1);
	assert_int_equal(count_objects(f), 2); /* reading goes on */

	fixture_close(f); /* a restart on the full disk: what was committed is there */
	fill_disk(f);
	fixture_open(f);
	assert_int_equal(count_objects(f), 2);
	assert_int_equal(put_large(f, 4, STORE_EVENTUALLY), STORE_DEGRADED);
	assert_int_equal(put_large(f, 5, STORE_EVENTUALLY), STORE_DEGRADED);
	assert_int_equal(add_large_result(f, 3, STORE_EVENTUALLY), STORE_DEGRADED);

	assert_int_equal(unlink(path_in(f, "ballast")), 0);
	fixture_wait_count(f, &f->health_good[0], 1);
	fixture_wait_count(f, &f->health_good[1], 1);
	assert_int_equal(put_large(f, 6, STORE_OR_FAIL), STORE_OK);
	assert_int_equal(count_objects(f), 5);   /* 0, 1, 4, 5, 6 */
	assert_in_range(count_results(f), 1, 2); /* the first may have gone, to make room */
	fixture_close(f);
	assert_sound(path_in(f, "state.db"));
	assert_sound(path_in(f, "results.db"));
	assert_int_equal(umount2(f->folder, MNT_DETACH), 0);
	fixture_open(f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_older_version_is_brought_forward),
		cmocka_unit_test(a_step_that_fails_leaves_the_old_version),
		cmocka_unit_test(what_is_newer_or_foreign_is_refused),
		cmocka_unit_test_setup_teardown(
			released_schemas_open_with_their_content, setup, teardown),
		cmocka_unit_test_setup_teardown(reopening_finds_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_opener_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_locations_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(files_are_for_their_owner_only, setup, teardown),
		cmocka_unit_test_setup_teardown(a_newer_store_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(documents_are_sealed_on_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(
			damaged_results_are_put_aside_damaged_state_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(old_results_go_in_slices, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_oldest_results_go_when_there_are_too_many, setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_worker_prunes_when_retention_is_set, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_acknowledged_survives_kill_9, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_is_survived, setup, teardown),
	};
	if (argc == 3 && strcmp(argv[1], "--writer") == 0)
		return run_writer(argv[2]);
	self = argv[0];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
