// SPDX-License-Identifier: MIT
#include "probe/backlog_entry.h"

#include "probe/packed.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory */

struct backlog_entry *backlog_entry_new(struct result *take)
{
	struct backlog_entry *e = mem_alloc(sizeof *e);
	e->refs = 1;
	e->result = mem_alloc(sizeof *e->result);
	*e->result = *take;
	e->duration_ms = take->duration_ms;
	*take = (struct result){0};
	return e;
}

void backlog_entry_unref(struct backlog_entry *e)
{
	if (--e->refs > 0)
		return;
	backlog_entry_wake(e);
	result_clear(e->result);
	free(e->result);
	free(e);
}

/* What most results have in common: nothing was found. */
static const struct result *usual(void)
{
	static struct result r;
	if (r.status != UNSET)
		result_unset(&r);
	return &r;
}

void backlog_entry_rest(struct backlog_entry *e)
{
	e->packed = packed_new(e->result, usual(), sizeof *e->result);
	free(e->result);
	e->result = NULL;
}

void backlog_entry_wake(struct backlog_entry *e)
{
	if (!e->packed)
		return;
	e->result = mem_alloc(sizeof *e->result);
	packed_open(e->packed, usual(), sizeof *e->result, e->result);
	free(e->packed);
	e->packed = NULL;
}

/* ---- the spool's text */

char *backlog_entry_text(const struct backlog_entry *e, const struct id *boot, size_t *size_bytes)
{
	struct result r = *e->result; /* borrowed */
	r.boot = *boot;
	r.age_ms = 0;
	json_t *doc = schema_encode(&result_schema, SCHEMA_WIRE, &r);
	char *text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	*size_bytes = text ? strlen(text) : 0;
	if (*size_bytes <= BACKLOG_TURN_BYTES - 1024)
		return text;
	free(text);
	return NULL;
}

/* What comes from the disk alone is history: the monotonic clock of its boot is not ours, and the
 * wall clock may have jumped. */
static int64_t ended_at_ms(const struct result *r, int64_t now_ms)
{
	int64_t age_ms = clock_wall_ms() - r->started_wall_ms - r->duration_ms;
	return now_ms - (age_ms > BACKLOG_LATE_MS ? age_ms : BACKLOG_LATE_MS + 1);
}

struct backlog_entry *backlog_entry_read(const char *text, size_t size_bytes, int64_t now_ms)
{
	struct result r = {0};
	struct problems problems = {0};
	json_t *doc = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, NULL);
	int error = doc ? schema_decode(&result_schema, SCHEMA_WIRE, doc, &r, &problems) : -1;
	json_decref(doc);
	if (error) {
		result_clear(&r);
		return NULL;
	}
	struct backlog_entry *e = backlog_entry_new(&r);
	e->lent = true;
	e->ended_at_ms = ended_at_ms(e->result, now_ms);
	return e;
}
