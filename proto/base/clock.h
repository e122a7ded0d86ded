// SPDX-License-Identifier: MIT
/*
 * Time. Only clock.c calls clock_gettime(); everybody else is handed a clock, or an instant.
 * Monotonic instants (_at_ms) order events and measure; wall instants (_wall_ms) are for people.
 */
#ifndef QUORATE_BASE_CLOCK_H
#define QUORATE_BASE_CLOCK_H

#include "quorate/attr.h"

#include <stdint.h>

int64_t clock_now_ms(void);  /* CLOCK_MONOTONIC */
int64_t clock_now_us(void);  /* CLOCK_MONOTONIC */
int64_t clock_wall_ms(void); /* CLOCK_REALTIME since the Unix epoch */
int64_t clock_wall_us(void);

#define TIME_TEXT_SIZE 25 /* "2026-11-21T18:30:49.310Z" and NUL */
/* RFC 3339 in UTC with milliseconds. Returns TEXT. */
char *time_format(int64_t wall_ms, char text[TIME_TEXT_SIZE]);
/* Accepts RFC 3339 with a zone. Returns 0 or -1. */
MUST_CHECK int time_parse(const char *text, int64_t *out_wall_ms);

#endif
