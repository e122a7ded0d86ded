// SPDX-License-Identifier: MIT
/*
 * Pauses: a monitor that is not checked for a while, until an instant or until somebody resumes it.
 * Beside the monitor's document: what operators wrote stays as they wrote it.
 */
#include "coordinator/registry_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

static const struct field pause_fields[] = {
	{.name = "at",
		.type = FIELD_TIME,
		.offset = offsetof(struct pause, at_wall_ms),
		.flags = FIELD_REQUIRED,
		.doc = "Since when."},
	{.name = "until",
		.type = FIELD_TIME,
		.offset = offsetof(struct pause, until_wall_ms),
		.doc = "When it ends by itself; absent: when somebody resumes it."},
	{.name = "by",
		.type = FIELD_STRING,
		.offset = offsetof(struct pause, by),
		.flags = FIELD_REQUIRED,
		.doc = "Who did it: the name of an API key."},
	{.name = "reason",
		.type = FIELD_STRING,
		.offset = offsetof(struct pause, reason),
		.doc = "What for."},
};
const struct schema pause_schema = {.name = "pause",
	.fields = pause_fields,
	.n_fields = ARRAY_LEN(pause_fields),
	.size_bytes = sizeof(struct pause)};
const struct pause pause_none = {.at_wall_ms = UNSET, .until_wall_ms = UNSET};

static bool is_paused(const struct registered *entry)
{
	return entry->pause.at_wall_ms != UNSET;
}

bool registry_is_checked(const struct registered *entry)
{
	return entry->m.enabled && !is_paused(entry);
}

void registry_set_pause(struct registry *r, struct registered *entry, struct pause *take)
{
	r->n_pauses -= is_paused(entry);
	schema_clear(&pause_schema, &entry->pause);
	entry->pause = *take;
	*take = pause_none;
	r->n_pauses += is_paused(entry);
}

static void tell_resumed(struct registry *r, struct registered *entry, const char *by)
{
	struct pause none = pause_none;

	log_info("monitor.resumed name=%s by=%s", log_quote(entry->m.name), log_quote(by));
	registry_set_pause(r, entry, &none);
	registry_tell(r, CHANGED_MONITOR, entry);
}

/* ---- on their way to the disk: the monitor may be gone when it is committed */

static void apply_pause(struct change *change)
{
	struct registered *entry = registry_monitor(change->registry, &change->id);
	struct pause *pause = change->object;
	char until[TIME_TEXT_SIZE] = "resumed";

	if (entry) {
		if (pause->until_wall_ms != UNSET)
			time_format(pause->until_wall_ms, until);
		log_info("monitor.paused name=%s by=%s until=%s reason=%s",
			log_quote(entry->m.name), log_quote(pause->by), until,
			log_quote(pause->reason));
		registry_set_pause(change->registry, entry, pause);
		registry_tell(change->registry, CHANGED_MONITOR, entry);
	}
	schema_clear(&pause_schema, pause);
	free(pause);
}

static void drop_pause(struct change *change)
{
	schema_clear(&pause_schema, change->object);
	free(change->object);
}

static void apply_resume(struct change *change)
{
	struct registered *entry = registry_monitor(change->registry, &change->id);

	if (entry && is_paused(entry))
		tell_resumed(change->registry, entry, change->object);
	free(change->object);
}

static void drop_resume(struct change *change)
{
	free(change->object);
}

int registry_pause(struct registry *r, const struct id *id, struct pause *take,
	registry_done_fn done, void *arg)
{
	struct registered *entry = registry_monitor(r, id);
	struct change *change;
	struct store_batch *b;
	struct pause *pause;
	json_t *doc;

	if (!entry)
		return -1;
	take->at_wall_ms = clock_wall_ms();
	pause = mem_alloc(sizeof(*pause));
	*pause = *take;
	*take = pause_none;
	change = change_new(r, STORE_PAUSE, id, done, arg);
	change->object = pause;
	change->apply = apply_pause;
	change->drop = drop_pause;
	b = store_batch_new(r->store);
	doc = schema_encode(&pause_schema, SCHEMA_WIRE, pause);
	store_put(b, STORE_PAUSE, id, entry->m.name, doc);
	json_decref(doc);
	change_submit(change, b);
	return 0;
}

int registry_resume(
	struct registry *r, const struct id *id, const char *by, registry_done_fn done, void *arg)
{
	struct change *change;
	struct store_batch *b;

	if (!registry_monitor(r, id))
		return -1;
	change = change_new(r, STORE_PAUSE, id, done, arg);
	change->object = mem_strdup(by);
	change->apply = apply_resume;
	change->drop = drop_resume;
	b = store_batch_new(r->store);
	store_remove(b, STORE_PAUSE, id);
	change_submit(change, b);
	return 0;
}

void registry_end_pauses(struct registry *r, int64_t wall_ms)
{
	struct registered *entry = r->n_pauses ? r->monitors : NULL;

	for (; entry; entry = entry->hh.next) {
		struct store_batch *b;

		if (!is_paused(entry) || entry->pause.until_wall_ms == UNSET ||
			entry->pause.until_wall_ms > wall_ms)
			continue;
		b = store_batch_new(r->store);
		store_remove(b, STORE_PAUSE, &entry->m.id);
		store_submit(r->store, b, STORE_EVENTUALLY, NULL, NULL);
		tell_resumed(r, entry, "its time");
	}
}
