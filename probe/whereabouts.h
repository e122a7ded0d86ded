// SPDX-License-Identifier: MIT
/*
 * Where the coordinator's names lead: looked up at the start and every now and then, so that no check
 * is aimed at the coordinator under a number. What cannot be looked up changes nothing.
 */
#ifndef QUORATE_PROBE_WHEREABOUTS_H
#define QUORATE_PROBE_WHEREABOUTS_H

#include "probe/resolver.h"
#include "quorate/list.h"

#define WHEREABOUTS_MS 300000 /* from one look to the next */

struct whereabouts;

/* Of each address that was found; ADDRESS is borrowed. */
typedef void (*whereabouts_fn)(void *arg, const struct sockaddr *address);

/* ADDRESSES ("HOST:PORT", …) and RESOLVER are borrowed. FOUND comes from the loop. */
struct whereabouts *whereabouts_new(struct loop *loop, struct resolver *resolver,
	const struct strings *addresses, whereabouts_fn found, void *arg);
void whereabouts_free(struct whereabouts *w); /* NULL does no harm; before RESOLVER goes */

#endif
