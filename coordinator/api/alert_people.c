// SPDX-License-Identifier: MIT
/* What people do with one alert: acknowledge, comment, close, reopen. The answer is the alert after
 * it, given once that is stored; with a broken store once it is done in memory, as alerts go on. */
#include "coordinator/api/handlers.h"

#include <stdio.h>
#include <string.h>

struct note {
	char *comment;
};

/* Escaped as JSON, every other control character would take six bytes. */
static int check_comment(const void *value, const char **why)
{
	const char *text = *(char *const *)value;

	*why = "text without control characters, but for line breaks and tabs";
	for (; text && *text; text++)
		if (((unsigned char)*text < 0x20 && !strchr("\n\t", *text)) || *text == 0x7f)
			return -1;
	return 0;
}

static const struct field note_fields[] = {
	{.name = "comment",
		.type = FIELD_STRING,
		.offset = offsetof(struct note, comment),
		.min = 1,
		.max = COMMENT_MAX_BYTES,
		.check = check_comment,
		.doc = "What whoever looks at the alert next should know."},
};
const struct schema alert_note_schema = {.name = "note",
	.fields = note_fields,
	.n_fields = ARRAY_LEN(note_fields),
	.size_bytes = sizeof(struct note)};

static void context_free(void *context)
{
	json_decref(context);
}

static void acted_cb(void *arg, enum store_error error)
{
	struct api_request *r = arg;

	if (error == STORE_FAILED)
		reply_store_error(r);
	else
		api_reply_json(r, 200, json_incref(r->context));
}

/* ---- one that memory does not know: closed for good, or not there */

static const char *closed_how(const json_t *alert)
{
	const char *because = json_string_value(json_object_get(alert, "closed_because"));

	return because ? because : "by the quorum";
}

static void refuse_closed(struct api_request *r, const json_t *alert)
{
	const char *at = json_string_value(json_object_get(alert, "closed_at"));
	const char *case_id = json_string_value(json_object_get(alert, "case"));
	char detail[ALERT_WHY_SIZE];

	snprintf(detail, sizeof(detail),
		"alert %s was closed %s%s (%.80s), and it is over: a new alert opens when it "
		"begins "
		"again",
		case_id ? case_id : "", at ? "at " : "just now", at ? at : "", closed_how(alert));
	api_problem(r, 409, "alert-closed", detail, NULL);
}

static const json_t *found_in(struct api_request *r, enum store_error error, const json_t *list)
{
	if (error == STORE_FAILED || !list)
		api_problem(r, 503, "store", "the store cannot be read now", NULL);
	else if (json_array_size(list) == 0)
		reply_not_found(r, "alert");
	else
		return json_array_get(list, 0);
	return NULL;
}

static void refused_cb(void *arg, enum store_error error, const json_t *list)
{
	const json_t *alert = found_in(arg, error, list);

	if (alert)
		refuse_closed(arg, alert);
}

/* Closing what is closed already is no mistake. */
static void closed_cb(void *arg, enum store_error error, const json_t *list)
{
	const json_t *alert = found_in(arg, error, list);

	if (alert)
		api_reply_json(arg, 200, json_incref((json_t *)(uintptr_t)alert));
}

/* ---- the routes */

static void act(struct api_request *r, enum alert_verb verb, const struct note *note)
{
	struct alert_act what = {.verb = verb, .by = r->key->name, .comment = note->comment};
	char why[ALERT_WHY_SIZE];
	json_t *alert = NULL;

	switch (alerts_act(r->coordinator->alerts, r->params[0], &what, &alert, why, acted_cb, r)) {
	case ALERT_ACTED:
		r->context = alert;
		r->context_free = context_free;
		break;
	case ALERT_SAME:
		api_reply_json(r, 200, alert);
		break;
	case ALERT_REFUSED:
		api_problem(r, 409, "alert-refused", why, NULL);
		break;
	case ALERT_UNKNOWN:
		alert_query(r, verb == VERB_CLOSE && !note->comment ? closed_cb : refused_cb);
		break;
	}
}

static void act_with_note(struct api_request *r, enum alert_verb verb)
{
	struct problems problems = {0};
	struct note note = {0};

	if (r->body)
		(void)!schema_decode(&alert_note_schema, SCHEMA_STRICT, r->body, &note, &problems);
	if (verb == VERB_COMMENT && !note.comment && problems.total == 0)
		problems_add(&problems, "comment", "required option is missing");
	if (problems.total)
		reply_invalid(r, &problems);
	else
		act(r, verb, &note);
	schema_clear(&alert_note_schema, &note);
}

void handle_alert_acknowledge(struct api_request *r)
{
	act_with_note(r, VERB_ACKNOWLEDGE);
}

void handle_alert_comment(struct api_request *r)
{
	act_with_note(r, VERB_COMMENT);
}

void handle_alert_close(struct api_request *r)
{
	act_with_note(r, VERB_CLOSE);
}

void handle_alert_reopen(struct api_request *r)
{
	act_with_note(r, VERB_REOPEN);
}
