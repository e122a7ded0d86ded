// SPDX-License-Identifier: MIT
#include "coordinator/core/budget.h"

#define SHARE_PERCENT    20
#define LEAST_PER_1000_S 5000
#define US_OF_1000_S     INT64_C(1000000000)
#define PER_1000_S_MAX   INT64_C(1000000000)

/* How long it takes until N checks have come back. */
static int64_t cost_us(int64_t per_1000_s, int64_t n)
{
	return n * US_OF_1000_S / (per_1000_s < PER_1000_S_MAX ? per_1000_s : PER_1000_S_MAX);
}

bool budget_has(const struct budget *b, int64_t per_1000_s, int64_t n, int64_t now_ms)
{
	int64_t now_us = now_ms * 1000, from_us = b->full_at_us > now_us ? b->full_at_us : now_us;

	return from_us + cost_us(per_1000_s, n) <= now_us + (int64_t)BUDGET_DEPTH_MS * 1000;
}

void budget_take(struct budget *b, int64_t per_1000_s, int64_t n, int64_t now_ms)
{
	if (b->full_at_us < now_ms * 1000)
		b->full_at_us = now_ms * 1000;
	b->full_at_us += cost_us(per_1000_s, n);
}

bool budget_is_full(const struct budget *b, int64_t now_ms)
{
	return b->full_at_us <= now_ms * 1000;
}

int64_t budget_of_probe(int64_t scheduled_per_1000_s)
{
	int64_t share = scheduled_per_1000_s * SHARE_PERCENT / 100;

	return share > LEAST_PER_1000_S ? share : LEAST_PER_1000_S;
}
