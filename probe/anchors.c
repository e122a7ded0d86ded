// SPDX-License-Identifier: MIT
#include "probe/anchors.h"

#include "probe/anchor.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct slot {
	struct job *job;
	char name[MONITOR_HOST_SIZE]; /* "": an address */
	bool seen;                    /* in this round */
};

struct held {
	struct held *prev, *next;
	struct job *job;
	struct result result;
	int64_t ended_at_ms;
};

struct anchors {
	struct loop *loop;
	struct engine *engine;
	struct anchors_hooks hooks;
	struct slot slot[ANCHORS_MAX];
	struct seen_anchor anchor[ANCHORS_MAX]; /* of the slots */
	int n;
	struct self_test_state state;
	struct timer next;
	int64_t round;       /* number of the last one; late answers of others are not asked for */
	int64_t began_at_ms; /* it; INT64_MIN: none yet */
	int64_t gap_ms;      /* from it to the next, for the sake of what waits */
	bool judges, running;
	struct held *held;
	int n_held;
};

/* ---- results that wait */

static void judged(struct anchors *a, struct job *job, struct result *take, int64_t ended_at_ms)
{
	int64_t began_at_ms = ended_at_ms - take->duration_ms;
	a->hooks.judged(a->hooks.arg, take, ended_at_ms,
		self_test_spoils(&a->state, job->monitor, take, began_at_ms));
}

static void let_go(struct anchors *a, struct held *h)
{
	DL_DELETE(a->held, h);
	a->n_held--;
	judged(a, h->job, &h->result, h->ended_at_ms);
	job_unref(h->job);
	free(h);
}

/* Those that ended before UNTIL_MS. */
static void let_go_until(struct anchors *a, int64_t until_ms)
{
	struct held *h, *next;
	DL_FOREACH_SAFE (a->held, h, next)
		if (h->ended_at_ms <= until_ms)
			let_go(a, h);
}

void anchors_flush(struct anchors *a)
{
	let_go_until(a, INT64_MAX);
}

static void plan(struct anchors *a)
{
	int64_t now_ms = clock_now_ms(), at_ms = now_ms;
	if (!a->judges || a->running)
		return;
	if (a->began_at_ms != INT64_MIN)
		at_ms = a->began_at_ms + (a->held ? a->gap_ms : ANCHORS_EVERY_MS);
	timer_set(&a->next, at_ms > now_ms ? at_ms - now_ms : 0);
}

void anchors_take(struct anchors *a, struct job *job, struct result *take, int64_t ended_at_ms)
{
	int64_t gap_ms = job->monitor->interval_ms / 10; /* at half of it a vote is late */
	bool known = self_test_spoils(
			     &a->state, job->monitor, take, ended_at_ms - take->duration_ms) >= 0;
	if (!a->judges || known || take->verdict != VERDICT_DOWN) {
		judged(a, job, take, ended_at_ms);
		return;
	}
	if (!a->held || gap_ms < a->gap_ms)
		a->gap_ms = gap_ms < ANCHORS_GAP_MS ? gap_ms : ANCHORS_GAP_MS;
	if (a->n_held == ANCHORS_HELD_MAX)
		let_go(a, a->held);
	struct held *h = mem_alloc(sizeof *h);
	*h = (struct held){.job = job_ref(job), .result = *take, .ended_at_ms = ended_at_ms};
	*take = (struct result){0};
	DL_APPEND(a->held, h);
	a->n_held++;
	plan(a);
}

/* ---- rounds */

static void log_change(const struct anchors *a, const struct self_test_state *before)
{
	for (int part = 0; part < SELF_TEST_PARTS; part++) {
		const struct self_part *p = &a->state.part[part];
		if (p->state == before->part[part].state)
			continue;
		if (p->state == SELF_FAILED)
			log_warning("probe.self_test of=%s state=%s answer=%d asked=%d note=\"its "
				    "votes do not count\"",
				self_part_names[part], self_test_names[p->state], p->answer,
				p->asked);
		else
			log_info("probe.self_test of=%s state=%s", self_part_names[part],
				self_test_names[p->state]);
	}
}

static void round_over(struct anchors *a)
{
	struct self_test_state before = a->state;
	a->running = false;
	bool changed = self_test_round(&a->state, a->anchor, a->n, a->began_at_ms);
	log_change(a, &before);
	let_go_until(a, a->began_at_ms);
	plan(a);
	if (changed)
		a->hooks.changed(a->hooks.arg);
}

static bool all_seen(const struct anchors *a)
{
	for (int i = 0; i < a->n; i++)
		if (!a->slot[i].seen)
			return false;
	return true;
}

static void on_done(void *arg, struct job *job, struct result *r)
{
	struct anchors *a = arg;
	int i = 0;
	while (i < a->n && a->slot[i].job != job)
		i++;
	if (!a->running || i == a->n || r->round != a->round)
		return; /* a straggler, or an anchor that is none any more */
	a->slot[i].seen = true;
	a->anchor[i].seen = a->hooks.believed(a->hooks.arg, r)
				    ? self_test_see(r, a->anchor[i].name != NULL)
				    : SEEN_NOT;
	log_debug("probe.anchor target=%s verdict=%s reason=%s", log_quote(job->monitor->target),
		verdict_names[r->verdict], reason_code((enum reason)r->reason));
	if (all_seen(a) || self_test_decided(a->anchor, a->n))
		round_over(a);
}

static void begin_round(void *arg)
{
	struct anchors *a = arg;
	a->running = true;
	a->round++;
	a->began_at_ms = clock_now_ms();
	for (int i = 0; i < a->n; i++) {
		a->slot[i].seen = false;
		a->anchor[i].seen = SEEN_NOT;
	}
	for (int i = 0; i < a->n; i++)
		engine_run(a->engine, a->slot[i].job, a->round, on_done, a);
}

/* ---- the whole */

struct anchors *anchors_new(
	struct loop *loop, struct engine *engine, const struct anchors_hooks *hooks)
{
	struct anchors *a = mem_alloc(sizeof *a);
	a->loop = loop;
	a->engine = engine;
	a->hooks = *hooks;
	a->state = SELF_TEST_NEW;
	a->began_at_ms = INT64_MIN;
	timer_init(&a->next, loop, begin_round, a);
	return a;
}

static void clear(struct anchors *a)
{
	for (int i = 0; i < a->n; i++)
		job_unref(a->slot[i].job);
	a->n = 0;
	a->running = false;
	timer_stop(&a->next);
}

void anchors_set(struct anchors *a, const struct list *conf)
{
	const struct anchor *wanted = conf->item;
	clear(a);
	for (size_t i = 0; i < conf->n && a->n < ANCHORS_MAX; i++) {
		struct slot *s = &a->slot[a->n];
		bool is_name = anchor_name(&wanted[i], s->name);
		s->job = anchor_job(&wanted[i], ANCHORS_EVERY_MS);
		a->anchor[a->n++] = (struct seen_anchor){
			.family = anchor_family(&wanted[i]), .name = is_name ? s->name : NULL};
	}
	struct self_test_state before = a->state;
	int64_t now_ms = clock_now_ms();
	a->judges = false;
	for (int part = 0; part < SELF_TEST_PARTS; part++)
		a->judges |= self_test_judges(part, a->anchor, a->n);
	/* nobody has answered yet: what is no longer judged is so from now on */
	if (self_test_round(&a->state, a->anchor, a->n, now_ms))
		a->hooks.changed(a->hooks.arg);
	log_change(a, &before);
	a->began_at_ms = INT64_MIN;
	if (!a->judges)
		anchors_flush(a);
	plan(a);
}

const struct self_test_state *anchors_state(const struct anchors *a)
{
	return &a->state;
}

void anchors_free(struct anchors *a)
{
	struct held *h, *next;
	if (a == NULL)
		return;
	clear(a);
	timer_clear(&a->next);
	DL_FOREACH_SAFE (a->held, h, next) {
		DL_DELETE(a->held, h);
		job_unref(h->job);
		result_clear(&h->result);
		free(h);
	}
	free(a);
}
