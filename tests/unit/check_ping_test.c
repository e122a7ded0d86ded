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

/* ---- size, DF, TTL and source */

static void a_router_tells_its_mtu_and_the_end_of_the_ttl(void **state)
{
	static const struct {
		const char *target;
		int64_t size, ttl;
		bool df;
		const char *reason, *says;
	} cases[] = {
		{"198.18.9.1", 1273, UNSET, true, "l3.fragmentation_needed",
			"a packet of 1301 bytes (1273 of payload) must be fragmented to fit into "
			"1300, says 198.18.5.2"},
		{"2001:db8:9::1", 1253, UNSET, true, "l3.fragmentation_needed",
			"a packet of 1301 bytes (1253 of payload) must be fragmented to fit into "
			"1300, says 2001:db8:5::2"},
		{"198.18.5.2", 1473, UNSET, true, "l3.fragmentation_needed",
			"a packet of 1501 bytes (1473 of payload) must be fragmented to fit into "
			"1500, says this machine"},
		{"2001:db8:5::2", 1453, UNSET, true, "l3.fragmentation_needed",
			"a packet of 1501 bytes (1453 of payload) must be fragmented to fit into "
			"1500, says this machine"},
		{"198.18.9.1", UNSET, 1, false, "l3.ttl_exceeded", "says 198.18.5.2"},
		{"2001:db8:9::1", UNSET, 1, false, "l3.ttl_exceeded", "says 2001:db8:5::2"},
		{"198.18.5.2", 1472, UNSET, true, "ok", "2 of 2"},
		{"2001:db8:5::2", 1452, UNSET, true, "ok", "2 of 2"},
		{"198.18.5.2", PING_SIZE_MAX, UNSET, false, "ok", "2 of 2"},
		{"2001:db8:5::2", PING_SIZE_MAX, UNSET, false, "ok", "2 of 2"},
		{"198.18.5.2", PING_SIZE_MIN, 1, true, "ok", "2 of 2"},
		{"2001:db8:5::2", PING_SIZE_MIN, 1, true, "ok", "2 of 2"},
		{"198.18.9.1", 1400, UNSET, false, "l3.no_reply", "no ping was answered"},
	};
	(void)state;
	NETNS_OR_SKIP();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m = ping(cases[i].target, 2, 10, 300);
		m.request.size = cases[i].size;
		m.request.ttl = cases[i].ttl;
		m.request.df = cases[i].df;
		struct result *r = kit_run(&kit, m);
		if (strcmp(reason_code((enum reason)r->reason), cases[i].reason) != 0 ||
			strstr(r->detail, cases[i].says) == NULL)
			fail_msg("%s %lld: %s: %s", cases[i].target, (long long)cases[i].size,
				reason_code((enum reason)r->reason), r->detail);
	}
}

struct tally {
	struct loop *loop;
	int left, refused;
};

static void tally_cb(void *arg, struct job *job, struct result *r)
{
	struct tally *tally = arg;
	(void)job;
	tally->refused += r->reason == REASON_L3_FRAGMENTATION_NEEDED;
	if (r->reason != REASON_L3_FRAGMENTATION_NEEDED)
		assert_reason(r, "ok");
	if (--tally->left == 0)
		loop_stop(tally->loop);
}

static void sizes_do_not_mix(void **state)
{
	(void)state;
	NETNS_OR_SKIP();
	struct tally tally = {kit.loop, 40, 0};
	for (int i = 0; i < tally.left; i++) {
		struct monitor m = ping("198.18.5.2", 1, 10, 3000);
		m.request.size = i % 4 == 0 ? 1473 : 1400;
		m.request.df = i % 2 == 0;
		struct job *job = job_new(&m, 1);
		engine_run(kit.engine, job, 0, tally_cb, &tally);
		job_unref(job);
	}
	loop_run(kit.loop);
	assert_int_equal(tally.refused, 10);
}

static void a_source_has_to_be_ones_own(void **state)
{
	static const struct {
		const char *target, *source, *reason;
	} cases[] = {{"198.18.5.2", "198.18.5.1", "ok"}, {"2001:db8:5::2", "2001:db8:5::1", "ok"},
		{"198.18.5.2", "198.18.5.3", "internal.source"},
		{"127.0.0.1", "198.18.5.3", "internal.source"},
		{"2001:db8:5::2", "2001:db8:5::3", "internal.source"},
		{"localhost", "2001:db8:5::3", "internal.source"}};
	(void)state;
	NETNS_OR_SKIP();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m = ping(cases[i].target, 2, 10, 3000);
		mem_set(&m.request.source, cases[i].source);
		struct result *r = kit_run(&kit, m);
		assert_reason(r, cases[i].reason);
		if (r->reason != REASON_OK)
			assert_non_null(strstr(r->detail, cases[i].source));
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

enum trick {
	LOSE_ODD,
	TWICE,
	FORGE_FIRST,
	STRANGER_FIRST,
	FORGE_ONLY,
	STRANGER_ONLY,
	SHORT,
	LATE_ODD, /* by 20 ms */
};

struct responder {
	int fd, stranger;
	enum trick trick;
	int seen;
	/* of the last request */
	int ttl, bytes;
	bool df;
	char from[NET_ADDRESS_SIZE];
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
	if (r->trick == LATE_ODD && index % 2 == 1)
		usleep(20000);
	if (r->trick == SHORT)
		n = 16; /* half a cookie */
	if (r->trick == STRANGER_FIRST || r->trick == STRANGER_ONLY)
		sendto(r->stranger, icmp, n, 0, a, sizeof(*to));
	if (r->trick == FORGE_FIRST || r->trick == FORGE_ONLY) {
		icmp[16] ^= 1; /* one of the random bits */
		set_checksum(icmp, n);
		sendto(r->fd, icmp, n, 0, a, sizeof(*to));
		icmp[16] ^= 1;
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
		unsigned char data[1024];
		struct sockaddr_in from;
		socklen_t from_bytes = sizeof(from);
		ssize_t n = recvfrom(
			r->fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_bytes);
		if (n < 28)
			continue;
		if (data[20] == 200) /* stop */
			return NULL;
		if (data[20] != ICMP_ECHO)
			continue;
		r->bytes = data[2] << 8 | data[3];
		r->df = (data[6] & 0x40) != 0;
		r->ttl = data[8];
		net_format((struct sockaddr *)&from, r->from);
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
		m.expect.loss = (struct threshold_percent){
			.warning = cases[i].warning, .critical = cases[i].critical};
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
		int64_t received, duplicates, strays;
	} cases[] = {{TWICE, "ok", 4, 3, UNSET}, /* the last one's comes too late */
		{FORGE_FIRST, "ok", 4, UNSET, 4}, {STRANGER_FIRST, "ok", 4, UNSET, 4},
		{FORGE_ONLY, "l3.no_reply", 0, UNSET, 4},
		{STRANGER_ONLY, "l3.no_reply", 0, UNSET, 4},
		{SHORT, "l3.no_reply", 0, UNSET, UNSET}};
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
		assert_int_equal(r->ping.duplicates, cases[i].duplicates);
		assert_int_equal(r->ping.strays, cases[i].strays);
	}
}

static void packets_are_as_asked_for(void **state)
{
	static const struct {
		int64_t size, ttl;
		bool df;
		const char *source;
		int bytes, ttl_seen;
		const char *from;
	} cases[] = {{UNSET, UNSET, false, NULL, 84, 64, "127.0.0.1"},
		{16, 1, true, "127.0.0.5", 44, 1, "127.0.0.5"},
		{57, 255, true, NULL, 85, 255, "127.0.0.1"},
		{400, 9, true, "127.0.0.7", 428, 9, "127.0.0.7"},
		{600, 9, false, NULL, 628, 9, "127.0.0.1"}};
	(void)state;
	NETNS_OR_SKIP();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct responder responder;
		responder_start(&responder, TWICE);
		struct monitor m = ping("127.0.0.1", 1, 10, 2000);
		m.request.size = cases[i].size;
		m.request.ttl = cases[i].ttl;
		m.request.df = cases[i].df;
		mem_set(&m.request.source, cases[i].source);
		struct result *r = kit_run(&kit, m);
		responder_stop(&responder);
		assert_reason(r, "ok");
		assert_int_equal(responder.bytes, cases[i].bytes);
		assert_int_equal(responder.ttl, cases[i].ttl_seen);
		assert_string_equal(responder.from, cases[i].from);
		if (cases[i].df || cases[i].size > 508)
			assert_int_equal(responder.df, cases[i].df);
	}
}

static void jitter_is_measured_and_judged(void **state)
{
	(void)state;
	NETNS_OR_SKIP();
	for (int packets = 1; packets <= 4; packets += 3) {
		struct responder responder;
		responder_start(&responder, LATE_ODD);
		struct monitor m = ping("127.0.0.1", packets, 40, 3000);
		m.expect.jitter = (struct threshold_ms){.warning_ms = 10, .critical_ms = 2000};
		struct result *r = kit_run(&kit, m);
		responder_stop(&responder);
		assert_reason(r, packets == 1 ? "ok" : "slow.jitter");
		if (packets == 1) {
			assert_int_equal(r->ping.jitter_us, UNSET);
			continue;
		}
		/* early, late, early, late: three differences of 20 ms */
		assert_in_range(r->ping.jitter_us, 15000, 60000);
		assert_int_equal(r->severity[THRESHOLD_SLOW], SEVERITY_WARNING);
		assert_non_null(strstr(r->detail, "differ by"));
	}
}

/* ---- the pinger by itself */

struct counts {
	int replies, errors;
};

static void count_reply(void *arg, int index, int64_t rtt_us, int64_t read_at_us)
{
	struct counts *counts = arg;
	assert_true(index >= 0 && rtt_us >= 0 && rtt_us <= read_at_us);
	assert_true(read_at_us <= clock_now_us());
	counts->replies++;
}

static void count_error(void *arg, int index, const struct ping_error *error)
{
	struct counts *counts = arg;
	assert_true(index >= 0 && error->reason != REASON_OK);
	counts->errors++;
}

static void stop_cb(void *arg)
{
	loop_stop(arg);
}

static void turn(struct loop *loop, int64_t delay_ms)
{
	struct timer timer;
	timer_init(&timer, loop, stop_cb, loop);
	timer_set(&timer, delay_ms);
	loop_run(loop);
	timer_clear(&timer);
}

static void more_may_wait_than_there_are_sequence_numbers(void **state)
{
	enum { SILENT = 70000, ANSWERED = 1000 };
	(void)state;
	NETNS_OR_SKIP();
	struct loop *loop = loop_new();
	struct pinger *pinger = pinger_new(loop);
	struct counts counts = {0, 0};
	struct ping_listener silent = {.reply = count_reply, .error = count_error, .arg = &counts},
			     answered = silent;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct ping_packet packet = {.to = (struct sockaddr *)&to, .size = 56};
	netns_answer_pings(false);
	for (int i = 0; i < SILENT; i++) {
		packet.index = i % 65536;
		assert_int_equal(pinger_send(pinger, &packet, &silent), REASON_OK);
		if (i % 100 == 0)
			turn(loop, 0);
	}
	turn(loop, 10);
	assert_int_equal(counts.replies + counts.errors, 0);
	netns_answer_pings(true);
	for (int i = 0; i < ANSWERED; i++) {
		packet.index = i;
		assert_int_equal(pinger_send(pinger, &packet, &answered), REASON_OK);
		if (i % 100 == 0)
			turn(loop, 0);
	}
	for (int i = 0; i < 1000 && counts.replies < ANSWERED; i++)
		turn(loop, 1);
	assert_int_equal(counts.replies, ANSWERED);
	assert_int_equal(silent.strays + silent.duplicates + counts.errors, 0);
	pinger_forget(pinger, &silent);
	pinger_forget(pinger, &answered);
	pinger_free(pinger);
	loop_free(loop);
}

static void what_this_machine_drops_is_known(void **state)
{
	(void)state;
	NETNS_OR_SKIP();
	struct loop *loop = loop_new();
	struct pinger *pinger = pinger_new(loop);
	struct counts counts = {0, 0};
	struct ping_listener listener = {
		.reply = count_reply, .error = count_error, .arg = &counts};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct ping_packet packet = {.to = (struct sockaddr *)&to, .size = 56};
	int64_t since_us = clock_now_us();
	assert_false(pinger_overflowed(pinger, AF_INET, since_us));
	for (int i = 0; i < 20000; i++) /* and nobody reads */
		assert_int_equal(pinger_send(pinger, &packet, &listener), REASON_OK);
	assert_true(pinger_overflowed(pinger, AF_INET, since_us));
	assert_false(pinger_overflowed(pinger, AF_INET, clock_now_us() + 1));
	assert_false(pinger_overflowed(pinger, AF_INET6, since_us));
	turn(loop, 10);
	assert_in_range(counts.replies, 1, 19999);
	pinger_forget(pinger, &listener);
	pinger_free(pinger);
	loop_free(loop);
}

static void what_is_forgotten_is_never_sent(void **state)
{
	(void)state;
	NETNS_OR_SKIP();
	struct loop *loop = loop_new();
	struct pinger *pinger = pinger_new(loop);
	struct counts counts = {0, 0}, none = {0, 0};
	struct ping_listener kept = {.reply = count_reply, .error = count_error, .arg = &counts},
			     gone = {.reply = count_reply, .error = count_error, .arg = &none};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct ping_packet packet = {.to = (struct sockaddr *)&to, .size = 56};
	for (int i = 0; i < 60; i++)
		assert_int_equal(
			pinger_send(pinger, &packet, i % 3 == 0 ? &kept : &gone), REASON_OK);
	pinger_forget(pinger, &gone);
	for (int i = 0; i < 1000 && counts.replies < 20; i++)
		turn(loop, 1);
	turn(loop, 5);
	assert_int_equal(counts.replies, 20);
	assert_int_equal(none.replies + none.errors + counts.errors, 0);
	pinger_forget(pinger, &kept);
	pinger_free(pinger);
	loop_free(loop);
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
		const struct ping_packet packet = {.to = (const struct sockaddr *)&to, .size = 56};
		assert_int_equal(
			pinger_send(pinger, &packet, &listener), REASON_INTERNAL_PERMISSION);
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
	assert_null(e.from);
	assert_int_equal(icmp_parse(AF_INET, false, reply, 8, &e), 0);
	assert_int_equal(icmp_parse(AF_INET, false, reply, 7, &e), -1);
	assert_int_equal(icmp_parse(AF_INET6, false, reply, sizeof(reply), &e),
		-1); /* type 0 is no reply there */
	memcpy(framed + 20, reply, sizeof(reply));
	assert_int_equal(icmp_parse(AF_INET, true, framed, sizeof(framed), &e), 0);
	assert_int_equal(e.sequence, 0xffff);
	assert_ptr_equal(e.from, framed + 12); /* RFC 791: the source address */
	framed[0] = 0x4f;                      /* a header of 60 bytes in 44 */
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
		TEST(a_router_tells_its_mtu_and_the_end_of_the_ttl),
		TEST(sizes_do_not_mix),
		TEST(a_source_has_to_be_ones_own),
		TEST(slow_is_a_warning),
		TEST(policy_and_names),
		TEST(many_at_once_do_not_mix),
		TEST(loss_is_counted_and_judged),
		TEST(stray_replies_are_ignored),
		TEST(packets_are_as_asked_for),
		TEST(jitter_is_measured_and_judged),
		TEST(more_may_wait_than_there_are_sequence_numbers),
		TEST(what_this_machine_drops_is_known),
		TEST(what_is_forgotten_is_never_sent),
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
