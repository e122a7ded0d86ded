// SPDX-License-Identifier: MIT
/* tcp checks against listeners, closed ports and full backlogs on loopback. */
#include "tests/unit/check_kit.h"

#include <sys/resource.h>

static struct kit kit;

static int setup(void **state)
{
	(void)state;
	kit_open(&kit);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kit_close(&kit);
	return 0;
}

static struct monitor tcp(const char *host, int port, int expectation, int64_t timeout_ms)
{
	char target[128];
	snprintf(target, sizeof(target), "%s:%d", host, port);
	struct monitor m = kit_monitor(CHECK_TCP, target, timeout_ms);
	m.expect.port = expectation;
	return m;
}

static void an_open_port_is_up(void **state)
{
	int port, fd = peer_listen(&port);
	char address[64];
	(void)state;
	struct result *r = kit_run(&kit, tcp("127.0.0.1", port, PORT_OPEN, 5000));
	assert_reason(r, "ok");
	assert_int_equal(r->verdict, VERDICT_UP);
	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	assert_string_equal(r->address, address);
	assert_true(r->phases.resolve_us >= 0 && r->phases.connect_us >= 0);
	assert_int_equal(r->phases.tls_us, UNSET);
	assert_true(r->phases.total_us >= r->phases.connect_us);
	assert_true(r->duration_ms < 1000);
	assert_int_equal(r->round, 3);
	assert_int_equal(r->assignment, 7);
	assert_true(r->started_wall_ms > 0);
	close(fd);
}

/* The kernel knows when it stood; the loop sees it later. */
static void the_loop_may_be_late(void **state)
{
	int port, fd = peer_listen(&port);
	struct kit_lag lag;
	(void)state;
	kit_lag_start(&lag, &kit, 30);
	struct monitor m = tcp("127.0.0.1", port, PORT_OPEN, 5000);
	struct job *job = job_new(&m, 7);
	engine_run(kit.engine, job, 3, kit_done_cb, &kit);
	job_unref(job);
	kit_lag_cb(&lag);
	loop_run(kit.loop);
	assert_reason(&kit.result, "ok");
	assert_in_range(kit.result.phases.connect_us, 1, 10000);
	kit_lag_stop(&lag);
	close(fd);
}

/* What a listener does that is closed with connections in its queue. The check looks later. */
static enum reason of_accepted_and_reset(enum port_expectation expected)
{
	int port, fd = peer_listen(&port);
	struct monitor m = tcp("127.0.0.1", port, expected, 5000);
	struct job *job = job_new(&m, 7);
	engine_run(kit.engine, job, 3, kit_done_cb, &kit);
	job_unref(job);
	close(fd);
	loop_run(kit.loop);
	return kit.result.reason;
}

static void accepted_and_reset_is_open(void **state)
{
	(void)state;
	assert_int_equal(of_accepted_and_reset(PORT_OPEN), REASON_OK);
	assert_int_equal(of_accepted_and_reset(PORT_CLOSED), REASON_TCP_OPEN);
}

/* No TIME_WAIT stays behind: each would hold a local port for a minute. */
static void the_connection_ends_by_a_reset(void **state)
{
	int port, fd = peer_listen(&port);
	char byte;
	(void)state;
	assert_reason(kit_run(&kit, tcp("127.0.0.1", port, PORT_OPEN, 5000)), "ok");
	int one = accept(fd, NULL, NULL);
	assert_int_equal(read(one, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(one);
	close(fd);
}

static void a_closed_port_is_down(void **state)
{
	(void)state;
	struct result *r = kit_run(&kit, tcp("127.0.0.1", free_port(), PORT_OPEN, 5000));
	assert_reason(r, "tcp.refused");
	assert_int_equal(r->verdict, VERDICT_DOWN);
	assert_non_null(strstr(r->detail, "connection refused by 127.0.0.1:"));
	assert_true(r->duration_ms < 1000);
}

static void closed_is_up_where_it_must_be(void **state)
{
	(void)state;
	struct result *r = kit_run(&kit, tcp("127.0.0.1", free_port(), PORT_CLOSED, 5000));
	assert_reason(r, "ok");
	assert_int_equal(r->verdict, VERDICT_UP);
	assert_non_null(strstr(r->detail, "refused"));
}

static void open_is_down_where_it_must_be_closed(void **state)
{
	int port, fd = peer_listen(&port);
	(void)state;
	struct result *r = kit_run(&kit, tcp("127.0.0.1", port, PORT_CLOSED, 5000));
	assert_reason(r, "tcp.open");
	assert_int_equal(r->verdict, VERDICT_DOWN);
	close(fd);
}

/* A listener whose backlog is full answers no further SYN: the same silence as a dropped one. */
struct silent {
	int fd, port, filler[8];
};

static void silent_open(struct silent *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	s->fd = peer_listen(&s->port);
	assert_int_equal(listen(s->fd, 0), 0);
	a.sin_port = htons((uint16_t)s->port);
	for (size_t i = 0; i < ARRAY_LEN(s->filler); i++) {
		s->filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(s->filler[i], (struct sockaddr *)&a, sizeof(a));
	}
}

static void silent_close(struct silent *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->filler); i++)
		close(s->filler[i]);
	close(s->fd);
}

static void silence_is_a_timeout(void **state)
{
	struct silent s;
	(void)state;
	silent_open(&s);
	struct result *r = kit_run(&kit, tcp("127.0.0.1", s.port, PORT_OPEN, 300));
	assert_reason(r, "tcp.timeout");
	assert_true(r->duration_ms >= 290 && r->duration_ms < 1000);
	assert_true(r->phases.connect_us >= 290000);
	assert_non_null(r->address);
	assert_non_null(strstr(r->detail, "no answer from 127.0.0.1:"));
	r = kit_run(&kit, tcp("127.0.0.1", s.port, PORT_CLOSED, 300));
	assert_reason(r, "ok");
	assert_int_equal(r->verdict, VERDICT_UP);
	assert_true(r->duration_ms < 1000);
	silent_close(&s);
}

static const struct dns_entry names[] = {
	{"both.test", "127.0.0.1", "::1", 0},
	{"private.test", "10.0.0.1", "fd00::1", 0},
	{"half.test", "127.0.0.1", "fd00::1", 0},
	{"mute.test", NULL, NULL, -1},
	{NULL, NULL, NULL, 3},
};

static void every_address_is_tried(void **state)
{
	struct dns dns;
	int port, fd = peer_listen(&port); /* IPv4 only: ::1 refuses */
	(void)state;
	dns_start(&dns, names);
	kit_use_dns(&kit, &dns);
	struct result *r = kit_run(&kit, tcp("both.test", port, PORT_OPEN, 5000));
	assert_reason(r, "ok");
	assert_non_null(strstr(r->address, "127.0.0.1:"));
	/* closed: the one open address is found although the other refuses */
	r = kit_run(&kit, tcp("both.test", port, PORT_CLOSED, 5000));
	assert_reason(r, "tcp.open");
	struct monitor m = tcp("both.test", port, PORT_OPEN, 5000);
	m.request.family = FAMILY_IPV6;
	r = kit_run(&kit, m);
	assert_reason(r, "tcp.refused");
	assert_non_null(strstr(r->address, "[::1]:"));
	close(fd);
	dns_stop(&dns);
}

static void refused_addresses_are_not_contacted(void **state)
{
	struct dns dns;
	int port, fd = peer_listen(&port);
	(void)state;
	dns_start(&dns, names);
	kit_use_dns(&kit, &dns);
	struct result *r = kit_run(&kit, tcp("private.test", 80, PORT_OPEN, 5000));
	assert_reason(r, "dns.forbidden_address");
	assert_int_equal(r->verdict, VERDICT_DOWN);
	assert_null(r->address);
	assert_int_equal(r->phases.connect_us, UNSET);
	r = kit_run(&kit, tcp("10.0.0.1", 80, PORT_OPEN, 5000));
	assert_reason(r, "internal.policy");
	assert_int_equal(r->verdict, VERDICT_NONE);
	r = kit_run(&kit, tcp("[fe80::1]", 80, PORT_CLOSED, 5000));
	assert_reason(r, "internal.policy");
	r = kit_run(&kit, tcp("half.test", port, PORT_OPEN, 5000)); /* the permitted half counts */
	assert_reason(r, "ok");
	close(fd);
	dns_stop(&dns);
}

static void names_fail_with_their_own_reasons(void **state)
{
	struct dns dns;
	(void)state;
	dns_start(&dns, names);
	kit_use_dns(&kit, &dns);
	struct result *r = kit_run(&kit, tcp("gone.test", 80, PORT_OPEN, 5000));
	assert_reason(r, "dns.nxdomain");
	assert_true(r->phases.resolve_us >= 0);
	r = kit_run(&kit, tcp("mute.test", 80, PORT_OPEN, 300));
	assert_reason(r, "dns.timeout");
	assert_true(r->duration_ms >= 299 && r->duration_ms < 1000);
	assert_true(r->phases.resolve_us >= 290000);
	assert_int_equal(r->phases.connect_us, UNSET);
	/* a closed port is not proved by a name that is gone */
	r = kit_run(&kit, tcp("gone.test", 80, PORT_CLOSED, 5000));
	assert_reason(r, "dns.nxdomain");
	assert_int_equal(r->verdict, VERDICT_DOWN);
	dns_stop(&dns);
}

static void slow_is_a_warning(void **state)
{
	int port, fd = peer_listen(&port);
	(void)state;
	struct monitor m = tcp("127.0.0.1", port, PORT_OPEN, 5000);
	m.expect.response_time = (struct threshold_ms){.warning_ms = 0, .critical_ms = 60000};
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "slow.response");
	assert_int_equal(r->verdict, VERDICT_WARNING);
	assert_int_equal(r->severity[THRESHOLD_SLOW], SEVERITY_WARNING);
	close(fd);
}

static void no_descriptors_is_our_own_failure(void **state)
{
	int port, fd = peer_listen(&port);
	struct rlimit old, none;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	struct result *r = kit_run(&kit, tcp("127.0.0.1", port, PORT_OPEN, 5000));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_reason(r, "internal.resources");
	assert_int_equal(r->verdict, VERDICT_NONE);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_open_port_is_up, setup, teardown),
		cmocka_unit_test_setup_teardown(the_loop_may_be_late, setup, teardown),
		cmocka_unit_test_setup_teardown(the_connection_ends_by_a_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(accepted_and_reset_is_open, setup, teardown),
		cmocka_unit_test_setup_teardown(a_closed_port_is_down, setup, teardown),
		cmocka_unit_test_setup_teardown(closed_is_up_where_it_must_be, setup, teardown),
		cmocka_unit_test_setup_teardown(
			open_is_down_where_it_must_be_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_is_a_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(every_address_is_tried, setup, teardown),
		cmocka_unit_test_setup_teardown(
			refused_addresses_are_not_contacted, setup, teardown),
		cmocka_unit_test_setup_teardown(names_fail_with_their_own_reasons, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_is_a_warning, setup, teardown),
		cmocka_unit_test_setup_teardown(no_descriptors_is_our_own_failure, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
