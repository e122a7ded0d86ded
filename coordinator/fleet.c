// SPDX-License-Identifier: MIT
/*
 * The probes as they are connected now: what each is told (orders, bursts, held polls), and what comes from it, handed to
 * fleet_session.c and fleet_report.c by its type.
 */
#include "coordinator/fleet_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define BURST_STALE_MS 5000 /* a burst that could not be sent by then is pointless */
#define BURSTS_MAX     500
#define REPHASE_MS     3600000

const char *const standing_names[] = {
	"never-seen", "voting", "lost", "drained", "twins", "revoked", "quarantined", NULL};

struct member *fleet_find(const struct fleet *f, uint32_t key)
{
	struct member *m;

	HASH_FIND(hh, f->members, &key, sizeof(key), m);
	return m;
}

/* ---- answering polls */

static void send_orders(struct member *m)
{
	struct coordinator *c = m->fleet->c;
	struct orders along = {.reset = m->reset, .bursts = m->bursts};
	struct link_held *poll = m->poll;
	char *pins[DOOR_PINS];
	size_t size_bytes;
	char *text;

	timer_stop(&m->answer);
	m->poll = NULL;
	if (m->bursts.n && clock_now_ms() - m->burst_at_ms > BURST_STALE_MS)
		along.bursts = (struct list){0};
	session_pins(m, &along.pins, pins);
	text = order_log_encode(&m->orders, c->registry, m->poll_revision, &along, &m->snapshot,
		clock_wall_ms(), &size_bytes);
	free(m->bursts.item);
	m->bursts = (struct list){0};
	if (!text) { /* cannot be: a monitor fits by its own ceiling */
		log_error("orders.too_large probe_key=%u revision=%lld", m->key,
			(long long)m->poll_revision);
		link_drop(poll);
		return;
	}
	m->reset = false;
	limits_take(m, ALLOWANCE_BYTES, (int64_t)size_bytes);
	link_reply(poll, text, size_bytes);
	free(text);
}

static void answer_due(void *arg)
{
	struct member *m = arg;

	if (m->poll)
		send_orders(m);
}

/* Something to say came up: changes of one turn of the loop go out together. */
static void wake_poll(struct member *m)
{
	if (m->poll)
		timer_set(&m->answer, limits_wait_ms(m));
}

struct member *fleet_member(struct fleet *f, uint32_t key)
{
	struct member *m = fleet_find(f, key);

	if (m)
		return m;
	m = mem_alloc(sizeof(*m));
	m->key = key;
	m->fleet = f;
	timer_init(&m->answer, f->c->loop, answer_due, m);
	timer_init(&m->silence, f->c->loop, session_silent, m);
	HASH_ADD(hh, f->members, key, sizeof(m->key), m);
	return m;
}

static void free_member(struct member *m)
{
	session_end(m);
	HASH_DELETE(hh, m->fleet->members, m);
	timer_clear(&m->answer);
	timer_clear(&m->silence);
	tenure_clear(m);
	order_log_clear(&m->orders);
	schema_clear(&hello_schema, &m->hello);
	free(m->bursts.item);
	free(m->token_hash);
	free(m->pins_told);
	free(m->spool_error);
	free(m);
}

/* ---- orders from the verdicts */

void fleet_assign(
	struct fleet *f, uint32_t probe_key, const struct id *monitor, int seat, int n_seats)
{
	struct member *m = fleet_member(f, probe_key);

	order_log_assign(&m->orders, monitor, seat, n_seats);
	wake_poll(m);
}

void fleet_drop(struct fleet *f, uint32_t probe_key, const struct id *monitor)
{
	struct member *m = fleet_find(f, probe_key);
	int64_t revision;

	if (!m)
		return;
	if (order_log_has(&m->orders, monitor, &revision))
		tenure_add(m, monitor);
	order_log_drop(&m->orders, monitor);
	wake_poll(m);
}

void fleet_burst(struct fleet *f, uint32_t probe_key, const struct burst_order *burst)
{
	struct member *m = fleet_find(f, probe_key);
	struct burst_order *all;

	if (!m || !m->session[0] || m->bursts.n >= BURSTS_MAX)
		return;
	if (m->bursts.n == 0)
		m->burst_at_ms = clock_now_ms();
	all = mem_resize(m->bursts.item, m->bursts.n + 1, sizeof(*all));
	all[m->bursts.n++] = *burst;
	m->bursts.item = all;
	wake_poll(m);
}

void fleet_tell_pins(struct fleet *f)
{
	struct member *m, *next;

	HASH_ITER (hh, f->members, m, next)
		wake_poll(m);
}

/* Phases are told again every hour: a probe's clock may run away from ours. */
static void rephase(void *arg)
{
	struct fleet *f = arg;
	struct member *m, *next;
	struct order *order, *last, *after;

	HASH_ITER (hh, f->members, m, next) {
		if (!m->orders.log)
			continue;
		last = m->orders.log->prev;
		for (order = m->orders.log; order; order = after) {
			after = order == last ? NULL : order->next;
			if (!order->dropped)
				order_log_assign(
					&m->orders, &order->monitor, order->seat, order->n_seats);
		}
		wake_poll(m);
	}
	timer_set(&f->rephase, REPHASE_MS);
}

/* ---- polls */

static void on_poll(
	struct fleet *f, struct link_held *held, const struct poll *poll, size_t size_bytes)
{
	struct member *m = session_member(f, poll->session);
	struct probe *probe = m ? registry_probe_by_key(f->c->registry, m->key) : NULL;

	if (!probe) {
		session_say_stale(held);
		return;
	}
	verdicts_heard(f->c->verdicts, probe);
	if (m->poll)
		link_drop(m->poll);        /* its sender gave up on it */
	(void)limits_admit(m, size_bytes); /* one is answered in any case, in time */
	m->poll = held;
	m->poll_revision = poll->revision;
	if (poll->revision > 0 && !m->snapshot)
		order_log_forget(&m->orders, poll->revision);
	if (!m->snapshot && !m->bursts.n && poll->revision >= m->orders.revision)
		timer_set(&m->answer, ORDERS_HOLD_MS);
	else if (limits_wait_ms(m) == 0)
		send_orders(m);
	else
		wake_poll(m);
}

/* ---- the link */

static void on_unusable(
	struct fleet *f, enum link_stream stream, struct link_held *held, const char *why)
{
	f->counts.invalid_messages++;
	if (log_ratelimit("message.invalid", 10000) >= 0)
		log_warning("message.invalid stream=%s why=%s",
			stream == LINK_REPORT ? "report" : "orders", log_quote(why));
	if (stream == LINK_REPORT)
		report_receipt(held, RECEIPT_INVALID, why);
	else
		session_say_stale(held);
}

static void on_request(void *arg, enum link_stream stream, struct link_held *held, const void *data,
	size_t size_bytes)
{
	struct fleet *f = arg;
	struct problems problems = {0};
	struct message *message = message_decode(data, size_bytes, &problems);

	f->counts.messages++;
	if (!message)
		on_unusable(
			f, stream, held, problems.n ? problems.item[0].message : "not a message");
	else if (stream == LINK_REPORT && message->type == MESSAGE_HELLO)
		session_hello(f, held, &message->u.hello, size_bytes);
	else if (stream == LINK_REPORT && message->type == MESSAGE_REPORT)
		report_take(f, held, &message->u.report, size_bytes);
	else if (stream == LINK_ORDERS && message->type == MESSAGE_POLL)
		on_poll(f, held, &message->u.poll, size_bytes);
	else
		on_unusable(f, stream, held, "a message of this type has no place on this stream");
	message_free(message);
}

/* A session lives no longer than the token that it was opened with. */
static void probe_changed(struct fleet *f, const struct probe *probe)
{
	struct member *m = fleet_find(f, probe->key);

	if (!m || !m->token_hash ||
		(probe->token_hash && strcmp(m->token_hash, probe->token_hash) == 0))
		return;
	session_end(m);
	mem_set(&m->token_hash, NULL);
	memset(m->past, 0, sizeof(m->past));
	verdicts_renewed(f->c->verdicts, probe);
	log_info("probe.token_%s name=%s", probe->token_hash ? "renewed" : "revoked", probe->name);
}

/*
 * Its voters are given a monitor again, with the new value. The monitor is the same and so is its
 * revision: the votes made with the old value stand until those with the new one come.
 */
static void secret_changed(struct fleet *f, const struct secret *secret)
{
	struct registered *entry = NULL;
	struct member *m, *next;

	while ((entry = registry_next_monitor(f->c->registry, entry ? &entry->m.id : NULL))) {
		if (!monitor_uses_secret(&entry->m, secret->name))
			continue;
		HASH_ITER (hh, f->members, m, next) {
			if (order_log_again(&m->orders, &entry->m.id))
				wake_poll(m);
		}
	}
}

static void on_registry(void *arg, enum registry_change change, void *object)
{
	struct fleet *f = arg;
	const struct probe *probe = object;
	struct member *m;

	if (change == CHANGED_SECRET)
		secret_changed(f, object);
	if (change == CHANGED_PROBE)
		probe_changed(f, probe);
	if (change != REMOVED_PROBE)
		return;
	if ((m = fleet_find(f, probe->key)))
		free_member(m);
}

struct fleet *fleet_open(struct coordinator *c)
{
	struct fleet *f = mem_alloc(sizeof(*f));

	f->c = c;
	timer_init(&f->rephase, c->loop, rephase, f);
	timer_set(&f->rephase, REPHASE_MS);
	if (link_server_open(&f->link, c->loop, c->conf.report_address, c->conf.orders_address,
		    on_request, f) == -1) {
		timer_clear(&f->rephase);
		free(f);
		return NULL;
	}
	registry_listen(c->registry, on_registry, f);
	return f;
}

void fleet_close(struct fleet *f)
{
	struct member *m, *next;
	struct receiving *w, *w_next;

	DL_FOREACH_SAFE (f->receiving, w, w_next) {
		if (w->held)
			link_drop(w->held);
		report_forget(w);
	}
	HASH_ITER (hh, f->members, m, next)
		free_member(m);
	link_server_close(f->link);
	timer_clear(&f->rephase);
	free(f);
}

int fleet_listen(struct fleet *f, enum link_stream stream, const char *address)
{
	return link_server_bind(f->link, stream, address);
}

void fleet_disconnected(struct fleet *f, uint32_t probe_key)
{
	struct member *m = fleet_find(f, probe_key);

	if (m)
		session_end(m);
}

/* ---- for people */

static enum standing standing_of(const struct fleet *f, const struct probe *p)
{
	enum probe_fault fault = verdicts_fault(f->c->verdicts, p->key);

	if (fault == FAULT_TWINS)
		return STANDING_TWINS;
	if (!p->token_hash)
		return STANDING_REVOKED;
	if (p->drained)
		return STANDING_DRAINED;
	if (p->joined_wall_ms == UNSET)
		return STANDING_NEVER_SEEN;
	if (fault == FAULT_LOST)
		return STANDING_LOST;
	return verdicts_quarantined(f->c->verdicts, p->key) ? STANDING_QUARANTINED
							    : STANDING_VOTING;
}

void fleet_facts(const struct fleet *f, const struct probe *p, struct fleet_facts *out)
{
	const struct member *m = fleet_find(f, p->key);

	*out = (struct fleet_facts){.standing = standing_of(f, p), .heard_wall_ms = UNSET};
	if (!m)
		return;
	out->monitors = m->orders.n_assigned;
	out->held = limits_wait_ms(m) > 0;
	out->held_ms = m->allowance.held_ms - limits_wait_ms(m);
	out->refused = m->refused;
	if (!m->seen)
		return;
	out->heard_wall_ms = m->heard_wall_ms;
	out->software = m->hello.software;
	out->loop_lag_us = m->loop_lag_us;
	out->spooled = m->spooled;
	out->dropped = m->dropped;
	out->spool_error = m->spool_error;
	out->self_test = m->self_test;
	out->results = m->results;
}

void fleet_counts(const struct fleet *f, struct fleet_counts *out)
{
	*out = f->counts;
}
