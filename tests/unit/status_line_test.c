// SPDX-License-Identifier: MIT
/* The coordinator in one line, from nothing at all to a fleet with a fault. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/status_line.h"
#include "coordinator_kit.h"

#include <string.h>

static void it_counts_what_there_is(void **state)
{
	struct coordinator_kit k;
	char text[SERVICE_STATUS_SIZE];

	(void)state;
	kit_open(&k, "memory:", NULL);
	status_line(&k.c, text);
	assert_string_equal(text, "0 of 0 probes voting; 0 monitors");
	kit_add_probe(&k, 1);
	kit_add_monitors(&k, 2, json_object());
	status_line(&k.c, text);
	assert_string_equal(text, "1 of 1 probes voting; 2 monitors: 2 pending");
	kit_close(&k);
}

static void a_problem_is_told_and_a_long_one_is_cut(void **state)
{
	struct coordinator_kit k;
	char text[SERVICE_STATUS_SIZE], problem[SERVICE_STATUS_SIZE + 50];

	(void)state;
	memset(problem, 'x', sizeof(problem));
	problem[sizeof(problem) - 1] = '\0';
	kit_open(&k, "memory:", NULL);
	mem_set(&k.c.store_problem[STORE_PART_STATE], "disk full");
	status_line(&k.c, text);
	assert_string_equal(text, "0 of 0 probes voting; 0 monitors; store: state: disk full");
	mem_set(&k.c.store_problem[STORE_PART_STATE], problem);
	status_line(&k.c, text);
	assert_int_equal(strlen(text), SERVICE_STATUS_SIZE - 1);
	mem_set(&k.c.store_problem[STORE_PART_STATE], NULL);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_counts_what_there_is),
		cmocka_unit_test(a_problem_is_told_and_a_long_one_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
