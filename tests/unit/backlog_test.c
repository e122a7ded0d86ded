// SPDX-License-Identifier: MIT
/* The backlog: what leaves first, what comes back, what is dropped, what a new session begins with.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/backlog.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <string.h>

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
	size_t taken = backlog_take(b, entry, n, with_seen, NOW_MS);
	for (size_t i = 0; i < taken; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", i ? " " : "",
			(int)entry[i]->result.sequence);
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
	add(&b, 5, VERDICT_UP); /* in flight is not dropped: 2 goes */
	add(&b, 6, VERDICT_UP); /* 3 goes */
	assert_int_equal(b.dropped, 3);
	backlog_flight_return(&b);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_leaves_first),
		cmocka_unit_test(failures_and_rounds_overtake),
		cmocka_unit_test(late_is_judged_to_the_millisecond),
		cmocka_unit_test(what_comes_back_keeps_its_place_and_number),
		cmocka_unit_test(seen_waits_apart),
		cmocka_unit_test(the_oldest_is_dropped_and_counted),
		cmocka_unit_test(a_new_session_begins_with_the_newest_of_each),
		cmocka_unit_test(what_was_dropped_is_not_dropped_again),
		cmocka_unit_test(newest_is_by_start),
		cmocka_unit_test(clear_frees_whatever_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
