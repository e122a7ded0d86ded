// SPDX-License-Identifier: MIT
/* How often: token buckets for the engine, in all and per destination. */
#ifndef QUORATE_PROBE_PACE_H
#define QUORATE_PROBE_PACE_H

#include "quorate/monitor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A full bucket at first, and whenever zeroed. */
struct bucket {
	int64_t full_at_us; /* when all its tokens will be back */
};
/*
 * When a bucket of PER_SECOND tokens, refilled at that rate, has its next token; takes it when
 * TAKE. Never before NOW_US.
 */
int64_t bucket_next_us(struct bucket *b, int64_t per_second, int64_t now_us, bool take);

struct destination;
struct paces {
	struct destination
		*destinations; /* owned; those whose buckets are full again are forgotten */
	size_t sweep_at;
};
/* The host that M's target names, in one spelling: what the bound per destination counts by. Owned by the
 * caller. */
char *pace_destination(const struct monitor *m);
/* The bucket of HOST, as pace_destination() spells it. Valid until the next call. */
struct bucket *paces_find(struct paces *paces, const char *host, int64_t now_us);
void paces_clear(struct paces *paces);

#endif
