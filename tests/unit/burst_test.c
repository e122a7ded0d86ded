// SPDX-License-Identifier: MIT
/* Confirmation as stories of votes and instants: rounds and settling; more is in back_off_test.c and
 * agreement_test.c. The notation is in watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

static void test_down_and_up(void **state)
{
	struct kit k;

	(void)state;
	kit_start_down(&k);
	assert_true(k.w->down);
	k.now_ms += 60000;
	assert_string_equal(kit_comes_up(&k, 2, 3), "down>up; close down");
	assert_false(k.w->down);
	kit_clear(&k);
}

static void test_new_monitor_down_from_the_beginning(void **state)
{
	struct kit k;

	(void)state;
	struct watch_rule rule = kit_rule(3, 2, 2);
	kit_init(&k, &rule, 3);
	struct watch *bare = malloc(watch_size(1));
	assert_non_null(bare);
	watch_init(bare, &rule, 1);
	assert_int_equal(bare->voter[0].seat, 0);
	assert_int_equal(bare->voter[0].key, 0);
	free(bare);
	assert_int_equal(k.w->state, STATE_PENDING);
	assert_int_equal(k.w->voter[1].seat, 1);
	struct vote vote = kit_vote(&k, VERDICT_DOWN);
	assert_true(watch_vote(k.w, 2, 0, &vote, k.now_ms, &k.actions));
	assert_int_equal(k.actions.item[0].gap_ms, 3000);
	kit_note(&k);
	assert_string_equal(kit_log(&k), "burst 1+2");
	assert_int_equal(k.w->state, STATE_PENDING);
	assert_string_equal(kit_rounds(&k, 1, "DDD"), "pending>down; open down critical");
	kit_clear(&k);
}

/* Rounds of a burst, q = u = 2 of 3. Letters of both rounds; D confirms at once, else see the
 * comments below. */
static void test_every_round_must_hold(void **state)
{
	static const struct {
		const char *first, *second;
		bool down;
	} table[] = {
		{"DDD", "DDD", true},
		{"DDU", "DDU", true},
		{"DDU", "UDD", true},
		{"DDD", "DDW", true},
		{"DDD", "DDn", true},
		{"DUU", "DDD", false},
		{"DDD", "DUU", false},
		{"DDD", "DUn", false},
		{"nnn", "DDD", false},
		{"DDD", "Dnn", false},
		{"DWW", "DDD", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		kit_start_up(&k);
		k.now_ms += 20000;
		assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 1+2");
		k.now_ms += 200;
		kit_all(&k, 1, table[i].first);
		k.now_ms += 3000;
		kit_all(&k, 2, table[i].second);
		assert_int_equal(k.w->burst.goal, BURST_NONE);
		assert_int_equal(k.w->down, table[i].down);
		assert_int_equal(k.w->slot[ALERT_DOWN].open, table[i].down);
		kit_clear(&k);
	}
}

/* The q-th answer settles a round; the third answer is awaited for 500 ms. */
static void test_settled_round_waits_500_ms(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "DD-");
	k.now_ms += 3000;
	kit_says(&k, 1, 2, 'D');
	int64_t settled_ms = k.now_ms + 40;
	k.now_ms = settled_ms;
	kit_says(&k, 2, 2, 'D');
	assert_string_equal(kit_tick(&k, settled_ms + 499), "");
	assert_int_equal(k.next_ms, settled_ms + 500);
	assert_string_equal(kit_tick(&k, settled_ms + 500), "up>down; open down critical");
	kit_clear(&k);
}

/* Also when it can no longer succeed: two of three say up. */
static void test_hopeless_round_ends_the_burst(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "-UU");
	assert_int_equal(k.w->burst.goal, BURST_DOWN);
	kit_tick(&k, k.now_ms + 499);
	assert_int_equal(k.w->burst.goal, BURST_DOWN);
	kit_tick(&k, k.now_ms + 1);
	assert_int_equal(k.w->burst.goal, BURST_NONE);
	assert_int_equal(k.w->backoff_ms, 60000);
	kit_clear(&k);
}

/* A silent voter is awaited for timeout + 2 s after the round's start. */
static void test_round_deadline(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	int64_t start_ms = k.now_ms;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "DU-"); /* one each: open until the end */
	kit_run(&k, start_ms + 12000 - 1);
	assert_int_equal(k.w->burst.goal, BURST_DOWN);
	assert_int_equal(k.next_ms, start_ms + 12000);
	kit_run(&k, start_ms + 12000);
	assert_int_equal(k.w->burst.goal, BURST_NONE);
	kit_clear(&k);

	/* the second round has its own start: three seconds later */
	kit_start_up(&k);
	k.now_ms += 20000;
	start_ms = k.now_ms;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "DDD");
	k.now_ms += 3000;
	kit_all(&k, 2, "D--");
	kit_run(&k, start_ms + 15000 - 1);
	assert_int_equal(k.w->burst.goal, BURST_DOWN);
	kit_run(&k, start_ms + 15000);
	assert_int_equal(k.w->burst.goal, BURST_NONE);
	assert_false(k.w->down);
	kit_clear(&k);
}

static void test_excluded_voter_is_not_awaited(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	watch_exclude(k.w, 3, EXCLUDED_CLOCK);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	assert_string_equal(kit_rounds(&k, 1, "DD"), "up>down; open down critical");
	kit_clear(&k);
}

/* Set aside while the burst runs, a voter can settle it; taken back, it is awaited again. */
static void test_exclusion_in_the_middle_of_a_burst(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	watch_exclude(k.w, 2, EXCLUDED_CLOCK);
	watch_exclude(k.w, 3, EXCLUDED_CLOCK);
	k.now_ms += 100;
	kit_tick(&k, k.now_ms); /* two of three are out of reach */
	assert_int_equal(k.w->burst.settled_at_ms[0], k.now_ms);
	watch_exclude(k.w, 2, EXCLUDED_NOT);
	kit_tick(&k, k.now_ms + 400);
	assert_int_equal(k.w->burst.settled_at_ms[0], 0);
	kit_tick(&k, k.now_ms + 400);
	assert_int_equal(k.w->burst.goal, BURST_DOWN);
	kit_clear(&k);
}

static void test_excluded_voter_calls_for_nothing(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	watch_exclude(k.w, 3, EXCLUDED_SELF_TEST);
	k.now_ms += 20000;
	assert_string_equal(kit_says(&k, 3, 0, 'D'), "");
	assert_false(kit_dissents(&k, 2, k.now_ms));
	watch_exclude(k.w, 3, EXCLUDED_NOT);
	watch_exclude(k.w, 99, EXCLUDED_CLOCK); /* nobody */
	watch_exclude(k.w, 1, EXCLUDED_OVERLOAD);
	assert_int_equal(k.w->voter[0].excluded, EXCLUDED_OVERLOAD);
	watch_exclude(k.w, 1, EXCLUDED_NOT);
	assert_string_equal(kit_tick(&k, k.now_ms + 1), "burst 1+2");
	kit_clear(&k);
}

/* u over every round, and never while q say down. */
static void test_recovery_rounds(void **state)
{
	static const struct {
		int q, u;
		const char *first, *second;
		bool down;
	} table[] = {
		{2, 2, "UUU", "UUU", false},
		{2, 2, "UUD", "DUU", false},
		{2, 2, "WUD", "DWW", false},
		{2, 2, "UUU", "UDD", true},
		{2, 2, "UDD", "UUU", true},
		{2, 2, "Unn", "UUU", true},
		{2, 2, "UUU", "Unn", true},
		{2, 1, "Unn", "UDn", false}, /* u = 1 */
		{2, 1, "UUU", "UDD", true},  /* DOWN is asked first */
		{3, 2, "UUD", "UUD", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		kit_start_down(&k);
		k.w->rule.quorum = (struct quorum_rule){3, table[i].q, table[i].u};
		k.now_ms += 60000;
		assert_string_equal(kit_says(&k, 1, 0, 'U'), "burst 3+2");
		k.now_ms += 200;
		kit_all(&k, 3, table[i].first);
		k.now_ms += 3000;
		kit_all(&k, 4, table[i].second);
		assert_int_equal(k.w->burst.goal, BURST_NONE);
		assert_int_equal(k.w->down, table[i].down);
		assert_int_equal(k.w->slot[ALERT_DOWN].open, table[i].down);
		kit_clear(&k);
	}
}

/* A recovery round with u up is open while q may still say down: u = 1 of 3. */
static void test_recovery_settles_only_when_down_is_out_of_reach(void **state)
{
	struct kit k;

	(void)state;
	kit_start_down(&k);
	k.w->rule.quorum.up = 1;
	k.now_ms += 60000;
	kit_says(&k, 1, 0, 'U');
	k.now_ms += 200;
	kit_all(&k, 3, "U--");
	assert_int_equal(k.w->burst.settled_at_ms[0], 0);
	kit_all(&k, 3, "-U-");
	assert_int_equal(k.w->burst.settled_at_ms[0], k.now_ms);
	kit_clear(&k);
}

static void test_five_rounds_and_no_more(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.w->rule.rounds = ROUNDS_MAX + 3;
	k.now_ms += 20000;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 1+5");
	for (int r = 1; r <= 5; r++) {
		k.now_ms += 3000;
		assert_string_equal(
			kit_all(&k, r, "DDD"), r < 5 ? "" : "up>down; open down critical");
	}
	kit_clear(&k);
}

static void test_single_round(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.w->rule.rounds = 1;
	k.now_ms += 20000;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 1+1");
	k.now_ms += 200;
	assert_string_equal(kit_all(&k, 1, "DDD"), "up>down; open down critical");
	kit_clear(&k);
}

static void test_rounds_never_mix(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "DUU"); /* round 1 fails: burst over, back-off one interval */
	assert_int_equal(k.w->burst.goal, BURST_NONE);
	k.now_ms += 3000;
	assert_string_equal(kit_all(&k, 2, "DUU"), ""); /* late: scheduled votes, no round */
	assert_false(k.w->voter[0].round[1].present);
	assert_int_equal(k.w->voter[0].scheduled.started_at_ms, k.now_ms - k.check_ms);
	k.now_ms += 60000;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 3+2");
	k.now_ms += 200;
	kit_all(&k, 1, "DDD"); /* numbers of the older burst */
	kit_all(&k, 2, "DDD");
	kit_all(&k, 5, "DDD"); /* and one that does not exist */
	for (int i = 0; i < 3; i++)
		for (int r = 0; r < ROUNDS_MAX; r++)
			assert_false(k.w->voter[i].round[r].present);
	assert_false(k.w->down);
	kit_clear(&k);
}

/* Numbers may repeat when the coordinator restarts; what started before the order is no answer to
 * it. */
static void test_result_older_than_the_burst_is_no_round(void **state)
{
	static const struct {
		int64_t before_ms;
		bool round;
	} table[] = {{0, true}, {1000, true}, {1001, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		kit_start_up(&k);
		k.now_ms += 20000;
		kit_says(&k, 1, 0, 'D');
		struct vote vote = kit_vote(&k, VERDICT_DOWN);
		vote.started_at_ms = k.now_ms - table[i].before_ms;
		assert_true(watch_vote(k.w, 2, 1, &vote, k.now_ms, &k.actions));
		assert_int_equal(k.w->voter[1].round[0].present, table[i].round);
		assert_true(k.w->voter[1].scheduled.verdict == VERDICT_DOWN);
		kit_clear(&k);
	}
}

static void test_new_revision_cancels_the_burst(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.w->rule.revision = 2;
	k.now_ms += 200;
	kit_all(&k, 1, "DDD"); /* of revision 2 now; the number is the old burst's */
	assert_false(k.w->down);
	assert_int_equal(k.w->burst.first_round, 3);
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_down_and_up),
		cmocka_unit_test(test_new_monitor_down_from_the_beginning),
		cmocka_unit_test(test_every_round_must_hold),
		cmocka_unit_test(test_settled_round_waits_500_ms),
		cmocka_unit_test(test_hopeless_round_ends_the_burst),
		cmocka_unit_test(test_round_deadline),
		cmocka_unit_test(test_excluded_voter_is_not_awaited),
		cmocka_unit_test(test_exclusion_in_the_middle_of_a_burst),
		cmocka_unit_test(test_excluded_voter_calls_for_nothing),
		cmocka_unit_test(test_recovery_rounds),
		cmocka_unit_test(test_recovery_settles_only_when_down_is_out_of_reach),
		cmocka_unit_test(test_five_rounds_and_no_more),
		cmocka_unit_test(test_single_round),
		cmocka_unit_test(test_rounds_never_mix),
		cmocka_unit_test(test_result_older_than_the_burst_is_no_round),
		cmocka_unit_test(test_new_revision_cancels_the_burst),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
