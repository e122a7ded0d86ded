// SPDX-License-Identifier: MIT
/* A quorum rule as people are told of it: what it asks for, what it bears, and what would turn its
 * decision. */
#ifndef QUORATE_RULE_WORDS_H
#define QUORATE_RULE_WORDS_H

#include "coordinator/core/outlook.h"
#include "coordinator/registry.h"

#define RULE_WORDS_SIZE 256
/* "DOWN when 2 of 3 seats say down, UP when 2 say up; tolerates 1 lying of 3; …" Returns WORDS. */
const char *rule_words(const struct quorum_rule *rule, char words[RULE_WORDS_SIZE]);
/* UP, DOWN … by enum decision. */
extern const char *const decision_words[];

#define TURN_WORDS_SIZE 256
/* "2 more seats saying down make it DOWN", "1 of the 3 up seats falling silent makes it
 * UNDETERMINED"; TURN as outlook_turns() gave it. Returns WORDS. */
const char *turn_words(const struct quorum_rule *rule, const struct tally *tally,
	const struct turn *turn, char words[TURN_WORDS_SIZE]);
/* What would turn the decision at TALLY, the fewest seats first: [{"to", "seats", "say", "of",
 * "whoever", "words"}]; DEGRADED only where somebody warns. A new reference. */
json_t *outlook_json(const struct quorum_rule *rule, const struct tally *tally);
/* RULE of monitor M; a new reference. */
json_t *rule_json(const struct quorum_rule *rule, const struct monitor *m);
/* The rule that M has with what is registered now; a new reference. */
json_t *rule_of_monitor(struct registry *r, const struct monitor *m);

#endif
