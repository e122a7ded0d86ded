// SPDX-License-Identifier: MIT
/* The schedule: the arithmetic of starts in tables, orders and bursts on a real loop (intervals of
 * a second). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/schedule.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_MS 10000
#define RUNS_MAX 200

struct run {
	int monitor;
	int64_t revision, assignment, round, at_ms;
	char unsupported[200];
};

struct world {
	struct loop *loop;
	struct schedule *schedule;
	struct run run[RUNS_MAX];
	int n_runs, n_drops, last_drop;
	struct timer guard, stop;
	int wanted;
};

/* ---- the arithmetic */

static void the_next_start_is_computed_from_the_anchor(void **state)
{
	(void)state;
	const struct {
		int64_t anchor_at_ms, interval_ms, now_ms, next_at_ms;
	} table[] = {
		{1000, 100, 0, 1000},
		{1000, 100, 999, 1000},
		{1000, 100, 1000, 1100},
		{1000, 100, 1001, 1100},
		{1000, 100, 1099, 1100},
		{1000, 100, 1100, 1200},
		{1000, 100, 98765, 98800}, /* what was missed is not made up for */
		{0, 86400000, 86399999, 86400000},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct cadence c = {
			.anchor_at_ms = table[i].anchor_at_ms, .interval_ms = table[i].interval_ms};
		assert_int_equal(cadence_next(&c, table[i].now_ms), table[i].next_at_ms);
	}
}

static void jitter_is_bounded_and_does_not_accumulate(void **state)
{
	(void)state;
	struct cadence c = {.anchor_at_ms = 5000, .interval_ms = 10000};
	int64_t most = 0;
	for (uint64_t random = 0; random < 1000; random++) {
		int64_t jitter = cadence_jitter(&c, random);
		assert_true(jitter >= 0);
		most = jitter > most ? jitter : most;
	}
	assert_int_equal(most, 200); /* 2 % */
	assert_true(cadence_jitter(&c, UINT64_MAX) <= 200);
	int64_t now_ms = 5000;
	for (int k = 1; k <= 1000; k++) { /* always as late as can be */
		now_ms = cadence_next(&c, now_ms) + 200;
		assert_int_equal(now_ms, 5000 + k * 10000 + 200);
	}
	c.interval_ms = 10;
	assert_int_equal(cadence_jitter(&c, 12345), 0);
}

/* ---- orders */

static void look(struct world *w)
{
	if (w->wanted && w->n_runs >= w->wanted)
		loop_stop(w->loop);
}

static void run_cb(void *arg, struct job *job, int64_t round)
{
	struct world *w = arg;
	assert_true(w->n_runs < RUNS_MAX);
	w->run[w->n_runs++] = (struct run){.monitor = job->monitor->id.byte[15],
		.revision = job->monitor->revision,
		.assignment = job->assignment,
		.round = round,
		.at_ms = clock_now_ms()};
	if (job->unsupported != NULL)
		snprintf(w->run[w->n_runs - 1].unsupported, sizeof(w->run[0].unsupported), "%s",
			job->unsupported);
	look(w);
}

static void drop_cb(void *arg, const struct id *monitor)
{
	struct world *w = arg;
	w->n_drops++;
	w->last_drop = monitor->byte[15];
}

static void guard_cb(void *arg)
{
	(void)arg;
	fail_msg("waited %d ms in vain", GUARD_MS);
}

static void stop_cb(void *arg)
{
	loop_stop(((struct world *)arg)->loop);
}

static void wait_runs(struct world *w, int n)
{
	w->wanted = n;
	if (w->n_runs >= n)
		return;
	timer_set(&w->guard, GUARD_MS);
	loop_run(w->loop);
	timer_stop(&w->guard);
}

static void let_pass(struct world *w, int64_t ms)
{
	w->wanted = 0;
	timer_set(&w->stop, ms);
	loop_run(w->loop);
}

static struct id id_of(int monitor)
{
	struct id id = {.byte = {1, 2, 3, 4, 5, 6, 0x70, 8, 0x80}};
	id.byte[15] = (uint8_t)monitor;
	return id;
}

static json_t *wire(int monitor, int64_t revision, const char *interval)
{
	char id[ID_TEXT_SIZE];
	struct id raw = id_of(monitor);
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "id", id_format(&raw, id),
		"revision", (json_int_t)revision, "name", "x", "type", "tcp", "target",
		"192.0.2.1:80", "interval", interval, "timeout", "500ms");
}

/* Orders with one assignment and one burst at most; 0: none. */
static void order(struct world *w, struct orders *orders, json_t *take, int64_t assignment,
	int64_t next_in_ms)
{
	struct assignment a = {.monitor = take, .assignment = assignment, .next_in_ms = next_in_ms};
	if (take)
		orders->assign = (struct list){.item = &a, .n = 1};
	schedule_apply(w->schedule, orders);
	json_decref(take);
	orders->assign = (struct list){0};
}

static void assign(struct world *w, int monitor, int64_t revision, int64_t next_in_ms)
{
	struct orders orders = {0};
	order(w, &orders, wire(monitor, revision, "1s"), 1, next_in_ms);
}

static void burst(struct world *w, int monitor, int64_t revision, int64_t first, int64_t rounds,
	int64_t gap_ms)
{
	struct burst_order b = {.monitor = id_of(monitor),
		.monitor_revision = revision,
		.first_round = first,
		.rounds = rounds,
		.gap_ms = gap_ms};
	struct orders orders = {.bursts = {.item = &b, .n = 1}};
	schedule_apply(w->schedule, &orders);
}

static int set_up(void **state)
{
	struct world *w = mem_alloc(sizeof *w);
	w->loop = loop_new();
	w->schedule = schedule_new(w->loop, 1000, run_cb, drop_cb, w);
	timer_init(&w->guard, w->loop, guard_cb, w);
	timer_init(&w->stop, w->loop, stop_cb, w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	schedule_free(w->schedule);
	timer_clear(&w->guard);
	timer_clear(&w->stop);
	loop_free(w->loop);
	free(w);
	return 0;
}

static void near(int64_t value_ms, int64_t expected_ms)
{
	if (value_ms < expected_ms - 5 || value_ms > expected_ms + 150)
		fail_msg("%d ms instead of %d", (int)value_ms, (int)expected_ms);
}

static void starts_keep_their_phase(void **state)
{
	struct world *w = *state;
	int64_t began_at_ms = clock_now_ms();
	assign(w, 1, 3, 300);
	assert_int_equal(schedule_count(w->schedule), 1);
	wait_runs(w, 3);
	for (int i = 0; i < 3; i++) {
		near(w->run[i].at_ms - began_at_ms, 300 + i * 1000);
		assert_int_equal(w->run[i].round, 0);
		assert_int_equal(w->run[i].revision, 3);
	}
}

/* Of a coordinator that is newer: to check half of it would be to say "up" of what nobody looked at. */
static void what_is_not_known_is_not_checked(void **state)
{
	struct world *w = *state;
	const struct {
		const char *member, *json, *path; /* PATH NULL: it makes no difference here */
	} cases[] = {
		{"future", "{\"a\":1}", NULL},
		{"quorum", "{\"future\":1}", NULL},
		{"request", "{\"tls\":true}", NULL},
		{"request", "{\"future\":null}", "request.future"},
		{"request", "{\"follow\":3}", "request.follow"}, /* of another type, so far */
		{"request", "{\"dialogue\":[{\"expect\":\"a\",\"future\":1}]}",
			"request.dialogue[0].future"},
		{"request", "{\"starttls\":\"future\"}", "request.starttls"},
		{"expect", "{\"response_time\":{\"future\":1}}", "expect.response_time.future"},
		{"type", "\"future\"", "type"},
		{"target", "7", "target"},
	};
	for (int i = 0; i < (int)ARRAY_LEN(cases); i++) {
		struct orders orders = {0};
		json_t *monitor = wire(1, i + 1, "1s"),
		       *value = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		assert_non_null(value);
		json_object_set_new(monitor, cases[i].member, value);
		order(w, &orders, monitor, 1, 0);
		wait_runs(w, i + 1);
		assert_int_equal(w->run[i].revision, i + 1);
		if (cases[i].path == NULL)
			assert_string_equal(w->run[i].unsupported, "");
		else if (strstr(w->run[i].unsupported, cases[i].path) == NULL)
			fail_msg("%s: %s", cases[i].path, w->run[i].unsupported);
	}
}

static void a_newer_assignment_sets_the_phase_anew(void **state)
{
	struct world *w = *state;
	int64_t began_at_ms = clock_now_ms();
	assign(w, 1, 1, 900);
	let_pass(w, 50);
	assign(w, 1, 1, 100);
	wait_runs(w, 2);
	near(w->run[0].at_ms - began_at_ms, 150);
	near(w->run[1].at_ms - began_at_ms, 1150);
	struct orders orders = {0};
	order(w, &orders, wire(1, 2, "1s"), 9, 50);
	wait_runs(w, 3);
	assert_int_equal(w->run[2].revision, 2);
	assert_int_equal(w->run[2].assignment, 9);
	assert_int_equal(schedule_count(w->schedule), 1);
}

static void the_local_smallest_interval_holds(void **state)
{
	struct world *w = *state;
	schedule_set_min_interval(w->schedule, 1500);
	int64_t began_at_ms = clock_now_ms();
	assign(w, 1, 1, 0);
	wait_runs(w, 2);
	near(w->run[1].at_ms - began_at_ms, 1500);
}

/* A phase further away than an interval would be a hole. */
static void the_first_start_is_within_an_interval(void **state)
{
	struct world *w = *state;
	int64_t began_at_ms = clock_now_ms();
	assign(w, 1, 1, 3600000);
	wait_runs(w, 1);
	near(w->run[0].at_ms - began_at_ms, 1000);
}

static void a_burst_runs_its_rounds_beside_the_schedule(void **state)
{
	struct world *w = *state;
	assign(w, 1, 1, 450);
	int64_t began_at_ms = clock_now_ms();
	burst(w, 1, 1, 41, 3, 200);
	burst(w, 1, 1, 41, 3, 200); /* a repeated reply */
	burst(w, 1, 2, 51, 3, 200); /* about another revision */
	burst(w, 2, 1, 61, 3, 200); /* not ours */
	wait_runs(w, 4);
	const struct {
		int64_t round, at_ms;
	} expected[] = {{41, 0}, {42, 200}, {43, 400}, {0, 450}};
	for (int i = 0; i < 4; i++) {
		assert_int_equal(w->run[i].round, expected[i].round);
		near(w->run[i].at_ms - began_at_ms, expected[i].at_ms);
	}
	let_pass(w, 300);
	assert_int_equal(w->n_runs, 4);
	burst(w, 1, 1, 44, 1, 200); /* the next one */
	wait_runs(w, 5);
	assert_int_equal(w->run[4].round, 44);
}

static void a_changed_monitor_ends_its_burst(void **state)
{
	struct world *w = *state;
	assign(w, 1, 1, 900);
	burst(w, 1, 1, 1, 5, 200);
	wait_runs(w, 1);
	assign(w, 1, 2, 900);
	let_pass(w, 500);
	assert_int_equal(w->n_runs, 1);
}

static void no_burst_is_faster_than_the_floor(void **state)
{
	struct world *w = *state;
	assign(w, 1, 1, 900);
	int64_t began_at_ms = clock_now_ms();
	burst(w, 1, 1, 1, 3, 0);
	wait_runs(w, 3);
	near(w->run[2].at_ms - began_at_ms, 200);
}

static void drops_are_told(void **state)
{
	struct world *w = *state;
	char id[ID_TEXT_SIZE], nonsense[] = "not an id", *drop[] = {id, nonsense};
	struct id raw = id_of(1);
	id_format(&raw, id);
	assign(w, 1, 1, 100);
	assign(w, 2, 1, 100);
	struct orders orders = {.drop = {.item = drop, .n = 2}};
	schedule_apply(w->schedule, &orders);
	assert_int_equal(w->n_drops, 1);
	assert_int_equal(w->last_drop, 1);
	assert_int_equal(schedule_count(w->schedule), 1);
	let_pass(w, 300);
	assert_int_equal(w->n_runs, 1);
	assert_int_equal(w->run[0].monitor, 2);
}

static void a_snapshot_drops_what_it_does_not_confirm(void **state)
{
	struct world *w = *state;
	for (int i = 1; i <= 3; i++)
		assign(w, i, 1, 900);
	struct orders first = {.reset = true}, middle = {0}, last = {.complete = true};
	order(w, &first, wire(1, 1, "1s"), 1, 900);
	assert_int_equal(w->n_drops, 0);
	order(w, &middle, wire(3, 1, "1s"), 1, 900);
	assert_int_equal(w->n_drops, 0);
	order(w, &last, wire(4, 1, "1s"), 1, 900);
	assert_int_equal(w->n_drops, 1);
	assert_int_equal(w->last_drop, 2);
	assert_int_equal(schedule_count(w->schedule), 3);
	struct orders none = {.reset = true, .complete = true};
	order(w, &none, NULL, 0, 0);
	assert_int_equal(schedule_count(w->schedule), 0);
	assert_int_equal(w->n_drops, 4);
}

/* A monitor that this probe cannot read: the old revision must not go on as if nothing had changed.
 */
static void an_unreadable_monitor_is_dropped_alone(void **state)
{
	struct world *w = *state;
	assign(w, 1, 1, 900);
	assign(w, 2, 1, 900);
	json_t *strange = wire(1, 2, "1s");
	json_object_set_new(strange, "interval", json_string("full moon"));
	struct orders orders = {0};
	order(w, &orders, strange, 1, 100);
	assert_int_equal(schedule_count(w->schedule), 1);
	assert_int_equal(w->last_drop, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_start_is_computed_from_the_anchor),
		cmocka_unit_test(jitter_is_bounded_and_does_not_accumulate),
		TEST(starts_keep_their_phase),
		TEST(what_is_not_known_is_not_checked),
		TEST(a_newer_assignment_sets_the_phase_anew),
		TEST(the_local_smallest_interval_holds),
		TEST(the_first_start_is_within_an_interval),
		TEST(a_burst_runs_its_rounds_beside_the_schedule),
		TEST(a_changed_monitor_ends_its_burst),
		TEST(no_burst_is_faster_than_the_floor),
		TEST(drops_are_told),
		TEST(a_snapshot_drops_what_it_does_not_confirm),
		TEST(an_unreadable_monitor_is_dropped_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
