// SPDX-License-Identifier: MIT
/* The backlog: what leaves first, what comes back, what is dropped, what a new session begins with.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/backlog.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_MS INT64_C(1000000)

static struct id monitor_id(int n)
{
	struct id id = {.byte = {1}};
	id.byte[15] = (uint8_t)n;
	return id;
}

static void add_at(
	struct backlog *b, int monitor, enum verdict verdict, int64_t round, int64_t ended_at_ms)
{
	struct result r = {.monitor = monitor_id(monitor),
		.verdict = verdict,
		.round = round,
		.duration_ms = 10};
	r.detail = mem_strdup("owned");
	backlog_add(b, &r, ended_at_ms);
	assert_null(r.detail);
}

static void add(struct backlog *b, int monitor, enum verdict verdict)
{
	add_at(b, monitor, verdict, 0, NOW_MS);
}

/* Takes up to N and compares the sequences with EXPECTED ("3 1 2"). */
static void expect_take(struct backlog *b, size_t n, bool with_seen, const char *expected)
{
	struct backlog_entry *entry[64];
	char text[256] = "";
	size_t taken = backlog_take(b, entry, n, with_seen ? n : 0, NOW_MS);
	for (size_t i = 0; i < taken; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", i ? " " : "",
			(int)entry[i]->result->sequence);
	assert_string_equal(text, expected);
}

static void the_newest_leaves_first(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 100);
	for (int i = 1; i <= 5; i++)
		add(&b, i, VERDICT_UP);
	assert_false(backlog_urgent(&b, NOW_MS));
	expect_take(&b, 3, false, "5 4 3");
	backlog_flight_stored(&b);
	assert_int_equal(b.n, 2);
	expect_take(&b, 3, false, "2 1");
	backlog_flight_stored(&b);
	expect_take(&b, 3, false, "");
	assert_int_equal(b.n, 0);
	assert_int_equal(b.dropped, 0);
	backlog_clear(&b);
}

static void failures_and_rounds_overtake(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 100);
	add_at(&b, 1, VERDICT_DOWN, 0, NOW_MS - BACKLOG_LATE_MS - 1); /* 1: late, history only */
	add(&b, 2, VERDICT_DOWN);                                     /* 2 */
	add(&b, 3, VERDICT_UP);                                       /* 3 */
	add_at(&b, 4, VERDICT_UP, 2, NOW_MS);                         /* 4: a confirmation round */
	add(&b, 5, VERDICT_WARNING);                                  /* 5 */
	add(&b, 6, VERDICT_NONE);                                     /* 6 */
	assert_true(backlog_urgent(&b, NOW_MS));
	expect_take(&b, 10, false, "4 2 6 5 3 1");
	backlog_flight_stored(&b);
	backlog_clear(&b);
}

static void late_is_judged_to_the_millisecond(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 100);
	add_at(&b, 1, VERDICT_DOWN, 0, NOW_MS - BACKLOG_LATE_MS);
	assert_true(backlog_urgent(&b, NOW_MS));
	assert_false(backlog_urgent(&b, NOW_MS + 1));
	backlog_age(&b, 1);
	assert_false(backlog_urgent(&b, NOW_MS));
	backlog_clear(&b);
}

static void what_comes_back_keeps_its_place_and_number(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 100);
	for (int i = 1; i <= 3; i++)
		add(&b, i, i == 2 ? VERDICT_DOWN : VERDICT_UP);
	expect_take(&b, 10, false, "2 3 1");
	add(&b, 4, VERDICT_UP);
	backlog_flight_return(&b);
	assert_int_equal(b.n, 4);
	assert_int_equal(b.n_waiting, 4);
	expect_take(&b, 10, false, "2 4 3 1");
	backlog_flight_stored(&b);
	backlog_clear(&b);
}

static void seen_waits_apart(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 100);
	add(&b, 1, VERDICT_DOWN);
	add(&b, 2, VERDICT_UP);
	expect_take(&b, 10, false, "1 2");
	backlog_flight_seen(&b);
	assert_int_equal(b.n_seen, 2);
	assert_int_equal(b.n, 2);
	assert_false(backlog_urgent(&b, NOW_MS)); /* it voted */
	expect_take(&b, 10, false, "");
	add(&b, 3, VERDICT_UP);
	expect_take(&b, 2, true, "3 2"); /* after what is new */
	backlog_flight_seen(&b);
	expect_take(&b, 10, true, "3 2 1");
	backlog_flight_stored(&b);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.n_seen, 0);
	backlog_clear(&b);
}

static void the_oldest_is_dropped_and_counted(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 3);
	for (int i = 1; i <= 2; i++)
		add(&b, i, VERDICT_UP);
	expect_take(&b, 2, false, "2 1");
	backlog_flight_seen(&b);
	add(&b, 3, VERDICT_UP);
	assert_int_equal(b.dropped, 0);
	add(&b, 4, VERDICT_UP); /* 1 goes, though it was seen */
	assert_int_equal(b.dropped, 1);
	assert_int_equal(b.n, 3);
	expect_take(&b, 1, false, "4");
	add(&b, 5, VERDICT_UP); /* what flies is on top */
	assert_int_equal(b.dropped, 1);
	add(&b, 6, VERDICT_UP); /* 2 goes */
	assert_int_equal(b.dropped, 2);
	backlog_flight_return(&b); /* 3 goes, not what came while 4 flew */
	assert_int_equal(b.dropped, 3);
	assert_int_equal(b.n, 3);
	expect_take(&b, 10, true, "6 5 4");
	backlog_flight_drop(&b);
	assert_int_equal(b.dropped, 6);
	backlog_set_max(&b, 1);
	add(&b, 7, VERDICT_UP);
	add(&b, 8, VERDICT_UP);
	expect_take(&b, 10, true, "8");
	backlog_flight_stored(&b);
	backlog_clear(&b);
}

/* A coordinator that is silent for long: report after report carries all there is, and comes back. */
static void a_long_flight_costs_nothing_newer(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 4);
	for (int i = 1; i <= 4; i++)
		add(&b, i, VERDICT_UP);
	for (int turn = 0; turn < 3; turn++) {
		(void)backlog_take(&b, (struct backlog_entry *[64]){0}, 64, 0, NOW_MS);
		for (int i = 0; i < 3; i++)
			add(&b, 5 + 3 * turn + i, VERDICT_UP);
		backlog_flight_return(&b);
		assert_int_equal(b.n, 4);
	}
	assert_int_equal(b.dropped, 9);
	expect_take(&b, 10, false, "13 12 11 10");
	backlog_flight_stored(&b);
	backlog_clear(&b);
}

static void a_new_session_begins_with_the_newest_of_each(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 100);
	add(&b, 1, VERDICT_UP);   /* 1 */
	add(&b, 2, VERDICT_DOWN); /* 2 */
	add(&b, 1, VERDICT_UP);   /* 3 */
	expect_take(&b, 10, false, "2 3 1");
	backlog_flight_stored(&b);
	add(&b, 3, VERDICT_UP); /* 4: waiting */
	add(&b, 3, VERDICT_UP); /* 5: waiting, its newest */
	add(&b, 4, VERDICT_UP); /* 6 */
	backlog_forget(&b, &(struct id){.byte = {[0] = 1, [15] = 4}});
	backlog_renew(&b);
	assert_true(backlog_urgent(&b, NOW_MS));
	assert_int_equal(b.n_again, 3);
	expect_take(&b, 10, false, "5 3 2 6 4");
	assert_int_equal(b.n_again, 0);
	backlog_flight_stored(&b);
	assert_int_equal(b.n, 0);
	backlog_renew(&b); /* and again, from memory */
	expect_take(&b, 2, false, "5 3");
	backlog_renew(&b); /* a session that was lost on the way */
	expect_take(&b, 10, false, "5 3 2");
	backlog_flight_stored(&b);
	backlog_clear(&b);
}

static void what_was_dropped_is_not_dropped_again(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 2);
	for (int i = 1; i <= 3; i++)
		add(&b, i, VERDICT_UP);
	assert_int_equal(b.dropped, 1);
	backlog_renew(&b);
	assert_int_equal(b.dropped, 1);
	expect_take(&b, 10, false, "3 2");
	backlog_flight_stored(&b);
	backlog_clear(&b);
}

/* Newest by start: a slow check that began earlier and ended later is older news. */
static void newest_is_by_start(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 100);
	struct result quick = {.monitor = monitor_id(1), .verdict = VERDICT_UP, .duration_ms = 10};
	struct result slow = {
		.monitor = monitor_id(1), .verdict = VERDICT_DOWN, .duration_ms = 5000};
	backlog_add(&b, &quick, NOW_MS);
	backlog_add(&b, &slow, NOW_MS + 10);
	expect_take(&b, 10, false, "2 1");
	backlog_flight_stored(&b);
	backlog_renew(&b);
	expect_take(&b, 10, false, "1");
	backlog_flight_stored(&b);
	backlog_clear(&b);
}

static void clear_frees_whatever_there_is(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 100);
	for (int i = 1; i <= 3; i++) {
		add(&b, i, VERDICT_UP);
		expect_take(&b, 1, false, i == 1 ? "1" : i == 2 ? "2" : "3");
		if (i == 1)
			backlog_flight_seen(&b);
		else if (i == 2)
			backlog_flight_stored(&b);
	}
	add(&b, 4, VERDICT_UP);
	backlog_clear(&b);
	assert_int_equal(b.n, 0);
}

/* ---- with a spool */

struct disk {
	char dir[64];
	struct spool *spool;
	struct id boot;
};

static struct disk disk_new(struct backlog *b, int64_t max)
{
	struct disk d = {.boot = {.byte = {7}}};
	strcpy(d.dir, "/tmp/qback-XXXXXX");
	assert_non_null(mkdtemp(d.dir));
	d.spool = spool_open(d.dir, "tokyo-1", 1 << 20);
	backlog_init(b, max);
	backlog_use_spool(b, d.spool, &d.boot);
	return d;
}

/* As after a kill -9: another boot finds the folder. */
static void disk_restart(struct disk *d, struct backlog *b)
{
	int64_t max = b->max;
	backlog_clear(b);
	spool_close(d->spool);
	d->spool = spool_open(d->dir, "tokyo-1", 1 << 20);
	d->boot.byte[0]++;
	backlog_init(b, max);
	backlog_use_spool(b, d->spool, &d->boot);
}

static void disk_free(struct disk *d, struct backlog *b)
{
	char command[128];
	backlog_clear(b);
	spool_close(d->spool);
	snprintf(command, sizeof command, "rm -rf %s", d->dir);
	assert_int_equal(system(command), 0);
}

/* Results as the wire takes them. */
static void add_whole(struct backlog *b, int monitor, int64_t started_wall_ms)
{
	struct result r;
	schema_defaults(&result_schema, &r);
	r.monitor = monitor_id(monitor);
	r.monitor.byte[6] = 0x70;
	r.monitor.byte[8] = 0x80;
	r.verdict = VERDICT_UP;
	r.monitor_revision = 1;
	r.started_wall_ms = started_wall_ms;
	r.duration_ms = 10;
	backlog_add(b, &r, NOW_MS);
}

static void what_nobody_stores_goes_to_disk_in_time(void **state)
{
	(void)state;
	struct backlog b;
	struct disk d = disk_new(&b, 100);
	assert_int_equal(backlog_spool_at_ms(&b), INT64_MAX);
	add_whole(&b, 1, 1000);
	assert_int_equal(backlog_spool_at_ms(&b), NOW_MS + BACKLOG_SPOOL_MS);
	expect_take(&b, 10, false, "1");
	backlog_flight_stored(&b); /* in time: never written */
	assert_int_equal(backlog_spool_at_ms(&b), INT64_MAX);
	for (int i = 2; i <= 5; i++)
		add_whole(&b, i, 1000);
	expect_take(&b, 1, false, "5");
	backlog_spool(&b, NOW_MS + BACKLOG_SPOOL_MS); /* what flies, too */
	assert_int_equal(backlog_spool_at_ms(&b), INT64_MAX);
	assert_true(spool_size_bytes(d.spool) > 0);
	assert_int_equal(backlog_count(&b), 4);
	backlog_flight_seen(&b);
	expect_take(&b, 10, true, "4 3 2 5"); /* from memory, each once */
	backlog_flight_stored(&b);
	assert_int_equal(backlog_count(&b), 0);
	assert_int_equal(spool_size_bytes(d.spool), 0);
	disk_free(&d, &b);
}

static void memory_holds_the_newest_and_the_disk_the_rest(void **state)
{
	(void)state;
	struct backlog b;
	struct disk d = disk_new(&b, 3);
	for (int i = 1; i <= 8; i++)
		add_whole(&b, i, 1000);
	assert_int_equal(b.n, 3);
	assert_int_equal(backlog_count(&b), 8);
	assert_int_equal(backlog_dropped(&b), 0);
	expect_take(&b, 5, false, "8 7 6"); /* no history asked for */
	backlog_flight_return(&b);
	expect_take(&b, 10, true, "8 7 6 5 4 3 2 1");
	assert_int_equal(b.n_lent, 5);
	backlog_flight_return(&b); /* not answered */
	assert_int_equal(backlog_count(&b), 8);
	expect_take(&b, 5, true, "8 7 6 5 4");
	backlog_flight_seen(&b); /* votes count; the disk keeps its part */
	assert_int_equal(b.n_seen, 3);
	assert_int_equal(backlog_count(&b), 8);
	backlog_renew(&b);
	expect_take(&b, 10, true, "8 7 6 5 4 3 2 1");
	backlog_flight_stored(&b);
	assert_int_equal(backlog_count(&b), 0);
	assert_int_equal(backlog_dropped(&b), 0);
	disk_free(&d, &b);
}

/* A new session's newest result may be on disk only: it is not sent twice. */
static void the_newest_comes_back_from_the_disk_once(void **state)
{
	(void)state;
	struct backlog b;
	struct disk d = disk_new(&b, 3);
	for (int i = 1; i <= 4; i++)
		add_whole(&b, i, 1000);
	assert_int_equal(spool_waiting(d.spool), 1);
	expect_take(&b, 10, false, "4 3 2");
	backlog_flight_stored(&b);
	for (int i = 2; i <= 4; i++) {
		struct id gone = monitor_id(i);
		gone.byte[6] = 0x70;
		gone.byte[8] = 0x80;
		backlog_forget(&b, &gone);
	}
	backlog_renew(&b);
	assert_int_equal(b.n_again, 1);
	assert_int_equal(backlog_count(&b), 1);
	expect_take(&b, 10, true, "1");
	backlog_flight_stored(&b);
	assert_int_equal(backlog_count(&b), 0);
	assert_int_equal(spool_size_bytes(d.spool), 0);
	disk_free(&d, &b);
}

static void what_an_earlier_boot_left_is_history(void **state)
{
	(void)state;
	struct backlog b;
	struct backlog_entry *entry[10];
	struct disk d = disk_new(&b, 10);
	struct id boot = d.boot;
	for (int i = 1; i <= 3; i++)
		add_whole(&b, i, clock_wall_ms());
	backlog_spool_all(&b, NOW_MS);
	disk_restart(&d, &b);
	assert_int_equal(backlog_count(&b), 3);
	add_whole(&b, 9, clock_wall_ms());
	assert_int_equal(backlog_take(&b, entry, 10, 10, NOW_MS), 4);
	assert_int_equal(entry[0]->result->sequence, 1); /* live first, with a number of its own */
	assert_true(id_is_zero(&entry[0]->result->boot));
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(entry[i]->result->sequence, 4 - i);
		assert_true(id_equal(&entry[i]->result->boot, &boot));
		assert_true(NOW_MS - entry[i]->ended_at_ms > BACKLOG_LATE_MS); /* just made */
	}
	backlog_flight_drop(&b); /* the coordinator cannot read it */
	assert_int_equal(backlog_dropped(&b), 4);
	disk_restart(&d, &b);
	assert_int_equal(backlog_count(&b), 0);
	disk_free(&d, &b);
}

static void the_wall_clock_says_how_old_history_is(void **state)
{
	(void)state;
	struct backlog b;
	struct backlog_entry *entry[4];
	struct disk d = disk_new(&b, 10);
	add_whole(&b, 1, clock_wall_ms() - 3600000);
	add_whole(&b, 2, clock_wall_ms() + 3600000); /* the clock was set back */
	backlog_spool_all(&b, NOW_MS);
	disk_restart(&d, &b);
	assert_int_equal(backlog_take(&b, entry, 4, 4, NOW_MS), 2);
	assert_int_equal(NOW_MS - entry[0]->ended_at_ms, BACKLOG_LATE_MS + 1);
	int64_t age_ms = NOW_MS - entry[1]->ended_at_ms;
	assert_true(age_ms >= 3600000 - 10 && age_ms < 3660000);
	backlog_flight_stored(&b);
	disk_free(&d, &b);
}

static void a_broken_disk_is_asked_again_later(void **state)
{
	(void)state;
	struct backlog b;
	backlog_init(&b, 3);
	struct spool *s = spool_open("/nonexistent/quorate", "tokyo-1", 1 << 20);
	backlog_use_spool(&b, s, &(struct id){.byte = {1}});
	add_whole(&b, 1, 1000);
	backlog_spool(&b, NOW_MS + BACKLOG_SPOOL_MS);
	assert_int_equal(backlog_spool_at_ms(&b), NOW_MS + BACKLOG_SPOOL_MS + 5000);
	for (int i = 2; i <= 5; i++)
		add_whole(&b, i, 1000);
	assert_int_equal(backlog_dropped(&b), 2); /* memory only, counted */
	expect_take(&b, 10, true, "5 4 3");
	backlog_flight_stored(&b);
	backlog_spool_all(&b, NOW_MS);
	backlog_clear(&b);
	spool_close(s);
}

static void a_disk_that_works_again_says_so_by_itself(void **state)
{
	(void)state;
	struct backlog b;
	char folder[] = "/tmp/quorate-backlog.XXXXXX", inner[64];
	assert_non_null(mkdtemp(folder));
	snprintf(inner, sizeof inner, "%s/state", folder);
	backlog_init(&b, 10);
	struct spool *s = spool_open(inner, "tokyo-1", 1 << 20);
	backlog_use_spool(&b, s, &(struct id){.byte = {1}});
	add_whole(&b, 1, 1000);
	backlog_spool(&b, NOW_MS);
	expect_take(&b, 10, true, "1");
	backlog_flight_stored(&b);
	assert_non_null(spool_error(s)); /* nothing waits, and the disk is still what it was */
	assert_int_equal(backlog_spool_at_ms(&b), NOW_MS + 5000);
	backlog_spool(&b, NOW_MS + 5000);
	assert_non_null(spool_error(s));
	assert_int_equal(backlog_spool_at_ms(&b), NOW_MS + 10000);
	add_at(&b, 2, VERDICT_UP, 0,
		NOW_MS + 9900); /* one after the other may come: it is not put off */
	assert_int_equal(backlog_spool_at_ms(&b), NOW_MS + 10000);
	expect_take(&b, 10, true, "2");
	backlog_flight_stored(&b);
	assert_int_equal(mkdir(inner, 0700), 0);
	backlog_spool(&b, NOW_MS + 10000);
	assert_null(spool_error(s));
	assert_int_equal(backlog_spool_at_ms(&b), INT64_MAX);
	backlog_clear(&b);
	spool_close(s);
	snprintf(inner, sizeof inner, "%s/state/spool", folder);
	assert_int_equal(rmdir(inner), 0); /* nothing is left in it */
	snprintf(inner, sizeof inner, "%s/state", folder);
	assert_int_equal(rmdir(inner), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_leaves_first),
		cmocka_unit_test(failures_and_rounds_overtake),
		cmocka_unit_test(late_is_judged_to_the_millisecond),
		cmocka_unit_test(what_comes_back_keeps_its_place_and_number),
		cmocka_unit_test(seen_waits_apart),
		cmocka_unit_test(the_oldest_is_dropped_and_counted),
		cmocka_unit_test(a_long_flight_costs_nothing_newer),
		cmocka_unit_test(a_new_session_begins_with_the_newest_of_each),
		cmocka_unit_test(what_was_dropped_is_not_dropped_again),
		cmocka_unit_test(newest_is_by_start),
		cmocka_unit_test(clear_frees_whatever_there_is),
		cmocka_unit_test(what_nobody_stores_goes_to_disk_in_time),
		cmocka_unit_test(memory_holds_the_newest_and_the_disk_the_rest),
		cmocka_unit_test(the_newest_comes_back_from_the_disk_once),
		cmocka_unit_test(what_an_earlier_boot_left_is_history),
		cmocka_unit_test(the_wall_clock_says_how_old_history_is),
		cmocka_unit_test(a_broken_disk_is_asked_again_later),
		cmocka_unit_test(a_disk_that_works_again_says_so_by_itself),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
