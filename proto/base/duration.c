// SPDX-License-Identifier: MIT
/* Durations as people write them. No sums ("1h30m"), no fractions: one number, one unit. */
#include "quorate/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DURATION_MAX_MS (INT64_C(100) * 366 * 24 * 60 * 60 * 1000)

/* From the largest: the first that divides a duration gives its shortest form. */
static const struct {
	const char *name;
	int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

int duration_parse(const char *text, int64_t *out_ms)
{
	int64_t n = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 15)
		return -1;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (text[i] - '0');
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcmp(text + digits, units[i].name) == 0) {
			if (n > DURATION_MAX_MS / units[i].ms)
				return -1;
			*out_ms = n * units[i].ms;
			return 0;
		}
	return -1;
}

char *duration_format(int64_t ms, char text[DURATION_TEXT_SIZE])
{
	if (ms == 0)
		return strcpy(text, "0s");
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (ms % units[i].ms == 0) {
			snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 "%s", ms / units[i].ms,
				units[i].name);
			break;
		}
	return text;
}
