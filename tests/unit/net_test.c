// SPDX-License-Identifier: MIT
/* Addresses and targets by table; the network's errors from a real router. */
#include "tests/unit/netns_kit.h"

#include "probe/net.h"

static void targets(void **state)
{
	static const struct {
		const char *target, *host;
		int port; /* 0: refused */
	} cases[] = {{"host.test:80", "host.test", 80}, {"192.0.2.1:1", "192.0.2.1", 1},
		{"[2001:db8::1]:65535", "[2001:db8::1]", 65535}, {"host.test", NULL, 0},
		{"host.test:", NULL, 0}, {":80", NULL, 0}, {"host.test:0", NULL, 0},
		{"host.test:65536", NULL, 0}, {"host.test:-1", NULL, 0}, {"host.test:8o", NULL, 0},
		{"host.test:000080", NULL, 0}, {"2001:db8::1:80", NULL, 0}, {"", NULL, 0}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char host[NET_HOST_SIZE];
		int port = 0, rc = net_split_target(cases[i].target, host, &port);
		if ((rc == 0) != (cases[i].port != 0))
			fail_msg("'%s' gave %d", cases[i].target, rc);
		if (rc != 0)
			continue;
		assert_string_equal(host, cases[i].host);
		assert_int_equal(port, cases[i].port);
	}
}

static void addresses_as_text(void **state)
{
	static const struct {
		const char *text;
		int port;
		const char *formatted; /* NULL: no address */
	} cases[] = {{"192.0.2.1", 0, "192.0.2.1"}, {"192.0.2.1", 443, "192.0.2.1:443"},
		{"0.0.0.0", 9, "0.0.0.0:9"}, {"255.255.255.255", 65535, "255.255.255.255:65535"},
		{"10.100.9.209", 10, "10.100.9.209:10"}, {"2001:db8::1", 0, "2001:db8::1"},
		{"[2001:DB8::1]", 443, "[2001:db8::1]:443"},
		{"::ffff:192.0.2.1", 1, "[::ffff:192.0.2.1]:1"}, {"192.0.2", 0, NULL},
		{"host", 0, NULL}, {"", 0, NULL}, {"[]", 0, NULL}, {"[192.0.2.1]", 0, NULL},
		{"[::1", 0, NULL}, {"::1]", 0, NULL}, {"fe80::1%lo", 0, NULL}, {"0x7f.1", 0, NULL}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sockaddr_storage a;
		char text[NET_ADDRESS_SIZE];
		bool is = net_parse_literal(cases[i].text, &a);
		if (is != (cases[i].formatted != NULL))
			fail_msg("'%s' gave %d", cases[i].text, is);
		if (!is)
			continue;
		net_set_port((struct sockaddr *)&a, cases[i].port);
		assert_string_equal(net_format((struct sockaddr *)&a, text), cases[i].formatted);
	}
}

static void a_literal_keeps_its_text(void **state)
{
	static const struct {
		const char *text, *kept;
		int family;
	} cases[] = {{"192.0.2.1", "192.0.2.1", AF_INET},
		{"[2001:DB8::1]", "2001:db8::1", AF_INET6},
		{"1111:2222:3333:4444:5555:6666:7777:8888",
			"1111:2222:3333:4444:5555:6666:7777:8888", AF_INET6},
		{"::ffff:255.255.255.255", "::ffff:255.255.255.255", AF_INET6},
		{"host.test", NULL, 0}, {"192.0.2.1:80", NULL, 0}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct net_literal *l = net_literal_new(cases[i].text);
		assert_int_equal(l != NULL, cases[i].kept != NULL);
		if (l == NULL)
			continue;
		assert_string_equal(l->text, cases[i].kept);
		assert_int_equal(l->bytes, strlen(cases[i].kept));
		assert_int_equal(l->address.any.sa_family, cases[i].family);
		free(l);
	}
}

static struct kit kit;

static int setup(void **state)
{
	(void)state;
	kit_open(&kit);
	kit_allow(&kit, "0.0.0.0/0");
	kit_allow(&kit, "::/0");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kit_close(&kit);
	return 0;
}

/*
 * Between two ends of a veth the router's answer comes while connect() still holds the socket, and
 * the kernel drops such an ICMP error: the repeated SYN after a second gets it. So patience, where
 * an answer will come.
 */
#define PATIENT_MS 3000
#define SILENT_MS  300

static void errors_of_routers(void **state)
{
	static const struct {
		const char *target;
		int port;
		int64_t timeout_ms;
		const char *reason, *says;
	} cases[] = {
		{"198.18.6.1:80", PORT_OPEN, PATIENT_MS, "l3.host_unreachable", "198.18.5.2"},
		{"198.18.7.1:80", PORT_OPEN, PATIENT_MS, "l3.prohibited", "198.18.5.2"},
		{"198.18.7.1:80", PORT_CLOSED, PATIENT_MS, "ok", "198.18.5.2"},
		{"198.18.8.1:80", PORT_OPEN, SILENT_MS, "tcp.timeout", NULL},
		{"198.18.8.1:80", PORT_CLOSED, SILENT_MS, "ok", NULL},
		{"[2001:db8:6::1]:80", PORT_OPEN, PATIENT_MS, "l3.no_route", "2001:db8:5::2"},
		{"[2001:db8:7::1]:80", PORT_OPEN, PATIENT_MS, "l3.prohibited", "2001:db8:5::2"},
		{"[2001:db8:8::1]:80", PORT_OPEN, SILENT_MS, "tcp.timeout", NULL},
		{"198.18.5.2:9", PORT_OPEN, PATIENT_MS, "tcp.refused", NULL},
		/* no route at all is our own trouble, and proves nothing about a port that must be
		   closed */
		{"198.51.100.1:80", PORT_OPEN, PATIENT_MS, "internal.network", NULL},
		{"198.51.100.1:80", PORT_CLOSED, PATIENT_MS, "internal.network", NULL},
		{"[2001:db8:99::1]:80", PORT_CLOSED, PATIENT_MS, "internal.network", NULL},
	};
	(void)state;
	NETNS_OR_SKIP();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m = kit_monitor(CHECK_TCP, cases[i].target, cases[i].timeout_ms);
		m.expect.port = cases[i].port;
		struct result *r = kit_run(&kit, m);
		if (strcmp(reason_code((enum reason)r->reason), cases[i].reason) != 0)
			fail_msg("%s: %s (%s) instead of %s", cases[i].target,
				reason_code((enum reason)r->reason), r->detail, cases[i].reason);
		if (cases[i].says != NULL && strstr(r->detail, cases[i].says) == NULL)
			fail_msg("'%s' does not name %s", r->detail, cases[i].says);
	}
}

static void http_names_them_too(void **state)
{
	static const struct {
		const char *target;
		int64_t timeout_ms;
		const char *reason;
	} cases[] = {{"http://198.18.6.1/", PATIENT_MS, "l3.host_unreachable"},
		{"http://198.18.8.1/", SILENT_MS, "tcp.timeout"},
		{"https://[2001:db8:7::1]/", PATIENT_MS, "l3.prohibited"},
		{"https://198.18.8.1/", SILENT_MS, "tcp.timeout"},
		{"http://198.51.100.1/", PATIENT_MS, "internal.network"},
		{"http://198.18.5.2:9/", PATIENT_MS, "tcp.refused"}};
	(void)state;
	NETNS_OR_SKIP();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_reason(kit_run(&kit, kit_monitor(CHECK_HTTP, cases[i].target,
						    cases[i].timeout_ms)),
			cases[i].reason);
}

static void the_kernel_knows_when_it_was_connected(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(net_connected_in_us(-1), -1);
	assert_int_equal(net_connected_in_us(fd), -1); /* not yet */
	assert_int_equal(connect(fd, (struct sockaddr *)&a, n), 0);
	int64_t took_us = net_connected_in_us(fd);
	assert_true(took_us > 0 && took_us < 1000000);
	close(fd);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets),
		cmocka_unit_test(addresses_as_text),
		cmocka_unit_test(a_literal_keeps_its_text),
		cmocka_unit_test_setup_teardown(errors_of_routers, setup, teardown),
		cmocka_unit_test_setup_teardown(http_names_them_too, setup, teardown),
		cmocka_unit_test(the_kernel_knows_when_it_was_connected),
	};
	netns_enter();
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	netns_leave();
	return rc;
}
