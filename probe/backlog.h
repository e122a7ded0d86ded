// SPDX-License-Identifier: MIT
/*
 * The results that the coordinator has not stored yet: in memory, bounded, oldest dropped first.
 * Knows what leaves next, not when. An entry waits, flies (is in the report that is under way), or
 * was seen: its vote counted but the coordinator could not store it, so that it is sent again,
 * under the same sequence number.
 *
 * With a spool, what nobody stored for BACKLOG_SPOOL_MS is also on disk, and memory holds only the
 * newest part of it; the rest, and what an earlier run left, is lent from the disk for one flight.
 *
 * Also keeps the newest result of each monitor, stored or not: a new session begins with them.
 */
#ifndef QUORATE_PROBE_BACKLOG_H
#define QUORATE_PROBE_BACKLOG_H

#include "probe/spool.h"
#include "quorate/result.h"

#include <stdbool.h>

/* What is no older than this can still be a vote (the coordinator's rule is min(interval / 2, 10
 * s)). */
#define BACKLOG_LATE_MS 10000

/* The oldest result that is not stored is so old when all that are not on disk are written: a kill
 * -9 costs less than a second of them. */
#define BACKLOG_SPOOL_MS 800

struct backlog_entry {
	struct result *result; /* owned; NULL: it rests, as the newest of its monitor alone */
	uint32_t *packed;      /* what it is while it rests */
	int64_t duration_ms;
	int64_t ended_at_ms; /* monotonic; of a lent one: by the wall clock, and late in any case */
	int refs;            /* one from its list, one from `newest` */
	bool listed, again, fresh, lent;
	struct spool_place place;
	struct backlog_entry *prev, *next;
	struct backlog_entry *older, *newer; /* fresh ones */
};

struct backlog_newest;

struct backlog {
	int64_t max;        /* entries that wait or were seen; a report's come on top */
	int64_t n, n_again; /* of all three; of those waiting, to be sent first */
	int64_t n_waiting, n_seen, n_flying, n_lent;
	int64_t dropped;     /* since the start */
	struct spool *spool; /* borrowed; NULL: none */
	struct id boot;
	int64_t spool_after_ms; /* not before: the disk failed */
	int64_t last_sequence;
	struct backlog_entry *waiting; /* lists, the highest sequence first */
	struct backlog_entry *flight;
	struct backlog_entry *seen;
	struct backlog_entry *lent;    /* in flight too, not counted in n */
	struct backlog_entry *fresh;   /* by age, the oldest first: not stored, not on disk */
	struct backlog_newest *newest; /* by monitor */
};

void backlog_init(struct backlog *b, int64_t max);
void backlog_clear(struct backlog *b);
/* Results of BOOT are kept in SPOOL too, from now on. */
void backlog_use_spool(struct backlog *b, struct spool *spool, const struct id *boot);
void backlog_set_max(struct backlog *b, int64_t max);

/* Takes RESULT's content and gives it the next sequence number. */
void backlog_add(struct backlog *b, struct result *take, int64_t ended_at_ms);
/* A failure or a confirmation round that can still be a vote, or what a new session begins with,
 * waits. */
bool backlog_urgent(const struct backlog *b, int64_t now_ms);

/* When there is something to write to the spool, or to find out whether it works again; INT64_MAX: nothing. */
int64_t backlog_spool_at_ms(const struct backlog *b);
/* Writes a part of it, the oldest first; the disk's time is bounded, the caller comes again. */
void backlog_spool(struct backlog *b, int64_t now_ms);
/* Writes all of it, at the end of the program. */
void backlog_spool_all(struct backlog *b, int64_t now_ms);
/* All that waits, in memory and on disk, without what is in flight. */
int64_t backlog_count(const struct backlog *b);
int64_t backlog_dropped(const struct backlog *b);

/*
 * Moves up to N entries into flight (nothing may be in flight) and returns how many; OUT gets them,
 * borrowed, in the order of sending: the newest result of each monitor when the session is new,
 * then failures and confirmation rounds that are not late, then the newest. Up to N_HISTORY of what
 * was seen, and then of what is on disk, fill the rest.
 */
size_t backlog_take(
	struct backlog *b, struct backlog_entry **out, size_t n, size_t n_history, int64_t now_ms);
/* The end of the flight. */
void backlog_flight_stored(struct backlog *b);
void backlog_flight_seen(struct backlog *b);
void backlog_flight_return(struct backlog *b);
void backlog_flight_drop(struct backlog *b); /* counted as dropped */

/* A new session: nothing is in flight or seen any more, and each monitor's newest result goes
 * first. */
void backlog_renew(struct backlog *b);
/* MONITOR is no longer ours: its newest result is not sent again. */
void backlog_forget(struct backlog *b, const struct id *monitor);
/* The clock stood still for GAP_MS (the machine slept): what ended before is older than it seems.
 */
void backlog_age(struct backlog *b, int64_t gap_ms);

#endif
