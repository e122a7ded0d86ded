// SPDX-License-Identifier: MIT
/* Pausing a monitor, for a while or until it is resumed. */
#include "coordinator/api/handlers.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <stdio.h>

#define PAUSE_MIN_MS INT64_C(1000)
#define PAUSE_MAX_MS (INT64_C(366) * 86400000)
#define REASON_MAX   500

struct pause_request {
	int64_t for_ms, until_wall_ms;
	char *reason;
};

static const struct field request_fields[] = {
	{.name = "for",
		.type = FIELD_DURATION,
		.offset = offsetof(struct pause_request, for_ms),
		.min = PAUSE_MIN_MS,
		.max = PAUSE_MAX_MS,
		.doc = "How long; the default is until it is resumed."},
	{.name = "until",
		.type = FIELD_TIME,
		.offset = offsetof(struct pause_request, until_wall_ms),
		.doc = "Or until when."},
	{.name = "reason",
		.type = FIELD_STRING,
		.offset = offsetof(struct pause_request, reason),
		.min = 1,
		.max = REASON_MAX,
		.doc = "What for."},
};
const struct schema pause_request_schema = {.name = "pause request",
	.fields = request_fields,
	.n_fields = ARRAY_LEN(request_fields),
	.size_bytes = sizeof(struct pause_request)};

static void check_end(struct pause_request *q, struct problems *problems)
{
	int64_t now_wall_ms = clock_wall_ms();

	if (q->for_ms != UNSET && q->until_wall_ms != UNSET)
		problems_add(problems, "until", "for says already how long; accepted: one of them");
	else if (q->for_ms != UNSET)
		q->until_wall_ms = now_wall_ms + q->for_ms;
	else if (q->until_wall_ms != UNSET && q->until_wall_ms <= now_wall_ms)
		problems_add(problems, "until", "that is over; accepted: a time to come");
	else if (q->until_wall_ms != UNSET && q->until_wall_ms > now_wall_ms + PAUSE_MAX_MS)
		problems_add(problems, "until", "accepted: at most 366 days ahead");
}

static void changed_cb(void *arg, enum store_error error, const struct id *id)
{
	struct api_request *r = arg;
	const struct registered *entry =
		error == STORE_OK ? registry_monitor(r->coordinator->registry, id) : NULL;

	if (entry)
		api_reply_json(r, 200, monitor_json(r->coordinator, entry, false));
	else if (error == STORE_OK)
		reply_not_found(r, "monitor");
	else
		reply_store_error(r);
}

void handle_monitor_pause(struct api_request *r)
{
	const struct registered *found = find_monitor(r);
	struct pause_request q = {.for_ms = UNSET, .until_wall_ms = UNSET};
	struct problems problems = {0};
	struct pause pause;

	if (!found)
		return;
	if (r->body)
		(void)!schema_decode(&pause_request_schema, SCHEMA_STRICT, r->body, &q, &problems);
	if (problems.total == 0)
		check_end(&q, &problems);
	if (problems.total) {
		reply_invalid(r, &problems);
	} else {
		pause = (struct pause){.until_wall_ms = q.until_wall_ms,
			.by = mem_strdup(r->key->name),
			.reason = q.reason};
		q.reason = NULL;
		if (registry_pause(r->coordinator->registry, &found->m.id, &pause, changed_cb, r) ==
			-1)
			ensure(!"the monitor was just found");
	}
	schema_clear(&pause_request_schema, &q);
}

void handle_monitor_resume(struct api_request *r)
{
	const struct registered *found = find_monitor(r);

	if (!found)
		return;
	if (!found->m.enabled && found->pause.at_wall_ms == UNSET)
		api_problem(r, 409, "disabled",
			"the monitor is not paused by hand but disabled by its definition: set "
			"'enabled' to true there",
			NULL);
	else if (registry_resume(
			 r->coordinator->registry, &found->m.id, r->key->name, changed_cb, r) == -1)
		ensure(!"the monitor was just found");
}
