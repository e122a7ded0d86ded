// SPDX-License-Identifier: MIT
/* The buckets are kept as the time at which each is full again (GCRA), in ns, since a byte is worth less than a ms. */
#include "coordinator/allowance.h"

#include <stddef.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

const char *const allowance_names[] = {"messages", "bytes", "results", NULL};

int64_t allowance_wait_ms(const struct allowance *a, int64_t now_ms)
{
	return a->held_until_ms > now_ms ? a->held_until_ms - now_ms : 0;
}

static void hold_until(struct allowance *a, int64_t until_ms, int64_t now_ms)
{
	int64_t from_ms = a->held_until_ms > now_ms ? a->held_until_ms : now_ms;

	if (until_ms <= from_ms)
		return;
	a->held_ms += until_ms - from_ms;
	a->held_until_ms = until_ms;
}

int64_t allowance_take(struct allowance *a, const struct allowance_rates *rates,
	enum allowance_kind kind, int64_t n, int64_t now_ms)
{
	const int64_t burst_ns = ALLOWANCE_BURST_MS * NS_PER_MS, now_ns = now_ms * NS_PER_MS,
		      most_ns = now_ns + burst_ns + ALLOWANCE_HOLD_MAX_MS * NS_PER_MS;
	int64_t *full_at_ns = &a->full_at_ns[kind];
	double cost_ns;

	if (rates->per_second[kind] <= 0)
		return allowance_wait_ms(a, now_ms);
	cost_ns = (double)n * (double)NS_PER_S / (double)rates->per_second[kind];
	if (*full_at_ns < now_ns)
		*full_at_ns = now_ns;
	if (cost_ns < (double)(most_ns - *full_at_ns))
		*full_at_ns += (int64_t)cost_ns;
	else
		*full_at_ns = most_ns;
	/* rounded up: whoever waits so long has paid */
	hold_until(a, (*full_at_ns - burst_ns + NS_PER_MS - 1) / NS_PER_MS, now_ms);
	return allowance_wait_ms(a, now_ms);
}

bool allowance_persists(struct allowance *a, int64_t now_ms)
{
	int64_t held_ms, elapsed_ms = now_ms - a->window_at_ms;

	if (elapsed_ms < ALLOWANCE_WINDOW_MS)
		return a->persists;
	held_ms = a->held_ms - allowance_wait_ms(a, now_ms); /* until now */
	a->persists = (held_ms - a->window_held_ms) * 2 >= elapsed_ms;
	a->window_at_ms = now_ms;
	a->window_held_ms = held_ms;
	return a->persists;
}
