// SPDX-License-Identifier: MIT
/*
 * A mass flip: so many monitors turn at once that it may be something of ours. Who turned is counted
 * over a sliding minute; from FLIP_LEAST and a quarter of all on, what turns is looked at once more
 * before anybody is told (watch_doubt). Pure.
 */
#ifndef QUORATE_CORE_FLIP_H
#define QUORATE_CORE_FLIP_H

#include <stdbool.h>
#include <stdint.h>

#define FLIP_WINDOW_S 60
#define FLIP_LEAST    20 /* monitors */
#define FLIP_SHARE    4  /* one in so many */

/* Empty memory: nobody turned. */
struct flip {
	/* By the number of a second modulo the window: which one, and how many turned in it. */
	int64_t second[FLIP_WINDOW_S];
	int32_t count[FLIP_WINDOW_S];
};

void flip_note(struct flip *f, int64_t now_ms);
/* Monitors that turned in the last minute. */
int flip_count(const struct flip *f, int64_t now_ms);
/* Whether CHANGED of ENABLED monitors are a mass. */
bool flip_is_mass(int changed, int enabled);

#endif
