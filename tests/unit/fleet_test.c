// SPDX-License-Identifier: MIT
/*
 * The fleet, the verdicts and the alerts together, on the memory store, over a real link: what a probe hears, what it is believed,
 * and what becomes of its results.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/coordinator.h"
#include "coordinator/store/backend.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 10000

struct world {
	struct coordinator c;
	struct link_client *link;
	struct timer patience;
	char dir[32], token[TOKEN_TEXT_SIZE];
	struct message *reply[LINK_STREAM_COUNT]; /* the last one of each stream */
	char *orders;                             /* the last one as it came */
	bool done, results_broken;
	char session[SESSION_TEXT_SIZE];
	struct id boot, probe_id;
	size_t n_stored;
};

/* ---- waiting */

static void out_of_patience(void *arg)
{
	(void)arg;
	fail_msg("nothing came within %d ms", PATIENCE_MS);
}

static void wait_for(struct world *w)
{
	timer_set(&w->patience, PATIENCE_MS);
	w->done = false;
	while (!w->done)
		loop_run(w->c.loop);
	timer_stop(&w->patience);
}

static void finish(struct world *w)
{
	w->done = true;
	loop_stop(w->c.loop);
}

static void on_reply(
	void *arg, enum link_stream stream, int error, const void *data, size_t size_bytes)
{
	struct world *w = arg;
	struct problems p = {0};

	assert_int_equal(error, 0);
	message_free(w->reply[stream]);
	w->reply[stream] = message_decode(data, size_bytes, &p);
	if (stream == LINK_ORDERS) {
		free(w->orders);
		w->orders = mem_strndup(data, size_bytes);
	}
	if (!w->reply[stream])
		fail_msg("%s: %s", p.item[0].path, p.item[0].message);
	finish(w);
}

static void on_done(void *arg, enum store_error error, const struct id *id)
{
	(void)id;
	assert_int_equal(error, STORE_OK);
	finish(arg);
}

static void on_health(void *arg, enum store_part part, const char *detail)
{
	struct world *w = arg;

	if (part == STORE_PART_RESULTS && !detail)
		finish(w); /* they can be stored again */
	else if (part != STORE_PART_RESULTS || !w->results_broken)
		fail_msg("%s", detail);
}

/* ---- the world */

static void add_objects(struct world *w)
{
	json_t *region = json_pack("{s:s}", "name", "tokyo");
	json_t *probe = json_pack("{s:s, s:s}", "name", "tokyo-1", "region", "tokyo");
	json_t *monitors = json_pack("[{s:s, s:s, s:{s:i}}]", "name", "shop", "tcp",
		"shop.example:443", "quorum", "seats", 1);
	struct problems p = {0};
	struct plan *plan;

	assert_int_equal(registry_add_region(w->c.registry, region, &p, on_done, w), 0);
	wait_for(w);
	assert_int_equal(
		registry_add_probe(w->c.registry, probe, false, w->token, &p, on_done, w), 0);
	wait_for(w);
	assert_int_equal(registry_plan(w->c.registry, monitors, NULL, "", &plan, &p), 0);
	assert_int_equal(registry_commit(w->c.registry, plan, on_done, w), 0);
	wait_for(w);
	json_decref(region);
	json_decref(probe);
	json_decref(monitors);
}

static int setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));
	struct coordinator *c = &w->c;

	strcpy(w->dir, "/tmp/qfXXXXXX");
	assert_non_null(mkdtemp(w->dir));
	c->conf.report_address = mem_printf("ipc://%s/report", w->dir);
	c->conf.orders_address = mem_printf("ipc://%s/orders", w->dir);
	c->started_wall_ms = clock_wall_ms();
	c->loop = loop_new();
	timer_init(&w->patience, c->loop, out_of_patience, w);
	c->curl = curl_loop_new(c->loop);
	assert_int_equal(store_open(&c->store, c->loop, "memory:", on_health, w), 0);
	c->registry = registry_open(c->store, 1000);
	assert_int_equal(notify_open(&c->notify, c->loop, c->store, c->curl, NULL, 0), 0);
	c->alerts = alerts_new(c->store, c->notify, "http://here");
	c->verdicts = verdicts_new(c);
	c->fleet = fleet_open(c);
	assert_non_null(c->fleet);
	verdicts_start(c->verdicts);
	add_objects(w);
	assert_int_equal(link_client_open(&w->link, c->loop, c->conf.report_address,
				 c->conf.orders_address, on_reply, w),
		0);
	w->boot = id_new();
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct coordinator *c = &w->c;

	link_client_close(w->link);
	fleet_close(c->fleet);
	verdicts_free(c->verdicts);
	notify_close(c->notify);
	store_close(c->store);
	alerts_free(c->alerts);
	registry_close(c->registry);
	curl_loop_free(c->curl);
	timer_clear(&w->patience);
	loop_free(c->loop);
	message_free(w->reply[0]);
	message_free(w->reply[1]);
	free(w->orders);
	(void)rmdir(w->dir);
	free(c->conf.report_address);
	free(c->conf.orders_address);
	free(w);
	return 0;
}

/* ---- speaking as a probe */

static const struct message *say(
	struct world *w, enum link_stream stream, enum message_type type, const void *message)
{
	size_t size_bytes;
	char *text = message_encode(type, message, &size_bytes);

	assert_non_null(text);
	assert_int_equal(link_client_send(w->link, stream, text, size_bytes, PATIENCE_MS), 0);
	free(text);
	wait_for(w);
	return w->reply[stream];
}

static const struct message *say_hello(struct world *w, const char *name, const char *token)
{
	char *types[] = {mem_strdup("tcp"), mem_strdup("http")};
	struct hello hello = {.version = LINK_VERSION,
		.probe = mem_strdup(name),
		.token = mem_strdup(token),
		.boot = w->boot,
		.software = mem_strdup("quorate-probe/test"),
		.capabilities = {.ipv4 = true, .types = {types, 2}, .min_interval_ms = 1000}};
	const struct message *reply = say(w, LINK_REPORT, MESSAGE_HELLO, &hello);

	free(hello.probe);
	free(hello.token);
	free(hello.software);
	free(types[0]);
	free(types[1]);
	return reply;
}

static void join(struct world *w)
{
	const struct message *reply = say_hello(w, "tokyo-1", w->token);

	assert_int_equal(reply->type, MESSAGE_WELCOME);
	assert_int_equal(strlen(reply->u.welcome.session), SESSION_TEXT_SIZE - 1);
	strcpy(w->session, reply->u.welcome.session);
	w->probe_id = reply->u.welcome.probe_id;
}

static const struct message *say_report(
	struct world *w, const char *session, struct result *results, size_t n)
{
	struct report report = {.session = mem_strdup(session),
		.sent_wall_ms = clock_wall_ms(),
		.results = {results, n}};
	const struct message *reply = say(w, LINK_REPORT, MESSAGE_REPORT, &report);

	free(report.session);
	assert_int_equal(reply->type, MESSAGE_RECEIPT);
	return reply;
}

static const struct message *say_poll(struct world *w, int64_t revision)
{
	struct poll poll = {.session = mem_strdup(w->session), .revision = revision};
	const struct message *reply = say(w, LINK_ORDERS, MESSAGE_POLL, &poll);

	free(poll.session);
	assert_int_equal(reply->type, MESSAGE_ORDERS);
	return reply;
}

static struct result make_result(
	struct world *w, int64_t sequence, enum verdict verdict, enum reason reason)
{
	const struct monitor *m = &registry_monitor_by_name(w->c.registry, "shop")->m;

	return (struct result){.monitor = m->id,
		.monitor_revision = m->revision,
		.assignment = 1,
		.sequence = sequence,
		.started_wall_ms = clock_wall_ms(),
		.duration_ms = 5,
		.verdict = verdict,
		.reason = reason,
		.phases = {UNSET, 100, UNSET, UNSET, UNSET, 100},
		.status = UNSET,
		.bytes = UNSET,
		.certificate = CERTIFICATE_NONE,
		.ping = PING_NONE};
}

static const char *fate_of(struct world *w)
{
	static char fate[32];
	json_t *explained = verdicts_explain(
		w->c.verdicts, &registry_monitor_by_name(w->c.registry, "shop")->m.id);
	const char *text = json_string_value(
		json_object_get(json_array_get(json_object_get(explained, "votes"), 0), "fate"));

	snprintf(fate, sizeof(fate), "%s", text ? text : "no vote");
	json_decref(explained);
	return fate;
}

/* ---- tests */

static void test_who_may_join(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		say_hello(w, "tokyo-1", "qpt_00000000000000000000000000000000000000000000")->type,
		MESSAGE_REFUSED);
	assert_string_equal(w->reply[LINK_REPORT]->u.refused.code, "unauthorized");
	assert_int_equal(say_hello(w, "osaka-1", w->token)->type, MESSAGE_REFUSED);
	assert_int_equal(registry_probe(w->c.registry, "tokyo-1")->joined_wall_ms, UNSET);
	join(w);
	assert_true(registry_probe(w->c.registry, "tokyo-1")->joined_wall_ms > 0);
	assert_true(id_equal(&w->probe_id, &registry_probe(w->c.registry, "tokyo-1")->id));
}

static void test_only_the_session_speaks(void **state)
{
	struct world *w = *state;
	struct result r = make_result(w, 1, VERDICT_DOWN, REASON_TCP_REFUSED);
	char old[SESSION_TEXT_SIZE];

	assert_int_equal(say_report(w, "00000000000000000000000000000000", &r, 1)->u.receipt.status,
		RECEIPT_STALE_SESSION);
	join(w);
	strcpy(old, w->session);
	join(w); /* a second log-in wins */
	assert_string_not_equal(old, w->session);
	assert_int_equal(say_report(w, old, &r, 1)->u.receipt.status, RECEIPT_STALE_SESSION);
	assert_string_equal(fate_of(w), "absent");
	assert_int_equal(say_report(w, w->session, &r, 1)->u.receipt.status, RECEIPT_STORED);
	assert_string_equal(fate_of(w), "counted");
}

static void test_a_repeat_is_dropped(void **state)
{
	struct world *w = *state;
	struct result r[2] = {make_result(w, 1, VERDICT_UP, REASON_OK),
		make_result(w, 1, VERDICT_DOWN, REASON_TCP_REFUSED)};
	struct fleet_counts counts;

	join(w);
	assert_int_equal(say_report(w, w->session, r, 2)->u.receipt.status, RECEIPT_STORED);
	assert_int_equal(say_report(w, w->session, r, 1)->u.receipt.status, RECEIPT_STORED);
	fleet_counts(w->c.fleet, &counts);
	assert_int_equal(counts.results, 3);
	assert_int_equal(counts.duplicate_results, 2);
}

static void test_sequences_may_come_in_any_order(void **state)
{
	static const int64_t order[] = {
		5, 3, 4, 5, 20000, 3, 19999, 19999, 0, 0, UNSET, UNSET, INT64_C(9007199254740991)};
	static const bool repeat[] = {false, false, false, true, false, false, false, true, false,
		false, false, false, false}; /* 3: out of the window by then; from 0 on: no names */
	struct world *w = *state;
	struct fleet_counts before, after;

	join(w);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		struct result r = make_result(w, order[i], VERDICT_UP, REASON_OK);
		fleet_counts(w->c.fleet, &before);
		say_report(w, w->session, &r, 1);
		fleet_counts(w->c.fleet, &after);
		assert_int_equal(after.duplicate_results - before.duplicate_results, repeat[i]);
	}
}

static void on_results(void *arg, enum store_error error, const json_t *list)
{
	struct world *w = arg;

	assert_int_equal(error, STORE_OK);
	w->n_stored = json_array_size(list);
	finish(w);
}

static void test_a_result_of_an_earlier_boot_is_history(void **state)
{
	struct world *w = *state;
	struct result r = make_result(w, 1, VERDICT_DOWN, REASON_TCP_REFUSED);
	struct fleet_counts counts;

	join(w);
	r.boot = id_new();            /* and claims to be fresh */
	for (int i = 0; i < 2; i++) { /* the second one is a repeat: the store's key says so */
		assert_int_equal(
			say_report(w, w->session, &r, 1)->u.receipt.status, RECEIPT_STORED);
		assert_string_equal(fate_of(w), "absent");
	}
	fleet_counts(w->c.fleet, &counts);
	assert_int_equal(counts.late_results, 2);
	r.boot = w->boot; /* the session's own, said aloud */
	say_report(w, w->session, &r, 1);
	assert_string_equal(
		fate_of(w), "counted"); /* its number is not taken by the other boot's */
	fleet_counts(w->c.fleet, &counts);
	assert_int_equal(counts.late_results, 2);
	assert_int_equal(counts.duplicate_results, 0);
	store_query_results(w->c.store, &(struct result_filter){.monitor = r.monitor, .limit = 10},
		on_results, w);
	wait_for(w);
	assert_int_equal(w->n_stored, 2);
}

/* A store that cannot commit: the probe hears that its results were seen, and they vote all the
 * same. */
static void test_what_cannot_be_stored_is_seen_and_votes(void **state)
{
	struct world *w = *state;
	struct result r = make_result(w, 1, VERDICT_DOWN, REASON_TCP_REFUSED);

	join(w);
	store_inject_fault(w->c.store, LANE_RESULTS, FAULT_LASTING);
	w->results_broken = true;
	assert_int_equal(say_report(w, w->session, &r, 1)->u.receipt.status, RECEIPT_SEEN);
	assert_string_equal(fate_of(w), "counted");
	store_inject_fault(w->c.store, LANE_RESULTS, 0);
	wait_for(w);
	/* the same result again: a repeat for the verdict, but news to the store */
	assert_int_equal(say_report(w, w->session, &r, 1)->u.receipt.status, RECEIPT_STORED);
	store_query_results(w->c.store, &(struct result_filter){.monitor = r.monitor, .limit = 10},
		on_results, w);
	wait_for(w);
	assert_int_equal(w->n_stored, 1);
	assert_string_equal(fate_of(w), "counted");
}

static void test_a_late_result_is_history(void **state)
{
	struct world *w = *state;
	struct result r = make_result(w, 1, VERDICT_DOWN, REASON_TCP_REFUSED);
	struct fleet_counts counts;

	join(w);
	r.age_ms = 10001; /* interval 60 s: min(30 s, 10 s) */
	assert_int_equal(say_report(w, w->session, &r, 1)->u.receipt.status, RECEIPT_STORED);
	assert_string_equal(fate_of(w), "absent");
	fleet_counts(w->c.fleet, &counts);
	assert_int_equal(counts.late_results, 1);
	r.sequence = 2;
	r.age_ms = 10000;
	say_report(w, w->session, &r, 1);
	assert_string_equal(fate_of(w), "counted");
}

static void test_nonsense_changes_nothing(void **state)
{
	static const char *const nonsense[] = {"", "{", "[]", "{\"type\": \"report\"}",
		"{\"type\": \"coffee\"}", "{\"type\": \"orders\"}",
		"{\"type\": \"report\", \"session\": 7, \"results\": {}}", "\xff\xfe"};
	struct world *w = *state;
	struct fleet_counts counts;

	join(w);
	for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
		assert_int_equal(link_client_send(w->link, LINK_REPORT, nonsense[i],
					 strlen(nonsense[i]), PATIENCE_MS),
			0);
		wait_for(w);
		assert_int_equal(w->reply[LINK_REPORT]->type, MESSAGE_RECEIPT);
		assert_true(w->reply[LINK_REPORT]->u.receipt.status == RECEIPT_INVALID ||
			    w->reply[LINK_REPORT]->u.receipt.status == RECEIPT_STALE_SESSION);
	}
	fleet_counts(w->c.fleet, &counts);
	assert_true(counts.invalid_messages >= 5);
	assert_string_equal(fate_of(w), "absent");
	assert_int_equal(counts.sessions, 1);
}

static void test_orders_come_as_a_snapshot_and_then_as_changes(void **state)
{
	struct world *w = *state;
	const struct registered *shop = registry_monitor_by_name(w->c.registry, "shop");
	const struct message *reply;
	json_t *changed = json_pack("[{s:s, s:s, s:{s:i}}]", "name", "shop", "tcp",
		"shop.example:80", "quorum", "seats", 1);
	struct problems p = {0};
	struct plan *plan;
	int64_t revision;

	join(w);
	reply = say_poll(w, 0);
	assert_true(reply->u.orders.reset && reply->u.orders.complete);
	assert_int_equal(reply->u.orders.assign.n, 1);
	revision = reply->u.orders.revision;

	/* held until the monitor changes */
	struct poll poll = {.session = w->session, .revision = revision};
	size_t size_bytes;
	char *text = message_encode(MESSAGE_POLL, &poll, &size_bytes);
	assert_int_equal(link_client_send(w->link, LINK_ORDERS, text, size_bytes, PATIENCE_MS), 0);
	free(text);
	assert_int_equal(registry_plan(w->c.registry, changed, NULL, "", &plan, &p), 0);
	assert_int_equal(registry_commit(w->c.registry, plan, on_done, w), 0);
	wait_for(w); /* the commit */
	while (link_client_busy(w->link, LINK_ORDERS))
		wait_for(w);
	reply = w->reply[LINK_ORDERS];
	assert_false(reply->u.orders.reset);
	assert_int_equal(reply->u.orders.assign.n, 1);
	assert_true(reply->u.orders.revision > revision);
	assert_int_equal(shop->m.revision, 2);
	json_decref(changed);
}

/* ---- secrets */

static void set_secret(struct world *w, const char *name, const char *value)
{
	json_t *in = json_pack("{s:s}", "value", value);
	struct problems p = {0};

	assert_int_equal(registry_set_secret(w->c.registry, name, in, &p, on_done, w), 0);
	json_decref(in);
	wait_for(w);
}

/* A monitor that is checked from REGION with the secret NAME. */
static void add_http(struct world *w, const char *name, const char *region, const char *secret)
{
	json_t *in = json_pack("[{s:s, s:s, s:s, s:[s], s:{s:i}, s:{s:{s:{s:s}}}}]", "name", name,
		"organization", strchr(secret, '/') ? "acme" : "default", "http",
		"https://shop.example/", "regions", region, "quorum", "seats", 1, "request",
		"headers", "Authorization", "secret", secret);
	struct problems p = {0};
	struct plan *plan;

	if (registry_plan(w->c.registry, in, NULL, "", &plan, &p) == -1)
		fail_msg("%s: %s", p.item[0].path, p.item[0].message);
	assert_int_equal(registry_commit(w->c.registry, plan, on_done, w), 0);
	wait_for(w);
	json_decref(in);
}

/* What this probe is sent holds the values that it needs to vote, and no others. */
static void test_secrets_reach_voters_alone(void **state)
{
	struct world *w = *state;
	json_t *region = json_pack("{s:s}", "name", "osaka");
	struct problems p = {0};

	assert_int_equal(registry_add_region(w->c.registry, region, &p, on_done, w), 0);
	wait_for(w);
	json_decref(region);
	set_secret(w, "acme/ours", "Bearer value-of-ours");
	set_secret(w, "acme/theirs", "Bearer value-of-theirs");
	set_secret(w, "acme/nobodys", "Bearer value-of-nobody");
	add_http(w, "here", "tokyo", "acme/ours");
	add_http(w, "there", "osaka", "acme/theirs");
	join(w);
	(void)say_poll(w, 0);
	assert_non_null(
		strstr(w->orders, "{\"secret\":\"acme/ours\",\"value\":\"Bearer value-of-ours\"}"));
	assert_null(strstr(w->orders, "value-of-theirs"));
	assert_null(strstr(w->orders, "value-of-nobody"));
	/* one that is nothing to this probe does not even wake it; its own does, at once */
	int64_t revision = w->reply[LINK_ORDERS]->u.orders.revision;
	struct poll poll = {.session = w->session, .revision = revision};
	size_t size_bytes;
	char *text = message_encode(MESSAGE_POLL, &poll, &size_bytes);
	assert_int_equal(link_client_send(w->link, LINK_ORDERS, text, size_bytes, PATIENCE_MS), 0);
	free(text);
	set_secret(w, "acme/theirs", "Bearer second-of-theirs");
	assert_true(link_client_busy(w->link, LINK_ORDERS));
	set_secret(w, "acme/ours", "Bearer second-of-ours");
	while (link_client_busy(w->link, LINK_ORDERS))
		wait_for(w);
	assert_non_null(strstr(w->orders, "\"value\":\"Bearer second-of-ours\""));
	assert_null(strstr(w->orders, "theirs"));
	assert_int_equal(w->reply[LINK_ORDERS]->u.orders.assign.n, 1);
	assert_true(w->reply[LINK_ORDERS]->u.orders.revision > revision);
}

/* A rotation is no change of the monitor: what was voted before stands until the next result. */
static void test_votes_outlive_a_secrets_value(void **state)
{
	struct world *w = *state;
	const struct monitor *m;
	struct result r;

	set_secret(w, "t", "12345");
	add_http(w, "here", "tokyo", "t");
	m = &registry_monitor_by_name(w->c.registry, "here")->m;
	join(w);
	(void)say_poll(w, 0);
	r = make_result(w, 1, VERDICT_UP, REASON_OK);
	r.monitor = m->id;
	r.monitor_revision = m->revision;
	(void)say_report(w, w->session, &r, 1);
	set_secret(w, "t", "54321");
	json_t *explained = verdicts_explain(w->c.verdicts, &m->id);
	const json_t *vote = json_array_get(json_object_get(explained, "votes"), 0);
	assert_string_equal(json_string_value(json_object_get(vote, "fate")), "counted");
	json_decref(explained);
}

static void test_a_result_for_an_old_revision_is_outdated(void **state)
{
	struct world *w = *state;
	struct result r = make_result(w, 1, VERDICT_DOWN, REASON_TCP_REFUSED);

	join(w);
	r.monitor_revision = 77;
	say_report(w, w->session, &r, 1);
	assert_string_not_equal(fate_of(w), "counted");
}

static void test_a_result_for_an_unknown_monitor_is_nothing(void **state)
{
	struct world *w = *state;
	struct result r = make_result(w, 1, VERDICT_DOWN, REASON_TCP_REFUSED);

	join(w);
	r.monitor = id_new();
	assert_int_equal(say_report(w, w->session, &r, 1)->u.receipt.status, RECEIPT_STORED);
	assert_string_equal(fate_of(w), "absent");
}

/* Registers more probes, or a new token for one (RENEW). */
static void register_probe(struct world *w, const char *name, bool renew, char *token)
{
	json_t *in = json_pack("{s:s, s:s}", "name", name, "region", "tokyo");
	struct problems p = {0};

	assert_int_equal(registry_add_probe(w->c.registry, in, renew, token, &p, on_done, w), 0);
	wait_for(w);
	json_decref(in);
}

static void test_a_session_ends_with_its_token(void **state)
{
	struct world *w = *state;
	struct result r = make_result(w, 1, VERDICT_DOWN, REASON_TCP_REFUSED);
	char old[TOKEN_TEXT_SIZE];
	struct problems p = {0};

	join(w);
	strcpy(old, w->token);
	assert_int_equal(registry_drain_probe(w->c.registry, "tokyo-1", false, &p, on_done, w), 0);
	wait_for(w); /* a change that leaves the token as it is leaves the session */
	assert_int_equal(say_report(w, w->session, &r, 1)->u.receipt.status, RECEIPT_STORED);
	register_probe(w, "tokyo-1", true, w->token);
	assert_int_equal(say_report(w, w->session, &r, 1)->u.receipt.status, RECEIPT_STALE_SESSION);
	assert_int_equal(say_hello(w, "tokyo-1", old)->type, MESSAGE_REFUSED);
	join(w);
}

/* A probe that is started again and again is a new boot each time; two with one token alternate. */
static void test_a_token_used_twice_shuts_both_out(void **state)
{
	struct world *w = *state;
	struct id twin[2] = {id_new(), id_new()};
	struct fleet_counts counts;
	struct fleet_facts facts;

	for (int i = 0; i < 12; i++) {
		w->boot = id_new();
		join(w);
		join(w); /* the same boot again */
	}
	fleet_counts(w->c.fleet, &counts);
	assert_int_equal(counts.takeovers, 0);
	for (int i = 0; i < 2 + TAKEOVERS_MAX; i++) {
		w->boot = twin[i % 2];
		join(w);
	}
	w->boot = twin[(2 + TAKEOVERS_MAX) % 2];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(say_hello(w, "tokyo-1", w->token)->type, MESSAGE_REFUSED);
		assert_string_equal(w->reply[LINK_REPORT]->u.refused.code, "twins");
	}
	struct result r = make_result(w, 1, VERDICT_DOWN, REASON_TCP_REFUSED);
	assert_int_equal(say_report(w, w->session, &r, 1)->u.receipt.status, RECEIPT_STALE_SESSION);
	register_probe(w, "tokyo-1", true, w->token); /* ends it */
	join(w);
	fleet_facts(w->c.fleet, registry_probe(w->c.registry, "tokyo-1"), &facts);
	assert_int_equal(facts.standing, STANDING_VOTING);
}

static const char *voter_of(struct world *w)
{
	static char name[64];
	json_t *explained = verdicts_explain(
		w->c.verdicts, &registry_monitor_by_name(w->c.registry, "shop")->m.id);
	const char *text = json_string_value(
		json_object_get(json_array_get(json_object_get(explained, "votes"), 0), "probe"));

	snprintf(name, sizeof(name), "%s", text ? text : "nobody");
	json_decref(explained);
	return name;
}

static void turn(void *arg)
{
	finish(arg);
}

/* Seats move soon after the change. */
static void wait_voter(struct world *w, const char *name)
{
	struct timer tick;
	int64_t deadline_ms = clock_now_ms() + PATIENCE_MS;

	timer_init(&tick, w->c.loop, turn, w);
	while (strcmp(voter_of(w), name) != 0) {
		if (clock_now_ms() > deadline_ms)
			fail_msg("%s votes instead of %s", voter_of(w), name);
		timer_set(&tick, 5);
		wait_for(w);
	}
	timer_clear(&tick);
}

static void drain(struct world *w, const char *name, bool drained)
{
	struct problems p = {0};

	assert_int_equal(registry_drain_probe(w->c.registry, name, drained, &p, on_done, w), 0);
	wait_for(w);
}

static void test_drain_moves_the_seat_and_undrain_leaves_it(void **state)
{
	struct world *w = *state;
	char other[TOKEN_TEXT_SIZE];
	struct fleet_facts facts;
	struct problems p = {0};

	join(w);
	wait_voter(w, "tokyo-1");
	drain(w, "tokyo-1", true);
	wait_voter(w, "tokyo-1"); /* nobody else can */
	drain(w, "tokyo-1", false);
	register_probe(w, "tokyo-2", false, other);
	assert_int_equal(say_hello(w, "tokyo-2", other)->type, MESSAGE_WELCOME);
	drain(w, "tokyo-1", true);
	wait_voter(w, "tokyo-2");
	fleet_facts(w->c.fleet, registry_probe(w->c.registry, "tokyo-1"), &facts);
	assert_int_equal(facts.standing, STANDING_DRAINED);
	drain(w, "tokyo-1", false);
	drain(w, "tokyo-2", true);
	wait_voter(w, "tokyo-1");
	assert_int_equal(registry_drain_probe(w->c.registry, "nobody", true, &p, on_done, w), -1);
}

static void test_a_removed_probe_leaves_no_vote(void **state)
{
	struct world *w = *state;
	struct result r;
	char other[TOKEN_TEXT_SIZE];
	struct problems p = {0};

	join(w);
	r = make_result(w, 1, VERDICT_DOWN, REASON_TCP_REFUSED);
	wait_voter(w, "tokyo-1");
	say_report(w, w->session, &r, 1);
	assert_string_equal(fate_of(w), "counted");
	register_probe(w, "tokyo-2", false, other);
	assert_int_equal(registry_remove_probe(w->c.registry, "tokyo-1", &p, on_done, w), 0);
	wait_for(w);
	assert_string_equal(fate_of(w), "excluded"); /* at once, before anybody sits there */
	wait_voter(w, "tokyo-2");
	assert_string_equal(fate_of(w), "absent"); /* and nobody inherits it */
	assert_int_equal(say_report(w, w->session, &r, 1)->u.receipt.status, RECEIPT_STALE_SESSION);
}

/* Who was never asked for a monitor cannot fill its history; who was, until a moment ago, can. */
static void test_results_are_taken_for_assigned_monitors_only(void **state)
{
	struct world *w = *state;
	struct result r = make_result(w, 1, VERDICT_DOWN, REASON_TCP_REFUSED);
	char other[TOKEN_TEXT_SIZE];
	struct fleet_counts counts;

	join(w);
	wait_voter(w, "tokyo-1");
	register_probe(w, "tokyo-2", false, other);
	const struct message *reply = say_hello(w, "tokyo-2", other);
	assert_int_equal(reply->type, MESSAGE_WELCOME);
	strcpy(w->session, reply->u.welcome.session);
	for (int i = 0; i < 2; i++) { /* fresh, and of an earlier boot */
		assert_int_equal(
			say_report(w, w->session, &r, 1)->u.receipt.status, RECEIPT_STORED);
		r.boot = id_new();
	}
	fleet_counts(w->c.fleet, &counts);
	assert_int_equal(counts.foreign_results, 2);
	store_query_results(w->c.store, &(struct result_filter){.monitor = r.monitor, .limit = 10},
		on_results, w);
	wait_for(w);
	assert_int_equal(w->n_stored, 0);
	assert_string_equal(fate_of(w), "absent");

	join(w); /* as tokyo-1, whose seat is taken away */
	drain(w, "tokyo-1", true);
	wait_voter(w, "tokyo-2");
	r = make_result(w, 2, VERDICT_DOWN, REASON_TCP_REFUSED);
	say_report(w, w->session, &r, 1);
	store_query_results(w->c.store, &(struct result_filter){.monitor = r.monitor, .limit = 10},
		on_results, w);
	wait_for(w);
	assert_int_equal(w->n_stored, 1);
	assert_string_equal(fate_of(w), "absent");
	fleet_counts(w->c.fleet, &counts);
	assert_int_equal(counts.foreign_results, 2);
	assert_int_equal(counts.late_results, 1);
}

/* Beyond the limits answers wait; who does not wait for them is refused; a new session changes nothing of that. */
static void test_a_probe_above_its_limits_is_held_back(void **state)
{
	struct world *w = *state;
	struct result r[20];
	struct fleet_facts facts;
	int64_t before_ms;

	w->c.conf.limits = (struct allowance_rates){{1000, 1000000, 10}};
	join(w);
	for (int i = 0; i < 20; i++) /* two seconds' worth */
		r[i] = make_result(w, i + 1, VERDICT_UP, REASON_OK);
	before_ms = clock_now_ms();
	say_report(w, w->session, r, 20);
	assert_true(clock_now_ms() - before_ms < 1000);
	say_report(w, w->session, r, 5); /* half a second's */
	assert_in_range(clock_now_ms() - before_ms, 400, 3000);
	fleet_facts(w->c.fleet, registry_probe(w->c.registry, "tokyo-1"), &facts);
	assert_in_range(facts.held_ms, 300, 600);
	assert_int_equal(facts.refused, 0);

	w->c.conf.limits.per_second[ALLOWANCE_RESULTS] = 2;
	say_report(w, w->session, r, 20); /* ten seconds' worth, and no answer for three */
	assert_int_equal(say_report(w, w->session, r, 20)->u.receipt.status, RECEIPT_BUSY);
	assert_int_equal(say_hello(w, "tokyo-1", w->token)->type, MESSAGE_REFUSED);
	assert_string_equal(w->reply[LINK_REPORT]->u.refused.code, "busy");
	fleet_facts(w->c.fleet, registry_probe(w->c.registry, "tokyo-1"), &facts);
	assert_int_equal(facts.refused, 2);
	assert_int_equal(facts.results, 45);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_who_may_join),
		TEST(test_only_the_session_speaks),
		TEST(test_a_repeat_is_dropped),
		TEST(test_sequences_may_come_in_any_order),
		TEST(test_what_cannot_be_stored_is_seen_and_votes),
		TEST(test_a_late_result_is_history),
		TEST(test_a_result_of_an_earlier_boot_is_history),
		TEST(test_nonsense_changes_nothing),
		TEST(test_orders_come_as_a_snapshot_and_then_as_changes),
		TEST(test_a_result_for_an_old_revision_is_outdated),
		TEST(test_secrets_reach_voters_alone),
		TEST(test_votes_outlive_a_secrets_value),
		TEST(test_a_result_for_an_unknown_monitor_is_nothing),
		TEST(test_a_session_ends_with_its_token),
		TEST(test_a_token_used_twice_shuts_both_out),
		TEST(test_drain_moves_the_seat_and_undrain_leaves_it),
		TEST(test_a_removed_probe_leaves_no_vote),
		TEST(test_results_are_taken_for_assigned_monitors_only),
		TEST(test_a_probe_above_its_limits_is_held_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
