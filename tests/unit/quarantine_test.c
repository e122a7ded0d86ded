// SPDX-License-Identifier: MIT
/* Quarantine: what counts as evidence, how long it has to last, whom an electorate can spare. The
 * laws are in tests/prop/quarantine_prop.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/quarantine.h"
#include "quorate/attr.h"

#include <ctype.h>
#include <string.h>

#define MINUTE_MS 60000
#define NOW_MS    1000000

/* "a1D a1U b2D": organization, network, dissents or agrees. */
static size_t testimony_of(const char *text, struct testimony *out)
{
	size_t n = 0;

	for (; *text; text += text[3] ? 4 : 3)
		out[n++] = (struct testimony){(uint64_t)(text[0] - 'a' + 1),
			(uint64_t)(text[1] - '0'), text[2] == 'D', MINUTE_MS};
	return n;
}

static void test_counts_networks_not_monitors(void **state)
{
	static const struct {
		const char *testimony;
		int networks, against;
		size_t taken; /* of the first organization */
	} table[] = {
		{"a1D", 1, 1, 1},
		{"a1U", 1, 0, 1},
		{"a1D a1D a1D", 1, 1, 3},
		{"a1D a1U", 1, 0, 2}, /* a half is no majority */
		{"a1D a1U a1D", 1, 1, 3},
		{"a3U a1D a2D a1D a3U", 3, 2, 5},
		{"b1D a1U b2D a2D", 2, 1, 2},
		{"c1D b1D a1D b1D a1D c2U a2D", 2, 2, 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct testimony t[16];
		struct accusation found;
		size_t n = testimony_of(table[i].testimony, t);
		quarantine_sort(t, n);
		assert_int_equal(quarantine_count(t, n, &found), table[i].taken);
		assert_int_equal(found.organization, 1);
		assert_int_equal(found.networks, table[i].networks);
		assert_int_equal(found.against, table[i].against);
		assert_int_equal(found.interval_ms, MINUTE_MS);
	}
}

static void test_remembers_a_network_that_contradicts(void **state)
{
	struct testimony t[8];
	struct accusation found;
	size_t n = testimony_of("a1U a2D a3U", t);

	(void)state;
	quarantine_sort(t, n);
	assert_int_equal(quarantine_count(t, n, &found), 3);
	assert_int_equal(found.network, 2);
}

static void test_the_longest_interval_within_bounds(void **state)
{
	static const struct {
		int64_t interval_ms[2], longest_ms;
	} table[] = {
		{{10000, 60000}, 60000},
		{{60000, 10000}, 60000},
		{{QUARANTINE_INTERVAL_MAX_MS - 1, 1}, QUARANTINE_INTERVAL_MAX_MS - 1},
		{{QUARANTINE_INTERVAL_MAX_MS + 1, 1}, QUARANTINE_INTERVAL_MAX_MS},
		{{86400000, 60000}, QUARANTINE_INTERVAL_MAX_MS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct testimony t[] = {{1, 1, true, table[i].interval_ms[0]},
			{1, 2, true, table[i].interval_ms[1]}};
		struct accusation found;
		assert_int_equal(quarantine_count(t, 2, &found), 2);
		assert_int_equal(found.interval_ms, table[i].longest_ms);
	}
}

/* ---- time */

static const struct accusation three = {1, 5, 3, 7, MINUTE_MS}, two = {1, 3, 2, 7, MINUTE_MS},
			       half = {1, 6, 3, 8, MINUTE_MS}, none = {1, 5, 0, 0, MINUTE_MS};

static void test_has_to_last(void **state)
{
	const int64_t long_ms = QUARANTINE_ROUNDS * MINUTE_MS,
		      calm_ms = QUARANTINE_CALM_ROUNDS * MINUTE_MS;
	struct charge c = {0};

	(void)state;
	quarantine_follow(&c, &three, NOW_MS);
	assert_false(quarantine_is_idle(&c));
	quarantine_follow(&c, &three, NOW_MS + long_ms - 1);
	assert_false(c.accuses.on);
	assert_int_equal(c.own_since_ms, 0);
	quarantine_follow(&c, &three, NOW_MS + long_ms);
	assert_true(c.accuses.on && c.wide.on);
	assert_int_equal(c.own_since_ms, NOW_MS + long_ms);
	assert_int_equal(c.network, 7);
	assert_int_equal(c.organization, 1);

	int64_t from_ms = NOW_MS + 2 * long_ms;
	quarantine_follow(&c, &none, from_ms);
	quarantine_follow(&c, &none, from_ms + calm_ms - 1);
	assert_int_equal(c.own_since_ms, NOW_MS + long_ms); /* of its beginning */
	assert_int_equal(c.network, 7);
	quarantine_follow(&c, &none, from_ms + calm_ms);
	assert_int_equal(c.own_since_ms, 0);
	assert_true(quarantine_is_idle(&c));
}

/* Whose organization has nothing any more that could take it back. */
static void test_lapses_when_nobody_testifies(void **state)
{
	struct charge c = {0};

	(void)state;
	quarantine_follow(&c, &three, NOW_MS);
	assert_false(quarantine_is_lapsed(&c, NOW_MS + QUARANTINE_LAPSED_MS));
	assert_true(quarantine_is_lapsed(&c, NOW_MS + QUARANTINE_LAPSED_MS + 1));
	quarantine_follow(&c, &none, NOW_MS + QUARANTINE_LAPSED_MS);
	assert_false(quarantine_is_lapsed(&c, NOW_MS + QUARANTINE_LAPSED_MS + 1));
}

/* A look that says otherwise starts the time over; so does one that was not taken. */
static void test_starts_over(void **state)
{
	const int64_t long_ms = QUARANTINE_ROUNDS * MINUTE_MS;
	struct charge c = {0};

	(void)state;
	quarantine_follow(&c, &three, NOW_MS);
	quarantine_follow(&c, &half, NOW_MS + 1000);
	assert_true(quarantine_is_idle(&c));
	quarantine_follow(&c, &three, NOW_MS + 2000);
	quarantine_follow(&c, &three, NOW_MS + long_ms);
	assert_false(c.accuses.on);
	quarantine_rest(&c);
	assert_true(quarantine_is_idle(&c));
	quarantine_follow(&c, &three, NOW_MS + long_ms + 2000);
	assert_false(c.accuses.on || c.wide.on);
	quarantine_follow(&c, &three, NOW_MS + 2 * long_ms + 2000);
	assert_true(c.accuses.on && c.wide.on);
}

static void test_two_networks_accuse_but_set_nothing_aside(void **state)
{
	const int64_t long_ms = QUARANTINE_ROUNDS * MINUTE_MS;
	struct charge c = {0};

	(void)state;
	quarantine_follow(&c, &two, NOW_MS);
	quarantine_follow(&c, &two, NOW_MS + long_ms);
	assert_true(c.accuses.on);
	assert_false(quarantine_is_idle(&c));
	assert_int_equal(c.own_since_ms, 0);
	quarantine_follow(&c, &three, NOW_MS + long_ms + 1); /* being wide has to last as well */
	assert_int_equal(c.own_since_ms, 0);
	quarantine_follow(&c, &three, NOW_MS + 2 * long_ms + 1);
	assert_int_equal(c.own_since_ms, NOW_MS + 2 * long_ms + 1);
}

static void test_canaries_have_no_monitors_of_their_own(void **state)
{
	struct accusation found = three;
	struct charge c = {0};

	(void)state;
	found.organization = QUARANTINE_CANARIES;
	quarantine_follow(&c, &found, NOW_MS);
	quarantine_follow(&c, &found, NOW_MS + QUARANTINE_ROUNDS * MINUTE_MS);
	assert_true(c.wide.on);
	assert_int_equal(c.own_since_ms, 0);
}

/* ---- the sentence */

/* "a1 B2 c-": organization (a capital: wide), network; '-' accuses of nothing; '0' the canaries. */
static size_t charges_of(const char *text, struct charge *out)
{
	size_t n = 0;

	for (; *text; text += text[2] ? 3 : 2) {
		bool canary = text[0] == '0' || text[0] == 'O';
		out[n++] = (struct charge){
			.organization = canary ? QUARANTINE_CANARIES
					       : (uint64_t)(tolower(text[0]) - 'a' + 1),
			.network = (uint64_t)text[1],
			.accuses.on = text[1] != '-',
			.wide.on = isupper((unsigned char)text[0]) != 0,
		};
	}
	return n;
}

static void test_sentence(void **state)
{
	static const struct {
		const char *charges;
		int organizations;
		bool everywhere;
	} table[] = {
		{"", 5, false},
		{"A1", 1, false},
		{"A1 B2", 2, false},
		{"a1 b2 c3", 3, true},
		{"a1 b2 c3", 5, true},
		{"a1 b2 c3", 6, false}, /* a half is no majority */
		{"a1 b2 c3 d4", 6, true},
		{"a1 b2 c-", 3, false},
		{"a1 b1 c1", 3, false}, /* one network */
		{"a1 b1 c2", 3, false},
		{"a1 b2 c2 d1 e3", 5, true},
		{"a1 b1 C1", 3, true}, /* three of C's, and theirs */
		{"A1 B1 c1", 3, true},
		{"A1 b1 c1", 3, true},
		{"a- b1 c1 d2", 4, false},
		{"O1", 9, true}, /* canaries, wide */
		{"01", 9, false},
		{"01 A1 B2", 2, false},
		{"01 a1 b2", 2, false}, /* canaries are no organization */
		{"01 a1 b1 c2", 3, false},
		{"01 a1 b2 c3", 3, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct charge c[8];
		size_t n = charges_of(table[i].charges, c);
		if (quarantine_everywhere(c, n, table[i].organizations) != table[i].everywhere)
			fail_msg("%s of %d", table[i].charges, table[i].organizations);
	}
}

/* ---- one electorate */

/* One letter per voter, '|' between seats: w wanted, g gone, . neither; a digit: wanted since then. */
static void test_what_an_electorate_can_spare(void **state)
{
	static const struct {
		int seats;
		const char *voters, *taken;
	} table[] = {
		{1, "w", "-"},
		{2, "w|.", "--"},
		{3, "w|.|.", "---"},
		{4, "w|.|.|.", "x---"},
		{4, ".|.|.|w", "---x"},
		{5, "w|w|.|.|.", "x----"}, /* of one instant: the lower key */
		{5, "2|1|.|.|.", "-x---"}, /* who has been under sentence for longer */
		{6, "2|1|.|.|.|.", "-x----"},
		{7, "2|1|.|.|.|.|.", "-x-----"}, /* two voters, but of one seat only */
		{7, "2.|11|.|.|.|.|.", "--xx-----"},
		{6, "12|..|..|..|..|..", "x-----------"}, /* one voter */
		{7, "123|.|.|.|.|.|.", "xx-------"},
		{7, "3.1|2|.|.|.|.|.", "x-x------"},
		{5, "g|w|.|.|.", "-----"},
		{7, "g|w|.|.|.|.|.", "-------"},
		{7, "gw|w|.|.|.|.|.", "-x------"},
		{7, "g.|.w|.|.|.|.|.", "---------"},
		{9, "g|g|w|w|.|.|.|.|.", "---------"},
		{10, "gg|w|.|.|.|.|.|.|.|.", "-----------"},
		{10, "g|.|g|.|.|.|w|.|.|.", "----------"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct detainee d[VOTERS_MAX];
		bool taken[VOTERS_MAX];
		char text[VOTERS_MAX + 1];
		int n = 0, seat = 0;
		for (const char *v = table[i].voters; *v; v++) {
			if (*v == '|') {
				seat++;
				continue;
			}
			d[n] = (struct detainee){.seat = seat,
				.wanted = *v == 'w' || isdigit((unsigned char)*v),
				.gone = *v == 'g',
				.since_ms = *v,
				.key = (uint32_t)n + 1};
			n++;
		}
		quarantine_take(d, n, table[i].seats, taken);
		for (int k = 0; k < n; k++)
			text[k] = taken[k] ? 'x' : '-';
		text[n] = '\0';
		assert_string_equal(text, table[i].taken);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_networks_not_monitors),
		cmocka_unit_test(test_remembers_a_network_that_contradicts),
		cmocka_unit_test(test_the_longest_interval_within_bounds),
		cmocka_unit_test(test_has_to_last),
		cmocka_unit_test(test_lapses_when_nobody_testifies),
		cmocka_unit_test(test_starts_over),
		cmocka_unit_test(test_two_networks_accuse_but_set_nothing_aside),
		cmocka_unit_test(test_canaries_have_no_monitors_of_their_own),
		cmocka_unit_test(test_sentence),
		cmocka_unit_test(test_what_an_electorate_can_spare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
