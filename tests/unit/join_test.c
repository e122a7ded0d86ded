// SPDX-License-Identifier: MIT
/* The coordinator's join strings and the gate before them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/join.h"
#include "proto/base/mem.h"
#include "proto/joinstring.h"

#include <stdlib.h>
#include <string.h>

#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void what_it_says(void **state)
{
	static const struct {
		const char *address, *url, *pin; /* given */
		int port;
		const char *first, *ca_name; /* said */
	} table[] = {
		{NULL, "https://q.example.net", PIN, 7443, "q.example.net:7443", NULL},
		{NULL, "http://127.0.0.1:8080/q", PIN, 443, "127.0.0.1:443", NULL},
		{NULL, "https://[2001:db8::1]:1/", PIN, 443, "[2001:db8::1]:443", NULL},
		{"c.example.net:443", "http://x", PIN, 7443, "c.example.net:443", NULL},
		{"c.example.net:443", "http://x", NULL, 7443, "c.example.net:443", "c.example.net"},
		{NULL, "https://q.example.net:1/a?b", NULL, 443, "q.example.net:443",
			"q.example.net"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char *address = mem_strdup(table[i].address);
		struct strings addresses = {&address, address ? 1 : 0};
		struct join_place *place =
			join_place_new(&addresses, table[i].url, table[i].port, table[i].pin);
		char *line =
			join_place_line(place, "tokyo-1", "qj_0123456789abcdef", 1795285849000);
		struct join_string j;
		struct problems p = {0};
		if (join_string_decode(line, strlen(line), &j, &p) == -1)
			fail_msg("row %zu: %s: %s", i, p.item[0].path, p.item[0].message);
		assert_int_equal(j.addresses.n, 1);
		assert_string_equal(j.addresses.item[0], table[i].first);
		assert_string_equal(
			j.ca_name ? j.ca_name : "", table[i].ca_name ? table[i].ca_name : "");
		assert_int_equal(j.pins.n, table[i].pin != NULL);
		assert_string_equal(j.probe, "tokyo-1");
		assert_string_equal(j.secret, "qj_0123456789abcdef");
		assert_int_equal(j.expires_wall_ms, 1795285849000);
		join_string_clear(&j);
		join_place_free(place);
		free(line);
		free(address);
	}
	join_place_free(NULL);
}

static void the_gate(void **state)
{
	struct join_gate gate = {0};
	int admitted = 0;

	(void)state;
	for (int i = 0; i < 2 * JOIN_BURST; i++)
		admitted += join_gate_admit(&gate, 1000000);
	assert_int_equal(admitted, JOIN_BURST);
	assert_false(join_gate_admit(&gate, 1000000 + 1000 / JOIN_PER_SECOND - 1));
	assert_true(join_gate_admit(&gate, 1000000 + 1000 / JOIN_PER_SECOND));
	assert_false(join_gate_admit(&gate, 1000000 + 1000 / JOIN_PER_SECOND));
	for (int i = admitted = 0; i < 1000; i++) /* a tenth of a second apart for 100 s */
		admitted += join_gate_admit(&gate, 2000000 + 100 * i);
	assert_int_equal(admitted, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says),
		cmocka_unit_test(the_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
