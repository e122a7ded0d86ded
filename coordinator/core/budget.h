// SPDX-License-Identifier: MIT
/*
 * How many checks of confirmation bursts may be ordered, so that a large outage does not make the
 * probes, or a target, work much harder than a quiet day: a bucket of checks that time fills again.
 * Pure.
 */
#ifndef QUORATE_CORE_BUDGET_H
#define QUORATE_CORE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_DEPTH_MS 10000 /* how much of its rate a budget holds */

/* Empty memory is a full budget. */
struct budget {
	int64_t full_at_us; /* when it is full again if nothing is taken */
};

/* Whether N checks can be taken at NOW_MS from a budget of PER_1000_S checks per 1,000 s: all or
 * none of them. */
bool budget_has(const struct budget *b, int64_t per_1000_s, int64_t n, int64_t now_ms);
/* Takes them, whether they are there or not. */
void budget_take(struct budget *b, int64_t per_1000_s, int64_t n, int64_t now_ms);
bool budget_is_full(const struct budget *b, int64_t now_ms);

/* Of a probe: 20 % of its SCHEDULED_PER_1000_S, at least 5 per second. */
int64_t budget_of_probe(int64_t scheduled_per_1000_s);
/* Of a target, whoever checks it. */
#define BUDGET_OF_TARGET_PER_1000_S 10000

#endif
