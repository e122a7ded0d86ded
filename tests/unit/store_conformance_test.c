// SPDX-License-Identifier: MIT
/* What every backend of the store has to do: each test runs over SQLite and over memory. */
#include "tests/unit/store_fixture.h"

static int setup_sqlite(void **state)
{
	*state = fixture_new(true);
	return 0;
}

static int setup_memory(void **state)
{
	*state = fixture_new(false);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

/* ---- helpers */

static void put(struct store_batch *b, enum store_kind kind, int n, const char *text)
{
	struct id id = id_of(n);
	json_t *document = json_pack("{s:s}", "text", text);
	store_put(b, kind, &id, text, document);
	json_decref(document);
}

static void add_event(struct store_batch *b, int64_t sequence, const char *text)
{
	struct id alert = id_of(1);
	json_t *document = json_pack("{s:s}", "text", text);
	store_add_event(b, sequence, "alert.opened", &alert, 1000 + sequence, document);
	json_decref(document);
}

static void add_message(struct store_batch *b, int64_t sequence, const char *channel)
{
	char key[64];
	snprintf(key, sizeof(key), "%d.%s", (int)sequence, channel);
	struct store_message m = {.sequence = sequence,
		.channel = channel,
		.key = key,
		.body = "{\"a\":1}",
		.created_wall_ms = 5000,
		.next_wall_ms = 6000};
	store_add_message(b, &m);
}

static void add_result(struct store_batch *b, int probe, int boot, int64_t sequence, int monitor,
	const char *document)
{
	struct store_result r = {.probe = id_of(probe),
		.boot = id_of(boot),
		.monitor = id_of(monitor),
		.sequence = sequence,
		.started_wall_ms = 10000 + sequence,
		.verdict = 1,
		.late = sequence % 2 == 0,
		.document = document};
	store_add_result(b, &r);
}

static void add_alert(struct store_batch *b, int n, const char *case_id, bool open,
	const char *kind, const char *monitor)
{
	struct id id = id_of(n);
	json_t *document = json_pack("{s:i}", "n", n);
	store_put_alert(b, &id, case_id, open, 1000 + n, kind, monitor, document);
	json_decref(document);
}

/* What a walk saw, as text: "1=one 2=two " */
struct walked {
	char text[512];
};

static void walk_object(void *arg, const struct id *id, const json_t *document)
{
	struct walked *w = arg;
	size_t n = strlen(w->text);
	snprintf(w->text + n, sizeof(w->text) - n, "%d=%s ", id->byte[15],
		json_string_value(json_object_get(document, "text")));
}

static void walk_alert(void *arg, const struct id *id, const json_t *document)
{
	struct walked *w = arg;
	size_t n = strlen(w->text);
	assert_int_equal(id->byte[15], json_integer_value(json_object_get(document, "n")));
	snprintf(w->text + n, sizeof(w->text) - n, "%d ", id->byte[15]);
}

static void walk_message(void *arg, const struct store_message *m)
{
	struct walked *w = arg;
	size_t n = strlen(w->text);
	snprintf(w->text + n, sizeof(w->text) - n, "%s/%d/%s ", m->key, (int)m->attempts,
		m->last_error ? m->last_error : "-");
	if (!id_is_zero(&m->bundle))
		snprintf(w->text + n, sizeof(w->text) - n, "%s in %d ", m->key, m->bundle.byte[15]);
	assert_string_equal(m->body, "{\"a\":1}");
}

static void assert_objects(struct fixture *f, enum store_kind kind, const char *expected)
{
	struct walked w = {""};
	assert_int_equal(store_each(f->store, kind, walk_object, &w), 0);
	assert_string_equal(w.text, expected);
}

static void assert_pending(struct fixture *f, const char *expected)
{
	struct walked w = {""};
	assert_int_equal(store_each_pending_message(f->store, walk_message, &w), 0);
	assert_string_equal(w.text, expected);
}

/* The member NAME of each row of the last list, as text: "3 2 1 " */
static void assert_list(struct fixture *f, const char *name, const char *expected)
{
	char text[512] = "";
	size_t i;
	json_t *row;
	fixture_wait_count(f, &f->lists, 1);
	f->lists = 0;
	assert_int_equal(f->list_error, STORE_OK);
	json_array_foreach (f->list, i, row) {
		const json_t *value = json_object_get(row, name);
		size_t n = strlen(text);
		if (json_is_integer(value))
			snprintf(text + n, sizeof(text) - n, "%d ", (int)json_integer_value(value));
		else
			snprintf(text + n, sizeof(text) - n, "%s ", json_string_value(value));
	}
	assert_string_equal(text, expected);
}

static void commit_ok(struct fixture *f, struct store_batch *b)
{
	assert_int_equal(fixture_commit(f, b, STORE_OR_FAIL), STORE_OK);
}

/* ---- tests */

static void objects_are_put_replaced_and_removed(void **state)
{
	struct fixture *f = *state;
	struct store_batch *b = store_batch_new(f->store);
	put(b, STORE_MONITOR, 3, "three");
	put(b, STORE_MONITOR, 1, "one");
	put(b, STORE_PROBE, 1, "probe");
	commit_ok(f, b);
	assert_objects(f, STORE_MONITOR, "1=one 3=three ");
	assert_objects(f, STORE_PROBE, "1=probe ");
	assert_objects(f, STORE_REGION, "");
	b = store_batch_new(f->store);
	struct id three = id_of(3), unknown = id_of(9);
	store_remove(b, STORE_MONITOR, &three);
	store_remove(b, STORE_MONITOR, &unknown);
	put(b, STORE_MONITOR, 1, "uno");
	put(b, STORE_MONITOR, 2, "two");
	commit_ok(f, b);
	assert_objects(f, STORE_MONITOR, "1=uno 2=two ");
	assert_objects(f, STORE_PROBE, "1=probe ");
}

static void keep_text(void *arg, const struct id *id, const json_t *document)
{
	(void)id;
	*(char **)arg = mem_strdup(json_string_value(json_object_get(document, "text")));
}

static void documents_come_back_as_they_were(void **state)
{
	struct fixture *f = *state;
	char *large = mem_alloc(200001);
	memset(large, 'x', 200000);
	const char *const texts[] = {
		"", "'; DROP TABLE object; --", "監視 \"x\" \\ \n\t\x01", large};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char *back = NULL;
		struct store_batch *b = store_batch_new(f->store);
		put(b, STORE_KEY, 7, texts[i]);
		commit_ok(f, b);
		assert_int_equal(store_each(f->store, STORE_KEY, keep_text, &back), 0);
		assert_string_equal(back, texts[i]);
		free(back);
	}
	free(large);
}

static void put_some_alerts(struct fixture *f)
{
	struct store_batch *b = store_batch_new(f->store);
	add_alert(b, 1, "K7F-2QX", true, "down", "m1");
	add_alert(b, 2, "AAA-AAA", false, "down", "m1");
	add_alert(b, 3, "BBB-BBB", true, "slow", "m2");
	add_alert(b, 4, "CCC-CCC", true, "probe", NULL);
	add_alert(b, 5, "DDD-DDD", true, "down", "m2");
	commit_ok(f, b);
	b = store_batch_new(f->store);
	add_alert(b, 5, "DDD-DDD", false, "down", "m2"); /* closed now */
	commit_ok(f, b);
}

static void alerts_are_found_by_filters(void **state)
{
	static const struct {
		struct alert_filter filter;
		int before;
		const char *expected;
	} cases[] = {
		{{.state = -1, .limit = 100}, 0, "5 4 3 2 1 "},
		{{.state = 1, .limit = 100}, 0, "4 3 1 "},
		{{.state = 0, .limit = 100}, 0, "5 2 "},
		{{.state = -1, .limit = 2}, 0, "5 4 "},
		{{.state = -1, .limit = 2}, 4, "3 2 "},
		{{.state = -1, .limit = 100}, 1, ""},
		{{.state = -1, .kind = "down", .limit = 100}, 0, "5 2 1 "},
		{{.state = 1, .kind = "down", .limit = 100}, 0, "1 "},
		{{.state = -1, .monitor_id = "m2", .limit = 100}, 0, "5 3 "},
		{{.state = -1, .kind = "slow", .monitor_id = "m2", .limit = 100}, 5, "3 "},
		{{.state = -1, .kind = "none", .limit = 100}, 0, ""},
	};
	struct fixture *f = *state;
	put_some_alerts(f);
	struct walked w = {""};
	assert_int_equal(store_each_open_alert(f->store, walk_alert, &w), 0);
	assert_string_equal(w.text, "1 3 4 ");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct alert_filter filter = cases[i].filter;
		if (cases[i].before)
			filter.before = id_of(cases[i].before);
		store_query_alerts(f->store, &filter, fixture_on_list, f);
		assert_list(f, "n", cases[i].expected);
	}
}

static void one_alert_is_found_by_id_or_case(void **state)
{
	struct fixture *f = *state;
	char text[ID_TEXT_SIZE];
	struct id three = id_of(3), nine = id_of(9);
	put_some_alerts(f);
	store_query_alert(f->store, id_format(&three, text), fixture_on_list, f);
	assert_list(f, "n", "3 ");
	store_query_alert(f->store, "K7F-2QX", fixture_on_list, f);
	assert_list(f, "n", "1 ");
	store_query_alert(f->store, "k7f-2qx", fixture_on_list, f);
	assert_list(f, "n", "1 ");
	store_query_alert(f->store, id_format(&nine, text), fixture_on_list, f);
	assert_list(f, "n", "");
	store_query_alert(f->store, "", fixture_on_list, f);
	assert_list(f, "n", "");
}

static void events_are_a_sequence(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(store_last_sequence(f->store), 0);
	struct store_batch *b = store_batch_new(f->store);
	for (int i = 1; i <= 12; i++)
		add_event(b, i, "e");
	commit_ok(f, b);
	assert_int_equal(store_last_sequence(f->store), 12);
	store_query_events(f->store, 0, 3, fixture_on_list, f);
	assert_list(f, "sequence", "1 2 3 ");
	store_query_events(f->store, 9, 100, fixture_on_list, f);
	assert_list(f, "sequence", "10 11 12 ");
	assert_string_equal(json_string_value(json_object_get(json_array_get(f->list, 0), "type")),
		"alert.opened");
	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(json_array_get(f->list, 0), "document"), "text")),
		"e");
	store_query_events(f->store, 12, 100, fixture_on_list, f);
	assert_list(f, "sequence", "");
}

static void a_refused_batch_leaves_no_trace_and_harms_no_other(void **state)
{
	struct fixture *f = *state;
	struct store_batch *b = store_batch_new(f->store);
	add_event(b, 1, "first");
	add_message(b, 1, "chat");
	commit_ok(f, b);
	struct store_batch *good = store_batch_new(f->store), *again = store_batch_new(f->store),
			   *key = store_batch_new(f->store), *better = store_batch_new(f->store);
	put(good, STORE_REGION, 1, "good");
	put(again, STORE_REGION, 2, "never");
	add_event(again, 1, "again");
	put(key, STORE_REGION, 3, "never");
	add_message(key, 1, "chat");
	put(better, STORE_REGION, 4, "better");
	store_submit(f->store, good, STORE_EVENTUALLY, fixture_on_done, f);
	store_submit(f->store, again, STORE_EVENTUALLY, fixture_on_done, f);
	store_submit(f->store, key, STORE_OR_FAIL, fixture_on_done, f);
	store_submit(f->store, better, STORE_EVENTUALLY, fixture_on_done, f);
	memset(f->answers, 0, sizeof(f->answers));
	fixture_wait_count(f, &f->answers[0], 2);
	fixture_wait_count(f, &f->answers[-STORE_FAILED], 2);
	assert_objects(f, STORE_REGION, "1=good 4=better ");
	assert_int_equal(f->health_bad[0], 0);
	store_query_events(f->store, 0, 10, fixture_on_list, f);
	assert_list(f, "sequence", "1 ");
}

static void messages_are_pending_until_sent_or_dead(void **state)
{
	struct fixture *f = *state;
	struct store_batch *b = store_batch_new(f->store);
	add_message(b, 2, "mail");
	add_message(b, 1, "chat");
	add_message(b, 2, "chat");
	add_message(b, 10, "chat");
	commit_ok(f, b);
	assert_pending(f, "1.chat/0/- 2.chat/0/- 2.mail/0/- 10.chat/0/- ");
	b = store_batch_new(f->store);
	store_mark_message(b, "1.chat", OUTBOX_SENT, 1, 0, NULL);
	store_mark_message(b, "2.chat", OUTBOX_PENDING, 2, 9000, "HTTP status 500");
	store_mark_message(b, "2.mail", OUTBOX_DEAD, 10, 0, "HTTP status 410");
	store_mark_message(b, "none", OUTBOX_DEAD, 10, 0, "x");
	commit_ok(f, b);
	assert_pending(f, "2.chat/2/HTTP status 500 10.chat/0/- ");
	b = store_batch_new(f->store);
	store_mark_message(b, "2.chat", OUTBOX_PENDING, 3, 9000, "HTTP status 502");
	store_mark_message(b, "10.chat", OUTBOX_DEAD, 10, 0, NULL);
	commit_ok(f, b);
	assert_pending(f, "2.chat/3/HTTP status 502 ");
	store_query_dead(f->store, 10, fixture_on_list, f);
	assert_list(f, "key", "10.chat 2.mail ");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(f->list, 1), "last_error")),
		"HTTP status 410");
	assert_string_equal(json_string_value(json_object_get(json_array_get(f->list, 1), "body")),
		"{\"a\":1}");
	store_query_dead(f->store, 1, fixture_on_list, f);
	assert_list(f, "key", "10.chat ");
}

static void messages_stay_in_their_bundle(void **state)
{
	struct fixture *f = *state;
	struct id bundle = id_of(7);
	struct store_batch *b = store_batch_new(f->store);
	for (int i = 1; i <= 3; i++)
		add_message(b, i, "chat");
	commit_ok(f, b);
	b = store_batch_new(f->store);
	store_bundle_message(b, "1.chat", &bundle);
	store_bundle_message(b, "3.chat", &bundle);
	store_bundle_message(b, "none", &bundle);
	commit_ok(f, b);
	assert_pending(f, "1.chat in 7 2.chat/0/- 3.chat in 7 ");
	b = store_batch_new(f->store);
	store_mark_message(b, "1.chat", OUTBOX_PENDING, 1, 9000, "HTTP status 500");
	store_mark_message(b, "3.chat", OUTBOX_SENT, 1, 0, NULL);
	commit_ok(f, b);
	assert_pending(f, "1.chat in 7 2.chat/0/- ");
}

static void results_are_kept_once(void **state)
{
	struct fixture *f = *state;
	struct id m1 = id_of(71), m2 = id_of(72), none = id_of(73);
	struct store_batch *b = store_batch_new(f->store);
	add_result(b, 1, 1, 1, 71, "{\"n\":1}");
	add_result(b, 1, 1, 2, 71, "{\"n\":2}");
	add_result(b, 1, 1, 3, 72, "{\"n\":3}");
	add_result(b, 1, 1, 2, 71, "{\"n\":99}"); /* a repeat in the same batch */
	commit_ok(f, b);
	b = store_batch_new(f->store);
	add_result(b, 1, 1, 1, 71, "{\"n\":98}"); /* a repeat */
	add_result(b, 1, 2, 4, 71, "{\"n\":4}");  /* another boot */
	add_result(b, 2, 1, 5, 71, "{\"n\":5}");  /* another probe */
	add_result(b, 1, 2, 1, 71, "{\"n\":6}");  /* another boot, a sequence seen before */
	commit_ok(f, b);
	store_query_results(
		f->store, &(struct result_filter){.monitor = m1, .limit = 100}, fixture_on_list, f);
	assert_list(f, "started_wall_ms", "10005 10004 10002 10001 10001 ");
	const json_t *newest = json_array_get(f->list, 0);
	char text[ID_TEXT_SIZE];
	struct id probe = id_of(2);
	assert_string_equal(
		json_string_value(json_object_get(newest, "probe")), id_format(&probe, text));
	assert_false(json_is_true(json_object_get(newest, "late")));
	assert_true(json_is_true(json_object_get(json_array_get(f->list, 1), "late")));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(newest, "document"), "n")), 5);
	store_query_results(
		f->store, &(struct result_filter){.monitor = m1, .limit = 2}, fixture_on_list, f);
	assert_list(f, "started_wall_ms", "10005 10004 ");
	const json_t *last = json_array_get(f->list, 1);
	store_query_results(f->store,
		&(struct result_filter){.monitor = m1,
			.after_started_wall_ms = 10004,
			.after_row = json_integer_value(json_object_get(last, "row")),
			.limit = 2},
		fixture_on_list, f);
	assert_list(f, "started_wall_ms", "10002 10001 ");
	last = json_array_get(f->list, 1); /* two began at the same instant */
	store_query_results(f->store,
		&(struct result_filter){.monitor = m1,
			.after_started_wall_ms = 10001,
			.after_row = json_integer_value(json_object_get(last, "row")),
			.limit = 2},
		fixture_on_list, f);
	assert_list(f, "started_wall_ms", "10001 ");
	store_query_results(f->store,
		&(struct result_filter){
			.monitor = m1, .from_wall_ms = 10002, .to_wall_ms = 10004, .limit = 9},
		fixture_on_list, f);
	assert_list(f, "started_wall_ms", "10004 10002 ");
	store_query_results(
		f->store, &(struct result_filter){.monitor = m2, .limit = 100}, fixture_on_list, f);
	assert_list(f, "started_wall_ms", "10003 ");
	store_query_results(f->store, &(struct result_filter){.monitor = none, .limit = 100},
		fixture_on_list, f);
	assert_list(f, "started_wall_ms", "");
	assert_int_equal(store_results_queued(f->store), 0);
}

struct order {
	struct fixture *f;
	int n;
};
static int last_answered;

static void on_ordered(void *arg, enum store_error error)
{
	struct order *o = arg;
	assert_int_equal(error, STORE_OK);
	assert_int_equal(o->n, last_answered + 1);
	last_answered = o->n;
}

static void answers_come_in_order_and_once(void **state)
{
	enum { N = 1000 };
	struct fixture *f = *state;
	struct order *orders = mem_array(N, sizeof(*orders));
	last_answered = 0;
	for (int i = 0; i < N; i++) {
		struct store_batch *b = store_batch_new(f->store);
		put(b, STORE_REGION, i % 3, "x");
		add_event(b, i + 1, "x");
		orders[i].f = f;
		orders[i].n = i + 1;
		store_submit(f->store, b, i % 2 ? STORE_OR_FAIL : STORE_EVENTUALLY, on_ordered,
			&orders[i]);
	}
	assert_int_equal(last_answered, 0); /* never before the call returned */
	fixture_wait_count(f, &last_answered, N);
	assert_int_equal(store_last_sequence(f->store), N);
	free(orders);
}

static void an_empty_batch_and_no_callback_are_fine(void **state)
{
	struct fixture *f = *state;
	commit_ok(f, store_batch_new(f->store));
	struct store_batch *b = store_batch_new(f->store);
	put(b, STORE_REGION, 1, "silent");
	store_submit(f->store, b, STORE_OR_FAIL, NULL, NULL);
	commit_ok(f, store_batch_new(f->store));
	assert_objects(f, STORE_REGION, "1=silent ");
}

static void state_waits_out_a_full_disk_in_order(void **state)
{
	struct fixture *f = *state;
	store_inject_fault(f->store, LANE_STATE, FAULT_LASTING);
	struct store_batch *b = store_batch_new(f->store);
	put(b, STORE_REGION, 1, "old");
	add_event(b, 1, "first");
	assert_int_equal(fixture_commit(f, b, STORE_EVENTUALLY), STORE_DEGRADED);
	b = store_batch_new(f->store);
	put(b, STORE_REGION, 2, "never");
	assert_int_equal(fixture_commit(f, b, STORE_OR_FAIL), STORE_DEGRADED);
	b = store_batch_new(f->store);
	put(b, STORE_REGION, 1, "new");
	add_event(b, 2, "second");
	assert_int_equal(fixture_commit(f, b, STORE_EVENTUALLY), STORE_DEGRADED);
	assert_int_equal(f->health_bad[0], 1);
	assert_int_equal(f->health_bad[1], 0);
	assert_objects(f, STORE_REGION, "");
	b = store_batch_new(f->store);
	add_result(b, 1, 1, 1, 71, "{}");
	assert_int_equal(fixture_commit(f, b, STORE_OR_FAIL), STORE_OK); /* the lanes are apart */
	store_inject_fault(f->store, LANE_STATE, 0);
	memset(f->answers, 0, sizeof(f->answers));
	fixture_wait_count(f, &f->health_good[0], 1);
	b = store_batch_new(f->store);
	put(b, STORE_REGION, 3, "after");
	commit_ok(f, b);
	assert_objects(f, STORE_REGION, "1=new 3=after ");
	assert_int_equal(store_last_sequence(f->store), 2);
	assert_int_equal(f->answers[0], 1); /* the last one's: no second answer for the others */
	assert_int_equal(f->answers[1] + f->answers[2], 0);
	assert_int_equal(f->health_bad[0], 1);
}

static void a_long_backlog_keeps_its_order(void **state)
{
	struct fixture *f = *state;
	char text[16];
	store_inject_fault(
		f->store, LANE_STATE, 3); /* a backlog of several groups fails over and over */
	memset(f->answers, 0, sizeof(f->answers));
	for (int i = 1; i <= 5; i++) {
		struct store_batch *b = store_batch_new(f->store);
		snprintf(text, sizeof(text), "%d", i);
		for (int k = 0; k < 900; k++)
			put(b, STORE_REGION, 1, text);
		add_event(b, i, text);
		store_submit(f->store, b, STORE_EVENTUALLY, fixture_on_done, f);
	}
	fixture_wait_count(f, &f->answers[1], 5);
	fixture_wait_count(f, &f->health_good[0], 1);
	assert_int_equal(fixture_commit(f, store_batch_new(f->store), STORE_OR_FAIL), STORE_OK);
	assert_objects(f, STORE_REGION, "1=5 ");
	assert_int_equal(store_last_sequence(f->store), 5);
	assert_int_equal(f->health_bad[0], 1);
}

static void health_recovers_without_traffic(void **state)
{
	struct fixture *f = *state;
	store_inject_fault(f->store, LANE_STATE, FAULT_LASTING);
	assert_int_equal(
		fixture_commit(f, store_batch_new(f->store), STORE_OR_FAIL), STORE_DEGRADED);
	assert_int_equal(f->health_bad[0], 1);
	store_inject_fault(f->store, LANE_STATE, 0);
	fixture_wait_count(f, &f->health_good[0], 1);
}

static bool nothing_queued(void *arg)
{
	return store_results_queued(((struct fixture *)arg)->store) == 0;
}

static void results_wait_apart_and_are_counted(void **state)
{
	struct fixture *f = *state;
	struct id m = id_of(71);
	store_inject_fault(f->store, LANE_RESULTS, FAULT_LASTING);
	for (int i = 1; i <= 3; i++) {
		struct store_batch *b = store_batch_new(f->store);
		add_result(b, 1, 1, i, 71, "{}");
		assert_int_equal(fixture_commit(f, b, i == 2 ? STORE_OR_FAIL : STORE_EVENTUALLY),
			STORE_DEGRADED);
	}
	assert_int_equal(store_results_queued(f->store), 2);
	assert_int_equal(f->health_bad[1], 1);
	assert_int_equal(f->health_bad[0], 0);
	struct store_batch *b = store_batch_new(f->store);
	put(b, STORE_REGION, 1, "state");
	commit_ok(f, b);
	store_inject_fault(f->store, LANE_RESULTS, 0);
	fixture_wait(f, nothing_queued, f);
	store_query_results(
		f->store, &(struct result_filter){.monitor = m, .limit = 10}, fixture_on_list, f);
	assert_list(f, "started_wall_ms", "10003 10001 ");
}

static void a_large_group_is_cut_and_all_of_it_arrives(void **state)
{
	struct fixture *f = *state;
	struct id m = id_of(71);
	memset(f->answers, 0, sizeof(f->answers));
	for (int i = 0; i < 40; i++) {
		struct store_batch *b = store_batch_new(f->store);
		for (int k = 1; k <= 150; k++)
			add_result(b, 1, 1, i * 150 + k, 71, "{}");
		store_submit(f->store, b, STORE_OR_FAIL, fixture_on_done, f);
	}
	assert_true(store_results_queued(f->store) > 0);
	fixture_wait_count(f, &f->answers[0], 40);
	store_query_results(f->store, &(struct result_filter){.monitor = m, .limit = 10000},
		fixture_on_list, f);
	fixture_wait_count(f, &f->lists, 1);
	assert_int_equal(json_array_size(f->list), 6000);
}

#define BOTH(test)                                                                                 \
	{"sqlite: " #test, test, setup_sqlite, teardown, NULL},                                    \
	{                                                                                          \
		"memory: " #test, test, setup_memory, teardown, NULL                               \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(objects_are_put_replaced_and_removed),
		BOTH(documents_come_back_as_they_were),
		BOTH(alerts_are_found_by_filters),
		BOTH(one_alert_is_found_by_id_or_case),
		BOTH(events_are_a_sequence),
		BOTH(a_refused_batch_leaves_no_trace_and_harms_no_other),
		BOTH(messages_are_pending_until_sent_or_dead),
		BOTH(messages_stay_in_their_bundle),
		BOTH(results_are_kept_once),
		BOTH(answers_come_in_order_and_once),
		BOTH(an_empty_batch_and_no_callback_are_fine),
		BOTH(state_waits_out_a_full_disk_in_order),
		BOTH(a_long_backlog_keeps_its_order),
		BOTH(health_recovers_without_traffic),
		BOTH(results_wait_apart_and_are_counted),
		BOTH(a_large_group_is_cut_and_all_of_it_arrives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
