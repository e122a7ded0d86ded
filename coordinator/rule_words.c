// SPDX-License-Identifier: MIT
#include "coordinator/rule_words.h"

#include "coordinator/core/tolerance.h"

#include <stdio.h>

const char *rule_words(const struct quorum_rule *rule, char words[RULE_WORDS_SIZE])
{
	struct seat_faults most = tolerance_of(rule);

	if (rule->seats <= 1)
		snprintf(words, RULE_WORDS_SIZE, "no quorum: one probe decides");
	else
		snprintf(words, RULE_WORDS_SIZE,
			"DOWN when %d of %d seats say down, UP when %d say up; tolerates %d lying "
			"of "
			"%d; %s%d with a broken path and %d silent",
			rule->down, rule->seats, rule->up, most.lying, rule->seats,
			most.lying > 0 ? "with none lying, " : "", most.broken, most.silent);
	return words;
}

json_t *rule_json(const struct quorum_rule *rule, const struct monitor *m)
{
	struct seat_faults most = tolerance_of(rule);
	char words[RULE_WORDS_SIZE];

	return json_pack("{s:i, s:i, s:i, s:i, s:s, s:{s:i, s:i, s:i}, s:s}", "seats", rule->seats,
		"down", rule->down, "up", rule->up, "requested_seats", (int)m->quorum.seats,
		"domain", failure_domain_names[m->domain < 0 ? DOMAIN_REGION : m->domain],
		"tolerates", "lying", most.lying, "broken_path", most.broken, "silent", most.silent,
		"words", rule_words(rule, words));
}

json_t *rule_of_monitor(struct registry *r, const struct monitor *m)
{
	int seats = registry_count_seats(r, m);
	struct quorum_rule rule;
	json_t *out;

	/* What asks for more than there is now was accepted when there was more: it is clamped. */
	(void)!quorum_resolve(&m->quorum, seats > 0 ? seats : 1, &rule);
	out = rule_json(&rule, m);
	if (seats == 0)
		json_object_set_new(out, "words",
			json_string("no probe that may check it is registered: nobody looks"));
	return out;
}

/* ---- what would turn it */

const char *const decision_words[] = {"UNDETERMINED", "UP", "DEGRADED", "DOWN"};
static const char *const seat_words[] = {"down", "up", "warning", "silent"};
static const char *const turning_words[] = {
	"saying down", "saying up", "warning", "falling silent"};

/* "2 more seats": which does not matter. SAY: how many say so already. */
static int any_seats(char *text, size_t room, const struct quorum_rule *rule, int seats, int say)
{
	if (seats == rule->seats)
		return snprintf(text, room, seats == 1 ? "its one seat" : "all %d seats", seats);
	return snprintf(
		text, room, "%d %sseat%s", seats, say > 0 ? "more " : "", seats == 1 ? "" : "s");
}

/* "1 of the 3 up seats" */
static int these_seats(char *text, size_t room, int seats, int of, const char *which)
{
	if (of == 1)
		return snprintf(text, room, "the one %s seat", which);
	if (seats < of)
		return snprintf(text, room, "%d of the %d %s seats", seats, of, which);
	if (of == 2)
		return snprintf(text, room, "both %s seats", which);
	return snprintf(text, room, "all %d %s seats", of, which);
}

const char *turn_words(const struct quorum_rule *rule, const struct tally *tally,
	const struct turn *turn, char words[TURN_WORDS_SIZE])
{
	int now[ANSWER_COUNT] = {
		tally->down, tally->up, tally->warning, tally->split + tally->absent};
	int from[ANSWER_COUNT] = {turn->from[ANSWER_DOWN], turn->from[ANSWER_UP],
		turn->from[ANSWER_WARNING], turn->from[ANSWER_SILENT]};
	size_t used = 0;

	if (turn->answer == ANSWER_UP || turn->answer == ANSWER_SILENT) { /* a warning is up, too */
		now[ANSWER_UP] += now[ANSWER_WARNING];
		if (turn->answer == ANSWER_SILENT) {
			from[ANSWER_UP] += from[ANSWER_WARNING];
			from[ANSWER_WARNING] = 0;
		}
	}
	if (turn->whoever)
		used = (size_t)any_seats(
			words, TURN_WORDS_SIZE, rule, turn->seats, now[turn->answer]);
	for (int a = 0; !turn->whoever && a < ANSWER_COUNT; a++) {
		if (from[a] == 0)
			continue;
		if (used > 0)
			used += (size_t)snprintf(words + used, TURN_WORDS_SIZE - used, " and ");
		used += (size_t)these_seats(
			words + used, TURN_WORDS_SIZE - used, from[a], now[a], seat_words[a]);
	}
	snprintf(words + used, TURN_WORDS_SIZE - used, " %s %s it %s", turning_words[turn->answer],
		turn->seats == 1 ? "makes" : "make", decision_words[turn->to]);
	return words;
}

static json_t *turn_json(
	const struct quorum_rule *rule, const struct tally *tally, const struct turn *turn)
{
	char words[TURN_WORDS_SIZE];
	json_t *of = json_object();

	for (int a = 0; a < ANSWER_COUNT; a++)
		if (turn->from[a] > 0)
			json_object_set_new(of, answer_names[a], json_integer(turn->from[a]));
	return json_pack("{s:s, s:i, s:s, s:o, s:b, s:s}", "to", decision_names[turn->to], "seats",
		turn->seats, "say", answer_names[turn->answer], "of", of, "whoever", turn->whoever,
		"words", turn_words(rule, tally, turn, words));
}

json_t *outlook_json(const struct quorum_rule *rule, const struct tally *tally)
{
	struct turn turns[TURNS_MAX];
	int n = outlook_turns(rule, tally, turns);
	json_t *out = json_array();

	for (int i = 0; i < n; i++)
		if (turns[i].to != DECISION_DEGRADED || tally->warning > 0)
			json_array_append_new(out, turn_json(rule, tally, &turns[i]));
	return out;
}
