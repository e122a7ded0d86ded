// SPDX-License-Identifier: MIT
/*
 * The standing of one probe. Pure. A probe is LOST when nothing was heard from it for
 * PROBE_LOST_MS; it DISSENTS when it contradicts the quorum on at least two of its monitors and on
 * more than half of them, for as long as `dissent_after_ms`; it has TWINS when it was taken over
 * more than TAKEOVERS_MAX times in TAKEOVERS_MS: its token is used twice; it FLOODS while it sends
 * more than it may, as the caller says; it is in QUARANTINE while its votes are set aside (quarantine.h).
 * One alert per probe whatever the cause (twins before lost before quarantine before dissent before
 * flood), changed when a quarantine begins, ends or becomes another one; it closes when all are over (dissent:
 * after it was absent for dissent_after_ms; twins: TAKEOVERS_MS after the last take-over). UNKNOWN
 * severity while the caller says that monitors are undetermined because of it. A drained probe is
 * expected to go: being lost or dissenting is no fault of it.
 */
#ifndef QUORATE_CORE_COURT_H
#define QUORATE_CORE_COURT_H

#include "coordinator/core/alert.h"

#include <stdbool.h>
#include <stdint.h>

#define PROBE_LOST_MS 30000
#define TAKEOVERS_MAX 3
#define TAKEOVERS_MS  300000

enum probe_fault {
	FAULT_NONE,
	FAULT_LOST,
	FAULT_DISSENT,
	FAULT_TWINS,
	FAULT_FLOOD,
	FAULT_QUARANTINE
};
extern const char *const probe_fault_names[]; /* none lost dissent twins flood quarantine */

struct court {
	int64_t heard_at_ms;      /* last message; at the coordinator's start: that instant */
	int64_t excused_at_ms;    /* until then its silence was not its own */
	int64_t dissent_since_ms; /* 0: not dissenting */
	int64_t agree_since_ms;   /* 0: dissenting */
	int64_t takeover_at_ms[TAKEOVERS_MAX + 1]; /* the last ones, oldest first */
	int n_takeovers;
	enum probe_fault fault;
	struct alert_slot slot;
};

struct court_facts {
	int monitors;     /* assigned to it */
	int dissents;     /* of them */
	int undetermined; /* monitors whose undetermined state is explained by this probe */
	int64_t dissent_after_ms;
	bool held; /* start-up: neither open nor close */
	bool drained;
	bool quarantined; /* its votes are set aside, at least for some */
	bool resentenced; /* for others than at the last tick */
	bool floods;      /* sends more than its limits, for long */
};

struct court_action {
	enum alert_step step;
	enum severity severity; /* warning, or unknown while facts.undetermined > 0 */
	enum probe_fault fault; /* CLOSE: the fault that is over */
};

void court_init(struct court *c, int64_t now_ms);
void court_heard(struct court *c, int64_t now_ms);
/* Nobody is heard now: what silence there is by NOW_MS is no fault of this probe. */
void court_excuse(struct court *c, int64_t now_ms);
/* The session of this probe passed back to a boot that had lost it before: two programs want it. */
void court_takeover(struct court *c, int64_t now_ms);
/* Its token is another one now: what happened with the old one counts no more. */
void court_forgive(struct court *c);
/* Whether nobody must be let in with its token now. */
bool court_twins(const struct court *c, int64_t now_ms);
/* After court_init: the alert was open before a restart. A lost probe stays lost until it is heard.
 * Whether one is still in quarantine is the caller's to know: else it dissents, until it is heard
 * out again. */
void court_restore(
	struct court *c, enum probe_fault fault, enum severity severity, int64_t opened_at_ms);
struct court_action court_tick(struct court *c, const struct court_facts *facts, int64_t now_ms);

#endif
