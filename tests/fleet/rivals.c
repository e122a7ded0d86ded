// SPDX-License-Identifier: MIT
/*
 * How others decide, on the votes of the schedule: the first down of one probe; two of three, by
 * their newest votes; most of those who answered lately, however few they are.
 */
#include "tests/fleet/fleet.h"

#include <string.h>

#define FRESH_MS (INTERVAL_MS + TIMEOUT_MS + 5000)

static int downs(const struct rivals *r, int seats, int64_t now_ms, int *answered)
{
	int down = 0;

	*answered = 0;
	for (int i = 0; i < seats; i++) {
		if (!r->has[i] || r->at_ms[i] + FRESH_MS < now_ms)
			continue;
		(*answered)++;
		down += r->down[i];
	}
	return down;
}

static bool says_down(const struct rivals *r, enum method method, int64_t now_ms)
{
	int answered;

	switch (method) {
	case SINGLE:
		return downs(r, 1, now_ms, &answered) == 1;
	case TWO_OF_THREE:
		return downs(r, 3, now_ms, &answered) >= 2;
	default: {
		int down = downs(r, SEATS, now_ms, &answered);
		return answered > 0 && 2 * down > answered;
	}
	}
}

void rivals_take(struct rivals *r, int seat, bool down, int64_t now_ms,
	void (*opened)(void *arg, enum method method), void *arg)
{
	r->has[seat] = true;
	r->down[seat] = down;
	r->at_ms[seat] = now_ms;
	for (enum method m = SINGLE; m < METHODS; m++) {
		bool before = r->open[m];
		r->open[m] = says_down(r, m, now_ms);
		if (r->open[m] && !before) {
			r->opened_at_ms[m] = now_ms;
			opened(arg, m);
		}
	}
}

bool rivals_are_calm(const struct rivals *r)
{
	for (int i = 0; i < SEATS; i++)
		if (r->has[i] && r->down[i])
			return false;
	for (enum method m = SINGLE; m < METHODS; m++)
		if (r->open[m])
			return false;
	return true;
}
