// SPDX-License-Identifier: MIT
/* UTF-8: what is well-formed, and what becomes of the rest. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/mem.h"
#include "proto/base/utf8.h"

#include <stdlib.h>
#include <string.h>

static void knows_characters(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{"a", 1},
		{"\x7f", 1},
		{"\xc2\x80", 2},
		{"\xdf\xbf", 2},
		{"\xe0\xa0\x80", 3},
		{"\xed\x9f\xbf", 3},
		{"\xee\x80\x80", 3},
		{"\xef\xbf\xbf", 3},
		{"\xf0\x90\x80\x80", 4},
		{"\xf4\x8f\xbf\xbf", 4},
		{"\x80", 0},
		{"\xc0\x80", 0},
		{"\xc1\xbf", 0},
		{"\xe0\x9f\xbf", 0},
		{"\xed\xa0\x80", 0},
		{"\xf0\x8f\xbf\xbf", 0},
		{"\xf4\x90\x80\x80", 0},
		{"\xf5\x80\x80\x80", 0},
		{"\xff", 0},
		{"\xc3", 0},
		{"\xe3\x81", 0},
		{"\xc3"
		 "a",
			0},
		{"\xe3\x81"
		 "a",
			0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (utf8_length(cases[i].text, strlen(cases[i].text)) != cases[i].length)
			fail_msg("case %zu", i);
}

static void trims_what_is_cut(void **state)
{
	static const char *const cases[][2] = {{"", ""}, {"abc", "abc"}, {"aé", "aé"},
		{"a\xc3", "a"}, {"あ", "あ"}, {"a\xe3\x81", "a"}, {"a\xe3", "a"},
		{"\xf0\x9f\x98", ""}, {"x\xf0\x9f\x98\x80", "x\xf0\x9f\x98\x80"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = mem_strdup(cases[i][0]);

		assert_string_equal(utf8_trim(text), cases[i][1]);
		free(text);
	}
}

static void cleans_bytes(void **state)
{
	static const struct {
		const char *data;
		size_t size, max;
		const char *clean;
	} cases[] = {{"abc", 3, 10, "abc"}, {"abc", 3, 2, "ab"}, {"a\0b", 3, 10, "a?b"},
		{"a\xff"
		 "b",
			3, 10, "a?b"},
		{"あい", 6, 5, "あ"}, {"あい", 6, 6, "あい"}, {"\xe3\x81", 2, 10, "??"},
		{"", 0, 10, ""}, {"x", 1, 0, ""}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *clean = utf8_clean(cases[i].data, cases[i].size, cases[i].max);

		assert_string_equal(clean, cases[i].clean);
		free(clean);
	}
}

static void finds_control_characters(void **state)
{
	(void)state;
	assert_false(utf8_has_control("あ é ~"));
	assert_true(utf8_has_control("a\nb"));
	assert_true(utf8_has_control("\x7f"));
	assert_true(utf8_has_control("\xc2\x9b"));
	assert_false(utf8_has_control("\xc2\xa0"));
}

static void replaces_control_characters(void **state)
{
	char text[] = "\x1b[2J\xc2\x9b"
		      "1m\x7f é\xc2\xa0\n",
	     plain[] = "é", none[] = "";

	(void)state;
	assert_string_equal(utf8_replace_controls(text, '?'), "?[2J??1m? é\xc2\xa0?");
	assert_string_equal(utf8_replace_controls(plain, '?'), "é");
	assert_string_equal(utf8_replace_controls(none, '?'), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(knows_characters),
		cmocka_unit_test(trims_what_is_cut), cmocka_unit_test(cleans_bytes),
		cmocka_unit_test(finds_control_characters),
		cmocka_unit_test(replaces_control_characters)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
