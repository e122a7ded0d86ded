// SPDX-License-Identifier: MIT
/*
 * The average of what was measured lately, in memory of a fixed size: the window is cut into slices
 * of a thirtieth, and the slice that the present one has pushed out is forgotten as a whole.
 */
#ifndef QUORATE_PROBE_AVERAGE_H
#define QUORATE_PROBE_AVERAGE_H

#include <stdint.h>

#define AVERAGE_SLICES 30

struct average {
	int64_t over_ms;
	struct average_slice {
		int64_t number; /* of the slice, from the clock's beginning */
		int64_t n, sum_us;
	} slice[AVERAGE_SLICES];
};

void average_init(struct average *a, int64_t over_ms);
void average_add(struct average *a, int64_t now_ms, int64_t us);
/* *N: how many were measured in the window that ends now; 0: there is no average. */
int64_t average_us(const struct average *a, int64_t now_ms, int64_t *n);

#endif
