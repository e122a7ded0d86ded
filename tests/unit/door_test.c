// SPDX-License-Identifier: MIT
/*
 * The door over real TLS: who comes in, who is turned away and with which words, what strangers leave behind, and when
 * a link ends.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "door_world.h"

#include <sys/stat.h>

static int setup(void **state)
{
	*state = world_new(1000, 64);
	return 0;
}

static int setup_small(void **state)
{
	*state = world_new(8, 4);
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* ---- strangers */

static void strangers_are_answered(void **state)
{
	struct world *w = *state;
	static char long_line[PREFACE_MAX_BYTES + 200];
	const struct {
		const char *alpn; /* NULL: none */
		int version;      /* of TLS, the newest */
		const char *say;
		const char *answer; /* what comes back contains this; NULL: the handshake fails */
		enum door_end end;
	} table[] = {
		{LINK_ALPN, 0, "hello\n", "\"malformed\"", DOOR_END_MALFORMED},
		{LINK_ALPN, 0, "\n", "\"malformed\"", DOOR_END_MALFORMED},
		{LINK_ALPN, 0, long_line, "\"malformed\"", DOOR_END_MALFORMED},
		{LINK_ALPN, 0, "{\"type\":\"preface\",\"version\":1}\n", "\"malformed\"",
			DOOR_END_MALFORMED},
		{LINK_ALPN, 0,
			"{\"type\":\"preface\",\"version\":2,\"stream\":\"report\",\"probe\":"
			"\"tokyo-1\",\"token\":\"qpt_0123456789abcdef\"}\n",
			"\"version\"", DOOR_END_VERSION},
		{LINK_ALPN, 0,
			"{\"type\":\"preface\",\"version\":1,\"stream\":\"report\",\"probe\":"
			"\"tokyo-1\",\"token\":\"qpt_0123456789abcdef\"}\n",
			"\"unauthorized\"", DOOR_END_UNAUTHORIZED},
		{LINK_ALPN, 0,
			"{\"type\":\"preface\",\"version\":1,\"stream\":\"report\",\"probe\":"
			"\"osaka-1\",\"token\":\"qpt_0123456789abcdef\"}\n",
			"\"unauthorized\"", DOOR_END_UNAUTHORIZED},
		{LINK_ALPN, TLS1_2_VERSION, "", NULL, DOOR_END_HANDSHAKE},
		{NULL, TLS1_2_VERSION, "", NULL, DOOR_END_HANDSHAKE},
		{"\x02h2", 0, "", NULL, DOOR_END_HANDSHAKE},
		{NULL, 0, "GET /healthz HTTP/1.0\r\n\r\n", "{\"status\":\"ok\"}", DOOR_END_CLOSED},
		{"\x02h2\x08http/1.1", 0, "GET /healthz HTTP/1.0\r\n\r\n", "{\"status\":\"ok\"}",
			DOOR_END_CLOSED},
		{NULL, 0, "GET /api/v1/status HTTP/1.0\r\n\r\n", "401 ", DOOR_END_CLOSED},
	};

	memset(long_line, 'x', sizeof(long_line) - 1);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct client c;
		int64_t before = world_ended(w, table[i].end);
		client_open(&c, w, 1);
		client_tls(&c, table[i].alpn, table[i].version);
		if (c.failed != !table[i].answer)
			fail_msg("row %zu: the handshake", i);
		client_send(&c, table[i].say, strlen(table[i].say));
		if (table[i].answer && !client_wait(&c, strstr(c.in, table[i].answer)))
			fail_msg("row %zu: %s", i, c.in);
		client_close(&c);
		if (!world_wait(w, world_ended(w, table[i].end) == before + 1))
			fail_msg("row %zu: not counted", i);
	}
	assert_int_equal(
		world_counts(w).strangers + world_counts(w).links + world_counts(w).api, 0);
}

static void plain_http_is_told_where_to_go(void **state)
{
	struct world *w = *state;
	struct client c;

	client_open(&c, w, 1);
	client_send(&c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 26);
	assert_true(client_wait(&c, c.closed));
	assert_non_null(strstr(c.in, "400 "));
	assert_non_null(strstr(c.in, "\r\n\r\nThis port speaks TLS 1.3: use https://.\n"));
	assert_int_equal(world_ended(w, DOOR_END_PLAIN), 1);
	client_close(&c);
}

/* Silence: before the first byte, in the middle of the hello, before the preface and in the middle of it. */
static void silence_ends_in_time(void **state)
{
	struct world *w = *state;
	struct client c[4];
	int64_t begin_ms = clock_now_ms();

	for (int i = 0; i < 4; i++)
		client_open(&c[i], w, 1);
	client_send(&c[1], "\x16\x03\x01\x02", 4);
	client_tls(&c[2], LINK_ALPN, 0);
	client_tls(&c[3], LINK_ALPN, 0);
	client_send(&c[3], "{\"type\"", 7);
	assert_true(world_wait(w, world_ended(w, DOOR_END_LATE) == 4));
	assert_in_range(clock_now_ms() - begin_ms, 4900, 12000);
	for (int i = 0; i < 4; i++)
		client_close(&c[i]);
	assert_int_equal(world_counts(w).strangers, 0);
}

/* A byte now and then does not move a deadline. */
static void slow_prefaces_end_in_time(void **state)
{
	struct world *w = *state;
	struct client c;
	int64_t begin_ms;

	client_open(&c, w, 1);
	client_tls(&c, LINK_ALPN, 0);
	begin_ms = clock_now_ms();
	while (!c.closed && clock_now_ms() - begin_ms < WAIT_MAX_MS) {
		client_send(&c, " ", 1);
		for (int64_t next = clock_now_ms() + 50; clock_now_ms() < next && !c.closed;)
			client_turn(&c);
	}
	assert_true(c.closed);
	assert_in_range(clock_now_ms() - begin_ms, 4900, 12000);
	client_close(&c);
}

static void places_are_counted(void **state)
{
	struct world *w = *state; /* 8 in all, 4 for an address */
	struct client c[10];

	for (int i = 0; i < 4; i++)
		client_open(&c[i], w, 2);
	assert_true(world_wait(w, world_counts(w).strangers == 4));
	client_open(&c[4], w, 2); /* one too many from there */
	assert_true(client_wait(&c[4], c[4].closed));
	assert_int_equal(world_ended(w, DOOR_END_FULL), 1);
	for (int i = 5; i < 9; i++)
		client_open(&c[i], w, 3);
	assert_true(world_wait(w, world_counts(w).strangers == 8));
	client_open(&c[9], w, 4); /* the one that waited longest goes */
	assert_true(client_wait(&c[0], c[0].closed));
	client_turn(&c[1]);
	client_turn(&c[9]);
	assert_false(c[1].closed || c[9].closed);
	assert_int_equal(world_counts(w).strangers, 8);
	for (int i = 0; i < 10; i++)
		client_close(&c[i]);
	assert_true(world_wait(w, world_counts(w).strangers == 0));
}

static void known_probes_keep_their_places(void **state)
{
	struct world *w = *state;
	struct client link[2], c[10];

	client_link(&link[0], w, LINK_REPORT);
	client_link(&link[1], w, LINK_ORDERS);
	for (int i = 0; i < 10; i++)
		client_open(&c[i], w, 2 + i / 3);
	assert_true(world_wait(w, world_counts(w).accepted == 12));
	assert_int_equal(world_counts(w).links, 2);
	assert_int_equal(world_counts(w).strangers, 6);
	for (int i = 0; i < 10; i++)
		client_close(&c[i]);
	client_close(&link[0]);
	client_close(&link[1]);
	assert_true(world_wait(w, world_counts(w).links == 0));
}

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* One of several kinds of visit, from one of many addresses. */
static void visit(struct world *w, int i)
{
	static const char *const bytes[] = {"", "\x16", "\x16\x03\x01\xff\xff\x01", "\x80\x2e\x01",
		"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\x05hello"};
	struct linger reset = {.l_onoff = 1};
	struct client c;

	client_open(&c, w, 2 + i % 200);
	if (i % 10 < 6) {
		client_send(&c, bytes[i % 10], strlen(bytes[i % 10]));
	} else if (i % 10 < 9) {
		client_tls(&c, i % 10 == 6 ? NULL : LINK_ALPN, 0);
		client_send(&c, "\0\xff{}\n", (size_t)(i % 6));
	} else {
		(void)setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	}
	client_turn(&c);
	client_close(&c);
}

static void two_thousand_strangers_leave_nothing(void **state)
{
	struct world *w = *state;
	int before = open_descriptors();
	int64_t accepted;

	loop_lag_us(w->c.loop);
	for (int i = 0; i < 2000; i++)
		visit(w, i);
	accepted = world_counts(w).accepted;
	assert_true(accepted >= 1800); /* a reset may come before accept() */
	assert_true(world_wait(w, world_counts(w).strangers + world_counts(w).api == 0));
	assert_true(world_wait(w, open_descriptors() == before));
}

/* ---- fronts */

static void trust_front(struct world *w, const char *network)
{
	struct strings *from = &w->c.conf.door_proxy_from;

	from->item = mem_resize(from->item, from->n + 1, sizeof(*from->item));
	from->item[from->n++] = mem_strdup(network);
}

/* What counts behind a front is whom it brings. */
static void a_fronts_clients_are_told_apart(void **state)
{
	static const char *const brings[] = {"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1",
		"192.0.2.2", "192.0.2.1", "192.0.2.2"};
	struct world *w = *state; /* 8 in all, 4 for an address */
	struct client c[ARRAY_LEN(brings)];
	char header[120];

	trust_front(w, "198.51.100.0/24");
	trust_front(w, "127.0.0.2/31");
	for (size_t i = 0; i < ARRAY_LEN(brings); i++) {
		client_open(&c[i], w, 2 + (int)i % 2);
		snprintf(header, sizeof(header), "PROXY TCP4 %s 198.51.100.1 4000 443\r\n",
			brings[i]);
		client_send(&c[i], header, 20); /* in two pieces */
		client_turn(&c[i]);
		client_send(&c[i], header + 20, strlen(header) - 20);
		client_turn(&c[i]);
		if (i == 5) {
			assert_true(client_wait(&c[i], c[i].closed));
			assert_int_equal(world_ended(w, DOOR_END_FULL), 1);
		}
	}
	assert_true(world_wait(w, world_counts(w).strangers == 6));
	for (size_t i = 0; i < ARRAY_LEN(brings); i++)
		client_close(&c[i]);
	assert_true(world_wait(w, world_counts(w).strangers == 0));
}

static void a_link_comes_through_a_front(void **state)
{
	static const char v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64"
				 "\x01\xdc\x04\x01\xbb";
	struct world *w = *state;
	struct client c;

	trust_front(w, "127.0.0.2");
	client_open(&c, w, 2);
	client_send(&c, v2, sizeof(v2) - 1);
	client_tls(&c, LINK_ALPN, 0);
	assert_false(c.failed);
	client_preface(&c, LINK_REPORT, "tokyo-1", w->token, PREFACE_VERSION);
	assert_true(client_wait(&c, strstr(c.in, "accepted")));
	client_close(&c);
	/* who is not a front has no say in where he is from */
	client_open(&c, w, 3);
	client_send(&c, v2, sizeof(v2) - 1);
	assert_true(client_wait(&c, c.closed));
	assert_int_equal(world_ended(w, DOOR_END_PLAIN), 1);
	client_close(&c);
}

static void a_front_has_to_say_whom_it_brings(void **state)
{
	static const char *const says[] = {"\x16\x03\x01", "GET / HTTP/1.1\r\n", "PROXY TCP4\r\n"};
	struct world *w = *state;
	struct client c;

	trust_front(w, "127.0.0.2");
	for (size_t i = 0; i < ARRAY_LEN(says); i++) {
		client_open(&c, w, 2);
		client_send(&c, says[i], strlen(says[i]));
		assert_true(client_wait(&c, c.closed));
		assert_int_equal(world_ended(w, DOOR_END_FRONT), i + 1);
		client_close(&c);
	}
	client_open(&c, w, 2); /* nor has it for ever */
	client_send(&c, "PROXY TCP4 192.0.2.1", 20);
	assert_true(client_wait(&c, c.closed));
	assert_int_equal(world_ended(w, DOOR_END_LATE), 1);
	client_close(&c);
}

static int say_join(struct client *c)
{
	static const char body[] = "{\"probe\":\"tokyo-1\",\"secret\":\"qj_0123456789abcdef\","
				   "\"token\":\"0123456789abcdef\"}";
	char request[400];

	c->size = 0;
	c->in[0] = '\0';
	snprintf(request, sizeof(request),
		"POST /api/v1/join HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		strlen(body), body);
	client_send(c, request, strlen(request));
	assert_true(client_wait(c, strstr(c->in, "}")));
	return atoi(c->in + strlen("HTTP/1.1 "));
}

/* The API behind the door counts its callers by their own addresses. */
static void the_api_knows_its_clients(void **state)
{
	struct world *w = *state;
	struct client a, b, front;

	trust_front(w, "127.0.0.4");
	client_open(&a, w, 2);
	client_tls(&a, NULL, 0);
	for (int i = 0; i < JOIN_BURST; i++)
		assert_int_equal(say_join(&a), 403);
	assert_int_equal(say_join(&a), 429);
	client_open(&b, w, 3);
	client_tls(&b, NULL, 0);
	assert_int_equal(say_join(&b), 403);
	client_open(&front, w, 4); /* it brings the first one again */
	client_send(&front, "PROXY TCP4 127.0.0.2 127.0.0.1 4000 443\r\n", 41);
	client_tls(&front, NULL, 0);
	assert_int_equal(say_join(&front), 429);
	client_close(&a);
	client_close(&b);
	client_close(&front);
}

/* ---- links */

/* A message as nanomsg frames it on ipc://: 01, its size, a request id, the body. */
static void send_request(struct client *c, enum message_type type, const void *message)
{
	size_t size;
	char *body = message_encode(type, message, &size);
	unsigned char head[13] = {1, 0, 0, 0, 0, 0, 0, (unsigned char)((size + 4) >> 8),
		(unsigned char)(size + 4), 0x80, 0, 0, 7};

	client_send(c, head, sizeof(head));
	client_send(c, body, size);
	free(body);
}

static struct message *await_reply(struct client *c)
{
	struct problems p = {0};
	struct message *m;
	size_t size;

	assert_true(client_wait(c, c->size >= 13));
	size = (size_t)(unsigned char)c->in[7] << 8 | (unsigned char)c->in[8];
	assert_true(client_wait(c, c->size >= 9 + size));
	assert_memory_equal(c->in + 9, "\x80\0\0\x07", 4); /* the request's id comes back */
	m = message_decode(c->in + 13, size - 4, &p);
	assert_non_null(m);
	return m;
}

static void say_hello(struct client *c)
{
	struct hello hello = {.version = LINK_VERSION,
		.probe = mem_strdup("tokyo-1"),
		.token = mem_strdup(c->w->token),
		.boot = id_new()};
	struct message *m;

	send_request(c, MESSAGE_HELLO, &hello);
	m = await_reply(c);
	assert_int_equal(m->type, MESSAGE_WELCOME);
	message_free(m);
	free(hello.probe);
	free(hello.token);
}

static int64_t sessions(const struct world *w)
{
	struct fleet_counts counts;

	fleet_counts(w->c.fleet, &counts);
	return counts.sessions;
}

static void a_session_lives_as_long_as_its_report_connection(void **state)
{
	struct world *w = *state;
	struct client report, orders;

	client_link(&report, w, LINK_REPORT);
	client_link(&orders, w, LINK_ORDERS);
	say_hello(&report);
	assert_int_equal(sessions(w), 1);
	client_close(&orders);
	assert_true(world_wait(w, world_counts(w).links == 1));
	assert_int_equal(sessions(w), 1);
	client_close(&report);
	assert_true(world_wait(w, sessions(w) == 0));
	assert_int_equal(world_counts(w).links, 0);
}

/* The doctor of a running probe: it is told what it asks, at any time, and nobody else notices. */
static void a_question_changes_nothing(void **state)
{
	static const struct {
		const char *token; /* NULL: the right one */
		int version;
		const char *answer;
		enum door_end end;
	} table[] = {
		{NULL, PREFACE_VERSION, "\"standing\":\"voting\"", DOOR_END_CLOSED},
		{NULL, PREFACE_VERSION, "\"now_wall_ms\":", DOOR_END_CLOSED},
		{NULL, PREFACE_VERSION + 1, "\"version\"", DOOR_END_VERSION},
		{"qpt_0123456789abcdef", PREFACE_VERSION, "\"unauthorized\"",
			DOOR_END_UNAUTHORIZED},
	};
	struct world *w = *state;
	struct client report, orders, c;

	client_link(&report, w, LINK_REPORT);
	client_link(&orders, w, LINK_ORDERS);
	say_hello(&report);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int64_t before = world_ended(w, table[i].end);
		client_open(&c, w, 1);
		client_tls(&c, LINK_ALPN, 0);
		client_preface(&c, PREFACE_DOCTOR, "tokyo-1",
			table[i].token ? table[i].token : w->token, table[i].version);
		assert_true(client_wait(&c, c.closed));
		if (!strstr(c.in, table[i].answer))
			fail_msg("row %zu: %s", i, c.in);
		client_close(&c);
		assert_true(world_wait(w, world_ended(w, table[i].end) == before + 1));
	}
	client_turn(&report);
	client_turn(&orders);
	assert_false(report.closed || orders.closed);
	assert_int_equal(sessions(w), 1);
	assert_int_equal(world_counts(w).links, 2);
	assert_int_equal(world_ended(w, DOOR_END_REPLACED) + world_ended(w, DOOR_END_BUSY), 0);
	client_close(&report);
	client_close(&orders);
	assert_true(world_wait(w, world_counts(w).links == 0));
}

static void a_newer_connection_replaces_the_older(void **state)
{
	struct world *w = *state;
	struct client first, orders, second;

	client_link(&first, w, LINK_REPORT);
	client_link(&orders, w, LINK_ORDERS);
	say_hello(&first);
	client_open(&second, w, 1); /* too soon */
	client_tls(&second, LINK_ALPN, 0);
	client_preface(&second, LINK_REPORT, "tokyo-1", w->token, PREFACE_VERSION);
	assert_true(client_wait(&second, strstr(second.in, "\"busy\"")));
	client_close(&second);
	assert_int_equal(sessions(w), 1);
	for (int64_t later = clock_now_ms() + 2000; clock_now_ms() < later;)
		client_turn(&first);
	client_link(&second, w, LINK_REPORT);
	assert_true(client_wait(&first, first.closed));
	assert_int_equal(sessions(w), 0);
	say_hello(&second);
	assert_int_equal(sessions(w), 1);
	assert_int_equal(world_counts(w).links, 2);
	assert_int_equal(world_ended(w, DOOR_END_REPLACED), 1);
	client_close(&first);
	client_close(&second);
	client_close(&orders);
}

static void both_are_cut(struct world *w, struct client *report, struct client *orders)
{
	int64_t begin_ms = clock_now_ms();

	assert_true(client_wait(report, report->closed));
	assert_true(client_wait(orders, orders->closed));
	assert_true(clock_now_ms() - begin_ms < 1000);
	assert_int_equal(world_ended(w, DOOR_END_CUT), 2);
	assert_int_equal(sessions(w), 0);
	client_close(report);
	client_close(orders);
}

static void a_removed_probe_is_cut(void **state)
{
	struct world *w = *state;
	struct client report, orders;
	struct problems p = {0};

	client_link(&report, w, LINK_REPORT);
	client_link(&orders, w, LINK_ORDERS);
	say_hello(&report); /* "seen for the first time" is a change that cuts nobody */
	assert_int_equal(world_counts(w).links, 2);
	assert_int_equal(registry_remove_probe(w->c.registry, "tokyo-1", &p, world_done, w), 0);
	world_settle(w);
	both_are_cut(w, &report, &orders);
}

static void a_new_token_cuts_the_old_ones_links(void **state)
{
	struct world *w = *state;
	struct client report, orders;

	client_link(&report, w, LINK_REPORT);
	client_link(&orders, w, LINK_ORDERS);
	say_hello(&report);
	world_add_probe(w, true);
	both_are_cut(w, &report, &orders);
	client_link(&report, w, LINK_REPORT);
	client_close(&report);
}

/* Bytes that come right behind the preface are the stream's first. */
static void bytes_behind_the_preface_are_kept(void **state)
{
	struct world *w = *state;
	struct hello hello = {.version = LINK_VERSION,
		.probe = mem_strdup("tokyo-1"),
		.token = mem_strdup(w->token),
		.boot = id_new()};
	struct client c;
	struct message *m;
	size_t accepted = strlen("{\"type\":\"accepted\"}\n");

	client_open(&c, w, 1);
	client_tls(&c, LINK_ALPN, 0);
	client_preface(&c, LINK_REPORT, "tokyo-1", w->token, PREFACE_VERSION);
	send_request(&c, MESSAGE_HELLO, &hello);
	assert_true(client_wait(&c, c.size > accepted));
	c.size -= accepted;
	memmove(c.in, c.in + accepted, c.size);
	m = await_reply(&c);
	assert_int_equal(m->type, MESSAGE_WELCOME);
	message_free(m);
	free(hello.probe);
	free(hello.token);
	client_close(&c);
}

/* ---- certificate and pin */

static void pin_seen_by(struct client *c, char pin[DOOR_PIN_SIZE])
{
	unsigned char *der = NULL, digest[32];
	X509 *x = SSL_get1_peer_certificate(c->ssl);
	int size = i2d_PUBKEY(X509_get0_pubkey(x), &der);

	EVP_Digest(der, (size_t)size, digest, NULL, EVP_sha256(), NULL);
	memcpy(pin, "sha256//", 8);
	EVP_EncodeBlock((unsigned char *)pin + 8, digest, 32);
	OPENSSL_free(der);
	X509_free(x);
}

static void the_pin_is_the_keys(void **state)
{
	struct world *w = *state;
	char pin[DOOR_PIN_SIZE], path[64];
	struct stat facts;
	struct client c;

	client_open(&c, w, 1);
	client_tls(&c, NULL, 0);
	pin_seen_by(&c, pin);
	assert_string_equal(pin, door_pin(w->c.door));
	client_close(&c);
	snprintf(path, sizeof(path), "%s/door.key", w->dir);
	assert_int_equal(stat(path, &facts), 0);
	assert_int_equal(facts.st_mode & 0777, 0600);
	/* another certificate of the same key has the same pin */
	snprintf(path, sizeof(path), "%s/door.crt", w->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(door_reload(w->c.door, &w->c.conf), 0);
	assert_string_equal(pin, door_pin(w->c.door));
}

static void another_certificate_drops_nobody(void **state)
{
	struct world *w = *state;
	char old[DOOR_PIN_SIZE], seen[DOOR_PIN_SIZE], path[2][64];
	struct client link, c;

	client_link(&link, w, LINK_REPORT);
	strcpy(old, door_pin(w->c.door));
	for (int i = 0; i < 2; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/door.%s", w->dir, i ? "crt" : "key");
		assert_int_equal(unlink(path[i]), 0);
	}
	assert_int_equal(door_reload(w->c.door, &w->c.conf), 0);
	assert_string_not_equal(old, door_pin(w->c.door));
	client_open(&c, w, 1);
	client_tls(&c, NULL, 0);
	pin_seen_by(&c, seen);
	assert_string_equal(seen, door_pin(w->c.door));
	client_close(&c);
	/* a broken certificate is made again: it is the key that counts */
	assert_int_equal(truncate(path[1], 40), 0);
	assert_int_equal(door_reload(w->c.door, &w->c.conf), 0);
	assert_string_equal(seen, door_pin(w->c.door));
	/* a key that others can read changes nothing, nor does a broken one */
	assert_int_equal(chmod(path[0], 0644), 0);
	assert_int_equal(door_reload(w->c.door, &w->c.conf), -1);
	assert_int_equal(chmod(path[0], 0600), 0);
	assert_int_equal(truncate(path[0], 40), 0);
	assert_int_equal(door_reload(w->c.door, &w->c.conf), -1);
	assert_string_equal(seen, door_pin(w->c.door));
	say_hello(&link); /* through it all */
	client_close(&link);
}

static void expect_pin(struct world *w, const char *pin)
{
	char seen[DOOR_PIN_SIZE];
	struct client c;

	client_open(&c, w, 1);
	client_tls(&c, NULL, 0);
	pin_seen_by(&c, seen);
	assert_string_equal(seen, pin);
	client_close(&c);
}

static void a_rotation_drops_nobody(void **state)
{
	struct world *w = *state;
	char *pins[DOOR_PINS], next[DOOR_PIN_SIZE], path[2][64];
	struct client link;
	struct stat facts;

	client_link(&link, w, LINK_REPORT);
	assert_int_equal(door_pins(NULL, pins), 0);
	assert_int_equal(door_pins(w->c.door, pins), 2);
	assert_string_equal(pins[0], door_pin(w->c.door));
	assert_string_not_equal(pins[0], pins[1]);
	strcpy(next, pins[1]);
	for (int i = 0; i < 2; i++)
		snprintf(path[i], sizeof(path[i]), "%s/door%s.key", w->dir, i ? ".next" : "");
	assert_int_equal(door_rotate(w->c.door, &w->c.conf), 0);
	assert_string_equal(door_pin(w->c.door), next);
	expect_pin(w, next);
	assert_int_equal(door_pins(w->c.door, pins), 2);
	assert_string_not_equal(pins[1], next);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stat(path[i], &facts), 0);
		assert_int_equal(facts.st_mode & 0777, 0600);
	}
	/* a reload in between changes neither key */
	strcpy(next, pins[1]);
	assert_int_equal(door_reload(w->c.door, &w->c.conf), 0);
	assert_int_equal(door_pins(w->c.door, pins), 2);
	assert_string_equal(pins[1], next);
	/* cut off behind the rename: the next load ends it */
	assert_int_equal(rename(path[1], path[0]), 0);
	assert_int_equal(door_reload(w->c.door, &w->c.conf), 0);
	expect_pin(w, next);
	/* without a next key nothing changes */
	assert_int_equal(unlink(path[1]), 0);
	assert_int_equal(door_rotate(w->c.door, &w->c.conf), -1);
	expect_pin(w, next);
	say_hello(&link); /* through it all */
	client_close(&link);
}

/* ---- */

static void addresses_are_parsed(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool fine;
	} table[] = {{"0.0.0.0:7443", true}, {"127.0.0.1:0", true}, {"[::]:443", true},
		{"[fe80::1]:65535", true}, {"0.0.0.0", false}, {"0.0.0.0:", false},
		{"0.0.0.0:65536", false}, {"0.0.0.0:1x", false}, {"0.0.0.0:-1", false},
		{"::1:443", false}, {"localhost:443", false}, {":443", false}, {"", false}};
	struct sockaddr_storage address;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (!door_parse_address(table[i].text, &address) == table[i].fine)
			fail_msg("%s", table[i].text);
}

#define WORLD(test)       cmocka_unit_test_setup_teardown(test, setup, teardown)
#define SMALL_WORLD(test) cmocka_unit_test_setup_teardown(test, setup_small, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(strangers_are_answered),
		WORLD(plain_http_is_told_where_to_go),
		WORLD(silence_ends_in_time),
		WORLD(slow_prefaces_end_in_time),
		SMALL_WORLD(places_are_counted),
		SMALL_WORLD(known_probes_keep_their_places),
		WORLD(two_thousand_strangers_leave_nothing),
		SMALL_WORLD(a_fronts_clients_are_told_apart),
		WORLD(a_link_comes_through_a_front),
		WORLD(a_front_has_to_say_whom_it_brings),
		WORLD(the_api_knows_its_clients),
		WORLD(a_session_lives_as_long_as_its_report_connection),
		WORLD(a_question_changes_nothing),
		WORLD(a_newer_connection_replaces_the_older),
		WORLD(a_removed_probe_is_cut),
		WORLD(a_new_token_cuts_the_old_ones_links),
		WORLD(bytes_behind_the_preface_are_kept),
		WORLD(the_pin_is_the_keys),
		WORLD(another_certificate_drops_nobody),
		WORLD(a_rotation_drops_nobody),
		cmocka_unit_test(addresses_are_parsed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
