// SPDX-License-Identifier: MIT
/* The probe's configuration: defaults, the sentence for each mistake, and a man page that lists
 * every key. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/conf.h"
#include "quorate/monitor.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int decode(const char *text, struct probe_conf *conf, struct problems *problems)
{
	struct yaml_doc *doc;
	struct yaml_error error;
	*problems = (struct problems){0};
	assert_int_equal(yaml_load_text("probe.yml", text, strlen(text), &doc, &error), 0);
	int result =
		schema_decode(&probe_conf_schema, SCHEMA_STRICT, yaml_root(doc), conf, problems);
	yaml_doc_free(doc);
	return result;
}

static void a_name_is_enough(void **state)
{
	(void)state;
	struct probe_conf conf;
	struct problems problems;
	assert_int_equal(decode("name: tokyo-1\n", &conf, &problems), 0);
	assert_string_equal(conf.name, "tokyo-1");
	assert_string_equal(conf.report_address, "tcp://127.0.0.1:7444");
	assert_string_equal(conf.orders_address, "tcp://127.0.0.1:7445");
	assert_string_equal(conf.state_dir, "/var/lib/quorate-probe");
	assert_int_equal(conf.log_level, LOG_LEVEL_INFO);
	assert_int_equal(conf.allow.n, 0);
	assert_int_equal(conf.types.n, 6);
	assert_int_equal(conf.min_interval_ms, 10000);
	assert_int_equal(conf.in_flight_max, 1000);
	assert_int_equal(conf.per_second, 200);
	assert_int_equal(conf.per_destination, 2);
	assert_int_equal(conf.body_max_bytes, 1048576);
	assert_int_equal(conf.results_max, 4000);
	assert_int_equal(conf.spool_max_bytes, 64 << 20);
	schema_clear(&probe_conf_schema, &conf);
}

static void the_token_is_in_the_state_folder_unless_said_otherwise(void **state)
{
	(void)state;
	static const struct {
		const char *text, *token_file;
	} cases[] = {
		{"name: x\n", "/var/lib/quorate-probe/token"},
		{"name: x\nstate_dir: /tmp/p\n", "/tmp/p/token"},
		{"name: x\nstate_dir: /tmp/p\ntoken_file: /run/secret\n", "/run/secret"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char path[] = "/tmp/quorate-conf.XXXXXX";
		int fd = mkstemp(path);
		assert_int_not_equal(fd, -1);
		assert_int_equal(write(fd, cases[i].text, strlen(cases[i].text)),
			(ssize_t)strlen(cases[i].text));
		close(fd);
		struct probe_conf conf;
		assert_int_equal(probe_conf_load(path, false, &conf), 0);
		assert_string_equal(conf.token_file, cases[i].token_file);
		schema_clear(&probe_conf_schema, &conf);
		unlink(path);
	}
}

static void one_address_keeps_the_other(void **state)
{
	(void)state;
	struct probe_conf conf;
	struct problems problems;
	assert_int_equal(decode("name: x\nlink: {orders: 'ipc:///run/o'}\n", &conf, &problems), 0);
	assert_string_equal(conf.report_address, "tcp://127.0.0.1:7444");
	assert_string_equal(conf.orders_address, "ipc:///run/o");
	schema_clear(&probe_conf_schema, &conf);
}

static void the_door_needs_an_address_only(void **state)
{
	(void)state;
	struct probe_conf conf;
	struct problems problems;
	const char *text = "name: x\ncoordinator: {addresses: ['c.test', 'c.test:7443', '[::1]:1'],"
			   " pin: ['sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='],"
			   " proxy: 'http://u@proxy.test:3128'}\n";
	assert_int_equal(decode(text, &conf, &problems), 0);
	assert_int_equal(conf.coordinator.addresses.n, 3);
	assert_string_equal(conf.coordinator.proxy, "http://u@proxy.test:3128");
	assert_null(conf.coordinator.ca);
	schema_clear(&probe_conf_schema, &conf);
	assert_int_equal(decode("name: x\n", &conf, &problems), 0);
	assert_int_equal(conf.coordinator.addresses.n, 0);
	schema_clear(&probe_conf_schema, &conf);
}

static void mistakes_are_named(void **state)
{
	(void)state;
	const struct {
		const char *text, *path, *words;
	} table[] = {
		{"name: ''", "name", ""},
		{"name: x\nlink: {report: 'tcp://192.0.2.1:1'}", "link.report",
			"accepted: tcp:// on loopback"},
		{"name: x\nlink: {report: 'ws://127.0.0.1:1'}", "link.report",
			"cannot be used; accepted: ipc://"},
		{"name: x\nlink: {sideways: y}", "link.sideways", "unknown"},
		{"name: x\nlink: y", "link", ""},
		{"name: x\ncoordinator: {pin: [x]}", "coordinator", "sha256//"},
		{"name: x\ncoordinator: {name: x}", "coordinator", "addresses are missing"},
		{"name: x\ncoordinator: {addresses: ['h:0']}", "coordinator.addresses",
			"HOST:PORT"},
		{"name: x\ncoordinator: {addresses: ['h:70000']}", "coordinator.addresses",
			"65535"},
		{"name: x\ncoordinator: {addresses: ['::1:443']}", "coordinator.addresses", "[V6]"},
		{"name: x\ncoordinator: {addresses: ['[h]:443']}", "coordinator.addresses", "[V6]"},
		{"name: x\ncoordinator: {addresses: ['https://h']}", "coordinator.addresses", ""},
		{"name: x\ncoordinator: {addresses: [h], name: 'a b'}", "coordinator.name", "host"},
		{"name: x\ncoordinator: {addresses: [h], proxy: 'socks5://p'}", "coordinator.proxy",
			"http://"},
		{"name: x\ncoordinator: {addresses: [h], proxy: 'http://u:p@h:1'}",
			"coordinator.proxy", "proxy_password_file"},
		{"name: x\nallow: [10.0.0.1/8]", "allow", "accepted: a network's own address"},
		{"name: x\nallow: [everything]", "allow", "accepted: an address or a network"},
		{"name: x\ntypes: [smtp]", "types", "redirect"},
		{"name: x\ntypes: []", "types", ""},
		{"name: x\nspool_max: 1000", "spool_max", "1048576"},
		{"name: x\nspool_max: 2000000000", "spool_max", "1048576"},
		{"name: x\nmin_interval: 5", "min_interval", "5s"},
		{"name: x\nmin_interval: 500ms", "min_interval", ""},
		{"name: x\nper_second: 0", "per_second", ""},
		{"name: x\nresults_max: 99", "results_max", ""},
		{"name: x\nbody_max: 1MiB", "body_max", ""},
		{"name: x\nlog_level: loud", "log_level", "warning"},
		{"name: x\nalow: []", "alow", "allow"},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct probe_conf conf;
		struct problems problems;
		if (decode(table[i].text, &conf, &problems) == 0)
			fail_msg("accepted: %s", table[i].text);
		if (strncmp(problems.item[0].path, table[i].path, strlen(table[i].path)) != 0 ||
			!strstr(problems.item[0].message, table[i].words))
			fail_msg("%s says %s: %s", table[i].text, problems.item[0].path,
				problems.item[0].message);
		schema_clear(&probe_conf_schema, &conf);
	}
}

/* Each key has an entry of its own with the table's sentence. */
static void keys_are_listed(const char *page, const struct schema *schema, const char *prefix)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		char entry[128];
		if (f->type == FIELD_OBJECT) {
			snprintf(entry, sizeof entry, "%s.", f->name);
			keys_are_listed(page, f->sub, entry);
			continue;
		}
		snprintf(entry, sizeof entry, "\n.B %s%s\n%.*s", prefix, f->name,
			(int)strlen(f->doc) - 1, f->doc);
		if (!strstr(page, entry))
			fail_msg("quorate-probe.8 lacks: %s", entry);
	}
}

static void the_man_page_lists_every_key(void **state)
{
	(void)state;
	FILE *f = fopen("probe/quorate-probe.8", "r");
	if (!f) {
		fail_msg("run from the top of the repository");
		return;
	}
	char *page = mem_alloc(100000);
	page[fread(page, 1, 99999, f)] = 0;
	fclose(f);
	keys_are_listed(page, &probe_conf_schema, "");
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_enough),
		cmocka_unit_test(the_token_is_in_the_state_folder_unless_said_otherwise),
		cmocka_unit_test(one_address_keeps_the_other),
		cmocka_unit_test(the_door_needs_an_address_only),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(the_man_page_lists_every_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
