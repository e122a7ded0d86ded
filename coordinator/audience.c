// SPDX-License-Identifier: MIT
/*
 * Tables of what a customer may see, one per kind of object. A row alone shows the member as it is,
 * with all that is in it; with a table, what that shows of it (of each of a list); with a function, what
 * that makes of it.
 */
#include "coordinator/audience.h"

#include "quorate/attr.h"
#include "quorate/reason.h"
#include "quorate/verdict.h"

#include <stdbool.h>
#include <string.h>

struct shown {
	const char *name;           /* NULL: the end */
	const struct shown *inside; /* NULL: all */
	/* From the member's VALUE in the object WHOLE; NULL: left out. */
	json_t *(*make)(const json_t *value, const json_t *whole);
};

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static json_t *show(const json_t *whole, const struct shown *table);

static json_t *show_value(const json_t *value, const struct shown *table)
{
	json_t *out, *one;
	size_t i;

	if (!json_is_array(value))
		return show(value, table);
	out = json_array();
	json_array_foreach (value, i, one)
		json_array_append_new(out, show(one, table));
	return out;
}

static json_t *show(const json_t *whole, const struct shown *table)
{
	json_t *out;

	if (!json_is_object(whole))
		return json_null();
	out = json_object();
	for (; table->name; table++) {
		json_t *value = json_object_get(whole, table->name), *made;
		if (!value)
			continue;
		if (table->make)
			made = table->make(value, whole);
		else
			made = table->inside ? show_value(value, table->inside)
					     : json_deep_copy(value);
		if (made)
			json_object_set_new(out, table->name, made);
	}
	return out;
}

/* ---- what was seen */

/* Sentences about what the target itself said. Others may name what stands between: a resolver, a
 * router, a proxy; of those the reason's own sentence is shown. */
static const char *const tellable[] = {"ok", "tls.", "http.", "content.", "slow.", "quorum."};

static bool is_tellable(const char *code)
{
	if (!code || strcmp(code, reason_code(REASON_HTTP_PROXY)) == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(tellable); i++)
		if (strncmp(code, tellable[i], strlen(tellable[i])) == 0)
			return true;
	return false;
}

static json_t *tell(const json_t *text, const char *code)
{
	enum reason reason = code ? reason_find(code) : REASON_COUNT;

	if (is_tellable(code))
		return json_deep_copy(text);
	if (reason == REASON_COUNT || reason_class(reason) == REASON_CLASS_INTERNAL)
		return NULL;
	return json_string(reason_text_en(reason));
}

static json_t *reason_text(const json_t *text, const json_t *reason)
{
	return tell(text, text_of(reason, "code"));
}

static json_t *finding_detail(const json_t *text, const json_t *finding)
{
	return tell(text, text_of(finding, "reason"));
}

static const struct shown reason_shown[] = {{.name = "code"}, {.name = "text", .make = reason_text},
	{.name = "class"}, {.name = "ja"}, {0}};

static const struct shown hop_shown[] = {{.name = "url"}, {.name = "status"}, {.name = "location"},
	{.name = "total_us"}, {.name = "phases"}, {.name = "certificate_days"},
	{.name = "certificate_subject"}, {0}};

static const struct shown family_shown[] = {{.name = "family"}, {.name = "verdict"},
	{.name = "reason"}, {.name = "detail", .make = finding_detail}, {.name = "total_us"},
	{.name = "status"}, {.name = "certificate_days"}, {.name = "sent"}, {.name = "received"},
	{.name = "rtt_us"}, {0}};

static const struct shown observed_shown[] = {{.name = "status"}, {.name = "value"},
	{.name = "headers"}, {.name = "body_excerpt"}, {.name = "certificate"}, {.name = "ping"},
	{.name = "dns"}, {.name = "hops", .inside = hop_shown},
	{.name = "families", .inside = family_shown}, {0}};

/* ---- votes */

static json_t *probe_anonymous(const json_t *probe UNUSED, const json_t *vote)
{
	const char *region = text_of(vote, "region");

	return region ? json_sprintf("a probe in %s", region) : json_string("a probe");
}

/* Why we set a probe's vote aside is our business. */
static json_t *unless_excluded(const json_t *value, const json_t *vote)
{
	const char *fate = text_of(vote, "fate");

	return fate && strcmp(fate, "excluded") == 0 ? json_null() : json_deep_copy(value);
}

static json_t *vote_detail(const json_t *text, const json_t *vote)
{
	json_t *counted = unless_excluded(text, vote);
	json_t *out = json_is_null(counted) ? NULL : finding_detail(text, vote);

	json_decref(counted);
	return out;
}

static json_t *vote_hops(const json_t *hops, const json_t *vote)
{
	json_t *counted = unless_excluded(hops, vote), *out = NULL;

	if (json_is_array(counted))
		out = show_value(counted, hop_shown);
	json_decref(counted);
	return out;
}

static const struct shown vote_shown[] = {{.name = "probe", .make = probe_anonymous},
	{.name = "region"}, {.name = "seat"}, {.name = "verdict", .make = unless_excluded},
	{.name = "reason", .make = unless_excluded}, {.name = "at"}, {.name = "age_ms"},
	{.name = "fate"}, {.name = "why", .make = unless_excluded},
	{.name = "detail", .make = vote_detail}, {.name = "status", .make = unless_excluded},
	{.name = "value", .make = unless_excluded}, {.name = "duration_ms"},
	{.name = "phases", .make = unless_excluded},
	{.name = "certificate", .make = unless_excluded}, {.name = "ping", .make = unless_excluded},
	{.name = "hops", .make = vote_hops}, {0}};

/* ---- alerts */

static const struct shown evidence_shown[] = {{.name = "at"}, {.name = "kind"},
	{.name = "severity"}, {.name = "reason", .inside = reason_shown}, {.name = "quorum"},
	{.name = "votes", .inside = vote_shown}, {0}};

static const struct shown alert_shown[] = {{.name = "id"}, {.name = "case"},
	{.name = "organization"}, {.name = "state"}, {.name = "severity"}, {.name = "kind"},
	{.name = "monitor"}, {.name = "reason", .inside = reason_shown}, {.name = "started_at"},
	{.name = "opened_at"}, {.name = "changed_at"}, {.name = "acknowledged_at"},
	{.name = "closed_at"}, {.name = "closed_because"}, {.name = "reopened_at"},
	{.name = "reminded_at"}, {.name = "reminders"}, {.name = "held_ms"},
	{.name = "observed", .inside = observed_shown}, {.name = "quorum"}, {.name = "labels"},
	{.name = "holds_back"}, {.name = "opening", .inside = evidence_shown},
	{.name = "recovery", .inside = evidence_shown}, {.name = "votes", .inside = vote_shown},
	{0}};

json_t *audience_alert(const json_t *alert)
{
	const char *kind = text_of(alert, "kind");

	if (kind && strcmp(kind, alert_kind_names[ALERT_PROBE]) == 0)
		return NULL;
	return show(alert, alert_shown);
}

/* ---- explanations */

/* What a customer's own settings and monitors hold back; the rest is trouble of ours, or others'. */
static const char *const tellable_holds[] = {"maintenance", "parent", "flapping", "after",
	"recovered_after", "backoff", "undetermined_after"};

static json_t *own_holds(const json_t *list, const json_t *whole UNUSED)
{
	json_t *out = json_array(), *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *why = text_of(one, "why");
		for (size_t k = 0; why && k < ARRAY_LEN(tellable_holds); k++)
			if (strcmp(why, tellable_holds[k]) == 0)
				json_array_append_new(out, json_deep_copy(one));
	}
	return out;
}

/* Who paused it, and why, is in the sentence. */
static json_t *sentence(const json_t *text, const json_t *explanation)
{
	const char *state = text_of(explanation, "state");

	if (state && strcmp(state, monitor_state_names[STATE_PAUSED]) == 0)
		return json_string("PAUSED: nobody checks it.");
	return json_deep_copy(text);
}

static const struct shown explanation_shown[] = {{.name = "monitor"}, {.name = "state"},
	{.name = "since"}, {.name = "rule"}, {.name = "decision"}, {.name = "tally"},
	{.name = "votes", .inside = vote_shown}, {.name = "burst"}, {.name = "failures"},
	{.name = "flapping"}, {.name = "held_back"}, {.name = "holding", .make = own_holds},
	{.name = "outlook"}, {.name = "without_news"}, {.name = "confirmation"}, {.name = "alerts"},
	{.name = "closed_by_hand"}, {.name = "sentence", .make = sentence}, {0}};

json_t *audience_explanation(const json_t *explanation)
{
	return show(explanation, explanation_shown);
}

/* ---- languages */

/* A reason of an alert says it itself; a vote has a code only. */
static void say_in_japanese(json_t *object)
{
	const json_t *ja = json_object_get(object, "ja");
	const char *code = text_of(object, "reason");
	enum reason reason = code ? reason_find(code) : REASON_COUNT;

	if (json_is_string(ja) && json_object_get(object, "text"))
		json_object_set_new(object, "text", json_deep_copy(ja));
	if (reason != REASON_COUNT && reason != REASON_OK)
		json_object_set_new(object, "detail", json_string(reason_text_ja(reason)));
}

/* The depth is that of our own documents. */
static void walk_japanese(json_t *value)
{
	const char *name;
	json_t *inner;
	size_t i;

	if (json_is_object(value))
		say_in_japanese(value);
	json_object_foreach (value, name, inner)
		walk_japanese(inner);
	json_array_foreach (value, i, inner)
		walk_japanese(inner);
}

json_t *audience_japanese(const json_t *document)
{
	json_t *out = json_deep_copy(document);

	walk_japanese(out);
	return out;
}
