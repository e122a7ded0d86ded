// SPDX-License-Identifier: MIT
/* A watch in maintenance: nothing opens, what was open closes, and the end asks for a look first. The
 * notation is in watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

static void test_looked_at_before_it_opens(void **state)
{
	struct kit k;

	(void)state;
	kit_start_blocked(&k, BLOCK_MAINTENANCE);
	assert_false(watch_wants_look(k.w, k.now_ms));
	k.now_ms += 50000;
	assert_string_equal(kit_all(&k, 0, "DDD"), "");
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	assert_string_equal(kit_tick(&k, k.now_ms), "");
	assert_true(watch_wants_look(k.w, k.now_ms));
	k.now_ms += 300;
	assert_string_equal(kit_says(&k, 1, 3, 'D'), "");
	assert_true(watch_wants_look(k.w, k.now_ms));
	assert_string_equal(kit_says(&k, 2, 3, 'D'), "open down critical");
	assert_false(watch_wants_look(k.w, k.now_ms));
	watch_block(k.w, BLOCK_PARENT, k.now_ms); /* another matter: a parent asks for none */
	watch_block(k.w, BLOCK_NONE, k.now_ms + 1);
	assert_false(watch_wants_look(k.w, k.now_ms + 1));
	kit_clear(&k);
}

static void test_held_for_so_long(void **state)
{
	struct kit k;

	(void)state;
	kit_start_blocked(&k, BLOCK_MAINTENANCE);
	k.now_ms += 600000;
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	k.now_ms += 200;
	for (uint32_t key = 1; key <= 2; key++) {
		struct vote vote = kit_vote(&k, VERDICT_DOWN);
		watch_take(k.w, key, 0, &vote, k.now_ms);
	}
	watch_tick(k.w, k.now_ms, &k.actions);
	assert_true(k.actions.n > 0);
	assert_int_equal(k.actions.item[k.actions.n - 1].type, WATCH_OPEN);
	assert_int_equal(k.actions.item[k.actions.n - 1].held_ms, 600200);
	kit_clear(&k);
}

static void test_what_was_open_closes(void **state)
{
	struct kit k;

	(void)state;
	kit_start_down(&k);
	watch_block(k.w, BLOCK_MAINTENANCE, k.now_ms);
	k.now_ms += 20000;
	assert_string_equal(kit_comes_up(&k, 1, 3), "down>up; close down");
	kit_clear(&k);
}

/* A parent that is down when the window ends holds it back on; the look waits, too. */
static void test_parent_after_the_window(void **state)
{
	struct kit k;

	(void)state;
	kit_start_blocked(&k, BLOCK_MAINTENANCE);
	watch_block(k.w, BLOCK_PARENT, k.now_ms);
	assert_false(watch_is_released(k.w));
	assert_false(watch_wants_look(k.w, k.now_ms));
	k.now_ms += 10000;
	assert_string_equal(kit_all(&k, 0, "DDD"), "");
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	assert_true(watch_wants_look(k.w, k.now_ms));
	k.now_ms += 10000;
	assert_string_equal(kit_all(&k, 0, "DDD"), "open down critical");
	kit_clear(&k);
}

/* The parent goes down while the look is awaited: it is still to come when that is over, whatever was
 * said meanwhile. */
static void test_parent_before_the_look(void **state)
{
	struct kit k;

	(void)state;
	kit_start_blocked(&k, BLOCK_MAINTENANCE);
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	assert_true(watch_wants_look(k.w, k.now_ms));
	watch_block(k.w, BLOCK_PARENT, k.now_ms + 100);
	assert_false(watch_wants_look(k.w, k.now_ms + 100));
	k.now_ms += 10000;
	assert_string_equal(kit_all(&k, 0, "DDD"), "");
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	assert_true(watch_wants_look(k.w, k.now_ms));
	kit_clear(&k);
}

/* A window that follows soon: the release of the first is no leave to open within it. */
static void test_next_window(void **state)
{
	struct kit k;

	(void)state;
	kit_start_blocked(&k, BLOCK_MAINTENANCE);
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	kit_tick(&k, k.now_ms);
	k.now_ms += 1000;
	watch_block(k.w, BLOCK_MAINTENANCE, k.now_ms);
	assert_false(watch_wants_look(k.w, k.now_ms));
	k.now_ms += 10000;
	assert_string_equal(kit_all(&k, 0, "DDD"), "");
	assert_true(watch_is_released(k.w));
	k.now_ms += 10000;
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	assert_string_equal(kit_tick(&k, k.now_ms), "");
	k.now_ms += 10000;
	assert_string_equal(kit_all(&k, 0, "DD"), "open down critical");
	kit_clear(&k);
}

/* Held as well when the window ends (a restart, a lag): the look comes after the hold. */
static void test_hold_over_the_end(void **state)
{
	struct kit k;

	(void)state;
	kit_start_blocked(&k, BLOCK_MAINTENANCE);
	k.w->held = true;
	watch_block(k.w, BLOCK_NONE, k.now_ms);
	kit_tick(&k, k.now_ms);
	assert_false(watch_wants_look(k.w, k.now_ms));
	k.w->held = false;
	kit_tick(&k, k.now_ms + 1000);
	assert_true(watch_wants_look(k.w, k.now_ms));
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_looked_at_before_it_opens),
		cmocka_unit_test(test_held_for_so_long),
		cmocka_unit_test(test_what_was_open_closes),
		cmocka_unit_test(test_parent_after_the_window),
		cmocka_unit_test(test_parent_before_the_look),
		cmocka_unit_test(test_next_window),
		cmocka_unit_test(test_hold_over_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
