// SPDX-License-Identifier: MIT
/*
 * Which addresses may be contacted. In this order: what the probe's own local file allows; then the
 * refusal of this machine's own addresses and the coordinator's, and of special-purpose ones
 * (loopback, private, link-local, metadata, CGNAT, documentation, multicast, mapped and translated
 * forms; field lists in policy.c). Applied to every
 * resolved address and again to the one really connected. The coordinator cannot change it.
 */
#ifndef QUORATE_PROBE_POLICY_H
#define QUORATE_PROBE_POLICY_H

#include "quorate/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct cidr {
	int family; /* AF_INET, AF_INET6 */
	unsigned char address[16];
	int bits;
};

struct policy {
	struct cidr *allow; /* owned */
	size_t n_allow;
	struct cidr *deny; /* owned; looked at after allow */
	size_t n_deny;
};

/* "192.0.2.0/24", "fd00::/8", a lone address is a /32 or /128; host bits must be zero. 0 or -1 and
 * *WHY (static). */
MUST_CHECK int cidr_parse(const char *text, struct cidr *out, const char **why);
MUST_CHECK int policy_allow(struct policy *policy, const char *cidr, const char **why);
/* Refuses the machine's own addresses as they are now (public ones too), except where the allow
 * list says otherwise. */
void policy_deny_own(struct policy *policy);
/* The same for one more: the text of an IPv4 or IPv6 address. Anything else changes nothing. */
void policy_deny(struct policy *policy, const char *address);
void policy_clear(struct policy *policy);
/* Whether ADDRESS (the port is not looked at) may be contacted. */
bool policy_permits(const struct policy *policy, const struct sockaddr *address);

#endif
