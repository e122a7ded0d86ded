// SPDX-License-Identifier: MIT
/*
 * Bundles: what a mass flip held back comes to people as one message per organization and channel.
 * The heads of lanes that are due gather until nothing more comes; what gathered alone goes by itself.
 * Who is in a bundle is committed before it is sent, so that a crash repeats it with the same key and
 * the same text, and not a word is lost: each message keeps its own row until the bundle's end.
 */
#include "coordinator/notify/notify_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void bundle_commit(void *arg);

static struct bundle *bundle_new(struct channel *c)
{
	struct bundle *b = mem_alloc(sizeof(*b));

	b->channel = c;
	timer_init(&b->timer, c->notify->loop, bundle_commit, b);
	DL_APPEND(c->bundles, b);
	return b;
}

static void bundle_add(struct bundle *b, struct lane *lane)
{
	if (b->n == b->room) {
		b->room = b->room ? 2 * b->room : 16;
		b->lane = mem_resize(b->lane, b->room, sizeof(struct lane *));
	}
	b->lane[b->n++] = lane;
	lane->bundle = b;
}

static void destroy(struct bundle *b)
{
	timer_clear(&b->timer);
	free(b->topic);
	free(b->lane);
	free(b->key);
	free(b->body);
	free(b);
}

/* Forgets who is in it; their lanes stay as they are. */
static void detach(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++)
		b->lane[i]->bundle = NULL;
	b->n = 0;
	DL_DELETE(b->channel->bundles, b);
	b->channel = NULL;
}

void bundle_free(struct bundle *b)
{
	size_t n = b->n;

	detach(b);
	for (size_t i = 0; i < n; i++)
		lane_go_on(b->lane[i]);
	destroy(b);
}

void bundles_clear(struct channel *c, bool staying)
{
	struct bundle *b, *next;

	DL_FOREACH_SAFE (c->bundles, b, next) {
		detach(b);
		timer_stop(&b->timer);
		if (!b->committing || !staying) /* else its callback frees it */
			destroy(b);
	}
}

/* ---- gathering */

static void gather_on(struct bundle *b)
{
	const struct gather_times *times = &b->channel->notify->gather;
	int64_t left_ms = b->began_at_ms + times->max_ms - clock_now_ms();

	if (left_ms > times->quiet_ms)
		left_ms = times->quiet_ms;
	timer_set(&b->timer, left_ms > 0 ? left_ms : 0);
}

static struct bundle *find_gathering(const struct channel *c, const char *topic)
{
	for (struct bundle *b = c->bundles; b; b = b->next)
		if (b->topic && strcmp(b->topic, topic) == 0)
			return b;
	return NULL;
}

bool bundle_gather(struct lane *lane)
{
	struct channel *c = lane->channel;
	const struct message *head = lane->first;
	struct bundle *b;

	if (!head->topic || head->attempts > 0 || c->conf->mass_flips != MASS_FLIPS_GROUPED)
		return false;
	b = find_gathering(c, head->topic);
	if (!b) {
		b = bundle_new(c);
		b->topic = mem_strdup(head->topic);
		b->began_at_ms = clock_now_ms();
	}
	bundle_add(b, lane);
	gather_on(b);
	return true;
}

/* ---- from gathered to sent */

static void on_committed(void *arg, enum store_error error UNUSED)
{
	struct bundle *b = arg;

	/* A broken store holds nothing back: it goes out from memory. */
	b->committing = false;
	if (!b->channel) {
		destroy(b);
		return;
	}
	b->committed = true;
	lane_schedule(b->lane[0]);
}

/* The only one that came is told as ever. */
static void go_alone(struct bundle *b)
{
	struct message *m = b->lane[0]->first;

	free(m->topic);
	m->topic = NULL;
	bundle_free(b);
}

static int by_sequence(const void *a, const void *b)
{
	int64_t x = (*(struct lane *const *)a)->first->id.sequence,
		y = (*(struct lane *const *)b)->first->id.sequence;

	return (x > y) - (x < y);
}

/* Nothing more came for a while. In the order in which a restart finds them. */
static void bundle_commit(void *arg)
{
	struct bundle *b = arg;
	struct store *store = b->channel->notify->store;
	struct store_batch *batch;

	if (b->n == 1) {
		go_alone(b);
		return;
	}
	qsort(b->lane, b->n, sizeof(struct lane *), by_sequence);
	free(b->topic);
	b->topic = NULL;
	b->id = id_new();
	b->committing = true;
	batch = store_batch_new(store);
	for (size_t i = 0; i < b->n; i++)
		store_bundle_message(batch, b->lane[i]->first->key, &b->id);
	log_info("notify.bundle channel=%s messages=%zu", log_quote(b->channel->name), b->n);
	store_submit(store, batch, STORE_EVENTUALLY, on_committed, b);
}

void bundle_restore(struct lane *lane, const struct id *id)
{
	struct channel *c = lane->channel;
	struct bundle *b = c->bundles;

	while (b && id_compare(&b->id, id) != 0)
		b = b->next;
	if (!b) {
		b = bundle_new(c);
		b->id = *id;
		b->committed = true;
	}
	bundle_add(b, lane);
}

/* ---- sending */

bool bundle_leads(const struct lane *lane)
{
	return lane->bundle->committed && lane->bundle->lane[0] == lane;
}

static void compose(struct bundle *b)
{
	const char **body = mem_array(b->n, sizeof(*body));
	char text[ID_TEXT_SIZE];
	int64_t held_ms = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct message *m = b->lane[i]->first;

		body[i] = m->body;
		held_ms = m->held_ms > held_ms ? m->held_ms : held_ms;
	}
	b->key = mem_printf("%s.%s", id_format(&b->id, text), b->channel->name);
	b->body = bundle_compose(body, b->n, held_ms);
	free(body);
}

struct outgoing bundle_outgoing(const struct lane *lane)
{
	struct bundle *b = lane->bundle;

	if (!b->body)
		compose(b);
	return (struct outgoing){b->key, b->body};
}
