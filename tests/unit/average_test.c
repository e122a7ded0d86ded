// SPDX-License-Identifier: MIT
/* An average over a window: what is in it, what has left it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/average.h"
#include "quorate/attr.h"

#define WINDOW_MS 300000
#define BEGIN_MS  1000000000

static void the_window_moves(void **state UNUSED)
{
	static const struct {
		int64_t at_ms, us; /* us < 0: nothing is added */
		int64_t n, average_us;
	} steps[] = {
		{0, -1, 0, 0},
		{0, 100, 1, 100},
		{60000, 300, 2, 200},
		{120000, 200, 3, 200},
		{WINDOW_MS - WINDOW_MS / AVERAGE_SLICES, -1, 3, 200},
		{WINDOW_MS, -1, 2, 250}, /* the first one has left */
		{WINDOW_MS + 60000, -1, 1, 200},
		{WINDOW_MS + 60000, 400, 2, 300},
		{10 * WINDOW_MS, -1, 0, 0},
		{10 * WINDOW_MS, 50, 1, 50},
	};
	struct average a;
	average_init(&a, WINDOW_MS);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		int64_t n;
		if (steps[i].us >= 0)
			average_add(&a, BEGIN_MS + steps[i].at_ms, steps[i].us);
		assert_int_equal(
			average_us(&a, BEGIN_MS + steps[i].at_ms, &n), steps[i].average_us);
		assert_int_equal(n, steps[i].n);
	}
}

/* As many as there are in an hour at one a second: the memory stays what it is. */
static void thousands_are_averaged(void **state UNUSED)
{
	struct average a;
	int64_t n;
	average_init(&a, 3600000);
	for (int64_t i = 0; i < 10000; i++)
		average_add(&a, BEGIN_MS + i * 1000, i);
	int64_t us = average_us(&a, BEGIN_MS + 9999000, &n);
	assert_in_range(n, 3480, 3600); /* a slice is 120 s */
	assert_in_range(us, 8195, 8270);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_window_moves), cmocka_unit_test(thousands_are_averaged)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
