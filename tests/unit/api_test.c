// SPDX-License-Identifier: MIT
/* The API's server over real sockets, with routes of its own: what holds for every request, and
 * hostile clients. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/api_client.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- fakes of the registry, one key per role, and of the door */

const char *const role_names[] = {"viewer", "editor", "admin", NULL};

const struct api_key *registry_key(struct registry *r UNUSED, const char *secret)
{
	static const struct api_key viewer = {.role = ROLE_VIEWER}, admin = {.role = ROLE_ADMIN};

	if (strcmp(secret, "qk_viewer") == 0)
		return &viewer;
	return strcmp(secret, "qk_admin") == 0 ? &admin : NULL;
}

bool door_client(const struct door *d UNUSED, const struct sockaddr_un *peer UNUSED,
	struct in6_addr *client UNUSED)
{
	return false;
}

#define VIEWER "Authorization: Bearer qk_viewer\r\n"
#define ADMIN  "Authorization: Bearer qk_admin\r\n"
#define JSON   "Content-Type: application/json\r\n"

/* ---- routes of the test */

static struct api_request *kept;
static struct api_stream *stream;
static int handled, streams_closed, contexts_freed;

static void handle_echo(struct api_request *r)
{
	handled++;
	api_reply_json(r, 200,
		json_pack("{s:s, s:s, s:s?, s:s?, s:O?}", "method", r->method, "path", r->path,
			"param", r->params[0], "q", api_query(r, "q"), "body", r->body));
}

static void handle_keep(struct api_request *r)
{
	handled++;
	kept = r;
}

static void handle_big(struct api_request *r)
{
	char *text = mem_alloc(3000001);

	memset(text, 'x', 3000000);
	api_reply_text(r, 200, "text/plain", text);
	free(text);
}

static void stream_closed(void *arg UNUSED)
{
	streams_closed++;
	stream = NULL;
}

static void handle_stream(struct api_request *r)
{
	stream = api_stream_begin(r, stream_closed, NULL);
}

static const struct route routes[] = {
	{.method = "GET",
		.pattern = "/open",
		.role = -1,
		.handle = handle_echo,
		.query = "q other"},
	{.method = "GET", .pattern = "/things", .role = ROLE_VIEWER, .handle = handle_echo},
	{.method = "POST",
		.pattern = "/things",
		.role = ROLE_ADMIN,
		.handle = handle_echo,
		.body_max_bytes = 1000},
	{.method = "GET", .pattern = "/things/special", .role = -1, .handle = handle_echo},
	{.method = "GET", .pattern = "/things/{thing}", .role = -1, .handle = handle_echo},
	{.method = "GET", .pattern = "/keep", .role = -1, .handle = handle_keep},
	{.method = "GET", .pattern = "/big", .role = -1, .handle = handle_big},
	{.method = "GET", .pattern = "/stream", .role = -1, .handle = handle_stream},
	{.method = "POST",
		.pattern = "/large",
		.role = -1,
		.handle = handle_echo,
		.body_max_bytes = API_BODY_MAX_BYTES},
};

/* ---- fixture */

static struct coordinator coordinator;
static struct api *api;
static struct client c;

static void start(int64_t request_ms, size_t connections_max)
{
	struct api_setup setup = api_setup_default;

	setup.routes = routes;
	setup.n_routes = ARRAY_LEN(routes);
	setup.request_ms = request_ms;
	setup.idle_ms = request_ms;
	setup.sweep_ms = 10;
	setup.heartbeat_ms = 50;
	setup.connections_max = connections_max;
	setup.streams_max = 2;
	setup.backlog_max_bytes = 100000;
	coordinator.loop = loop_new();
	coordinator.conf.api_listen = mem_strdup("127.0.0.1:0");
	assert_int_equal(api_open_with(&api, &coordinator, &setup), 0);
	assert_true(api_port(api) > 0);
	handled = streams_closed = contexts_freed = 0;
	kept = NULL;
	stream = NULL;
	client_open(&c, coordinator.loop, api_port(api));
}

static int set_up(void **state UNUSED)
{
	start(20000, 256);
	return 0;
}

static int set_up_hasty(void **state UNUSED)
{
	start(150, 8);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	client_close(&c);
	api_close(api);
	loop_free(coordinator.loop);
	free(coordinator.conf.api_listen);
	free(coordinator.conf.api_socket);
	coordinator = (struct coordinator){0};
	return 0;
}

/* ---- requests and refusals */

static void test_table(void **state UNUSED)
{
	static const struct {
		const char *method, *path, *headers, *body;
		int status;
		const char *says; /* in the body */
	} rows[] = {
		{"GET", "/open", "", NULL, 200, "\"method\":\"GET\""},
		{"GET", "/open?q=a%20b+c", "", NULL, 200, "\"q\":\"a b c\""},
		{"GET", "/open?q=", "", NULL, 200, "\"q\":\"\""},
		{"GET", "/open?q=1&q=2", "", NULL, 400, "twice"},
		{"GET", "/open?zzz=1", "", NULL, 400,
			"unknown query parameter 'zzz'; accepted: q other"},
		{"GET", "/open?q=%zz", "", NULL, 400, "hexadecimal"},
		{"GET", "/open?q=%ff", "", NULL, 400, "UTF-8"},
		{"GET", "/open%00", "", NULL, 400, "NUL"},
		{"GET", "/things/a%00b", "", NULL, 400, "NUL"},
		{"GET", "/things/a%2Fb", "", NULL, 200, "\"param\":\"a/b\""},
		{"GET", "/things/%E6%9D%B1", "", NULL, 200, "\"param\":\"東\""},
		{"GET", "/things/special", "", NULL, 200, "\"param\":null"},
		{"GET", "/things/", "", NULL, 404, "urn:quorate:problem:not-found"},
		{"GET", "/nothing", "", NULL, 404, "urn:quorate:problem:not-found"},
		{"GET", "/a/b/c/d/e/f/g/h/i/j", "", NULL, 404, "not-found"},
		{"DELETE", "/things", ADMIN, NULL, 405, "only GET, HEAD, POST"},
		{"PATCH", "/things", ADMIN, NULL, 405, "only GET, HEAD, POST"},
		{"OPTIONS", "/things", ADMIN, NULL, 405, "PTIONS is not possible"},
		{"PUT", "/things/special", ADMIN, NULL, 405, "only GET, HEAD"},
		{"GET", "/things", "", NULL, 401, "needs an API key"},
		{"GET", "/things", "Authorization: Basic cTpx\r\n", NULL, 401, "must be 'Bearer'"},
		{"GET", "/things", "Authorization: Bearer qk_wrong\r\n", NULL, 401, "not known"},
		{"GET", "/things", VIEWER, NULL, 200, "\"path\":\"/things\""},
		{"GET", "/things", "authorization: bearer   qk_viewer\r\n", NULL, 200, "things"},
		{"POST", "/things", VIEWER JSON, "{}", 403,
			"needs a key of role admin or more; this key's role is viewer"},
		{"POST", "/things", ADMIN JSON, "{\"a\": [1]}", 200, "\"body\":{\"a\":[1]}"},
		{"POST", "/things", ADMIN "Content-Type: application/json; charset=utf-8\r\n", "{}",
			200, "\"body\":{}"},
		{"POST", "/things", ADMIN "Content-Type: application/x-www-form-urlencoded\r\n",
			"a=b", 415, "accepted: application/json"},
		{"POST", "/things", ADMIN "Content-Type: application/jsonx\r\n", "{}", 415,
			"accepted: application/json"},
		{"POST", "/things", ADMIN, "{}", 415, "accepted: application/json"},
		{"POST", "/things", ADMIN JSON, "", 400, "needs a JSON body"},
		{"POST", "/things", ADMIN JSON, "{\"a\":\n tru}", 400, "line 2, column 4"},
		{"POST", "/things", ADMIN JSON, "{\"a\":1,\"a\":2}", 400, "duplicate"},
		{"POST", "/things", ADMIN JSON, "{\"a\":1} x", 400, "not valid JSON"},
		{"POST", "/things", ADMIN JSON, "{\"a\":\"\xff\"}", 400, "not valid JSON"},
		{"GET", "/open", JSON, "{}", 400, "takes no body"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int before = handled;
		int status =
			client_ask(&c, rows[i].method, rows[i].path, rows[i].headers, rows[i].body);

		if (status != rows[i].status || !strstr(client_body(&c), rows[i].says))
			fail_msg("row %zu %s %s: %d %s", i, rows[i].method, rows[i].path, status,
				c.in + c.taken);
		assert_int_equal(handled - before, status == 200);
		assert_true(client_header_is(&c, "\r\nCache-Control: no-store\r\n"));
		assert_true(client_header_is(
			&c, status == 200 ? "\r\nContent-Type: application/json\r\n"
					  : "\r\nContent-Type: application/problem+json\r\n"));
		assert_int_equal(c.in[c.size - 1], '\n');
	}
	assert_int_equal(api->counts.requests, ARRAY_LEN(rows)); /* all on one connection */
}

static void test_headers_of_refusals(void **state UNUSED)
{
	assert_int_equal(client_ask(&c, "GET", "/things", "", NULL), 401);
	assert_true(client_header_is(&c, "\r\nWWW-Authenticate: Bearer realm=\"quorate\"\r\n"));
	assert_int_equal(client_ask(&c, "PUT", "/things", "", NULL), 405);
	assert_true(client_header_is(&c, "\r\nAllow: GET, HEAD, POST\r\n"));
}

static void test_head_has_no_body(void **state UNUSED)
{
	client_say(&c, "HEAD /open HTTP/1.1\r\nHost: t\r\n\r\nGET /open HTTP/1.1\r\nHost: "
		       "t\r\nConnection: close\r\n\r\n");
	assert_true(client_wait(&c, c.closed));
	assert_non_null(strstr(c.in, "Content-Length: "));
	assert_true(strncmp(client_body(&c), "HTTP/1.1 200", 12) ==
		    0); /* the next answer follows at once */
	assert_null(strstr(c.in, "\"method\":\"HEAD\""));
}

static void test_problem_is_rfc_9457(void **state UNUSED)
{
	json_t *body;

	assert_int_equal(client_ask(&c, "GET", "/nothing", "", NULL), 404);
	body = json_loads(client_body(&c), 0, NULL);
	assert_string_equal(
		json_string_value(json_object_get(body, "type")), "urn:quorate:problem:not-found");
	assert_string_equal(json_string_value(json_object_get(body, "title")), "Not Found");
	assert_int_equal(json_integer_value(json_object_get(body, "status")), 404);
	assert_true(json_is_string(json_object_get(body, "detail")));
	json_decref(body);
}

static void test_pipelining_keeps_order(void **state UNUSED)
{
	client_say(&c, "GET /things/1 HTTP/1.1\r\n\r\nGET /things/2 HTTP/1.1\r\n\r\nGET /things/3 "
		       "HTTP/1.1\r\nConnection: close\r\n\r\n");
	assert_true(client_wait(&c, c.closed));
	const char *one = strstr(c.in, "\"param\":\"1\""), *two = strstr(c.in, "\"param\":\"2\""),
		   *three = strstr(c.in, "\"param\":\"3\"");
	assert_true(one && two && three && one < two && two < three);
}

static void test_body_ceiling(void **state UNUSED)
{
	char *body = mem_alloc(1100);

	snprintf(body, 1100, "{\"a\":\"%0991d\"}", 0);
	assert_int_equal(strlen(body), 1000 - 1);
	body[strlen(body) - 2] = '0';
	memcpy(body + 998, "\"}", 3); /* exactly 1000 */
	assert_int_equal(client_ask(&c, "POST", "/things", ADMIN JSON, body), 200);
	memcpy(body + 998, "0\"}", 4);
	assert_int_equal(client_ask(&c, "POST", "/things", ADMIN JSON, body), 413);
	assert_non_null(strstr(client_body(&c), "the body has 1001 bytes; accepted: at most 1000"));
	free(body);
}

static void test_largest_body_passes(void **state UNUSED)
{
	char *body = mem_alloc(API_BODY_MAX_BYTES + 1);

	memset(body, ' ', API_BODY_MAX_BYTES);
	memcpy(body, "[1]", 3);
	assert_int_equal(client_ask(&c, "POST", "/large", JSON, body), 200);
	free(body);
}

static void test_too_large_for_all_is_413(void **state UNUSED)
{
	char *body = mem_alloc(API_BODY_MAX_BYTES + 2);

	memset(body, ' ', API_BODY_MAX_BYTES + 1);
	assert_int_equal(client_ask(&c, "POST", "/large", JSON, body), 413);
	assert_non_null(strstr(client_body(&c), "\"detail\":\"the body is larger than 4 MiB"));
	assert_null(strchr(c.in, 0x3c)); /* no HTML */
	assert_int_equal(handled, 0);
	free(body);
}

/* ---- asynchronous answers */

static void free_context(void *context)
{
	contexts_freed++;
	free(context);
}

static void keep_one(void)
{
	client_say(&c, "GET /keep HTTP/1.1\r\n\r\n");
	assert_true(client_wait(&c, kept != NULL));
	kept->context = mem_alloc(8);
	kept->context_free = free_context;
}

static void test_answer_later(void **state UNUSED)
{
	keep_one();
	api_reply_json(kept, 200, json_pack("{s:i}", "late", 1));
	assert_int_equal(client_answer(&c), 200);
	assert_string_equal(client_body(&c), "{\"late\":1}\n");
	assert_int_equal(contexts_freed, 1);
	assert_int_equal(client_ask(&c, "GET", "/open", "", NULL), 200);
}

static void test_client_gone_before_the_answer(void **state UNUSED)
{
	struct client other;

	keep_one();
	conn_doom(api->conns); /* what a deadline does */
	assert_true(client_wait(&c, c.closed));
	assert_int_equal(api->counts.connections, 0);
	api_reply_json(kept, 200, json_object()); /* goes nowhere, and harms nobody */
	assert_int_equal(contexts_freed, 1);
	client_open(&other, coordinator.loop, api_port(api));
	assert_int_equal(client_ask(&other, "GET", "/open", "", NULL), 200);
	client_close(&other);
}

static void test_close_with_a_request_open(void **state UNUSED)
{
	keep_one(); /* tear_down closes the server; the sanitizer watches */
}

static void test_close_with_all_kinds_open(void **state UNUSED)
{
	struct client idle, half, gone;

	client_open(&idle, coordinator.loop, api_port(api));
	client_open(&half, coordinator.loop, api_port(api));
	client_open(&gone, coordinator.loop, api_port(api));
	client_say(&half, "POST /large HTTP/1.1\r\nContent-Length: 100\r\n\r\n{");
	client_say(&gone, "GET /keep HTTP/1.1\r\n\r\n");
	assert_true(client_wait(&gone, kept != NULL));
	conn_doom(kept ? ((struct exchange *)kept->private_data)->conn : NULL);
	assert_true(client_wait(&gone, gone.closed));
	client_say(&c, "GET /stream HTTP/1.1\r\n\r\n");
	assert_true(client_wait(&c, stream != NULL));
	client_close(&idle);
	client_close(&half);
	client_close(&gone);
	api_close(api);
	assert_int_equal(streams_closed, 1);
	api = NULL;
}

/* ---- streams */

static void test_stream(void **state UNUSED)
{
	client_say(&c, "GET /stream HTTP/1.1\r\n\r\n");
	assert_true(client_wait(&c, stream && strstr(c.in, "retry: 1000\n\n")));
	assert_true(client_header_is(&c, "Content-Type: text/event-stream"));
	assert_int_equal(api_stream_event(stream, 7, "alert.opened", "{\"a\":1}"), 0);
	assert_true(
		client_wait(&c, strstr(c.in, "id: 7\nevent: alert.opened\ndata: {\"a\":1}\n\n")));
	assert_true(client_wait(&c, strstr(c.in, ": still here\n\n")));
	client_close(&c);
	client_open(&c, coordinator.loop, api_port(api));
	assert_true(client_wait(&c, streams_closed == 1)); /* a hang-up is seen without writing */
	assert_int_equal(api->counts.streams, 0);
}

static void test_stream_end(void **state UNUSED)
{
	client_say(&c, "GET /stream HTTP/1.1\r\n\r\n");
	assert_true(client_wait(&c, stream != NULL));
	api_stream_end(stream);
	assert_true(client_wait(&c, strstr(c.in, "\r\n0\r\n\r\n")));
	assert_int_equal(
		client_ask(&c, "GET", "/open", "", NULL), 200); /* the connection goes on */
	assert_int_equal(streams_closed, 0);
}

static void test_streams_are_counted(void **state UNUSED)
{
	struct client more[2];

	for (size_t i = 0; i < 2; i++) {
		stream = NULL;
		client_open(&more[i], coordinator.loop, api_port(api));
		client_say(&more[i], "GET /stream HTTP/1.1\r\n\r\n");
		assert_true(client_wait(&more[i], stream != NULL));
	}
	assert_int_equal(client_ask(&c, "GET", "/stream", "", NULL), 503);
	assert_int_equal(client_ask(&c, "HEAD", "/stream", "", NULL), 200);
	for (size_t i = 0; i < 2; i++)
		client_close(&more[i]);
}

static void test_slow_reader_is_dropped(void **state UNUSED)
{
	char *data = mem_alloc(60001);
	int sent = 0, small = 4096;

	memset(data, 'x', 60000);
	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	client_say(&c, "GET /stream HTTP/1.1\r\n\r\n");
	assert_true(client_wait(&c, stream != NULL));
	while (stream && api_stream_event(stream, sent, "t", data) == 0) {
		event_base_loop(loop_base(coordinator.loop),
			EVLOOP_NONBLOCK); /* the client reads nothing */
		assert_true(++sent < 1000);
	}
	assert_int_equal(streams_closed, 0); /* not from inside the call */
	event_base_loop(loop_base(coordinator.loop), EVLOOP_NONBLOCK);
	assert_int_equal(streams_closed, 1);
	assert_int_equal(api->counts.streams_dropped, 1);
	free(data);
}

static void test_stream_reader_who_talks(void **state UNUSED)
{
	char *noise = mem_alloc(200000);

	memset(noise, 'A', 200000);
	client_say(&c, "GET /stream HTTP/1.1\r\n\r\n");
	assert_true(client_wait(&c, stream != NULL));
	for (int i = 0; i < 3; i++) /* no more than a little of it is taken in */
		(void)!send(c.fd, noise, 200000, MSG_NOSIGNAL);
	assert_int_equal(api_stream_event(stream, 1, "t", "{}"), 0);
	assert_true(client_wait(&c, strstr(c.in, "event: t")));
	free(noise);
}

/* ---- hostile clients (request_ms = 150, 8 connections) */

static void test_slowloris(void **state UNUSED)
{
	int64_t began_ms = clock_now_ms();

	client_say(&c, "GET /open HTTP/1.1\r\nX: ");
	while (!c.closed && clock_now_ms() - began_ms < WAIT_MAX_MS) {
		(void)!send(c.fd, "a", 1, MSG_NOSIGNAL); /* never inactive, never done */
		client_turn(&c);
		client_rest(&c);
	}
	assert_true(c.closed);
	assert_true(clock_now_ms() - began_ms >= 150);
	assert_int_equal(api->counts.cut, 1);
}

static void test_slow_body(void **state UNUSED)
{
	client_say(&c, "POST /large HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
		       "1000\r\n\r\n");
	while (!c.closed) {
		(void)!send(c.fd, " ", 1, MSG_NOSIGNAL);
		client_turn(&c);
		client_rest(&c);
	}
	assert_int_equal(handled, 0);
	assert_int_equal(api->buffered_bytes, 0);
}

static void test_silent_connection_is_closed(void **state UNUSED)
{
	assert_true(client_wait(&c, c.closed));
}

static void test_reader_of_a_large_answer_who_stops(void **state UNUSED)
{
	int small = 4096;

	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	(void)!send(c.fd, "GET /big HTTP/1.1\r\n\r\n", 21, MSG_NOSIGNAL);
	int64_t until_ms = clock_now_ms() + WAIT_MAX_MS;
	do {
		event_base_loop(loop_base(coordinator.loop), EVLOOP_NONBLOCK);
		(void)poll(NULL, 0, 1);
	} while (api->counts.cut == 0 && clock_now_ms() < until_ms);
	assert_int_equal(api->counts.cut, 1);
	assert_int_equal(api->counts.connections, 0);
}

static void test_giant_header(void **state UNUSED)
{
	char *junk = mem_alloc(100001);

	memset(junk, 'a', 100000);
	client_say(&c, "GET /open HTTP/1.1\r\nX: ");
	client_send(&c, junk, 100000);
	assert_true(client_wait(&c, c.closed));
	assert_int_equal(handled, 0);
	assert_true(api->buffered_bytes < 100000);
	free(junk);
}

static void test_broken_http(void **state UNUSED)
{
	static const char *const rows[] = {
		"\r\n\r\n\r\n",
		"GET\r\n\r\n",
		"GET /open HTTP/9.9\r\n\r\n",
		"NONSENSE /open HTTP/1.1\r\n\r\n",
		"GET /open HTTP/1.1\r\nno colon\r\n\r\n",
		"POST /large HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
		"POST /large HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"POST /large HTTP/1.1\r\nContent-Length: 4x\r\n\r\nabcd",
		"POST /large HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcd\r\n0\r\n\r\n",
		"POST /large HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\na",
		"POST /large HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\nabcd\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", /* a TLS hello */
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct client other;

		client_open(&other, coordinator.loop, api_port(api));
		client_say(&other, rows[i]);
		if (!client_wait(&other, other.closed))
			fail_msg("row %zu was not closed: %s", i, other.in);
		if (other.size > 0 &&
			(!strstr(other.in, "application/problem+json") || strstr(other.in, "<") ||
				(strncmp(other.in, "HTTP/1.1 4", 10) != 0 &&
					strncmp(other.in, "HTTP/1.1 501", 12) != 0)))
			fail_msg("row %zu: %s", i, other.in);
		client_close(&other);
	}
	assert_int_equal(handled, 0);
	assert_int_equal(api->buffered_bytes, 0);
}

static void test_expect_continue(void **state UNUSED)
{
	client_say(&c, "POST /large HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
		       "2\r\nExpect: 100-continue\r\n\r\n");
	assert_true(client_wait(&c, strstr(c.in, "100 Continue\r\n\r\n")));
	client_next(&c);
	client_say(&c, "{}");
	assert_int_equal(client_answer(&c), 200);
	client_next(&c);
	client_say(&c, "POST /large HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
		       "2\r\nExpect: wonders\r\n\r\n");
	assert_int_equal(client_answer(&c), 417);
	assert_true(client_header_is(&c, "Content-Type: application/problem+json"));
}

static void test_chunked_body(void **state UNUSED)
{
	client_say(&c, "POST /large HTTP/1.1\r\nContent-Type: "
		       "application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
		       "3\r\n{\"a\r\n6\r\n\": 1}\n\r\n0\r\n\r\n");
	assert_int_equal(client_answer(&c), 200);
	assert_non_null(strstr(client_body(&c), "\"body\":{\"a\":1}"));
}

static void test_too_many_connections(void **state UNUSED)
{
	enum { MANY = 300 };
	static struct client many[MANY];
	size_t answered = 0;

	client_close(&c);
	for (size_t i = 0; i < MANY; i++) {
		client_open(&many[i], coordinator.loop, api_port(api));
		(void)!send(
			many[i].fd, "GET /open HTTP/1.1\r\nX: ", 23, MSG_NOSIGNAL); /* unfinished */
		client_turn(&many[i]);
		assert_true(api->counts.connections <= 8);
	}
	client_open(&c, coordinator.loop, api_port(api));
	for (size_t i = 0; i < MANY; i++)
		client_close(&many[i]);
	answered = client_ask(&c, "GET", "/open", "", NULL) == 200;
	assert_int_equal(
		answered, 1); /* the unfinished made room, by their deadline or by leaving */
}

static void test_idle_makes_room(void **state UNUSED)
{
	struct client idle[8];

	for (size_t i = 0; i < 8; i++)
		client_open(&idle[i], coordinator.loop, api_port(api));
	assert_true(client_wait(&c, api->counts.cut >= 1));
	for (size_t i = 0; i < 8; i++)
		client_close(&idle[i]);
}

/* ---- listeners */

static void test_unix_socket(void **state UNUSED)
{
	char folder[] = "/tmp/qapi.XXXXXX";
	struct coordinator other = {.loop = coordinator.loop};
	struct api_setup setup = api->setup;
	struct api *second = NULL, *third = NULL;
	struct client u;
	struct stat facts;

	assert_non_null(mkdtemp(folder));
	other.conf.api_socket = mem_printf("%s/api.sock", folder);
	assert_int_equal(api_open_with(&second, &other, &setup), 0);
	assert_int_equal(stat(other.conf.api_socket, &facts), 0);
	assert_int_equal(facts.st_mode & 0777, 0660);
	assert_int_equal(client_open_unix(&u, coordinator.loop, other.conf.api_socket), 0);
	assert_int_equal(client_ask(&u, "GET", "/open", "", NULL), 200);
	client_close(&u);
	assert_int_equal(api_open_with(&third, &other, &setup), -1); /* somebody answers on it */
	assert_int_equal(stat(other.conf.api_socket, &facts), 0);

	/* A stale one: the file is there, nobody answers. */
	char *copy = mem_printf("%s/old", folder);
	assert_int_equal(link(other.conf.api_socket, copy), 0);
	api_close(second);
	assert_int_equal(rename(copy, other.conf.api_socket), 0);
	assert_int_equal(api_open_with(&second, &other, &setup), 0);
	api_close(second);
	assert_int_equal(stat(other.conf.api_socket, &facts), -1);

	/* What is no socket is not touched. */
	FILE *f = fopen(other.conf.api_socket, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(api_open_with(&second, &other, &setup), -1);
	assert_int_equal(stat(other.conf.api_socket, &facts), 0);
	unlink(other.conf.api_socket);
	free(copy);

	char *path = mem_printf("%s/%0120d", folder, 0);
	free(other.conf.api_socket);
	other.conf.api_socket = path;
	assert_int_equal(
		api_open_with(&second, &other, &setup), -1); /* too long for a socket address */
	free(path);
	rmdir(folder);
}

static void test_only_loopback(void **state UNUSED)
{
	static const char *const rows[] = {
		"0.0.0.0:0", "192.0.2.1:80", "[::]:0", "127.0.0.1:x", "nonsense", "example.com:80"};
	struct coordinator other = {.loop = coordinator.loop};
	struct api *second;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		other.conf.api_listen = mem_strdup(rows[i]);
		assert_int_equal(api_open_with(&second, &other, &api->setup), -1);
		free(other.conf.api_listen);
	}
}

#define NORMAL(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
#define HASTY(t)  cmocka_unit_test_setup_teardown(t, set_up_hasty, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NORMAL(test_table),
		NORMAL(test_headers_of_refusals),
		NORMAL(test_head_has_no_body),
		NORMAL(test_problem_is_rfc_9457),
		NORMAL(test_pipelining_keeps_order),
		NORMAL(test_body_ceiling),
		NORMAL(test_largest_body_passes),
		NORMAL(test_too_large_for_all_is_413),
		NORMAL(test_answer_later),
		NORMAL(test_client_gone_before_the_answer),
		NORMAL(test_close_with_a_request_open),
		NORMAL(test_close_with_all_kinds_open),
		NORMAL(test_stream),
		NORMAL(test_stream_end),
		NORMAL(test_streams_are_counted),
		NORMAL(test_slow_reader_is_dropped),
		NORMAL(test_stream_reader_who_talks),
		HASTY(test_slowloris),
		HASTY(test_slow_body),
		HASTY(test_silent_connection_is_closed),
		HASTY(test_reader_of_a_large_answer_who_stops),
		HASTY(test_giant_header),
		HASTY(test_broken_http),
		HASTY(test_chunked_body),
		HASTY(test_expect_continue),
		HASTY(test_too_many_connections),
		HASTY(test_idle_makes_room),
		NORMAL(test_unix_socket),
		NORMAL(test_only_loopback),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
