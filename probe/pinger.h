// SPDX-License-Identifier: MIT
/*
 * Echo requests of all ping checks over one ICMP socket per family. Unprivileged datagram sockets
 * where net.ipv4.ping_group_range allows them, raw sockets (CAP_NET_RAW) otherwise.
 *
 * A packet is known by the first 16 bytes of its payload: its place in our table, how often that
 * place was used, and 64 random bits. The 16 bits of a sequence number bound nothing: a million
 * packets may wait at once. An answer counts when its bytes and its sender are those of a packet that
 * waits; what repeats or nearly fits is counted, anything else ignored.
 *
 * Packets are sent in batches, when the loop's current callbacks have returned, and answers are read
 * in batches.
 */
#ifndef QUORATE_PROBE_PINGER_H
#define QUORATE_PROBE_PINGER_H

#include "probe/net.h"
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
/* Whether answers have been dropped on this machine since the instant SINCE_US: nobody read them in
 * time. What is missing is then no loss of the network's. */
bool pinger_overflowed(struct pinger *pinger, int family, int64_t since_us);

/* Why a packet gets no reply. */
struct ping_error {
	enum reason reason;
	int64_t mtu; /* of L3_FRAGMENTATION_NEEDED, as the router says it; 0: it does not */
	const struct sockaddr *by; /* who says so; NULL: this machine */
};

/* Who gets the answers. Embedded in the check's state; forgotten before its memory goes. */
struct ping_listener {
	/* INDEX: as given to pinger_send. Round trip on the monotonic clock, from the send to the
	 * kernel's receive timestamp; and the instant when it was read. */
	void (*reply)(void *arg, int index, int64_t rtt_us, int64_t read_at_us);
	/* An error came instead of the reply, or the packet could not be sent. It waits no longer. */
	void (*error)(void *arg, int index, const struct ping_error *error);
	void *arg;
	int64_t duplicates, strays; /* counted by the pinger */
	struct ping_slot *slots;    /* the pinger's: its packets */
};

struct ping_packet {
	const struct sockaddr *to;
	const struct sockaddr *source; /* NULL: the system's choice */
	int index;                     /* below 65536 */
	int size;                      /* of the payload: ICMP_COOKIE_SIZE … PING_SIZE_MAX */
	int ttl;                       /* 0: the system's */
	bool df;                       /* must not be fragmented */
};
/* Sends one packet, soon. Returns REASON_OK, or the internal reason for which it never will be; what
 * goes wrong later is an error of the listener. */
MUST_CHECK enum reason pinger_send(
	struct pinger *pinger, const struct ping_packet *packet, struct ping_listener *listener);
/* Sends what there is now, instead of soon; for who knows that no more comes for the moment. */
void pinger_flush(struct pinger *pinger);
/* No callback of LISTENER afterwards; what has not been sent never is. */
void pinger_forget(struct pinger *pinger, struct ping_listener *listener);

/* ---- for the pinger and its fuzzer: bytes from the network */

#define ICMP_COOKIE_SIZE 16
struct icmp_echo {
	bool reply; /* else a request (our own, quoted in an error) */
	unsigned id, sequence;
	const unsigned char
		*from; /* who sent it, four bytes in its IPv4 header; NULL: it has none */
	bool has_cookie;
	unsigned char cookie[ICMP_COOKIE_SIZE];
};
/* HAS_IP_HEADER: as raw IPv4 sockets deliver it. Returns 0, or -1 when DATA is no echo message. */
MUST_CHECK int icmp_parse(
	int family, bool has_ip_header, const void *data, size_t size_bytes, struct icmp_echo *out);

#endif
