// SPDX-License-Identifier: MIT
/* The resolver against scripted name servers: answers, failures, silence, change of resolv.conf,
 * cancellation. */
#include "tests/unit/check_kit.h"

#include "probe/net.h"

#include <sys/resource.h>

static const struct dns_entry names[] = {
	{"v4.test", "192.0.2.1", NULL, 0},
	{"v6.test", NULL, "2001:db8::1", 0},
	{"both.test", "192.0.2.2", "2001:db8::2", 0},
	{"empty.test", NULL, NULL, 0},
	{"failing.test", NULL, NULL, 2},
	{"refusing.test", NULL, NULL, 5},
	{"mute.test", NULL, NULL, -1},
	{"garbage.test", NULL, NULL, -2},
	{NULL, NULL, NULL, 3},
};
static const struct dns_entry other_names[] = {{"v4.test", "192.0.2.99", NULL, 0},
	{"failing.test", "192.0.2.98", NULL, 0}, {NULL, NULL, NULL, 3}};

struct found {
	struct loop *loop;
	int calls, wanted;
	enum reason reason;
	struct addresses addresses;
};

static void on_found(void *arg, enum reason reason, const struct addresses *addresses)
{
	struct found *f = arg;
	f->reason = reason;
	f->addresses = *addresses;
	assert_true((reason == REASON_OK) == (addresses->n > 0));
	if (++f->calls == f->wanted)
		loop_stop(f->loop);
}

static struct found find(
	struct loop *loop, struct resolver *r, const char *host, enum address_family family)
{
	struct found f = {.loop = loop, .wanted = 1};
	assert_non_null(resolver_find(r, host, family, on_found, &f));
	assert_int_equal(f.calls, 0); /* never before the call returned */
	loop_run(loop);
	assert_int_equal(f.calls, 1);
	return f;
}

static struct loop *loop;
static struct dns dns;
static struct resolver *resolver;

static int setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	loop = loop_new();
	dns_start(&dns, names);
	resolver = resolver_new_with(loop, dns.conf, dns.port);
	return resolver != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	resolver_free(resolver);
	dns_stop(&dns);
	loop_free(loop);
	return 0;
}

static void answers(void **state)
{
	static const struct {
		const char *host;
		enum address_family family;
		const char *reason, *addresses; /* joined by a blank */
	} cases[] = {
		{"v4.test", FAMILY_AUTO, "ok", "192.0.2.1"},
		{"v4.test", FAMILY_IPV4, "ok", "192.0.2.1"},
		{"v4.test", FAMILY_IPV6, "dns.no_address", ""},
		{"v6.test", FAMILY_AUTO, "ok", "2001:db8::1"},
		{"v6.test", FAMILY_IPV4, "dns.no_address", ""},
		{"both.test", FAMILY_AUTO, "ok", "2001:db8::2 192.0.2.2"},
		{"both.test", FAMILY_IPV6, "ok", "2001:db8::2"},
		{"BOTH.test", FAMILY_IPV4, "ok", "192.0.2.2"},
		{"v4.test.", FAMILY_AUTO, "ok", "192.0.2.1"},
		{"empty.test", FAMILY_AUTO, "dns.no_address", ""},
		{"gone.test", FAMILY_AUTO, "dns.nxdomain", ""},
		{"failing.test", FAMILY_AUTO, "dns.servfail", ""},
		{"refusing.test", FAMILY_AUTO, "dns.refused", ""},
		{"garbage.test", FAMILY_AUTO, "dns.bad_response", ""},
		{"a..test", FAMILY_AUTO, "dns.nxdomain", ""},
		{"localhost", FAMILY_IPV4, "ok", "127.0.0.1"},
		{"LocalHost", FAMILY_AUTO, "ok", "::1 127.0.0.1"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct found f = find(loop, resolver, cases[i].host, cases[i].family);
		char joined[256] = "", text[NET_ADDRESS_SIZE];
		for (int k = 0; k < f.addresses.n; k++)
			snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s",
				k > 0 ? " " : "",
				net_format((struct sockaddr *)&f.addresses.item[k], text));
		if (strcmp(reason_code(f.reason), cases[i].reason) != 0 ||
			strcmp(joined, cases[i].addresses) != 0)
			fail_msg("%s: %s '%s' instead of %s '%s'", cases[i].host,
				reason_code(f.reason), joined, cases[i].reason, cases[i].addresses);
	}
}

static void literals_never_leave_the_machine(void **state)
{
	static const struct {
		const char *host;
		enum address_family family;
		const char *reason;
	} cases[] = {{"192.0.2.7", FAMILY_AUTO, "ok"}, {"192.0.2.7", FAMILY_IPV6, "dns.no_address"},
		{"2001:db8::7", FAMILY_AUTO, "ok"}, {"[2001:db8::7]", FAMILY_AUTO, "ok"},
		{"[2001:db8::7]", FAMILY_IPV6, "ok"},
		{"[2001:db8::7]", FAMILY_IPV4, "dns.no_address"},
		{"::ffff:192.0.2.7", FAMILY_AUTO, "ok"}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(
			reason_code(find(loop, resolver, cases[i].host, cases[i].family).reason),
			cases[i].reason);
	assert_int_equal(__atomic_load_n(&dns.questions, __ATOMIC_SEQ_CST), 0);
}

static void names_are_absolute(void **state)
{
	char conf[96];
	(void)state;
	snprintf(conf, sizeof(conf), "search test example\nnameserver 127.0.0.1\n");
	dns_write_conf(&dns, conf);
	assert_string_equal(
		reason_code(find(loop, resolver, "v4", FAMILY_AUTO).reason), "dns.nxdomain");
	assert_string_equal(reason_code(find(loop, resolver, "v4.test", FAMILY_AUTO).reason), "ok");
}

static void many_at_once(void **state)
{
	struct found f = {.loop = loop, .wanted = 300};
	(void)state;
	for (int i = 0; i < 100; i++) {
		resolver_find(resolver, "both.test", FAMILY_AUTO, on_found, &f);
		resolver_find(resolver, "gone.test", FAMILY_AUTO, on_found, &f);
		resolver_find(resolver, "192.0.2.1", FAMILY_AUTO, on_found, &f);
	}
	loop_run(loop);
	assert_int_equal(f.calls, 300);
}

static void cancelled_queries_stay_silent(void **state)
{
	struct found never = {.loop = loop, .wanted = 1};
	(void)state;
	static const char *const hosts[] = {"mute.test", "both.test", "192.0.2.1", "gone.test"};
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		resolver_cancel(resolver_find(resolver, hosts[i], FAMILY_AUTO, on_found, &never));
	resolver_cancel(NULL);
	/* the answers to the cancelled come before this one's */
	assert_string_equal(reason_code(find(loop, resolver, "v4.test", FAMILY_AUTO).reason), "ok");
	assert_int_equal(never.calls, 0);
} /* and the mute one is freed with the resolver */

static void resolv_conf_is_read_again(void **state)
{
	struct dns other;
	struct found old = {.loop = loop, .wanted = 99};
	char text[NET_ADDRESS_SIZE];
	(void)state;
	dns_start_at(&other, other_names, "127.0.0.2", dns.port);
	resolver_find(
		resolver, "mute.test", FAMILY_AUTO, on_found, &old); /* goes on with the old one */
	dns_write_conf(&dns, "nameserver 127.0.0.2\n");
	struct found f = find(loop, resolver, "v4.test", FAMILY_AUTO);
	assert_string_equal(
		net_format((struct sockaddr *)&f.addresses.item[0], text), "192.0.2.99");
	dns_write_conf(&dns, "nameserver 127.0.0.1\n");
	f = find(loop, resolver, "v4.test", FAMILY_AUTO);
	assert_string_equal(net_format((struct sockaddr *)&f.addresses.item[0], text), "192.0.2.1");
	assert_int_equal(old.calls, 0);
	dns_stop(&other);
}

static void the_next_server_is_asked(void **state)
{
	struct dns other;
	char text[NET_ADDRESS_SIZE];
	(void)state;
	dns_start_at(&other, other_names, "127.0.0.2", dns.port);
	dns_write_conf(&dns, "nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
	struct found f = find(loop, resolver, "failing.test", FAMILY_IPV4);
	assert_string_equal(reason_code(f.reason), "ok");
	assert_string_equal(
		net_format((struct sockaddr *)&f.addresses.item[0], text), "192.0.2.98");
	/* what both say no to keeps the first one's word */
	dns_write_conf(&dns, "nameserver 127.0.0.1\nnameserver 127.0.0.3\n");
	assert_string_equal(reason_code(find(loop, resolver, "refusing.test", FAMILY_IPV4).reason),
		"dns.refused");
	dns_stop(&other);
}

static void nobody_listens(void **state)
{
	(void)state;
	dns_write_conf(&dns, "nameserver 127.0.0.9\n");
	assert_string_equal(reason_code(find(loop, resolver, "v4.test", FAMILY_IPV4).reason),
		"dns.unreachable");
}

static void no_descriptors_is_our_own_failure(void **state)
{
	struct rlimit old, none;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	struct found f = find(loop, resolver, "v4.test", FAMILY_AUTO);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_string_equal(reason_code(f.reason), "internal.resources");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers),
		TEST(literals_never_leave_the_machine),
		TEST(names_are_absolute),
		TEST(many_at_once),
		TEST(cancelled_queries_stay_silent),
		TEST(resolv_conf_is_read_again),
		TEST(the_next_server_is_asked),
		TEST(nobody_listens),
		TEST(no_descriptors_is_our_own_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
