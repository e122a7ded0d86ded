// SPDX-License-Identifier: MIT
/* When a check is late. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/habit.h"
#include "quorate/attr.h"

static int64_t late_after(const int64_t *took_ms, int n, int64_t timeout_ms)
{
	struct habit h = {0};

	for (int i = 0; i < n; i++)
		habit_learn(&h, took_ms[i] * 1000);
	return habit_late_us(&h, timeout_ms * 1000) / 1000;
}

static void test_when_it_is_late(void **state)
{
	static const struct {
		int64_t took_ms[6];
		int n;
		int64_t timeout_ms, least_ms, most_ms;
	} table[] = {
		{{0}, 0, 10000, 0, 0},                /* nothing is known */
		{{20, 20}, 2, 10000, 0, 0},           /* not enough */
		{{20, 20, 20}, 3, 10000, 1500, 1500}, /* the usual site */
		{{20, 20, 20}, 3, 2500, 1500, 1500},  /* a second is gained */
		{{20, 20, 20}, 3, 2499, 0, 0},        /* less than that */
		{{1000, 1000, 1000, 1000, 1000, 1000}, 6, 10000, 2001,
			4000},                                              /* slow, but steadily */
		{{100, 3000, 100, 3000, 100, 3000}, 6, 20000, 4000, 12000}, /* now fast, now slow */
		{{4000, 4000, 4000}, 3, 10000, 0, 0}, /* late would be nearly the timeout */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int64_t late_ms = late_after(table[i].took_ms, table[i].n, table[i].timeout_ms);
		assert_in_range(late_ms, table[i].least_ms, table[i].most_ms);
	}
}

/* A site that becomes fast again is late sooner; never sooner than 1.5 s. */
static void test_it_follows(void **state)
{
	struct habit h = {0};
	int64_t before_us, late_us = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		habit_learn(&h, 1500000);
	before_us = habit_late_us(&h, 60000000);
	for (int i = 0; i < 60; i++) {
		habit_learn(&h, 10000);
		late_us = habit_late_us(&h, 60000000);
		assert_true(late_us >= HABIT_LATE_MIN_US);
	}
	assert_true(before_us > 3000000);
	assert_int_equal(late_us, HABIT_LATE_MIN_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when_it_is_late),
		cmocka_unit_test(test_it_follows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
