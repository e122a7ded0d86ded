// SPDX-License-Identifier: MIT
/* A quorum rule in words and numbers, at the limits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/rule_words.h"

#include <stdlib.h>
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

/* All sentences, joined as they are told. */
static void test_outlook_words(void **state)
{
	static const struct {
		struct quorum_rule rule;
		struct tally tally; /* down, up, warning, split, absent */
		const char *words;
	} table[] = {
		{{1, 1, 1}, {0, 1, 0, 0, 0},
			"its one seat saying down makes it DOWN; "
			"the one up seat falling silent makes it UNDETERMINED"},
		{{1, 1, 1}, {0, 0, 0, 0, 1},
			"its one seat saying down makes it DOWN; "
			"its one seat saying up makes it UP"},
		{{3, 2, 2}, {0, 3, 0, 0, 0},
			"2 seats saying down make it DOWN; "
			"2 of the 3 up seats falling silent make it UNDETERMINED"},
		{{3, 2, 2}, {1, 2, 0, 0, 0},
			"1 more seat saying down makes it DOWN; "
			"1 of the 2 up seats falling silent makes it UNDETERMINED"},
		{{3, 2, 2}, {3, 0, 0, 0, 0},
			"2 of the 3 down seats saying up make it UP; "
			"2 of the 3 down seats falling silent make it UNDETERMINED"},
		{{3, 3, 3}, {0, 0, 0, 0, 3},
			"all 3 seats saying down make it DOWN; all 3 seats saying up make it UP"},
		{{3, 2, 2}, {2, 0, 0, 0, 1},
			"1 of the 2 down seats falling silent makes it UNDETERMINED; "
			"both down seats saying up make it UP"},
		{{5, 3, 2}, {1, 1, 0, 1, 2},
			"1 more seat saying up makes it UP; 2 more seats saying down make it DOWN"},
		{{5, 3, 2}, {3, 2, 0, 0, 0},
			"1 of the 3 down seats saying up makes it UP; "
			"1 of the 3 down seats and 1 of the 2 up seats falling silent make it "
			"UNDETERMINED"},
		{{5, 3, 2}, {0, 4, 1, 0, 0},
			"2 of the 4 up seats warning make it DEGRADED; "
			"3 seats saying down make it DOWN; "
			"4 of the 5 up seats falling silent make it UNDETERMINED"},
		{{5, 3, 2}, {2, 1, 2, 0, 0},
			"1 more seat saying down makes it DOWN; "
			"both down seats saying up make it UP; "
			"2 of the 3 up seats falling silent make it UNDETERMINED"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *turns = outlook_json(&table[i].rule, &table[i].tally), *turn;
		char words[1024] = "";
		size_t k, used = 0;

		json_array_foreach (turns, k, turn)
			used += (size_t)snprintf(words + used, sizeof(words) - used, "%s%s",
				k ? "; " : "", json_string_value(json_object_get(turn, "words")));
		assert_string_equal(words, table[i].words);
		json_decref(turns);
	}
}

static void test_outlook_json(void **state)
{
	struct quorum_rule rule = {5, 3, 2};
	struct tally tally = {.down = 3, .up = 2};
	json_t *turns = outlook_json(&rule, &tally);
	char *text = json_dumps(json_array_get(turns, 1), JSON_COMPACT | JSON_SORT_KEYS);

	(void)state;
	assert_string_equal(text,
		"{\"of\":{\"down\":1,\"up\":1},\"say\":\"silent\",\"seats\":2,"
		"\"to\":\"undetermined\",\"whoever\":false,"
		"\"words\":\"1 of the 3 down seats and 1 of the 2 up seats falling silent make it "
		"UNDETERMINED\"}");
	free(text);
	json_decref(turns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_outlook_words),
		cmocka_unit_test(test_outlook_json),
		cmocka_unit_test(test_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
