// SPDX-License-Identifier: MIT
/*
 * The reader of the probe's segments. Laws: it ends, stays inside, and what it calls undamaged is
 * what spool_record_add writes, byte for byte but the state.
 */
#include "probe/spool_record.h"
#include "proto/base/mem.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	const char *bytes = (const char *)data;
	size_t at = 0, before = 0;
	struct spool_record r;
	while (spool_record_next(bytes, size_bytes, &at, &r)) {
		ensure(r.at == before && at == before + SPOOL_RECORD_HEAD + r.size_bytes);
		ensure(at <= size_bytes && r.text + r.size_bytes == bytes + at);
		if (!r.damaged) {
			struct buf again;
			buf_init(&again, SPOOL_TEXT_MAX + SPOOL_RECORD_HEAD);
			ensure(spool_record_add(&again, r.text, r.size_bytes) == 0);
			ensure(again.size_bytes == at - before);
			again.data[SPOOL_STATE_AT] = bytes[before + SPOOL_STATE_AT];
			ensure(memcmp(again.data, bytes + before, again.size_bytes) == 0);
			buf_clear(&again);
		}
		before = at;
	}
	ensure(at == before);
	return 0;
}
