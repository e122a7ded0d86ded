// SPDX-License-Identifier: MIT
/* The address policy, by table. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/net.h"
#include "proto/policy.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

static bool permits(const struct policy *policy, const char *text)
{
	struct sockaddr_storage address;
	if (!net_parse_literal(text, &address))
		fail_msg("not an address: %s", text);
	return policy_permits(policy, (struct sockaddr *)&address);
}

static const struct {
	const char *address;
	bool permitted;
} defaults[] = {
	/* first and last of each refused block, and its neighbours where those are public */
	{"0.0.0.0", false},
	{"0.255.255.255", false},
	{"1.0.0.0", true},
	{"9.255.255.255", true},
	{"10.0.0.0", false},
	{"10.255.255.255", false},
	{"11.0.0.0", true},
	{"100.63.255.255", true},
	{"100.64.0.0", false},
	{"100.127.255.255", false},
	{"100.128.0.0", true},
	{"126.255.255.255", true},
	{"127.0.0.1", false},
	{"127.255.255.255", false},
	{"128.0.0.0", true},
	{"169.253.255.255", true},
	{"169.254.169.254", false},
	{"169.255.0.0", true},
	{"172.15.255.255", true},
	{"172.16.0.0", false},
	{"172.31.255.255", false},
	{"172.32.0.0", true},
	{"191.255.255.255", true},
	{"192.0.0.0", false},
	{"192.0.0.255", false},
	{"192.0.1.0", true},
	{"192.0.2.1", false},
	{"192.0.3.0", true},
	{"192.31.195.255", true},
	{"192.31.196.1", false},
	{"192.31.197.0", true},
	{"192.52.193.7", false},
	{"192.52.194.0", true},
	{"192.88.98.255", true},
	{"192.88.99.1", false},
	{"192.88.100.0", true},
	{"192.167.255.255", true},
	{"192.168.0.0", false},
	{"192.168.255.255", false},
	{"192.169.0.0", true},
	{"192.175.47.255", true},
	{"192.175.48.1", false},
	{"192.175.49.0", true},
	{"198.17.255.255", true},
	{"198.18.0.0", false},
	{"198.19.255.255", false},
	{"198.20.0.0", true},
	{"198.51.99.255", true},
	{"198.51.100.1", false},
	{"198.51.101.0", true},
	{"203.0.112.255", true},
	{"203.0.113.1", false},
	{"203.0.114.0", true},
	{"223.255.255.255", true},
	{"224.0.0.1", false},
	{"239.255.255.255", false},
	{"240.0.0.1", false},
	{"255.255.255.255", false},
	{"168.63.129.15", true},
	{"168.63.129.16", false},
	{"168.63.129.17", true},
	{"8.8.8.8", true},
	/* IPv6 */
	{"::", false},
	{"::1", false},
	{"::7f00:1", false},
	{"1fff:ffff::1", false},
	{"2000::1", true},
	{"2001::1", false},
	{"2001:1ff:ffff::1", false},
	{"2001:200::1", true},
	{"2001:db7:ffff::1", true},
	{"2001:db8::1", false},
	{"2001:db8:ffff::1", false},
	{"2001:db9::1", true},
	{"2001:4860:4860::8888", true},
	{"2002::1", false},
	{"2002:808:808::1", false},
	{"2003::1", true},
	{"2620:4f:7fff::1", true},
	{"2620:4f:8000::1", false},
	{"2620:4f:8001::1", true},
	{"3ffe::1", true},
	{"3fff::1", false},
	{"3fff:fff::1", false},
	{"3fff:1000::1", true},
	{"4000::1", false},
	{"5f00::1", false},
	{"fc00::1", false},
	{"fd12::1", false},
	{"fe80::1", false},
	{"fec0::1", false},
	{"ff02::1", false},
	{"100::1", false},
	/* IPv4 inside of IPv6 */
	{"::ffff:8.8.8.8", true},
	{"::ffff:127.0.0.1", false},
	{"::ffff:10.0.0.1", false},
	{"::ffff:169.254.169.254", false},
	{"::8.8.8.8", false},
	{"64:ff9b::8.8.8.8", true},
	{"64:ff9b::127.0.0.1", false},
	{"64:ff9b::192.168.1.1", false},
	{"64:ff9b:1::8.8.8.8", false},
	{"64:ff9b:0:1::8.8.8.8", false},
};

static void defaults_are_as_registered(void **state)
{
	const struct policy none = {0};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		if (permits(&none, defaults[i].address) != defaults[i].permitted)
			fail_msg("%s should be %s", defaults[i].address,
				defaults[i].permitted ? "permitted" : "refused");
}

/* The ranges of the registries once more, as they are written there, and what lies just outside of
 * each. */
static const struct range {
	uint32_t first, last;
} refused_v4[] = {{0x00000000, 0x00ffffff}, {0x0a000000, 0x0affffff}, {0x64400000, 0x647fffff},
	{0x7f000000, 0x7fffffff}, {0xa9fe0000, 0xa9feffff}, {0xac100000, 0xac1fffff},
	{0xc0000000, 0xc00000ff}, {0xc0000200, 0xc00002ff}, {0xc01fc400, 0xc01fc4ff},
	{0xc034c100, 0xc034c1ff}, {0xc0586300, 0xc05863ff}, {0xc0a80000, 0xc0a8ffff},
	{0xc0af3000, 0xc0af30ff}, {0xc6120000, 0xc613ffff}, {0xc6336400, 0xc63364ff},
	{0xcb007100, 0xcb0071ff}, {0xe0000000, 0xffffffff}, {0xa83f8110, 0xa83f8110}};

static void v4_is_judged(uint32_t at)
{
	const struct policy none = {0};
	char text[16], inside[48];
	bool refused = false;
	for (size_t i = 0; i < ARRAY_LEN(refused_v4); i++)
		refused = refused || (at >= refused_v4[i].first && at <= refused_v4[i].last);
	snprintf(text, sizeof(text), "%hhu.%hhu.%hhu.%hhu", (unsigned char)(at >> 24),
		(unsigned char)(at >> 16), (unsigned char)(at >> 8), (unsigned char)at);
	if (permits(&none, text) == refused)
		fail_msg("%s should be %s", text, refused ? "refused" : "permitted");
	snprintf(inside, sizeof(inside), "::ffff:%s", text);
	assert_int_equal(permits(&none, inside), !refused);
	snprintf(inside, sizeof(inside), "64:ff9b::%s", text);
	assert_int_equal(permits(&none, inside), !refused);
	snprintf(inside, sizeof(inside), "2002:%x:%x::1", at >> 16, at & 0xffff);
	assert_false(permits(&none, inside)); /* 6to4: never */
}

static void v4_borders_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused_v4); i++) {
		v4_is_judged(refused_v4[i].first);
		v4_is_judged(refused_v4[i].last);
		v4_is_judged(refused_v4[i].first - 1);
		v4_is_judged(refused_v4[i].last + 1);
	}
}

static void v6_is_judged(const char *edge, int step, bool permitted)
{
	const struct policy none = {0};
	struct in6_addr a;
	char text[INET6_ADDRSTRLEN];
	assert_int_equal(inet_pton(AF_INET6, edge, &a), 1);
	for (int k = 15; step != 0 && k >= 0; k--) {
		a.s6_addr[k] = (unsigned char)(a.s6_addr[k] + step);
		if (a.s6_addr[k] != (step > 0 ? 0 : 0xff))
			break;
	}
	if (permits(&none, inet_ntop(AF_INET6, &a, text, sizeof(text))) != permitted)
		fail_msg("%s should be %s", text, permitted ? "permitted" : "refused");
}

static void v6_borders_are_exact(void **state)
{
	static const struct {
		const char *first, *last; /* NULL: the end of the address space */
	} refused[] = {{NULL, "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"},
		{"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"}, {"4000::", NULL}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		if (refused[i].first) {
			v6_is_judged(refused[i].first, 0, false);
			v6_is_judged(refused[i].first, -1, true);
		}
		if (refused[i].last) {
			v6_is_judged(refused[i].last, 0, false);
			v6_is_judged(refused[i].last, 1, true);
		}
	}
}

static void allowed_goes_first(void **state)
{
	static const struct {
		const char *address;
		bool permitted;
	} cases[] = {{"10.1.2.3", true}, {"10.2.0.0", false}, {"::ffff:10.1.2.3", true},
		{"64:ff9b::10.1.2.3", false}, {"::1", true}, {"::2", false}, {"fd00:1::5", true},
		{"fd00:2::5", false}, {"127.0.0.1", false}, {"8.8.8.8", true}};
	struct policy policy = {0};
	const char *why;
	(void)state;
	assert_int_equal(policy_allow(&policy, "10.1.0.0/16", &why), 0);
	assert_int_equal(policy_allow(&policy, "::1", &why), 0);
	assert_int_equal(policy_allow(&policy, "fd00:1::/32", &why), 0);
	assert_int_equal(policy_allow(&policy, "10.1.2.3/16", &why), -1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (permits(&policy, cases[i].address) != cases[i].permitted)
			fail_msg("%s should be %s", cases[i].address,
				cases[i].permitted ? "permitted" : "refused");
	policy_clear(&policy);
}

static void all_of_a_family_may_be_allowed(void **state)
{
	struct policy policy = {0};
	const char *why;
	(void)state;
	assert_int_equal(policy_allow(&policy, "0.0.0.0/0", &why), 0);
	assert_true(permits(&policy, "127.0.0.1"));
	assert_false(permits(&policy, "::1"));
	assert_int_equal(policy_allow(&policy, "::/0", &why), 0);
	assert_true(permits(&policy, "::1"));
	policy_clear(&policy);
}

static void cidr_texts(void **state)
{
	static const struct {
		const char *text;
		int family, bits; /* family 0: refused */
	} cases[] = {{"192.0.2.0/24", AF_INET, 24}, {"192.0.2.1", AF_INET, 32},
		{"0.0.0.0/0", AF_INET, 0}, {"192.0.2.1/32", AF_INET, 32},
		{"2001:db8::/32", AF_INET6, 32}, {"::1", AF_INET6, 128}, {"::/0", AF_INET6, 0},
		{"192.0.2.128/25", AF_INET, 25}, {"", 0, 0}, {"/", 0, 0}, {"/8", 0, 0},
		{"10.0.0.0/", 0, 0}, {"10.0.0.0/33", 0, 0}, {"10.0.0.0/-1", 0, 0},
		{"10.0.0.0/08", 0, 0}, {"10.0.0.0/8 ", 0, 0}, {"10.0.0.0/+8", 0, 0},
		{"10.0.0.1/8", 0, 0}, {"192.0.2.129/25", 0, 0}, {"10.0.0/8", 0, 0},
		{"010.0.0.0/8", 0, 0}, {"host", 0, 0}, {"::1/129", 0, 0}, {"::1/0", 0, 0},
		{"[::1]", 0, 0}, {"10.0.0.0/8/8", 0, 0}, {"10.0.0.0/4294967304", 0, 0}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cidr c;
		const char *why = NULL;
		int rc = cidr_parse(cases[i].text, &c, &why);
		if ((rc == 0) != (cases[i].family != 0))
			fail_msg("'%s' gave %d", cases[i].text, rc);
		if (rc == 0) {
			assert_int_equal(c.family, cases[i].family);
			assert_int_equal(c.bits, cases[i].bits);
		} else {
			assert_non_null(why);
		}
	}
}

static void own_addresses_are_denied(void **state)
{
	struct policy policy = {0};
	struct sockaddr_storage public;
	(void)state;
	policy_deny_own(&policy);
	assert_true(policy.n_deny > 0); /* loopback at least */
	assert_true(net_parse_literal("9.9.9.9", &public));
	assert_true(permits(&policy, "9.9.9.9"));
	/* as if it were ours */
	policy.deny[0] = (struct cidr){.family = AF_INET, .address = {9, 9, 9, 9}, .bits = 32};
	assert_false(permits(&policy, "9.9.9.9"));
	assert_false(permits(&policy, "::ffff:9.9.9.9"));
	assert_false(permits(&policy, "64:ff9b::9.9.9.9"));
	const char *why;
	assert_int_equal(policy_allow(&policy, "9.9.9.9", &why), 0);
	assert_true(permits(&policy, "9.9.9.9"));
	policy_clear(&policy);
}

static void one_more_address_is_denied(void **state)
{
	static const char *const nothing[] = {"coordinator.example", "", "9.9.9.0/24", "9.9.9"};
	struct policy policy = {0};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
		policy_deny(&policy, nothing[i]);
	assert_int_equal(policy.n_deny, 0);
	policy_deny(&policy, "9.9.9.9");
	policy_deny(&policy, "2600::1");
	assert_false(permits(&policy, "9.9.9.9"));
	assert_true(permits(&policy, "9.9.9.8"));
	assert_false(permits(&policy, "2600::1"));
	assert_true(permits(&policy, "2600::2"));
	policy_clear(&policy);
}

static void learn(struct policy *policy, const char *text)
{
	struct sockaddr_storage address;
	assert_true(net_parse_literal(text, &address));
	policy_learn(policy, (struct sockaddr *)&address);
}

static void what_was_learned_is_denied(void **state)
{
	struct policy policy = {0};
	const char *why;
	char text[32];
	(void)state;
	learn(&policy, "9.9.9.9");
	learn(&policy, "9.9.9.9");
	learn(&policy, "2600::1");
	assert_int_equal(policy.n_learned, 2);
	assert_false(permits(&policy, "9.9.9.9"));
	assert_false(permits(&policy, "::ffff:9.9.9.9"));
	assert_false(permits(&policy, "64:ff9b::9.9.9.9"));
	assert_false(permits(&policy, "2600::1"));
	assert_true(permits(&policy, "9.9.9.8"));
	policy_reset(&policy); /* as at SIGHUP */
	assert_false(permits(&policy, "9.9.9.9"));
	assert_int_equal(policy_allow(&policy, "9.9.9.9", &why), 0); /* the local file goes first */
	assert_true(permits(&policy, "9.9.9.9"));
	policy_reset(&policy);
	for (int i = 2; i < POLICY_LEARNED_MAX; i++) {
		snprintf(text, sizeof text, "9.9.8.%d", i);
		learn(&policy, text);
	}
	assert_false(permits(&policy, "9.9.9.9")); /* as many as there is room for */
	learn(&policy, "9.9.7.1");
	assert_true(permits(&policy, "9.9.9.9")); /* the oldest went */
	assert_false(permits(&policy, "2600::1"));
	assert_false(permits(&policy, "9.9.7.1"));
	policy_clear(&policy);
}

static void other_families_are_refused(void **state)
{
	const struct policy none = {0};
	const struct sockaddr local = {.sa_family = AF_UNIX};
	(void)state;
	assert_false(policy_permits(&none, &local));
}

static void port_texts(void **state)
{
	static const struct {
		const char *text;
		int first, last; /* first 0: refused */
	} cases[] = {{"443", 443, 443}, {"1", 1, 1}, {"65535", 65535, 65535}, {"80-443", 80, 443},
		{"80-80", 80, 80}, {"0", 0, 0}, {"65536", 0, 0}, {"443-80", 0, 0}, {"-80", 0, 0},
		{"80-", 0, 0}, {"080", 0, 0}, {"80 ", 0, 0}, {"+80", 0, 0}, {"", 0, 0},
		{"80-90-99", 0, 0}, {"https", 0, 0}, {"4294967376", 0, 0}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct port_range r;
		const char *why = NULL;
		int rc = port_range_parse(cases[i].text, &r, &why);
		if ((rc == 0) != (cases[i].first != 0))
			fail_msg("'%s' gave %d", cases[i].text, rc);
		assert_non_null(why);
		if (rc == 0 && (r.first != cases[i].first || r.last != cases[i].last))
			fail_msg("'%s' gave %d-%d", cases[i].text, r.first, r.last);
	}
}

static void ports_are_all_or_those_listed(void **state)
{
	static const struct {
		int port;
		bool permitted;
	} cases[] = {{79, false}, {80, true}, {81, false}, {7999, false}, {8000, true},
		{8099, true}, {8100, false}, {65535, false}};
	struct policy policy = {0};
	const char *why;
	(void)state;
	assert_true(policy_permits_port(&policy, 1));
	assert_true(policy_permits_port(&policy, 65535));
	assert_int_equal(policy_allow_ports(&policy, "80", &why), 0);
	assert_int_equal(policy_allow_ports(&policy, "8000-8099", &why), 0);
	assert_int_equal(policy_allow_ports(&policy, "9-1", &why), -1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (policy_permits_port(&policy, cases[i].port) != cases[i].permitted)
			fail_msg("port %d should be %s", cases[i].port,
				cases[i].permitted ? "permitted" : "refused");
	policy_clear(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_as_registered),
		cmocka_unit_test(v4_borders_are_exact),
		cmocka_unit_test(v6_borders_are_exact),
		cmocka_unit_test(allowed_goes_first),
		cmocka_unit_test(port_texts),
		cmocka_unit_test(ports_are_all_or_those_listed),
		cmocka_unit_test(all_of_a_family_may_be_allowed),
		cmocka_unit_test(cidr_texts),
		cmocka_unit_test(own_addresses_are_denied),
		cmocka_unit_test(one_more_address_is_denied),
		cmocka_unit_test(what_was_learned_is_denied),
		cmocka_unit_test(other_families_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
