// SPDX-License-Identifier: MIT
/*
 * Which addresses and ports may be contacted. In this order: what the probe's own local file allows;
 * then the refusal of this machine's own addresses and the coordinator's, and of special-purpose
 * ones (loopback, private, link-local, metadata, CGNAT, documentation, multicast, mapped and
 * translated forms; lists in policy.c). The probe applies it to every resolved address and again to
 * the one really connected, and the coordinator cannot change it; the coordinator applies what the
 * probe announced of it to literal addresses, to know beforehand.
 */
#ifndef QUORATE_PROTO_POLICY_H
#define QUORATE_PROTO_POLICY_H

#include "quorate/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct cidr {
	int family; /* AF_INET, AF_INET6 */
	unsigned char address[16];
	int bits;
};

struct port_range {
	int first, last;
};

#define POLICY_LEARNED_MAX 64

struct policy {
	struct cidr *allow; /* owned */
	size_t n_allow;
	struct cidr *deny; /* owned; looked at after allow */
	size_t n_deny;
	struct cidr *learned; /* owned; POLICY_LEARNED_MAX of them or NULL; refused as deny is */
	size_t n_learned;     /* ever */
	struct port_range *ports; /* owned; none: all ports */
	size_t n_ports;
};

/* "192.0.2.0/24", "fd00::/8", a lone address is a /32 or /128; host bits must be zero. 0 or -1 and
 * *WHY (static). */
MUST_CHECK int cidr_parse(const char *text, struct cidr *out, const char **why);
/* Whether ADDRESS (IPv4: mapped, ::ffff:192.0.2.1) is in it. */
bool cidr_has(const struct cidr *c, const struct in6_addr *address);
MUST_CHECK int policy_allow(struct policy *policy, const char *cidr, const char **why);
/* Refuses the machine's own addresses as they are now (public ones too), except where the allow
 * list says otherwise. */
void policy_deny_own(struct policy *policy);
/* The same for one more: the text of an IPv4 or IPv6 address. Anything else changes nothing. */
void policy_deny(struct policy *policy, const char *address);
/* "443", "8000-8099". 0 or -1 and *WHY (static). */
MUST_CHECK int port_range_parse(const char *text, struct port_range *out, const char **why);
MUST_CHECK int policy_allow_ports(struct policy *policy, const char *range, const char **why);
/* The same for an address that turned out to be the coordinator's. The latest POLICY_LEARNED_MAX are
 * kept: names lead elsewhere in time. */
void policy_learn(struct policy *policy, const struct sockaddr *address);
/* Empties it; what was learned stays. */
void policy_reset(struct policy *policy);
void policy_clear(struct policy *policy);
/* Whether ADDRESS (the port is not looked at) may be contacted. */
bool policy_permits(const struct policy *policy, const struct sockaddr *address);
bool policy_permits_port(const struct policy *policy, int port);

#endif
