// SPDX-License-Identifier: MIT
/*
 * Who votes on a monitor, and when each one checks. Pure.
 *
 * Seats go to failure domains by rendezvous hashing (highest random weight): a probe or domain that
 * comes or goes moves only the seats that it must. Within a seat's domain the probes with the
 * highest weights vote.
 */
#ifndef QUORATE_CORE_ASSIGN_H
#define QUORATE_CORE_ASSIGN_H

#include "quorate/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An eligible, registered probe. */
struct candidate {
	uint32_t key;    /* the caller's name for it; not 0 */
	uint64_t hash;   /* id_hash() of its id */
	uint64_t domain; /* hash of its failure domain: equal for probes that fail together */
	bool available;  /* false: gone for 5 minutes, drained or quarantined; keeps a seat only if
			    nobody else can */
	bool barred;     /* under sentence itself: gets no seat of one in quarantine */
};

struct assigned {
	int seat; /* 0 … seats-1 */
	uint32_t key;
	bool shadow; /* in quarantine: it checks on, and somebody else has the seat */
};

/* Number of distinct domains among C. */
int assign_domains(const struct candidate *c, size_t n);

/*
 * Fills min(seats, domains) seats with up to PER_SEAT probes each into OUT (room for seats *
 * per_seat). PREVIOUS (may be NULL) is the last outcome: a domain that stays keeps its seat number,
 * newcomers take the free numbers. Domains with an available probe come before those without; then
 * by weight. The same for probes in a seat. The result does not depend on the order of C. Returns
 * the number of voters; *N_SEATS the seats filled.
 */
int assign_seats(uint64_t monitor_hash, const struct candidate *c, size_t n, int seats,
	int per_seat, const struct assigned *previous, int n_previous, struct assigned *out,
	int *n_seats);

/*
 * Gives to others, where there are others, the seats of those in quarantine. OUT: the N voters of
 * N_SEATS seats that assign_seats() found among the same C (room for VOTERS_MAX); REPLACED (N
 * entries) says who of them, all on one seat. These are not available in C any more, nor who is
 * barred and has no seat. Whoever has lost its seat comes behind the voters, as a shadow with the
 * number of that seat. Returns the entries in OUT.
 */
int assign_replace(uint64_t monitor_hash, struct candidate *c, size_t n_candidates, int per_seat,
	const bool *replaced, struct assigned *out, int n, int n_seats);

/* The phase of SEAT's checks: offset in the interval, evenly staggered over the seats, different
 * per monitor. */
int64_t assign_phase_ms(uint64_t monitor_hash, int seat, int n_seats, int64_t interval_ms);
/* Milliseconds from WALL_MS to the next start (0 … interval-1): phases are tied to the wall clock
 * so that they survive restarts of either side. */
int64_t assign_next_in_ms(int64_t phase_ms, int64_t interval_ms, int64_t wall_ms);

#endif
