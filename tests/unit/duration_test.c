// SPDX-License-Identifier: MIT
/* Durations: what is accepted, what is not, and the shortest form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "quorate/duration.h"

static void parses(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {{"0s", 0}, {"0ms", 0}, {"500ms", 500}, {"60s", 60000}, {"5m", 300000},
		{"4h", 14400000}, {"7d", 604800000}, {"007s", 7000},
		{"36600d", INT64_C(36600) * 86400000}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t ms = -1;

		assert_int_equal(duration_parse(cases[i].text, &ms), 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void refuses(void **state)
{
	static const char *const cases[] = {"", "5", "s", "-5s", "+5s", " 5s", "5 s", "5s ", "5S",
		"1h30m", "1.5s", "36601d", "999999999999999d", "9999999999999999999ms", "5sec",
		"0x5s", "ms"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t ms;

		if (duration_parse(cases[i], &ms) != -1)
			fail_msg("'%s' was taken as %lld", cases[i], (long long)ms);
	}
}

static void formats(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {{0, "0s"}, {1, "1ms"}, {999, "999ms"}, {1000, "1s"}, {60000, "1m"},
		{61000, "61s"}, {3600000, "1h"}, {86400000, "1d"}, {90000000, "25h"},
		{INT64_MAX, "9223372036854775807ms"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[DURATION_TEXT_SIZE];

		assert_string_equal(duration_format(cases[i].ms, text), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses), cmocka_unit_test(refuses), cmocka_unit_test(formats)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
