// SPDX-License-Identifier: MIT
/*
 * One alert of one monitor and kind: when it opens, changes and closes. Pure. The signal is what
 * the quorum says; "after" is how long it must have held, held back or not. An alert never closes
 * because nobody answers: only `clear` closes.
 */
#ifndef QUORATE_CORE_ALERT_H
#define QUORATE_CORE_ALERT_H

#include "quorate/verdict.h"

#include <stdbool.h>
#include <stdint.h>

struct alert_slot {
	bool open;
	enum severity severity; /* of the open alert */
	int64_t since_ms;       /* the signal is on since then; 0: it is off */
	int64_t clear_since_ms; /* open, and the signal is surely off since then; 0: it is not */
	int64_t opened_at_ms;
};

struct alert_signal {
	enum severity severity; /* NONE: off */
	bool clear; /* surely off (an off signal that is not clear leaves an open alert open) */
	bool held;  /* must not open now, whatever it is; changes and closes all the same */
	int64_t clear_after_ms; /* how long it must have been clear before it closes */
};

enum alert_step { ALERT_STEP_NONE, ALERT_STEP_OPEN, ALERT_STEP_CHANGE, ALERT_STEP_CLOSE };

/* Applies SIGNAL at NOW_MS. A change is a change of severity while open (and still on). */
enum alert_step alert_step(struct alert_slot *slot, const struct alert_signal *signal,
	int64_t after_ms, int64_t now_ms);
/* When people who were told of an open alert at TOLD_MS are told again; REMIND_MS 0: never. */
int64_t alert_remind_at(int64_t told_ms, int64_t remind_ms);
/* The instant at which time alone would open or close it; INT64_MAX when there is none. */
int64_t alert_next_at(const struct alert_slot *slot, int64_t after_ms, int64_t clear_after_ms);

#endif
