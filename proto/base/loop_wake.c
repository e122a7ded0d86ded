// SPDX-License-Identifier: MIT
/* What wakes a loop from outside of it: signals, and other threads. */
#include "proto/base/loop.h"
#include "proto/base/mem.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop_waker {
	struct event *event;
	void (*run)(void *arg);
	void *arg;
	int fd;
};

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
	w->event = evsignal_new(loop_base(loop), signal_number, signal_cb, w);
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
	w->event = event_new(loop_base(loop), w->fd, EV_READ | EV_PERSIST, waker_cb, w);
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
