// SPDX-License-Identifier: MIT
/*
 * What people do with alerts, on the real store: who and when, told once, over restarts, and what
 * the quorum says meanwhile. The outbox is faked: it counts what would be sent.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/alerts.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "quorate/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

/* ---- fakes */

static char told[64][24]; /* the types of all messages */
static int n_told;

void notify_add(struct notify *n UNUSED, struct store_batch *b UNUSED, int64_t sequence UNUSED,
	const char *kind UNUSED, const json_t *body)
{
	assert_true(n_told < 64);
	snprintf(told[n_told++], sizeof(told[0]), "%s",
		json_string_value(json_object_get(body, "type")));
}

void notify_release(struct notify *n UNUSED, int64_t sequence UNUSED)
{
}

/* ---- fixture */

static struct loop *loop;
static struct store *store;
static struct alerts *alerts;
static char dir[32], location[64];
static struct id monitor_id;

static void health_cb(void *arg UNUSED, enum store_part part UNUSED, const char *detail UNUSED)
{
}

static void start(void)
{
	loop = loop_new();
	assert_int_equal(store_open(&store, loop, location, health_cb, NULL), 0);
	alerts = alerts_new(store, NULL, "http://q");
	assert_non_null(alerts);
	n_told = 0;
}

static void stop(void)
{
	store_close(store);
	alerts_free(alerts);
	loop_free(loop);
}

static void restart(void)
{
	stop();
	start();
}

static int set_up(void **state UNUSED)
{
	snprintf(dir, sizeof(dir), "/tmp/qpXXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(location, sizeof(location), "sqlite:%s/store", dir);
	monitor_id = id_new();
	start();
	return 0;
}

static int tear_down(void **state UNUSED)
{
	char *command = mem_printf("rm -rf %s", dir);

	stop();
	assert_int_equal(system(command), 0);
	free(command);
	return 0;
}

static struct alert_facts facts_of(enum alert_kind kind, enum severity severity)
{
	char id[ID_TEXT_SIZE];

	return (struct alert_facts){.kind = kind,
		.severity = severity,
		.subject = monitor_id,
		.monitor = json_pack("{s:s, s:s}", "id", id_format(&monitor_id, id), "name", "m"),
		.reason_code = "tcp.refused",
		.reason_text = "refused",
		.started_wall_ms = UNSET};
}

typedef void (*fact_fn)(struct alerts *a, const struct alert_facts *facts);

/* What the quorum says: alerts_change, alerts_resolve. */
static void quorum(fact_fn fn, enum alert_kind kind, enum severity severity)
{
	struct alert_facts facts = facts_of(kind, severity);

	fn(alerts, &facts);
	json_decref(facts.monitor);
}

static char *raise_alert(enum alert_kind kind, enum severity severity)
{
	static char case_id[16];
	struct alert_facts facts = facts_of(kind, severity);

	snprintf(case_id, sizeof(case_id), "%s", alerts_raise(alerts, &facts));
	json_decref(facts.monitor);
	return case_id;
}

static void done_cb(void *arg UNUSED, enum store_error error)
{
	assert_int_equal(error, STORE_OK);
	loop_stop(loop);
}

static json_t *after; /* the document after the last act */
static char why[ALERT_WHY_SIZE];

static enum alert_outcome act(
	const char *case_id, enum alert_verb verb, const char *by, const char *comment)
{
	struct alert_act what = {.verb = verb, .by = by, .comment = comment};
	enum alert_outcome outcome;

	json_decref(after);
	after = NULL;
	why[0] = '\0';
	outcome = alerts_act(alerts, case_id, &what, &after, why, done_cb, NULL);
	if (outcome == ALERT_ACTED)
		loop_run(loop);
	return outcome;
}

static const char *member(const char *name)
{
	return json_string_value(json_object_get(after, name));
}

static void assert_told(int n, const char *type)
{
	assert_int_equal(n_told, n);
	if (type)
		assert_string_equal(told[n - 1], type);
}

static void forget(void)
{
	json_decref(after);
	after = NULL;
}

/* ---- tests */

#define EVERY_MS (INT64_C(4) * 3600000)

static int64_t every_cb(void *arg, enum alert_kind kind, const struct id *subject)
{
	assert_int_equal(kind, ALERT_DOWN);
	assert_true(id_equal(subject, &monitor_id));
	return *(int64_t *)arg;
}

static void remind(int64_t wall_ms, int64_t every_ms)
{
	alerts_remind(alerts, wall_ms, every_cb, &every_ms);
}

/* At its time, once; not before, nor twice, nor when somebody has it; also over restarts. */
static void what_lasts_is_told_again(void **state UNUSED)
{
	int64_t before_ms = clock_wall_ms(), at_ms;
	char *case_id = raise_alert(ALERT_DOWN, SEVERITY_CRITICAL);
	int64_t after_ms = clock_wall_ms();

	remind(before_ms + EVERY_MS - 1, EVERY_MS);
	remind(INT64_MAX - 1, 0);
	assert_told(1, "alert.opened");
	remind(at_ms = after_ms + EVERY_MS, EVERY_MS);
	assert_told(2, "alert.reminder");
	remind(at_ms, EVERY_MS);
	remind(at_ms + EVERY_MS - 1, EVERY_MS);
	assert_told(2, NULL);
	assert_int_equal(act(case_id, VERB_COMMENT, "ann", "it is the switch"), ALERT_ACTED);
	assert_told(3, "alert.changed"); /* which is no reminder */

	restart();
	remind(at_ms + EVERY_MS - 1, EVERY_MS);
	assert_told(0, NULL);
	remind(at_ms += 3 * EVERY_MS, EVERY_MS); /* one for all the time that nobody could */
	assert_told(1, "alert.reminder");
	assert_int_equal(act(case_id, VERB_ACKNOWLEDGE, "ann", NULL), ALERT_ACTED);
	assert_int_equal(json_integer_value(json_object_get(after, "reminders")), 2);
	remind(at_ms + 2 * EVERY_MS, EVERY_MS);
	assert_told(2, "alert.acknowledged");
	assert_int_equal(act(case_id, VERB_REOPEN, "bob", NULL), ALERT_ACTED);
	remind(at_ms + EVERY_MS - 1, EVERY_MS);
	assert_told(3, "alert.changed");
	remind(at_ms + EVERY_MS, EVERY_MS);
	assert_told(4, "alert.reminder");

	/* what was closed by hand is told no more */
	assert_int_equal(act(case_id, VERB_CLOSE, "bob", NULL), ALERT_ACTED);
	remind(at_ms + 9 * EVERY_MS, EVERY_MS);
	assert_told(5, "alert.closed");
	quorum(alerts_resolve, ALERT_DOWN, SEVERITY_NONE);
	forget();
}

static void each_act_is_told_once(void **state UNUSED)
{
	static const struct {
		enum alert_verb verb;
		const char *by, *comment;
		enum alert_outcome outcome;
		const char *type, *then; /* the event, the state after it */
		size_t comments;
	} steps[] = {
		{VERB_REOPEN, "anna", NULL, ALERT_SAME, NULL, "open", 0},
		{VERB_ACKNOWLEDGE, "anna", "looking", ALERT_ACTED, "alert.acknowledged",
			"acknowledged", 1},
		{VERB_ACKNOWLEDGE, "anna", "looking", ALERT_SAME, NULL, "acknowledged", 1},
		{VERB_ACKNOWLEDGE, "ben", NULL, ALERT_SAME, NULL, "acknowledged", 1},
		{VERB_ACKNOWLEDGE, "ben", "me too", ALERT_ACTED, "alert.changed", "acknowledged",
			2},
		{VERB_COMMENT, "anna", "looking", ALERT_ACTED, "alert.changed", "acknowledged", 3},
		{VERB_COMMENT, "anna", "looking", ALERT_SAME, NULL, "acknowledged", 3},
		{VERB_REOPEN, "ben", NULL, ALERT_ACTED, "alert.changed", "open", 3},
		{VERB_CLOSE, "ben", "known", ALERT_ACTED, "alert.closed", "closed", 4},
		{VERB_CLOSE, "anna", NULL, ALERT_SAME, NULL, "closed", 4},
		{VERB_ACKNOWLEDGE, "anna", NULL, ALERT_REFUSED, NULL, NULL, 4},
		{VERB_COMMENT, "anna", "so be it", ALERT_ACTED, "alert.changed", "closed", 5},
		{VERB_REOPEN, "anna", NULL, ALERT_ACTED, "alert.opened", "open", 5},
		{VERB_REOPEN, "anna", NULL, ALERT_SAME, NULL, "open", 5},
	};
	char *case_id = raise_alert(ALERT_DOWN, SEVERITY_CRITICAL);
	int n = 1;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		enum alert_outcome outcome =
			act(case_id, steps[i].verb, steps[i].by, steps[i].comment);

		print_message("step %zu\n", i);
		assert_int_equal(outcome, steps[i].outcome);
		n += steps[i].type != NULL;
		assert_told(n, steps[i].type);
		if (!steps[i].then)
			continue;
		assert_string_equal(member("state"), steps[i].then);
		assert_int_equal(
			json_array_size(json_object_get(after, "comments")), steps[i].comments);
	}
	forget();
}

static void an_acknowledgement_survives_a_restart(void **state UNUSED)
{
	char *case_id = raise_alert(ALERT_DOWN, SEVERITY_CRITICAL), lower[16];
	int64_t at_wall_ms;

	assert_int_equal(act(case_id, VERB_ACKNOWLEDGE, "anna", "on it"), ALERT_ACTED);
	restart();
	quorum(alerts_change, ALERT_DOWN, SEVERITY_UNKNOWN); /* takes nothing back */
	for (int i = 0; i < 8; i++)
		lower[i] = (char)(case_id[i] >= 'A' && case_id[i] <= 'Z' ? case_id[i] | 0x20
									 : case_id[i]);
	assert_int_equal(act(lower, VERB_ACKNOWLEDGE, "ben", NULL), ALERT_SAME);
	assert_string_equal(member("acknowledged_by"), "anna");
	assert_string_equal(member("severity"), "unknown");
	assert_int_equal(time_parse(member("acknowledged_at"), &at_wall_ms), 0);
	assert_true(clock_wall_ms() - at_wall_ms < 60000);
	assert_told(1, "alert.changed");
	/* What the quorum does at the same time loses nothing of it. */
	quorum(alerts_resolve, ALERT_DOWN, SEVERITY_NONE);
	assert_told(2, "alert.closed");
	assert_int_equal(act(case_id, VERB_ACKNOWLEDGE, "ben", NULL), ALERT_UNKNOWN);
	forget();
}

static void closed_by_hand_is_quiet_until_it_is_over(void **state UNUSED)
{
	char first[16];

	snprintf(first, sizeof(first), "%s", raise_alert(ALERT_DOWN, SEVERITY_CRITICAL));
	assert_int_equal(act(first, VERB_CLOSE, "anna", NULL), ALERT_ACTED);
	assert_string_equal(member("closed_by"), "anna");
	assert_int_equal(alerts_count_open(alerts), 0);
	assert_null(alerts_case(alerts, ALERT_DOWN, &monitor_id));
	assert_string_equal(alerts_hushed_case(alerts, ALERT_DOWN, &monitor_id), first);
	restart(); /* nor does a restart make it news */
	assert_string_equal(alerts_hushed_case(alerts, ALERT_DOWN, &monitor_id), first);
	quorum(alerts_change, ALERT_DOWN, SEVERITY_UNKNOWN);
	quorum(alerts_change, ALERT_DOWN, SEVERITY_CRITICAL);
	assert_told(0, NULL);
	quorum(alerts_resolve, ALERT_DOWN, SEVERITY_NONE); /* it was closed: nobody is told again */
	assert_told(0, NULL);
	assert_int_equal(act(first, VERB_REOPEN, "anna", NULL), ALERT_UNKNOWN);
	restart();
	assert_null(alerts_hushed_case(alerts, ALERT_DOWN, &monitor_id));
	assert_string_not_equal(raise_alert(ALERT_DOWN, SEVERITY_CRITICAL), first);
	assert_told(1, "alert.opened");
	forget();
}

static void reopened_after_a_restart_it_is_closed_by_the_quorum(void **state UNUSED)
{
	char *case_id = raise_alert(ALERT_DOWN, SEVERITY_CRITICAL);

	assert_int_equal(act(case_id, VERB_CLOSE, "anna", NULL), ALERT_ACTED);
	restart();
	assert_int_equal(act(case_id, VERB_REOPEN, "ben", NULL), ALERT_ACTED);
	assert_told(1, "alert.opened");
	assert_string_equal(member("reopened_by"), "ben");
	assert_true(json_is_null(json_object_get(after, "closed_at")));
	assert_true(json_is_null(json_object_get(after, "closed_by")));
	assert_null(json_object_get(after, "closed_because"));
	restart();
	assert_int_equal(alerts_count_open(alerts), 1);
	assert_null(alerts_hushed_case(alerts, ALERT_DOWN, &monitor_id));
	quorum(alerts_resolve, ALERT_DOWN, SEVERITY_NONE);
	assert_told(1, "alert.closed");
	forget();
}

/* What was closed as a warning and becomes critical is news. */
static void what_gets_worse_opens_another(void **state UNUSED)
{
	char first[16];

	snprintf(first, sizeof(first), "%s", raise_alert(ALERT_SLOW, SEVERITY_WARNING));
	assert_int_equal(act(first, VERB_CLOSE, "anna", NULL), ALERT_ACTED);
	quorum(alerts_change, ALERT_SLOW, SEVERITY_WARNING);
	assert_told(2, "alert.closed");
	quorum(alerts_change, ALERT_SLOW, SEVERITY_CRITICAL);
	assert_told(3, "alert.opened");
	assert_string_not_equal(alerts_case(alerts, ALERT_SLOW, &monitor_id), first);
	assert_null(alerts_hushed_case(alerts, ALERT_SLOW, &monitor_id));

	/* A regional one that the quorum confirms is a down alert of its own. */
	snprintf(first, sizeof(first), "%s", raise_alert(ALERT_REGIONAL, SEVERITY_WARNING));
	assert_int_equal(act(first, VERB_CLOSE, "anna", NULL), ALERT_ACTED);
	struct alert_facts down = facts_of(ALERT_DOWN, SEVERITY_CRITICAL);
	alerts_promote(alerts, ALERT_REGIONAL, &down);
	json_decref(down.monitor);
	assert_told(6, "alert.opened");
	assert_null(alerts_hushed_case(alerts, ALERT_REGIONAL, &monitor_id));

	/* A monitor that is gone takes what was closed about it along. */
	assert_int_equal(
		act(alerts_case(alerts, ALERT_DOWN, &monitor_id), VERB_CLOSE, "anna", NULL),
		ALERT_ACTED);
	alerts_withdraw(alerts, ALERT_DOWN, &monitor_id, "the monitor was deleted");
	assert_null(alerts_hushed_case(alerts, ALERT_DOWN, &monitor_id));
	assert_told(7, "alert.closed");
	forget();
}

/* A probe's alert that was closed as "lost" is none about two that use its token. */
static void another_fault_of_a_probe_is_news(void **state UNUSED)
{
	char first[16], id[ID_TEXT_SIZE];
	struct alert_facts facts = {.kind = ALERT_PROBE,
		.severity = SEVERITY_WARNING,
		.subject = monitor_id,
		.probe = json_pack("{s:s, s:s}", "id", id_format(&monitor_id, id), "name", "p"),
		.reason_code = "probe.lost",
		.reason_text = "nothing heard",
		.started_wall_ms = UNSET};

	snprintf(first, sizeof(first), "%s", alerts_raise(alerts, &facts));
	assert_int_equal(act(first, VERB_CLOSE, "anna", NULL), ALERT_ACTED);
	restart();
	alerts_change(alerts, &facts);
	assert_told(0, NULL);
	facts.reason_code = "probe.twins";
	alerts_change(alerts, &facts);
	assert_told(1, "alert.opened");
	assert_null(alerts_hushed_case(alerts, ALERT_PROBE, &monitor_id));
	json_decref(facts.probe);
	forget();
}

static void comments_have_a_ceiling(void **state UNUSED)
{
	char *case_id = raise_alert(ALERT_DOWN, SEVERITY_CRITICAL), text[24];

	for (int i = 0; i < COMMENTS_MAX; i++) {
		snprintf(text, sizeof(text), "comment %d", i);
		assert_int_equal(act(case_id, VERB_COMMENT, "anna", text), ALERT_ACTED);
	}
	assert_int_equal(json_array_size(json_object_get(after, "comments")), COMMENTS_MAX);
	assert_int_equal(act(case_id, VERB_CLOSE, "anna", "one more"), ALERT_REFUSED);
	assert_non_null(strstr(why, "has 20 comments already"));
	assert_int_equal(alerts_count_open(alerts), 1); /* whole or not at all */
	assert_int_equal(act(case_id, VERB_CLOSE, "anna", NULL), ALERT_ACTED);
	forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_lasts_is_told_again),
		TEST(each_act_is_told_once),
		TEST(an_acknowledgement_survives_a_restart),
		TEST(closed_by_hand_is_quiet_until_it_is_over),
		TEST(reopened_after_a_restart_it_is_closed_by_the_quorum),
		TEST(what_gets_worse_opens_another),
		TEST(another_fault_of_a_probe_is_news),
		TEST(comments_have_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
