// SPDX-License-Identifier: MIT
/* Bytes from the network into icmp_parse(): the first one chooses family and framing. */
#include "probe/pinger.h"
#include "proto/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct icmp_echo echo;
	if (size_bytes == 0)
		return 0;
	int family = (data[0] & 1) != 0 ? AF_INET6 : AF_INET;
	bool framed = (data[0] & 2) != 0;
	/* a copy of the exact size, so that a byte too far is seen */
	size_t n = size_bytes - 1;
	uint8_t *copy = mem_alloc(n > 0 ? n : 1);
	memcpy(copy, data + 1, n);
	if (icmp_parse(family, framed, copy, n, &echo) == 0) {
		ensure(echo.id <= 0xffff && echo.sequence <= 0xffff);
		ensure(n >= 8 + (framed ? 20U : 0U) + (echo.has_cookie ? ICMP_COOKIE_SIZE : 0U));
	}
	free(copy);
	return 0;
}
