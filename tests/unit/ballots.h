// SPDX-License-Identifier: MIT
/*
 * Ballots and fates as text, for tests of the quorum: one letter per voter, '|' between seats.
 *   U up  W warning  D down  - absent  s stale  o outdated  x excluded  r replaced  n could not look
 *   fates: c counted  = same-seat  v outvoted  s stale  - absent  o outdated  x excluded
 */
#ifndef QUORATE_TESTS_BALLOTS_H
#define QUORATE_TESTS_BALLOTS_H

#include "coordinator/core/quorum.h"

#define VIEW_NOW_MS   1000000
#define VIEW_FRESH_MS 75000
#define VIEW_REVISION 7

static const struct quorum_view test_view = {VIEW_REVISION, VIEW_NOW_MS, VIEW_FRESH_MS};

static inline struct ballot ballot_of(char letter, int seat)
{
	struct ballot b = {.seat = seat,
		.excluded = letter == 'x'   ? EXCLUDED_CLOCK
			    : letter == 'r' ? EXCLUDED_REPLACED
					    : EXCLUDED_NOT};

	b.vote = (struct vote){
		.present = letter != '-',
		.verdict = letter == 'W' ? VERDICT_WARNING : VERDICT_DOWN,
		.started_at_ms = VIEW_NOW_MS - 2000,
		.ended_at_ms = VIEW_NOW_MS - (letter == 's' ? VIEW_FRESH_MS + 1 : 1000),
		.revision = letter == 'o' ? VIEW_REVISION - 1 : VIEW_REVISION,
	};
	if (letter == 'U')
		b.vote.verdict = VERDICT_UP;
	if (letter == 'n')
		b.vote.verdict = VERDICT_NONE;
	return b;
}

/* Returns the number of ballots; *SEATS the number of seats that TEXT mentions. */
static inline int ballots_of(const char *text, struct ballot *out, int *seats)
{
	int n = 0, seat = 0;

	for (; *text; text++) {
		if (*text == '|')
			seat++;
		else if (*text != ' ')
			out[n++] = ballot_of(*text, seat);
	}
	*seats = seat + 1;
	return n;
}

static inline const char *fates_text(const enum fate *fates, int n, char *out)
{
	for (int i = 0; i < n; i++)
		out[i] = "c=vs-ox"[fates[i]];
	out[n] = 0;
	return out;
}

#endif
