// SPDX-License-Identifier: MIT
/* Echo messages as they come from the network (RFC 792, RFC 4443). Nothing in here is trusted. */
#include "probe/pinger.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#define HEADER_BYTES 8

/* Bytes of the IPv4 header in front, or -1. */
static int ip_header_bytes(const unsigned char *data, size_t size_bytes)
{
	if (size_bytes < 20 || data[0] >> 4 != 4)
		return -1;
	int n = (data[0] & 0x0f) * 4;
	return n >= 20 && (size_t)n <= size_bytes ? n : -1;
}

int icmp_parse(
	int family, bool has_ip_header, const void *data, size_t size_bytes, struct icmp_echo *out)
{
	const unsigned char *p = data;
	out->from = has_ip_header ? p + 12 : NULL;
	if (has_ip_header) {
		int skip = ip_header_bytes(p, size_bytes);
		if (skip == -1)
			return -1;
		p += skip;
		size_bytes -= (size_t)skip;
	}
	if (size_bytes < HEADER_BYTES || p[1] != 0)
		return -1;
	unsigned reply = family == AF_INET6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	unsigned request = family == AF_INET6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	if (p[0] != reply && p[0] != request)
		return -1;
	out->reply = p[0] == reply;
	out->id = (unsigned)p[4] << 8 | p[5];
	out->sequence = (unsigned)p[6] << 8 | p[7];
	out->has_cookie = size_bytes >= HEADER_BYTES + ICMP_COOKIE_SIZE;
	if (out->has_cookie)
		memcpy(out->cookie, p + HEADER_BYTES, ICMP_COOKIE_SIZE);
	else
		memset(out->cookie, 0, ICMP_COOKIE_SIZE);
	return 0;
}
