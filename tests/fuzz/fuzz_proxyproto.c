// SPDX-License-Identifier: MIT
/* What a front says before TLS begins: in one piece and byte by byte it must mean the same, and no header is endless. */
#include "coordinator/proxyproto.h"
#include "proto/base/mem.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* Reads at most STEP bytes at a time; *TAKEN of them belonged to the header. */
static enum proxyproto_state read_all(
	struct proxyproto *p, const uint8_t *data, size_t size_bytes, size_t step, size_t *taken)
{
	enum proxyproto_state state = PROXYPROTO_MORE;

	*p = (struct proxyproto){.n = 0};
	for (*taken = 0; state == PROXYPROTO_MORE && *taken < size_bytes;) {
		size_t n = size_bytes - *taken < step ? size_bytes - *taken : step;
		n = proxyproto_wants(p, data + *taken, n);
		ensure(n > 0);
		state = proxyproto_take(p, data + *taken, n);
		*taken += n;
	}
	ensure(state != PROXYPROTO_MORE || *taken < PROXYPROTO_MAX);
	return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct proxyproto whole, bytes;
	size_t taken, taken_bytes;
	enum proxyproto_state state = read_all(&whole, data, size_bytes, SIZE_MAX, &taken);

	ensure(read_all(&bytes, data, size_bytes, 1, &taken_bytes) == state);
	if (state != PROXYPROTO_CLIENT && state != PROXYPROTO_FRONT)
		return 0;
	ensure(taken == taken_bytes);
	if (state == PROXYPROTO_CLIENT)
		ensure(memcmp(&whole.client, &bytes.client, sizeof(whole.client)) == 0);
	return 0;
}
