// SPDX-License-Identifier: MIT
/* Schemas: every type of field on both sides of its bounds, variants, flags, nesting, and the
 * nearest name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/mem.h"
#include "proto/base/schema.h"
#include "proto/base/yaml.h"
#include "quorate/id.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { RED, BLUE };
static const char *const kind_names[] = {"red", "blue", NULL};

struct part {
	int64_t size;
	char *label;
};

struct thing {
	int kind;
	bool flag;
	int64_t count, free_count, span, at_wall_ms, ours, wire;
	double ratio, share;
	char *name, *secret, *hue;
	struct id id;
	struct strings words;
	struct pairs pairs;
	struct part part;
	struct list parts;
};

static int even_check(const void *value, const char **why)
{
	*why = "an even number";
	return *(const int64_t *)value % 2 == 0 ? 0 : -1;
}

static const struct field part_fields[] = {
	{.name = "size",
		.type = FIELD_INT,
		.offset = offsetof(struct part, size),
		.min = 1,
		.max = 9,
		.fallback = "3"},
	{.name = "label",
		.type = FIELD_STRING,
		.offset = offsetof(struct part, label),
		.variants = 1u << BLUE},
};

static void part_check(const void *object, const char *path, struct problems *problems)
{
	if (((const struct part *)object)->size == 7)
		problems_add(problems, path, "seven is unlucky");
}

static const struct schema part_schema = {.name = "part",
	.fields = part_fields,
	.n_fields = ARRAY_LEN(part_fields),
	.size_bytes = sizeof(struct part),
	.check = part_check};

#define OF(member) offsetof(struct thing, member)
static const struct field fields[] = {
	{.name = "kind",
		.type = FIELD_ENUM,
		.offset = OF(kind),
		.names = kind_names,
		.fallback = "\"red\""},
	{.name = "flag", .type = FIELD_BOOL, .offset = OF(flag), .fallback = "true"},
	{.name = "count",
		.type = FIELD_INT,
		.offset = OF(count),
		.min = -5,
		.max = 5,
		.check = even_check},
	{.name = "free_count", .type = FIELD_INT, .offset = OF(free_count)},
	{.name = "span",
		.type = FIELD_DURATION,
		.offset = OF(span),
		.min = 1000,
		.max = 60000,
		.fallback = "\"60s\""},
	{.name = "at", .type = FIELD_TIME, .offset = OF(at_wall_ms)},
	{.name = "ours",
		.type = FIELD_INT,
		.offset = OF(ours),
		.flags = FIELD_READONLY,
		.fallback = "1"},
	{.name = "wire", .type = FIELD_INT, .offset = OF(wire), .flags = FIELD_WIRE},
	{.name = "ratio", .type = FIELD_NUMBER, .offset = OF(ratio), .min = 0, .max = 2},
	{.name = "share", .type = FIELD_PERCENT, .offset = OF(share)},
	{.name = "name",
		.type = FIELD_STRING,
		.offset = OF(name),
		.flags = FIELD_REQUIRED,
		.min = 2,
		.max = 4},
	{.name = "secret",
		.type = FIELD_STRING,
		.offset = OF(secret),
		.flags = FIELD_SECRET,
		.max = 8},
	{.name = "hue",
		.type = FIELD_STRING,
		.offset = OF(hue),
		.variants = 1u << BLUE,
		.fallback = "\"sky\""},
	{.name = "id", .type = FIELD_ID, .offset = OF(id)},
	{.name = "words",
		.type = FIELD_STRINGS,
		.offset = OF(words),
		.max = 2,
		.fallback = "[\"*\"]"},
	{.name = "pairs", .type = FIELD_PAIRS, .offset = OF(pairs), .max = 2},
	{.name = "part", .type = FIELD_OBJECT, .offset = OF(part), .sub = &part_schema},
	{.name = "parts", .type = FIELD_LIST, .offset = OF(parts), .sub = &part_schema, .max = 2},
};
static const struct schema schema = {.name = "thing",
	.fields = fields,
	.n_fields = ARRAY_LEN(fields),
	.size_bytes = sizeof(struct thing),
	.selector = "kind"};

static struct problems problems;

static int decode(const char *text, unsigned flags, struct thing *out)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	int result;

	assert_non_null(json);
	memset(&problems, 0, sizeof(problems));
	result = schema_decode(&schema, flags, json, out, &problems);
	json_decref(json);
	return result;
}

static void sets_every_field(void **state)
{
	struct thing t;

	(void)state;
	memset(&t, 0x55, sizeof(t)); /* old content does not matter */
	assert_int_equal(
		decode("{\"name\": \"ab\", \"words\": null, \"future\": null}", SCHEMA_WIRE, &t),
		0);
	assert_int_equal(t.kind, RED);
	assert_true(t.flag);
	assert_int_equal(t.count, -1);
	assert_int_equal(t.span, 60000);
	assert_int_equal(t.at_wall_ms, -1);
	assert_int_equal(t.ours, 1);
	assert_int_equal(t.wire, -1);
	assert_true(t.ratio == -1 && t.share == -1);
	assert_null(t.secret);
	assert_null(t.hue); /* not of red: unset, not its fallback */
	assert_true(id_is_zero(&t.id));
	assert_int_equal(t.words.n, 1);
	assert_int_equal(t.part.size, 3);
	assert_int_equal(t.parts.n, 0);
	schema_clear(&schema, &t);
	assert_null(t.name);
	schema_clear(&schema, &t); /* clearing twice does no harm */
	assert_int_equal(decode("{\"name\": \"ab\", \"kind\": \"blue\"}", SCHEMA_STRICT, &t), 0);
	assert_string_equal(t.hue, "sky");
	schema_clear(&schema, &t);
	schema_defaults(&schema, &t);
	assert_int_equal(t.part.size, 3);
	assert_null(t.name);
	schema_clear(&schema, &t);
}

static void holds_bounds(void **state)
{
	static const struct {
		const char *member;
		int expected;
		const char *message;
	} cases[] = {
		{"\"count\": -4", 0, NULL},
		{"\"count\": 4", 0, NULL},
		{"\"count\": -6", -1, "-6 is too small; accepted: an integer from -5 to 5"},
		{"\"count\": 6", -1, "6 is too large"},
		{"\"count\": 3", -1, "3 cannot be used; accepted: an even number"},
		{"\"count\": 1.0", -1, "1.0 is a number; accepted: an integer from -5 to 5"},
		{"\"free_count\": 9223372036854775807", 0, NULL},
		{"\"span\": \"1s\"", 0, NULL},
		{"\"span\": \"60s\"", 0, NULL},
		{"\"span\": \"999ms\"", -1,
			"'999ms' is too short; accepted: a duration from 1s to 1m"},
		{"\"span\": \"60001ms\"", -1, "is too long"},
		{"\"span\": 60", -1, "60 needs a unit, for example 60s"},
		{"\"ratio\": 0", 0, NULL},
		{"\"ratio\": 2.0", 0, NULL},
		{"\"ratio\": 2.001", -1, "2.001 is too large; accepted: a number from 0 to 2"},
		{"\"share\": \"0%\"", 0, NULL},
		{"\"share\": 100", 0, NULL},
		{"\"share\": \"33.3%\"", 0, NULL},
		{"\"share\": \"100.1%\"", -1, "is no percentage"},
		{"\"share\": \"5\"", -1, "is no percentage"},
		{"\"share\": -1", -1, "is no percentage"},
		{"\"share\": \"0x10%\"", -1, "is no percentage"},
		{"\"share\": \"1.2.3%\"", -1, "is no percentage"},
		{"\"share\": true", -1,
			"true is a boolean; accepted: a percentage from 0% to 100%"},
		{"\"secret\": \"12345678\"", 0, NULL},
		{"\"secret\": \"123456789\"", -1,
			"the value is 9 bytes long; accepted: a text of at most 8 bytes"},
		{"\"secret\": 12345", -1, "the value is a number (for a text, put it in quotes)"},
		{"\"secret\": \"a\\u0000b\"", -1, "the value contains a NUL character"},
		{"\"id\": \"0193e9b4-5f3c-7a52-8d61-2f6f0f6d1c11\"", 0, NULL},
		{"\"id\": \"x\"", -1, "'x' is no id; accepted: a UUID, for example"},
		{"\"id\": 1", -1, "1 is a number"},
		{"\"at\": \"2026-11-21T18:30:49Z\"", 0, NULL},
		{"\"at\": \"yesterday\"", -1, "'yesterday' is no time; accepted: a time like 2026"},
		{"\"at\": 1", -1, "1 is a number"},
		{"\"words\": \"a\"", 0, NULL},
		{"\"words\": [\"a\", \"b\"]", 0, NULL},
		{"\"words\": []", 0, NULL},
		{"\"words\": [\"a\", \"b\", \"c\"]", -1,
			"[\"a\", \"b\", \"c\"] has 3 items; accepted: a list of at most 2 texts"},
		{"\"words\": [1]", -1, "1 is a number"},
		{"\"pairs\": {\"a\": \"b\"}", 0, NULL},
		{"\"pairs\": {\"a\": \"1\", \"b\": \"2\", \"c\": \"3\"}", -1,
			"has 3 items; accepted: an object of at most 2 texts"},
		{"\"pairs\": {\"\": \"b\"}", -1, "a name in it is empty"},
		{"\"pairs\": {\"a\\n\": \"b\"}", -1, "a name in it is empty, has a control"},
		{"\"pairs\": []", -1, "[] is a list; accepted: an object of"},
		{"\"parts\": [{\"size\": 1}, {\"size\": 9}]", 0, NULL},
		{"\"parts\": [{}, {}, {}]", -1,
			"has 3 items; accepted: a list of at most 2 objects"},
		{"\"parts\": {}", -1, "{} is an object; accepted: a list"},
		{"\"parts\": [{}, {\"size\": 10}]", -1,
			"10 is too large; accepted: an integer from 1 to 9"},
		{"\"part\": {\"size\": 7}", -1, "seven is unlucky"},
		{"\"parts\": [5]", -1, "5 is a number; accepted: an object with size, label"},
		{"\"part\": {\"label\": \"x\"}", -1, "not an option of kind red, only of: blue"},
		{"\"hue\": \"x\"", -1, "not an option of kind red, only of: blue"},
		{"\"kind\": \"blue\", \"part\": {\"label\": \"x\"}", 0, NULL},
		{"\"kind\": \"green\", \"hue\": \"x\"", -1,
			"'green' is unknown; accepted: red or blue"},
		{"\"kind\": \"bleu\"", -1,
			"'bleu' is unknown, did you mean 'blue'?; accepted: red or blue"},
		{"\"kind\": null", 0, NULL},
		{"\"flag\": \"yes\"", -1, "'yes' is a text; accepted: true or false"},
		{"\"ours\": 5", 0, NULL},
		{"\"ours\": \"nonsense\"", 0, NULL},
		{"\"wire\": 5", -1, "unknown option"},
		{"\"cuont\": 5", -1, "unknown option; did you mean 'count'?"},
		{"\"flag\": \"\\u001b[31m\"", -1, "'?[31m' is a text"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = mem_printf("{\"name\": \"ab\", %s}", cases[i].member);
		struct thing t;
		int result = decode(text, SCHEMA_STRICT, &t);

		if (result != cases[i].expected || problems.total != (result == 0 ? 0 : 1) ||
			(result == -1 &&
				strstr(problems.item[0].message, cases[i].message) == NULL))
			fail_msg("%s: %d, %zu problems: %s", text, result, problems.total,
				problems.item[0].message);
		assert_true(t.ours == 1); /* read-only */
		schema_clear(&schema, &t);
		free(text);
	}
}

static void texts_have_a_length(void **state)
{
	static const struct {
		const char *text;
		int expected;
	} cases[] = {{"{\"name\": \"a\"}", -1}, {"{\"name\": \"ab\"}", 0},
		{"{\"name\": \"abcd\"}", 0}, {"{\"name\": \"abcde\"}", -1},
		{"{\"name\": \"\"}", -1}, {"{\"name\": null}", -1}, {"{}", -1}, {"[]", -1},
		{"5", -1}, {"null", -1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct thing t;

		assert_int_equal(decode(cases[i].text, SCHEMA_STRICT, &t), cases[i].expected);
		schema_clear(&schema, &t);
	}
}

static void the_wire_skips_what_it_does_not_know(void **state)
{
	struct thing t;

	(void)state;
	assert_int_equal(decode("{\"name\": \"ab\", \"future\": 1, \"part\": {\"x\": []}, "
				"\"wire\": 5, \"ours\": 7, \"hue\": \"x\"}",
				 SCHEMA_WIRE, &t),
		0);
	assert_int_equal(t.wire, 5);
	assert_int_equal(t.ours, 7);
	assert_null(t.hue);
	schema_clear(&schema, &t);
}

static void tells_all_problems_up_to_a_ceiling(void **state)
{
	struct thing t;
	char path[400];

	(void)state;
	assert_int_equal(
		decode("{\"count\": 9, \"span\": 1, \"parts\": [{\"size\": 0}, {\"x\": 1}]}",
			SCHEMA_STRICT, &t),
		-1);
	assert_int_equal(problems.total, 5);
	assert_string_equal(problems.item[0].path, "count");
	assert_string_equal(problems.item[3].path, "parts[0].size");
	assert_string_equal(problems.item[4].path, "parts[1].x");
	schema_clear(&schema, &t);
	memset(&problems, 0, sizeof(problems));
	memset(path, '\xe3', sizeof(path));
	for (size_t i = 0; i + 3 < sizeof(path); i += 3)
		memcpy(path + i, "あ", 3);
	path[sizeof(path) - 1] = '\0';
	for (int i = 0; i < PROBLEMS_MAX + 5; i++)
		problems_add(&problems, path, "%s", path);
	assert_int_equal(problems.n, PROBLEMS_MAX);
	assert_int_equal(problems.total, PROBLEMS_MAX + 5);
	json_decref(json_string(problems.item[0].path)); /* cut between characters */
	assert_int_equal(strlen(problems.item[0].path) % 3, 0);
	assert_int_equal(strlen(problems.item[0].message) % 3, 0);
}

static void check_encoding(const struct thing *t, unsigned flags, const char *expected)
{
	json_t *json = schema_encode(&schema, flags, t);
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

static void encodes(void **state)
{
	struct thing t;

	(void)state;
	assert_int_equal(decode("{\"name\": \"ab\", \"span\": \"1m\", \"ours\": 4, \"wire\": 2, "
				"\"secret\": \"x\"}",
				 SCHEMA_WIRE, &t),
		0);
	check_encoding(&t, SCHEMA_STRICT, "{\"name\":\"ab\",\"ours\":4,\"secret\":\"x\"}");
	check_encoding(&t, SCHEMA_REDACT, "{\"name\":\"ab\",\"ours\":4,\"secret\":\"[redacted]\"}");
	check_encoding(&t, SCHEMA_WIRE, "{\"name\":\"ab\",\"ours\":4,\"secret\":\"x\",\"wire\":2}");
	check_encoding(&t, SCHEMA_FULL,
		"{\"flag\":true,\"kind\":\"red\",\"name\":\"ab\",\"ours\":4,\"pairs\":{},\"part\":{"
		"\"size\":3},\"parts\":[],\"secret\":\"x\",\"span\":\"1m\",\"words\":[\"*\"]}");
	t.flag = false;
	t.share = 12.5;
	mem_set(&t.secret, "\xff"
			   "a"); /* never lost, never broken */
	check_encoding(&t, SCHEMA_STRICT,
		"{\"flag\":false,\"name\":\"ab\",\"ours\":4,\"secret\":\"?a\",\"share\":\"12.5%"
		"\"}");
	schema_clear(&schema, &t);
}

static void describes(void **state)
{
	json_t *json = schema_describe(&schema), *properties = json_object_get(json, "properties");

	(void)state;
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(properties, "count"), "minimum")),
		-5);
	assert_null(json_object_get(json_object_get(properties, "free_count"), "minimum"));
	assert_null(json_object_get(properties, "wire"));
	assert_true(json_is_true(json_object_get(json_object_get(properties, "ours"), "readOnly")));
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(properties, "name"), "maxLength")),
		4);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(properties, "span"), "default")),
		"60s");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(json, "required"), 0)), "name");
	assert_true(json_is_false(json_object_get(json, "additionalProperties")));
	json_decref(json);
}

static void finds_the_nearest_name(void **state)
{
	static const char *const names[] = {"interval", "timeout", "port", "regions", "name"};
	static const char *const cases[][2] = {{"intervall", "interval"}, {"prot", "port"},
		{"pot", "port"}, {"porto", "port"}, {"region", "regions"}, {"rgeions", "regions"},
		{"timeuot", "timeout"}, {"nmae", "name"}, {"x", NULL}, {"", NULL}, {"abcdef", NULL},
		{"tiemuot", "timeout"}, {"trop", NULL}};
	char longest[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *found = nearest_name(cases[i][0], names, ARRAY_LEN(names));

		if ((found == NULL) != (cases[i][1] == NULL) ||
			(found != NULL && strcmp(found, cases[i][1]) != 0))
			fail_msg("%s: %s", cases[i][0], found == NULL ? "nothing" : found);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(nearest_name(longest, names, ARRAY_LEN(names)));
	assert_null(nearest_name("a", names, 0));
}

/* ---- configuration files */

static int load(const char *text, bool missing_ok, struct thing *t)
{
	char path[] = "/tmp/conf_test.XXXXXX";
	int fd = mkstemp(path), result;

	assert_true(fd != -1 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	result = conf_load(path, missing_ok, &schema, t);
	unlink(path);
	return result;
}

static void configuration_comes_from_a_file(void **state)
{
	struct thing t;

	(void)state;
	assert_int_equal(load("name: ab\nspan: 5s\n", false, &t), 0);
	assert_int_equal(t.span, 5000);
	schema_clear(&schema, &t);
	assert_int_equal(load("name: ab\nspann: 5s\n", true, &t), -1);
	assert_null(t.name); /* cleared */
	assert_int_equal(load("name: [\n", true, &t), -1);
	assert_int_equal(load("", true, &t), -1); /* the name is required */
	assert_int_equal(conf_load("/tmp/no/such/file", false, &schema, &t), -1);
	assert_int_equal(conf_load("/tmp/no/such/file", true, &part_schema, &t.part), 0);
	assert_int_equal(t.part.size, 3);
	schema_clear(&part_schema, &t.part);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_every_field),
		cmocka_unit_test(holds_bounds),
		cmocka_unit_test(texts_have_a_length),
		cmocka_unit_test(the_wire_skips_what_it_does_not_know),
		cmocka_unit_test(tells_all_problems_up_to_a_ceiling),
		cmocka_unit_test(encodes),
		cmocka_unit_test(describes),
		cmocka_unit_test(finds_the_nearest_name),
		cmocka_unit_test(configuration_comes_from_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
