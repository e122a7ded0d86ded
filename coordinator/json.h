// SPDX-License-Identifier: MIT
/* JSON values that several parts of the coordinator make. */
#ifndef QUORATE_COORDINATOR_JSON_H
#define QUORATE_COORDINATOR_JSON_H

#include <jansson.h>
#include <stdint.h>

/* RFC 3339 text, or null for UNSET. */
json_t *json_time(int64_t wall_ms);

#endif
