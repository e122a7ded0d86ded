// SPDX-License-Identifier: MIT
/*
 * Private to the watch: one evaluation. watch.c takes the votes in, burst.c confirms, signals.c
 * turns what is confirmed into states and alerts. A sitting is what the scheduled votes say at one
 * instant; it lives on the stack.
 */
#ifndef QUORATE_CORE_WATCH_SITTING_H
#define QUORATE_CORE_WATCH_SITTING_H

#include "coordinator/core/watch.h"

struct sitting {
	int64_t now_ms;
	struct ballot ballot[VOTERS_MAX];
	enum fate fate[VOTERS_MAX];
	struct tally tally;
	enum decision decision;
	uint64_t down, working; /* bits of the voters that speak freshly and say so */
	struct watch_actions *actions;
};
_Static_assert(VOTERS_MAX <= 64, "a bit for each voter");

/* Voter I speaks freshly and says down (or, DOWN false, that the target works). */
static inline bool sitting_says(const struct sitting *s, int i, bool down)
{
	return (down ? s->down : s->working) >> i & 1;
}

/* ---- watch.c */
struct quorum_view watch_view(const struct watch *w, int64_t now_ms);
/* Appends an action, zeroed but for its type. */
struct watch_action *sitting_act(struct sitting *s, enum watch_action_type type);
/* The earlier of AT_MS and *NEXT_MS, if it is still to come. */
void wake_at(int64_t at_ms, int64_t now_ms, int64_t *next_ms);

/* ---- burst.c: confirmation */
void burst_advance(struct watch *w, struct sitting *s); /* closes rounds; may change w->down */
void burst_begin(struct watch *w, struct sitting *s); /* orders a burst when a vote calls for one */
void burst_cancel(struct watch *w);
void burst_wake(const struct watch *w, const struct sitting *s, int64_t *next_ms);

/* ---- rates.c: what shows over time only: flapping, failures */
void flapping_note(struct watch *w, int64_t now_ms); /* `down` has just changed */
void flapping_rest(struct watch *w, int64_t now_ms); /* held: calm does not count */
void flapping_forget(struct watch *w); /* counts anew; an alert that is open ends as ever */
void flapping_end(struct watch *w, const struct sitting *s);
void flapping_apply(struct watch *w, struct sitting *s);
/* A scheduled result became voter V's vote. */
void failures_note(struct watch *w, struct watch_voter *v, int64_t now_ms);
void failures_forget(struct watch *w);
void failures_apply(struct watch *w, struct sitting *s);
void rates_wake(const struct watch *w, const struct sitting *s, int64_t *next_ms);

/* ---- signals.c: states and alerts */
void signals_apply(struct watch *w, struct sitting *s);
/* What alert_step() makes of SIGNAL, as an action; NULL: nothing. */
struct watch_action *signals_report(struct watch *w, struct sitting *s, enum alert_kind kind,
	const struct alert_signal *signal, int64_t after_ms);
/* The most frequent reason among the votes that say down (or work). */
int signals_reason(const struct watch *w, const struct sitting *s, bool down);
void signals_learn(
	struct watch *w, struct sitting *s); /* held: PENDING ends, which opens nothing */
void signals_rest(struct watch *w); /* held: every timer that runs towards an alert starts over */
void signals_wake(const struct watch *w, const struct sitting *s, int64_t *next_ms);

#endif
