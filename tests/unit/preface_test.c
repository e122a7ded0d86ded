// SPDX-License-Identifier: MIT
/* Preface and answer: what is accepted, what is refused and how it is said; one line, never longer than it may be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/page_kit.h"

#include "proto/preface.h"

#include <stdlib.h>
#include <string.h>

#define TOKEN "qpt_0123456789abcdef"
#define HEAD  "{\"type\":\"preface\",\"version\":1,\"stream\":\"report\""

static void a_preface_is_one_line(void **state)
{
	(void)state;
	char name[] = "tokyo-1", token[] = TOKEN, line[PREFACE_MAX_BYTES + 1];
	struct preface p = {.version = 1, .stream = LINK_ORDERS, .probe = name, .token = token}, q;
	struct problems problems = {0};
	int n = preface_encode(&p, line, sizeof line);
	assert_string_equal(line, "{\"type\":\"preface\",\"version\":1,\"stream\":\"orders\","
				  "\"probe\":\"tokyo-1\",\"token\":\"" TOKEN "\"}\n");
	assert_int_equal(n, strlen(line));
	assert_int_equal(preface_decode(line, (size_t)n, &q, &problems), 0);
	assert_int_equal(q.version, 1);
	assert_int_equal(q.stream, LINK_ORDERS);
	assert_string_equal(q.probe, name);
	assert_string_equal(q.token, token);
	preface_clear(&q);
	assert_int_equal(preface_decode(line, (size_t)n - 1, &q, &problems), 0);
	preface_clear(&q);
	/* newline and NUL need room too */
	assert_int_equal(preface_encode(&p, line, (size_t)n + 1), n);
	for (size_t room = 0; room <= (size_t)n; room++)
		assert_int_equal(preface_encode(&p, line, room), -1);
}

static void a_line_never_grows_beyond_its_ceiling(void **state)
{
	(void)state;
	char name[129], token[257], line[2 * PREFACE_MAX_BYTES];
	struct preface p = {.version = 1, .stream = LINK_REPORT, .probe = name, .token = token};
	memset(name, 'n', 128);
	memset(token, 't', 256);
	name[128] = token[256] = 0;
	assert_true(preface_encode(&p, line, sizeof line) > 384); /* the longest plain one fits */
	memset(token, 1, 256);                                    /* \u0001 */
	assert_int_equal(preface_encode(&p, line, sizeof line), -1);
}

static void prefaces_are_judged(void **state)
{
	(void)state;
	const struct {
		const char *text;
		const char *path; /* NULL: accepted */
		const char *words;
	} table[] = {
		{HEAD ",\"probe\":\"a\",\"token\":\"" TOKEN "\"}", NULL, NULL},
		{HEAD ",\"probe\":\"a\",\"token\":\"" TOKEN "\",\"later\":[1]}\n", NULL, NULL},
		{HEAD ",\"probe\":\"a\",\"token\":\"" TOKEN "\"}\r\n", NULL, NULL},
		{"{\"type\":\"preface\",\"version\":1,\"stream\":\"doctor\",\"probe\":\"a\","
		 "\"token\":\"" TOKEN "\"}",
			NULL, NULL},
		{"", "", "line"},
		{"\n", "", "line"},
		{"{\n}", "", "line"},
		{HEAD ",\n\"probe\":\"a\",\"token\":\"" TOKEN "\"}\n", "", "line"},
		{"{}\n", "type", "missing"},
		{"[]", "type", "missing"},
		{"GET / HTTP/1.1\r\n", "", "JSON"},
		{HEAD ",\"probe\":\"a\",\"token\":\"" TOKEN "\"}}", "", "JSON"},
		{HEAD ",\"probe\":\"a\\u0000b\",\"token\":\"" TOKEN "\"}", "", "JSON"},
		{HEAD ",\"probe\":\"\xff\",\"token\":\"" TOKEN "\"}", "", "JSON"},
		{HEAD ",\"stream\":\"orders\",\"probe\":\"a\",\"token\":\"" TOKEN "\"}", "",
			"JSON"},
		{"{\"type\":\"hello\"}", "type", "hello"},
		{HEAD ",\"token\":\"" TOKEN "\"}", "probe", ""},
		{HEAD ",\"probe\":\"\",\"token\":\"" TOKEN "\"}", "probe", ""},
		{HEAD ",\"probe\":\"a\"}", "token", ""},
		{HEAD ",\"probe\":\"a\",\"token\":\"0123456789abcde\"}", "token", ""},
		{"{\"type\":\"preface\",\"version\":0,\"stream\":\"report\",\"probe\":\"a\","
		 "\"token\":\"" TOKEN "\"}",
			"version", ""},
		{"{\"type\":\"preface\",\"version\":1,\"stream\":\"both\",\"probe\":\"a\","
		 "\"token\":\"" TOKEN "\"}",
			"stream", "orders"},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct problems problems = {0};
		struct preface p;
		int error = preface_decode(table[i].text, strlen(table[i].text), &p, &problems);
		preface_clear(&p);
		if (!error != !table[i].path)
			fail_msg("row %zu: %s: %s", i, problems.item[0].path,
				problems.item[0].message);
		if (!table[i].path)
			continue;
		if (strcmp(problems.item[0].path, table[i].path) != 0 ||
			!strstr(problems.item[0].message, table[i].words))
			fail_msg("row %zu says: %s: %s", i, problems.item[0].path,
				problems.item[0].message);
		for (size_t k = 0; k < problems.n; k++)
			assert_null(strstr(problems.item[k].message, "0123456789abcde"));
	}
}

/* N bytes in all, newline included, the filling in an unknown member. */
static void the_ceiling_is_exact(void **state)
{
	(void)state;
	char line[PREFACE_MAX_BYTES + 2];
	const char *head = HEAD ",\"probe\":\"a\",\"token\":\"" TOKEN "\",\"x\":\"";
	for (size_t n = PREFACE_MAX_BYTES; n <= PREFACE_MAX_BYTES + 1; n++) {
		struct problems problems = {0};
		struct preface p;
		memset(line, 'x', n);
		memcpy(line, head, strlen(head));
		memcpy(line + n - 3, "\"}\n", 3);
		assert_int_equal(
			preface_decode(line, n, &p, &problems), n == PREFACE_MAX_BYTES ? 0 : -1);
		preface_clear(&p);
	}
}

static void answers_come_back(void **state)
{
	(void)state;
	char line[PREFACE_MAX_BYTES + 1], code[] = "busy", detail[] = "too many \"connections\"";
	char standing[] = "voting";
	struct preface_answer yes = {.accepted = true, .facts = {.now_wall_ms = -1}},
			      no = {.code = code, .detail = detail}, out;
	struct problems problems = {0};
	int n = preface_answer_encode(&yes, line, sizeof line);
	assert_string_equal(line, "{\"type\":\"accepted\"}\n");
	assert_int_equal(preface_answer_decode(line, (size_t)n, &out, &problems), 0);
	assert_true(out.accepted);
	assert_null(out.code);
	assert_int_equal(out.facts.now_wall_ms, -1);
	assert_null(out.facts.standing);
	preface_answer_clear(&out);
	yes.facts = (struct preface_facts){.now_wall_ms = 1795293049310, .standing = standing};
	n = preface_answer_encode(&yes, line, sizeof line);
	assert_int_equal(preface_answer_decode(line, (size_t)n, &out, &problems), 0);
	assert_int_equal(out.facts.now_wall_ms, 1795293049310);
	assert_string_equal(out.facts.standing, "voting");
	preface_answer_clear(&out);
	n = preface_answer_encode(&no, line, sizeof line);
	assert_true(n > 0);
	assert_int_equal(preface_answer_decode(line, (size_t)n, &out, &problems), 0);
	assert_false(out.accepted);
	assert_string_equal(out.code, code);
	assert_string_equal(out.detail, detail);
	preface_answer_clear(&out);
	static const char *const wrong[] = {"", "{}", "{\"type\":\"refused\"}",
		"{\"type\":\"preface\"}", "{\"type\":\"accepted\"",
		"{\"type\":\"accepted\",\"now_wall_ms\":-2}"};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		problems = (struct problems){0};
		assert_int_equal(
			preface_answer_decode(wrong[i], strlen(wrong[i]), &out, &problems), -1);
		assert_true(problems.n > 0);
		preface_answer_clear(&out);
	}
}

static void the_specification_lists_every_field(void **state)
{
	(void)state;
	char *page = read_page("proto/README.md");
	section_fits(page, &preface_schema);
	section_fits(page, &preface_facts_schema);
	section_fits(page, &preface_answer_schema);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_preface_is_one_line),
		cmocka_unit_test(a_line_never_grows_beyond_its_ceiling),
		cmocka_unit_test(prefaces_are_judged),
		cmocka_unit_test(the_ceiling_is_exact),
		cmocka_unit_test(answers_come_back),
		cmocka_unit_test(the_specification_lists_every_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
