// SPDX-License-Identifier: MIT
/* Both streams' uplinks and what they share: the dialler's libcurl, the proxy's password, and a
 * private folder for the relays' unix sockets. */
#ifndef QUORATE_PROBE_UPLINKS_H
#define QUORATE_PROBE_UPLINKS_H

#include "probe/conf.h"
#include "proto/base/loop.h"
#include "proto/link.h"

#include <sys/socket.h>

struct uplinks;

/* An address of the coordinator's that was connected. */
typedef void (*uplinks_connected_fn)(void *arg, const struct sockaddr *address);

/* Dials at once. CONF (with an address at least), PROBE and TOKEN are borrowed for its life.
 * Returns 0, or -1 after logging why. */
MUST_CHECK int uplinks_open(struct uplinks **out, struct loop *loop,
	const struct coordinator_conf *conf, const char *probe, const char *token,
	uplinks_connected_fn connected, void *arg);
void uplinks_close(struct uplinks *u); /* NULL does no harm */
/* "ipc:///…": where the agent finds the stream. */
const char *uplinks_address(const struct uplinks *u, enum link_stream stream);
/* Nobody answers on STREAM: see uplink_cut(). */
void uplinks_cut(struct uplinks *u, enum link_stream stream);

#endif
