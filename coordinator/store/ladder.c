// SPDX-License-Identifier: MIT
#include "coordinator/store/ladder.h"

#include "proto/base/mem.h"

#include <stddef.h>

#define MIB (INT64_C(1) << 20)

static const struct {
	int percent;
	const char *what;
} rungs[] = {
	[DISK_FINE] = {100, NULL},
	[DISK_LOW] = {15, "make room; below 7 % the oldest results are removed"},
	[DISK_SHRINK] = {7, "the oldest results are being removed; below 3 % no more are written"},
	[DISK_CLOSED] = {3, "results are not written; votes count and alerts go out as before"},
};
const char *const disk_rung_names[] = {"fine", "low", "shrink", "closed"};

/* In hundredths of a percent, so that nothing overflows and 2.99 % is not 3 %. */
static int64_t share_free(const struct disk_space *space)
{
	if (space->total_bytes < 10000)
		return 10000;
	return space->free_bytes / (space->total_bytes / 10000);
}

enum disk_rung disk_rung(enum disk_rung now, const struct disk_space *space)
{
	int64_t share = share_free(space);
	enum disk_rung rung = DISK_CLOSED;

	while (rung > DISK_FINE && share >= (rungs[rung].percent + (now >= rung ? 1 : 0)) * 100)
		rung--;
	return rung;
}

char *disk_sentence(enum disk_rung rung, const struct disk_space *space)
{
	int64_t share = share_free(space);

	if (rung == DISK_FINE)
		return NULL;
	return mem_printf("%d.%d %% of the disk is free (%lld of %lld MiB): %s", (int)(share / 100),
		(int)(share % 100 / 10), (long long)(space->free_bytes / MIB),
		(long long)(space->total_bytes / MIB), rungs[rung].what);
}

int64_t disk_reserve_bytes(const struct disk_space *space)
{
	int64_t bytes = space->total_bytes / 100;

	return bytes < 4 * MIB ? 4 * MIB : bytes > 64 * MIB ? 64 * MIB : bytes;
}
