// SPDX-License-Identifier: MIT
/* See the header. */
#include "coordinator/json.h"

#include "proto/base/clock.h"
#include "quorate/monitor.h"

json_t *json_time(int64_t wall_ms)
{
	char text[TIME_TEXT_SIZE];

	return wall_ms == UNSET ? json_null() : json_string(time_format(wall_ms, text));
}
