// SPDX-License-Identifier: MIT
/*
 * What the store gives up, and in which order, as its disk fills: first a warning, then the oldest
 * raw results, then the writing of raw results. State and the outbox go on to the last byte, and
 * verdicts need no disk at all. Pure.
 */
#ifndef QUORATE_STORE_LADDER_H
#define QUORATE_STORE_LADDER_H

#include <stdint.h>

enum disk_rung {
	DISK_FINE,
	DISK_LOW,    /* below 15 % free: the operator is told */
	DISK_SHRINK, /* below 7 %: the oldest raw results go */
	DISK_CLOSED, /* below 3 %: no raw results are written */
};
extern const char *const disk_rung_names[]; /* "fine", "low", "shrink", "closed" */

struct disk_space {
	int64_t free_bytes;  /* what this program may still take */
	int64_t total_bytes; /* 0: not known */
};

/* The rung with SPACE left, when it was NOW before. It is left again only when one percent more
 * than its limit is free, so that a disk at a limit does not make it ring. */
enum disk_rung disk_rung(enum disk_rung now, const struct disk_space *space);

/* A sentence for people about RUNG; NULL for DISK_FINE. Owned by the caller. */
char *disk_sentence(enum disk_rung rung, const struct disk_space *space);

/* What is kept back for state and the outbox: 1 % of the disk, 4 … 64 MiB. */
int64_t disk_reserve_bytes(const struct disk_space *space);

#endif
