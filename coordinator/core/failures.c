// SPDX-License-Identifier: MIT
/* Invariant: the ring holds the buckets newest - 19 … newest; those it has left behind are zero. */
#include "coordinator/core/failures.h"

static int64_t bucket_ms(const struct failure_rule *rule)
{
	return rule->window_ms / FAILURE_BUCKETS;
}

/* Empties what the ring leaves behind on its way to bucket NUMBER. */
static void advance(struct failure_ring *ring, int64_t number)
{
	int64_t steps = number - ring->newest;

	for (int64_t i = 1; i <= steps && i <= FAILURE_BUCKETS; i++) {
		int64_t place = (ring->newest + i) % FAILURE_BUCKETS;
		ring->checks[place] = ring->failed[place] = 0;
	}
	if (steps > 0)
		ring->newest = number;
}

void failures_add(
	struct failure_ring *ring, const struct failure_rule *rule, int64_t elapsed_ms, bool failed)
{
	advance(ring, elapsed_ms / bucket_ms(rule));
	int64_t place = ring->newest % FAILURE_BUCKETS;
	ring->checks[place]++;
	ring->failed[place] = (uint16_t)(ring->failed[place] + failed);
}

struct failure_sum failures_in(
	const struct failure_ring *ring, const struct failure_rule *rule, int64_t elapsed_ms)
{
	int64_t first = elapsed_ms / bucket_ms(rule) - FAILURE_BUCKETS + 1;
	struct failure_sum sum = {0, 0};

	for (int64_t i = 0; i < FAILURE_BUCKETS; i++) {
		int64_t number = ring->newest - i;
		if (number < 0 || number < first)
			break;
		sum.checks += ring->checks[number % FAILURE_BUCKETS];
		sum.failed += ring->failed[number % FAILURE_BUCKETS];
	}
	return sum;
}

int64_t failures_next_ms(const struct failure_rule *rule, int64_t elapsed_ms)
{
	return (elapsed_ms / bucket_ms(rule) + 1) * bucket_ms(rule);
}

static bool crosses(const struct failure_sum *sum, double percent)
{
	return percent >= 0 && sum->failed > 0 && 100.0 * sum->failed >= percent * sum->checks;
}

enum severity failures_severity(const struct failure_rule *rule, const struct failure_sum *sum)
{
	if (crosses(sum, rule->critical))
		return SEVERITY_CRITICAL;
	return crosses(sum, rule->warning) ? SEVERITY_WARNING : SEVERITY_NONE;
}
