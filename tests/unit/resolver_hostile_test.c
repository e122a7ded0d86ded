// SPDX-License-Identifier: MIT
/* The resolver against name servers that mean harm: aliases in a loop, answers of 64 KiB, records of
 * others, forged datagrams, TTL 0. Each look-up ends, in time, with a reason, and takes what it asked
 * for alone. */
#include "tests/unit/dns_kit.h"

#include "probe/net.h"

static struct loop *loop;
static struct name_server server;
static struct resolver *resolver;
static char conf[] = "/tmp/quorate-test-resolv.XXXXXX";

static bool is(const char *name, const char *label)
{
	return strncmp(name, label, strlen(label)) == 0 && name[strlen(label)] == '.';
}

static void add_many(struct reply *r)
{
	for (unsigned i = 0; r->n + 16 <= 65535; i++) {
		char address[32];
		snprintf(address, sizeof(address), "198.51.%u.%u", i / 250 % 250, i % 250 + 1);
		reply_a(r, NULL, 60, address);
	}
}

static void send_strangers(const struct name_server *s, const struct reply *r)
{
	struct reply *forged = mem_alloc(sizeof(*forged));
	forged->n = r->n;
	memcpy(forged->data, r->data, r->n);
	reply_a(forged, NULL, 1, "203.0.113.66");
	int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sendto(other, forged->data, forged->n, 0, (const struct sockaddr *)&s->from,
		sizeof(s->from));
	close(other);
	forged->data[0] ^= 0xff;
	sendto(s->udp, forged->data, forged->n, 0, (const struct sockaddr *)&s->from,
		sizeof(s->from));
	free(forged);
}

static bool answer(struct name_server *s, const char *name, const unsigned char *q, size_t n,
	bool tcp, struct reply *r)
{
	bool v6 = q[question_end(q, n) - 3] == 28;
	reply_begin(r, q, n, 0);
	if (v6)
		return true;
	if (is(name, "self")) {
		reply_cname(r, NULL, name);
	} else if (is(name, "loop")) {
		reply_cname(r, NULL, "b.test");
		reply_cname(r, "b.test", "c.test");
		reply_cname(r, "c.test", "b.test");
	} else if (is(name, "huge")) {
		r->data[2] |= tcp ? 0 : 2;
		if (tcp)
			add_many(r);
	} else if (is(name, "bomb")) { /* a promise of 65,535 records */
		r->data[6] = r->data[7] = 0xff;
	} else if (is(name, "pointer")) { /* a name that points at itself */
		r->data[7] = 1;
		reply_u16(r, 0xc000 | (unsigned)r->n);
		reply_add(r, "\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 14);
	} else {
		if (is(name, "forged"))
			send_strangers(s, r);
		reply_a(r, NULL, 0, "192.0.2.1");
	}
	return true;
}

struct found {
	enum reason reason;
	struct addresses addresses;
};

static void on_found(void *arg, enum reason reason, const struct addresses *addresses)
{
	struct found *f = arg;
	f->reason = reason;
	f->addresses = *addresses;
	loop_stop(loop);
}

static struct found find(const char *host)
{
	struct found f;
	assert_non_null(resolver_find(resolver, host, FAMILY_IPV4, on_found, &f));
	loop_run(loop);
	return f;
}

static int setup(void **state UNUSED)
{
	log_set_level(LOG_LEVEL_ERROR);
	loop = loop_new();
	name_server_start(&server, answer, true);
	int fd = mkstemp(conf);
	assert_int_equal(write(fd, "nameserver 127.0.0.1\n", 21), 21);
	close(fd);
	resolver = resolver_new_with(loop, conf, server.port);
	return resolver ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
	resolver_free(resolver);
	name_server_stop(&server);
	unlink(conf);
	loop_free(loop);
	return 0;
}

static void all_of_them_end(void **state UNUSED)
{
	static const struct {
		const char *host, *reason;
		int n;
	} cases[] = {{"self.test", "dns.no_address", 0}, {"loop.test", "dns.no_address", 0},
		{"huge.test", "ok", ADDRESSES_MAX}, {"bomb.test", "dns.bad_response", 0},
		{"pointer.test", "dns.bad_response", 0}, {"forged.test", "ok", 1},
		{"zero.test", "ok", 1}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t began_at_ms = clock_now_ms();
		struct found f = find(cases[i].host);
		if (strcmp(reason_code(f.reason), cases[i].reason) != 0 ||
			f.addresses.n != cases[i].n)
			fail_msg("%s: %s, %d addresses", cases[i].host, reason_code(f.reason),
				f.addresses.n);
		assert_in_range(clock_now_ms() - began_at_ms, 0, 1500);
	}
	char text[NET_ADDRESS_SIZE];
	struct found f = find("forged.test");
	assert_string_equal(net_format((struct sockaddr *)&f.addresses.item[0], text), "192.0.2.1");
}

/* TTL 0, and any other: nothing is kept, each check asks anew. */
static void nothing_is_cached(void **state UNUSED)
{
	int before = __atomic_load_n(&server.questions, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 3; i++)
		find("zero.test");
	assert_int_equal(__atomic_load_n(&server.questions, __ATOMIC_SEQ_CST) - before, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_them_end),
		cmocka_unit_test(nothing_is_cached),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
