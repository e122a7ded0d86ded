// SPDX-License-Identifier: MIT
/*
 * The event loop on libevent 2.1. Times are taken on the precise monotonic clock and never from
 * libevent's cache: a timer set at the end of a long callback must not run early, and its lateness
 * is our measure of overload. Timers wake the loop by a timerfd of ours: libevent would set its own
 * before every wait, ours is set when something becomes due before it.
 */
#include "proto/base/loop.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
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
	struct timer **heap; /* from 1; by due time */
	size_t n_timers, heap_size;
	struct event *alarm_event, *soon_event; /* the timerfd's; for what is due by now */
	int alarm_fd;
	int64_t alarm_at_us; /* when it comes; INT64_MAX: it does not */
	bool soon;           /* soon_event is about to come, or the timers are running */
	int64_t lag_us;
	bool stopping;
	struct event *once_event; /* of the epoll set of all watch_once */
	int once_epoll;
	struct watch_once **once; /* by descriptor */
	int n_once;
	uint32_t last_once; /* number */
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

static void timers_open(struct loop *loop);
static void timers_close(struct loop *loop);
static void once_open(struct loop *loop);

struct loop *loop_new(void)
{
	struct loop *loop = mem_alloc(sizeof(*loop));
	struct event_config *config = event_config_new();

	ensure(config != NULL);
	event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	ensure(loop->base != NULL);
	loop->last = &loop->first;
	loop->defer_event = event_new(loop->base, -1, 0, defer_cb, loop);
	ensure(loop->defer_event != NULL);
	timers_open(loop);
	once_open(loop);
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
	timers_close(loop);
	event_free(loop->once_event);
	close(loop->once_epoll);
	free(loop->once);
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

/* ---- timers: a binary heap by due time, and two events for its top */

static void heap_put(struct loop *loop, size_t place, struct timer *t)
{
	loop->heap[place] = t;
	t->place = place;
}

static void heap_rise(struct loop *loop, size_t place, struct timer *t)
{
	for (; place > 1 && loop->heap[place / 2]->due_at_us > t->due_at_us; place /= 2)
		heap_put(loop, place, loop->heap[place / 2]);
	heap_put(loop, place, t);
}

static void heap_sink(struct loop *loop, size_t place, struct timer *t)
{
	for (size_t child; (child = 2 * place) <= loop->n_timers; place = child) {
		if (child < loop->n_timers &&
			loop->heap[child + 1]->due_at_us < loop->heap[child]->due_at_us)
			child++;
		if (loop->heap[child]->due_at_us >= t->due_at_us)
			break;
		heap_put(loop, place, loop->heap[child]);
	}
	heap_put(loop, place, t);
}

static void heap_add(struct loop *loop, struct timer *t)
{
	if (++loop->n_timers >= loop->heap_size) {
		loop->heap_size = 2 * loop->n_timers + 64;
		loop->heap = mem_resize(loop->heap, loop->heap_size, sizeof(struct timer *));
	}
	heap_rise(loop, loop->n_timers, t);
}

static void heap_remove(struct loop *loop, struct timer *t)
{
	size_t place = t->place;
	struct timer *last = loop->heap[loop->n_timers--];

	t->place = 0;
	if (last == t)
		return;
	if (place > 1 && loop->heap[place / 2]->due_at_us > last->due_at_us)
		heap_rise(loop, place, last);
	else
		heap_sink(loop, place, last);
}

/* Wakes the loop when the top is due: if by now, at the end of this turn, or in the next one. An alarm
 * that has become too early finds nothing to do, and comes here again. */
static void arm(struct loop *loop, int64_t now_us, bool next_turn)
{
	static const struct timeval now = {0};
	int64_t due_at_us = loop->n_timers > 0 ? loop->heap[1]->due_at_us : INT64_MAX;

	if (loop->soon || due_at_us >= loop->alarm_at_us)
		return;
	if (due_at_us <= now_us) {
		loop->soon = true;
		if (next_turn)
			ensure(event_add(loop->soon_event, &now) == 0);
		else
			event_active(loop->soon_event, EV_TIMEOUT, 1);
		return;
	}
	int64_t left_us =
		due_at_us - now_us; /* not the instant: a faked clock is not the kernel's */
	struct itimerspec alarm = {
		.it_value = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000}};
	ensure(timerfd_settime(loop->alarm_fd, 0, &alarm, NULL) == 0);
	loop->alarm_at_us = due_at_us;
}

/* Runs what is due by now; what these set has its turn after everything else that is ready. */
static void run_timers(struct loop *loop)
{
	int64_t began_at_us = clock_now_us(), now_us = began_at_us;

	loop->soon = true; /* armed at the end, once for all */
	while (loop->n_timers > 0 && loop->heap[1]->due_at_us <= began_at_us && !loop->stopping) {
		struct timer *t = loop->heap[1];
		int64_t late_us = now_us - t->due_at_us;

		if (late_us > loop->lag_us)
			loop->lag_us = late_us;
		heap_remove(loop, t);
		t->run(t->arg);
		now_us = clock_now_us();
	}
	loop->soon = false;
	arm(loop, now_us, true);
}

static void alarm_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)fd;
	(void)what;
	loop->alarm_at_us = INT64_MAX;
	run_timers(loop);
}

static void soon_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run_timers(arg);
}

/* Edge-triggered: an alarm is told once, and needs no reading. */
static void timers_open(struct loop *loop)
{
	loop->alarm_at_us = INT64_MAX;
	loop->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	ensure(loop->alarm_fd != -1);
	loop->alarm_event =
		event_new(loop->base, loop->alarm_fd, EV_READ | EV_ET | EV_PERSIST, alarm_cb, loop);
	loop->soon_event = event_new(loop->base, -1, 0, soon_cb, loop);
	ensure(loop->alarm_event != NULL && loop->soon_event != NULL);
	ensure(event_add(loop->alarm_event, NULL) == 0);
}

static void timers_close(struct loop *loop)
{
	event_free(loop->alarm_event);
	event_free(loop->soon_event);
	close(loop->alarm_fd);
	free(loop->heap);
}

void timer_set(struct timer *t, int64_t delay_ms)
{
	timer_set_us(t, delay_ms > INT64_MAX / 1000 ? INT64_MAX : delay_ms * 1000);
}

static void set_due(struct timer *t, int64_t now_us, int64_t due_at_us)
{
	timer_stop(t);
	t->due_at_us = due_at_us;
	heap_add(t->loop, t);
	arm(t->loop, now_us, false);
}

void timer_set_us(struct timer *t, int64_t delay_us)
{
	const int64_t max_us = INT64_C(366) * 24 * 3600 * 1000000; /* "never", without overflow */
	int64_t now_us = clock_now_us();

	if (delay_us < 0)
		delay_us = 0;
	if (delay_us > max_us)
		delay_us = max_us;
	set_due(t, now_us, now_us + delay_us);
}

void timer_set_at(struct timer *t, int64_t due_at_us)
{
	struct loop *loop = t->loop;

	/* the clock matters to the first of all only */
	set_due(t, due_at_us < loop->alarm_at_us && !loop->soon ? clock_now_us() : 0, due_at_us);
}

void timer_stop(struct timer *t)
{
	if (t->place != 0)
		heap_remove(t->loop, t);
}

void timer_clear(struct timer *t)
{
	timer_stop(t);
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

/* ---- one look at a socket: an epoll set of our own, which is one descriptor in libevent's */

#define ONCE_BATCH 64

/* A socket may be closed, and its number used again, between the kernel's event and our look at it. */
static struct watch_once *once_of(const struct loop *loop, uint64_t token)
{
	int fd = (int)(token & INT32_MAX);
	struct watch_once *w = fd < loop->n_once ? loop->once[fd] : NULL;
	return w != NULL && w->number == token >> 32 ? w : NULL;
}

static int once_what(uint32_t events)
{
	return ((events & EPOLLIN) != 0 ? WATCH_READ : 0) |
	       ((events & EPOLLOUT) != 0 ? WATCH_WRITE : 0) |
	       ((events & (EPOLLERR | EPOLLHUP)) != 0 ? WATCH_FAILED : 0);
}

static void once_cb(evutil_socket_t epoll, short what, void *arg)
{
	struct loop *loop = arg;
	struct epoll_event event[ONCE_BATCH];
	int n = epoll_wait(epoll, event, ONCE_BATCH, 0);

	(void)what;
	for (int i = 0; i < n; i++) {
		struct watch_once *w = once_of(loop, event[i].data.u64);
		if (w == NULL)
			continue;
		watch_once_stop(w);
		w->run(w->arg, w->fd, once_what(event[i].events));
	}
}

static void once_open(struct loop *loop)
{
	loop->once_epoll = epoll_create1(EPOLL_CLOEXEC);
	ensure(loop->once_epoll != -1);
	loop->once_event =
		event_new(loop->base, loop->once_epoll, EV_READ | EV_PERSIST, once_cb, loop);
	ensure(loop->once_event != NULL && event_add(loop->once_event, NULL) == 0);
}

static void once_put(struct loop *loop, int fd, struct watch_once *w)
{
	if (fd >= loop->n_once) {
		int n = 2 * fd + 64;
		loop->once = mem_resize(loop->once, (size_t)n, sizeof(struct watch_once *));
		while (loop->n_once < n)
			loop->once[loop->n_once++] = NULL;
	}
	loop->once[fd] = w;
}

/* OPERATION: EPOLL_CTL_ADD, or EPOLL_CTL_MOD if the kernel should know the socket. */
static void once_ask(struct watch_once *w, int what, int operation)
{
	struct loop *loop = w->loop;
	if (++loop->last_once == 0)
		loop->last_once = 1;
	w->number = loop->last_once;
	once_put(loop, w->fd, w);
	struct epoll_event event = {.events = EPOLLONESHOT |
					      ((what & WATCH_READ) != 0 ? EPOLLIN : 0) |
					      ((what & WATCH_WRITE) != 0 ? EPOLLOUT : 0),
		.data.u64 = (uint64_t)w->number << 32 | (uint32_t)w->fd};
	int rc = epoll_ctl(loop->once_epoll, operation, w->fd, &event);
	if (rc == -1 && errno == EEXIST) /* looked at before, and not closed since */
		rc = epoll_ctl(loop->once_epoll, EPOLL_CTL_MOD, w->fd, &event);
	else if (rc == -1 && errno == ENOENT) /* closed since */
		rc = epoll_ctl(loop->once_epoll, EPOLL_CTL_ADD, w->fd, &event);
	ensure(rc == 0);
}

void watch_once_start(struct watch_once *w, struct loop *loop, int fd, int what,
	void (*run)(void *arg, int fd, int what), void *arg)
{
	*w = (struct watch_once){.run = run, .arg = arg, .loop = loop, .fd = fd};
	once_ask(w, what, EPOLL_CTL_ADD);
}

void watch_once_again(struct watch_once *w, int what)
{
	once_ask(w, what, EPOLL_CTL_MOD);
}

void watch_once_stop(struct watch_once *w)
{
	if (w->number != 0)
		w->loop->once[w->fd] = NULL;
	w->number = 0;
}
