// SPDX-License-Identifier: MIT
/* The watch as stories of votes and instants; see watch_kit.h for the notation. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

static void start_with(struct kit *k, int n, int q, int u)
{
	struct watch_rule rule = kit_rule(n, q, u);

	kit_init(k, &rule, n);
}

/* Three seats, all up. */
static void start_up(struct kit *k)
{
	start_with(k, 3, 2, 2);
	assert_string_equal(kit_all(k, 0, "UUU"), "pending>up");
}

/* Three seats, confirmed down; the next burst is number 3. */
static void start_down(struct kit *k)
{
	start_up(k);
	k->now_ms += 20000;
	assert_string_equal(kit_says(k, 1, 0, 'D'), "burst 1+2");
	k->now_ms += 200;
	assert_string_equal(kit_all(k, 1, "DDD"), "");
	k->now_ms += 3000;
	assert_string_equal(kit_all(k, 2, "DDD"), "up>down; open down critical");
}

/* ---- confirmation */

static void test_down_and_up(void **state)
{
	struct kit k;

	(void)state;
	start_down(&k);
	assert_true(k.w->down);
	k.now_ms += 60000;
	assert_string_equal(kit_says(&k, 2, 0, 'U'), "burst 3+2");
	k.now_ms += 200;
	assert_string_equal(kit_all(&k, 3, "UUU"), "");
	k.now_ms += 3000;
	assert_string_equal(kit_all(&k, 4, "UUU"), "down>up; close down");
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
	k.now_ms += 200;
	assert_string_equal(kit_all(&k, 1, "DDD"), "");
	k.now_ms += 3000;
	assert_string_equal(kit_all(&k, 2, "DDD"), "pending>down; open down critical");
	kit_clear(&k);
}

static void test_open_tells_when_and_why(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 500;
	int64_t first_ms = k.now_ms - k.check_ms;
	kit_says(&k, 3, 1, 'D');
	k.now_ms += 200;
	kit_says(&k, 2, 1, 'D');
	struct vote vote = kit_vote(&k, VERDICT_DOWN);
	vote.reason = REASON_HTTP_STATUS;
	vote.started_at_ms = first_ms - 150; /* slower, but earlier */
	watch_vote(k.w, 1, 1, &vote, k.now_ms, &k.actions);
	k.now_ms += 3000;
	kit_all(&k, 2, "-D");
	vote = kit_vote(&k, VERDICT_DOWN);
	vote.reason = REASON_HTTP_STATUS;
	watch_vote(k.w, 1, 2, &vote, k.now_ms, &k.actions);
	kit_note(&k);
	k.log[0] = 0;
	vote = kit_vote(&k, VERDICT_DOWN);
	vote.reason = REASON_HTTP_STATUS;
	watch_vote(k.w, 3, 2, &vote, k.now_ms, &k.actions);
	assert_int_equal(k.actions.n, 2);
	assert_int_equal(k.actions.item[0].reason, REASON_HTTP_STATUS);
	const struct watch_action *open = &k.actions.item[1];
	assert_int_equal(open->type, WATCH_OPEN);
	assert_int_equal(open->started_at_ms, first_ms - 150);
	assert_int_equal(open->reason, REASON_HTTP_STATUS); /* two of three */
	assert_int_equal(open->rounds, 2);
	assert_int_equal(open->first_round, 1);
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
		start_up(&k);
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
	start_up(&k);
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
	start_up(&k);
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
	start_up(&k);
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
	start_up(&k);
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
	start_up(&k);
	watch_exclude(k.w, 3, EXCLUDED_CLOCK);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "DD");
	k.now_ms += 3000;
	assert_string_equal(kit_all(&k, 2, "DD"), "up>down; open down critical");
	kit_clear(&k);
}

/* Set aside while the burst runs, a voter can settle it; taken back, it is awaited again. */
static void test_exclusion_in_the_middle_of_a_burst(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
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
	start_up(&k);
	watch_exclude(k.w, 3, EXCLUDED_SELF_TEST);
	k.now_ms += 20000;
	assert_string_equal(kit_says(&k, 3, 0, 'D'), "");
	assert_false(watch_dissents(k.w, 2, k.now_ms));
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
		start_down(&k);
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
	start_down(&k);
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
	start_up(&k);
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
	start_up(&k);
	k.w->rule.rounds = 1;
	k.now_ms += 20000;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 1+1");
	k.now_ms += 200;
	assert_string_equal(kit_all(&k, 1, "DDD"), "up>down; open down critical");
	kit_clear(&k);
}

/* ---- which results belong to a round */

static void test_rounds_never_mix(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
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
		start_up(&k);
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

static void test_burst_votes_are_the_newest_view(void **state)
{
	struct kit k;
	struct ballot ballots[3];

	(void)state;
	start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "U--");
	assert_int_equal(k.w->voter[0].scheduled.verdict, VERDICT_UP);
	watch_ballots(k.w, 1, ballots);
	assert_int_equal(ballots[0].vote.verdict, VERDICT_UP);
	assert_true(ballots[0].vote.present);
	assert_false(ballots[1].vote.present);
	watch_ballots(k.w, 0, ballots);
	assert_true(ballots[1].vote.present);
	watch_ballots(k.w, 3, ballots); /* unknown: the scheduled ones */
	assert_true(ballots[1].vote.present);
	watch_ballots(k.w, -1, ballots);
	assert_true(ballots[1].vote.present);
	assert_int_equal(ballots[2].seat, 2);
	kit_clear(&k);
}

/* ---- votes */

static void test_newest_start_wins(void **state)
{
	static const struct {
		int64_t later_ms;
		int64_t revision;
		bool taken;
	} table[] = {
		{-1, 1, false}, {0, 1, false}, {1, 1, true}, {5000, 0, false}, {5000, 2, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		start_up(&k);
		struct vote vote = kit_vote(&k, VERDICT_WARNING);
		vote.started_at_ms += table[i].later_ms;
		vote.revision = table[i].revision;
		k.now_ms += 10000;
		assert_int_equal(
			watch_vote(k.w, 1, 0, &vote, k.now_ms, &k.actions), table[i].taken);
		assert_int_equal(k.w->voter[0].scheduled.verdict,
			table[i].taken ? VERDICT_WARNING : VERDICT_UP);
		assert_false(watch_vote(k.w, 99, 0, &vote, k.now_ms, &k.actions));
		kit_clear(&k);
	}
}

static void test_votes_from_the_future_are_of_now(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	struct vote vote = kit_vote(&k, VERDICT_UP);
	k.now_ms += 1000;
	vote.started_at_ms = k.now_ms + 50000;
	vote.ended_at_ms = k.now_ms + 60000;
	assert_true(watch_vote(k.w, 1, 0, &vote, k.now_ms, &k.actions));
	assert_int_equal(k.w->voter[0].scheduled.started_at_ms, k.now_ms);
	assert_int_equal(k.w->voter[0].scheduled.ended_at_ms, k.now_ms);
	k.now_ms += 10000;
	kit_says(&k, 1, 0, 'W');
	assert_int_equal(k.w->voter[0].scheduled.verdict, VERDICT_WARNING);
	kit_clear(&k);
}

/* A probe that can no longer look is not "up" for ever, nor for one freshness. */
static void test_could_not_look_replaces_up(void **state)
{
	struct kit k;
	struct tally tally;
	enum fate fates[3];

	(void)state;
	start_up(&k);
	k.now_ms += 60000;
	assert_string_equal(kit_says(&k, 1, 0, 'n'), "");
	assert_int_equal(watch_explain(k.w, k.now_ms, fates, &tally), DECISION_UP);
	assert_int_equal(tally.up, 2);
	assert_int_equal(fates[0], FATE_EXCLUDED);
	assert_string_equal(kit_says(&k, 2, 0, 'n'), "up>undetermined");
	kit_clear(&k);
}

static void test_votes_age(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	int64_t stale_ms = k.now_ms + 75000 + 1;
	assert_int_equal(watch_fresh_ms(&k.w->rule), 75000);
	kit_tick(&k, k.now_ms);
	assert_int_equal(k.next_ms, stale_ms);
	assert_string_equal(kit_tick(&k, stale_ms - 1), "");
	assert_string_equal(kit_tick(&k, stale_ms), "up>undetermined");
	kit_clear(&k);
}

/* ---- bursts: when, and how often */

static void test_back_off_doubles(void **state)
{
	static const int64_t waits_ms[] = {60000, 120000, 240000, 480000, 480000};
	struct kit k;
	int64_t round = 1;

	(void)state;
	start_up(&k);
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
		start_up(&k);
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
	start_up(&k);
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
	start_down(&k);
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
	start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "DDU");
	k.now_ms += 3000;
	assert_string_equal(kit_all(&k, 2, "DDU"), "up>down; open down critical");
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
	start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.w->rule.revision = 2;
	k.now_ms += 200;
	kit_all(&k, 1, "DDD"); /* of revision 2 now; the number is the old burst's */
	assert_false(k.w->down);
	assert_int_equal(k.w->burst.first_round, 3);
	kit_clear(&k);
}

/* ---- rounds = 0 */

static void test_without_bursts(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
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
	start_down(&k);
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
	start_up(&k);
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
	start_up(&k);
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

/* ---- after, undetermined, regional */

static void test_alert_after(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.w->rule.after_ms = 30000;
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "DDD");
	k.now_ms += 3000;
	assert_string_equal(kit_all(&k, 2, "DDD"), "up>down");
	int64_t down_ms = k.now_ms;
	assert_string_equal(kit_tick(&k, down_ms + 29999), "");
	assert_int_equal(k.next_ms, down_ms + 30000);
	assert_string_equal(kit_tick(&k, down_ms + 30000), "open down critical");
	kit_clear(&k);
}

static void test_alert_after_not_when_it_recovers(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.w->rule.after_ms = 30000;
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "DDD");
	k.now_ms += 3000;
	kit_all(&k, 2, "DDD");
	k.now_ms += 10000;
	assert_string_equal(kit_says(&k, 1, 0, 'U'), "burst 3+2");
	k.now_ms += 200;
	kit_all(&k, 3, "UUU");
	k.now_ms += 3000;
	assert_string_equal(kit_all(&k, 4, "UUU"), "down>up");
	assert_string_equal(kit_run(&k, k.now_ms + 60000), "");
	kit_clear(&k);
}

static void test_undetermined_alert(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	int64_t since_ms = k.now_ms + 75001;
	assert_string_equal(kit_run(&k, since_ms + 119999), "up>undetermined");
	assert_int_equal(k.next_ms, since_ms + 120000);
	assert_string_equal(kit_run(&k, since_ms + 120000), "open undetermined unknown");
	assert_string_equal(kit_run(&k, since_ms + 900000), "");
	assert_string_equal(kit_all(&k, 0, "U"), "");
	assert_string_equal(kit_all(&k, 0, "-U"), "undetermined>up; close undetermined");
	kit_clear(&k);

	/* two intervals where these are longer than 120 s */
	start_up(&k);
	k.w->rule.interval_ms = 60001;
	since_ms = k.now_ms + 75002;
	assert_string_equal(kit_run(&k, since_ms + 120001), "up>undetermined");
	assert_string_equal(kit_run(&k, since_ms + 120002), "open undetermined unknown");
	kit_clear(&k);
}

static void test_pending_for_ever_is_undetermined(void **state)
{
	struct kit k;

	(void)state;
	start_with(&k, 3, 2, 2);
	int64_t since_ms = k.now_ms;
	assert_string_equal(kit_run(&k, since_ms + 119999), "");
	assert_string_equal(kit_run(&k, since_ms + 120000), "open undetermined unknown");
	assert_int_equal(k.w->state, STATE_PENDING);
	kit_clear(&k);
}

/* Votes vanish while a down alert is open: it stays, as unknown; no second alert. */
static void test_down_alert_outlives_its_votes(void **state)
{
	struct kit k;

	(void)state;
	start_down(&k);
	int64_t since_ms = k.now_ms + 75001;
	assert_string_equal(kit_run(&k, since_ms + 119999), "down>undetermined");
	assert_string_equal(kit_run(&k, since_ms + 120000), "change down unknown");
	assert_string_equal(kit_run(&k, since_ms + 999999), "");
	assert_string_equal(kit_all(&k, 0, "DD"), "undetermined>down; change down critical");
	assert_string_equal(kit_run(&k, k.now_ms + 1000), "");
	kit_clear(&k);
}

static void test_down_from_undetermined_closes_by_burst_only(void **state)
{
	struct kit k;

	(void)state;
	start_down(&k);
	kit_run(&k, k.now_ms + 100000);
	assert_int_equal(k.w->state, STATE_UNDETERMINED);
	assert_string_equal(kit_all(&k, 0, "UUU"), "burst 3+2; undetermined>down");
	k.now_ms += 200;
	kit_all(&k, 3, "UUU");
	k.now_ms += 3000;
	assert_string_equal(kit_all(&k, 4, "UUU"), "down>up; close down");
	kit_clear(&k);
}

/* Everybody says LETTERS every ten seconds until UNTIL_MS, in the rounds of a burst too. */
static void keep(struct kit *k, const char *letters, int64_t until_ms)
{
	while (k->now_ms < until_ms) {
		kit_run(k, k->now_ms + 10000 < until_ms ? k->now_ms + 10000 : until_ms);
		for (int r = 0; k->w->burst.goal != BURST_NONE && r < k->w->burst.rounds; r++)
			kit_all(k, k->w->burst.first_round + r, letters);
		kit_all(k, 0, letters);
	}
}

static void test_regional(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.now_ms += 20000;
	int64_t since_ms = k.now_ms;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 1+2");
	keep(&k, "DUU", since_ms + 129000);
	assert_string_equal(kit_run(&k, since_ms + 129999), "");
	assert_int_equal(k.next_ms, since_ms + 130000);
	k.next_ms = watch_tick(k.w, since_ms + 130000, &k.actions);
	assert_int_equal(k.actions.n, 1);
	assert_int_equal(k.actions.item[0].started_at_ms, since_ms - k.check_ms);
	assert_int_equal(k.actions.item[0].reason, REASON_TCP_REFUSED);
	kit_note(&k);
	assert_string_equal(kit_log(&k), "open regional warning");
	k.now_ms = since_ms + 131000;
	assert_string_equal(kit_says(&k, 1, 0, 'U'), "close regional");
	kit_clear(&k);
}

static void test_regional_not_when_it_flickers(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	int64_t start_ms = k.now_ms;
	for (int i = 1; i <= 10; i++) {
		keep(&k, "DUU", start_ms + i * 120000 - 10000);
		keep(&k, "UUU", start_ms + i * 120000);
	}
	assert_false(k.w->slot[ALERT_REGIONAL].open);
	assert_false(k.w->down);
	kit_clear(&k);
}

/* A regional is not closed by silence: the others have to say that it works. */
static void test_regional_needs_up_to_close(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	keep(&k, "DUU", k.now_ms + 200000);
	assert_true(k.w->slot[ALERT_REGIONAL].open);
	kit_run(&k, k.now_ms + 100000);
	assert_int_equal(k.w->state, STATE_UNDETERMINED);
	assert_true(k.w->slot[ALERT_REGIONAL].open);
	assert_string_equal(kit_all(&k, 0, "-UU"), "undetermined>up; close regional");
	kit_clear(&k);
}

/* The fourth part of the rule: while a burst is still running it is not regional. */
static void test_regional_waits_for_the_burst(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.w->rule.interval_ms = 1000;
	k.w->rule.timeout_ms = 1000;
	k.w->rule.rounds = 5;
	k.now_ms += 500;
	int64_t since_ms = k.now_ms;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 1+5");
	for (int i = 0; i < 10; i++) {
		k.now_ms += 290;
		kit_all(&k, 0, "DUU");
	}
	kit_tick(&k, since_ms + 2999);
	assert_int_equal(k.w->burst.goal, BURST_DOWN);
	assert_string_equal(kit_tick(&k, since_ms + 3000), "open regional warning");
	assert_int_equal(k.w->burst.goal, BURST_NONE); /* round 1 closed at timeout + 2 s = 3 s */
	kit_clear(&k);

	start_up(&k);
	k.w->rule.interval_ms = 1000;
	k.w->rule.timeout_ms = 1000;
	k.w->rule.rounds = 2;
	since_ms = k.now_ms += 500;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "DDU"); /* round 1 holds, round 2 stays open until 3 + 1 + 2 s */
	for (int i = 0; i < 19; i++) {
		k.now_ms += 290;
		kit_all(&k, 0, "DUU");
	}
	assert_string_equal(kit_tick(&k, since_ms + 5999), "");
	assert_string_equal(kit_tick(&k, since_ms + 6000), "open regional warning");
	kit_clear(&k);
}

static void test_regional_is_promoted(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	keep(&k, "DUU", k.now_ms + 200000);
	assert_true(k.w->slot[ALERT_REGIONAL].open);
	int64_t first = k.w->next_round;
	while (k.w->burst.goal == BURST_NONE) {
		k.now_ms += 10000;
		kit_all(&k, 0, "DDD");
	}
	k.now_ms += 200;
	kit_all(&k, first, "DDD");
	k.now_ms += 3000;
	assert_string_equal(kit_all(&k, first + 1, "DDD"),
		"up>down; close regional promoted; open down critical");
	keep(&k, "DDD", k.now_ms + 200000);
	assert_false(k.w->slot[ALERT_REGIONAL].open);
	kit_clear(&k);
}

/* ---- explained by probe alerts */

static void test_regional_of_a_suspect_is_explained(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	watch_suspect(k.w, 1, true);
	watch_suspect(k.w, 99, true); /* nobody */
	int64_t since_ms = k.now_ms + 10000;
	keep(&k, "DUU", since_ms + 129000);
	assert_string_equal(kit_run(&k, since_ms + 130000), "open regional warning explained");
	assert_true(k.w->explained[ALERT_REGIONAL]);
	assert_false(k.w->slot[ALERT_REGIONAL].open);
	keep(&k, "DUU", k.now_ms + 300000);
	assert_string_equal(kit_run(&k, k.now_ms), "");

	/* no longer a suspect: an alert of its own, after its time */
	watch_suspect(k.w, 1, false);
	since_ms = k.now_ms;
	assert_string_equal(kit_tick(&k, since_ms), "close regional explained");
	keep(&k, "DUU", since_ms + 129000);
	assert_string_equal(kit_run(&k, since_ms + 129999), "");
	assert_string_equal(kit_run(&k, since_ms + 130000), "open regional warning");

	/* and the reverse, at once */
	watch_suspect(k.w, 1, true);
	k.log[0] = 0;
	assert_string_equal(
		kit_tick(&k, k.now_ms + 1), "close regional; open regional warning explained");
	k.now_ms += 1000;
	assert_string_equal(kit_says(&k, 1, 0, 'U'), "close regional explained");
	kit_clear(&k);
}

static void test_regional_with_one_honest_voter_is_not_explained(void **state)
{
	struct kit k;

	(void)state;
	start_with(&k, 5, 3, 2);
	watch_suspect(k.w, 1, true);
	int64_t since_ms = k.now_ms + 10000;
	keep(&k, "DDUUU", since_ms + 129000);
	assert_string_equal(kit_run(&k, since_ms + 130000), "open regional warning");
	kit_clear(&k);
}

static void test_explained_regional_is_promoted_too(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	watch_suspect(k.w, 1, true);
	watch_suspect(k.w, 2, true);
	keep(&k, "DUU", k.now_ms + 200000);
	assert_true(k.w->explained[ALERT_REGIONAL]);
	int64_t first = k.w->next_round;
	while (k.w->burst.goal == BURST_NONE) {
		k.now_ms += 10000;
		kit_all(&k, 0, "DDU");
	}
	kit_all(&k, first, "DDU");
	assert_string_equal(kit_all(&k, first + 1, "DDU"),
		"up>down; close regional explained; open down critical");
	assert_false(k.w->explained[ALERT_REGIONAL]);
	kit_clear(&k);
}

static void test_undetermined_of_suspects_is_explained(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.now_ms += 60000;
	kit_all(&k, 0, "U");
	watch_suspect(k.w, 2, true);
	watch_suspect(k.w, 3, true);
	int64_t since_ms = k.now_ms + 15001;
	keep(&k, "U--", since_ms + 119999);
	assert_string_equal(kit_run(&k, since_ms + 120000), "open undetermined unknown explained");
	assert_true(k.w->explained[ALERT_UNDETERMINED]);
	watch_suspect(k.w, 3, false); /* heard again, but has not voted yet */
	since_ms = k.now_ms + 1;
	assert_string_equal(kit_tick(&k, since_ms), "close undetermined explained");
	keep(&k, "U--", since_ms + 119999);
	assert_string_equal(kit_run(&k, since_ms + 120000), "open undetermined unknown");
	watch_suspect(k.w, 3, true);
	assert_string_equal(kit_tick(&k, since_ms + 120001),
		"close undetermined; open undetermined unknown explained");
	k.now_ms += 10;
	assert_string_equal(
		kit_says(&k, 3, 0, 'U'), "undetermined>up; close undetermined explained");
	kit_clear(&k);
}

/* One up, one down (that is regional's business), one suspect silent: the suspect explains it. */
static void test_undetermined_by_the_silent_not_by_the_down(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.now_ms += 60000;
	kit_all(&k, 0, "UD-");
	watch_suspect(k.w, 3, true);
	keep(&k, "UD-", k.now_ms + 15001 + 130000);
	assert_true(k.w->explained[ALERT_UNDETERMINED]);
	assert_false(k.w->slot[ALERT_UNDETERMINED].open);
	kit_clear(&k);
}

static void test_undetermined_by_one_honest_absentee_is_not_explained(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	watch_suspect(k.w, 2, true);
	int64_t since_ms = k.now_ms + 75001;
	keep(&k, "U--", since_ms + 119999);
	assert_string_equal(kit_run(&k, since_ms + 120000), "open undetermined unknown");
	kit_clear(&k);
}

/* Everybody answers and it is undetermined all the same (u = n): those that say down are
 * responsible. */
static void test_undetermined_by_disagreement(void **state)
{
	static const struct {
		bool suspect;
		const char *log;
	} table[] = {{true, "open undetermined unknown explained"},
		{false, "open undetermined unknown"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		start_with(&k, 3, 3, 3);
		watch_suspect(k.w, 1, table[i].suspect);
		int64_t since_ms = k.now_ms;
		kit_tick(&k, since_ms);
		keep(&k, "DUU", since_ms + 119999);
		assert_string_equal(kit_run(&k, since_ms + 120000), table[i].log);
		kit_clear(&k);
	}
}

/* ---- hold */

static void test_hold(void **state)
{
	struct kit k;

	(void)state;
	start_with(&k, 3, 2, 2);
	k.w->held = true;
	k.w->next_round = 500;
	assert_string_equal(kit_all(&k, 0, "DDD"), "");
	assert_string_equal(kit_tick(&k, k.now_ms + 1), "");
	assert_true(k.next_ms == INT64_MAX);
	k.w->held = false;
	assert_string_equal(kit_tick(&k, k.now_ms + 20000), "burst 500+2");
	kit_clear(&k);
}

static void test_hold_cancels_a_burst_and_restarts_the_timers(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.w->held = true;
	k.now_ms += 200;
	assert_string_equal(kit_all(&k, 1, "DDD"), "");
	assert_string_equal(kit_all(&k, 2, "DDD"), "");
	assert_int_equal(k.w->burst.goal, BURST_NONE);
	assert_int_equal(k.w->state, STATE_UP);
	k.w->held = false;
	assert_string_equal(kit_tick(&k, k.now_ms + 10000), "burst 3+2");
	kit_clear(&k);

	/* undetermined and regional: the time under hold does not count */
	start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	kit_run(&k, k.now_ms + 100000);
	k.w->held = true;
	assert_string_equal(kit_tick(&k, k.now_ms + 500000), "");
	k.w->held = false;
	int64_t since_ms = k.now_ms + 1;
	assert_string_equal(kit_tick(&k, since_ms), "");
	assert_string_equal(kit_run(&k, since_ms + 119999), "");
	assert_string_equal(kit_run(&k, since_ms + 120000), "open undetermined unknown");
	kit_clear(&k);
}

static void test_hold_restarts_after(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.w->rule.after_ms = 30000;
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	k.now_ms += 200;
	kit_all(&k, 1, "DDD");
	k.now_ms += 3000;
	kit_all(&k, 2, "DDD");
	k.w->held = true;
	kit_tick(&k, k.now_ms + 29000);
	k.w->held = false;
	int64_t since_ms = k.now_ms + 1000;
	assert_string_equal(kit_tick(&k, since_ms), "");
	assert_string_equal(kit_tick(&k, since_ms + 29999), "");
	assert_string_equal(kit_tick(&k, since_ms + 30000), "open down critical");
	kit_clear(&k);
}

/* ---- restored after a restart */

static void test_restored_down_closes_only_by_a_burst(void **state)
{
	struct kit k;

	(void)state;
	start_with(&k, 3, 2, 2);
	watch_restore(k.w, ALERT_DOWN, SEVERITY_CRITICAL, 5);
	assert_int_equal(k.w->slot[ALERT_DOWN].opened_at_ms, 5);
	assert_string_equal(kit_says(&k, 1, 0, 'U'), "burst 1+2");
	k.now_ms += 200;
	assert_string_equal(kit_all(&k, 1, "UUU"), "pending>down");
	k.now_ms += 3000;
	assert_string_equal(kit_all(&k, 2, "UUU"), "down>up; close down");
	kit_clear(&k);
}

static void test_restored_down_that_is_still_down(void **state)
{
	struct kit k;

	(void)state;
	start_with(&k, 3, 2, 2);
	watch_restore(k.w, ALERT_DOWN, SEVERITY_UNKNOWN, 5);
	assert_string_equal(kit_all(&k, 0, "DDD"), "pending>down; change down critical");
	assert_string_equal(kit_run(&k, k.now_ms + 60000), "");
	kit_clear(&k);
}

static void test_restored_others(void **state)
{
	static const struct {
		enum alert_kind kind;
		enum severity severity;
		const char *log;
	} table[] = {
		{ALERT_REGIONAL, SEVERITY_WARNING, "pending>up; close regional"},
		{ALERT_UNDETERMINED, SEVERITY_UNKNOWN, "pending>up; close undetermined"},
		{ALERT_SLOW, SEVERITY_WARNING, "pending>up; close slow"},
		{ALERT_CERTIFICATE, SEVERITY_CRITICAL, "pending>up; close certificate"},
		{ALERT_LOSS, SEVERITY_WARNING, "pending>up; close loss"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		start_with(&k, 3, 2, 2);
		watch_restore(k.w, table[i].kind, table[i].severity, 5);
		assert_false(k.w->down);
		assert_string_equal(kit_tick(&k, k.now_ms), "");
		assert_string_equal(kit_all(&k, 0, "UU"), table[i].log);
		kit_clear(&k);
	}
}

/* ---- thresholds and degraded */

static const char *warn(struct kit *k, uint32_t key, enum threshold t, enum severity severity)
{
	struct vote vote = kit_vote(k, severity == SEVERITY_NONE ? VERDICT_UP : VERDICT_WARNING);

	vote.severity[t] = (uint8_t)severity;
	watch_vote(k->w, key, 0, &vote, k->now_ms, &k->actions);
	kit_note(k);
	return kit_log(k);
}

static void test_threshold_alert(void **state)
{
	static const struct {
		enum threshold t;
		const char *open, *change, *back, *close;
	} table[] = {
		{THRESHOLD_SLOW, "up>degraded; open slow warning", "change slow critical",
			"change slow warning", "degraded>up; close slow"},
		{THRESHOLD_CERTIFICATE, "up>degraded; open certificate warning",
			"change certificate critical", "change certificate warning",
			"degraded>up; close certificate"},
		{THRESHOLD_LOSS, "up>degraded; open loss warning", "change loss critical",
			"change loss warning", "degraded>up; close loss"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		start_up(&k);
		k.now_ms += 20000;
		assert_string_equal(warn(&k, 1, table[i].t, SEVERITY_WARNING), "");
		assert_string_equal(warn(&k, 2, table[i].t, SEVERITY_CRITICAL), table[i].open);
		assert_string_equal(warn(&k, 3, table[i].t, SEVERITY_CRITICAL), table[i].change);
		k.now_ms += 20000;
		assert_string_equal(warn(&k, 3, table[i].t, SEVERITY_NONE), table[i].back);
		assert_string_equal(warn(&k, 1, table[i].t, SEVERITY_NONE), table[i].close);
		kit_clear(&k);
	}
}

static void test_threshold_tells_when_and_why(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.now_ms += 20000;
	int64_t first_ms = k.now_ms - k.check_ms;
	warn(&k, 3, THRESHOLD_SLOW, SEVERITY_WARNING);
	k.now_ms += 20000;
	struct vote vote = kit_vote(&k, VERDICT_WARNING);
	vote.reason = REASON_SLOW_RESPONSE;
	vote.severity[THRESHOLD_SLOW] = SEVERITY_WARNING;
	watch_vote(k.w, 2, 0, &vote, k.now_ms, &k.actions);
	assert_int_equal(k.actions.n, 2);
	assert_int_equal(k.actions.item[0].reason, REASON_SLOW_RESPONSE);
	assert_int_equal(k.actions.item[1].started_at_ms, first_ms);
	assert_int_equal(k.actions.item[1].reason, REASON_SLOW_RESPONSE);
	kit_clear(&k);
}

/* Only votes that count tell since when: a stale one does not, a down vote that was judged does. */
static void test_threshold_since_the_first_that_counts(void **state)
{
	struct kit k;

	(void)state;
	start_with(&k, 3, 2, 1);
	warn(&k, 3, THRESHOLD_SLOW, SEVERITY_WARNING);
	k.now_ms += 75001; /* that one is stale */
	warn(&k, 2, THRESHOLD_SLOW, SEVERITY_NONE);
	k.now_ms += 1000;
	struct vote vote = kit_vote(&k, VERDICT_DOWN);
	int64_t first_ms = vote.started_at_ms;
	vote.severity[THRESHOLD_SLOW] = SEVERITY_WARNING;
	watch_vote(k.w, 1, 0, &vote, k.now_ms, &k.actions);
	kit_note(&k);
	k.now_ms += 1000;
	vote = kit_vote(&k, VERDICT_WARNING);
	vote.severity[THRESHOLD_SLOW] = SEVERITY_WARNING;
	watch_vote(k.w, 2, 0, &vote, k.now_ms, &k.actions);
	const struct watch_action *open = &k.actions.item[k.actions.n - 1];
	assert_int_equal(open->type, WATCH_OPEN);
	assert_int_equal(open->kind, ALERT_SLOW);
	assert_int_equal(open->started_at_ms, first_ms);
	kit_clear(&k);
}

/* The most frequent reason of the votes that count; the first of the table on a tie; a made-up one
 * is none. */
static void test_reason(void **state)
{
	static const struct {
		int reason[5];
		int expected;
	} table[] = {
		{{REASON_TCP_REFUSED, REASON_HTTP_STATUS, REASON_HTTP_STATUS, REASON_TCP_REFUSED,
			 REASON_HTTP_STATUS},
			REASON_HTTP_STATUS},
		{{REASON_HTTP_STATUS, REASON_HTTP_STATUS, REASON_TCP_REFUSED, REASON_TCP_REFUSED,
			 REASON_TCP_RESET},
			REASON_TCP_REFUSED},
		{{REASON_COUNT, REASON_COUNT, REASON_COUNT, -1, REASON_DNS_NXDOMAIN},
			REASON_DNS_NXDOMAIN},
		{{REASON_OK, REASON_OK, REASON_OK, REASON_OK, REASON_DNS_NXDOMAIN},
			REASON_DNS_NXDOMAIN},
		{{REASON_OK, REASON_OK, REASON_OK, REASON_OK, REASON_OK}, REASON_OK},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		start_with(&k, 7, 5, 2);
		k.w->rule.rounds = 0;
		k.w->rule.gap_ms = 1;
		for (uint32_t key = 6; key <= 7; key++) { /* two that are set aside and agree */
			struct vote vote = kit_vote(&k, VERDICT_DOWN);
			vote.reason = REASON_TLS_EXPIRED;
			watch_vote(k.w, key, 0, &vote, k.now_ms, &k.actions);
			watch_exclude(k.w, key, EXCLUDED_CLOCK);
		}
		for (uint32_t key = 1; key <= 5; key++) {
			struct vote vote = kit_vote(&k, VERDICT_DOWN);
			vote.reason = table[i].reason[key - 1];
			watch_vote(k.w, key, 0, &vote, k.now_ms, &k.actions);
		}
		k.actions.n = 0;
		watch_tick(k.w, k.now_ms + 1, &k.actions);
		assert_int_equal(k.actions.n, 2);
		assert_int_equal(k.actions.item[1].reason, table[i].expected);
		kit_clear(&k);
	}
}

/* A target that goes down is no longer judged for its speed: the open alert stays as it is. */
static void test_threshold_stays_while_down(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.now_ms += 20000;
	warn(&k, 1, THRESHOLD_SLOW, SEVERITY_WARNING);
	warn(&k, 2, THRESHOLD_SLOW, SEVERITY_WARNING);
	k.now_ms += 20000;
	kit_all(&k, 0, "DDD");
	assert_true(k.w->slot[ALERT_SLOW].open);
	kit_clear(&k);
}

static void test_degraded(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.now_ms += 20000;
	assert_string_equal(kit_all(&k, 0, "UWW"), "up>degraded");
	k.now_ms += 20000;
	assert_string_equal(kit_all(&k, 0, "UUW"), "degraded>up");
	kit_clear(&k);
}

/* ---- seats, predecessors, carrying */

static void test_newcomer_inherits_the_vote(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	watch_suspect(k.w, 2, true);
	watch_seat(k.w, 1, 1, 20);
	assert_int_equal(watch_find(k.w, 2), -1);
	assert_int_equal(watch_find(k.w, 20), 1);
	assert_true(k.w->voter[1].inherited);
	assert_false(k.w->voter[1].suspect);
	assert_int_equal(k.w->voter[1].scheduled.verdict, VERDICT_UP);
	/* its first result counts whatever its start; it is then judged by itself */
	struct vote vote = kit_vote(&k, VERDICT_DOWN);
	vote.started_at_ms -= 30000;
	assert_false(watch_dissents(k.w, 1, k.now_ms));
	assert_true(watch_vote(k.w, 20, 0, &vote, k.now_ms, &k.actions));
	assert_false(k.w->voter[1].inherited);
	assert_int_equal(k.w->voter[1].scheduled.verdict, VERDICT_DOWN);
	assert_true(watch_dissents(k.w, 1, k.now_ms));
	assert_false(watch_vote(k.w, 20, 0, &vote, k.now_ms, &k.actions));
	kit_clear(&k);
}

static void test_newcomer_inherits_nothing_from_the_excluded(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	watch_exclude(k.w, 2, EXCLUDED_QUARANTINE);
	watch_seat(k.w, 1, 1, 20);
	assert_false(k.w->voter[1].scheduled.present);
	assert_false(k.w->voter[1].inherited);
	assert_int_equal(k.w->voter[1].excluded, EXCLUDED_NOT);
	assert_int_equal(k.w->voter[1].seat, 1);
	kit_clear(&k);
}

static void test_seats_change_places(void **state)
{
	struct kit k;

	(void)state;
	start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 2, 0, 'W');
	watch_seat(k.w, 0, 2, 2); /* 1 2 3 becomes 2 1 3: nobody loses a vote */
	assert_int_equal(watch_find(k.w, 2), 0);
	assert_int_equal(watch_find(k.w, 1), 1);
	assert_int_equal(k.w->voter[0].scheduled.verdict, VERDICT_WARNING);
	assert_false(k.w->voter[0].inherited);
	assert_int_equal(k.w->voter[1].scheduled.verdict, VERDICT_UP);
	assert_int_equal(k.w->voter[0].seat, 2);
	watch_seat(k.w, 0, 1, 2); /* the same probe: only the seat */
	assert_int_equal(k.w->voter[0].seat, 1);
	assert_false(k.w->voter[0].inherited);
	watch_seat(k.w, 2, 0, 2); /* from the first place, too */
	assert_int_equal(watch_find(k.w, 2), 2);
	assert_int_equal(watch_find(k.w, 3), 0);
	assert_int_equal(k.w->voter[2].scheduled.verdict, VERDICT_WARNING);
	assert_false(k.w->voter[2].inherited);
	kit_clear(&k);
}

static struct watch *carried(
	const struct watch *old, const struct watch_rule *rule, int n, const int (*seats)[2])
{
	struct watch *w = malloc(watch_size(n));

	assert_non_null(w);
	watch_init(w, rule, n);
	for (int i = 0; i < n; i++)
		watch_seat(w, i, seats[i][0], (uint32_t)seats[i][1]);
	watch_carry(w, old);
	return w;
}

static void test_carry(void **state)
{
	static const int seats[][2] = {{0, 3}, {1, 20}, {2, 1}, {2, 30}, {4, 2}};
	struct kit k;

	(void)state;
	start_down(&k); /* 1, 2, 3 in seats 0, 1, 2 */
	k.now_ms += 1000;
	kit_says(&k, 3, 0, 'W');
	struct watch_rule rule = kit_rule(5, 3, 2);
	struct watch *w = carried(k.w, &rule, 5, seats);
	assert_int_equal(w->n_voters, 5);
	assert_int_equal(w->rule.quorum.seats, 5);
	assert_int_equal(w->state, STATE_DOWN);
	assert_true(w->down);
	assert_true(w->slot[ALERT_DOWN].open);
	assert_int_equal(w->next_round, 5);
	assert_int_equal(w->burst.goal, BURST_UP);
	assert_int_equal(w->voter[0].scheduled.verdict, VERDICT_WARNING); /* 3 moved */
	assert_int_equal(w->voter[0].seat, 0);
	assert_false(w->voter[0].inherited);
	assert_int_equal(w->voter[2].scheduled.verdict, VERDICT_DOWN); /* 1 moved */
	assert_false(w->voter[2].inherited);
	assert_false(w->voter[1].scheduled.present); /* 2 left seat 1, but still votes */
	assert_false(w->voter[3].scheduled.present);
	assert_int_equal(w->voter[4].key, 2);
	assert_int_equal(w->voter[4].seat, 4);
	free(w);
	kit_clear(&k);
}

/* Two voters left seat 0 and two came: each inherits one vote, none counts twice. */
static void test_carry_inherits_once(void **state)
{
	static const int before[][2] = {{0, 1}, {0, 2}, {1, 3}};
	static const int after[][2] = {{0, 11}, {1, 3}, {0, 12}, {0, 13}, {1, 14}};
	struct kit k;
	struct watch_rule rule = kit_rule(2, 2, 1);

	(void)state;
	kit_init(&k, &rule, 0);
	struct watch *old = carried(k.w, &rule, 3, before);
	struct watch *empty = k.w;
	k.w = old;
	kit_all(&k, 0, "UWU");
	struct watch *w = carried(old, &rule, 5, after);
	assert_int_equal(w->voter[0].scheduled.verdict, VERDICT_UP);
	assert_true(w->voter[0].inherited);
	assert_int_equal(w->voter[0].key, 11);
	assert_int_equal(w->voter[2].scheduled.verdict, VERDICT_WARNING);
	assert_true(w->voter[2].inherited);
	assert_false(w->voter[3].scheduled.present);
	assert_false(w->voter[3].inherited);
	assert_false(w->voter[4].scheduled.present);
	assert_false(w->voter[1].inherited);
	free(w);
	free(empty);
	kit_clear(&k);
}

/* Only newcomers of the same seat are counted off against those who left. */
static void test_carry_inherits_past_those_who_stay(void **state)
{
	static const int before[][2] = {{0, 1}, {0, 2}, {1, 3}};
	static const int after[][2] = {{1, 33}, {0, 1}, {0, 12}};
	struct kit k;
	struct watch_rule rule = kit_rule(2, 2, 1);

	(void)state;
	kit_init(&k, &rule, 0);
	struct watch *old = carried(k.w, &rule, 3, before);
	struct watch *empty = k.w;
	k.w = old;
	kit_all(&k, 0, "UWU");
	struct watch *w = carried(old, &rule, 3, after);
	assert_true(w->voter[0].inherited);
	assert_int_equal(w->voter[0].scheduled.verdict, VERDICT_UP);
	assert_false(w->voter[1].inherited);
	assert_true(w->voter[2].inherited);
	assert_int_equal(w->voter[2].scheduled.verdict, VERDICT_WARNING);
	free(w);
	free(empty);
	kit_clear(&k);
}

static void test_carry_to_a_new_revision(void **state)
{
	static const int seats[][2] = {{0, 1}, {1, 2}, {2, 3}};
	struct kit k;

	(void)state;
	start_down(&k);
	struct watch_rule rule = kit_rule(3, 2, 2);
	struct watch *same = carried(k.w, &rule, 3, seats);
	assert_int_equal(same->state, STATE_DOWN);
	free(same);
	rule.revision = 2;
	struct watch *w = carried(k.w, &rule, 3, seats);
	free(k.w);
	k.w = w;
	assert_int_equal(w->state, STATE_PENDING);
	assert_true(w->slot[ALERT_DOWN].open);
	assert_string_equal(kit_tick(&k, k.now_ms + 1000), "");
	/* newer votes of the new revision; the old ones' starts do not matter */
	struct vote vote = kit_vote(&k, VERDICT_DOWN);
	vote.started_at_ms -= 50000;
	assert_true(watch_vote(k.w, 1, 0, &vote, k.now_ms, &k.actions));
	assert_string_equal(kit_all(&k, 0, "-DD"), "pending>down");
	kit_clear(&k);
}

static void test_dissent(void **state)
{
	static const struct {
		const char *votes;
		bool dissents[3];
	} table[] = {
		{"UUU", {false, false, false}},
		{"UUD", {false, false, true}},
		{"WWD", {false, false, true}},
		{"DDU", {false, false, true}},
		{"DDW", {false, false, true}},
		{"DU-", {false, false, false}},
		{"UUn", {false, false, false}},
		{"DDn", {false, false, false}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		start_with(&k, 3, 2, 2);
		kit_all(&k, 0, table[i].votes);
		for (int v = 0; v < 3; v++) {
			assert_int_equal(watch_dissents(k.w, v, k.now_ms), table[i].dissents[v]);
			assert_false(watch_dissents(k.w, v, k.now_ms + 75001));
		}
		kit_clear(&k);
	}
}

static void test_nobody_assigned(void **state)
{
	struct kit k;

	(void)state;
	struct watch_rule rule = kit_rule(1, 1, 1);
	kit_init(&k, &rule, 0);
	assert_string_equal(kit_run(&k, k.now_ms + 119999), "");
	assert_string_equal(kit_run(&k, k.now_ms + 1), "open undetermined unknown");
	kit_clear(&k);
}

#define T(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_down_and_up),
		T(test_new_monitor_down_from_the_beginning),
		T(test_open_tells_when_and_why),
		T(test_every_round_must_hold),
		T(test_settled_round_waits_500_ms),
		T(test_hopeless_round_ends_the_burst),
		T(test_round_deadline),
		T(test_excluded_voter_is_not_awaited),
		T(test_exclusion_in_the_middle_of_a_burst),
		T(test_excluded_voter_calls_for_nothing),
		T(test_recovery_rounds),
		T(test_recovery_settles_only_when_down_is_out_of_reach),
		T(test_five_rounds_and_no_more),
		T(test_single_round),
		T(test_rounds_never_mix),
		T(test_result_older_than_the_burst_is_no_round),
		T(test_burst_votes_are_the_newest_view),
		T(test_newest_start_wins),
		T(test_votes_from_the_future_are_of_now),
		T(test_could_not_look_replaces_up),
		T(test_votes_age),
		T(test_back_off_doubles),
		T(test_back_off_is_forgotten),
		T(test_reached_goal_shortens_the_back_off),
		T(test_burst_for_up_may_follow_at_once),
		T(test_only_votes_after_the_decision_call),
		T(test_new_revision_cancels_the_burst),
		T(test_without_bursts),
		T(test_without_bursts_there_is_no_round),
		T(test_without_bursts_the_decision_must_stand),
		T(test_without_bursts_and_gap_two_evaluations),
		T(test_alert_after),
		T(test_alert_after_not_when_it_recovers),
		T(test_undetermined_alert),
		T(test_pending_for_ever_is_undetermined),
		T(test_down_alert_outlives_its_votes),
		T(test_down_from_undetermined_closes_by_burst_only),
		T(test_regional),
		T(test_regional_not_when_it_flickers),
		T(test_regional_needs_up_to_close),
		T(test_regional_waits_for_the_burst),
		T(test_regional_is_promoted),
		T(test_regional_of_a_suspect_is_explained),
		T(test_regional_with_one_honest_voter_is_not_explained),
		T(test_explained_regional_is_promoted_too),
		T(test_undetermined_of_suspects_is_explained),
		T(test_undetermined_by_the_silent_not_by_the_down),
		T(test_undetermined_by_one_honest_absentee_is_not_explained),
		T(test_undetermined_by_disagreement),
		T(test_hold),
		T(test_hold_cancels_a_burst_and_restarts_the_timers),
		T(test_hold_restarts_after),
		T(test_restored_down_closes_only_by_a_burst),
		T(test_restored_down_that_is_still_down),
		T(test_restored_others),
		T(test_threshold_alert),
		T(test_threshold_tells_when_and_why),
		T(test_threshold_since_the_first_that_counts),
		T(test_reason),
		T(test_threshold_stays_while_down),
		T(test_degraded),
		T(test_newcomer_inherits_the_vote),
		T(test_newcomer_inherits_nothing_from_the_excluded),
		T(test_seats_change_places),
		T(test_carry),
		T(test_carry_inherits_once),
		T(test_carry_inherits_past_those_who_stay),
		T(test_carry_to_a_new_revision),
		T(test_dissent),
		T(test_nobody_assigned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
