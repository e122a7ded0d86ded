// SPDX-License-Identifier: MIT
/*
 * Bytes from a peer into message_decode(). Whatever is accepted must survive encoding and decoding
 * unchanged, and whatever is refused must come with a sentence.
 */
#include "proto/base/mem.h"
#include "proto/messages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct problems problems = {0};
	struct message *m = message_decode(data, size_bytes, &problems);
	if (!m) {
		ensure(problems.total > 0);
		return 0;
	}
	size_t first_bytes, second_bytes;
	char *first = message_encode(m->type, &m->u, &first_bytes);
	if (first) { /* else: escapes made it larger than a message may be */
		struct message *again = message_decode(first, first_bytes, &problems);
		ensure(again && again->type == m->type);
		char *second = message_encode(again->type, &again->u, &second_bytes);
		ensure(second && first_bytes == second_bytes &&
			memcmp(first, second, first_bytes) == 0);
		free(second);
		message_free(again);
	}
	free(first);
	message_free(m);
	return 0;
}
