// SPDX-License-Identifier: MIT
/*
 * What keeps a monitor's alerts, or the checks that would confirm them, waiting: one sentence each,
 * with the instant at which it ends when time ends it.
 */
#ifndef QUORATE_HOLDING_H
#define QUORATE_HOLDING_H

#include <jansson.h>
#include <stdint.h>

struct watched;

/* [{"why": "mass_flip", "until": time or null, "words": "…"}], most of the time empty; a new
 * reference. */
json_t *holding_explain(struct watched *wd, int64_t now_ms);

#endif
