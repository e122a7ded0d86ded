// SPDX-License-Identifier: MIT
/* The watches on real time: slices, numbers of rounds, what comes and goes meanwhile. Decisions are
 * the business of core/, and tested there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/verdicts_internal.h"
#include "tests/unit/coordinator_kit.h"

#define MONITORS    350
#define SLICE       100
#define PATIENCE_MS 20000

struct world {
	struct coordinator_kit k;
	struct timer pulse, patience;
	size_t open, wanted, turns; /* alerts; turns that opened any */
};

static int setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));

	kit_open(&w->k, "memory:", NULL);
	kit_add_probe(&w->k, 0);
	kit_add_monitors(&w->k, MONITORS,
		json_pack("{s:{s:i, s:i, s:s}}", "quorum", "seats", 1, "rounds", 0, "gap", "1s"));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	timer_clear(&w->pulse);
	timer_clear(&w->patience);
	kit_close(&w->k);
	free(w);
	return 0;
}

static void out_of_patience(void *arg)
{
	(void)arg;
	fail_msg("nothing came within %d ms", PATIENCE_MS);
}

/* Once in every turn of the loop. */
static void pulse(void *arg)
{
	struct world *w = arg;
	size_t open = alerts_count_open(w->k.c.alerts);

	assert_true(open <= w->open + SLICE);
	w->turns += open != w->open;
	w->open = open;
	if (open == w->wanted)
		loop_stop(w->k.c.loop);
	else
		timer_set(&w->pulse, 0);
}

static void wait_for_alerts(struct world *w, size_t wanted)
{
	w->wanted = wanted;
	timer_init(&w->pulse, w->k.c.loop, pulse, w);
	timer_init(&w->patience, w->k.c.loop, out_of_patience, w);
	timer_set(&w->pulse, 0);
	timer_set(&w->patience, PATIENCE_MS);
	loop_run(w->k.c.loop);
}

static void say_all_down(struct world *w)
{
	struct registered *entry = NULL;

	while ((entry = registry_next_monitor(w->k.c.registry, entry ? &entry->m.id : NULL)))
		kit_report(&w->k, 0, &entry->m, 0, VERDICT_DOWN);
}

static void test_a_mass_event_is_cut_in_slices(void **state)
{
	struct world *w = *state;

	say_all_down(w);
	assert_int_equal(alerts_count_open(w->k.c.alerts), 0);
	wait_for_alerts(w, MONITORS);
	assert_true(w->turns >= (MONITORS + SLICE - 1) / SLICE);
}

/* A monitor that goes while it stands in the queue is not looked at any more. */
static void test_monitors_go_while_they_wait_for_their_turn(void **state)
{
	struct world *w = *state;

	say_all_down(w);
	for (int i = 0; i < 10; i++) {
		char name[32];
		snprintf(name, sizeof(name), "monitor %d", i * 30);
		const struct registered *entry = registry_monitor_by_name(w->k.c.registry, name);
		assert_non_null(entry);
		assert_int_equal(
			registry_remove_monitor(w->k.c.registry, &entry->m.id, kit_done, &w->k), 0);
		loop_run(w->k.c.loop);
	}
	wait_for_alerts(w, MONITORS - 10);
}

/* Nobody looks at a paused monitor: what is open about it is closed, and it begins anew. */
static void test_a_paused_monitor_is_not_watched(void **state)
{
	struct world *w = *state;
	struct registry *r = w->k.c.registry;
	const struct registered *entry = registry_monitor_by_name(r, "monitor 7");
	struct pause pause = {.until_wall_ms = clock_wall_ms() - 1, .by = mem_strdup("anna")};
	struct verdict_counts counts;
	int64_t since_wall_ms;
	json_t *explained;

	say_all_down(w);
	wait_for_alerts(w, MONITORS);
	assert_int_equal(registry_pause(r, &entry->m.id, &pause, kit_done, &w->k), 0);
	loop_run(w->k.c.loop);
	assert_null(alerts_case(w->k.c.alerts, ALERT_DOWN, &entry->m.id));
	assert_int_equal(alerts_count_open(w->k.c.alerts), MONITORS - 1);
	assert_int_equal(
		verdicts_state(w->k.c.verdicts, &entry->m.id, &since_wall_ms), STATE_PAUSED);
	assert_true(since_wall_ms == entry->pause.at_wall_ms);
	explained = verdicts_explain(w->k.c.verdicts, &entry->m.id);
	assert_non_null(strstr(json_string_value(json_object_get(explained, "sentence")),
		"PAUSED by anna until "));
	json_decref(explained);
	verdicts_counts(w->k.c.verdicts, &counts);
	assert_int_equal(counts.by_state[STATE_PAUSED], 1);

	registry_end_pauses(r, clock_wall_ms());
	assert_int_equal(
		verdicts_state(w->k.c.verdicts, &entry->m.id, &since_wall_ms), STATE_PENDING);
}

/* A probe takes the same first round within a minute for a repetition: a restart must not begin
 * with 1 again. */
static void test_rounds_are_numbered_by_the_clock(void **state)
{
	struct world *w = *state;
	int64_t now_ms = clock_wall_ms();

	for (const struct watched *wd = w->k.c.verdicts->watched; wd; wd = wd->hh.next)
		assert_in_range(wd->w->next_round, now_ms - 60000, now_ms);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_mass_event_is_cut_in_slices),
		TEST(test_monitors_go_while_they_wait_for_their_turn),
		TEST(test_a_paused_monitor_is_not_watched),
		TEST(test_rounds_are_numbered_by_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
