// SPDX-License-Identifier: MIT
/* Clocks and RFC 3339 times. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/clock.h"

#include <string.h>

static void formats(void **state)
{
	static const struct {
		int64_t wall_ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{1795285849310, "2026-11-21T18:30:49.310Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{-62135596800000, "0001-01-01T00:00:00.000Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
		{INT64_MAX, "9999-12-31T23:59:59.999Z"},
		{INT64_MIN, "0001-01-01T00:00:00.000Z"},
		{1709164800000, "2024-02-29T00:00:00.000Z"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[TIME_TEXT_SIZE];

		assert_string_equal(time_format(cases[i].wall_ms, text), cases[i].text);
		assert_int_equal(strlen(text), TIME_TEXT_SIZE - 1);
	}
}

static void parses(void **state)
{
	static const struct {
		const char *text;
		int64_t wall_ms;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-21T18:30:49.310Z", 1795285849310},
		{"2026-11-22T03:30:49.31+09:00", 1795285849310},
		{"2026-11-21t14:00:49.3109999-04:30", 1795285849310},
		{"2026-11-21 18:30:49z", 1795285849000},
		{"2024-02-29T00:00:00Z", 1709164800000},
		{"2000-02-29T00:00:00Z", 951782400000},
		{"2016-12-31T23:59:60Z", 1483228800000},
		{"0001-01-01T00:00:00Z", -62135596800000},
		{"9999-12-31T23:59:59.999Z", 253402300799999},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t wall_ms = 0;

		if (time_parse(cases[i].text, &wall_ms) != 0 || wall_ms != cases[i].wall_ms)
			fail_msg("%s: %lld", cases[i].text, (long long)wall_ms);
	}
}

static void refuses(void **state)
{
	static const char *const cases[] = {"", "2026-11-21", "2026-11-21T18:30:49",
		"2026-11-21T18:30Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-01-32T00:00:00Z", "2026-01-00T00:00:00Z", "2026-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
		"2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+0900",
		"2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+09:60", "2026-01-01T00:00:00Zx",
		" 2026-01-01T00:00:00Z", "26-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
		"9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "-026-01-01T00:00:00Z"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t wall_ms;

		if (time_parse(cases[i], &wall_ms) != -1)
			fail_msg("'%s' was taken as %lld", cases[i], (long long)wall_ms);
	}
}

static void clocks_agree(void **state)
{
	int64_t us = clock_now_us(), ms = clock_now_ms(), again_us = clock_now_us();

	(void)state;
	assert_true(us / 1000 <= ms && ms <= again_us / 1000);
	assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(formats), cmocka_unit_test(parses),
		cmocka_unit_test(refuses), cmocka_unit_test(clocks_agree)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
