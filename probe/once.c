// SPDX-License-Identifier: MIT
/*
 * The course of it: turn by turn (--count) every job is run, so many at a time (--concurrency), by
 * the same engine as the daemon's, and each result is told as it comes.
 */
#include "probe/once_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/monitor.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- what was found */

enum once_exit once_exit_of(const struct result *result)
{
	switch ((enum verdict)result->verdict) {
	case VERDICT_UP:
		return ONCE_UP;
	case VERDICT_WARNING:
		return ONCE_WARNING;
	case VERDICT_DOWN:
		return ONCE_DOWN;
	case VERDICT_NONE:
		break;
	}
	return ONCE_UNKNOWN;
}

enum once_exit once_worse(enum once_exit a, enum once_exit b)
{
	static const int rank[] = {
		[ONCE_UP] = 0, [ONCE_WARNING] = 1, [ONCE_UNKNOWN] = 2, [ONCE_DOWN] = 3};
	return rank[a] > rank[b] ? a : b;
}

enum once_exit once_status(const struct once *o)
{
	enum once_exit worst = ONCE_UP;
	bool any = false;
	for (int e = ONCE_UP; e <= ONCE_UNKNOWN; e++) {
		if (o->found[e] == 0)
			continue;
		any = true;
		worst = once_worse(worst, (enum once_exit)e);
	}
	return any ? worst : ONCE_UNKNOWN;
}

bool once_is_lone(const struct once *o)
{
	return o->n_jobs == 1 && o->count == 1;
}

static void count_time(struct once *o, int64_t us)
{
	o->min_us = o->timed == 0 || us < o->min_us ? us : o->min_us;
	o->max_us = o->timed == 0 || us > o->max_us ? us : o->max_us;
	o->sum_us += us;
	o->timed++;
}

static void deliver(struct once *o, struct job *job, struct result *result)
{
	enum once_exit found = once_exit_of(result);
	result->sequence = ++o->sequence;
	o->found[found]++;
	if (found <= ONCE_WARNING)
		count_time(o, result->phases.total_us);
	o->form->one(o, job, result);
	if (fflush(o->out) == EOF) {
		o->unread = errno == EPIPE;
		o->stopped = true;
	}
}

/* ---- turns */

static void start_more(struct once *o);

static void done_cb(void *arg, struct job *job, struct result *result)
{
	struct once *o = arg;
	o->in_flight--;
	deliver(o, job, result);
	start_more(o);
}

/* Addresses and ports are the engine's to judge: it says more about them. */
static void start(struct once *o, struct job *job)
{
	enum fence fence = bounds_judge(&o->conf, &o->policy, job->monitor);
	struct result result;
	if (fence == FENCE_OPEN || fence == FENCE_ADDRESS || fence == FENCE_PORT) {
		o->in_flight++;
		engine_run(o->engine, job, 0, done_cb, o);
		return;
	}
	bounds_refuse(&result, job, 0, fence);
	deliver(o, job, &result);
	schema_clear(&result_schema, &result);
}

static void end_turn(struct once *o)
{
	int64_t next_at_ms = o->turn_began_at_ms + o->interval_ms, now_ms = clock_now_ms();
	if (++o->turn >= o->count || o->stopped)
		loop_stop(o->loop);
	else
		timer_set(&o->next_turn, next_at_ms > now_ms ? next_at_ms - now_ms : 0);
}

static void start_more(struct once *o)
{
	while (!o->stopped && o->next < o->n_jobs && o->in_flight < o->concurrency)
		start(o, o->job[o->next++]);
	if (o->in_flight == 0)
		end_turn(o);
}

static void begin_turn(void *arg)
{
	struct once *o = arg;
	o->next = 0;
	o->turn_began_at_ms = clock_now_ms();
	start_more(o);
}

/* What runs is given up; what was found counts. */
static void on_signal(void *arg, int number UNUSED)
{
	struct once *o = arg;
	o->stopped = true;
	loop_stop(o->loop);
}

static void on_step(void *arg, const struct check *check, const char *text)
{
	struct once *o = arg;
	o->form->step(o, clock_now_us() - check->started_at_us, text);
}

static void run(struct once *o)
{
	struct watch_signal on_int, on_term;
	watch_signal_start(&on_int, o->loop, SIGINT, on_signal, o);
	watch_signal_start(&on_term, o->loop, SIGTERM, on_signal, o);
	timer_init(&o->next_turn, o->loop, begin_turn, o);
	timer_set(&o->next_turn, 0);
	loop_run(o->loop);
	timer_clear(&o->next_turn);
	watch_signal_stop(&on_int);
	watch_signal_stop(&on_term);
}

static int check_all(struct once *o)
{
	struct engine_limits limits = bounds_limits(&o->conf);
	o->loop = loop_new();
	o->engine = engine_new(o->loop, &o->policy, &limits);
	if (o->engine == NULL)
		return once_complain(o, "the checks could not be set up, see above");
	engine_set_proxies(o->engine, &o->conf.proxies);
	if (args_has(&o->args, "explain"))
		engine_trace(o->engine, on_step, o);
	if (o->form->begin)
		o->form->begin(o);
	run(o);
	o->form->end(o);
	if (!o->unread && (fflush(o->out) == EOF || ferror(o->out)))
		return once_complain(o, "the results could not be written");
	return o->form == &once_nagios ? (int)o->plugin.worst : (int)once_status(o);
}

static void clear(struct once *o)
{
	engine_free(o->engine);
	once_drop_jobs(o);
	once_drop_secrets(o);
	policy_clear(&o->policy);
	if (o->loop != NULL)
		loop_free(o->loop);
	monitor_options_free(o->options);
	json_decref(o->steps);
}

int once_main(int n, char *const *words, FILE *out, FILE *err)
{
	struct once o = {.out = out, .err = err, .options = monitor_options_new()};
	setlocale(LC_CTYPE, "");
	o.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	setlocale(LC_CTYPE, "C.UTF-8"); /* the width of characters */
	log_set_level(LOG_LEVEL_ERROR);
	int status = once_read_words(&o, n, words);
	if (status == -1)
		status = once_make_jobs(&o);
	if (status == -1)
		status = check_all(&o);
	clear(&o);
	return status;
}
