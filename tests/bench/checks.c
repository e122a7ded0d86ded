// SPDX-License-Identifier: MIT
/*
 * What one check costs: the probe's engine runs the same monitor again and again, so many at a time.
 *
 *   checks N IN_FLIGHT '{"tcp": "127.0.0.1:80", …}'      the monitor as in a file, in JSON
 */
#include "tests/bench/bench_kit.h"

#include "probe/check.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/monitor.h"

#include <jansson.h>

struct bench {
	struct loop *loop;
	struct engine *engine;
	struct job *job;
	long left, in_flight, in_flight_max, failed;
};

static void more(struct bench *b);

static void done_cb(void *arg, struct job *job UNUSED, struct result *r)
{
	struct bench *b = arg;
	b->in_flight--;
	if (r->verdict != VERDICT_UP && b->failed++ == 0)
		fprintf(stderr, "checks: %s: %s\n", reason_code((enum reason)r->reason),
			r->detail != NULL ? r->detail : "");
	more(b);
}

static void more(struct bench *b)
{
	for (; b->left > 0 && b->in_flight < b->in_flight_max; b->left--, b->in_flight++)
		engine_run(b->engine, b->job, 0, done_cb, b);
	if (b->in_flight == 0)
		loop_stop(b->loop);
}

static void run(struct bench *b, long n)
{
	b->left = n;
	more(b);
	loop_run(b->loop);
}

static struct job *job_read(const char *text)
{
	struct problems problems = {0};
	struct monitor m;
	json_t *in = json_loads(text, 0, NULL);
	if (in == NULL || monitor_decode(in, SCHEMA_STRICT, "", &m, &problems) != 0) {
		fprintf(stderr, "checks: %s: %s\n", problems.n > 0 ? problems.item[0].path : "",
			problems.n > 0 ? problems.item[0].message : "no JSON");
		exit(3);
	}
	json_decref(in);
	m.id = id_new();
	return job_new(&m, 1);
}

int main(int argc, char **argv)
{
	static const struct engine_limits limits = {.in_flight_max = 10000,
		.per_second = 1000000,
		.per_destination = 1000000,
		.body_max_bytes = 1 << 20,
		.certificate_memo_ms = 600000}; /* as a probe has it by default */
	struct policy policy = {0};
	const char *why;
	if (argc != 4)
		return fprintf(stderr, "usage: checks N IN_FLIGHT MONITOR\n"), 3;
	log_set_level(LOG_LEVEL_ERROR);
	ensure(policy_allow(&policy, "127.0.0.0/8", &why) == 0);
	struct bench b = {.loop = loop_new(),
		.job = job_read(argv[3]),
		.in_flight_max = strtol(argv[2], NULL, 10)};
	long n = strtol(argv[1], NULL, 10);
	b.engine = engine_new(b.loop, &policy, &limits);
	ensure(b.engine != NULL);
	int counter = bench_counter();
	run(&b, n / 10 + 1); /* everything is loaded, every cache is warm */
	b.failed = 0;
	struct spent from = bench_spent(counter);
	run(&b, n);
	struct spent to = bench_spent(counter);
	bench_tell(n, b.failed, &from, &to);
	engine_free(b.engine);
	job_unref(b.job);
	policy_clear(&policy);
	loop_free(b.loop);
	return 0;
}
