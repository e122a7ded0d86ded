// SPDX-License-Identifier: MIT
/* Budgets of confirmation bursts, and a watch that gets none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/budget.h"
#include "tests/unit/watch_kit.h"

#define NOW_MS 1000000

static void test_rate_of_a_probe(void **state)
{
	static const struct {
		int64_t scheduled, budget; /* per 1,000 s */
	} table[] = {{0, 5000}, {24999, 5000}, {25000, 5000}, {25005, 5001}, {166667, 33333}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(budget_of_probe(table[i].scheduled), table[i].budget);
}

/* How many checks in pieces of N it gives at once. */
static int64_t at_once(struct budget *b, int64_t per_1000_s, int64_t n, int64_t now_ms)
{
	int64_t taken = 0;

	for (; budget_has(b, per_1000_s, n, now_ms); taken += n)
		budget_take(b, per_1000_s, n, now_ms);
	return taken;
}

static void test_holds_ten_seconds_of_its_rate(void **state)
{
	static const struct {
		int64_t per_1000_s, n, taken;
	} table[] = {{5000, 1, 50}, {5000, 2, 50}, {5000, 3, 48}, {5000, 51, 0}, {33333, 2, 332}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct budget b = {0};
		assert_int_equal(
			at_once(&b, table[i].per_1000_s, table[i].n, NOW_MS), table[i].taken);
	}
}

static void test_time_fills_it_again(void **state)
{
	struct budget b = {0};

	(void)state;
	assert_int_equal(at_once(&b, 5000, 1, NOW_MS), 50);
	assert_false(budget_is_full(&b, NOW_MS));
	assert_false(budget_has(&b, 5000, 1, NOW_MS + 199));
	assert_true(budget_has(&b, 5000, 1, NOW_MS + 200));
	assert_int_equal(at_once(&b, 5000, 1, NOW_MS + 2000), 10);
	assert_false(budget_is_full(&b, NOW_MS + 11999));
	assert_true(budget_is_full(&b, NOW_MS + 12000));
	assert_int_equal(at_once(&b, 5000, 1, NOW_MS + 100000), 50); /* and not more */
}

/* Without a burst q fresh scheduled votes decide, at two evaluations a gap apart. */
static void test_denied_bursts_leave_it_to_scheduled_votes(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	assert_string_equal(kit_says(&k, 1, 0, 'D'), "burst 1+2");
	watch_deny_burst(k.w, k.now_ms);
	assert_int_equal(k.w->burst.goal, BURST_NONE);
	assert_string_equal(kit_tick(&k, k.now_ms), "");
	int64_t denied_at_ms = k.now_ms;
	k.now_ms += 100;
	assert_string_equal(kit_says(&k, 2, 0, 'D'), ""); /* q is reached */
	assert_string_equal(kit_tick(&k, k.now_ms + 2999), "");
	assert_string_equal(kit_tick(&k, k.now_ms + 1), "up>down; open down critical");
	assert_int_equal(k.w->confirmed_rounds, 0);
	assert_true(k.now_ms < denied_at_ms + 5000);
	kit_clear(&k);
}

static void test_a_denied_burst_is_asked_for_again(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	kit_says(&k, 1, 0, 'D');
	watch_deny_burst(k.w, k.now_ms);
	assert_string_equal(kit_tick(&k, k.now_ms), "");
	assert_int_equal(k.next_ms, k.now_ms + 5000);
	assert_string_equal(kit_tick(&k, k.now_ms + 4999), "");
	assert_string_equal(kit_tick(&k, k.now_ms + 1), "burst 3+2");
	k.now_ms += 200;
	kit_all(&k, 3, "DDD"); /* had and answered: rounds decide again */
	assert_false(k.w->down);
	k.now_ms += 3000;
	assert_string_equal(kit_all(&k, 4, "DDD"), "up>down; open down critical");
	assert_int_equal(k.w->confirmed_rounds, 2);
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_of_a_probe),
		cmocka_unit_test(test_holds_ten_seconds_of_its_rate),
		cmocka_unit_test(test_time_fills_it_again),
		cmocka_unit_test(test_denied_bursts_leave_it_to_scheduled_votes),
		cmocka_unit_test(test_a_denied_burst_is_asked_for_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
