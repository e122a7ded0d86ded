// SPDX-License-Identifier: MIT
/*
 * What a TLS server may cost. OpenSSL, and libcurl's HTTP/2 above it, read for as long as there is
 * something to read: a server that sends tickets, or frames that say nothing, faster than they are
 * skipped has the loop for itself, deadlines and all. And a group or a list of certificates can be
 * large enough for a second of arithmetic.
 */
#ifndef QUORATE_PROBE_TLS_GUARD_H
#define QUORATE_PROBE_TLS_GUARD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_TURN_BYTES         16384 /* off the wire in one turn of the loop */
#define TLS_CERTIFICATES_BYTES 65536 /* of all that a server sends: some 150 small ones */

/* Embedded; zeroed at first. */
struct tls_guard {
	const uint64_t *turn; /* borrowed: another number with every turn */
	uint64_t seen;
	size_t taken;       /* in the turn SEEN */
	bool timed;         /* it matters when bytes come: */
	int fd;             /* from here; borrowed */
	int64_t came_at_us; /* those that were read last, by the kernel's clock; 0: not known */
	size_t looked_at;   /* bytes that came no later, and are not read yet */
};

/* Connections of CTX offer no DHE; and to them it is after TLS_TURN_BYTES in a turn as if nothing more had come yet.
 * GUARD is borrowed for as long as they live. */
void tls_guard_attach(SSL_CTX *ctx, struct tls_guard *guard);

#endif
