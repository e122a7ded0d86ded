// SPDX-License-Identifier: MIT
/* Durations as people write them: 500ms, 60s, 5m, 4h, 7d. Always a unit, always one unit. */
#ifndef QUORATE_DURATION_H
#define QUORATE_DURATION_H

#include "quorate/attr.h"

#include <stdint.h>

#define DURATION_TEXT_SIZE 32

/* Returns 0, or -1 when TEXT is no duration (missing unit, negative, more than 100 years). */
MUST_CHECK int duration_parse(const char *text, int64_t *out_ms);
/* The shortest exact form: 60000 -> "1m", 61000 -> "61s", 0 -> "0s". Returns TEXT. */
char *duration_format(int64_t ms, char text[DURATION_TEXT_SIZE]);

#endif
