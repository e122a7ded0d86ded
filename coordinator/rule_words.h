// SPDX-License-Identifier: MIT
/* A quorum rule as people are told of it: what it asks for, and what it bears. */
#ifndef QUORATE_RULE_WORDS_H
#define QUORATE_RULE_WORDS_H

#include "coordinator/core/quorum.h"
#include "coordinator/registry.h"

#define RULE_WORDS_SIZE 256
/* "DOWN when 2 of 3 seats say down, UP when 2 say up; tolerates 1 lying of 3; …" Returns WORDS. */
const char *rule_words(const struct quorum_rule *rule, char words[RULE_WORDS_SIZE]);
/* RULE of monitor M; a new reference. */
json_t *rule_json(const struct quorum_rule *rule, const struct monitor *m);
/* The rule that M has with what is registered now; a new reference. */
json_t *rule_of_monitor(struct registry *r, const struct monitor *m);

#endif
