// SPDX-License-Identifier: MIT
/*
 * What one probe has to be told: its assignments as a log of changes. Each change has a revision;
 * the probe says which revision it has, and gets what came after, oldest first, as much as fits
 * into one message. No part numbers are needed: what changes meanwhile simply stands further down
 * the log.
 */
#ifndef QUORATE_ORDERS_H
#define QUORATE_ORDERS_H

#include "coordinator/registry.h"
#include "proto/messages.h"

struct order {
	struct id monitor;
	int64_t revision;
	bool dropped;
	int seat, n_seats;
	UT_hash_handle hh;
	struct order *prev, *next; /* by revision */
};

struct order_log {
	struct order *by_monitor;
	struct order *log;
	int64_t revision; /* of the newest change */
	int n_assigned;
};

void order_log_clear(struct order_log *log);
/* A change of seat, or of the monitor itself: always a new revision. */
void order_log_assign(struct order_log *log, const struct id *monitor, int seat, int n_seats);
void order_log_drop(struct order_log *log, const struct id *monitor);
/* The same assignment once more, when MONITOR is assigned now: false, it is not. */
bool order_log_again(struct order_log *log, const struct id *monitor);
/* Whether MONITOR is assigned now, and its revision. */
bool order_log_has(const struct order_log *log, const struct id *monitor, int64_t *revision);
/* Forgets dropped orders up to REVISION: the probe has heard of them (or, with a new session, never
 * will have to). */
void order_log_forget(struct order_log *log, int64_t revision);

/*
 * The changes after SINCE as an encoded orders message (malloc()ed), at most MESSAGE_MAX_BYTES.
 * SNAPSHOT: the session's first contents are not complete yet; *SNAPSHOT turns false with the
 * message that completes them. Of ALONG reset, bursts and pins are sent as they are.
 */
char *order_log_encode(const struct order_log *log, struct registry *registry, int64_t since,
	const struct orders *along, bool *snapshot, int64_t wall_ms, size_t *size_bytes);

#endif
