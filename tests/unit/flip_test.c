// SPDX-License-Identifier: MIT
/* Mass flips: the count, and a watch in doubt. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/flip.h"
#include "tests/unit/watch_kit.h"

static void test_what_is_a_mass(void **state)
{
	static const struct {
		int changed, enabled;
		bool mass;
	} table[] = {{19, 19, false}, {20, 20, true}, {20, 80, true}, {20, 81, false},
		{2499, 10000, false}, {2500, 10000, true}, {0, 0, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(flip_is_mass(table[i].changed, table[i].enabled), table[i].mass);
}

static void test_counts_a_sliding_minute(void **state)
{
	struct flip f = {0};

	(void)state;
	for (int s = 0; s < 200; s++) /* one a second */
		flip_note(&f, 1000000 + s * 1000);
	assert_int_equal(flip_count(&f, 1199999), 60);
	assert_int_equal(flip_count(&f, 1229000), 30);
	assert_int_equal(flip_count(&f, 1258000), 1);
	assert_int_equal(flip_count(&f, 1259000), 0);
	assert_int_equal(flip_count(&f, 9999999), 0);
	flip_note(&f, 9999999);
	flip_note(&f, 9999999);
	assert_int_equal(flip_count(&f, 9999999), 2);
}

/* Three seats that turn down together with many others; both rounds have just confirmed it. */
static void doubtful(struct kit *k)
{
	kit_start_up(k);
	k->now_ms += 20000;
	assert_string_equal(kit_says(k, 1, 0, 'D'), "burst 1+2");
	watch_doubt(k->w, k->now_ms);
	assert_string_equal(kit_rounds(k, 1, "DDD"), "up>down");
	assert_true(k->w->down);
	assert_false(watch_wants_look(k->w, k->now_ms));
}

static void test_told_when_later_checks_say_so_too(void **state)
{
	struct kit k;
	int64_t doubt_ms;

	(void)state;
	doubtful(&k);
	doubt_ms = k.w->doubt_since_ms;
	kit_tick(&k, k.now_ms);
	assert_int_equal(k.next_ms, doubt_ms + DOUBT_PAUSE_MS);
	assert_false(watch_wants_look(k.w, doubt_ms + DOUBT_PAUSE_MS - 1));
	assert_true(watch_wants_look(k.w, doubt_ms + DOUBT_PAUSE_MS));
	k.now_ms = doubt_ms + DOUBT_PAUSE_MS + 50; /* began before the pause was over */
	assert_string_equal(kit_all(&k, 0, "DDD"), "");
	k.now_ms = doubt_ms + DOUBT_PAUSE_MS + 200;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "");
	assert_string_equal(kit_says(&k, 2, 0, 'D'), "open down critical");
	assert_int_equal(k.w->doubt_since_ms, 0);
	kit_clear(&k);
}

static void test_what_was_ours_is_never_told(void **state)
{
	struct kit k;
	int64_t doubt_ms;

	(void)state;
	doubtful(&k);
	doubt_ms = k.w->doubt_since_ms;
	k.now_ms = doubt_ms + DOUBT_PAUSE_MS + 200;
	assert_string_equal(kit_all(&k, 0, "UUU"), "burst 3+2");
	assert_string_equal(kit_rounds(&k, 3, "UUU"), "down>up");
	assert_int_equal(k.w->doubt_since_ms, 0);
	kit_clear(&k);
}

/* Nobody answers any more: it is told after a minute. */
static void test_fails_open(void **state)
{
	struct kit k;
	int64_t doubt_ms;

	(void)state;
	doubtful(&k);
	doubt_ms = k.w->doubt_since_ms;
	assert_string_equal(kit_run(&k, doubt_ms + DOUBT_MAX_MS - 1), "");
	assert_int_equal(k.next_ms, doubt_ms + DOUBT_MAX_MS);
	assert_string_equal(kit_run(&k, doubt_ms + DOUBT_MAX_MS), "open down critical");
	kit_clear(&k);
}

static void test_closes_wait_too(void **state)
{
	struct kit k;
	int64_t doubt_ms;

	(void)state;
	kit_start_down(&k);
	k.now_ms += 60000;
	assert_string_equal(kit_says(&k, 2, 0, 'U'), "burst 3+2");
	watch_doubt(k.w, doubt_ms = k.now_ms);
	assert_string_equal(kit_rounds(&k, 3, "UUU"), "down>up");
	k.now_ms = doubt_ms + DOUBT_PAUSE_MS + 200;
	assert_string_equal(kit_says(&k, 1, 0, 'U'), "");
	assert_string_equal(kit_says(&k, 2, 0, 'U'), "close down");
	kit_clear(&k);
}

static void test_says_how_long_it_was_held(void **state)
{
	struct kit k;

	(void)state;
	doubtful(&k);
	int64_t confirmed_ms = k.now_ms;
	k.now_ms = k.w->doubt_since_ms + DOUBT_PAUSE_MS + 200;
	struct vote vote = kit_vote(&k, VERDICT_DOWN);
	watch_vote(k.w, 1, 0, &vote, k.now_ms, &k.actions);
	watch_vote(k.w, 2, 0, &vote, k.now_ms, &k.actions);
	assert_int_equal(k.actions.n, 1);
	assert_int_equal(k.actions.item[0].type, WATCH_OPEN);
	assert_int_equal(k.actions.item[0].held_ms, k.now_ms - confirmed_ms);
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_a_mass),
		cmocka_unit_test(test_counts_a_sliding_minute),
		cmocka_unit_test(test_told_when_later_checks_say_so_too),
		cmocka_unit_test(test_what_was_ours_is_never_told),
		cmocka_unit_test(test_fails_open),
		cmocka_unit_test(test_closes_wait_too),
		cmocka_unit_test(test_says_how_long_it_was_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
