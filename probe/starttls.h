// SPDX-License-Identifier: MIT
/*
 * How a server is asked for TLS in the midst of its own protocol: smtp (RFC 3207), lmtp (RFC 2033),
 * imap (RFC 9051), pop3 (RFC 2595), ftp (RFC 4217), nntp (RFC 4642), sieve (RFC 5804), xmpp (RFC
 * 6120), ldap (RFC 4511), postgres (SSLRequest), mysql (protocol 10). Pure: bytes in, bytes out;
 * the connection is the caller's.
 *
 * No more is said than leads to TLS. A server that says more after its go-ahead is not believed:
 * what stands before TLS could have been put there by anybody.
 */
#ifndef QUORATE_PROBE_STARTTLS_H
#define QUORATE_PROBE_STARTTLS_H

#include "proto/base/buf.h"
#include "quorate/limits.h"
#include "quorate/monitor.h"
#include "quorate/reason.h"

#define STARTTLS_MAX_BYTES 16384 /* that a server may say before TLS */

enum starttls_state { STARTTLS_WAIT, STARTTLS_READY, STARTTLS_FAILED };

struct starttls {
	enum starttls_protocol protocol;
	const char *host; /* borrowed: the name to ask for */
	int step;
	bool offered;       /* the server lists TLS among what it can do */
	char reply[4];      /* code of a reply of several lines that has not ended */
	struct buf in;      /* what was not read yet */
	size_t came;        /* bytes in all */
	enum reason reason; /* of STARTTLS_FAILED */
	char detail[RESULT_DETAIL_MAX_BYTES];
};

void starttls_init(struct starttls *s, enum starttls_protocol protocol, const char *host);
void starttls_clear(struct starttls *s);
/* What the server said goes in, what is to be sent is added to OUT. Begins with N = 0. */
enum starttls_state starttls_take(struct starttls *s, const void *data, size_t n, struct buf *out);

#endif
