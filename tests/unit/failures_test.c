// SPDX-License-Identifier: MIT
/* The ring of buckets, at its limits; and against a list that forgets nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/failures.h"
#include "quorate/attr.h"

static const struct failure_rule rule = {20000, 5, 20}; /* buckets of a second */

static void expect(const struct failure_ring *ring, int64_t at_ms, int checks, int failed)
{
	struct failure_sum sum = failures_in(ring, &rule, at_ms);

	assert_int_equal(sum.checks, checks);
	assert_int_equal(sum.failed, failed);
}

static void test_window(void **state)
{
	struct failure_ring ring = {0};

	(void)state;
	expect(&ring, 0, 0, 0);
	failures_add(&ring, &rule, 0, true);
	failures_add(&ring, &rule, 999, false);
	failures_add(&ring, &rule, 1000, true);
	expect(&ring, 1000, 3, 2);
	expect(&ring, 19999, 3, 2);
	expect(&ring, 20000, 1, 1); /* bucket 0 has left */
	expect(&ring, 20999, 1, 1);
	expect(&ring, 21000, 0, 0);
	failures_add(&ring, &rule, 20500, false);
	expect(&ring, 20500, 2, 1);
	failures_add(&ring, &rule, 20100, true); /* a clock that stood: counted with the newest */
	expect(&ring, 20500, 3, 2);
	failures_add(&ring, &rule, 1000000, false); /* long idle */
	expect(&ring, 1000000, 1, 0);
	failures_add(&ring, &rule, 1019000, true); /* nineteen buckets on: both are in */
	expect(&ring, 1019000, 2, 1);
	failures_add(&ring, &rule, 1020000, true); /* twenty: the first was overwritten */
	expect(&ring, 1020000, 2, 2);
	expect(&ring, 999000, 2, 2); /* asked for an earlier instant: nothing counts twice */
}

static void test_next(void **state)
{
	static const int64_t table[][2] = {
		{0, 1000}, {1, 1000}, {999, 1000}, {1000, 2000}, {41999, 42000}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(failures_next_ms(&rule, table[i][0]), table[i][1]);
}

/* Any order of additions in time against the list of all. */
static void test_against_a_list(void **state)
{
	struct failure_ring ring = {0};
	int64_t at_ms[2000], now_ms = 0;
	bool failed[2000];
	uint64_t dice = 88172645463325252U;

	(void)state;
	for (int n = 0; n < 2000; n++) {
		struct failure_sum sum = {0, 0}, seen;
		dice ^= dice << 13;
		dice ^= dice >> 7;
		dice ^= dice << 17;
		now_ms += (int64_t)(dice % (n % 100 == 0 ? 60000 : 1700));
		at_ms[n] = now_ms;
		failed[n] = dice >> 60 < 5;
		failures_add(&ring, &rule, now_ms, failed[n]);
		for (int i = 0; i <= n; i++) {
			if (at_ms[i] / 1000 <= now_ms / 1000 - FAILURE_BUCKETS)
				continue;
			sum.checks++;
			sum.failed += failed[i];
		}
		seen = failures_in(&ring, &rule, now_ms);
		assert_int_equal(seen.checks, sum.checks);
		assert_int_equal(seen.failed, sum.failed);
	}
}

static void test_severity(void **state)
{
	static const struct {
		struct failure_rule rule;
		struct failure_sum sum;
		enum severity severity;
	} table[] = {
		{{20000, 5, 20}, {20, 0}, SEVERITY_NONE},
		{{20000, 5, 20}, {21, 1}, SEVERITY_NONE}, /* 4.8 % */
		{{20000, 5, 20}, {20, 1}, SEVERITY_WARNING},
		{{20000, 5, 20}, {101, 20}, SEVERITY_WARNING}, /* 19.8 % */
		{{20000, 5, 20}, {100, 20}, SEVERITY_CRITICAL},
		{{20000, -1, 20}, {100, 19}, SEVERITY_NONE},
		{{20000, 5, -1}, {10, 10}, SEVERITY_WARNING},
		{{20000, 0, -1}, {10, 0}, SEVERITY_NONE}, /* none failed */
		{{20000, 0, -1}, {10, 1}, SEVERITY_WARNING},
		{{20000, 5, 20}, {0, 0}, SEVERITY_NONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(
			failures_severity(&table[i].rule, &table[i].sum), table[i].severity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_against_a_list),
		cmocka_unit_test(test_severity),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
