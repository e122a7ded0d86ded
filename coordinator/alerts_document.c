// SPDX-License-Identifier: MIT
/* An alert's document: from the facts of a transition to the object that everybody gets. */
#include "coordinator/alerts_internal.h"

#include "coordinator/alert_story.h"
#include "coordinator/json.h"
#include "proto/base/clock.h"
#include "quorate/monitor.h"
#include "quorate/reason.h"

#include <stdio.h>

static void set_member(json_t *doc, const char *name, json_t *borrowed)
{
	if (borrowed)
		json_object_set(doc, name, borrowed);
	else if (!json_object_get(doc, name))
		json_object_set_new(doc, name, json_null());
}

/* The code and its class are there to route by; the text says what was seen, "ja" what it means. */
static json_t *reason_document(const struct alert_facts *f)
{
	json_t *out = json_pack("{s:s, s:s}", "code", f->reason_code, "text", f->reason_text);
	enum reason reason = reason_find(f->reason_code);

	if (reason == REASON_COUNT) /* of a quorum or a probe, not of a check */
		return out;
	json_object_set_new(out, "class", json_string(reason_class_names[reason_class(reason)]));
	json_object_set_new(out, "ja", json_string(reason_text_ja(reason)));
	return out;
}

void alert_fill_document(
	const struct alerts *a, struct open_alert *alert, const struct alert_facts *f)
{
	json_t *doc = alert->document;
	char url[512];

	json_object_set_new(doc, "severity", json_string(severity_names[f->severity]));
	json_object_set_new(doc, "kind", json_string(alert_kind_names[f->kind]));
	set_member(doc, "monitor", f->monitor);
	set_member(doc, "probe", f->probe);
	if (f->reason_code)
		json_object_set_new(doc, "reason", reason_document(f));
	if (f->started_wall_ms != UNSET)
		json_object_set_new(doc, "started_at", json_time(f->started_wall_ms));
	if (!json_object_get(doc, "opened_at")) {
		json_object_set_new(doc, "opened_at", json_time(clock_wall_ms()));
		json_object_set_new(doc, "acknowledged_at", json_null());
		json_object_set_new(doc, "acknowledged_by", json_null());
		json_object_set_new(doc, "closed_at", json_null());
		json_object_set_new(doc, "closed_by", json_null());
		json_object_set_new(doc, "held_ms", json_integer(f->held_ms));
	}
	set_member(doc, "observed", f->observed);
	set_member(doc, "quorum", f->quorum);
	snprintf(url, sizeof(url), "%s/alerts/%s", a->url, alert->case_id);
	json_object_set_new(doc, "url", json_string(url));
	set_member(doc, "labels", f->labels);
	if (f->monitors)
		json_object_set(doc, "monitors", f->monitors);
	set_member(doc, "votes", f->votes);
}

void alert_change_document(
	const struct alerts *a, struct open_alert *alert, const struct alert_facts *f)
{
	alert_keep_opening(alert->document);
	json_object_set_new(alert->document, "changed_at", json_time(clock_wall_ms()));
	alert_fill_document(a, alert, f);
}
