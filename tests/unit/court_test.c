// SPDX-License-Identifier: MIT
/* The standing of one probe: lost, dissenting, both, held, restored. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/court.h"
#include "quorate/attr.h"

#define AFTER_MS 60000

struct line {
	int64_t now_ms;
	bool heard;
	int monitors, dissents, undetermined;
	bool held;
	enum alert_step step;
	enum severity severity;
	enum probe_fault fault;
};

static void play_on(struct court *c, const struct line *line, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct court_facts facts = {
			.monitors = line[i].monitors,
			.dissents = line[i].dissents,
			.undetermined = line[i].undetermined,
			.dissent_after_ms = AFTER_MS,
			.held = line[i].held,
		};
		if (line[i].heard)
			court_heard(c, line[i].now_ms);
		struct court_action a = court_tick(c, &facts, line[i].now_ms);
		assert_int_equal(a.step, line[i].step);
		assert_int_equal(a.severity, line[i].severity);
		assert_int_equal(a.fault, line[i].fault);
	}
}

static void play(const struct line *line, size_t n)
{
	struct court c;

	court_init(&c, 1000);
	play_on(&c, line, n);
}

#define NONE   ALERT_STEP_NONE
#define OPEN   ALERT_STEP_OPEN
#define CHANGE ALERT_STEP_CHANGE
#define CLOSE  ALERT_STEP_CLOSE
#define S0     SEVERITY_NONE
#define SU     SEVERITY_UNKNOWN
#define SW     SEVERITY_WARNING

static void test_lost(void **state)
{
	static const struct line script[] = {
		{1000, false, 6, 0, 0, false, NONE, S0, FAULT_NONE},
		{30999, false, 6, 0, 0, false, NONE, S0, FAULT_NONE},
		{31000, false, 6, 0, 0, false, OPEN, SW, FAULT_LOST},
		{31001, false, 6, 0, 0, false, NONE, SW, FAULT_LOST},
		{40000, false, 6, 0, 1, false, CHANGE, SU, FAULT_LOST},
		{40001, false, 6, 0, 6, false, NONE, SU, FAULT_LOST},
		{40002, false, 6, 0, 0, false, CHANGE, SW, FAULT_LOST},
		{50000, true, 6, 0, 0, false, CLOSE, S0, FAULT_LOST},
		{79999, false, 6, 0, 0, false, NONE, S0, FAULT_NONE},
		{80000, false, 6, 0, 3, false, OPEN, SU, FAULT_LOST},
	};

	(void)state;
	play(script, ARRAY_LEN(script));
}

static void test_dissent(void **state)
{
	static const struct line script[] = {
		{2000, true, 6, 4, 0, false, NONE, S0, FAULT_NONE},
		{32000, true, 6, 4, 0, false, NONE, S0, FAULT_NONE},
		{61999, true, 6, 4, 0, false, NONE, S0, FAULT_NONE},
		{62000, true, 6, 4, 0, false, OPEN, SW, FAULT_DISSENT},
		{62001, true, 6, 0, 0, false, NONE, SW, FAULT_DISSENT},
		{100000, true, 6, 6, 0, false, NONE, SW, FAULT_DISSENT}, /* again: starts over */
		{100001, true, 6, 0, 0, false, NONE, SW, FAULT_DISSENT},
		{160000, true, 6, 0, 0, false, NONE, SW, FAULT_DISSENT},
		{160001, true, 6, 0, 0, false, CLOSE, S0, FAULT_DISSENT},
		{160002, true, 6, 4, 0, false, NONE, S0, FAULT_NONE},
		{200000, true, 6, 0, 0, false, NONE, S0,
			FAULT_NONE}, /* a gap starts the time over */
		{200001, true, 6, 4, 0, false, NONE, S0, FAULT_NONE},
		{260000, true, 6, 4, 0, false, NONE, S0, FAULT_NONE},
		{260001, true, 6, 4, 0, false, OPEN, SW, FAULT_DISSENT},
	};

	(void)state;
	play(script, ARRAY_LEN(script));
}

/* At least two monitors and more than half of them. */
static void test_how_much_is_dissent(void **state)
{
	static const struct {
		int monitors, dissents;
		bool dissent;
	} table[] = {{1, 1, false}, {2, 1, false}, {2, 2, true}, {3, 1, false}, {3, 2, true},
		{4, 2, false}, {4, 3, true}, {6, 3, false}, {6, 4, true}, {0, 0, false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct court c;
		struct court_facts facts = {
			.monitors = table[i].monitors,
			.dissents = table[i].dissents,
			.dissent_after_ms = 1000,
		};
		court_init(&c, 1000);
		assert_int_equal(court_tick(&c, &facts, 2000).step, ALERT_STEP_NONE);
		assert_int_equal(court_tick(&c, &facts, 3000).step,
			table[i].dissent ? ALERT_STEP_OPEN : ALERT_STEP_NONE);
	}
}

static void test_one_alert_for_both(void **state)
{
	static const struct line script[] = {
		{2000, true, 2, 2, 0, false, NONE, S0, FAULT_NONE},
		{62000, true, 2, 2, 0, false, OPEN, SW, FAULT_DISSENT},
		{92000, false, 2, 2, 0, false, NONE, SW, FAULT_LOST},
		{93000, true, 2, 2, 0, false, NONE, SW, FAULT_DISSENT}, /* dissents all the while */
		{93001, true, 2, 0, 0, false, NONE, SW, FAULT_DISSENT},
		{123001, false, 2, 0, 0, false, NONE, SW, FAULT_LOST},
		{140000, true, 2, 0, 0, false, CLOSE, S0, FAULT_LOST},
	};

	(void)state;
	play(script, ARRAY_LEN(script));
}

static void test_held(void **state)
{
	static const struct line script[] = {
		{31000, false, 6, 0, 0, true, NONE, S0, FAULT_NONE},
		{31001, false, 6, 0, 0, false, OPEN, SW, FAULT_LOST},
		{40000, true, 6, 0, 0, true, NONE, SW, FAULT_LOST},
		{40001, true, 6, 0, 0, false, CLOSE, S0, FAULT_LOST},
		/* dissent before and during the hold does not count towards its time */
		{41000, true, 6, 6, 0, false, NONE, S0, FAULT_NONE},
		{90000, true, 6, 6, 0, true, NONE, S0, FAULT_NONE},
		{101000, true, 6, 6, 0, false, NONE, S0, FAULT_NONE},
		{160999, true, 6, 6, 0, false, NONE, S0, FAULT_NONE},
		{161000, true, 6, 6, 0, false, OPEN, SW, FAULT_DISSENT},
		/* nor does agreement */
		{162000, true, 6, 0, 0, false, NONE, SW, FAULT_DISSENT},
		{200000, true, 6, 0, 0, true, NONE, SW, FAULT_DISSENT},
		{222000, true, 6, 0, 0, false, NONE, SW, FAULT_DISSENT},
		{281999, true, 6, 0, 0, false, NONE, SW, FAULT_DISSENT},
		{282000, true, 6, 0, 0, false, CLOSE, S0, FAULT_DISSENT},
	};

	(void)state;
	play(script, ARRAY_LEN(script));
}

static void test_restored_lost_closes_only_when_heard(void **state)
{
	static const struct line script[] = {
		{1000, false, 6, 0, 0, true, NONE, SW, FAULT_LOST},
		{1001, false, 6, 0, 0, false, NONE, SW, FAULT_LOST},
		{90000, false, 6, 0, 0, false, NONE, SW, FAULT_LOST},
		{90001, true, 6, 0, 0, false, CLOSE, S0, FAULT_LOST},
	};
	struct court c;

	(void)state;
	court_init(&c, 1000);
	court_restore(&c, FAULT_LOST, SEVERITY_WARNING, 77);
	assert_int_equal(c.slot.opened_at_ms, 77);
	play_on(&c, script, ARRAY_LEN(script));
}

static void test_restored_dissent_closes_after_agreement(void **state)
{
	static const struct line script[] = {
		{1001, true, 6, 0, 0, false, NONE, SW, FAULT_DISSENT},
		{61000, true, 6, 0, 0, false, NONE, SW, FAULT_DISSENT},
		{61001, true, 6, 0, 0, false, CLOSE, S0, FAULT_DISSENT},
	};
	struct court c;

	(void)state;
	court_init(&c, 1000);
	court_restore(&c, FAULT_DISSENT, SEVERITY_WARNING, 77);
	play_on(&c, script, ARRAY_LEN(script));
}

/* Four take-overs within five minutes are twins; three are not, and four over a longer time are not. */
static void test_how_many_takeovers_are_twins(void **state)
{
	static const struct {
		int64_t at_ms[5];
		int n;
		bool twins;
	} table[] = {
		{{2000}, 0, false},
		{{2000, 2000, 2000}, 3, false},
		{{2000, 2000, 2000, 2000}, 4, true},
		{{2000, 3000, 4000, 2000 + TAKEOVERS_MS - 1}, 4, true},
		{{2000, 3000, 4000, 2000 + TAKEOVERS_MS}, 4, false},
		{{2000, 3000, 4000, 2000 + TAKEOVERS_MS, 2001 + TAKEOVERS_MS}, 5, true},
		{{2000, 3000, 4000, 2000 + TAKEOVERS_MS, 3000 + TAKEOVERS_MS}, 5, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct court_facts facts = {.dissent_after_ms = AFTER_MS};
		struct court c;
		int64_t now_ms = 2000;
		court_init(&c, 1000);
		for (int k = 0; k < table[i].n; k++)
			court_takeover(&c, now_ms = table[i].at_ms[k]);
		court_heard(&c, now_ms);
		assert_int_equal(court_twins(&c, now_ms), table[i].twins);
		assert_int_equal(court_tick(&c, &facts, now_ms).step,
			table[i].twins ? ALERT_STEP_OPEN : ALERT_STEP_NONE);
		court_forgive(&c);
		assert_false(court_twins(&c, now_ms));
		assert_int_equal(court_tick(&c, &facts, now_ms).step,
			table[i].twins ? ALERT_STEP_CLOSE : ALERT_STEP_NONE);
	}
}

static void test_twins_end_five_minutes_after_the_last_takeover(void **state)
{
	static const struct line before[] = {
		{2000, true, 2, 0, 0, true, NONE, S0, FAULT_NONE}, /* held: told afterwards */
		{2001, true, 2, 0, 0, false, OPEN, SW, FAULT_TWINS},
		{60000, false, 2, 0, 0, false, NONE, SW, FAULT_TWINS}, /* lost as well */
	};
	static const struct line after[] = {
		{90000 + TAKEOVERS_MS - 1, true, 2, 0, 0, false, NONE, SW, FAULT_TWINS},
		{90000 + TAKEOVERS_MS, true, 2, 0, 0, false, CLOSE, S0, FAULT_TWINS},
	};
	struct court c;

	(void)state;
	court_init(&c, 1000);
	for (int i = 0; i <= TAKEOVERS_MAX; i++)
		court_takeover(&c, 2000);
	play_on(&c, before, ARRAY_LEN(before));
	court_takeover(&c, 90000);
	play_on(&c, after, ARRAY_LEN(after));
	court_init(&c, 1000); /* over a restart of the coordinator */
	court_restore(&c, FAULT_TWINS, SEVERITY_WARNING, 77);
	court_heard(&c, 1000 + TAKEOVERS_MS);
	static const struct line restored[] = {
		{1000 + TAKEOVERS_MS - 1, true, 2, 0, 0, false, NONE, SW, FAULT_TWINS},
		{1000 + TAKEOVERS_MS, true, 2, 0, 0, false, CLOSE, S0, FAULT_TWINS},
	};
	play_on(&c, restored, ARRAY_LEN(restored));
}

static void test_a_drained_probe_is_not_missed(void **state)
{
	struct court_facts facts = {
		.monitors = 2, .dissents = 2, .dissent_after_ms = 1, .drained = true};
	struct court c;

	(void)state;
	court_init(&c, 1000);
	assert_int_equal(court_tick(&c, &facts, 900000).step, ALERT_STEP_NONE);
	facts.drained = false;
	assert_int_equal(court_tick(&c, &facts, 900001).step, ALERT_STEP_OPEN);
	assert_int_equal(c.fault, FAULT_LOST);
	facts.drained = true; /* drained afterwards: its alert is over */
	assert_int_equal(court_tick(&c, &facts, 900002).step, ALERT_STEP_CLOSE);
	for (int i = 0; i <= TAKEOVERS_MAX; i++) /* a stolen token is told all the same */
		court_takeover(&c, 900003);
	assert_int_equal(court_tick(&c, &facts, 900003).step, ALERT_STEP_OPEN);
}

static void test_heard_never_goes_back(void **state)
{
	struct court c;

	(void)state;
	court_init(&c, 1000);
	court_heard(&c, 5000);
	court_heard(&c, 4000);
	assert_int_equal(c.heard_at_ms, 5000);
	assert_string_equal(probe_fault_names[FAULT_DISSENT], "dissent");
	assert_string_equal(probe_fault_names[FAULT_TWINS], "twins");
	assert_string_equal(probe_fault_names[FAULT_FLOOD], "flood");
	assert_string_equal(probe_fault_names[FAULT_QUARANTINE], "quarantine");
	assert_null(probe_fault_names[FAULT_QUARANTINE + 1]);
}

/* What it says may still be true: any other fault is told first. */
static void test_a_flood_opens_and_closes(void **state)
{
	static const struct {
		bool floods;
		int64_t heard_at_ms;
		enum alert_step step;
		enum probe_fault fault;
	} table[] = {
		{false, 1000, ALERT_STEP_NONE, FAULT_NONE},
		{true, 2000, ALERT_STEP_OPEN, FAULT_FLOOD},
		{true, 3000, ALERT_STEP_NONE, FAULT_FLOOD},
		{true, 3000 - PROBE_LOST_MS, ALERT_STEP_NONE, FAULT_LOST},
		{true, 5000, ALERT_STEP_NONE, FAULT_FLOOD},
		{false, 6000, ALERT_STEP_CLOSE, FAULT_FLOOD},
	};
	struct court c;

	(void)state;
	court_init(&c, 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct court_facts facts = {.monitors = 5, .floods = table[i].floods};
		c.heard_at_ms = table[i].heard_at_ms;
		struct court_action action = court_tick(&c, &facts, 1000 * (int64_t)(i + 1));
		if (action.step != table[i].step || action.fault != table[i].fault)
			fail_msg("row %zu: step %d, fault %d", i, action.step, action.fault);
	}
}

/* One alert for dissent and for what follows of it; losing it comes first. */
static void test_quarantine_is_told(void **state)
{
	static const struct {
		int64_t now_ms;
		bool heard, quarantined;
		int dissents;
		enum alert_step step;
		enum probe_fault fault;
	} table[] = {
		{2000, true, false, 6, NONE, FAULT_NONE},
		{62000, true, false, 6, OPEN, FAULT_DISSENT},
		{63000, true, true, 6, CHANGE, FAULT_QUARANTINE},
		{64000, true, true, 0, NONE, FAULT_QUARANTINE},
		{94000, false, true, 0, CHANGE, FAULT_LOST},
		{95000, true, true, 6, CHANGE, FAULT_QUARANTINE},
		{160000, true, false, 6, CHANGE, FAULT_DISSENT},
		{161000, true, true, 6, CHANGE, FAULT_QUARANTINE},
		{162000, true, false, 0, CLOSE, FAULT_QUARANTINE},
		{163000, true, true, 0, OPEN, FAULT_QUARANTINE}, /* of one organization only */
	};
	struct court c;

	(void)state;
	court_init(&c, 1000);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct court_facts facts = {.monitors = 6,
			.dissents = table[i].dissents,
			.dissent_after_ms = AFTER_MS,
			.quarantined = table[i].quarantined};
		if (table[i].heard)
			court_heard(&c, table[i].now_ms);
		struct court_action a = court_tick(&c, &facts, table[i].now_ms);
		assert_int_equal(a.step, table[i].step);
		assert_int_equal(a.fault, table[i].fault);
	}
}

/* Set aside for others than before: that is told, while it is what the alert is about. */
static void test_another_sentence_is_told(void **state)
{
	static const struct {
		int64_t now_ms;
		bool heard, quarantined, resentenced;
		enum alert_step step;
		enum probe_fault fault;
	} table[] = {
		{2000, true, true, true, OPEN, FAULT_QUARANTINE},
		{3000, true, true, false, NONE, FAULT_QUARANTINE},
		{4000, true, true, true, CHANGE, FAULT_QUARANTINE},
		{34000, false, true, true, CHANGE, FAULT_LOST},
		{35000, false, true, true, NONE, FAULT_LOST},
		{36000, true, false, true, CLOSE, FAULT_LOST},
	};
	struct court c;

	(void)state;
	court_init(&c, 1000);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct court_facts facts = {.monitors = 6,
			.dissent_after_ms = AFTER_MS,
			.quarantined = table[i].quarantined,
			.resentenced = table[i].resentenced};
		if (table[i].heard)
			court_heard(&c, table[i].now_ms);
		struct court_action a = court_tick(&c, &facts, table[i].now_ms);
		assert_int_equal(a.step, table[i].step);
		assert_int_equal(a.fault, table[i].fault);
	}
}

/* After a restart: still set aside, so nothing is new; or not, and that is. */
static void test_restored_quarantine(void **state)
{
	static const struct {
		bool quarantined;
		enum alert_step step;
	} table[] = {{true, NONE}, {false, CLOSE}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct court_facts facts = {.monitors = 6,
			.dissents = 6,
			.dissent_after_ms = AFTER_MS,
			.held = true,
			.quarantined = table[i].quarantined};
		struct court c;
		court_init(&c, 1000);
		court_restore(&c, FAULT_QUARANTINE, SEVERITY_WARNING, 77);
		assert_int_equal(court_tick(&c, &facts, 1001).step, NONE);
		facts.held = false;
		struct court_action a = court_tick(&c, &facts, 1002);
		assert_int_equal(a.step, table[i].step);
		assert_int_equal(a.fault, FAULT_QUARANTINE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_dissent),
		cmocka_unit_test(test_how_much_is_dissent),
		cmocka_unit_test(test_one_alert_for_both),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_restored_lost_closes_only_when_heard),
		cmocka_unit_test(test_restored_dissent_closes_after_agreement),
		cmocka_unit_test(test_how_many_takeovers_are_twins),
		cmocka_unit_test(test_twins_end_five_minutes_after_the_last_takeover),
		cmocka_unit_test(test_a_drained_probe_is_not_missed),
		cmocka_unit_test(test_heard_never_goes_back),
		cmocka_unit_test(test_a_flood_opens_and_closes),
		cmocka_unit_test(test_quarantine_is_told),
		cmocka_unit_test(test_another_sentence_is_told),
		cmocka_unit_test(test_restored_quarantine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
