// SPDX-License-Identifier: MIT
/* The inequalities, as they stand in the header. */
#include "coordinator/core/tolerance.h"

bool tolerance_no_false_alert(const struct quorum_rule *rule, const struct seat_faults *f)
{
	return rule->down >= f->lying + f->broken + 1;
}

bool tolerance_no_missed_alert(const struct quorum_rule *rule, const struct seat_faults *f)
{
	return rule->down <= rule->seats - f->lying - f->silent;
}

bool tolerance_no_false_recovery(const struct quorum_rule *rule, const struct seat_faults *f)
{
	return rule->up >= f->lying + 1 || tolerance_no_missed_alert(rule, f);
}

bool tolerance_possible(int seats, const struct seat_faults *f)
{
	return seats >= 2 * f->lying + f->broken + f->silent + 1;
}

struct seat_faults tolerance_of(const struct quorum_rule *rule)
{
	int wrong = rule->down - 1, unheard = rule->seats - rule->down;

	return (struct seat_faults){
		.lying = wrong < unheard ? wrong : unheard,
		.broken = wrong,
		.silent = unheard,
	};
}

int tolerance_margin(const struct quorum_rule *rule, const struct tally *tally)
{
	return rule->seats - tally->absent - rule->down;
}
