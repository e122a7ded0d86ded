// SPDX-License-Identifier: MIT
/*
 * What would change a decision, as it is told: the turn with the fewest seats first, and among equals
 * the one that people care for most. That each is true and minimal is prop/outlook_prop.c's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/outlook.h"

#include <stdio.h>
#include <string.h>

/* "down: 2 up or any; …": so many seats that say so now, or any others. */
static const char *told(const struct turn *turns, int n)
{
	static char text[512];
	size_t used = 0;

	text[0] = 0;
	for (int i = 0; i < n; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"%s%s:", i > 0 ? "; " : "", decision_names[turns[i].to]);
		for (int a = 0; a < ANSWER_COUNT; a++)
			if (turns[i].from[a] > 0)
				used += (size_t)snprintf(text + used, sizeof(text) - used, " %d %s",
					turns[i].from[a], answer_names[a]);
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s", turns[i].whoever ? " or any" : "");
	}
	return text;
}

static void test_the_fewest_seats_first(void **state)
{
	static const struct {
		struct tally tally; /* down, up, warning, split, absent */
		const char *turns;
	} table[] = {
		{{0, 3, 0, 0, 0}, "down: 2 up or any; undetermined: 2 up; degraded: 2 up"},
		{{1, 2, 0, 0, 0}, "down: 1 up or any; undetermined: 1 up; degraded: 1 up"},
		{{2, 1, 0, 0, 0}, "up: 1 down; undetermined: 1 down; degraded: 1 down"},
		{{0, 2, 1, 0, 0}, "degraded: 1 up; down: 2 up or any; undetermined: 2 up"},
		{{0, 2, 0, 1, 0}, "undetermined: 1 up; down: 2 up or any; degraded: 2 up"},
		{{0, 0, 0, 1, 2}, "down: 2 silent or any; up: 2 silent or any; degraded: 2 silent"},
	};
	static const struct quorum_rule rule = {3, 2, 2};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct turn turns[TURNS_MAX];
		int n = outlook_turns(&rule, &table[i].tally, turns);
		assert_string_equal(told(turns, n), table[i].turns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_fewest_seats_first)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
