// SPDX-License-Identifier: MIT
/* Where strangers come from, as far as they are told apart: an IPv4 address, or an IPv6 network of 64 bits. */
#ifndef QUORATE_PLACE_H
#define QUORATE_PLACE_H

#include <netinet/in.h>
#include <string.h>

/* IPv4 addresses are mapped (::ffff:192.0.2.1). */
static inline struct in6_addr place_of(const struct in6_addr *address)
{
	struct in6_addr place = *address;

	if (!IN6_IS_ADDR_V4MAPPED(address))
		memset(&place.s6_addr[8], 0, 8);
	return place;
}

#endif
