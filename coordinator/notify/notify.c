// SPDX-License-Identifier: MIT
/*
 * The outbox: messages in memory, mirrored to the store, and the channels that they go to (lanes.c
 * sends them).
 */
#include "coordinator/notify/notify_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX    20000 /* per channel; one more is a dead letter at once */
#define BODY_MAX_BYTES 262144

#define GATHER_QUIET_MS 5000
#define GATHER_MAX_MS   30000

static const struct channel_type *const channel_types[] = {&webhook_channel};

static struct channel *channel_find(const struct notify *n, const char *name)
{
	struct channel *c = n->channels;
	while (c && strcmp(c->name, name) != 0)
		c = c->next;
	return c;
}

static struct channel *channel_new(struct notify *n, const char *name)
{
	struct channel *c = mem_alloc(sizeof(*c));
	c->notify = n;
	c->type = channel_types[0];
	c->name = mem_strdup(name);
	c->ready_end = &c->ready;
	c->next = n->channels;
	n->channels = c;
	return c;
}

static void channel_configure(struct channel *c, const struct channel_conf *conf)
{
	char why[CHANNEL_WHY_SIZE];
	c->conf = conf;
	signing_keys_clear(&c->keys);
	c->unusable = signing_keys_load(conf, &c->keys, why) == -1;
	if (c->unusable)
		log_error("notify.channel channel=%s error=%s", log_quote(c->name), log_quote(why));
}

/* Ends all transfers; DEAD: its messages become dead letters, else they are only forgotten here. */
static void channel_free(struct channel *c, bool dead)
{
	struct lane *lane, *next;
	while (c->ready)
		channel_next_ready(c);
	HASH_ITER (hh, c->lanes, lane, next) {
		if (lane->sending) {
			c->type->cancel(lane->sending);
			lane->sending = NULL;
		}
	}
	bundles_clear(c, dead);
	HASH_ITER (hh, c->lanes, lane, next) {
		while (lane->first) {
			if (dead)
				message_end(lane, "the channel is not configured any more");
			else
				message_drop(lane);
		}
		lane_free(lane);
	}
	signing_keys_clear(&c->keys);
	free(c->name);
	free(c);
}

static bool channel_wants(const struct channel *c, const char *kind)
{
	const struct strings *kinds = &c->conf->kinds;
	return kinds->n == 0 || strings_have(kinds, kind);
}

void notify_configure(struct notify *n, const struct channel_conf *channels, size_t count)
{
	for (struct channel *c = n->channels; c; c = c->next)
		c->conf = NULL;
	for (size_t i = 0; i < count; i++) {
		struct channel *c = channel_find(n, channels[i].name);
		channel_configure(c ? c : channel_new(n, channels[i].name), &channels[i]);
	}
	for (struct channel **at = &n->channels, *c; (c = *at);) {
		if (c->conf) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		channel_free(c, true);
	}
}

/* ---- the outbox */

/* The alert that BODY is about, "" for none: what messages have to stay in order with. */
static const char *alert_of(const json_t *body)
{
	struct id id;
	const char *text = json_string_value(json_object_get(json_object_get(body, "data"), "id"));
	return text && id_parse(text, &id) == 0 ? text : "";
}

/* What of BODY, M's, decides with which others it may be told. */
static void describe(struct message *m, const json_t *body)
{
	const json_t *data = json_object_get(body, "data");
	const char *type = json_string_value(json_object_get(body, "type")),
		   *organization = json_string_value(json_object_get(data, "organization"));
	if (!type || !organization || !json_object_get(body, "mass_flip"))
		return;
	m->topic = mem_printf("%s %s", type, organization);
	m->held_ms = json_integer_value(json_object_get(data, "held_ms"));
}

static const char *refuse(const struct channel *c, const char *body)
{
	if (c->pending >= PENDING_MAX)
		return "too many messages wait for this channel";
	return strlen(body) > BODY_MAX_BYTES ? "the message is too large" : NULL;
}

/* KEY names the alert too: numbers start over with a fresh store, and receivers remember keys. */
static void add_to_channel(
	struct channel *c, struct store_batch *b, const json_t *body, struct store_message *m)
{
	const char *alert = alert_of(body);
	char *key =
		mem_printf("%s%s%" PRId64 ".%s", alert, alert[0] ? "." : "", m->sequence, c->name);
	const char *refusal = refuse(c, m->body);
	m->channel = c->name;
	m->key = key;
	store_add_message(b, m);
	if (refusal) {
		store_mark_message(b, key, OUTBOX_DEAD, 0, 0, refusal);
		c->notify->counts.dead++;
		log_error("notify.dead channel=%s key=%s error=%s", log_quote(c->name),
			log_quote(key), log_quote(refusal));
	} else {
		struct message *added = message_add(c, alert, m, true);
		added->due_at_ms = clock_now_ms();
		describe(added, body);
	}
	free(key);
}

void notify_add(struct notify *n, struct store_batch *b, int64_t sequence, const char *kind,
	const json_t *body)
{
	char *text = NULL;
	for (struct channel *c = n->channels; c; c = c->next) {
		if (!channel_wants(c, kind))
			continue;
		if (!text)
			text = json_dumps(body, JSON_COMPACT);
		ensure(text);
		int64_t now_wall_ms = clock_wall_ms();
		struct store_message m = {.sequence = sequence,
			.body = text,
			.created_wall_ms = now_wall_ms,
			.next_wall_ms = now_wall_ms};
		add_to_channel(c, b, body, &m);
	}
	free(text);
}

void notify_release(struct notify *n, int64_t sequence)
{
	for (struct channel *c = n->channels; c; c = c->next) {
		struct message_id id;
		struct message *m;
		memset(&id, 0, sizeof(id));
		id.sequence = sequence;
		id.channel = c;
		HASH_FIND(hh, n->messages, &id, sizeof(id), m);
		if (!m || !m->held)
			continue;
		m->held = false;
		if (m == m->lane->first)
			lane_schedule(m->lane);
	}
}

/* A message that an earlier run did not finish. The wall clock may have jumped meanwhile: no wait
 * is longer than the schedule's own. */
static void load_message(void *arg, const struct store_message *from)
{
	struct notify *n = arg;
	struct channel *c = channel_find(n, from->channel);
	if (!c) {
		struct store_batch *b = store_batch_new(n->store);
		store_mark_message(b, from->key, OUTBOX_DEAD, from->attempts, 0,
			"the channel is not configured any more");
		store_submit(n->store, b, STORE_EVENTUALLY, NULL, NULL);
		n->counts.dead++;
		log_error("notify.dead channel=%s key=%s error=\"the channel is not configured any "
			  "more\"",
			log_quote(from->channel), log_quote(from->key));
		return;
	}
	json_t *body = json_loads(from->body, 0, NULL);
	struct message *m = message_add(c, alert_of(body), from, false);
	describe(m, body);
	json_decref(body);
	int64_t delay_ms = from->next_wall_ms - clock_wall_ms();
	int64_t longest_ms = retry_delay_ms(n->schedule, from->attempts, 1);
	if (delay_ms > longest_ms)
		delay_ms = longest_ms;
	m->due_at_ms = clock_now_ms() + delay_ms;
	if (m != m->lane->first)
		return;
	if (!id_is_zero(&from->bundle))
		bundle_restore(m->lane, &from->bundle);
	lane_schedule(m->lane);
}

int notify_open(struct notify **out, struct loop *loop, struct store *store, struct curl_loop *curl,
	const struct channel_conf *channels, size_t count)
{
	struct notify *n = mem_alloc(sizeof(*n));
	n->loop = loop;
	n->store = store;
	n->curl = curl;
	n->schedule = &retry_schedule_standard;
	n->gather = (struct gather_times){GATHER_QUIET_MS, GATHER_MAX_MS};
	notify_configure(n, channels, count);
	if (store_each_pending_message(store, load_message, n) == -1) {
		log_error("notify.open error=\"the pending messages cannot be read\"");
		notify_close(n);
		return -1;
	}
	if (n->counts.pending > 0)
		log_info("notify.resumed pending=%" PRId64, n->counts.pending);
	*out = n;
	return 0;
}

void notify_close(struct notify *n)
{
	if (!n)
		return;
	for (struct channel *c = n->channels, *next; c; c = next) {
		next = c->next;
		channel_free(c, false);
	}
	free(n);
}

void notify_set_schedule(struct notify *n, const struct retry_schedule *schedule)
{
	n->schedule = schedule;
}

void notify_set_gather(struct notify *n, const struct gather_times *times)
{
	n->gather = *times;
}

void notify_counts(const struct notify *n, struct notify_counts *out)
{
	*out = n->counts;
}
