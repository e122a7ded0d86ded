// SPDX-License-Identifier: MIT
#include "tests/unit/cli_kit.h"

#define TAKEN                                                                                      \
	ANSWER("201", "{\"name\": \"acme/t\", \"revision\": 1, \"monitors\": 0, \"used_by\": []}")
#define ROTATED                                                                                    \
	ANSWER("200", "{\"name\": \"acme/t\", \"revision\": 2, \"monitors\": 3, \"used_by\": []}")

/* Runs the command with INPUT as its standard input. */
static struct ran run_with(const char *input, size_t size, const char *const *words)
{
	int before = dup(STDIN_FILENO), ends[2];
	struct ran r;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], input, size), (ssize_t)size);
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	r = run_words(words);
	dup2(before, STDIN_FILENO);
	close(before);
	return r;
}

static const char *const set_words[] = {"quorate", "secret", "set", "acme/t", NULL};

static void a_value_is_read_from_standard_input(void **state UNUSED)
{
	static const struct {
		const char *input, *sent, *answer, *says;
	} cases[] = {
		{"Bearer x\n", "{\"value\":\"Bearer x\"}", TAKEN,
			"Secret acme/t is kept. Monitors name it as {secret: acme/t}."},
		{"no newline", "{\"value\":\"no newline\"}", TAKEN, "is kept"},
		{"two\nlines\n\n", "{\"value\":\"two\\nlines\\n\"}", TAKEN, "is kept"},
		{"pässwörd\n", "{\"value\":\"pässwörd\"}", ROTATED,
			"on its monitors (3) get it now"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const answers[] = {cases[i].answer, NULL};
		struct recorded server;

		recorded_start(&server, answers);
		struct ran r = run_with(cases[i].input, strlen(cases[i].input), set_words);
		recorded_stop(&server);
		assert_int_equal(r.status, CLI_OK);
		assert_contains(server.request[0], "PUT /api/v1/secrets/acme%2Ft HTTP/1.1");
		assert_contains(server.request[0], cases[i].sent);
		assert_contains(r.err, cases[i].says);
		assert_lacks(r.err, "Bearer");
		assert_string_equal(r.out, "");
		ran_free(&r);
	}
}

/* None of these reaches the coordinator, and none is repeated. */
static void what_is_no_value_is_not_sent(void **state UNUSED)
{
	static char big[9000];
	static const struct {
		const char *input;
		size_t size;
		const char *says;
	} cases[] = {
		{"", 0, "the value on standard input is empty; accepted: 4 to 8192 bytes"},
		{"\n", 1, "is empty"},
		{"abc\n", 4, "too short"},
		{big, sizeof(big), "too long"},
		{big, 8193, "too long"},
		{"a\xff\xfe z", 5, "is no text; accepted: UTF-8"},
		{"ab\0cde", 6, "is no text"},
	};

	memset(big, 'x', sizeof(big));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ran r = run_with(cases[i].input, cases[i].size, set_words);
		assert_int_equal(r.status, CLI_USAGE);
		assert_contains(r.err, cases[i].says);
		assert_lacks(r.err, "xxx");
		ran_free(&r);
	}
}

static void a_value_is_no_argument(void **state UNUSED)
{
	struct ran r = run("secret", "set", "acme/t", "hunter2");

	assert_int_equal(r.status, CLI_USAGE);
	assert_contains(r.err, "quorate secret set acme/t <FILE");
	assert_lacks(r.err, "hunter2");
	ran_free(&r);
}

static void secrets_are_listed(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("200",
			"{\"items\": [{\"name\": \"acme/t\", \"monitors\": 12, \"changed_at\": "
			"\"2026-11-21T18:30:49.000Z\"}, {\"name\": \"plain\", \"monitors\": 0}], "
			"\"next_cursor\": null}"),
		ANSWER("200", "{\"items\": [], \"next_cursor\": null}"), NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("secret", "list");
	assert_int_equal(r.status, CLI_OK);
	assert_contains(r.out, "NAME    MONITORS  CHANGED");
	assert_contains(r.out, "acme/t        12");
	assert_contains(r.out, "plain          0");
	ran_free(&r);
	r = run("secret", "list");
	recorded_stop(&server);
	assert_contains(r.err, "There is no secret yet: quorate secret set NAME <FILE");
	ran_free(&r);
}

static void a_used_one_stays(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("422",
			"{\"title\": \"invalid\", \"status\": 422, \"detail\": \"name: monitor "
			"'shop' uses the secret 't'\", \"errors\": [{\"path\": \"name\", "
			"\"message\": \"monitor 'shop' uses the secret 't'; change it "
			"first\"}]}"),
		"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n", NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("secret", "remove", "t");
	assert_int_equal(r.status, CLI_FAILED);
	assert_contains(r.err, "monitor 'shop' uses the secret 't'");
	ran_free(&r);
	r = run("secret", "remove", "t");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_contains(server.request[1], "DELETE /api/v1/secrets/t HTTP/1.1");
	assert_contains(r.err, "Secret t is removed.");
	ran_free(&r);
}

/* monitor add names secrets, and passes warnings on. */
static void monitors_name_secrets(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("201",
			"{\"name\": \"shop\", \"warnings\": [{\"path\": "
			"\"request.headers.Cookie\", \"message\": \"better keep it apart\"}]}"),
		NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("monitor", "add", "shop", "--http", "http://a.example/", "--method",
		"POST", "--header-secret", "Authorization: acme/t", "--header", "Cookie: a=b",
		"--body-secret", "login");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_contains(server.request[0],
		"\"headers\":{\"Cookie\":\"a=b\",\"Authorization\":{\"secret\":\"acme/t\"}}");
	assert_contains(server.request[0], "\"body\":{\"secret\":\"login\"}");
	assert_contains(r.err,
		"quorate: warning: request.headers.Cookie: better keep it apart\nMonitor shop");
	ran_free(&r);
	r = run("monitor", "add", "shop", "--http", "http://a.example/", "--header-secret",
		"Authorization: no name");
	assert_int_equal(r.status, CLI_USAGE);
	assert_contains(r.err, "NAME or ORGANIZATION/NAME");
	ran_free(&r);
}

static void a_plan_has_warnings(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("200",
			"{\"items\": [{\"kind\": \"create\", \"name\": \"shop\", \"id\": \"x\", "
			"\"changes\": [], \"warnings\": [{\"path\": "
			"\"request.headers.Authorization\", \"message\": \"better\"}]}]}"),
		NULL};
	char *path = file_with("monitors:\n  - name: shop\n    http: http://a.example/\n"
			       "    request: {headers: {Authorization: x}}\n");
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("apply", "-f", path, "--dry-run");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_contains(r.err, "quorate: warning: shop: request.headers.Authorization: better\n");
	assert_contains(r.out, "+ create     shop");
	ran_free(&r);
	file_remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_read_from_standard_input),
		cmocka_unit_test(what_is_no_value_is_not_sent),
		cmocka_unit_test(a_value_is_no_argument),
		cmocka_unit_test(secrets_are_listed),
		cmocka_unit_test(a_used_one_stays),
		cmocka_unit_test(monitors_name_secrets),
		cmocka_unit_test(a_plan_has_warnings),
	};

	setenv("QUORATE_API_KEY", "qk_test", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
