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
#include "probe/agent_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/link.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HELLO_WAIT_FROM      6 /* of the back-off's table: about 8 s, then longer */
#define ORDERS_WAIT_MS       (ORDERS_HOLD_MS + 5000)
#define FIRST_ORDERS_WAIT_MS 5000 /* of a session: there is always something to say */
#define NONSENSE_PAUSE_MS    1000 /* after a reply that makes no sense */
#define SETTLED_MS           2000 /* a session that lasted so long was a good one */
#define CLOCK_OFF_MS         60000

static const char *const state_names[] = {"waiting", "hello", "open"};

static void begin_session(struct agent *a, int64_t delay_ms, const char *why);
static void send_poll(struct agent *a);

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

void agent_look_drained(struct agent *a)
{
	bool busy = a->state == AGENT_OPEN && (a->backlog.waiting || a->backlog.flight);
	if (!a->drained || busy)
		return;
	void (*done)(void *arg) = a->drained;
	a->drained = NULL;
	done(a->drained_arg);
}

/* The two clocks are compared with every message that carries the coordinator's. */
void agent_note_clock(struct agent *a, int64_t now_wall_ms)
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
	a->n_suspicions = 0;
	explicit_bzero(a->session, sizeof a->session);
	change(a, AGENT_WAITING, why);
	timer_set(&a->retry, delay_ms);
	agent_look_drained(a);
}

void agent_lose_session(struct agent *a, const char *why)
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
	agent_plan_report(a);
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
	agent_note_clock(a, welcome->now_wall_ms);
	backlog_renew(&a->backlog);
	change(a, AGENT_OPEN, "welcome");
	a->reported_at_ms = a->opened_at_ms - a->heartbeat_ms; /* the first report leaves at once */
	a->pins_kept = false;
	note_pins(a, &welcome->pins);
	agent_plan_report(a);
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
		agent_plan_report(a);
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
	agent_plan_report(a);
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
		agent_lose_session(a, "stale session");
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
		agent_on_receipt(a, &m->u.receipt);
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
	timer_init(&a->write, loop, agent_write_cb, a);
	timer_init(&a->retry, loop, retry_cb, a);
	timer_init(&a->report, loop, agent_report_cb, a);
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
		agent_plan_write(a, 0);
	agent_plan_report(a);
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
	agent_plan_report(a);
	agent_look_drained(a);
}

bool agent_in_session(const struct agent *a)
{
	return a->state == AGENT_OPEN;
}

int64_t agent_clock_offset_ms(const struct agent *a)
{
	return a->clock_offset_ms;
}
