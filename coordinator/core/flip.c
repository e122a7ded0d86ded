// SPDX-License-Identifier: MIT
#include "coordinator/core/flip.h"

/* Seconds that nothing was noted in count for nothing. */
static void forget(struct flip *f, int64_t second)
{
	if (second - f->second >= FLIP_WINDOW_S)
		*f = (struct flip){.second = second};
	while (f->second < second)
		f->count[++f->second % FLIP_WINDOW_S] = 0;
}

void flip_note(struct flip *f, int64_t now_ms)
{
	forget(f, now_ms / 1000);
	f->count[f->second % FLIP_WINDOW_S]++;
}

int flip_count(const struct flip *f, int64_t now_ms)
{
	struct flip now = *f;
	int sum = 0;

	forget(&now, now_ms / 1000);
	for (int i = 0; i < FLIP_WINDOW_S; i++)
		sum += now.count[i];
	return sum;
}

bool flip_is_mass(int changed, int enabled)
{
	return changed >= FLIP_LEAST && FLIP_SHARE * (int64_t)changed >= enabled;
}
