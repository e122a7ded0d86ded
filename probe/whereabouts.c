// SPDX-License-Identifier: MIT
/* One query per name; those of an earlier look that still run are left to end. */
#include "probe/whereabouts.h"

#include "probe/dial.h"
#include "proto/base/mem.h"

#include <stdlib.h>

struct place {
	struct whereabouts *w;
	char host[NET_HOST_SIZE];
	struct resolver_query *query; /* NULL: none runs */
};

struct whereabouts {
	struct resolver *resolver;
	struct timer again;
	whereabouts_fn found;
	void *arg;
	struct place *places;
	size_t n;
};

static void on_resolved(void *arg, enum reason reason, const struct addresses *addresses)
{
	struct place *p = arg;
	p->query = NULL;
	for (int i = 0; reason == REASON_OK && i < addresses->n; i++)
		p->w->found(p->w->arg, (const struct sockaddr *)&addresses->item[i]);
}

static void look(void *arg)
{
	struct whereabouts *w = arg;
	for (size_t i = 0; i < w->n; i++) {
		struct place *p = &w->places[i];
		if (!p->query)
			p->query = resolver_find(w->resolver, p->host, FAMILY_AUTO, on_resolved, p);
	}
	timer_set(&w->again, WHEREABOUTS_MS);
}

struct whereabouts *whereabouts_new(struct loop *loop, struct resolver *resolver,
	const struct strings *addresses, whereabouts_fn found, void *arg)
{
	struct whereabouts *w = mem_alloc(sizeof *w);
	*w = (struct whereabouts){.resolver = resolver, .found = found, .arg = arg};
	w->places = mem_array(addresses->n, sizeof *w->places);
	for (size_t i = 0; i < addresses->n; i++) {
		const char *why;
		int port;
		w->places[w->n].w = w;
		if (dial_split(addresses->item[i], w->places[w->n].host, &port, &why) == 0)
			w->n++;
	}
	timer_init(&w->again, loop, look, w);
	timer_set(&w->again, 0);
	return w;
}

void whereabouts_free(struct whereabouts *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++)
		resolver_cancel(w->places[i].query);
	timer_clear(&w->again);
	free(w->places);
	free(w);
}
