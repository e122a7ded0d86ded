// SPDX-License-Identifier: MIT
/*
 * The watches of all monitors, run on real time: votes in, bursts and alerts out. A thin shell around core/watch and core/court.
 */
#ifndef QUORATE_VERDICTS_H
#define QUORATE_VERDICTS_H

#include "coordinator/core/court.h"
#include "coordinator/registry.h"
#include "proto/messages.h"
#include "quorate/result.h"
#include "quorate/verdict.h"

struct verdicts;
struct coordinator;

/* COORDINATOR is borrowed and must have store, registry and alerts; its fleet is used from verdicts_start on. */
MUST_CHECK struct verdicts *verdicts_new(struct coordinator *coordinator);
void verdicts_free(struct verdicts *v);
/* Seats every monitor, restores open alerts, begins the start-up hold. */
void verdicts_start(struct verdicts *v);

/* ---- from the fleet */
enum vote_outcome { VOTE_TAKEN, VOTE_LATE, VOTE_NOT_ASSIGNED };
/* A message of PROBE arrived. */
void verdicts_heard(struct verdicts *v, const struct probe *probe);
/* What PROBE can do is now known, or has changed. */
void verdicts_capable(struct verdicts *v, const struct probe *probe);
/* A result of PROBE, just received; TEXT is its JSON (kept as evidence). Late results never vote. */
enum vote_outcome verdicts_result(struct verdicts *v, const struct probe *probe,
	const struct result *result, const char *text);
/* A check of PROBE waits for longer than its target usually takes. */
void verdicts_suspicion(
	struct verdicts *v, const struct probe *probe, const struct suspicion *suspicion);
/* PROBE's session passed back to a boot that had lost it before. */
void verdicts_takeover(struct verdicts *v, const struct probe *probe);
/* Its token is a new one. */
void verdicts_renewed(struct verdicts *v, const struct probe *probe);
/* Whether its token is used twice, so that nobody is let in with it. */
bool verdicts_twins(const struct verdicts *v, uint32_t probe_key);
/* The standing of a probe: the fault its open alert is about, LOST while it is silent as most are, or
 * FAULT_NONE. */
enum probe_fault verdicts_fault(const struct verdicts *v, uint32_t probe_key);

/* Whether its votes are set aside everywhere. */
bool verdicts_quarantined(const struct verdicts *v, uint32_t probe_key);

/* What a monitor is now (PAUSED for a disabled one, MAINTENANCE whatever its checks say), and since
 * when. */
enum monitor_state verdicts_state(
	struct verdicts *v, const struct id *monitor, int64_t *since_wall_ms);
/* {"id", "from", "until", "reason", "by", "finds": the state by its checks alone, "words"} of the
 * maintenance that MONITOR is in now, a new reference; NULL: it is in none. */
json_t *verdicts_maintenance(struct verdicts *v, const struct id *monitor);
/*
 * Everything behind the decision, a new reference:
 * {"monitor": {id, name}, "state", "since", "rule": {seats, down, up, domain, words: "q=2 of 3 …tolerates…"}, "decision", "tally": {…},
 *  "votes": [{probe, region, seat, verdict, reason, detail, at, age_ms, fate, why}], "quarantine": [{probe, region, since, set_aside, replaced, words}], "burst": {…} | null, "failures": {window, checks, failed, words} | null, "flapping": {changes, words} | null, "held_back": {by, since, case, words} | null, "maintenance": see below | null, "self_test": {not_judged, words} | null, "alerts": [case ids], "closed_by_hand": [case ids whose cause lasts], "held": bool, "sentence": "…"}
 * Of one that is paused: {"monitor", "state", "since", "votes": [], "alerts": [], "held", "sentence"}.
 * NULL when there is no such monitor.
 */
json_t *verdicts_explain(struct verdicts *v, const struct id *monitor);
/* The newest result each voter sent for MONITOR, as JSON with "probe" and "region" (for metrics and pages); a new reference. */
json_t *verdicts_results(struct verdicts *v, const struct id *monitor);

struct verdict_counts {
	int64_t by_state[STATE_MAINTENANCE + 1];
	int64_t votes, bursts, bursts_denied, transitions;
	/* Monitors by how many more seats may fall silent until their quorum is out of reach: those
	 * that cannot reach it now, those that bear no loss, one, more. As of the last second;
	 * without those that nobody has looked at yet. */
	int64_t blind, margin_0, margin_1, margin_more;
	bool sight_lost; /* most probes fell silent at once */
	bool held;       /* start-up hold */
	bool mass_flip;  /* many turned at once: what turns is looked at once more */
	int64_t lag_us;  /* worst lag of the loop lately */
};
void verdicts_counts(struct verdicts *v, struct verdict_counts *out);

#endif
