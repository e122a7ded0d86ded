// SPDX-License-Identifier: MIT
/* Random numbers for property tests: the same seed gives the same run. The seed is printed, and
 * taken from argv[1] or SEED. */
#ifndef QUORATE_TESTS_RNG_H
#define QUORATE_TESTS_RNG_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t x = r->state += 0x9e3779b97f4a7c15U;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return x ^ (x >> 31);
}

/* 0 … limit-1 */
static inline int rng_below(struct rng *r, int limit)
{
	return (int)(rng_next(r) % (uint64_t)limit);
}

static inline int64_t rng_ms(struct rng *r, int64_t limit)
{
	return (int64_t)(rng_next(r) % (uint64_t)limit);
}

static inline uint64_t rng_seed(int argc, char **argv)
{
	struct timespec now;
	const char *text = argc > 1 ? argv[1] : getenv("SEED");

	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)now.tv_nsec;
	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

#endif
