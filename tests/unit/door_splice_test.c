// SPDX-License-Identifier: MIT
/* A splice: every byte once and in order, a bounded number of them waiting, the end told to the right side. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/door_internal.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX 20000

struct world {
	struct loop *loop;
	struct splice s;
	int near, far; /* the peers' ends */
	bool ending, done;
};

static void on_ending(void *arg)
{
	struct world *w = arg;

	assert_false(w->ending || w->done);
	w->ending = true;
}

static void on_done(void *arg)
{
	struct world *w = arg;

	assert_false(w->done);
	w->done = true;
	bufferevent_free(w->s.near);
	bufferevent_free(w->s.far);
}

static struct bufferevent *pair(struct world *w, int *peer)
{
	int fd[2], small = 16384;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	for (int i = 0; i < 2; i++)
		(void)setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	*peer = fd[1];
	return bufferevent_socket_new(loop_base(w->loop), fd[0], BEV_OPT_CLOSE_ON_FREE);
}

static struct world *world_new(bool half_close)
{
	struct world *w = mem_alloc(sizeof(*w));

	w->loop = loop_new();
	w->s = (struct splice){.near = pair(w, &w->near),
		.far = pair(w, &w->far),
		.half_close = half_close,
		.ending = on_ending,
		.done = on_done,
		.arg = w};
	splice_start(&w->s);
	return w;
}

static void world_free(struct world *w)
{
	if (!w->done)
		on_done(w);
	close(w->near);
	close(w->far);
	loop_free(w->loop);
	free(w);
}

static void turn(struct world *w)
{
	event_base_loop(loop_base(w->loop), EVLOOP_NONBLOCK);
}

static unsigned char pattern(size_t at)
{
	return (unsigned char)(at % 251 + at / 65536);
}

/* Sends bytes of the pattern from *AT on until END or until no more is taken for a while. */
static void push(struct world *w, int fd, size_t *at, size_t end)
{
	unsigned char bytes[4096];

	for (int idle = 0; idle < 50 && *at < end; idle++) {
		size_t n = end - *at < sizeof(bytes) ? end - *at : sizeof(bytes);
		for (size_t i = 0; i < n; i++)
			bytes[i] = pattern(*at + i);
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		if (sent > 0) {
			*at += (size_t)sent;
			idle = 0;
		}
		turn(w);
	}
}

/* Takes bytes up to END and compares them. */
static void pull(struct world *w, int fd, size_t *at, size_t end)
{
	unsigned char bytes[4096];

	for (int turns = 0; turns < TURNS_MAX && *at < end; turns++) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		for (ssize_t i = 0; i < n; i++)
			if (bytes[i] != pattern(*at + (size_t)i))
				fail_msg("byte %zu", *at + (size_t)i);
		if (n > 0)
			*at += (size_t)n;
		turn(w);
	}
	assert_int_equal(*at, end);
}

static bool at_end(struct world *w, int fd)
{
	char byte;

	for (int turns = 0; turns < 100; turns++) {
		if (recv(fd, &byte, 1, 0) == 0)
			return true;
		turn(w);
	}
	return false;
}

/* Nobody reads: a bounded number of bytes is taken. Somebody does: all of them arrive. */
static void one_way(struct world *w, int from, int to)
{
	size_t sent = 0, got = 0, total = 4 * 1024 * 1024;

	push(w, from, &sent, total);
	assert_in_range(sent, SPLICE_MAX_BYTES, SPLICE_MAX_BYTES + 512 * 1024);
	while (got < total) {
		pull(w, to, &got, sent);
		push(w, from, &sent, total);
	}
	assert_false(w->done);
}

static void bytes_wait_within_bounds(void **state UNUSED)
{
	struct world *w = world_new(false);

	one_way(w, w->near, w->far);
	one_way(w, w->far, w->near);
	world_free(w);
}

static void a_half_close_passes(void **state UNUSED)
{
	struct world *w = world_new(true);
	size_t sent = 0, got = 0;

	push(w, w->near, &sent, 100000);
	shutdown(w->near, SHUT_WR);
	turn(w);
	pull(w, w->far, &got, 100000); /* the end comes behind the last byte */
	assert_true(at_end(w, w->far));
	assert_false(w->done);
	sent = got = 0;
	push(w, w->far, &sent, 300000);
	pull(w, w->near, &got, sent);
	push(w, w->far, &sent, 300000);
	shutdown(w->far, SHUT_RDWR);
	pull(w, w->near, &got, 300000);
	assert_true(at_end(w, w->near));
	assert_true(w->done);
	world_free(w);
}

static void last_bytes_are_waited_for(void **state UNUSED)
{
	struct world *w = world_new(false);
	size_t sent = 0, got = 0;

	push(w, w->far, &sent, 200000);
	assert_int_equal(sent, 200000);
	shutdown(w->far, SHUT_RDWR);
	for (int i = 0; i < 20; i++)
		turn(w);
	assert_true(w->ending);
	assert_false(w->done);
	pull(w, w->near, &got, 200000);
	assert_true(at_end(w, w->near));
	assert_true(w->done);
	world_free(w);
}

static void a_link_ends_with_its_peer(void **state UNUSED)
{
	struct world *w = world_new(false);

	shutdown(w->near, SHUT_WR);
	assert_true(at_end(w, w->far));
	assert_true(w->done);
	world_free(w);
}

/* What was read before the splice goes first. */
static void early_bytes_go_first(void **state UNUSED)
{
	struct world *w = mem_alloc(sizeof(*w));
	size_t sent = 0, got = 0;

	w->loop = loop_new();
	w->s = (struct splice){.near = pair(w, &w->near),
		.far = pair(w, &w->far),
		.ending = on_ending,
		.done = on_done,
		.arg = w};
	bufferevent_enable(w->s.near, EV_READ);
	push(w, w->near, &sent, 1000);
	turn(w);
	assert_int_equal(evbuffer_get_length(bufferevent_get_input(w->s.near)), 1000);
	splice_start(&w->s);
	push(w, w->near, &sent, 2000);
	pull(w, w->far, &got, 2000);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_wait_within_bounds),
		cmocka_unit_test(a_half_close_passes),
		cmocka_unit_test(last_bytes_are_waited_for),
		cmocka_unit_test(a_link_ends_with_its_peer),
		cmocka_unit_test(early_bytes_go_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
