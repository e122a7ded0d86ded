// SPDX-License-Identifier: MIT
/* Options of a command line from the monitor's table of fields: each leaf has one, and what it says
 * is what the decoder reads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/monitor.h"
#include "proto/monitor_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct monitor_options *options;

static int set_up(void **state UNUSED)
{
	options = monitor_options_new();
	return 0;
}

static int tear_down(void **state UNUSED)
{
	monitor_options_free(options);
	return 0;
}

static const struct cli_option *find(const char *name)
{
	for (const struct cli_option *o = monitor_options_table(options); o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

static void check_leaves(const struct schema *schema, const char *path)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		char inner[128];
		snprintf(inner, sizeof(inner), "%s.%s", path, f->name);
		if (f->flags & FIELD_OF_VERDICT) {
			if (monitor_options_name(options, inner))
				fail_msg("%s is no option of a single check", inner);
		} else if (f->type == FIELD_OBJECT) {
			check_leaves(f->sub, inner);
		} else {
			const char *name = monitor_options_name(options, inner);
			if (!name || !find(name) || !*find(name)->help)
				fail_msg("%s has no option", inner);
		}
	}
}

static void each_leaf_has_an_option(void **state UNUSED)
{
	const struct cli_option *table = monitor_options_table(options);
	for (size_t i = 0; i < monitor_schema.n_fields; i++) {
		const struct field *f = &monitor_schema.fields[i];
		if (strcmp(f->name, "request") == 0 || strcmp(f->name, "expect") == 0)
			check_leaves(f->sub, f->name);
	}
	for (const struct cli_option *a = table; a->name; a++)
		for (const struct cli_option *b = a + 1; b->name; b++)
			assert_string_not_equal(a->name, b->name);
}

static void names_and_help_read_well(void **state UNUSED)
{
	static const struct {
		const char *name, *path, *value, *help;
	} cases[] = {
		{"timeout", "timeout", "TIME", "for the whole check"},
		{"method", "request.method", "GET|HEAD|POST|PUT|DELETE|OPTIONS",
			"http, redirect: GET or HEAD"},
		{"header", "request.headers.Accept", "'NAME: VALUE'", "; may be repeated"},
		{"no-verify", "request.verify", NULL, "without it, certificates must be valid"},
		{"expect", "expect.port", "open|closed", "tcp: the port must be open"},
		{"follow", "expect.follow", "[N]", "http: redirects followed"},
		{"status", "expect.status[1]", "STATUS", "http: accepted"},
		{"loss-warning", "expect.loss.warning", "PERCENT",
			"ping: thresholds of lost packets: a warning begins here"},
		{"hop", "expect.hops[0].status", "YAML", "; may be repeated"},
		{"allow-downgrade", "expect.allow_downgrade", NULL, "redirect: a redirect may"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct cli_option *o = find(cases[i].name);
		if (!o)
			fail_msg("no option --%s", cases[i].name);
		assert_string_equal(monitor_options_name(options, cases[i].path), cases[i].name);
		if (cases[i].value)
			assert_string_equal(o->value, cases[i].value);
		else
			assert_null(o->value);
		if (!strstr(o->help, cases[i].help))
			fail_msg("--%s: %s", o->name, o->help);
	}
	assert_null(monitor_options_name(options, "target"));
	assert_null(monitor_options_name(options, "expect.statuses"));
}

static void words_become_what_the_decoder_reads(void **state UNUSED)
{
	static const struct {
		const char *words[7];
		const char *type, *made; /* of the monitor, as JSON */
	} cases[] = {
		{{"--timeout", "3s"}, "http", "{\"timeout\":\"3s\"}"},
		{{"--status", "2xx,301"}, "http", "{\"expect\":{\"status\":[\"2xx\",301]}}"},
		{{"--status", "301"}, "http", "{\"expect\":{\"status\":301}}"},
		{{"--status", "2xx", "--status", "301,302"}, "http",
			"{\"expect\":{\"status\":[\"2xx\",301,302]}}"},
		{{"--follow"}, "http", "{\"expect\":{\"follow\":true}}"},
		{{"--follow", "3"}, "http", "{\"expect\":{\"follow\":3}}"},
		{{"--follow=0"}, "http", "{\"expect\":{\"follow\":0}}"},
		{{"--header", "A: b:c", "--header", "B:d"}, "http",
			"{\"request\":{\"headers\":{\"A\":\"b:c\",\"B\":\"d\"}}}"},
		{{"--header", "A: {secret: b}"}, "http",
			"{\"request\":{\"headers\":{\"A\":{\"secret\":\"b\"}}}}"},
		{{"--header", "A: {\"b\": 1}"}, "http",
			"{\"request\":{\"headers\":{\"A\":\"{\\\"b\\\": 1}\"}}}"},
		{{"--method", "POST", "--body", "{secret: x}"}, "http",
			"{\"request\":{\"body\":{\"secret\":\"x\"},\"method\":\"POST\"}}"},
		{{"--no-verify"}, "http", "{\"request\":{\"verify\":false}}"},
		{{"--allow-downgrade"}, "redirect", "{\"expect\":{\"allow_downgrade\":true}}"},
		{{"--body-contains", "12"}, "http", "{\"expect\":{\"body_contains\":[\"12\"]}}"},
		{{"--loss-warning", "20%", "--loss-critical", "30.5"}, "ping",
			"{\"expect\":{\"loss\":{\"critical\":30.5,\"warning\":\"20%\"}}}"},
		{{"--hop", "status: 301", "--hop", "{location: 'http://a/', status: 302}"},
			"redirect",
			"{\"expect\":{\"hops\":[{\"status\":301},"
			"{\"location\":\"http://a/\",\"status\":302}]}}"},
		{{"--hop", "status: 301, location: http://a/"}, "redirect",
			"{\"expect\":{\"hops\":[{\"location\":\"http://a/\",\"status\":301}]}}"},
		{{"--body-contains", "a", "--body-not-contains", "b", "--body-contains", "c"},
			"http",
			"{\"expect\":{\"body_contains\":[\"a\",\"c\"],"
			"\"body_not_contains\":[\"b\"]}}"},
		{{"--json", "/status=ok", "--json", "/n != 5", "--json", "/a/0"}, "http",
			"{\"expect\":{\"json\":[{\"equals\":\"ok\",\"pointer\":\"/status\"},"
			"{\"not_equals\":5,\"pointer\":\"/n\"},{\"pointer\":\"/a/0\"}]}}"},
		{{"--json", "/a<1.5", "--json", "/b > -2", "--json", "/c=~^x=y$"}, "http",
			"{\"expect\":{\"json\":[{\"less\":1.5,\"pointer\":\"/a\"},"
			"{\"greater\":-2,\"pointer\":\"/b\"},"
			"{\"matches\":\"^x=y$\",\"pointer\":\"/c\"}]}}"},
		{{"--json", "!/error", "--json", "/t=true", "--json", "/s=\"5\""}, "http",
			"{\"expect\":{\"json\":[{\"exists\":false,\"pointer\":\"/error\"},"
			"{\"equals\":true,\"pointer\":\"/t\"},"
			"{\"equals\":\"5\",\"pointer\":\"/s\"}]}}"},
		{{"--json", "{pointer: '/a=b', equals: 1}"}, "http",
			"{\"expect\":{\"json\":[{\"equals\":1,\"pointer\":\"/a=b\"}]}}"},
		{{"--value-json", "/q", "--value-above-warning", "10", "--value-below-critical",
			 "-1.5"},
			"http",
			"{\"expect\":{\"value\":{\"above\":{\"warning\":10},"
			"\"below\":{\"critical\":-1.5},\"json\":\"/q\"}}}"},
		{{"--expect-header", "Server: nginx", "--expect-header", "!X-Debug",
			 "--expect-header", "Content-Type =~ ^text/"},
			"http",
			"{\"expect\":{\"headers\":[{\"equals\":\"nginx\",\"name\":\"Server\"},"
			"{\"absent\":true,\"name\":\"X-Debug\"},"
			"{\"matches\":\"^text/\",\"name\":\"Content-Type\"}]}}"},
		{{"--auth-user", "a", "--auth-password", "{secret: b}", "--http-version", "1.1"},
			"http",
			"{\"request\":{\"auth\":{\"password\":{\"secret\":\"b\"},"
			"\"user\":\"a\"},\"http_version\":\"1.1\"}}"},
		{{"--expect", "closed"}, "tcp", "{\"expect\":{\"port\":\"closed\"}}"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct args args = {.n_operands = 0};
		struct problems problems = {0};
		struct monitor m;
		const char *why;
		int n = 0;
		while (cases[i].words[n])
			n++;
		assert_int_equal(args_parse(&args, NULL, monitor_options_table(options), n,
					 (char *const *)(uintptr_t)cases[i].words, false, &why),
			n);
		assert_string_equal(
			monitor_options_given(options, &args), args.given[0].option->name);
		json_t *made = json_object();
		assert_int_equal(monitor_options_apply(options, &args, made, &why), 0);
		char *text = json_dumps(made, JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(text, cases[i].made);
		json_object_set_new(made, "name", json_string("x"));
		json_object_set_new(made, "type", json_string(cases[i].type));
		json_object_set_new(made, "target",
			json_string(strcmp(cases[i].type, "tcp") == 0    ? "a:1"
				    : strcmp(cases[i].type, "ping") == 0 ? "a"
									 : "http://a/"));
		if (monitor_decode(made, SCHEMA_STRICT, "", &m, &problems))
			fail_msg("%s: %s: %s", text, problems.item[0].path,
				problems.item[0].message);
		monitor_clear(&m);
		json_decref(made);
		free(text);
	}
	struct args none = {.n_operands = 0};
	assert_null(monitor_options_given(options, &none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_leaf_has_an_option),
		cmocka_unit_test(names_and_help_read_well),
		cmocka_unit_test(words_become_what_the_decoder_reads),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
