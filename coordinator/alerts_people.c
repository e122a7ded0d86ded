// SPDX-License-Identifier: MIT
/*
 * What people do with alerts: take one (acknowledge), comment on it, close it by hand, reopen it.
 * Whatever was done already is not done again, so that a repeated command tells nobody twice.
 */
#include "coordinator/alerts_internal.h"

#include "coordinator/json.h"
#include "proto/base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- finding: case ids in either case of letters, as people type them */

static struct open_alert *find_by_case(const struct alerts *a, const char *text)
{
	char case_id[ALERT_CASE_SIZE] = "";
	struct open_alert *alert;

	if (strlen(text) != ALERT_CASE_SIZE - 1)
		return NULL;
	for (int i = 0; i < ALERT_CASE_SIZE - 1; i++)
		case_id[i] = (char)toupper((unsigned char)text[i]);
	HASH_FIND(hh_case, a->cases, case_id, ALERT_CASE_SIZE - 1, alert);
	return alert;
}

static struct open_alert *find(const struct alerts *a, const char *text)
{
	struct open_alert *alert = find_by_case(a, text);
	struct id id;

	if (alert || id_parse(text, &id) == -1)
		return alert;
	for (alert = a->cases; alert; alert = alert->hh_case.next)
		if (id_equal(&alert->id, &id))
			return alert;
	return NULL;
}

const char *alerts_hushed_case(
	const struct alerts *a, enum alert_kind kind, const struct id *subject)
{
	for (const struct open_alert *alert = a->hushed; alert; alert = alert->hh.next)
		if (alert->kind == kind && id_equal(&alert->subject, subject))
			return alert->case_id;
	return NULL;
}

/* ---- parts of the document */

static const char *text_in(const struct open_alert *alert, const char *name)
{
	return json_string_value(json_object_get(alert->document, name));
}

static bool is_in_state(const struct open_alert *alert, enum alert_state state)
{
	return strcmp(text_in(alert, "state"), alert_state_names[state]) == 0;
}

static void set_state(struct open_alert *alert, enum alert_state state)
{
	json_object_set_new(alert->document, "state", json_string(alert_state_names[state]));
}

/* "acknowledged_at" and "acknowledged_by", and so on; BY NULL: nobody any more. */
static void set_act(struct open_alert *alert, const char *what, const char *by)
{
	char name[32];

	snprintf(name, sizeof(name), "%s_at", what);
	json_object_set_new(alert->document, name, by ? json_time(clock_wall_ms()) : json_null());
	snprintf(name, sizeof(name), "%s_by", what);
	json_object_set_new(alert->document, name, by ? json_string(by) : json_null());
}

/* ---- comments */

static bool same_text(const json_t *object, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value && strcmp(value, text) == 0;
}

/* The newest comment says it already, by the same person: a command was repeated. */
static bool is_repeated(const struct open_alert *alert, const struct alert_act *act)
{
	const json_t *comments = json_object_get(alert->document, "comments");
	size_t n = json_array_size(comments);
	const json_t *last = n ? json_array_get(comments, n - 1) : NULL;

	return last && same_text(last, "by", act->by) && same_text(last, "text", act->comment);
}

static void add_comment(struct open_alert *alert, const struct alert_act *act)
{
	json_t *comments = json_object_get(alert->document, "comments");

	if (!comments) {
		comments = json_array();
		json_object_set_new(alert->document, "comments", comments);
	}
	json_array_append_new(
		comments, json_pack("{s:o, s:s, s:s}", "at", json_time(clock_wall_ms()), "by",
				  act->by, "text", act->comment));
}

/* ---- the verbs. Each returns the event's type, NULL when there is nothing to do. */

static const char *acknowledge(struct open_alert *alert, const struct alert_act *act)
{
	if (is_in_state(alert, ALERT_ACKNOWLEDGED))
		return NULL;
	set_state(alert, ALERT_ACKNOWLEDGED);
	set_act(alert, "acknowledged", act->by);
	return "alert.acknowledged";
}

static const char *close_by_hand(
	struct alerts *a, struct open_alert *alert, const struct alert_act *act)
{
	if (alert->hushed)
		return NULL;
	set_state(alert, ALERT_CLOSED);
	set_act(alert, "closed", act->by);
	json_object_set_new(alert->document, "closed_because", json_string("closed by hand"));
	alert_hush(a, alert);
	return "alert.closed";
}

/* Takes back a close by hand, or else an acknowledgement. Receivers that know two words only, opened
 * and closed, are right about a reopened alert too. */
static const char *reopen(struct alerts *a, struct open_alert *alert, const struct alert_act *act)
{
	bool hushed = alert->hushed;

	if (!hushed && !is_in_state(alert, ALERT_ACKNOWLEDGED))
		return NULL;
	if (hushed) {
		alert_unhush(a, alert);
		set_act(alert, "closed", NULL);
		json_object_del(alert->document, "closed_because");
	}
	set_state(alert, ALERT_OPEN);
	set_act(alert, "acknowledged", NULL);
	set_act(alert, "reopened", act->by);
	return hushed ? "alert.opened" : "alert.changed";
}

static const char *carry_out(
	struct alerts *a, struct open_alert *alert, const struct alert_act *act)
{
	switch (act->verb) {
	case VERB_ACKNOWLEDGE:
		return acknowledge(alert, act);
	case VERB_CLOSE:
		return close_by_hand(a, alert, act);
	case VERB_REOPEN:
		return reopen(a, alert, act);
	default:
		return NULL;
	}
}

static bool is_refused(const struct open_alert *alert, const struct alert_act *act, bool commented,
	char why[ALERT_WHY_SIZE])
{
	if (act->verb == VERB_ACKNOWLEDGE && alert->hushed) {
		snprintf(why, ALERT_WHY_SIZE,
			"alert %s was closed by hand, by %.128s; reopen it first", alert->case_id,
			text_in(alert, "closed_by"));
		return true;
	}
	if (commented &&
		json_array_size(json_object_get(alert->document, "comments")) >= COMMENTS_MAX) {
		snprintf(why, ALERT_WHY_SIZE,
			"alert %s has %d comments already, which is the most; nothing was changed",
			alert->case_id, COMMENTS_MAX);
		return true;
	}
	return false;
}

enum alert_outcome alerts_act(struct alerts *a, const char *id_or_case, const struct alert_act *act,
	json_t **document, char why[ALERT_WHY_SIZE], alert_done_fn done, void *arg)
{
	struct open_alert *alert = find(a, id_or_case);
	const char *type;
	bool commented;

	if (!alert)
		return ALERT_UNKNOWN;
	commented = act->comment && !is_repeated(alert, act);
	if (is_refused(alert, act, commented, why))
		return ALERT_REFUSED;
	type = carry_out(a, alert, act);
	if (commented)
		add_comment(alert, act);
	if (!type && commented)
		type = "alert.changed";
	if (type) {
		alert_log(alert, type, NULL, act->by);
		alert_commit(a, alert, type, done, arg);
	}
	*document = json_deep_copy(alert->document);
	return type ? ALERT_ACTED : ALERT_SAME;
}
