// SPDX-License-Identifier: MIT
/* What a probe may send per second: bursts, debts, their bound, and when a debt has lasted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/allowance.h"

static const struct allowance_rates rates = {{100, 1000000, 2000}};

#define AT_MS INT64_C(1000000)

static void a_burst_is_free_and_the_rest_waits(void **state)
{
	static const struct {
		enum allowance_kind kind;
		int64_t n, wait_ms;
	} table[] = {
		{ALLOWANCE_MESSAGES, 1, 0},
		{ALLOWANCE_MESSAGES, 200, 0}, /* 2 s worth */
		{ALLOWANCE_MESSAGES, 201, 10},
		{ALLOWANCE_MESSAGES, 300, 1000},
		{ALLOWANCE_BYTES, 2000000, 0},
		{ALLOWANCE_BYTES, 2000001, 1},
		{ALLOWANCE_BYTES, 2500000, 500},
		{ALLOWANCE_RESULTS, 4000, 0},
		{ALLOWANCE_RESULTS, 4002, 1},
		{ALLOWANCE_RESULTS, 6000, 1000},
		{ALLOWANCE_MESSAGES, 1000000, ALLOWANCE_HOLD_MAX_MS},
		{ALLOWANCE_BYTES, INT64_MAX, ALLOWANCE_HOLD_MAX_MS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct allowance a = {0};
		int64_t wait_ms = allowance_take(&a, &rates, table[i].kind, table[i].n, AT_MS);
		if (wait_ms != table[i].wait_ms)
			fail_msg("row %zu: %lld ms", i, (long long)wait_ms);
		assert_int_equal(allowance_wait_ms(&a, AT_MS), wait_ms);
		assert_int_equal(allowance_wait_ms(&a, AT_MS + wait_ms), 0);
		assert_int_equal(a.held_ms, wait_ms);
	}
}

/* The rate for ever never waits; one part in a hundred more does, sooner or later. */
static void the_rate_itself_never_waits(void **state)
{
	struct allowance fine = {0}, more = {0};
	int64_t waited_ms = 0;

	(void)state;
	for (int64_t ms = 0; ms < 600000; ms += 10) {
		assert_int_equal(
			allowance_take(&fine, &rates, ALLOWANCE_MESSAGES, 1, AT_MS + ms), 0);
		assert_int_equal(
			allowance_take(&fine, &rates, ALLOWANCE_BYTES, 10000, AT_MS + ms), 0);
		waited_ms += allowance_take(&more, &rates, ALLOWANCE_BYTES, 10100, AT_MS + ms);
	}
	assert_true(waited_ms > 0);
}

/* Who waits as told is never refused, and gets exactly the rate in the long run. */
static void waiting_as_told_is_the_rate(void **state)
{
	struct allowance a = {0};
	int64_t now_ms = AT_MS, results = 0;

	(void)state;
	while (now_ms < AT_MS + 100000) {
		int64_t wait_ms = allowance_take(&a, &rates, ALLOWANCE_RESULTS, 500, now_ms);
		assert_true(wait_ms < ALLOWANCE_REFUSE_MS);
		results += 500;
		now_ms += wait_ms;
	}
	assert_in_range(results, 100 * 2000, 102 * 2000 + 1000);
	assert_in_range(a.held_ms, 97000, 100500);
}

/* The longest of the three counts, and one that is paid off does not end another. */
static void the_kinds_are_apart(void **state)
{
	struct allowance a = {0};

	(void)state;
	assert_int_equal(allowance_take(&a, &rates, ALLOWANCE_RESULTS, 8000, AT_MS), 2000);
	assert_int_equal(allowance_take(&a, &rates, ALLOWANCE_MESSAGES, 1, AT_MS), 2000);
	assert_int_equal(allowance_take(&a, &rates, ALLOWANCE_BYTES, 5000000, AT_MS), 3000);
	assert_int_equal(allowance_wait_ms(&a, AT_MS + 2500), 500);
	assert_int_equal(a.held_ms, 3000);
}

static void it_persists(void **state)
{
	struct allowance a = {0};
	int64_t now_ms = AT_MS;

	(void)state;
	a.window_at_ms = now_ms;
	for (int i = 0; i < 29; i++, now_ms += 1000) { /* ten times the rate, all the time */
		(void)allowance_take(&a, &rates, ALLOWANCE_RESULTS, 20000, now_ms);
		assert_false(allowance_persists(&a, now_ms)); /* not yet */
	}
	now_ms += 1000;
	assert_true(allowance_persists(&a, now_ms));
	assert_true(allowance_persists(&a, now_ms + 1000));
	now_ms += ALLOWANCE_WINDOW_MS; /* quiet, but for what was still held back */
	assert_false(allowance_persists(&a, now_ms));
	/* 14 s of 30 are not a half, 15 are */
	for (int s = 14; s <= 15; s++) {
		struct allowance b = {.window_at_ms = AT_MS, .held_ms = s * 1000};
		assert_int_equal(allowance_persists(&b, AT_MS + ALLOWANCE_WINDOW_MS), s == 15);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_free_and_the_rest_waits),
		cmocka_unit_test(the_rate_itself_never_waits),
		cmocka_unit_test(waiting_as_told_is_the_rate),
		cmocka_unit_test(the_kinds_are_apart),
		cmocka_unit_test(it_persists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
