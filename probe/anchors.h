// SPDX-License-Identifier: MIT
/*
 * The self-test at work: rounds over the anchors, and the results that wait for one. A result that
 * says "down" is not believed before a round that began after it has passed: so the first failure of
 * a probe that has just lost its network is no vote either. That costs an answer of the anchors.
 */
#ifndef QUORATE_PROBE_ANCHORS_H
#define QUORATE_PROBE_ANCHORS_H

#include "probe/check.h"
#include "probe/self_test.h"

#define ANCHORS_EVERY_MS 10000
#define ANCHORS_GAP_MS   1000 /* between two rounds when results wait; less for short intervals */
#define ANCHORS_HELD_MAX 2000 /* results that wait; with more the oldest goes as it is */

struct anchors;

struct anchors_hooks {
	/* RESULT's content is the callee's; with SPOILT >= 0 that part of the self-test says that it
	 * is no vote. */
	void (*judged)(void *arg, struct result *take, int64_t ended_at_ms, int spoilt);
	/* Whether the machine could be believed while a check that ends now ran. */
	bool (*believed)(void *arg, const struct result *result);
	/* The state changed. */
	void (*changed)(void *arg);
	void *arg;
};

/* ENGINE is borrowed, and has to go first. */
struct anchors *anchors_new(
	struct loop *loop, struct engine *engine, const struct anchors_hooks *hooks);
void anchors_free(struct anchors *a); /* what waits is lost: flush first */
/* CONF: of struct anchor, copied from. Begins anew with them; rounds are made only if there is
 * something that can be judged. */
void anchors_set(struct anchors *a, const struct list *conf);
/* Takes RESULT of a check of JOB that ended at ENDED_AT_MS: judged comes now, or after a round. */
void anchors_take(struct anchors *a, struct job *job, struct result *take, int64_t ended_at_ms);
/* What waits is judged by what is known. */
void anchors_flush(struct anchors *a);
const struct self_test_state *anchors_state(const struct anchors *a);

#endif
