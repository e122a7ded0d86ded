// SPDX-License-Identifier: MIT
/* A store on a loop of its own, for the tests of the store: submit, ask, wait for the answer. */
#ifndef QUORATE_TESTS_STORE_FIXTURE_H
#define QUORATE_TESTS_STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/store/backend.h"
#include "coordinator/store/store.h"
#include "proto/base/clock.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 20000

struct fixture {
	struct loop *loop;
	struct store *store;
	char folder[64]; /* "" with the memory backend */
	char location[80];
	struct timer deadline, poll;
	bool (*condition)(void *arg);
	void *condition_arg;
	bool timed_out;
	/* what came back */
	int answers[3]; /* by -error */
	json_t *list;
	int lists;
	enum store_error list_error;
	int health_bad[STORE_PART_COUNT], health_good[STORE_PART_COUNT];
	char detail[WHY_SIZE];
};

static inline void fixture_on_health(void *arg, enum store_part part, const char *detail)
{
	struct fixture *f = arg;
	if (detail) {
		f->health_bad[part]++;
		snprintf(f->detail, sizeof(f->detail), "%s", detail);
	} else {
		f->health_good[part]++;
	}
}

static inline void fixture_on_done(void *arg, enum store_error error)
{
	struct fixture *f = arg;
	f->answers[-(int)error]++;
}

static inline void fixture_on_list(void *arg, enum store_error error, const json_t *list)
{
	struct fixture *f = arg;
	json_decref(f->list);
	f->list = list ? json_deep_copy(list) : NULL;
	f->list_error = error;
	f->lists++;
}

static inline void fixture_on_deadline(void *arg)
{
	struct fixture *f = arg;
	f->timed_out = true;
	loop_stop(f->loop);
}

static inline void fixture_on_poll(void *arg)
{
	struct fixture *f = arg;
	if (f->condition(f->condition_arg))
		loop_stop(f->loop);
	else
		timer_set(&f->poll, 1);
}

/* Runs the loop until CONDITION holds; fails the test after WAIT_MS. */
static inline void fixture_wait(struct fixture *f, bool (*condition)(void *arg), void *arg)
{
	f->condition = condition;
	f->condition_arg = arg;
	f->timed_out = false;
	timer_set(&f->deadline, WAIT_MS);
	timer_set(&f->poll, 0);
	loop_run(f->loop);
	timer_stop(&f->deadline);
	timer_stop(&f->poll);
	assert_false(f->timed_out);
}

struct fixture_count {
	const int *counter;
	int wanted;
};

static inline bool fixture_reached(void *arg)
{
	const struct fixture_count *c = arg;
	return *c->counter >= c->wanted;
}

static inline void fixture_wait_count(struct fixture *f, const int *counter, int wanted)
{
	struct fixture_count c = {counter, wanted};
	fixture_wait(f, fixture_reached, &c);
	assert_int_equal(*counter, wanted);
}

/* Submits B and returns its answer. */
static inline enum store_error fixture_commit(
	struct fixture *f, struct store_batch *b, enum store_mode mode)
{
	int before[3], total = 0;
	memcpy(before, f->answers, sizeof(before));
	memset(f->answers, 0, sizeof(f->answers));
	store_submit(f->store, b, mode, fixture_on_done, f);
	assert_int_equal(f->answers[0] + f->answers[1] + f->answers[2], 0);
	enum store_error error = STORE_FAILED;
	while (total == 0) {
		loop_defer(f->loop, (void (*)(void *))loop_stop, f->loop);
		loop_run(f->loop);
		total = f->answers[0] + f->answers[1] + f->answers[2];
	}
	assert_int_equal(total, 1);
	for (int i = 0; i < 3; i++)
		if (f->answers[i])
			error = (enum store_error) - i;
	for (int i = 0; i < 3; i++)
		f->answers[i] += before[i];
	return error;
}

static inline void fixture_open(struct fixture *f)
{
	assert_int_equal(store_open(&f->store, f->loop, f->location, fixture_on_health, f), 0);
}

static inline void fixture_close(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
}

static inline struct fixture *fixture_new(bool sqlite)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	f->loop = loop_new();
	timer_init(&f->deadline, f->loop, fixture_on_deadline, f);
	timer_init(&f->poll, f->loop, fixture_on_poll, f);
	if (sqlite) {
		snprintf(f->folder, sizeof(f->folder), "/tmp/qstore.XXXXXX");
		assert_non_null(mkdtemp(f->folder));
		snprintf(f->location, sizeof(f->location), "sqlite:%s", f->folder);
	} else {
		snprintf(f->location, sizeof(f->location), "memory:");
	}
	fixture_open(f);
	return f;
}

static inline void fixture_remove_folder(const char *folder)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
}

static inline void fixture_free(struct fixture *f)
{
	fixture_close(f);
	timer_clear(&f->deadline);
	timer_clear(&f->poll);
	loop_free(f->loop);
	json_decref(f->list);
	if (f->folder[0])
		fixture_remove_folder(f->folder);
	free(f);
}

/* An id that sorts by N. */
static inline struct id id_of(int n)
{
	struct id id = {{0}};
	id.byte[0] = 1;
	id.byte[14] = (uint8_t)(n >> 8);
	id.byte[15] = (uint8_t)n;
	return id;
}

static inline const char *path_in(const struct fixture *f, const char *name)
{
	static char path[160];
	snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	return path;
}

#endif
