// SPDX-License-Identifier: MIT
/*
 * The standing of one probe. Pure. A probe is LOST when nothing was heard from it for
 * PROBE_LOST_MS; it DISSENTS when it contradicts the quorum on at least two of its monitors and on
 * more than half of them, for as long as `dissent_after_ms`. One alert per probe whatever the
 * cause; it closes when both are over (dissent: after it was absent for dissent_after_ms). UNKNOWN
 * severity while the caller says that monitors are undetermined because of it.
 */
#ifndef QUORATE_CORE_COURT_H
#define QUORATE_CORE_COURT_H

#include "coordinator/core/alert.h"

#include <stdbool.h>
#include <stdint.h>

#define PROBE_LOST_MS 30000

enum probe_fault { FAULT_NONE, FAULT_LOST, FAULT_DISSENT };
extern const char *const probe_fault_names[]; /* none lost dissent */

struct court {
	int64_t heard_at_ms;      /* last message; at the coordinator's start: that instant */
	int64_t dissent_since_ms; /* 0: not dissenting */
	int64_t agree_since_ms;   /* 0: dissenting */
	enum probe_fault fault;
	struct alert_slot slot;
};

struct court_facts {
	int monitors;     /* assigned to it */
	int dissents;     /* of them */
	int undetermined; /* monitors whose undetermined state is explained by this probe */
	int64_t dissent_after_ms;
	bool held; /* start-up: neither open nor close */
};

struct court_action {
	enum alert_step step;
	enum severity severity; /* warning, or unknown while facts.undetermined > 0 */
	enum probe_fault fault; /* CLOSE: the fault that is over */
};

void court_init(struct court *c, int64_t now_ms);
void court_heard(struct court *c, int64_t now_ms);
/* After court_init: the alert was open before a restart. A lost probe stays lost until it is heard.
 */
void court_restore(
	struct court *c, enum probe_fault fault, enum severity severity, int64_t opened_at_ms);
struct court_action court_tick(struct court *c, const struct court_facts *facts, int64_t now_ms);

#endif
