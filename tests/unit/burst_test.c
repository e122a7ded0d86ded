// SPDX-License-Identifier: MIT
/* Confirmation as stories of votes and instants: rounds, settling, back-off. The notation is in
 * watch_kit.h. */
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
		cmocka_unit_test(test_back_off_doubles),
		cmocka_unit_test(test_back_off_is_forgotten),
		cmocka_unit_test(test_reached_goal_shortens_the_back_off),
		cmocka_unit_test(test_burst_for_up_may_follow_at_once),
		cmocka_unit_test(test_only_votes_after_the_decision_call),
		cmocka_unit_test(test_new_revision_cancels_the_burst),
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
