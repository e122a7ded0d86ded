// SPDX-License-Identifier: MIT
/*
 * The probes as they are connected now: sessions, standing, orders. Decodes what arrives on the
 * link, believes it only for its session's probe, hands results to the verdicts and to the store,
 * holds order polls until there is something to say.
 */
#ifndef QUORATE_FLEET_H
#define QUORATE_FLEET_H

#include "coordinator/registry.h"
#include "proto/link.h"
#include "proto/messages.h"

enum standing {
	STANDING_NEVER_SEEN,
	STANDING_VOTING,
	STANDING_LOST,
	STANDING_DRAINED,
	STANDING_TWINS,       /* its token is used twice: nobody is let in with it */
	STANDING_REVOKED,     /* it has no token any more */
	STANDING_QUARANTINED, /* its votes are set aside everywhere */
	STANDING_COUNT
};
/* never-seen voting lost drained twins revoked quarantined */
extern const char *const standing_names[];

struct fleet_facts { /* of one probe, for people */
	enum standing standing;
	int64_t heard_wall_ms; /* UNSET: never */
	const char *software;  /* borrowed; NULL: never seen */
	int64_t loop_lag_us, spooled, dropped;
	const char *spool_error;  /* borrowed; NULL: the probe can keep results on its disk */
	enum self_test self_test; /* by its anchors */
	int monitors;             /* assigned */
	int64_t results;          /* received since the coordinator's start */
	int64_t held_ms;          /* held back in all, since then */
	int64_t refused;          /* messages, since it did not wait */
	bool held;                /* just now */
};

struct fleet;
struct coordinator;

/* Opens the link. COORDINATOR is borrowed and must have store, registry and verdicts. NULL after
 * logging why. */
MUST_CHECK struct fleet *fleet_open(struct coordinator *coordinator);
void fleet_close(struct fleet *f);

/* Listens for STREAM at ADDRESS too (the door's end of it). Returns 0, or -1 after logging why. */
MUST_CHECK int fleet_listen(struct fleet *f, enum link_stream stream, const char *address);
/* The connection that carried the probe's reports is gone: so is its session. Its standing does not
 * change by that; being silent for long does it. */
void fleet_disconnected(struct fleet *f, uint32_t probe_key);

/* ---- limits: PROBE_KEY's connections by the door, whose bytes are counted there */

void fleet_link_opened(struct fleet *f, uint32_t probe_key);
void fleet_link_closed(struct fleet *f, uint32_t probe_key);
/* MESSAGES began and BYTES came in: door_hold() follows when these are too many. */
void fleet_charge(struct fleet *f, uint32_t probe_key, int64_t messages, int64_t bytes);
/* How long it is held back from now on. */
int64_t fleet_wait_ms(const struct fleet *f, uint32_t probe_key);
/* Whether it has sent more than it may for long; to be asked once a second. */
bool fleet_floods(struct fleet *f, uint32_t probe_key);

/* ---- orders (called by the verdicts); they reach the probe with the next reply, at once if one is
 * held */
void fleet_assign(
	struct fleet *f, uint32_t probe_key, const struct id *monitor, int seat, int n_seats);
void fleet_drop(struct fleet *f, uint32_t probe_key, const struct id *monitor);
void fleet_burst(struct fleet *f, uint32_t probe_key, const struct burst_order *burst);

/* The door has other keys: every probe is told at once. */
void fleet_tell_pins(struct fleet *f);

void fleet_facts(const struct fleet *f, const struct probe *p, struct fleet_facts *out);

struct fleet_counts {
	int64_t sessions, messages, invalid_messages, results, duplicate_results, late_results,
		unstored_results, takeovers, foreign_results, refused_messages, silent_sessions;
};
void fleet_counts(const struct fleet *f, struct fleet_counts *out);

#endif
