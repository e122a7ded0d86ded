// SPDX-License-Identifier: MIT
/* Dialler, relay and uplink against a scripted door: who is believed, what is refused, what happens
 * when the other side is slow, silent, rude or gone. Real TLS, real nanomsg on both ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/door_kit.h"

#include "probe/agent.h"
#include "probe/relay.h"
#include "probe/uplink.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "quorate/limits.h"

#include <errno.h>
#include <fcntl.h>

#define GUARD_MS 25000
#define TOKEN    "token-0123456789abcdef"
#define OTHER    "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

struct world {
	char dir[32], path[64], link[80], backend[80], orders[80], ca[64];
	struct loop *loop;
	struct curl_loop *cl;
	struct door door;
	char *pins[2], *addresses[2];
	struct coordinator_conf conf;
	struct dial_config dial;
	struct uplink *uplink;
	struct timer guard, tick;
	bool (*done)(struct world *w, long n);
	long n;

	/* a dial on its own */
	struct dial *one;
	char said[256];
	bool finished;
	int connected; /* times; the last address */
	char connected_to[NET_ADDRESS_SIZE];

	/* nanomsg's two ends */
	struct link_server *server;
	struct link_client *client;
	int requests, replies;
	size_t last_bytes;
	bool intact;

	int log, saved; /* stderr goes to a file */
};

/* ---- waiting for conditions */

static void guard_cb(void *arg)
{
	(void)arg;
	fail_msg("waited %d ms in vain", GUARD_MS);
}

static void tick_cb(void *arg)
{
	struct world *w = arg;
	if (w->done(w, w->n))
		loop_stop(w->loop);
	else
		timer_set(&w->tick, 3);
}

static void wait_for(struct world *w, bool (*done)(struct world *w, long n), long n)
{
	w->done = done;
	w->n = n;
	timer_set(&w->guard, GUARD_MS);
	timer_set(&w->tick, 0);
	loop_run(w->loop);
	timer_stop(&w->guard);
	timer_stop(&w->tick);
}

static bool time_is_over(struct world *w UNUSED, long n)
{
	return clock_now_ms() >= n;
}

static bool dial_finished(struct world *w, long n UNUSED)
{
	return w->finished;
}

static bool prefaces_n(struct world *w, long n)
{
	return w->door.prefaces >= n;
}

static bool is_listening(struct world *w, long n UNUSED)
{
	return access(w->path, F_OK) == 0;
}

static bool replies_n(struct world *w, long n)
{
	return w->replies >= n;
}

static bool sunk_n(struct world *w, long n)
{
	return w->door.sunk_bytes >= n;
}

static const char *log_text(struct world *w)
{
	static char text[32768];
	ssize_t n = pread(w->log, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = 0;
	return text;
}

static const char *wanted_text;
static bool log_has(struct world *w, long n UNUSED)
{
	return strstr(log_text(w), wanted_text) != NULL;
}

static void wait_log(struct world *w, const char *text)
{
	wanted_text = text;
	wait_for(w, log_has, 0);
}

static int count(const char *text, const char *word)
{
	int n = 0;
	for (const char *p = text; (p = strstr(p, word)); p++)
		n++;
	return n;
}

/* ---- set up */

static int set_up(void **state)
{
	struct world *w = mem_alloc(sizeof *w);
	strcpy(w->dir, "/tmp/qup-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof w->path, "%s/relay", w->dir);
	snprintf(w->link, sizeof w->link, "ipc://%s", w->path);
	snprintf(w->backend, sizeof w->backend, "ipc://%s/backend", w->dir);
	snprintf(w->orders, sizeof w->orders, "ipc://%s/orders", w->dir);
	snprintf(w->ca, sizeof w->ca, "%s/ca.pem", w->dir);
	w->door.backend = w->backend + strlen("ipc://");
	w->loop = loop_new();
	w->cl = curl_loop_new(w->loop);
	w->dial = (struct dial_config){.coordinator = &w->conf};
	timer_init(&w->guard, w->loop, guard_cb, w);
	timer_init(&w->tick, w->loop, tick_cb, w);
	char log[64];
	snprintf(log, sizeof log, "%s/log", w->dir);
	w->log = open(log, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	unlink(log);
	w->saved = dup(STDERR_FILENO);
	dup2(w->log, STDERR_FILENO);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	dup2(w->saved, STDERR_FILENO);
	uplink_free(w->uplink);
	dial_free(w->one);
	link_client_close(w->client);
	link_server_close(w->server);
	door_close(&w->door);
	curl_loop_free(w->cl);
	timer_clear(&w->guard);
	timer_clear(&w->tick);
	loop_free(w->loop);
	unlink(w->door.backend);
	unlink(w->orders + strlen("ipc://"));
	int left = rmdir(w->dir); /* whoever left a file there */
	close(w->saved);
	close(w->log);
	free(w);
	return left;
}

/* PIN NULL: the door's own. */
static void configure(struct world *w, const char *pin)
{
	w->addresses[0] = w->door.address;
	w->conf.addresses = (struct strings){.item = w->addresses, .n = 1};
	w->pins[0] = pin ? (char *)(uintptr_t)pin : w->door.pin;
	w->conf.pin = (struct strings){.item = w->pins, .n = 1};
}

static void connected_cb(void *arg, const struct sockaddr *address)
{
	struct world *w = arg;
	w->connected++;
	net_format(address, w->connected_to);
}

static void start(struct world *w, enum door_act act)
{
	w->door.act = (int)act;
	door_open(&w->door, w->dir, 0, true);
	configure(w, NULL);
	struct uplink_config config = {.dial = &w->dial,
		.stream = LINK_REPORT,
		.probe = "tokyo-1",
		.token = TOKEN,
		.path = w->path,
		.connected = connected_cb,
		.arg = w};
	w->uplink = uplink_new(w->loop, w->cl, &config);
}

/* ---- the dialler */

static void dialled_cb(void *arg, const char *error)
{
	struct world *w = arg;
	w->finished = true;
	snprintf(w->said, sizeof w->said, "%s", error ? error : "connected");
}

static const char *dial_one(struct world *w)
{
	w->finished = false;
	w->one = dial_start(w->cl, &w->dial, w->addresses[0], dialled_cb, w);
	assert_false(w->finished);
	wait_for(w, dial_finished, 0);
	dial_free(w->one);
	w->one = NULL;
	return w->said;
}

static void only_a_proven_server_is_believed(void **state)
{
	struct world *w = *state;
	w->door.act = DOOR_HOLD;
	door_open(&w->door, w->dir, 0, true);
	char name[32];
	snprintf(name, sizeof name, "localhost:%d", w->door.port);
	const struct {
		const char *pin;
		bool ca;
		const char *name, *words;
		bool by_name;
	} table[] = {
		{w->door.pin, false, NULL, "connected", false},
		{OTHER, false, NULL, "none of the pinned", false},
		{NULL, true, NULL, "connected", false}, /* its address is in the certificate */
		{NULL, true, "door.test", "connected", true},
		{NULL, true, NULL, "name", true}, /* localhost is not */
		{NULL, true, "other.test", "name", false},
		{NULL, false, NULL, "certificate", false}, /* the system's CAs do not know it */
		{w->door.pin, true, "door.test", "connected", true},
		{OTHER, true, "door.test", "none of the pinned", true},
		{w->door.pin, true, "other.test", "name", true},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		configure(w, table[i].pin);
		w->conf.pin.n = table[i].pin ? 1 : 0;
		w->conf.ca = table[i].ca ? w->ca : NULL;
		w->conf.name = (char *)(uintptr_t)table[i].name;
		if (table[i].by_name)
			w->addresses[0] = name;
		if (!strstr(dial_one(w), table[i].words))
			fail_msg("case %zu says: %s", i, w->said);
	}
}

static void one_of_two_pins_is_enough(void **state)
{
	struct world *w = *state;
	w->door.act = DOOR_HOLD;
	door_open(&w->door, w->dir, 0, true);
	configure(w, OTHER);
	w->pins[1] = w->door.pin;
	w->conf.pin.n = 2;
	assert_string_equal(dial_one(w), "connected");
}

static void tls_1_2_is_refused(void **state)
{
	struct world *w = *state;
	door_open(&w->door, w->dir, TLS1_2_VERSION, true);
	configure(w, NULL);
	assert_non_null(strstr(dial_one(w), "protocol version"));
	assert_int_equal(w->door.prefaces, 0);
}

static void a_server_of_another_kind_is_refused(void **state)
{
	struct world *w = *state;
	door_open(&w->door, w->dir, 0, false);
	configure(w, NULL);
	assert_string_equal(dial_one(w), "the server does not speak quorate/1");
}

static void nobody_there_is_said(void **state)
{
	struct world *w = *state;
	door_open(&w->door, w->dir, 0, true);
	configure(w, NULL);
	char address[] = "127.0.0.1:1";
	w->addresses[0] = address;
	assert_non_null(strstr(dial_one(w), "connect"));
	char unknown[] =
		"a-label-of-more-than-sixty-three-bytes-which-no-resolver-asks-anybody-for:443";
	w->addresses[0] = unknown;
	assert_non_null(strstr(dial_one(w), "resolve"));
}

static void a_dial_can_be_given_up(void **state)
{
	struct world *w = *state;
	door_open(&w->door, w->dir, 0, true);
	configure(w, NULL);
	w->one = dial_start(w->cl, &w->dial, w->addresses[0], dialled_cb, w);
	dial_free(w->one);
	w->one = NULL;
	wait_for(w, time_is_over, clock_now_ms() + 50);
	assert_false(w->finished);
}

/* ---- nanomsg through relay and door */

static void request_cb(void *arg, enum link_stream stream UNUSED, struct link_held *held,
	const void *data, size_t size_bytes)
{
	struct world *w = arg;
	w->requests++;
	link_reply(held, data, size_bytes);
}

static void reply_cb(
	void *arg, enum link_stream stream UNUSED, int error, const void *data, size_t size_bytes)
{
	struct world *w = arg;
	assert_int_equal(error, 0);
	w->replies++;
	w->last_bytes = size_bytes;
	w->intact = true;
	for (size_t i = 0; i < size_bytes; i++)
		w->intact &= ((const unsigned char *)data)[i] == DOOR_BYTE(i);
}

static void open_ends(struct world *w)
{
	assert_int_equal(
		link_server_open(&w->server, w->loop, w->backend, w->orders, request_cb, w), 0);
	assert_int_equal(link_client_open(&w->client, w->loop, w->link, w->orders, reply_cb, w), 0);
}

static void ask(struct world *w, size_t size_bytes)
{
	unsigned char *data = mem_alloc(size_bytes + 1);
	for (size_t i = 0; i < size_bytes; i++)
		data[i] = DOOR_BYTE(i);
	assert_int_equal(link_client_send(w->client, LINK_REPORT, data, size_bytes, GUARD_MS), 0);
	free(data);
	wait_for(w, replies_n, w->replies + 1);
	assert_int_equal(w->last_bytes, size_bytes);
	assert_true(w->intact);
}

static void messages_of_any_size_pass(void **state)
{
	struct world *w = *state;
	open_ends(w);
	start(w, DOOR_SPLICE);
	const size_t sizes[] = {0, 1, 200, 16384, 65536, MESSAGE_MAX_BYTES};
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		ask(w, sizes[i]);
	for (int i = 0; i < 20; i++)
		ask(w, MESSAGE_MAX_BYTES);
	assert_string_equal(w->door.probe, "tokyo-1");
	assert_string_equal(w->door.token, TOKEN);
	assert_int_equal(w->door.stream, LINK_REPORT);
	assert_int_equal(w->door.prefaces, 1);
	assert_int_equal(w->connected, 1);
	assert_string_equal(w->connected_to, "127.0.0.1");
	assert_int_equal(w->requests, 26); /* each came once */
	assert_false(is_listening(w, 0));  /* nobody else may come */
	assert_null(strstr(log_text(w), TOKEN));
}

static bool requests_n(struct world *w, long n)
{
	return w->requests >= n;
}

static void a_cut_is_mended_and_the_request_comes_again(void **state)
{
	struct world *w = *state;
	open_ends(w);
	start(w, DOOR_SPLICE);
	for (int i = 1; i <= 3; i++) {
		ask(w, 100);
		int before = w->door.prefaces;
		w->door.cut = 1;
		wait_for(w, prefaces_n, before + 1);
	}
	ask(w, 100);
	wait_for(w, requests_n, 4);
	assert_int_equal(count(log_text(w), "new=back-off"), 3);
	assert_non_null(strstr(log_text(w), "new=spliced"));
}

static void a_silent_coordinator_is_cut_after_its_time(void **state)
{
	struct world *w = *state;
	open_ends(w);
	start(w, DOOR_SPLICE);
	ask(w, 100);
	uplink_cut(w->uplink); /* too young */
	ask(w, 100);
	assert_int_equal(w->door.prefaces, 1);
	wait_for(w, time_is_over, clock_now_ms() + 5100);
	uplink_cut(w->uplink);
	uplink_cut(w->uplink);
	ask(w, 100);
	assert_int_equal(w->door.prefaces, 2);
	assert_non_null(strstr(log_text(w), "the coordinator does not answer"));
}

/* ---- doors that do not open */

static void a_refusal_is_said_once_and_asked_again_slowly(void **state)
{
	struct world *w = *state;
	start(w, DOOR_REFUSE);
	int64_t began_ms = clock_now_ms();
	wait_for(w, prefaces_n, 2);
	assert_true(clock_now_ms() - began_ms >= 800); /* 1 s, less 20 % */
	wait_for(w, prefaces_n, 3);
	assert_true(clock_now_ms() - began_ms >= 800 + 1600);
	assert_false(is_listening(w, 0));
	assert_int_equal(
		count(log_text(w), "error=\"refused: unauthorized: no such probe here\""), 1);
	w->door.act = DOOR_HOLD; /* the operator has done something */
	wait_for(w, is_listening, 0);
}

static void a_door_that_talks_nonsense_is_left(void **state)
{
	struct world *w = *state;
	const struct {
		enum door_act act;
		const char *words;
	} table[] = {{DOOR_GARBAGE, "not that of a coordinator"},
		{DOOR_ENDLESS, "not that of a coordinator"},
		{DOOR_CUT, "closed the connection at the preface"}};
	start(w, DOOR_GARBAGE);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		w->door.act = (int)table[i].act;
		wait_log(w, table[i].words);
		assert_false(is_listening(w, 0));
	}
}

static void a_door_that_says_nothing_is_left(void **state)
{
	struct world *w = *state;
	start(w, DOOR_SILENT);
	int64_t began_ms = clock_now_ms();
	wait_log(w, "no answer to the preface in time");
	assert_in_range(clock_now_ms() - began_ms, 9500, 14000);
	w->door.act = DOOR_HOLD;
	wait_for(w, is_listening, 0);
}

static void the_local_socket_goes_with_the_connection(void **state)
{
	struct world *w = *state;
	start(w, DOOR_HOLD);
	wait_for(w, is_listening, 0);
	w->door.act = DOOR_REFUSE;
	w->door.cut = 1;
	wait_for(w, prefaces_n, 2);
	assert_false(is_listening(w, 0));
}

static void the_next_address_is_tried_at_once(void **state)
{
	struct world *w = *state;
	char nobody[] = "127.0.0.1:1";
	w->door.act = DOOR_HOLD;
	door_open(&w->door, w->dir, 0, true);
	configure(w, NULL);
	w->addresses[1] = w->door.address;
	w->addresses[0] = nobody;
	w->conf.addresses.n = 2;
	struct uplink_config config = {.dial = &w->dial,
		.stream = LINK_ORDERS,
		.probe = "tokyo-1",
		.token = TOKEN,
		.path = w->path};
	w->uplink = uplink_new(w->loop, w->cl, &config);
	wait_for(w, is_listening, 0);
	assert_int_equal(w->door.stream, LINK_ORDERS);
}

/* ---- slow readers; a raw client in nanomsg's place */

static int greet(struct world *w)
{
	wait_for(w, is_listening, 0);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	unsigned char greeting[GREETING_BYTES];
	strcpy(at.sun_path, w->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	greeting_make(greeting, GREETING_REQ);
	assert_int_equal(write(fd, greeting, sizeof greeting), sizeof greeting);
	wait_log(w, "new=spliced");
	assert_int_equal(read(fd, greeting, sizeof greeting), sizeof greeting);
	assert_true(greeting_is(greeting, GREETING_REP));
	return fd;
}

#define BULK (12L << 20)
static long moved;
static int client = -1;

/* Writes until it is told to wait for a while. */
static bool written(struct world *w UNUSED, long n)
{
	static int idle;
	unsigned char bytes[8192];
	for (;;) {
		long i = 0;
		for (; i < (long)sizeof bytes && moved + i < n; i++)
			bytes[i] = DOOR_BYTE(moved + i);
		ssize_t done = i ? write(client, bytes, (size_t)i) : 0;
		if (done > 0) {
			moved += done;
			idle = 0;
			continue;
		}
		bool over = moved == n || ++idle > 100;
		idle = over ? 0 : idle;
		return over;
	}
}

static void a_slow_coordinator_stops_the_sender(void **state)
{
	struct world *w = *state;
	start(w, DOOR_SINK);
	client = greet(w);
	moved = 0;
	wait_for(w, written, BULK);
	assert_true(moved < BULK); /* buffers of kernel and relay are full, and stay so */
	w->door.go = 1;
	while (moved < BULK)
		wait_for(w, written, BULK);
	wait_for(w, sunk_n, BULK);
	assert_int_equal(w->door.sum, BULK); /* each byte was right */
	close(client);
}

static long wrong;
static bool have_read(struct world *w UNUSED, long n)
{
	unsigned char bytes[8192];
	ssize_t got;
	while ((got = read(client, bytes, sizeof bytes)) > 0)
		for (ssize_t i = 0; i < got; i++)
			wrong += bytes[i] != DOOR_BYTE(moved), moved++;
	return moved >= n;
}

static long last_sunk;
static int calm;
static bool sender_waits(struct world *w, long n UNUSED)
{
	calm = w->door.sunk_bytes == last_sunk ? calm + 1 : 0;
	last_sunk = w->door.sunk_bytes;
	return calm > 100;
}

static void a_slow_local_reader_stops_the_coordinator(void **state)
{
	struct world *w = *state;
	w->door.bulk_bytes = BULK;
	start(w, DOOR_SOURCE);
	client = greet(w);
	w->door.go = 1;
	last_sunk = -1;
	calm = 0;
	wait_for(w, sender_waits, 0);
	assert_true(w->door.sunk_bytes < BULK);
	moved = wrong = 0;
	wait_for(w, have_read, BULK);
	assert_int_equal(moved, BULK);
	assert_int_equal(wrong, 0);
	close(client);
}

static void a_stranger_on_the_local_socket_is_dropped(void **state)
{
	struct world *w = *state;
	start(w, DOOR_HOLD);
	wait_for(w, is_listening, 0);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	strcpy(at.sun_path, w->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(write(fd, "GET / HTTP", 10), 10);
	wait_log(w, "relay.greeting");
	close(fd);
	close(greet(w)); /* and the right one is still welcome */
}

/* ---- the schedule, on a clock of ours */

static void the_schedule_of_attempts(void **state)
{
	(void)state;
	const struct {
		size_t n;
		enum uplink_end end[6];
		int64_t ms[6]; /* in the middle of the jitter */
		size_t address[6];
	} table[] = {
		{1,
			{UPLINK_FAILED, UPLINK_FAILED, UPLINK_FAILED, UPLINK_FAILED, UPLINK_FAILED,
				UPLINK_FAILED},
			{300, 300, 1000, 2000, 4000, 8000}, {0}},
		{2,
			{UPLINK_FAILED, UPLINK_FAILED, UPLINK_FAILED, UPLINK_FAILED, UPLINK_LOST,
				UPLINK_FAILED},
			{0, 300, 0, 300, 0, 0}, {1, 0, 1, 0, 0, 1}},
		{1,
			{UPLINK_REFUSED, UPLINK_REFUSED, UPLINK_REFUSED, UPLINK_LOST, UPLINK_FAILED,
				UPLINK_REFUSED},
			{1000, 2000, 4000, 0, 300, 1000}, {0}},
		{3,
			{UPLINK_FAILED, UPLINK_REFUSED, UPLINK_FAILED, UPLINK_FAILED, UPLINK_FAILED,
				UPLINK_LOST},
			{0, 1000, 0, 0, 2000, 0}, {1, 2, 0, 1, 2, 2}},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct uplink_turn low = {0}, high = {0};
		for (int j = 0; j < 6; j++) {
			int64_t middle = table[i].ms[j], width = middle * 2 / 5;
			int64_t least = uplink_next_ms(&low, table[i].n, table[i].end[j], 0);
			int64_t most =
				uplink_next_ms(&high, table[i].n, table[i].end[j], (uint64_t)width);
			assert_int_equal(least, middle * 4 / 5);
			assert_int_equal(most, middle * 4 / 5 + width);
			assert_int_equal(low.address, table[i].address[j]);
		}
	}
	struct uplink_turn t = {0};
	int64_t in_a_second = 0;
	for (int i = 0; i < 2; i++)
		in_a_second += uplink_next_ms(&t, 1, UPLINK_FAILED, 120);
	assert_true(in_a_second < 1000); /* three attempts in the first second */
	for (int i = 0; i < 1000; i++)
		assert_true(uplink_next_ms(&t, 1, UPLINK_FAILED, UINT32_MAX) <= 72000);
}

static void addresses_are_split(void **state)
{
	(void)state;
	const struct {
		const char *text, *host;
		int port;
	} table[] = {{"a.test", "a.test", 443}, {"a.test:1", "a.test", 1}, {"[::1]", "[::1]", 443},
		{"[::1]:65535", "[::1]", 65535}, {"192.0.2.1:7443", "192.0.2.1", 7443},
		{"", NULL, 0}, {":1", NULL, 0}, {"a:", NULL, 0}, {"a:0", NULL, 0},
		{"a:65536", NULL, 0}, {"a:1x", NULL, 0}, {"::1", NULL, 0}, {"[::1", NULL, 0},
		{"::1]:1", NULL, 0}, {"[a]:1", NULL, 0}, {"a b:1", NULL, 0},
		{"https://a:1", NULL, 0}, {"u@a:1", NULL, 0}};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char host[NET_HOST_SIZE];
		const char *why;
		int port = 0, rc = dial_split(table[i].text, host, &port, &why);
		if ((rc == 0) != (table[i].host != NULL))
			fail_msg("'%s': %d", table[i].text, rc);
		if (rc == 0) {
			assert_string_equal(host, table[i].host);
			assert_int_equal(port, table[i].port);
		}
	}
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const char *const of_environment[] = {
		"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	for (size_t i = 0; i < ARRAY_LEN(of_environment); i++)
		unsetenv(of_environment[i]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_split),
		cmocka_unit_test(the_schedule_of_attempts),
		WORLD_TEST(only_a_proven_server_is_believed),
		WORLD_TEST(one_of_two_pins_is_enough),
		WORLD_TEST(tls_1_2_is_refused),
		WORLD_TEST(a_server_of_another_kind_is_refused),
		WORLD_TEST(nobody_there_is_said),
		WORLD_TEST(a_dial_can_be_given_up),
		WORLD_TEST(messages_of_any_size_pass),
		WORLD_TEST(a_cut_is_mended_and_the_request_comes_again),
		WORLD_TEST(a_silent_coordinator_is_cut_after_its_time),
		WORLD_TEST(a_refusal_is_said_once_and_asked_again_slowly),
		WORLD_TEST(a_door_that_talks_nonsense_is_left),
		WORLD_TEST(a_door_that_says_nothing_is_left),
		WORLD_TEST(the_local_socket_goes_with_the_connection),
		WORLD_TEST(the_next_address_is_tried_at_once),
		WORLD_TEST(a_slow_coordinator_stops_the_sender),
		WORLD_TEST(a_slow_local_reader_stops_the_coordinator),
		WORLD_TEST(a_stranger_on_the_local_socket_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
