// SPDX-License-Identifier: MIT
/* The link over real nanomsg, both ends in one process: what is held, lost, repeated, too large or
 * gone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/link.h"
#include "quorate/limits.h"

#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUARD_MS    10000
#define SEEN_MAX    2048
#define CLIENTS_MAX 4

struct seen {
	struct link_held *held;
	char text[24];
	size_t size_bytes;
	enum link_stream stream;
};

struct world;

struct end {
	struct world *world;
	struct link_client *client;
	int replies, errors; /* of both streams */
	char last[LINK_STREAM_COUNT][24];
	size_t last_size_bytes;
	char chain[24]; /* sent from inside the next callback */
};

struct world {
	char dir[32], report[64], orders[64];
	struct loop *loop;
	struct link_server *server;
	bool echo; /* answer at once */
	struct seen seen[SEEN_MAX];
	int n_seen;
	struct end end[CLIENTS_MAX];
	struct timer guard, tick;
	bool (*done)(struct world *w, int n);
	int n;
};

/* ---- the two ends */

static void note(char out[24], const void *data, size_t size_bytes)
{
	size_t n = size_bytes < 23 ? size_bytes : 23;
	if (n)
		memcpy(out, data, n);
	out[n] = 0;
}

static void look(struct world *w)
{
	if (w->done && w->done(w, w->n))
		loop_stop(w->loop);
}

static void request_cb(void *arg, enum link_stream stream, struct link_held *held, const void *data,
	size_t size_bytes)
{
	struct world *w = arg;
	assert_true(w->n_seen < SEEN_MAX);
	struct seen *s = &w->seen[w->n_seen++];
	s->held = held;
	s->stream = stream;
	s->size_bytes = size_bytes;
	note(s->text, data, size_bytes);
	if (w->echo) {
		s->held = NULL;
		link_reply(held, data, size_bytes);
	}
	look(w);
}

static void reply_cb(
	void *arg, enum link_stream stream, int error, const void *data, size_t size_bytes)
{
	struct end *e = arg;
	assert_false(link_client_busy(e->client, stream));
	if (error) {
		assert_null(data);
		e->errors++;
	} else {
		e->replies++;
		note(e->last[stream], data, size_bytes);
		e->last_size_bytes = size_bytes;
	}
	if (e->chain[0]) {
		assert_int_equal(
			link_client_send(e->client, stream, e->chain, strlen(e->chain), GUARD_MS),
			0);
		e->chain[0] = 0;
	}
	look(e->world);
}

static void answer(struct world *w, int i, const char *text)
{
	struct link_held *held = w->seen[i].held;
	assert_non_null(held);
	w->seen[i].held = NULL;
	link_reply(held, text, strlen(text));
}

static void ask(struct end *e, enum link_stream stream, const char *text, int64_t timeout_ms)
{
	assert_int_equal(link_client_send(e->client, stream, text, strlen(text), timeout_ms), 0);
}

/* ---- waiting for conditions */

static void guard_cb(void *arg)
{
	(void)arg;
	fail_msg("waited %d ms in vain", GUARD_MS);
}

static void tick_cb(void *arg)
{
	struct world *w = arg;
	look(w);
	timer_set(&w->tick, 5);
}

static void wait_for(struct world *w, bool (*done)(struct world *w, int n), int n)
{
	w->done = done;
	w->n = n;
	timer_set(&w->guard, GUARD_MS);
	timer_set(&w->tick, 0);
	loop_run(w->loop);
	timer_stop(&w->guard);
	timer_stop(&w->tick);
	w->done = NULL;
}

static bool seen_n(struct world *w, int n)
{
	return w->n_seen >= n;
}

static bool finished_n(struct world *w, int n)
{
	int all = 0;
	for (int i = 0; i < CLIENTS_MAX; i++)
		all += w->end[i].replies + w->end[i].errors;
	return all >= n;
}

static int64_t until_at_ms;
static bool time_is_over(struct world *w, int n)
{
	(void)w;
	(void)n;
	return clock_now_ms() >= until_at_ms;
}

static void let_pass(struct world *w, int64_t ms)
{
	until_at_ms = clock_now_ms() + ms;
	wait_for(w, time_is_over, 0);
}

static void serve(struct world *w)
{
	assert_int_equal(
		link_server_open(&w->server, w->loop, w->report, w->orders, request_cb, w), 0);
}

static struct end *dial(struct world *w, int i)
{
	struct end *e = &w->end[i];
	e->world = w;
	assert_int_equal(
		link_client_open(&e->client, w->loop, w->report, w->orders, reply_cb, e), 0);
	return e;
}

static int set_up(void **state)
{
	struct world *w = mem_alloc(sizeof *w);
	strcpy(w->dir, "/tmp/qlink-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->report, sizeof w->report, "ipc://%s/report", w->dir);
	snprintf(w->orders, sizeof w->orders, "ipc://%s/orders", w->dir);
	w->loop = loop_new();
	timer_init(&w->guard, w->loop, guard_cb, w);
	timer_init(&w->tick, w->loop, tick_cb, w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < CLIENTS_MAX; i++)
		link_client_close(w->end[i].client);
	link_server_close(w->server);
	timer_clear(&w->guard);
	timer_clear(&w->tick);
	loop_free(w->loop);
	unlink(w->report + 6);
	unlink(w->orders + 6);
	rmdir(w->dir);
	free(w);
	return 0;
}

/* ---- tests */

static void addresses_are_judged(void **state)
{
	(void)state;
	char longest[120] = "ipc:///", too_long[120] = "ipc:///";
	memset(longest + 7, 'x', 99);
	memset(too_long + 7, 'x', 100);
	const struct {
		const char *address;
		int expected;
	} table[] = {
		{"tcp://127.0.0.1:7444", 0},
		{"tcp://127.8.9.10:1", 0},
		{"tcp://[::1]:65535", 0},
		{"tcp://127.0.0.1:0", -1},
		{"tcp://127.0.0.1:65536", -1},
		{"tcp://127.0.0.1:", -1},
		{"tcp://127.0.0.1", -1},
		{"tcp://127.0.0.1:74x", -1},
		{"tcp://*:7444", -1},
		{"tcp://0.0.0.0:7444", -1},
		{"tcp://192.0.2.1:7444", -1},
		{"tcp://localhost:7444", -1},
		{"tcp://[::]:7444", -1},
		{"tcp://eth0;127.0.0.1:7444", -1},
		{"ws://127.0.0.1:7444", -1},
		{"inproc://x", -1},
		{"", -1},
		{"ipc://relative", -1},
		{"ipc:///run/quorate/report", 0},
		{longest, 0},
		{too_long, -1},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *why = NULL;
		if (link_address_check(table[i].address, &why) != table[i].expected)
			fail_msg("%s", table[i].address);
		if (table[i].expected)
			assert_non_null(why);
	}
}

static void a_bad_address_is_refused(void **state)
{
	struct world *w = *state;
	char too_long[120] = "ipc:///tmp/";
	memset(too_long + 11, 'x', 100);
	struct link_server *server = NULL;
	struct link_client *client = NULL;
	assert_int_equal(
		link_server_open(&server, w->loop, w->report, too_long, request_cb, w), -1);
	assert_int_equal(link_client_open(&client, w->loop, too_long, w->orders, reply_cb, w), -1);
	assert_null(server);
	assert_null(client);
}

static void held_requests_are_answered_in_any_order(void **state)
{
	struct world *w = *state;
	serve(w);
	for (int i = 0; i < 4; i++) {
		char text[16];
		snprintf(text, sizeof text, "q%d", i);
		ask(dial(w, i), LINK_ORDERS, text, GUARD_MS);
		wait_for(w, seen_n, i + 1);
	}
	ask(&w->end[0], LINK_REPORT, "r0", GUARD_MS); /* the other stream is not held up */
	wait_for(w, seen_n, 5);
	assert_int_equal(w->seen[4].stream, LINK_REPORT);
	answer(w, 4, "R0");
	wait_for(w, finished_n, 1);
	assert_string_equal(w->end[0].last[LINK_REPORT], "R0");
	for (int i = 3; i >= 0; i--) {
		char text[16];
		snprintf(text, sizeof text, "a%d", i);
		assert_int_equal(w->seen[i].stream, LINK_ORDERS);
		answer(w, i, text);
	}
	wait_for(w, finished_n, 5);
	for (int i = 0; i < 4; i++)
		assert_int_equal(w->end[i].last[LINK_ORDERS][1], '0' + i);
}

static void one_request_at_a_time(void **state)
{
	struct world *w = *state;
	serve(w);
	struct end *e = dial(w, 0);
	assert_false(link_client_busy(e->client, LINK_REPORT));
	ask(e, LINK_REPORT, "one", GUARD_MS);
	assert_true(link_client_busy(e->client, LINK_REPORT));
	assert_false(link_client_busy(e->client, LINK_ORDERS));
	assert_int_equal(link_client_send(e->client, LINK_REPORT, "two", 3, GUARD_MS), -1);
	wait_for(w, seen_n, 1);
	answer(w, 0, "1");
	strcpy(e->chain, "three"); /* from inside the callback */
	wait_for(w, finished_n, 1);
	wait_for(w, seen_n, 2);
	assert_string_equal(w->seen[1].text, "three");
	answer(w, 1, "3");
	wait_for(w, finished_n, 2);
	assert_string_equal(e->last[LINK_REPORT], "3");
}

static void a_timeout_comes_once_and_frees_the_stream(void **state)
{
	struct world *w = *state;
	serve(w);
	struct end *e = dial(w, 0);
	ask(e, LINK_REPORT, "slow", 50);
	wait_for(w, finished_n, 1);
	assert_int_equal(e->errors, 1);
	answer(w, 0, "late"); /* thrown away: nobody waits */
	let_pass(w, 50);
	assert_int_equal(e->replies, 0);
	w->echo = true;
	ask(e, LINK_REPORT, "next", GUARD_MS);
	wait_for(w, finished_n, 2);
	assert_string_equal(e->last[LINK_REPORT], "next");
	assert_int_equal(e->errors, 1);
}

/* The late reply races with the next request on the way; whoever wins, it is never taken for the
 * next one's. */
static void a_late_reply_is_never_taken_for_the_next(void **state)
{
	struct world *w = *state;
	serve(w);
	struct end *e = dial(w, 0);
	for (int i = 0; i < 200; i++) {
		ask(e, LINK_REPORT, "given up", GUARD_MS);
		wait_for(w, seen_n, 2 * i + 1);
		link_client_cancel(e->client, LINK_REPORT);
		if (i % 2) {
			answer(w, 2 * i, "WRONG"); /* leaves before the next request */
			if (i % 4 == 1)
				usleep(200); /* and arrives before it, unread */
		}
		ask(e, LINK_REPORT, "wanted", GUARD_MS);
		wait_for(w, seen_n, 2 * i + 2);
		if (i % 2 == 0)
			answer(w, 2 * i, "WRONG"); /* its request was superseded */
		answer(w, 2 * i + 1, "right");
		wait_for(w, finished_n, i + 1);
		assert_string_equal(e->last[LINK_REPORT], "right");
	}
	assert_int_equal(e->errors, 0);
	assert_int_equal(w->n_seen, 400);
}

/* nanomsg 1.1.5 aborts in nn_close() after it refused a reply itself. */
static void closing_after_a_refused_reply(void **state)
{
	struct world *w = *state;
	char text[101];
	memset(text, 'x', 100); /* too long for nanomsg to keep inside its message */
	text[100] = 0;
	serve(w);
	for (int i = 0; i < 20; i++) {
		struct end *e = dial(w, 0);
		ask(e, LINK_ORDERS, "given up", GUARD_MS);
		wait_for(w, seen_n, 2 * i + 1);
		link_client_cancel(e->client, LINK_ORDERS);
		answer(w, 2 * i, text);
		ask(e, LINK_ORDERS, "unanswered", GUARD_MS); /* leaves before the reply arrives */
		wait_for(w, seen_n, 2 * i + 2);
		link_client_close(e->client);
		e->client = NULL;
	}
}

static void a_restarted_server_gets_the_request_again(void **state)
{
	struct world *w = *state;
	serve(w);
	struct end *e = dial(w, 0);
	ask(e, LINK_REPORT, "again", GUARD_MS);
	wait_for(w, seen_n, 1);
	link_server_close(w->server); /* drops what is held */
	w->echo = true;
	serve(w);
	wait_for(w, finished_n, 1);
	assert_string_equal(e->last[LINK_REPORT], "again");
	assert_int_equal(w->n_seen, 2);
}

static void a_client_waits_for_a_server_that_comes_later(void **state)
{
	struct world *w = *state;
	struct end *e = dial(w, 0);
	ask(e, LINK_ORDERS, "early", GUARD_MS);
	let_pass(w, 300);
	w->echo = true;
	serve(w);
	wait_for(w, finished_n, 1);
	assert_int_equal(e->replies, 1);
	assert_int_equal(w->n_seen, 1);
}

static void a_reply_to_a_vanished_peer_is_lost_quietly(void **state)
{
	struct world *w = *state;
	serve(w);
	struct end *gone = dial(w, 0), *other = dial(w, 1);
	ask(gone, LINK_ORDERS, "bye", GUARD_MS);
	wait_for(w, seen_n, 1);
	link_client_close(gone->client);
	gone->client = NULL;
	let_pass(w, 50);
	answer(w, 0, "nobody");
	ask(other, LINK_ORDERS, "here", GUARD_MS);
	wait_for(w, seen_n, 2);
	answer(w, 1, "good");
	wait_for(w, finished_n, 1);
	assert_string_equal(other->last[LINK_ORDERS], "good");
	assert_int_equal(gone->replies + gone->errors, 0);
}

static void the_largest_message_passes_and_one_more_byte_does_not(void **state)
{
	struct world *w = *state;
	serve(w);
	w->echo = true;
	struct end *e = dial(w, 0);
	char *big = mem_alloc(MESSAGE_MAX_BYTES + 1);
	memset(big, 'x', MESSAGE_MAX_BYTES + 1);
	assert_int_equal(
		link_client_send(e->client, LINK_REPORT, big, MESSAGE_MAX_BYTES + 1, GUARD_MS), -1);
	assert_false(link_client_busy(e->client, LINK_REPORT));
	assert_int_equal(
		link_client_send(e->client, LINK_REPORT, big, MESSAGE_MAX_BYTES, GUARD_MS), 0);
	wait_for(w, finished_n, 1);
	assert_int_equal(w->seen[0].size_bytes, MESSAGE_MAX_BYTES);
	assert_int_equal(e->last_size_bytes, MESSAGE_MAX_BYTES);
	free(big);
}

/* A foreign peer above nanomsg's own ceiling is cut off; the others do not notice. */
static void an_oversized_foreign_request_never_arrives(void **state)
{
	struct world *w = *state;
	serve(w);
	w->echo = true;
	size_t size_bytes = NANOMSG_RCVMAX_BYTES + 1;
	char *big = mem_alloc(size_bytes);
	int foreign = nn_socket(AF_SP, NN_REQ);
	assert_int_not_equal(foreign, -1);
	assert_int_not_equal(nn_connect(foreign, w->report), -1);
	assert_int_equal(nn_send(foreign, big, size_bytes, NN_DONTWAIT), (int)size_bytes);
	let_pass(w, 250);
	struct end *e = dial(w, 0);
	ask(e, LINK_REPORT, "small", GUARD_MS);
	wait_for(w, finished_n, 1);
	assert_int_equal(w->n_seen, 1);
	assert_string_equal(e->last[LINK_REPORT], "small");
	nn_close(foreign);
	free(big);
}

static void tcp_on_loopback_works(void **state)
{
	struct world *w = *state;
	int port = 20000 + (int)(getpid() % 10000);
	snprintf(w->report, sizeof w->report, "tcp://127.0.0.1:%d", port);
	snprintf(w->orders, sizeof w->orders, "tcp://[::1]:%d", port);
	w->echo = true;
	struct end *e = dial(w, 0);
	let_pass(w, 250); /* the first attempts find nobody */
	serve(w);
	ask(e, LINK_REPORT, "four", GUARD_MS);
	wait_for(w, finished_n, 1);
	ask(e, LINK_ORDERS, "six", GUARD_MS);
	wait_for(w, finished_n, 2);
	assert_string_equal(e->last[LINK_REPORT], "four");
	assert_string_equal(e->last[LINK_ORDERS], "six");
}

static void a_thousand_requests(void **state)
{
	struct world *w = *state;
	serve(w);
	w->echo = true;
	struct end *e = dial(w, 0);
	int64_t began_at_us = clock_now_us();
	for (int i = 0; i < 1000; i++) {
		char text[16];
		snprintf(text, sizeof text, "n%d", i);
		ask(e, i % 2 ? LINK_REPORT : LINK_ORDERS, text, GUARD_MS);
		wait_for(w, finished_n, i + 1);
		assert_string_equal(e->last[i % 2 ? LINK_REPORT : LINK_ORDERS], text);
	}
	print_message(
		"%d us per request and reply\n", (int)((clock_now_us() - began_at_us) / 1000));
	assert_int_equal(w->n_seen, 1000);
	assert_int_equal(e->errors, 0);
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_judged),
		cmocka_unit_test_setup_teardown(a_bad_address_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			held_requests_are_answered_in_any_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_request_at_a_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_timeout_comes_once_and_frees_the_stream, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_late_reply_is_never_taken_for_the_next, set_up, tear_down),
		cmocka_unit_test_setup_teardown(closing_after_a_refused_reply, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_restarted_server_gets_the_request_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_client_waits_for_a_server_that_comes_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_reply_to_a_vanished_peer_is_lost_quietly, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_largest_message_passes_and_one_more_byte_does_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			an_oversized_foreign_request_never_arrives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tcp_on_loopback_works, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_thousand_requests, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
