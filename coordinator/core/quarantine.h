// SPDX-License-Identifier: MIT
/*
 * Quarantine: whose votes are set aside since they contradict what the quorum decides. Pure:
 * evidence in, a sentence out.
 *
 * Evidence is what a probe says of monitors that the others have decided. It counts once per
 * organization and target network, by the majority of the monitors there. An organization accuses
 * the probe when more than half of its networks contradict it, for QUARANTINE_ROUNDS of its longest
 * interval on end (QUARANTINE_INTERVAL_MAX_MS at most); it takes that back after
 * QUARANTINE_CALM_ROUNDS of agreement. The operator's canaries are an organization of their own.
 *
 *   EVERYWHERE    the canaries accuse it in QUARANTINE_LEAST networks, or QUARANTINE_LEAST
 *                 organizations do, of QUARANTINE_LEAST networks, and more than half of all that it
 *                 has a say in
 *   at ITS OWN    else: for an organization that accuses it in QUARANTINE_LEAST networks of its own
 *
 * So nobody can mute a probe for others: one organization is one voice, however many monitors it
 * has. Of one electorate no more than a single seat, and no more than (n - 1) / 3 voters, are ever
 * taken.
 */
#ifndef QUORATE_CORE_QUARANTINE_H
#define QUORATE_CORE_QUARANTINE_H

#include "quorate/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUARANTINE_LEAST           3
#define QUARANTINE_ROUNDS          3
#define QUARANTINE_CALM_ROUNDS     5
#define QUARANTINE_INTERVAL_MAX_MS 300000
#define QUARANTINE_REPLACED_MS     300000      /* after that others get its seats */
#define QUARANTINE_LAPSED_MS       86400000    /* what nobody has testified to for so long */
#define QUARANTINE_CANARIES        UINT64_C(0) /* stands for an organization */

/* What a probe says of one monitor. */
struct testimony {
	uint64_t organization, network; /* hashes of their names */
	bool dissents;
	int64_t interval_ms;
};

/* The testimony of one organization, each network once. */
struct accusation {
	uint64_t organization;
	int networks, against; /* that it has a say in; that contradict it */
	uint64_t network;      /* one of the latter */
	int64_t interval_ms;   /* the longest, within bounds */
};

/* Puts N testimonies in the order that quarantine_count() wants. */
void quarantine_sort(struct testimony *t, size_t n);
/* Counts the organization that T begins with (n > 0). Returns how many testimonies it has. */
size_t quarantine_count(const struct testimony *t, size_t n, struct accusation *out);

/* Something that counts when it was so for long, and until it was otherwise for longer. */
struct lasting {
	bool on;
	int64_t turning_ms; /* what is found is the opposite since then; 0: it is not */
};

/* One organization's case against a probe. Empty memory: there is none. */
struct charge {
	uint64_t organization, network;
	struct lasting accuses, wide; /* wide: in QUARANTINE_LEAST networks */
	int64_t own_since_ms; /* sets the votes aside for its own monitors since then; 0: no */
	int64_t heard_ms;     /* when it was last followed */
};

/* Follows what C's organization found at NOW_MS (never 0). */
void quarantine_follow(struct charge *c, const struct accusation *found, int64_t now_ms);
/* Time that was not watched counts for nothing. */
void quarantine_rest(struct charge *c);
/* Whether C is of no use any more: nothing is accused, nor about to be. */
bool quarantine_is_idle(const struct charge *c);
/* Whether nobody could have taken C back for a day: the organization has nothing any more that the
 * probe looks at. */
bool quarantine_is_lapsed(const struct charge *c, int64_t now_ms);

/* ORGANIZATIONS: that the probe has a say in. Whether its votes are set aside everywhere. */
bool quarantine_everywhere(const struct charge *c, size_t n, int organizations);
/* One voter of an electorate. */
struct detainee {
	int seat;
	bool wanted;      /* it is under sentence here */
	bool gone;        /* set aside for another reason */
	int64_t since_ms; /* of the sentence */
	uint32_t key;     /* tells apart those of one instant */
};

/* Of N voters on SEATS seats: which of those wanted are TAKEN (n entries): the longest sentenced
 * first, within the limits. */
void quarantine_take(const struct detainee *d, int n, int seats, bool *taken);

#endif
