// SPDX-License-Identifier: MIT
/* Pure: the clock's reading comes from the caller. */
#include "probe/average.h"

#include <string.h>

static int64_t slice_number(const struct average *a, int64_t now_ms)
{
	return now_ms * AVERAGE_SLICES / a->over_ms;
}

void average_init(struct average *a, int64_t over_ms)
{
	memset(a, 0, sizeof(*a));
	a->over_ms = over_ms;
}

void average_add(struct average *a, int64_t now_ms, int64_t us)
{
	int64_t number = slice_number(a, now_ms);
	struct average_slice *slice = &a->slice[number % AVERAGE_SLICES];

	if (slice->number != number)
		*slice = (struct average_slice){.number = number};
	slice->n++;
	slice->sum_us += us;
}

int64_t average_us(const struct average *a, int64_t now_ms, int64_t *n)
{
	int64_t oldest = slice_number(a, now_ms) - AVERAGE_SLICES + 1, sum_us = 0;

	*n = 0;
	for (int i = 0; i < AVERAGE_SLICES; i++) {
		if (a->slice[i].number < oldest)
			continue;
		*n += a->slice[i].n;
		sum_us += a->slice[i].sum_us;
	}
	return *n > 0 ? sum_us / *n : 0;
}
