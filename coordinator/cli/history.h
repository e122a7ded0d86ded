// SPDX-License-Identifier: MIT
/* A monitor's stored results as votes for a rehearsal: fetched page by page, seated as the
 * coordinator would. */
#ifndef QUORATE_CLI_HISTORY_H
#define QUORATE_CLI_HISTORY_H

#include "coordinator/cli/client.h"
#include "coordinator/core/rehearsal.h"
#include "quorate/id.h"

struct history_probe {
	char name[NAME_MAX_BYTES + 1], domain[NAME_MAX_BYTES + 1];
	struct id id; /* zero: it is registered no more */
	int seat;     /* -1: it has none under this policy */
};

struct history {
	struct rehearsal_vote *votes; /* by their ends */
	size_t n, room;
	struct history_probe *probes; /* vote.key - 1 is the index */
	size_t n_probes;
	int64_t late; /* results that came too late to vote, then as now */
	int domains;  /* that results came from */
};

/*
 * All results of MONITOR (its API document) that started from FROM to TO. PROBES: the API's list.
 * Returns 0, or -1 after saying why on ERR of CLIENT.
 */
MUST_CHECK int history_fetch(struct client *client, const json_t *monitor, const json_t *probes,
	int64_t from_wall_ms, int64_t to_wall_ms, struct history *out);
/* Gives SEATS seats to the domains, as the coordinator does for MONITOR, and drops the votes of those
 * without one. Returns the number of seats. */
int history_seat(struct history *h, const struct id *monitor, int seats);
void history_clear(struct history *h);

#endif
