// SPDX-License-Identifier: MIT
/* Why alerts opened and closed, sentence by sentence, from documents as the store has them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/alert_story.h"
#include "quorate/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VOTE(probe, verdict, reason, fate)                                                         \
	"{'probe':'" probe "','region':'r','seat':0,'verdict':'" verdict "','reason':'" reason     \
	"','fate':'" fate "','detail':'long'}"
#define VOTES                                                                                      \
	"'votes':[" VOTE("tokyo-1", "down", "tcp.refused", "counted") "," VOTE(                    \
		"paris-1", "down", "tcp.timeout", "counted") "," VOTE("osaka-1", "down",           \
		"tcp.refused", "counted") "," VOTE("oslo-1", "down", "tcp.refused",                \
		"stale") "," VOTE("lima-1", "up", "ok", "counted") "]"
#define QUORUM(down, up, rounds)                                                                   \
	"{'seats':5,'down':3,'up':2,'counted':{'down':" down ",'up':" up                           \
	",'warning':0,'split':0,'absent':0},'rounds':" rounds "}"
#define HEAD(kind, severity)                                                                       \
	"'case':'K7F-2QX','kind':'" kind "','severity':'" severity                                 \
	"','started_at':'2026-11-21T18:30:49.310Z','opened_at':'2026-11-21T18:30:53.156Z',"
#define REASON(code, text) "'reason':{'code':'" code "','text':'" text "'},"

/* Apostrophes for quotes. */
static json_t *parsed(const char *text)
{
	char json[4096];
	json_t *out;

	snprintf(json, sizeof(json), "%s", text);
	for (char *p = json; *p; p++)
		if (*p == '\'')
			*p = '"';
	out = json_loads(json, 0, NULL);
	assert_non_null(out);
	return out;
}

static const struct {
	const char *alert, *sentence, *story;
} table[] = {
	{"{" HEAD("down", "critical") REASON("tcp.refused",
		 "connection refused by x") "'held_ms':0,"
					    "'quorum':" QUORUM("3", "1", "2") "," VOTES "}",
		"It opened because it is DOWN: 3 of 5 seats said down, 3 are needed, in each of 2 "
		"rounds: tokyo-1, osaka-1 (tcp.refused); paris-1 (tcp.timeout). Seen: connection "
		"refused by x (tcp.refused).",
		"49.310 the first check that showed it began\n"
		"53.156 opened: critical down\n"},
	{"{" HEAD("down", "critical") "'held_ms':12800,'quorum':" QUORUM("4", "0",
		 "0") ",'acknowledged_at':'2026-11-21T18:30:55.000Z','acknowledged_by':'anna',"
		      "'comments':[{'at':'2026-11-21T18:30:54.000Z','by':'ben','text':'the "
		      "switch'}],"
		      "'reminded_at':'2026-11-21T18:30:56.000Z','reminders':3,"
		      "'recovery':{'quorum':" QUORUM("1", "4",
			      "2") "},"
				   "'closed_at':'2026-11-21T18:30:59.000Z','closed_by':null}",
		"It opened because it is DOWN: 4 of 5 seats said down, 3 are needed, by scheduled "
		"checks.",
		"49.310 the first check that showed it began\n"
		"53.156 opened: critical down, after it had been held back for 12 s\n"
		"54.000 ben: the switch\n"
		"55.000 acknowledged by anna\n"
		"56.000 the last of 3 reminders was sent\n"
		"59.000 closed, because it was over: 4 of 5 seats said up, 2 are needed, and 1 "
		"said "
		"down, in each of 2 rounds\n"},
	{"{" HEAD("down", "unknown") "'quorum':" QUORUM(
		 "0", "0", "1") ",'changed_at':'2026-11-21T18:30:55.000Z','opening':{'kind':'"
				"regional','severity':"
				"'warning','quorum':" QUORUM("1", "4", "0") "," REASON(
					"tcp.refused", "from r") VOTES
		"},'closed_at':'2026-11-21T18:30:59.000Z','closed_by':'anna'}",
		"It opened because 1 of 5 seats kept saying down, fewer than the 3 that make it "
		"DOWN: tokyo-1, osaka-1 (tcp.refused); paris-1 (tcp.timeout). Seen: from r "
		"(tcp.refused).",
		"49.310 the first check that showed it began\n"
		"53.156 opened: warning regional\n"
		"55.000 changed, now unknown down, because it is DOWN: 0 of 5 seats said down, 3 "
		"are needed, confirmed by a round of checks\n"
		"59.000 closed by hand, by anna, while its cause lasted\n"},
	{"{" HEAD("slow", "warning") REASON("slow.response", "1.2 s") "'quorum':" QUORUM(
		 "0", "5", "0") ",'closed_at':'2026-11-21T18:30:59.000Z',"
				"'closed_because':'the monitor was deleted'}",
		"It opened because 3 or more of 5 seats saw it cross its threshold. Seen: 1.2 s "
		"(slow.response).",
		"49.310 the first check that showed it began\n"
		"53.156 opened: warning slow\n"
		"59.000 closed, because the monitor was deleted\n"},
	{"{" HEAD("undetermined", "unknown") "'quorum':{'seats':5,'down':3,'up':2,'counted':"
					     "{'down':1,'up':1,'warning':0,'split':1,'absent':2}}}",
		"It opened because nobody could tell: of 5 seats 1 said up (2 are needed), 1 said "
		"down (3 are needed), 3 were silent.",
		"49.310 the first check that showed it began\n"
		"53.156 opened: unknown undetermined\n"},
	{"{" HEAD("failures", "warning") REASON("quorum.failures",
		 "11 of 75 checks failed in the "
		 "last 15m") "'closed_at':'2026-11-21T18:30:59.000Z'}",
		"It opened because 11 of 75 checks failed in the last 15m.",
		"49.310 the first check that showed it began\n"
		"53.156 opened: warning failures\n"
		"59.000 closed, because it was over\n"},
	/* of what is not there nothing is said */
	{"{'kind':'flapping'}", "It opened because no reason is kept.", ""},
};

static void test_stories(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		json_t *alert = parsed(table[i].alert), *x = alert_story(alert), *one;
		char told[4096] = "";
		size_t k, used = 0;

		json_array_foreach (json_object_get(x, "story"), k, one)
			used += (size_t)snprintf(told + used, sizeof(told) - used, "%.6s %s\n",
				json_string_value(json_object_get(one, "at")) + 17,
				json_string_value(json_object_get(one, "words")));
		assert_string_equal(told, table[i].story);
		assert_string_equal(
			json_string_value(json_object_get(x, "sentence")), table[i].sentence);
		json_decref(x);
		json_decref(alert);
	}
}

static void test_outlook_and_evidence(void **state UNUSED)
{
	json_t *alert = parsed(table[2].alert), *x = alert_story(alert);
	const json_t *turn = json_array_get(json_object_get(x, "outlook"), 0);

	assert_string_equal(json_string_value(json_object_get(turn, "words")),
		"2 more seats saying down make it DOWN");
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(x, "opening"), "votes")), 5);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(x, "latest"), "severity")),
		"unknown");
	assert_true(json_is_null(json_object_get(x, "closing")));
	json_decref(x);
	json_decref(alert);
	alert = parsed(table[3].alert); /* its seats voted on something else */
	x = alert_story(alert);
	assert_int_equal(json_array_size(json_object_get(x, "outlook")), 0);
	assert_true(json_is_null(json_object_get(x, "latest")));
	json_decref(x);
	json_decref(alert);
}

static void test_opening_is_kept_once_and_small(void **state UNUSED)
{
	json_t *alert = parsed(table[0].alert), *opening, *vote;

	alert_keep_opening(alert);
	json_object_set_new(alert, "severity", json_string("unknown"));
	alert_keep_opening(alert);
	opening = json_object_get(alert, "opening");
	assert_string_equal(json_string_value(json_object_get(opening, "severity")), "critical");
	assert_string_equal(
		json_string_value(json_object_get(opening, "at")), "2026-11-21T18:30:53.156Z");
	vote = json_array_get(json_object_get(opening, "votes"), 1);
	assert_string_equal(json_string_value(json_object_get(vote, "probe")), "paris-1");
	assert_null(json_object_get(vote, "detail"));
	json_decref(alert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_outlook_and_evidence),
		cmocka_unit_test(test_opening_is_kept_once_and_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
