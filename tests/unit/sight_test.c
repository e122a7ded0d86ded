// SPDX-License-Identifier: MIT
/* The coordinator's own sight: when it is lost, when it is back, and that no probe is blamed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/court.h"
#include "coordinator/core/sight.h"
#include "quorate/attr.h"

static void test_how_many_are_too_many(void **state)
{
	static const struct {
		int probes, silent;
		bool lost, stays_lost;
	} table[] = {
		{0, 0, false, false},
		{1, 1, false, true}, /* one probe: its own alert */
		{2, 1, false, false},
		{2, 2, true, true},
		{3, 1, false, false},
		{3, 2, false, true}, /* told by their names */
		{3, 3, true, true},
		{4, 2, false, false},
		{4, 3, true, true},
		{5, 2, false, false},
		{5, 3, true, true},
		{6, 3, false, false},
		{6, 4, true, true},
		{100, 50, false, false},
		{100, 51, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct sight_facts facts = {.probes = table[i].probes, .silent = table[i].silent};
		struct sight sight = {0};
		enum alert_step step = sight_tick(&sight, &facts, 1000);
		assert_int_equal(sight.lost, table[i].lost);
		assert_int_equal(step, sight.lost ? ALERT_STEP_OPEN : ALERT_STEP_NONE);
		sight_restore(&sight, SEVERITY_WARNING, 500);
		step = sight_tick(&sight, &facts, 2000);
		assert_int_equal(sight.lost, table[i].stays_lost);
		assert_int_equal(step, sight.lost ? ALERT_STEP_NONE : ALERT_STEP_CLOSE);
	}
}

static void test_one_alert_with_its_severity(void **state)
{
	static const struct {
		int silent, undetermined;
		bool held;
		enum alert_step step;
		enum severity severity;
	} table[] = {
		{8, 0, true, ALERT_STEP_NONE, SEVERITY_NONE},
		{8, 0, false, ALERT_STEP_OPEN, SEVERITY_WARNING},
		{9, 0, false, ALERT_STEP_NONE, SEVERITY_WARNING},
		{9, 1, false, ALERT_STEP_CHANGE, SEVERITY_UNKNOWN},
		{9, 500, false, ALERT_STEP_NONE, SEVERITY_UNKNOWN},
		{0, 0, true, ALERT_STEP_NONE, SEVERITY_UNKNOWN},
		{9, 0, false, ALERT_STEP_CHANGE, SEVERITY_WARNING},
		{4, 0, false, ALERT_STEP_CLOSE, SEVERITY_NONE},
	};
	struct sight sight = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct sight_facts facts = {.probes = 9,
			.silent = table[i].silent,
			.undetermined = table[i].undetermined,
			.held = table[i].held};
		assert_int_equal(
			sight_tick(&sight, &facts, 1000 * (int64_t)(i + 1)), table[i].step);
		assert_int_equal(sight.slot.severity, table[i].severity);
		assert_int_equal(sight.lost, sight.slot.open);
	}
}

/* Excused, it has its whole time again. */
static void test_each_probe_is_judged_by_itself_afterwards(void **state)
{
	struct court_facts facts = {.monitors = 3};
	struct court c;

	(void)state;
	court_init(&c, 1000);
	court_excuse(&c, 400000);
	assert_int_equal(court_tick(&c, &facts, 400000 + PROBE_LOST_MS - 1).step, ALERT_STEP_NONE);
	assert_int_equal(court_tick(&c, &facts, 400000 + PROBE_LOST_MS).step, ALERT_STEP_OPEN);
	assert_int_equal(c.fault, FAULT_LOST);
	court_heard(&c, 500000);
	assert_int_equal(court_tick(&c, &facts, 500000).step, ALERT_STEP_CLOSE);
	assert_int_equal(court_tick(&c, &facts, 500000 + PROBE_LOST_MS - 1).step, ALERT_STEP_NONE);
	assert_int_equal(court_tick(&c, &facts, 500000 + PROBE_LOST_MS).step, ALERT_STEP_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_how_many_are_too_many),
		cmocka_unit_test(test_one_alert_with_its_severity),
		cmocka_unit_test(test_each_probe_is_judged_by_itself_afterwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
