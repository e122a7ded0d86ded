// SPDX-License-Identifier: MIT
/* How soon one burst may follow another, as stories. The notation is in watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

static void test_back_off_doubles(void **state)
{
	static const int64_t waits_ms[] = {60000, 120000, 240000, 480000, 480000};
	struct kit k;
	int64_t round = 1;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	for (size_t i = 0; i < ARRAY_LEN(waits_ms); i++) {
		k.now_ms += 200;
		kit_all(&k, round, "DUU");
		assert_int_equal(k.w->burst.goal, BURST_NONE);
		int64_t end_ms = k.now_ms;
		round += 2;
		while (k.now_ms + 50000 < end_ms + waits_ms[i]) {
			k.now_ms += 50000;
			kit_all(&k, 0, "DUU");
		}
		k.now_ms = end_ms + waits_ms[i] - 1;
		kit_all(&k, 0, "DUU");
		assert_int_equal(k.w->burst.goal, BURST_NONE);
		kit_tick(&k, k.now_ms);
		assert_int_equal(k.next_ms, end_ms + waits_ms[i]);
		kit_tick(&k, end_ms + waits_ms[i]);
		assert_int_equal(k.w->burst.goal, BURST_DOWN);
		assert_int_equal(k.w->burst.first_round, round);
	}
	kit_clear(&k);
}

/* Eight intervals without a vote that calls for a burst, and the back-off begins anew; a little
 * less, and it does not. */
static void test_back_off_is_forgotten(void **state)
{
	static const struct {
		int64_t calm_ms, backoff_ms;
	} table[] = {{479999, 120000}, {480000, 60000}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		kit_start_up(&k);
		k.now_ms += 20000;
		kit_says(&k, 1, 0, 'D');
		k.now_ms += 200;
		kit_all(&k, 1, "DUU");
		k.now_ms += 1000;
		int64_t calm_ms = k.now_ms;
		kit_says(&k, 1, 0, 'U');
		kit_run(&k, calm_ms + table[i].calm_ms - 10000);
		kit_all(&k, 0, "UUU");
		k.now_ms = calm_ms + table[i].calm_ms;
		assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 3+2");
		k.now_ms += 200;
		kit_all(&k, 3, "DUU");
		assert_int_equal(k.w->backoff_ms, table[i].backoff_ms);
		kit_clear(&k);
	}
}

/* One region fails for minutes, then everything does: the scheduled votes reach q, and nobody waits
 * out 8 intervals. */
static void test_reached_goal_shortens_the_back_off(void **state)
{
	struct kit k;
	int64_t round = 1;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	for (int i = 0; i < 4; i++) {
		kit_all(&k, 0, "DUU");
		k.now_ms += 200;
		kit_all(&k, round, "DUU");
		round += 2;
		if (i < 3)
			k.now_ms += k.w->backoff_ms;
	}
	assert_int_equal(k.w->backoff_ms, 480000);
	int64_t end_ms = k.now_ms;
	k.now_ms = end_ms + 40000;
	kit_all(&k, 0, "DDU"); /* q of them now */
	assert_int_equal(k.w->burst.goal, BURST_NONE);
	kit_tick(&k, end_ms + 59999);
	assert_int_equal(k.w->burst.goal, BURST_NONE);
	assert_int_equal(k.next_ms, end_ms + 60000);
	assert_string_equal(kit_tick(&k, end_ms + 60000), "burst 9+2");
	kit_clear(&k);
}

static void test_burst_for_up_may_follow_at_once(void **state)
{
	struct kit k;

	(void)state;
	kit_start_down(&k);
	k.now_ms += 1000;
	assert_string_equal(kit_says(&k, 1, 0, 'U'), "burst 3+2");
	assert_int_equal(k.w->burst.goal, BURST_UP);
	kit_clear(&k);
}

/* Probe 3 said up in the rounds that confirmed down: that vote calls for nothing, its next one
 * does. */
static void test_only_votes_after_the_decision_call(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	assert_string_equal(kit_rounds(&k, 1, "DDU"), "up>down; open down critical");
	int64_t decided_ms = k.now_ms;
	assert_string_equal(kit_run(&k, decided_ms + 30000), "");
	struct vote vote = kit_vote(&k, VERDICT_UP);
	vote.started_at_ms = decided_ms;
	assert_true(watch_vote(k.w, 3, 0, &vote, k.now_ms, &k.actions));
	assert_int_equal(k.actions.n, 0);
	vote.started_at_ms = decided_ms + 1;
	assert_true(watch_vote(k.w, 3, 0, &vote, k.now_ms, &k.actions));
	kit_note(&k);
	assert_string_equal(kit_log(&k), "burst 3+2");
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back_off_doubles),
		cmocka_unit_test(test_back_off_is_forgotten),
		cmocka_unit_test(test_reached_goal_shortens_the_back_off),
		cmocka_unit_test(test_burst_for_up_may_follow_at_once),
		cmocka_unit_test(test_only_votes_after_the_decision_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
