// SPDX-License-Identifier: MIT
/* Jumps of the loop and of the clocks, at their limits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/tilt.h"
#include "quorate/attr.h"

static void jumps_are_judged(void **state)
{
	(void)state;
	const struct {
		int64_t passed_ms, wall_passed_ms;
		enum tilt_kind kind;
		int64_t gap_ms;
	} table[] = {
		{0, 0, TILT_NONE, 0},
		{500, 500, TILT_NONE, 0},
		{2500, 2500, TILT_NONE, 0},
		{2501, 2501, TILT_STALL, 2501},
		{60000, 60000, TILT_STALL, 60000},
		{500, 2500, TILT_NONE, 0},
		{500, 2501, TILT_CLOCK, 2001},
		{500, -1500, TILT_NONE, 0},
		{500, -1501, TILT_CLOCK, -2001},
		{500, 3600500, TILT_CLOCK, 3600000},
		{9000, 3609000, TILT_STALL, 9000},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct tilt t;
		int64_t gap_ms = -7;
		tilt_init(&t, 1000, 50000);
		enum tilt_kind kind = tilt_look(
			&t, 1000 + table[i].passed_ms, 50000 + table[i].wall_passed_ms, &gap_ms);
		if (kind != table[i].kind || gap_ms != table[i].gap_ms)
			fail_msg("row %zu: %s", i, tilt_names[kind]);
		assert_true(t.tilted_at_ms ==
			    (kind == TILT_NONE ? INT64_MIN : 1000 + table[i].passed_ms));
	}
}

static void a_jump_is_told_once(void **state)
{
	(void)state;
	struct tilt t;
	int64_t gap_ms;
	tilt_init(&t, 0, 0);
	assert_int_equal(tilt_look(&t, 500, 10500, &gap_ms), TILT_CLOCK);
	assert_int_equal(tilt_look(&t, 1000, 11000, &gap_ms), TILT_NONE);
	assert_int_equal(t.tilted_at_ms, 500);
	assert_int_equal(t.kind, TILT_CLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jumps_are_judged),
		cmocka_unit_test(a_jump_is_told_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
