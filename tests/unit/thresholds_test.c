// SPDX-License-Identifier: MIT
/* Alerts of thresholds, and the reasons that they tell, as stories. The notation is in watch_kit.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/watch_kit.h"

static const char *warn(struct kit *k, uint32_t key, enum threshold t, enum severity severity)
{
	struct vote vote = kit_vote(k, severity == SEVERITY_NONE ? VERDICT_UP : VERDICT_WARNING);

	vote.severity[t] = (uint8_t)severity;
	watch_vote(k->w, key, 0, &vote, k->now_ms, &k->actions);
	kit_note(k);
	return kit_log(k);
}

static void test_threshold_alert(void **state)
{
	static const struct {
		enum threshold t;
		const char *open, *change, *back, *close;
	} table[] = {
		{THRESHOLD_SLOW, "up>degraded; open slow warning", "change slow critical",
			"change slow warning", "degraded>up; close slow"},
		{THRESHOLD_CERTIFICATE, "up>degraded; open certificate warning",
			"change certificate critical", "change certificate warning",
			"degraded>up; close certificate"},
		{THRESHOLD_LOSS, "up>degraded; open loss warning", "change loss critical",
			"change loss warning", "degraded>up; close loss"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		kit_start_up(&k);
		k.now_ms += 20000;
		assert_string_equal(warn(&k, 1, table[i].t, SEVERITY_WARNING), "");
		assert_string_equal(warn(&k, 2, table[i].t, SEVERITY_CRITICAL), table[i].open);
		assert_string_equal(warn(&k, 3, table[i].t, SEVERITY_CRITICAL), table[i].change);
		k.now_ms += 20000;
		assert_string_equal(warn(&k, 3, table[i].t, SEVERITY_NONE), table[i].back);
		assert_string_equal(warn(&k, 1, table[i].t, SEVERITY_NONE), table[i].close);
		kit_clear(&k);
	}
}

/* The clock counts from the machine's start: instant 0 is no parent's recovery, to be waited for. */
static void test_threshold_just_after_boot(void **state)
{
	struct kit k;

	(void)state;
	kit_start(&k, 3, 2, 2);
	k.now_ms = 500;
	warn(&k, 1, THRESHOLD_SLOW, SEVERITY_WARNING);
	assert_string_equal(warn(&k, 2, THRESHOLD_SLOW, SEVERITY_WARNING),
		"pending>degraded; open slow warning");
	kit_clear(&k);
}

static void test_threshold_tells_when_and_why(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	int64_t first_ms = k.now_ms - k.check_ms;
	warn(&k, 3, THRESHOLD_SLOW, SEVERITY_WARNING);
	k.now_ms += 20000;
	struct vote vote = kit_vote(&k, VERDICT_WARNING);
	vote.reason = REASON_SLOW_RESPONSE;
	vote.severity[THRESHOLD_SLOW] = SEVERITY_WARNING;
	watch_vote(k.w, 2, 0, &vote, k.now_ms, &k.actions);
	assert_int_equal(k.actions.n, 2);
	assert_int_equal(k.actions.item[0].reason, REASON_SLOW_RESPONSE);
	assert_int_equal(k.actions.item[1].started_at_ms, first_ms);
	assert_int_equal(k.actions.item[1].reason, REASON_SLOW_RESPONSE);
	kit_clear(&k);
}

/* Only votes that count tell since when: a stale one does not, a down vote that was judged does. */
static void test_threshold_since_the_first_that_counts(void **state)
{
	struct kit k;

	(void)state;
	kit_start(&k, 3, 2, 1);
	warn(&k, 3, THRESHOLD_SLOW, SEVERITY_WARNING);
	k.now_ms += 75001; /* that one is stale */
	warn(&k, 2, THRESHOLD_SLOW, SEVERITY_NONE);
	k.now_ms += 1000;
	struct vote vote = kit_vote(&k, VERDICT_DOWN);
	int64_t first_ms = vote.started_at_ms;
	vote.severity[THRESHOLD_SLOW] = SEVERITY_WARNING;
	watch_vote(k.w, 1, 0, &vote, k.now_ms, &k.actions);
	kit_note(&k);
	k.now_ms += 1000;
	vote = kit_vote(&k, VERDICT_WARNING);
	vote.severity[THRESHOLD_SLOW] = SEVERITY_WARNING;
	watch_vote(k.w, 2, 0, &vote, k.now_ms, &k.actions);
	const struct watch_action *open = &k.actions.item[k.actions.n - 1];
	assert_int_equal(open->type, WATCH_OPEN);
	assert_int_equal(open->kind, ALERT_SLOW);
	assert_int_equal(open->started_at_ms, first_ms);
	kit_clear(&k);
}

/* The most frequent reason of the votes that count; the first of the table on a tie; a made-up one
 * is none. */
static void test_reason(void **state)
{
	static const struct {
		int reason[5];
		int expected;
	} table[] = {
		{{REASON_TCP_REFUSED, REASON_HTTP_STATUS, REASON_HTTP_STATUS, REASON_TCP_REFUSED,
			 REASON_HTTP_STATUS},
			REASON_HTTP_STATUS},
		{{REASON_HTTP_STATUS, REASON_HTTP_STATUS, REASON_TCP_REFUSED, REASON_TCP_REFUSED,
			 REASON_TCP_RESET},
			REASON_TCP_REFUSED},
		{{REASON_COUNT, REASON_COUNT, REASON_COUNT, -1, REASON_DNS_NXDOMAIN},
			REASON_DNS_NXDOMAIN},
		{{REASON_OK, REASON_OK, REASON_OK, REASON_OK, REASON_DNS_NXDOMAIN},
			REASON_DNS_NXDOMAIN},
		{{REASON_OK, REASON_OK, REASON_OK, REASON_OK, REASON_OK}, REASON_OK},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct kit k;
		kit_start(&k, 7, 5, 2);
		k.w->rule.rounds = 0;
		k.w->rule.gap_ms = 1;
		for (uint32_t key = 6; key <= 7; key++) { /* two that are set aside and agree */
			struct vote vote = kit_vote(&k, VERDICT_DOWN);
			vote.reason = REASON_TLS_EXPIRED;
			watch_vote(k.w, key, 0, &vote, k.now_ms, &k.actions);
			watch_exclude(k.w, key, EXCLUDED_CLOCK);
		}
		for (uint32_t key = 1; key <= 5; key++) {
			struct vote vote = kit_vote(&k, VERDICT_DOWN);
			vote.reason = table[i].reason[key - 1];
			watch_vote(k.w, key, 0, &vote, k.now_ms, &k.actions);
		}
		k.actions.n = 0;
		watch_tick(k.w, k.now_ms + 1, &k.actions);
		assert_int_equal(k.actions.n, 2);
		assert_int_equal(k.actions.item[1].reason, table[i].expected);
		kit_clear(&k);
	}
}

/* A target that goes down is no longer judged for its speed: the open alert stays as it is. */
static void test_threshold_stays_while_down(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	warn(&k, 1, THRESHOLD_SLOW, SEVERITY_WARNING);
	warn(&k, 2, THRESHOLD_SLOW, SEVERITY_WARNING);
	k.now_ms += 20000;
	kit_all(&k, 0, "DDD");
	assert_true(k.w->slot[ALERT_SLOW].open);
	kit_clear(&k);
}

static void test_degraded(void **state)
{
	struct kit k;

	(void)state;
	kit_start_up(&k);
	k.now_ms += 20000;
	assert_string_equal(kit_all(&k, 0, "UWW"), "up>degraded");
	k.now_ms += 20000;
	assert_string_equal(kit_all(&k, 0, "UUW"), "degraded>up");
	kit_clear(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threshold_alert),
		cmocka_unit_test(test_threshold_just_after_boot),
		cmocka_unit_test(test_threshold_tells_when_and_why),
		cmocka_unit_test(test_threshold_since_the_first_that_counts),
		cmocka_unit_test(test_reason),
		cmocka_unit_test(test_threshold_stays_while_down),
		cmocka_unit_test(test_degraded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
