// SPDX-License-Identifier: MIT
/* openapi.json against the route table and against itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/api/handlers.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static json_t *document;

static int set_up(void **state)
{
	(void)state;
	document = openapi_document(api_routes, api_routes_n);
	return document ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	json_decref(document);
	return 0;
}

static json_t *at(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	if (!value)
		fail_msg("no member '%s'", name);
	return value;
}

static const struct route *find_route(const char *method, const char *pattern)
{
	for (size_t i = 0; i < api_routes_n; i++)
		if (strcasecmp(api_routes[i].method, method) == 0 &&
			strcmp(api_routes[i].pattern, pattern) == 0)
			return &api_routes[i];
	return NULL;
}

static void test_every_route_is_described(void **state)
{
	char method[16];

	(void)state;
	assert_string_equal(json_string_value(at(document, "openapi")), "3.1.0");
	for (size_t i = 0; i < api_routes_n; i++) {
		const struct route *route = &api_routes[i];

		snprintf(method, sizeof(method), "%s", route->method);
		for (char *p = method; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		json_t *operation = at(at(at(document, "paths"), route->pattern), method);
		assert_string_equal(json_string_value(at(operation, "summary")), route->summary);
		char status[8];
		snprintf(status, sizeof(status), "%d", route->status);
		(void)at(at(operation, "responses"), status);
		(void)at(at(operation, "responses"), "default");
		assert_int_equal(json_object_get(operation, "requestBody") != NULL,
			route->body_max_bytes > 0);
		assert_int_equal(json_array_size(at(operation, "security")), route->role >= 0);
	}
}

static void test_nothing_else_is_described(void **state)
{
	const char *pattern, *method;
	json_t *path, *operation;
	size_t n = 0;

	(void)state;
	json_object_foreach (at(document, "paths"), pattern, path) {
		json_object_foreach (path, method, operation) {
			if (!find_route(method, pattern))
				fail_msg("%s %s has no route", method, pattern);
			n++;
		}
	}
	assert_int_equal(n, api_routes_n); /* so no route stands twice in the table */
}

/* Every {capture} is a required path parameter, and every query name is there. */
static void test_parameters(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_routes_n; i++) {
		const struct route *route = &api_routes[i];
		char method[16] = "";
		size_t captures = 0, in_path = 0, names = route->query ? 1 : 0, in_query = 0, k;
		json_t *parameter;

		for (size_t c = 0; route->method[c]; c++)
			method[c] = (char)tolower((unsigned char)route->method[c]);
		for (const char *p = route->pattern; *p; p++)
			captures += *p == '{';
		for (const char *p = route->query; p && *p; p++)
			names += *p == ' ';
		json_array_foreach (
			at(at(at(at(document, "paths"), route->pattern), method), "parameters"), k,
			parameter) {
			const char *place = json_string_value(at(parameter, "in"));

			in_path += strcmp(place, "path") == 0;
			in_query += strcmp(place, "query") == 0;
			assert_int_equal(json_is_true(at(parameter, "required")),
				strcmp(place, "path") == 0);
		}
		assert_int_equal(captures, in_path);
		assert_int_equal(names, in_query);
	}
}

static size_t check_references(const json_t *value)
{
	static const char prefix[] = "#/components/schemas/";
	const char *name;
	json_t *member;
	size_t i, n = 0;

	json_array_foreach ((json_t *)(uintptr_t)value, i, member)
		n += check_references(member);
	json_object_foreach ((json_t *)(uintptr_t)value, name, member) {
		if (strcmp(name, "$ref") == 0) {
			const char *ref = json_string_value(member);

			assert_int_equal(strncmp(ref, prefix, strlen(prefix)), 0);
			if (!json_object_get(at(at(document, "components"), "schemas"),
				    ref + strlen(prefix)))
				fail_msg("%s leads nowhere", ref);
			n++;
		}
		n += check_references(member);
	}
	return n;
}

static void test_references_lead_somewhere(void **state)
{
	const char *name;
	json_t *schema;

	(void)state;
	assert_true(check_references(document) > api_routes_n);
	json_object_foreach (at(at(document, "components"), "schemas"), name, schema)
		assert_true(json_is_object(schema));
}

static void test_schemas_are_the_field_tables(void **state)
{
	static const struct {
		const char *name;
		const struct schema *schema;
	} rows[] = {{"monitor", &monitor_schema}, {"region", &region_schema},
		{"probe", &probe_schema}, {"key", &api_key_schema}, {"result", &result_schema}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *properties = at(
			at(at(at(document, "components"), "schemas"), rows[i].name), "properties");

		for (size_t k = 0; k < rows[i].schema->n_fields; k++)
			if (!(rows[i].schema->fields[k].flags & FIELD_WIRE))
				(void)at(properties, rows[i].schema->fields[k].name);
		assert_null(json_object_get(properties, "hash"));
		assert_null(json_object_get(properties, "token_hash"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_route_is_described),
		cmocka_unit_test(test_nothing_else_is_described),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_references_lead_somewhere),
		cmocka_unit_test(test_schemas_are_the_field_tables),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
