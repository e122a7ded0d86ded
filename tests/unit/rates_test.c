// SPDX-License-Identifier: MIT
/* Failures over a window and thresholds that count as down, as stories; flapping has
 * flapping_test.c. The notation is in watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

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

/* Who comes within the window's first bucket begins with none, and its checks leave with that bucket. */
static void test_failures_of_a_newcomer(void **state)
{
	struct kit k;

	(void)state;
	start_failures(&k, 10, 50);
	kit_all(&k, 0, "UUU");
	int64_t from_ms = k.w->failures_from_ms;
	watch_seat(k.w, 0, 0, 9);
	k.now_ms += 1000;
	kit_says(&k, 9, 0, 'U');
	assert_int_equal(watch_failures(k.w, 0, from_ms + 199999).checks, 1);
	assert_int_equal(watch_failures(k.w, 0, from_ms + 200000).checks, 0);
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
		cmocka_unit_test(test_failures_need_q_seats),
		cmocka_unit_test(test_failures_need_samples),
		cmocka_unit_test(test_failures_count_what),
		cmocka_unit_test(test_failures_of_a_newcomer),
		cmocka_unit_test(test_maintenance_forgets_failures),
		cmocka_unit_test(test_failures_wake),
		cmocka_unit_test(test_failures_while_down),
		cmocka_unit_test(test_failures_not_wanted),
		cmocka_unit_test(test_counts_as_down),
		cmocka_unit_test(test_counts_as_down_of_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
