// SPDX-License-Identifier: MIT
/* Join strings as this coordinator makes them, and how often strangers may try one. */
#ifndef QUORATE_JOIN_H
#define QUORATE_JOIN_H

#include "quorate/list.h"

#include <stdbool.h>
#include <stdint.h>

#define JOIN_VALID_MS     3600000 /* by default */
#define JOIN_VALID_MIN_MS 1000
#define JOIN_VALID_MAX_MS (INT64_C(30) * 86400000)

/* How probes find and recognise the coordinator's door. */
struct join_place;
/*
 * ADDRESSES as configured; none: the host of URL with PORT. PIN: of the key that the coordinator
 * made itself; NULL: an operator's certificate, recognised by the first address's name.
 */
struct join_place *join_place_new(
	const struct strings *addresses, const char *url, int port, const char *pin);
void join_place_free(struct join_place *place); /* NULL does no harm */
/* The line, owned by the caller, who wipes it. */
char *join_place_line(const struct join_place *place, const char *probe, const char *secret,
	int64_t expires_wall_ms);

/* All callers of the one route without a key together: JOIN_BURST at once, then JOIN_PER_SECOND. */
#define JOIN_BURST      50
#define JOIN_PER_SECOND 10
struct join_gate {
	int64_t debt_until_ms; /* 0: nobody came yet */
};
bool join_gate_admit(struct join_gate *gate, int64_t now_ms);

#endif
