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
