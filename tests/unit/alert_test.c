// SPDX-License-Identifier: MIT
/* One alert's life as scripts: a signal at an instant, the step that must come of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/alert.h"
#include "quorate/attr.h"

struct line {
	int64_t now_ms;
	enum severity severity;
	bool clear;
	enum alert_step step;
};

static void play(const struct line *line, size_t n, int64_t after_ms)
{
	struct alert_slot slot = {0};
	bool open = false;
	enum severity severity = SEVERITY_NONE;

	for (size_t i = 0; i < n; i++) {
		struct alert_signal signal = {.severity = line[i].severity, .clear = line[i].clear};
		assert_int_equal(
			alert_step(&slot, &signal, after_ms, line[i].now_ms), line[i].step);
		if (line[i].step == ALERT_STEP_OPEN) {
			open = true;
			assert_int_equal(slot.opened_at_ms, line[i].now_ms);
		}
		if (line[i].step == ALERT_STEP_CLOSE)
			open = false;
		if (line[i].step == ALERT_STEP_OPEN || line[i].step == ALERT_STEP_CHANGE)
			severity = line[i].severity;
		assert_int_equal(slot.open, open);
		assert_int_equal(slot.severity, open ? severity : SEVERITY_NONE);
	}
}

#define W SEVERITY_WARNING
#define C SEVERITY_CRITICAL
#define N SEVERITY_NONE

static void test_opens_and_closes(void **state)
{
	static const struct line script[] = {
		{1000, N, true, ALERT_STEP_NONE},
		{1001, W, false, ALERT_STEP_OPEN},
		{1002, W, false, ALERT_STEP_NONE},
		{1003, C, false, ALERT_STEP_CHANGE},
		{1004, C, true, ALERT_STEP_NONE}, /* on wins over clear */
		{1005, W, false, ALERT_STEP_CHANGE},
		{1006, N, false, ALERT_STEP_NONE}, /* nobody answers: stays open */
		{9999999, N, false, ALERT_STEP_NONE},
		{9999999, W, false, ALERT_STEP_NONE},
		{10000000, N, true, ALERT_STEP_CLOSE},
		{10000001, N, true, ALERT_STEP_NONE},
		{10000002, C, false, ALERT_STEP_OPEN},
	};

	(void)state;
	play(script, ARRAY_LEN(script), 0);
}

static void test_after(void **state)
{
	static const struct line script[] = {
		{1000, W, false, ALERT_STEP_NONE},
		{5999, W, false, ALERT_STEP_NONE},
		{6000, C, false, ALERT_STEP_OPEN},
		{6001, N, true, ALERT_STEP_CLOSE},
		{7000, W, false, ALERT_STEP_NONE},
		{11000, N, false, ALERT_STEP_NONE}, /* a gap starts the time over */
		{11500, W, false, ALERT_STEP_NONE},
		{12000, W, false, ALERT_STEP_NONE},
		{16499, W, false, ALERT_STEP_NONE},
		{16500, W, false, ALERT_STEP_OPEN},
	};

	(void)state;
	play(script, ARRAY_LEN(script), 5000);
}

/* Held back it does not open, and its time runs all the same; what is open changes and closes. */
static void test_held(void **state)
{
	struct alert_slot slot = {0};
	struct alert_signal on = {.severity = W, .held = true}, off = {.clear = true, .held = true};

	(void)state;
	assert_int_equal(alert_step(&slot, &on, 5000, 1000), ALERT_STEP_NONE);
	assert_int_equal(alert_step(&slot, &on, 5000, 9000), ALERT_STEP_NONE);
	on.held = false;
	assert_int_equal(alert_step(&slot, &on, 5000, 9001), ALERT_STEP_OPEN);
	on.held = true;
	on.severity = C;
	assert_int_equal(alert_step(&slot, &on, 5000, 9002), ALERT_STEP_CHANGE);
	assert_int_equal(alert_step(&slot, &off, 5000, 9003), ALERT_STEP_CLOSE);
}

static void test_recovered_after(void **state)
{
	struct alert_slot slot = {0};
	struct alert_signal on = {.severity = C}, unsure = {.clear = false};
	struct alert_signal off = {.clear = true, .clear_after_ms = 3000};

	(void)state;
	unsure.clear_after_ms = 3000;
	assert_int_equal(alert_step(&slot, &on, 0, 1000), ALERT_STEP_OPEN);
	assert_int_equal(alert_step(&slot, &off, 0, 2000), ALERT_STEP_NONE);
	assert_int_equal(alert_next_at(&slot, 0, 3000), 5000);
	assert_int_equal(alert_step(&slot, &off, 0, 4999), ALERT_STEP_NONE);
	assert_int_equal(alert_step(&slot, &on, 0, 5000), ALERT_STEP_NONE); /* starts over */
	assert_true(alert_next_at(&slot, 0, 3000) == INT64_MAX);
	assert_int_equal(alert_step(&slot, &off, 0, 6000), ALERT_STEP_NONE);
	assert_int_equal(alert_step(&slot, &unsure, 0, 7000), ALERT_STEP_NONE); /* here too */
	assert_int_equal(alert_step(&slot, &off, 0, 8000), ALERT_STEP_NONE);
	assert_int_equal(alert_step(&slot, &off, 0, 10999), ALERT_STEP_NONE);
	assert_true(slot.open);
	assert_int_equal(alert_step(&slot, &off, 0, 11000), ALERT_STEP_CLOSE);
	assert_int_equal(slot.clear_since_ms, 0);
	assert_true(alert_next_at(&slot, 0, 3000) == INT64_MAX);
}

static void test_next_at(void **state)
{
	struct alert_slot slot = {0};
	struct alert_signal on = {.severity = SEVERITY_WARNING}, off = {.clear = true};

	(void)state;
	assert_true(alert_next_at(&slot, 5000, 0) == INT64_MAX);
	assert_int_equal(alert_step(&slot, &on, 5000, 1000), ALERT_STEP_NONE);
	assert_int_equal(alert_next_at(&slot, 5000, 0), 6000);
	assert_int_equal(alert_step(&slot, &off, 5000, 1500), ALERT_STEP_NONE);
	assert_true(alert_next_at(&slot, 5000, 0) == INT64_MAX);
	assert_int_equal(alert_step(&slot, &on, 0, 2000), ALERT_STEP_OPEN);
	assert_true(alert_next_at(&slot, 5000, 0) == INT64_MAX);
}

static void test_remind_at(void **state)
{
	(void)state;
	assert_int_equal(alert_remind_at(1000, 500), 1500);
	assert_int_equal(alert_remind_at(1000, 1), 1001);
	assert_true(alert_remind_at(1000, 0) == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_and_closes),
		cmocka_unit_test(test_after),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_recovered_after),
		cmocka_unit_test(test_next_at),
		cmocka_unit_test(test_remind_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
