// SPDX-License-Identifier: MIT
/*
 * Echo requests of all ping checks over one ICMP socket per family. Unprivileged datagram sockets
 * where net.ipv4.ping_group_range allows them, raw sockets (CAP_NET_RAW) otherwise. A reply counts
 * when its sequence number, 128-bit cookie and source all are the ones of a packet that still
 * waits; anything else is ignored.
 */
#ifndef QUORATE_PROBE_PINGER_H
#define QUORATE_PROBE_PINGER_H

#include "proto/base/loop.h"
#include "quorate/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* An ICMP socket of the first kind that this process may have; *RAW: which. -1 and errno: neither. */
MUST_CHECK int pinger_socket(int family, bool *raw);

struct pinger;
struct pinger *pinger_new(struct loop *loop);
void pinger_free(struct pinger *pinger);
bool pinger_works(const struct pinger *pinger, int family);

/* Who gets the answers. Embedded in the check's state; forgotten before its memory goes. */
struct ping_listener {
	/* Round trip on the monotonic clock, from before the send to the kernel's receive
	 * timestamp. */
	void (*reply)(void *arg, int64_t rtt_us);
	/* An ICMP error came instead of the reply; BY: who sent it. The packet waits no longer. */
	void (*error)(void *arg, enum reason reason, const char *by);
	void *arg;
	int waiting; /* packets without an answer; the pinger's */
};

/* Sends one packet. Returns REASON_OK, or why it could not be sent (see net_reason). */
MUST_CHECK enum reason pinger_send(
	struct pinger *pinger, const struct sockaddr *to, struct ping_listener *listener);
/* No callback of LISTENER afterwards. */
void pinger_forget(struct pinger *pinger, struct ping_listener *listener);

/* ---- for pinger.c and its fuzzer: bytes from the network */

#define ICMP_COOKIE_SIZE 16
struct icmp_echo {
	bool reply; /* else a request (our own, quoted in an error) */
	unsigned id, sequence;
	bool has_cookie;
	unsigned char cookie[ICMP_COOKIE_SIZE];
};
/* HAS_IP_HEADER: as raw IPv4 sockets deliver it. Returns 0, or -1 when DATA is no echo message. */
MUST_CHECK int icmp_parse(
	int family, bool has_ip_header, const void *data, size_t size_bytes, struct icmp_echo *out);

#endif
