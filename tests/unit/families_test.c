// SPDX-License-Identifier: MIT
/* Checks of both families: one result of two findings, whatever the type. */
#include "tests/unit/check_kit.h"

#include "probe/families.h"

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

/* ---- merging */

static struct result finding(enum verdict verdict, enum reason reason, int64_t total_us)
{
	struct result r = {.verdict = (int)verdict,
		.reason = (int)reason,
		.duration_ms = total_us / 1000,
		.phases = {UNSET, UNSET, UNSET, UNSET, UNSET, total_us},
		.status = UNSET,
		.bytes = UNSET,
		.ping = PING_NONE,
		.certificate = CERTIFICATE_NONE};
	return r;
}

static void the_worse_is_told_and_of_two_alike_the_slower(void **state)
{
	static const struct {
		enum verdict v4, v6;
		int64_t v4_us, v6_us;
		int told; /* 4 or 6 */
		enum verdict verdict;
	} cases[] = {
		{VERDICT_UP, VERDICT_UP, 2000, 1000, 4, VERDICT_UP},
		{VERDICT_UP, VERDICT_UP, 1000, 2000, 6, VERDICT_UP},
		{VERDICT_UP, VERDICT_WARNING, 2000, 1000, 6, VERDICT_WARNING},
		{VERDICT_WARNING, VERDICT_UP, 1000, 2000, 4, VERDICT_WARNING},
		{VERDICT_NONE, VERDICT_UP, 1000, 2000, 4, VERDICT_NONE},
		{VERDICT_NONE, VERDICT_WARNING, 1000, 2000, 4, VERDICT_NONE},
		{VERDICT_DOWN, VERDICT_NONE, 1000, 2000, 4, VERDICT_DOWN},
		{VERDICT_NONE, VERDICT_DOWN, 2000, 1000, 6, VERDICT_DOWN},
		{VERDICT_DOWN, VERDICT_UP, 1000, 2000, 4, VERDICT_DOWN},
		{VERDICT_DOWN, VERDICT_DOWN, 1000, 2000, 6, VERDICT_DOWN},
	};
	static const enum reason reasons[] = {[VERDICT_UP] = REASON_OK,
		[VERDICT_WARNING] = REASON_SLOW_RESPONSE,
		[VERDICT_NONE] = REASON_INTERNAL_NETWORK,
		[VERDICT_DOWN] = REASON_TCP_REFUSED};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct result v4 = finding(cases[i].v4, reasons[cases[i].v4], cases[i].v4_us);
		struct result v6 = finding(cases[i].v6, reasons[cases[i].v6], cases[i].v6_us);
		mem_set(&v4.address, "192.0.2.1");
		mem_set(&v6.address, "2001:db8::1");
		families_merge(&v4, &v6);
		result_clear(&v6);
		assert_int_equal(v4.verdict, cases[i].verdict);
		assert_int_equal(v4.reason, reasons[cases[i].verdict]);
		assert_string_equal(v4.address, cases[i].told == 4 ? "192.0.2.1" : "2001:db8::1");
		assert_int_equal(v4.duration_ms, 2);
		assert_memory_equal(v4.detail, cases[i].told == 4 ? "IPv4: " : "IPv6: ", 6);
		const struct family_finding *f = v4.families.item;
		assert_int_equal(v4.families.n, 2);
		assert_int_equal(f[0].family, FAMILY_IPV4);
		assert_int_equal(f[0].verdict, cases[i].v4);
		assert_int_equal(f[0].total_us, cases[i].v4_us);
		assert_string_equal(f[0].address, "192.0.2.1");
		assert_int_equal(f[1].family, FAMILY_IPV6);
		assert_int_equal(f[1].verdict, cases[i].v6);
		assert_string_equal(f[1].address, "2001:db8::1");
		result_clear(&v4);
	}
}

static void thresholds_and_certificates_are_of_both(void **state)
{
	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		struct result a = finding(VERDICT_WARNING, REASON_SLOW_RESPONSE, 1000);
		struct result b = finding(VERDICT_WARNING, REASON_TLS_EXPIRES_SOON, 2000);
		a.severity[THRESHOLD_SLOW] = SEVERITY_CRITICAL;
		b.severity[THRESHOLD_CERTIFICATE] = SEVERITY_WARNING;
		a.certificate.not_after_wall_ms = 9000;
		mem_set(&a.certificate.subject, "later");
		b.certificate.not_after_wall_ms = 5000;
		b.certificate.days = 3;
		mem_set(&b.certificate.subject, "sooner");
		families_merge(turn ? &a : &b, turn ? &b : &a);
		struct result *r = turn ? &a : &b;
		assert_int_equal(r->reason, REASON_SLOW_RESPONSE); /* critical is worse */
		assert_int_equal(r->severity[THRESHOLD_SLOW], SEVERITY_CRITICAL);
		assert_int_equal(r->severity[THRESHOLD_CERTIFICATE], SEVERITY_WARNING);
		assert_string_equal(r->certificate.subject, "sooner");
		assert_int_equal(r->certificate.days, 3);
		result_clear(&a);
		result_clear(&b);
	}
}

static void a_long_sentence_is_cut(void **state)
{
	char text[RESULT_DETAIL_MAX_BYTES];
	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct result v4 = finding(VERDICT_DOWN, REASON_HTTP_STATUS, 1);
	struct result v6 = finding(VERDICT_DOWN, REASON_HTTP_STATUS, 1);
	mem_set(&v4.detail, text);
	mem_set(&v6.detail, text);
	families_merge(&v4, &v6);
	assert_true(strlen(v4.detail) <= RESULT_DETAIL_MAX_BYTES);
	result_clear(&v4);
	result_clear(&v6);
}

/* ---- real checks */

static struct monitor both(enum check_kind kind, const char *target, int64_t timeout_ms)
{
	struct monitor m = kit_monitor(kind, target, timeout_ms);
	m.request.family = FAMILY_BOTH;
	return m;
}

/* A listener on PORT of ::1, next to a peer's on 127.0.0.1; -1: this machine has no IPv6. */
static int listen_v6(int port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
		.sin6_port = htons((uint16_t)port)};
	int on = 1, fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == -1 || listen(fd, 8) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static void both_must_answer(void **state)
{
	char target[32];
	int port, v4 = peer_listen(&port);
	(void)state;
	snprintf(target, sizeof(target), "localhost:%d", port);
	struct result *r = kit_run(&kit, both(CHECK_TCP, target, 2000));
	assert_reason(r, "tcp.refused");
	assert_int_equal(r->verdict, VERDICT_DOWN);
	assert_non_null(strstr(r->detail, "IPv6: "));
	assert_non_null(strstr(r->detail, "; IPv4 is up"));
	int v6 = listen_v6(port);
	if (v6 == -1)
		skip();
	r = kit_run(&kit, both(CHECK_TCP, target, 2000));
	assert_reason(r, "ok");
	assert_int_equal(r->families.n, 2);
	assert_non_null(strstr(r->detail, "IPv4: connected to 127.0.0.1:"));
	assert_non_null(strstr(r->detail, "IPv6: connected to [::1]:"));
	close(v4);
	r = kit_run(&kit, both(CHECK_TCP, target, 2000));
	assert_reason(r, "tcp.refused");
	assert_non_null(strstr(r->detail, "IPv4: connection refused by 127.0.0.1:"));
	close(v6);
}

static void a_port_must_be_closed_for_both(void **state)
{
	char target[32];
	int port, v4 = peer_listen(&port);
	(void)state;
	snprintf(target, sizeof(target), "localhost:%d", port);
	struct monitor m = both(CHECK_TCP, target, 2000);
	m.expect.port = PORT_CLOSED;
	assert_reason(kit_run(&kit, m), "tcp.open");
	close(v4);
	m = both(CHECK_TCP, target, 2000);
	m.expect.port = PORT_CLOSED;
	assert_reason(kit_run(&kit, m), "ok");
}

static void a_name_needs_addresses_of_both(void **state)
{
	static const struct dns_entry names[] = {{"half.test", "127.0.0.1", NULL, 0},
		{"whole.test", "127.0.0.1", "::1", 0}, {"public.test", "127.0.0.1", "2600::1", 0},
		{NULL, NULL, NULL, 3}};
	char target[64];
	struct dns dns;
	int port, fd = peer_listen(&port);
	(void)state;
	dns_start(&dns, names);
	kit_use_dns(&kit, &dns);
	snprintf(target, sizeof(target), "half.test:%d", port);
	struct result *r = kit_run(&kit, both(CHECK_TCP, target, 3000));
	assert_reason(r, "dns.no_address");
	assert_non_null(strstr(r->detail, "IPv6: half.test"));
	snprintf(target, sizeof(target), "gone.test:%d", port);
	assert_reason(kit_run(&kit, both(CHECK_TCP, target, 3000)), "dns.nxdomain");
	snprintf(target, sizeof(target), "http://half.test:%d/", port);
	assert_reason(kit_run(&kit, both(CHECK_HTTP, target, 500)), "http.timeout");
	const struct family_finding *f = kit.result.families.item;
	assert_int_equal(f[1].reason, REASON_DNS_NO_ADDRESS);
	close(fd);
	dns_stop(&dns);
}

static void the_deadline_is_one(void **state)
{
	char target[32];
	int port, fd = peer_listen(&port); /* its connections are never accepted */
	(void)state;
	snprintf(target, sizeof(target), "http://localhost:%d/", port);
	struct result *r = kit_run(&kit, both(CHECK_HTTP, target, 300));
	assert_reason(r, "http.timeout");
	assert_in_range(r->duration_ms, 299, 900);
	close(fd);
}

struct tally {
	struct loop *loop;
	int left, whole, overloaded;
};

static void tally_cb(void *arg, struct job *job, struct result *r)
{
	struct tally *tally = arg;
	(void)job;
	tally->whole += r->families.n == 2;
	tally->overloaded += r->reason == REASON_INTERNAL_OVERLOAD;
	if (--tally->left == 0)
		loop_stop(tally->loop);
}

static void two_places_are_taken(void **state)
{
	static const int64_t ceilings[] = {1, 2, 3};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ceilings); i++) {
		const struct engine_limits limits = {.in_flight_max = ceilings[i],
			.per_second = 100000,
			.per_destination = 100000,
			.body_max_bytes = 1000};
		struct tally tally = {kit.loop, 6, 0, 0};
		engine_set_limits(kit.engine, &limits);
		for (int k = 0; k < 6; k++) {
			struct monitor m = both(CHECK_TCP, "localhost:1", 2000);
			struct job *job = job_new(&m, 1);
			engine_run(kit.engine, job, 0, tally_cb, &tally);
			job_unref(job);
			assert_in_range(
				engine_in_flight(kit.engine), 0, ceilings[i] > 2 ? ceilings[i] : 2);
		}
		loop_run(kit.loop);
		assert_int_equal(tally.whole, 6);
	}
}

static void what_never_began_has_no_halves(void **state)
{
	const struct engine_limits limits = {.in_flight_max = 10,
		.per_second = 100000,
		.per_destination = 1,
		.body_max_bytes = 1000};
	struct tally tally = {kit.loop, 3, 0, 0};
	(void)state;
	engine_set_limits(kit.engine, &limits);
	for (int k = 0; k < 3; k++) {
		struct monitor m = both(CHECK_TCP, "localhost:1", 2000);
		m.interval_ms = 1000; /* it gives up after half of it */
		struct job *job = job_new(&m, 1);
		engine_run(kit.engine, job, 0, tally_cb, &tally);
		job_unref(job);
	}
	loop_run(kit.loop);
	assert_int_equal(tally.whole, 1);
	assert_int_equal(tally.overloaded, 2);
}

static void an_engine_may_end_between_the_halves(void **state)
{
	char target[32];
	int port, fd = peer_listen(&port);
	struct tally tally = {kit.loop, 99, 0, 0};
	(void)state;
	snprintf(target, sizeof(target), "http://localhost:%d/", port); /* IPv6: refused */
	struct monitor m = both(CHECK_HTTP, target, 5000);
	struct job *job = job_new(&m, 1);
	engine_run(kit.engine, job, 0, tally_cb, &tally);
	while (engine_in_flight(kit.engine) == 2) {
		struct timer turn;
		timer_init(&turn, kit.loop, (void (*)(void *))loop_stop, kit.loop);
		timer_set(&turn, 1);
		loop_run(kit.loop);
		timer_clear(&turn);
	}
	assert_int_equal(engine_in_flight(kit.engine), 1);
	job_unref(job);
	kit_close(&kit);
	assert_int_equal(tally.left, 99);
	kit_open(&kit);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worse_is_told_and_of_two_alike_the_slower),
		cmocka_unit_test(thresholds_and_certificates_are_of_both),
		cmocka_unit_test(a_long_sentence_is_cut),
		TEST(both_must_answer),
		TEST(a_port_must_be_closed_for_both),
		TEST(a_name_needs_addresses_of_both),
		TEST(the_deadline_is_one),
		TEST(two_places_are_taken),
		TEST(what_never_began_has_no_halves),
		TEST(an_engine_may_end_between_the_halves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
