// SPDX-License-Identifier: MIT
#include "coordinator/core/flip.h"

void flip_note(struct flip *f, int64_t now_ms)
{
	int64_t second = now_ms / 1000;
	int i = (int)(second % FLIP_WINDOW_S);

	if (f->second[i] != second)
		f->count[i] = 0; /* that was a minute ago, or more */
	f->second[i] = second;
	f->count[i]++;
}

int flip_count(const struct flip *f, int64_t now_ms)
{
	int sum = 0;

	for (int i = 0; i < FLIP_WINDOW_S; i++)
		if (f->second[i] > now_ms / 1000 - FLIP_WINDOW_S)
			sum += f->count[i];
	return sum;
}

bool flip_is_mass(int changed, int enabled)
{
	return changed >= FLIP_LEAST && FLIP_SHARE * (int64_t)changed >= enabled;
}
