// SPDX-License-Identifier: MIT
/*
 * Invariants: nothing is listened to but a unix socket, and that for one connection only. After the
 * last byte moved each side is watched for exactly what it waits for; bytes that TLS holds back in
 * its own buffer cannot be watched for, so a side is read until it says "nothing now" or the buffer
 * is full, and again as soon as there is room.
 */
#include "probe/relay.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/greeting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURNS_MAX 64 /* reads and writes before others get a turn on the loop */

/* One direction: bytes begin … end wait to be sent. */
struct half {
	char *data;
	size_t begin, end;
};

struct relay {
	struct loop *loop;
	struct dial *dial;
	struct relay_hooks hooks;
	struct sockaddr_un at;
	int listener, local; /* -1: none */
	struct watch_fd on_listener, on_local, on_dial;
	struct timer more; /* there is more to move than one turn's worth */
	unsigned char greeting[GREETING_BYTES];
	size_t greeted; /* bytes of it; all: spliced */
	struct half up, down;
};

static void move(struct relay *r);

/* ---- the two sides: how many bytes, 0: nothing now, -1: over */

static ssize_t local_result(ssize_t n, bool zero_is_end)
{
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return n == 0 && zero_is_end ? -1 : n;
}

static ssize_t local_recv(struct relay *r, void *out, size_t n)
{
	return local_result(recv(r->local, out, n, 0), true);
}

static ssize_t local_send(struct relay *r, const void *data, size_t n)
{
	return local_result(send(r->local, data, n, MSG_NOSIGNAL), false);
}

static bool is_spliced(const struct relay *r)
{
	return r->greeted == GREETING_BYTES;
}

/* ---- moving bytes */

/* Room behind the waiting bytes; they are moved to the front only when there is none. */
static size_t half_room(struct half *h)
{
	if (h->begin == h->end)
		h->begin = h->end = 0;
	if (h->end == RELAY_BUFFER_BYTES && h->begin > 0) {
		memmove(h->data, h->data + h->begin, h->end - h->begin);
		h->end -= h->begin;
		h->begin = 0;
	}
	return RELAY_BUFFER_BYTES - h->end;
}

static size_t half_waiting(const struct half *h)
{
	return h->end - h->begin;
}

/* One read and one write: bytes moved, or -1 and *WHY. */
static ssize_t step_up(struct relay *r, const char **why)
{
	ssize_t in = 0, out = 0;
	size_t room = half_room(&r->up);
	*why = "the local side closed the connection";
	if (room && (in = local_recv(r, r->up.data + r->up.end, room)) == -1)
		return -1;
	r->up.end += (size_t)in;
	*why = "the connection to the coordinator broke";
	size_t waiting = half_waiting(&r->up);
	if (waiting && (out = dial_send(r->dial, r->up.data + r->up.begin, waiting)) == -1)
		return -1;
	r->up.begin += (size_t)out;
	return in + out;
}

static ssize_t step_down(struct relay *r, const char **why)
{
	ssize_t in = 0, out = 0;
	size_t room = half_room(&r->down);
	*why = "the coordinator closed the connection";
	if (room && (in = dial_recv(r->dial, r->down.data + r->down.end, room)) == -1)
		return -1;
	r->down.end += (size_t)in;
	*why = "the local side closed the connection";
	size_t waiting = is_spliced(r) ? half_waiting(&r->down) : 0;
	if (waiting && (out = local_send(r, r->down.data + r->down.begin, waiting)) == -1)
		return -1;
	r->down.begin += (size_t)out;
	return in + out;
}

static void watch_again(struct relay *r)
{
	watch_fd_set(&r->on_dial,
		(half_room(&r->down) ? WATCH_READ : 0) | (half_waiting(&r->up) ? WATCH_WRITE : 0));
	if (is_spliced(r))
		watch_fd_set(&r->on_local, (half_room(&r->up) ? WATCH_READ : 0) |
						   (half_waiting(&r->down) ? WATCH_WRITE : 0));
}

static void quiet(struct relay *r)
{
	timer_stop(&r->more);
	watch_fd_set(&r->on_dial, 0);
	if (r->local != -1)
		watch_fd_set(&r->on_local, 0);
	if (r->listener != -1)
		watch_fd_set(&r->on_listener, 0);
}

/* The last thing that its caller does: the relay may be closed from inside of the hook. */
static void move(struct relay *r)
{
	const char *why = NULL;
	ssize_t up = 0, down = 1;
	for (int turn = 0; turn < TURNS_MAX && up + down > 0; turn++) {
		if ((down = step_down(r, &why)) == -1 ||
			(is_spliced(r) && (up = step_up(r, &why)) == -1)) {
			quiet(r);
			r->hooks.ended(r->hooks.arg, why);
			return;
		}
	}
	watch_again(r);
	if (up + down > 0)
		timer_set(&r->more, 0);
}

static void on_ready(void *arg, int fd UNUSED, int what UNUSED)
{
	move(arg);
}

static void on_more(void *arg)
{
	move(arg);
}

/* ---- nanomsg comes */

static void stop_listening(struct relay *r)
{
	if (r->listener == -1)
		return;
	watch_fd_clear(&r->on_listener);
	close(r->listener);
	(void)unlink(r->at.sun_path);
	r->listener = -1;
}

static void drop_local(struct relay *r)
{
	if (r->local == -1)
		return;
	watch_fd_clear(&r->on_local);
	close(r->local);
	r->local = -1;
	r->greeted = 0;
}

static void splice_now(struct relay *r)
{
	stop_listening(r);
	watch_fd_clear(&r->on_local);
	watch_fd_init(&r->on_local, r->loop, r->local, on_ready, r);
	r->hooks.spliced(r->hooks.arg);
	move(r);
}

static void on_greeting(void *arg, int fd UNUSED, int what UNUSED)
{
	struct relay *r = arg;
	unsigned char answer[GREETING_BYTES];
	ssize_t n = local_recv(r, r->greeting + r->greeted, GREETING_BYTES - r->greeted);
	if (n == -1) {
		drop_local(r);
		return;
	}
	r->greeted += (size_t)n;
	if (r->greeted < GREETING_BYTES)
		return;
	greeting_make(answer, GREETING_REP);
	if (!greeting_is(r->greeting, GREETING_REQ) ||
		local_send(r, answer, GREETING_BYTES) != GREETING_BYTES) {
		log_warning("relay.greeting error=\"not one of nanomsg's REQ\"");
		drop_local(r);
		return;
	}
	splice_now(r);
}

static void on_connection(void *arg, int fd, int what UNUSED)
{
	struct relay *r = arg;
	int local = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (local == -1)
		return;
	drop_local(r); /* nanomsg gave that one up */
	r->local = local;
	watch_fd_init(&r->on_local, r->loop, local, on_greeting, r);
	watch_fd_set(&r->on_local, WATCH_READ);
}

/* ---- the relay */

static int listen_at(struct relay *r, const char *path)
{
	if (strlen(path) >= sizeof r->at.sun_path) {
		log_error("relay.listen path=%s error=\"too long\"", log_quote(path));
		return -1;
	}
	r->at.sun_family = AF_UNIX;
	memcpy(r->at.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->listener == -1 ||
		bind(r->listener, (const struct sockaddr *)&r->at, sizeof r->at) == -1 ||
		listen(r->listener, 4) == -1) {
		log_errno("relay.listen path=%s", log_quote(path));
		if (r->listener != -1)
			close(r->listener);
		r->listener = -1;
		return -1;
	}
	watch_fd_init(&r->on_listener, r->loop, r->listener, on_connection, r);
	watch_fd_set(&r->on_listener, WATCH_READ);
	return 0;
}

struct relay *relay_open(
	struct loop *loop, const char *path, struct dial *dial, const struct relay_hooks *hooks)
{
	struct relay *r = mem_alloc(sizeof *r);
	*r = (struct relay){
		.loop = loop, .dial = dial, .hooks = *hooks, .listener = -1, .local = -1};
	if (listen_at(r, path)) {
		free(r);
		return NULL;
	}
	r->up.data = mem_alloc(RELAY_BUFFER_BYTES);
	r->down.data = mem_alloc(RELAY_BUFFER_BYTES);
	timer_init(&r->more, loop, on_more, r);
	watch_fd_init(&r->on_dial, loop, dial_fd(dial), on_ready, r);
	watch_fd_set(&r->on_dial, WATCH_READ);
	return r;
}

void relay_close(struct relay *r)
{
	if (!r)
		return;
	stop_listening(r);
	drop_local(r);
	watch_fd_clear(&r->on_dial);
	timer_clear(&r->more);
	explicit_bzero(r->up.data, RELAY_BUFFER_BYTES); /* the session and the token passed by */
	explicit_bzero(r->down.data, RELAY_BUFFER_BYTES);
	free(r->up.data);
	free(r->down.data);
	free(r);
}
