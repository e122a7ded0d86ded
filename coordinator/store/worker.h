// SPDX-License-Identifier: MIT
/*
 * The two threads behind a store: a writer that commits batches in groups, lane by lane, and a
 * reader that answers queries. They take messages and leave notices; WAKE is called (from either)
 * when notices were left. Knows no loop.
 */
#ifndef QUORATE_STORE_WORKER_H
#define QUORATE_STORE_WORKER_H

#include "coordinator/store/backend.h"

enum notice_kind { NOTICE_DONE, NOTICE_HEALTH, NOTICE_DISK, NOTICE_LIST };

struct notice {
	struct notice *next;
	enum notice_kind kind;
	enum store_error error;
	store_done_fn done;      /* DONE; may be NULL: then it is only something to log */
	store_list_fn list_done; /* LIST */
	void *arg;
	json_t *list;        /* owned */
	enum lane_kind lane; /* HEALTH */
	enum disk_rung rung; /* DISK */
	struct disk_space space;
	char *detail; /* DONE with STORE_FAILED, HEALTH (NULL: works again); owned */
};
void notice_free(struct notice *n);

struct worker;
struct worker *worker_start(
	const struct backend_ops *ops, void *backend, void (*wake)(void *arg), void *arg);
/* Commits what is queued, for 1 s at most, and ends the threads. false: one hangs in the kernel; it
 * was left behind, with everything that it may still touch. */
MUST_CHECK bool worker_stop(struct worker *w);
void worker_submit(struct worker *w, struct store_batch *taken);
void worker_ask(struct worker *w, struct query *taken);
/* The notices left so far, oldest first; the caller frees them. */
struct notice *worker_take_notices(struct worker *w);
void worker_set_retention(struct worker *w, const struct retention *keep);
int64_t worker_results_queued(const struct worker *w);
void worker_inject_fault(struct worker *w, enum lane_kind lane, int times);
void query_free(struct query *q);

#endif
