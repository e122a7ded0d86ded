// SPDX-License-Identifier: MIT
/*
 * A sentence of quarantine in words, and over a restart: who was set aside stays so, until it has
 * agreed again. What is stored is a sentence that lasts, with everything that stands behind it.
 */
#include "coordinator/json.h"
#include "coordinator/verdicts_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_MAX    3 /* organizations in an alert's words */
#define NETWORK_SIZE 17

/* ---- in words */

bool verdicts_quarantined(const struct verdicts *v, uint32_t probe_key)
{
	const struct standing_of *s = verdicts_standing(v, probe_key);

	return s && s->quarantine && s->quarantine->everywhere_since_ms != 0;
}

bool quarantine_lasts(const struct standing_of *s)
{
	const struct quarantine_of *q = s->quarantine;

	for (size_t i = 0; q && i < q->n; i++)
		if (q->charge[i].own_since_ms)
			return true;
	return q && q->everywhere_since_ms;
}

void quarantine_words(
	const struct verdicts *v, const struct standing_of *s, char *text, size_t room)
{
	static const char end[] = " until it agrees again (where there are four seats or more)";
	const struct quarantine_of *q = s->quarantine;
	int named = 0;
	size_t used;

	text[0] = '\0';
	if (!quarantine_lasts(s))
		return;
	used = (size_t)snprintf(text, room, "; its votes do not count");
	for (size_t i = 0; !q->everywhere_since_ms && i < q->n; i++) {
		const char *name = quarantine_organization_name(v, q->charge[i].organization);
		if (!q->charge[i].own_since_ms || named > NAMED_MAX || used >= room)
			continue;
		used += (size_t)snprintf(text + used, room - used, "%s%s",
			named == 0 ? " for monitors of " : ", ",
			named == NAMED_MAX ? "others"
			: name             ? name
					   : "?");
		named++;
	}
	if (used < room)
		snprintf(text + used, room - used, "%s", end);
}

/* What became of it in this electorate. */
static const char *outcome_words(const struct watched *wd, int i)
{
	switch (wd->w->voter[i].excluded) {
	case EXCLUDED_REPLACED:
		return "its votes do not count until it agrees again, and another has its seat "
		       "meanwhile";
	case EXCLUDED_QUARANTINE:
		return "its votes do not count until it agrees again";
	default:
		return wd->n_seats < 4 ? "its votes count here all the same: fewer than four seats "
					 "can spare nobody"
				       : "its votes count here all the same: no more than one seat "
					 "is set aside at a time";
	}
}

/* Without numbers: those of its alert are of all organizations together, and none of one's business. */
static json_t *explain_one(const struct watched *wd, int i, const struct probe *probe,
	const struct standing_of *s, int64_t since_ms)
{
	enum exclusion excluded = wd->w->voter[i].excluded;
	const char *what =
		s->facts.dissents > 0 ? "contradicts the quorum" : "contradicted the quorum lately";

	return json_pack("{s:s, s:s, s:o, s:b, s:b, s:o}", "probe", probe->name, "region",
		probe->region, "since", json_time(wall_of(since_ms)), "set_aside",
		excluded != EXCLUDED_NOT, "replaced", excluded == EXCLUDED_REPLACED, "words",
		json_sprintf(
			"%s (%s) %s: %s", probe->name, probe->region, what, outcome_words(wd, i)));
}

json_t *quarantine_explain(const struct watched *wd)
{
	const struct monitor *m = &registry_monitor(wd->v->c->registry, &wd->id)->m;
	json_t *out = json_array();

	for (int i = 0; i < wd->w->n_voters; i++) {
		uint32_t key = wd->w->voter[i].key;
		const struct probe *probe = registry_probe_by_key(wd->v->c->registry, key);
		const struct standing_of *s = verdicts_standing(wd->v, key);
		int64_t since_ms = quarantine_since(s, m);
		if (probe && since_ms != 0 && court_exclusion(wd->v, key) == EXCLUDED_NOT)
			json_array_append_new(out, explain_one(wd, i, probe, s, since_ms));
	}
	return out;
}

/* ---- over a restart */

static json_t *since_json(int64_t at_ms)
{
	return at_ms ? json_time(wall_of(at_ms)) : json_null();
}

static json_t *charge_json(const struct charge *c, const char *organization)
{
	char network[NETWORK_SIZE];

	snprintf(network, sizeof(network), "%016" PRIx64, c->network);
	return json_pack("{s:s, s:s, s:b, s:b, s:o}", "organization", organization, "network",
		network, "accuses", c->accuses.on, "wide", c->wide.on, "own_since",
		since_json(c->own_since_ms));
}

static json_t *sentence_json(const struct verdicts *v, const struct quarantine_of *q)
{
	json_t *charges = json_array();

	for (size_t i = 0; i < q->n; i++) {
		const char *name = quarantine_organization_name(v, q->charge[i].organization);
		if (name)
			json_array_append_new(charges, charge_json(&q->charge[i], name));
	}
	return json_pack("{s:o, s:o}", "everywhere_since", since_json(q->everywhere_since_ms),
		"charges", charges);
}

static void submit(const struct verdicts *v, struct store_batch *b)
{
	store_submit(v->c->store, b, STORE_EVENTUALLY, NULL, NULL);
}

void quarantine_forget(const struct verdicts *v, const struct probe *probe)
{
	struct store_batch *b = store_batch_new(v->c->store);

	store_remove(b, STORE_QUARANTINE, &probe->id);
	submit(v, b);
}

void quarantine_save(const struct verdicts *v, const struct standing_of *s, bool lasted)
{
	const struct probe *probe = registry_probe_by_key(v->c->registry, s->key);
	struct store_batch *b;
	json_t *document;

	if (!probe || (!lasted && !quarantine_lasts(s)))
		return;
	if (!quarantine_lasts(s)) {
		quarantine_forget(v, probe);
		return;
	}
	b = store_batch_new(v->c->store);
	document = sentence_json(v, s->quarantine);
	store_put(b, STORE_QUARANTINE, &probe->id, probe->name, document);
	json_decref(document);
	submit(v, b);
}

/* 0 for null; an instant before this machine's start is negative. */
static int64_t since_of(const json_t *document, const char *member)
{
	const char *text = json_string_value(json_object_get(document, member));
	int64_t wall_ms, at_ms;

	if (!text || time_parse(text, &wall_ms) == -1)
		return 0;
	at_ms = clock_now_ms() - (clock_wall_ms() - wall_ms);
	return at_ms ? at_ms : -1;
}

static void load_charge(struct quarantine_of *q, const json_t *document)
{
	const char *organization = json_string_value(json_object_get(document, "organization"));
	const char *network = json_string_value(json_object_get(document, "network"));
	struct charge *c;

	if (!organization || !network)
		return;
	q->charge = mem_resize(q->charge, q->n + 1, sizeof(*q->charge));
	c = &q->charge[q->n++];
	*c = (struct charge){
		.organization = quarantine_organization(organization),
		.network = strtoull(network, NULL, 16),
		.accuses.on = json_is_true(json_object_get(document, "accuses")),
		.wide.on = json_is_true(json_object_get(document, "wide")),
		.own_since_ms = since_of(document, "own_since"),
		.heard_ms = clock_now_ms(),
	};
}

static void load(void *arg, const struct id *id, const json_t *document)
{
	struct verdicts *v = arg;
	const struct probe *probe = NULL;
	struct quarantine_of *q;
	const json_t *one;
	size_t i;

	while ((probe = registry_next_probe(v->c->registry, (struct probe *)(uintptr_t)probe)) &&
		!id_equal(&probe->id, id))
		;
	if (!probe) /* the coordinator was stopped between the two commits of its removal */
		return;
	struct standing_of *s = verdicts_standing(v, probe->key);
	q = s->quarantine = mem_alloc(sizeof(*q));
	q->everywhere_since_ms = since_of(document, "everywhere_since");
	json_array_foreach (json_object_get(document, "charges"), i, one)
		load_charge(q, one);
	log_info("probe.quarantine name=%s msg=\"as before the restart\"", log_quote(probe->name));
}

void quarantine_load(struct verdicts *v)
{
	if (store_each(v->c->store, STORE_QUARANTINE, load, v) == -1)
		log_error(
			"quarantine.load msg=\"who was set aside before the start is not known\"");
}
