// SPDX-License-Identifier: MIT
/* The quorum rule, limit by limit. Laws over random electorates are in tests/prop/quorum_prop.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/ballots.h"

#include <stdio.h>
#include <string.h>

/* ---- policy to q and u */

static void test_defaults(void **state)
{
	static const int table[SEATS_MAX + 1][2] = {/* q, u of n seats */
		{1, 1}, {1, 1}, {2, 1}, {2, 2}, {3, 1}, {3, 2}, {4, 2}, {4, 2}, {5, 2}, {5, 3},
		{6, 3}, {6, 3}, {7, 3}, {7, 4}, {8, 4}, {8, 4}};
	struct quorum_policy policy = {.down = {SHARE_MAJORITY, 0}, .up = {SHARE_AUTO, 0}};

	(void)state;
	for (int n = 0; n <= SEATS_MAX; n++) {
		struct quorum_rule rule;
		assert_int_equal(quorum_resolve(&policy, n, &rule), 0);
		assert_int_equal(rule.seats, n > 0 ? n : 1);
		assert_int_equal(rule.down, table[n][0]);
		assert_int_equal(rule.up, table[n][1]);
		policy.down.kind = SHARE_AUTO; /* the same */
	}
}

static void test_policies(void **state)
{
	static const struct {
		struct share down, up;
		int n, result, q, u;
	} table[] = {
		{{SHARE_NUMBER, 3}, {SHARE_NUMBER, 1}, 5, 0, 3, 1},
		{{SHARE_NUMBER, 5}, {SHARE_NUMBER, 5}, 5, 0, 5, 5},
		{{SHARE_NUMBER, 6}, {SHARE_NUMBER, 1}, 5, -1, 5, 1},
		{{SHARE_NUMBER, 1}, {SHARE_NUMBER, 6}, 5, -1, 1, 5},
		{{SHARE_NUMBER, 9}, {SHARE_NUMBER, 9}, 5, -1, 5, 5},
		{{SHARE_NUMBER, 0}, {SHARE_NUMBER, -3}, 5, 0, 1, 1},
		{{SHARE_PERCENT, 50}, {SHARE_PERCENT, 51}, 4, 0, 2, 3},
		{{SHARE_PERCENT, 60}, {SHARE_PERCENT, 61}, 5, 0, 3, 4},
		{{SHARE_PERCENT, 1}, {SHARE_PERCENT, 0}, 15, 0, 1, 1},
		{{SHARE_PERCENT, 100}, {SHARE_PERCENT, 100}, 15, 0, 15, 15},
		{{SHARE_PERCENT, 101}, {SHARE_PERCENT, 100}, 3, -1, 3, 3},
		{{SHARE_MAJORITY, 0}, {SHARE_MAJORITY, 0}, 4, 0, 3, 3},
		{{SHARE_MAJORITY, 0}, {SHARE_MAJORITY, 0}, 5, 0, 3, 3},
		{{SHARE_MAJORITY, 0}, {SHARE_AUTO, 0}, 99, 0, 8, 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct quorum_policy policy = {.down = table[i].down, .up = table[i].up};
		struct quorum_rule rule;
		assert_int_equal(quorum_resolve(&policy, table[i].n, &rule), table[i].result);
		assert_int_equal(rule.down, table[i].q);
		assert_int_equal(rule.up, table[i].u);
		assert_int_equal(rule.seats, table[i].n < SEATS_MAX ? table[i].n : SEATS_MAX);
	}
}

/* ---- seats and fates */

static void test_count(void **state)
{
	static const struct {
		const char *ballots, *fates;
		int down, up, warning, split, absent;
	} table[] = {
		/* one voter per seat */
		{"U|D|W", "ccc", 1, 1, 1, 0, 0},
		{"-|s|o", "-so", 0, 0, 0, 0, 3},
		{"x|n|D", "xxc", 1, 0, 0, 0, 2},
		/* more than half of the ASSIGNED voters, not of those that answer */
		{"DD", "c=", 1, 0, 0, 0, 0},
		{"D-", "v-", 0, 0, 0, 0, 1},
		{"DU", "vv", 0, 0, 0, 1, 0},
		{"DD-", "c=-", 1, 0, 0, 0, 0},
		{"D--", "v--", 0, 0, 0, 0, 1},
		{"DU-", "vv-", 0, 0, 0, 1, 0},
		{"DUU", "vc=", 0, 1, 0, 0, 0},
		{"UDD", "vc=", 1, 0, 0, 0, 0},
		{"Dss", "vss", 0, 0, 0, 0, 1},
		{"DnU", "vxv", 0, 0, 0, 1, 0},
		{"Dxo", "vxo", 0, 0, 0, 0, 1},
		{"DDs", "c=s", 1, 0, 0, 0, 0},
		{"UU-", "c=-", 0, 1, 0, 0, 0},
		{"U-", "v-", 0, 0, 0, 0, 1},
		/* up and warning agree that it works */
		{"UW", "cv", 0, 1, 0, 0, 0},
		{"WW", "c=", 0, 0, 1, 0, 0},
		{"WWU", "c=v", 0, 0, 1, 0, 0},
		{"UWU", "cv=", 0, 1, 0, 0, 0},
		{"UWD", "cvv", 0, 1, 0, 0, 0},
		{"UW-", "cv-", 0, 1, 0, 0, 0},
		{"W-", "v-", 0, 0, 0, 0, 1},
		{"WD", "vv", 0, 0, 0, 1, 0},
		/* whoever was replaced is none of the seat's voters */
		{"Ur", "cx", 0, 1, 0, 0, 0},
		{"Dr|U", "cxc", 1, 1, 0, 0, 0},
		{"DUUr", "vc=x", 0, 1, 0, 0, 0},
		{"U-r", "v-x", 0, 0, 0, 0, 1},
		{"r", "x", 0, 0, 0, 0, 1},
		/* many voters are still one seat */
		{"DDD|U|U", "c==cc", 1, 2, 0, 0, 0},
		{"D-|D-|DD", "v-v-c=", 1, 0, 0, 0, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct ballot ballots[VOTERS_MAX];
		enum fate fates[VOTERS_MAX];
		char text[VOTERS_MAX + 1];
		struct quorum_rule rule = {.down = 1, .up = 1};
		struct tally tally;
		int n = ballots_of(table[i].ballots, ballots, &rule.seats);
		quorum_count(&rule, &test_view, ballots, n, fates, &tally);
		assert_string_equal(fates_text(fates, n, text), table[i].fates);
		assert_int_equal(tally.down, table[i].down);
		assert_int_equal(tally.up, table[i].up);
		assert_int_equal(tally.warning, table[i].warning);
		assert_int_equal(tally.split, table[i].split);
		assert_int_equal(tally.absent, table[i].absent);
		struct tally again;
		quorum_count(&rule, &test_view, ballots, n, NULL, &again);
		assert_memory_equal(&again, &tally, sizeof(tally));
	}
}

static void test_seats_without_voters_are_absent(void **state)
{
	struct quorum_rule rule = {5, 3, 2};
	struct ballot ballots[2] = {ballot_of('U', 1), ballot_of('D', 4)};
	struct tally tally;

	(void)state;
	quorum_count(&rule, &test_view, ballots, 2, NULL, &tally);
	assert_int_equal(tally.absent, 3);
	assert_int_equal(tally.up, 1);
	assert_int_equal(tally.down, 1);
	quorum_count(&rule, &test_view, ballots, 0, NULL, &tally);
	assert_int_equal(tally.absent, 5);
}

static void test_freshness(void **state)
{
	static const struct {
		int64_t age_ms;
		enum fate fate;
	} table[] = {
		{0, FATE_COUNTED},
		{VIEW_FRESH_MS - 1, FATE_COUNTED},
		{VIEW_FRESH_MS, FATE_COUNTED},
		{VIEW_FRESH_MS + 1, FATE_STALE},
		{900000, FATE_STALE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct quorum_rule rule = {1, 1, 1};
		struct ballot ballot = ballot_of('D', 0);
		enum fate fate;
		struct tally tally;
		ballot.vote.ended_at_ms = VIEW_NOW_MS - table[i].age_ms;
		quorum_count(&rule, &test_view, &ballot, 1, &fate, &tally);
		assert_int_equal(fate, table[i].fate);
		assert_int_equal(tally.down, table[i].fate == FATE_COUNTED);
	}
}

static void test_fate_of_one(void **state)
{
	static const struct {
		bool present;
		int verdict;
		enum exclusion excluded;
		int64_t revision, age_ms;
		enum fate fate;
	} table[] = {
		{true, VERDICT_UP, EXCLUDED_NOT, 7, 0, FATE_COUNTED},
		{true, VERDICT_WARNING, EXCLUDED_NOT, 7, 0, FATE_COUNTED},
		{true, VERDICT_DOWN, EXCLUDED_NOT, 7, 0, FATE_COUNTED},
		{true, VERDICT_NONE, EXCLUDED_NOT, 7, 0, FATE_EXCLUDED},
		{true, VERDICT_DOWN + 1, EXCLUDED_NOT, 7, 0, FATE_EXCLUDED},
		{true, -1, EXCLUDED_NOT, 7, 0, FATE_EXCLUDED},
		{true, VERDICT_DOWN, EXCLUDED_SELF_TEST, 7, 0, FATE_EXCLUDED},
		{true, VERDICT_DOWN, EXCLUDED_CLOCK, 7, 0, FATE_EXCLUDED},
		{true, VERDICT_DOWN, EXCLUDED_OVERLOAD, 7, 0, FATE_EXCLUDED},
		{true, VERDICT_DOWN, EXCLUDED_QUARANTINE, 7, 0, FATE_EXCLUDED},
		{true, VERDICT_DOWN, EXCLUDED_REPLACED, 7, 0, FATE_EXCLUDED},
		{true, VERDICT_DOWN, EXCLUDED_INTERNAL, 7, 0, FATE_EXCLUDED},
		{true, VERDICT_DOWN, EXCLUDED_NOT, 6, 0, FATE_OUTDATED},
		{true, VERDICT_DOWN, EXCLUDED_NOT, 8, 0, FATE_OUTDATED},
		/* one fate each, the first that fits */
		{false, VERDICT_DOWN, EXCLUDED_CLOCK, 6, 900000, FATE_ABSENT},
		{true, VERDICT_NONE, EXCLUDED_CLOCK, 6, 900000, FATE_EXCLUDED},
		{true, VERDICT_NONE, EXCLUDED_NOT, 6, 900000, FATE_OUTDATED},
		{true, VERDICT_NONE, EXCLUDED_NOT, 7, 900000, FATE_STALE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct quorum_rule rule = {1, 1, 1};
		struct ballot ballot = {.seat = 0, .excluded = table[i].excluded};
		enum fate fate;
		struct tally tally;
		ballot.vote.present = table[i].present;
		ballot.vote.verdict = table[i].verdict;
		ballot.vote.revision = table[i].revision;
		ballot.vote.ended_at_ms = VIEW_NOW_MS - table[i].age_ms;
		quorum_count(&rule, &test_view, &ballot, 1, &fate, &tally);
		assert_int_equal(fate, table[i].fate);
		assert_int_equal(tally.absent, table[i].fate != FATE_COUNTED);
	}
}

/* ---- the decision */

static void test_decide(void **state)
{
	static const struct {
		int n, q, u, down, up, warning;
		enum decision decision;
	} table[] = {
		{1, 1, 1, 0, 0, 0, DECISION_UNDETERMINED},
		{1, 1, 1, 0, 1, 0, DECISION_UP},
		{1, 1, 1, 1, 0, 0, DECISION_DOWN},
		{1, 1, 1, 0, 0, 1, DECISION_DEGRADED},
		/* n = 3: one lost, one lying, two lost, one of each */
		{3, 2, 2, 0, 2, 0, DECISION_UP},
		{3, 2, 2, 1, 2, 0, DECISION_UP},
		{3, 2, 2, 0, 1, 0, DECISION_UNDETERMINED},
		{3, 2, 2, 1, 1, 0, DECISION_UNDETERMINED},
		{3, 2, 2, 1, 0, 0, DECISION_UNDETERMINED},
		{3, 2, 2, 2, 0, 0, DECISION_DOWN},
		{3, 2, 2, 2, 1, 0, DECISION_DOWN},
		{3, 2, 2, 3, 0, 0, DECISION_DOWN},
		/* warning works, and degrades by q */
		{3, 2, 2, 0, 2, 1, DECISION_UP},
		{3, 2, 2, 0, 1, 1, DECISION_UP},
		{3, 2, 2, 0, 1, 2, DECISION_DEGRADED},
		{3, 2, 2, 1, 1, 1, DECISION_DEGRADED},
		{3, 2, 2, 1, 0, 1, DECISION_UNDETERMINED},
		{3, 2, 2, 2, 0, 1, DECISION_DOWN},
		{3, 2, 2, 0, 0, 2, DECISION_DEGRADED},
		/* DOWN is asked before UP */
		{5, 3, 2, 3, 2, 0, DECISION_DOWN},
		{5, 3, 2, 2, 3, 0, DECISION_UP},
		{5, 3, 2, 2, 2, 0, DECISION_UP},
		{5, 3, 2, 2, 1, 0, DECISION_UNDETERMINED},
		{5, 3, 2, 2, 1, 1, DECISION_DEGRADED},
		{4, 2, 2, 2, 2, 0, DECISION_DOWN},
		/* half is no majority */
		{4, 3, 1, 2, 2, 0, DECISION_UP},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct quorum_rule rule = {table[i].n, table[i].q, table[i].u};
		struct tally tally = {table[i].down, table[i].up, table[i].warning, 0, 0};
		tally.absent = table[i].n - tally.down - tally.up - tally.warning;
		assert_int_equal(quorum_decide(&rule, &tally), table[i].decision);
	}
}

/* ---- thresholds: per voter '0' up, 'w' warning, 'c' critical, 'D' down unjudged, 'd' down and
 * warned, '-' */

static struct ballot threshold_ballot(char letter, int seat)
{
	struct ballot b = ballot_of('U', seat);

	b.vote.verdict = VERDICT_WARNING;
	if (letter == '-' || letter == 's' || letter == 'r')
		return ballot_of(letter, seat);
	if (letter == '0')
		b.vote.verdict = VERDICT_UP;
	if (letter == 'D' || letter == 'd')
		b.vote.verdict = VERDICT_DOWN;
	if (letter == 'w' || letter == 'd')
		b.vote.severity[THRESHOLD_SLOW] = SEVERITY_WARNING;
	if (letter == 'c')
		b.vote.severity[THRESHOLD_SLOW] = SEVERITY_CRITICAL;
	if (letter == '?')
		b.vote.severity[THRESHOLD_SLOW] = SEVERITY_UNKNOWN;
	b.vote.severity[THRESHOLD_LOSS] = SEVERITY_CRITICAL; /* another kind does not mix in */
	return b;
}

static void test_threshold(void **state)
{
	static const struct {
		const char *ballots;
		int q, u;
		enum severity severity;
		bool clear;
	} table[] = {
		{"0|0|0", 2, 2, SEVERITY_NONE, true},
		{"0|0|w", 2, 2, SEVERITY_NONE, true},
		{"0|w|w", 2, 2, SEVERITY_WARNING, false},
		{"0|w|c", 2, 2, SEVERITY_WARNING, false},
		{"0|c|c", 2, 2, SEVERITY_CRITICAL, false},
		{"w|c|c", 2, 2, SEVERITY_CRITICAL, false},
		{"c|-|-", 2, 2, SEVERITY_NONE, false},
		{"0|-|-", 2, 2, SEVERITY_NONE, false},
		{"0|0|-", 2, 2, SEVERITY_NONE, true},
		{"0|s|s", 2, 2, SEVERITY_NONE, false},
		{"w|s|s", 2, 2, SEVERITY_NONE, false},
		{"D|D|D", 2, 2, SEVERITY_NONE, false},
		{"D|D|0", 2, 1, SEVERITY_NONE, true},
		{"d|d|0", 2, 2, SEVERITY_WARNING, false},
		{"?|?|?", 2, 2, SEVERITY_NONE, false},
		{"w|w|0|0", 2, 2, SEVERITY_WARNING, false},
		{"w|0", 1, 1, SEVERITY_WARNING, false},
		{"c", 1, 1, SEVERITY_CRITICAL, false},
		{"0", 1, 1, SEVERITY_NONE, true},
		/* more than half of a seat's voters */
		{"w0", 1, 1, SEVERITY_NONE, false},
		{"ww0", 1, 1, SEVERITY_WARNING, false},
		{"wc0", 1, 1, SEVERITY_WARNING, false},
		{"cc0", 1, 1, SEVERITY_CRITICAL, false},
		{"w--", 1, 1, SEVERITY_NONE, false},
		{"00w", 1, 1, SEVERITY_NONE, true},
		{"0--", 1, 1, SEVERITY_NONE, false},
		/* without who was replaced */
		{"wr", 1, 1, SEVERITY_WARNING, false},
		{"0r", 1, 1, SEVERITY_NONE, true},
		{"w0r", 1, 1, SEVERITY_NONE, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct ballot ballots[VOTERS_MAX];
		int n = 0, seat = 0;
		for (const char *p = table[i].ballots; *p; p++) {
			if (*p == '|')
				seat++;
			else
				ballots[n++] = threshold_ballot(*p, seat);
		}
		struct quorum_rule rule = {seat + 1, table[i].q, table[i].u};
		bool clear;
		assert_int_equal(
			quorum_threshold(&rule, &test_view, ballots, n, THRESHOLD_SLOW, &clear),
			table[i].severity);
		assert_int_equal(clear, table[i].clear);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(fate_names[FATE_SAME_SEAT], "same-seat");
	assert_string_equal(fate_names[FATE_EXCLUDED], "excluded");
	assert_null(fate_names[FATE_COUNT]);
	assert_string_equal(decision_names[DECISION_DOWN], "down");
	assert_null(decision_names[DECISION_DOWN + 1]);
	assert_string_equal(exclusion_names[EXCLUDED_INTERNAL], "internal");
	assert_null(exclusion_names[EXCLUDED_INTERNAL + 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_seats_without_voters_are_absent),
		cmocka_unit_test(test_freshness),
		cmocka_unit_test(test_fate_of_one),
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
