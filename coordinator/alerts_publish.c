// SPDX-License-Identifier: MIT
/* Events on their way: committed with what else is in their batch, then told to the listeners and
 * released to the channels. */
#include "coordinator/alerts_internal.h"

#include "coordinator/json.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <utlist.h>

struct alert_listener {
	alert_event_fn fn;
	void *arg;
	struct alert_listener *prev, *next;
};

/* An event on its way through the store. */
struct publication {
	struct alerts *alerts;
	int64_t sequence;
	json_t *event;
	alert_done_fn done; /* NULL: nobody waits for it */
	void *arg;
	struct publication *prev, *next;
};

static void publish(struct publication *p)
{
	struct alert_listener *l, *next;

	DL_FOREACH_SAFE (p->alerts->listeners, l, next)
		l->fn(l->arg, p->sequence, p->event);
	notify_release(p->alerts->notify, p->sequence);
}

static void publication_done(void *arg, enum store_error error)
{
	struct publication *p = arg;

	/* A broken store holds nothing back: the alert goes on from memory. */
	DL_DELETE(p->alerts->publications, p);
	publish(p);
	if (p->done)
		p->done(p->arg, error);
	json_decref(p->event);
	free(p);
}

void alerts_publish(struct alerts *a, struct store_batch *b, const struct transition *t)
{
	struct publication *p = mem_alloc(sizeof(*p));
	int64_t wall_ms = clock_wall_ms();

	p->alerts = a;
	p->sequence = ++a->sequence;
	p->event = json_pack("{s:s, s:o, s:o}", "type", t->type, "timestamp", json_time(wall_ms),
		"data", json_deep_copy(t->data));
	if (t->mass_flip)
		json_object_set(p->event, "mass_flip", t->mass_flip);
	p->done = t->done;
	p->arg = t->arg;
	store_add_event(b, p->sequence, t->type, &t->id, wall_ms, p->event);
	notify_add(a->notify, b, p->sequence, t->kind, p->event);
	DL_APPEND(a->publications, p);
	store_submit(a->store, b, STORE_EVENTUALLY, publication_done, p);
}

void alerts_announce(struct alerts *a, const char *type, json_t *data)
{
	struct transition t = {.type = type, .kind = NOTIFY_KIND_COORDINATOR, .data = data};

	alerts_publish(a, store_batch_new(a->store), &t);
	json_decref(data);
}

struct alert_listener *alerts_listen(struct alerts *a, alert_event_fn fn, void *arg)
{
	struct alert_listener *l = mem_alloc(sizeof(*l));

	l->fn = fn;
	l->arg = arg;
	DL_APPEND(a->listeners, l);
	return l;
}

void alerts_unlisten(struct alerts *a, struct alert_listener *l)
{
	DL_DELETE(a->listeners, l);
	free(l);
}

void alerts_publish_end(struct alerts *a)
{
	struct publication *p, *p_next;
	struct alert_listener *l, *l_next;

	DL_FOREACH_SAFE (a->publications, p, p_next) {
		json_decref(p->event);
		free(p);
	}
	DL_FOREACH_SAFE (a->listeners, l, l_next)
		free(l);
}
