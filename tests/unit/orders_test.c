// SPDX-License-Identifier: MIT
/* The order log as a probe would follow it: nothing missed, nothing twice, whatever changes meanwhile. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/orders.h"
#include "proto/base/rand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MONITORS 450 /* more than one message takes */

struct world {
	struct loop *loop;
	struct store *store;
	struct registry *registry;
	struct order_log log;
	struct id id[MONITORS];
};

static void on_health(void *arg, enum store_part part, const char *detail)
{
	(void)arg;
	(void)part;
	fail_msg("%s", detail);
}

static void on_done(void *arg, enum store_error error, const struct id *id)
{
	(void)id;
	assert_int_equal(error, STORE_OK);
	loop_stop(arg);
}

static json_t *many_monitors(void)
{
	json_t *list = json_array();
	char name[32];

	for (int i = 0; i < MONITORS; i++) {
		snprintf(name, sizeof(name), "m%04d", i);
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "name", name, "tcp", "a.example:1"));
	}
	return list;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	json_t *inputs = many_monitors();
	struct problems p = {0};
	struct plan *plan;
	char name[32];

	w->loop = loop_new();
	assert_int_equal(store_open(&w->store, w->loop, "memory:", on_health, w), 0);
	w->registry = registry_open(w->store, 1000000);
	if (registry_plan(w->registry, inputs, NULL, "", &plan, &p) == -1)
		fail_msg("%s: %s", p.item[0].path, p.item[0].message);
	assert_int_equal(registry_commit(w->registry, plan, on_done, w->loop), 0);
	loop_run(w->loop);
	for (int i = 0; i < MONITORS; i++) {
		snprintf(name, sizeof(name), "m%04d", i);
		w->id[i] = registry_monitor_by_name(w->registry, name)->m.id;
	}
	json_decref(inputs);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	order_log_clear(&w->log);
	store_close(w->store);
	registry_close(w->registry);
	loop_free(w->loop);
	free(w);
	return 0;
}

/* One reply, decoded; the caller frees it. */
static struct message *fetch(struct world *w, int64_t since, bool reset, bool *snapshot)
{
	const struct orders along = {.reset = reset};
	struct problems p = {0};
	size_t size_bytes;
	char *text =
		order_log_encode(&w->log, w->registry, since, &along, snapshot, 0, &size_bytes);
	struct message *message;

	assert_non_null(text);
	assert_true(size_bytes <= MESSAGE_MAX_BYTES);
	message = message_decode(text, size_bytes, &p);
	if (!message)
		fail_msg("%s: %s", p.item[0].path, p.item[0].message);
	free(text);
	return message;
}

static void test_a_snapshot_comes_in_parts_and_completes(void **state)
{
	struct world *w = *state;
	bool snapshot = true, reset = true;
	int64_t since = 0;
	size_t seen = 0;
	int parts = 0;

	for (int i = 0; i < MONITORS; i++)
		order_log_assign(&w->log, &w->id[i], i % 3, 3);
	while (snapshot) {
		struct message *m = fetch(w, since, reset, &snapshot);
		const struct assignment *a = m->u.orders.assign.item;

		assert_int_equal(m->u.orders.reset, reset);
		assert_int_equal(m->u.orders.complete, !snapshot);
		for (size_t i = 0; i < m->u.orders.assign.n; i++)
			assert_true(a[i].assignment > since);
		assert_true(m->u.orders.revision > since);
		seen += m->u.orders.assign.n;
		since = m->u.orders.revision;
		reset = false;
		message_free(m);
		assert_true(++parts < 20);
	}
	assert_int_equal(seen, MONITORS);
	assert_true(parts > 1);
	assert_int_equal(w->log.n_assigned, MONITORS);
}

static void test_an_empty_snapshot_completes_at_once(void **state)
{
	struct world *w = *state;
	bool snapshot = true;
	struct message *m = fetch(w, 0, true, &snapshot);

	assert_true(m->u.orders.reset && m->u.orders.complete);
	assert_int_equal(m->u.orders.assign.n, 0);
	assert_false(snapshot);
	message_free(m);
}

static void test_only_what_changed_since(void **state)
{
	struct world *w = *state;
	bool snapshot = false;
	struct message *m;
	int64_t revision;

	for (int i = 0; i < 10; i++)
		order_log_assign(&w->log, &w->id[i], 0, 1);
	revision = w->log.revision;
	order_log_assign(&w->log, &w->id[3], 1, 2);
	order_log_drop(&w->log, &w->id[5]);
	m = fetch(w, revision, false, &snapshot);
	assert_int_equal(m->u.orders.assign.n, 1);
	assert_int_equal(m->u.orders.drop.n, 1);
	assert_int_equal(m->u.orders.revision, w->log.revision);
	message_free(m);
}

static void test_dropping_twice_is_one_change(void **state)
{
	struct world *w = *state;
	int64_t revision;

	order_log_assign(&w->log, &w->id[0], 0, 1);
	order_log_drop(&w->log, &w->id[0]);
	revision = w->log.revision;
	order_log_drop(&w->log, &w->id[0]);
	order_log_drop(&w->log, &w->id[1]);
	assert_int_equal(w->log.revision, revision);
	assert_int_equal(w->log.n_assigned, 0);
}

static void test_forgetting_keeps_what_was_not_heard(void **state)
{
	struct world *w = *state;
	bool snapshot = false;
	struct message *m;
	int64_t heard, revision;

	for (int i = 0; i < 4; i++)
		order_log_assign(&w->log, &w->id[i], 0, 1);
	order_log_drop(&w->log, &w->id[0]);
	heard = w->log.revision;
	order_log_drop(&w->log, &w->id[1]);
	order_log_forget(&w->log, heard);
	assert_false(order_log_has(&w->log, &w->id[0], &revision));
	assert_true(order_log_has(&w->log, &w->id[2], &revision));
	m = fetch(w, heard, false, &snapshot);
	assert_int_equal(m->u.orders.drop.n, 1);
	message_free(m);
}

static void test_a_deleted_monitor_is_dropped(void **state)
{
	struct world *w = *state;
	struct id gone = id_new();
	bool snapshot = false;
	struct message *m;

	order_log_assign(&w->log, &gone, 0, 1);
	m = fetch(w, 0, false, &snapshot);
	assert_int_equal(m->u.orders.assign.n, 0);
	assert_int_equal(m->u.orders.drop.n, 1);
	message_free(m);
}

static void test_phases_spread_over_the_interval(void **state)
{
	struct world *w = *state;
	bool snapshot = false;
	struct message *m;
	int64_t least = INT64_MAX, most = 0;

	for (int i = 0; i < 100; i++)
		order_log_assign(&w->log, &w->id[i], 0, 1);
	m = fetch(w, 0, false, &snapshot);
	const struct assignment *a = m->u.orders.assign.item;
	for (size_t i = 0; i < m->u.orders.assign.n; i++) {
		least = a[i].next_in_ms < least ? a[i].next_in_ms : least;
		most = a[i].next_in_ms > most ? a[i].next_in_ms : most;
	}
	assert_true(least >= 0 && least < 6000 && most > 54000 && most < 60000);
	message_free(m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_snapshot_comes_in_parts_and_completes),
		TEST(test_an_empty_snapshot_completes_at_once),
		TEST(test_only_what_changed_since),
		TEST(test_dropping_twice_is_one_change),
		TEST(test_forgetting_keeps_what_was_not_heard),
		TEST(test_a_deleted_monitor_is_dropped),
		TEST(test_phases_spread_over_the_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
