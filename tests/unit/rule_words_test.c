// SPDX-License-Identifier: MIT
/* A quorum rule in words and numbers, at the limits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/rule_words.h"

#include <string.h>

static void test_words(void **state)
{
	static const struct {
		struct quorum_rule rule;
		const char *words;
	} table[] = {
		{{1, 1, 1}, "no quorum: one probe decides"},
		{{2, 2, 1},
			"DOWN when 2 of 2 seats say down, UP when 1 say up; tolerates 0 lying of "
			"2; 1 with a broken path and 0 silent"},
		{{3, 2, 2},
			"DOWN when 2 of 3 seats say down, UP when 2 say up; tolerates 1 lying of "
			"3; with none lying, 1 with a broken path and 1 silent"},
		{{3, 3, 2},
			"DOWN when 3 of 3 seats say down, UP when 2 say up; tolerates 0 lying of "
			"3; 2 with a broken path and 0 silent"},
		{{3, 1, 1},
			"DOWN when 1 of 3 seats say down, UP when 1 say up; tolerates 0 lying of "
			"3; 0 with a broken path and 2 silent"},
		{{5, 3, 2},
			"DOWN when 3 of 5 seats say down, UP when 2 say up; tolerates 2 lying of "
			"5; with none lying, 2 with a broken path and 2 silent"},
		{{15, 10, 4}, "DOWN when 10 of 15 seats say down, UP when 4 say up; tolerates 5 "
			      "lying of 15; with none lying, 9 with a broken path and 5 silent"},
	};
	char words[RULE_WORDS_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(rule_words(&table[i].rule, words), table[i].words);
}

static void test_numbers(void **state)
{
	struct monitor m = {.quorum.seats = 5, .domain = DOMAIN_PROVIDER};
	struct quorum_rule rule = {4, 3, 1};
	json_t *out = rule_json(&rule, &m);
	int lying, broken, silent, seats, requested;
	const char *domain;

	(void)state;
	assert_int_equal(json_unpack(out, "{s:i, s:i, s:s, s:{s:i, s:i, s:i}}", "seats", &seats,
				 "requested_seats", &requested, "domain", &domain, "tolerates",
				 "lying", &lying, "broken_path", &broken, "silent", &silent),
		0);
	assert_int_equal(seats, 4);
	assert_int_equal(requested, 5);
	assert_string_equal(domain, "provider");
	assert_int_equal(lying, 1);
	assert_int_equal(broken, 2);
	assert_int_equal(silent, 1);
	json_decref(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
