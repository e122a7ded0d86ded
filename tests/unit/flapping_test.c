// SPDX-License-Identifier: MIT
/* Flapping as stories: without bursts, so that two looks a second apart decide. The notation is in
 * watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

static void start_flaps(struct kit *k, int changes)
{
	struct watch_rule rule = kit_rule(3, 2, 2);

	rule.rounds = 0;
	rule.gap_ms = 1000;
	rule.flap_changes = changes;
	rule.flap_window_ms = 600000;
	kit_init(k, &rule, 3);
	k->now_ms = 5000; /* the clock began with the machine: instant 0 is within the window */
	kit_all(k, 0, "UUU");
	assert_int_equal(watch_changes(k->w, k->now_ms), 0);
}

/* WAIT_MS later all say LETTERS, and it is believed a second after. */
static const char *turn(struct kit *k, int64_t wait_ms, const char *letters)
{
	kit_run(k, k->now_ms + wait_ms - 1000);
	kit_all(k, 0, letters);
	return kit_run(k, k->now_ms + 1000);
}

static void test_flapping_stands_for_many(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 4);
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open down critical");
	assert_string_equal(turn(&k, 30000, "UUU"), "down>up; close down");
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open down critical");
	assert_string_equal(turn(&k, 30000, "UUU"), "down>up; close down; open flapping critical");
	for (int i = 0; i < 8; i++) {
		assert_string_equal(turn(&k, 30000, "DDD"), "up>down");
		assert_string_equal(turn(&k, 30000, "UUU"), "down>up");
	}
	assert_int_equal(watch_changes(&k.w[0], k.now_ms), 20);
	int64_t last_ms = k.now_ms;
	kit_all(&k, 0, "UUU");
	assert_string_equal(kit_run(&k, last_ms + 60000), "");
	kit_all(&k, 0, "UUU");
	assert_string_equal(kit_run(&k, last_ms + 99999), "");
	assert_int_equal(k.next_ms, last_ms + 100000); /* a sixth of the window */
	assert_string_equal(kit_run(&k, last_ms + 100000), "close flapping");
	kit_clear(&k);
}

/* Down for good at the end: the down alert opens when the flapping is over, not later. */
static void test_flapping_ends_down(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	turn(&k, 30000, "DDD");
	turn(&k, 30000, "UUU");
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open flapping critical");
	int64_t last_ms = k.now_ms;
	for (int i = 1; i < 4; i++) {
		assert_string_equal(kit_run(&k, last_ms + i * 25000), "");
		kit_all(&k, 0, "DDD");
	}
	assert_string_equal(kit_run(&k, last_ms + 100000), "open down critical; close flapping");
	kit_clear(&k);
}

static void test_flapping_limits(void **state)
{
	struct kit k;

	(void)state;
	/* the oldest of three changes is exactly as old as the window: two remain */
	start_flaps(&k, 3);
	turn(&k, 30000, "DDD");
	int64_t first_ms = k.now_ms;
	turn(&k, 30000, "UUU");
	while (k.now_ms < first_ms + 570000) {
		kit_run(&k, k.now_ms + 30000);
		kit_all(&k, 0, "UUU");
	}
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open down critical");
	assert_int_equal(k.now_ms, first_ms + 600000);
	assert_int_equal(watch_changes(k.w, k.now_ms), 2);
	assert_int_equal(watch_changes(k.w, k.now_ms - 1), 3);
	kit_clear(&k);

	/* off */
	start_flaps(&k, 0);
	for (int i = 0; i < 12; i++) {
		assert_string_equal(turn(&k, 5000, "DDD"), "up>down; open down critical");
		assert_string_equal(turn(&k, 5000, "UUU"), "down>up; close down");
	}
	kit_clear(&k);
}

/* A down alert that waits for its recovery to last is one alert for all of it. */
static void test_recovered_after_keeps_flapping_quiet(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	k.w->rule.recovered_after_ms = 45000;
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open down critical");
	for (int i = 0; i < 4; i++) {
		assert_string_equal(turn(&k, 30000, "UUU"), "down>up");
		assert_string_equal(turn(&k, 30000, "DDD"), "up>down");
	}
	assert_string_equal(turn(&k, 30000, "UUU"), "down>up");
	int64_t up_ms = k.now_ms;
	assert_int_equal(k.next_ms, up_ms + 45000);
	assert_string_equal(kit_run(&k, up_ms + 45000), "close down; open flapping critical");
	kit_clear(&k);
}

/* After a restart the calm is counted from the end of the hold. */
static void test_flapping_restored(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	watch_restore(k.w, ALERT_FLAPPING, SEVERITY_CRITICAL, k.now_ms - 500000);
	assert_true(k.w->flapping);
	k.w->held = true;
	kit_tick(&k, k.now_ms + 20000);
	int64_t end_ms = k.now_ms;
	k.w->held = false;
	for (int i = 1; i < 4; i++) {
		assert_string_equal(kit_run(&k, end_ms + i * 25000), "");
		kit_all(&k, 0, "UUU");
	}
	assert_string_equal(kit_run(&k, end_ms + 99999), "");
	assert_string_equal(kit_run(&k, end_ms + 100000), "close flapping");

	/* restored, and no longer wanted */
	watch_restore(k.w, ALERT_FLAPPING, SEVERITY_CRITICAL, k.now_ms);
	k.w->rule.flap_changes = 0;
	assert_string_equal(kit_run(&k, k.now_ms + 1), "close flapping");
	kit_clear(&k);
}

/* Held for longer than the window (a coordinator that hung): it opens since the newest change. */
static void test_flapping_after_a_long_hold(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	k.w->rule.recovered_after_ms = 45000;
	turn(&k, 30000, "DDD");
	turn(&k, 30000, "UUU");
	turn(&k, 30000, "DDD");
	assert_string_equal(turn(&k, 30000, "UUU"), "down>up"); /* the down alert is still open */
	int64_t last_ms = k.now_ms;
	k.w->held = true;
	kit_tick(&k, k.now_ms + 700000);
	k.w->held = false;
	kit_all(&k, 0, "UUU");
	assert_int_equal(watch_changes(k.w, k.now_ms), 0);
	k.next_ms = watch_tick(k.w, k.now_ms += 45000, &k.actions);
	assert_int_equal(k.actions.n, 2);
	assert_int_equal(k.actions.item[1].type, WATCH_OPEN);
	assert_int_equal(k.actions.item[1].kind, ALERT_FLAPPING);
	assert_int_equal(k.actions.item[1].started_at_ms, last_ms);
	kit_clear(&k);
}

/* What changed in maintenance was the work's: it is counted anew. */
static void test_maintenance_forgets_changes(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	watch_block(k.w, BLOCK_MAINTENANCE, k.now_ms);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(turn(&k, 30000, "DDD"), "up>down");
		assert_string_equal(turn(&k, 30000, "UUU"), "down>up");
	}
	assert_int_equal(watch_changes(k.w, k.now_ms), 4);
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	assert_int_equal(watch_changes(k.w, k.now_ms), 0);
	assert_string_equal(turn(&k, 30000, "UUU"), "");
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open down critical");
	assert_string_equal(turn(&k, 30000, "UUU"), "down>up; close down");
	assert_string_equal(turn(&k, 30000, "DDD"), "up>down; open flapping critical");
	kit_clear(&k);
}

static void test_flapping_tells_since_when(void **state)
{
	struct kit k;

	(void)state;
	start_flaps(&k, 3);
	turn(&k, 30000, "DDD");
	int64_t first_ms = k.now_ms;
	turn(&k, 30000, "UUU");
	kit_run(&k, k.now_ms + 29000);
	kit_all(&k, 0, "DDD");
	k.now_ms += 1000;
	watch_tick(k.w, k.now_ms, &k.actions);
	assert_int_equal(k.actions.n, 2);
	assert_int_equal(k.actions.item[1].kind, ALERT_FLAPPING);
	assert_int_equal(k.actions.item[1].started_at_ms, first_ms);
	assert_int_equal(k.actions.item[1].reason, REASON_TCP_REFUSED);
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flapping_stands_for_many),
		cmocka_unit_test(test_flapping_ends_down),
		cmocka_unit_test(test_flapping_limits),
		cmocka_unit_test(test_recovered_after_keeps_flapping_quiet),
		cmocka_unit_test(test_flapping_restored),
		cmocka_unit_test(test_flapping_after_a_long_hold),
		cmocka_unit_test(test_maintenance_forgets_changes),
		cmocka_unit_test(test_flapping_tells_since_when),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
