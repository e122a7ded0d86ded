// SPDX-License-Identifier: MIT
/* Secrets in the registry: what is taken, what is refused and why, who is told, and that a value goes
 * nowhere but into the orders of voters. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER(name)        "\"request\": {\"headers\": {\"Authorization\": {\"secret\": \"" name "\"}}}"
#define ACME                ", \"organization\": \"acme\""
#define MONITOR(name, more) "{\"name\": \"" name "\", \"http\": \"https://a.example/\", " more "}"

struct world {
	struct loop *loop;
	struct store *store;
	struct registry *registry;
	char dir[32];
	int told;
	char last[64]; /* name of the secret last told */
};

static void on_health(void *arg, enum store_part part, const char *detail)
{
	(void)arg;
	(void)part;
	fail_msg("the store: %s", detail);
}

static void on_change(void *arg, enum registry_change change, void *object)
{
	struct world *w = arg;

	if (change != CHANGED_SECRET)
		return;
	w->told++;
	snprintf(w->last, sizeof(w->last), "%s", ((const struct secret *)object)->name);
}

static void on_done(void *arg, enum store_error error, const struct id *id)
{
	struct world *w = arg;

	assert_non_null(id);
	assert_int_equal(error, STORE_OK);
	loop_stop(w->loop);
}

static void open_all(struct world *w)
{
	char location[64];

	snprintf(location, sizeof(location), "sqlite:%s", w->dir);
	w->loop = loop_new();
	assert_int_equal(store_open(&w->store, w->loop, location, on_health, w), 0);
	w->registry = registry_open(w->store, 1000);
	assert_non_null(w->registry);
	registry_listen(w->registry, on_change, w);
}

static void close_all(struct world *w)
{
	store_close(w->store);
	registry_close(w->registry);
	loop_free(w->loop);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/qrsXXXXXX");
	assert_non_null(mkdtemp(w->dir));
	open_all(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[64];

	close_all(w);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static int set(struct world *w, const char *name, const char *value, struct problems *p)
{
	json_t *in = json_pack("{s:s}", "value", value);
	int result = registry_set_secret(w->registry, name, in, p, on_done, w);

	json_decref(in);
	if (result == 0)
		loop_run(w->loop);
	return result;
}

static void must_set(struct world *w, const char *name, const char *value)
{
	struct problems p = {0};

	if (set(w, name, value, &p) == -1)
		fail_msg("%s: %s", p.item[0].path, p.item[0].message);
}

static int plan(struct world *w, const char *text, struct plan **out, struct problems *p)
{
	json_t *in = json_loads(text, 0, NULL), *list = json_pack("[o]", in);
	int result = registry_plan(w->registry, list, NULL, "", out, p);

	json_decref(list);
	return result;
}

static const struct registered *must_add(struct world *w, const char *text)
{
	struct problems p = {0};
	struct plan *made;
	struct id id;

	if (plan(w, text, &made, &p) == -1)
		fail_msg("%s: %s", p.item[0].path, p.item[0].message);
	id = made->item[0].m.id;
	assert_int_equal(registry_commit(w->registry, made, on_done, w), 0);
	loop_run(w->loop);
	return registry_monitor(w->registry, &id);
}

static void refuse_monitor(struct world *w, const char *text, const char *path, const char *words)
{
	struct problems p = {0};
	struct plan *made;

	assert_int_equal(plan(w, text, &made, &p), -1);
	assert_string_equal(p.item[0].path, path);
	if (!strstr(p.item[0].message, words))
		fail_msg("'%s' is not in: %s", words, p.item[0].message);
}

static void test_a_monitor_names_what_there_is(void **state)
{
	struct world *w = *state;
	const char *path = "request.headers.Authorization";

	refuse_monitor(w, MONITOR("a", HEADER("shop-token")), path,
		"there is no secret 'shop-token'; 'quorate secret set shop-token' makes it");
	must_set(w, "acme/shop-token", "Bearer 123456");
	must_set(w, "default/plain", "Bearer 123456");
	refuse_monitor(w, MONITOR("a", HEADER("acme/shop-tokn") ACME), path,
		"did you mean 'acme/shop-token'?");
	refuse_monitor(w, MONITOR("a", HEADER("../x")), "request.headers.Authorization.secret",
		"NAME or ORGANIZATION/NAME");
	refuse_monitor(w, MONITOR("a", HEADER("acme/shop-token")), path,
		"the secret 'acme/shop-token' is not one of organization 'default'");
	refuse_monitor(w, MONITOR("a", HEADER("plain") ACME), path,
		"the secret 'plain' is not one of organization 'acme'");
	must_add(w, MONITOR("a", HEADER("acme/shop-token") ACME));
	must_add(w, MONITOR("b", HEADER("plain")));
	must_add(w, MONITOR("c", HEADER("default/plain"))); /* the same one */
}

static void test_a_value_has_to_fit_where_it_goes(void **state)
{
	struct world *w = *state;
	struct problems p = {0};
	char *big = calloc(1, 5000);

	memset(big, 'x', 4999);
	must_set(w, "lines", "one\ntwo");
	must_set(w, "big", big);
	refuse_monitor(w, MONITOR("a", HEADER("lines")), "request.headers",
		"with its secret in place: the value cannot be used; accepted: header values of "
		"one line");
	refuse_monitor(w, MONITOR("a", HEADER("big")), "request.headers.Authorization",
		"with its secret in place: the value is 4999 bytes long");
	must_add(w, MONITOR("b", "\"request\": {\"method\": \"POST\", \"body\": {\"secret\": "
				 "\"lines\"}}"));
	must_set(w, "token", "12345");
	must_add(w, MONITOR("the user", HEADER("token")));
	assert_int_equal(set(w, "token", "one\ntwo", &p), -1);
	assert_string_equal(p.item[0].path, "value");
	assert_non_null(strstr(p.item[0].message, "does not fit into monitor 'the user': "));
	assert_null(strstr(p.item[0].message, "two"));
	assert_string_equal(registry_secret(w->registry, "token")->value, "12345");
	free(big);
}

static void test_what_is_no_value_or_name(void **state)
{
	static const struct {
		const char *name, *in, *path, *words;
	} cases[] = {
		{"a b", "{\"value\": \"1234\"}", "name", "'a b' cannot be used"},
		{"", "{\"value\": \"1234\"}", "name", "cannot be used"},
		{"a/b/c", "{\"value\": \"1234\"}", "name", "cannot be used"},
		{"/b", "{\"value\": \"1234\"}", "name", "cannot be used"},
		{"a/", "{\"value\": \"1234\"}", "name", "cannot be used"},
		{"a", "{\"value\": \"123\"}", "value", "the value is 3 bytes long"},
		{"a", "{\"value\": 1234}", "value", "the value is a number"},
		{"a", "{}", "value", "is required"},
		{"a", "{\"value\": \"1234\", \"name\": \"b\"}", "name", "unknown option"},
		{"a", "[]", "", "accepted: an object"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct problems p = {0};
		json_t *in = json_loads(cases[i].in, 0, NULL);

		assert_int_equal(
			registry_set_secret(w->registry, cases[i].name, in, &p, on_done, w), -1);
		assert_string_equal(p.item[0].path, cases[i].path);
		if (!strstr(p.item[0].message, cases[i].words))
			fail_msg("'%s' is not in: %s", cases[i].words, p.item[0].message);
		assert_null(strstr(p.item[0].message, "1234"));
		json_decref(in);
	}
	assert_null(registry_next_secret(w->registry, NULL));
}

/* The value at the header of M as its voters get it; NULL: none. Freed by the caller. */
static char *told_voters(struct world *w, const struct registered *entry)
{
	json_t *told = registry_monitor_for_voters(
		w->registry, &registry_monitor(w->registry, &entry->m.id)->m);
	const json_t *header = json_object_get(
		json_object_get(json_object_get(told, "request"), "headers"), "Authorization");
	const char *value = json_string_value(json_object_get(header, "value"));
	char *out = value ? strdup(value) : NULL;

	json_decref(told);
	return out;
}

static void test_only_voters_are_told(void **state)
{
	struct world *w = *state;
	const struct registered *entry;
	int64_t revision;
	json_t *shown;
	char *value, *text;

	must_set(w, "acme/t", "Bearer old-one");
	entry = must_add(w, MONITOR("shop", HEADER("acme/t") ACME));
	revision = entry->m.revision;
	value = told_voters(w, entry);
	assert_string_equal(value, "Bearer old-one");
	free(value);
	assert_null(entry->m.request.headers.item[0].value); /* it was only lent */
	for (unsigned flags = 0; flags < 8; flags++) {
		shown = monitor_encode(&entry->m, flags);
		text = json_dumps(shown, 0);
		assert_null(strstr(text, "old-one"));
		assert_non_null(strstr(text, "{\"secret\": \"acme/t\"}"));
		json_decref(shown);
		free(text);
	}
	must_set(w, "acme/t", "Bearer new-one");
	assert_int_equal(w->told, 2);
	assert_string_equal(w->last, "acme/t");
	value = told_voters(w, entry);
	assert_string_equal(value, "Bearer new-one");
	free(value);
	assert_int_equal(entry->m.revision, revision); /* the monitor is what it was */
	assert_int_equal(registry_secret(w->registry, "acme/t")->revision, 2);
}

static void test_a_used_one_is_not_removed(void **state)
{
	struct world *w = *state;
	struct problems p = {0}, none = {0};
	struct plan *made;
	struct id id;

	must_set(w, "t", "12345");
	must_set(w, "other", "12345");
	id = must_add(w, MONITOR("shop", HEADER("default/t")))->m.id;
	assert_int_equal(registry_remove_secret(w->registry, "t", &p, on_done, w), -1);
	assert_string_equal(
		p.item[0].message, "monitor 'shop' uses the secret 't'; change it first");
	memset(&p, 0, sizeof(p));
	/* a monitor on its way to the store uses it already */
	assert_int_equal(plan(w, MONITOR("late", HEADER("other")), &made, &none), 0);
	assert_int_equal(registry_commit(w->registry, made, on_done, w), 0);
	assert_int_equal(registry_remove_secret(w->registry, "other", &p, on_done, w), -1);
	assert_non_null(strstr(p.item[0].message, "'late', which is being registered just now"));
	memset(&p, 0, sizeof(p));
	loop_run(w->loop);
	assert_int_equal(registry_remove_monitor(w->registry, &id, on_done, w), 0);
	loop_run(w->loop);
	assert_int_equal(registry_remove_secret(w->registry, "default/t", &p, on_done, w), 0);
	/* and one on its way out is not used any more */
	refuse_monitor(w, MONITOR("x", HEADER("t")), "request.headers.Authorization",
		"is being changed just now");
	loop_run(w->loop);
	assert_null(registry_secret(w->registry, "t"));
	assert_int_equal(registry_remove_secret(w->registry, "t", &p, on_done, w), -1);
	assert_string_equal(p.item[0].message, "there is no secret 't'");
}

/* Sealed on the disk, and there again after a restart. */
static void test_the_store_keeps_it_sealed(void **state)
{
	struct world *w = *state;
	const struct secret *secret;
	char command[128];
	struct id id;
	char *value;

	must_set(w, "acme/t", "Bearer quite-a-rare-text");
	must_set(w, "acme/t", "Bearer another-rare-text");
	id = must_add(w, MONITOR("shop", HEADER("acme/t") ACME))->m.id;
	close_all(w);
	snprintf(command, sizeof(command), "grep -rq rare-text %s", w->dir);
	assert_int_equal(WEXITSTATUS(system(command)), 1);
	open_all(w);
	secret = registry_secret(w->registry, "acme/t");
	assert_non_null(secret);
	assert_int_equal(secret->revision, 2);
	value = told_voters(w, registry_monitor(w->registry, &id));
	assert_string_equal(value, "Bearer another-rare-text");
	free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_monitor_names_what_there_is, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_value_has_to_fit_where_it_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_value_or_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_voters_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_used_one_is_not_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_store_keeps_it_sealed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
