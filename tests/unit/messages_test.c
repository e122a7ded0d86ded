// SPDX-License-Identifier: MIT
/* Messages: what is accepted, what is refused and how it is said; ceilings on both ways. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/page_kit.h"

#include "proto/base/schema_internal.h"
#include "proto/messages.h"
#include "proto/monitor.h"
#include "quorate/reason.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSION "0123456789abcdef0123456789abcdef"
#define ID      "01930000-0000-7000-8000-000000000001"
/* A result that is whole, but for MORE. */
#define RESULT_AT(more)                                                                            \
	"{\"monitor\":\"" ID "\",\"monitor_revision\":1,\"started_at\":\"2026-11-21T18:30:49Z\","  \
	"\"duration_ms\":5,\"age_ms\":5,\"verdict\":\"up\"," more "}"

static struct message *decode(const char *text, struct problems *problems)
{
	*problems = (struct problems){0};
	return message_decode(text, strlen(text), problems);
}

static void tables_fit_the_names(void **state)
{
	(void)state;
	for (int type = 0; type < MESSAGE_TYPE_COUNT; type++)
		assert_string_equal(
			message_schema((enum message_type)type)->name, message_type_names[type]);
	assert_null(message_type_names[MESSAGE_TYPE_COUNT]);
}

/* ---- the specification */

static void the_specification_lists_every_field(void **state)
{
	(void)state;
	char *page = read_page("proto/README.md");
	for (int type = 0; type < MESSAGE_TYPE_COUNT; type++)
		section_fits(page, message_schema((enum message_type)type));
	free(page);
}

/* What a probe needs of a monitor: these members, and all that is inside of them. */
static void the_specification_says_what_to_check(void **state)
{
	(void)state;
	static const char *const needed[] = {"id", "revision", "type", "target", "interval",
		"timeout", "request", "expect", NULL};
	char *page = read_page("proto/README.md"), *section = section_of(page, "monitor");
	for (int i = 0; needed[i]; i++)
		row_fits(section, "monitor", field_find(&monitor_schema, needed[i]));
	section_fits(page, field_find(&monitor_schema, "request")->sub);
	section_fits(page, field_find(&monitor_schema, "expect")->sub);
	free(section);
	free(page);
}

static void the_specification_lists_every_reason(void **state)
{
	(void)state;
	static const char *const class_names[] = {"ok", "down", "warning", "internal"};
	char *page = read_page("proto/README.md"), *section = section_of(page, "reasons");
	char row[256];
	assert_int_equal(rows_of(section), REASON_COUNT);
	for (int i = 0; i < REASON_COUNT; i++) {
		enum reason r = (enum reason)i;
		snprintf(row, sizeof row, "\n| `%s` | %s | %s |\n", reason_code(r),
			class_names[reason_class(r)], reason_text_en(r));
		if (!strstr(section, row))
			fail_msg("no row:%s", row);
	}
	free(section);
	free(page);
}

/* ---- judging */

static void inputs_are_judged(void **state)
{
	(void)state;
	const struct {
		const char *text;
		const char *path; /* NULL: accepted */
		const char *words;
	} table[] = {
		{"{\"type\":\"poll\",\"session\":\"" SESSION "\"}", NULL, NULL},
		{"{\"type\":\"poll\",\"session\":\"" SESSION
		 "\",\"revision\":7,\"of\":{\"the\":[\"future\"]}}",
			NULL, NULL},
		{" \n{\"session\":\"" SESSION "\",\"type\":\"report\"} ", NULL, NULL},
		{"", "", "JSON"},
		{"{", "", "JSON"},
		{"[]", "", "object"},
		{"null", "", "JSON"},
		{"{\"type\":\"poll\",\"session\":\"" SESSION "\"}x", "", "JSON"},
		{"{\"type\":\"poll\",\"type\":\"poll\",\"session\":\"" SESSION "\"}", "", "JSON"},
		{"{\"type\":\"poll\",\"session\":\"\xff\"}", "", "JSON"},
		{"{}", "type", "missing"},
		{"{\"type\":5}", "type", "missing"},
		{"{\"type\":\"Poll\"}", "type", "not a message"},
		{"{\"type\":\"teleport\"}", "type", "teleport"},
		{"{\"type\":\"poll\"}", "session", ""},
		{"{\"type\":\"poll\",\"session\":5}", "session", ""},
		{"{\"type\":\"poll\",\"session\":\"0123\"}", "session", ""},
		{"{\"type\":\"poll\",\"session\":\"0123456789ABCDEF0123456789abcdef\"}", "session",
			""},
		{"{\"type\":\"poll\",\"session\":\"" SESSION "\",\"revision\":-1}", "revision", ""},
		{"{\"type\":\"poll\",\"session\":\"" SESSION "\",\"revision\":1.5}", "revision",
			""},
		{"{\"type\":\"poll\",\"session\":\"" SESSION "\",\"revision\":\"1\"}", "revision",
			""},
		{"{\"type\":\"receipt\",\"status\":\"lost\"}", "status", ""},
		{"{\"type\":\"receipt\",\"status\":\"stale_session\"}", NULL, NULL},
		{"{\"type\":\"report\",\"session\":\"" SESSION
		 "\",\"results\":[" RESULT_AT("\"sequence\":1") "]}",
			NULL, NULL},
		{"{\"type\":\"report\",\"session\":\"" SESSION
		 "\",\"results\":[" RESULT_AT("\"sequence\":0") "]}",
			"results[0].sequence", ""},
		{"{\"type\":\"report\",\"session\":\"" SESSION
		 "\",\"results\":[" RESULT_AT("\"no\":1") "]}",
			"results[0].sequence", "required"},
		{"{\"type\":\"orders\",\"drop\":[\"x\",5]}", "drop", ""},
		{"{\"type\":\"orders\",\"assign\":[{\"monitor\":[],\"assignment\":1}]}",
			"assign[0].monitor", "object"},
		{"{\"type\":\"orders\",\"assign\":[{\"assignment\":1}]}", "assign[0].monitor", ""},
		{"{\"type\":\"orders\",\"assign\":[{\"monitor\":{\"odd\":1},\"assignment\":1}]}",
			NULL, NULL},
		{"{\"type\":\"orders\",\"bursts\":[{\"monitor\":\"" ID
		 "\",\"monitor_revision\":1,\"first_round\":1,\"rounds\":6}]}",
			"bursts[0].rounds", ""},
		{"{\"type\":\"hello\",\"version\":1,\"probe\":\"a\",\"boot\":\"" ID
		 "\",\"token\":\"short\"}",
			"token", ""},
		{"{\"type\":\"hello\",\"version\":2,\"probe\":\"a\",\"boot\":\"" ID
		 "\",\"token\":\"0123456789abcdef\"}",
			NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct problems problems;
		struct message *m = decode(table[i].text, &problems);
		if (!m != !!table[i].path)
			fail_msg("row %zu: %s: %s", i, problems.item[0].path,
				problems.item[0].message);
		message_free(m);
		if (!table[i].path)
			continue;
		assert_true(problems.n > 0);
		if (strncmp(problems.item[0].path, table[i].path, strlen(table[i].path)) != 0 ||
			!strstr(problems.item[0].message, table[i].words))
			fail_msg("row %zu says: %s: %s", i, problems.item[0].path,
				problems.item[0].message);
	}
}

static void secrets_stay_out_of_errors(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"type\":\"hello\",\"version\":1,\"probe\":\"a\",\"boot\":\"" ID
		"\",\"token\":\"S3CRET\"}",
		"{\"type\":\"poll\",\"session\":\"S3CRET\"}",
		"{\"type\":\"hello\",\"token\":\"S3CRETS3CRETS3CRET\",}",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct problems problems;
		assert_null(decode(texts[i], &problems));
		for (size_t k = 0; k < problems.n; k++)
			assert_null(strstr(problems.item[k].message, "S3CRET"));
	}
}

/* {"type":"orders","x":[[[…]]]} of DEPTH levels in all. */
static char *nested(int depth, size_t *size_bytes)
{
	char *text = mem_alloc((size_t)depth * 2 + 64), *p = text;
	p += sprintf(p, "{\"type\":\"orders\",\"s\":\"[[[[{{{{\\\"[[[[\",\"x\":");
	for (int i = 1; i < depth; i++)
		*p++ = '[';
	for (int i = 1; i < depth; i++)
		*p++ = ']';
	*p++ = '}';
	*size_bytes = (size_t)(p - text);
	return text;
}

static void depth_is_limited(void **state)
{
	(void)state;
	const struct {
		int depth;
		bool accepted;
	} table[] = {{2, true}, {24, true}, {25, false}, {2000, false}, {100000, false}};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct problems problems = {0};
		size_t size_bytes;
		char *text = nested(table[i].depth, &size_bytes);
		struct message *m = message_decode(text, size_bytes, &problems);
		assert_int_equal(m != NULL, table[i].accepted);
		if (!m)
			assert_non_null(strstr(problems.item[0].message, "deep"));
		message_free(m);
		free(text);
	}
}

/* A receipt whose whole text has SIZE_BYTES, with a detail that the schema would refuse if it
 * looked. */
static void size_is_limited_before_parsing(void **state)
{
	(void)state;
	for (int over = 0; over <= 1; over++) {
		size_t size_bytes = MESSAGE_MAX_BYTES + (size_t)over;
		char *text = mem_alloc(size_bytes + 1);
		memset(text, ' ', size_bytes);
		memcpy(text, "{\"type\":\"orders\"}", 17);
		struct problems problems = {0};
		struct message *m = message_decode(text, size_bytes, &problems);
		assert_int_equal(m != NULL, !over);
		if (over)
			assert_non_null(strstr(problems.item[0].message, "240000"));
		message_free(m);
		free(text);
	}
}

/* Drops of N ids, one of them lengthened by PAD bytes. */
static char *encode_drops(size_t n, size_t pad, size_t *size_bytes)
{
	struct orders orders = {.revision = 1};
	orders.drop.item = mem_array(n, sizeof(char *));
	orders.drop.n = n;
	for (size_t i = 0; i < n; i++)
		orders.drop.item[i] = mem_printf("%0*d", (int)(36 + (i ? 0 : pad)), (int)i);
	char *text = message_encode(MESSAGE_ORDERS, &orders, size_bytes);
	for (size_t i = 0; i < n; i++)
		free(orders.drop.item[i]);
	free(orders.drop.item);
	return text;
}

static void the_encoder_keeps_the_ceiling(void **state)
{
	(void)state;
	size_t size_bytes = 0, n = 4900;
	char *text = encode_drops(n, 0, &size_bytes);
	assert_non_null(text);
	free(text);
	size_t pad = MESSAGE_MAX_BYTES - size_bytes;
	text = encode_drops(n, pad, &size_bytes);
	assert_non_null(text);
	assert_int_equal(size_bytes, MESSAGE_MAX_BYTES);
	free(text);
	assert_null(encode_drops(n, pad + 1, &size_bytes));
}

static void the_type_comes_first(void **state)
{
	(void)state;
	struct refused refused = {.code = mem_strdup("version"), .detail = mem_strdup("too old")};
	size_t size_bytes;
	char *text = message_encode(MESSAGE_REFUSED, &refused, &size_bytes);
	assert_string_equal(
		text, "{\"type\":\"refused\",\"code\":\"version\",\"detail\":\"too old\"}");
	assert_int_equal(size_bytes, strlen(text));
	free(text);
	schema_clear(&refused_schema, &refused);
}

static void a_monitor_passes_as_it_is(void **state)
{
	(void)state;
	struct assignment a = {.monitor = json_pack("{s:s, s:{s:i}}", "name", "x", "later", "y", 1),
		.assignment = 9,
		.next_in_ms = 1234};
	struct orders orders = {.revision = 3, .reset = true, .assign = {.item = &a, .n = 1}};
	size_t size_bytes;
	char *text = message_encode(MESSAGE_ORDERS, &orders, &size_bytes);
	struct problems problems = {0};
	struct message *m = message_decode(text, size_bytes, &problems);
	assert_non_null(m);
	assert_int_equal(m->u.orders.assign.n, 1);
	const struct assignment *got = m->u.orders.assign.item;
	assert_true(json_equal(got->monitor, a.monitor));
	assert_int_equal(got->assignment, 9);
	assert_int_equal(got->next_in_ms, 1234);
	assert_true(m->u.orders.reset);
	assert_false(m->u.orders.complete);
	message_free(m);
	free(text);
	json_decref(a.monitor);
}

/* A heartbeat and a full report both stay what they are. */
static void results_are_bounded_in_number(void **state)
{
	(void)state;
	for (int n = RESULTS_PER_REPORT_MAX; n <= RESULTS_PER_REPORT_MAX + 1; n++) {
		json_t *results = json_array();
		for (int i = 0; i < n; i++)
			json_array_append_new(
				results, json_pack("{s:s, s:i, s:i, s:s, s:i, s:i, s:s}", "monitor",
						 ID, "monitor_revision", 1, "sequence", i + 1,
						 "started_at", "2026-11-21T18:30:49Z",
						 "duration_ms", 5, "age_ms", 5, "verdict", "up"));
		json_t *whole = json_pack("{s:s, s:s, s:o}", "type", "report", "session", SESSION,
			"results", results);
		char *text = json_dumps(whole, JSON_COMPACT);
		struct problems problems;
		struct message *m = decode(text, &problems);
		if (!m && n == RESULTS_PER_REPORT_MAX)
			fail_msg("%s: %s", problems.item[0].path, problems.item[0].message);
		assert_int_equal(m != NULL, n == RESULTS_PER_REPORT_MAX);
		message_free(m);
		free(text);
		json_decref(whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_fit_the_names),
		cmocka_unit_test(the_specification_lists_every_field),
		cmocka_unit_test(the_specification_says_what_to_check),
		cmocka_unit_test(the_specification_lists_every_reason),
		cmocka_unit_test(inputs_are_judged),
		cmocka_unit_test(secrets_stay_out_of_errors),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(size_is_limited_before_parsing),
		cmocka_unit_test(the_encoder_keeps_the_ceiling),
		cmocka_unit_test(the_type_comes_first),
		cmocka_unit_test(a_monitor_passes_as_it_is),
		cmocka_unit_test(results_are_bounded_in_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
