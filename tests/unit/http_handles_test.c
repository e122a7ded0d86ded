// SPDX-License-Identifier: MIT
/* libcurl's handles are used again, and whatever one check has said with them, the next one does not repeat. */
#include "tests/unit/check_kit.h"

#include "probe/http_handles.h"

#define OK      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
#define BODY_OK "\r\nok"

static struct kit kit;

/* Answers always the same, and remembers the last request. */
struct script {
	const char *answer;
	char request[8192];
};

static void serve(int fd, void *arg)
{
	struct script *s = arg;
	if (!peer_read_request(fd, s->request, sizeof(s->request)))
		return;
	(void)peer_say(fd, s->answer);
}

static struct script script;
static struct peer peer;

static int setup(void **state UNUSED)
{
	kit_open(&kit);
	script.answer = OK BODY_OK;
	peer_start(&peer, serve, &script);
	return 0;
}

static int teardown(void **state UNUSED)
{
	peer_stop(&peer);
	kit_close(&kit);
	return 0;
}

static struct monitor plain(void)
{
	char target[64];
	snprintf(target, sizeof(target), "http://127.0.0.1:%d/", peer.port);
	return kit_monitor(CHECK_HTTP, target, 5000);
}

/* Whether a handle is at hand; it is put back. */
static bool one_is_kept(void)
{
	struct http_handles *handles = engine_http_handles(kit.engine);
	CURL *easy = http_handles_take(handles);
	if (easy != NULL)
		http_handles_keep(handles, easy);
	return easy != NULL;
}

/* ---- what may be said beyond the usual */

static void with_header(struct monitor *m)
{
	m->request.headers.item = mem_alloc(sizeof(*m->request.headers.item));
	m->request.headers.item[0] =
		(struct pair){.name = mem_strdup("X-Key"), .value = mem_strdup("s3cret")};
	m->request.headers.n = 1;
}

static void with_password(struct monitor *m)
{
	m->request.auth.user = mem_strdup("user");
	m->request.auth.password.value = mem_strdup("s3cret");
}

static void with_digest(struct monitor *m)
{
	with_password(m);
	m->request.auth.scheme = AUTH_DIGEST;
}

static void with_token(struct monitor *m)
{
	m->request.auth.token.value = mem_strdup("s3cret");
}

static void with_cookies(struct monitor *m)
{
	m->request.cookies = true;
	m->expect.follow = 1;
}

static void with_body(struct monitor *m)
{
	m->request.method = METHOD_POST;
	m->request.body.value = mem_strdup("s3cret");
}

static void with_head(struct monitor *m)
{
	m->request.method = METHOD_HEAD;
}

static void with_compression(struct monitor *m)
{
	m->request.compression = true;
}

static void with_source(struct monitor *m)
{
	m->request.source = mem_strdup("127.0.0.2");
}

static void with_another_way(struct monitor *m)
{
	mem_set(&m->target, "http://127.0.0.9:1/");
	m->request.connect_to = mem_printf("127.0.0.1:%d", peer.port);
}

static void with_path(struct monitor *m)
{
	char *target = mem_printf("%ssome/where?s3cret", m->target);
	free(m->target);
	m->target = target;
}

static void with_nothing(struct monitor *m UNUSED)
{
}

static void nothing_is_repeated(void **state UNUSED)
{
	static const struct {
		void (*with)(struct monitor *m);
		const char *answer;
		const char *said; /* what shows that it was said */
		bool kept;        /* by it alone */
	} cases[] = {
		{with_nothing, OK BODY_OK, "User-Agent: quorate/", true},
		{with_path, OK BODY_OK, "some/where?s3cret", true},
		{with_header, OK BODY_OK, "X-Key: s3cret", false},
		{with_password, OK BODY_OK, "Authorization: Basic ", false},
		{with_digest,
			"HTTP/1.1 401 Who\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", "
			"qop=\"auth\"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
			"Authorization: Digest ", false},
		{with_token, OK BODY_OK, "Authorization: Bearer s3cret", false},
		{with_cookies,
			"HTTP/1.1 302 Found\r\nLocation: /again\r\nSet-Cookie: session=s3cret\r\n"
			"Connection: close\r\nContent-Length: 0\r\n\r\n",
			"Cookie: session=s3cret", false},
		{with_body, OK BODY_OK, "\r\n\r\ns3cret", false},
		{with_head, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "HEAD / ",
			false},
		{with_compression, OK BODY_OK, "Accept-Encoding: gzip", false},
		{with_source, OK BODY_OK, "GET / ", false},
		{with_another_way, OK BODY_OK, "Host: 127.0.0.9:1\r\n", false},
		/* what a peer may wish to be remembered */
		{with_nothing, OK "Set-Cookie: a=s3cret\r\n" BODY_OK, "GET / ", true},
		{with_nothing, OK "Alt-Svc: h2=\"127.0.0.1:1\"; ma=999\r\n" BODY_OK, "GET / ",
			true},
		{with_nothing, "HTTP/1.0 200 OK\r\n\r\n", "GET / ", true},
		/* what does not end well */
		{with_nothing, OK, "GET / ", false},
		{with_nothing, "no HTTP\r\n\r\n", "GET / ", false},
		{with_nothing, "", "GET / ", false},
	};
	char usual[sizeof(script.request)];
	assert_reason(kit_run(&kit, plain()), "ok");
	memcpy(usual, script.request, sizeof(usual));
	assert_null(strstr(usual, "s3cret"));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CURL *easy;
		while ((easy = http_handles_take(engine_http_handles(kit.engine))) != NULL)
			curl_easy_cleanup(easy);
		struct monitor m = plain();
		cases[i].with(&m);
		script.answer = cases[i].answer;
		(void)kit_run(&kit, m);
		if (strstr(script.request, cases[i].said) == NULL)
			fail_msg("case %zu: no '%s' in: %s", i, cases[i].said, script.request);
		if (one_is_kept() != cases[i].kept)
			fail_msg("case %zu: is a handle kept? %d", i, !cases[i].kept);
		script.answer = OK BODY_OK;
		for (int times = 0; times < 2; times++) { /* the one that is kept, if one is */
			assert_reason(kit_run(&kit, plain()), "ok");
			assert_string_equal(script.request, usual);
		}
		assert_true(one_is_kept());
	}
}

/* More than are kept are let go of. */
static void many_at_a_time(void **state UNUSED)
{
	enum { N = 100 };
	struct http_handles *handles = http_handles_new();
	CURL *one = curl_easy_init();
	int kept = 0;
	assert_null(http_handles_take(handles));
	http_handles_keep(handles, one);
	assert_ptr_equal(http_handles_take(handles), one);
	http_handles_keep(handles, one);
	for (int i = 1; i < N; i++)
		http_handles_keep(handles, curl_easy_init());
	for (CURL *easy; (easy = http_handles_take(handles)) != NULL; kept++)
		curl_easy_cleanup(easy);
	assert_in_range(kept, 2, N - 1);
	http_handles_keep(handles, curl_easy_init());
	http_handles_free(handles);
	http_handles_free(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_repeated),
		TEST(many_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
