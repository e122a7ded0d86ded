// SPDX-License-Identifier: MIT
/*
 * The event loop: libevent behind a few calls. One loop per program, all on the main thread; the
 * only call that another thread may make is loop_wake(). Callbacks never run before the call that
 * set them up has returned, and never after the matching stop/free.
 */
#ifndef QUORATE_BASE_LOOP_H
#define QUORATE_BASE_LOOP_H

#include "quorate/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct event_base;

struct loop *loop_new(void);       /* ignores SIGPIPE from now on */
void loop_free(struct loop *loop); /* runs what was deferred first */
/* Runs until loop_stop(); one that came before the run ends it at once. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* For the files that need libevent itself (evhttp, bufferevents). Borrowed. */
struct event_base *loop_base(struct loop *loop);
/* The largest delay between a timer's due time and its run since the last call, then reset. A
 * measure of our own overload: results and heartbeats carry it. */
int64_t loop_lag_us(struct loop *loop);

/* Timers: one shot. Embedded; clear before the memory goes. Setting again moves it. */
struct event;
struct timer {
	struct loop *loop;
	size_t place; /* in the loop's heap, from 1; 0: not set */
	void (*run)(void *arg);
	void *arg;
	int64_t due_at_us;
};
static inline void timer_init(struct timer *t, struct loop *loop, void (*run)(void *arg), void *arg)
{
	*t = (struct timer){.loop = loop, .run = run, .arg = arg};
}
void timer_set(struct timer *t, int64_t delay_ms);
void timer_set_us(struct timer *t, int64_t delay_us);
/* The same for who knows the instant. */
void timer_set_at(struct timer *t, int64_t due_at_us);
void timer_stop(struct timer *t); /* no harm if not set */
static inline bool timer_is_set(const struct timer *t)
{
	return t->place != 0;
}
void timer_clear(struct timer *t);

/* A file descriptor watched, level-triggered, until closed. */
#define WATCH_READ  1
#define WATCH_WRITE 2
struct watch_fd {
	struct event *event;
	void (*run)(void *arg, int fd, int what);
	void *arg;
	int fd, what;
	struct loop *loop;
};
void watch_fd_init(struct watch_fd *w, struct loop *loop, int fd,
	void (*run)(void *arg, int fd, int what), void *arg);
/* WHAT: WATCH_READ | WATCH_WRITE; 0 stops. */
void watch_fd_set(struct watch_fd *w, int what);
void watch_fd_clear(struct watch_fd *w);

/* One look at a socket: RUN comes once, when what was asked for is so or the socket has failed (WATCH_FAILED); the
 * loop has forgotten it by then, unless RUN asks again. A look takes a third of the work of watch_fd. The kernel
 * lets go of the socket when it is closed, so nobody may hold a copy of it; start and stop are without effect on any
 * watch_fd of it. */
#define WATCH_FAILED 4
struct watch_once {
	void (*run)(void *arg, int fd, int what);
	void *arg;
	struct loop *loop;
	int fd;
	uint32_t number; /* 0: not set */
};
void watch_once_start(struct watch_once *w, struct loop *loop, int fd, int what,
	void (*run)(void *arg, int fd, int what), void *arg);
/* Another look at the same socket, in the place of one that is set. */
void watch_once_again(struct watch_once *w, int what);
void watch_once_stop(struct watch_once *w); /* no harm if not set */

/* A signal handled in the loop. */
struct watch_signal {
	struct event *event;
	void (*run)(void *arg, int signal);
	void *arg;
	int signal;
};
void watch_signal_start(struct watch_signal *w, struct loop *loop, int signal,
	void (*run)(void *arg, int signal), void *arg);
void watch_signal_stop(struct watch_signal *w);

/* RUN is called in the loop's thread soon after any thread called loop_waker_wake (wakes coalesce).
 */
struct loop_waker;
struct loop_waker *loop_waker_new(struct loop *loop, void (*run)(void *arg), void *arg);
void loop_waker_free(struct loop_waker *w);
void loop_waker_wake(struct loop_waker *w); /* thread-safe, async-signal-safe */

/* RUN(arg) once, from the loop, after the current callback returned: for freeing oneself. */
void loop_defer(struct loop *loop, void (*run)(void *arg), void *arg);

#endif
