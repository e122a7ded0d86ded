// SPDX-License-Identifier: MIT
/* States and alerts as stories of votes and instants; thresholds have thresholds_test.c. The
 * notation is in watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

static void test_open_tells_when_and_why(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
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
	assert_int_equal(open->held_ms, 0);
	kit_clear(&k);
}

static void test_alert_after(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.w->rule.after_ms = 30000;
	assert_string_equal(kit_goes_down(&k), "up>down");
	int64_t down_ms = k.now_ms;
	assert_string_equal(kit_tick(&k, down_ms + 29999), "");
	assert_int_equal(k.next_ms, down_ms + 30000);
	watch_tick(k.w, down_ms + 30000, &k.actions);
	assert_int_equal(k.actions.item[0].held_ms, 0); /* the policy's own time is no hold */
	kit_note(&k);
	assert_string_equal(kit_log(&k), "open down critical");
	kit_clear(&k);
}

static void test_alert_after_not_when_it_recovers(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.w->rule.after_ms = 30000;
	kit_goes_down(&k);
	k.now_ms += 10000;
	assert_string_equal(kit_comes_up(&k, 1, 3), "down>up");
	assert_string_equal(kit_run(&k, k.now_ms + 60000), "");
	kit_clear(&k);
}

static void test_undetermined_alert(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	int64_t since_ms = k.now_ms + 75001;
	assert_string_equal(kit_run(&k, since_ms + 119999), "up>undetermined");
	assert_int_equal(k.next_ms, since_ms + 120000);
	assert_string_equal(kit_run(&k, since_ms + 120000), "open undetermined unknown");
	assert_string_equal(kit_run(&k, since_ms + 900000), "");
	assert_string_equal(kit_all(&k, 0, "U"), "");
	assert_string_equal(kit_all(&k, 0, "-U"), "undetermined>up; close undetermined");
	kit_clear(&k);

	/* the policy's own time */
	kit_start_up(&k);
	k.w->rule.undetermined_after_ms = 20000;
	since_ms = k.now_ms + 75001;
	assert_string_equal(kit_run(&k, since_ms + 19999), "up>undetermined");
	assert_string_equal(kit_run(&k, since_ms + 20000), "open undetermined unknown");
	kit_clear(&k);
}

static void test_undetermined_after(void **state)
{
	(void)state;
	assert_int_equal(watch_undetermined_after_ms(1000, -1), 120000);
	assert_int_equal(watch_undetermined_after_ms(50000, -1), 120000);
	assert_int_equal(watch_undetermined_after_ms(60000, -1), 120000);
	assert_int_equal(watch_undetermined_after_ms(60001, -1), 120002);
	assert_int_equal(watch_undetermined_after_ms(60001, 1000), 1000);
	assert_int_equal(watch_undetermined_after_ms(60001, 0), 0);
}

static void test_pending_for_ever_is_undetermined(void **state)
{
	struct kit k;

	(void)state;
	kit_start(&k, 3, 2, 2);
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
	kit_start_down(&k);
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
	kit_start_down(&k);
	kit_run(&k, k.now_ms + 100000);
	assert_int_equal(k.w->state, STATE_UNDETERMINED);
	assert_string_equal(kit_all(&k, 0, "UUU"), "burst 3+2; undetermined>down");
	assert_string_equal(kit_rounds(&k, 3, "UUU"), "down>up; close down");
	kit_clear(&k);
}

static void test_regional(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	int64_t since_ms = k.now_ms;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 1+2");
	kit_keep(&k, "DUU", since_ms + 129000);
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
	kit_start_up(&k);
	int64_t start_ms = k.now_ms;
	for (int i = 1; i <= 10; i++) {
		kit_keep(&k, "DUU", start_ms + i * 120000 - 10000);
		kit_keep(&k, "UUU", start_ms + i * 120000);
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
	kit_start_up(&k);
	kit_keep(&k, "DUU", k.now_ms + 200000);
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
	kit_start_up(&k);
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

	kit_start_up(&k);
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
	kit_start_up(&k);
	kit_keep(&k, "DUU", k.now_ms + 200000);
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
	kit_keep(&k, "DDD", k.now_ms + 200000);
	assert_false(k.w->slot[ALERT_REGIONAL].open);
	kit_clear(&k);
}

static void test_regional_of_a_suspect_is_explained(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	watch_suspect(k.w, 1, true);
	watch_suspect(k.w, 99, true); /* nobody */
	int64_t since_ms = k.now_ms + 10000;
	kit_keep(&k, "DUU", since_ms + 129000);
	assert_string_equal(kit_run(&k, since_ms + 130000), "open regional warning explained");
	assert_true(k.w->explained[ALERT_REGIONAL]);
	assert_false(k.w->slot[ALERT_REGIONAL].open);
	kit_keep(&k, "DUU", k.now_ms + 300000);
	assert_string_equal(kit_run(&k, k.now_ms), "");

	/* no longer a suspect: an alert of its own, after its time */
	watch_suspect(k.w, 1, false);
	since_ms = k.now_ms;
	assert_string_equal(kit_tick(&k, since_ms), "close regional explained");
	kit_keep(&k, "DUU", since_ms + 129000);
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
	kit_start(&k, 5, 3, 2);
	watch_suspect(k.w, 1, true);
	int64_t since_ms = k.now_ms + 10000;
	kit_keep(&k, "DDUUU", since_ms + 129000);
	assert_string_equal(kit_run(&k, since_ms + 130000), "open regional warning");
	kit_clear(&k);
}

static void test_explained_regional_is_promoted_too(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	watch_suspect(k.w, 1, true);
	watch_suspect(k.w, 2, true);
	kit_keep(&k, "DUU", k.now_ms + 200000);
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
	kit_start_up(&k);
	k.now_ms += 60000;
	kit_all(&k, 0, "U");
	watch_suspect(k.w, 2, true);
	watch_suspect(k.w, 3, true);
	int64_t since_ms = k.now_ms + 15001;
	kit_keep(&k, "U--", since_ms + 119999);
	assert_string_equal(kit_run(&k, since_ms + 120000), "open undetermined unknown explained");
	assert_true(k.w->explained[ALERT_UNDETERMINED]);
	watch_suspect(k.w, 3, false); /* heard again, but has not voted yet */
	since_ms = k.now_ms + 1;
	assert_string_equal(kit_tick(&k, since_ms), "close undetermined explained");
	kit_keep(&k, "U--", since_ms + 119999);
	assert_string_equal(kit_run(&k, since_ms + 120000), "open undetermined unknown");
	watch_suspect(k.w, 3, true);
	assert_string_equal(kit_tick(&k, since_ms + 120001),
		"close undetermined; open undetermined unknown explained");
	k.now_ms += 10;
	assert_string_equal(
		kit_says(&k, 3, 0, 'U'), "undetermined>up; close undetermined explained");
	kit_clear(&k);
}

/* A shadow has no seat: its silence explains nothing. */
static void test_undetermined_is_not_explained_by_a_shadow(void **state)
{
	static const struct {
		enum exclusion why;
		bool explained;
	} table[] = {{EXCLUDED_QUARANTINE, true}, {EXCLUDED_REPLACED, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct watch_rule rule = kit_rule(4, 3, 3);
		struct kit k;
		kit_init(&k, &rule, 5);
		k.w->voter[4].seat = 3;
		kit_all(&k, 0, "UUUUU");
		k.now_ms += 60000;
		watch_suspect(k.w, 5, true);
		watch_exclude(k.w, 5, table[i].why);
		kit_keep(&k, "UDUDU", k.now_ms + 200000);
		assert_int_equal(k.w->explained[ALERT_UNDETERMINED], table[i].explained);
		assert_int_equal(k.w->slot[ALERT_UNDETERMINED].open, !table[i].explained);
		kit_clear(&k);
	}
}

/* One up, one down (that is regional's business), one suspect silent: the suspect explains it. */
static void test_undetermined_by_the_silent_not_by_the_down(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 60000;
	kit_all(&k, 0, "UD-");
	watch_suspect(k.w, 3, true);
	kit_keep(&k, "UD-", k.now_ms + 15001 + 130000);
	assert_true(k.w->explained[ALERT_UNDETERMINED]);
	assert_false(k.w->slot[ALERT_UNDETERMINED].open);
	kit_clear(&k);
}

static void test_undetermined_by_one_honest_absentee_is_not_explained(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	watch_suspect(k.w, 2, true);
	int64_t since_ms = k.now_ms + 75001;
	kit_keep(&k, "U--", since_ms + 119999);
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
		kit_start(&k, 3, 3, 3);
		watch_suspect(k.w, 1, table[i].suspect);
		int64_t since_ms = k.now_ms;
		kit_tick(&k, since_ms);
		kit_keep(&k, "DUU", since_ms + 119999);
		assert_string_equal(kit_run(&k, since_ms + 120000), table[i].log);
		kit_clear(&k);
	}
}

static void test_hold_restarts_after(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.w->rule.after_ms = 30000;
	kit_goes_down(&k);
	k.w->held = true;
	kit_tick(&k, k.now_ms + 29000);
	k.w->held = false;
	int64_t since_ms = k.now_ms + 1000;
	assert_string_equal(kit_tick(&k, since_ms), "");
	assert_string_equal(kit_tick(&k, since_ms + 29999), "");
	assert_string_equal(kit_tick(&k, since_ms + 30000), "open down critical");
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_tells_when_and_why),
		cmocka_unit_test(test_alert_after),
		cmocka_unit_test(test_alert_after_not_when_it_recovers),
		cmocka_unit_test(test_undetermined_alert),
		cmocka_unit_test(test_undetermined_after),
		cmocka_unit_test(test_pending_for_ever_is_undetermined),
		cmocka_unit_test(test_down_alert_outlives_its_votes),
		cmocka_unit_test(test_down_from_undetermined_closes_by_burst_only),
		cmocka_unit_test(test_regional),
		cmocka_unit_test(test_regional_not_when_it_flickers),
		cmocka_unit_test(test_regional_needs_up_to_close),
		cmocka_unit_test(test_regional_waits_for_the_burst),
		cmocka_unit_test(test_regional_is_promoted),
		cmocka_unit_test(test_regional_of_a_suspect_is_explained),
		cmocka_unit_test(test_regional_with_one_honest_voter_is_not_explained),
		cmocka_unit_test(test_explained_regional_is_promoted_too),
		cmocka_unit_test(test_undetermined_of_suspects_is_explained),
		cmocka_unit_test(test_undetermined_is_not_explained_by_a_shadow),
		cmocka_unit_test(test_undetermined_by_the_silent_not_by_the_down),
		cmocka_unit_test(test_undetermined_by_one_honest_absentee_is_not_explained),
		cmocka_unit_test(test_undetermined_by_disagreement),
		cmocka_unit_test(test_hold_restarts_after),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
