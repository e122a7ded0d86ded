// SPDX-License-Identifier: MIT
/* What a mass flip held back, on a channel for people: one message, nothing lost, nothing twice. */
#include "tests/unit/notify_kit.h"

#define N 25

static const struct gather_times quick_gather = {50, 10000};

static void group(struct stage *s)
{
	s->channel[0].mass_flips = MASS_FLIPS_GROUPED;
	notify_set_gather(s->notify, &quick_gather);
}

static void restart_grouped(struct stage *s)
{
	restart(s);
	notify_set_gather(s->notify, &quick_gather);
}

/* The event TYPE of alert number N of ORGANIZATION, held back by a mass flip. */
static json_t *mass_event(const char *type, int n, int64_t sequence, const char *organization)
{
	char id_text[ID_TEXT_SIZE], case_id[16], name[32], url[64];
	struct id id = id_of(n);

	snprintf(case_id, sizeof(case_id), "AAA-%03d", n);
	snprintf(name, sizeof(name), "shop %d", n);
	snprintf(url, sizeof(url), "https://q.example.net/alerts/%s", case_id);
	return json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, "
			 "s:{s:s, s:s, s:s}, s:{s:s, s:s}, s:[i, i]}}",
		"type", type, "timestamp", "2026-11-21T18:30:49.310Z", "mass_flip", "id",
		"0193aaaa-0000-7000-8000-000000000001", "of", "organization", "data", "id",
		id_format(&id, id_text), "case", case_id, "organization", organization, "kind",
		"down", "severity", "critical", "held_ms", (json_int_t)(10000 + n), "sequence",
		(json_int_t)sequence, "url", url, "monitor", "id", id_text, "name", name, "target",
		"https://shop.example.com/", "reason", "code", "tcp.refused", "text",
		"connection refused", "votes", 1, 2);
}

static void add_mass(struct stage *s, const char *type, int n, int64_t sequence, const char *of)
{
	struct id id = id_of(n);
	json_t *body = mass_event(type, n, sequence, of);
	struct store_batch *b = store_batch_new(s->f->store);

	store_add_event(b, sequence, type, &id, 1, body);
	notify_add(s->notify, b, sequence, "down", body);
	store_submit(s->f->store, b, STORE_EVENTUALLY, NULL, NULL);
	json_decref(body);
}

static void send_mass(struct stage *s, const char *type, int n, int64_t sequence, const char *of)
{
	add_mass(s, type, n, sequence, of);
	notify_release(s->notify, sequence);
}

/* Alerts FROM … TO open, sequences as their numbers. */
static void open_many(struct stage *s, int from, int to)
{
	for (int i = from; i <= to; i++)
		send_mass(s, "alert.opened", i, i, "acme");
}

static json_t *request_data(struct stage *s, int i, const char *type)
{
	json_t *body = json_loads(s->receiver.request[i].body, 0, NULL), *data;

	assert_non_null(body);
	assert_string_equal(json_string_value(json_object_get(body, "type")), type);
	data = json_incref(json_object_get(body, "data"));
	json_decref(body);
	return data;
}

static void assert_names(const json_t *data, int from, int to)
{
	const json_t *list = json_object_get(data, "alerts");
	char expected[16];

	assert_int_equal(json_array_size(list), to - from + 1);
	for (int i = from; i <= to; i++) {
		const json_t *entry = json_array_get(list, (size_t)(i - from));

		snprintf(expected, sizeof(expected), "AAA-%03d", i);
		assert_string_equal(json_string_value(json_object_get(entry, "case")), expected);
		snprintf(expected, sizeof(expected), "shop %d", i);
		assert_string_equal(json_string_value(json_object_get(
					    json_object_get(entry, "monitor"), "name")),
			expected);
		assert_null(json_object_get(entry, "votes"));
	}
}

static void comes_as_one(void **state)
{
	struct stage *s = *state;
	json_t *data;

	group(s);
	SCRIPT(s, OK200);
	open_many(s, 1, N);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 1);
	data = request_data(s, 0, "alerts.opened");
	assert_names(data, 1, N);
	assert_int_equal(json_integer_value(json_object_get(data, "count")), N);
	assert_int_equal(json_integer_value(json_object_get(data, "more")), 0);
	assert_int_equal(json_integer_value(json_object_get(data, "held_ms")), 10000 + N);
	assert_string_equal(json_string_value(json_object_get(data, "organization")), "acme");
	assert_string_equal(
		json_string_value(json_object_get(data, "url")), "https://q.example.net/alerts");
	assert_non_null(json_object_get(json_object_get(data, "mass_flip"), "id"));
	assert_string_equal(strchr(s->receiver.request[0].id, '.'), ".chat");
	assert_int_equal(strncmp(s->receiver.request[0].signature, "v1,", 3), 0);
	json_decref(data);
	assert_counts(s, 0, N, 0, 0);
	assert_int_equal(stored_pending(s), 0);
}

static void each_organization_and_each_end_by_itself(void **state)
{
	static const char *const types[] = {"alerts.opened", "alerts.opened", "alerts.closed"};
	struct stage *s = *state;
	json_t *data;

	group(s);
	SCRIPT(s, OK200);
	open_many(s, 1, 3);
	for (int i = 4; i <= 6; i++)
		send_mass(s, "alert.opened", i, i, "emca");
	for (int i = 1; i <= 3; i++) /* behind their openings */
		send_mass(s, "alert.closed", i, 10 + i, "acme");
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 3);
	for (int i = 0; i < 3; i++) {
		data = request_data(s, i, types[i]);
		assert_names(data, i == 1 ? 4 : 1, i == 1 ? 6 : 3);
		json_decref(data);
	}
	assert_counts(s, 0, 9, 0, 0);
}

static int n_gathered; /* wanted */

static bool has_gathered(void *arg)
{
	const struct stage *s = arg;
	const struct bundle *b = s->notify->channels->bundles;

	return b && b->n == (size_t)n_gathered && !b->committing;
}

/* In the order of their numbers, in which a restart finds them, too. */
static void in_order_however_they_came(void **state)
{
	static const struct gather_times slow = {60000, 60000};
	struct stage *s = *state;
	json_t *data;

	group(s);
	SCRIPT(s, OK200);
	for (int i = 1; i <= 3; i++)
		add_mass(s, "alert.opened", i, i, "acme");
	for (int i = 3; i >= 1; i--) {
		notify_set_gather(s->notify, i == 1 ? &quick_gather : &slow);
		notify_release(s->notify, i);
		n_gathered = 4 - i;
		if (i > 1)
			fixture_wait(s->f, has_gathered, s);
	}
	fixture_wait(s->f, has_ended, s);
	data = request_data(s, 0, "alerts.opened");
	assert_names(data, 1, 3);
	json_decref(data);
}

/* What was tried by itself stays so: its receiver may have it already, by its own key. */
static void what_was_tried_alone_stays_alone(void **state)
{
	struct stage *s = *state;
	static const int64_t delays[] = {0, 300};
	static const struct retry_schedule later = {delays, 2};

	notify_set_schedule(s->notify, &later);
	SCRIPT(s, ERROR500, ERROR500, OK200);
	open_many(s, 1, 2);
	wait_requests(s, 2);
	group(s);
	notify_configure(s->notify, s->channel, 1);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 4);
	for (int i = 2; i < 4; i++)
		json_decref(request_data(s, i, "alert.opened"));
}

static void one_alone_is_told_as_ever(void **state)
{
	struct stage *s = *state;
	char key[64], text[ID_TEXT_SIZE];
	struct id id = id_of(1);

	group(s);
	SCRIPT(s, OK200);
	open_many(s, 1, 1);
	fixture_wait(s->f, has_ended, s);
	snprintf(key, sizeof(key), "%s.1.chat", id_format(&id, text));
	assert_string_equal(s->receiver.request[0].id, key);
	json_decref(request_data(s, 0, "alert.opened"));
}

static void what_no_mass_flip_held_does_not_wait(void **state)
{
	struct stage *s = *state;
	static const struct gather_times slow = {60000, 60000};

	group(s);
	notify_set_gather(s->notify, &slow);
	SCRIPT(s, OK200);
	open_many(s, 1, 3);
	send_one(s, 9, 9);
	wait_requests(s, 1);
	assert_arrived(s, "9 ");
	assert_counts(s, 3, 1, 0, 0);
}

static void it_is_sent_though_ever_more_come(void **state)
{
	struct stage *s = *state;
	static const struct gather_times soon = {60000, 50};

	group(s);
	notify_set_gather(s->notify, &soon);
	SCRIPT(s, OK200);
	open_many(s, 1, 3);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 1);
}

static void programs_get_each_with_the_flip_it_is_of(void **state)
{
	struct stage *s = *state;
	int single = 0, grouped = 0;

	group(s);
	notify_configure(s->notify, s->channel, 2);
	SCRIPT(s, OK200);
	open_many(s, 1, N);
	fixture_wait(s->f, has_ended, s);
	for (int i = 0; i < s->receiver.n; i++) {
		json_t *body = json_loads(s->receiver.request[i].body, 0, NULL);
		bool people = strcmp(s->receiver.request[i].path, "/hook/TOKEN0") == 0;

		assert_int_equal(people, json_object_get(body, "mass_flip") == NULL);
		grouped += people;
		single += !people;
		json_decref(body);
	}
	assert_int_equal(grouped, 1);
	assert_int_equal(single, N);
	assert_counts(s, 0, 2 * N, 0, 0);
}

static void a_failure_is_tried_again_as_it_was(void **state)
{
	struct stage *s = *state;

	group(s);
	SCRIPT(s, ERROR500, OK200);
	open_many(s, 1, N);
	wait_requests(s, 1);
	send_one(s, 3, 90); /* of an alert that is in it: waits for it */
	open_many(s, N + 1, N + 2);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 4);
	assert_string_equal(s->receiver.request[0].id, s->receiver.request[1].id);
	assert_string_equal(s->receiver.request[0].body, s->receiver.request[1].body);
	assert_counts(s, 0, N + 3, 1, 0);
	assert_int_equal(stored_pending(s), 0);
}

static void a_restart_gathers_anew(void **state)
{
	struct stage *s = *state;
	json_t *data;

	group(s);
	SCRIPT(s, OK200);
	open_many(s, 1, N - 1);
	add_mass(s, "alert.opened", N, N, "acme"); /* not even released */
	assert_int_equal(stored_pending(s), N);
	restart_grouped(s);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 1);
	data = request_data(s, 0, "alerts.opened");
	assert_names(data, 1, N);
	json_decref(data);
	assert_int_equal(stored_pending(s), 0);
}

static void a_restart_repeats_what_was_sent_with_its_key(void **state)
{
	struct stage *s = *state;

	group(s);
	SCRIPT(s, SILENCE, OK200);
	open_many(s, 1, N);
	wait_requests(s, 1);
	open_many(s, N + 1, N + 2); /* came later: not in it */
	assert_int_equal(stored_pending(s), N + 2);
	restart_grouped(s);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 3);
	assert_string_equal(s->receiver.request[0].id, s->receiver.request[1].id);
	assert_string_equal(s->receiver.request[0].body, s->receiver.request[1].body);
	assert_counts(s, 0, N + 2, 0, 0);
	assert_int_equal(stored_pending(s), 0);
}

static void what_nobody_took_is_dead_one_by_one(void **state)
{
	struct stage *s = *state;

	group(s);
	SCRIPT(s, ERROR500);
	open_many(s, 1, 3);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 3); /* attempts */
	assert_counts(s, 0, 0, 3, 3);
	assert_int_equal(stored_pending(s), 0);
	store_query_dead(s->f->store, 10, fixture_on_list, s->f);
	fixture_wait_count(s->f, &s->f->lists, 1);
	assert_int_equal(json_array_size(s->f->list), 3);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(s->f->list, 0), "last_error")),
		"HTTP status 500");
}

static void a_broken_store_holds_no_bundle_back(void **state)
{
	struct stage *s = *state;

	group(s);
	SCRIPT(s, OK200);
	store_inject_fault(s->f->store, LANE_STATE, FAULT_LASTING);
	open_many(s, 1, 3);
	fixture_wait(s->f, has_ended, s);
	assert_int_equal(s->receiver.n, 1);
	assert_counts(s, 0, 3, 0, 0);
	fixture_wait_count(s->f, &s->f->health_bad[0], 1);
	store_inject_fault(s->f->store, LANE_STATE, 0);
	fixture_wait_count(s->f, &s->f->health_good[0], 1);
	assert_int_equal(stored_pending(s), 0);
}

/* Turn by turn: the commit itself may take no time. */
static void wait_committing(struct stage *s)
{
	const struct bundle *b = NULL;

	while (!b || !b->committing) {
		loop_defer(s->f->loop, (void (*)(void *))loop_stop, s->f->loop);
		loop_run(s->f->loop);
		b = s->notify->channels->bundles;
	}
}

/* Taken out of the configuration while it gathers, is being committed, or is under way. */
static void a_channel_removed_leaves_dead_letters(void **state)
{
	static const struct gather_times never = {60000, 60000}, now = {0, 0};
	struct stage *s = *state;

	n_gathered = 3;
	for (int phase = 0; phase < 3; phase++) {
		int seen = s->receiver.n;

		group(s);
		notify_configure(s->notify, s->channel, 1);
		notify_set_gather(s->notify, phase == 0 ? &never : &now);
		SCRIPT(s, SILENCE);
		open_many(s, 10 * phase + 1, 10 * phase + 3);
		if (phase == 2)
			wait_requests(s, seen + 1);
		else if (phase == 1)
			wait_committing(s);
		else
			fixture_wait(s->f, has_gathered, s);
		notify_configure(s->notify, NULL, 0);
		assert_counts(s, 0, 0, 0, 3 * (phase + 1));
		assert_int_equal(stored_pending(s), 0);
	}
}

static char *compose(const char *type, int n, const char *long_name)
{
	const char **body = mem_array((size_t)n, sizeof(*body));
	char *out;

	for (int i = 0; i < n; i++) {
		json_t *event = mass_event(type, i + 1, i + 1, "acme");

		if (long_name)
			json_object_set_new(
				json_object_get(json_object_get(event, "data"), "monitor"), "name",
				json_string(long_name));
		body[i] = json_dumps(event, JSON_COMPACT);
		json_decref(event);
	}
	out = bundle_compose(body, (size_t)n, 14200);
	for (int i = 0; i < n; i++)
		free((void *)(uintptr_t)body[i]);
	free(body);
	return out;
}

static void it_reads_well(void **state)
{
	char *text = compose("alert.opened", 2, NULL);
	json_t *body = json_loads(text, 0, NULL);

	(void)state;
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(body, "data"), "text")),
		"2 monitors of acme are down: shop 1 (AAA-001), shop 2 (AAA-002). So many changed "
		"at "
		"once that each was looked at once more before it was told, for up to 15 s. "
		"https://q.example.net/alerts");
	json_decref(body);
	free(text);
	text = compose("alert.closed", 2, NULL);
	body = json_loads(text, 0, NULL);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(body, "data"), "text")),
		"2 monitors of acme are up again: shop 1 (AAA-001), shop 2 (AAA-002). So many "
		"changed "
		"at once that each was looked at once more before it was told. "
		"https://q.example.net/alerts");
	json_decref(body);
	free(text);
}

static void it_stays_small(void **state)
{
	char name[201];
	static const struct {
		int n;
		bool long_names;
		int listed;
	} table[] = {{49, false, 49}, {50, false, 50}, {51, false, 50}, {312, false, 50},
		{1, true, 1}, {312, true, -1}};

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char *text = compose("alert.opened", table[i].n, table[i].long_names ? name : NULL);
		json_t *body = json_loads(text, 0, NULL), *data = json_object_get(body, "data");
		int listed = (int)json_array_size(json_object_get(data, "alerts"));
		char more[32];

		assert_in_range(strlen(text), 1, 20000);
		if (table[i].listed >= 0)
			assert_int_equal(listed, table[i].listed);
		else
			assert_in_range(listed, 15, 40);
		assert_int_equal(
			json_integer_value(json_object_get(data, "more")), table[i].n - listed);
		snprintf(more, sizeof(more), " and %d more.", table[i].n - listed);
		assert_int_equal(
			strstr(json_string_value(json_object_get(data, "text")), more) != NULL,
			table[i].n > listed);
		json_decref(body);
		free(text);
	}
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_reads_well),
		cmocka_unit_test(it_stays_small),
		STAGED(comes_as_one),
		STAGED(each_organization_and_each_end_by_itself),
		STAGED(in_order_however_they_came),
		STAGED(what_was_tried_alone_stays_alone),
		STAGED(one_alone_is_told_as_ever),
		STAGED(what_no_mass_flip_held_does_not_wait),
		STAGED(it_is_sent_though_ever_more_come),
		STAGED(programs_get_each_with_the_flip_it_is_of),
		STAGED(a_failure_is_tried_again_as_it_was),
		STAGED(a_restart_gathers_anew),
		STAGED(a_restart_repeats_what_was_sent_with_its_key),
		STAGED(what_nobody_took_is_dead_one_by_one),
		STAGED(a_broken_store_holds_no_bundle_back),
		STAGED(a_channel_removed_leaves_dead_letters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
