// SPDX-License-Identifier: MIT
/*
 * A state machine with one writer (change()):
 *   WAITING --timer--> HELLO --welcome--> OPEN --stale_session--> WAITING …
 * A hello stays in flight for as long as it pays to wait: nanomsg delivers it as soon as the
 * coordinator is there, so that a long silence costs neither attempts nor time. Back-off is for a
 * coordinator that answers, but not with a session that lasts.
 *
 * Invariants: the report stream carries hello or one report; what is in flight there is the
 * backlog's flight. The session's text exists only while OPEN. Neither it nor the token is logged.
 */
#include "probe/agent.h"

#include "probe/backlog.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/link.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HELLO_WAIT_FROM      6    /* of the back-off's table: about 8 s, then longer */
#define REPORT_WAIT_MS       5000 /* the coordinator answers within 1 s, stored or not */
#define ORDERS_WAIT_MS       (ORDERS_HOLD_MS + 5000)
#define FIRST_ORDERS_WAIT_MS 5000 /* of a session: there is always something to say */
#define FLUSH_MS             200  /* the longest that a result waits for company */
#define SEEN_RETRY_MS        5000
#define NONSENSE_PAUSE_MS    1000 /* after a reply that makes no sense */
#define BUSY_PAUSE_MS        4000 /* after a report that was above our limits: they are those of seconds */
#define HISTORY_SLOW_MS      400 /* of a receipt: send less history with the next report */
#define HISTORY_MIN          20
#define HISTORY_MAX          250  /* in one report: reading it takes the loop some milliseconds */
#define SPOOL_TURN_MS        10   /* between two writes when there is much to write */
#define SETTLED_MS           2000 /* a session that lasted so long was a good one */
#define CLOCK_OFF_MS         60000
#define AGE_MAX_MS           (INT64_C(365) * 86400000) /* the table of results accepts a little more */

enum agent_state { AGENT_WAITING, AGENT_HELLO, AGENT_OPEN };
static const char *const state_names[] = {"waiting", "hello", "open"};

struct agent {
	struct loop *loop;
	struct link_client *link;
	struct agent_config config;
	struct agent_hooks hooks;
	struct id boot;
	struct backlog backlog;
	struct spool *spool; /* NULL: none */
	struct timer write;  /* to the spool */

	enum agent_state state;
	struct timer retry; /* WAITING: the next hello */
	int attempts;       /* answered, since the last session that settled */
	int silences;       /* hellos without any answer, in a row; OPEN: reports */
	bool silence_told;
	char *refusal; /* the last one logged */

	/* OPEN */
	char session[SESSION_TEXT_SIZE];
	int64_t opened_at_ms, heartbeat_ms;
	int64_t revision;    /* of the last orders */
	bool has_orders;     /* in this session */
	struct timer report; /* the next report */
	struct timer poll;   /* the next poll, after nonsense */
	int64_t reported_at_ms, flush_at_ms, not_before_ms, seen_retry_at_ms;
	size_t batch_max, batch; /* results per report: allowed, in flight */
	size_t history_max;      /* of them not fresh: less when receipts take long */

	bool pins_kept, pins_said; /* with the next report; with the one in flight */
	int64_t lag_us, clock_offset_ms;
	bool clock_off;
	void (*drained)(void *arg);
	void *drained_arg;
};

static void begin_session(struct agent *a, int64_t delay_ms, const char *why);
static void send_poll(struct agent *a);
static void plan_report(struct agent *a);
static void plan_write(struct agent *a, int64_t at_least_ms);

int64_t agent_backoff_ms(int attempt, uint64_t random)
{
	static const int64_t table_ms[] = {
		0, 300, 300, 1000, 2000, 4000, 8000, 16000, 32000, 60000};
	const int last = (int)ARRAY_LEN(table_ms) - 1;
	int64_t ms = table_ms[attempt < 0 ? 0 : attempt > last ? last : attempt];
	if (ms == 0)
		return 0;
	return ms * 4 / 5 + (int64_t)(random % (uint64_t)(ms * 2 / 5 + 1));
}

static void change(struct agent *a, enum agent_state state, const char *why)
{
	if (a->state == AGENT_OPEN || state == AGENT_OPEN)
		log_info("agent.session old=%s new=%s why=%s results_waiting=%" PRId64,
			state_names[a->state], state_names[state], log_quote(why),
			backlog_count(&a->backlog));
	else
		log_debug("agent.session old=%s new=%s why=%s", state_names[a->state],
			state_names[state], log_quote(why));
	a->state = state;
}

static void look_drained(struct agent *a)
{
	bool busy = a->state == AGENT_OPEN && (a->backlog.waiting || a->backlog.flight);
	if (!a->drained || busy)
		return;
	void (*done)(void *arg) = a->drained;
	a->drained = NULL;
	done(a->drained_arg);
}

/* The two clocks are compared with every message that carries the coordinator's. */
static void note_clock(struct agent *a, int64_t now_wall_ms)
{
	if (now_wall_ms < 0)
		return;
	a->clock_offset_ms = now_wall_ms - clock_wall_ms();
	bool off = a->clock_offset_ms > CLOCK_OFF_MS || a->clock_offset_ms < -CLOCK_OFF_MS;
	if (off != a->clock_off)
		log_warning("agent.clock off=%s offset_ms=%" PRId64, off ? "true" : "false",
			a->clock_offset_ms);
	a->clock_off = off;
}

/* ---- hello */

static void send_hello(struct agent *a)
{
	struct hello hello = {.version = LINK_VERSION, .boot = a->boot};
	hello.probe = mem_strdup(a->config.probe);
	hello.token = mem_strdup(a->config.token);
	hello.software = mem_strdup(a->config.software);
	a->hooks.capabilities(a->hooks.arg, &hello.capabilities);
	size_t size_bytes = 0;
	char *text = message_encode(MESSAGE_HELLO, &hello, &size_bytes);
	explicit_bzero(hello.token, strlen(hello.token));
	free(hello.probe);
	free(hello.token);
	free(hello.software);
	ensure(text); /* its parts are bounded far below the ceiling */

	int64_t wait_ms = agent_backoff_ms(HELLO_WAIT_FROM + a->silences, rand_below(UINT32_MAX));
	change(a, AGENT_HELLO, "attempt");
	ensure(link_client_send(a->link, LINK_REPORT, text, size_bytes, wait_ms) == 0);
	explicit_bzero(text, size_bytes);
	free(text);
}

static void retry_cb(void *arg)
{
	send_hello(arg);
}

/* Whatever there was is over; the next hello leaves in DELAY_MS. */
static void begin_session(struct agent *a, int64_t delay_ms, const char *why)
{
	link_client_cancel(a->link, LINK_REPORT);
	link_client_cancel(a->link, LINK_ORDERS);
	timer_stop(&a->report);
	timer_stop(&a->poll);
	backlog_flight_return(&a->backlog);
	explicit_bzero(a->session, sizeof a->session);
	change(a, AGENT_WAITING, why);
	timer_set(&a->retry, delay_ms);
	look_drained(a);
}

static void lose_session(struct agent *a, const char *why)
{
	if (clock_now_ms() - a->opened_at_ms >= SETTLED_MS)
		a->attempts = 0;
	begin_session(a, agent_backoff_ms(a->attempts, rand_below(UINT32_MAX)), why);
}

/* What is kept is said at once: the coordinator waits for it before it changes its key. */
static void note_pins(struct agent *a, const struct strings *pins)
{
	if (pins->n == 0 || !a->hooks.pins)
		return;
	a->pins_kept = a->hooks.pins(a->hooks.arg, pins);
	if (!a->pins_kept)
		return;
	a->reported_at_ms = clock_now_ms() - a->heartbeat_ms;
	plan_report(a);
}

static void on_welcome(struct agent *a, const struct welcome *welcome)
{
	memcpy(a->session, welcome->session, SESSION_TEXT_SIZE);
	a->heartbeat_ms = welcome->heartbeat_ms;
	a->opened_at_ms = clock_now_ms();
	a->revision = 0;
	a->has_orders = false;
	a->seen_retry_at_ms = a->not_before_ms = 0;
	a->silence_told = false;
	mem_set(&a->refusal, NULL);
	note_clock(a, welcome->now_wall_ms);
	backlog_renew(&a->backlog);
	change(a, AGENT_OPEN, "welcome");
	a->reported_at_ms = a->opened_at_ms - a->heartbeat_ms; /* the first report leaves at once */
	a->pins_kept = false;
	note_pins(a, &welcome->pins);
	plan_report(a);
	send_poll(a);
}

/* Said once per reason; asked again ever more slowly: an operator has to do something first. */
static void on_refused(struct agent *a, const struct refused *refused)
{
	char *refusal = mem_printf("%s: %s", refused->code, refused->detail ? refused->detail : "");
	if (!a->refusal || strcmp(a->refusal, refusal) != 0)
		log_error("agent.refused code=%s detail=%s", log_quote(refused->code),
			log_quote(refused->detail));
	free(a->refusal);
	a->refusal = refusal;
	begin_session(a, agent_backoff_ms(a->attempts + 2, rand_below(UINT32_MAX)), "refused");
}

static void on_nonsense(struct agent *a, enum link_stream stream, const char *what)
{
	int skipped = log_ratelimit("agent.nonsense", 60000);
	if (skipped >= 0)
		log_warning("agent.nonsense stream=%s error=%s skipped=%d",
			stream == LINK_REPORT ? "report" : "orders", log_quote(what), skipped);
	if (stream == LINK_ORDERS) {
		timer_set(&a->poll, NONSENSE_PAUSE_MS);
	} else if (a->state == AGENT_OPEN) {
		backlog_flight_return(&a->backlog);
		a->not_before_ms = clock_now_ms() + NONSENSE_PAUSE_MS;
		plan_report(a);
	} else {
		begin_session(
			a, agent_backoff_ms(a->attempts + 2, rand_below(UINT32_MAX)), "nonsense");
	}
}

static void tell_silence(struct agent *a, enum link_stream stream)
{
	if (a->hooks.silent)
		a->hooks.silent(a->hooks.arg, stream);
}

static void on_silence(struct agent *a)
{
	if (!a->silence_told)
		log_warning("agent.silence what=%s",
			log_quote("the coordinator does not answer; trying on"));
	a->silence_told = true;
	if (a->state == AGENT_HELLO) {
		a->silences++;
		tell_silence(a, LINK_REPORT);
		send_hello(a);
		return;
	}
	if (++a->silences > 1) /* once may be a busy moment */
		tell_silence(a, LINK_REPORT);
	backlog_flight_return(&a->backlog);
	plan_report(a);
}

/* ---- reports */

static void earlier(int64_t *at_ms, int64_t candidate_at_ms)
{
	if (candidate_at_ms < *at_ms)
		*at_ms = candidate_at_ms;
}

/* Sets the timer of the next report; when one is in flight its end plans the next. */
static void plan_report(struct agent *a)
{
	if (a->state != AGENT_OPEN || link_client_busy(a->link, LINK_REPORT))
		return;
	const struct backlog *b = &a->backlog;
	int64_t now_ms = clock_now_ms();
	int64_t at_ms = a->reported_at_ms + a->heartbeat_ms;
	if (b->waiting &&
		(backlog_urgent(b, now_ms) || b->n_waiting >= (int64_t)a->batch_max || a->drained))
		earlier(&at_ms, now_ms);
	else if (b->waiting)
		earlier(&at_ms, a->flush_at_ms);
	if (b->seen || (spool_waiting(a->spool) > 0 && !a->drained))
		earlier(&at_ms, a->seen_retry_at_ms);
	if (at_ms < a->not_before_ms)
		at_ms = a->not_before_ms;
	timer_set(&a->report, at_ms > now_ms ? at_ms - now_ms : 0);
}

/* The report with up to N results as text, or NULL: too large. */
static char *encode_report(
	struct agent *a, struct backlog_entry **entry, size_t n, size_t *size_bytes)
{
	int64_t now_ms = clock_now_ms();
	struct result *results = mem_array(n ? n : 1, sizeof *results);
	for (size_t i = 0; i < n; i++) {
		int64_t age_ms = now_ms - entry[i]->ended_at_ms;
		entry[i]->result.age_ms = age_ms < 0            ? 0
					  : age_ms < AGE_MAX_MS ? age_ms
								: AGE_MAX_MS;
		results[i] = entry[i]->result; /* borrowed */
	}
	struct report report = {.session = a->session,
		.sent_wall_ms = clock_wall_ms(),
		.loop_lag_us = a->lag_us,
		.spooled = backlog_count(&a->backlog) + a->backlog.n_lent - (int64_t)n,
		.dropped = backlog_dropped(&a->backlog),
		.spool_error = mem_strdup(spool_error(a->spool)),
		.pins_kept = a->pins_kept,
		.results = {.item = results, .n = n}};
	a->pins_said = report.pins_kept;
	char *text = message_encode(MESSAGE_REPORT, &report, size_bytes);
	free(report.spool_error);
	free(results);
	return text;
}

static void report_cb(void *arg)
{
	struct agent *a = arg;
	struct backlog_entry *entry[RESULTS_PER_REPORT_MAX];
	int64_t now_ms = clock_now_ms(), lag_us = loop_lag_us(a->loop);
	size_t n_history = now_ms >= a->seen_retry_at_ms ? a->history_max : 0;
	if (lag_us > a->lag_us)
		a->lag_us = lag_us;

	size_t size_bytes = 0;
	char *text;
	for (;;) {
		a->batch = backlog_take(&a->backlog, entry, a->batch_max, n_history, now_ms);
		text = encode_report(a, entry, a->batch, &size_bytes);
		if (text)
			break;
		if (a->batch == 1) {
			log_error("agent.result_too_large sequence=%" PRId64,
				entry[0]->result.sequence);
			backlog_flight_drop(&a->backlog);
			continue;
		}
		backlog_flight_return(&a->backlog);
		a->batch_max = (a->batch + 1) / 2;
	}
	ensure(link_client_send(a->link, LINK_REPORT, text, size_bytes, REPORT_WAIT_MS) == 0);
	explicit_bzero(text, size_bytes);
	free(text);
	a->reported_at_ms = now_ms;
	a->flush_at_ms = now_ms + FLUSH_MS;
	a->lag_us = 0;
}

/* A report that the coordinator cannot read must not come back for ever: what is to blame is found
 * by halves. */
static void on_invalid(struct agent *a, const char *detail)
{
	log_warning("agent.report_invalid results=%zu detail=%s", a->batch, log_quote(detail));
	if (a->batch <= 1) {
		backlog_flight_drop(&a->backlog);
	} else {
		backlog_flight_return(&a->backlog);
		a->batch_max = a->batch / 2;
	}
	a->not_before_ms = clock_now_ms() + FLUSH_MS;
}

/* Live votes wait for the receipt of the report before theirs: history must not make it slow. */
static void adapt_history(struct agent *a, int64_t took_ms)
{
	if (took_ms > HISTORY_SLOW_MS)
		a->history_max =
			a->history_max / 2 > HISTORY_MIN ? a->history_max / 2 : HISTORY_MIN;
	else
		a->history_max += a->history_max / 4;
	if (a->history_max > HISTORY_MAX)
		a->history_max = HISTORY_MAX;
}

static void on_taken(struct agent *a, bool stored)
{
	if (stored) {
		backlog_flight_stored(&a->backlog);
		if (a->batch > 0)
			a->seen_retry_at_ms = 0; /* the store is well: the rest may follow */
	} else {
		backlog_flight_seen(&a->backlog);
		a->seen_retry_at_ms = clock_now_ms() + SEEN_RETRY_MS;
	}
	adapt_history(a, clock_now_ms() - a->reported_at_ms);
	if (a->batch == a->batch_max && a->batch_max < RESULTS_PER_REPORT_MAX)
		a->batch_max = a->batch_max + a->batch_max / 4 + 1;
	if (a->batch_max > RESULTS_PER_REPORT_MAX)
		a->batch_max = RESULTS_PER_REPORT_MAX;
}

/* Nothing was taken: the coordinator holds us back, which an answer that waits should have done. */
static void on_busy(struct agent *a, const char *detail)
{
	int skipped = log_ratelimit("agent.busy", 60000);

	if (skipped >= 0)
		log_warning("agent.busy results=%zu detail=%s skipped=%d", a->batch,
			log_quote(detail), skipped);
	backlog_flight_return(&a->backlog);
	a->not_before_ms = clock_now_ms() + BUSY_PAUSE_MS;
}

static void on_receipt(struct agent *a, const struct receipt *receipt)
{
	note_clock(a, receipt->now_wall_ms);
	a->silence_told = false;
	switch ((enum receipt_status)receipt->status) {
	case RECEIPT_STALE_SESSION:
		lose_session(a, "stale session");
		return;
	case RECEIPT_INVALID:
		on_invalid(a, receipt->detail);
		break;
	case RECEIPT_BUSY:
		on_busy(a, receipt->detail);
		break;
	case RECEIPT_STORED:
	case RECEIPT_SEEN:
		a->pins_kept = a->pins_kept && !a->pins_said;
		on_taken(a, receipt->status == RECEIPT_STORED);
		break;
	}
	plan_report(a);
	look_drained(a);
}

/* ---- orders */

static void send_poll(struct agent *a)
{
	struct poll poll = {.session = a->session, .revision = a->revision};
	size_t size_bytes = 0;
	char *text = message_encode(MESSAGE_POLL, &poll, &size_bytes);
	ensure(text);
	int64_t wait_ms = a->has_orders ? ORDERS_WAIT_MS : FIRST_ORDERS_WAIT_MS;
	ensure(link_client_send(a->link, LINK_ORDERS, text, size_bytes, wait_ms) == 0);
	explicit_bzero(text, size_bytes);
	free(text);
}

static void poll_cb(void *arg)
{
	send_poll(arg);
}

static void on_orders(struct agent *a, const struct orders *orders)
{
	if (orders->stale_session) {
		lose_session(a, "stale session");
		return;
	}
	a->has_orders = true;
	a->revision = orders->revision;
	a->hooks.orders(a->hooks.arg, orders);
	note_pins(a, &orders->pins);
	send_poll(a);
}

/* ---- replies */

static void on_message(struct agent *a, enum link_stream stream, const struct message *m)
{
	if (stream == LINK_ORDERS && m->type == MESSAGE_ORDERS)
		on_orders(a, &m->u.orders);
	else if (stream == LINK_REPORT && a->state == AGENT_HELLO && m->type == MESSAGE_WELCOME)
		on_welcome(a, &m->u.welcome);
	else if (stream == LINK_REPORT && m->type == MESSAGE_REFUSED)
		on_refused(a, &m->u.refused);
	else if (stream == LINK_REPORT && a->state == AGENT_OPEN && m->type == MESSAGE_RECEIPT)
		on_receipt(a, &m->u.receipt);
	else
		on_nonsense(a, stream, message_type_names[m->type]);
}

static void reply_cb(
	void *arg, enum link_stream stream, int error, const void *data, size_t size_bytes)
{
	struct agent *a = arg;
	if (error) {
		if (stream == LINK_REPORT) {
			on_silence(a);
		} else {
			tell_silence(a, LINK_ORDERS);
			send_poll(a);
		}
		return;
	}
	if (a->state == AGENT_HELLO)
		a->attempts++;
	if (stream == LINK_REPORT)
		a->silences = 0;
	struct problems problems = {0};
	struct message *m = message_decode(data, size_bytes, &problems);
	if (m)
		on_message(a, stream, m);
	else
		on_nonsense(a, stream, problems.item[0].message);
	message_free(m);
}

/* ---- the spool */

/* The next write, in no less than AT_LEAST_MS: when the oldest result that is neither stored nor on
 * disk is old enough. */
static void plan_write(struct agent *a, int64_t at_least_ms)
{
	int64_t at_ms = backlog_spool_at_ms(&a->backlog);
	if (at_ms == INT64_MAX)
		return;
	int64_t delay_ms = at_ms - clock_now_ms();
	timer_set(&a->write, delay_ms > at_least_ms ? delay_ms : at_least_ms);
}

static void write_cb(void *arg)
{
	struct agent *a = arg;
	int64_t now_ms = clock_now_ms();
	if (backlog_spool_at_ms(&a->backlog) <= now_ms)
		backlog_spool(&a->backlog, now_ms);
	plan_write(a, SPOOL_TURN_MS);
}

/* ---- the agent */

int agent_open(struct agent **out, struct loop *loop, const struct agent_config *config,
	const struct agent_hooks *hooks)
{
	struct agent *a = mem_alloc(sizeof *a);
	*a = (struct agent){.loop = loop, .config = *config, .hooks = *hooks, .boot = id_new()};
	a->batch_max = RESULTS_PER_REPORT_MAX;
	a->history_max = HISTORY_MAX / 2;
	backlog_init(&a->backlog, config->results_max);
	a->spool = spool_open(config->state_dir, config->probe, config->spool_max_bytes);
	backlog_use_spool(&a->backlog, a->spool, &a->boot);
	timer_init(&a->write, loop, write_cb, a);
	timer_init(&a->retry, loop, retry_cb, a);
	timer_init(&a->report, loop, report_cb, a);
	timer_init(&a->poll, loop, poll_cb, a);
	if (link_client_open(
		    &a->link, loop, config->report_address, config->orders_address, reply_cb, a)) {
		agent_close(a);
		return -1;
	}
	timer_set(&a->retry, 0);
	*out = a;
	return 0;
}

void agent_close(struct agent *a)
{
	if (!a)
		return;
	link_client_close(a->link);
	timer_clear(&a->retry);
	timer_clear(&a->report);
	timer_clear(&a->poll);
	timer_clear(&a->write);
	backlog_spool_all(&a->backlog, clock_now_ms());
	backlog_clear(&a->backlog);
	spool_close(a->spool);
	free(a->refusal);
	explicit_bzero(a->session, sizeof a->session);
	free(a);
}

void agent_add(struct agent *a, struct result *take, int64_t ended_at_ms)
{
	if (take->loop_lag_us > a->lag_us)
		a->lag_us = take->loop_lag_us;
	if (!a->backlog.waiting)
		a->flush_at_ms = clock_now_ms() + FLUSH_MS;
	backlog_add(&a->backlog, take, ended_at_ms);
	if (!timer_is_set(&a->write))
		plan_write(a, 0);
	plan_report(a);
}

void agent_forget(struct agent *a, const struct id *monitor)
{
	backlog_forget(&a->backlog, monitor);
}

void agent_renew(struct agent *a)
{
	if (a->state != AGENT_WAITING) /* else the next hello says it anyway */
		begin_session(a, 0, "capabilities changed");
}

void agent_set_results_max(struct agent *a, int64_t results_max)
{
	backlog_set_max(&a->backlog, results_max);
}

void agent_set_spool_max(struct agent *a, int64_t max_bytes)
{
	if (a->spool && max_bytes > 0)
		spool_set_max(a->spool, max_bytes);
	else
		log_warning("probe.conf key=spool_max note=\"takes effect at the next start\"");
}

void agent_age(struct agent *a, int64_t gap_ms)
{
	backlog_age(&a->backlog, gap_ms);
}

void agent_drain(struct agent *a, void (*done)(void *arg), void *arg)
{
	a->drained = done;
	a->drained_arg = arg;
	plan_report(a);
	look_drained(a);
}

bool agent_in_session(const struct agent *a)
{
	return a->state == AGENT_OPEN;
}

int64_t agent_clock_offset_ms(const struct agent *a)
{
	return a->clock_offset_ms;
}
