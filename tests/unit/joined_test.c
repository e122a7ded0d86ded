// SPDX-License-Identifier: MIT
/* What joining left: how it completes probe.yml, whom a private probe serves, and the coordinator's next keys. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/joined.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIN(letter) "sha256//" letter "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define A           PIN("A")
#define B           PIN("B")
#define C           PIN("C")

struct world {
	char dir[32], path[64];
	struct probe_conf conf;
};

static int setup(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));
	strcpy(w->dir, "/tmp/qjXXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/coordinator.json", w->dir);
	schema_defaults(&probe_conf_schema, &w->conf);
	mem_set(&w->conf.state_dir, w->dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	schema_clear(&probe_conf_schema, &w->conf);
	(void)unlink(w->path);
	(void)rmdir(w->dir);
	free(w);
	return 0;
}

static void leave(const struct world *w, const char *text)
{
	FILE *f = fopen(w->path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static json_t *left(const struct world *w)
{
	json_t *json = json_load_file(w->path, 0, NULL);
	assert_non_null(json);
	return json;
}

#define JOINED(more)                                                                               \
	"{\"probe\": \"tokyo-1\", \"addresses\": [\"c.example:443\"], \"pin\": [\"" A "\", \"" B   \
	"\"]" more "}"

static struct strings list(char **item, size_t n)
{
	return (struct strings){.item = item, .n = n};
}

static void add(struct strings *to, const char *text)
{
	to->item = mem_resize(to->item, to->n + 1, sizeof(*to->item));
	to->item[to->n++] = mem_strdup(text);
}

static void expect_kept(const struct world *w, const char *first, const char *second)
{
	json_t *json = left(w), *pins = json_object_get(json, "pin");
	assert_int_equal(json_array_size(pins), 2);
	assert_string_equal(json_string_value(json_array_get(pins, 0)), first);
	assert_string_equal(json_string_value(json_array_get(pins, 1)), second);
	json_decref(json);
}

static void the_next_key_takes_its_place(void **state)
{
	struct world *w = *state;
	char *pins[] = {(char[]){B}, (char[]){C}}, why[TOKEN_WHY_SIZE];
	struct strings fresh = list(pins, 2);
	struct stat facts;
	leave(w, JOINED(", \"organization\": \"acme\", \"string_hash\": \"12\""));
	assert_int_equal(joined_complete(&w->conf, why), 0);
	assert_int_equal(joined_repin(&w->conf, &fresh, why), 0);
	expect_kept(w, B, C);
	assert_int_equal(w->conf.coordinator.pin.n, 2);
	assert_string_equal(w->conf.coordinator.pin.item[0], B);
	assert_string_equal(w->conf.coordinator.pin.item[1], C);
	assert_int_equal(stat(w->path, &facts), 0);
	assert_int_equal(facts.st_mode & 0777, 0600);
	json_t *json = left(w); /* the rest is as it was */
	assert_string_equal(json_string_value(json_object_get(json, "organization")), "acme");
	assert_string_equal(json_string_value(json_object_get(json, "string_hash")), "12");
	json_decref(json);
	/* again: nothing to do, not even with the file away */
	assert_int_equal(unlink(w->path), 0);
	assert_int_equal(joined_repin(&w->conf, &fresh, why), 0);
	assert_int_equal(access(w->path, F_OK), -1);
}

static void keys_without_any_of_ours_are_refused(void **state)
{
	struct world *w = *state;
	char *pins[] = {(char[]){C}, (char[]){PIN("D")}}, why[TOKEN_WHY_SIZE];
	struct strings fresh = list(pins, 2);
	leave(w, JOINED(""));
	assert_int_equal(joined_complete(&w->conf, why), 0);
	assert_int_equal(joined_repin(&w->conf, &fresh, why), -1);
	assert_non_null(strstr(why, "none of them is one of ours"));
	expect_kept(w, A, B);
	assert_string_equal(w->conf.coordinator.pin.item[0], A);
}

static void what_the_disk_does_not_take_is_not_kept(void **state)
{
	struct world *w = *state;
	char *pins[] = {(char[]){B}, (char[]){C}}, why[TOKEN_WHY_SIZE];
	struct strings fresh = list(pins, 2);
	leave(w, JOINED(""));
	assert_int_equal(joined_complete(&w->conf, why), 0);
	leave(w, "{");
	assert_int_equal(joined_repin(&w->conf, &fresh, why), -1);
	assert_non_null(strstr(why, "damaged"));
	assert_string_equal(w->conf.coordinator.pin.item[0], A);
}

static void pins_of_the_file_are_the_operators(void **state)
{
	struct world *w = *state;
	char *pins[] = {(char[]){A}, (char[]){C}}, why[TOKEN_WHY_SIZE];
	struct strings fresh = list(pins, 2);
	leave(w, JOINED(""));
	add(&w->conf.coordinator.addresses, "c.example:443");
	add(&w->conf.coordinator.pin, A);
	mem_set(&w->conf.name, "tokyo-1");
	assert_int_equal(joined_complete(&w->conf, why), 0);
	assert_int_equal(joined_repin(&w->conf, &fresh, why), -1);
	assert_non_null(strstr(why, "stands in probe.yml"));
	expect_kept(w, A, B);
	assert_int_equal(w->conf.coordinator.pin.n, 1);
	add(&w->conf.coordinator.pin, C); /* as asked for */
	assert_int_equal(joined_repin(&w->conf, &fresh, why), 0);
	expect_kept(w, A, B);
}

static void whom_a_private_probe_serves(void **state)
{
	static const struct {
		const char *joined, *name, *lists[2];
		const char *served; /* NULL: refused; "": all */
	} cases[] = {
		{JOINED(""), NULL, {NULL}, ""},
		{JOINED(""), NULL, {"beta"}, "beta"},
		{JOINED(", \"organization\": \"acme\""), NULL, {NULL}, "acme"},
		{JOINED(", \"organization\": \"acme\""), NULL, {"beta", "acme"}, "acme"},
		{JOINED(", \"organization\": \"acme\""), NULL, {"beta"}, NULL},
		/* what another probe left is nothing to this one */
		{JOINED(", \"organization\": \"acme\""), "osaka-1", {"beta"}, "beta"},
	};
	struct world *w = *state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char why[TOKEN_WHY_SIZE] = "";
		struct probe_conf conf;
		schema_defaults(&probe_conf_schema, &conf);
		mem_set(&conf.state_dir, w->dir);
		mem_set(&conf.name, cases[i].name);
		for (int k = 0; k < 2 && cases[i].lists[k]; k++)
			add(&conf.organizations, cases[i].lists[k]);
		leave(w, cases[i].joined);
		int rc = joined_complete(&conf, why);
		if ((rc == 0) != (cases[i].served != NULL))
			fail_msg("row %zu gave %d: %s", i, rc, why);
		if (rc == 0) {
			assert_int_equal(conf.organizations.n, cases[i].served[0] != 0);
			if (conf.organizations.n)
				assert_string_equal(conf.organizations.item[0], cases[i].served);
		} else {
			assert_non_null(strstr(why, "'acme' is missing"));
		}
		schema_clear(&probe_conf_schema, &conf);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_next_key_takes_its_place),
		TEST(keys_without_any_of_ours_are_refused),
		TEST(what_the_disk_does_not_take_is_not_kept),
		TEST(pins_of_the_file_are_the_operators),
		TEST(whom_a_private_probe_serves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
