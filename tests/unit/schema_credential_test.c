// SPDX-License-Identifier: MIT
/* Credentials as a field type: read, written, hidden, walked, described; in a table of their own, so
 * that the next field of a monitor that is one gets the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/mem.h"
#include "proto/base/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct inner {
	struct credential password;
};

struct thing {
	char *name;
	struct credential key;
	struct pairs headers;
	struct inner login;
	struct list list; /* of struct inner */
};

static const struct field inner_fields[] = {
	{.name = "password", .type = FIELD_CREDENTIAL, .offset = offsetof(struct inner, password)},
};
static const struct schema inner_schema = {.name = "login",
	.fields = inner_fields,
	.n_fields = ARRAY_LEN(inner_fields),
	.size_bytes = sizeof(struct inner)};

static const struct field thing_fields[] = {
	{.name = "name", .type = FIELD_STRING, .offset = offsetof(struct thing, name)},
	{.name = "key",
		.type = FIELD_CREDENTIAL,
		.offset = offsetof(struct thing, key),
		.min = 2,
		.max = 10},
	{.name = "headers",
		.type = FIELD_CREDENTIALS,
		.offset = offsetof(struct thing, headers),
		.max = 2},
	{.name = "login",
		.type = FIELD_OBJECT,
		.offset = offsetof(struct thing, login),
		.sub = &inner_schema},
	{.name = "list",
		.type = FIELD_LIST,
		.offset = offsetof(struct thing, list),
		.sub = &inner_schema},
};
static const struct schema thing_schema = {.name = "thing",
	.fields = thing_fields,
	.n_fields = ARRAY_LEN(thing_fields),
	.size_bytes = sizeof(struct thing)};

static int decode(const char *text, unsigned flags, struct thing *out, struct problems *p)
{
	json_t *in = json_loads(text, 0, NULL);
	int result;

	assert_non_null(in);
	result = schema_decode(&thing_schema, flags, in, out, p);
	json_decref(in);
	return result;
}

static void must_decode(const char *text, unsigned flags, struct thing *out)
{
	struct problems p = {0};

	if (decode(text, flags, out, &p) == -1)
		fail_msg("%s: %s: %s", text, p.item[0].path, p.item[0].message);
}

static void test_wrong_forms(void **state)
{
	static const struct {
		const char *in, *path, *words;
	} cases[] = {
		{"{\"key\": 5555}", "key",
			"the value is a number (for a text, put it in quotes); accepted: a text of "
			"2 to 10 bytes, or {secret: NAME}"},
		{"{\"key\": \"hunter2hunter2\"}", "key", "the value is 14 bytes long"},
		{"{\"key\": []}", "key", "the value is a list"},
		{"{\"key\": {}}", "key.secret", "is required"},
		{"{\"key\": {\"secret\": 5}}", "key.secret", "a number"},
		{"{\"key\": {\"secret\": \"\"}}", "key.secret", "is empty"},
		{"{\"key\": {\"secret\": \"a b\"}}", "key.secret", "'a b' cannot be used"},
		{"{\"key\": {\"sekret\": \"a\"}}", "key.sekret", "did you mean 'secret'?"},
		{"{\"key\": {\"secret\": \"a\", \"value\": \"hunter2\"}}", "key.value",
			"unknown option"},
		{"{\"headers\": {\"A\": {\"secret\": \"-\"}}}", "headers.A.secret", "cannot be"},
		{"{\"headers\": {\"A\": 5}}", "headers.A", "the value is a number"},
		{"{\"headers\": {\"A\": \"\", \"B\": \"\", \"C\": \"\"}}", "headers", "3 items"},
		{"{\"headers\": []}", "headers", "each may be {secret: NAME}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct problems p = {0};
		struct thing t;

		assert_int_equal(decode(cases[i].in, SCHEMA_STRICT, &t, &p), -1);
		bool found = false;
		for (size_t k = 0; k < p.n; k++) {
			assert_null(strstr(p.item[k].message, "hunter2"));
			found |= strcmp(p.item[k].path, cases[i].path) == 0 &&
				 strstr(p.item[k].message, cases[i].words) != NULL;
		}
		if (!found)
			fail_msg("%s: %s: %s", cases[i].in, p.item[0].path, p.item[0].message);
		schema_clear(&thing_schema, &t);
	}
}

#define WHOLE                                                                                      \
	"{\"name\": \"n\", \"key\": \"literal\", \"headers\": {\"A\": {\"secret\": \"o/a\"}, "     \
	"\"B\": \"bbb\"}, \"login\": {\"password\": {\"secret\": \"p\"}}, "                        \
	"\"list\": [{\"password\": \"xyz\"}]}"

static void assert_encoded(const struct thing *t, unsigned flags, const char *expected)
{
	json_t *out = schema_encode(&thing_schema, flags, t), *want = json_loads(expected, 0, NULL);
	char *text = json_dumps(out, 0);

	if (!json_equal(out, want))
		fail_msg("%s instead of %s", text, expected);
	free(text);
	json_decref(out);
	json_decref(want);
}

static void test_forms_of_writing(void **state)
{
	struct thing t;

	(void)state;
	must_decode(WHOLE, SCHEMA_STRICT, &t);
	assert_encoded(&t, 0, WHOLE);
	assert_encoded(&t, SCHEMA_WIRE, WHOLE);
	assert_encoded(&t, SCHEMA_REDACT,
		"{\"name\": \"n\", \"key\": \"[redacted]\", \"headers\": {\"A\": {\"secret\": "
		"\"o/a\"}, \"B\": \"[redacted]\"}, \"login\": {\"password\": {\"secret\": "
		"\"p\"}}, \"list\": [{\"password\": \"[redacted]\"}]}");
	schema_clear(&thing_schema, &t);
}

/* On the wire the value stands beside the name, and is written in no other form. */
static void test_values_cross_the_wire_only(void **state)
{
	const char *told = "{\"key\": {\"secret\": \"s\", \"value\": \"open\"}}";
	struct problems p = {0};
	struct thing t;

	(void)state;
	must_decode(told, SCHEMA_WIRE, &t);
	assert_string_equal(t.key.secret, "s");
	assert_string_equal(t.key.value, "open");
	assert_encoded(&t, SCHEMA_WIRE, told);
	assert_encoded(&t, 0, "{\"key\": {\"secret\": \"s\"}}");
	assert_encoded(&t, SCHEMA_REDACT, "{\"key\": {\"secret\": \"s\"}}");
	assert_encoded(&t, SCHEMA_WIRE | SCHEMA_REDACT,
		"{\"key\": {\"secret\": \"s\", \"value\": \"[redacted]\"}}");
	schema_clear(&thing_schema, &t);
	/* and keeps the field's bounds there */
	assert_int_equal(decode("{\"key\": {\"secret\": \"s\", \"value\": \"much too long\"}}",
				 SCHEMA_WIRE, &t, &p),
		-1);
	assert_string_equal(p.item[0].path, "key");
	schema_clear(&thing_schema, &t);
}

static void note(void *arg, const struct credential_place *at)
{
	char *seen = arg;

	sprintf(seen + strlen(seen), "%s=%s%s%s;", at->path, at->secret ? "@" : "",
		at->secret ? at->secret : *at->value, at->member ? "+" : "");
}

static void test_all_are_walked(void **state)
{
	char seen[512] = "";
	struct thing t;

	(void)state;
	must_decode(WHOLE, SCHEMA_STRICT, &t);
	schema_each_credential(&thing_schema, &t, "m[0]", note, seen);
	assert_string_equal(seen, "m[0].key=literal;m[0].headers.A=@o/a+;m[0].headers.B=bbb+;"
				  "m[0].login.password=@p;m[0].list[0].password=xyz;");
	schema_clear(&thing_schema, &t);
	must_decode("{}", SCHEMA_STRICT, &t);
	seen[0] = '\0';
	schema_each_credential(&thing_schema, &t, "", note, seen);
	assert_string_equal(seen, ""); /* what is not set is none */
	schema_clear(&thing_schema, &t);
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		int ok;
	} cases[] = {
		{"a", 0},
		{"shop-token", 0},
		{"SHOP_TOKEN.2", 0},
		{"acme/shop-token", 0},
		{"1", 0},
		{"", -1},
		{"-a", -1},
		{"a/", -1},
		{"/a", -1},
		{"a/b/c", -1},
		{"a b", -1},
		{"\xc3\xa9", -1},
		{"a\n", -1},
		{"..", -1},
		{"a/../b", -1},
		{"0123456789012345678901234567890123456789012345678901234567890123", 0},
		{"01234567890123456789012345678901234567890123456789012345678901234", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *why;
		if (secret_name_check(&cases[i].name, &why) != cases[i].ok)
			fail_msg("'%s' should give %d", cases[i].name, cases[i].ok);
	}
	assert_string_equal(secret_name_short("default/a"), "a");
	assert_string_equal(secret_name_short("acme/a"), "acme/a");
	assert_string_equal(secret_name_short("default"), "default");
}

static void test_described(void **state)
{
	json_t *described = schema_describe(&thing_schema), *key, *form;
	char *text = json_dumps(described, JSON_COMPACT);

	(void)state;
	key = json_object_get(json_object_get(described, "properties"), "key");
	assert_true(json_is_true(json_object_get(key, "x-secret")));
	form = json_array_get(json_object_get(key, "oneOf"), 0);
	assert_int_equal(json_integer_value(json_object_get(form, "maxLength")), 10);
	form = json_array_get(json_object_get(key, "oneOf"), 1);
	assert_non_null(json_object_get(json_object_get(form, "properties"), "secret"));
	assert_null(strstr(text, "\"value\"")); /* no business of people's */
	free(text);
	json_decref(described);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_forms),
		cmocka_unit_test(test_forms_of_writing),
		cmocka_unit_test(test_values_cross_the_wire_only),
		cmocka_unit_test(test_all_are_walked),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
