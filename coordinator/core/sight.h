// SPDX-License-Identifier: MIT
/*
 * The coordinator's own sight. Pure. When more than half of the probes fall silent at once it is
 * most likely the coordinator's network: that is one alert, and no probe is taken for lost
 * meanwhile. Probes that were lost before, one by one, are not counted. Of two or three probes all
 * have to be silent: two of three that vanish are told by their names. Sight is back when at most
 * half are silent; from then on every probe is judged by itself, with as much time as ever.
 */
#ifndef QUORATE_CORE_SIGHT_H
#define QUORATE_CORE_SIGHT_H

#include "coordinator/core/alert.h"

#include <stdbool.h>
#include <stdint.h>

/* Less than PROBE_LOST_MS by more than a heartbeat: the last one is silent before the first is lost. */
#define SIGHT_SILENT_MS 18000

/* Empty memory: it sees. */
struct sight {
	bool lost;
	struct alert_slot slot;
};

struct sight_facts {
	int probes;       /* that should be heard, and are not lost by themselves */
	int silent;       /* of them, for SIGHT_SILENT_MS or more */
	int undetermined; /* monitors explained by it */
	bool held;        /* start-up: neither lost nor found */
};

/* After the alert was open before a restart. */
void sight_restore(struct sight *s, enum severity severity, int64_t opened_at_ms);
/* What to do with its alert: OPEN and CLOSE, or CHANGE to the slot's severity, which is UNKNOWN while
 * monitors are undetermined because of it. */
enum alert_step sight_tick(struct sight *s, const struct sight_facts *facts, int64_t now_ms);

#endif
