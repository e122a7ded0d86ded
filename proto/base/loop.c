// SPDX-License-Identifier: MIT
/*
 * The event loop on libevent 2.1. Times are taken on the precise monotonic clock and never from
 * libevent's cache: a timer set at the end of a long callback must not run early, and its lateness
 * is our measure of overload.
 */
#include "proto/base/loop.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct deferred {
	void (*run)(void *arg);
	void *arg;
	struct deferred *next;
};

struct loop {
	struct event_base *base;
	struct event *defer_event;
	struct deferred *first, **last;
	int64_t lag_us;
	bool stopping;
};

struct loop_waker {
	struct event *event;
	void (*run)(void *arg);
	void *arg;
	int fd;
};

/* Runs what was deferred before now; what these defer comes after. */
static void run_deferred(struct loop *loop)
{
	struct deferred *d = loop->first, *next;

	loop->first = NULL;
	loop->last = &loop->first;
	for (; d != NULL; d = next) {
		next = d->next;
		d->run(d->arg);
		free(d);
	}
}

static void defer_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run_deferred(arg);
}

struct loop *loop_new(void)
{
	struct loop *loop = mem_alloc(sizeof(*loop));
	struct event_config *config = event_config_new();

	ensure(config != NULL);
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	ensure(loop->base != NULL);
	loop->last = &loop->first;
	loop->defer_event = event_new(loop->base, -1, 0, defer_cb, loop);
	ensure(loop->defer_event != NULL);
	signal(SIGPIPE, SIG_IGN); /* who has a loop writes to peers that may be gone */
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	while (loop->first != NULL)
		run_deferred(loop);
	event_free(loop->defer_event);
	event_base_free(loop->base);
	free(loop);
}

void loop_run(struct loop *loop)
{
	while (!loop->stopping)
		ensure(event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) != -1);
	loop->stopping = false;
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
	event_base_loopbreak(loop->base);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

int64_t loop_lag_us(struct loop *loop)
{
	int64_t lag_us = loop->lag_us;

	loop->lag_us = 0;
	return lag_us;
}

void loop_defer(struct loop *loop, void (*run)(void *arg), void *arg)
{
	struct deferred *d = mem_alloc(sizeof(*d));

	*d = (struct deferred){.run = run, .arg = arg};
	*loop->last = d;
	loop->last = &d->next;
	event_active(loop->defer_event, EV_TIMEOUT, 1);
}

/* ---- timers */

static void timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;
	int64_t late_us = clock_now_us() - t->due_at_us;

	(void)fd;
	(void)what;
	if (late_us > t->loop->lag_us)
		t->loop->lag_us = late_us;
	t->run(t->arg);
}

void timer_init(struct timer *t, struct loop *loop, void (*run)(void *arg), void *arg)
{
	*t = (struct timer){.loop = loop, .run = run, .arg = arg};
	t->event = event_new(loop->base, -1, 0, timer_cb, t);
	ensure(t->event != NULL);
}

void timer_set(struct timer *t, int64_t delay_ms)
{
	timer_set_us(t, delay_ms > INT64_MAX / 1000 ? INT64_MAX : delay_ms * 1000);
}

void timer_set_us(struct timer *t, int64_t delay_us)
{
	const int64_t max_us = INT64_C(366) * 24 * 3600 * 1000000; /* "never", without overflow */
	struct timeval tv;

	if (delay_us < 0)
		delay_us = 0;
	if (delay_us > max_us)
		delay_us = max_us;
	t->due_at_us = clock_now_us() + delay_us;
	tv = (struct timeval){.tv_sec = delay_us / 1000000, .tv_usec = delay_us % 1000000};
	ensure(event_add(t->event, &tv) == 0);
}

void timer_stop(struct timer *t)
{
	if (t->event != NULL)
		event_del(t->event);
}

bool timer_is_set(const struct timer *t)
{
	return t->event != NULL && event_pending(t->event, EV_TIMEOUT, NULL);
}

void timer_clear(struct timer *t)
{
	if (t->event != NULL)
		event_free(t->event);
	t->event = NULL;
}

/* ---- file descriptors */

static void fd_cb(evutil_socket_t fd, short what, void *arg)
{
	struct watch_fd *w = arg;

	w->run(w->arg, fd,
		((what & EV_READ) != 0 ? WATCH_READ : 0) |
			((what & EV_WRITE) != 0 ? WATCH_WRITE : 0));
}

void watch_fd_init(struct watch_fd *w, struct loop *loop, int fd,
	void (*run)(void *arg, int fd, int what), void *arg)
{
	*w = (struct watch_fd){.run = run, .arg = arg, .fd = fd, .loop = loop};
	w->event = event_new(loop->base, fd, EV_PERSIST, fd_cb, w);
	ensure(w->event != NULL);
}

void watch_fd_set(struct watch_fd *w, int what)
{
	short events = EV_PERSIST;

	if (what == w->what)
		return;
	if ((what & WATCH_READ) != 0)
		events |= EV_READ;
	if ((what & WATCH_WRITE) != 0)
		events |= EV_WRITE;
	event_del(w->event);
	w->what = what;
	if (what == 0)
		return;
	ensure(event_assign(w->event, w->loop->base, w->fd, events, fd_cb, w) == 0);
	ensure(event_add(w->event, NULL) == 0);
}

void watch_fd_clear(struct watch_fd *w)
{
	if (w->event != NULL)
		event_free(w->event);
	w->event = NULL;
	w->what = 0;
}

/* ---- signals */

static void signal_cb(evutil_socket_t fd, short what, void *arg)
{
	struct watch_signal *w = arg;

	(void)fd;
	(void)what;
	w->run(w->arg, w->signal);
}

void watch_signal_start(struct watch_signal *w, struct loop *loop, int signal_number,
	void (*run)(void *arg, int signal), void *arg)
{
	*w = (struct watch_signal){.run = run, .arg = arg, .signal = signal_number};
	w->event = evsignal_new(loop->base, signal_number, signal_cb, w);
	ensure(w->event != NULL && event_add(w->event, NULL) == 0);
}

void watch_signal_stop(struct watch_signal *w)
{
	if (w->event != NULL)
		event_free(w->event);
	w->event = NULL;
}

/* ---- wakers */

static void waker_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop_waker *w = arg;
	uint64_t wakes;

	(void)what;
	if (read(fd, &wakes, sizeof(wakes)) == sizeof(wakes))
		w->run(w->arg);
}

struct loop_waker *loop_waker_new(struct loop *loop, void (*run)(void *arg), void *arg)
{
	struct loop_waker *w = mem_alloc(sizeof(*w));

	*w = (struct loop_waker){
		.run = run, .arg = arg, .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	ensure(w->fd != -1);
	w->event = event_new(loop->base, w->fd, EV_READ | EV_PERSIST, waker_cb, w);
	ensure(w->event != NULL && event_add(w->event, NULL) == 0);
	return w;
}

void loop_waker_free(struct loop_waker *w)
{
	if (w == NULL)
		return;
	event_free(w->event);
	close(w->fd);
	free(w);
}

void loop_waker_wake(struct loop_waker *w)
{
	const uint64_t one = 1;
	ssize_t written = write(w->fd, &one, sizeof(one));

	(void)written; /* a full counter means that a wake is on its way already */
}
