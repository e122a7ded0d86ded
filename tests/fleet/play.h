// SPDX-License-Identifier: MIT
/* Private to the play of one monitor: play.c plays it, judge.c says what was true. */
#ifndef QUORATE_TESTS_FLEET_PLAY_H
#define QUORATE_TESTS_FLEET_PLAY_H

#include "coordinator/core/watch.h"
#include "tests/fleet/fleet.h"

#include <stddef.h>

#define PENDING_MAX 64
#define BURSTS_KEPT 4

/* A result on its way. */
struct arrival {
	int64_t at_ms, started_at_ms, ended_at_ms, round;
	int8_t seat;
	bool down;
	bool suspicion; /* no result yet, but it is late */
};

/* What the shard of a monitor keeps for all of its monitors. */
struct notes {
	struct totals *totals;
	/* What the monitors of one network say of a probe: how many have it vote, and contradict. */
	uint8_t (*heard)[PROBES], (*against)[PROBES];
	struct evidence *evidence; /* for the court */
	int n_evidence, room;
};

struct play {
	const struct fleet_setup *s;
	struct notes *notes;
	int monitor;
	int probe[SEATS];
	int64_t now_ms, tick_at_ms;
	int64_t evaluated_ms; /* not testified since; -1: it is */
	int64_t next_start_ms[SEATS];
	int64_t next_other_ms[SEATS]; /* valid if not before next_start_ms */
	enum sight newest[SEATS];     /* of the newest scheduled check */
	enum stance stance[SEATS];    /* at the last session */
	int64_t free_since_ms[SEATS]; /* its votes count; -1: they do not */
	int64_t bound_since_ms[SEATS], bound_until_ms[SEATS]; /* set aside for the last time */
	struct arrival pending[PENDING_MAX];                  /* the next one last */
	int n_pending;
	struct {
		int64_t first_round, at_ms;
	} burst[BURSTS_KEPT]; /* the newest ones, in turn */
	int n_bursts;
	struct rivals rivals;
	int64_t outage_at_ms; /* the next, or current, long one; -1: none is left */
	bool detected[METHODS];
	struct watch *w;
	_Alignas(max_align_t) unsigned char room[sizeof(struct watch) +
						 SEATS * sizeof(struct watch_voter)];
};

int play_network(int monitor);
int play_organization(int monitor);
/* P stays where it is. */
void play_begin(struct play *p, const struct fleet_setup *s, int monitor, struct notes *notes);
/* Everything up to UNTIL_MS, inclusive: a whole second. */
void play_until(struct play *p, int64_t until_ms);
/* Whether that would change nothing. */
bool play_is_idle(const struct play *p, int64_t until_ms);
/* The court changed a sentence in the session at NOW_MS, to which P was played. */
void play_sentence(struct play *p, const struct court *court, int64_t now_ms);
void play_end(struct play *p);

/* ---- judge.c */
/* METHOD raised an alert now, on ROUNDS of votes, the first of which began at FIRST_MS; ROUNDS 0: on
 * scheduled votes. */
void judge_alert(struct play *p, enum method method, int rounds, int64_t first_ms);
/* A burst towards down, the first round of which begins at FIRST_MS. */
void judge_burst(struct play *p, int64_t first_ms);
/* Outages that are over by AT_MS. */
void judge_outages(struct play *p, int64_t at_ms);

#endif
