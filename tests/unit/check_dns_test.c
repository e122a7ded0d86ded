// SPDX-License-Identifier: MIT
/* dns checks against scripted name servers: what is asked, what is believed, what is judged. */
#include "tests/unit/dns_kit.h"

#include "probe/dns_message.h"
#include "probe/net.h"

static struct kit kit;
static struct name_server server, udp_only;

/* ---- the script: the first label of the name says what happens */

static bool is(const char *name, const char *label)
{
	return strncmp(name, label, strlen(label)) == 0 && name[strlen(label)] == '.';
}

static bool asks_with_edns(const unsigned char *q)
{
	return q[11] == 1;
}

static void send_forged(const struct name_server *s, int fd, const struct reply *r)
{
	struct reply *forged = mem_alloc(sizeof(*forged));
	memcpy(forged->data, r->data, r->n);
	forged->n = r->n;
	reply_a(forged, NULL, 1, "203.0.113.66");
	sendto(fd, forged->data, forged->n, 0, (const struct sockaddr *)&s->from, sizeof(s->from));
	free(forged);
}

/* Answers that are not answers come before the true one. */
static void send_what_is_not_believed(const struct name_server *s, struct reply *r)
{
	int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	send_forged(s, other, r); /* another sender */
	close(other);
	r->data[1] ^= 1; /* another id */
	send_forged(s, s->udp, r);
	r->data[1] ^= 1;
	r->data[2] ^= 0x80; /* a question */
	send_forged(s, s->udp, r);
	r->data[2] ^= 0x80;
	r->data[13] ^= 1; /* another name */
	send_forged(s, s->udp, r);
	r->data[13] ^= 1;
	sendto(s->udp, r->data, 5, 0, (const struct sockaddr *)&s->from, sizeof(s->from));
	sendto(s->udp, "", 0, 0, (const struct sockaddr *)&s->from, sizeof(s->from));
}

static void add_many(struct reply *r, size_t bytes)
{
	for (unsigned i = 0; r->n + 16 < bytes; i++) {
		char address[32];
		snprintf(address, sizeof(address), "198.51.%u.%u", i / 250 % 250, i % 250 + 1);
		reply_a(r, NULL, 60, address);
	}
}

static void add_loop(struct reply *r, const char *name)
{
	reply_cname(r, name, "b.loop.test");
	reply_cname(r, "b.loop.test", "c.loop.test");
	reply_cname(r, "c.loop.test", "b.loop.test");
}

static bool answer(struct name_server *s, const char *name, const unsigned char *q, size_t n,
	bool tcp, struct reply *r)
{
	static const struct {
		const char *label;
		int rcode;
	} rcodes[] = {{"nx", 3}, {"servfail", 2}, {"refused", 5}, {"notauth", 9}};
	reply_begin(r, q, n, 0);
	for (size_t i = 0; i < ARRAY_LEN(rcodes); i++)
		if (is(name, rcodes[i].label))
			r->data[3] = (unsigned char)(0x80 | rcodes[i].rcode);
	if (r->data[3] & 0xf || is(name, "nodata"))
		return true;
	if (is(name, "mute") || is(name, "hang"))
		return is(name, "hang") && !tcp ? (r->data[2] |= 2, true) : false;
	if (is(name, "lost") && !tcp && s->questions % 2 == 1)
		return false;
	if (is(name, "forged"))
		send_what_is_not_believed(s, r);
	if (is(name, "strangers")) {
		r->data[0] ^= 0x55;
		return true;
	}
	if ((is(name, "cut") && !tcp) || is(name, "cutall")) {
		r->data[2] |= 2;
		return true;
	}
	if (is(name, "noedns") && asks_with_edns(q)) {
		r->data[3] = 0x81;
		r->data[5] = 0;
		r->n = 12; /* not even the question */
		return true;
	}
	if (is(name, "huge")) {
		r->data[2] |= tcp ? 0 : 2;
		if (tcp)
			add_many(r, 65535);
		return true;
	}
	if (is(name, "flags")) {
		r->data[2] |= 4;
		r->data[3] |= q[3] & 0x20; /* AD only when asked for */
	}
	if (is(name, "lies")) { /* a record more than there is */
		r->data[7] = 1;
		return true;
	}
	if (is(name, "short")) { /* an address of three bytes */
		size_t at = reply_record(r, NULL, 1, 60);
		reply_add(r, "\x01\x02\x03", 3);
		reply_end(r, at);
		return true;
	}
	if (is(name, "others")) { /* nobody asked for that name */
		reply_a(r, "elsewhere.test", 60, "203.0.113.66");
		return true;
	}
	if (is(name, "loop")) {
		add_loop(r, name);
		return true;
	}
	if (is(name, "dangling")) {
		reply_cname(r, name, "gone.test");
		return true;
	}
	if (is(name, "alias")) {
		reply_cname(r, name, "Real.Test");
		reply_a(r, "real.test", 30, "192.0.2.3");
		return true;
	}
	if (is(name, "closing") && tcp)
		return false;
	if (is(name, "closing")) {
		r->data[2] |= 2;
		return true;
	}
	reply_a(r, NULL, 300, "192.0.2.1");
	reply_a(r, NULL, 200, "192.0.2.2");
	return true;
}

static int setup(void **state)
{
	(void)state;
	kit_open(&kit);
	name_server_start(&server, answer, true);
	name_server_start(&udp_only, answer, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kit_close(&kit); /* first: a peer waits for the end of its connection */
	name_server_stop(&server);
	name_server_stop(&udp_only);
	return 0;
}

static struct monitor question(const char *name, int port, int64_t timeout_ms)
{
	struct monitor m = kit_monitor(CHECK_DNS, name, timeout_ms);
	m.request.server = mem_printf("127.0.0.1:%d", port);
	m.request.recursion = true;
	return m;
}

static void set_list(struct strings *list, const char *text)
{
	if (!text)
		return;
	list->item = mem_array(1, sizeof(*list->item));
	list->item[list->n++] = mem_strdup(text);
}

/* ---- what comes back */

static void answers_are_told_apart(void **state)
{
	static const struct {
		const char *name;
		int transport;
		const char *reason, *detail;
	} cases[] = {
		{"ok.test", TRANSPORT_UDP, "ok", "192.0.2.1, 192.0.2.2 from 127.0.0.1:"},
		{"OK.Test.", TRANSPORT_UDP, "ok", "192.0.2.1"},
		{"ok.test", TRANSPORT_TCP, "ok", "192.0.2.1"},
		{"nx.test", TRANSPORT_UDP, "dns.nxdomain", "NXDOMAIN from 127.0.0.1:"},
		{"servfail.test", TRANSPORT_UDP, "dns.servfail", "SERVFAIL"},
		{"refused.test", TRANSPORT_TCP, "dns.refused", "REFUSED"},
		{"notauth.test", TRANSPORT_UDP, "dns.rcode", "NOTAUTH"},
		{"nodata.test", TRANSPORT_UDP, "dns.no_record", "has no A record"},
		{"others.test", TRANSPORT_UDP, "dns.no_record", "has no A record"},
		{"dangling.test", TRANSPORT_UDP, "dns.no_record", "behind its alias gone.test"},
		{"loop.test", TRANSPORT_UDP, "dns.cname_loop", "go round in a loop"},
		{"alias.test", TRANSPORT_UDP, "ok", "192.0.2.3"},
		{"lost.test", TRANSPORT_UDP, "ok", "192.0.2.1"},
		{"forged.test", TRANSPORT_UDP, "ok", "192.0.2.1, 192.0.2.2 from"},
		{"noedns.test", TRANSPORT_UDP, "ok", "192.0.2.1"},
		{"noedns.test", TRANSPORT_TCP, "ok", "192.0.2.1"},
		{"cut.test", TRANSPORT_UDP, "ok", "192.0.2.1"},
		{"cutall.test", TRANSPORT_UDP, "dns.bad_response", "cut off, and that over TCP"},
		{"lies.test", TRANSPORT_UDP, "dns.bad_response", "cut off or badly made"},
		{"short.test", TRANSPORT_UDP, "dns.bad_response", "does not fit its kind"},
		{"huge.test", TRANSPORT_UDP, "ok", "and 4091 more"},
		{"closing.test", TRANSPORT_UDP, "dns.truncated", "closed too early"},
		{"closing.test", TRANSPORT_TCP, "tcp.closed_early", "closed too early"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m = question(cases[i].name, server.port, 3000);
		m.request.transport = cases[i].transport;
		const struct result *r = kit_run(&kit, m);
		if (strcmp(reason_code((enum reason)r->reason), cases[i].reason) != 0 ||
			!strstr(r->detail, cases[i].detail))
			fail_msg("%s: %s (%s) instead of %s (%s)", cases[i].name,
				reason_code((enum reason)r->reason), r->detail, cases[i].reason,
				cases[i].detail);
		char at[NET_ADDRESS_SIZE];
		snprintf(at, sizeof(at), "127.0.0.1:%d", server.port);
		assert_string_equal(r->address, at);
	}
}

static void silence_ends_in_time(void **state)
{
	static const struct {
		const char *name;
		int transport;
		const char *reason, *detail;
	} cases[] = {
		{"mute.test", TRANSPORT_UDP, "dns.timeout", "to 3 questions"},
		{"strangers.test", TRANSPORT_UDP, "dns.bad_response",
			"answered 3 times, but never to the question"},
		{"hang.test", TRANSPORT_TCP, "dns.timeout", "in time"},
		{"hang.test", TRANSPORT_UDP, "dns.truncated", "over UDP was cut off"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m = question(cases[i].name, server.port, 300);
		m.request.transport = cases[i].transport;
		const struct result *r = kit_run(&kit, m);
		if (strcmp(reason_code((enum reason)r->reason), cases[i].reason) != 0 ||
			!strstr(r->detail, cases[i].detail))
			fail_msg("%s: %s (%s) instead of %s (%s)", cases[i].name,
				reason_code((enum reason)r->reason), r->detail, cases[i].reason,
				cases[i].detail);
		assert_in_range(r->phases.total_us, 250000, 1000000);
	}
}

static void nobody_there(void **state)
{
	(void)state;
	const struct result *r = kit_run(&kit, question("ok.test", free_port(), 2000));
	assert_reason(r, "dns.unreachable");
	struct monitor m = question("ok.test", free_port(), 2000);
	m.request.transport = TRANSPORT_TCP;
	assert_reason(kit_run(&kit, m), "tcp.refused");
	r = kit_run(&kit, question("cut.test", udp_only.port, 2000));
	assert_reason(r, "dns.truncated");
	assert_non_null(strstr(r->detail, "the connection was refused"));
	m = question("ok.test", 53, 2000);
	mem_set(&m.request.server, "10.1.2.3");
	assert_reason(kit_run(&kit, m), "internal.policy");
}

/* ---- what is kept */

static void facts_are_kept(void **state)
{
	(void)state;
	const struct result *r = kit_run(&kit, question("ok.test", server.port, 2000));
	assert_string_equal(r->dns.rcode, "NOERROR");
	assert_string_equal(r->dns.transport, "udp");
	assert_int_equal(r->dns.answer_count, 2);
	assert_int_equal(r->dns.ttl_s, 200);
	assert_int_equal(r->dns.answers.n, 2);
	assert_string_equal(r->dns.answers.item[0], "192.0.2.1");
	assert_true(strings_have(&r->dns.flags, "rd") && strings_have(&r->dns.flags, "ra"));
	assert_int_equal(r->dns.flags.n, 2);
	r = kit_run(&kit, question("huge.test", server.port, 2000));
	assert_string_equal(r->dns.transport, "tcp");
	assert_int_equal(r->dns.answers.n, DNS_ANSWERS_MAX);
	assert_int_equal(r->dns.answer_count, 4094);
	struct monitor m = question("flags.test", server.port, 2000);
	m.request.recursion = false;
	r = kit_run(&kit, m);
	assert_true(strings_have(&r->dns.flags, "aa") && !strings_have(&r->dns.flags, "rd"));
}

static void the_machines_own_name_server_is_asked(void **state)
{
	(void)state;
	struct dns conf = {.port = server.port};
	snprintf(conf.conf, sizeof(conf.conf), "/tmp/quorate-test-resolv.XXXXXX");
	close(mkstemp(conf.conf));
	dns_write_conf(&conf, "nameserver 127.0.0.1\n");
	kit_use_dns(&kit, &conf);
	struct monitor m = kit_monitor(CHECK_DNS, "ok.test", 2000);
	assert_reason(kit_run(&kit, m), "ok");
	unlink(conf.conf);
}

/* ---- what is judged */

static void expectations_are_judged(void **state)
{
	static const struct {
		const char *name, *all, *any, *none, *exactly, *rcode;
		int64_t ttl_min_ms, ttl_max_ms;
		bool authoritative, authenticated;
		const char *reason, *detail;
	} cases[] = {
		{"ok.test", "192.0.2.2", NULL, NULL, NULL, NULL, -1, -1, 0, 0, "ok", ""},
		{"ok.test", "192.0.2.9", NULL, NULL, NULL, NULL, -1, -1, 0, 0, "dns.answer",
			"192.0.2.9 is missing; found: 192.0.2.1, 192.0.2.2"},
		{"ok.test", NULL, "192.0.2.9", NULL, NULL, NULL, -1, -1, 0, 0, "dns.answer",
			"none of the expected is there"},
		{"ok.test", NULL, "192.0.2.1", NULL, NULL, NULL, -1, -1, 0, 0, "ok", ""},
		{"ok.test", NULL, NULL, "192.0.2.2", NULL, NULL, -1, -1, 0, 0, "dns.answer",
			"192.0.2.2 must not be there"},
		{"ok.test", NULL, NULL, "192.0.2.9", NULL, NULL, -1, -1, 0, 0, "ok", ""},
		{"ok.test", NULL, NULL, NULL, "192.0.2.1", NULL, -1, -1, 0, 0, "dns.answer",
			"192.0.2.2 is there, but is not expected"},
		{"alias.test", NULL, NULL, NULL, "192.0.2.3", NULL, -1, -1, 0, 0, "ok", ""},
		{"ok.test", "/^192\\.0\\.2\\./", NULL, "/^10\\./", NULL, NULL, -1, -1, 0, 0, "ok",
			""},
		{"ok.test", NULL, NULL, "/2$/", NULL, NULL, -1, -1, 0, 0, "dns.answer",
			"192.0.2.2 must not"},
		{"huge.test", NULL, NULL, "10.0.0.1", NULL, NULL, -1, -1, 0, 0, "dns.answer",
			"only 256 can be judged"},
		{"ok.test", NULL, NULL, NULL, NULL, "NXDOMAIN", -1, -1, 0, 0, "dns.rcode",
			"must not have such a record"},
		{"nx.test", NULL, NULL, NULL, NULL, "NXDOMAIN", -1, -1, 0, 0, "ok", "NXDOMAIN"},
		{"nodata.test", NULL, NULL, NULL, NULL, "NODATA", -1, -1, 0, 0, "ok", "NOERROR"},
		{"nx.test", NULL, NULL, NULL, NULL, "NODATA", -1, -1, 0, 0, "dns.nxdomain", ""},
		{"ok.test", NULL, NULL, NULL, NULL, NULL, 201000, -1, 0, 0, "dns.ttl",
			"is 200 s, expected: 201 s at least"},
		{"ok.test", NULL, NULL, NULL, NULL, NULL, 200000, 300000, 0, 0, "ok", ""},
		{"ok.test", NULL, NULL, NULL, NULL, NULL, -1, 299000, 0, 0, "dns.ttl",
			"is 300 s, expected: 299 s at most"},
		{"ok.test", NULL, NULL, NULL, NULL, NULL, -1, -1, 1, 0, "dns.not_authoritative",
			"without the flag AA"},
		{"flags.test", NULL, NULL, NULL, NULL, NULL, -1, -1, 1, 1, "ok", ""},
		{"ok.test", NULL, NULL, NULL, NULL, NULL, -1, -1, 0, 1, "dns.not_authenticated",
			"without the flag AD"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m = question(cases[i].name, server.port, 3000);
		set_list(&m.expect.answers.all, cases[i].all);
		set_list(&m.expect.answers.any, cases[i].any);
		set_list(&m.expect.answers.none, cases[i].none);
		set_list(&m.expect.answers.exactly, cases[i].exactly);
		set_list(&m.expect.rcode, cases[i].rcode);
		m.expect.ttl = (struct expected_ttl){cases[i].ttl_min_ms, cases[i].ttl_max_ms};
		m.expect.authoritative = cases[i].authoritative;
		m.expect.authenticated = cases[i].authenticated;
		const struct result *r = kit_run(&kit, m);
		if (strcmp(reason_code((enum reason)r->reason), cases[i].reason) != 0 ||
			!strstr(r->detail, cases[i].detail))
			fail_msg("case %zu, %s: %s (%s) instead of %s (%s)", i, cases[i].name,
				reason_code((enum reason)r->reason), r->detail, cases[i].reason,
				cases[i].detail);
	}
}

static void slowness_is_a_warning(void **state)
{
	(void)state;
	struct monitor m = question("lost.test", server.port, 700); /* asked again after 100 ms */
	m.expect.response_time = (struct threshold_ms){.warning_ms = 20, .critical_ms = 600};
	if (__atomic_load_n(&server.questions, __ATOMIC_SEQ_CST) % 2 == 1)
		kit_run(&kit, question("ok.test", server.port, 1000));
	const struct result *r = kit_run(&kit, m);
	assert_int_equal(r->verdict, VERDICT_WARNING);
	assert_reason(r, "slow.response");
}

static void many_at_once_and_none_left_behind(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		struct monitor m = question(i % 3 ? "mute.test" : "hang.test", server.port, 60000);
		struct job *job = job_new(&m, 1);
		engine_run(kit.engine, job, 0, kit_done_cb, &kit);
		job_unref(job);
	}
	struct monitor last = question("mute.test", udp_only.port, 200);
	struct job *job = job_new(&last, 1);
	engine_run(kit.engine, job, 0, kit_done_cb, &kit);
	job_unref(job);
	loop_run(kit.loop);
	assert_reason(&kit.result, "dns.timeout");
	assert_int_equal(engine_in_flight(kit.engine), 60);
	/* teardown stops them without a result */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_are_told_apart),
		TEST(silence_ends_in_time),
		TEST(nobody_there),
		TEST(facts_are_kept),
		TEST(the_machines_own_name_server_is_asked),
		TEST(expectations_are_judged),
		TEST(slowness_is_a_warning),
		TEST(many_at_once_and_none_left_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
