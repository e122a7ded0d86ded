// SPDX-License-Identifier: MIT
/*
 * States and alerts: what is confirmed (w->down) and what the scheduled votes say now become
 * signals; alert_step() turns signals into opens, changes and closes. Order within one evaluation:
 * state, down (promoting the regional), regional, undetermined, thresholds, failures, flapping.
 */
#include "coordinator/core/watch_sitting.h"

/* ---- state */

static enum monitor_state undecided_state(const struct watch *w)
{
	if (w->state == STATE_PENDING || w->burst.goal != BURST_NONE) /* about to be known */
		return w->state;
	return STATE_UNDETERMINED;
}

static enum monitor_state next_state(const struct watch *w, enum decision decision)
{
	if (decision == DECISION_UNDETERMINED)
		return undecided_state(w);
	if (w->down)
		return STATE_DOWN;     /* up is not confirmed yet */
	if (decision == DECISION_DOWN) /* nor is down */
		return w->state == STATE_DOWN ? STATE_UP : w->state;
	return decision == DECISION_UP ? STATE_UP : STATE_DEGRADED;
}

/* The most frequent reason among the votes that say down (DOWN) or work; the first in the table on
 * a tie. */
int signals_reason(const struct watch *w, const struct sitting *s, bool down)
{
	int count[REASON_COUNT] = {0}, best = REASON_OK;

	for (int i = 0; i < w->n_voters; i++) {
		int reason = s->ballot[i].vote.reason;
		if (sitting_says(s, i, down) && reason > REASON_OK && reason < REASON_COUNT)
			count[reason]++;
	}
	for (int r = 0; r < REASON_COUNT; r++)
		if (count[r] > count[best])
			best = r;
	return best;
}

static void apply_state(struct watch *w, struct sitting *s)
{
	enum monitor_state to = next_state(w, s->decision);

	if (to == w->state)
		return;
	struct watch_action *action = sitting_act(s, WATCH_STATE);
	action->from = w->state;
	action->to = to;
	if (to == STATE_DOWN || to == STATE_DEGRADED)
		action->reason = signals_reason(w, s, to == STATE_DOWN);
	w->state = to;
}

void signals_learn(struct watch *w, struct sitting *s)
{
	if (w->state == STATE_PENDING)
		apply_state(w, s);
}

/* ---- timers: since when something has been so; 0: it is not */

static int64_t split_after_ms(const struct watch *w)
{
	return 2 * w->rule.interval_ms + w->rule.timeout_ms;
}

static void run_timer(int64_t *since_ms, bool on, int64_t now_ms)
{
	if (!on)
		*since_ms = 0;
	else if (*since_ms == 0)
		*since_ms = now_ms;
}

static bool lasted(int64_t since_ms, int64_t after_ms, int64_t now_ms)
{
	return since_ms != 0 && now_ms - since_ms >= after_ms;
}

static int64_t first_start(const struct watch *w, const struct sitting *s)
{
	int64_t first_ms = s->now_ms;

	for (int i = 0; i < w->n_voters; i++)
		if (sitting_says(s, i, true) && s->ballot[i].vote.started_at_ms < first_ms)
			first_ms = s->ballot[i].vote.started_at_ms;
	return first_ms;
}

static void run_timers(struct watch *w, const struct sitting *s)
{
	bool split = !w->down && s->tally.down > 0;

	if (split && w->split_since_ms == 0)
		w->split_started_ms = first_start(w, s);
	run_timer(&w->split_since_ms, split, s->now_ms);
	run_timer(&w->undetermined_since_ms, s->decision == DECISION_UNDETERMINED, s->now_ms);
}

void signals_rest(struct watch *w)
{
	w->split_since_ms = w->undetermined_since_ms = w->agreed_since_ms = w->calm_since_ms = 0;
	for (int kind = 0; kind < ALERT_KIND_COUNT; kind++)
		w->slot[kind].since_ms = w->slot[kind].clear_since_ms = 0;
}

/* ---- alerts */

/* What the votes say whose checks began after SINCE_MS. */
static enum decision decision_since(
	const struct watch *w, const struct sitting *s, int64_t since_ms)
{
	struct quorum_view view = watch_view(w, s->now_ms);
	struct ballot ballots[VOTERS_MAX];
	struct tally tally;

	for (int i = 0; i < w->n_voters; i++) {
		ballots[i] = s->ballot[i];
		if (ballots[i].vote.started_at_ms <= since_ms)
			ballots[i].vote.present = false;
	}
	quorum_count(&w->rule.quorum, &view, ballots, w->n_voters, NULL, &tally);
	return quorum_decide(&w->rule.quorum, &tally);
}

static int64_t all_new_at(const struct watch *w)
{
	return w->released_at_ms + watch_fresh_ms(&w->rule);
}

/* Whether every vote is of after the release; one that does not come is not waited for in vain. */
static bool all_new(const struct watch *w, const struct sitting *s)
{
	if (s->now_ms >= all_new_at(w))
		return true;
	for (int i = 0; i < w->n_voters; i++) {
		const struct vote *vote = &w->voter[i].scheduled;
		if (w->voter[i].excluded == EXCLUDED_NOT &&
			(vote->revision != w->rule.revision ||
				vote->started_at_ms <= w->released_at_ms))
			return false;
	}
	return w->n_voters > 0;
}

/* Whether what a parent's outage or maintenance held back may open again. */
static void end_release(struct watch *w, const struct sitting *s)
{
	if (w->released_at_ms == 0 || w->block >= BLOCK_PARENT)
		return;
	if (w->down ? decision_since(w, s, w->released_at_ms) == DECISION_DOWN : all_new(w, s)) {
		w->released_at_ms = 0;
		w->recheck = false;
	}
}

/* A doubt ends when newer checks say what is confirmed, or with its time. */
static void end_doubt(struct watch *w, const struct sitting *s)
{
	enum decision again;

	if (w->doubt_since_ms == 0)
		return;
	again = decision_since(w, s, w->doubt_since_ms + DOUBT_PAUSE_MS);
	if ((again != DECISION_UNDETERMINED && (again == DECISION_DOWN) == w->down) ||
		s->now_ms - w->doubt_since_ms >= DOUBT_MAX_MS)
		w->doubt_since_ms = 0;
}

/* What must not open now, whatever its signal. */
static bool held_back(const struct watch *w, const struct sitting *s, enum alert_kind kind)
{
	if (w->block != BLOCK_NONE)
		return true;
	if (kind == ALERT_DOWN)
		return w->flapping || w->released_at_ms != 0 || w->doubt_since_ms != 0;
	if (w->released_at_ms != 0 && !all_new(w, s))
		return true;
	return kind == ALERT_REGIONAL && w->slot[ALERT_FAILURES].open; /* which tells it */
}

/* Nothing is open, nor about to be: an off signal changes nothing. */
static bool is_idle(const struct alert_slot *slot)
{
	return !slot->open && slot->since_ms == 0;
}

struct watch_action *signals_report(struct watch *w, struct sitting *s, enum alert_kind kind,
	const struct alert_signal *signal, int64_t after_ms)
{
	static const enum watch_action_type type_of[] = {
		[ALERT_STEP_OPEN] = WATCH_OPEN,
		[ALERT_STEP_CHANGE] = WATCH_CHANGE,
		[ALERT_STEP_CLOSE] = WATCH_CLOSE,
	};
	struct alert_signal judged = *signal;

	if (signal->severity == SEVERITY_NONE && is_idle(&w->slot[kind]))
		return NULL;
	judged.held = signal->held || held_back(w, s, kind);
	int64_t since_ms = w->slot[kind].since_ms != 0 ? w->slot[kind].since_ms : s->now_ms;
	enum alert_step step = alert_step(&w->slot[kind], &judged, after_ms, s->now_ms);

	if (step == ALERT_STEP_NONE)
		return NULL;
	struct watch_action *action = sitting_act(s, type_of[step]);
	action->kind = kind;
	action->severity = w->slot[kind].severity;
	if (step == ALERT_STEP_OPEN)
		action->held_ms = s->now_ms - since_ms - after_ms;
	return action;
}

static struct watch_action *report_explained(
	struct watch *w, struct sitting *s, enum alert_kind kind, bool explained)
{
	struct watch_action *action = sitting_act(s, explained ? WATCH_OPEN : WATCH_CLOSE);

	w->explained[kind] = explained;
	action->kind = kind;
	action->explained = true;
	return action;
}

static struct alert_signal down_signal(const struct watch *w, const struct sitting *s)
{
	struct alert_signal signal = {
		.held = held_back(w, s, ALERT_DOWN)}; /* open or not: stays so */

	signal.clear = !w->down && w->doubt_since_ms == 0;
	signal.clear_after_ms = w->rule.recovered_after_ms;
	if (!w->down)
		return signal;
	if (s->decision != DECISION_UNDETERMINED)
		signal.severity = SEVERITY_CRITICAL;
	else if (w->slot[ALERT_DOWN].open &&
		 lasted(w->undetermined_since_ms, w->rule.undetermined_after_ms, s->now_ms))
		signal.severity = SEVERITY_UNKNOWN;
	return signal;
}

/* The regional alert, explained or of its own, goes on as the down alert that opens with the next
 * action. */
static void promote(struct watch *w, struct sitting *s)
{
	static const struct alert_signal over = {.clear = true};

	if (w->explained[ALERT_REGIONAL])
		report_explained(w, s, ALERT_REGIONAL, false);
	struct watch_action *action = signals_report(w, s, ALERT_REGIONAL, &over, 0);
	if (action)
		action->promoted = true;
}

static void apply_down(struct watch *w, struct sitting *s)
{
	struct alert_signal signal = down_signal(w, s);
	struct alert_slot trial = w->slot[ALERT_DOWN];

	if (alert_step(&trial, &signal, w->rule.after_ms, s->now_ms) == ALERT_STEP_OPEN)
		promote(w, s);
	struct watch_action *action = signals_report(w, s, ALERT_DOWN, &signal, w->rule.after_ms);
	if (!action)
		return;
	action->rounds = w->confirmed_rounds;
	action->first_round = w->confirmed_first;
	action->started_at_ms = w->down_since_ms;
	if (action->type != WATCH_CLOSE)
		action->reason = signals_reason(w, s, true);
}

/* ---- regional and undetermined: an alert of their own, or explained by probes that have one */

/* A kind that probe alerts may explain. */
struct suspicion {
	enum alert_kind kind;
	enum severity severity;
	int64_t *since_ms;
	int64_t after_ms;
	bool ready; /* besides having lasted */
	bool clear;
	bool explained; /* every voter responsible is a suspect */
	bool of_votes;  /* its reason is the one that most down votes give */
};

static void apply_suspicion(
	struct watch *w, struct sitting *s, const struct suspicion *c, int64_t started_at_ms)
{
	bool on = *c->since_ms != 0;
	struct watch_action *action = NULL;

	if (w->explained[c->kind] && (c->clear || (on && !c->explained))) {
		report_explained(w, s, c->kind, false);
		if (on)
			*c->since_ms = s->now_ms; /* its own alert takes its time again */
	}
	bool due = c->ready && lasted(*c->since_ms, c->after_ms, s->now_ms);
	struct alert_signal signal = {
		.severity = due ? c->severity : SEVERITY_NONE, .clear = c->clear};
	if (due && c->explained)
		signal = (struct alert_signal){.clear = true};
	if (!w->explained[c->kind])
		action = signals_report(w, s, c->kind, &signal, 0);
	if (due && c->explained && !w->explained[c->kind]) {
		action = report_explained(w, s, c->kind, true);
		action->severity = c->severity;
	}
	if (!action || action->type == WATCH_CLOSE)
		return;
	action->started_at_ms = started_at_ms;
	action->reason = c->of_votes ? signals_reason(w, s, true) : REASON_OK;
}

/* Whether there are voters responsible and all of them are suspects. */
static bool regional_explained(const struct watch *w, const struct sitting *s)
{
	int responsible = 0, suspects = 0;

	for (int i = 0; i < w->n_voters; i++) {
		if (!sitting_says(s, i, true))
			continue;
		responsible++;
		suspects += w->voter[i].suspect;
	}
	return responsible > 0 && suspects == responsible;
}

static bool undetermined_explained(const struct watch *w, const struct sitting *s)
{
	int silent = 0, suspects = 0;

	for (int i = 0; i < w->n_voters; i++) {
		if (sitting_says(s, i, true) || sitting_says(s, i, false) ||
			w->voter[i].excluded == EXCLUDED_REPLACED)
			continue;
		silent++;
		suspects += w->voter[i].suspect;
	}
	return silent > 0 ? suspects == silent : regional_explained(w, s);
}

static bool works(enum decision decision)
{
	return decision == DECISION_UP || decision == DECISION_DEGRADED;
}

static void apply_regional(struct watch *w, struct sitting *s)
{
	int64_t none = 0; /* of a target that recovers: its down alert is still open */
	bool part_of_down = w->slot[ALERT_DOWN].open;
	struct suspicion c = {
		.kind = ALERT_REGIONAL,
		.severity = SEVERITY_WARNING,
		.since_ms = part_of_down ? &none : &w->split_since_ms,
		.after_ms = split_after_ms(w),
		.ready = w->burst.goal == BURST_NONE,
		.clear = !w->down && s->tally.down == 0 && works(s->decision),
		.explained = regional_explained(w, s),
		.of_votes = true,
	};

	apply_suspicion(w, s, &c, w->split_started_ms);
}

static void apply_undetermined(struct watch *w, struct sitting *s)
{
	int64_t none = 0; /* while a down alert is open, it is a change of that one */
	bool part_of_down = w->slot[ALERT_DOWN].open;
	struct suspicion c = {
		.kind = ALERT_UNDETERMINED,
		.severity = SEVERITY_UNKNOWN,
		.since_ms = part_of_down ? &none : &w->undetermined_since_ms,
		.after_ms = w->rule.undetermined_after_ms,
		.ready = true,
		.clear = part_of_down || s->decision != DECISION_UNDETERMINED,
		.explained = undetermined_explained(w, s),
	};

	apply_suspicion(w, s, &c, w->undetermined_since_ms);
}

/* Start of the earliest vote that crossed threshold T. */
static int64_t first_crossed(const struct watch *w, const struct sitting *s, int t)
{
	int64_t first_ms = s->now_ms;

	for (int i = 0; i < w->n_voters; i++) {
		const struct vote *vote = &s->ballot[i].vote;
		if ((sitting_says(s, i, true) || sitting_says(s, i, false)) &&
			vote->severity[t] >= SEVERITY_WARNING && vote->started_at_ms < first_ms)
			first_ms = vote->started_at_ms;
	}
	return first_ms;
}

static bool any_crosses(const struct watch *w, const struct sitting *s, int t)
{
	for (int i = 0; i < w->n_voters; i++)
		if (s->ballot[i].vote.severity[t] != SEVERITY_NONE)
			return true;
	return false;
}

static void apply_thresholds(struct watch *w, struct sitting *s)
{
	struct quorum_view view = watch_view(w, s->now_ms);

	for (int t = 0; t < THRESHOLD_COUNT; t++) {
		struct alert_signal signal = {0};
		if (is_idle(&w->slot[ALERT_SLOW + t]) && !any_crosses(w, s, t))
			continue;
		signal.severity = quorum_threshold(&w->rule.quorum, &view, s->ballot, w->n_voters,
			(enum threshold)t, &signal.clear);
		struct watch_action *action =
			signals_report(w, s, (enum alert_kind)(ALERT_SLOW + t), &signal, 0);
		if (!action || action->type == WATCH_CLOSE)
			continue;
		action->reason = signals_reason(w, s, false);
		action->started_at_ms = first_crossed(w, s, t);
	}
}

void signals_apply(struct watch *w, struct sitting *s)
{
	apply_state(w, s);
	run_timers(w, s);
	flapping_end(w, s);
	end_release(w, s);
	end_doubt(w, s);
	apply_down(w, s);
	apply_regional(w, s);
	apply_undetermined(w, s);
	apply_thresholds(w, s);
	failures_apply(w, s);
	flapping_apply(w, s);
}

/* Timers that do not run are 0, and give an instant of the past. */
void signals_wake(const struct watch *w, const struct sitting *s, int64_t *next_ms)
{
	wake_at(alert_next_at(&w->slot[ALERT_DOWN], w->rule.after_ms, w->rule.recovered_after_ms),
		s->now_ms, next_ms);
	wake_at(w->doubt_since_ms + DOUBT_PAUSE_MS, s->now_ms, next_ms);
	wake_at(w->doubt_since_ms + DOUBT_MAX_MS, s->now_ms, next_ms);
	wake_at(all_new_at(w), s->now_ms, next_ms);
	wake_at(w->split_since_ms + split_after_ms(w), s->now_ms, next_ms);
	wake_at(w->undetermined_since_ms + w->rule.undetermined_after_ms, s->now_ms, next_ms);
}
