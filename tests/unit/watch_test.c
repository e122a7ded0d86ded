// SPDX-License-Identifier: MIT
/* The watch's memory: votes, hold, restore, stances; seats have seating_test.c. The notation is in
 * watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

static void test_burst_votes_are_the_newest_view(void **state)
{
	struct kit k;
	struct ballot ballots[3];

	(void)state;
	kit_start_up(&k);
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
		kit_start_up(&k);
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
	kit_start_up(&k);
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
	kit_start_up(&k);
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
	kit_start_up(&k);
	int64_t stale_ms = k.now_ms + 75000 + 1;
	assert_int_equal(watch_fresh_ms(&k.w->rule), 75000);
	kit_tick(&k, k.now_ms);
	assert_int_equal(k.next_ms, stale_ms);
	assert_string_equal(kit_tick(&k, stale_ms - 1), "");
	assert_string_equal(kit_tick(&k, stale_ms), "up>undetermined");
	kit_clear(&k);
}

static void test_hold(void **state)
{
	struct kit k;

	(void)state;
	kit_start(&k, 3, 2, 2);
	k.w->held = true;
	k.w->next_round = 500;
	assert_string_equal(kit_all(&k, 0, "DDD"), "");
	assert_string_equal(kit_tick(&k, k.now_ms + 1), "");
	assert_true(k.next_ms == INT64_MAX);
	k.w->held = false;
	assert_string_equal(kit_tick(&k, k.now_ms + 20000), "burst 500+2");
	kit_clear(&k);
}

static void test_hold_learns_what_is_up_already(void **state)
{
	struct kit k;

	(void)state;
	kit_start(&k, 3, 2, 2);
	k.w->held = true;
	assert_string_equal(kit_says(&k, 1, 0, 'U'), "");
	assert_string_equal(kit_says(&k, 2, 0, 'U'), "pending>up");
	k.now_ms += 60000;
	assert_string_equal(kit_all(&k, 0, "DDD"), "");
	assert_int_equal(k.w->state, STATE_UP);
	kit_clear(&k);

	/* with a restored alert: down, whatever the first votes say; only a burst ends it */
	kit_start(&k, 3, 2, 2);
	k.w->held = true;
	watch_restore(k.w, ALERT_DOWN, SEVERITY_CRITICAL, k.now_ms - 60000);
	assert_string_equal(kit_all(&k, 0, "UUU"), "pending>down");
	kit_clear(&k);
}

static void test_hold_cancels_a_burst_and_restarts_the_timers(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
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
	kit_start_up(&k);
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

static void test_restored_down_closes_only_by_a_burst(void **state)
{
	struct kit k;

	(void)state;
	kit_start(&k, 3, 2, 2);
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
	kit_start(&k, 3, 2, 2);
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
		kit_start(&k, 3, 2, 2);
		watch_restore(k.w, table[i].kind, table[i].severity, 5);
		assert_false(k.w->down);
		assert_string_equal(kit_tick(&k, k.now_ms), "");
		assert_string_equal(kit_all(&k, 0, "UU"), table[i].log);
		kit_clear(&k);
	}
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
		kit_start(&k, 3, 2, 2);
		kit_all(&k, 0, table[i].votes);
		for (int v = 0; v < 3; v++) {
			assert_int_equal(kit_dissents(&k, v, k.now_ms), table[i].dissents[v]);
			assert_false(kit_dissents(&k, v, k.now_ms + 75001));
		}
		kit_clear(&k);
	}
}

/* Set aside, it has a stance of its own; for any other reason it has none. */
static void test_stance_of_the_excluded(void **state)
{
	static const struct {
		enum exclusion why;
		const char *votes;
		enum stance stance;
	} table[] = {
		{EXCLUDED_NOT, "UUD", STANCE_DISSENTS},
		{EXCLUDED_QUARANTINE, "UUD", STANCE_DISSENTS},
		{EXCLUDED_QUARANTINE, "UUU", STANCE_AGREES},
		{EXCLUDED_QUARANTINE, "DDD", STANCE_AGREES},
		{EXCLUDED_QUARANTINE, "DDW", STANCE_DISSENTS},
		{EXCLUDED_QUARANTINE, "UDD", STANCE_NONE}, /* the two others decide nothing */
		{EXCLUDED_QUARANTINE, "UUn", STANCE_NONE},
		{EXCLUDED_REPLACED, "UUD", STANCE_DISSENTS},
		{EXCLUDED_REPLACED, "DDD", STANCE_AGREES},
		{EXCLUDED_CLOCK, "UUD", STANCE_NONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		enum stance stance[3];
		struct tally tally;
		struct kit k;
		kit_start(&k, 3, 2, 2);
		watch_exclude(k.w, 3, table[i].why);
		kit_all(&k, 0, table[i].votes);
		watch_stances(k.w, k.now_ms, stance, &tally);
		assert_int_equal(stance[2], table[i].stance);
		assert_int_equal(tally.down + tally.up + tally.warning + tally.absent, 3);
		watch_stances(k.w, k.now_ms + 75001, stance, &tally);
		assert_int_equal(stance[2], STANCE_NONE);
		assert_int_equal(tally.absent, 3);
		kit_clear(&k);
	}
}

/* The last instant at which a vote is fresh, while the others' are. */
static void test_stance_while_fresh(void **state)
{
	enum stance stance[3];
	struct tally tally;
	struct kit k;

	(void)state;
	kit_start(&k, 3, 2, 2);
	watch_exclude(k.w, 3, EXCLUDED_QUARANTINE);
	kit_all(&k, 0, "UUD");
	int64_t last_ms = k.w->voter[2].scheduled.ended_at_ms + watch_fresh_ms(&k.w->rule);
	for (int i = 0; i < 2; i++)
		k.w->voter[i].scheduled.ended_at_ms += 1000;
	watch_stances(k.w, last_ms, stance, &tally);
	assert_int_equal(stance[2], STANCE_DISSENTS);
	watch_stances(k.w, last_ms + 1, stance, &tally);
	assert_int_equal(stance[2], STANCE_NONE);
	assert_int_equal(stance[1], STANCE_AGREES);
	kit_clear(&k);
}

static void test_largest_electorate(void **state)
{
	struct kit k;
	struct watch_rule rule = kit_rule(SEATS_MAX, 8, 4);

	(void)state;
	kit_init(&k, &rule, VOTERS_MAX);
	for (uint32_t key = 1; key < VOTERS_MAX; key++)
		kit_says(&k, key, 0, 'U');
	assert_string_equal(kit_says(&k, VOTERS_MAX, 0, 'D'), "burst 1+2");
	assert_int_equal(k.w->state, STATE_UP);
	k.now_ms += 200;
	for (uint32_t key = 1; key <= VOTERS_MAX; key++)
		kit_says(&k, key, 1, key % 15 < 8 ? 'D' : 'U');
	k.now_ms += 3000;
	for (uint32_t key = 1; key < VOTERS_MAX; key++)
		assert_string_equal(kit_says(&k, key, 2, key % 15 < 8 ? 'D' : 'U'), "");
	assert_string_equal(kit_says(&k, VOTERS_MAX, 2, 'D'), "up>down; open down critical");
	watch_block(k.w, BLOCK_PARENT, k.now_ms);
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	watch_doubt(k.w, k.now_ms);
	assert_string_equal(kit_tick(&k, k.now_ms + 1), "");
	assert_true(watch_is_released(k.w));
	kit_clear(&k);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_votes_are_the_newest_view),
		cmocka_unit_test(test_newest_start_wins),
		cmocka_unit_test(test_votes_from_the_future_are_of_now),
		cmocka_unit_test(test_could_not_look_replaces_up),
		cmocka_unit_test(test_votes_age),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_hold_learns_what_is_up_already),
		cmocka_unit_test(test_hold_cancels_a_burst_and_restarts_the_timers),
		cmocka_unit_test(test_restored_down_closes_only_by_a_burst),
		cmocka_unit_test(test_restored_down_that_is_still_down),
		cmocka_unit_test(test_restored_others),
		cmocka_unit_test(test_dissent),
		cmocka_unit_test(test_stance_of_the_excluded),
		cmocka_unit_test(test_stance_while_fresh),
		cmocka_unit_test(test_largest_electorate),
		cmocka_unit_test(test_nobody_assigned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
