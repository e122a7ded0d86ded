// SPDX-License-Identifier: MIT
/* Addresses taken apart, and routes found. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/api/router.h"

#include <stdio.h>
#include <string.h>

static void handle(struct api_request *r)
{
	(void)r;
}

static const struct route routes[] = {
	{.method = "GET", .pattern = "/a", .handle = handle},
	{.method = "POST", .pattern = "/a", .handle = handle},
	{.method = "GET", .pattern = "/a/b", .handle = handle},
	{.method = "GET", .pattern = "/a/{x}", .handle = handle},
	{.method = "DELETE", .pattern = "/a/{x}", .handle = handle},
	{.method = "PUT", .pattern = "/a/{x}/c/{y}", .handle = handle},
};

static void test_targets(void **state)
{
	static const struct {
		const char *path, *query;
		enum target_error error;
		const char *first; /* first segment, or the value of q */
	} rows[] = {
		{"/a", NULL, TARGET_OK, "a"},
		{"/%61", NULL, TARGET_OK, "a"},
		{"/a+b", NULL, TARGET_OK, "a+b"},
		{"/x", "q=a+b", TARGET_OK, "a b"},
		{"/x", "q", TARGET_OK, ""},
		{"/x", "&&q=1&", TARGET_OK, "1"},
		{"/x", "q=a=b", TARGET_OK, "a=b"},
		{"/x", "%71=%25", TARGET_OK, "%"},
		{"/%", NULL, TARGET_BAD_ESCAPE, NULL},
		{"/%4", NULL, TARGET_BAD_ESCAPE, NULL},
		{"/%g1", NULL, TARGET_BAD_ESCAPE, NULL},
		{"/%41", NULL, TARGET_OK, "A"},
		{"/x", "q=%4", TARGET_BAD_ESCAPE, NULL},
		{"/%00", NULL, TARGET_HAS_NUL, NULL},
		{"/x", "q%00=1", TARGET_HAS_NUL, NULL},
		{"/%c0%80", NULL, TARGET_NOT_UTF8, NULL}, /* an overlong NUL */
		{"/%ed%a0%80", NULL, TARGET_NOT_UTF8, NULL},
		{"/x", "q=\xff", TARGET_NOT_UTF8, NULL},
		{"/x", "q=1&q=1", TARGET_REPEATED, NULL},
		{"/x", "q=1&%71=1", TARGET_REPEATED, NULL},
	};
	struct target t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum target_error error = target_parse(rows[i].path, rows[i].query, &t);

		if (error != rows[i].error)
			fail_msg("row %zu: %s", i, target_error_text(error));
		if (rows[i].first)
			assert_string_equal(rows[i].query ? target_query(&t, "q") : t.segment[0],
				rows[i].first);
		target_clear(&t);
	}
}

static void test_ceilings(void **state)
{
	char query[512] = "", path[TARGET_MAX_BYTES + 2];
	struct target t;

	(void)state;
	for (int i = 0; i < QUERY_PARAMS_MAX; i++)
		snprintf(query + strlen(query), sizeof(query) - strlen(query), "&p%d=1", i);
	assert_int_equal(target_parse("/", query, &t), TARGET_OK);
	assert_int_equal(t.n_query, QUERY_PARAMS_MAX);
	target_clear(&t);
	strcat(query, "&one=more");
	assert_int_equal(target_parse("/", query, &t), TARGET_TOO_MANY);
	target_clear(&t);
	memset(path, '/', sizeof(path));
	path[TARGET_MAX_BYTES] = '\0';
	assert_int_equal(target_parse(path, NULL, &t), TARGET_OK);
	target_clear(&t);
	assert_int_equal(target_parse(path, "a", &t), TARGET_TOO_LONG);
	target_clear(&t);
}

static void test_routes(void **state)
{
	static const struct {
		const char *method, *path;
		int route; /* -1: none */
		const char *allow, *x, *y;
	} rows[] = {
		{"GET", "/a", 0, "", NULL, NULL},
		{"HEAD", "/a", 0, "", NULL, NULL},
		{"POST", "/a", 1, NULL, NULL, NULL},
		{"PUT", "/a", -1, "GET, HEAD, POST", NULL, NULL},
		{"GET", "/a/b", 2, "", NULL, NULL},
		{"GET", "/a/bb", 3, NULL, "bb", NULL},
		{"GET", "/a/%62", 2, NULL, NULL, NULL},
		{"GET", "/a/b%2Fc", 3, NULL, "b/c", NULL},
		{"DELETE", "/a/q", 4, NULL, "q", NULL},
		{"DELETE", "/a/b", -1, "GET, HEAD", NULL,
			NULL}, /* the literal path hides the capture */
		{"POST", "/a/q", -1, "GET, HEAD, DELETE", NULL, NULL},
		{"PUT", "/a/1/c/2", 5, NULL, "1", "2"},
		{"PUT", "/a/1/d/2", -1, "", NULL, NULL},
		{"PUT", "/a//c/2", -1, "", NULL, NULL},
		{"GET", "/a/", -1, "", NULL, NULL},
		{"GET", "/", -1, "", NULL, NULL},
		{"GET", "", -1, "", NULL, NULL},
		{"GET", "a", -1, "", NULL, NULL},
		{"GET", "/aa", -1, "", NULL, NULL},
		{"GET", "/A", -1, "", NULL, NULL},
		{"GET", "/a/1/2/3/4/5/6/7/8/9", -1, "", NULL, NULL},
	};
	const char *params[CAPTURES_MAX];
	char allow[ALLOW_TEXT_SIZE];
	struct target t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(target_parse(rows[i].path, NULL, &t), TARGET_OK);
		const struct route *found =
			route_find(routes, ARRAY_LEN(routes), rows[i].method, &t, params, allow);

		if ((found ? (int)(found - routes) : -1) != rows[i].route)
			fail_msg("row %zu: %s", i, found ? found->pattern : "none");
		if (!found)
			assert_string_equal(allow, rows[i].allow);
		if (found && rows[i].x)
			assert_string_equal(params[0], rows[i].x);
		if (found && rows[i].y)
			assert_string_equal(params[1], rows[i].y);
		if (!rows[i].x)
			assert_null(params[0]);
		target_clear(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_routes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
