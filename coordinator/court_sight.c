// SPDX-License-Identifier: MIT
/*
 * Loss of sight on real time: who is silent, the one alert about it, and whose silence it explains.
 * Its alert is one of kind probe about nobody in particular.
 */
#include "coordinator/verdicts_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"

#include <stdio.h>

/* The subject of its alert: a UUID that nobody else has. */
static const struct id sight_id = {
	{0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 's', 'i', 'g', 'h', 't', 0}};

static bool is_silent(const struct standing_of *s, int64_t now_ms)
{
	return now_ms - s->court.heard_at_ms >= SIGHT_SILENT_MS;
}

static bool is_missed(const struct standing_of *s, const struct probe *probe)
{
	return probe && probe->joined_wall_ms != UNSET && probe->token_hash && !probe->drained &&
	       s->court.fault != FAULT_LOST;
}

static void tell(struct verdicts *v, enum alert_step step, const struct sight_facts *f)
{
	char id[ID_TEXT_SIZE], text[200];
	json_t *several = json_pack("{s:s, s:s, s:s, s:s}", "id", id_format(&sight_id, id), "name",
		"several probes", "region", "*", "fault", "sight");
	struct alert_facts facts = {
		.kind = ALERT_PROBE,
		.severity = v->sight.slot.severity,
		.subject = sight_id,
		.probe = several,
		.reason_code = "probe.sight",
		.reason_text = text,
		.started_wall_ms = clock_wall_ms() - SIGHT_SILENT_MS,
		.monitors = v->unseen,
	};

	snprintf(text, sizeof(text),
		"%d of %d probes fell silent at once: most likely the network of the coordinator "
		"itself, so that nobody knows how the monitors are",
		f->silent, f->probes);
	if (step == ALERT_STEP_OPEN)
		(void)alerts_raise(v->c->alerts, &facts);
	else if (step == ALERT_STEP_CHANGE)
		alerts_change(v->c->alerts, &facts);
	else
		alerts_resolve(v->c->alerts, &facts);
	json_decref(several);
}

/* What is explained by it, or not any more. */
static void shade(struct verdicts *v, int64_t now_ms)
{
	struct standing_of *s, *next;

	HASH_ITER (hh, v->probes, s, next) {
		const struct probe *probe = registry_probe_by_key(v->c->registry, s->key);
		bool shaded = v->sight.lost && is_missed(s, probe) && is_silent(s, now_ms);
		if (v->sight.lost && s->court.fault != FAULT_LOST)
			court_excuse(&s->court, now_ms);
		if (shaded == s->shaded)
			continue;
		s->shaded = shaded;
		court_mark(v, s->key);
	}
}

void sight_session(struct verdicts *v, bool held, int64_t now_ms)
{
	struct sight_facts facts = {.held = held, .undetermined = v->n_unseen};
	struct standing_of *s, *next;

	HASH_ITER (hh, v->probes, s, next) {
		if (!is_missed(s, registry_probe_by_key(v->c->registry, s->key)))
			continue;
		facts.probes++;
		facts.silent += is_silent(s, now_ms);
	}
	enum alert_step step = sight_tick(&v->sight, &facts, now_ms);
	if (step != ALERT_STEP_NONE)
		tell(v, step, &facts);
	shade(v, now_ms);
}

bool sight_is_subject(const struct id *subject)
{
	return id_equal(subject, &sight_id);
}
