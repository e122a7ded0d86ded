// SPDX-License-Identifier: MIT
/*
 * A monitor being watched: its electorate, the votes, the confirmation burst, its state and its
 * alerts. Pure: no I/O, no clock, no allocation; it takes values and now_ms and returns actions
 * that the caller carries out (order a burst, open or close an alert, publish a state). The
 * simulator drives exactly this code.
 *
 * States of confirmation (enum burst_goal):
 *   NONE --first fresh down vote while not down--> DOWN --every round reached q--> down alert
 * (after alert.after) NONE --first fresh up vote while down--------> UP   --every round reached
 * u--> down alert closes Only votes that started after the last confirmed decision call for the
 * opposite one. A burst that does not confirm ends as NONE, and the next for the same goal waits
 * (back-off: interval, doubling to 8 x interval, reset when no vote called for it during 8 x
 * interval): a target that fails for one probe alone does not get burst after burst. When the
 * scheduled votes themselves reach the goal it waits 60 s at most. With rounds = 0 no burst is
 * ordered: the scheduled votes must give the same decision at two consecutive evaluations, gap_ms
 * apart at least. They decide in this way also after a burst that nobody answered at all (its
 * orders are lost, while results arrive), until a burst is answered again.
 *
 * A round is closed when all seats answered it, or its outcome can no longer change and 500 ms have
 * passed since, or timeout + 2 s after its start. The quorum must hold in every round; a round that
 * closes without it ends the burst.
 *
 * A vote that crosses a critical threshold of rule.counts_as_down says down, from the start.
 *
 * FLAPPING: flap_changes confirmed changes within flap_window_ms. One flapping alert opens, and no
 * down alert does until it is over, which is when nothing changed for a sixth of the window: then
 * what is down opens. A down alert that is open keeps flapping quiet: it stays, or closes as ever.
 *
 * FAILURES: see failures.h. Scheduled checks only, none while down is confirmed (that has an alert),
 * and it opens while not down only. Its severity only rises; it closes when the rates have been
 * below the thresholds for half of the window; meanwhile no regional alert opens. The rings begin anew with a revision, another probe, a restart.
 *
 * MAINTENANCE: everything is taken in and decided as ever, closes and changes of what was open before
 * included, but nothing opens. When it ends one look is asked for (watch_wants_look), and what checks
 * from after the end say opens. Failures and changes are counted anew: those were the work's.
 *
 * A down alert closes when up was confirmed and has stayed so for recovered_after_ms.
 *
 * While down is confirmed only a confirmed up closes the down alert: votes that vanish make the
 * state UNDETERMINED and, after its time, the open down alert's severity UNKNOWN (CHANGE), never a
 * second alert. A new revision makes the state PENDING until its first determined decision; open
 * alerts stay.
 *
 * UNDETERMINED for longer than undetermined_after_ms opens an alert of severity unknown. Down
 * votes that persist below q for 2 x interval + timeout (and through an unconfirmed burst, if one
 * was possible) open a regional warning; the quorum promotes it in place (the regional alert
 * CHANGES INTO the down one: action CLOSE of regional with .promoted set, together with OPEN of
 * down). Either, when every probe responsible for it is a suspect (has an open probe alert), is
 * reported with .explained set: the caller lists it in those alerts instead of opening one. What
 * was explained and no longer is closes (.explained) and becomes an alert of its own when it lasts
 * for its time again; an open alert that becomes explained closes, and opens as explained.
 * Responsible for a regional are the voters that say down; for an undetermined those without a
 * fresh vote (if there are none: those that say down).
 */
#ifndef QUORATE_CORE_WATCH_H
#define QUORATE_CORE_WATCH_H

#include "coordinator/core/alert.h"
#include "coordinator/core/failures.h"
#include "coordinator/core/quorum.h"

#include <stddef.h>

struct watch_rule {
	struct quorum_rule quorum;
	int64_t revision;
	int64_t interval_ms, timeout_ms;
	int rounds; /* 0 … ROUNDS_MAX */
	int64_t gap_ms;
	int64_t after_ms, recovered_after_ms; /* of the down alert */
	int flap_changes; /* so many changes of `down` in the window are flapping; 0: never */
	int64_t flap_window_ms;
	unsigned counts_as_down; /* bit per threshold: a vote that says critical says down */
	struct failure_rule failures;
	int64_t undetermined_after_ms;
};

/* Why no alert may open, in ascending order. */
enum watch_block {
	BLOCK_NONE,
	BLOCK_ASKED,      /* a parent is looked at first */
	BLOCK_PARENT,     /* a parent is down */
	BLOCK_MAINTENANCE /* somebody works on it; when that ends it is looked at again first */
};

enum burst_goal { BURST_NONE, BURST_DOWN, BURST_UP };

struct burst {
	enum burst_goal goal; /* NONE: none is under way; the rest tells of the last one */
	int64_t revision;     /* of the monitor: another one cancels the burst */
	int64_t first_round;  /* number of its first round; rounds of one monitor never repeat */
	int rounds;
	bool early;    /* no vote called for it, only checks that are late */
	bool answered; /* by anybody, in any round */
	bool asked;    /* a child wants to know; no vote calls for it */
	int64_t started_at_ms;
	int64_t settled_at_ms[ROUNDS_MAX]; /* the outcome could no longer change; 0: it still can */
};

/* One voter of the watch. `key` is the caller's name for the probe. */
struct watch_voter {
	int seat;
	uint32_t key;
	bool suspect;           /* has an open probe alert */
	int64_t waits_since_ms; /* its scheduled check is late since then, and no result of it came;
				   0: it is not */
	bool inherited;         /* the vote is its predecessor's, until its own first result */
	enum exclusion excluded;
	struct vote scheduled; /* the newest of any round */
	struct failure_ring failures;
	struct vote round[ROUNDS_MAX];
};

struct watch {
	struct watch_rule rule;
	enum monitor_state state; /* PENDING, UP, DEGRADED, DOWN, UNDETERMINED */
	bool held; /* neither opens nor closes nor bursts, but learns whether it is up; the caller
		      sets it, and ticks when it ends */
	int64_t next_round; /* number that the next burst begins with: 1, or what the caller puts
			     * here after watch_init so that numbers do not repeat over a restart */
	struct burst burst;
	bool unanswered; /* the last burst was, to its end: the scheduled votes decide meanwhile */
	int64_t backoff_ms, no_burst_before_ms;
	int64_t no_early_before_ms; /* after an early burst that found nothing */
	int64_t calm_since_ms;      /* no vote calls for a burst since then; 0: one does */
	bool down;                  /* confirmed; only a confirmed up ends it */
	int64_t decided_at_ms;      /* when `down` changed last; INT64_MIN: never */
	int64_t down_since_ms; /* start of the earliest down vote in the rounds that confirmed it */
	int64_t confirmed_first; /* the rounds that confirmed `down` or its end: number of the first
				  */
	int confirmed_rounds;    /* and how many; 0: scheduled votes */
	int64_t split_since_ms;  /* down votes while down is not confirmed, since then; 0: none */
	int64_t split_started_ms; /* start of the first of them */
	int64_t undetermined_since_ms;
	int64_t agreed_since_ms; /* rounds = 0 or unanswered: the decision calls for a change since
				    then; 0: it does not */
	bool turning;            /* it was known, and the newest votes say the opposite */
	int64_t doubt_since_ms;  /* in a mass flip since then: looked at once more; 0: no doubt */
	enum watch_block block;
	int64_t released_at_ms; /* a parent was down, or maintenance lasted, until then; 0: nothing
				   waits for that any more */
	bool recheck;           /* that was maintenance, so the release asks for a look at once */
	bool asked;             /* a child wants it looked at */
	int64_t looked_at_ms;   /* start of the last burst that found it not down */
	int64_t suspected_at_ms; /* start of what confirmed `down`, or of the burst under way for it */
	bool flapping;
	int64_t changed_at_ms
		[FLAPPING_CHANGES_MAX]; /* when `down` changed, the newest first; 0: not so often */
	int64_t flap_from_ms; /* calm counts from here: the newest change, or the end of a hold */
	int64_t failures_from_ms;         /* the rings' instant 0; 0: nothing counted yet */
	bool explained[ALERT_KIND_COUNT]; /* reported as explained by probe alerts */
	struct alert_slot slot[ALERT_KIND_COUNT];
	int n_voters;
	struct watch_voter voter[]; /* room for n_voters */
};

enum watch_action_type {
	WATCH_ORDER_BURST, /* tell every voter: rounds, first_round, gap_ms */
	WATCH_STATE,       /* state changed: from -> to */
	WATCH_OPEN,
	WATCH_CHANGE,
	WATCH_CLOSE
};

struct watch_action {
	enum watch_action_type type;
	enum alert_kind kind;   /* OPEN, CHANGE, CLOSE */
	enum severity severity; /* OPEN, CHANGE */
	bool explained;         /* see above: for the probe alerts, not an alert of its own */
	bool promoted; /* CLOSE of regional: continues as the down alert of the same call */
	enum monitor_state from, to;
	int64_t started_at_ms; /* OPEN: start of the first vote that shows it */
	int64_t held_ms;       /* OPEN: how long it was held back, by whatever */
	int rounds; /* ORDER_BURST; OPEN/CLOSE: the rounds that confirmed it, 0: scheduled votes */
	int64_t first_round, gap_ms;
	int reason; /* enum reason: the most frequent one among the votes that show it */
};

#define WATCH_ACTIONS_MAX 24
struct watch_actions {
	struct watch_action item[WATCH_ACTIONS_MAX];
	int n;
};

/* Bytes needed for a watch of N_VOTERS (at most VOTERS_MAX). */
size_t watch_size(int n_voters);
/* W must have watch_size(n_voters) bytes; all voters start in seat 0 with key 0: seat them next. */
void watch_init(struct watch *w, const struct watch_rule *rule, int n_voters);
/*
 * Copies the state, slots and timers of OLD into W (already seated; another number of voters or
 * another rule), and the votes where the same key sits. A probe that is new inherits the vote of
 * one that left the same seat.
 */
void watch_carry(struct watch *w, const struct watch *old);
/*
 * Puts probe KEY (not 0) into voter INDEX on SEAT. Another probe before: its vote stands until the
 * newcomer's first (unless it was excluded). A KEY that votes at another index changes places with
 * this one.
 */
void watch_seat(struct watch *w, int index, int seat, uint32_t key);
/* Index of the voter with KEY, or -1. */
int watch_find(const struct watch *w, uint32_t key);
void watch_exclude(struct watch *w, uint32_t key, enum exclusion why);
void watch_suspect(struct watch *w, uint32_t key, bool suspect);
/* An alert that was open before a restart. Down is then confirmed, and closes by u over all rounds
 * as ever. */
void watch_restore(
	struct watch *w, enum alert_kind kind, enum severity severity, int64_t opened_at_ms);

/* ASKED_MS, or when that is negative the default: max(2 x interval, 120 s). */
int64_t watch_undetermined_after_ms(int64_t interval_ms, int64_t asked_ms);
/*
 * It turned together with many others, which may be something of ours that is soon over: before its
 * down alert opens or closes, checks that began DOUBT_PAUSE_MS later or more have to say so too. For
 * DOUBT_MAX_MS; then what is confirmed is told all the same.
 */
#define DOUBT_PAUSE_MS 10000
#define DOUBT_MAX_MS   60000
void watch_doubt(struct watch *w, int64_t now_ms);
/* Whether it is time to ask the voters once more: for a doubt whose pause is over, or because
 * maintenance is; and no burst does. */
bool watch_wants_look(const struct watch *w, int64_t now_ms);

/* How long a vote counts: interval + timeout + 5 s. */
int64_t watch_fresh_ms(const struct watch_rule *rule);

/*
 * A result of probe KEY arrived: ROUND 0 or a burst's round number. Votes with an older start than
 * the one held, for another revision or of unknown rounds change nothing (the last still counts as
 * a scheduled vote if newer); a result that could not look (verdict NONE) replaces an older vote as
 * any other does. Instants after NOW_MS are taken as NOW_MS. Returns whether it became a vote; the
 * caller evaluates then, now or soon.
 */
bool watch_take(
	struct watch *w, uint32_t key, int64_t round, const struct vote *vote, int64_t now_ms);
/*
 * Probe KEY says that its scheduled check for REVISION waits for much longer than the target usually
 * takes: no vote, but it calls for a burst towards DOWN as one does. Forgotten with its result, or
 * when that is overdue. An early burst that finds nothing bars only the next early ones (for 8
 * intervals). Returns whether it was taken.
 */
bool watch_suspicion(struct watch *w, uint32_t key, int64_t revision, int64_t now_ms);
/* watch_take(), evaluates at once and appends to ACTIONS (which the caller has zeroed). */
bool watch_vote(struct watch *w, uint32_t key, int64_t round, const struct vote *vote,
	int64_t now_ms, struct watch_actions *actions);
/* The burst just ordered cannot be had (its budget is used up): as if nobody had answered it. The
 * caller evaluates again. */
void watch_deny_burst(struct watch *w, int64_t now_ms);
/* Evaluates at NOW_MS. Returns the instant at which time alone may change something (> now_ms;
 * INT64_MAX: never). */
int64_t watch_tick(struct watch *w, int64_t now_ms, struct watch_actions *actions);

/* ---- dependencies, see parents.h */

/* What the parents say at NOW_MS, or that it is in maintenance; the caller ticks afterwards. */
void watch_block(struct watch *w, enum watch_block block, int64_t now_ms);
/* Since when W has to know how its parents are: it may be down, and has no alert; INT64_MAX: it has
 * not to. */
int64_t watch_suspects_since(const struct watch *w);
/* Wants a burst of W, unless it is down, was looked at since SINCE_MS, or has no bursts. Returns
 * whether the caller has to tick it. */
bool watch_ask(struct watch *w, int64_t since_ms);
/* Whether it may be down, as far as a burst that is under way, or asked for, will tell. */
bool watch_is_looking(const struct watch *w);
/* A parent was down or maintenance lasted, and W's own confirmation is still to come. */
bool watch_is_released(const struct watch *w);

/* How long nothing must change for flapping to end. */
int64_t watch_calm_ms(const struct watch_rule *rule);
/* Changes between up and down in the flapping window that ends now. */
int watch_changes(const struct watch *w, int64_t now_ms);
/* Voter INDEX's scheduled checks in the failures window that ends now. */
struct failure_sum watch_failures(const struct watch *w, int index, int64_t now_ms);

/* For people: the fates of all voters (n_voters entries, may be NULL), the tally and the decision
 * now, from scheduled votes. */
enum decision watch_explain(
	const struct watch *w, int64_t now_ms, enum fate *fates, struct tally *tally);
/* Ballots of the round with NUMBER into OUT (n_voters entries); 0 or unknown: the scheduled ones.
 */
void watch_ballots(const struct watch *w, int64_t number, struct ballot *out);
/*
 * What every voter (n_voters entries) says of the decision: it dissents when the decision is
 * UP/DEGRADED and it freshly says down, or DOWN and it says that the target works; NONE: nothing is
 * decided, or it has no fresh vote of its own. A voter in quarantine has a stance, too, against what
 * the others decided. TALLY as watch_explain() gives it.
 */
enum stance { STANCE_NONE, STANCE_AGREES, STANCE_DISSENTS };
void watch_stances(
	const struct watch *w, int64_t now_ms, enum stance *stances, struct tally *tally);

#endif
