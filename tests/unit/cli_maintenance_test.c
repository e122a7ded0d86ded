// SPDX-License-Identifier: MIT
/* quorate maintenance: what is asked of the coordinator, and what people read. */
#include "tests/unit/cli_kit.h"

#define MT(more)                                                                                   \
	"{\"id\":\"0193aaaa-0000-7000-8000-000000000001\",\"monitors\":[\"shop\"],\"covers\":1,"   \
	"\"on\":true,\"window\":{\"from\":\"2026-11-22T00:00:00.000Z\",\"to\":\"2099-01-01T00:00:" \
	"00.000Z\"}" more "}"

/* Each option becomes a member; names may have commas, days are a list with commas. */
static void what_is_asked_for(void **state UNUSED)
{
	static const struct {
		const char *const words[16];
		const char *body;
	} cases[] = {
		{{"quorate", "maintenance", "start", "shop", "--for", "2h", "--reason", "new rack"},
			"{\"for\":\"2h\",\"reason\":\"new rack\",\"monitors\":[\"shop\"]}"},
		{{"quorate", "maintenance", "start", "a, b", "c", "--to", "2026-12-24T02:00:00Z"},
			"{\"to\":\"2026-12-24T02:00:00Z\",\"monitors\":[\"a, b\",\"c\"]}"},
		{{"quorate", "maintenance", "start", "--service", "x,y", "--service", "z", "--for",
			 "1h"},
			"{\"for\":\"1h\",\"services\":[\"x,y\",\"z\"]}"},
		{{"quorate", "maintenance", "start", "--label", "team=web", "--label", "tier=a=b",
			 "--for", "1h"},
			"{\"for\":\"1h\",\"labels\":{\"team\":\"web\",\"tier\":\"a=b\"}}"},
		{{"quorate", "maintenance", "start", "--org", "acme", "--for", "1h"},
			"{\"organization\":\"acme\",\"for\":\"1h\"}"},
		{{"quorate", "maintenance", "add", "shop", "--from", "2026-12-24T02:00:00+09:00",
			 "--for", "2h"},
			"{\"from\":\"2026-12-24T02:00:00+09:00\",\"for\":\"2h\",\"monitors\":["
			"\"shop\"]}"},
		{{"quorate", "maintenance", "add", "shop", "--every", "monday,last-friday",
			 "--every", "15", "--at", "02:00", "--zone", "Asia/Tokyo", "--for", "2h"},
			"{\"for\":\"2h\",\"at\":\"02:00\",\"zone\":\"Asia/Tokyo\",\"monitors\":["
			"\"shop\"],\"every\":[\"monday\",\"last-friday\",\"15\"]}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const answers[] = {ANSWER("201", MT("")), NULL};
		struct recorded server;
		const char *body;

		recorded_start(&server, answers);
		struct ran r = run_words(cases[i].words);
		recorded_stop(&server);
		assert_int_equal(r.status, CLI_OK);
		assert_contains(server.request[0], "POST /api/v1/maintenances HTTP/1.1");
		body = strstr(server.request[0], "\r\n\r\n");
		assert_non_null(body);
		assert_string_equal(body + 4, cases[i].body);
		assert_string_equal(r.out, "0193aaaa-0000-7000-8000-000000000001\n");
		ran_free(&r);
	}
}

/* None of these reaches the coordinator. */
static void what_is_not_even_asked(void **state UNUSED)
{
	static const struct {
		const char *const words[12];
		const char *says;
	} cases[] = {
		{{"quorate", "maintenance", "start", "shop"},
			"how long? accepted: --for DURATION, for example 2h, or --to TIME"},
		{{"quorate", "maintenance", "add", "shop", "--for", "2h"},
			"when is it? accepted: --from TIME, or --every DAYS --at TIME"},
		{{"quorate", "maintenance", "start", "--label", "web", "--for", "2h"},
			"--label 'web' is not accepted; accepted: NAME=VALUE"},
		{{"quorate", "maintenance", "start", "--label", "=web", "--for", "2h"},
			"--label '=web' is not accepted"},
		{{"quorate", "maintenance", "start", "--org", "a\xff", "--for", "2h"},
			"--org is not accepted; accepted: UTF-8"},
		{{"quorate", "maintenance", "start", "shop", "--every", "day", "--for", "2h"},
			"--every"}, /* begins now, once */
		{{"quorate", "maintenance", "end"}, "ID"},
		{{"quorate", "maintenance", "end", "a", "b"}, "ID"},
		{{"quorate", "maintenance", "begin"}, "unknown command 'maintenance begin'"},
	};

	setenv("QUORATE_URL", "http://127.0.0.1:1", 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ran r = run_words(cases[i].words);

		if (r.status != CLI_USAGE)
			fail_msg("row %zu: %d: %s", i, r.status, r.err);
		assert_contains(r.err, cases[i].says);
		assert_string_equal(r.out, "");
		ran_free(&r);
	}
}

/* One run against ANSWER; what was said goes into R. */
static struct ran against(const char *answer, char request[16384], const char *const *words)
{
	const char *const answers[] = {answer, NULL};
	struct recorded server;
	struct ran r;

	recorded_start(&server, answers);
	r = run_words(words);
	recorded_stop(&server);
	memcpy(request, server.request[0], 16384);
	return r;
}

#define AGAINST(answer, request, ...)                                                              \
	against(answer, request, (const char *const[]){"quorate", "maintenance", __VA_ARGS__, NULL})

static void what_people_read(void **state UNUSED)
{
	static char request[16384];
	struct ran r;

	r = AGAINST(ANSWER("201", MT("")), request, "start", "shop", "--for", "2h");
	assert_contains(r.err, "Maintenance of shop: now, until ");
	assert_contains(
		r.err, "It covers 1 monitor: checked as ever, but no alert opens before it ends.");
	ran_free(&r);

	r = AGAINST(
		ANSWER("201", "{\"id\":\"x\",\"services\":[\"a\"],\"labels\":{\"team\":\"web\"},"
			      "\"organization\":\"acme\",\"covers\":0,\"on\":false,\"every\":["
			      "\"monday\"],\"at\":\"02:00\",\"zone\":\"Asia/Tokyo\",\"for\":\"2h\","
			      "\"window\":{\"from\":\"2026-11-22T17:00:00.000Z\",\"to\":\"2026-11-"
			      "22T19:00:00.000Z\"}}"),
		request, "add", "--service", "a", "--every", "monday", "--at", "02:00", "--for",
		"2h");
	assert_contains(r.err, "Maintenance of service a; label team=web; of acme: 2026-11-2");
	assert_contains(r.err, ", and again monday at 02:00 Asia/Tokyo for 2h.");
	assert_contains(r.err, "No monitor is covered yet.");
	ran_free(&r);

	r = AGAINST(ANSWER("200", "{\"monitors\":[\"shop\"],\"window\":null,\"on\":false}"),
		request, "end", "shop front");
	assert_int_equal(r.status, CLI_OK);
	assert_contains(request, "POST /api/v1/maintenances/shop%20front/end HTTP/1.1");
	assert_contains(r.err, "Maintenance of shop is ended: it is looked at now, and what is "
			       "wrong is told.\n");
	ran_free(&r);

	r = AGAINST(
		ANSWER("200", "{\"monitors\":[\"shop\"],\"on\":false,\"window\":{\"from\":"
			      "\"2026-11-23T00:00:00.000Z\",\"to\":\"2026-11-23T02:00:00.000Z\"}}"),
		request, "end", "x");
	assert_contains(r.err, "is told. Its next window: 2026-11-2");
	ran_free(&r);

	r = AGAINST(ANSWER("204", ""), request, "remove", "x");
	assert_contains(request, "DELETE /api/v1/maintenances/x HTTP/1.1");
	assert_contains(r.err, "Maintenance x is removed.");
	ran_free(&r);
}

static void the_list(void **state UNUSED)
{
	static char request[16384];
	struct ran r;

	r = AGAINST(
		ANSWER("200",
			"{\"items\":[" MT(
				",\"reason\":\"new rack\"") ",{\"id\":\"b\","
							    "\"organization\":\"acme\",\"covers\":"
							    "12,\"on\":false,\"window\":"
							    "null}],\"next\":null}"),
		request, "list");
	assert_int_equal(r.status, CLI_OK);
	assert_contains(r.out, "ID ");
	assert_contains(r.out, "shop");
	assert_contains(r.out, "now, until ");
	assert_contains(r.out, "new rack");
	assert_contains(r.out, "all of acme");
	assert_contains(r.out, "once");
	assert_contains(r.out, "over");
	ran_free(&r);

	r = AGAINST(ANSWER("200", "{\"items\":[],\"next\":null}"), request, "list");
	assert_contains(
		r.err, "No maintenance is planned: quorate maintenance start MONITOR --for 2h");
	ran_free(&r);

	r = AGAINST(ANSWER("200", "{\"items\":[" MT("") "],\"next\":null}"), request, "list", "-o",
		"json");
	assert_contains(r.out, "\"covers\"");
	assert_lacks(r.out, "now, until");
	ran_free(&r);
}

static void refusals_are_read_out(void **state UNUSED)
{
	static char request[16384];
	struct ran r = AGAINST("HTTP/1.1 422 X\r\nContent-Type: application/problem+json\r\n"
			       "Connection: close\r\n\r\n{\"type\":\"about:blank\",\"title\":"
			       "\"invalid\",\"status\":422,\"detail\":\"1 problem\",\"errors\":[{"
			       "\"path\":\"zone\",\"message\":\"'Tokyo' is no time zone of this "
			       "system\"}]}",
		request, "add", "shop", "--every", "day", "--at", "02:00", "--zone", "Tokyo",
		"--for", "1h");

	assert_int_equal(r.status, CLI_FAILED);
	assert_contains(r.err, "'Tokyo' is no time zone");
	assert_string_equal(r.out, "");
	ran_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_for),
		cmocka_unit_test(what_is_not_even_asked),
		cmocka_unit_test(what_people_read),
		cmocka_unit_test(the_list),
		cmocka_unit_test(refusals_are_read_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
