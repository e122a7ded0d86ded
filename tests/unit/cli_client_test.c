// SPDX-License-Identifier: MIT
#include "tests/unit/cli_kit.h"

#include "coordinator/cli/client.h"

#include <sys/stat.h>
#include <sys/un.h>

#define ALERT(state, more)                                                                         \
	"{\"id\": \"i\", \"case\": \"K7F-2QX\", \"state\": \"" state                               \
	"\", \"severity\": \"critical\", \"kind\": \"down\"," more                                 \
	"\"monitor\": {\"id\": \"m\", \"name\": \"shop front\", \"type\": \"http\", \"target\": "  \
	"\"https://shop.example.com/\","                                                           \
	"\"service\": \"shop\"}, \"reason\": {\"code\": \"tcp.refused\", \"text\": \"the "         \
	"connection was refused\"},"                                                               \
	"\"opened_at\": \"2026-11-21T18:30:53.156Z\", \"started_at\": "                            \
	"\"2026-11-21T18:30:49.310Z\", \"acknowledged_at\": null,"                                 \
	"\"quorum\": {\"seats\": 3, \"down\": 2, \"up\": 2, \"counted\": {\"down\": 3, \"up\": "   \
	"0, \"warning\": 0}, \"rounds\": 2}, \"labels\": "                                         \
	"{\"tier\": \"gold\"},"                                                                    \
	"\"observed\": {\"address\": \"192.0.2.10:443\", \"status\": null, \"headers\": {}, "      \
	"\"body_excerpt\": null},"                                                                 \
	"\"votes\": [{\"probe\": \"tokyo-1\", \"region\": \"tokyo\", \"seat\": 0, \"verdict\": "   \
	"\"down\", \"reason\": \"tcp.refused\","                                                   \
	"\"age_ms\": 812, \"fate\": \"counted\"}, {\"probe\": \"paris-1\", \"region\": "           \
	"\"paris\", \"seat\": 1, \"verdict\": \"none\","                                           \
	"\"reason\": \"internal.clock\", \"age_ms\": null, \"fate\": \"excluded\", \"why\": "      \
	"\"clock\"}]}"

/* ---- what people are told */

static void problems_are_for_people(void **state UNUSED)
{
	static const struct {
		const char *answer, *wanted;
	} cases[] = {
		{ANSWER("404", "{\"title\": \"Not Found\", \"status\": 404, \"detail\": \"there is "
			       "no monitor 'x'\"}"),
			"quorate: there is no monitor 'x'\n"},
		{ANSWER("403", "{\"title\": \"Forbidden\", \"status\": 403}"),
			"quorate: Forbidden\n"},
		{ANSWER("422",
			 "{\"status\": 422, \"detail\": \"bad\", \"errors\": [{\"path\": \"a.b\", "
			 "\"message\": \"m\"}, {\"path\": \"\", \"message\": \"n\"}]}"),
			"quorate: bad\n  a.b: m\n  n\n"},
		{ANSWER("500", "{}"), "quorate: the coordinator answered with status 500\n"},
		{ANSWER("200", "<html>"), "no JSON: is that a quorate coordinator?"},
		{ANSWER("404", "{\"detail\": \"evil \\u001b[2J\"}"), "evil \xef\xbf\xbd[2J"},
		{"HTTP/1.1", "cannot talk to http://127.0.0.1:"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const answers[] = {cases[i].answer, NULL};
		struct recorded server;
		recorded_start(&server, answers);
		struct ran r = run("monitor", "show", "x");
		recorded_stop(&server);
		assert_int_equal(r.status, CLI_FAILED);
		assert_contains(r.err, cases[i].wanted);
		assert_string_equal(r.out, "");
		ran_free(&r);
	}
}

static void names_are_encoded(void **state UNUSED)
{
	static const char *const answers[] = {ANSWER("200", "{\"name\": \"x\"}"), NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("monitor", "show", "shop front/ä?", "--effective");
	recorded_stop(&server);
	assert_contains(server.request[0],
		"GET /api/v1/monitors/shop%20front%2F%C3%A4%3F?effective=true HTTP/1.1");
	assert_string_equal(r.out, "name: x\n");
	ran_free(&r);
}

static void nobody_there(void **state UNUSED)
{
	static const struct {
		const char *url, *wanted;
	} cases[] = {
		{"http://127.0.0.1:1",
			"nothing answers at http://127.0.0.1:1: is quorate-coordinator running?"},
		{"unix:/nonexistent/api.sock", "there is no socket /nonexistent/api.sock: is "
					       "quorate-coordinator running here?"},
		{"unix:relative", "accepted is unix: and an absolute path"},
		{"ftp://x/", "accepted are http://, https:// and unix:"},
		{"127.0.0.1:7443", "accepted are http://, https:// and unix:"},
		{"http://user:secret@127.0.0.1/",
			"an address with a user or password in it is refused"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ran r = run("monitor", "list", "--url", cases[i].url);
		assert_int_equal(r.status, CLI_FAILED);
		assert_contains(r.err, cases[i].wanted);
		assert_lacks(r.err, "secret");
		ran_free(&r);
	}
}

/* ---- keys */

static void keys_come_from_safe_places(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("200", "{\"items\": []}"), ANSWER("200", "{\"items\": []}"), NULL};
	struct recorded server;
	char *file = file_with("qk_from_file\n");
	struct ran r;

	chmod(file, 0600);
	recorded_start(&server, answers);
	setenv("QUORATE_API_KEY", "qk_from_environment", 1);
	r = run("region", "list", "-o", "json");
	assert_int_equal(r.status, CLI_OK);
	ran_free(&r);
	r = run("region", "list", "-o", "json", "--key-file", file);
	assert_int_equal(r.status, CLI_OK);
	ran_free(&r);
	recorded_stop(&server);
	assert_contains(server.request[0], "Authorization: Bearer qk_from_environment\r\n");
	assert_contains(server.request[1], "Authorization: Bearer qk_from_file\r\n");

	chmod(file, 0644);
	r = run("region", "list", "--key-file", file);
	assert_int_equal(r.status, CLI_FAILED);
	assert_contains(r.err, "can be read by everybody");
	assert_lacks(r.err, "qk_");
	ran_free(&r);

	r = run("region", "list", "--url", "http://192.0.2.1:7443");
	assert_int_equal(r.status, CLI_FAILED);
	assert_contains(r.err, "not sent over the network in the clear");
	assert_lacks(r.err, "qk_");
	ran_free(&r);

	unsetenv("QUORATE_API_KEY");
	r = run("region", "list", "--key-file", "/nonexistent/key");
	assert_int_equal(r.status, CLI_FAILED);
	assert_contains(r.err, "cannot read the key file /nonexistent/key: No such file");
	ran_free(&r);
	file_remove(file);
}

static void a_wrong_key_is_said(void **state UNUSED)
{
	static const char *const answers[] = {ANSWER("401", "{\"detail\": \"who are you\"}"), NULL};
	struct recorded server;

	recorded_start(&server, answers);
	setenv("QUORATE_API_KEY", "qk_wrong", 1);
	struct ran r = run("region", "list");
	unsetenv("QUORATE_API_KEY");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_FAILED);
	assert_contains(r.err, "does not know the key from QUORATE_API_KEY");
	assert_lacks(r.err, "qk_wrong");
	ran_free(&r);
}

static void secrets_can_be_saved(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("201", "{\"name\": \"tokyo-1\", \"token\": \"qpt_secret\"}"),
		ANSWER("201", "{\"name\": \"tokyo-1\", \"token\": \"qpt_secret\"}"),
		ANSWER("201", "{\"name\": \"tokyo-1\", \"token\": \"qpt_secret\"}"), NULL};
	struct recorded server;
	char *file = file_with("");
	struct stat st;
	struct ran r;

	recorded_start(&server, answers);
	r = run("probe", "add", "tokyo-1", "--region", "tokyo");
	assert_int_equal(r.status, CLI_OK);
	assert_string_equal(r.out, "qpt_secret\n");
	assert_contains(r.err, "token of probe tokyo-1");
	assert_lacks(r.err, "qpt_");
	ran_free(&r);
	unlink(file);
	r = run("probe", "add", "tokyo-1", "--region", "tokyo", "--save", file);
	assert_int_equal(r.status, CLI_OK);
	assert_string_equal(r.out, "");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	ran_free(&r);
	r = run("probe", "add", "tokyo-1", "--region", "tokyo", "--save",
		file); /* it is there: never overwritten, never lost */
	assert_int_equal(r.status, CLI_FAILED);
	assert_string_equal(r.out, "qpt_secret\n");
	ran_free(&r);
	recorded_stop(&server);
	file_remove(file);
}

static void a_join_string_stands_alone(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("201", "{\"name\": \"tokyo-1\", \"token\": \"qpt_secret\", \"join\": "
			      "\"quorate-join-1:AAAA\"}"),
		ANSWER("200", "{\"name\": \"tokyo-1\", \"token\": \"qpt_secret\", \"join\": "
			      "\"quorate-join-1:BBBB\"}"),
		ANSWER("200", "{\"name\": \"tokyo-1\", \"drained\": true}"), NULL};
	struct recorded server;
	struct ran r;

	recorded_start(&server, answers);
	r = run("probe", "add", "tokyo-1", "--region", "tokyo", "--valid", "2h");
	assert_int_equal(r.status, CLI_OK);
	assert_string_equal(r.out, "quorate-join-1:AAAA\n");
	assert_contains(r.err, "quorate-probe join");
	assert_lacks(r.err, "AAAA");
	assert_lacks(r.err, "qpt_");
	assert_contains(server.request[0], "POST /api/v1/probes?valid=2h ");
	ran_free(&r);
	r = run("probe", "token", "tokyo-1");
	assert_string_equal(r.out, "quorate-join-1:BBBB\n");
	assert_contains(server.request[1], "POST /api/v1/probes/tokyo-1/token ");
	ran_free(&r);
	r = run("probe", "drain", "tokyo-1");
	assert_int_equal(r.status, CLI_OK);
	assert_string_equal(r.out, "");
	assert_contains(server.request[2], "POST /api/v1/probes/tokyo-1/drain ");
	ran_free(&r);
	recorded_stop(&server);
}

/* ---- pages */

static void lists_follow_their_pages(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("200", "{\"items\": [{\"name\": \"a\"}], \"next_cursor\": \"c/1\"}"),
		ANSWER("200", "{\"items\": [{\"name\": \"b\"}], \"next_cursor\": null}"), NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("region", "list");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_contains(server.request[1], "GET /api/v1/regions?cursor=c%2F1 HTTP/1.1");
	assert_string_equal(r.out,
		"NAME  TITLE  PROVIDER  SERVES  SETS\na     -      -         all     -\n"
		"b     -      -         all     -\n");
	ran_free(&r);
}

static void an_alert_is_a_page(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("200", ALERT("open", "\"closed_at\": null,")), NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("alert", "show", "K7F-2QX");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_contains(r.out, "K7F-2QX  critical down, open\n");
	assert_contains(r.out, "monitor    shop front (http https://shop.example.com/)\n");
	assert_contains(r.out, "reason     the connection was refused (tcp.refused)\n");
	assert_contains(
		r.out, "quorum     3 of 3 seats say down, 2 are needed; confirmed in 2 rounds\n");
	assert_contains(r.out, "address    192.0.2.10:443\n");
	assert_contains(r.out, "labels     tier: gold\n");
	assert_contains(r.out, "tokyo-1  tokyo      0  down     812 ms  counted ");
	assert_contains(r.out, "excluded: clock");
	assert_lacks(r.out, "closed");
	ran_free(&r);
}

static void a_monitor_is_paused_and_resumed(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("200", "{\"name\": \"shop\", \"state\": \"paused\", \"pause\": {\"at\": "
			      "\"2026-11-21T18:31:00.000Z\", \"until\": "
			      "\"2999-11-21T20:31:00.000Z\"}}"),
		ANSWER("200", "{\"name\": \"shop\", \"pause\": {}}"),
		ANSWER("200", "{\"name\": \"shop\", \"enabled\": true}"),
		ANSWER("200", "{\"name\": \"shop\", \"enabled\": false}"),
		ANSWER("200", "{\"items\": [{\"name\": \"shop\", \"state\": \"paused\", "
			      "\"pause\": {\"until\": \"2999-11-21T20:31:00.000Z\"}}], "
			      "\"next_cursor\": null}"),
		NULL};
	struct recorded server;
	struct ran r;

	recorded_start(&server, answers);
	r = run("monitor", "pause", "shop", "--for", "2h", "--reason", "rack 7");
	assert_int_equal(r.status, CLI_OK);
	assert_contains(server.request[0], "POST /api/v1/monitors/shop/pause HTTP/1.1");
	assert_contains(server.request[0], "{\"for\":\"2h\",\"reason\":\"rack 7\"}");
	assert_contains(r.err, "Monitor shop is paused until 2999-11-21 ");
	ran_free(&r);
	r = run("monitor", "pause", "shop");
	assert_contains(server.request[1], "\r\n\r\n{}");
	assert_string_equal(r.err, "Monitor shop is paused until you resume it.\n");
	ran_free(&r);
	r = run("monitor", "resume", "shop");
	assert_contains(server.request[2], "POST /api/v1/monitors/shop/resume HTTP/1.1");
	assert_string_equal(r.err, "Monitor shop is checked again.\n");
	ran_free(&r);
	r = run("monitor", "resume", "shop");
	assert_string_equal(
		r.err, "Monitor shop is checked when it is enabled in its definition.\n");
	ran_free(&r);
	r = run("monitor", "list");
	recorded_stop(&server);
	assert_contains(r.out, "shop  paused, ends in ");
	ran_free(&r);
}

static void people_act_on_alerts(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("200", ALERT("acknowledged", "\"acknowledged_by\": \"anna\",")),
		ANSWER("200", ALERT("open", "")),
		ANSWER("200", ALERT("closed", "\"closed_by\": \"anna\",")),
		ANSWER("409", "{\"title\": \"Conflict\", \"status\": 409, \"detail\": \"alert "
			      "K7F-2QX was closed just now\"}"),
		NULL};
	struct recorded server;
	struct ran r;

	recorded_start(&server, answers);
	r = run("alert", "ack", "K7F-2QX", "--comment", "on it");
	assert_int_equal(r.status, CLI_OK);
	assert_contains(server.request[0], "POST /api/v1/alerts/K7F-2QX/ack HTTP/1.1");
	assert_contains(server.request[0], "{\"comment\":\"on it\"}");
	assert_string_equal(r.err, "Alert K7F-2QX is acknowledged, by anna.\n");
	ran_free(&r);
	r = run("alert", "comment", "K7F-2QX", "the switch");
	assert_int_equal(r.status, CLI_OK);
	assert_contains(server.request[1], "POST /api/v1/alerts/K7F-2QX/comment HTTP/1.1");
	assert_string_equal(r.err, "Alert K7F-2QX has your comment.\n");
	ran_free(&r);
	r = run("alert", "close", "K7F-2QX", "-o", "json");
	assert_int_equal(r.status, CLI_OK);
	assert_contains(r.out, "\"closed_by\": \"anna\"");
	ran_free(&r);
	r = run("alert", "reopen", "K7F-2QX");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_FAILED);
	assert_contains(r.err, "alert K7F-2QX was closed just now");
	ran_free(&r);
}

static void an_alert_tells_who_did_what(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("200", ALERT("closed", "\"acknowledged_by\": \"anna\", \"closed_at\": "
					      "\"2026-11-21T18:40:00.000Z\", \"closed_by\": "
					      "\"ben\", \"comments\": [{\"at\": "
					      "\"2026-11-21T18:31:00.000Z\", \"by\": \"anna\", "
					      "\"text\": \"the switch\"}],")),
		NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("alert", "show", "K7F-2QX");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_contains(r.out, "ago), by ben\n");
	assert_contains(r.out, " anna: the switch\n");
	ran_free(&r);
}

static void a_monitor_is_explained(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("200",
			"{\"monitor\": {\"id\": \"m\", \"name\": \"shop front\"}, \"state\": "
			"\"up\", \"since\": \"2026-11-21T18:30:53.156Z\","
			"\"rule\": {\"seats\": 3, \"down\": 2, \"up\": 2, \"domain\": "
			"\"region\", \"words\": \"q=2 of 3\"}, \"decision\": \"up\","
			"\"tally\": {\"down\": 1, \"up\": 2, \"warning\": 0, \"split\": 0, "
			"\"absent\": 0}, \"burst\": null, \"alerts\": [\"K7F-2QX\"],"
			"\"held\": false, \"sentence\": \"up, because 2 of 3 seats say so\", "
			"\"holding\": [{\"why\": \"parent\", \"words\": \"parent router is "
			"down\"}], \"outlook\": [{\"words\": \"1 more seat saying down makes "
			"it DOWN\"}], \"without_news\": {\"words\": \"without any newer result "
			"it is UNDETERMINED in 40 s\"}, \"confirmation\": \"a turn counts once\", "
			"\"votes\": [{\"probe\": \"tokyo-1\", \"region\": \"tokyo\","
			"\"seat\": 0, \"verdict\": \"up\", \"reason\": \"ok\", \"detail\": "
			"\"200 in 12 ms\", \"age_ms\": 3210, \"fate\": \"counted\","
			"\"why\": null}]}"),
		NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("explain", "shop front");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_contains(server.request[0], "GET /api/v1/monitors/shop%20front/explain ");
	assert_contains(r.out, "shop front is up, since ");
	assert_contains(r.out, "decision   up, because 2 of 3 seats say so\n");
	assert_contains(r.out, "rule       q=2 of 3\n");
	assert_contains(r.out, "seats      1 down, 2 up, 0 warning");
	assert_contains(r.out, "held back  parent router is down\n");
	assert_contains(r.out, "what if    1 more seat saying down makes it DOWN\n"
			       "           without any newer result it is UNDETERMINED in 40 s\n"
			       "           a turn counts once\n");
	assert_contains(r.out, "alerts     K7F-2QX\n");
	assert_contains(
		r.out, "tokyo-1  tokyo      0  up       3.2 s  counted  ok      200 in 12 ms\n");
	ran_free(&r);
}

#define STORY                                                                                      \
	"{\"alert\": {\"case\": \"K7F-2QX\", \"kind\": \"down\", \"state\": \"closed\", "          \
	"\"severity\": \"critical\", \"monitor\": {\"name\": \"shop front\"}}, "                   \
	"\"sentence\": \"It opened because it is DOWN.\", \"outlook\": [{\"words\": \"2 of the 3 " \
	"down seats saying up make it UP\"}], \"story\": [{\"at\": "                               \
	"\"2026-11-21T18:30:53.156Z\", \"words\": \"opened\"}, {\"at\": "                          \
	"\"2026-11-21T18:40:00.000Z\", \"words\": \"closed\"}], \"opening\": {\"votes\": "         \
	"[{\"probe\": \"a probe in tokyo\", \"region\": \"tokyo\", \"seat\": 0, \"verdict\": "     \
	"\"down\", \"age_ms\": 3210, \"fate\": \"counted\"}]}, \"latest\": null, \"closing\": "    \
	"null}"
#define NO_SUCH                                                                                    \
	"{\"type\": \"about:blank\", \"title\": \"Not Found\", \"status\": 404, \"detail\": "      \
	"\"there is no such thing\"}"

static void an_alert_is_explained(void **state UNUSED)
{
	static const char *const answers[] = {ANSWER("200", STORY), NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("explain", "K7F-2QX", "--audience", "customer", "--lang", "ja");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_contains(
		server.request[0], "GET /api/v1/alerts/K7F-2QX/explain?audience=customer&lang=ja ");
	assert_contains(r.out, "K7F-2QX  critical down of shop front, closed\n");
	assert_contains(r.out, "why        It opened because it is DOWN.\n");
	assert_contains(r.out, "what if    2 of the 3 down seats saying up make it UP\n");
	assert_contains(r.out, ": closed\n");
	assert_contains(r.out, "When it opened:\n");
	assert_contains(r.out, "a probe in tokyo  tokyo");
	assert_null(strstr(r.out, "When it closed:"));
	ran_free(&r);
}

/* A monitor may be called as a case is, and an alert has an id as a monitor has. */
static void what_is_explained_is_found(void **state UNUSED)
{
	static const char *const answers[] = {ANSWER("404", NO_SUCH),
		ANSWER("200", "{\"monitor\": {\"name\": \"ABC-123\"}}"), ANSWER("404", NO_SUCH),
		ANSWER("200", STORY), ANSWER("404", NO_SUCH), ANSWER("404", NO_SUCH),
		ANSWER("404", NO_SUCH), NULL};
	struct recorded server;
	struct ran r;

	recorded_start(&server, answers);
	r = run("explain", "ABC-123");
	assert_int_equal(r.status, CLI_OK);
	assert_contains(r.out, "ABC-123 is ");
	assert_string_equal(r.err, "");
	ran_free(&r);
	r = run("explain", "0193a000-0000-7000-8000-000000000001");
	assert_int_equal(r.status, CLI_OK);
	assert_contains(r.out, "K7F-2QX  critical");
	assert_string_equal(r.err, "");
	ran_free(&r);
	r = run("explain", "K7F-2QX");
	assert_int_equal(r.status, CLI_FAILED);
	assert_contains(r.err, "there is neither an alert nor a monitor 'K7F-2QX'");
	ran_free(&r);
	r = run("explain", "nobody");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_FAILED);
	assert_int_equal(server.n_requests, 7);
	assert_contains(server.request[2], "GET /api/v1/monitors/0193a000");
	assert_contains(server.request[3], "GET /api/v1/alerts/0193a000");
	assert_contains(server.request[6], "GET /api/v1/monitors/nobody/explain ");
	ran_free(&r);
}

static void status_has_an_exit_code(void **state UNUSED)
{
	static const char *const answers[] = {
		ANSWER("200", "{\"status\": \"ok\", \"version\": \"0.1.0\", \"monitors\": "
			      "{\"total\": 3, \"up\": 2, \"down\": 1}, \"alerts\": {\"open\": 0}}"),
		ANSWER("200", "{\"status\": \"ok\", \"version\": \"0.1.0\", \"monitors\": "
			      "{\"total\": 3, \"up\": 2, \"down\": 1}, \"alerts\": {\"open\": 0}}"),
		ANSWER("200", "{\"status\": \"ok\", \"version\": \"0.1.0\", \"monitors\": "
			      "{\"total\": 2, \"up\": 2, \"down\": 0}, \"alerts\": {\"open\": 0}}"),
		NULL};
	struct recorded server;
	struct ran r;

	recorded_start(&server, answers);
	r = run("status");
	assert_int_equal(r.status, CLI_OK);
	assert_contains(r.out, "monitors   3: 1 down, 2 up\n");
	ran_free(&r);
	r = run("status", "--exit-code");
	assert_int_equal(r.status, CLI_DOWN);
	ran_free(&r);
	r = run("status", "--exit-code");
	assert_int_equal(r.status, CLI_OK);
	ran_free(&r);
	recorded_stop(&server);
}

/* ---- the stream */

#define EVENT(id, type, alert)                                                                     \
	"id: " id "\nevent: alert." type "\ndata: {\"type\": \"alert." type                        \
	"\", \"timestamp\": \"2026-11-21T18:30:53.156Z\", \"data\": " alert "}\n\n"

static void follow_reconnects_with_the_last_id(void **state UNUSED)
{
	static const char *const answers[] = {
		STREAM(": hello\n\n" EVENT("41", "opened",
			ALERT("open", "\"closed_at\": null,")) "id: 42\nda"), /* torn in the middle
										 of an event */
		ANSWER("503", "{\"detail\": \"starting\"}"),
		STREAM("retry: 10\n" EVENT("42", "closed",
			ALERT("closed", "\"closed_at\": \"2026-11-21T18:31:53.156Z\","))),
		NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("alert", "follow", "--count", "2");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_lacks(server.request[0], "Last-Event-ID");
	assert_contains(server.request[0], "Accept: text/event-stream\r\n");
	assert_contains(server.request[1], "Last-Event-ID: 41\r\n");
	assert_contains(server.request[2], "Last-Event-ID: 41\r\n");
	assert_contains(r.out,
		"opened        K7F-2QX  critical down: shop front (https://shop.example.com/): the "
		"connection was refused, 3 of 3 seats say down\n");
	assert_contains(r.out, "closed        K7F-2QX  critical down: shop front "
			       "(https://shop.example.com/), after 60 s\n");
	assert_contains(r.err, "trying again");
	assert_contains(r.err, "connected again; nothing was missed");
	ran_free(&r);
}

static void follow_prints_one_json_per_line(void **state UNUSED)
{
	static const char *const answers[] = {
		STREAM(EVENT("1", "opened", "{\"case\": \"A\"}") EVENT("2", "closed",
			"{\"case\": \"B\"}") EVENT("3", "closed", "{\"case\": \"C\"}")),
		NULL};
	struct recorded server;

	recorded_start(&server, answers);
	struct ran r = run("alert", "follow", "--count", "2", "-o", "json", "--after", "0");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_OK);
	assert_contains(server.request[0], "Last-Event-ID: 0\r\n");
	assert_string_equal(r.out, "{\"type\":\"alert.opened\",\"timestamp\":\"2026-11-21T18:30:53."
				   "156Z\",\"data\":{\"case\":\"A\"}}\n"
				   "{\"type\":\"alert.closed\",\"timestamp\":\"2026-11-21T18:30:53."
				   "156Z\",\"data\":{\"case\":\"B\"}}\n");
	ran_free(&r);
}

static void follow_ends_where_trying_is_useless(void **state UNUSED)
{
	static const char *const answers[] = {ANSWER("401", "{}"), NULL};
	struct recorded server;
	struct ran r;

	recorded_start(&server, answers);
	r = run("alert", "follow");
	recorded_stop(&server);
	assert_int_equal(r.status, CLI_FAILED);
	assert_contains(r.err, "a key is needed");
	ran_free(&r);
	r = run("alert", "follow", "--url", "http://127.0.0.1:1");
	assert_int_equal(r.status, CLI_FAILED);
	assert_contains(r.err, "cannot follow http://127.0.0.1:1");
	ran_free(&r);
}

struct seen {
	char text[512];
};

static void note_event(void *arg, const char *id, const char *type, const char *data)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);

	snprintf(s->text + n, sizeof(s->text) - n, "[%s|%s|%s]", id, type, data);
}

/* Every way of cutting the bytes gives the same events. */
static void events_survive_any_cut(void **state UNUSED)
{
	static const struct {
		const char *bytes, *events;
	} cases[] = {
		{"data: a\n\n", "[|message|a]"},
		{"data:a\r\n\r\n", "[|message|a]"},
		{"data: a\r\rdata: b\r\r", "[|message|a][|message|b]"},
		{"id: 7\nevent: x\ndata: a\ndata: b\n\ndata: c\n\n", "[7|x|a\nb][7|message|c]"},
		{": comment\n\nevent: x\n\ndata\n\n", "[|message|]"},
		{"data: lost at the end\n", ""},
		{"nonsense\nfield: x\ndata:  two blanks\n\n", "[|message| two blanks]"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t step = 1; step <= strlen(cases[i].bytes); step++) {
			struct seen seen = {0};
			struct sse sse;
			sse_init(&sse, note_event, &seen);
			for (size_t at = 0; at < strlen(cases[i].bytes); at += step) {
				size_t left = strlen(cases[i].bytes) - at;
				assert_int_equal(sse_feed(&sse, cases[i].bytes + at,
							 left < step ? left : step),
					0);
			}
			sse_clear(&sse);
			assert_string_equal(seen.text, cases[i].events);
		}
	}
}

static void an_event_has_a_ceiling(void **state UNUSED)
{
	static char piece[65536];
	struct seen seen = {0};
	struct sse sse;
	int refused = 0;

	memset(piece, 'a', sizeof(piece));
	sse_init(&sse, note_event, &seen);
	for (int i = 0; i < 32 && !refused; i++)
		refused = sse_feed(&sse, piece, sizeof(piece));
	assert_int_equal(refused, -1);
	sse_clear(&sse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(problems_are_for_people),
		cmocka_unit_test(names_are_encoded),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(keys_come_from_safe_places),
		cmocka_unit_test(a_wrong_key_is_said),
		cmocka_unit_test(secrets_can_be_saved),
		cmocka_unit_test(a_join_string_stands_alone),
		cmocka_unit_test(lists_follow_their_pages),
		cmocka_unit_test(an_alert_is_a_page),
		cmocka_unit_test(a_monitor_is_paused_and_resumed),
		cmocka_unit_test(people_act_on_alerts),
		cmocka_unit_test(an_alert_tells_who_did_what),
		cmocka_unit_test(a_monitor_is_explained),
		cmocka_unit_test(an_alert_is_explained),
		cmocka_unit_test(what_is_explained_is_found),
		cmocka_unit_test(status_has_an_exit_code),
		cmocka_unit_test(follow_reconnects_with_the_last_id),
		cmocka_unit_test(follow_prints_one_json_per_line),
		cmocka_unit_test(follow_ends_where_trying_is_useless),
		cmocka_unit_test(events_survive_any_cut),
		cmocka_unit_test(an_event_has_a_ceiling),
	};
	unsetenv("QUORATE_API_KEY");
	unsetenv("QUORATE_API_KEY_FILE");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
