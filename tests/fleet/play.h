// SPDX-License-Identifier: MIT
/* Private to the play of one monitor: play.c plays it, seats.c says who votes, judge.c what was true. */
#ifndef QUORATE_TESTS_FLEET_PLAY_H
#define QUORATE_TESTS_FLEET_PLAY_H

#include "coordinator/core/assign.h"
#include "coordinator/core/watch.h"
#include "tests/fleet/fleet.h"

#include <stddef.h>

#define PENDING_MAX 64
#define BURSTS_KEPT 4
#define VOTERS      (SEATS + 1) /* with one that was replaced */

/* A result on its way. */
struct arrival {
	int64_t at_ms, started_at_ms, ended_at_ms, round;
	int probe;
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

/* A voter; its number is that in the watch. */
struct seated {
	int probe, seat;
	bool shadow; /* replaced: it checks on */
	int64_t next_start_ms;
	int64_t next_other_ms; /* when it says something else; valid if not before next_start_ms */
	enum sight newest;     /* of the newest scheduled check */
	enum stance stance;    /* at the last session */
	int64_t free_since_ms; /* its votes count; -1: they do not */
	int64_t bound_since_ms, bound_until_ms; /* set aside for the last time */
};

struct play {
	const struct fleet_setup *s;
	struct notes *notes;
	int monitor;
	struct seated voter[VOTERS];  /* as many as the watch has */
	int bound_probe;              /* set aside, the one that may be; NOBODY: none is */
	bool replaced;                /* and another has its seat */
	struct assigned right[SEATS]; /* who sits here while nobody is set aside */
	int n_right;
	int64_t now_ms, tick_at_ms;
	int64_t evaluated_ms;                /* not testified since; -1: it is */
	struct arrival pending[PENDING_MAX]; /* the next one last */
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
						 VOTERS * sizeof(struct watch_voter)];
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
/* What PROBE said in the last session: fills T and returns 1, or 0. */
size_t play_testimony(const struct play *p, int probe, struct testimony *t);

/* ---- between play.c and seats.c */
extern const struct watch_rule play_rule;
uint32_t play_key(int probe);
/* Every check repeats what it said before: nothing needs to be played. */
bool play_is_calm(const struct play *p);
/* After a calm: AT_MS is at most when the first check starts that says something else. */
void play_land(struct play *p, int64_t at_ms);
void play_evaluate(struct play *p);
/* What one monitor has to say of PROBE is another, in SESSION. */
void play_testify_of(struct play *p, int probe, enum stance from, enum stance to, int32_t session);

/* ---- judge.c */
/* METHOD raised an alert now, on ROUNDS of votes, the first of which began at FIRST_MS; ROUNDS 0: on
 * scheduled votes. */
void judge_alert(struct play *p, enum method method, int rounds, int64_t first_ms);
/* A burst towards down, the first round of which begins at FIRST_MS. */
void judge_burst(struct play *p, int64_t first_ms);
/* Outages that are over by AT_MS. */
void judge_outages(struct play *p, int64_t at_ms);

#endif
