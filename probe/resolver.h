// SPDX-License-Identifier: MIT
/*
 * Every name lookup of a check: c-ares behind one call, the only door to it. resolv.conf is read
 * again when it changes. A query outlives its check through a detached token: resolver_cancel()
 * never waits.
 */
#ifndef QUORATE_PROBE_RESOLVER_H
#define QUORATE_PROBE_RESOLVER_H

#include "proto/base/loop.h"
#include "quorate/monitor.h"
#include "quorate/reason.h"

#include <sys/socket.h>

struct resolver;
struct resolver_query;

#define ADDRESSES_MAX 16
struct addresses {
	struct sockaddr_storage
		item[ADDRESSES_MAX]; /* port 0; IPv6 and IPv4 as wanted, the server's order */
	int n;
};

struct resolver *resolver_new(struct loop *loop); /* NULL after logging why */
/* As resolver_new, with another resolv.conf and the name servers' PORT (0: 53); for tests. */
struct resolver *resolver_new_with(struct loop *loop, const char *resolv_conf, int port);
void resolver_free(struct resolver *resolver);

/* The name servers that are asked, at most MAX, with their ports. Returns how many. */
int resolver_servers(const struct resolver *resolver, struct sockaddr_storage *out, int max);

/* What needs no asking: a literal address (also in brackets), and "localhost". False: HOST is neither; else
 * *REASON and *FOUND as they would be told. */
bool resolver_literal(
	const char *host, enum address_family family, enum reason *reason, struct addresses *found);

/* REASON_OK and at least one address, or a dns.* reason and none; internal.network or
 * internal.resources when the probe could not even ask. Names are absolute: no search list, so that
 * a wildcard at home cannot answer for a name that is gone. Literal addresses (also in brackets)
 * never leave the machine. /etc/hosts counts. */
typedef void (*resolver_fn)(void *arg, enum reason reason, const struct addresses *addresses);
/* The callback comes exactly once unless cancelled, never before this returns. */
struct resolver_query *resolver_find(struct resolver *resolver, const char *host,
	enum address_family family, resolver_fn done, void *arg);
void resolver_cancel(struct resolver_query *query); /* no harm for NULL */

#endif
