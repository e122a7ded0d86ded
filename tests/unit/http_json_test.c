// SPDX-License-Identifier: MIT
/* Values of JSON texts by their pointers; what is valid is jansson's to say, too. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/http_json.h"
#include "quorate/attr.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void values_are_found(void **state UNUSED)
{
	static const struct {
		const char *text, *pointer, *found; /* NULL: absent */
	} cases[] = {
		{"{\"a\": 1}", "/a", "1"},
		{"{\"a\": 1}", "", "{\"a\": 1}"},
		{" [1, {\"b\": [true, null]}] ", "/1/b/1", "null"},
		{"[1, 2]", "/2", NULL},
		{"[1, 2]", "/-", NULL},
		{"[1, 2]", "/01", NULL},
		{"[1, 2]", "/1", "2"},
		{"{\"0\": \"x\"}", "/0", "\"x\""},
		{"{\"a/b\": 1, \"m~n\": 2, \"\": 3, \" \": 4}", "/a~1b", "1"},
		{"{\"a/b\": 1, \"m~n\": 2, \"\": 3, \" \": 4}", "/m~0n", "2"},
		{"{\"a/b\": 1, \"m~n\": 2, \"\": 3, \" \": 4}", "/", "3"},
		{"{\"a/b\": 1, \"m~n\": 2, \"\": 3, \" \": 4}", "/ ", "4"},
		{"{\"~1\": 5}", "/~01", "5"},
		{"{\"\\u0061\": 7}", "/a", "7"},
		{"{\"a\": 1, \"a\": 2}", "/a", "2"},
		{"{\"a\": {\"b\": 1}, \"a\": 2}", "/a/b", NULL},
		{"{\"a\": {\"b\": 1}, \"a\": {\"b\": 3}}", "/a/b", "3"},
		{"{\"a\": \"b\"}", "/a/b", NULL},
		{"\"whole\"", "", "\"whole\""},
		{"-1.5e+3", "", "-1.5e+3"},
		{"\xef\xbb\xbf{\"a\": 1}", "/a", "1"},
		{"{\"\xc3\xa4\": \"\xe6\x97\xa5\"}", "/\xc3\xa4", "\"\xe6\x97\xa5\""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_json_value v = {NULL, 0};
		enum http_json got =
			http_json_find(cases[i].text, strlen(cases[i].text), cases[i].pointer, &v);
		if (!cases[i].found) {
			assert_int_equal(got, HTTP_JSON_ABSENT);
			continue;
		}
		if (got != HTTP_JSON_FOUND)
			fail_msg("%s of %s: %d", cases[i].pointer, cases[i].text, got);
		assert_int_equal(v.size_bytes, strlen(cases[i].found));
		assert_memory_equal(v.text, cases[i].found, v.size_bytes);
	}
}

/* The same texts are valid to jansson, but for depth and numbers beyond a double. */
static void what_is_invalid_is_told(void **state UNUSED)
{
	static const char *const texts[] = {"", " ", "{", "}", "[1,]", "[1", "{\"a\"}", "{\"a\":}",
		"{\"a\":1,}", "{a:1}", "'a'", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"a\nb\"", "01",
		"-", "1.", ".5", "1e", "+1", "tru", "nul", "truex", "1 2", "{} x", "[1]]",
		"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "{\"a\":1 \"b\":2}", "[1 2]",
		"\xef\xbb", "true", "[]", "{}", "[[]]", "{\"a\":{}}", "0", "-0", "1E5",
		"\"\\u00e4\\n\\/\"", "\t[ ]\r\n", "[false,null]"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct http_json_value v;
		size_t n = strlen(texts[i]);
		json_t *tree = json_loadb(texts[i], n, JSON_DECODE_ANY, NULL);
		bool valid = http_json_find(texts[i], n, "/x/y", &v) != HTTP_JSON_INVALID;
		if (valid != (tree != NULL))
			fail_msg("%s is %svalid", texts[i], valid ? "" : "in");
		json_decref(tree);
	}
}

static void depth_is_bounded(void **state UNUSED)
{
	static const struct {
		int depth;
		enum http_json found;
	} cases[] = {{HTTP_JSON_DEPTH_MAX, HTTP_JSON_ABSENT},
		{HTTP_JSON_DEPTH_MAX + 1, HTTP_JSON_INVALID}, {100000, HTTP_JSON_INVALID}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = 2 * (size_t)cases[i].depth;
		char *text = malloc(n);
		struct http_json_value v;
		memset(text, '[', n / 2);
		memset(text + n / 2, ']', n / 2);
		assert_int_equal(http_json_find(text, n, "/a", &v), cases[i].found);
		free(text);
	}
}

static void scalars_are_read(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool is_scalar;
	} cases[] = {{"1", true}, {"\"a\\n\"", true}, {"true", true}, {"{}", false}, {"[1]", false},
		{"1e999", false}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_json_value v = {cases[i].text, strlen(cases[i].text)};
		json_t *scalar = http_json_scalar(&v);
		assert_int_equal(scalar != NULL, cases[i].is_scalar);
		json_decref(scalar);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found),
		cmocka_unit_test(what_is_invalid_is_told),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(scalars_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
