// SPDX-License-Identifier: MIT
/*
 * The probes before the court, once a second: what each contradicts, which monitors are
 * undetermined because of it, whether its alert opens or closes. core/court decides; a probe with
 * an open alert is a suspect in every electorate it sits in.
 */
#include "coordinator/core/tolerance.h"
#include "coordinator/verdicts_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"

#include <stdio.h>
#include <string.h>

#define GONE_MS       300000 /* after that its seats go to others */
#define HOLD_COURT_MS 30000
#define LISTED_MAX    100 /* monitors named in a probe's alert */

static void clear_facts(struct verdicts *v, bool held)
{
	struct standing_of *s, *next;

	HASH_ITER (hh, v->probes, s, next) {
		s->facts = (struct court_facts){.held = held};
		s->scheduled_per_1000_s = 0;
		json_decref(s->undetermined);
		s->undetermined = NULL;
	}
	json_decref(v->unseen);
	v->unseen = NULL;
	v->n_unseen = 0;
}

static void list(json_t **names, int *n, const struct monitor *m)
{
	(*n)++;
	if (!*names)
		*names = json_array();
	if (json_array_size(*names) < LISTED_MAX)
		json_array_append_new(*names, json_string(m->name));
}

static void hear_monitor(struct watched *wd, int64_t now_ms)
{
	const struct registered *entry = registry_monitor(wd->v->c->registry, &wd->id);
	enum stance stance[VOTERS_MAX];
	struct tally tally;

	watch_stances(wd->w, now_ms, stance, &tally);
	wd->margin = tolerance_margin(&wd->w->rule.quorum, &tally);
	bool unseen = false;
	for (int i = 0; i < wd->w->n_voters; i++) {
		struct standing_of *s = verdicts_standing(wd->v, wd->w->voter[i].key);
		if (!s)
			continue;
		s->facts.monitors++;
		s->scheduled_per_1000_s += 1000000 / wd->w->rule.interval_ms;
		s->facts.dissents += stance[i] == STANCE_DISSENTS;
		if (wd->w->rule.interval_ms > s->facts.dissent_after_ms)
			s->facts.dissent_after_ms = wd->w->rule.interval_ms;
		if (wd->explained && wd->w->voter[i].suspect && !s->shaded && i < wd->n_seated)
			list(&s->undetermined, &s->facts.undetermined, &entry->m);
		unseen |= wd->explained && s->shaded;
	}
	if (unseen)
		list(&wd->v->unseen, &wd->v->n_unseen, &entry->m);
}

bool court_suspects(const struct verdicts *v, uint32_t key)
{
	const struct standing_of *s = verdicts_standing(v, key);
	const struct probe *probe = registry_probe_by_key(v->c->registry, key);

	return (s && (s->court.slot.open || s->shaded)) ||
	       (probe && probe->joined_wall_ms == UNSET);
}

/* Of two that use one token nobody knows who lies; and who was shut out has no say. */
enum exclusion court_exclusion(const struct verdicts *v, uint32_t key)
{
	const struct standing_of *s = verdicts_standing(v, key);
	const struct probe *probe = registry_probe_by_key(v->c->registry, key);

	if (probe && !probe->token_hash)
		return EXCLUDED_QUARANTINE;
	return s && s->court.fault == FAULT_TWINS ? EXCLUDED_QUARANTINE : EXCLUDED_NOT;
}

void court_mark(struct verdicts *v, uint32_t key)
{
	bool suspect = court_suspects(v, key);
	struct watched *wd, *next;

	HASH_ITER (hh, v->watched, wd, next) {
		if (watch_find(wd->w, key) < 0)
			continue;
		watch_suspect(wd->w, key, suspect);
		quarantine_apply(wd);
		verdicts_evaluate(wd);
	}
}

static void describe(const struct verdicts *v, const struct standing_of *s,
	const struct probe *probe, enum probe_fault fault, int64_t now_ms, char *text, size_t room)
{
	int64_t silent_s = (now_ms - s->court.heard_at_ms) / 1000;
	char where[SENTENCE_WORDS_SIZE];

	quarantine_words(v, s, where, sizeof(where));
	if (fault == FAULT_LOST && probe->joined_wall_ms == UNSET)
		snprintf(text, room, "probe %s (%s) is registered but never joined", probe->name,
			probe->region);
	else if (fault == FAULT_LOST)
		snprintf(text, room, "nothing heard from probe %s (%s) for %lld s", probe->name,
			probe->region, (long long)silent_s);
	else if (fault == FAULT_TWINS)
		snprintf(text, room,
			"token used twice: two programs say that they are probe %s (%s); both are "
			"shut out. 'quorate probe token %s' makes a new token",
			probe->name, probe->region, probe->name);
	else if (fault == FAULT_FLOOD)
		snprintf(text, room,
			"probe %s (%s) sends more than its limits allow, and is held back; "
			"'limits' "
			"in the coordinator's configuration sets them",
			probe->name, probe->region);
	else
		snprintf(text, room,
			"probe %s (%s) contradicts the quorum on %d of its %d monitors%s",
			probe->name, probe->region, s->facts.dissents, s->facts.monitors, where);
}

static void carry_out(struct verdicts *v, struct standing_of *s, const struct probe *probe,
	const struct court_action *action, int64_t now_ms)
{
	char id[ID_TEXT_SIZE], text[512], code[32];
	json_t *of_probe = json_pack("{s:s, s:s, s:s, s:s}", "id", id_format(&probe->id, id),
		"name", probe->name, "region", probe->region, "fault",
		probe_fault_names[action->fault]);
	struct alert_facts facts = {
		.kind = ALERT_PROBE,
		.severity = action->severity,
		.subject = probe->id,
		.organization = probe->organization,
		.probe = of_probe,
		.reason_code = code,
		.reason_text = text,
		.started_wall_ms = action->fault == FAULT_LOST ? wall_of(s->court.heard_at_ms)
							       : clock_wall_ms(),
		.monitors = s->undetermined,
	};

	snprintf(code, sizeof(code), "probe.%s", probe_fault_names[action->fault]);
	describe(v, s, probe, action->fault, now_ms, text, sizeof(text));
	switch (action->step) {
	case ALERT_STEP_OPEN:
		(void)alerts_raise(v->c->alerts, &facts);
		court_mark(v, s->key);
		break;
	case ALERT_STEP_CHANGE:
		alerts_change(v->c->alerts, &facts);
		break;
	case ALERT_STEP_CLOSE:
		alerts_resolve(v->c->alerts, &facts);
		court_mark(v, s->key);
		break;
	default:
		break;
	}
	json_decref(of_probe);
}

/* Whether PROBE may hold seats before others; true when that changed. */
static bool update_availability(struct standing_of *s, int64_t now_ms)
{
	bool gone = now_ms - s->court.heard_at_ms > GONE_MS;

	if (!s->available || !gone)
		return false;
	s->available = false;
	return true;
}

void court_session(struct verdicts *v, int64_t now_ms)
{
	struct standing_of *s, *s_next;
	struct watched *wd, *next;
	bool reseat = false, held = now_ms < v->hold_from_ms + HOLD_COURT_MS;

	clear_facts(v, held);
	HASH_ITER (hh, v->watched, wd, next)
		hear_monitor(wd, now_ms);
	reseat |= quarantine_session(v, held, now_ms);
	sight_session(v, held, now_ms);
	HASH_ITER (hh, v->probes, s, s_next) {
		const struct probe *probe = registry_probe_by_key(v->c->registry, s->key);
		if (!probe)
			continue;
		if (probe->joined_wall_ms == UNSET &&
			s->facts.undetermined == 0) { /* nobody misses it yet */
			court_heard(&s->court, now_ms);
			continue;
		}
		enum probe_fault before = s->court.fault;
		s->facts.drained = probe->drained || !probe->token_hash;
		s->facts.quarantined = quarantine_lasts(s);
		s->facts.resentenced = s->quarantine && s->quarantine->changed;
		s->facts.floods = fleet_floods(v->c->fleet, s->key);
		struct court_action action = court_tick(&s->court, &s->facts, now_ms);
		if (action.step != ALERT_STEP_NONE)
			carry_out(v, s, probe, &action, now_ms);
		if ((before == FAULT_TWINS) != (s->court.fault == FAULT_TWINS)) {
			court_mark(v, s->key);
			reseat = true;
		}
		reseat |= update_availability(s, now_ms);
	}
	if (reseat && !timer_is_set(&v->reseat))
		timer_set(&v->reseat, 0);
}

static enum probe_fault fault_of(const char *name)
{
	for (enum probe_fault fault = FAULT_LOST; name && probe_fault_names[fault]; fault++) {
		if (strcmp(name, probe_fault_names[fault]) == 0)
			return fault;
	}
	return FAULT_LOST;
}

static void restore(void *arg, enum alert_kind kind, const struct id *subject,
	enum severity severity, const json_t *document)
{
	struct verdicts *v = arg;
	struct probe *probe = NULL;
	struct watched *wd, *next;

	if (kind != ALERT_PROBE)
		return;
	if (sight_is_subject(subject)) {
		sight_restore(&v->sight, severity, clock_now_ms());
		return;
	}
	while ((probe = registry_next_probe(v->c->registry, probe)) &&
		!id_equal(&probe->id, subject))
		;
	if (!probe) {
		alerts_withdraw(v->c->alerts, ALERT_PROBE, subject, "the probe was removed");
		return;
	}
	struct standing_of *s = verdicts_standing(v, probe->key);
	enum probe_fault fault = fault_of(
		json_string_value(json_object_get(json_object_get(document, "probe"), "fault")));
	if (fault == FAULT_QUARANTINE && !quarantine_lasts(s))
		fault = FAULT_DISSENT; /* as far as anybody knows */
	court_restore(&s->court, fault, severity, clock_now_ms());
	HASH_ITER (hh, v->watched, wd, next)
		watch_suspect(wd->w, probe->key, true);
}

void court_load(struct verdicts *v)
{
	alerts_each_lasting(v->c->alerts, restore, v);
}

void court_withdraw(struct verdicts *v, const struct probe *probe)
{
	alerts_withdraw(v->c->alerts, ALERT_PROBE, &probe->id, "the probe was removed");
}
