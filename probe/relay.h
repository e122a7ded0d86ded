// SPDX-License-Identifier: MIT
/*
 * The near end of a stream's connection: a unix socket for our own nanomsg, whose greeting is
 * answered here as REP would (it must not cross a network), and from then on bytes in both
 * directions. What one side does not take waits in a bounded buffer, and when that is full the other
 * side waits: memory never follows the peer's wishes. Reads nothing into the bytes.
 */
#ifndef QUORATE_PROBE_RELAY_H
#define QUORATE_PROBE_RELAY_H

#include "probe/dial.h"
#include "proto/base/loop.h"

#define RELAY_BUFFER_BYTES ((size_t)256 << 10) /* per direction */

struct relay;

struct relay_hooks {
	void (*spliced)(void *arg); /* nanomsg has come and was greeted */
	/* Once, from the loop; WHY is static. The relay may be closed from inside. */
	void (*ended)(void *arg, const char *why);
	void *arg;
};

/* Listens at PATH (a file that is replaced if it is there) until nanomsg has come. DIAL is borrowed
 * until relay_close(). NULL after logging why. */
struct relay *relay_open(
	struct loop *loop, const char *path, struct dial *dial, const struct relay_hooks *hooks);
void relay_close(struct relay *r); /* NULL does no harm */

#endif
