// SPDX-License-Identifier: MIT
/* The self-test's judgement: of an anchor, a family, the resolver, a result. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/self_test.h"
#include "quorate/attr.h"

#include <string.h>

static void an_answer_is_told_from_silence(void **state)
{
	(void)state;
	static const struct {
		int verdict, reason;
		bool is_name, connected;
		enum seen seen;
	} table[] = {
		{VERDICT_UP, REASON_OK, false, true, SEEN_ANSWER},
		{VERDICT_WARNING, REASON_L3_LOSS, false, true, SEEN_ANSWER},
		{VERDICT_DOWN, REASON_TCP_TIMEOUT, true, true, SEEN_SILENCE},
		{VERDICT_DOWN, REASON_TCP_REFUSED, false, true, SEEN_SILENCE},
		{VERDICT_DOWN, REASON_DNS_TIMEOUT, true, false, SEEN_NO_NAME},
		{VERDICT_DOWN, REASON_DNS_TIMEOUT, false, false, SEEN_SILENCE},
		{VERDICT_DOWN, REASON_DNS_SERVFAIL, true, false, SEEN_NO_NAME},
		{VERDICT_DOWN, REASON_DNS_UNREACHABLE, true, false, SEEN_NO_NAME},
		{VERDICT_DOWN, REASON_DNS_NXDOMAIN, true, false, SEEN_SILENCE},
		{VERDICT_NONE, REASON_INTERNAL_NETWORK, true, false, SEEN_NO_NAME},
		{VERDICT_NONE, REASON_INTERNAL_NETWORK, true, true, SEEN_SILENCE},
		{VERDICT_NONE, REASON_INTERNAL_NETWORK, false, false, SEEN_SILENCE},
		{VERDICT_NONE, REASON_INTERNAL_OVERLOAD, true, false, SEEN_NOT},
		{VERDICT_NONE, REASON_INTERNAL_PERMISSION, false, false, SEEN_NOT},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char address[] = "192.0.2.1:443";
		struct result r = {.verdict = table[i].verdict,
			.reason = table[i].reason,
			.address = table[i].connected ? address : NULL};
		if (self_test_see(&r, table[i].is_name) != table[i].seen)
			fail_msg("row %zu: %d", i, (int)self_test_see(&r, table[i].is_name));
	}
}

/*
 * Anchors as letters, before the ':' by address, behind it by a name of its own each: a answers,
 * s is silent, n could not be looked up, - was not seen; those of IPv6 in capitals.
 */
static int read_anchors(const char *text, struct seen_anchor out[ANCHORS_MAX])
{
	static const char *const names[] = {"a.test", "b.test", "c.test", "d.test", "e.test"};
	int n = 0, name = -1;
	for (const char *c = text; *c; c++) {
		if (*c == ':') {
			name = 0;
			continue;
		}
		char low = (char)(*c | 0x20);
		out[n++] = (struct seen_anchor){
			.family = *c >= 'A' && *c <= 'Z' ? SELF_TEST_IPV6 : SELF_TEST_IPV4,
			.name = name >= 0 ? names[name++] : NULL,
			.seen = low == 'a'   ? SEEN_ANSWER
				: low == 's' ? SEEN_SILENCE
				: low == 'n' ? SEEN_NO_NAME
					     : SEEN_NOT};
	}
	return n;
}

/* "-" not judged, "o" ok, "f" failed: IPv4, IPv6, the resolver. */
static void a_round_is_judged(void **state)
{
	(void)state;
	static const struct {
		const char *anchors, *states;
		bool decided;
	} table[] = {
		{"", "---", true},
		{"s", "---", true},
		{"ss", "---", true}, /* no one and no two can stop anything */
		{"aaa", "o--", true},
		{"aas", "o--", true}, /* two thirds are enough */
		{"ass", "f--", false},
		{"sss", "f--", false},
		{"aass", "f--", false},
		{"aaas", "o--", true},
		{"aaaass", "o--", true},
		{"aa-", "o--", true},  /* whatever the third one says */
		{"a--", "---", false}, /* nothing is known of it */
		{"ss-", "---", false},
		{"s---ss", "f--", false},
		{"aaaSSS", "of-", false},
		{"sssAAA", "fo-", false},
		{"aaaS", "o--", true},
		{"aa:n", "o--", true},   /* one name is no judgement of the resolver */
		{"aa:nn", "o-f", false}, /* the literal ones answer: the network works */
		{"a:nn", "o-f", false},
		{"s:nn", "f-f", false},
		{"as:nn", "f-f", false}, /* half of them: not to be told from a dead network */
		{":nnn", "f-f", false},
		{":aaa", "o-o", true},
		{":an", "--o", true},
		{":aan", "o-o", true},
		{":ns", "--o", true}, /* the name was found: the resolver works */
		{":nn", "--f", false},
		{":n-", "---", false},
		{"aaa:nN", "o-f", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct seen_anchor anchor[ANCHORS_MAX];
		int n = read_anchors(table[i].anchors, anchor);
		struct self_test_state s = SELF_TEST_NEW;
		self_test_round(&s, anchor, n, 1000);
		for (int part = 0; part < SELF_TEST_PARTS; part++)
			if ("-of"[s.part[part].state] != table[i].states[part])
				fail_msg("'%s': %s is '%c'", table[i].anchors,
					self_part_names[part], "-of"[s.part[part].state]);
		if (self_test_decided(anchor, n) != table[i].decided)
			fail_msg("'%s': decided: %d", table[i].anchors, !table[i].decided);
	}
}

static void one_name_twice_is_one(void **state)
{
	(void)state;
	struct seen_anchor anchor[] = {
		{SELF_TEST_IPV4, "a.test", SEEN_NO_NAME}, {SELF_TEST_IPV6, "A.test", SEEN_NO_NAME}};
	assert_false(self_test_judges(SELF_TEST_RESOLVER, anchor, 2));
	anchor[1].name = "b.test";
	assert_true(self_test_judges(SELF_TEST_RESOLVER, anchor, 2));
}

static void apply(struct self_test_state *s, const char *anchors, int64_t began_at_ms, bool changes)
{
	struct seen_anchor anchor[ANCHORS_MAX];
	int n = read_anchors(anchors, anchor);
	assert_int_equal(self_test_round(s, anchor, n, began_at_ms), changes);
}

/* Down over IPv4, from a check that began then. */
static bool counts(const struct self_test_state *s, int64_t began_at_ms)
{
	char target[] = "192.0.2.7:80", address[] = "192.0.2.7:80";
	struct monitor m = {.type = CHECK_TCP, .target = target};
	struct result r = {
		.verdict = VERDICT_DOWN, .reason = REASON_TCP_TIMEOUT, .address = address};
	return self_test_spoils(s, &m, &r, began_at_ms) == -1;
}

static void after_a_failure_only_a_fresh_check_counts(void **state)
{
	(void)state;
	struct self_test_state s = SELF_TEST_NEW;
	apply(&s, "aaa", 1000, true);
	assert_true(counts(&s, 900));
	apply(&s, "aaa", 2000, false);
	apply(&s, "sss", 3000, true);
	assert_int_equal(self_test_sum(&s), SELF_FAILED);
	assert_false(counts(&s, 900));
	assert_false(counts(&s, 999999));
	apply(&s, "s--", 4000, false); /* no news is no recovery */
	assert_false(counts(&s, 4500));
	apply(&s, "aas", 5000, true);
	assert_int_equal(self_test_sum(&s), SELF_OK);
	assert_false(counts(&s, 4999)); /* it began while the network was ill */
	assert_true(counts(&s, 5000));
	apply(&s, "aaa", 6000, false);
	assert_true(counts(&s, 5000));
	apply(&s, "sss", 7000, true);
	apply(&s, "ss", 8000, true); /* the local file changed: not judged any more */
	assert_int_equal(self_test_sum(&s), SELF_NOT_JUDGED);
	assert_true(counts(&s, 8000));
}

static void a_result_belongs_to_its_family(void **state)
{
	(void)state;
	static const struct {
		const char *anchors;
		int type, family, verdict, reason;
		const char *target, *server, *address;
		int spoilt;
	} table[] = {
		{"sssAAA", CHECK_TCP, 0, VERDICT_DOWN, REASON_TCP_TIMEOUT, "a.test:80", NULL,
			"192.0.2.1:80", SELF_TEST_IPV4},
		{"sssAAA", CHECK_TCP, 0, VERDICT_UP, REASON_OK, "a.test:80", NULL, "192.0.2.1:80",
			SELF_TEST_IPV4},
		{"sssAAA", CHECK_TCP, 0, VERDICT_DOWN, REASON_TCP_TIMEOUT, "a.test:80", NULL,
			"[2001:db8::1]:80", -1},
		{"aaaSSS", CHECK_PING, 0, VERDICT_DOWN, REASON_L3_NO_REPLY, "a.test", NULL,
			"2001:db8::1", SELF_TEST_IPV6},
		{"aaaSSS", CHECK_PING, 0, VERDICT_DOWN, REASON_L3_NO_REPLY, "a.test", NULL,
			"192.0.2.1", -1},
		/* nothing was connected: what was asked for */
		{"aaaSSS", CHECK_TCP, FAMILY_IPV6, VERDICT_DOWN, REASON_TCP_TIMEOUT, "a.test:80",
			NULL, NULL, SELF_TEST_IPV6},
		{"sssAAA", CHECK_TCP, FAMILY_IPV6, VERDICT_DOWN, REASON_TCP_TIMEOUT, "a.test:80",
			NULL, NULL, -1},
		{"sssAAA", CHECK_TCP, 0, VERDICT_DOWN, REASON_TCP_TIMEOUT, "192.0.2.1:80", NULL,
			NULL, SELF_TEST_IPV4},
		{"sssAAA", CHECK_TCP, 0, VERDICT_DOWN, REASON_TCP_TIMEOUT, "[2001:db8::1]:80", NULL,
			NULL, -1},
		/* either would have done */
		{"sssAAA", CHECK_TCP, 0, VERDICT_DOWN, REASON_TCP_TIMEOUT, "a.test:80", NULL, NULL,
			-1},
		{"sssSSS", CHECK_TCP, 0, VERDICT_DOWN, REASON_TCP_TIMEOUT, "a.test:80", NULL, NULL,
			SELF_TEST_IPV4},
		{"sss", CHECK_TCP, 0, VERDICT_DOWN, REASON_TCP_TIMEOUT, "a.test:80", NULL, NULL,
			SELF_TEST_IPV4},
		{"SSS", CHECK_TCP, 0, VERDICT_DOWN, REASON_TCP_TIMEOUT, "a.test:80", NULL, NULL,
			SELF_TEST_IPV6},
		{"ss", CHECK_TCP, 0, VERDICT_DOWN, REASON_TCP_TIMEOUT, "a.test:80", NULL,
			"192.0.2.1:80", -1},
		/* what says nothing anyway keeps its reason */
		{"sss", CHECK_TCP, 0, VERDICT_NONE, REASON_INTERNAL_CLOCK, "a.test:80", NULL,
			"192.0.2.1:80", -1},
		/* the resolver is ill, the network is not */
		{"aaa:nn", CHECK_TCP, 0, VERDICT_DOWN, REASON_DNS_TIMEOUT, "a.test:80", NULL, NULL,
			SELF_TEST_RESOLVER},
		{"aaa:nn", CHECK_TCP, 0, VERDICT_DOWN, REASON_DNS_NXDOMAIN, "a.test:80", NULL, NULL,
			SELF_TEST_RESOLVER},
		{"aaa:nn", CHECK_TCP, 0, VERDICT_DOWN, REASON_TCP_REFUSED, "a.test:80", NULL,
			"192.0.2.1:80", -1},
		{"aaa:nn", CHECK_TCP, 0, VERDICT_UP, REASON_OK, "192.0.2.1:80", NULL,
			"192.0.2.1:80", -1},
		{"aaa:nn", CHECK_DNS, 0, VERDICT_DOWN, REASON_DNS_TIMEOUT, "a.test", NULL,
			"192.0.2.53:53", SELF_TEST_RESOLVER},
		{"aaa:nn", CHECK_DNS, 0, VERDICT_DOWN, REASON_DNS_TIMEOUT, "a.test", "ns1.test",
			"192.0.2.53:53", -1},
		{"aaa:nn", CHECK_DNS, 0, VERDICT_DOWN, REASON_DNS_TIMEOUT, "a.test", "ns1.test",
			NULL, SELF_TEST_RESOLVER},
		{"aaa:an", CHECK_TCP, 0, VERDICT_DOWN, REASON_DNS_TIMEOUT, "a.test:80", NULL, NULL,
			-1},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct self_test_state s = SELF_TEST_NEW;
		struct seen_anchor anchor[ANCHORS_MAX];
		char target[32], server[32] = "", address[32] = "";
		self_test_round(&s, anchor, read_anchors(table[i].anchors, anchor), 1000);
		strcpy(target, table[i].target);
		if (table[i].server)
			strcpy(server, table[i].server);
		if (table[i].address)
			strcpy(address, table[i].address);
		struct monitor m = {.type = table[i].type,
			.target = target,
			.request = {.family = table[i].family,
				.server = table[i].server ? server : NULL}};
		struct result r = {.verdict = table[i].verdict,
			.reason = table[i].reason,
			.address = table[i].address ? address : NULL};
		int spoilt = self_test_spoils(&s, &m, &r, 2000);
		if (spoilt != table[i].spoilt)
			fail_msg("row %zu: %d", i, spoilt);
	}
}

static void of_both_families_one_that_failed_and_is_believed_is_enough(void **state)
{
	(void)state;
	static const struct {
		const char *anchors;
		int v4, v6, spoilt;
	} table[] = {
		{"aaaAAA", VERDICT_DOWN, VERDICT_UP, -1},
		{"aaaSSS", VERDICT_UP, VERDICT_DOWN, SELF_TEST_IPV6},
		{"aaaSSS", VERDICT_DOWN, VERDICT_DOWN, -1},
		{"aaaSSS", VERDICT_UP, VERDICT_UP, SELF_TEST_IPV6},
		{"sssAAA", VERDICT_UP, VERDICT_DOWN, -1},
		{"sssAAA", VERDICT_DOWN, VERDICT_UP, SELF_TEST_IPV4},
		{"sssSSS", VERDICT_DOWN, VERDICT_DOWN, SELF_TEST_IPV6},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct self_test_state s = SELF_TEST_NEW;
		struct seen_anchor anchor[ANCHORS_MAX];
		char target[] = "a.test:80";
		struct family_finding half[2] = {{.family = FAMILY_IPV4, .verdict = table[i].v4},
			{.family = FAMILY_IPV6, .verdict = table[i].v6}};
		bool up = table[i].v4 == VERDICT_UP && table[i].v6 == VERDICT_UP;
		struct monitor m = {
			.type = CHECK_TCP, .target = target, .request = {.family = FAMILY_BOTH}};
		struct result r = {.verdict = up ? VERDICT_UP : VERDICT_DOWN,
			.reason = up ? REASON_OK : REASON_TCP_TIMEOUT,
			.families = {.item = half, .n = 2}};
		self_test_round(&s, anchor, read_anchors(table[i].anchors, anchor), 1000);
		int spoilt = self_test_spoils(&s, &m, &r, 2000);
		if (spoilt != table[i].spoilt)
			fail_msg("row %zu: %d", i, spoilt);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_told_from_silence),
		cmocka_unit_test(a_round_is_judged),
		cmocka_unit_test(one_name_twice_is_one),
		cmocka_unit_test(after_a_failure_only_a_fresh_check_counts),
		cmocka_unit_test(a_result_belongs_to_its_family),
		cmocka_unit_test(of_both_families_one_that_failed_and_is_believed_is_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
