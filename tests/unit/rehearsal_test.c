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

static void tell(void *arg, const struct rehearsal_alert *alert)
{
	struct told *told = arg;

	assert_true(told->n < 16);
	told->alert[told->n++] = *alert;
}

/* Checks that end at AT_S. */
static void add(struct history *h, int64_t at_s, int64_t round, const char *letters)
{
	for (uint32_t i = 0; letters[i]; i++) {
		if (letters[i] == '-')
			continue;
		assert_true(h->n < VOTES_MAX);
		h->vote[h->n++] = (struct rehearsal_vote){
			.started_at_ms = at_s * 1000 - 100,
			.ended_at_ms = at_s * 1000,
			.round = round,
			.key = i + 1,
			.seat = (int)i,
			.verdict = kit_verdict(letters[i]),
			.reason = letters[i] == 'D' ? REASON_TCP_REFUSED : REASON_OK,
		};
	}
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

	rehearsal_play(rule, per_seat, h->vote, h->n, h->vote[h->n - 1].ended_at_ms, tell, &told);
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

/* Rounds that were run for something else, before or after, answer for nothing. */
static void test_only_the_burst_of_that_time_answers(void **state)
{
	static const struct {
		int64_t first_s, second_s;
		int rounds;
	} table[] = {{1361, 1364, 2}, {1357, 1360, 0}, {1369, 1372, 0}, {1420, 1423, 0},
		{1361, 1375, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct history h = {.n = 0};
		struct watch_rule rule = kit_rule(3, 2, 2);
		add_minutes(&h, 1000, 1300, "UUU");
		if (table[i].first_s < 1360)
			add(&h, table[i].first_s, 7, "UUU");
		add(&h, 1360, 0, "DDD");
		if (table[i].first_s >= 1360)
			add(&h, table[i].first_s, 7, "DDD");
		if (table[i].second_s < 1370)
			add(&h, table[i].second_s, 8, "DDD");
		add(&h, 1370, 0, "DDD");
		add(&h, 1376, 0, "DDD");
		struct told told = rehearse(&h, &rule, 1);
		assert_int_equal(told.n, 1);
		assert_int_equal(told.alert[0].rounds, table[i].rounds);
	}
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
		cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_until_the_end),
		cmocka_unit_test(test_what_is_open_at_the_end),
		cmocka_unit_test(test_a_successor_takes_the_place),
		cmocka_unit_test(test_places_in_a_seat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
