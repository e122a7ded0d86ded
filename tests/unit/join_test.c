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

#include <arpa/inet.h>
#include <stdio.h>
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
		char *pin = mem_strdup(table[i].pin);
		struct strings pins = {&pin, pin ? 1 : 0};
		struct join_place *place =
			join_place_new(&addresses, table[i].url, table[i].port, &pins);
		char *line = join_place_line(place, &(struct join_who){.probe = "tokyo-1",
							    .secret = "qj_0123456789abcdef",
							    .expires_wall_ms = 1795285849000});
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
		free(pin);
	}
	join_place_free(NULL);
}

static struct in6_addr client(const char *text)
{
	struct in6_addr address;

	assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
	return address;
}

static int admitted(struct join_gate *gate, const char *from, int n, int64_t now_ms)
{
	const struct in6_addr address = client(from);
	int count = 0;

	for (int i = 0; i < n; i++)
		count += join_gate_admit(gate, &address, now_ms);
	return count;
}

#define AT_MS INT64_C(1000000)

static void the_gate(void **state)
{
	static struct join_gate gate;
	const char *const here = "::ffff:192.0.2.1";
	int count = 0;

	(void)state;
	gate = (struct join_gate){.all = {.debt_until_ms = 0}};
	assert_int_equal(admitted(&gate, here, 2 * JOIN_BURST, AT_MS), JOIN_BURST);
	assert_int_equal(admitted(&gate, here, 2, AT_MS + 1000 / JOIN_PER_SECOND - 1), 0);
	assert_int_equal(admitted(&gate, here, 2, AT_MS + 1000 / JOIN_PER_SECOND), 1);
	for (int i = 0; i < 500; i++) /* a fifth of a second apart for 100 s */
		count += admitted(&gate, here, 1, 2 * AT_MS + 200 * i);
	assert_int_equal(count, 500);
}

/* One place that tries and tries takes nothing from another; a /64 is one place. */
static void places_are_apart(void **state)
{
	static struct join_gate gate;

	(void)state;
	gate = (struct join_gate){.all = {.debt_until_ms = 0}};
	assert_int_equal(admitted(&gate, "::ffff:192.0.2.1", 5000, AT_MS), JOIN_BURST);
	assert_int_equal(admitted(&gate, "::ffff:192.0.2.2", 20, AT_MS), 20);
	assert_int_equal(admitted(&gate, "2001:db8::1", JOIN_BURST, AT_MS), JOIN_BURST);
	assert_int_equal(admitted(&gate, "2001:db8::2", 1, AT_MS), 0);
	assert_int_equal(admitted(&gate, "2001:db8:0:1::1", 1, AT_MS), 1);
}

/* A crowd has a bound of its own, and so has the memory for it. */
static void a_crowd_is_bounded(void **state)
{
	static struct join_gate gate;
	char text[INET6_ADDRSTRLEN];
	int count = 0;

	(void)state;
	gate = (struct join_gate){.all = {.debt_until_ms = 0}};
	for (int i = 0; i < 3 * JOIN_CALLERS_MAX; i++) {
		snprintf(text, sizeof(text), "2001:db8:%x::1", i);
		count += admitted(&gate, text, 1, AT_MS);
	}
	assert_int_equal(count, JOIN_ALL_BURST);
	/* whoever owes most is remembered longest */
	assert_int_equal(admitted(&gate, "::ffff:192.0.2.1", 100, AT_MS + 10000), JOIN_BURST);
	for (int i = 0; i < 3 * JOIN_CALLERS_MAX; i++) {
		snprintf(text, sizeof(text), "2001:db8:%x::1", i);
		(void)admitted(&gate, text, 1, AT_MS + 10000);
	}
	assert_int_equal(admitted(&gate, "::ffff:192.0.2.1", 1, AT_MS + 10000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says),
		cmocka_unit_test(the_gate),
		cmocka_unit_test(places_are_apart),
		cmocka_unit_test(a_crowd_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
