// SPDX-License-Identifier: MIT
/*
 * One entry per assigned monitor, each with a timer for its next regular start and one for its
 * burst. The next start is computed from the anchor, so that neither jitter nor a late loop
 * accumulates.
 */
#include "probe/schedule.h"

#include "probe/unsupported.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/monitor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define JITTER_PER_MILLE 20

/* The same burst ordered again within this time is the repetition of a lost reply. */
#define BURST_REPEAT_MS 60000

/* No coordinator makes us hit a target faster. */
#define BURST_GAP_MIN_MS 100

/* Nor makes us remember more than this. */
#define ENTRIES_MAX 50000

struct burst {
	int64_t first_round, rounds, gap_ms;
	int64_t done;          /* rounds started */
	int64_t ordered_at_ms; /* 0: never */
	int64_t started_at_ms; /* of the first round: the others are computed from it */
	struct timer next;
};

struct entry {
	struct schedule *schedule;
	struct id id;
	struct job *job;               /* at rest between the starts */
	int64_t revision, interval_ms; /* of its monitor */
	struct cadence cadence;
	int64_t due_at_ms; /* of the start that the timer waits for, without jitter */
	struct timer next;
	struct burst *burst; /* NULL: none was ordered yet, as for most */
	bool confirmed;      /* since the last reset */
	UT_hash_handle hh;
};

struct schedule {
	struct loop *loop;
	int64_t min_interval_ms;
	schedule_run_fn run;
	schedule_drop_fn drop;
	void *arg;
	struct entry *entries; /* hash by id */
};

/* ---- cadence */

int64_t cadence_next(const struct cadence *c, int64_t now_ms)
{
	if (now_ms < c->anchor_at_ms)
		return c->anchor_at_ms;
	int64_t k = (now_ms - c->anchor_at_ms) / c->interval_ms + 1;
	return c->anchor_at_ms + k * c->interval_ms;
}

int64_t cadence_jitter(const struct cadence *c, uint64_t random)
{
	int64_t most = c->interval_ms * JITTER_PER_MILLE / 1000;
	return (int64_t)(random % (uint64_t)(most + 1));
}

static int64_t interval_of(const struct entry *e)
{
	int64_t least = e->schedule->min_interval_ms;
	return e->interval_ms < least ? least : e->interval_ms;
}

/* ---- regular starts */

static void call_out(struct entry *e, int64_t round)
{
	struct job *job = job_ref(e->job);
	e->schedule->run(e->schedule->arg, job, round);
	job_unref(job);
}

static void start_cb(void *arg)
{
	struct entry *e = arg;
	int64_t now_ms = clock_now_ms();
	int64_t interval_ms = interval_of(e);
	if (interval_ms != e->cadence.interval_ms) /* the local bound was changed */
		e->cadence = (struct cadence){.anchor_at_ms = now_ms, .interval_ms = interval_ms};
	/* A timer that fires a moment early must not start the same one twice. */
	e->due_at_ms = cadence_next(&e->cadence, now_ms > e->due_at_ms ? now_ms : e->due_at_ms);
	timer_set(&e->next,
		e->due_at_ms + cadence_jitter(&e->cadence, rand_below(UINT32_MAX)) - now_ms);
	call_out(e, 0);
}

static void set_phase(struct entry *e, int64_t next_in_ms)
{
	int64_t interval_ms = interval_of(e);
	if (next_in_ms > interval_ms)
		next_in_ms = interval_ms;
	e->cadence = (struct cadence){
		.anchor_at_ms = clock_now_ms() + next_in_ms, .interval_ms = interval_ms};
	e->due_at_ms = e->cadence.anchor_at_ms;
	timer_set(&e->next, next_in_ms);
}

/* ---- bursts */

static void burst_cb(void *arg)
{
	struct entry *e = arg;
	struct burst *b = e->burst;
	int64_t now_ms = clock_now_ms();
	if (b->done == 0)
		b->started_at_ms = now_ms;
	int64_t round = b->first_round + b->done;
	if (++b->done < b->rounds) {
		int64_t wait_ms = b->started_at_ms + b->done * b->gap_ms - now_ms;
		timer_set(&b->next, wait_ms > 0 ? wait_ms : 0);
	}
	call_out(e, round);
}

static struct burst *burst_of(struct entry *e)
{
	if (e->burst == NULL) {
		e->burst = mem_alloc(sizeof *e->burst);
		timer_init(&e->burst->next, e->schedule->loop, burst_cb, e);
	}
	return e->burst;
}

static void burst_free(struct burst *b)
{
	if (b == NULL)
		return;
	timer_clear(&b->next);
	free(b);
}

static void burst_order(struct schedule *s, const struct burst_order *order)
{
	struct entry *e;
	HASH_FIND(hh, s->entries, &order->monitor, sizeof order->monitor, e);
	if (!e || e->revision != order->monitor_revision) {
		char text[ID_TEXT_SIZE];
		log_debug("schedule.burst_ignored monitor=%s revision=%" PRId64,
			id_format(&order->monitor, text), order->monitor_revision);
		return;
	}
	struct burst *b = burst_of(e);
	int64_t now_ms = clock_now_ms();
	if (b->ordered_at_ms && b->first_round == order->first_round &&
		now_ms - b->ordered_at_ms < BURST_REPEAT_MS)
		return;
	b->first_round = order->first_round;
	b->rounds = order->rounds;
	b->gap_ms = order->gap_ms < BURST_GAP_MIN_MS ? BURST_GAP_MIN_MS : order->gap_ms;
	b->done = 0;
	b->ordered_at_ms = now_ms;
	timer_set(&b->next, 0);
}

/* ---- entries */

static void entry_free(struct entry *e)
{
	HASH_DEL(e->schedule->entries, e);
	timer_clear(&e->next);
	burst_free(e->burst);
	job_drop(e->job);
	free(e);
}

static void entry_drop(struct entry *e)
{
	struct schedule *s = e->schedule;
	struct id id = e->id;
	entry_free(e);
	s->drop(s->arg, &id);
}

static void drop_id(struct schedule *s, const char *text)
{
	struct id id;
	struct entry *e;
	if (!text || id_parse(text, &id))
		return;
	HASH_FIND(hh, s->entries, &id, sizeof id, e);
	if (e)
		entry_drop(e);
}

/* NULL: there are too many. */
static struct entry *entry_make(struct schedule *s, const struct id *id)
{
	struct entry *e;
	HASH_FIND(hh, s->entries, id, sizeof *id, e);
	if (e || HASH_COUNT(s->entries) >= ENTRIES_MAX)
		return e;
	e = mem_alloc(sizeof *e);
	e->schedule = s;
	e->id = *id;
	timer_init(&e->next, s->loop, start_cb, e);
	HASH_ADD(hh, s->entries, id, sizeof e->id, e);
	return e;
}

static bool same_work(const struct entry *e, const struct monitor *m, int64_t assignment)
{
	return e->job && e->revision == m->revision && e->job->assignment == assignment;
}

/* Half of a monitor is none: *UNSUPPORTED says what is not known of it (NULL: all is). 0, or -1: it is none at all. */
static int read_monitor(const json_t *in, struct monitor *out, char **unsupported)
{
	struct problems problems = {0};
	*unsupported = NULL;
	if (monitor_decode(in, SCHEMA_WIRE | SCHEMA_WHOLE, "", out, &problems) == 0)
		return 0;
	monitor_clear(out);
	int error = unsupported_read(in, out);
	const char *id = json_string_value(json_object_get(in, "id"));
	log_warning("schedule.monitor_%s monitor=%s path=%s error=%s",
		error ? "refused" : "unsupported", log_quote(id), log_quote(problems.item[0].path),
		log_quote(problems.item[0].message));
	if (!error)
		*unsupported = unsupported_words(&problems);
	return error;
}

static void assign(struct schedule *s, const struct assignment *order)
{
	struct monitor monitor;
	char *unsupported;
	if (read_monitor(order->monitor, &monitor, &unsupported)) {
		const char *id = json_string_value(json_object_get(order->monitor, "id"));
		drop_id(s, id); /* what we had of it is outdated */
		monitor_clear(&monitor);
		return;
	}
	struct entry *e = entry_make(s, &monitor.id);
	if (!e) {
		log_warning("schedule.full monitors=%d", ENTRIES_MAX);
		monitor_clear(&monitor);
		free(unsupported);
		return;
	}
	e->confirmed = true;
	if (same_work(e, &monitor, order->assignment)) {
		monitor_clear(&monitor);
		free(unsupported);
	} else {
		struct job *before = e->job;
		bool same = before && e->revision == monitor.revision;
		e->revision = monitor.revision;
		e->interval_ms = monitor.interval_ms;
		e->job = job_new(&monitor, order->assignment);
		e->job->unsupported = unsupported;
		job_rest(e->job);
		if (same)
			job_inherit(e->job, before);
		else if (e->burst != NULL)
			timer_stop(&e->burst->next); /* its rounds were about something else */
		job_drop(before);
	}
	set_phase(e, order->next_in_ms);
}

/* ---- orders */

void schedule_apply(struct schedule *s, const struct orders *orders)
{
	struct entry *e, *next;
	if (orders->reset)
		HASH_ITER (hh, s->entries, e, next)
			e->confirmed = false;
	const struct assignment *assignments = orders->assign.item;
	for (size_t i = 0; i < orders->assign.n; i++)
		assign(s, &assignments[i]);
	for (size_t i = 0; i < orders->drop.n; i++)
		drop_id(s, orders->drop.item[i]);
	if (orders->complete)
		HASH_ITER (hh, s->entries, e, next)
			if (!e->confirmed)
				entry_drop(e);
	const struct burst_order *bursts = orders->bursts.item;
	for (size_t i = 0; i < orders->bursts.n; i++)
		burst_order(s, &bursts[i]);
}

struct schedule *schedule_new(struct loop *loop, int64_t min_interval_ms, schedule_run_fn run,
	schedule_drop_fn drop, void *arg)
{
	struct schedule *s = mem_alloc(sizeof *s);
	*s = (struct schedule){.loop = loop,
		.min_interval_ms = min_interval_ms,
		.run = run,
		.drop = drop,
		.arg = arg};
	return s;
}

void schedule_free(struct schedule *s)
{
	if (!s)
		return;
	struct entry *e, *next;
	HASH_ITER (hh, s->entries, e, next)
		entry_free(e);
	free(s);
}

void schedule_set_min_interval(struct schedule *s, int64_t min_interval_ms)
{
	s->min_interval_ms = min_interval_ms;
}

int64_t schedule_count(const struct schedule *s)
{
	return (int64_t)HASH_COUNT(s->entries);
}
