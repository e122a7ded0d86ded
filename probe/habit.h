// SPDX-License-Identifier: MIT
/*
 * How long a target usually takes, and when a check has waited for longer than that: then the probe
 * says so at once, so that others look while this one still waits (an "early suspicion"). Pure.
 */
#ifndef QUORATE_PROBE_HABIT_H
#define QUORATE_PROBE_HABIT_H

#include <stdint.h>

#define HABIT_LATE_MIN_US 1500000 /* a lost packet is sent again after a second: that is no news */

/* Smoothed as TCP smooths its round trips (RFC 6298). */
struct habit {
	int64_t mean_us, deviation_us;
	int64_t n; /* checks learned from */
};

/* A check that succeeded took so long. */
void habit_learn(struct habit *h, int64_t took_us);
/* How long a check may wait before it is late; 0: that cannot be said, or would gain less than a
 * second on TIMEOUT_US. */
int64_t habit_late_us(const struct habit *h, int64_t timeout_us);

#endif
