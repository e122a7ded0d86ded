// SPDX-License-Identifier: MIT
/*
 * ping checks, each with unprivileged and with raw sockets: against the kernel's answers, a
 * router's errors, and a scripted responder that loses, repeats and forges.
 */
#include "tests/unit/netns_kit.h"

#include "probe/pinger.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

static struct kit kit;
static bool unprivileged; /* of the run */

static int setup(void **state)
{
	(void)state;
	if (!netns_ready)
		return 0;
	netns_allow_ping_sockets(unprivileged);
	netns_answer_pings(true);
	kit_open(&kit);
	kit_allow(&kit, "0.0.0.0/0");
	kit_allow(&kit, "::/0");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (netns_ready)
		kit_close(&kit);
	return 0;
}

static struct monitor ping(
	const char *target, int64_t packets, int64_t spacing_ms, int64_t timeout_ms)
{
	struct monitor m = kit_monitor(CHECK_PING, target, timeout_ms);
	m.request.packets = packets;
	m.request.packet_interval_ms = spacing_ms;
	return m;
}

static void the_kind_of_socket_is_as_meant(void **state)
{
	(void)state;
	NETNS_OR_SKIP();
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
	assert_int_equal(fd != -1, unprivileged);
	if (fd != -1)
		close(fd);
}

static void an_answering_host_is_up(void **state)
{
	static const char *const targets[] = {
		"127.0.0.1", "::1", "[::1]", "198.18.5.2", "2001:db8:5::2", "localhost"};
	(void)state;
	NETNS_OR_SKIP();
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct result *r = kit_run(&kit, ping(targets[i], 4, 10, 5000));
		assert_reason(r, "ok");
		assert_int_equal(r->verdict, VERDICT_UP);
		assert_int_equal(r->ping.sent, 4);
		assert_int_equal(r->ping.received, 4);
		assert_true(r->ping.min_us >= 0 && r->ping.min_us <= r->ping.avg_us);
		if (r->ping.max_us >= 1000000)
			fail_msg("%s: max %lld min %lld", targets[i], (long long)r->ping.max_us,
				(long long)r->ping.min_us);
		assert_true(r->ping.stddev_us >= 0 && r->ping.stddev_us <= r->ping.max_us);
		assert_true(r->duration_ms >= 30 && r->duration_ms < 2000); /* three gaps */
		assert_true(r->phases.resolve_us >= 0);
		assert_non_null(r->address);
	}
}

static void a_family_may_be_asked_for(void **state)
{
	(void)state;
	NETNS_OR_SKIP();
	struct monitor m = ping("localhost", 1, 10, 2000);
	m.request.family = FAMILY_IPV4;
	assert_string_equal(kit_run(&kit, m)->address, "127.0.0.1");
	m = ping("localhost", 1, 10, 2000);
	m.request.family = FAMILY_IPV6;
	assert_string_equal(kit_run(&kit, m)->address, "::1");
}

static void silence_is_no_reply(void **state)
{
	static const char *const targets[] = {"198.18.8.1", "2001:db8:8::1"};
	(void)state;
	NETNS_OR_SKIP();
	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		struct result *r =
			kit_run(&kit, ping(targets[i], 3, 10, 300)); /* the deadline comes first */
		assert_reason(r, "l3.no_reply");
		assert_int_equal(r->verdict, VERDICT_DOWN);
		assert_int_equal(r->ping.sent, 3);
		assert_int_equal(r->ping.received, 0);
		assert_int_equal(r->ping.avg_us, UNSET);
		assert_true(r->duration_ms >= 299 && r->duration_ms < 1000);
	}
	struct result *r = kit_run(
		&kit, ping("198.18.8.1", 2, 10, 20000)); /* the wait for the last one does */
	assert_reason(r, "l3.no_reply");
	assert_true(r->duration_ms >= 2000 && r->duration_ms < 4000);
}

static void routers_explain(void **state)
{
	static const struct {
		const char *target, *reason, *says;
	} cases[] = {{"198.18.6.1", "l3.host_unreachable", "198.18.5.2"},
		{"198.18.7.1", "l3.prohibited", "198.18.5.2"},
		{"2001:db8:6::1", "l3.no_route", "2001:db8:5::2"},
		{"2001:db8:7::1", "l3.prohibited", "2001:db8:5::2"},
		{"198.51.100.1", "internal.network", NULL},
		{"2001:db8:99::1", "internal.network", NULL}};
	(void)state;
	NETNS_OR_SKIP();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct result *r = kit_run(&kit, ping(cases[i].target, 2, 10, 5000));
		if (strcmp(reason_code((enum reason)r->reason), cases[i].reason) != 0)
			fail_msg("%s: %s (%s)", cases[i].target,
				reason_code((enum reason)r->reason), r->detail);
		assert_true(r->duration_ms < 2000); /* no waiting for what will not come */
		if (cases[i].says != NULL)
			assert_non_null(strstr(r->detail, cases[i].says));
	}
}

static void slow_is_a_warning(void **state)
{
	(void)state;
	NETNS_OR_SKIP();
	struct monitor m = ping("127.0.0.1", 2, 10, 5000);
	m.expect.rtt = (struct threshold_ms){.warning_ms = 0, .critical_ms = 1000};
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "slow.rtt");
	assert_int_equal(r->verdict, VERDICT_WARNING);
	assert_int_equal(r->severity[THRESHOLD_SLOW], SEVERITY_WARNING);
}

static void policy_and_names(void **state)
{
	(void)state;
	NETNS_OR_SKIP();
	kit_close(&kit);
	kit_open(&kit); /* loopback alone is allowed */
	assert_reason(kit_run(&kit, ping("198.18.5.2", 1, 10, 1000)), "internal.policy");
	assert_reason(kit_run(&kit, ping("fe80::1", 1, 10, 1000)), "internal.policy");
	assert_reason(kit_run(&kit, ping("127.0.0.1", 1, 10, 1000)), "ok");
}

static void many_at_once_do_not_mix(void **state)
{
	(void)state;
	NETNS_OR_SKIP();
	struct monitor m[60];
	struct job *jobs[60];
	int before = kit.done;
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		m[i] = ping(i % 2 == 0 ? "127.0.0.1" : "::1", 5, 2, 5000);
		jobs[i] = job_new(&m[i], 1);
		engine_run(kit.engine, jobs[i], 0, kit_done_cb, &kit);
		job_unref(jobs[i]);
	}
	for (int n = 1; n <= 60; n++) {
		while (kit.done < before + n)
			loop_run(kit.loop);
		assert_reason(&kit.result, "ok");
		assert_int_equal(kit.result.ping.received, 5);
	}
}

/* ---- a scripted responder on 127.0.0.1 instead of the kernel */

enum trick { LOSE_ODD, TWICE, FORGE_FIRST, STRANGER_FIRST, FORGE_ONLY, STRANGER_ONLY, SHORT };

struct responder {
	int fd, stranger;
	enum trick trick;
	int seen;
	pthread_t thread;
};

static void set_checksum(unsigned char *icmp, size_t n)
{
	unsigned long sum = 0;
	icmp[2] = icmp[3] = 0;
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (unsigned long)icmp[i] << 8 | icmp[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	icmp[2] = (unsigned char)(~sum >> 8);
	icmp[3] = (unsigned char)~sum;
}

static void answer(struct responder *r, unsigned char *icmp, size_t n, struct sockaddr_in *to)
{
	int index = r->seen++;
	icmp[0] = ICMP_ECHOREPLY;
	set_checksum(icmp, n);
	const struct sockaddr *a = (const struct sockaddr *)to;
	if (r->trick == LOSE_ODD && index % 2 == 1)
		return;
	if (r->trick == SHORT)
		n = 16; /* half a cookie */
	if (r->trick == STRANGER_FIRST || r->trick == STRANGER_ONLY)
		sendto(r->stranger, icmp, n, 0, a, sizeof(*to));
	if (r->trick == FORGE_FIRST || r->trick == FORGE_ONLY) {
		icmp[12] ^= 1;
		set_checksum(icmp, n);
		sendto(r->fd, icmp, n, 0, a, sizeof(*to));
		icmp[12] ^= 1;
	}
	if (r->trick == FORGE_ONLY || r->trick == STRANGER_ONLY)
		return;
	set_checksum(icmp, n);
	sendto(r->fd, icmp, n, 0, a, sizeof(*to));
	if (r->trick == TWICE)
		sendto(r->fd, icmp, n, 0, a, sizeof(*to));
}

static void *responder_main(void *arg)
{
	struct responder *r = arg;
	for (;;) {
		unsigned char data[512];
		struct sockaddr_in from;
		socklen_t from_bytes = sizeof(from);
		ssize_t n = recvfrom(
			r->fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_bytes);
		if (n < 28)
			continue;
		if (data[20] == 200) /* stop */
			return NULL;
		if (data[20] == ICMP_ECHO)
			answer(r, data + 20, (size_t)n - 20, &from);
	}
}

static void responder_start(struct responder *r, enum trick trick)
{
	struct sockaddr_in other = {.sin_family = AF_INET};
	*r = (struct responder){.trick = trick};
	netns_answer_pings(false);
	r->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	r->stranger = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	inet_pton(AF_INET, "127.0.0.9", &other.sin_addr);
	assert_int_equal(bind(r->stranger, (struct sockaddr *)&other, sizeof(other)), 0);
	assert_int_equal(pthread_create(&r->thread, NULL, responder_main, r), 0);
}

static void responder_stop(struct responder *r)
{
	struct sockaddr_in self = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	unsigned char stop[8] = {200};
	set_checksum(stop, sizeof(stop));
	sendto(r->fd, stop, sizeof(stop), 0, (struct sockaddr *)&self, sizeof(self));
	pthread_join(r->thread, NULL);
	close(r->fd);
	close(r->stranger);
}

static void loss_is_counted_and_judged(void **state)
{
	static const struct {
		double warning, critical;
		const char *reason;
		enum severity severity;
	} cases[] = {{-1, -1, "ok", SEVERITY_NONE}, {20, 60, "l3.loss", SEVERITY_WARNING},
		{20, 50, "l3.loss", SEVERITY_CRITICAL}, {51, -1, "ok", SEVERITY_NONE}};
	(void)state;
	NETNS_OR_SKIP();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct responder responder;
		responder_start(&responder, LOSE_ODD);
		struct monitor m = ping("127.0.0.1", 6, 5, 1500);
		m.expect.loss = (struct threshold_percent){cases[i].warning, cases[i].critical};
		struct result *r = kit_run(&kit, m);
		responder_stop(&responder);
		assert_reason(r, cases[i].reason);
		assert_int_equal(r->ping.sent, 6);
		assert_int_equal(r->ping.received, 3);
		assert_int_equal(r->severity[THRESHOLD_LOSS], cases[i].severity);
		assert_int_equal(r->verdict,
			cases[i].severity == SEVERITY_NONE ? VERDICT_UP : VERDICT_WARNING);
		assert_true(r->duration_ms < 5000);
	}
}

static void stray_replies_are_ignored(void **state)
{
	static const struct {
		enum trick trick;
		const char *reason;
		int64_t received;
	} cases[] = {{TWICE, "ok", 4}, {FORGE_FIRST, "ok", 4}, {STRANGER_FIRST, "ok", 4},
		{FORGE_ONLY, "l3.no_reply", 0}, {STRANGER_ONLY, "l3.no_reply", 0},
		{SHORT, "l3.no_reply", 0}};
	(void)state;
	NETNS_OR_SKIP();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct responder responder;
		responder_start(&responder, cases[i].trick);
		struct result *r =
			kit_run(&kit, ping("127.0.0.1", 4, 10, cases[i].received ? 5000 : 300));
		responder_stop(&responder);
		assert_reason(r, cases[i].reason);
		assert_int_equal(r->ping.sent, 4);
		assert_int_equal(r->ping.received, cases[i].received);
	}
}

static void without_any_socket_it_is_our_own_failure(void **state)
{
	(void)state;
	NETNS_OR_SKIP();
	/* no descriptor is as good as no permission: both sockets fail to open */
	kit_close(&kit);
	memset(&kit, 0, sizeof(kit));
	struct loop *loop = loop_new();
	int fds[1024], n = 0;
	while (n < 1024 && (fds[n] = dup(1)) != -1)
		n++;
	struct pinger *pinger = n < 1024 ? pinger_new(loop) : NULL;
	while (n > 0)
		close(fds[--n]);
	if (pinger != NULL) {
		struct ping_listener listener = {.arg = NULL};
		const struct sockaddr_in to = {.sin_family = AF_INET};
		assert_false(pinger_works(pinger, AF_INET));
		assert_false(pinger_works(pinger, AF_INET6));
		assert_int_equal(pinger_send(pinger, (const struct sockaddr *)&to, &listener),
			REASON_INTERNAL_PERMISSION);
	}
	pinger_free(pinger);
	loop_free(loop);
	kit_open(&kit);
}

static void messages_are_parsed_with_care(void **state)
{
	static const unsigned char reply[8 + ICMP_COOKIE_SIZE] = {
		0, 0, 0, 0, 0x12, 0x34, 0xff, 0xff, 'c'};
	unsigned char framed[20 + sizeof(reply)] = {0x45};
	struct icmp_echo e;
	(void)state;
	assert_int_equal(icmp_parse(AF_INET, false, reply, sizeof(reply), &e), 0);
	assert_true(e.reply && e.has_cookie && e.id == 0x1234 && e.sequence == 0xffff &&
		    e.cookie[0] == 'c');
	assert_int_equal(icmp_parse(AF_INET, false, reply, sizeof(reply) - 1, &e), 0);
	assert_false(e.has_cookie);
	assert_int_equal(icmp_parse(AF_INET, false, reply, 8, &e), 0);
	assert_int_equal(icmp_parse(AF_INET, false, reply, 7, &e), -1);
	assert_int_equal(icmp_parse(AF_INET6, false, reply, sizeof(reply), &e),
		-1); /* type 0 is no reply there */
	memcpy(framed + 20, reply, sizeof(reply));
	assert_int_equal(icmp_parse(AF_INET, true, framed, sizeof(framed), &e), 0);
	assert_int_equal(e.sequence, 0xffff);
	framed[0] = 0x4f; /* a header of 60 bytes in 44 */
	assert_int_equal(icmp_parse(AF_INET, true, framed, sizeof(framed), &e), -1);
	framed[0] = 0x44;
	assert_int_equal(icmp_parse(AF_INET, true, framed, sizeof(framed), &e), -1);
	framed[0] = 0x65;
	assert_int_equal(icmp_parse(AF_INET, true, framed, sizeof(framed), &e), -1);
	assert_int_equal(icmp_parse(AF_INET, true, framed, 0, &e), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_kind_of_socket_is_as_meant),
		TEST(an_answering_host_is_up),
		TEST(a_family_may_be_asked_for),
		TEST(silence_is_no_reply),
		TEST(routers_explain),
		TEST(slow_is_a_warning),
		TEST(policy_and_names),
		TEST(many_at_once_do_not_mix),
		TEST(loss_is_counted_and_judged),
		TEST(stray_replies_are_ignored),
		TEST(without_any_socket_it_is_our_own_failure),
		cmocka_unit_test(messages_are_parsed_with_care),
	};
	netns_enter();
	int rc = cmocka_run_group_tests_name("raw sockets", tests, NULL, NULL);
	unprivileged = true;
	rc += cmocka_run_group_tests_name("unprivileged sockets", tests, NULL, NULL);
	netns_leave();
	return rc;
}
