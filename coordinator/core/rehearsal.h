// SPDX-License-Identifier: MIT
/*
 * What a policy would have done: votes as they really came, played again through a watch of its
 * own. Pure.
 *
 * A burst is had where the history has one: rounds that were really run within its time answer for
 * the rounds that the watch orders. Where there is none, or fewer rounds, it is denied, and the
 * other votes decide, as they do when a budget is used up.
 */
#ifndef QUORATE_CORE_REHEARSAL_H
#define QUORATE_CORE_REHEARSAL_H

#include "coordinator/core/watch.h"

#include <stddef.h>

struct rehearsal_vote {
	int64_t started_at_ms, ended_at_ms; /* on one clock; they arrive when they end */
	int64_t round;                      /* as it really was; 0: scheduled */
	uint32_t key;                       /* the probe; not 0 */
	int seat;                           /* under the policy that is rehearsed */
	int verdict, reason;
	uint8_t severity[THRESHOLD_COUNT];
};

struct rehearsal_alert {
	enum alert_kind kind;
	enum severity severity; /* the worst that it had */
	int reason;
	int64_t started_at_ms, opened_at_ms;
	int64_t closed_at_ms; /* INT64_MAX: open at the end */
	int rounds;           /* that confirmed it; 0: scheduled votes */
	bool promoted;        /* a regional one that goes on as down */
};

typedef void (*rehearsal_fn)(void *arg, const struct rehearsal_alert *alert);

/*
 * Plays N votes, in the order of their ends, until END_MS. RULE's revision does not matter. In each
 * seat PER_SEAT places are there: a probe that is new takes a free one, or follows the one that was
 * silent for longest. FN gets each alert when it closes, or at the end.
 */
void rehearsal_play(const struct watch_rule *rule, int per_seat, const struct rehearsal_vote *votes,
	size_t n, int64_t end_ms, rehearsal_fn fn, void *arg);

#endif
