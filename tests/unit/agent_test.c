// SPDX-License-Identifier: MIT
/* The agent against a scripted coordinator in the same loop, over the real link. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/agent.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUARD_MS    15000
#define REPORTS_MAX 600
#define TOKEN       "token-0123456789abcdef"

struct seen_report {
	int session;
	size_t n;
	int64_t sequence[RESULTS_PER_REPORT_MAX];
	int64_t age_ms, spooled, dropped;
	struct id boot; /* of the last result */
	bool spool_failed, pins_kept;
	size_t suspicions;
	int64_t at_ms;
};

struct world {
	char dir[32], report[64], orders[64];
	struct loop *loop;
	struct agent *agent;
	struct timer guard, tick;
	bool (*done)(struct world *w, int n);
	int n;

	/* the coordinator */
	struct link_server *server;
	int session; /* number of the open one; 0: none */
	int hellos, polls;
	struct hello last_hello;
	const char *state_dir; /* with it the probe has a spool */
	bool refuse, nonsense;
	int status; /* of receipts */
	bool hold;  /* reports are not answered */
	struct link_held *held_report, *held_poll;
	int64_t poll_revision;
	int64_t poison; /* reports with this sequence are invalid */
	int64_t clock_offset_ms;
	struct seen_report *reports;
	int n_reports;
	char *pins_in_welcome; /* NULL: none */
	int stored[20000];     /* times that each sequence was answered with stored */

	/* the probe */
	int silent[LINK_STREAM_COUNT]; /* times that it was told */
	int orders_applied;
	int64_t orders_revision;
	bool drained;
	int pins_told;
	bool keeps_pins;
};

/* ---- the coordinator */

static void session_text(int session, char out[SESSION_TEXT_SIZE])
{
	snprintf(out, SESSION_TEXT_SIZE, "%032x", (unsigned)session);
}

static void reply(struct link_held *held, enum message_type type, const void *message)
{
	size_t size_bytes;
	char *text = message_encode(type, message, &size_bytes);
	assert_non_null(text);
	link_reply(held, text, size_bytes);
	free(text);
}

static bool is_current(struct world *w, const char *session)
{
	char text[SESSION_TEXT_SIZE];
	session_text(w->session, text);
	return w->session && strcmp(text, session) == 0;
}

static void say_receipt(struct world *w, struct link_held *held, int status)
{
	struct receipt receipt = {
		.status = status, .now_wall_ms = clock_wall_ms() + w->clock_offset_ms};
	reply(held, MESSAGE_RECEIPT, &receipt);
}

static void on_hello(struct world *w, struct link_held *held, struct hello *hello)
{
	w->hellos++;
	schema_clear(&hello_schema, &w->last_hello);
	w->last_hello = *hello;
	*hello = (struct hello){0};
	if (w->refuse) {
		struct refused refused = {
			.code = mem_strdup("unauthorized"), .detail = mem_strdup("no such probe")};
		reply(held, MESSAGE_REFUSED, &refused);
		schema_clear(&refused_schema, &refused);
		return;
	}
	static int sessions;
	char text[SESSION_TEXT_SIZE];
	w->session = ++sessions;
	session_text(w->session, text);
	struct welcome welcome = {.session = text,
		.probe_id = id_new(),
		.heartbeat_ms = 1000,
		.now_wall_ms = clock_wall_ms()};
	if (w->pins_in_welcome)
		welcome.pins = (struct strings){.item = &w->pins_in_welcome, .n = 1};
	reply(held, MESSAGE_WELCOME, &welcome);
}

static void on_report(struct world *w, struct link_held *held, const struct report *report)
{
	if (!is_current(w, report->session)) {
		say_receipt(w, held, RECEIPT_STALE_SESSION);
		return;
	}
	assert_true(w->n_reports < REPORTS_MAX);
	struct seen_report *s = &w->reports[w->n_reports++];
	*s = (struct seen_report){
		.session = w->session, .n = report->results.n, .at_ms = clock_now_ms()};
	s->spooled = report->spooled;
	s->dropped = report->dropped;
	s->spool_failed = report->spool_error != NULL;
	s->pins_kept = report->pins_kept;
	s->suspicions = report->suspicions.n;
	const struct result *r = report->results.item;
	int status = w->status;
	for (size_t i = 0; i < s->n; i++) {
		s->sequence[i] = r[i].sequence;
		s->age_ms = r[i].age_ms;
		s->boot = r[i].boot;
		if (r[i].sequence == w->poison)
			status = RECEIPT_INVALID;
	}
	for (size_t i = 0; i < s->n && status == RECEIPT_STORED && !w->hold; i++)
		w->stored[r[i].sequence]++;
	if (w->hold)
		w->held_report = held;
	else if (w->nonsense)
		link_reply(held, "{\"type\":\"fog\"}", 14);
	else
		say_receipt(w, held, status);
}

static void on_poll(struct world *w, struct link_held *held, const struct poll *poll)
{
	w->polls++;
	if (!is_current(w, poll->session)) {
		struct orders orders = {.stale_session = true};
		reply(held, MESSAGE_ORDERS, &orders);
		return;
	}
	w->poll_revision = poll->revision;
	w->held_poll = held;
}

static void request_cb(void *arg, enum link_stream stream, struct link_held *held, const void *data,
	size_t size_bytes)
{
	struct world *w = arg;
	struct problems problems = {0};
	struct message *m = message_decode(data, size_bytes, &problems);
	if (!m)
		fail_msg("%s: %s", problems.item[0].path, problems.item[0].message);
	if (m->type == MESSAGE_POLL)
		assert_int_equal(stream, LINK_ORDERS);
	else
		assert_int_equal(stream, LINK_REPORT);
	if (m->type == MESSAGE_HELLO)
		on_hello(w, held, &m->u.hello);
	else if (m->type == MESSAGE_REPORT)
		on_report(w, held, &m->u.report);
	else if (m->type == MESSAGE_POLL)
		on_poll(w, held, &m->u.poll);
	else
		fail_msg("a probe never says %s", message_type_names[m->type]);
	message_free(m);
	if (w->done && w->done(w, w->n))
		loop_stop(w->loop);
}

static void serve(struct world *w)
{
	assert_int_equal(
		link_server_open(&w->server, w->loop, w->report, w->orders, request_cb, w), 0);
}

static void stop_serving(struct world *w)
{
	link_server_close(w->server);
	w->server = NULL;
	w->held_poll = w->held_report = NULL;
	w->session = 0;
}

/* ---- the probe */

static void orders_hook(void *arg, const struct orders *orders)
{
	struct world *w = arg;
	w->orders_applied++;
	w->orders_revision = orders->revision;
}

static void capabilities_hook(void *arg, struct capabilities *out)
{
	(void)arg;
	static char tcp[] = "tcp";
	static char *types[] = {tcp};
	out->ipv4 = true;
	out->types = (struct strings){.item = types, .n = 1};
	out->min_interval_ms = 5000;
}

static void drained_cb(void *arg)
{
	((struct world *)arg)->drained = true;
}

static struct result make(int monitor, enum verdict verdict)
{
	struct result r = {.verdict = (int)verdict,
		.reason = verdict == VERDICT_DOWN ? REASON_TCP_REFUSED : REASON_OK,
		.monitor_revision = 1,
		.started_wall_ms = clock_wall_ms(),
		.phases = {UNSET, UNSET, UNSET, UNSET, UNSET, UNSET},
		.status = UNSET,
		.bytes = UNSET,
		.certificate = CERTIFICATE_NONE,
		.ping = PING_NONE};
	r.monitor = (struct id){.byte = {1, 2, 3, 4, 5, 6, 0x70, 8, 0x80}};
	r.monitor.byte[15] = (uint8_t)monitor;
	r.monitor.byte[14] = (uint8_t)(monitor >> 8);
	return r;
}

static void add(struct world *w, int monitor, enum verdict verdict)
{
	struct result r = make(monitor, verdict);
	agent_add(w->agent, &r, clock_now_ms());
}

static void silent_cb(void *arg, enum link_stream stream)
{
	struct world *w = arg;
	w->silent[stream]++;
}

static char pin_a[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	    pin_b[] = "sha256//BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

static bool pins_hook(void *arg, const struct strings *pins)
{
	struct world *w = arg;
	assert_int_equal(pins->n, 1);
	assert_string_equal(pins->item[0], w->pins_told == 0 ? pin_a : pin_b);
	w->pins_told++;
	return w->keeps_pins;
}

static void start_probe(struct world *w, int64_t results_max)
{
	struct agent_config config = {.probe = "tokyo-1",
		.token = TOKEN,
		.software = "quorate-probe/test",
		.report_address = w->report,
		.orders_address = w->orders,
		.results_max = results_max,
		.state_dir = w->state_dir,
		.spool_max_bytes = w->state_dir ? 1 << 20 : 0};
	struct agent_hooks hooks = {.orders = orders_hook,
		.capabilities = capabilities_hook,
		.pins = pins_hook,
		.silent = silent_cb,
		.arg = w};
	assert_int_equal(agent_open(&w->agent, w->loop, &config, &hooks), 0);
}

/* ---- waiting for conditions */

static void guard_cb(void *arg)
{
	(void)arg;
	fail_msg("waited %d ms in vain", GUARD_MS);
}

static void tick_cb(void *arg)
{
	struct world *w = arg;
	if (w->done && w->done(w, w->n))
		loop_stop(w->loop);
	timer_set(&w->tick, 5);
}

static void wait_for(struct world *w, bool (*done)(struct world *w, int n), int n)
{
	w->done = done;
	w->n = n;
	timer_set(&w->guard, GUARD_MS);
	timer_set(&w->tick, 0);
	loop_run(w->loop);
	timer_stop(&w->guard);
	timer_stop(&w->tick);
	w->done = NULL;
}

static bool reports_n(struct world *w, int n)
{
	return w->n_reports >= n;
}

static bool hellos_n(struct world *w, int n)
{
	return w->hellos >= n;
}

static bool polled(struct world *w, int n)
{
	(void)n;
	return w->held_poll != NULL;
}

static bool stored_upto(struct world *w, int n)
{
	for (int i = 1; i <= n; i++)
		if (!w->stored[i] && i != w->poison)
			return false;
	return true;
}

static bool sequence_reported(struct world *w, int n)
{
	for (int i = 0; i < w->n_reports; i++)
		for (size_t k = 0; k < w->reports[i].n; k++)
			if (w->reports[i].sequence[k] == n)
				return true;
	return false;
}

static bool is_drained(struct world *w, int n)
{
	(void)n;
	return w->drained;
}

static bool in_session(struct world *w, int n)
{
	(void)n;
	return agent_in_session(w->agent) && w->n_reports > 0;
}

static int64_t until_at_ms;
static bool time_is_over(struct world *w, int n)
{
	(void)w;
	(void)n;
	return clock_now_ms() >= until_at_ms;
}

static void let_pass(struct world *w, int64_t ms)
{
	until_at_ms = clock_now_ms() + ms;
	wait_for(w, time_is_over, 0);
}

static void expect_report(struct world *w, int i, const char *expected)
{
	char text[256] = "";
	assert_true(i < w->n_reports);
	for (size_t k = 0; k < w->reports[i].n && k < 30; k++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", k ? " " : "",
			(int)w->reports[i].sequence[k]);
	assert_string_equal(text, expected);
}

static int set_up(void **state)
{
	struct world *w = mem_alloc(sizeof *w);
	w->reports = mem_array(REPORTS_MAX, sizeof *w->reports);
	strcpy(w->dir, "/tmp/qagent-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->report, sizeof w->report, "ipc://%s/report", w->dir);
	snprintf(w->orders, sizeof w->orders, "ipc://%s/orders", w->dir);
	w->loop = loop_new();
	timer_init(&w->guard, w->loop, guard_cb, w);
	timer_init(&w->tick, w->loop, tick_cb, w);
	w->status = RECEIPT_STORED;
	w->poison = -1;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	agent_close(w->agent);
	link_server_close(w->server);
	schema_clear(&hello_schema, &w->last_hello);
	timer_clear(&w->guard);
	timer_clear(&w->tick);
	loop_free(w->loop);
	unlink(w->report + 6);
	unlink(w->orders + 6);
	char command[64];
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w->reports);
	free(w);
	return 0;
}

/* Both ends up, the empty first report taken. */
static struct world *talking(void **state)
{
	struct world *w = *state;
	serve(w);
	start_probe(w, 1000);
	wait_for(w, polled, 0);
	wait_for(w, reports_n, 1);
	return w;
}

/* ---- tests */

static void backoff_is_quick_thrice_and_then_slow(void **state)
{
	(void)state;
	const struct {
		int attempt;
		int64_t least_ms, most_ms;
	} table[] = {{0, 0, 0}, {1, 240, 360}, {2, 240, 360}, {3, 800, 1200}, {4, 1600, 2400},
		{8, 25600, 38400}, {9, 48000, 72000}, {10, 48000, 72000}, {1000000, 48000, 72000},
		{-1, 0, 0}};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int64_t least = INT64_MAX, most = -1;
		for (uint64_t random = 0; random < 100000; random += 7) {
			int64_t ms = agent_backoff_ms(table[i].attempt, random);
			least = ms < least ? ms : least;
			most = ms > most ? ms : most;
		}
		assert_true(least >= table[i].least_ms && most <= table[i].most_ms);
		assert_true(most - least >=
			    (table[i].most_ms - table[i].least_ms) * 9 / 10); /* it spreads */
	}
}

static void a_session_opens(void **state)
{
	struct world *w = talking(state);
	assert_int_equal(w->hellos, 1);
	assert_int_equal(w->last_hello.version, LINK_VERSION);
	assert_string_equal(w->last_hello.probe, "tokyo-1");
	assert_string_equal(w->last_hello.token, TOKEN);
	assert_false(id_is_zero(&w->last_hello.boot));
	assert_true(w->last_hello.capabilities.ipv4);
	assert_false(w->last_hello.capabilities.ipv6);
	assert_int_equal(w->last_hello.capabilities.types.n, 1);
	assert_int_equal(w->last_hello.capabilities.min_interval_ms, 5000);
	assert_int_equal(w->poll_revision, 0);
	assert_int_equal(w->reports[0].n, 0);
	assert_true(agent_in_session(w->agent));
}

/* Said at once, and once: the coordinator waits for it. */
static void pins_that_are_kept_are_said(void **state)
{
	struct world *w = *state;
	w->pins_in_welcome = pin_a;
	w->keeps_pins = true;
	(void)talking(state);
	assert_int_equal(w->pins_told, 1);
	assert_true(w->reports[0].pins_kept);
	wait_for(w, reports_n, 2);
	assert_false(w->reports[1].pins_kept);
	struct orders orders = {.revision = 1, .pins = {.item = (char *[]){pin_b}, .n = 1}};
	int64_t told_at_ms = clock_now_ms();
	reply(w->held_poll, MESSAGE_ORDERS, &orders);
	wait_for(w, reports_n, 3);
	assert_int_equal(w->pins_told, 2);
	assert_true(w->reports[2].pins_kept);
	assert_true(w->reports[2].at_ms - told_at_ms < 500);
	wait_for(w, reports_n, 4);
	assert_false(w->reports[3].pins_kept);
}

static void pins_that_are_not_kept_are_not_said(void **state)
{
	struct world *w = *state;
	w->pins_in_welcome = pin_a;
	(void)talking(state);
	wait_for(w, reports_n, 2);
	assert_int_equal(w->pins_told, 1);
	assert_false(w->reports[0].pins_kept || w->reports[1].pins_kept);
}

static void heartbeats_come_when_there_is_nothing_to_say(void **state)
{
	struct world *w = talking(state);
	wait_for(w, reports_n, 3);
	assert_int_equal(w->reports[2].n, 0);
	int64_t between_ms = w->reports[2].at_ms - w->reports[1].at_ms;
	assert_true(between_ms >= 900 && between_ms < 1500);
}

static void a_failure_leaves_at_once_and_first(void **state)
{
	struct world *w = talking(state);
	int64_t began_at_ms = clock_now_ms();
	add(w, 1, VERDICT_DOWN);
	wait_for(w, reports_n, 2);
	assert_true(w->reports[1].at_ms - began_at_ms < 150); /* not the 200 ms of the others */
	expect_report(w, 1, "1");
	w->hold = true;
	add(w, 2, VERDICT_DOWN);
	wait_for(w, reports_n, 3);
	add(w, 3, VERDICT_UP);
	add(w, 4, VERDICT_DOWN);
	add(w, 5, VERDICT_UP);
	w->hold = false;
	say_receipt(w, w->held_report, RECEIPT_STORED);
	wait_for(w, reports_n, 4);
	expect_report(w, 3, "4 5 3");
}

static void a_suspicion_leaves_at_once_and_once(void **state)
{
	struct world *w = talking(state);
	const struct suspicion s = {.monitor = id_new(), .monitor_revision = 1, .waited_ms = 1500};
	int64_t began_at_ms = clock_now_ms();
	agent_suspect(w->agent, &s);
	wait_for(w, reports_n, 2);
	assert_true(w->reports[1].at_ms - began_at_ms < 150);
	assert_int_equal(w->reports[1].suspicions, 1);
	wait_for(w, reports_n, 3);
	assert_int_equal(w->reports[2].suspicions, 0);
	w->hold = true; /* more of them than fit into one report */
	add(w, 1, VERDICT_DOWN);
	wait_for(w, reports_n, 4);
	for (int i = 0; i < SUSPICIONS_PER_REPORT_MAX + 1; i++)
		agent_suspect(w->agent, &s);
	w->hold = false;
	say_receipt(w, w->held_report, RECEIPT_STORED);
	wait_for(w, reports_n, 5);
	assert_int_equal(w->reports[4].suspicions, SUSPICIONS_PER_REPORT_MAX);
}

/* One report without an answer may be a busy moment of the coordinator's. */
static void silence_is_told_when_it_lasts(void **state)
{
	struct world *w = talking(state);
	w->hold = true;
	add(w, 1, VERDICT_DOWN);
	wait_for(w, reports_n, 3);
	assert_int_equal(w->silent[LINK_REPORT], 0);
	wait_for(w, reports_n, 4);
	assert_int_equal(w->silent[LINK_REPORT], 1);
	assert_true(w->silent[LINK_ORDERS] >= 1); /* nobody answers a poll here */
}

static void others_wait_for_company(void **state)
{
	struct world *w = talking(state);
	for (int i = 1; i <= 3; i++) {
		add(w, i, VERDICT_UP);
		let_pass(w, 20);
	}
	assert_int_equal(w->n_reports, 1);
	wait_for(w, reports_n, 2);
	expect_report(w, 1, "3 2 1");
	assert_true(w->reports[1].age_ms >= 150 && w->reports[1].age_ms < 1000); /* of the oldest */
}

static void seen_is_sent_again_and_stored_is_not(void **state)
{
	struct world *w = talking(state);
	w->status = RECEIPT_SEEN;
	add(w, 1, VERDICT_DOWN);
	wait_for(w, reports_n, 2);
	expect_report(w, 1, "1");
	w->status = RECEIPT_STORED;
	add(w, 2, VERDICT_DOWN);
	wait_for(w, stored_upto, 2);
	expect_report(w, 2, "2");
	expect_report(w, 3, "1"); /* under its old number; a heartbeat may not come between */
	wait_for(w, reports_n, 5);
	assert_int_equal(w->reports[4].n, 0);
	assert_int_equal(w->reports[4].spooled, 0);
	assert_int_equal(w->stored[1], 1);
	assert_int_equal(w->stored[2], 1);
}

static void a_stale_session_starts_over_with_the_newest_of_each(void **state)
{
	struct world *w = talking(state);
	add(w, 1, VERDICT_DOWN); /* 1 */
	wait_for(w, stored_upto, 1);
	add(w, 2, VERDICT_DOWN); /* 2 */
	add(w, 1, VERDICT_DOWN); /* 3 */
	add(w, 3, VERDICT_DOWN); /* 4 */
	wait_for(w, stored_upto, 4);
	struct id gone = make(3, VERDICT_UP).monitor;
	agent_forget(w->agent, &gone);
	w->session = 0;
	int before = w->n_reports;
	add(w, 4, VERDICT_UP); /* 5: the report that finds out */
	wait_for(w, hellos_n, 2);
	wait_for(w, reports_n, before + 1);
	expect_report(w, before, "5 3 2");
	struct id boot = w->last_hello.boot;
	assert_false(id_is_zero(&boot));
}

static void orders_are_applied_and_acknowledged(void **state)
{
	struct world *w = talking(state);
	struct orders orders = {.revision = 7, .reset = true, .complete = true};
	struct link_held *held = w->held_poll;
	w->held_poll = NULL;
	reply(held, MESSAGE_ORDERS, &orders);
	wait_for(w, polled, 0);
	assert_int_equal(w->orders_applied, 1);
	assert_int_equal(w->orders_revision, 7);
	assert_int_equal(w->poll_revision, 7);

	held = w->held_poll;
	w->held_poll = NULL;
	w->session = 0;
	orders = (struct orders){.stale_session = true};
	reply(held, MESSAGE_ORDERS, &orders);
	wait_for(w, polled, 0);
	assert_int_equal(w->hellos, 2);
	assert_int_equal(w->orders_applied, 1);
	assert_int_equal(w->poll_revision, 0);
}

static void a_killed_coordinator_loses_nothing(void **state)
{
	struct world *w = talking(state);
	w->hold = true;
	add(w, 1, VERDICT_DOWN);
	wait_for(w, reports_n, 2); /* in flight, unanswered */
	stop_serving(w);
	add(w, 2, VERDICT_UP);
	add(w, 3, VERDICT_DOWN);
	let_pass(w, 300);
	w->hold = false;
	serve(w);
	wait_for(w, stored_upto, 3);
	assert_int_equal(w->hellos, 2);
	expect_report(w, 2, "3 2 1");
	assert_int_equal(w->reports[2].session, w->session);
	wait_for(w, reports_n, 4);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(w->stored[i], 1);
}

static void a_probe_may_be_first(void **state)
{
	struct world *w = *state;
	start_probe(w, 1000);
	add(w, 1, VERDICT_UP);
	let_pass(w, 250);
	serve(w);
	wait_for(w, stored_upto, 1);
	assert_int_equal(w->hellos, 1);
}

static void an_invalid_report_costs_one_result(void **state)
{
	struct world *w = talking(state);
	w->poison = 5;
	for (int i = 1; i <= 9; i++)
		add(w, i, VERDICT_UP);
	wait_for(w, stored_upto, 9); /* all but the poison */
	assert_true(sequence_reported(w, 5));
	int before = w->n_reports;
	wait_for(w, reports_n, before + 1);
	while (w->reports[w->n_reports - 1].n)
		wait_for(w, reports_n, w->n_reports + 1);
	assert_int_equal(w->reports[w->n_reports - 1].dropped, 1);
	assert_int_equal(w->stored[5], 0);
}

/* Above its limits: nothing was taken and nothing is lost, and it does not ask again at once. */
static void a_busy_coordinator_is_given_time(void **state)
{
	struct world *w = talking(state);
	w->status = RECEIPT_BUSY;
	add(w, 1, VERDICT_DOWN);
	wait_for(w, reports_n, 2);
	w->status = RECEIPT_STORED;
	add(w, 2, VERDICT_DOWN); /* a failure does not wait, otherwise */
	let_pass(w, 3000);
	assert_int_equal(w->n_reports, 2);
	wait_for(w, stored_upto, 2);
	expect_report(w, 2, "2 1");
	assert_int_equal(w->hellos, 1);
}

static void a_refusal_is_asked_again(void **state)
{
	struct world *w = *state;
	w->refuse = true;
	serve(w);
	start_probe(w, 1000);
	wait_for(w, hellos_n, 1);
	int64_t began_at_ms = clock_now_ms();
	assert_false(agent_in_session(w->agent));
	wait_for(w, hellos_n, 2);
	assert_true(clock_now_ms() - began_at_ms >= 700);
	w->refuse = false;
	wait_for(w, in_session, 0);
	assert_int_equal(w->hellos, 3);
}

static void nonsense_makes_no_storm(void **state)
{
	struct world *w = talking(state);
	w->nonsense = true;
	add(w, 1, VERDICT_DOWN);
	wait_for(w, reports_n, 2);
	let_pass(w, 500);
	assert_int_equal(w->n_reports, 2);
	w->nonsense = false;
	wait_for(w, stored_upto, 1);
	assert_int_equal(w->hellos, 1);
}

/* Two probes with one token: each log-in ends the other's session. */
static void a_session_that_never_lasts_makes_no_storm(void **state)
{
	struct world *w = talking(state);
	int64_t began_at_ms = clock_now_ms();
	for (int i = 2; i <= 4; i++) {
		w->session = 0;
		add(w, 1, VERDICT_DOWN);
		wait_for(w, hellos_n, i);
		wait_for(w, in_session, 0);
	}
	int64_t took_ms = clock_now_ms() - began_at_ms;
	assert_true(took_ms >= 240 + 240 + 800);
}

static void large_results_are_split(void **state)
{
	struct world *w = talking(state);
	char detail[RESULT_DETAIL_MAX_BYTES + 1], excerpt[BODY_EXCERPT_MAX_BYTES + 1];
	memset(detail, 'd', sizeof detail - 1);
	memset(excerpt, 'e', sizeof excerpt - 1);
	detail[sizeof detail - 1] = excerpt[sizeof excerpt - 1] = 0;
	for (int i = 1; i <= 600; i++) {
		struct result r = make(i, VERDICT_DOWN);
		r.detail = mem_strdup(detail);
		r.body_excerpt = mem_strdup(excerpt);
		agent_add(w->agent, &r, clock_now_ms());
	}
	wait_for(w, stored_upto, 600);
	for (int i = 1; i <= 600; i++)
		assert_int_equal(w->stored[i], 1);
	assert_true(w->n_reports > 3);
}

static void the_bound_holds(void **state)
{
	struct world *w = *state;
	start_probe(w, 100);
	for (int i = 1; i <= 150; i++)
		add(w, i, VERDICT_UP);
	serve(w);
	wait_for(w, sequence_reported, 150);
	wait_for(w, sequence_reported, 51);
	assert_false(sequence_reported(w, 50));
	assert_int_equal(w->reports[w->n_reports - 1].dropped, 50);
}

static void draining_ends(void **state)
{
	struct world *w = talking(state);
	add(w, 1, VERDICT_UP);
	agent_drain(w->agent, drained_cb, w);
	assert_false(w->drained);
	wait_for(w, is_drained, 0);
	assert_int_equal(w->stored[1], 1);
}

static void draining_without_a_session_ends_at_once(void **state)
{
	struct world *w = *state;
	start_probe(w, 100);
	add(w, 1, VERDICT_UP);
	agent_drain(w->agent, drained_cb, w);
	assert_true(w->drained);
}

/* Adds N results while nobody listens, and ends the probe. */
static void leave_behind(struct world *w, int n)
{
	w->state_dir = w->dir;
	start_probe(w, 100);
	for (int i = 1; i <= n; i++)
		add(w, i, VERDICT_UP);
	agent_close(w->agent);
	w->agent = NULL;
}

static void what_was_left_comes_with_the_next_start(void **state)
{
	struct world *w = *state;
	leave_behind(w, 3);
	start_probe(w, 100);
	serve(w);
	wait_for(w, stored_upto, 3);
	expect_report(w, 0, "3 2 1");
	assert_true(w->reports[0].age_ms > 10000); /* though just made: history */
	assert_false(id_is_zero(&w->reports[0].boot));
	assert_false(id_equal(&w->reports[0].boot, &w->last_hello.boot));
	wait_for(w, reports_n, 2);
	assert_int_equal(w->reports[1].n, 0);
	assert_int_equal(w->reports[1].spooled, 0);
	assert_false(w->reports[1].spool_failed);
	agent_close(w->agent);
	start_probe(w, 100); /* and not again */
	wait_for(w, hellos_n, 2);
	wait_for(w, reports_n, w->n_reports + 1);
	assert_int_equal(w->reports[w->n_reports - 1].n, 0);
}

/* A vote waits for the receipt of the report before: history must not make that one slow. */
static void slow_receipts_make_less_history(void **state)
{
	struct world *w = *state;
	leave_behind(w, 600);
	start_probe(w, 100);
	w->hold = true;
	serve(w);
	wait_for(w, reports_n, 1);
	size_t before = w->reports[0].n;
	assert_true(before > 50 && before < 300);
	let_pass(w, 800);
	w->hold = false;
	add(w, 1000, VERDICT_DOWN); /* 1: of this boot, live */
	say_receipt(w, w->held_report, RECEIPT_STORED);
	wait_for(w, reports_n, 2);
	assert_int_equal(w->reports[1].sequence[0], 1);
	assert_int_equal(w->reports[1].n, 1 + before / 2);
	int64_t left = 600 - (int64_t)(before + before / 2);
	assert_int_equal(w->reports[1].spooled, left);
	wait_for(w, stored_upto, (int)left); /* the rest, without a pause */
	assert_true(w->reports[w->n_reports - 1].at_ms - w->reports[1].at_ms < 900);
	assert_int_equal(w->reports[w->n_reports - 1].spooled, 0);
}

static void a_store_that_is_full_is_not_pressed(void **state)
{
	struct world *w = *state;
	leave_behind(w, 3);
	start_probe(w, 100);
	w->status = RECEIPT_SEEN;
	serve(w);
	wait_for(w, reports_n, 2); /* the heartbeat: nothing is sent again before its time */
	expect_report(w, 0, "3 2 1");
	assert_int_equal(w->reports[1].n, 0);
	assert_int_equal(w->reports[1].spooled, 3);
}

static void a_spool_that_fails_is_told(void **state)
{
	struct world *w = *state;
	w->state_dir = "/nonexistent/quorate";
	start_probe(w, 100);
	serve(w);
	add(w, 1, VERDICT_UP);
	wait_for(w, stored_upto, 1);
	assert_true(w->reports[0].spool_failed);
}

static void the_clock_is_compared(void **state)
{
	struct world *w = talking(state);
	w->clock_offset_ms = 3600000;
	wait_for(w, reports_n, 3);
	int64_t off_ms = agent_clock_offset_ms(w->agent) - 3600000;
	assert_true(off_ms > -1000 && off_ms < 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backoff_is_quick_thrice_and_then_slow),
		TEST(a_session_opens),
		TEST(pins_that_are_kept_are_said),
		TEST(pins_that_are_not_kept_are_not_said),
		TEST(heartbeats_come_when_there_is_nothing_to_say),
		TEST(a_failure_leaves_at_once_and_first),
		TEST(a_suspicion_leaves_at_once_and_once),
		TEST(others_wait_for_company),
		TEST(seen_is_sent_again_and_stored_is_not),
		TEST(a_stale_session_starts_over_with_the_newest_of_each),
		TEST(orders_are_applied_and_acknowledged),
		TEST(a_killed_coordinator_loses_nothing),
		TEST(a_probe_may_be_first),
		TEST(an_invalid_report_costs_one_result),
		TEST(a_busy_coordinator_is_given_time),
		TEST(a_refusal_is_asked_again),
		TEST(nonsense_makes_no_storm),
		TEST(a_session_that_never_lasts_makes_no_storm),
		TEST(large_results_are_split),
		TEST(silence_is_told_when_it_lasts),
		TEST(the_bound_holds),
		TEST(draining_ends),
		TEST(draining_without_a_session_ends_at_once),
		TEST(what_was_left_comes_with_the_next_start),
		TEST(slow_receipts_make_less_history),
		TEST(a_store_that_is_full_is_not_pressed),
		TEST(a_spool_that_fails_is_told),
		TEST(the_clock_is_compared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
