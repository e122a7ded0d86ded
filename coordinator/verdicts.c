// SPDX-License-Identifier: MIT
/*
 * The watches on real time. Votes, ticks and registry changes go into core/watch; the actions that
 * it returns are carried out in actions.c. Nothing is decided here.
 *
 * Evaluations are queued and made in slices, so that ten thousand monitors that open an alert at
 * once do not stop the loop: that would delay the bursts and reports which the verdicts need, and a
 * lag holds them.
 *
 * After a start, or when the loop itself lagged by more than 2 s, every watch is held until it has
 * had the time to hear from everybody: min(freshness, 30 s).
 */
#include "coordinator/maintenance.h"
#include "coordinator/verdicts_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define HOLD_MAX_MS 30000
#define LAG_MAX_US  2000000
#define SLICE       100 /* evaluations of one turn; one that opens an alert takes 0.2 ms */
#define SESSION_MS  1000

struct watched *verdicts_find(const struct verdicts *v, const struct id *monitor)
{
	struct watched *wd;

	HASH_FIND(hh, v->watched, monitor, sizeof(*monitor), wd);
	return wd;
}

/* ---- evaluating, and when */

static void evaluate(struct watched *wd)
{
	struct watch_actions actions = {0};
	int64_t now_ms = clock_now_ms(), next_ms;
	bool was_turning = wd->w->turning;
	bool was_down = wd->w->down, was_looking = watch_is_looking(wd->w);

	maintained_judge(wd, now_ms);
	wd->w->held = now_ms < wd->hold_until_ms;
	next_ms = watch_tick(wd->w, now_ms, &actions);
	if (wd->w->held)
		next_ms = wd->hold_until_ms;
	actions_carry_out(wd, &actions);
	flips_follow(wd, was_turning, now_ms);
	family_follow(wd, was_down, was_looking);
	if (next_ms == INT64_MAX)
		timer_stop(&wd->timer);
	else
		timer_set(&wd->timer, next_ms - now_ms);
}

static void unready(struct watched *wd)
{
	if (wd->ready)
		DL_DELETE(wd->v->ready, wd);
	wd->ready = false;
}

static void evaluate_slice(void *arg)
{
	struct verdicts *v = arg;

	for (int i = 0; i < SLICE && v->ready; i++) {
		struct watched *wd = v->ready;
		unready(wd);
		evaluate(wd);
	}
	if (v->ready)
		timer_set(&v->evaluate, 0);
}

void verdicts_evaluate(struct watched *wd)
{
	if (wd->ready)
		return;
	wd->ready = true;
	DL_APPEND(wd->v->ready, wd);
	if (!timer_is_set(&wd->v->evaluate))
		timer_set(&wd->v->evaluate, 0);
}

static void evaluate_due(void *arg)
{
	verdicts_evaluate(arg);
}

/* ---- watches come and go */

static void hold(struct watched *wd, int64_t from_ms)
{
	int64_t fresh_ms = watch_fresh_ms(&wd->w->rule);

	wd->hold_until_ms = from_ms + (fresh_ms < HOLD_MAX_MS ? fresh_ms : HOLD_MAX_MS);
	wd->w->held = true;
}

static struct watched *watched_new(struct verdicts *v, const struct monitor *m)
{
	struct watched *wd = mem_alloc(sizeof(*wd));

	wd->v = v;
	wd->id = m->id;
	wd->state_since_wall_ms = clock_wall_ms();
	timer_init(&wd->timer, v->c->loop, evaluate_due, wd);
	HASH_ADD(hh, v->watched, id, sizeof(wd->id), wd);
	family_changed(v);
	return wd;
}

static void watched_free(struct watched *wd)
{
	HASH_DEL(wd->v->watched, wd);
	family_changed(wd->v);
	unready(wd);
	timer_clear(&wd->timer);
	for (int i = 0; i < VOTERS_MAX; i++)
		free(wd->evidence[i].text);
	free(wd->w);
	free(wd);
}

static void withdraw_alerts(struct watched *wd, const char *why)
{
	for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++) {
		alerts_withdraw(wd->v->c->alerts, kind, &wd->id, why);
		if (wd->w)
			wd->w->slot[kind] = (struct alert_slot){0};
	}
	wd->explained = false;
}

static void monitor_changed(struct verdicts *v, const struct registered *entry)
{
	struct watched *wd = verdicts_find(v, &entry->m.id);

	family_changed(v);
	if (!wd)
		wd = watched_new(v, &entry->m);
	electorate_seat(wd, entry, true);
	if (!registry_is_checked(entry)) {
		withdraw_alerts(wd, "the monitor was paused");
		watched_free(wd);
		return;
	}
	maintained_place(wd, &entry->m);
	verdicts_evaluate(wd);
}

static void monitor_removed(struct verdicts *v, const struct registered *entry)
{
	struct watched *wd = verdicts_find(v, &entry->m.id);

	if (!wd)
		return;
	for (int i = 0; i < wd->w->n_voters; i++)
		fleet_drop(v->c->fleet, wd->w->voter[i].key, &wd->id);
	withdraw_alerts(wd, "the monitor was deleted");
	watched_free(wd);
}

static void reseat_all(void *arg)
{
	struct verdicts *v = arg;
	struct watched *wd, *next;

	HASH_ITER (hh, v->watched, wd, next) {
		const struct registered *entry = registry_monitor(v->c->registry, &wd->id);
		electorate_seat(wd, entry, false);
		verdicts_evaluate(wd);
	}
}

static void reseat_soon(struct verdicts *v)
{
	if (v->started && !timer_is_set(&v->reseat))
		timer_set(&v->reseat, 50);
}

struct standing_of *verdicts_standing(const struct verdicts *v, uint32_t key)
{
	struct standing_of *s;

	HASH_FIND(hh, v->probes, &key, sizeof(key), s);
	return s;
}

static void probe_changed(struct verdicts *v, const struct probe *probe)
{
	struct standing_of *s = verdicts_standing(v, probe->key);

	if (!s) {
		s = mem_alloc(sizeof(*s));
		s->key = probe->key;
		s->available = probe->joined_wall_ms != UNSET;
		court_init(&s->court, clock_now_ms());
		HASH_ADD(hh, v->probes, key, sizeof(s->key), s);
	}
	if (v->started)
		court_mark(v, probe->key); /* it may have been shut out, or let in again */
	reseat_soon(v);
}

static void standing_free(struct verdicts *v, struct standing_of *s)
{
	HASH_DEL(v->probes, s);
	json_decref(s->undetermined);
	quarantine_clear(s);
	free(s);
}

/* The votes of a probe that is gone for good count no more, and nobody inherits them. */
static void withdraw_votes(struct verdicts *v, uint32_t key)
{
	struct watched *wd, *next;

	HASH_ITER (hh, v->watched, wd, next) {
		if (watch_find(wd->w, key) < 0)
			continue;
		watch_exclude(wd->w, key, EXCLUDED_QUARANTINE);
		verdicts_evaluate(wd);
	}
}

static void probe_removed(struct verdicts *v, const struct probe *probe)
{
	struct standing_of *s = verdicts_standing(v, probe->key);

	withdraw_votes(v, probe->key);
	court_withdraw(v, probe);
	quarantine_forget(v, probe);
	if (s)
		standing_free(v, s);
	reseat_soon(v);
}

static void on_registry(void *arg, enum registry_change change, void *object)
{
	struct verdicts *v = arg;

	switch (change) {
	case CHANGED_MONITOR:
		monitor_changed(v, object);
		break;
	case REMOVED_MONITOR:
		monitor_removed(v, object);
		break;
	case CHANGED_PROBE:
		probe_changed(v, object);
		break;
	case REMOVED_PROBE:
		probe_removed(v, object);
		break;
	case CHANGED_MAINTENANCE: /* of one that is removed: it covers nobody any more */
		if (v->started)
			maintained_changed(v);
		break;
	case CHANGED_SECRET: /* how to ask, not what is asked: votes stand until the next ones */
		break;
	default:
		reseat_soon(v);
	}
}

/* ---- from the fleet */

void verdicts_heard(struct verdicts *v, const struct probe *probe)
{
	struct standing_of *s = verdicts_standing(v, probe->key);

	court_heard(&s->court, clock_now_ms());
	if (s->available)
		return;
	s->available = true;
	court_mark(v, s->key);
	reseat_soon(v);
}

void verdicts_capable(struct verdicts *v, const struct probe *probe)
{
	(void)probe;
	reseat_soon(v);
}

void verdicts_takeover(struct verdicts *v, const struct probe *probe)
{
	court_takeover(&verdicts_standing(v, probe->key)->court, clock_now_ms());
}

void verdicts_renewed(struct verdicts *v, const struct probe *probe)
{
	court_forgive(&verdicts_standing(v, probe->key)->court);
}

bool verdicts_twins(const struct verdicts *v, uint32_t probe_key)
{
	const struct standing_of *s = verdicts_standing(v, probe_key);

	return s && court_twins(&s->court, clock_now_ms());
}

enum probe_fault verdicts_fault(const struct verdicts *v, uint32_t probe_key)
{
	const struct standing_of *s = verdicts_standing(v, probe_key);

	if (s && s->shaded &&
		s->court.fault == FAULT_NONE) /* no fault of its own, but nobody hears it */
		return FAULT_LOST;
	return s ? s->court.fault : FAULT_NONE;
}

static void keep_evidence(
	struct watched *wd, uint32_t key, const struct result *r, const char *text)
{
	struct evidence *place = NULL;

	for (int i = 0; i < VOTERS_MAX && !(place && place->key == key); i++) {
		if (wd->evidence[i].key == key || (!place && !wd->evidence[i].text))
			place = &wd->evidence[i];
	}
	ensure(place);
	place->key = key;
	place->network = quarantine_network(r->address);
	mem_set(&place->text, text);
}

static bool is_late(const struct watched *wd, const struct result *r)
{
	int64_t half_ms = wd->w->rule.interval_ms / 2;

	return r->age_ms > (half_ms < 10000 ? half_ms : 10000);
}

enum vote_outcome verdicts_result(
	struct verdicts *v, const struct probe *probe, const struct result *r, const char *text)
{
	struct watched *wd = verdicts_find(v, &r->monitor);
	int64_t now_ms = clock_now_ms();
	struct vote vote = {
		.present = true,
		.verdict = r->verdict,
		.reason = r->reason,
		.ended_at_ms = now_ms - r->age_ms,
		.started_at_ms = now_ms - r->age_ms - r->duration_ms,
		.revision = r->monitor_revision,
	};

	if (!wd || watch_find(wd->w, probe->key) < 0)
		return VOTE_NOT_ASSIGNED;
	if (is_late(wd, r))
		return VOTE_LATE;
	for (int t = 0; t < THRESHOLD_COUNT; t++)
		vote.severity[t] = (uint8_t)r->severity[t];
	v->counts.votes++;
	if (watch_take(wd->w, probe->key, r->round, &vote, now_ms)) {
		keep_evidence(wd, probe->key, r, text);
		verdicts_evaluate(wd);
	}
	return VOTE_TAKEN;
}

void verdicts_suspicion(
	struct verdicts *v, const struct probe *probe, const struct suspicion *suspicion)
{
	struct watched *wd = verdicts_find(v, &suspicion->monitor);

	if (wd && watch_suspicion(wd->w, probe->key, suspicion->monitor_revision, clock_now_ms()))
		verdicts_evaluate(wd);
}

/* ---- once a second */

static void session(void *arg)
{
	struct verdicts *v = arg;
	struct watched *wd, *next;
	int64_t now_ms = clock_now_ms(), lag_us = loop_lag_us(v->c->loop);

	v->counts.lag_us = lag_us;
	if (lag_us > LAG_MAX_US) {
		log_warning("coordinator.lagged lag_ms=%lld msg=\"holding every decision until "
			    "votes are fresh again\"",
			(long long)lag_us / 1000);
		v->hold_from_ms = now_ms;
		HASH_ITER (hh, v->watched, wd, next) {
			hold(wd, now_ms);
			verdicts_evaluate(wd);
		}
	}
	court_session(v, now_ms);
	bursts_sweep(v, now_ms);
	flips_session(v, now_ms);
	registry_end_pauses(v->c->registry, clock_wall_ms());
	registry_step_maintenances(v->c->registry, clock_wall_ms());
	actions_remind(v);
	timer_set(&v->session, SESSION_MS);
}

/* ---- start and end */

struct verdicts *verdicts_new(struct coordinator *c)
{
	struct verdicts *v = mem_alloc(sizeof(*v));

	v->c = c;
	timer_init(&v->session, c->loop, session, v);
	timer_init(&v->reseat, c->loop, reseat_all, v);
	timer_init(&v->evaluate, c->loop, evaluate_slice, v);
	registry_listen(c->registry, on_registry, v);
	return v;
}

static void restore_alert(void *arg, enum alert_kind kind, const struct id *subject,
	enum severity severity, const json_t *document)
{
	struct verdicts *v = arg;
	struct watched *wd = verdicts_find(v, subject);
	const char *opened = json_string_value(json_object_get(document, "opened_at"));
	int64_t opened_wall_ms;

	if (kind == ALERT_PROBE)
		return;
	if (!wd) { /* the coordinator was stopped between the two commits of a deletion */
		alerts_withdraw(v->c->alerts, kind, subject, "the monitor was deleted");
		return;
	}
	if (!opened || time_parse(opened, &opened_wall_ms) == -1)
		opened_wall_ms = clock_wall_ms();
	watch_restore(wd->w, kind, severity, clock_now_ms() - (clock_wall_ms() - opened_wall_ms));
	if (kind == ALERT_DOWN)
		wd->state_since_wall_ms = opened_wall_ms;
}

void verdicts_start(struct verdicts *v)
{
	struct probe *probe = NULL;
	struct registered *entry = NULL;
	struct watched *wd, *next;

	v->hold_from_ms = clock_now_ms();
	while ((probe = registry_next_probe(v->c->registry, probe)))
		probe_changed(v, probe);
	quarantine_load(v);
	while ((entry = registry_next_monitor(v->c->registry, entry ? &entry->m.id : NULL))) {
		if (!registry_is_checked(entry))
			continue;
		wd = watched_new(v, &entry->m);
		electorate_seat(wd, entry, true);
		hold(wd, v->hold_from_ms);
		maintained_place(wd, &entry->m);
	}
	alerts_each_lasting(v->c->alerts, restore_alert, v);
	court_load(v);
	HASH_ITER (hh, v->watched, wd, next)
		verdicts_evaluate(wd);
	v->started = true;
	timer_set(&v->session, SESSION_MS);
}

void verdicts_free(struct verdicts *v)
{
	struct watched *wd, *next;
	struct standing_of *s, *s_next;

	HASH_ITER (hh, v->watched, wd, next)
		watched_free(wd);
	HASH_ITER (hh, v->probes, s, s_next)
		standing_free(v, s);
	json_decref(v->unseen);
	bursts_clear(v);
	flips_clear(v);
	timer_clear(&v->session);
	timer_clear(&v->reseat);
	timer_clear(&v->evaluate);
	free(v);
}

/* ---- for people */

static void count_margin(const struct watched *wd, struct verdict_counts *out)
{
	if (wd->w->state == STATE_PENDING)
		return;
	out->blind += wd->margin < 0;
	out->margin_0 += wd->margin == 0;
	out->margin_1 += wd->margin == 1;
	out->margin_more += wd->margin > 1;
}

void verdicts_counts(struct verdicts *v, struct verdict_counts *out)
{
	const struct registered *entry = NULL;
	struct watched *wd, *next;

	*out = v->counts;
	out->sight_lost = v->sight.lost;
	memset(out->by_state, 0, sizeof(out->by_state));
	HASH_ITER (hh, v->watched, wd, next) {
		out->by_state[wd->maintained ? STATE_MAINTENANCE : wd->w->state]++;
		count_margin(wd, out);
		out->held |= wd->w->held;
	}
	while ((entry = registry_next_monitor(v->c->registry, entry ? &entry->m.id : NULL)))
		out->by_state[STATE_PAUSED] += !registry_is_checked(entry);
}
