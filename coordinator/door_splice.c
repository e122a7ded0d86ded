// SPDX-License-Identifier: MIT
/*
 * Bytes from each of two bufferevents to the other. Chains are moved, not copied. A side is read no further while the
 * other has SPLICE_MAX_BYTES to write, and again when half of them are gone; so a peer that does not read makes its
 * partner wait and costs a fixed amount.
 *
 * libevent 2.1.12: after an end of file its TLS bufferevent stops writing, too, until it is told to go on.
 */
#include "coordinator/door_internal.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>

static size_t waiting(struct bufferevent *side)
{
	return evbuffer_get_length(bufferevent_get_output(side));
}

/* Whether NEAR may be read now. */
static bool wants_more(const struct splice *s)
{
	return !s->near_ended && !s->held && !s->far_ended && waiting(s->far) < SPLICE_MAX_BYTES;
}

/* What FROM has read goes to TO. */
static void move(struct bufferevent *from, struct bufferevent *to)
{
	evbuffer_add_buffer(bufferevent_get_output(to), bufferevent_get_input(from));
	if (waiting(to) < SPLICE_MAX_BYTES)
		return;
	bufferevent_disable(from, EV_READ);
	bufferevent_setwatermark(to, EV_WRITE, SPLICE_MAX_BYTES / 2, 0);
}

/* Both ends have said what they had to say, or there is nobody left to hear it. */
static bool is_done(const struct splice *s)
{
	if (s->near_ended && !s->half_close)
		return true;
	return s->far_ended && waiting(s->near) == 0;
}

static void tell_end(struct splice *s)
{
	if (s->near_ended && waiting(s->far) == 0)
		shutdown(bufferevent_getfd(s->far), SHUT_WR);
	if (is_done(s))
		s->done(s->arg);
}

/* False: S is gone. */
static bool move_up(struct splice *s)
{
	if (s->meter && !s->meter(s->arg, bufferevent_get_input(s->near)))
		return false;
	move(s->near, s->far);
	return true;
}

static void near_read_cb(struct bufferevent *bev UNUSED, void *arg)
{
	(void)move_up(arg);
}

static void far_read_cb(struct bufferevent *bev, void *arg)
{
	struct splice *s = arg;

	move(bev, s->near);
}

/* TO has written enough for FROM to be read again. */
static void drained(struct splice *s, struct bufferevent *to, struct bufferevent *from, bool ended)
{
	bufferevent_setwatermark(to, EV_WRITE, 0, 0);
	if (!ended && !(from == s->near && s->held))
		bufferevent_enable(from, EV_READ);
	tell_end(s);
}

static void near_write_cb(struct bufferevent *bev, void *arg)
{
	struct splice *s = arg;

	drained(s, bev, s->far, s->far_ended);
}

static void far_write_cb(struct bufferevent *bev, void *arg)
{
	struct splice *s = arg;

	drained(s, bev, s->near, s->near_ended);
}

static void near_event_cb(struct bufferevent *bev, short what, void *arg)
{
	struct splice *s = arg;

	if (!(what & BEV_EVENT_EOF)) {
		s->done(s->arg);
		return;
	}
	if (!move_up(s))
		return;
	bufferevent_disable(bev, EV_READ);
	bufferevent_enable(bev, EV_WRITE);
	s->near_ended = true;
	tell_end(s);
}

static void far_event_cb(struct bufferevent *bev, short what, void *arg)
{
	struct splice *s = arg;

	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	move(bev, s->near);
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	bufferevent_disable(s->near, EV_READ); /* nobody takes it any more */
	bufferevent_setwatermark(s->near, EV_WRITE, 0, 0);
	s->far_ended = true;
	if (is_done(s))
		s->done(s->arg);
	else
		s->ending(s->arg);
}

void splice_hold(struct splice *s, bool held)
{
	s->held = held;
	if (held)
		bufferevent_disable(s->near, EV_READ);
	else if (wants_more(s))
		bufferevent_enable(s->near, EV_READ);
}

bool splice_start(struct splice *s)
{
	bufferevent_setcb(s->near, near_read_cb, near_write_cb, near_event_cb, s);
	bufferevent_setcb(s->far, far_read_cb, far_write_cb, far_event_cb, s);
	bufferevent_setwatermark(s->near, EV_READ, 0, 0);
	bufferevent_setwatermark(s->far, EV_READ, 0, 0);
	bufferevent_enable(s->near, EV_WRITE | (s->held ? 0 : EV_READ));
	bufferevent_enable(s->far, EV_READ | EV_WRITE);
	if (!move_up(s))
		return false;
	move(s->far, s->near);
	return true;
}
