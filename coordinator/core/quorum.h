// SPDX-License-Identifier: MIT
/*
 * The quorum rule. Pure: votes and an instant in, fates and a decision out.
 *
 *   DOWN          down  >= q
 *   UP            else, up + warning >= u   (DEGRADED when warning + down >= q)
 *   UNDETERMINED  else
 *
 * counted over SEATS, not over probes and never over "the answers that came": q and u depend on the
 * policy and the number of seats alone. A seat says what more than half of the voters assigned to
 * it (without those who were replaced) freshly say, else it is split (fresh votes that disagree) or absent (too few fresh votes). Up
 * and warning agree that the target works: a seat of both says up, or warning when more than half
 * say warning.
 */
#ifndef QUORATE_CORE_QUORUM_H
#define QUORATE_CORE_QUORUM_H

#include "quorate/limits.h"
#include "quorate/monitor.h"
#include "quorate/reason.h"
#include "quorate/verdict.h"

#include <stdbool.h>
#include <stdint.h>

/* A voter's newest result for one monitor, on the coordinator's monotonic clock. */
struct vote {
	bool present;
	int verdict; /* enum verdict; NONE (the probe could not look) is never counted */
	int reason;  /* enum reason */
	uint8_t severity[THRESHOLD_COUNT];
	int64_t started_at_ms, ended_at_ms;
	int64_t revision; /* of the monitor it was made for */
};

/* Why a voter's votes are set aside whatever they say. */
enum exclusion {
	EXCLUDED_NOT,
	EXCLUDED_SELF_TEST,
	EXCLUDED_CLOCK,
	EXCLUDED_OVERLOAD,
	EXCLUDED_QUARANTINE,
	EXCLUDED_REPLACED, /* in quarantine, and another has its seat: it only checks on */
	EXCLUDED_INTERNAL
};
extern const char *const exclusion_names[];

/* Every voter's vote has exactly one fate. */
enum fate {
	FATE_COUNTED,   /* stands for its seat */
	FATE_SAME_SEAT, /* agrees with its seat, which already counts once */
	FATE_OUTVOTED,  /* fresh, but its seat says otherwise, is split or has too few voters that
			   speak */
	FATE_STALE,     /* older than the freshness */
	FATE_ABSENT,    /* no vote at all */
	FATE_OUTDATED,  /* made for an earlier revision of the monitor */
	FATE_EXCLUDED,  /* set aside, or the probe could not look */
	FATE_COUNT
};
extern const char
	*const fate_names[]; /* counted same-seat outvoted stale absent outdated excluded */

/* One voter: its seat (0 … seats-1), its standing, its vote. */
struct ballot {
	int seat;
	enum exclusion excluded;
	struct vote vote;
};

struct quorum_rule {
	int seats, down, up; /* n, q, u */
};

/* How the seats voted; the five numbers sum to n. */
struct tally {
	int down, up, warning, split, absent;
};

enum decision { DECISION_UNDETERMINED, DECISION_UP, DECISION_DEGRADED, DECISION_DOWN };
extern const char *const decision_names[];

/* What counts as a vote: revision, and no older than fresh_ms (ended_at + fresh_ms >= now). */
struct quorum_view {
	int64_t revision;
	int64_t now_ms;
	int64_t fresh_ms;
};

/*
 * Resolves POLICY for SEATS seats (taken as 1 … SEATS_MAX). Defaults: q = floor(n/2)+1, u =
 * floor((n-1)/4)+1 but 2 at n = 3. A percentage rounds up; the result is at least 1. Returns 0, or
 * -1 when q or u would be more than n (RULE is then clamped to n all the same).
 */
MUST_CHECK int quorum_resolve(
	const struct quorum_policy *policy, int seats, struct quorum_rule *rule);

/* Judges N ballots: FATES (N entries, may be NULL) and TALLY. Seats without a voter are absent. */
void quorum_count(const struct quorum_rule *rule, const struct quorum_view *view,
	const struct ballot *ballots, int n, enum fate *fates, struct tally *tally);
enum decision quorum_decide(const struct quorum_rule *rule, const struct tally *tally);

/*
 * The severity that the quorum gives to threshold T: the highest s with at least q seats that say s
 * or worse (again: more than half of the voters assigned to the seat). *CLEAR is set when at least
 * u seats say "not crossed" and fewer than q say otherwise; a down vote does not say "not crossed".
 */
enum severity quorum_threshold(const struct quorum_rule *rule, const struct quorum_view *view,
	const struct ballot *ballots, int n, enum threshold t, bool *clear);

#endif
