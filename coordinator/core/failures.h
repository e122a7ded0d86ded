// SPDX-License-Identifier: MIT
/*
 * How many of a voter's scheduled checks failed lately: the site that fails one request in ten and
 * recovers at every re-check. Pure. Each voter has a ring of buckets, so that the window slides by a
 * twentieth of itself and nothing is allocated or walked per check.
 *
 * The rates are not pooled: one probe with a broken path would then make a third of all checks of
 * three fail. Instead each voter's rate crosses the thresholds or not, and the severity needs q
 * seats as any threshold does (signals.c asks quorum_threshold). A voter with fewer than
 * FAILURE_SAMPLES_MIN checks in the window has no opinion.
 */
#ifndef QUORATE_CORE_FAILURES_H
#define QUORATE_CORE_FAILURES_H

#include "quorate/limits.h"
#include "quorate/verdict.h"

#include <stdbool.h>
#include <stdint.h>

#define FAILURE_BUCKETS 20

struct failure_rule {
	int64_t window_ms;        /* 0: failures are not counted; else at least FAILURE_BUCKETS */
	double warning, critical; /* percent of the checks; negative: none */
};

struct failure_ring {
	int64_t newest; /* number of the newest bucket; the window begins FAILURE_BUCKETS - 1 before */
	uint16_t checks[FAILURE_BUCKETS], failed[FAILURE_BUCKETS];
};

struct failure_sum {
	int checks, failed;
};

/* Counts a check at ELAPSED_MS of the watch (0 …; earlier than an earlier one: counted with it). */
void failures_add(struct failure_ring *ring, const struct failure_rule *rule, int64_t elapsed_ms,
	bool failed);
/* What is in the window that ends at ELAPSED_MS. */
struct failure_sum failures_in(
	const struct failure_ring *ring, const struct failure_rule *rule, int64_t elapsed_ms);
/* When the next bucket begins: what failures_in() says of an idle ring changes then at the earliest. */
int64_t failures_next_ms(const struct failure_rule *rule, int64_t elapsed_ms);
/* What SUM is by RULE. */
enum severity failures_severity(const struct failure_rule *rule, const struct failure_sum *sum);

#endif
