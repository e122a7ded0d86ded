// SPDX-License-Identifier: MIT
/*
 * Group commit. All batches of a lane that have arrived by the time the disk is free share one
 * transaction. When it fails, nothing of the lane is lost or reordered: batches that may wait
 * (EVENTUALLY) stay at the head of the lane and are tried again each second; the others are told at
 * once. The lanes (state, results) fail and recover apart.
 *
 * Under the lock: inbox, questions, notices, retention, prune_at_ms, stopping, running. The lanes
 * belong to the writer alone.
 */
#include "coordinator/store/worker.h"

#include "coordinator/store/lane.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS        1000
#define STOP_MS         1000
#define ABANDON_MS      1500
#define PRUNE_PERIOD_MS 60000
#define PRUNE_PAUSE_MS  20
#define SPACE_PERIOD_MS 5000

struct worker {
	const struct backend_ops *ops;
	void *backend;
	void (*wake)(void *arg);
	void *arg;
	pthread_t writer, reader;
	pthread_mutex_t lock;
	pthread_cond_t written, asked, ended;
	struct batches inbox[LANE_COUNT];
	struct query *questions, **questions_end;
	struct notice *notices, **notices_end;
	struct retention retention;
	bool stopping;
	int running;
	int64_t stop_at_ms;
	struct lane lane[LANE_COUNT];
	struct disk_space space; /* as last measured */
	enum disk_rung rung;
	int64_t space_at_ms, prune_at_ms;
	atomic_llong results_queued;
	atomic_int faults[LANE_COUNT]; /* commits that are still to fail */
};

void notice_free(struct notice *n)
{
	json_decref(n->list);
	free(n->detail);
	free(n);
}

void query_free(struct query *q)
{
	free(q->text);
	free(q->monitor_text);
	free(q);
}

/* ---- telling the loop */

static void worker_tell(struct worker *w, struct notice *n)
{
	pthread_mutex_lock(&w->lock);
	*w->notices_end = n;
	w->notices_end = &n->next;
	pthread_mutex_unlock(&w->lock);
	w->wake(w->arg);
}

static void batch_answer(
	struct worker *w, struct store_batch *b, enum store_error error, const char *detail)
{
	if (b->answered)
		return;
	b->answered = true;
	if (!b->done && !detail)
		return;
	struct notice *n = mem_alloc(sizeof(*n));
	n->kind = NOTICE_DONE;
	n->error = error;
	n->done = b->done;
	n->arg = b->arg;
	n->detail = mem_strdup(detail);
	worker_tell(w, n);
}

static void lane_tell(struct worker *w, enum lane_kind kind, const char *detail)
{
	struct notice *n = mem_alloc(sizeof(*n));
	n->kind = NOTICE_HEALTH;
	n->lane = kind;
	n->detail = mem_strdup(detail);
	worker_tell(w, n);
}

/* ---- the writer */

/* The end of every batch: committed, refused or dropped. */
static void batch_end(
	struct worker *w, struct store_batch *b, enum store_error error, const char *detail)
{
	/* A state batch that was told DEGRADED and is refused later has nobody left to tell but the
	 * log. */
	if (detail && b->answered) {
		b->answered = false;
		b->done = NULL;
	}
	if (b->lane == LANE_RESULTS)
		atomic_fetch_sub(&w->results_queued, (long long)b->n_ops);
	batch_answer(w, b, error, detail);
	store_batch_free(b);
}

/* While the lane is degraded: who may wait stays (and is told, once), who may not is dropped. */
static void lane_answer_degraded(struct worker *w, struct lane *lane)
{
	struct batches kept;
	batches_init(&kept);
	for (struct store_batch *b = lane->pending.first, *next; b; b = next) {
		next = b->next;
		if (b->mode == STORE_EVENTUALLY) {
			batch_answer(w, b, STORE_DEGRADED, NULL);
			batches_add(&kept, b);
		} else {
			batch_end(w, b, STORE_DEGRADED, NULL);
		}
	}
	batches_init(&lane->pending);
	batches_move(&lane->pending, &kept);
}

static void lane_committed(struct worker *w, enum lane_kind kind, struct store_batch *first)
{
	struct lane *lane = &w->lane[kind];
	if (lane->degraded) {
		lane->degraded = false;
		lane_tell(w, kind, NULL);
	}
	for (struct store_batch *b = first, *next; b; b = next) {
		next = b->next;
		const char *detail =
			b->error == STORE_OK ? NULL : "the store refused a batch: a repeated key";
		batch_end(w, b, b->error, detail);
	}
}

static void lane_failed(
	struct worker *w, enum lane_kind kind, struct batches *group, const char *why)
{
	struct lane *lane = &w->lane[kind];
	batches_move(group, &lane->pending);
	batches_init(&lane->pending);
	batches_move(&lane->pending, group);
	lane->retry_at_ms = clock_now_ms() + RETRY_MS;
	if (!lane->degraded) {
		lane->degraded = true;
		lane_tell(w, kind, why);
	}
	lane_answer_degraded(w, lane);
}

static int backend_commit(
	struct worker *w, enum lane_kind kind, struct store_batch *first, char why[WHY_SIZE])
{
	int faults = atomic_load(&w->faults[kind]);
	if (faults == 0)
		return w->ops->commit(w->backend, kind, first, why);
	if (faults != FAULT_LASTING)
		atomic_fetch_sub(&w->faults[kind], 1);
	memcpy(why, "injected fault", sizeof("injected fault"));
	return -1;
}

static int lane_commit(
	struct worker *w, enum lane_kind kind, struct store_batch *first, char why[WHY_SIZE])
{
	if (kind != LANE_RESULTS || w->rung < DISK_CLOSED)
		return backend_commit(w, kind, first, why);
	char *sentence = disk_sentence(w->rung, &w->space);
	snprintf(why, WHY_SIZE, "%s", sentence);
	free(sentence);
	return -1;
}

static void lane_run(struct worker *w, enum lane_kind kind, bool stopping)
{
	struct lane *lane = &w->lane[kind];
	if (!lane->pending.first && !lane->degraded)
		return;
	if (lane->degraded && clock_now_ms() < lane->retry_at_ms && !stopping) {
		lane_answer_degraded(w, lane);
		return;
	}
	char why[WHY_SIZE];
	struct batches group;
	lane_cut(lane, &group);
	if (lane_commit(w, kind, group.first, why) == 0)
		lane_committed(w, kind, group.first);
	else
		lane_failed(w, kind, &group, why);
}

/* A results lane that fails for want of space is the one that pruning helps. */
static bool may_prune(const struct worker *w)
{
	return !w->lane[LANE_RESULTS].degraded || w->rung >= DISK_SHRINK;
}

/* The instant up to which the writer has nothing to do unless it is told; INT64_MIN: it has
 * something now. */
static int64_t writer_idle_until(const struct worker *w)
{
	int64_t until_ms = may_prune(w) ? w->prune_at_ms : INT64_MAX;
	if (w->space_at_ms < until_ms)
		until_ms = w->space_at_ms;
	for (int k = 0; k < LANE_COUNT; k++) {
		const struct lane *lane = &w->lane[k];
		if (w->inbox[k].first || (lane->pending.first && !lane->degraded))
			return INT64_MIN;
		if (lane->degraded && lane->retry_at_ms < until_ms)
			until_ms = lane->retry_at_ms;
	}
	return until_ms;
}

static void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t at_ms)
{
	struct timespec ts = {at_ms / 1000, at_ms % 1000 * 1000000};
	(void)pthread_cond_timedwait(cond, lock, &ts);
}

/* Waits for work and takes it into the lanes. Returns whether the worker is stopping. */
static bool writer_wait(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	int64_t until_ms = writer_idle_until(w);
	while (!w->stopping && clock_now_ms() < until_ms) {
		cond_wait_until(&w->written, &w->lock, until_ms);
		until_ms = writer_idle_until(w);
	}
	for (int k = 0; k < LANE_COUNT; k++)
		batches_move(&w->lane[k].pending, &w->inbox[k]);
	bool stopping = w->stopping;
	pthread_mutex_unlock(&w->lock);
	return stopping;
}

/* How full the disk is, and what that means; the loop is told each time. */
static void writer_measure(struct worker *w)
{
	int64_t now_ms = clock_now_ms();
	if (now_ms < w->space_at_ms)
		return;
	w->space_at_ms = now_ms + SPACE_PERIOD_MS;
	struct disk_space space;
	if (!w->ops->space || w->ops->space(w->backend, &space) == -1)
		return;
	enum disk_rung rung = disk_rung(w->rung, &space);
	pthread_mutex_lock(&w->lock);
	if (rung >= DISK_SHRINK && rung > w->rung)
		w->prune_at_ms = now_ms;
	pthread_mutex_unlock(&w->lock);
	w->rung = rung;
	w->space = space;
	struct notice *n = mem_alloc(sizeof(*n));
	n->kind = NOTICE_DISK;
	n->rung = rung;
	n->space = space;
	worker_tell(w, n);
}

/* A slice, when one is due. The next is set before, so that a retention set meanwhile is not
 * overlooked. */
static void writer_prune(struct worker *w)
{
	int64_t now_ms = clock_now_ms();
	pthread_mutex_lock(&w->lock);
	struct retention keep = w->retention;
	bool due = now_ms >= w->prune_at_ms && may_prune(w);
	if (w->rung >= DISK_SHRINK)
		keep.size_bytes = 0;
	if (due)
		w->prune_at_ms = now_ms + PRUNE_PERIOD_MS;
	pthread_mutex_unlock(&w->lock);
	if (!due || !w->ops->prune(w->backend, &keep, clock_wall_ms()))
		return;
	int64_t soon_ms = clock_now_ms() + PRUNE_PAUSE_MS;
	pthread_mutex_lock(&w->lock);
	if (soon_ms < w->prune_at_ms)
		w->prune_at_ms = soon_ms;
	pthread_mutex_unlock(&w->lock);
}

/* The last attempts: until all is committed, a lane fails, or the time is up. */
static void writer_finish(struct worker *w)
{
	for (int k = 0; k < LANE_COUNT; k++) {
		do
			lane_run(w, (enum lane_kind)k, true);
		while (w->lane[k].pending.first && !w->lane[k].degraded &&
			clock_now_ms() < w->stop_at_ms);
	}
}

static void worker_leave(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	w->running--;
	pthread_cond_broadcast(&w->ended);
	pthread_mutex_unlock(&w->lock);
}

static void *writer_run(void *arg)
{
	struct worker *w = arg;
	while (!writer_wait(w)) {
		writer_measure(w);
		for (int k = 0; k < LANE_COUNT; k++)
			lane_run(w, (enum lane_kind)k, false);
		writer_prune(w);
	}
	writer_finish(w);
	worker_leave(w);
	return NULL;
}

/* ---- the reader */

static void *reader_run(void *arg)
{
	struct worker *w = arg;
	pthread_mutex_lock(&w->lock);
	while (!w->stopping) {
		struct query *q = w->questions;
		if (!q) {
			pthread_cond_wait(&w->asked, &w->lock);
			continue;
		}
		w->questions = q->next;
		if (!w->questions)
			w->questions_end = &w->questions;
		pthread_mutex_unlock(&w->lock);
		struct notice *n = mem_alloc(sizeof(*n));
		n->kind = NOTICE_LIST;
		n->list = w->ops->query(w->backend, q);
		n->error = n->list ? STORE_OK : STORE_FAILED;
		n->list_done = q->done;
		n->arg = q->arg;
		query_free(q);
		worker_tell(w, n);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	worker_leave(w);
	return NULL;
}

/* ---- the loop's side */

static void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

/* Signals are for the loop's thread alone. */
static void thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ensure(pthread_create(thread, NULL, run, arg) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

struct worker *worker_start(
	const struct backend_ops *ops, void *backend, void (*wake)(void *arg), void *arg)
{
	struct worker *w = mem_alloc(sizeof(*w));
	w->ops = ops;
	w->backend = backend;
	w->wake = wake;
	w->arg = arg;
	w->questions_end = &w->questions;
	w->notices_end = &w->notices;
	w->retention.age_ms = INT64_MAX;
	w->retention.size_bytes = INT64_MAX;
	w->prune_at_ms = clock_now_ms() + PRUNE_PERIOD_MS;
	for (int k = 0; k < LANE_COUNT; k++) {
		batches_init(&w->inbox[k]);
		batches_init(&w->lane[k].pending);
	}
	pthread_mutex_init(&w->lock, NULL);
	cond_init(&w->written);
	cond_init(&w->asked);
	cond_init(&w->ended);
	w->running = 2;
	thread_start(&w->writer, writer_run, w);
	thread_start(&w->reader, reader_run, w);
	return w;
}

static void worker_free(struct worker *w)
{
	for (int k = 0; k < LANE_COUNT; k++) {
		batches_move(&w->lane[k].pending, &w->inbox[k]);
		for (struct store_batch *b = w->lane[k].pending.first, *next; b; b = next) {
			next = b->next;
			store_batch_free(b);
		}
	}
	for (struct query *q = w->questions, *next; q; q = next) {
		next = q->next;
		query_free(q);
	}
	for (struct notice *n = w->notices, *next; n; n = next) {
		next = n->next;
		notice_free(n);
	}
	pthread_cond_destroy(&w->written);
	pthread_cond_destroy(&w->asked);
	pthread_cond_destroy(&w->ended);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

bool worker_stop(struct worker *w)
{
	int64_t abandon_at_ms = clock_now_ms() + ABANDON_MS;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	w->stop_at_ms = clock_now_ms() + STOP_MS;
	pthread_cond_broadcast(&w->written);
	pthread_cond_broadcast(&w->asked);
	while (w->running > 0 && clock_now_ms() < abandon_at_ms)
		cond_wait_until(&w->ended, &w->lock, abandon_at_ms);
	bool ended = w->running == 0;
	pthread_mutex_unlock(&w->lock);
	if (!ended) {
		pthread_detach(w->writer);
		pthread_detach(w->reader);
		return false;
	}
	pthread_join(w->writer, NULL);
	pthread_join(w->reader, NULL);
	worker_free(w);
	return true;
}

void worker_submit(struct worker *w, struct store_batch *taken)
{
	if (taken->lane == LANE_RESULTS)
		atomic_fetch_add(&w->results_queued, (long long)taken->n_ops);
	pthread_mutex_lock(&w->lock);
	batches_add(&w->inbox[taken->lane], taken);
	pthread_cond_signal(&w->written);
	pthread_mutex_unlock(&w->lock);
}

void worker_ask(struct worker *w, struct query *taken)
{
	taken->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->questions_end = taken;
	w->questions_end = &taken->next;
	pthread_cond_signal(&w->asked);
	pthread_mutex_unlock(&w->lock);
}

struct notice *worker_take_notices(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	struct notice *first = w->notices;
	w->notices = NULL;
	w->notices_end = &w->notices;
	pthread_mutex_unlock(&w->lock);
	return first;
}

void worker_set_retention(struct worker *w, const struct retention *keep)
{
	pthread_mutex_lock(&w->lock);
	w->retention = *keep;
	w->prune_at_ms = clock_now_ms();
	pthread_cond_signal(&w->written);
	pthread_mutex_unlock(&w->lock);
}

int64_t worker_results_queued(const struct worker *w)
{
	return atomic_load(&w->results_queued);
}

void worker_inject_fault(struct worker *w, enum lane_kind lane, int times)
{
	atomic_store(&w->faults[lane], times);
}
