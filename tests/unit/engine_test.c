// SPDX-License-Identifier: MIT
/* The engine: ceilings, pacing, order, refusals, the one end of every check. */
#include "tests/unit/check_kit.h"

#include "probe/memory.h"
#include "proto/base/utf8.h"

#include "probe/net.h"

#include <sys/resource.h>

/* Many checks at once, their ends in order. */
#define RUNS_MAX 64
struct batch {
	struct loop *loop;
	struct engine *engine;
	int wanted, done, reasons[RUNS_MAX], rounds[RUNS_MAX];
	int64_t at_us[RUNS_MAX], most_in_flight;
	bool in_run;
};

static void batch_done(void *arg, struct job *job, struct result *result)
{
	struct batch *b = arg;
	(void)job;
	assert_false(b->in_run); /* never before engine_run() returned */
	assert_true(b->done < RUNS_MAX);
	b->reasons[b->done] = result->reason;
	b->rounds[b->done] = (int)result->round;
	b->at_us[b->done++] = clock_now_us();
	if (engine_in_flight(b->engine) > b->most_in_flight)
		b->most_in_flight = engine_in_flight(b->engine);
	if (b->done == b->wanted)
		loop_stop(b->loop);
}

static void batch_add(struct batch *b, struct monitor take, int64_t round)
{
	struct job *job = job_new(&take, 1);
	b->in_run = true;
	engine_run(b->engine, job, round, batch_done, b);
	b->in_run = false;
	job_unref(job);
	b->wanted++;
}

static struct kit kit;
static struct peer peer;
static struct batch batch;

static void open_with(int64_t in_flight, int64_t per_second, int64_t per_destination)
{
	const struct engine_limits limits = {.in_flight_max = in_flight,
		.per_second = per_second,
		.per_destination = per_destination,
		.body_max_bytes = 1000};
	kit_open_with(&kit, &limits);
	batch = (struct batch){.loop = kit.loop, .engine = kit.engine};
}

static struct monitor tcp_check(int port)
{
	char target[64];
	snprintf(target, sizeof(target), "127.0.0.1:%d", port);
	return kit_monitor(CHECK_TCP, target, 2000);
}

static struct monitor silent_check(int64_t timeout_ms)
{
	char target[64];
	snprintf(target, sizeof(target), "http://127.0.0.1:%d/", peer.port);
	return kit_monitor(CHECK_HTTP, target, timeout_ms);
}

/* Accepts in its backlog and never answers. */
static int setup(void **state)
{
	(void)state;
	peer.fd = peer_listen(&peer.port);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kit_close(&kit);
	close(peer.fd);
	return 0;
}

static void the_ceiling_holds_and_the_queue_is_fair(void **state)
{
	(void)state;
	open_with(3, 100000, 100000);
	for (int i = 0; i < 12; i++)
		batch_add(&batch, silent_check(100), i);
	int64_t began_us = clock_now_us();
	loop_run(kit.loop);
	int64_t took_us = clock_now_us() - began_us;
	for (int i = 0; i < 12; i++) {
		assert_int_equal(batch.reasons[i], REASON_HTTP_TIMEOUT);
		assert_int_equal(batch.rounds[i], i); /* first in, first out */
	}
	/* four rounds of three: were there no ceiling it would take one */
	assert_true(took_us >= 395000 && took_us < 2000000);
	assert_true(batch.most_in_flight <= 3);
	assert_int_equal(engine_in_flight(kit.engine), 0);
}

/* Two fit, then four, then not even one: which still runs, or none ever would. */
static void memory_holds_checks_back(void **state)
{
	struct monitor m = silent_check(100);
	int64_t one_bytes = memory_of_check(&m);
	static const int quarters[] = {11, 19, 1}, most[] = {2, 4, 1};
	(void)state;
	monitor_clear(&m);
	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		open_with(100, 100000, 100000);
		engine_set_memory(kit.engine, one_bytes * quarters[i] / 4);
		for (int k = 0; k < 6; k++)
			batch_add(&batch, silent_check(100), k);
		assert_int_equal(engine_in_flight(kit.engine), most[i]);
		loop_run(kit.loop);
		assert_true(batch.most_in_flight <= most[i]);
		for (int k = 0; k < 6; k++)
			assert_int_equal(batch.reasons[k], REASON_HTTP_TIMEOUT);
		if (i + 1 < ARRAY_LEN(most))
			kit_close(&kit);
	}
}

static void starts_per_second_are_spread(void **state)
{
	(void)state;
	open_with(64, 20, 100000);
	int closed = free_port();
	int64_t began_us = clock_now_us();
	for (int i = 0; i < 30; i++) /* 20 at once, 10 more at one per 50 ms */
		batch_add(&batch, tcp_check(closed), 0);
	loop_run(kit.loop);
	for (int i = 0; i < 30; i++)
		assert_int_equal(batch.reasons[i], REASON_TCP_REFUSED);
	assert_true(batch.at_us[18] - began_us < 400000);
	assert_true(batch.at_us[29] - began_us >= 450000);
	assert_true(batch.at_us[29] - began_us < 2000000);
}

static void one_destination_does_not_hold_up_the_others(void **state)
{
	(void)state;
	open_with(64, 100000, 2);
	int closed = free_port();
	int64_t began_us = clock_now_us();
	for (int i = 0; i < 4; i++)
		batch_add(&batch, tcp_check(closed), 1);
	char target[64];
	snprintf(target, sizeof(target), "localhost:%d", closed);
	batch_add(&batch, kit_monitor(CHECK_TCP, target, 2000), 2);
	loop_run(kit.loop);
	int other = 0;
	while (batch.rounds[other] != 2)
		other++;
	assert_true(other <= 2); /* two of the first destination at most before it */
	assert_true(batch.at_us[other] - began_us < 400000);
	assert_true(
		batch.at_us[4] - began_us >= 990000); /* the fourth waited for two more tokens */
}

static void different_spellings_are_one_destination(void **state)
{
	static const struct {
		const char *before, *after;
	} targets[] = {{"http://LOCALHOST:", "/"}, {"https://localhost:", "/x?y"},
		{"http://Localhost:", "#z"}};
	(void)state;
	open_with(64, 100000, 1);
	int closed = free_port();
	int64_t began_us = clock_now_us();
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		char target[64];
		snprintf(target, sizeof(target), "%s%d%s", targets[i].before, closed,
			targets[i].after);
		batch_add(&batch, kit_monitor(CHECK_HTTP, target, 2000), 0);
	}
	loop_run(kit.loop);
	assert_true(batch.at_us[2] - began_us >= 1990000);
}

static void too_long_a_wait_is_an_overload(void **state)
{
	(void)state;
	open_with(1, 100000, 100000);
	struct monitor m = silent_check(700);
	batch_add(&batch, m, 1); /* takes the only place */
	m = silent_check(700);
	m.interval_ms = 200; /* half of it is 100 ms */
	batch_add(&batch, m, 2);
	int64_t began_us = clock_now_us();
	loop_run(kit.loop);
	assert_int_equal(batch.rounds[0], 2);
	assert_int_equal(batch.reasons[0], REASON_INTERNAL_OVERLOAD);
	assert_true(batch.at_us[0] - began_us >= 95000 && batch.at_us[0] - began_us < 500000);
	assert_int_equal(batch.reasons[1], REASON_HTTP_TIMEOUT);
}

static void a_destination_that_is_full_for_long_is_refused_at_once(void **state)
{
	(void)state;
	open_with(64, 100000, 1);
	int closed = free_port(), refused = 0;
	int64_t began_us = clock_now_us();
	for (int i = 0; i < 10; i++) {
		struct monitor m = tcp_check(closed);
		m.interval_ms = 1000; /* waits 500 ms at most, and a token comes every 1000 */
		batch_add(&batch, m, i);
	}
	loop_run(kit.loop);
	for (int i = 0; i < 10; i++)
		refused += batch.reasons[i] == REASON_INTERNAL_OVERLOAD;
	assert_int_equal(refused, 9);
	assert_true(clock_now_us() - began_us < 400000);
}

static void limits_change_while_it_runs(void **state)
{
	(void)state;
	open_with(1, 100000, 100000);
	for (int i = 0; i < 8; i++)
		batch_add(&batch, silent_check(150), i);
	const struct engine_limits wider = {.in_flight_max = 64,
		.per_second = 100000,
		.per_destination = 100000,
		.body_max_bytes = 1000};
	engine_set_limits(kit.engine, &wider);
	int64_t began_us = clock_now_us();
	loop_run(kit.loop);
	assert_true(clock_now_us() - began_us < 800000); /* one after the other would take 1.2 s */
}

static void an_unknown_kind_is_said_to_be_one(void **state)
{
	(void)state;
	open_with(4, 100, 100);
	struct monitor m = tcp_check(1);
	m.type = 99;
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "internal.unsupported");
	assert_int_equal(r->verdict, VERDICT_NONE);
	assert_int_equal(r->duration_ms, 0);
}

static void what_is_not_known_of_it_is_said(void **state)
{
	(void)state;
	open_with(4, 100, 100);
	int port, listener = peer_listen(&port);
	struct monitor m = tcp_check(port);
	struct job *job = job_new(&m, 7);
	job->unsupported = mem_strdup("this probe does not know request.future");
	engine_run(kit.engine, job, 3, kit_done_cb, &kit);
	job_unref(job);
	loop_run(kit.loop);
	assert_reason(&kit.result, "internal.unsupported");
	assert_int_equal(kit.result.verdict, VERDICT_NONE);
	assert_string_equal(kit.result.detail, "this probe does not know request.future");
	assert_int_equal(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(accept(listener, NULL, NULL), -1); /* nobody came */
	close(listener);
}

static void freeing_stops_everything_silently(void **state)
{
	(void)state;
	open_with(2, 100000, 3);
	int closed = free_port();
	for (int i = 0; i < 5; i++) /* running, queued and paced */
		batch_add(&batch, silent_check(5000), 0);
	for (int i = 0; i < 5; i++)
		batch_add(&batch, tcp_check(closed), 0);
	engine_free(kit.engine);
	kit.engine = NULL;
	assert_int_equal(batch.done, 0);
}

static void freeing_while_running(void **state)
{
	(void)state;
	open_with(16, 100000, 100000);
	for (int i = 0; i < 5; i++)
		batch_add(&batch, silent_check(60000), 0);
	batch_add(&batch, tcp_check(free_port()), 0);
	batch.wanted = 1; /* the refused one ends; the others are under way */
	loop_run(kit.loop);
	assert_int_equal(batch.done, 1);
	assert_int_equal(engine_in_flight(kit.engine), 5);
	engine_free(kit.engine);
	kit.engine = NULL;
}

/* ---- lateness */

static int late_n;
static int64_t late_waited_us;

static void late_cb(void *arg, const struct job *job, int64_t waited_us)
{
	assert_ptr_equal(arg, &late_n);
	assert_non_null(job->monitor->target);
	late_n++;
	late_waited_us = waited_us;
}

static struct job *job_that_took(struct monitor take, int64_t usual_us)
{
	struct job *job = job_new(&take, 1);
	for (int i = 0; i < 3; i++)
		habit_learn(&job->habit, usual_us);
	return job;
}

/* Told once, long before the deadline, which comes all the same; confirmation rounds tell nothing. */
static void a_late_check_is_told_once(void **state)
{
	(void)state;
	open_with(4, 100000, 100000);
	late_n = 0;
	engine_on_late(kit.engine, late_cb, &late_n);
	for (int64_t round = 0; round <= 1; round++) {
		struct job *job = job_that_took(silent_check(2600), 1000);
		int64_t began_us = clock_now_us();
		batch.wanted = batch.done + 1;
		engine_run(kit.engine, job, round, batch_done, &batch);
		job_unref(job);
		loop_run(kit.loop);
		assert_int_equal(late_n, 1);
		assert_true(clock_now_us() - began_us >= 2600000 - 2000);
	}
	assert_in_range(late_waited_us, HABIT_LATE_MIN_US, HABIT_LATE_MIN_US + 900000);
}

static void a_habit_is_learned_from_success(void **state)
{
	(void)state;
	open_with(4, 100000, 100000);
	int port, fd = peer_listen(&port);
	struct monitor works = tcp_check(port), rounds = tcp_check(port),
		       refused = tcp_check(free_port());
	struct job *job[] = {job_new(&works, 1), job_new(&rounds, 1), job_new(&refused, 1)};
	for (int i = 0; i < 3; i++) {
		batch.wanted = batch.done + 1;
		engine_run(kit.engine, job[i], i == 1, batch_done, &batch);
		loop_run(kit.loop);
	}
	assert_int_equal(job[0]->habit.n, 1);
	assert_int_equal(job[1]->habit.n, 0); /* a round of confirmation */
	assert_int_equal(job[2]->habit.n, 0); /* refused */
	for (int i = 0; i < 3; i++)
		job_unref(job[i]);
	close(fd);
}

/* ---- results */

static void stall(void *arg)
{
	int64_t until_us = clock_now_us() + 120000;
	(void)arg;
	while (clock_now_us() < until_us)
		;
}

static void a_stalled_loop_shows_in_the_result(void **state)
{
	(void)state;
	open_with(4, 100000, 100000);
	struct timer t;
	timer_init(&t, kit.loop, stall, NULL);
	timer_set(&t, 60);
	struct result *r = kit_run(&kit, silent_check(300));
	assert_true(r->loop_lag_us >= 60000);
	timer_clear(&t);
	r = kit_run(&kit, tcp_check(free_port())); /* and does not stick */
	assert_true(r->loop_lag_us < 60000);
}

static void details_are_clean(void **state)
{
	(void)state;
	open_with(4, 100000, 100000);
	char long_name[1024];
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	struct monitor m = kit_monitor(CHECK_PING, long_name, 500);
	struct result *r = kit_run(&kit, m);
	assert_true(strlen(r->detail) <= RESULT_DETAIL_MAX_BYTES);
	m = kit_monitor(CHECK_PING,
		"a\nb\xff"
		"c",
		500);
	r = kit_run(&kit, m);
	assert_null(strchr(r->detail, '\n'));
	assert_null(strchr(r->detail, '\xff'));
	for (size_t lead = 0; lead < 3;
		lead++) { /* wherever the cut falls, no half of a character */
		memset(long_name, 'a', lead);
		for (size_t i = lead; i + 3 < sizeof(long_name); i += 3)
			memcpy(long_name + i, "\xe2\x82\xac", 4);
		r = kit_run(&kit, kit_monitor(CHECK_PING, long_name, 500));
		size_t n = strlen(r->detail);
		assert_true(n > RESULT_DETAIL_MAX_BYTES - 3 && n <= RESULT_DETAIL_MAX_BYTES);
		assert_null(strchr(r->detail, '?'));
		assert_int_equal(strlen(utf8_trim(r->detail)), n);
	}
}

static void descriptors_bound_the_ceiling(void **state)
{
	struct rlimit old, few;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = 200;
	few.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	open_with(100, 100, 100); /* wants 364: the soft limit is raised */
	struct rlimit now;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(now.rlim_cur, 364);
	assert_int_equal(engine_limits(kit.engine)->in_flight_max, 100);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_ceiling_holds_and_the_queue_is_fair),
		TEST(memory_holds_checks_back),
		TEST(starts_per_second_are_spread),
		TEST(one_destination_does_not_hold_up_the_others),
		TEST(different_spellings_are_one_destination),
		TEST(too_long_a_wait_is_an_overload),
		TEST(a_destination_that_is_full_for_long_is_refused_at_once),
		TEST(limits_change_while_it_runs),
		TEST(an_unknown_kind_is_said_to_be_one),
		TEST(what_is_not_known_of_it_is_said),
		TEST(freeing_stops_everything_silently),
		TEST(freeing_while_running),
		TEST(a_late_check_is_told_once),
		TEST(a_habit_is_learned_from_success),
		TEST(a_stalled_loop_shows_in_the_result),
		TEST(details_are_clean),
		TEST(descriptors_bound_the_ceiling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
