// SPDX-License-Identifier: MIT
/*
 * The link's transport: two request/reply streams between a probe and the coordinator. The only
 * door to nanomsg. It carries opaque messages of at most MESSAGE_MAX_BYTES; sessions and meaning
 * are the callers'.
 *
 * Addresses: tcp:// on loopback and ipc:// only (anything else is refused with a reason): TLS,
 * authentication and the way through proxies come from a relay that sits on the ipc side, see
 * proto/README.md.
 */
#ifndef QUORATE_PROTO_LINK_H
#define QUORATE_PROTO_LINK_H

#include "proto/base/loop.h"
#include "quorate/attr.h"

#include <stddef.h>

enum link_stream { LINK_REPORT, LINK_ORDERS, LINK_STREAM_COUNT };
extern const char *const link_stream_names[]; /* report orders */

/* Checks a pair of addresses ("tcp://127.0.0.1:7443", "ipc:///run/quorate/report"; ipc paths at
 * most 100 bytes). Returns 0, or -1 and *WHY, a static sentence. */
MUST_CHECK int link_address_check(const char *address, const char **why);

/* ---- coordinator: raw REP sockets, so that a request can be held and answered later and in any
 * order */
struct link_server;
struct link_held; /* a request waiting for its one reply */

/* DATA is borrowed for the call. HELD is the callee's: it must end in link_reply or link_drop. */
typedef void (*link_request_fn)(void *arg, enum link_stream stream, struct link_held *held,
	const void *data, size_t size_bytes);

/* Binds both streams. Returns 0, or -1 after logging why. */
MUST_CHECK int link_server_open(struct link_server **out, struct loop *loop,
	const char *report_address, const char *orders_address, link_request_fn request, void *arg);
/* Binds STREAM to one more address, for relays. Returns 0, or -1 after logging why. */
MUST_CHECK int link_server_bind(
	struct link_server *server, enum link_stream stream, const char *address);
/* Drops what is held: no pointer to it may be used afterwards. Not from inside of the callback. */
void link_server_close(struct link_server *server);
/* Sends the reply and frees HELD. A peer that is gone loses it: replies are repeatable. */
void link_reply(struct link_held *held, const void *data, size_t size_bytes);
void link_drop(struct link_held *held);
/* The connection that it came on; another one never has the same number at the same time. */
uint32_t link_pipe(const struct link_held *held);

/* ---- probe: one request in flight per stream */
struct link_client;

/* ERROR 0: DATA is the reply (borrowed). Else -1: no reply within the time; DATA is NULL. Sending
 * from inside is allowed. */
typedef void (*link_reply_fn)(
	void *arg, enum link_stream stream, int error, const void *data, size_t size_bytes);

MUST_CHECK int link_client_open(struct link_client **out, struct loop *loop,
	const char *report_address, const char *orders_address, link_reply_fn reply, void *arg);
void link_client_close(struct link_client *client);
/* Returns 0, or -1 when a request is in flight or DATA is too large. The reply callback comes
 * exactly once. */
MUST_CHECK int link_client_send(struct link_client *client, enum link_stream stream,
	const void *data, size_t size_bytes, int64_t timeout_ms);
/* Gives up on the request in flight, if any: no callback comes for it, a late reply is thrown away.
 */
void link_client_cancel(struct link_client *client, enum link_stream stream);
bool link_client_busy(const struct link_client *client, enum link_stream stream);

#endif
