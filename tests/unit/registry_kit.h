// SPDX-License-Identifier: MIT
/* A registry on the memory store, which is never ill. */
#ifndef QUORATE_TESTS_REGISTRY_KIT_H
#define QUORATE_TESTS_REGISTRY_KIT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/registry.h"

#include <stdlib.h>
#include <string.h>

struct world {
	struct loop *loop;
	struct store *store;
	struct registry *registry;
	int done, told;
	enum store_error error;
	enum registry_change last_change;
};

static inline void on_health(void *arg, enum store_part part, const char *detail)
{
	(void)arg;
	(void)part;
	fail_msg("the memory store is never ill: %s", detail);
}

static inline void on_change(void *arg, enum registry_change change, void *object)
{
	struct world *w = arg;

	assert_non_null(object);
	w->told++;
	w->last_change = change;
}

static inline void on_done(void *arg, enum store_error error, const struct id *id)
{
	struct world *w = arg;

	assert_non_null(id);
	w->done++;
	w->error = error;
	loop_stop(w->loop);
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->loop = loop_new();
	assert_int_equal(store_open(&w->store, w->loop, "memory:", on_health, w), 0);
	w->registry = registry_open(w->store, 1000);
	registry_listen(w->registry, on_change, w);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	store_close(w->store);
	registry_close(w->registry);
	loop_free(w->loop);
	free(w);
	return 0;
}

/* Waits for the change just submitted. */
static inline void settle(struct world *w)
{
	int before = w->done;

	loop_run(w->loop);
	assert_int_equal(w->done, before + 1);
	assert_int_equal(w->error, STORE_OK);
}

static inline json_t *json(const char *text)
{
	json_error_t error;
	json_t *value = json_loads(text, 0, &error);

	if (!value)
		fail_msg("%s: %s", text, error.text);
	return value;
}

static inline int add_region(struct world *w, const char *text, struct problems *p)
{
	json_t *in = json(text);
	int result = registry_add_region(w->registry, in, p, on_done, w);

	json_decref(in);
	return result;
}

static inline int add_probe(struct world *w, const char *text, char *token, struct problems *p)
{
	json_t *in = json(text);
	int result = registry_add_probe(w->registry, in, false, token, p, on_done, w);

	json_decref(in);
	return result;
}

static inline void three_regions(struct world *w)
{
	static const char *const regions[] = {
		"{\"name\": \"tokyo\", \"sets\": [\"japan\"]}",
		"{\"name\": \"osaka\", \"sets\": [\"japan\"]}",
		"{\"name\": \"virginia\", \"provider\": \"cloudy\"}",
	};
	static const char *const probes[] = {
		"{\"name\": \"tokyo-1\", \"region\": \"tokyo\"}",
		"{\"name\": \"osaka-1\", \"region\": \"osaka\"}",
		"{\"name\": \"virginia-1\", \"region\": \"virginia\"}",
	};
	struct problems p = {0};
	char token[TOKEN_TEXT_SIZE];

	for (int i = 0; i < 3; i++) {
		assert_int_equal(add_region(w, regions[i], &p), 0);
		settle(w);
		assert_int_equal(add_probe(w, probes[i], token, &p), 0);
		settle(w);
	}
}

static inline int plan(struct world *w, const char *text, struct plan **out, struct problems *p)
{
	json_t *in = json(text);
	int result;

	memset(p, 0, sizeof(*p));
	result = registry_plan(w->registry, in, NULL, "monitors", out, p);
	json_decref(in);
	return result;
}

static inline void commit(struct world *w, const char *text)
{
	struct problems p;
	struct plan *made;

	if (plan(w, text, &made, &p) == -1)
		fail_msg("%s: %s", p.item[0].path, p.item[0].message);
	assert_int_equal(registry_commit(w->registry, made, on_done, w), 0);
	settle(w);
}

static inline const struct monitor *monitor(struct world *w, const char *name)
{
	struct registered *entry = registry_monitor_by_name(w->registry, name);

	assert_non_null(entry);
	return &entry->m;
}

#endif
