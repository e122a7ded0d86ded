// SPDX-License-Identifier: MIT
/*
 * The world on virtual time: probes that check, a link with a delay, and a coordinator that drives
 * the real assign, watch and court as the real one does. What came of it is recorded for the
 * expectations.
 */
#ifndef QUORATE_TESTS_WORLD_H
#define QUORATE_TESTS_WORLD_H

#include "tests/sim/scn.h"

#include "coordinator/core/court.h"
#include "coordinator/core/watch.h"

#define WORLD_RECORDS_MAX   400
#define WORLD_STATES_MAX    200
#define WORLD_STANDINGS_MAX 2000

/* An alert as people saw it. */
struct record {
	enum alert_kind kind;
	int monitor, probe;                 /* one of them is SCN_ALL */
	int64_t opened_at_ms, closed_at_ms; /* closed INT64_MAX: open */
	enum severity severity;
	unsigned severities; /* bit per severity that it ever had */
	bool promoted;       /* a regional that went on as down */
};

struct state_record {
	int64_t at_ms;
	enum monitor_state state;
};

/* Whether a probe's votes for a monitor were set aside, or it had a seat that counts, from then on. */
struct standing_record {
	int64_t at_ms;
	int monitor, probe;
	bool is;
};

struct outcome {
	struct record record[WORLD_RECORDS_MAX];
	int n_records;
	struct state_record state[SCN_MONITORS_MAX][WORLD_STATES_MAX];
	int n_states[SCN_MONITORS_MAX];
	struct standing_record quarantine[WORLD_STANDINGS_MAX], seat[WORLD_STANDINGS_MAX];
	int n_quarantine, n_seats;
	int bursts[SCN_MONITORS_MAX];
	int explained[SCN_MONITORS_MAX][ALERT_KIND_COUNT];
	char broken[160]; /* a rule that holds in every world, and did not; "": none */
};

/* Plays S; the same SEED gives the same run. VERBOSE tells every action on stdout. */
void world_play(const struct scn *s, uint64_t seed, bool verbose, struct outcome *out);

#endif
