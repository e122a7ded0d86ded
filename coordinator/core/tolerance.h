// SPDX-License-Identifier: MIT
/*
 * What a quorum rule bears. Pure arithmetic, from the inequalities of the architecture (section 7):
 * with n seats of which b lie, p have a broken path (see only down) and c are silent,
 *
 *   no false alert     <=>  q >= b + p + 1
 *   no missed alert    <=>  q <= n - b - c
 *   no false recovery  <=>  u >= b + 1  or  q <= n - b - c
 *
 * and a rule with the first two exists <=> n >= 2b + p + c + 1. tests/prop/quorum_prop.c holds all of
 * it against the real rule.
 */
#ifndef QUORATE_CORE_TOLERANCE_H
#define QUORATE_CORE_TOLERANCE_H

#include "coordinator/core/quorum.h"

/* Seats by what is wrong with them; at most rule->seats in all. */
struct seat_faults {
	int lying;  /* b: say whatever hurts */
	int broken; /* p: see it down, whatever it is */
	int silent; /* c: say nothing */
};

bool tolerance_no_false_alert(const struct quorum_rule *rule, const struct seat_faults *f);
bool tolerance_no_missed_alert(const struct quorum_rule *rule, const struct seat_faults *f);
bool tolerance_no_false_recovery(const struct quorum_rule *rule, const struct seat_faults *f);
/* Whether any rule over SEATS seats has neither false nor missed alerts. */
bool tolerance_possible(int seats, const struct seat_faults *f);

/* The most seats of each kind with which there is neither a false nor a missed alert: so many that
 * lie and nothing else wrong; or with nobody lying, so many broken and so many silent at once. */
struct seat_faults tolerance_of(const struct quorum_rule *rule);

/* How many more seats may fall silent until fresh votes can no longer reach q, as far as TALLY shows
 * who speaks. Negative: they cannot now; the monitor is blind. */
int tolerance_margin(const struct quorum_rule *rule, const struct tally *tally);

#endif
