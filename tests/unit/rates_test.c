// SPDX-License-Identifier: MIT
/* Flapping, failures over a window and thresholds that count as down, as stories. The notation is in
 * watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

/* ---- flapping: without bursts, so that two looks a second apart decide */

static void start_flaps(struct kit *k, int changes)
{
	struct watch_rule rule = kit_rule(3, 2, 2);

	rule.rounds = 0;
	rule.gap_ms = 1000;
	rule.flap_changes = changes;
	rule.flap_window_ms = 600000;
	kit_init(k, &rule, 3);
	k->now_ms = 5000; /* the clock began with the machine: instant 0 is within the window */
	kit_all(k, 0, "UUU");
	assert_int_equal(watch_changes(k->w, k->now_ms), 0);
}

/* WAIT_MS later all say LETTERS, and it is believed a second after. */
static const char *turn(struct kit *k, int64_t wait_ms, const char *letters)
{
	kit_run(k, k->now_ms + wait_ms - 1000);
	kit_all(k, 0, letters);
	return kit_run(k, k->now_ms + 1000);
}

static void test_flapping_stands_for_many(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 4);
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open down critical");
	assert_string_equal(turn(&k, 30000, "UUU"), "down>up; close down");
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open down critical");
	assert_string_equal(turn(&k, 30000, "UUU"), "down>up; close down; open flapping critical");
	for (int i = 0; i < 8; i++) {
		assert_string_equal(turn(&k, 30000, "DDD"), "up>down");
		assert_string_equal(turn(&k, 30000, "UUU"), "down>up");
	}
	assert_int_equal(watch_changes(&k.w[0], k.now_ms), 20);
	int64_t last_ms = k.now_ms;
	kit_all(&k, 0, "UUU");
	assert_string_equal(kit_run(&k, last_ms + 60000), "");
	kit_all(&k, 0, "UUU");
	assert_string_equal(kit_run(&k, last_ms + 99999), "");
	assert_int_equal(k.next_ms, last_ms + 100000); /* a sixth of the window */
	assert_string_equal(kit_run(&k, last_ms + 100000), "close flapping");
	kit_clear(&k);
}

/* Down for good at the end: the down alert opens when the flapping is over, not later. */
static void test_flapping_ends_down(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	turn(&k, 30000, "DDD");
	turn(&k, 30000, "UUU");
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open flapping critical");
	int64_t last_ms = k.now_ms;
	for (int i = 1; i < 4; i++) {
		assert_string_equal(kit_run(&k, last_ms + i * 25000), "");
		kit_all(&k, 0, "DDD");
	}
	assert_string_equal(kit_run(&k, last_ms + 100000), "open down critical; close flapping");
	kit_clear(&k);
}

static void test_flapping_limits(void **state)
{
	struct kit k;

	(void)state;
	/* the oldest of three changes is exactly as old as the window: two remain */
	start_flaps(&k, 3);
	turn(&k, 30000, "DDD");
	int64_t first_ms = k.now_ms;
	turn(&k, 30000, "UUU");
	while (k.now_ms < first_ms + 570000) {
		kit_run(&k, k.now_ms + 30000);
		kit_all(&k, 0, "UUU");
	}
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open down critical");
	assert_int_equal(k.now_ms, first_ms + 600000);
	assert_int_equal(watch_changes(k.w, k.now_ms), 2);
	assert_int_equal(watch_changes(k.w, k.now_ms - 1), 3);
	kit_clear(&k);

	/* off */
	start_flaps(&k, 0);
	for (int i = 0; i < 12; i++) {
		assert_string_equal(turn(&k, 5000, "DDD"), "up>down; open down critical");
		assert_string_equal(turn(&k, 5000, "UUU"), "down>up; close down");
	}
	kit_clear(&k);
}

/* A down alert that waits for its recovery to last is one alert for all of it. */
static void test_recovered_after_keeps_flapping_quiet(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	k.w->rule.recovered_after_ms = 45000;
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open down critical");
	for (int i = 0; i < 4; i++) {
		assert_string_equal(turn(&k, 30000, "UUU"), "down>up");
		assert_string_equal(turn(&k, 30000, "DDD"), "up>down");
	}
	assert_string_equal(turn(&k, 30000, "UUU"), "down>up");
	int64_t up_ms = k.now_ms;
	assert_int_equal(k.next_ms, up_ms + 45000);
	assert_string_equal(kit_run(&k, up_ms + 45000), "close down; open flapping critical");
	kit_clear(&k);
}

/* After a restart the calm is counted from the end of the hold. */
static void test_flapping_restored(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	watch_restore(k.w, ALERT_FLAPPING, SEVERITY_CRITICAL, k.now_ms - 500000);
	assert_true(k.w->flapping);
	k.w->held = true;
	kit_tick(&k, k.now_ms + 20000);
	int64_t end_ms = k.now_ms;
	k.w->held = false;
	for (int i = 1; i < 4; i++) {
		assert_string_equal(kit_run(&k, end_ms + i * 25000), "");
		kit_all(&k, 0, "UUU");
	}
	assert_string_equal(kit_run(&k, end_ms + 99999), "");
	assert_string_equal(kit_run(&k, end_ms + 100000), "close flapping");

	/* restored, and no longer wanted */
	watch_restore(k.w, ALERT_FLAPPING, SEVERITY_CRITICAL, k.now_ms);
	k.w->rule.flap_changes = 0;
	assert_string_equal(kit_run(&k, k.now_ms + 1), "close flapping");
	kit_clear(&k);
}

/* Held for longer than the window (a coordinator that hung): it opens since the newest change. */
static void test_flapping_after_a_long_hold(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	k.w->rule.recovered_after_ms = 45000;
	turn(&k, 30000, "DDD");
	turn(&k, 30000, "UUU");
	turn(&k, 30000, "DDD");
	assert_string_equal(turn(&k, 30000, "UUU"), "down>up"); /* the down alert is still open */
	int64_t last_ms = k.now_ms;
	k.w->held = true;
	kit_tick(&k, k.now_ms + 700000);
	k.w->held = false;
	kit_all(&k, 0, "UUU");
	assert_int_equal(watch_changes(k.w, k.now_ms), 0);
	k.next_ms = watch_tick(k.w, k.now_ms += 45000, &k.actions);
	assert_int_equal(k.actions.n, 2);
	assert_int_equal(k.actions.item[1].type, WATCH_OPEN);
	assert_int_equal(k.actions.item[1].kind, ALERT_FLAPPING);
	assert_int_equal(k.actions.item[1].started_at_ms, last_ms);
	kit_clear(&k);
}

/* What changed in maintenance was the work's: it is counted anew. */
static void test_maintenance_forgets_changes(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	watch_block(k.w, BLOCK_MAINTENANCE, k.now_ms);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(turn(&k, 30000, "DDD"), "up>down");
		assert_string_equal(turn(&k, 30000, "UUU"), "down>up");
	}
	assert_int_equal(watch_changes(k.w, k.now_ms), 4);
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	assert_int_equal(watch_changes(k.w, k.now_ms), 0);
	assert_string_equal(turn(&k, 30000, "UUU"), "");
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open down critical");
	assert_string_equal(turn(&k, 30000, "UUU"), "down>up; close down");
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open flapping critical");
	kit_clear(&k);
}

static void test_flapping_tells_since_when(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	turn(&k, 30000, "DDD");
	int64_t first_ms = k.now_ms;
	turn(&k, 30000, "UUU");
	kit_run(&k, k.now_ms + 29000);
	kit_all(&k, 0, "DDD");
	k.now_ms += 1000;
	watch_tick(k.w, k.now_ms, &k.actions);
	assert_int_equal(k.actions.n, 2);
	assert_int_equal(k.actions.item[1].kind, ALERT_FLAPPING);
	assert_int_equal(k.actions.item[1].started_at_ms, first_ms);
	assert_int_equal(k.actions.item[1].reason, REASON_TCP_REFUSED);
	kit_clear(&k);
}

/* ---- failures: rounds of 10 s, no bursts in the way */

static void start_failures(struct kit *k, double warning, double critical)
{
	struct watch_rule rule = kit_rule(3, 2, 2);

	rule.interval_ms = 10000;
	rule.timeout_ms = 1000;
	rule.failures = (struct failure_rule){200000, warning, critical}; /* buckets of 10 s */
	rule.rounds = 0;
	rule.gap_ms = 60000; /* what fails now and then never agrees for so long */
	kit_init(k, &rule, 3);
}

/* N intervals; voter i's every EVERY[i]th check fails (0: none). */
static void intervals(struct kit *k, int from, int n, const int every[3])
{
	for (int i = from; i < from + n; i++) {
		kit_run(k, k->now_ms + 10000);
		for (uint32_t key = 1; key <= 3; key++) {
			int e = every[key - 1];
			struct vote vote =
				kit_vote(k, e && i % e == e - 1 ? VERDICT_DOWN : VERDICT_UP);
			watch_vote(k->w, key, 0, &vote, k->now_ms, &k->actions);
		}
		k->actions.n = 0;
		k->log[0] = 0;
	}
}

static const char *severity_of(const struct kit *k)
{
	const struct alert_slot *slot = &k->w->slot[ALERT_FAILURES];

	return slot->open ? kit_severities[slot->severity] : "closed";
}

static void test_failures_need_q_seats(void **state)
{
	struct kit k;

	(void)state;
	/* one probe with a broken path fails every check: nothing */
	start_failures(&k, 10, 50);
	intervals(&k, 0, 60, (int[]){1, 0, 0});
	assert_string_equal(severity_of(&k), "closed");
	kit_clear(&k);
	/* two see one in five */
	start_failures(&k, 10, 50);
	intervals(&k, 0, 60, (int[]){5, 0, 5});
	assert_string_equal(severity_of(&k), "warning");
	kit_clear(&k);
	/* one in five, one in two; back again, which keeps its severity; then none */
	start_failures(&k, 10, 50);
	intervals(&k, 0, 30, (int[]){5, 5, 0});
	assert_string_equal(severity_of(&k), "warning");
	intervals(&k, 30, 40, (int[]){2, 2, 0});
	assert_string_equal(severity_of(&k), "critical");
	intervals(&k, 70, 30, (int[]){5, 5, 0});
	assert_string_equal(severity_of(&k), "critical");
	intervals(&k, 100, 19, (int[]){0, 0, 0});
	assert_string_equal(severity_of(&k), "critical");
	int64_t clear_ms = k.w->slot[ALERT_FAILURES].clear_since_ms;
	assert_in_range(clear_ms, k.now_ms - 100000, k.now_ms);
	while (k.now_ms + 10000 < clear_ms + 100000)
		intervals(&k, 0, 1, (int[]){0, 0, 0});
	assert_string_equal(kit_run(&k, clear_ms + 99999), "");
	assert_string_equal(kit_run(&k, clear_ms + 100000), "close failures"); /* half a window */
	kit_clear(&k);
}

static void test_failures_need_samples(void **state)
{
	struct kit k;

	(void)state;
	start_failures(&k, 10, 50);
	intervals(&k, 0, FAILURE_SAMPLES_MIN - 1, (int[]){2, 2, 2});
	assert_string_equal(severity_of(&k), "closed");
	kit_run(&k, k.now_ms + 10000);
	kit_all(&k, 0, "UU");
	assert_string_equal(severity_of(&k), "warning"); /* the 9 and this: 4 of 10 */
	assert_int_equal(watch_failures(k.w, 0, k.now_ms).checks, 10);
	assert_int_equal(watch_failures(k.w, 0, k.now_ms).failed, 4);
	assert_int_equal(watch_failures(k.w, 2, k.now_ms).checks, 9);
	kit_clear(&k);

	/* why, and since when: now, by the reason that is most frequent among what fails now */
	start_failures(&k, 10, 50);
	intervals(&k, 0, FAILURE_SAMPLES_MIN - 1, (int[]){2, 2, 0});
	k.now_ms += 10000;
	kit_says(&k, 1, 0, 'D');
	struct vote vote = kit_vote(&k, VERDICT_DOWN);
	watch_vote(k.w, 2, 0, &vote, k.now_ms, &k.actions);
	bool told = false;
	for (int i = 0; i < k.actions.n; i++) {
		const struct watch_action *a = &k.actions.item[i];
		if (a->kind != ALERT_FAILURES || a->type != WATCH_OPEN)
			continue;
		told = true;
		assert_int_equal(a->reason, REASON_TCP_REFUSED);
		assert_int_equal(a->started_at_ms, k.now_ms);
	}
	assert_true(told);
	kit_clear(&k);
}

/* What is counted: scheduled checks of those who may vote, while it is not down. */
static void test_failures_count_what(void **state)
{
	struct kit k;

	(void)state;
	start_failures(&k, 10, 50);
	k.w->rule.rounds = 2;
	k.w->rule.gap_ms = 3000;
	kit_all(&k, 0, "UUn");
	assert_int_equal(watch_failures(k.w, 0, k.now_ms).checks, 1);
	assert_int_equal(watch_failures(k.w, 2, k.now_ms).checks, 0); /* could not look */
	watch_exclude(k.w, 1, EXCLUDED_CLOCK);
	k.now_ms += 10000;
	kit_all(&k, 0, "DU");
	assert_int_equal(watch_failures(k.w, 0, k.now_ms).checks, 1);
	watch_exclude(k.w, 1, EXCLUDED_NOT);
	k.now_ms += 10000;
	kit_says(&k, 1, 0, 'D');
	assert_true(k.w->burst.goal == BURST_DOWN);
	kit_all(&k, k.w->burst.first_round, "DDD"); /* of a burst: not counted */
	assert_int_equal(watch_failures(k.w, 0, k.now_ms).checks, 2);
	assert_int_equal(watch_failures(k.w, 0, k.now_ms).failed, 1);
	assert_int_equal(watch_failures(k.w, 1, k.now_ms).checks, 2);
	k.now_ms += 3000;
	kit_all(&k, k.w->burst.first_round + 1, "DDD");
	assert_true(k.w->down);
	k.now_ms += 7000;
	kit_all(&k, 0, "DDD"); /* while down: not counted */
	assert_int_equal(watch_failures(k.w, 0, k.now_ms).checks, 2);

	/* another voter begins with none, another revision too */
	watch_seat(k.w, 0, 0, 9);
	assert_int_equal(watch_failures(k.w, 0, k.now_ms).checks, 0);
	assert_int_equal(watch_failures(k.w, 1, k.now_ms).checks, 2);
	struct watch_rule rule = k.w->rule;
	struct watch *w = malloc(watch_size(3));
	assert_non_null(w);
	watch_init(w, &rule, 3);
	for (int i = 0; i < 3; i++)
		watch_seat(w, i, i, k.w->voter[i].key);
	watch_carry(w, k.w);
	assert_int_equal(watch_failures(w, 1, k.now_ms).checks, 2);
	w->rule.revision++;
	watch_init(w, &w->rule, 3);
	for (int i = 0; i < 3; i++)
		watch_seat(w, i, i, k.w->voter[i].key);
	watch_carry(w, k.w);
	assert_int_equal(w->failures_from_ms, 0);
	w->failures_from_ms = k.w->failures_from_ms; /* nor is anything left in the rings */
	for (int i = 0; i < 3; i++)
		assert_int_equal(watch_failures(w, i, k.now_ms).checks, 0);
	w->rule.failures.window_ms = 0;
	assert_int_equal(watch_failures(w, 0, k.now_ms).checks, 0);
	free(w);
	kit_clear(&k);
}

/* What failed in maintenance was the work's: every voter is counted anew, and what comes then leaves
 * with its window. */
static void test_maintenance_forgets_failures(void **state)
{
	struct kit k;

	(void)state;
	start_failures(&k, 10, 50);
	watch_block(k.w, BLOCK_MAINTENANCE, k.now_ms);
	intervals(&k, 0, 25, (int[]){2, 2, 2});
	assert_string_equal(severity_of(&k), "closed");
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	k.now_ms += 1000;
	kit_all(&k, 0, "DDD");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(watch_failures(k.w, i, k.now_ms).checks, 1);
		assert_int_equal(watch_failures(k.w, i, k.now_ms + 199999).checks, 1);
		assert_int_equal(watch_failures(k.w, i, k.now_ms + 200000).checks, 0);
	}
	kit_clear(&k);
}

/* Time alone changes a rate: the good checks leave the window before the bad ones do. */
static void test_failures_wake(void **state)
{
	struct kit k;

	(void)state;
	start_failures(&k, 10, 60);
	int64_t from_ms = k.now_ms;
	k.check_ms = 0;
	kit_all(&k, 0, "UUU");
	assert_int_equal(k.w->failures_from_ms, from_ms);
	k.now_ms += 1;
	kit_tick(&k, k.now_ms);
	assert_true(k.next_ms > from_ms + 10000); /* nothing failed: nobody looks at buckets */
	for (int i = 0; i < 3; i++) {
		struct vote vote = kit_vote(&k, VERDICT_DOWN);
		watch_take(k.w, 1, 0, &vote, k.now_ms);
		k.now_ms += 1;
	}
	kit_tick(&k, k.now_ms);
	assert_true(k.next_ms <= from_ms + 10000);
	kit_clear(&k);

	/* one failure is enough; and the same without a rule is nobody's business */
	start_failures(&k, 10, 60);
	kit_all(&k, 0, "UUD");
	k.w->agreed_since_ms = 0;
	kit_tick(&k, k.now_ms + 1);
	assert_int_equal(k.next_ms, k.w->failures_from_ms + 10000);
	kit_clear(&k);
}

/* While it is down it has an alert; one that is open stays until the rate is known again. */
static void test_failures_while_down(void **state)
{
	struct kit k;

	(void)state;
	start_failures(&k, 10, 50);
	intervals(&k, 0, 40, (int[]){4, 4, 4});
	assert_string_equal(severity_of(&k), "warning");
	k.w->down = true;
	for (int i = 0; i < 60; i++) {
		kit_run(&k, k.now_ms + 10000);
		kit_all(&k, 0, "DDD");
	}
	assert_string_equal(severity_of(&k), "warning");
	assert_int_equal(watch_failures(k.w, 0, k.now_ms).checks, 0);
	kit_clear(&k);

	/* nor does it open */
	start_failures(&k, 10, 50);
	intervals(&k, 0, 9, (int[]){2, 2, 2});
	for (int i = 0; i < 3; i++)
		failures_add(&k.w->voter[i].failures, &k.w->rule.failures, 90000, true);
	k.w->down = true;
	kit_tick(&k, k.now_ms + 1);
	assert_string_equal(severity_of(&k), "closed");
	k.w->down = false;
	kit_tick(&k, k.now_ms + 1);
	assert_string_equal(severity_of(&k), "critical");
	kit_clear(&k);
}

/* No rule, no alert; and one that was open closes. */
static void test_failures_not_wanted(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	watch_restore(k.w, ALERT_FAILURES, SEVERITY_WARNING, k.now_ms);
	assert_string_equal(kit_tick(&k, k.now_ms + 1), "close failures");
	kit_clear(&k);
}

/* ---- counts_as: down */

static const char *says_slow(struct kit *k, uint32_t key, int64_t round, enum severity severity)
{
	struct vote vote = kit_vote(k, VERDICT_WARNING);

	vote.severity[THRESHOLD_SLOW] = (uint8_t)severity;
	watch_vote(k->w, key, round, &vote, k->now_ms, &k->actions);
	kit_note(k);
	return kit_log(k);
}

static void test_counts_as_down(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.w->rule.counts_as_down = 1U << THRESHOLD_SLOW;
	k.now_ms += 20000;
	assert_string_equal(says_slow(&k, 1, 0, SEVERITY_WARNING), "");
	k.now_ms += 20000;
	assert_string_equal(says_slow(&k, 2, 0, SEVERITY_CRITICAL), "burst 1+2; up>degraded");
	for (int r = 1; r <= 2; r++) {
		k.now_ms += 3000;
		says_slow(&k, 1, r, SEVERITY_CRITICAL);
		says_slow(&k, 2, r, SEVERITY_CRITICAL);
		if (r == 1)
			kit_says(&k, 3, r, 'U');
	}
	assert_string_equal(kit_run(&k, k.now_ms + 1000), "degraded>down; open down critical");
	assert_false(k.w->slot[ALERT_SLOW].open); /* the down alert tells it */
	kit_clear(&k);

	/* of a threshold that is none of these: its own kind */
	kit_start_up(&k);
	k.w->rule.counts_as_down = 1U << THRESHOLD_LOSS | 1U << THRESHOLD_VALUE;
	k.now_ms += 20000;
	says_slow(&k, 1, 0, SEVERITY_CRITICAL);
	assert_string_equal(
		says_slow(&k, 2, 0, SEVERITY_CRITICAL), "up>degraded; open slow critical");
	kit_clear(&k);
}

/* A probe that could not look says nothing, whatever else it sends. */
static void test_counts_as_down_of_nothing(void **state)
{
	struct kit k;
	struct vote vote;

	(void)state;
	kit_start_up(&k);
	k.w->rule.counts_as_down = 1U << THRESHOLD_SLOW;
	k.now_ms += 20000;
	vote = kit_vote(&k, VERDICT_NONE);
	vote.severity[THRESHOLD_SLOW] = SEVERITY_CRITICAL;
	watch_vote(k.w, 1, 0, &vote, k.now_ms, &k.actions);
	assert_int_equal(k.actions.n, 0);
	assert_int_equal(k.w->voter[0].scheduled.verdict, VERDICT_NONE);
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flapping_stands_for_many),
		cmocka_unit_test(test_flapping_ends_down),
		cmocka_unit_test(test_flapping_limits),
		cmocka_unit_test(test_recovered_after_keeps_flapping_quiet),
		cmocka_unit_test(test_flapping_restored),
		cmocka_unit_test(test_flapping_after_a_long_hold),
		cmocka_unit_test(test_maintenance_forgets_changes),
		cmocka_unit_test(test_flapping_tells_since_when),
		cmocka_unit_test(test_failures_need_q_seats),
		cmocka_unit_test(test_failures_need_samples),
		cmocka_unit_test(test_failures_count_what),
		cmocka_unit_test(test_maintenance_forgets_failures),
		cmocka_unit_test(test_failures_wake),
		cmocka_unit_test(test_failures_while_down),
		cmocka_unit_test(test_failures_not_wanted),
		cmocka_unit_test(test_counts_as_down),
		cmocka_unit_test(test_counts_as_down_of_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
