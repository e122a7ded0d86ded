// SPDX-License-Identifier: MIT
/*
 * The probes as they are connected now. Identity comes from the session alone: a message is
 * believed for its session's probe and nobody else; a second log-in of the same probe ends the
 * first's session. Votes are applied on receipt; the receipt says "stored" after the commit, or
 * "seen" when the store takes longer than a second.
 */
#include "coordinator/coordinator.h"
#include "coordinator/orders.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define STORE_PATIENCE_MS   1000
#define RESULTS_QUEUED_MAX  200000 /* beyond: counted, not stored; they voted already */
#define BURST_STALE_MS      5000   /* a burst that could not be sent by then is pointless */
#define BURSTS_MAX          500
#define REPHASE_MS          3600000
#define WINDOW              8192 /* sequences of one boot that are told apart */
#define SESSION_INDEX_BYTES 16
#define PAST_BOOTS          8 /* of a probe that are told apart */

const char *const standing_names[] = {"never-seen", "voting", "lost", "drained", "twins", NULL};

/* One probe as the link knows it. */
struct member {
	uint32_t key;
	struct fleet *fleet;
	struct order_log orders;

	char session[SESSION_TEXT_SIZE]; /* empty: none */
	char session_index[SESSION_INDEX_BYTES + 1];
	bool reset, snapshot; /* the session's first orders are due; are not complete */
	struct link_held *poll;
	int64_t poll_revision;
	struct timer answer;        /* of the held poll */
	char *token_hash;           /* of the token that the last hello was let in with */
	struct id boot;             /* of the last hello with the right token */
	struct id past[PAST_BOOTS]; /* boots that said hello before it */
	unsigned next_past;
	struct list bursts;  /* of struct burst_order */
	int64_t burst_at_ms; /* of the oldest in bursts */

	struct hello hello; /* of the session or the last one: software, capabilities; its token is
			       wiped */
	bool seen;
	int64_t heard_wall_ms;
	int64_t loop_lag_us, spooled, dropped, results;
	char *spool_error;

	int64_t window_top; /* highest sequence of hello.boot */
	uint8_t window[WINDOW / 8];

	UT_hash_handle hh;         /* by key */
	UT_hash_handle hh_session; /* by session_index */
};

/* A report whose receipt waits for the store. */
struct receiving {
	struct fleet *fleet;
	struct link_held *held; /* NULL: "seen" was said */
	bool incomplete;        /* not all results found room in the store's queue */
	struct timer patience;
	struct receiving *prev, *next;
};

struct fleet {
	struct coordinator *c;
	struct link_server *link;
	struct member *members, *sessions;
	struct receiving *receiving;
	struct timer rephase;
	struct fleet_counts counts;
};

static struct member *find_member(const struct fleet *f, uint32_t key)
{
	struct member *m;

	HASH_FIND(hh, f->members, &key, sizeof(key), m);
	return m;
}

/* ---- answering polls */

static void send_orders(struct member *m)
{
	struct coordinator *c = m->fleet->c;
	struct list none = {0}, *bursts = &m->bursts;
	struct link_held *poll = m->poll;
	size_t size_bytes;
	char *text;

	timer_stop(&m->answer);
	m->poll = NULL;
	if (m->bursts.n && clock_now_ms() - m->burst_at_ms > BURST_STALE_MS)
		bursts = &none;
	text = order_log_encode(&m->orders, c->registry, m->poll_revision, m->reset, &m->snapshot,
		bursts, clock_wall_ms(), &size_bytes);
	free(m->bursts.item);
	m->bursts = (struct list){0};
	if (!text) { /* cannot be: a monitor fits by its own ceiling */
		log_error("orders.too_large probe_key=%u revision=%lld", m->key,
			(long long)m->poll_revision);
		link_drop(poll);
		return;
	}
	m->reset = false;
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
		timer_set(&m->answer, 0);
}

static struct member *get_member(struct fleet *f, uint32_t key)
{
	struct member *m = find_member(f, key);

	if (m)
		return m;
	m = mem_alloc(sizeof(*m));
	m->key = key;
	m->fleet = f;
	timer_init(&m->answer, f->c->loop, answer_due, m);
	HASH_ADD(hh, f->members, key, sizeof(m->key), m);
	return m;
}

/* The poller learns that its session is over, or its message was of no use. */
static void say_stale(struct link_held *held)
{
	struct orders orders = {.stale_session = true};
	size_t size_bytes;
	char *text = message_encode(MESSAGE_ORDERS, &orders, &size_bytes);

	link_reply(held, text, size_bytes);
	free(text);
}

static void end_session(struct member *m)
{
	if (!m->session[0])
		return;
	HASH_DELETE(hh_session, m->fleet->sessions, m);
	explicit_bzero(m->session, sizeof(m->session));
	timer_stop(&m->answer);
	if (m->poll)
		say_stale(m->poll);
	m->poll = NULL;
	m->fleet->counts.sessions--;
}

static void free_member(struct member *m)
{
	end_session(m);
	HASH_DELETE(hh, m->fleet->members, m);
	timer_clear(&m->answer);
	order_log_clear(&m->orders);
	schema_clear(&hello_schema, &m->hello);
	free(m->bursts.item);
	free(m->token_hash);
	free(m->spool_error);
	free(m);
}

/* ---- orders from the verdicts */

void fleet_assign(
	struct fleet *f, uint32_t probe_key, const struct id *monitor, int seat, int n_seats)
{
	struct member *m = get_member(f, probe_key);

	order_log_assign(&m->orders, monitor, seat, n_seats);
	wake_poll(m);
}

void fleet_drop(struct fleet *f, uint32_t probe_key, const struct id *monitor)
{
	struct member *m = find_member(f, probe_key);

	if (!m)
		return;
	order_log_drop(&m->orders, monitor);
	wake_poll(m);
}

void fleet_burst(struct fleet *f, uint32_t probe_key, const struct burst_order *burst)
{
	struct member *m = find_member(f, probe_key);
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

/* ---- hello */

static void reply_message(struct link_held *held, enum message_type type, const void *message)
{
	size_t size_bytes;
	char *text = message_encode(type, message, &size_bytes);

	link_reply(held, text, size_bytes);
	free(text);
}

static void refuse(
	struct link_held *held, const char *code, const char *detail, const struct hello *hello)
{
	char code_text[32], detail_text[256];
	struct refused refused = {.code = code_text, .detail = detail_text};

	snprintf(code_text, sizeof(code_text), "%s", code);
	snprintf(detail_text, sizeof(detail_text), "%s", detail);
	if (log_ratelimit("probe.refused", 10000) >= 0)
		log_warning("probe.refused name=%s code=%s", log_quote(hello->probe), code);
	reply_message(held, MESSAGE_REFUSED, &refused);
}

static void begin_session(struct member *m, struct hello *take)
{
	end_session(m);
	if (!id_equal(&m->hello.boot, &take->boot)) {
		memset(m->window, 0, sizeof(m->window));
		m->window_top = 0;
	}
	schema_clear(&hello_schema, &m->hello);
	m->hello = *take;
	memset(take, 0, sizeof(*take));
	explicit_bzero(m->hello.token, strlen(m->hello.token));
	rand_hex(m->session, (SESSION_TEXT_SIZE - 1) / 2);
	memcpy(m->session_index, m->session, SESSION_INDEX_BYTES);
	HASH_ADD(hh_session, m->fleet->sessions, session_index, SESSION_INDEX_BYTES, m);
	m->fleet->counts.sessions++;
	m->seen = true;
	m->reset = m->snapshot = true;
	order_log_forget(&m->orders, m->orders.revision);
	free(m->bursts.item);
	m->bursts = (struct list){0};
}

/*
 * Whether BOOT was here before another boot took its place. A probe that is started again and again
 * is a new boot each time and never comes back; two programs with one token come back in turn.
 */
static bool comes_back(struct member *m, const struct id *boot)
{
	bool back = false;

	if (id_equal(&m->boot, boot))
		return false;
	for (int i = 0; i < PAST_BOOTS; i++)
		back |= id_equal(&m->past[i], boot);
	m->past[m->next_past++ % PAST_BOOTS] = m->boot;
	m->boot = *boot;
	return back;
}

/* Of two with one token neither is believed; REFUSED to both, until one has given up for a while. */
static bool has_twins(struct fleet *f, struct member *m, const struct probe *probe,
	const struct hello *hello, struct link_held *held)
{
	if (comes_back(m, &hello->boot)) {
		f->counts.takeovers++;
		verdicts_takeover(f->c->verdicts, probe);
	}
	if (!verdicts_twins(f->c->verdicts, probe->key))
		return false;
	end_session(m); /* their connections may stay: nothing that comes on them is believed */
	refuse(held, "twins",
		"another program uses this probe's token too, so that neither is believed; "
		"'quorate "
		"probe token NAME' makes a new one",
		hello);
	return true;
}

static void on_hello(struct fleet *f, struct link_held *held, struct hello *hello)
{
	struct probe *probe = registry_probe(f->c->registry, hello->probe);
	struct welcome welcome = {.heartbeat_ms = HEARTBEAT_MS, .now_wall_ms = clock_wall_ms()};
	struct member *m;

	if (hello->version != LINK_VERSION) {
		refuse(held, "version",
			"this coordinator speaks version 1 of the link; upgrade the older side",
			hello);
		return;
	}
	if (!probe || !registry_token_fits(probe, hello->token)) {
		refuse(held, "unauthorized",
			"no probe of this name is registered with this token; 'quorate probe add "
			"NAME' registers one, "
			"'quorate probe token NAME' makes a new token",
			hello);
		return;
	}
	m = get_member(f, probe->key);
	if (has_twins(f, m, probe, hello, held))
		return;
	begin_session(m, hello);
	mem_set(&m->token_hash, probe->token_hash);
	m->heard_wall_ms = welcome.now_wall_ms;
	log_info("probe.joined name=%s software=%s", probe->name, log_quote(m->hello.software));
	welcome.session = m->session;
	welcome.probe_id = probe->id;
	reply_message(held, MESSAGE_WELCOME, &welcome);
	if (probe->joined_wall_ms == UNSET)
		registry_probe_joined(f->c->registry, probe, welcome.now_wall_ms);
	verdicts_capable(f->c->verdicts, probe);
	verdicts_heard(f->c->verdicts, probe);
}

/* The member whose session this is, compared in constant time; NULL: a stale or invented one. */
static struct member *member_of_session(struct fleet *f, const char *session)
{
	struct member *m;

	if (!session || strlen(session) != SESSION_TEXT_SIZE - 1)
		return NULL;
	HASH_FIND(hh_session, f->sessions, session, SESSION_INDEX_BYTES, m);
	return m && bytes_equal(m->session, session, SESSION_TEXT_SIZE - 1) ? m : NULL;
}

/* ---- reports */

static void say_receipt(struct link_held *held, enum receipt_status status, const char *detail)
{
	struct receipt receipt = {
		.status = status, .detail = mem_strdup(detail), .now_wall_ms = clock_wall_ms()};

	reply_message(held, MESSAGE_RECEIPT, &receipt);
	free(receipt.detail);
}

/* Whether SEQUENCE is new; remembers it. What is older than the window counts as new: the store's
 * key tells repeats apart, and results that old do not vote. */
static bool window_take(struct member *m, int64_t sequence)
{
	uint8_t bit = (uint8_t)(1u << (sequence % 8));
	uint8_t *byte = &m->window[sequence % WINDOW / 8];

	if (sequence <= m->window_top - WINDOW)
		return true;
	for (; m->window_top < sequence && sequence - m->window_top <= WINDOW; m->window_top++) {
		int64_t next = m->window_top + 1;
		m->window[next % WINDOW / 8] &= (uint8_t) ~(1u << (next % 8));
	}
	if (m->window_top < sequence) {
		memset(m->window, 0, sizeof(m->window));
		m->window_top = sequence;
	}
	if (*byte & bit)
		return false;
	*byte |= bit;
	return true;
}

/*
 * False: there is no room to store it. A repeat does not vote again, but it is stored again (the store's key drops it
 * if it is there): the first one's receipt may have been lost, or its commit have failed.
 */
static bool take_result(struct fleet *f, struct member *m, const struct probe *probe,
	const struct result *r, struct store_batch *b)
{
	bool earlier = !id_is_zero(&r->boot) && !id_equal(&r->boot, &m->hello.boot);
	struct store_result row = {.probe = probe->id,
		.boot = earlier ? r->boot : m->hello.boot,
		.monitor = r->monitor,
		.sequence = r->sequence,
		.started_wall_ms = r->started_wall_ms,
		.verdict = r->verdict,
		.reason = r->reason};
	json_t *doc;
	char *text;

	bool repeat = !earlier && !window_take(m, r->sequence);

	f->counts.results++;
	m->results++;
	f->counts.duplicate_results += repeat;
	if (!registry_monitor(f->c->registry, &r->monitor))
		return true; /* deleted meanwhile: no history to fill */
	doc = schema_encode(&result_schema, SCHEMA_WIRE, r);
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	/* Of an earlier boot nobody knows the age for sure. */
	row.late =
		earlier || repeat || verdicts_result(f->c->verdicts, probe, r, text) == VOTE_LATE;
	f->counts.late_results += row.late && !repeat;
	row.document = text;
	bool room = store_results_queued(f->c->store) < RESULTS_QUEUED_MAX;
	if (room)
		store_add_result(b, &row);
	else
		f->counts.unstored_results++;
	free(text);
	return room;
}

static void receiving_free(struct receiving *w)
{
	DL_DELETE(w->fleet->receiving, w);
	timer_clear(&w->patience);
	free(w);
}

static void results_committed(void *arg, enum store_error error)
{
	struct receiving *w = arg;

	if (w->held)
		say_receipt(w->held,
			error == STORE_OK && !w->incomplete ? RECEIPT_STORED : RECEIPT_SEEN, NULL);
	receiving_free(w);
}

static void patience_over(void *arg)
{
	struct receiving *w = arg;

	say_receipt(w->held, RECEIPT_SEEN, NULL);
	w->held = NULL; /* the commit may still come; nobody waits for it */
}

static void note_spool(struct member *m, const struct probe *probe, const char *error)
{
	if (error && !m->spool_error)
		log_warning(
			"probe.spool name=%s error=%s", log_quote(probe->name), log_quote(error));
	mem_set(&m->spool_error, error);
}

static void on_report(struct fleet *f, struct link_held *held, struct report *report)
{
	struct member *m = member_of_session(f, report->session);
	struct probe *probe = m ? registry_probe_by_key(f->c->registry, m->key) : NULL;
	const struct result *results = report->results.item;
	struct receiving *w;
	struct store_batch *b;

	if (!probe) {
		say_receipt(held, RECEIPT_STALE_SESSION, NULL);
		return;
	}
	m->heard_wall_ms = clock_wall_ms();
	m->loop_lag_us = report->loop_lag_us;
	m->spooled = report->spooled;
	m->dropped = report->dropped;
	note_spool(m, probe, report->spool_error);
	verdicts_heard(f->c->verdicts, probe);
	if (report->results.n == 0) {
		say_receipt(held, RECEIPT_STORED, NULL);
		return;
	}
	w = mem_alloc(sizeof(*w));
	w->fleet = f;
	b = store_batch_new(f->c->store);
	for (size_t i = 0; i < report->results.n; i++)
		w->incomplete |= !take_result(f, m, probe, &results[i], b);
	w->held = held;
	timer_init(&w->patience, f->c->loop, patience_over, w);
	timer_set(&w->patience, STORE_PATIENCE_MS);
	DL_APPEND(f->receiving, w);
	store_submit(f->c->store, b, STORE_OR_FAIL, results_committed, w);
}

/* ---- polls */

static void on_poll(struct fleet *f, struct link_held *held, const struct poll *poll)
{
	struct member *m = member_of_session(f, poll->session);
	struct probe *probe = m ? registry_probe_by_key(f->c->registry, m->key) : NULL;

	if (!probe) {
		say_stale(held);
		return;
	}
	verdicts_heard(f->c->verdicts, probe);
	if (m->poll)
		link_drop(m->poll); /* its sender gave up on it */
	m->poll = held;
	m->poll_revision = poll->revision;
	if (poll->revision > 0 && !m->snapshot)
		order_log_forget(&m->orders, poll->revision);
	if (m->snapshot || m->bursts.n || poll->revision < m->orders.revision)
		send_orders(m);
	else
		timer_set(&m->answer, ORDERS_HOLD_MS);
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
		say_receipt(held, RECEIPT_INVALID, why);
	else
		say_stale(held);
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
		on_hello(f, held, &message->u.hello);
	else if (stream == LINK_REPORT && message->type == MESSAGE_REPORT)
		on_report(f, held, &message->u.report);
	else if (stream == LINK_ORDERS && message->type == MESSAGE_POLL)
		on_poll(f, held, &message->u.poll);
	else
		on_unusable(f, stream, held, "a message of this type has no place on this stream");
	message_free(message);
}

/* A session lives no longer than the token that it was opened with. */
static void probe_changed(struct fleet *f, const struct probe *probe)
{
	struct member *m = find_member(f, probe->key);

	if (!m || !m->token_hash || strcmp(m->token_hash, probe->token_hash) == 0)
		return;
	end_session(m);
	mem_set(&m->token_hash, NULL);
	memset(m->past, 0, sizeof(m->past));
	verdicts_renewed(f->c->verdicts, probe);
	log_info("probe.token_renewed name=%s", probe->name);
}

static void on_registry(void *arg, enum registry_change change, void *object)
{
	struct fleet *f = arg;
	const struct probe *probe = object;
	struct member *m;

	if (change == CHANGED_PROBE)
		probe_changed(f, probe);
	if (change != REMOVED_PROBE)
		return;
	if ((m = find_member(f, probe->key)))
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
		receiving_free(w);
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
	struct member *m = find_member(f, probe_key);

	if (m)
		end_session(m);
}

/* ---- for people */

const struct capabilities *fleet_capabilities(const struct fleet *f, uint32_t probe_key)
{
	const struct member *m = find_member(f, probe_key);

	return m && m->seen ? &m->hello.capabilities : NULL;
}

static enum standing standing_of(const struct fleet *f, const struct probe *p)
{
	enum probe_fault fault = verdicts_fault(f->c->verdicts, p->key);

	if (fault == FAULT_TWINS)
		return STANDING_TWINS;
	if (p->drained)
		return STANDING_DRAINED;
	if (p->joined_wall_ms == UNSET)
		return STANDING_NEVER_SEEN;
	return fault == FAULT_LOST ? STANDING_LOST : STANDING_VOTING;
}

void fleet_facts(const struct fleet *f, const struct probe *p, struct fleet_facts *out)
{
	const struct member *m = find_member(f, p->key);

	*out = (struct fleet_facts){.standing = STANDING_NEVER_SEEN, .heard_wall_ms = UNSET};
	out->standing = standing_of(f, p);
	if (!m)
		return;
	out->monitors = m->orders.n_assigned;
	if (!m->seen)
		return;
	out->heard_wall_ms = m->heard_wall_ms;
	out->software = m->hello.software;
	out->capabilities = &m->hello.capabilities;
	out->loop_lag_us = m->loop_lag_us;
	out->spooled = m->spooled;
	out->dropped = m->dropped;
	out->spool_error = m->spool_error;
	out->results = m->results;
}

void fleet_counts(const struct fleet *f, struct fleet_counts *out)
{
	*out = f->counts;
}
