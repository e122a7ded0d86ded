// SPDX-License-Identifier: MIT
/*
 * The way to a TCP connection: look up the name, police what was found, connect to each permitted
 * address in turn, each with an equal share of the time that is left. For every type of check that
 * speaks on a connection of its own; what is said on it is theirs.
 *
 * Fills the result's phases (resolve, connect) and address. Embedded; after connector_stop() no
 * callback comes.
 */
#ifndef QUORATE_PROBE_CONNECT_H
#define QUORATE_PROBE_CONNECT_H

#include "probe/check.h"
#include "probe/net.h"
#include "probe/resolver.h"

#include <netinet/in.h>

struct connector;
/* FD is connected, non-blocking, and the callee's from now on. (Who speaks on it wants to know of ICMP errors:
 * net_want_icmp_errors().) */
typedef void (*connector_connected_fn)(void *arg, int fd);
/* No address is left: the most telling of the failures. CONTACTED: some address was tried, and what
 * happened says something of the target (else: its name, or the probe). */
typedef void (*connector_failed_fn)(
	void *arg, enum reason reason, bool contacted, const char *detail);

struct connector {
	struct check *check;
	connector_connected_fn connected;
	connector_failed_fn failed;
	void *arg;
	char host[NET_HOST_SIZE]; /* brackets kept */
	int port;
	bool says_nothing; /* set before the start: a reset behind the handshake is a connection, too */
	struct resolver_query *query;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addresses[ADDRESSES_MAX]; /* permitted */
	int n, next;                /* how many, and the index of the one to try next */
	int tried;
	int fd; /* -1: none */
	struct watch_once watch;
	struct timer turn; /* of one address, unless it is the last */
	int64_t began_at_us;
	char at[NET_ADDRESS_SIZE]; /* "192.0.2.1:443", of the last attempt */
	/* the most telling failure so far: what the target did comes before what the probe could
	 * not do */
	enum reason reason;
	char *detail; /* owned; NULL: none yet */
};

/* HOST is copied. May call back before it returns. */
void connector_start(struct connector *c, struct check *check, const char *host, int port,
	connector_connected_fn connected, connector_failed_fn failed, void *arg);
void connector_stop(struct connector *c);
/* When the deadline strikes before either callback: the reason by the phase; an attempt that got no
 * answer is FAILED before. */
enum reason connector_expired(struct connector *c);

#endif
