// SPDX-License-Identifier: MIT
/* What several check types need to know about addresses, targets and the errors of the network. */
#ifndef QUORATE_PROBE_NET_H
#define QUORATE_PROBE_NET_H

#include "quorate/attr.h"
#include "quorate/reason.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NET_ADDRESS_SIZE 64 /* "[2001:db8::1]:65535" and NUL */
#define NET_HOST_SIZE    256

/* An address, in a quarter of sockaddr_storage's bytes. */
union net_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};
/* The same with its text. */
struct net_literal {
	union net_address address;
	unsigned char bytes; /* of the text */
	char text[INET6_ADDRSTRLEN];
};

/* "192.0.2.1:443", "[2001:db8::1]:443"; without the port when it is 0 (and then without brackets).
 * Returns OUT. */
char *net_format(const struct sockaddr *address, char out[NET_ADDRESS_SIZE]);
socklen_t net_length(const struct sockaddr *address);
void net_set_port(struct sockaddr *address, int port);
/* A literal address, brackets allowed; port 0. */
bool net_parse_literal(const char *text, struct sockaddr_storage *out);
struct net_literal *net_literal_new(const char *text); /* of one without a port; NULL: it is none */
/* "host:port" or "[v6]:port" of a tcp target. Returns 0 or -1. */
MUST_CHECK int net_split_target(const char *target, char host[NET_HOST_SIZE], int *port);
bool net_same_host(const struct sockaddr *a, const struct sockaddr *b);

/*
 * The reason behind errno of a connection attempt or a packet to ADDRESS. What lies at the probe
 * itself (no file descriptors, no route at all, a local firewall) is internal.*: its failure says
 * nothing of the target. ENETUNREACH is told apart by asking the routing table again.
 */
enum reason net_reason(int error, const struct sockaddr *address);
/* The reason in an ICMP error (RFC 792, RFC 1812, RFC 4443); REASON_OK: it is none, the packet went
 * on (redirect, source quench). */
enum reason net_icmp_reason(int family, int type, int code);
/* Binds FD to SOURCE, a literal address; NULL: the system chooses. Returns 0, or -1 with errno. */
MUST_CHECK int net_bind_source(int fd, const char *source);
/* Whether this machine has a route to ADDRESS (nothing is sent). */
bool net_has_route(const struct sockaddr *address);
/* Whether ADDRESS is one of this machine's own (its port does not matter). */
bool net_is_own(const struct sockaddr *address);
/* Whether the process is out of file descriptors right now. */
bool net_out_of_fds(void);

/* Reads the socket's error queue (IP_RECVERR, IPV6_RECVERR) to its end. Returns true when an ICMP
 * error was in it: *REASON, and in BY who sent it. */
bool net_read_icmp_error(int fd, enum reason *reason, char by[NET_ADDRESS_SIZE]);
/* The round trip in which FD was connected, by the kernel's clock, while nothing has been said on it yet; -1: it
 * is not connected, or took more than one try. */
int64_t net_connected_in_us(int fd);
/* What came over a TCP connection so far, framing and all; 0 when FD is none. */
long long net_bytes_received(int fd);
/* Asks for ICMP errors in FD's error queue. */
void net_want_icmp_errors(int fd, int family);

#endif
