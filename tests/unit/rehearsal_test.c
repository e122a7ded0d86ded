// SPDX-License-Identifier: MIT
/* History played again under a policy. Letters of a history: one check of every probe at an instant,
 * in the order of their keys. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/rehearsal.h"
#include "tests/unit/watch_kit.h"

#define VOTES_MAX 400

struct told {
	struct rehearsal_alert alert[16];
	int n;
};

struct history {
	struct rehearsal_vote vote[VOTES_MAX];
	size_t n;
};

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void tell(void *arg, const struct rehearsal_alert *alert)
{
	struct told *told = arg;

	assert_true(told->n < 16);
	told->alert[told->n++] = *alert;
}

/* Checks of one instant, put where their end belongs. */
static void add_ms(struct history *h, int64_t started_at_ms, int64_t ended_at_ms, int64_t round,
	const char *letters)
{
	for (uint32_t i = 0; letters[i]; i++) {
		size_t at = h->n;
		if (letters[i] == '-')
			continue;
		assert_true(h->n < VOTES_MAX);
		for (; at > 0 && h->vote[at - 1].ended_at_ms > ended_at_ms; at--)
			h->vote[at] = h->vote[at - 1];
		h->n++;
		h->vote[at] = (struct rehearsal_vote){
			.started_at_ms = started_at_ms,
			.ended_at_ms = ended_at_ms,
			.round = round,
			.key = i + 1,
			.seat = (int)i,
			.verdict = kit_verdict(letters[i]),
			.reason = letters[i] == 'D' ? REASON_TCP_REFUSED : REASON_OK,
		};
	}
}

/* Checks that end at AT_S, after 100 ms. */
static void add(struct history *h, int64_t at_s, int64_t round, const char *letters)
{
	add_ms(h, at_s * 1000 - 100, at_s * 1000, round, letters);
}

/* Every minute from FROM_S to TO_S. */
static void add_minutes(struct history *h, int64_t from_s, int64_t to_s, const char *letters)
{
	for (int64_t at_s = from_s; at_s <= to_s; at_s += 60)
		add(h, at_s, 0, letters);
}

static struct told rehearse(const struct history *h, const struct watch_rule *rule, int per_seat)
{
	struct told told = {.n = 0};
	struct rehearsal_vote *votes =
		malloc(h->n * sizeof(*votes)); /* so many, and not one more */

	assert_non_null(votes);
	memcpy(votes, h->vote, h->n * sizeof(*votes));
	rehearsal_play(rule, per_seat, votes, h->n, votes[h->n - 1].ended_at_ms, tell, &told);
	free(votes);
	return told;
}

/* An outage of ten minutes, with the bursts that were run then. */
static void outage(struct history *h)
{
	add_minutes(h, 1000, 1300, "UUU");
	add(h, 1360, 0, "DDD");
	add(h, 1361, 7, "DDD");
	add(h, 1364, 8, "DDD");
	add_minutes(h, 1420, 1900, "DDD");
	add(h, 1960, 0, "UUU");
	add(h, 1961, 9, "UUU");
	add(h, 1964, 10, "UUU");
	add_minutes(h, 2020, 2500, "UUU");
}

static void test_recorded_bursts_confirm(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(3, 2, 2);

	(void)state;
	outage(&h);
	struct told told = rehearse(&h, &rule, 1);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.alert[0].kind, ALERT_DOWN);
	assert_int_equal(told.alert[0].severity, SEVERITY_CRITICAL);
	assert_int_equal(told.alert[0].reason, REASON_TCP_REFUSED);
	assert_int_equal(told.alert[0].opened_at_ms, 1364000);
	assert_int_equal(told.alert[0].closed_at_ms, 1964000);
	assert_int_equal(told.alert[0].rounds, 2);
}

/* A policy of three rounds, or of none: the history has two. */
static void test_without_recorded_rounds_scheduled_votes_decide(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(3, 2, 2);

	(void)state;
	outage(&h);
	for (int rounds = 0; rounds <= 3; rounds += 3) {
		rule.rounds = rounds;
		struct told told = rehearse(&h, &rule, 1);
		assert_int_equal(told.n, 1);
		assert_int_equal(told.alert[0].rounds, 0);
		assert_in_range(told.alert[0].opened_at_ms, 1363000, 1364000);
		assert_in_range(told.alert[0].closed_at_ms, 1963000, 1964000);
	}
}

/* One region sees it down for an hour: regional under a majority, down where one is enough. */
static void test_another_quorum_decides_otherwise(void **state)
{
	static const struct {
		int down;
		enum alert_kind kind;
	} table[] = {{2, ALERT_REGIONAL}, {1, ALERT_DOWN}};
	struct history h = {.n = 0};

	(void)state;
	add_minutes(&h, 1000, 1300, "UUU");
	add_minutes(&h, 1360, 4900, "UDU");
	add_minutes(&h, 4960, 6000, "UUU");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct watch_rule rule = kit_rule(3, table[i].down, 2);
		struct told told = rehearse(&h, &rule, 1);
		assert_int_equal(told.n, 1);
		assert_int_equal(told.alert[0].kind, table[i].kind);
		assert_in_range(told.alert[0].closed_at_ms, 4960000, 5100000);
	}
}

/* A burst is denied and nobody else speaks: the gap alone decides, by the clock. */
static void test_a_denied_burst_is_followed_at_once(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(1, 1, 1);

	(void)state;
	rule.revision = 7; /* does not matter */
	add_minutes(&h, 1000, 1300, "U");
	add(&h, 1360, 0, "D");
	add(&h, 1364, 0, "D");
	struct told told = rehearse(&h, &rule, 1);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.alert[0].opened_at_ms, 1363000);
}

/*
 * A burst is called for at 1,360 s. What was run from 2 s before until 2 s after its rounds' time
 * answers it, unless it took longer than a check may; else it is denied, and the scheduled votes
 * agree after the gap.
 */
static void test_only_the_burst_of_that_time_answers(void **state)
{
	static const struct {
		int64_t first_ms, second_ms,
			ended_ms; /* starts of its two rounds, end of the second */
		bool denied;
	} table[] = {
		{1360900, 1363900, 1364000, false},
		{1360900, 1368000, 1368100, false},
		{1360900, 1368001, 1368100, true},
		{1358000, 1363900, 1364000, false},
		{1357999, 1363900, 1364000, true},
		{1360900, 1363900, 1380000, false},
		{1360900, 1363900, 1380001, true},
		{1368900, 1371900, 1372000, true},
		{1420900, 1423900, 1424000, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct history h = {.n = 0};
		struct watch_rule rule = kit_rule(3, 2, 2);
		add_minutes(&h, 1000, 1300, "UUU");
		add(&h, 1360, 0, "DDD");
		add_ms(&h, table[i].first_ms, most(table[i].first_ms + 100, 1360500), 7, "DDD");
		add(&h, 1365, 0, "DDD"); /* scheduled: no part of it */
		add_ms(&h, table[i].second_ms, table[i].ended_ms, 8, "DDD");
		add_minutes(&h, 1420, 1600, "DDD");
		struct told told = rehearse(&h, &rule, 1);
		assert_int_equal(told.n, 1);
		assert_int_equal(told.alert[0].opened_at_ms == 1363000, table[i].denied);
		if (table[i].denied)
			assert_int_equal(told.alert[0].rounds, 0);
	}
}

/* The monitor's first burst ever, of three rounds: numbers 1, 2 and 3. */
static void test_rounds_from_the_first(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(3, 2, 2);

	(void)state;
	rule.rounds = 3;
	add_minutes(&h, 1000, 1300, "UUU");
	add(&h, 1360, 0, "DDD");
	for (int r = 1; r <= 3; r++)
		add(&h, 1358 + 3 * r, r, "DDD");
	struct told told = rehearse(&h, &rule, 1);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.alert[0].opened_at_ms, 1367000);
	assert_int_equal(told.alert[0].rounds, 3);
}

/* Rounds of then for which there is no burst here are checks as any others: they count as failures. */
static void test_rounds_without_a_burst_are_checks(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(3, 2, 2);

	(void)state;
	rule.rounds = 0;
	rule.gap_ms = 60000;
	rule.failures = (struct failure_rule){200000, 10, 90};
	for (int i = 0; i < 20; i++)
		add(&h, 1000 + 10 * i, i + 1, i % 4 == 3 ? "DDD" : "UUU");
	struct told told = rehearse(&h, &rule, 1);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.alert[0].kind, ALERT_FAILURES);
}

/* One region for minutes, then all: the regional alert goes on as the down one. */
static void test_a_regional_one_is_promoted(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(3, 2, 2);

	(void)state;
	add_minutes(&h, 1000, 1300, "UUU");
	add_minutes(&h, 1360, 1900, "DUU");
	add_minutes(&h, 1960, 2500, "DDD");
	struct told told = rehearse(&h, &rule, 1);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.alert[0].kind, ALERT_REGIONAL);
	assert_true(told.alert[0].promoted);
	assert_int_equal(told.alert[1].kind, ALERT_DOWN);
	assert_false(told.alert[1].promoted);
	assert_int_equal(told.alert[0].closed_at_ms, told.alert[1].opened_at_ms);
}

/* Thresholds were judged by the probes: their alerts are replayed too. Open at the end, beside others. */
static void test_thresholds(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(3, 2, 2);

	(void)state;
	add_minutes(&h, 1000, 1300, "UUU");
	for (size_t i = 9; i < h.n; i++) {
		h.vote[i].verdict = VERDICT_WARNING;
		h.vote[i].reason = REASON_SLOW_RESPONSE;
		h.vote[i].severity[THRESHOLD_SLOW] = SEVERITY_CRITICAL;
		h.vote[i].severity[THRESHOLD_CERTIFICATE] = SEVERITY_WARNING;
	}
	struct told told = rehearse(&h, &rule, 1);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.alert[0].kind, ALERT_SLOW);
	assert_int_equal(told.alert[0].severity, SEVERITY_CRITICAL);
	assert_int_equal(told.alert[1].kind, ALERT_CERTIFICATE);
	assert_int_equal(told.alert[1].severity, SEVERITY_WARNING);
	assert_int_equal(told.alert[0].reason, REASON_SLOW_RESPONSE);
}

/* The gap is over at the instant at which the others say that it works: that is heard first. */
static void test_votes_before_timers(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(3, 2, 2);

	(void)state;
	rule.rounds = 0;
	add_minutes(&h, 1000, 1300, "UUU");
	add(&h, 1360, 0, "DD");
	add(&h, 1363, 0, "UU");
	add_minutes(&h, 1420, 1600, "UUU");
	assert_int_equal(rehearse(&h, &rule, 1).n, 0);
}

static void test_largest_electorate(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(SEATS_MAX, SEATS_MAX, 1);
	char letters[SEATS_MAX * PER_SEAT_MAX + 1] = {0};

	(void)state;
	rule.rounds = 0;
	memset(letters, 'D', sizeof(letters) - 1);
	add(&h, 1000, 0, letters);
	add(&h, 1003, 0, letters);
	for (size_t i = 0; i < h.n; i++)
		h.vote[i].seat = (int)(h.vote[i].key - 1) % SEATS_MAX;
	struct told told = rehearse(&h, &rule, PER_SEAT_MAX);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.alert[0].opened_at_ms, 1003000);
}

/* What comes at the very end counts, and nothing after it. */
static void test_until_the_end(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(3, 2, 2);

	(void)state;
	outage(&h);
	for (int64_t end_ms = 1363999; end_ms <= 1364000; end_ms++) {
		struct told told = {.n = 0};
		rehearsal_play(&rule, 1, h.vote, h.n, end_ms, tell, &told);
		assert_int_equal(told.n, end_ms == 1364000);
	}
}

static void test_what_is_open_at_the_end(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(3, 2, 2);

	(void)state;
	add_minutes(&h, 1000, 1300, "UUU");
	add_minutes(&h, 1360, 1600, "DDD");
	struct told told = rehearse(&h, &rule, 1);
	assert_int_equal(told.n, 1);
	assert_true(told.alert[0].closed_at_ms == INT64_MAX);
	assert_false(told.alert[0].promoted);
}

/* A probe that came for another in its seat: the seat has one vote, as it had then. */
static void test_a_successor_takes_the_place(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(3, 2, 2);

	(void)state;
	add_minutes(&h, 1000, 1300, "UUU");
	size_t from = h.n;
	add_minutes(&h, 1360, 3000, "UUU");
	for (size_t i = from; i < h.n; i++)
		if (h.vote[i].key == 3)
			h.vote[i].key = 9; /* in the third one's seat */
	struct told told = rehearse(&h, &rule, 1);
	assert_int_equal(told.n, 0);
}

/* Two places in the only seat: who comes follows who was silent for longest, not who still speaks. */
static void test_a_successor_of_the_silent(void **state)
{
	static const uint32_t leaver[] = {1, 2};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(leaver); i++) {
		struct history h = {.n = 0};
		struct watch_rule rule = kit_rule(1, 1, 1);
		rule.rounds = 0;
		add_minutes(&h, 1000, 1300, "UU");
		add(&h, 1350, 0, leaver[i] == 1 ? "-D" : "D");
		add(&h, 1360, 0, "--D"); /* the newcomer: both say down now */
		add(&h, 1370, 0, "--D");
		for (size_t v = 0; v < h.n; v++)
			h.vote[v].seat = 0;
		struct told told = rehearse(&h, &rule, 2);
		assert_int_equal(told.n, 1);
		assert_int_equal(told.alert[0].opened_at_ms, 1363000);
	}
}

/* Of three in a seat the second is silent for longest, whoever spoke meanwhile and how often: the
 * newcomer follows it, and the third's vote stands. */
static void test_a_successor_of_the_most_silent(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(1, 1, 1);

	(void)state;
	rule.rounds = 0;
	add(&h, 990, 0, "U");
	add(&h, 1000, 0, "-U");
	add(&h, 1010, 0, "--D");
	add(&h, 1020, 0, "U");
	add(&h, 1025, 0, "U");
	add(&h, 1030, 0, "---D");
	add(&h, 1040, 0, "---D");
	for (size_t v = 0; v < h.n; v++)
		h.vote[v].seat = 0;
	struct told told = rehearse(&h, &rule, 3);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.alert[0].opened_at_ms, 1033000);
}

/* Two voters in each of two seats. */
static void test_places_in_a_seat(void **state)
{
	struct history h = {.n = 0};
	struct watch_rule rule = kit_rule(2, 2, 1);

	(void)state;
	add_minutes(&h, 1000, 1300, "UUUU");
	add_minutes(&h, 1360, 2200, "DDDU"); /* the second seat is split */
	add_minutes(&h, 2260, 3000, "DDDD");
	for (size_t i = 0; i < h.n; i++)
		h.vote[i].seat = (int)(h.vote[i].key - 1) / 2;
	struct told told = rehearse(&h, &rule, 2);
	bool down = false;
	for (int i = 0; i < told.n; i++) {
		down |= told.alert[i].kind == ALERT_DOWN;
		if (told.alert[i].kind == ALERT_DOWN)
			assert_in_range(told.alert[i].opened_at_ms, 2260000, 2400000);
	}
	assert_true(down);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_bursts_confirm),
		cmocka_unit_test(test_without_recorded_rounds_scheduled_votes_decide),
		cmocka_unit_test(test_another_quorum_decides_otherwise),
		cmocka_unit_test(test_a_denied_burst_is_followed_at_once),
		cmocka_unit_test(test_only_the_burst_of_that_time_answers),
		cmocka_unit_test(test_rounds_from_the_first),
		cmocka_unit_test(test_rounds_without_a_burst_are_checks),
		cmocka_unit_test(test_a_regional_one_is_promoted),
		cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_votes_before_timers),
		cmocka_unit_test(test_largest_electorate),
		cmocka_unit_test(test_until_the_end),
		cmocka_unit_test(test_what_is_open_at_the_end),
		cmocka_unit_test(test_a_successor_takes_the_place),
		cmocka_unit_test(test_a_successor_of_the_silent),
		cmocka_unit_test(test_a_successor_of_the_most_silent),
		cmocka_unit_test(test_places_in_a_seat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
