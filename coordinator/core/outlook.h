// SPDX-License-Identifier: MIT
/*
 * What would change the decision: for each of the other ones the fewest seats that would have to
 * say something else. Pure arithmetic on the quorum rule; tests/prop/outlook_prop.c holds it against
 * the rule itself by brute force.
 */
#ifndef QUORATE_CORE_OUTLOOK_H
#define QUORATE_CORE_OUTLOOK_H

#include "coordinator/core/quorum.h"

/* What a seat says: a tally without the difference between split and absent. */
enum answer { ANSWER_DOWN, ANSWER_UP, ANSWER_WARNING, ANSWER_SILENT, ANSWER_COUNT };
extern const char *const answer_names[]; /* down up warning silent */

/* from[a] of the seats that say A now would have to say `answer` instead. */
struct turn {
	enum decision to;
	enum answer answer;
	int from[ANSWER_COUNT];
	int seats;    /* their sum */
	bool whoever; /* so many seats that do not say so yet, whichever; FROM is an example */
};

#define TURNS_MAX 3

/* Fills TURNS with one for every decision that is not made at TALLY, the one with the fewest seats
 * first; returns how many: 3. */
int outlook_turns(
	const struct quorum_rule *rule, const struct tally *tally, struct turn turns[TURNS_MAX]);

#endif
