// SPDX-License-Identifier: MIT
/*
 * The standing of one probe. A lost probe is over its fault as soon as it is heard; a dissenting
 * one has to agree for as long as it had to dissent, so that a probe which lies now and then does
 * not open case after case.
 */
#include "coordinator/core/court.h"

#include <stddef.h>

const char *const probe_fault_names[] = {
	"none", "lost", "dissent", "twins", "flood", "quarantine", NULL};

void court_init(struct court *c, int64_t now_ms)
{
	*c = (struct court){.heard_at_ms = now_ms, .excused_at_ms = INT64_MIN};
}

void court_heard(struct court *c, int64_t now_ms)
{
	if (now_ms > c->heard_at_ms)
		c->heard_at_ms = now_ms;
}

void court_excuse(struct court *c, int64_t now_ms)
{
	c->excused_at_ms = now_ms;
}

static bool is_lost(const struct court *c, int64_t now_ms)
{
	int64_t from_ms = c->heard_at_ms > c->excused_at_ms ? c->heard_at_ms : c->excused_at_ms;

	return now_ms - from_ms >= PROBE_LOST_MS;
}

void court_takeover(struct court *c, int64_t now_ms)
{
	if (c->n_takeovers > TAKEOVERS_MAX) {
		for (int i = 0; i < TAKEOVERS_MAX; i++)
			c->takeover_at_ms[i] = c->takeover_at_ms[i + 1];
		c->n_takeovers = TAKEOVERS_MAX;
	}
	c->takeover_at_ms[c->n_takeovers++] = now_ms;
}

void court_forgive(struct court *c)
{
	c->n_takeovers = 0;
}

bool court_twins(const struct court *c, int64_t now_ms)
{
	if (c->n_takeovers == 0)
		return false;
	if (c->fault == FAULT_TWINS)
		return now_ms - c->takeover_at_ms[c->n_takeovers - 1] < TAKEOVERS_MS;
	return c->n_takeovers > TAKEOVERS_MAX && now_ms - c->takeover_at_ms[0] < TAKEOVERS_MS;
}

void court_restore(
	struct court *c, enum probe_fault fault, enum severity severity, int64_t opened_at_ms)
{
	c->fault = fault;
	c->slot = (struct alert_slot){
		.open = true, .severity = severity, .opened_at_ms = opened_at_ms};
	if (fault == FAULT_LOST)
		c->heard_at_ms -= PROBE_LOST_MS;
	if (fault == FAULT_TWINS)
		court_takeover(c, c->heard_at_ms);
}

/* Dissent is established, or over, when it has held for dissent_after_ms. */
static bool dissents(struct court *c, const struct court_facts *f, int64_t now_ms)
{
	if (f->dissents >= 2 && 2 * f->dissents > f->monitors) {
		c->agree_since_ms = 0;
		if (c->dissent_since_ms == 0)
			c->dissent_since_ms = now_ms;
		return c->fault == FAULT_DISSENT ||
		       now_ms - c->dissent_since_ms >= f->dissent_after_ms;
	}
	c->dissent_since_ms = 0;
	if (c->agree_since_ms == 0)
		c->agree_since_ms = now_ms;
	return c->fault == FAULT_DISSENT && now_ms - c->agree_since_ms < f->dissent_after_ms;
}

struct court_action court_tick(struct court *c, const struct court_facts *facts, int64_t now_ms)
{
	struct court_action action = {ALERT_STEP_NONE, c->slot.severity, c->fault};

	if (facts->held) {
		c->dissent_since_ms = c->agree_since_ms = 0;
		return action;
	}
	bool dissent = dissents(c, facts, now_ms);
	enum probe_fault before = c->fault;
	if (court_twins(c, now_ms))
		c->fault = FAULT_TWINS;
	else if (facts->drained)
		c->fault = FAULT_NONE;
	else if (is_lost(c, now_ms))
		c->fault = FAULT_LOST;
	else if (facts->quarantined)
		c->fault = FAULT_QUARANTINE;
	else if (dissent)
		c->fault = FAULT_DISSENT;
	else
		c->fault = facts->floods ? FAULT_FLOOD : FAULT_NONE;

	struct alert_signal signal = {.clear = true};
	if (c->fault != FAULT_NONE)
		signal.severity = facts->undetermined > 0 ? SEVERITY_UNKNOWN : SEVERITY_WARNING;
	action.step = alert_step(&c->slot, &signal, 0, now_ms);
	if (action.step == ALERT_STEP_NONE && c->fault != FAULT_NONE &&
		((c->fault == FAULT_QUARANTINE) != (before == FAULT_QUARANTINE) ||
			(c->fault == FAULT_QUARANTINE && facts->resentenced)))
		action.step = ALERT_STEP_CHANGE;
	action.severity = c->slot.severity;
	action.fault = action.step == ALERT_STEP_CLOSE ? before : c->fault;
	return action;
}
