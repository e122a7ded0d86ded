// SPDX-License-Identifier: MIT
/*
 * The command line's reader of server-sent events. Law: however the connection cuts the bytes, the
 * events are the same. The first byte of the input says where it is cut.
 */
#include "coordinator/cli/sse.h"
#include "proto/base/mem.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* Adds an event to a checksum (FNV-1a) of all events. */
static void add_event(void *arg, const char *id, const char *type, const char *data)
{
	const char *const parts[] = {id, type, data};
	uint64_t *sum = arg;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		for (const char *c = parts[i];; c++) {
			*sum = (*sum ^ (unsigned char)*c) * 1099511628211u;
			if (!*c)
				break;
		}
}

static uint64_t read_in_pieces(const uint8_t *data, size_t size_bytes, size_t step)
{
	uint64_t sum = 14695981039346656037u;
	struct sse sse;

	sse_init(&sse, add_event, &sum);
	for (size_t at = 0; at < size_bytes; at += step)
		if (sse_feed(&sse, data + at, size_bytes - at < step ? size_bytes - at : step) ==
			-1)
			break;
	sse_clear(&sse);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	if (size_bytes < 2)
		return 0;
	size_t step = data[0] % 16 + 1u;
	ensure(read_in_pieces(data + 1, size_bytes - 1, step) ==
		read_in_pieces(data + 1, size_bytes - 1, size_bytes));
	return 0;
}
