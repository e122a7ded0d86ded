// SPDX-License-Identifier: MIT
/* Join strings as this coordinator makes them, and how often strangers may try one. */
#ifndef QUORATE_JOIN_H
#define QUORATE_JOIN_H

#include "quorate/list.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define JOIN_VALID_MS     3600000 /* by default */
#define JOIN_VALID_MIN_MS 1000
#define JOIN_VALID_MAX_MS (INT64_C(30) * 86400000)

/* How probes find and recognise the coordinator's door. */
struct join_place;
/*
 * ADDRESSES as configured; none: the host of URL with PORT. PINS: of the keys that the coordinator
 * made itself, now and next; none: an operator's certificate, recognised by the first address's
 * name.
 */
struct join_place *join_place_new(
	const struct strings *addresses, const char *url, int port, const struct strings *pins);
void join_place_free(struct join_place *place); /* NULL does no harm */
struct join_who {                               /* borrowed */
	const char *probe;
	const char *organization; /* NULL: shared */
	const char *secret;
	int64_t expires_wall_ms;
};
/* The line, owned by the caller, who wipes it. */
char *join_place_line(const struct join_place *place, const struct join_who *who);

/*
 * Callers of the one route without a key: JOIN_BURST at once, then JOIN_PER_SECOND from one place (place.h), and
 * JOIN_ALL_… of all places together. JOIN_CALLERS_MAX places are remembered, those that came last.
 */
#define JOIN_BURST          50
#define JOIN_PER_SECOND     5
#define JOIN_ALL_BURST      200
#define JOIN_ALL_PER_SECOND 50
#define JOIN_CALLERS_MAX    1024

struct join_caller {
	struct in6_addr place;
	int64_t debt_until_ms; /* 0: nobody came yet */
};
struct join_gate {
	struct join_caller all, caller[JOIN_CALLERS_MAX];
};
bool join_gate_admit(struct join_gate *gate, const struct in6_addr *client, int64_t now_ms);

#endif
