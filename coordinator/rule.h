// SPDX-License-Identifier: MIT
/* From what a monitor says to the rule that its watch goes by. */
#ifndef QUORATE_RULE_H
#define QUORATE_RULE_H

#include "coordinator/core/watch.h"

/* M with an electorate of N_SEATS; 0: nobody is eligible. */
void rule_of(const struct monitor *m, int n_seats, struct watch_rule *rule);

#endif
