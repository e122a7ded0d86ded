// SPDX-License-Identifier: MIT
/*
 * Confirmation: the way from what the votes say to `down` and back. A vote that contradicts the
 * confirmed state calls for a burst; every round of it has to reach the goal. The rule itself is
 * only ever asked through quorum_decide().
 */
#include "coordinator/core/watch_sitting.h"

#define SETTLE_MS      500  /* a settled round waits that long for the rest of its evidence */
#define ROUND_SLACK_MS 2000 /* beyond the timeout: delivery of the order and of the result */
#define DENIED_MS      5000 /* before a burst is asked for again that could not be afforded */
#define BACKOFF_MAX    8    /* intervals */
#define REACHED_WAIT_MS                                                                            \
	60000 /* at most between two bursts while the scheduled votes reach the goal */

static enum burst_goal goal_of(const struct watch *w)
{
	return w->down ? BURST_UP : BURST_DOWN;
}

static bool reaches(enum burst_goal goal, enum decision decision)
{
	if (goal == BURST_DOWN)
		return decision == DECISION_DOWN;
	return decision == DECISION_UP || decision == DECISION_DEGRADED;
}

/* ---- one round */

struct round_look {
	bool waiting; /* for at least one voter */
	bool settled; /* whatever those say, it stays as it is */
	bool reached;
};

/* Whether the round reaches the goal if everyone who has not answered says VERDICT (NONE: stays
 * silent). */
static bool round_reaches(const struct watch *w, int round, enum verdict verdict, int64_t now_ms)
{
	struct ballot ballots[VOTERS_MAX];
	struct quorum_view view = {w->rule.revision, now_ms, INT64_MAX / 2}; /* rounds do not age */
	struct tally tally;

	watch_ballots(w, w->burst.first_round + round, ballots);
	for (int i = 0; i < w->n_voters; i++)
		if (!ballots[i].vote.present)
			ballots[i].vote = (struct vote){
				.present = true,
				.verdict = (int)verdict,
				.revision = w->rule.revision,
			};
	quorum_count(&w->rule.quorum, &view, ballots, w->n_voters, NULL, &tally);
	return reaches(w->burst.goal, quorum_decide(&w->rule.quorum, &tally));
}

static struct round_look look(const struct watch *w, int round, int64_t now_ms)
{
	struct round_look l = {.reached = round_reaches(w, round, VERDICT_NONE, now_ms)};

	for (int i = 0; i < w->n_voters; i++)
		if (!w->voter[i].round[round].present && w->voter[i].excluded == EXCLUDED_NOT)
			l.waiting = true;
	l.settled = !l.waiting || round_reaches(w, round, VERDICT_UP, now_ms) ==
					  round_reaches(w, round, VERDICT_DOWN, now_ms);
	return l;
}

static int64_t round_deadline(const struct watch *w, int round)
{
	return w->burst.started_at_ms + round * w->rule.gap_ms + w->rule.timeout_ms +
	       ROUND_SLACK_MS;
}

/* ---- the whole burst */

enum outcome { GOING_ON, CONFIRMED, FAILED };

static enum outcome close_rounds(struct watch *w, int64_t now_ms)
{
	enum outcome outcome = CONFIRMED;

	for (int i = 0; i < w->burst.rounds; i++) {
		struct round_look l = look(w, i, now_ms);
		int64_t *settled_at_ms = &w->burst.settled_at_ms[i];
		if (!l.settled)
			*settled_at_ms = 0;
		else if (*settled_at_ms == 0)
			*settled_at_ms = now_ms;
		bool closed = !l.waiting || now_ms >= round_deadline(w, i) ||
			      (l.settled && now_ms - *settled_at_ms >= SETTLE_MS);
		if (closed && !l.reached)
			return FAILED;
		if (!closed)
			outcome = GOING_ON;
	}
	return outcome;
}

/* Start of the earliest down vote: of the burst's rounds, or (ROUNDS 0) of the scheduled votes. */
static int64_t first_bad(const struct watch *w, const struct sitting *s, int rounds)
{
	int64_t first_ms = s->now_ms;

	for (int i = 0; i < w->n_voters; i++) {
		const struct watch_voter *v = &w->voter[i];
		if (rounds == 0 && sitting_says(s, i, true) &&
			v->scheduled.started_at_ms < first_ms)
			first_ms = v->scheduled.started_at_ms;
		for (int r = 0; r < rounds; r++)
			if (v->round[r].present && v->round[r].verdict == VERDICT_DOWN &&
				v->excluded == EXCLUDED_NOT && v->round[r].started_at_ms < first_ms)
				first_ms = v->round[r].started_at_ms;
	}
	return first_ms;
}

static void decide(struct watch *w, const struct sitting *s, int rounds)
{
	w->down = !w->down;
	w->decided_at_ms = s->now_ms;
	flapping_note(w, s->now_ms);
	w->confirmed_rounds = rounds;
	if (rounds == 0)
		w->suspected_at_ms = w->agreed_since_ms;
	w->confirmed_first = rounds > 0 ? w->burst.first_round : 0;
	if (w->down)
		w->down_since_ms = first_bad(w, s, rounds);
	w->backoff_ms = w->no_burst_before_ms = w->calm_since_ms = w->agreed_since_ms = 0;
	burst_cancel(w);
}

static void back_off(struct watch *w, int64_t now_ms)
{
	int64_t most_ms = BACKOFF_MAX * w->rule.interval_ms;

	w->backoff_ms = w->backoff_ms == 0 ? w->rule.interval_ms : 2 * w->backoff_ms;
	if (w->backoff_ms > most_ms)
		w->backoff_ms = most_ms;
	w->no_burst_before_ms = now_ms + w->backoff_ms;
	burst_cancel(w);
}

void burst_cancel(struct watch *w)
{
	w->burst.goal = BURST_NONE;
}

/* A burst that nobody answered until the deadline of its first round: the order reached no one. */
static void learn_of_answers(struct watch *w, int64_t now_ms)
{
	bool unanswered = !w->burst.answered && (w->unanswered || now_ms >= round_deadline(w, 0));

	if (unanswered != w->unanswered)
		w->agreed_since_ms = 0;
	w->unanswered = unanswered;
}

/* Without bursts the scheduled votes have to say it at two evaluations, gap_ms apart at least. */
static void agree(struct watch *w, const struct sitting *s)
{
	if (!reaches(goal_of(w), s->decision))
		w->agreed_since_ms = 0;
	else if (w->agreed_since_ms == 0)
		w->agreed_since_ms = s->now_ms;
	else if (s->now_ms - w->agreed_since_ms >= w->rule.gap_ms)
		decide(w, s, 0);
}

/* Whether a vote that started after SINCE_MS contradicts what is confirmed. */
static bool called_for(const struct watch *w, const struct sitting *s, int64_t since_ms)
{
	for (int i = 0; i < w->n_voters; i++)
		if (sitting_says(s, i, !w->down) && s->ballot[i].vote.started_at_ms > since_ms)
			return true;
	return false;
}

/* Nothing that is down was seen: a slow answer, most likely. */
static void not_so_early(struct watch *w, int64_t now_ms)
{
	w->no_early_before_ms = now_ms + BACKOFF_MAX * w->rule.interval_ms;
	burst_cancel(w);
}

static void conclude(struct watch *w, const struct sitting *s)
{
	switch (close_rounds(w, s->now_ms)) {
	case GOING_ON:
		break;
	case CONFIRMED:
		decide(w, s, w->burst.rounds);
		break;
	case FAILED:
		if (w->burst.goal == BURST_DOWN)
			w->looked_at_ms = w->burst.started_at_ms;
		if (w->burst.asked) /* no vote was wrong */
			burst_cancel(w);
		else if (w->burst.early && !called_for(w, s, w->decided_at_ms))
			not_so_early(w, s->now_ms);
		else
			back_off(w, s->now_ms);
		break;
	}
}

void burst_advance(struct watch *w, struct sitting *s)
{
	if (w->burst.goal != BURST_NONE && w->burst.revision != w->rule.revision)
		burst_cancel(w);
	if (w->burst.goal != BURST_NONE) {
		learn_of_answers(w, s->now_ms);
		conclude(w, s);
	}
	if (w->rule.rounds == 0 || w->unanswered)
		agree(w, s);
}

/* ---- when one begins */

/* A check that is late, and whose result is not overdue yet. */
static bool waits(const struct watch *w, const struct watch_voter *v, int64_t now_ms)
{
	return v->waits_since_ms != 0 && v->excluded == EXCLUDED_NOT &&
	       now_ms < v->waits_since_ms + w->rule.timeout_ms + ROUND_SLACK_MS;
}

static bool called_early(const struct watch *w, const struct sitting *s)
{
	if (w->down || s->now_ms < w->no_early_before_ms)
		return false;
	for (int i = 0; i < w->n_voters; i++)
		if (waits(w, &w->voter[i], s->now_ms) &&
			w->voter[i].waits_since_ms > w->decided_at_ms)
			return true;
	return false;
}

/* The back-off is forgotten after a calm as long as its longest. */
static void calm(struct watch *w, const struct sitting *s)
{
	if (w->calm_since_ms != 0 &&
		s->now_ms - w->calm_since_ms >= BACKOFF_MAX * w->rule.interval_ms)
		w->backoff_ms = w->no_burst_before_ms = 0;
	if (called_for(w, s, INT64_MIN))
		w->calm_since_ms = 0;
	else if (w->calm_since_ms == 0)
		w->calm_since_ms = s->now_ms;
}

static int64_t not_before(const struct watch *w, const struct sitting *s)
{
	if (!reaches(goal_of(w), s->decision) || w->backoff_ms <= REACHED_WAIT_MS)
		return w->no_burst_before_ms;
	return w->no_burst_before_ms - w->backoff_ms + REACHED_WAIT_MS;
}

static bool may_begin(const struct watch *w, const struct sitting *s)
{
	return w->burst.goal == BURST_NONE && w->rule.rounds > 0 &&
	       (called_for(w, s, w->decided_at_ms) || called_early(w, s));
}

void burst_begin(struct watch *w, struct sitting *s)
{
	calm(w, s);
	bool due = may_begin(w, s) && s->now_ms >= not_before(w, s);
	bool asked = w->asked && w->burst.goal == BURST_NONE && !w->down; /* minds no back-off */
	w->asked = false;
	if (!due && !asked)
		return;
	if (!w->down)
		w->suspected_at_ms = s->now_ms;
	w->burst = (struct burst){
		.goal = goal_of(w),
		.revision = w->rule.revision,
		.first_round = w->next_round,
		.rounds = w->rule.rounds < ROUNDS_MAX ? w->rule.rounds : ROUNDS_MAX,
		.early = due && !called_for(w, s, w->decided_at_ms),
		.asked = !due,
		.started_at_ms = s->now_ms,
	};
	w->next_round += w->burst.rounds;
	for (int i = 0; i < w->n_voters; i++)
		for (int r = 0; r < ROUNDS_MAX; r++)
			w->voter[i].round[r] = (struct vote){0};
	close_rounds(w, s->now_ms); /* with too many set aside its outcome is settled already */
	struct watch_action *action = sitting_act(s, WATCH_ORDER_BURST);
	action->rounds = w->burst.rounds;
	action->first_round = w->burst.first_round;
	action->gap_ms = w->rule.gap_ms;
}

void watch_deny_burst(struct watch *w, int64_t now_ms)
{
	if (w->burst.asked)
		w->looked_at_ms = now_ms; /* the child goes without */
	burst_cancel(w);
	if (!w->unanswered)
		w->agreed_since_ms = 0;
	w->unanswered = true;
	w->no_burst_before_ms = now_ms + DENIED_MS;
}

/* Timers that do not run are 0, and give an instant of the past. */
void burst_wake(const struct watch *w, const struct sitting *s, int64_t *next_ms)
{
	if (may_begin(w, s))
		wake_at(not_before(w, s), s->now_ms, next_ms);
	for (int i = 0; i < w->n_voters; i++)
		if (waits(w, &w->voter[i], s->now_ms))
			wake_at(w->no_early_before_ms, s->now_ms, next_ms);
	wake_at(w->agreed_since_ms + (w->rule.gap_ms > 0 ? w->rule.gap_ms : 1), s->now_ms, next_ms);
	for (int i = 0; w->burst.goal != BURST_NONE && i < w->burst.rounds; i++) {
		wake_at(round_deadline(w, i), s->now_ms, next_ms);
		wake_at(w->burst.settled_at_ms[i] + SETTLE_MS, s->now_ms, next_ms);
	}
}
