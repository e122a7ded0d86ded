// SPDX-License-Identifier: MIT
/*
 * `quorate-probe check`: runs checks once (or --count times) from the command line or from a file
 * of monitors, with the probe's own engine and under its own local file, and says what it found. It
 * talks to no coordinator, and nothing is written.
 */
#ifndef QUORATE_PROBE_ONCE_H
#define QUORATE_PROBE_ONCE_H

#include <stdio.h>

/* Also the statuses of monitoring plugins: OK, WARNING, CRITICAL, UNKNOWN. */
enum once_exit { ONCE_UP, ONCE_WARNING, ONCE_DOWN, ONCE_UNKNOWN };

/* WORDS: what stands behind `check`. Results go to OUT, what is wrong to ERR. Returns the exit
 * status. */
int once_main(int n, char *const *words, FILE *out, FILE *err);

#endif
