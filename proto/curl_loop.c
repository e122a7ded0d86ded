// SPDX-License-Identifier: MIT
/*
 * curl's multi socket interface on the loop, after curl's docs/examples/hiperfifo.c: curl tells
 * which sockets to watch and when to be called next, in milliseconds; we tell it what happened.
 *
 * Invariant: nothing calls into curl from inside of a curl callback. Starting and cancelling from a
 * done callback is fine: those are delivered after curl has returned.
 */
#include "proto/curl_loop.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct transfer {
	struct transfer *next, *prev;
	CURL *easy;
	curl_done_fn done;
	void *arg;
	bool stays; /* in the multi handle when it is done */
};

/* A socket that curl has asked us to watch; curl keeps the pointer for us. Curl reads as much as it takes for a turn,
 * and says what it waits for next: so one look follows another. */
struct watched {
	struct watched *next, *prev;
	struct watch_once watch;
	struct curl_loop *cl;
	int what; /* WATCH_READ | WATCH_WRITE */
};

struct curl_loop {
	struct loop *loop;
	CURLM *multi;
	struct timer timer;
	struct transfer *transfers;
	struct watched *watched;
	struct watched *at_work; /* curl acts on it, and may change what it waits for; NULL: none */
	uint64_t turn;
};

static void reap(struct curl_loop *cl)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(cl->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		struct transfer *t = NULL;
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result; /* gone with the handle's removal */
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
		curl_done_fn done = t->done;
		void *arg = t->arg;
		if (!t->stays)
			curl_loop_cancel(cl, easy);
		done(arg, easy, code);
	}
}

static void act(struct curl_loop *cl, curl_socket_t fd, int what)
{
	int running;
	cl->turn++;
	CURLMcode code = curl_multi_socket_action(cl->multi, fd, what, &running);
	if (code != CURLM_OK && code != CURLM_BAD_SOCKET)
		log_error("curl.action error=%s", log_quote(curl_multi_strerror(code)));
	reap(cl);
}

static void on_timer(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(void *arg, int fd, int what)
{
	struct watched *w = arg;
	struct curl_loop *cl = w->cl;
	if ((what & WATCH_FAILED) != 0) /* curl finds out by trying */
		what = w->what;
	cl->at_work = w;
	act(cl, fd,
		((what & WATCH_READ) != 0 ? CURL_CSELECT_IN : 0) |
			((what & WATCH_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
	if (cl->at_work != NULL && w->what != 0)
		watch_once_again(&w->watch, w->what);
	cl->at_work = NULL;
}

static int timer_cb(CURLM *multi UNUSED, long timeout_ms, void *arg)
{
	struct curl_loop *cl = arg;
	if (timeout_ms < 0)
		timer_stop(&cl->timer);
	else
		timer_set(&cl->timer, timeout_ms);
	return 0;
}

static void watched_free(struct curl_loop *cl, struct watched *w)
{
	if (cl->at_work == w)
		cl->at_work = NULL;
	DL_DELETE(cl->watched, w);
	watch_once_stop(&w->watch);
	free(w);
}

static void watched_new(struct curl_loop *cl, curl_socket_t fd, int what)
{
	struct watched *w = mem_alloc(sizeof(*w));
	w->cl = cl;
	w->what = what;
	DL_PREPEND(cl->watched, w);
	curl_multi_assign(cl->multi, fd, w);
	watch_once_start(&w->watch, cl->loop, fd, what, on_ready, w);
}

static int socket_cb(CURL *easy UNUSED, curl_socket_t fd, int action, void *arg, void *of_socket)
{
	struct curl_loop *cl = arg;
	struct watched *w = of_socket;
	int what = ((action & CURL_POLL_IN) != 0 ? WATCH_READ : 0) |
		   ((action & CURL_POLL_OUT) != 0 ? WATCH_WRITE : 0);
	if (action == CURL_POLL_REMOVE) {
		if (w != NULL)
			watched_free(cl, w);
	} else if (w == NULL) {
		watched_new(cl, fd, what);
	} else {
		w->what = what;
		if (w != cl->at_work) /* which has its next look at the end */
			watch_once_again(&w->watch, what);
	}
	return 0;
}

/* A transfer asks for some twenty zeroed pieces of memory. */
static void init_library(void)
{
	static bool ready;
	if (!ready && curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free, realloc, strdup,
			      mem_try_array) != CURLE_OK)
		log_fatal("curl.init_failed");
	ready = true;
}

struct curl_loop *curl_loop_new(struct loop *loop)
{
	init_library();
	struct curl_loop *cl = mem_alloc(sizeof(*cl));
	cl->loop = loop;
	cl->multi = curl_multi_init();
	ensure(cl->multi != NULL);
	timer_init(&cl->timer, loop, on_timer, cl);
	curl_multi_setopt(cl->multi, CURLMOPT_SOCKETFUNCTION, socket_cb);
	curl_multi_setopt(cl->multi, CURLMOPT_SOCKETDATA, cl);
	curl_multi_setopt(cl->multi, CURLMOPT_TIMERFUNCTION, timer_cb);
	curl_multi_setopt(cl->multi, CURLMOPT_TIMERDATA, cl);
	return cl;
}

void curl_loop_free(struct curl_loop *cl)
{
	if (cl == NULL)
		return;
	while (cl->transfers != NULL)
		curl_loop_cancel(cl, cl->transfers->easy);
	curl_multi_cleanup(cl->multi);
	while (cl->watched != NULL)
		watched_free(cl, cl->watched);
	timer_clear(&cl->timer);
	free(cl);
}

static void start(struct curl_loop *cl, CURL *easy, bool stays, curl_done_fn done, void *arg)
{
	struct transfer *t = mem_alloc(sizeof(*t));
	*t = (struct transfer){.easy = easy, .done = done, .arg = arg, .stays = stays};
	DL_PREPEND(cl->transfers, t);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	CURLMcode code = curl_multi_add_handle(cl->multi, easy);
	if (code != CURLM_OK) { /* the handle is in use or memory is out: both are ours */
		log_error("curl.add error=%s", log_quote(curl_multi_strerror(code)));
		ensure(code == CURLM_OK);
	}
}

void curl_loop_start(struct curl_loop *cl, CURL *easy, curl_done_fn done, void *arg)
{
	start(cl, easy, false, done, arg);
}

void curl_loop_connect(struct curl_loop *cl, CURL *easy, curl_done_fn done, void *arg)
{
	start(cl, easy, true, done, arg);
}

void curl_loop_cancel(struct curl_loop *cl, CURL *easy)
{
	struct transfer *t = NULL;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
	if (t == NULL)
		return;
	curl_multi_remove_handle(cl->multi, easy);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
	DL_DELETE(cl->transfers, t);
	free(t);
}

const uint64_t *curl_loop_turn(const struct curl_loop *cl)
{
	return &cl->turn;
}
