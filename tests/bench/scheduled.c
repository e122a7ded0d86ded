// SPDX-License-Identifier: MIT
/*
 * Many monitors on their schedule, as in the daemon: schedule and engine on one loop. Says of every check
 * how late it was started and what it measured.
 *
 *   scheduled SECONDS IN_FLIGHT_MAX PER_SECOND <MONITORS     monitors as in a file, in JSON, one a line; out:
 *   TARGET VERDICT REASON late_us started_wall_ms resolve connect tls first_byte transfer total rtt lag   (us)
 */
#include "tests/bench/bench_kit.h"

#include "probe/check.h"
#include "probe/schedule.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/monitor.h"

#include <jansson.h>

#define PART 100 /* monitors in one message of orders */

struct bench {
	struct loop *loop;
	struct engine *engine;
	struct schedule *schedule;
	struct timer end;
};

struct start {
	struct bench *bench;
	int64_t timer_late_us, called_wall_ms;
};

static void done_cb(void *arg, struct job *job, struct result *r)
{
	struct start *s = arg;
	const struct phases *p = &r->phases;
	int64_t late_us = s->timer_late_us + (r->started_wall_ms - s->called_wall_ms) * 1000;
	printf("%s %s %s %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld\n", job->monitor->target,
		verdict_names[r->verdict], reason_code((enum reason)r->reason), (long long)late_us,
		(long long)r->started_wall_ms, (long long)p->resolve_us, (long long)p->connect_us,
		(long long)p->tls_us, (long long)p->first_byte_us, (long long)p->transfer_us,
		(long long)p->total_us, (long long)r->ping.avg_us, (long long)r->loop_lag_us);
	free(s);
}

/* The worst lateness of any timer since the start before is at least this one's. */
static void run_cb(void *arg, struct job *job, int64_t round)
{
	struct bench *b = arg;
	struct start *s = mem_alloc(sizeof(*s));
	*s = (struct start){.bench = b,
		.timer_late_us = loop_lag_us(b->loop),
		.called_wall_ms = clock_wall_ms()};
	engine_run(b->engine, job, round, done_cb, s);
}

static void drop_cb(void *arg UNUSED, const struct id *monitor UNUSED)
{
}

static void end_cb(void *arg)
{
	struct bench *b = arg;
	loop_stop(b->loop);
}

/* The wire form of a monitor in a file. */
static json_t *monitor_read(const char *line, int64_t *interval_ms)
{
	struct problems problems = {0};
	struct monitor m;
	json_t *in = json_loads(line, 0, NULL);
	if (in == NULL || monitor_decode(in, SCHEMA_STRICT, "", &m, &problems) != 0) {
		fprintf(stderr, "scheduled: %s: %s\n", line,
			problems.n > 0 ? problems.item[0].message : "no JSON");
		exit(3);
	}
	json_decref(in);
	m.id = id_new();
	m.revision = 1;
	*interval_ms = m.interval_ms;
	json_t *out = monitor_encode(&m, SCHEMA_WIRE);
	monitor_clear(&m);
	return out;
}

/* Evenly over their interval, as the coordinator staggers them: 0.618… of the way round each. */
static int64_t phase_ms(long i, int64_t interval_ms)
{
	double turn = (double)i * 0.6180339887498949;
	return (int64_t)((turn - (double)(long)turn) * (double)interval_ms);
}

static void assign_all(struct bench *b, FILE *in)
{
	struct assignment part[PART];
	struct orders orders = {.reset = true, .assign.item = part};
	char line[4096];
	long i = 0;
	while (fgets(line, sizeof(line), in) != NULL) {
		struct assignment *a = &part[orders.assign.n++];
		int64_t interval_ms;
		a->monitor = monitor_read(line, &interval_ms);
		a->assignment = 1;
		a->next_in_ms = phase_ms(i++, interval_ms);
		if (orders.assign.n < PART)
			continue;
		schedule_apply(b->schedule, &orders);
		while (orders.assign.n > 0)
			json_decref(part[--orders.assign.n].monitor);
		orders.reset = false;
	}
	schedule_apply(b->schedule, &orders);
	while (orders.assign.n > 0)
		json_decref(part[--orders.assign.n].monitor);
}

int main(int argc, char **argv)
{
	struct policy policy = {0};
	struct bench b = {.loop = loop_new()};
	const char *why;
	if (argc != 4)
		return fprintf(stderr, "usage: scheduled SECONDS IN_FLIGHT_MAX PER_SECOND\n"), 3;
	struct engine_limits limits = {.in_flight_max = strtol(argv[2], NULL, 10),
		.per_second = strtol(argv[3], NULL, 10),
		.per_destination = 2,
		.body_max_bytes = 1 << 20};
	log_set_level(LOG_LEVEL_ERROR);
	ensure(policy_allow(&policy, "127.0.0.0/8", &why) == 0);
	b.engine = engine_new(b.loop, &policy, &limits);
	b.schedule = schedule_new(b.loop, 1000, run_cb, drop_cb, &b);
	ensure(b.engine != NULL);
	assign_all(&b, stdin);
	timer_init(&b.end, b.loop, end_cb, &b);
	timer_set(&b.end, 1000 * strtol(argv[1], NULL, 10));
	loop_lag_us(b.loop);
	struct spent from = bench_spent(-1);
	loop_run(b.loop);
	struct spent to = bench_spent(-1);
	fprintf(stderr,
		"{\"cpu_us\": %lld, \"wall_us\": %lld, \"rss_kb\": %ld, \"peak_kb\": %ld}\n",
		(long long)(to.cpu_us - from.cpu_us), (long long)(to.wall_us - from.wall_us),
		bench_status_kb("VmRSS"), bench_status_kb("VmHWM"));
	return 0; /* what still runs goes with the process */
}
