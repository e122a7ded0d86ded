// SPDX-License-Identifier: MIT
/*
 * The quorum rule: quorum_decide() below is all of it; the rest says which votes count and what a
 * seat says. Invariants: every ballot gets exactly one fate; the tally's five numbers sum to n; a
 * ballot that may not speak changes nothing; seats that stay silent never make q or u smaller.
 */
#include "coordinator/core/quorum.h"

#include <assert.h>
#include <stddef.h>

const char *const exclusion_names[] = {
	"none", "self_test", "clock", "overload", "quarantine", "replaced", "internal", NULL};
const char *const fate_names[] = {
	"counted", "same-seat", "outvoted", "stale", "absent", "outdated", "excluded", NULL};
const char *const decision_names[] = {"undetermined", "up", "degraded", "down", NULL};

enum decision quorum_decide(const struct quorum_rule *rule, const struct tally *tally)
{
	if (tally->down >= rule->down)
		return DECISION_DOWN;
	if (tally->up + tally->warning < rule->up)
		return DECISION_UNDETERMINED;
	return tally->warning + tally->down >= rule->down ? DECISION_DEGRADED : DECISION_UP;
}

/* ---- from policy to q and u: the number of seats decides, never who answers */

static int default_up(int seats)
{
	return seats == 3 ? 2 : (seats - 1) / 4 + 1;
}

static int share_of(const struct share *share, int seats, int automatic)
{
	switch (share->kind) {
	case SHARE_NUMBER:
		return share->value;
	case SHARE_PERCENT:
		return (seats * share->value + 99) / 100;
	case SHARE_MAJORITY:
		return seats / 2 + 1;
	case SHARE_AUTO:
		break;
	}
	return automatic;
}

static bool clamp(int *value, int max)
{
	bool fits = *value <= max;

	if (!fits)
		*value = max;
	if (*value < 1)
		*value = 1;
	return fits;
}

int quorum_resolve(const struct quorum_policy *policy, int seats, struct quorum_rule *rule)
{
	clamp(&seats, SEATS_MAX);
	rule->seats = seats;
	rule->down = share_of(&policy->down, seats, seats / 2 + 1);
	rule->up = share_of(&policy->up, seats, default_up(seats));
	bool down_fits = clamp(&rule->down, seats), up_fits = clamp(&rule->up, seats);
	return down_fits && up_fits ? 0 : -1;
}

/* ---- from ballots to seats */

/* FATE_COUNTED: it may speak for its seat; else why not. */
static enum fate admit(const struct quorum_view *view, const struct ballot *b)
{
	if (!b->vote.present)
		return FATE_ABSENT;
	if (b->excluded != EXCLUDED_NOT)
		return FATE_EXCLUDED;
	if (b->vote.revision != view->revision)
		return FATE_OUTDATED;
	if (b->vote.ended_at_ms + view->fresh_ms < view->now_ms)
		return FATE_STALE;
	if (b->vote.verdict < VERDICT_UP || b->vote.verdict > VERDICT_DOWN)
		return FATE_EXCLUDED;
	return FATE_COUNTED;
}

static bool holds_seat(const struct ballot *b)
{
	return b->excluded != EXCLUDED_REPLACED;
}

/* How many of the voters assigned to a seat freshly say what. */
struct seat {
	int assigned, up, warning, down;
};

/* More than half of the ASSIGNED voters. */
static bool most(int voters, const struct seat *seat)
{
	return 2 * voters > seat->assigned;
}

/* NONE: split or absent. Up and warning agree that the target works; which of the two needs a
 * majority of its own. */
static enum verdict seat_verdict(const struct seat *seat)
{
	if (most(seat->down, seat))
		return VERDICT_DOWN;
	if (most(seat->warning, seat))
		return VERDICT_WARNING;
	return most(seat->up + seat->warning, seat) ? VERDICT_UP : VERDICT_NONE;
}

static void tally_seat(struct tally *tally, const struct seat *seat)
{
	switch (seat_verdict(seat)) {
	case VERDICT_DOWN:
		tally->down++;
		break;
	case VERDICT_WARNING:
		tally->warning++;
		break;
	case VERDICT_UP:
		tally->up++;
		break;
	case VERDICT_NONE:
		if (seat->down > 0 && seat->up + seat->warning > 0)
			tally->split++;
		else
			tally->absent++;
		break;
	}
}

static void seat_hear(struct seat *seat, const struct vote *vote)
{
	seat->up += vote->verdict == VERDICT_UP;
	seat->warning += vote->verdict == VERDICT_WARNING;
	seat->down += vote->verdict == VERDICT_DOWN;
}

void quorum_count(const struct quorum_rule *rule, const struct quorum_view *view,
	const struct ballot *ballots, int n, enum fate *fates, struct tally *tally)
{
	struct seat seats[SEATS_MAX] = {{0}};
	bool spoken[SEATS_MAX] = {false};

	for (int i = 0; i < n; i++) {
		assert(ballots[i].seat >= 0 && ballots[i].seat < rule->seats);
		enum fate fate = admit(view, &ballots[i]);
		seats[ballots[i].seat].assigned += holds_seat(&ballots[i]);
		if (fates)
			fates[i] = fate;
		if (fate == FATE_COUNTED)
			seat_hear(&seats[ballots[i].seat], &ballots[i].vote);
	}
	*tally = (struct tally){0};
	for (int i = 0; i < rule->seats; i++)
		tally_seat(tally, &seats[i]);
	for (int i = 0; fates && i < n; i++) {
		int seat = ballots[i].seat;
		if (fates[i] != FATE_COUNTED)
			continue;
		if (ballots[i].vote.verdict != (int)seat_verdict(&seats[seat]))
			fates[i] = FATE_OUTVOTED;
		else if (spoken[seat])
			fates[i] = FATE_SAME_SEAT;
		else
			spoken[seat] = true;
	}
}

/* ---- thresholds */

/* Of one seat and one threshold. A down vote that did not get as far as judging says nothing. */
struct opinion {
	struct seat seat; /* for most() */
	int none, warning, critical;
};

static void opinion_hear(struct opinion *o, const struct vote *vote, enum threshold t)
{
	int severity = vote->severity[t];

	o->critical += severity >= SEVERITY_CRITICAL;
	o->warning += severity >= SEVERITY_WARNING;
	o->none += severity == SEVERITY_NONE && vote->verdict != VERDICT_DOWN;
}

enum severity quorum_threshold(const struct quorum_rule *rule, const struct quorum_view *view,
	const struct ballot *ballots, int n, enum threshold t, bool *clear)
{
	struct opinion seats[SEATS_MAX] = {{{0}, 0, 0, 0}};
	int none = 0, warning = 0, critical = 0;

	for (int i = 0; i < n; i++) {
		struct opinion *o = &seats[ballots[i].seat];
		o->seat.assigned += holds_seat(&ballots[i]);
		if (admit(view, &ballots[i]) == FATE_COUNTED)
			opinion_hear(o, &ballots[i].vote, t);
	}
	for (int i = 0; i < rule->seats; i++) {
		none += most(seats[i].none, &seats[i].seat);
		warning += most(seats[i].warning, &seats[i].seat);
		critical += most(seats[i].critical, &seats[i].seat);
	}
	*clear = none >= rule->up && warning < rule->down;
	if (critical >= rule->down)
		return SEVERITY_CRITICAL;
	return warning >= rule->down ? SEVERITY_WARNING : SEVERITY_NONE;
}
