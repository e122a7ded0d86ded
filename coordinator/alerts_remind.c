// SPDX-License-Identifier: MIT
/*
 * Reminders: "alert.reminder" for what is still open and taken by nobody. When people were told last
 * stands in the alert (opened, reopened, reminded), so that neither a restart nor a kill -9 forgets
 * a reminder or sends it twice.
 */
#include "coordinator/alerts_internal.h"

#include "coordinator/core/alert.h"
#include "coordinator/json.h"
#include "proto/base/clock.h"

#include <string.h>

static int64_t instant(const json_t *document, const char *name)
{
	const char *text = json_string_value(json_object_get(document, name));
	int64_t wall_ms = 0;

	return text && time_parse(text, &wall_ms) == 0 ? wall_ms : 0;
}

/* When people were told of it last; changes are no news of that kind. */
static int64_t told_at(struct open_alert *alert)
{
	static const char *const names[] = {"opened_at", "reopened_at", "reminded_at"};

	if (alert->told_wall_ms != 0)
		return alert->told_wall_ms;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int64_t at_wall_ms = instant(alert->document, names[i]);
		if (at_wall_ms > alert->told_wall_ms)
			alert->told_wall_ms = at_wall_ms;
	}
	return alert->told_wall_ms;
}

static bool is_open(const struct open_alert *alert)
{
	const char *state = json_string_value(json_object_get(alert->document, "state"));

	return state && strcmp(state, alert_state_names[ALERT_OPEN]) == 0;
}

static void remind(struct alerts *a, struct open_alert *alert, int64_t wall_ms)
{
	json_int_t n = json_integer_value(json_object_get(alert->document, "reminders"));

	json_object_set_new(alert->document, "reminded_at", json_time(wall_ms));
	json_object_set_new(alert->document, "reminders", json_integer(n + 1));
	alert_log(alert, "alert.reminder", NULL, NULL);
	alert_commit(a, alert, "alert.reminder", NULL, NULL);
}

void alerts_remind(struct alerts *a, int64_t wall_ms, remind_fn every_ms, void *arg)
{
	struct open_alert *alert, *next;

	HASH_ITER (hh, a->open, alert, next) {
		int64_t remind_ms = every_ms(arg, alert->kind, &alert->subject);
		if (wall_ms >= alert_remind_at(told_at(alert), remind_ms) && is_open(alert))
			remind(a, alert, wall_ms);
	}
}
