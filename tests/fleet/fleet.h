// SPDX-License-Identifier: MIT
/*
 * A fleet on virtual time: thousands of monitors over weeks, faults of paths and regions, real
 * outages, a liar; every vote goes through the real coordinator/core. What is counted are false
 * alerts and missed outages, beside other ways to decide on the same votes.
 *
 * Monitors know nothing of each other, so each one is played by itself, from the first instant to
 * the last; stretches in which everybody sees the target up are skipped.
 */
#ifndef QUORATE_TESTS_FLEET_H
#define QUORATE_TESTS_FLEET_H

#include "coordinator/core/assign.h"
#include "coordinator/core/watch.h"

#include <stdbool.h>
#include <stdint.h>

#define REGIONS          8
#define PROBES_IN_REGION 3
#define PROBES           (REGIONS * PROBES_IN_REGION)
#define SEATS            5
#define NOBODY           (-1)

#define INTERVAL_MS    60000
#define TIMEOUT_MS     10000
#define GAP_MS         3000
#define ROUNDS         2
#define LATENCY_MS     80     /* of a check that is answered */
#define LINK_MS        20     /* one way */
#define SUSPECT_MS     1500   /* a scheduled check that hangs is late then */
#define QUARANTINE_MS  900000 /* after so long the liar is set aside, where quarantine is on */
#define OUTAGE_LONG_MS 600000 /* of this length an outage must not be missed */

/* Faults of four lengths, all at once. */
enum fault_length { FAULT_1S, FAULT_10S, FAULT_60S, FAULT_600S, FAULT_LENGTHS };
extern const int64_t fault_ms[FAULT_LENGTHS];

struct fleet_setup {
	int monitors;
	int64_t end_ms; /* of virtual time, from 0 */
	uint64_t seed;
	int liar; /* a probe that says the opposite of what it sees; NOBODY: none */
	bool quarantine;
	double path;   /* share of the time that one probe's way to one target is broken */
	double region; /* share of the time that a region sees everything down, or is cut off */
};

/* ---- world.c: what is, at any instant; pure functions of setup and seed */

/* Bits of enum fault_length: what makes this probe see this target down although it is up. */
unsigned faults_at(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms);
bool is_silent(const struct fleet_setup *s, int probe, int64_t at_ms);
bool is_out(const struct fleet_setup *s, int monitor, int64_t at_ms);
bool was_out(const struct fleet_setup *s, int monitor, int64_t from_ms, int64_t to_ms);
/* The first outage of OUTAGE_LONG_MS that begins after FROM_MS; -1: none before the end. */
int64_t next_long_outage(const struct fleet_setup *s, int monitor, int64_t from_ms);
uint64_t monitor_hash(const struct fleet_setup *s, int monitor);

enum sight { SEES_UP, SEES_DOWN, SEES_NOTHING };
/* What the probe reports of a check that starts at AT_MS. */
enum sight sight_at(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms);
/* The first check, at AT_MS or whole intervals later, that reports down; the end if there is none. */
int64_t next_down(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms);
/* Whether a failed check takes its whole timeout (or is refused at once). */
bool hangs_at(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms);

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
	int64_t checks, bursts, evaluations;
};

/* ---- play.c */
void play_monitor(const struct fleet_setup *s, int monitor, struct totals *totals);

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
