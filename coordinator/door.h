// SPDX-License-Identifier: MIT
/*
 * The door: the one TCP port that networks may reach. TLS 1.3 only; who names `quorate/1` in the handshake (ALPN) is a
 * probe and first sends a preface (proto/preface.h), everybody else is a client of the API. Both are spliced to where
 * they belong, the API's unix socket or nanomsg's ipc endpoint of the stream, once they are known well enough.
 *
 * A stranger costs little: no TLS object before the first byte, few handshakes at a time, 5 s for the handshake and 5 s
 * for the preface, ceilings in all and per address; when every place is taken, the stranger that waited longest goes.
 */
#ifndef QUORATE_DOOR_H
#define QUORATE_DOOR_H

#include "quorate/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct coordinator;
struct coordinator_conf;
struct door;
struct in6_addr;
struct sockaddr_storage;
struct sockaddr_un;

#define DOOR_FRONTS_MAX 64
#define DOOR_PIN_SIZE   53 /* "sha256//", 44 of base64, NUL */

/* Why a connection ended; the names are labels of metrics. */
#define DOOR_ENDS(X)                                                                               \
	X(CLOSED, "closed")       /* by one of its two ends */                                     \
	X(FULL, "full")           /* no place, in all or for its address */                        \
	X(LATE, "late")           /* a deadline */                                                 \
	X(PLAIN, "plain")         /* its first byte is not TLS */                                  \
	X(FRONT, "front")         /* a front that says nothing of the PROXY protocol */            \
	X(HANDSHAKE, "handshake") /* the handshake failed */                                       \
	X(MALFORMED, "malformed") /* preface, as are the next three */                             \
	X(VERSION, "version")                                                                      \
	X(UNAUTHORIZED, "unauthorized")                                                            \
	X(BUSY, "busy")                                                                            \
	X(REPLACED, "replaced") /* by a newer one of the same probe and stream */                  \
	X(CUT, "cut")           /* the probe was removed or has another token */                   \
	X(SILENT, "silent")     /* a link without a heartbeat */

enum door_end {
#define DOOR_END_ENUM(e, name) DOOR_END_##e,
	DOOR_ENDS(DOOR_END_ENUM)
#undef DOOR_END_ENUM
		DOOR_END_COUNT
};
extern const char *const door_end_names[];

struct door_counts {
	size_t strangers, links, api; /* now */
	int64_t accepted;
	int64_t ended[DOOR_END_COUNT];
};

/* Opens what `door:` in the configuration says; *OUT is NULL when it says nothing. COORDINATOR is borrowed and must have
 * loop, registry and fleet. Returns 0, or -1 after logging why. */
MUST_CHECK int door_open(struct door **out, struct coordinator *coordinator);
void door_close(struct door *d);
/* Takes the certificate that CONF names (the same file may have a new content) for handshakes from now on; nobody is
 * dropped. Returns -1 after logging why: the old one stays. D may be NULL. */
int door_reload(struct door *d, const struct coordinator_conf *conf);

/* Ends every connection of the probe, and so its session, counted as WHY. D may be NULL. */
void door_cut(struct door *d, uint32_t probe_key, enum door_end why);
/* Reads nothing from the probe for WAIT_MS. D may be NULL. */
void door_hold(struct door *d, uint32_t probe_key, int64_t wait_ms);

/* What probes pin: "sha256//" and the base64 SHA-256 of the certificate's SubjectPublicKeyInfo. Valid until the next
 * reload. */
const char *door_pin(const struct door *d);
/* The same of its own keys, now and next; returns how many: 0 with an operator's certificate, and
 * for no door. */
#define DOOR_PINS 2
size_t door_pins(const struct door *d, char *pins[DOOR_PINS]);
/* Changes to the next key. Connections stay; new ones meet it. -1 after logging why: it is an
 * operator's, or the disk does not take it. */
MUST_CHECK int door_rotate(struct door *d, const struct coordinator_conf *conf);
int door_port(const struct door *d); /* really bound */
/* Whom the API's connection from our own socket PEER is from. False: from nobody who is here now. D may be NULL. */
bool door_client(const struct door *d, const struct sockaddr_un *peer, struct in6_addr *client);
/* D may be NULL. */
void door_counts(const struct door *d, struct door_counts *out);

/* "0.0.0.0:7443", "[::]:7443"; port 0 is any free one. Returns the address's size, 0 when it is none. */
unsigned door_parse_address(const char *text, struct sockaddr_storage *out);

#endif
