// SPDX-License-Identifier: MIT
#include "tests/unit/cli_kit.h"

#include "proto/base/table.h"
#include "proto/base/text.h"
#include "proto/base/clock.h"

static void width_counts_columns(void **state UNUSED)
{
	static const struct {
		const char *text;
		int width;
	} cases[] = {
		{"", 0}, {"abc", 3}, {"東京", 4}, {"ｱ", 1}, /* half-width katakana */
		{"e\xcc\x81", 1},                           /* a combining accent adds nothing */
		{"\xff", 1},                          /* broken bytes are shown as one sign each */
		{"\xe6\x9d", 2},                      /* a character cut in the middle */
		{"\xc0\x80", 2},                      /* an overlong form is broken */
		{"a\tb", 3}, {"\xf0\x9f\x98\x80", 2}, /* outside of the basic plane */
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (text_width(cases[i].text) != cases[i].width)
			fail_msg("case %zu: %d instead of %d", i, text_width(cases[i].text),
				cases[i].width);
}

static char *printed(void (*print)(FILE *out, const void *arg), const void *arg)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	print(out, arg);
	fclose(out);
	return text;
}

static void print_text(FILE *out, const void *arg)
{
	text_print(out, arg);
}

static void terminals_are_not_steered(void **state UNUSED)
{
	static const char *const attacks[] = {
		"\033[2J",
		"\x07",
		"\xc2\x9b"
		"31m",
		"\xe2\x80\xae"
		"cod.exe",
		"a\rb",
		"a\nb",
		"\x7f",
		"\xe2\x81\xa6",
	};
	for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
		char *text = printed(print_text, attacks[i]);
		assert_contains(text, "\xef\xbf\xbd");
		for (const char *c = text; *c; c++)
			assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
		assert_lacks(text, "\xc2\x9b");
		assert_lacks(text, "\xe2\x80\xae");
		assert_lacks(text, "\xe2\x81\xa6");
		free(text);
	}
	char *plain = printed(print_text, "東京 é ok");
	assert_string_equal(plain, "東京 é ok");
	free(plain);
}

static void print_cut(FILE *out, const void *arg)
{
	text_print_cut(out, arg, 5);
}

static void cutting_keeps_whole_characters(void **state UNUSED)
{
	static const char *const cases[][2] = {
		{"12345", "12345"}, {"123456", "1234…"}, {"東京都庁", "東京…"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = printed(print_cut, cases[i][0]);
		assert_string_equal(text, cases[i][1]);
		free(text);
	}
}

static void print_table(FILE *out, const void *arg)
{
	static const char *const headers[] = {"NAME", ">N", "STATE", NULL};
	struct table *t = table_new(headers);

	table_add(t, "東京");
	table_printf(t, "%d", 7);
	table_add_styled(t, STYLE_BAD, "down");
	table_add(t, "frankfurt");
	table_printf(t, "%d", 1234);
	table_add(t, NULL);
	table_print(t, out, arg != NULL, 2);
}

static void columns_are_aligned(void **state UNUSED)
{
	char *text = printed(print_table, NULL);

	assert_string_equal(text, "  NAME          N  STATE\n"
				  "  東京          7  down\n"
				  "  frankfurt  1234  -\n");
	free(text);
	text = printed(print_table, "");
	assert_contains(text, "\033[31mdown\033[0m");
	free(text);
}

static void print_empty(FILE *out, const void *arg UNUSED)
{
	static const char *const headers[] = {"NAME", NULL};

	table_print(table_new(headers), out, false, 0);
}

static void an_empty_table_is_nothing(void **state UNUSED)
{
	char *text = printed(print_empty, NULL);

	assert_string_equal(text, "");
	free(text);
}

static void durations_read_well(void **state UNUSED)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "0 ms"},
		{999, "999 ms"},
		{1000, "1.0 s"},
		{9949, "9.9 s"},
		{10000, "10 s"},
		{119000, "119 s"},
		{120000, "2m 00s"},
		{250000, "4m 10s"},
		{600000, "10m"},
		{7200000, "2h 0m"},
		{172800000, "2d 0h"},
	};
	char text[TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(text_duration(text, cases[i].ms), cases[i].text);
}

static void milliseconds_have_three_places(void **state UNUSED)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {{0, "0.000"}, {7, "0.007"}, {10, "0.010"}, {99, "0.099"}, {100, "0.100"},
		{999, "0.999"}, {1000, "1.000"}, {60000001, "60000.001"}};
	char text[TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_ptr_equal(text_put_ms(text, cases[i].us), text + strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
	text_put_number(text, INT64_MAX);
	assert_string_equal(text, "9223372036854775807");
}

static void times_are_relative(void **state UNUSED)
{
	char at[TIME_TEXT_SIZE], text[TEXT_SIZE];

	assert_string_equal(text_ago(text, time_format(clock_wall_ms(), at)), "just now");
	assert_string_equal(
		text_ago(text, time_format(clock_wall_ms() - 180500, at)), "3m 01s ago");
	assert_string_equal(
		text_ago(text, time_format(clock_wall_ms() + 3600000 + 500, at)), "in 60m");
	assert_string_equal(text_ago(text, "never"), "-");
	assert_string_equal(text_ago(text, NULL), "-");
	setenv("TZ", "UTC0", 1);
	assert_string_equal(
		text_local(text, "2026-11-21T18:30:49.310Z"), "2026-11-21 18:30:49 UTC");
	setenv("TZ", "JST-9", 1);
	tzset();
	assert_string_equal(
		text_local(text, "2026-11-21T18:30:49.310Z"), "2026-11-22 03:30:49 JST");
}

static void values_become_words(void **state UNUSED)
{
	static const char *const cases[][2] = {
		{"null", "none"},
		{"\"x\"", "x"},
		{"7", "7"},
		{"true", "true"},
		{"[\"2xx\", 301]", "[2xx, 301]"},
		{"{\"a\": 1}", "{\"a\": 1}"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *value = json_loads(cases[i][0], JSON_DECODE_ANY, NULL);
		char *words = value_words(value);
		assert_string_equal(words, cases[i][1]);
		free(words);
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(width_counts_columns),
		cmocka_unit_test(terminals_are_not_steered),
		cmocka_unit_test(cutting_keeps_whole_characters),
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(an_empty_table_is_nothing),
		cmocka_unit_test(durations_read_well),
		cmocka_unit_test(milliseconds_have_three_places),
		cmocka_unit_test(times_are_relative),
		cmocka_unit_test(values_become_words),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
