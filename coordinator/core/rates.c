// SPDX-License-Identifier: MIT
/*
 * What shows over time only: a target that changes between up and down (flapping), and one that
 * fails now and then without ever being down (failures).
 */
#include "coordinator/core/watch_sitting.h"

#define CALM_PART  6 /* of the window without a change ends flapping */
#define CLEAR_PART 2 /* of the window below the thresholds closes a failures alert */

/* ---- flapping */

int watch_changes(const struct watch *w, int64_t now_ms)
{
	int n = 0;

	while (n < FLAPPING_CHANGES_MAX && w->changed_at_ms[n] != 0 &&
		now_ms - w->changed_at_ms[n] < w->rule.flap_window_ms)
		n++;
	return n;
}

void flapping_note(struct watch *w, int64_t now_ms)
{
	for (int i = FLAPPING_CHANGES_MAX - 1; i > 0; i--)
		w->changed_at_ms[i] = w->changed_at_ms[i - 1];
	w->changed_at_ms[0] = w->flap_from_ms = now_ms;
	/* With 0, never, flapping_end() takes it back before anybody looks. */
	w->flapping |= watch_changes(w, now_ms) >= w->rule.flap_changes;
}

void flapping_rest(struct watch *w, int64_t now_ms)
{
	w->flap_from_ms = now_ms;
}

void flapping_forget(struct watch *w)
{
	for (int i = 0; i < FLAPPING_CHANGES_MAX; i++)
		w->changed_at_ms[i] = 0;
	w->flapping &= w->slot[ALERT_FLAPPING].open;
}

int64_t watch_calm_ms(const struct watch_rule *rule)
{
	return rule->flap_window_ms / CALM_PART;
}

static int64_t calm_at(const struct watch *w)
{
	return w->flap_from_ms + watch_calm_ms(&w->rule);
}

/* Before the down alert is judged, which waits for it. */
void flapping_end(struct watch *w, const struct sitting *s)
{
	if (w->rule.flap_changes == 0 || s->now_ms >= calm_at(w))
		w->flapping = false;
}

void flapping_apply(struct watch *w, struct sitting *s)
{
	struct alert_signal signal = {.clear = !w->flapping};

	if (w->flapping && !w->slot[ALERT_DOWN].open)
		signal.severity = SEVERITY_CRITICAL;
	struct watch_action *action = signals_report(w, s, ALERT_FLAPPING, &signal, 0);
	if (!action || action->type == WATCH_CLOSE)
		return;
	int n = watch_changes(w, s->now_ms); /* none: all are older, after a long hold */
	action->reason = signals_reason(w, s, true);
	action->started_at_ms = w->changed_at_ms[n > 0 ? n - 1 : 0];
}

/* ---- failures */

void failures_note(struct watch *w, struct watch_voter *v, int64_t now_ms)
{
	int verdict = v->scheduled.verdict;

	if (w->rule.failures.window_ms == 0 || w->down || v->excluded != EXCLUDED_NOT ||
		verdict < VERDICT_UP || verdict > VERDICT_DOWN)
		return;
	if (w->failures_from_ms == 0)
		w->failures_from_ms = now_ms;
	failures_add(&v->failures, &w->rule.failures, now_ms - w->failures_from_ms,
		verdict == VERDICT_DOWN);
}

void failures_forget(struct watch *w)
{
	w->failures_from_ms = 0;
	for (int i = 0; i < w->n_voters; i++)
		w->voter[i].failures = (struct failure_ring){0};
}

struct failure_sum watch_failures(const struct watch *w, int index, int64_t now_ms)
{
	if (w->rule.failures.window_ms == 0)
		return (struct failure_sum){0, 0};
	return failures_in(
		&w->voter[index].failures, &w->rule.failures, now_ms - w->failures_from_ms);
}

/* Each voter's rate as its vote about a threshold, so that the quorum judges it as any other. */
static void failures_ballots(
	const struct watch *w, const struct sitting *s, struct ballot ballots[VOTERS_MAX])
{
	for (int i = 0; i < w->n_voters; i++) {
		struct failure_sum sum = watch_failures(w, i, s->now_ms);
		ballots[i] = (struct ballot){
			.seat = w->voter[i].seat,
			.excluded = w->voter[i].excluded,
			.vote = {.present = sum.checks >= FAILURE_SAMPLES_MIN,
				.verdict = VERDICT_UP,
				.ended_at_ms = s->now_ms,
				.revision = w->rule.revision},
		};
		ballots[i].vote.severity[0] = (uint8_t)failures_severity(&w->rule.failures, &sum);
	}
}

static int64_t failures_clear_ms(const struct failure_rule *rule)
{
	return rule->window_ms / CLEAR_PART;
}

void failures_apply(struct watch *w, struct sitting *s)
{
	struct ballot ballots[VOTERS_MAX];
	struct quorum_view view = watch_view(w, s->now_ms);
	const struct alert_slot *slot = &w->slot[ALERT_FAILURES];
	struct alert_signal signal = {.held = w->down, .clear = true};

	if (w->rule.failures.window_ms > 0) {
		failures_ballots(w, s, ballots);
		signal.severity = quorum_threshold(&w->rule.quorum, &view, ballots, w->n_voters,
			(enum threshold)0, &signal.clear);
		signal.clear_after_ms = failures_clear_ms(&w->rule.failures);
	}
	/* A rate near a threshold goes to and fro: its alert only rises. */
	if (signal.severity != SEVERITY_NONE && slot->open && slot->severity > signal.severity)
		signal.severity = slot->severity;
	struct watch_action *action = signals_report(w, s, ALERT_FAILURES, &signal, 0);
	if (action && action->type != WATCH_CLOSE) {
		action->reason = signals_reason(w, s, true);
		action->started_at_ms = s->now_ms;
	}
}

/* ---- when time alone may change something */

static bool any_failed(const struct watch *w, int64_t now_ms)
{
	for (int i = 0; i < w->n_voters; i++)
		if (watch_failures(w, i, now_ms).failed > 0)
			return true;
	return false;
}

void rates_wake(const struct watch *w, const struct sitting *s, int64_t *next_ms)
{
	wake_at(alert_next_at(&w->slot[ALERT_FAILURES], 0, failures_clear_ms(&w->rule.failures)),
		s->now_ms, next_ms);
	if (w->flapping)
		wake_at(calm_at(w), s->now_ms, next_ms);
	if (any_failed(w, s->now_ms))
		wake_at(w->failures_from_ms + failures_next_ms(&w->rule.failures,
						      s->now_ms - w->failures_from_ms),
			s->now_ms, next_ms);
}
