// SPDX-License-Identifier: MIT
/* Regular expressions: what they find, what is wrong with them, and that none takes its time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/pattern.h"

#include <stdlib.h>
#include <string.h>

static struct pattern *compiled(const char *text)
{
	char why[PATTERN_WHY_SIZE];
	struct pattern *p = pattern_new(text, why);
	if (p == NULL)
		fail_msg("%s: %s", text, why);
	return p;
}

static void finds(void **state)
{
	static const struct {
		const char *pattern, *subject;
		size_t n;          /* 0: all of the text */
		int found, length; /* of the whole match */
	} cases[] = {
		{"^220 ", "220 mail ready\r\n", 0, PATTERN_FOUND, 4},
		{"^220 ", "554 no\r\n", 0, PATTERN_ABSENT, 0},
		{"(?i)SSH-2", "ssh-2.0-x", 0, PATTERN_FOUND, 5},
		{"(?m)^250 ", "250-a\r\n250 b\r\n", 0, PATTERN_FOUND, 4},
		{"", "x", 0, PATTERN_FOUND, 0},
		{"a", "", 0, PATTERN_ABSENT, 0},
		{"\\x00\\xff$", "a\0\xff", 3, PATTERN_FOUND, 2},
		{"^.{3}$", "\xe3\x81\x82", 0, PATTERN_FOUND, 3},            /* bytes */
		{"^.い$", "\xe3\x81\x82\xe3\x81\x84", 0, PATTERN_FOUND, 6}, /* characters */
		{"い", "\xff\xe3\x81\x84\xff", 0, PATTERN_FOUND, 3},
		{"[あ-ん]+", "xあいy", 0, PATTERN_FOUND, 6},
		{"(?i)é", "É", 0, PATTERN_FOUND, 2},
		{"x$", "x\n", 0, PATTERN_FOUND, 1},
	};
	struct pattern_span span;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pattern *p = compiled(cases[i].pattern);
		size_t n = cases[i].n > 0 ? cases[i].n : strlen(cases[i].subject);
		int64_t left_us = PATTERN_BUDGET_US;
		int found = (int)pattern_find(p, cases[i].subject, n, &left_us, &span, 1);
		if (found != cases[i].found)
			fail_msg("case %zu: %s in '%s'", i, cases[i].pattern, cases[i].subject);
		if (found == PATTERN_FOUND)
			assert_int_equal(span.to - span.from, cases[i].length);
		else
			assert_true(span.from == PATTERN_NO_SPAN);
		pattern_free(p);
	}
}

static void tells_groups(void **state)
{
	struct pattern *p = compiled("(\\w+)=(\\d+)(;x)?");
	struct pattern_span span[6];
	int64_t left_us = PATTERN_BUDGET_US;
	(void)state;
	assert_int_equal(pattern_groups(p), 3);
	assert_int_equal(pattern_find(p, "  load=17", 9, &left_us, span, 6), PATTERN_FOUND);
	assert_int_equal(span[0].from, 2);
	assert_int_equal(span[1].to, 6);
	assert_int_equal(span[2].from, 7);
	assert_int_equal(span[2].to, 9);
	for (int i = 3; i < 6; i++) /* took no part; none there */
		assert_true(span[i].from == PATTERN_NO_SPAN && span[i].to == PATTERN_NO_SPAN);
	pattern_free(p);
	p = compiled("ab");
	assert_int_equal(pattern_find(p, NULL, 0, &left_us, span, 1), PATTERN_ABSENT);
	pattern_free(p);
}

static void says_what_is_wrong(void **state)
{
	static const char *const cases[][2] = {
		{"a(b|c", "missing closing parenthesis at character 5, behind 'a(b|c'"},
		{"*", "quantifier does not follow a repeatable item at"},
		{"在庫[",
			"missing terminating ] for character class at character 3, behind '在庫['"},
		{"[z-a]", "range out of order"},
		{"(?=ab\\K)", "\\K is not allowed in lookarounds"},
		{"\\C", "using \\C is disabled"},
		{"(*UTF)a", "using UTF is disabled"},
		{"((((((((((a{1,1000}){1,1000}){1,1000}){1,1000}))))))", ""},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)", "behind '…"},
	};
	char why[PATTERN_WHY_SIZE], *deep = mem_alloc(1100);
	const char *field_why, *text = "a(";
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_null(pattern_new(cases[i][0], why));
		if (strstr(why, cases[i][1]) == NULL)
			fail_msg("%s: %s", cases[i][0], why);
	}
	memset(deep, '(', 500);
	memset(deep + 500, ')', 500);
	assert_null(pattern_new(deep, why));
	free(deep);
	assert_int_equal(pattern_check(&text, &field_why), -1);
	assert_string_equal(field_why, "a regular expression (PCRE2); here: missing closing "
				       "parenthesis at character 2, behind 'a('");
	text = "a";
	assert_int_equal(pattern_check(&text, &field_why), 0);
}

/* Whatever the pattern, whatever the bytes: the budget holds, give or take one item's reading. */
static void none_takes_its_time(void **state)
{
	static const char *const patterns[] = {
		"(a+)+$",
		"(a*)*[bc]",
		"(a|a)*[bc]",
		"(a|aa)+$",
		".*.*.*.*[bc]",
		"(.*)(.*)(.*)(.*)[bc]",
		"(?:.*a){20}[bc]",
		"(?=(a+))a*[bc]\\1",
		"a*a*a*a*a*a*a*[bc]",
		"(?s)(?:.+)+[xy]",
		"^(a?){60}a{60}[bc]",
		"(?<=a)(a+)+[bc]",
		"(a(?R)?a)*[bc]",
		"\\w*?\\w*?\\w*?\\w*?[bc]",
		"(?:(?:a{0,40}){0,40}){0,9}[bc]",
	};
	const size_t n = 1 << 20;
	char *subject = mem_alloc(n);
	(void)state;
	memset(subject, 'a', n);
	subject[n - 1] = '!';
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct pattern *p = compiled(patterns[i]);
		struct pattern_span span;
		int64_t left_us = 20000, began_us = clock_now_us();
		int found = (int)pattern_find(p, subject, n, &left_us, &span, 1);
		int64_t took_us = clock_now_us() - began_us;
		assert_int_not_equal(found, PATTERN_FOUND);
		assert_true(left_us < 20000);
		if (took_us > 400000) /* the machine may be busy */
			fail_msg("%s took %lld us", patterns[i], (long long)took_us);
		pattern_free(p);
	}
	free(subject);
}

static void gives_up(void **state)
{
	char subject[64];
	struct pattern *p = compiled("(a+)+[bc]");
	struct pattern_span span;
	int64_t left_us = PATTERN_BUDGET_US;
	(void)state;
	memset(subject, 'a', sizeof(subject));
	assert_int_equal(
		pattern_find(p, subject, sizeof(subject), &left_us, &span, 1), PATTERN_GAVE_UP);
	assert_true(left_us < PATTERN_BUDGET_US);
	left_us = 0;
	assert_int_equal(pattern_find(p, "ab", 2, &left_us, &span, 1), PATTERN_GAVE_UP);
	left_us = 1000000;
	assert_int_equal(pattern_find(p, "ab", 2, &left_us, &span, 1), PATTERN_FOUND);
	pattern_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(tells_groups),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(none_takes_its_time),
		cmocka_unit_test(gives_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
