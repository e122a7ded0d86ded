// SPDX-License-Identifier: MIT
/*
 * The engine: runs checks within the probe's own bounds. A check goes through
 *
 * - PACED: waits for its destination's turn (timer: its turn);
 * - QUEUED: waits for a free place, FIFO (timer: half its interval is over -> internal.overload);
 * - RUNNING: its type is at work (timer: the one deadline);
 * - ENDED: check_end() was called; it is stopped and delivered from the loop, in one place: reap();
 * - HALF: stopped, and kept until the same check of the other family has ended, too;
 *
 * and set_state() is the only function that moves it. Delay, not refusal: a burst above the rate is
 * spread out; only a check that would wait past half its interval is refused, since by then the
 * next one is near.
 */
#include "probe/engine_internal.h"

#include "probe/certs.h"
#include "probe/families.h"
#include "probe/http_handles.h"
#include "probe/lag.h"
#include "probe/lean.h"
#include "probe/memory.h"
#include "probe/pace.h"
#include "probe/pinger.h"
#include "probe/redact.h"
#include "probe/resolver.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/curl_loop.h"
#include "proto/monitor.h"
#include "quorate/duration.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define WALL_AGE_US 10000
#define NEVER       INT64_MAX

/* ---- the state machine */

static bool legal(enum state from, enum state to)
{
	static const bool table[N_STATES][N_STATES] = {
		[STATE_NEW] = {[STATE_PACED] = true,
			[STATE_QUEUED] = true,
			[STATE_RUNNING] = true,
			[STATE_ENDED] = true},
		[STATE_PACED] = {[STATE_QUEUED] = true, [STATE_ENDED] = true},
		[STATE_QUEUED] = {[STATE_RUNNING] = true, [STATE_ENDED] = true},
		[STATE_RUNNING] = {[STATE_ENDED] = true},
		[STATE_ENDED] = {[STATE_HALF] = true},
	};
	return table[from][to];
}

static void list_remove(struct list_of_runs *list, struct run *run)
{
	DL_DELETE(list->first, run);
	list->n--;
}

static void list_append(struct list_of_runs *list, struct run *run)
{
	DL_APPEND(list->first, run);
	list->n++;
}

static void set_state(struct run *run, enum state to)
{
	struct engine *engine = run->check.engine;
	ensure(legal(run->state, to));
	timer_stop(&run->timer);
	if (run->state != STATE_NEW)
		list_remove(&engine->runs[run->state], run);
	if (to == STATE_RUNNING)
		engine->held_bytes += run->bytes;
	else if (run->state == STATE_RUNNING)
		engine->held_bytes -= run->bytes;
	run->state = to;
	list_append(&engine->runs[to], run);
}

/* ---- running */

static void deadline(struct run *run)
{
	struct check *check = &run->check;
	enum reason reason = check->type->expired(check);
	if (reason == REASON_OK)
		check_end(check, REASON_OK, NULL);
	else
		check_end(check, reason, "%s (%lld ms)", reason_text_en(reason),
			(long long)check->monitor->timeout_ms);
}

/* A scheduled check stops where it is late, on the way to its deadline. */
static int64_t late_at_us(const struct check *check)
{
	int64_t timeout_us = check->monitor->timeout_ms * 1000, late_us = 0;
	if (check->engine->on_late != NULL && check->result.round == 0)
		late_us = habit_late_us(&check->job->habit, timeout_us);
	return late_us > 0 ? check->started_at_us + late_us : NEVER;
}

/* The one timer of a check that runs: for the next of what it waits for. */
static void set_timer(struct run *run)
{
	int64_t at_us = run->check.deadline_at_us;
	if (run->wake_at_us < at_us)
		at_us = run->wake_at_us;
	if (run->late_at_us < at_us)
		at_us = run->late_at_us;
	timer_set_at(&run->timer, at_us);
}

void check_wake_at(struct check *check, int64_t at_us)
{
	struct run *run = (struct run *)check;
	run->wake_at_us = at_us;
	if (timer_is_set(&run->timer)) /* else it is set at the end of what runs now */
		set_timer(run);
}

static void tell_late(struct run *run)
{
	struct engine *engine = run->check.engine;
	run->late_at_us = NEVER;
	engine->on_late(
		engine->on_late_arg, run->check.job, clock_now_us() - run->check.started_at_us);
}

static void wake(struct run *run)
{
	run->wake_at_us = NEVER;
	run->check.type->wake(&run->check);
}

/* What has come first, of several at once the deadline last. */
static void on_timer_running(struct run *run)
{
	int64_t at_us = run->timer.due_at_us;
	if (run->late_at_us <= at_us)
		tell_late(run);
	else if (run->wake_at_us <= at_us)
		wake(run);
	else
		deadline(run);
	if (run->state == STATE_RUNNING)
		set_timer(run);
}

static void trace_begin(const struct check *check)
{
	char at[TIME_TEXT_SIZE], most[DURATION_TEXT_SIZE];
	if (!check->traced)
		return;
	check_trace(check, "%s check of %s begins at %s, %s at most",
		check_kind_names[check->monitor->type], check->monitor->target,
		time_format(check->result.started_wall_ms, at),
		duration_format(check->monitor->timeout_ms, most));
}

/* The wall clock at the monotonic instant NOW_US: read anew when the last reading is older than people
 * would notice. */
static int64_t wall_ms(struct engine *engine, int64_t now_us)
{
	if (engine->wall_at_us == 0 || now_us - engine->wall_at_us > WALL_AGE_US) {
		engine->wall_at_us = now_us;
		engine->wall_us = clock_wall_us();
	}
	return (engine->wall_us + now_us - engine->wall_at_us) / 1000;
}

static void begin_one(struct run *run, int64_t now_us)
{
	struct check *check = &run->check;
	struct engine *engine = check->engine;
	int64_t timeout_us = check->monitor->timeout_ms * 1000;
	set_state(run, STATE_RUNNING);
	check->started_at_us = now_us;
	check->deadline_at_us = check->started_at_us + timeout_us;
	check->result.started_wall_ms = wall_ms(engine, now_us);
	check->state = run->state_of_type;
	run->late_at_us = late_at_us(check);
	run->wake_at_us = NEVER;
	lag_watch(&engine->lag);
	trace_begin(check);
	check->type->start(check);
	if (run->state == STATE_RUNNING)
		set_timer(run);
}

/* Both families begin side by side, under one deadline. */
static void begin(struct run *run, int64_t now_us)
{
	begin_one(run, now_us);
	if (run->twin != NULL)
		begin_one(run->twin, now_us);
}

/* Whether there is room for RUN, with its twin, beside those that run. */
static bool fits(const struct run *run)
{
	const struct engine *engine = run->check.engine;
	const struct engine_limits *limits = &engine->limits;
	int64_t n = engine->runs[STATE_RUNNING].n, more = run->twin != NULL ? 2 : 1;
	int64_t bytes = engine->held_bytes + more * run->bytes;
	return n == 0 || (n + more <= limits->in_flight_max &&
				 (limits->memory_bytes == 0 || bytes <= limits->memory_bytes));
}

/* Whether RUN may start now; takes its place among all of this second, or has the pump come at its
 * turn. */
static bool take_place(const struct run *run, int64_t now_us)
{
	struct engine *engine = run->check.engine;
	if (!fits(run))
		return false;
	int64_t at_us = bucket_next_us(&engine->all, &engine->rate, now_us);
	if (at_us > now_us) {
		timer_set_us(&engine->pump, at_us - now_us);
		return false;
	}
	for (int more = run->twin != NULL ? 2 : 1; more > 0; more--)
		bucket_take(&engine->all, &engine->rate, now_us);
	return true;
}

static void pump(void *arg)
{
	struct engine *engine = arg;
	int64_t now_us = clock_now_us();
	while (engine->runs[STATE_QUEUED].first != NULL &&
		take_place(engine->runs[STATE_QUEUED].first, now_us)) {
		begin(engine->runs[STATE_QUEUED].first, now_us);
		now_us = clock_now_us();
	}
}

static void overloaded(struct run *run)
{
	struct check *check = &run->check;
	check->result.started_wall_ms = clock_wall_ms();
	check_end(check, REASON_INTERNAL_OVERLOAD,
		"it waited for %lld ms, half of its interval, to be started",
		(long long)check->monitor->interval_ms / 2);
}

static void enqueue(struct run *run)
{
	int64_t left_us = run->give_up_at_us - clock_now_us();
	set_state(run, STATE_QUEUED);
	timer_set_us(&run->timer, left_us > 0 ? left_us : 0);
	timer_set_us(&run->check.engine->pump, 0);
}

static void on_timer(void *arg)
{
	struct run *run = arg;
	if (run->state == STATE_PACED)
		enqueue(run);
	else if (run->state == STATE_QUEUED)
		overloaded(run);
	else if (run->state == STATE_RUNNING)
		on_timer_running(run);
}

static void measure(struct check *check)
{
	struct engine *engine = check->engine;
	int64_t now_us = check->ended_at_us != 0 ? check->ended_at_us : clock_now_us();
	int64_t took_us = now_us - check->started_at_us;
	check->result.phases.total_us = took_us;
	check->result.duration_ms = took_us / 1000;
	bool works =
		check->result.verdict == VERDICT_UP || check->result.verdict == VERDICT_WARNING;
	if (check->result.round == 0 && works)
		habit_learn(&check->job->habit, took_us);
	check->result.loop_lag_us = lag_since(&engine->lag, now_us, check->started_at_us);
}

void engine_check_ended(struct check *check)
{
	struct run *run = (struct run *)check;
	if (run->state == STATE_RUNNING)
		measure(check);
	set_state(run, STATE_ENDED);
	if (!timer_is_set(&check->engine->reap))
		timer_set_us(&check->engine->reap, 0);
}

/* ---- birth and end of a run */

static void result_name(struct result *r, const struct job *job, int64_t round)
{
	r->monitor = job->monitor->id;
	r->monitor_revision = job->monitor->revision;
	r->assignment = job->assignment;
	r->round = round;
}

void engine_result_begin(struct result *r, const struct job *job, int64_t round)
{
	result_unset(r);
	result_name(r, job, round);
}

static void run_free(struct run *run)
{
	struct check *check = &run->check;
	if (run->state != STATE_NEW)
		list_remove(&check->engine->runs[run->state], run);
	timer_clear(&run->timer);
	result_release(&check->result);
	if (check->crossed_detail != NULL)
		free(check->crossed_detail);
	job_unref(check->job);
	engine_run_release(run);
}

static void stop_type(struct run *run)
{
	if (run->check.state != NULL) /* it was started */
		run->check.type->stop(&run->check);
}

/* Of two halves the run to deliver, alone by now: IPv4's, with the findings of both. NULL: the other
 * one is still at work. */
static struct run *whole(struct run *run)
{
	struct run *twin = run->twin;
	if (twin->state != STATE_HALF && twin->state != STATE_NEW)
		return NULL;
	struct run *v4 = run->check.family == FAMILY_IPV4 ? run : twin;
	struct run *v6 = v4->twin;
	if (v6->state == STATE_HALF) /* else it was refused before it began */
		families_merge(&v4->check.result, &v6->check.result);
	v4->twin = NULL;
	run_free(v6);
	return v4;
}

static void reap(void *arg)
{
	struct engine *engine = arg;
	int64_t n = engine->runs[STATE_ENDED].n; /* what ends meanwhile has its own turn */
	while (n-- > 0) {
		struct run *run = engine->runs[STATE_ENDED].first;
		stop_type(run);
		if (run->check.job->has_secrets)
			redact_result(&run->check.result, run->check.monitor);
		if (run->twin != NULL) {
			set_state(run, STATE_HALF);
			if ((run = whole(run)) == NULL)
				continue;
		}
		run->done(run->arg, run->check.job, &run->check.result);
		run_free(run);
	}
	pinger_flush(engine->pinger); /* of the checks that follow those that ended */
	if (engine->runs[STATE_ENDED].n > 0 && !timer_is_set(&engine->reap))
		timer_set_us(&engine->reap, 0);
	if (engine->runs[STATE_QUEUED].n > 0)
		timer_set_us(&engine->pump, 0);
}

static struct run *run_new(struct engine *engine, struct job *job, int64_t round)
{
	const struct check_type *type = check_type_find((enum check_kind)job->monitor->type);
	struct run *run = engine_run_obtain(engine, type);
	struct check *check = &run->check;
	check->job = job_ref(job);
	check->monitor = job->monitor;
	check->engine = engine;
	check->loop = engine->loop;
	check->type = type;
	check->traced = engine->trace != NULL;
	run->bytes = memory_of_check(check->monitor);
	timer_init(&run->timer, engine->loop, on_timer, run);
	result_unset_zeroed(&check->result);
	result_name(&check->result, job, round);
	return run;
}

void engine_run(
	struct engine *engine, struct job *job, int64_t round, engine_done_fn done, void *arg)
{
	int64_t now_us = clock_now_us(), wait_max_us = job->monitor->interval_ms * 1000 / 2;
	struct run *run = run_new(engine, job, round);
	struct check *check = &run->check;
	run->done = done;
	run->arg = arg;
	run->give_up_at_us = now_us + wait_max_us;
	check->family = monitor_family(job->monitor);
	if (check->family == FAMILY_BOTH) {
		run->twin = run_new(engine, job, round);
		run->twin->twin = run;
		run->twin->check.family = FAMILY_IPV6;
		check->family = FAMILY_IPV4;
	}
	if (check->type == NULL || job->unsupported != NULL) {
		const char *why = job->unsupported;
		check->result.started_wall_ms = clock_wall_ms();
		check_end(check, REASON_INTERNAL_UNSUPPORTED, "%s",
			why != NULL ? why : reason_text_en(REASON_INTERNAL_UNSUPPORTED));
		return;
	}
	if (job->destination == NULL)
		job->destination = place_new(job->monitor);
	struct bucket *b = paces_find(&engine->paces, job->destination, now_us);
	int64_t turn_at_us = bucket_next_us(b, &engine->rate_of_each, now_us);
	if (turn_at_us > run->give_up_at_us) {
		check->result.started_wall_ms = clock_wall_ms();
		check_end(check, REASON_INTERNAL_OVERLOAD,
			"its destination is checked %lld times per second already",
			(long long)engine->limits.per_destination);
		return;
	}
	for (int starts = run->twin != NULL ? 2 : 1; starts > 0; starts--)
		bucket_take(b, &engine->rate_of_each, now_us);
	if (turn_at_us > now_us) {
		set_state(run, STATE_PACED);
		timer_set_us(&run->timer, turn_at_us - now_us);
	} else if (engine->runs[STATE_QUEUED].first == NULL && take_place(run, now_us)) {
		begin(run, now_us); /* nobody waits: straight on */
	} else {
		enqueue(run);
	}
}

/* ---- the engine itself */

void engine_set_limits(struct engine *engine, const struct engine_limits *limits)
{
	ensure(limits->in_flight_max > 0 && limits->per_second > 0 && limits->per_destination > 0);
	engine->limits = *limits;
	engine->rate = rate_of(limits->per_second);
	engine->rate_of_each = rate_of(limits->per_destination);
	engine_fit_to_files(&engine->limits);
	certs_set_memo(engine->certs, limits->certificate_memo_ms);
	timer_set_us(&engine->pump, 0);
}

struct engine *engine_new(
	struct loop *loop, const struct policy *policy, const struct engine_limits *limits)
{
	struct engine *engine = mem_alloc(sizeof(*engine));
	engine->loop = loop;
	engine->policy = policy;
	timer_init(&engine->pump, loop, pump, engine);
	timer_init(&engine->reap, loop, reap, engine);
	lag_init(&engine->lag, loop, &engine->runs[STATE_RUNNING].n);
	if (!lean_use())
		log_debug("engine.openssl lean=false");
	engine->certs = certs_new(NULL);
	engine_set_limits(engine, limits);
	engine->curl = curl_loop_new(loop);
	engine->handles = http_handles_new();
	engine->pinger = pinger_new(loop);
	engine->resolver = resolver_new(loop);
	if (engine->resolver == NULL) {
		engine_free(engine);
		return NULL;
	}
	return engine;
}

void engine_free(struct engine *engine)
{
	if (engine == NULL)
		return;
	for (int s = 0; s < N_STATES; s++) {
		struct run *run;
		while ((run = engine->runs[s].first) != NULL) {
			if (s != STATE_HALF)
				stop_type(run);
			if (run->twin != NULL && run->twin->state == STATE_NEW)
				run_free(run->twin);
			else if (run->twin != NULL)
				run->twin->twin = NULL;
			run_free(run);
		}
	}
	engine_spare_clear(engine);
	paces_clear(&engine->paces);
	resolver_free(engine->resolver);
	pinger_free(engine->pinger);
	http_handles_free(engine->handles);
	curl_loop_free(engine->curl);
	certs_free(engine->certs);
	timer_clear(&engine->pump);
	timer_clear(&engine->reap);
	lag_clear(&engine->lag);
	free(engine);
}
