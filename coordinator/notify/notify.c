// SPDX-License-Identifier: MIT
/*
 * The outbox: messages in memory, mirrored to the store. A lane holds the messages of one alert on
 * one channel in order of sequence; only its head is ever sent, waiting, or held back until its
 * event was committed. A channel has at most IN_FLIGHT_MAX transfers; lanes that are due queue up
 * for them.
 *
 * A message leaves memory exactly when it is sent or dead, through message_end. Until the store
 * heard of it, a crash sends it once more, with the same key.
 */
#include "coordinator/notify/channel.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define IN_FLIGHT_MAX  4
#define PENDING_MAX    20000 /* per channel; one more is a dead letter at once */
#define BODY_MAX_BYTES 262144

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const int64_t standard_delays[] = {0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR,
	5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR};
const struct retry_schedule retry_schedule_standard = {standard_delays, ARRAY_LEN(standard_delays)};

struct message_id {
	int64_t sequence;
	const struct channel *channel;
};

struct message {
	UT_hash_handle hh; /* notify.messages */
	struct message_id id;
	struct message *next; /* in its lane */
	struct lane *lane;
	char *key, *body;
	int64_t attempts;
	int64_t due_at_ms; /* not before */
	bool held;
};

struct lane {
	UT_hash_handle hh; /* channel.lanes, by alert */
	struct channel *channel;
	struct message *first, **end;
	struct timer timer;       /* the head's */
	struct delivery *sending; /* the head, in flight */
	bool ready;               /* stands in channel.ready */
	struct lane *ready_next;
	char alert[ID_TEXT_SIZE];
};

struct channel {
	struct channel *next;
	struct notify *notify;
	const struct channel_type *type;
	const struct channel_conf *conf; /* NULL: not configured any more, about to go */
	char *name;
	struct signing_keys keys;
	bool unusable; /* its secret cannot be read: nothing is sent rather than sent unsigned */
	struct lane *lanes;
	struct lane *ready, **ready_end;
	int in_flight;
	int64_t pending;
	bool failing;
};

struct notify {
	struct loop *loop;
	struct store *store;
	struct curl_loop *curl;
	struct channel *channels;
	struct message *messages;
	const struct retry_schedule *schedule;
	struct notify_counts counts;
};

static const struct channel_type *const channel_types[] = {&webhook_channel};

int64_t retry_delay_ms(const struct retry_schedule *schedule, int64_t attempts, double draw)
{
	if (attempts >= (int64_t)schedule->n)
		return -1;
	int64_t delay_ms = schedule->delay_ms[attempts];
	return delay_ms + (int64_t)((double)delay_ms / 10 * draw);
}

static int64_t message_delay_ms(const struct notify *n, int64_t attempts)
{
	return retry_delay_ms(n->schedule, attempts, (double)rand_below(1001) / 1000);
}

/* ---- lanes */

static void lane_due(void *arg);
static void channel_pump(struct channel *c);

static struct lane *lane_get(struct channel *c, const char *alert)
{
	struct lane *lane;
	HASH_FIND_STR(c->lanes, alert, lane);
	if (lane)
		return lane;
	lane = mem_alloc(sizeof(*lane));
	lane->channel = c;
	lane->end = &lane->first;
	snprintf(lane->alert, sizeof(lane->alert), "%s", alert);
	timer_init(&lane->timer, c->notify->loop, lane_due, lane);
	HASH_ADD_STR(c->lanes, alert, lane);
	return lane;
}

static void lane_free(struct lane *lane)
{
	ensure(!lane->first && !lane->sending && !lane->ready);
	timer_clear(&lane->timer);
	HASH_DEL(lane->channel->lanes, lane);
	free(lane);
}

/* Sets the head on its way, when there is one that may go. */
static void lane_schedule(struct lane *lane)
{
	const struct message *head = lane->first;
	if (lane->sending || lane->ready || !head || head->held)
		return;
	int64_t delay_ms = head->due_at_ms - clock_now_ms();
	timer_set(&lane->timer, delay_ms > 0 ? delay_ms : 0);
}

static void lane_due(void *arg)
{
	struct lane *lane = arg;
	struct channel *c = lane->channel;
	lane->ready = true;
	lane->ready_next = NULL;
	*c->ready_end = lane;
	c->ready_end = &lane->ready_next;
	channel_pump(c);
}

/* ---- messages */

static struct message *message_add(
	struct channel *c, const char *alert, const struct store_message *from, bool held)
{
	struct notify *n = c->notify;
	struct message *m = mem_alloc(sizeof(*m));
	m->id.sequence = from->sequence;
	m->id.channel = c;
	m->key = mem_strdup(from->key);
	m->body = mem_strdup(from->body);
	m->attempts = from->attempts;
	m->held = held;
	m->lane = lane_get(c, alert);
	*m->lane->end = m;
	m->lane->end = &m->next;
	HASH_ADD(hh, n->messages, id, sizeof(m->id), m);
	c->pending++;
	n->counts.pending++;
	return m;
}

static void message_free(struct message *m)
{
	free(m->key);
	free(m->body);
	free(m);
}

/* Takes the head out of LANE and of memory. */
static void message_drop(struct lane *lane)
{
	struct message *m = lane->first;
	ensure(m);
	lane->first = m->next;
	if (!lane->first)
		lane->end = &lane->first;
	lane->channel->pending--;
	lane->channel->notify->counts.pending--;
	// NOLINTNEXTLINE(clang-analyzer-core.NullDereference): in uthash
	HASH_DEL(lane->channel->notify->messages, m);
	message_free(m);
}

static void message_mark(const struct channel *c, const struct message *m, enum message_state state,
	int64_t next_wall_ms, const char *error)
{
	struct store_batch *b = store_batch_new(c->notify->store);
	store_mark_message(b, m->key, state, m->attempts, next_wall_ms, error);
	store_submit(c->notify->store, b, STORE_EVENTUALLY, NULL, NULL);
}

/* The one end of a message: sent (ERROR NULL) or dead. */
static void message_end(struct lane *lane, const char *error)
{
	struct channel *c = lane->channel;
	struct notify *n = c->notify;
	const struct message *m = lane->first;
	message_mark(c, m, error ? OUTBOX_DEAD : OUTBOX_SENT, 0, error);
	if (error) {
		n->counts.dead++;
		log_error("notify.dead channel=%s key=%s attempts=%" PRId64 " error=%s",
			log_quote(c->name), log_quote(m->key), m->attempts, log_quote(error));
	} else {
		n->counts.sent++;
	}
	message_drop(lane);
}

static void message_retry(struct lane *lane, const struct delivery_result *result)
{
	struct message *m = lane->first;
	int64_t delay_ms = message_delay_ms(lane->channel->notify, m->attempts);
	if (delay_ms == -1) {
		message_end(lane, result->error);
		return;
	}
	if (delay_ms < result->retry_after_ms)
		delay_ms = result->retry_after_ms;
	m->due_at_ms = clock_now_ms() + delay_ms;
	message_mark(lane->channel, m, OUTBOX_PENDING, clock_wall_ms() + delay_ms, result->error);
}

/* ---- channels */

static void channel_note(struct channel *c, const struct delivery_result *result)
{
	bool failing = result->outcome != DELIVERY_DONE;
	if (failing && !c->failing)
		log_warning("notify.failing channel=%s error=%s", log_quote(c->name),
			log_quote(result->error));
	else if (!failing && c->failing)
		log_info("notify.recovered channel=%s", log_quote(c->name));
	c->failing = failing;
}

/* An attempt with LANE's head is over. */
static void lane_attempted(struct lane *lane, const struct delivery_result *result)
{
	struct notify *n = lane->channel->notify;
	channel_note(lane->channel, result);
	lane->first->attempts++;
	if (result->outcome != DELIVERY_DONE)
		n->counts.failed_attempts++;
	if (result->outcome == DELIVERY_RETRY)
		message_retry(lane, result);
	else
		message_end(lane, result->outcome == DELIVERY_DONE ? NULL : result->error);
	if (lane->first)
		lane_schedule(lane);
	else
		lane_free(lane);
}

static void on_delivery(void *arg, const struct delivery_result *result)
{
	struct lane *lane = arg;
	struct channel *c = lane->channel;
	lane->sending = NULL;
	c->in_flight--;
	lane_attempted(lane, result);
	channel_pump(c);
}

static struct lane *channel_next_ready(struct channel *c)
{
	struct lane *lane = c->ready;
	c->ready = lane->ready_next;
	if (!c->ready)
		c->ready_end = &c->ready;
	lane->ready = false;
	return lane;
}

static void channel_pump(struct channel *c)
{
	static const struct delivery_result unusable = {
		.outcome = DELIVERY_RETRY, .error = "the channel's secret cannot be read"};
	while (c->ready && c->in_flight < IN_FLIGHT_MAX) {
		struct lane *lane = channel_next_ready(c);
		struct outgoing out = {lane->first->key, lane->first->body};
		if (c->unusable) {
			lane_attempted(lane, &unusable);
			continue;
		}
		c->in_flight++;
		lane->sending =
			c->type->start(c->notify->curl, c->conf, &c->keys, &out, on_delivery, lane);
	}
}

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

static const char *refuse(const struct channel *c, const char *body)
{
	if (c->pending >= PENDING_MAX)
		return "too many messages wait for this channel";
	return strlen(body) > BODY_MAX_BYTES ? "the message is too large" : NULL;
}

/* KEY names the alert too: numbers start over with a fresh store, and receivers remember keys. */
static void add_to_channel(
	struct channel *c, struct store_batch *b, const char *alert, struct store_message *m)
{
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
		message_add(c, alert, m, true)->due_at_ms = clock_now_ms();
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
		add_to_channel(c, b, alert_of(body), &m);
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
	json_decref(body);
	int64_t delay_ms = from->next_wall_ms - clock_wall_ms();
	int64_t longest_ms = retry_delay_ms(n->schedule, from->attempts, 1);
	if (delay_ms > longest_ms)
		delay_ms = longest_ms;
	m->due_at_ms = clock_now_ms() + delay_ms;
	if (m == m->lane->first)
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

void notify_counts(const struct notify *n, struct notify_counts *out)
{
	*out = n->counts;
}
