// SPDX-License-Identifier: MIT
/* Reads a stream of server-sent events (WHATWG HTML, section 9.2) as its bytes come in. Knows no
 * connection. */
#ifndef QUORATE_CLI_SSE_H
#define QUORATE_CLI_SSE_H

#include "proto/base/buf.h"
#include "quorate/attr.h"

#include <stdbool.h>
#include <stdint.h>

#define SSE_EVENT_MAX_BYTES (1u << 20)

/* An event is whole; ID is the last one seen on the stream ("": none yet). Borrowed. */
typedef void (*sse_event_fn)(void *arg, const char *id, const char *type, const char *data);

struct sse {
	sse_event_fn fn;
	void *arg;
	struct buf line, data;
	char id[64];      /* of the last whole event: where to go on after a lost connection */
	char next_id[64]; /* of the event being read */
	char type[64];
	int64_t retry_ms; /* asked for by the server; 0: not */
	bool after_cr;
};

void sse_init(struct sse *sse, sse_event_fn fn, void *arg);
/* Forgets a half-read event (before a new connection); the last id stays. */
void sse_reset(struct sse *sse);
void sse_clear(struct sse *sse);
/* Returns 0, or -1 when an event is larger than SSE_EVENT_MAX_BYTES. */
MUST_CHECK int sse_feed(struct sse *sse, const void *data, size_t size_bytes);

#endif
