// SPDX-License-Identifier: MIT
#include "tests/unit/cli_kit.h"

static const char good[] = "defaults: {interval: 60s, timeout: 10s, expect: {certificate_days: "
			   "{warning: 30, critical: 7}},\n"
			   "           labels: {tier: gold, team: web}}\n"
			   "monitors:\n"
			   "  - name: shop front\n"
			   "    http: https://shop.example.com/\n"
			   "    labels: {team: shop}\n"
			   "    expect: {status: [2xx]}\n"
			   "  - name: edge\n"
			   "    ping: edge.example.net\n"
			   "    interval: 30s\n"
			   "    labels: null\n";

/* What was sent as the body of request I; a new reference. */
static json_t *sent(const struct recorded *r, int i)
{
	const char *body = strstr(r->request[i], "\r\n\r\n");

	assert_non_null(body);
	json_t *sent = json_loads(body + 4, 0, NULL);
	assert_non_null(sent);
	return sent;
}

static void assert_json(const json_t *got, const char *wanted)
{
	json_t *want = json_loads(wanted, JSON_DECODE_ANY, NULL);
	char *text = json_dumps(got, JSON_ENCODE_ANY);

	assert_non_null(want);
	if (!json_equal(got, want))
		fail_msg("%s instead of %s", text, wanted);
	free(text);
	json_decref(want);
}

static void the_plan_is_shown(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("200", "{\"items\": [{\"kind\": \"create\", \"name\": \"shop front\", "
			      "\"id\": \"x\", \"changes\": []},"
			      "{\"kind\": \"update\", \"name\": \"edge\", \"id\": \"y\", "
			      "\"changes\": [{\"path\": \"interval\", \"from\": \"60s\","
			      "\"to\": \"30s\"}, {\"path\": \"expect.status\", \"from\": null, "
			      "\"to\": [\"2xx\", 301]}]},"
			      "{\"kind\": \"unchanged\", \"name\": \"東京\", \"id\": \"z\", "
			      "\"changes\": []}]}"),
		NULL};
	struct recorded server;
	char *path = file_with(good);

	recorded_start(&server, answers);
	struct ran r = run("apply", "-f", path, "--dry-run");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_string_equal(r.out,
		"+ create     shop front\n"
		"~ update     edge\n"
		"      interval: 60s → 30s\n"
		"      expect.status: none → [2xx, 301]\n"
		"= unchanged  東京\n"
		"1 to create, 1 to update, 1 unchanged; a dry run: nothing was changed\n");
	assert_string_equal(r.err, "");
	ran_free(&r);
	file_remove(path);
}

static void defaults_are_merged(void **state UNUSED)
{
	static const char *const answers[] = {ANSWER("200", "{\"items\": []}"), NULL};
	struct recorded server;
	char *path = file_with(good);

	recorded_start(&server, answers);
	struct ran r = run("apply", path, "-o", "json");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_string_equal(r.out, "{\n  \"items\": []\n}\n");
	assert_contains(server.request[0], "POST /api/v1/apply HTTP/1.1\r\n");
	json_t *body = sent(&server, 0);
	assert_json(body, "{\"dry_run\": false, \"monitors\": ["
			  "{\"name\": \"shop front\", \"http\": \"https://shop.example.com/\", "
			  "\"interval\": \"60s\", \"timeout\": \"10s\","
			  " \"labels\": {\"team\": \"shop\", \"tier\": \"gold\"},"
			  " \"expect\": {\"status\": [\"2xx\"], \"certificate_days\": "
			  "{\"warning\": 30, \"critical\": 7}}},"
			  "{\"name\": \"edge\", \"ping\": \"edge.example.net\", \"interval\": "
			  "\"30s\", \"timeout\": \"10s\", \"expect\": {}}]}");
	json_decref(body);
	ran_free(&r);
	file_remove(path);
}

static void several_files_are_one_change(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("422",
			"{\"title\": \"x\", \"status\": 422, \"errors\": [{\"path\": "
			"\"monitors[2].regions[0]\", \"message\": \"no such region\"},"
			"{\"path\": \"monitors[0].target\", \"message\": \"too many checks\"}]}"),
		NULL};
	struct recorded server;
	char *first = file_with(good),
	     *second = file_with("monitors:\n- {name: c, tcp: \"c:1\",\n   regions: [mars]}\n"),
	     wanted[200];

	recorded_start(&server, answers);
	struct ran r = run("apply", "-f", first, "-f", second);
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_FAILED);
	snprintf(wanted, sizeof(wanted), "%s:3:14: monitors[0].regions[0]: no such region\n",
		second);
	assert_contains(r.err, wanted);
	snprintf(wanted, sizeof(wanted), "%s:5:11: monitors[0].http: too many checks\n", first);
	assert_contains(r.err, wanted);
	assert_contains(r.err, "nothing was changed");
	assert_string_equal(r.out, "");
	ran_free(&r);
	file_remove(first);
	file_remove(second);
}

/* Each is refused before anything is sent (no server is there), with its place. */
static void mistakes_have_a_place(void **state UNUSED)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"monitors:\n  - name: a\n    tcp: a:1\n    expect: {prot: closed}\n",
			":4:20: monitors[0].expect.prot: unknown option; did you mean 'port'?"},
		{"monitors:\n  - name: a\n    tcp: a\n", ":3:10: monitors[0].tcp: "},
		{"monitors:\n  - name: a\n    type: tcp\n    target: a\n",
			":4:13: monitors[0].target: "},
		{"monitors:\n  - name: a\n    http: http://a/\n    interval: 5\n",
			":4:15: monitors[0].interval: "},
		{"defaults: {interval: 5}\nmonitors:\n  - {name: a, tcp: \"a:1\"}\n  - {name: b, "
		 "tcp: \"b:1\"}\n",
			":1:22: defaults.interval: 5 needs a unit, for example 5s; accepted: a "
			"duration from 1s to 1d (in monitor 'a')\nquorate"},
		{"monitors:\n  - {name: a, tcp: \"a:1\"}\n  - {name: a, tcp: \"a:2\"}\n",
			":3:12: monitors[1].name: 'a' is used already, at "},
		{"monitors:\n  - {name: a, tcp: \"a:1\", external_id: x}\n  - {name: b, tcp: "
		 "\"a:2\", external_id: x}\n",
			":3:40: monitors[1].external_id: 'x' is used already, at "},
		{"monitors:\n  - name: a\n  - 7\n", ":3:5: monitors[1]: accepted: a monitor"},
		{"monitor: []\n", ": monitor: unknown option; did you mean 'monitors'?"},
		{"monitors: {a: b}\n", ":1:11: monitors: accepted: a list of monitors"},
		{"defaults: {}\n", "'monitors' is missing"},
		{"- a\n", "accepted: an object with 'monitors'"},
		{"monitors: [\n", ":2:1: "},
		{"a: 1\na: 2\n", ":2:"},
	};
	unsetenv("QUORATE_URL");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *path = file_with(cases[i].text);
		struct ran r = run("apply", "-f", path, "--url", "unix:/nonexistent");
		if (r.status != CLI_USAGE)
			fail_msg("case %zu: status %d: %s", i, r.status, r.err);
		assert_contains(r.err, path);
		assert_contains(r.err, cases[i].wanted);
		assert_contains(r.err, "nothing was sent");
		ran_free(&r);
		file_remove(path);
	}
}

static void an_organization_goes_to_each_monitor(void **state UNUSED)
{
	static const char *const answers[] = {ANSWER("200", "{\"items\": []}"), NULL};
	struct recorded server;
	char *path = file_with("organization: acme\nmonitors:\n- {name: a, ping: a.example}\n"
			       "- {name: b, ping: b.example, organization: beta}\n");

	recorded_start(&server, answers);
	struct ran r = run("apply", "-f", path);
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_contains(server.request[0],
		"\"name\":\"a\",\"ping\":\"a.example\",\"organization\":\"acme\"");
	assert_contains(server.request[0], "\"organization\":\"beta\"");
	ran_free(&r);
	file_remove(path);
}

static void a_missing_file_is_said(void **state UNUSED)
{
	struct ran r = run("apply", "-f", "/nonexistent/monitors.yml");

	assert_int_equal(r.status, CLI_USAGE);
	assert_contains(r.err, "/nonexistent/monitors.yml: ");
	assert_contains(r.err, "No such file");
	ran_free(&r);
}

static void options_become_a_monitor(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("201", "{\"name\": \"shop\", \"id\": \"x\"}"), NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("monitor", "add", "shop", "--http", "https://shop.example.com/",
		"--interval", "30s", "--status", "2xx", "--status", "301", "--header", "X-A: b: c",
		"--label", "tier=gold", "--seats", "3", "--down", "60%", "--slow-warning", "800ms",
		"--paused", "--region", "@japan");
	recorded_stop(&server);
	if (r.status != CLI_OK)
		fail_msg("%s", r.err);
	json_t *body = sent(&server, 0);
	assert_json(body, "{\"name\": \"shop\", \"http\": \"https://shop.example.com/\", "
			  "\"interval\": \"30s\", \"regions\": [\"@japan\"],"
			  "\"quorum\": {\"seats\": 3, \"down\": \"60%\"}, \"labels\": {\"tier\": "
			  "\"gold\"}, \"enabled\": false,"
			  "\"request\": {\"headers\": {\"X-A\": \"b: c\"}},"
			  "\"expect\": {\"status\": [\"2xx\", 301], \"response_time\": "
			  "{\"warning\": \"800ms\"}}}");
	json_decref(body);
	ran_free(&r);
}

static void a_refused_option_is_named(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("422", "{\"status\": 422, \"detail\": \"no\", \"errors\": [{\"path\": "
			      "\"regions\", \"message\": \"there is no region 'mars'\"}]}"),
		NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("monitor", "add", "shop", "--tcp", "a:1", "--region", "mars");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_FAILED);
	assert_contains(r.err, "--region: there is no region 'mars'");
	ran_free(&r);
}

static void one_monitor_from_a_file(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("422", "{\"status\": 422, \"errors\": [{\"path\": \"regions[0]\", "
			      "\"message\": \"no such region\"}]}"),
		NULL};
	struct recorded server;
	char *path = file_with("name: a\ntcp: a:1\nregions: [mars]\n"), wanted[200];

	recorded_start(&server, answers);
	struct ran r = run("monitor", "add", "-f", path);
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_FAILED);
	snprintf(wanted, sizeof(wanted), "%s:3:11: regions[0]: no such region\n", path);
	assert_contains(r.err, wanted);
	ran_free(&r);
	file_remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plan_is_shown),
		cmocka_unit_test(defaults_are_merged),
		cmocka_unit_test(several_files_are_one_change),
		cmocka_unit_test(mistakes_have_a_place),
		cmocka_unit_test(an_organization_goes_to_each_monitor),
		cmocka_unit_test(a_missing_file_is_said),
		cmocka_unit_test(options_become_a_monitor),
		cmocka_unit_test(a_refused_option_is_named),
		cmocka_unit_test(one_monitor_from_a_file),
	};
	unsetenv("QUORATE_API_KEY");
	unsetenv("QUORATE_API_KEY_FILE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
