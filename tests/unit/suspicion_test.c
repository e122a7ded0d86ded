// SPDX-License-Identifier: MIT
/* Early bursts: a check that is late calls for one before its time-out. The notation is in
 * watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

static const char *suspects(struct kit *k, uint32_t key)
{
	assert_true(watch_suspicion(k->w, key, k->w->rule.revision, k->now_ms));
	return kit_tick(k, k->now_ms);
}

static void start(struct kit *k)
{
	kit_start_up(k);
	k->now_ms += 20000;
}

static void test_confirms_before_the_first_time_out(void **state)
{
	struct kit k;

	(void)state;
	start(&k);
	assert_string_equal(suspects(&k, 2), "burst 1+2");
	assert_string_equal(kit_rounds(&k, 1, "DDD"), "up>down; open down critical");
	assert_string_equal(kit_says(&k, 2, 0, 'D'), ""); /* its own time-out, at last */
	kit_clear(&k);
}

/* Whether a suspicion calls for a burst, after what was done with the watch. */
static void test_who_may_suspect(void **state)
{
	struct kit k;

	(void)state;
	start(&k);
	assert_false(watch_suspicion(k.w, 9, 1, k.now_ms)); /* no voter of it */
	assert_false(watch_suspicion(k.w, 1, 2, k.now_ms)); /* another revision */
	assert_string_equal(kit_tick(&k, k.now_ms), "");
	watch_exclude(k.w, 1, EXCLUDED_CLOCK);
	assert_string_equal(suspects(&k, 1), "");
	kit_clear(&k);

	kit_start_down(&k); /* it is known already */
	k.now_ms += 60000;
	assert_string_equal(suspects(&k, 1), "");
	kit_clear(&k);

	struct watch_rule rule = kit_rule(3, 2, 2); /* bursts are switched off */
	rule.rounds = 0;
	kit_init(&k, &rule, 3);
	kit_all(&k, 0, "UUU");
	assert_string_equal(suspects(&k, 1), "");
	kit_clear(&k);
}

/* It was slow, no more: a vote still calls at once, another suspicion after 8 intervals. */
static void test_a_vain_one_bars_only_suspicions(void **state)
{
	struct kit k;

	(void)state;
	start(&k);
	suspects(&k, 1);
	kit_rounds(&k, 1, "UUU");
	assert_int_equal(k.w->burst.goal, BURST_NONE);
	kit_says(&k, 1, 0, 'U');
	int64_t vain_at_ms = k.now_ms;
	k.now_ms += 60000;
	kit_all(&k, 0, "UUU");
	assert_string_equal(suspects(&k, 1), "");
	k.now_ms += 10;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 3+2");
	kit_keep(&k, "UUU", vain_at_ms + 8 * 60000);
	assert_string_equal(suspects(&k, 1), "burst 5+2");
	kit_clear(&k);
}

/* It became a down vote of this one probe alone: then the ordinary back-off holds. */
static void test_a_vain_one_that_ended_down_backs_off(void **state)
{
	struct kit k;

	(void)state;
	start(&k);
	suspects(&k, 1);
	k.now_ms += 200;
	kit_all(&k, 1, "DUU");
	assert_int_equal(k.w->burst.goal, BURST_NONE);
	assert_int_equal(k.w->no_burst_before_ms, k.now_ms + 60000);
	kit_clear(&k);
}

/* The result was lost: from when it is overdue, nothing calls. */
static void test_is_forgotten_when_overdue(void **state)
{
	struct kit k;

	(void)state;
	start(&k);
	k.w->no_burst_before_ms = k.now_ms + 12000;
	assert_string_equal(suspects(&k, 1), "");
	assert_string_equal(kit_tick(&k, k.now_ms + 12000), "");
	assert_string_equal(suspects(&k, 1), "burst 1+2");
	kit_clear(&k);
}

static void test_calls_until_its_result_is_overdue(void **state)
{
	struct kit k;

	(void)state;
	start(&k);
	k.w->no_burst_before_ms = k.now_ms + 11999; /* timeout and 2 s, less one */
	assert_string_equal(suspects(&k, 1), "");
	assert_string_equal(kit_tick(&k, k.now_ms + 11999), "burst 1+2");
	kit_clear(&k);
}

/* A suspicion of the instant at which it was found to be up again is of before; the next is not. */
static void test_calls_only_after_the_decision(void **state)
{
	struct kit k;

	(void)state;
	kit_start_down(&k);
	k.now_ms += 60000;
	assert_string_equal(kit_comes_up(&k, 2, 3), "down>up; close down");
	assert_string_equal(suspects(&k, 1), "");
	k.now_ms += 1;
	assert_string_equal(suspects(&k, 1), "burst 5+2");
	kit_clear(&k);
}

/* The clock counts from the machine's start: nobody waits since instant 0. */
static void test_nobody_waits_just_after_boot(void **state)
{
	struct kit k;

	(void)state;
	kit_start(&k, 3, 2, 2);
	k.now_ms = 500;
	assert_string_equal(kit_all(&k, 0, "UUU"), "pending>up");
	assert_string_equal(suspects(&k, 1), "burst 1+2");
	kit_clear(&k);
}

/* While early bursts are barred it wakes for the end of that, whoever waits. */
static void test_wakes_when_early_ones_are_allowed_again(void **state)
{
	(void)state;
	for (uint32_t key = 1; key <= 3; key++) {
		struct kit k;
		start(&k);
		k.w->no_early_before_ms = k.now_ms + 7000;
		assert_string_equal(suspects(&k, key), "");
		assert_int_equal(k.next_ms, k.now_ms + 7000);
		assert_string_equal(kit_tick(&k, k.now_ms + 7000), "burst 1+2");
		kit_clear(&k);
	}
}

static void test_a_new_revision_forgets_it(void **state)
{
	struct kit k;

	(void)state;
	start(&k);
	k.w->no_burst_before_ms = k.now_ms + 1;
	suspects(&k, 1);
	struct watch_rule rule = k.w->rule;
	rule.revision = 2;
	struct watch *next = malloc(watch_size(3));
	assert_non_null(next);
	watch_init(next, &rule, 3);
	for (int i = 0; i < 3; i++)
		watch_seat(next, i, i, (uint32_t)i + 1);
	watch_carry(next, k.w);
	free(k.w);
	k.w = next;
	assert_string_equal(kit_tick(&k, k.now_ms + 1), "");
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_confirms_before_the_first_time_out),
		cmocka_unit_test(test_who_may_suspect),
		cmocka_unit_test(test_a_vain_one_bars_only_suspicions),
		cmocka_unit_test(test_a_vain_one_that_ended_down_backs_off),
		cmocka_unit_test(test_is_forgotten_when_overdue),
		cmocka_unit_test(test_calls_until_its_result_is_overdue),
		cmocka_unit_test(test_calls_only_after_the_decision),
		cmocka_unit_test(test_nobody_waits_just_after_boot),
		cmocka_unit_test(test_wakes_when_early_ones_are_allowed_again),
		cmocka_unit_test(test_a_new_revision_forgets_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
