// SPDX-License-Identifier: MIT
/*
 * Who looks at a monitor and wonders why no alert opens, or closes, finds the answer here: one row of
 * the table below per reason, each with a sentence that can be read aloud. A new reason to hold
 * something back is a new row. Reads the watch, changes nothing.
 */
#include "coordinator/holding.h"

#include "coordinator/json.h"
#include "coordinator/verdicts_internal.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "quorate/duration.h"
#include "quorate/monitor.h"

#include <stdio.h>
#include <stdlib.h>

#define SPAN_SIZE 32

/* What a row says. */
struct holding {
	int64_t until_ms; /* 0: something else than time ends it */
	char *words;      /* NULL: it does not apply */
};

/* "42 s", "12 min", "3 h": how long it is until an instant, never less than that. */
static const char *span(int64_t ms, char text[SPAN_SIZE])
{
	int64_t s = ms > 0 ? (ms + 999) / 1000 : 0;

	if (s < 120)
		snprintf(text, SPAN_SIZE, "%d s", (int)s);
	else if (s < 7200)
		snprintf(text, SPAN_SIZE, "%d min", (int)((s + 59) / 60));
	else
		snprintf(text, SPAN_SIZE, "%d h", (int)((s + 3599) / 3600));
	return text;
}

/* ---- everything */

static void hold_start(struct watched *wd, int64_t now_ms, struct holding *h)
{
	char left[SPAN_SIZE];

	if (!wd->w->held)
		return;
	h->until_ms = wd->hold_until_ms;
	h->words = mem_printf("no alert opens or closes for another %s: the coordinator has just "
			      "started, or stood still itself, and listens before it judges",
		span(wd->hold_until_ms - now_ms, left));
}

/* Why, and who works on it, is told elsewhere: customers read this one. */
static void hold_maintenance(struct watched *wd, int64_t now_ms UNUSED, struct holding *h)
{
	char until[TIME_TEXT_SIZE];

	if (wd->maintained) {
		h->until_ms = clock_now_ms() + wd->maintained_until_wall_ms - clock_wall_ms();
		h->words = mem_printf("no alert opens before %s, when its maintenance ends; then "
				      "it is looked at once more, and what is wrong is told",
			time_format(wd->maintained_until_wall_ms, until));
	} else if (watch_is_released(wd->w) && wd->w->recheck) {
		h->words = mem_strdup("its maintenance is over: what is wrong opens when newer "
				      "checks say so, too");
	}
}

/* A parent that is down, or was until just now. */
static void hold_parent(struct watched *wd, int64_t now_ms UNUSED, struct holding *h)
{
	json_t *parent = family_explain(wd);
	const char *words = json_string_value(json_object_get(parent, "words"));

	if (words)
		h->words = mem_strdup(words);
	json_decref(parent);
}

/* ---- the down alert */

static void hold_mass_flip(struct watched *wd, int64_t now_ms, struct holding *h)
{
	char left[SPAN_SIZE];

	if (wd->w->doubt_since_ms == 0)
		return;
	h->until_ms = wd->w->doubt_since_ms + DOUBT_MAX_MS;
	h->words = mem_printf("many monitors changed at once, so this one is looked at once more "
			      "before its down alert %s; in %s it is told all the same",
		wd->w->slot[ALERT_DOWN].open ? "closes" : "opens",
		span(h->until_ms - now_ms, left));
}

static void hold_flapping(struct watched *wd, int64_t now_ms, struct holding *h)
{
	char words[128], calm[DURATION_TEXT_SIZE];

	if (!wd->w->flapping)
		return;
	evidence_flapping(wd, now_ms, words, sizeof(words));
	h->until_ms = wd->w->flap_from_ms + watch_calm_ms(&wd->w->rule);
	h->words = mem_printf("%s: its flapping alert stands for all of them, until nothing has "
			      "changed for %s",
		words, duration_format(watch_calm_ms(&wd->w->rule), calm));
}

static void hold_after(struct watched *wd, int64_t now_ms, struct holding *h)
{
	const struct alert_slot *slot = &wd->w->slot[ALERT_DOWN];
	char after[DURATION_TEXT_SIZE], left[SPAN_SIZE];

	if (slot->open || slot->since_ms == 0 || now_ms >= slot->since_ms + wd->w->rule.after_ms)
		return;
	h->until_ms = slot->since_ms + wd->w->rule.after_ms;
	h->words = mem_printf("its down alert opens when it has been down for %s, as its "
			      "definition asks (alert.after): in %s",
		duration_format(wd->w->rule.after_ms, after), span(h->until_ms - now_ms, left));
}

static void hold_recovery(struct watched *wd, int64_t now_ms, struct holding *h)
{
	const struct alert_slot *slot = &wd->w->slot[ALERT_DOWN];
	int64_t after_ms = wd->w->rule.recovered_after_ms;
	char after[DURATION_TEXT_SIZE], left[SPAN_SIZE];

	if (!slot->open || slot->clear_since_ms == 0 || now_ms >= slot->clear_since_ms + after_ms)
		return;
	h->until_ms = slot->clear_since_ms + after_ms;
	h->words = mem_printf("its down alert closes when it has been up for %s, as its "
			      "definition asks (alert.recovered_after): in %s",
		duration_format(after_ms, after), span(h->until_ms - now_ms, left));
}

/* ---- confirmation */

/* Without a burst the scheduled votes decide; who sees neither wonders. */
static void hold_budget(struct watched *wd, int64_t now_ms, struct holding *h)
{
	char left[SPAN_SIZE];

	if (!wd->w->unanswered || wd->denied_at_ms == 0)
		return;
	if (wd->w->no_burst_before_ms > now_ms)
		h->until_ms = wd->w->no_burst_before_ms;
	h->words = mem_printf("the last confirmation burst could not be afforded, %s ago: too many "
			      "were under way for its probes or its target; scheduled checks "
			      "confirm in its place",
		span(now_ms - wd->denied_at_ms, left));
}

static void hold_unanswered(struct watched *wd, int64_t now_ms UNUSED, struct holding *h)
{
	if (wd->w->unanswered && wd->denied_at_ms == 0)
		h->words = mem_strdup("nobody answered its last confirmation burst: until one is "
				      "answered, scheduled checks confirm in its place");
}

static void hold_backoff(struct watched *wd, int64_t now_ms, struct holding *h)
{
	const struct watch *w = wd->w;
	char left[SPAN_SIZE];

	if (w->burst.goal != BURST_NONE || w->unanswered || w->backoff_ms == 0 ||
		w->calm_since_ms != 0 || w->no_burst_before_ms <= now_ms)
		return;
	h->until_ms = w->no_burst_before_ms;
	h->words = mem_printf("the last burst did not confirm that it is %s, which some votes "
			      "still say: the next one comes in %s at the latest",
		w->down ? "up" : "down", span(h->until_ms - now_ms, left));
}

/* ---- what opens when it lasts */

static void hold_undetermined(struct watched *wd, int64_t now_ms, struct holding *h)
{
	const struct watch *w = wd->w;
	char left[SPAN_SIZE];

	if (w->undetermined_since_ms == 0 || w->slot[ALERT_DOWN].open ||
		w->slot[ALERT_UNDETERMINED].open || w->explained[ALERT_UNDETERMINED])
		return;
	h->until_ms = w->undetermined_since_ms + w->rule.undetermined_after_ms;
	if (h->until_ms > now_ms)
		h->words = mem_printf("it has been undetermined for %s: an alert says so when that "
				      "lasts, in %s",
			span(now_ms - w->undetermined_since_ms, (char[SPAN_SIZE]){0}),
			span(h->until_ms - now_ms, left));
}

static void hold_told_by_probes(struct watched *wd, int64_t now_ms UNUSED, struct holding *h)
{
	if (wd->w->explained[ALERT_UNDETERMINED])
		h->words = mem_strdup("that it is undetermined has no alert of its own: the alerts "
				      "about the probes that are silent tell it");
	else if (wd->w->explained[ALERT_REGIONAL])
		h->words = mem_strdup("that some see it down has no alert of its own: the alerts "
				      "about the probes that see it so tell it");
}

/* In the order in which they are told. */
static const struct {
	const char *why;
	void (*tell)(struct watched *wd, int64_t now_ms, struct holding *h);
} rows[] = {
	{"start", hold_start},
	{"maintenance", hold_maintenance},
	{"parent", hold_parent},
	{"mass_flip", hold_mass_flip},
	{"flapping", hold_flapping},
	{"after", hold_after},
	{"recovered_after", hold_recovery},
	{"budget", hold_budget},
	{"unanswered", hold_unanswered},
	{"backoff", hold_backoff},
	{"undetermined_after", hold_undetermined},
	{"told_by_probes", hold_told_by_probes},
};

json_t *holding_explain(struct watched *wd, int64_t now_ms)
{
	json_t *out = json_array();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct holding h = {0};
		rows[i].tell(wd, now_ms, &h);
		if (!h.words)
			continue;
		json_array_append_new(
			out, json_pack("{s:s, s:o, s:s}", "why", rows[i].why, "until",
				     h.until_ms ? json_time(wall_of(h.until_ms)) : json_null(),
				     "words", h.words));
		free(h.words);
	}
	return out;
}
