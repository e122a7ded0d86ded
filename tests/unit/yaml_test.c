// SPDX-License-Identifier: MIT
/* YAML: the subset that is read, the sentences about the rest, places, and every ceiling on both of
 * its sides. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/buf.h"
#include "proto/base/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct yaml_doc *doc;
static struct yaml_error error;

static int load(const char *text)
{
	return yaml_load_text("f.yml", text, strlen(text), &doc, &error);
}

static void reads_to_json(void **state)
{
	static const struct {
		const char *yaml, *json;
	} cases[] = {
		{"", "{}"},
		{"# a comment\n", "{}"},
		{"---\n", "{}"},
		{"a: 1\r\nb: x\r\n", "{\"a\":1,\"b\":\"x\"}"},
		{"\xef\xbb\xbf"
		 "a: 1",
			"{\"a\":1}"},
		{"a: [yes, on, no, True, FALSE, null, ~]",
			"{\"a\":[\"yes\",\"on\",\"no\",true,false,null,null]}"},
		{"a: [0, -7, +5, 0x1F, 0o17, 1_000, 007]", "{\"a\":[0,-7,5,31,15,\"1_000\",7]}"},
		{"a: [0.5, .5, 5., 1e3, -2.5E-1, 1e, e1, ., 1.2.3]",
			"{\"a\":[0.5,0.5,5.0,1000.0,-0.25,\"1e\",\"e1\",\".\",\"1.2.3\"]}"},
		{"a: ['1', \"true\", \"\\u00e9\"]", "{\"a\":[\"1\",\"true\",\"\\u00e9\"]}"},
		{"a: 20%\nb: 60s\nc: .inf\nd: 192.0.2.1",
			"{\"a\":\"20%\",\"b\":\"60s\",\"c\":\".inf\",\"d\":\"192.0.2.1\"}"},
		{"a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}"},
		{"a:\n- 1\n-\n", "{\"a\":[1,null]}"},
		{"404: x\n", "{\"404\":\"x\"}"},
		{"{\"a\": {\"b\": []}}", "{\"a\":{\"b\":[]}}"},
		{"a: 9223372036854775807\nb: -9223372036854775808",
			"{\"a\":9223372036854775807,\"b\":-9223372036854775808}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *json;

		if (load(cases[i].yaml) == -1)
			fail_msg("'%s': %d:%d %s", cases[i].yaml, error.line, error.column,
				error.message);
		json = json_dumps(
			yaml_root(doc), JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
		for (char *c = json; *c != '\0'; c++) /* jansson writes \u00E9 */
			if (*c == 'E' && c > json && c[-1] == '0')
				*c = 'e';
		assert_string_equal(json, cases[i].json);
		free(json);
		yaml_doc_free(doc);
	}
}

static void says_what_is_wrong_and_where(void **state)
{
	static const struct {
		const char *yaml;
		int line, column;
		const char *message; /* a part of it */
	} cases[] = {
		{"a:\n\tb: 1", 2, 1, "a tab cannot indent; use spaces"},
		{"日本: \"x\"\n\tb: 1", 2, 1, "a tab cannot indent; use spaces"},
		{"a: 1\n b: 2", 2, 3, "wrong indentation"},
		{"a:\n  b: 1\n c: 2", 3, 2,
			"wrong indentation, or an open quote or bracket above (in what began on "
			"line 1)"},
		{"- a\nb: 1", 2, 1, "wrong indentation of this list (in what began on line 1)"},
		{"a: [1, 2\nb: 3", 2, 2, "the list is not closed (in what began on line 1)"},
		{"a: {b: 1\nc: 2", 2, 2, "the object is not closed"},
		{"a: \"open\nb: 2\n", 3, 1,
			"the text ends inside of quotes (in what began on line 1)"},
		{"a: x: y", 1, 5, "a text with ': ' that needs quotes"},
		{"a: 1\nb: 2\na: 2", 3, 1, "the key 'a' is given twice, first on line 1"},
		{"{\"a\":1, \"a\":2}", 1, 9, "given twice"},
		{"a: &x 1", 1, 4, "anchors (&name) are not supported"},
		{"a: &x [1]", 1, 4, "anchors (&name) are not supported"},
		{"a: &x {b: 1}", 1, 4, "anchors (&name) are not supported"},
		{"b: *x", 1, 4, "aliases (*name) are not supported"},
		{"*x : 1", 1, 1, "aliases (*name) are not supported"},
		{"&x a: 1", 1, 1, "anchors"},
		{"a: !!str 1", 1, 4, "tags (!name)"},
		{"a: !x [1]", 1, 4, "tags (!name)"},
		{"<<: {a: 1}", 1, 1, "merge keys"},
		{"? [a]\n: b", 1, 3, "a key must be a simple text"},
		{": x", 1, 1, "a key"},
		{"\"\": x", 1, 1, "a key is missing"},
		{"a: 1\n---\nb: 2", 2, 1, "a second document"},
		{"%YAML 1.2\n---\na: 1", 1, 1, "directives"},
		{"a: 9223372036854775808", 1, 4, "too large; if it is a text, put it in quotes"},
		{"a: 0xfffffffffffffffff", 1, 4, "too large"},
		{"a: 1e999", 1, 4, "too large"},
		{"a: @x", 1, 4, "put the text in quotes"},
		{"a: [1, , 2]", 1, 8, "a value is missing"},
		{"a: \"\\0\"", 1, 4, "NUL"},
		{"\"a\\0\": 1", 1, 1, "NUL"},
		{"a: \xff", 0, 0, "not UTF-8 text (at byte 3"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (load(cases[i].yaml) == 0)
			fail_msg("'%s' was read", cases[i].yaml);
		assert_null(doc);
		if (strstr(error.message, cases[i].message) == NULL ||
			error.line != cases[i].line || error.column != cases[i].column)
			fail_msg("'%s': %d:%d %s", cases[i].yaml, error.line, error.column,
				error.message);
		assert_string_equal(error.file, "f.yml");
	}
}

static void add(struct buf *b, const char *text, int times)
{
	for (int i = 0; i < times; i++)
		assert_int_equal(buf_add(b, text, strlen(text)), 0);
}

/* Loads and drops what B holds. */
static int try(struct buf *b)
{
	int result = yaml_load_text("f.yml", buf_text(b), b->size_bytes, &doc, &error);

	yaml_doc_free(doc);
	buf_clear(b);
	return result;
}

static void holds_its_ceilings(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8 << 20);
	add(&b, "[", 32); /* depth */
	add(&b, "]", 32);
	assert_int_equal(try(&b), 0);
	add(&b, "[", 33);
	add(&b, "]", 33);
	assert_int_equal(try(&b), -1);
	assert_non_null(strstr(error.message, "nested deeper than 32"));
	add(&b, "[", 1); /* values: the list and 199,999 in it */
	add(&b, "1,", 199999);
	add(&b, "]", 1);
	assert_int_equal(try(&b), 0);
	add(&b, "[", 1);
	add(&b, "1,", 200000);
	add(&b, "]", 1);
	assert_int_equal(try(&b), -1);
	assert_non_null(strstr(error.message, "more than 200000 values"));
	add(&b, "a: ", 1); /* bytes */
	add(&b, "x", (4 << 20) - 3);
	assert_int_equal(try(&b), 0);
	add(&b, "a: ", 1);
	add(&b, "x", (4 << 20) - 2);
	assert_int_equal(try(&b), -1);
	assert_string_equal(error.message, "larger than 4 MiB");
	add(&b, "[", 1 << 20); /* no matter how deep it is meant */
	assert_int_equal(try(&b), -1);
}

static void knows_where_values_stand(void **state)
{
	static const char text[] = "# head\n"
				   "organization: acme\n"
				   "monitors:\n"
				   "  - name: one\n"
				   "    expect:\n"
				   "      status: [2xx, 301]\n"
				   "  - name: two\n"
				   "    request: {headers: {X.Y: a, X: b}}\n";
	static const struct {
		const char *path;
		int line, column;
	} cases[] = {
		{"", 2, 1},
		{"organization", 2, 15},
		{"monitors", 3, 1},
		{"monitors[0]", 4, 5},
		{"monitors[0].name", 4, 11},
		{"monitors[0].expect", 5, 5},
		{"monitors[0].expect.status", 6, 15},
		{"monitors[0].expect.status[1]", 6, 21},
		{"monitors[0].expect.port", 5, 5},
		{"monitors[1].target", 7, 5},
		{"monitors[1].request.headers.X.Y", 8, 30},
		{"monitors[1].request.headers.X", 8, 36},
		{"monitors[2].name", 3, 1},
		{"monitors[x]", 3, 1},
		{"nothing.here", 2, 1},
	};

	(void)state;
	assert_int_equal(load(text), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int line, column;

		yaml_position(doc, cases[i].path, &line, &column);
		if (line != cases[i].line || column != cases[i].column)
			fail_msg("%s: %d:%d", cases[i].path, line, column);
	}
	yaml_doc_free(doc);
}

static void prints_problems_in_order_of_place(void **state)
{
	struct problems p = {.n = 0};
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	assert_int_equal(load("a: 1\nb:\n  c: 2\n"), 0);
	problems_add(&p, "b.c", "is second");
	problems_add(&p, "a", "is first");
	problems_add(&p, "", "is the whole");
	for (int i = 0; i < PROBLEMS_MAX - 1; i++)
		problems_add(&p, "b.x", "missing");
	yaml_print_problems(doc, &p, out);
	fclose(out);
	assert_ptr_equal(
		strstr(printed, "f.yml:1:1: is the whole\nf.yml:1:4: a: is first\nf.yml:2:1: b.x: "
				"missing\n"),
		printed);
	assert_non_null(strstr(printed, "f.yml:3:6: b.c: is second\nf.yml: and 2 more\n"));
	free(printed);
	yaml_doc_free(doc);
}

static void tells_why_a_file_cannot_be_read(void **state)
{
	char path[] = "/tmp/yaml_test.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "a: 1\n", 5), 5);
	close(fd);
	assert_int_equal(yaml_load_file(path, &doc, &error), 0);
	assert_string_equal(yaml_name(doc), path);
	yaml_doc_free(doc);
	unlink(path);
	assert_int_equal(yaml_load_file(path, &doc, &error), -1);
	assert_string_equal(error.message, "cannot be read: No such file or directory");
	assert_int_equal(error.line, 0);
	assert_int_equal(yaml_load_file("/tmp", &doc, &error), -1);
	assert_string_equal(error.message, "cannot be read: Is a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_to_json),
		cmocka_unit_test(says_what_is_wrong_and_where),
		cmocka_unit_test(holds_its_ceilings),
		cmocka_unit_test(knows_where_values_stand),
		cmocka_unit_test(prints_problems_in_order_of_place),
		cmocka_unit_test(tells_why_a_file_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
