// SPDX-License-Identifier: MIT
/* How often: token buckets for the engine, in all and per destination. */
#ifndef QUORATE_PROBE_PACE_H
#define QUORATE_PROBE_PACE_H

#include "quorate/monitor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many per second, as buckets need it. */
struct rate {
	int64_t period_us, depth_us;
};
struct rate rate_of(int64_t per_second);

/* A full bucket at first, and whenever zeroed. */
struct bucket {
	int64_t full_at_us; /* when all its tokens will be back */
};
/* When a bucket that is refilled at RATE, and holds a second's tokens, has its next one. Never before
 * NOW_US. */
int64_t bucket_next_us(const struct bucket *b, const struct rate *rate, int64_t now_us);
/* Takes it. */
void bucket_take(struct bucket *b, const struct rate *rate, int64_t now_us);

struct destination;
struct paces {
	struct destination
		*destinations; /* owned; those whose buckets are full again are forgotten */
	size_t sweep_at;
	uint64_t epoch; /* of all that was ever forgotten; 0: nothing was looked for yet */
};
/* The host that a target names, in one spelling: what the bound per destination counts by. Keeps its
 * bucket in mind, for as long as that is there. */
struct place {
	struct bucket *bucket;
	uint64_t epoch; /* of BUCKET */
	char host[];
};
struct place *place_new(const struct monitor *m); /* freed with free() */
/* The bucket of PLACE. Valid until the next call. */
struct bucket *paces_find(struct paces *paces, struct place *place, int64_t now_us);
void paces_clear(struct paces *paces);

#endif
