// SPDX-License-Identifier: MIT
/* What ends the waiting: a token, and a name from the file or from joining. That a program waits is
 * shown end to end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/waiting.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[32], file[64], token[64], joined[64];

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/qwaitXXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/probe.yml", dir);
	snprintf(token, sizeof token, "%s/token", dir);
	snprintf(joined, sizeof joined, "%s/coordinator.json", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(file);
	unlink(token);
	unlink(joined);
	return rmdir(dir);
}

static void load(struct probe_conf *conf, const char *name)
{
	char *text =
		mem_printf("state_dir: %s\n%s%s\n", dir, name ? "name: " : "", name ? name : "");
	put(file, text);
	free(text);
	assert_int_equal(probe_conf_load(file, false, conf), 0);
}

static void it_takes_a_token_and_a_name(void **state)
{
	static const struct {
		bool name, token, joined, over;
	} table[] = {
		{false, false, false, false},
		{true, false, false, false},
		{false, true, false, false},
		{false, false, true, false},
		{true, true, false, true},
		{false, true, true, true},
	};
	struct probe_conf conf;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		load(&conf, table[i].name ? "tokyo-1" : NULL);
		if (table[i].token)
			put(token, "x\n");
		if (table[i].joined)
			put(joined, "{\"probe\": \"tokyo-1\", \"addresses\": [\"c.test:443\"]}");
		assert_int_equal(waiting_is_over(&conf), table[i].over);
		schema_clear(&probe_conf_schema, &conf);
		unlink(token);
		unlink(joined);
	}
}

static void a_damaged_file_is_for_the_start_to_tell(void **state)
{
	struct probe_conf conf;
	(void)state;
	load(&conf, NULL);
	put(token, "x\n");
	put(joined, "{");
	assert_true(waiting_is_over(&conf));
	schema_clear(&probe_conf_schema, &conf);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(it_takes_a_token_and_a_name),
		CASE(a_damaged_file_is_for_the_start_to_tell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
