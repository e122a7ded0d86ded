// SPDX-License-Identifier: MIT
/*
 * The header with which a front (HAProxy, nginx) says whom a TCP connection is from: the PROXY protocol, versions 1 (a
 * line of text) and 2 (bytes), as haproxy.org's proxy-protocol.txt has them. Pure; reads no further than the header's
 * last byte, since what follows is TLS and somebody else's.
 */
#ifndef QUORATE_PROXYPROTO_H
#define QUORATE_PROXYPROTO_H

#include <netinet/in.h>
#include <stddef.h>

#define PROXYPROTO_V1_MAX 107  /* with CR LF */
#define PROXYPROTO_MAX    1024 /* of version 2: addresses, and facts that nobody here asks for */

enum proxyproto_state {
	PROXYPROTO_MORE,
	PROXYPROTO_CLIENT, /* the connection is from `client` */
	PROXYPROTO_FRONT,  /* from the front itself: a health check; or it does not know */
	PROXYPROTO_BAD
};

struct proxyproto {
	unsigned char bytes[PROXYPROTO_MAX];
	size_t n;
	struct in6_addr client; /* IPv4: mapped */
};

/* How many of the N bytes that come next, DATA, may be taken: at least 1, unless the header is complete or bad. */
size_t proxyproto_wants(const struct proxyproto *p, const unsigned char *data, size_t n);
/* Takes as many of them as that says; N must not be more. */
enum proxyproto_state proxyproto_take(struct proxyproto *p, const unsigned char *data, size_t n);

#endif
