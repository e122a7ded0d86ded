// SPDX-License-Identifier: MIT
/* What a watch decided, carried out: bursts to the fleet, states to the log, alerts with their
 * evidence to alerts.c. The one place where that happens. */
#include "coordinator/verdicts_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <string.h>

#define DETAIL_BYTES (RESULT_DETAIL_MAX_BYTES + 1)

static void order_burst(struct watched *wd, const struct watch_action *action)
{
	struct burst_order order = {
		.monitor = wd->id,
		.monitor_revision = wd->w->rule.revision,
		.first_round = action->first_round,
		.rounds = action->rounds,
		.gap_ms = action->gap_ms,
	};

	if (!bursts_afford(wd, action->rounds)) {
		wd->v->counts.bursts_denied++;
		wd->denied_at_ms = clock_now_ms();
		watch_deny_burst(wd->w, wd->denied_at_ms);
		verdicts_evaluate(wd);
		return;
	}
	wd->denied_at_ms = 0;
	wd->v->counts.bursts++;
	for (int i = 0; i < wd->n_seated; i++)
		fleet_burst(wd->v->c->fleet, wd->w->voter[i].key, &order);
}

static void change_state(
	struct watched *wd, const struct monitor *m, const struct watch_action *action)
{
	wd->v->counts.transitions++;
	wd->state_since_wall_ms = clock_wall_ms();
	log_info("monitor.state name=%s from=%s to=%s", log_quote(m->name),
		monitor_state_names[action->from], monitor_state_names[action->to]);
}

static json_t *labels_of(const struct monitor *m)
{
	json_t *labels = json_object();

	for (size_t i = 0; i < m->labels.n; i++)
		json_object_set_new(
			labels, m->labels.item[i].name, json_string(m->labels.item[i].value));
	return labels;
}

/* Regional warnings name the regions. */
static void seen_from(json_t *votes, char *text, size_t room)
{
	size_t i, used;
	json_t *vote;

	used = (size_t)snprintf(text, room, "down only as seen from");
	json_array_foreach (votes, i, vote) {
		const char *verdict = json_string_value(json_object_get(vote, "verdict"));
		if (verdict && strcmp(verdict, "down") == 0 && used < room)
			used += (size_t)snprintf(text + used, room - used, " %s",
				json_string_value(json_object_get(vote, "region")));
	}
}

/* What is no single check's finding has words of its own; the others say what the voters saw. */
static void reason_of(const struct watched *wd, const struct watch_action *action, json_t *votes,
	char *text, size_t room)
{
	switch (action->kind) {
	case ALERT_UNDETERMINED:
		snprintf(text, room, "too few votes to tell whether it is up or down");
		break;
	case ALERT_REGIONAL:
		seen_from(votes, text, room);
		break;
	case ALERT_FAILURES:
		evidence_failures(wd, clock_now_ms(), text, room);
		break;
	case ALERT_FLAPPING:
		evidence_flapping(wd, clock_now_ms(), text, room);
		break;
	default:
		break;
	}
}

static const char *reason_code_of(const struct watch_action *action)
{
	switch (action->kind) {
	case ALERT_UNDETERMINED:
		return "quorum.undetermined";
	case ALERT_FAILURES:
		return "quorum.failures";
	case ALERT_FLAPPING:
		return "quorum.flapping";
	default:
		return reason_code((enum reason)action->reason);
	}
}

/* Whether a mass flip may have held this back. */
static bool told_of_mass(const struct watch_action *action)
{
	return action->kind == ALERT_DOWN && action->type != WATCH_CHANGE;
}

/* The one way from an action to alerts.c: collects the evidence, calls FN with it. */
static void with_facts(struct watched *wd, const struct monitor *m,
	const struct watch_action *action,
	void (*fn)(struct alerts *a, const struct alert_facts *facts))
{
	int64_t now_ms = clock_now_ms(),
		number = action->rounds > 0 ? action->first_round + action->rounds - 1 : 0;
	char text[DETAIL_BYTES] = "";
	json_t *votes = evidence_votes(wd, number, now_ms);
	struct alert_facts facts = {
		.kind = action->kind,
		.severity = action->severity,
		.subject = wd->id,
		.organization = m->organization,
		.monitor = evidence_monitor(m),
		.started_wall_ms = action->started_at_ms ? wall_of(action->started_at_ms) : UNSET,
		.held_ms = action->held_ms,
		.observed = evidence_observed(wd, action->reason, text, sizeof(text)),
		.quorum = evidence_quorum(wd, number, action->rounds, now_ms),
		.labels = labels_of(m),
		.votes = votes,
		.mass_flip = told_of_mass(action) ? flips_words(wd) : NULL,
	};

	reason_of(wd, action, votes, text, sizeof(text));
	facts.reason_code = reason_code_of(action);
	facts.reason_text = text;
	fn(wd->v->c->alerts, &facts);
	json_decref(facts.monitor);
	json_decref(facts.observed);
	json_decref(facts.quorum);
	json_decref(facts.labels);
	json_decref(facts.mass_flip);
	json_decref(votes);
}

static void raise_alert(struct alerts *a, const struct alert_facts *facts)
{
	(void)alerts_raise(a, facts);
}

static void promote_regional(struct alerts *a, const struct alert_facts *facts)
{
	alerts_promote(a, ALERT_REGIONAL, facts);
}

static bool promotes(const struct watch_actions *actions)
{
	for (int i = 0; i < actions->n; i++) {
		if (actions->item[i].type == WATCH_CLOSE && actions->item[i].promoted)
			return true;
	}
	return false;
}

static void carry_out(struct watched *wd, const struct monitor *m,
	const struct watch_action *action, bool promoted)
{
	bool undetermined = action->kind == ALERT_UNDETERMINED;

	switch (action->type) {
	case WATCH_ORDER_BURST:
		order_burst(wd, action);
		break;
	case WATCH_STATE:
		change_state(wd, m, action);
		break;
	case WATCH_OPEN:
		if (action->explained) /* told by its probes' own alerts */
			wd->explained |= undetermined;
		else
			with_facts(wd, m, action,
				promoted && action->kind == ALERT_DOWN ? promote_regional
								       : raise_alert);
		break;
	case WATCH_CHANGE:
		with_facts(wd, m, action, alerts_change);
		break;
	case WATCH_CLOSE:
		if (action->explained)
			wd->explained &= !undetermined;
		else if (!action->promoted)
			with_facts(wd, m, action, alerts_resolve);
		break;
	}
}

/* Not before a decision may close it: it may be over. Nor in maintenance. */
static int64_t remind_every_ms(void *arg, enum alert_kind kind UNUSED, const struct id *subject)
{
	const struct verdicts *v = arg;
	const struct watched *wd = verdicts_find(v, subject); /* probes have none */
	const struct registered *entry = wd && !wd->w->held && !wd->maintained
						 ? registry_monitor(v->c->registry, subject)
						 : NULL;

	return entry && entry->m.alert.remind_ms != UNSET ? entry->m.alert.remind_ms : 0;
}

void actions_remind(struct verdicts *v)
{
	alerts_remind(v->c->alerts, clock_wall_ms(), remind_every_ms, v);
}

void actions_carry_out(struct watched *wd, const struct watch_actions *actions)
{
	const struct registered *entry = registry_monitor(wd->v->c->registry, &wd->id);
	bool promoted = promotes(actions);

	ensure(entry);
	for (int i = 0; i < actions->n; i++)
		carry_out(wd, &entry->m, &actions->item[i], promoted);
}
