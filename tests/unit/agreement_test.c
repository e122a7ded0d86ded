// SPDX-License-Identifier: MIT
/* Confirmation without bursts, or while nobody answers them: scheduled votes have to agree twice. The
 * notation is in watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

static void test_without_bursts(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.w->rule.rounds = 0;
	k.now_ms += 20000;
	assert_string_equal(kit_all(&k, 0, "D"), "");
	k.now_ms += 20000;
	assert_string_equal(kit_all(&k, 0, "-D"), "");
	int64_t agreed_ms = k.now_ms;
	assert_string_equal(kit_tick(&k, agreed_ms + 2999), "");
	assert_int_equal(k.next_ms, agreed_ms + 3000);
	k.now_ms = agreed_ms + 3000;
	k.next_ms = watch_tick(k.w, k.now_ms, &k.actions);
	assert_int_equal(k.actions.n, 2);
	assert_int_equal(k.actions.item[1].rounds, 0);
	assert_int_equal(k.actions.item[1].first_round, 0);
	assert_int_equal(k.actions.item[1].started_at_ms, agreed_ms - 20000 - k.check_ms);
	kit_note(&k);
	assert_string_equal(kit_log(&k), "up>down; open down critical");
	k.now_ms += 20000;
	assert_string_equal(kit_all(&k, 0, "UU"), "");
	assert_string_equal(kit_tick(&k, k.now_ms + 2999), "");
	assert_string_equal(kit_tick(&k, k.now_ms + 1), "down>up; close down");
	kit_clear(&k);
}

static void test_without_bursts_there_is_no_round(void **state)
{
	struct kit k;

	(void)state;
	kit_start_down(&k);
	k.w->rule.rounds = 0;
	k.now_ms += 20000;
	kit_all(&k, 0, "UUU");
	watch_tick(k.w, k.now_ms + 3000, &k.actions);
	assert_int_equal(k.actions.n, 2);
	assert_int_equal(k.actions.item[1].type, WATCH_CLOSE);
	assert_int_equal(k.actions.item[1].first_round, 0);
	kit_clear(&k);
}

static void test_without_bursts_the_decision_must_stand(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.w->rule.rounds = 0;
	k.now_ms += 20000;
	kit_all(&k, 0, "DD");
	k.now_ms += 2000;
	kit_all(&k, 0, "U");
	k.now_ms += 500;
	kit_all(&k, 0, "D");
	int64_t agreed_ms = k.now_ms;
	assert_string_equal(kit_tick(&k, agreed_ms + 2999), "");
	assert_string_equal(kit_tick(&k, agreed_ms + 3000), "up>down; open down critical");
	kit_clear(&k);
}

static void test_without_bursts_and_gap_two_evaluations(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.w->rule.rounds = 0;
	k.w->rule.gap_ms = 0;
	k.now_ms += 20000;
	assert_string_equal(kit_all(&k, 0, "D"), "");
	assert_string_equal(kit_says(&k, 2, 0, 'D'), "");
	struct watch_actions none = {0};
	assert_int_equal(k.w->agreed_since_ms, k.now_ms);
	k.w->agreed_since_ms = 0; /* as if the tick below were the first */
	assert_int_equal(watch_tick(k.w, k.now_ms, &none), k.now_ms + 1);
	kit_tick(&k, k.now_ms + 1);
	assert_true(k.w->down);
	kit_clear(&k);
}

/* Two of three say down in time, and the burst's orders reach nobody: the deadline of its first round
 * ends it. */
static void start_unanswered(struct kit *k)
{
	kit_start_up(k);
	k->now_ms += 20000;
	assert_string_equal(kit_all(k, 0, "DD"), "burst 1+2");
	int64_t deadline_ms = k->now_ms + 12000;
	assert_string_equal(kit_run(k, deadline_ms - 1), "");
	assert_int_equal(k->w->burst.goal, BURST_DOWN);
	assert_false(k->w->unanswered);
	assert_string_equal(kit_run(k, deadline_ms), "");
	assert_int_equal(k->w->burst.goal, BURST_NONE);
	assert_true(k->w->unanswered);
}

static void test_unanswered_burst_leaves_it_to_the_scheduled_votes(void **state)
{
	struct kit k;

	(void)state;
	start_unanswered(&k);
	int64_t ended_ms = k.now_ms;
	assert_string_equal(kit_run(&k, ended_ms + 2999), "");
	assert_int_equal(k.next_ms, ended_ms + 3000);
	k.next_ms = watch_tick(k.w, k.now_ms = ended_ms + 3000, &k.actions);
	assert_int_equal(k.actions.n, 2);
	assert_int_equal(k.actions.item[1].rounds, 0);
	kit_note(&k);
	assert_string_equal(kit_log(&k), "up>down; open down critical");
	kit_clear(&k);
}

/* The way back up is the same: its burst is not answered either, the scheduled votes are there. */
static void test_unanswered_stays_until_a_burst_is_answered(void **state)
{
	struct kit k;

	(void)state;
	start_unanswered(&k);
	kit_run(&k, k.now_ms + 3000);
	assert_true(k.w->down);
	k.now_ms += 30000;
	assert_string_equal(kit_all(&k, 0, "UU"), "burst 3+2");
	assert_string_equal(kit_run(&k, k.now_ms + 3000), "down>up; close down");
	assert_true(k.w->unanswered);
	k.now_ms += 60000;
	assert_string_equal(kit_all(&k, 0, "DD"), "burst 5+2");
	k.now_ms += 200;
	kit_says(&k, 3, 5, 'U'); /* somebody heard of it: bursts decide again */
	assert_false(k.w->unanswered);
	assert_string_equal(kit_run(&k, k.now_ms + 3000), "");
	assert_false(k.w->down);
	kit_clear(&k);
}

/* What had agreed before an answer came counts for nothing when the next order is lost again. */
static void test_unanswered_again_agrees_anew(void **state)
{
	struct kit k;

	(void)state;
	start_unanswered(&k);
	k.now_ms += 1000;
	assert_string_equal(kit_all(&k, 0, "UUU"), ""); /* over before the gap was */
	k.now_ms += 60000;
	assert_string_equal(kit_all(&k, 0, "DD"), "burst 3+2");
	k.now_ms += 200;
	kit_says(&k, 3, 3, 'U');
	assert_false(k.w->unanswered);
	assert_string_equal(kit_run(&k, k.now_ms + 20000), "");
	while (k.w->burst.goal == BURST_NONE) { /* the back-off */
		k.now_ms += 10000;
		kit_all(&k, 0, "DD");
	}
	int64_t deadline_ms = k.now_ms + 12000;
	assert_string_equal(kit_run(&k, deadline_ms + 2999), "");
	assert_true(k.w->unanswered);
	assert_string_equal(kit_run(&k, deadline_ms + 3000), "up>down; open down critical");
	kit_clear(&k);
}

/* One answer is enough to know that the orders arrive, whatever it says. */
static void test_a_burst_answered_once_is_answered(void **state)
{
	static const char answers[] = "DUWn";

	(void)state;
	for (size_t i = 0; answers[i]; i++) {
		struct kit k;
		kit_start_up(&k);
		k.now_ms += 20000;
		assert_string_equal(kit_all(&k, 0, "DD"), "burst 1+2");
		k.now_ms += 200;
		kit_says(&k, 1, 2, answers[i]);
		kit_run(&k, k.now_ms + 20000);
		assert_int_equal(k.w->burst.goal, BURST_NONE);
		assert_false(k.w->unanswered);
		assert_false(k.w->down);
		kit_clear(&k);
	}
}

/* A burst that could not succeed at all ends before anybody had the time to answer. */
static void test_hopeless_burst_is_not_unanswered(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	watch_exclude(k.w, 1, EXCLUDED_CLOCK);
	watch_exclude(k.w, 2, EXCLUDED_CLOCK);
	k.now_ms += 20000;
	assert_string_equal(kit_says(&k, 3, 0, 'D'), "burst 1+2");
	kit_run(&k, k.now_ms + 500);
	assert_int_equal(k.w->burst.goal, BURST_NONE);
	assert_false(k.w->unanswered);
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_bursts),
		cmocka_unit_test(test_without_bursts_there_is_no_round),
		cmocka_unit_test(test_without_bursts_the_decision_must_stand),
		cmocka_unit_test(test_without_bursts_and_gap_two_evaluations),
		cmocka_unit_test(test_unanswered_burst_leaves_it_to_the_scheduled_votes),
		cmocka_unit_test(test_unanswered_stays_until_a_burst_is_answered),
		cmocka_unit_test(test_unanswered_again_agrees_anew),
		cmocka_unit_test(test_a_burst_answered_once_is_answered),
		cmocka_unit_test(test_hopeless_burst_is_not_unanswered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
