// SPDX-License-Identifier: MIT
/*
 * A fleet on virtual time: thousands of monitors over weeks, faults of paths and regions, real
 * outages, a liar; every vote goes through the real coordinator/core, and so does what probes are
 * set aside for. What is counted are false alerts and missed outages, beside other ways to decide
 * on the same votes.
 *
 * Monitors know nothing of each other but which probes are in quarantine. So each one is played by
 * itself, and stretches in which everybody sees its target up are skipped (crew.c, play.c).
 */
#ifndef QUORATE_TESTS_FLEET_H
#define QUORATE_TESTS_FLEET_H

#include "coordinator/core/quarantine.h"

#include <stdbool.h>
#include <stdint.h>

#define REGIONS          8
#define PROBES_IN_REGION 3
#define PROBES           (REGIONS * PROBES_IN_REGION)
#define SEATS            5
#define NOBODY           (-1)
#define ORGANIZATIONS    20
#define NETWORK_MONITORS 4 /* targets in one network, all of one organization */

#define INTERVAL_MS    60000
#define TIMEOUT_MS     10000
#define GAP_MS         3000
#define ROUNDS         2
#define LATENCY_MS     80     /* of a check that is answered */
#define LINK_MS        20     /* one way */
#define SUSPECT_MS     1500   /* a scheduled check that hangs is late then */
#define OUTAGE_LONG_MS 600000 /* of this length an outage must not be missed */

/* Faults of four lengths, all at once. */
enum fault_length { FAULT_1S, FAULT_10S, FAULT_60S, FAULT_600S, FAULT_LENGTHS };
extern const int64_t fault_ms[FAULT_LENGTHS];

struct fleet_setup {
	int monitors;
	int64_t end_ms; /* of virtual time, from 0 */
	uint64_t seed;
	int liar;        /* a probe that says the opposite of what it sees; NOBODY: none */
	bool quarantine; /* as the coordinator has it */
	bool rivals;
	bool every;    /* nothing is skipped and every vote is evaluated: slow, and the same */
	int workers;   /* threads; what comes out does not depend on it */
	double path;   /* share of the time that one probe's way to one target is broken */
	double region; /* share of the time that a region sees everything down, or is cut off */
	double part[FAULT_LENGTHS]; /* of both, by length; sums to 1 */

	/* set by world_prepare() */
	uint32_t path_share[FAULT_LENGTHS], region_share[FAULT_LENGTHS];
	uint8_t *ill_minutes;
};

/* ---- world.c: what is, at any instant; pure functions of setup and seed */

void world_prepare(struct fleet_setup *s);
void world_clear(struct fleet_setup *s);

/* Bits of enum fault_length: what makes this probe see this target down although it is up. */
unsigned faults_at(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms);
bool is_silent(const struct fleet_setup *s, int probe, int64_t at_ms);
bool is_out(const struct fleet_setup *s, int monitor, int64_t at_ms);
bool was_out(const struct fleet_setup *s, int monitor, int64_t from_ms, int64_t to_ms);
/* The first outage of OUTAGE_LONG_MS that begins after FROM_MS; -1: none before the end. */
int64_t next_long_outage(const struct fleet_setup *s, int monitor, int64_t from_ms);
uint64_t monitor_hash(const struct fleet_setup *s, int monitor);

enum sight { SEES_UP, SEES_DOWN, SEES_NOTHING };
/* What the probe reports of a check that starts at AT_MS, if the report gets through; HANGS: only
 * after the whole timeout. */
enum sight sight_at(
	const struct fleet_setup *s, int monitor, int probe, int64_t at_ms, bool *hangs);
/* The first check, at AT_MS or whole intervals later, that does not report SIGHT; the end if there
 * is none. */
int64_t next_other(
	const struct fleet_setup *s, int monitor, int probe, int64_t at_ms, enum sight sight);

/* ---- what came of it */

enum method { QUORATE, SINGLE, TWO_OF_THREE, RESPONDERS, METHODS };

#define DETECTION_MAX 2000 /* histogram of the time to the alert, in steps of 100 ms */

struct tally_of {
	int64_t alerts, true_alerts;
	/* false ones, by what was really broken in the rounds that confirmed them */
	int64_t false_inside;  /* fewer seats than the quorum */
	int64_t false_short;   /* enough of them, but none for longer than the gap */
	int64_t false_outside; /* enough of them */
	/* outages of OUTAGE_LONG_MS that ended without an alert */
	int64_t outages, missed_inside, missed_outside;
	int64_t detection[DETECTION_MAX + 1];
};

struct totals {
	struct tally_of of[METHODS];
	int64_t bursts;
	int64_t downward;         /* bursts while the target was up and not known to be down, and */
	int64_t reached[ROUNDS];  /* in how many of them enough seats were broken for each round */
	int64_t lied_ms, lies_ms; /* how long the liar's votes counted; how long they might have */
	int64_t checks, evaluations; /* played; all others were skipped */
};

/* ---- court.c: evidence in, sentences out */

/* At a session, the networks of one organization that a probe has a say in, or is contradicted by,
 * became more or fewer. */
struct evidence {
	int32_t session; /* second */
	uint8_t probe, organization;
	int8_t networks, against;
};

struct history {
	int64_t since_ms; /* set aside everywhere; 0: it is not */
	int64_t first_ms; /* for the first time; 0: never */
	int64_t lasted_ms;
	int times;
};

struct court {
	int32_t session; /* the last one */
	int32_t ripe;    /* the session in which seats go to others next; INT32_MAX: none */
	int turning;     /* charges that may turn with time */
	int16_t networks[PROBES][ORGANIZATIONS], against[PROBES][ORGANIZATIONS];
	struct charge charge[PROBES][ORGANIZATIONS];
	struct history history[PROBES];
};

void court_open(struct court *c);
/* The sessions up to that of second UNTIL, or the first one that changes a sentence or a seat. EVIDENCE: N
 * lists with N_EVIDENCE entries, in any order. Returns whether one changed. */
bool court_sit(struct court *c, int32_t until, struct evidence *const *evidence,
	const int *n_evidence, int n);
/* The first session in which time alone may change a sentence, no new charge needed; INT32_MAX:
 * there is none. */
int32_t court_due(const struct court *c);
/* Since when PROBE's votes are set aside for monitors of ORGANIZATION; 0: they are not. */
int64_t court_since(const struct court *c, int probe, int organization);

/* ---- crew.c: all monitors, on several threads */
struct totals crew_play(const struct fleet_setup *s, struct court *court);

/* ---- rivals.c: others, on the scheduled votes alone */
struct rivals {
	bool has[SEATS], down[SEATS], open[METHODS];
	int64_t at_ms[SEATS];
	int64_t opened_at_ms[METHODS];
};
/* A scheduled vote of SEAT. Calls OPENED for each that opens an alert now. */
void rivals_take(struct rivals *r, int seat, bool down, int64_t now_ms,
	void (*opened)(void *arg, enum method method), void *arg);
bool rivals_are_calm(const struct rivals *r);

#endif
