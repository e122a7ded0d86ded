// SPDX-License-Identifier: MIT
/*
 * Lanes: a lane holds the messages of one alert on one channel in order of sequence; only its head
 * is ever sent, waiting, or held back until its event was committed. A channel has at most
 * IN_FLIGHT_MAX transfers; lanes that are due queue up for them.
 *
 * A message leaves memory exactly when it is sent or dead, through message_end. Until the store
 * heard of it, a crash sends it once more, with the same key.
 */
#include "coordinator/notify/notify_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define IN_FLIGHT_MAX 4

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const int64_t standard_delays[] = {0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR,
	5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR};
const struct retry_schedule retry_schedule_standard = {standard_delays, ARRAY_LEN(standard_delays)};

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

void lane_free(struct lane *lane)
{
	ensure(!lane->first && !lane->sending && !lane->ready);
	timer_clear(&lane->timer);
	HASH_DEL(lane->channel->lanes, lane);
	free(lane);
}

void lane_schedule(struct lane *lane)
{
	const struct message *head = lane->first;
	if (lane->sending || lane->ready || !head || head->held ||
		(lane->bundle && !bundle_leads(lane)))
		return;
	int64_t delay_ms = head->due_at_ms - clock_now_ms();
	timer_set(&lane->timer, delay_ms > 0 ? delay_ms : 0);
}

static void lane_due(void *arg)
{
	struct lane *lane = arg;
	struct channel *c = lane->channel;
	if (!lane->bundle && bundle_gather(lane))
		return;
	lane->ready = true;
	lane->ready_next = NULL;
	*c->ready_end = lane;
	c->ready_end = &lane->ready_next;
	channel_pump(c);
}

/* ---- messages */

struct message *message_add(
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
	free(m->topic);
	free(m);
}

void message_drop(struct lane *lane)
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

static void message_end_in(struct store_batch *b, struct lane *lane, const char *error)
{
	struct channel *c = lane->channel;
	struct notify *n = c->notify;
	const struct message *m = lane->first;
	store_mark_message(b, m->key, error ? OUTBOX_DEAD : OUTBOX_SENT, m->attempts, 0, error);
	if (error) {
		n->counts.dead++;
		log_error("notify.dead channel=%s key=%s attempts=%" PRId64 " error=%s",
			log_quote(c->name), log_quote(m->key), m->attempts, log_quote(error));
	} else {
		n->counts.sent++;
	}
	message_drop(lane);
}

void message_end(struct lane *lane, const char *error)
{
	struct store *store = lane->channel->notify->store;
	struct store_batch *b = store_batch_new(store);
	message_end_in(b, lane, error);
	store_submit(store, b, STORE_EVENTUALLY, NULL, NULL);
}

/* What becomes of LANE's head after an attempt: once more in DELAY_MS, or (-1) its end. */
static void message_settle(struct store_batch *b, struct lane *lane,
	const struct delivery_result *result, int64_t delay_ms)
{
	struct message *m = lane->first;
	m->attempts++;
	if (delay_ms == -1) {
		message_end_in(b, lane, result->outcome == DELIVERY_DONE ? NULL : result->error);
		return;
	}
	m->due_at_ms = clock_now_ms() + delay_ms;
	store_mark_message(
		b, m->key, OUTBOX_PENDING, m->attempts, clock_wall_ms() + delay_ms, result->error);
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

/* How long to wait after one more attempt that ended with RESULT; -1: it was the last. */
static int64_t wait_after(const struct lane *lane, const struct delivery_result *result)
{
	int64_t delay_ms;
	if (result->outcome != DELIVERY_RETRY)
		return -1;
	delay_ms = message_delay_ms(lane->channel->notify, lane->first->attempts + 1);
	return delay_ms != -1 && delay_ms < result->retry_after_ms ? result->retry_after_ms
								   : delay_ms;
}

void lane_go_on(struct lane *lane)
{
	if (lane->first)
		lane_schedule(lane);
	else
		lane_free(lane);
}

/* An attempt with the bundle that LANE leads is over: for all of it in one transaction. */
static void bundle_settle(struct store_batch *b, struct lane *lane,
	const struct delivery_result *result, int64_t delay_ms)
{
	struct bundle *bundle = lane->bundle;
	for (size_t i = 0; i < bundle->n; i++)
		message_settle(b, bundle->lane[i], result, delay_ms);
	if (delay_ms == -1)
		bundle_free(bundle);
	else
		lane_schedule(lane);
}

/* An attempt with LANE's head is over. */
static void lane_attempted(struct lane *lane, const struct delivery_result *result)
{
	struct notify *n = lane->channel->notify;
	int64_t delay_ms = wait_after(lane, result);
	struct store_batch *b = store_batch_new(n->store);
	channel_note(lane->channel, result);
	if (result->outcome != DELIVERY_DONE)
		n->counts.failed_attempts++;
	if (lane->bundle) {
		bundle_settle(b, lane, result, delay_ms);
	} else {
		message_settle(b, lane, result, delay_ms);
		lane_go_on(lane);
	}
	store_submit(n->store, b, STORE_EVENTUALLY, NULL, NULL);
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

struct lane *channel_next_ready(struct channel *c)
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
		struct outgoing out =
			lane->bundle ? bundle_outgoing(lane)
				     : (struct outgoing){lane->first->key, lane->first->body};
		if (c->unusable) {
			lane_attempted(lane, &unusable);
			continue;
		}
		c->in_flight++;
		lane->sending =
			c->type->start(c->notify->curl, c->conf, &c->keys, &out, on_delivery, lane);
	}
}
