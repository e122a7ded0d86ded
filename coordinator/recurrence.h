// SPDX-License-Identifier: MIT
/*
 * Windows of time that come again: every Monday at 02:00 in Tokyo for two hours. Pure, but for the
 * system's time zones (package tzdata), which GLib reads: libc's own are those of one zone for the
 * whole process.
 *
 * A window begins at a time of the clock on the wall, and lasts for a time that is measured: where
 * clocks change within it, it is as long as ever. A time that the clocks skip is the first one after
 * it; of a time that comes twice the first is meant. A day that a month does not have is left out.
 */
#ifndef QUORATE_RECURRENCE_H
#define QUORATE_RECURRENCE_H

#include "quorate/list.h"

#include <stdbool.h>
#include <stdint.h>

#define RECURRENCE_FOR_MAX_MS (INT64_C(31) * 86400000)
#define RECURRENCE_DAYS_MAX   31 /* words in `every` */

struct recurrence {
	struct strings every; /* words, see recurrence_check_day */
	int minute;           /* of the day */
	int64_t for_ms;
	const char *zone;
	int64_t from_wall_ms, to_wall_ms; /* windows begin in [from, to); negative: no bound */
};

struct window {
	int64_t from_wall_ms, to_wall_ms; /* the latter is not within */
};

/* The one that WALL_MS is in (of several that which ends last), else the next one. false: there is
 * none, or its zone is not known here. */
bool recurrence_window(const struct recurrence *r, int64_t wall_ms, struct window *out);

/* "day", "monday" … "sunday", "1" … "31" and "last" (days of the month), "first-monday" …
 * "fourth-sunday", "last-friday". */
bool recurrence_day_known(const char *word);
#define RECURRENCE_DAYS                                                                            \
	"day, monday to sunday, 1 to 31 or last (of the month), first-monday to fourth-sunday, "   \
	"last-monday to last-sunday"
/* Whether NAME is a time zone of this system: "Asia/Tokyo"; "UTC" is always. */
bool recurrence_zone_known(const char *name);
/* "02:30" as a minute of the day, -1 for anything else. */
int recurrence_minute(const char *text);

#endif
