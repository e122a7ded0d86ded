// SPDX-License-Identifier: MIT
/* nanomsg's greeting, which relays play for the far side. */
#include "proto/greeting.h"

#include <string.h>

void greeting_make(unsigned char out[GREETING_BYTES], int protocol)
{
	const unsigned char greeting[GREETING_BYTES] = {
		0, 'S', 'P', 0, (unsigned char)(protocol >> 8), (unsigned char)protocol, 0, 0};

	memcpy(out, greeting, GREETING_BYTES);
}

bool greeting_is(const unsigned char in[GREETING_BYTES], int protocol)
{
	unsigned char wanted[GREETING_BYTES];

	greeting_make(wanted, protocol);
	return memcmp(in, wanted, GREETING_BYTES) == 0;
}
