// SPDX-License-Identifier: MIT
/*
 * When each assigned monitor is checked: applies the coordinator's orders, and calls out at every
 * start. It knows nothing of checks: one that is still running at its monitor's next start does not
 * stop that start.
 */
#ifndef QUORATE_PROBE_SCHEDULE_H
#define QUORATE_PROBE_SCHEDULE_H

#include "probe/check.h"
#include "proto/base/loop.h"
#include "proto/messages.h"

/* The starts of one monitor: ANCHOR + k × INTERVAL, k = 0, 1, …, each later by a jitter of its own
 * that does not add up. */
struct cadence {
	int64_t anchor_at_ms, interval_ms;
};
/* The first regular start after NOW_MS, without jitter: what was missed is not made up for. */
int64_t cadence_next(const struct cadence *c, int64_t now_ms);
/* The jitter of one start: 0 … 2 % of the interval; RANDOM is any number. */
int64_t cadence_jitter(const struct cadence *c, uint64_t random);

struct schedule;

/* ROUND 0: a regular start; else a confirmation round's number. JOB is borrowed: take a reference.
 */
typedef void (*schedule_run_fn)(void *arg, struct job *job, int64_t round);
/* MONITOR is no longer ours. */
typedef void (*schedule_drop_fn)(void *arg, const struct id *monitor);

struct schedule *schedule_new(struct loop *loop, int64_t min_interval_ms, schedule_run_fn run,
	schedule_drop_fn drop, void *arg);
void schedule_free(struct schedule *s); /* without calls of DROP */
void schedule_apply(struct schedule *s, const struct orders *orders);
/* Takes effect with each monitor's next start. */
void schedule_set_min_interval(struct schedule *s, int64_t min_interval_ms);
int64_t schedule_count(const struct schedule *s);

#endif
