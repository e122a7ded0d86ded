// SPDX-License-Identifier: MIT
/* DNS messages: what a question looks like on the wire, and how each kind of record is read; with
 * CORPUS=FOLDER the answers are written there as inputs of fuzz_dns. */
#include "tests/unit/dns_kit.h"

#include "probe/dns_judge.h"
#include "probe/dns_message.h"

static void add_hex(struct reply *r, const char *hex)
{
	for (; *hex; hex += 2 + (hex[2] == ' ')) {
		unsigned byte;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		unsigned char one = (unsigned char)byte;
		reply_add(r, &one, 1);
	}
}

static void make_answer(struct reply *r, struct dns_question *q, enum dns_record record)
{
	unsigned char query[DNS_QUERY_MAX];
	dns_question_init(q, "example.com", record);
	q->id = 0x1234;
	reply_begin(r, query, dns_question_write(q, query), 0);
}

static void keep(const struct reply *r, enum dns_record record, const char *name)
{
	const char *folder = getenv("CORPUS");
	char path[256];
	if (!folder)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputc((int)record, f);
	fwrite(r->data, 1, r->n, f);
	fclose(f);
}

/* ---- questions */

static void questions_are_written(void **state)
{
	static const struct {
		const char *target;
		enum dns_record record;
		bool recursion, authenticated, edns;
		const char *hex;
	} cases[] = {
		{"a.b", RECORD_A, true, false, false,
			"12 34 01 00 00 01 00 00 00 00 00 00 01 61 01 62 00 00 01 00 01"},
		{"a.b.", RECORD_CAA, false, true, false,
			"12 34 00 20 00 01 00 00 00 00 00 00 01 61 01 62 00 01 01 00 01"},
		{".", RECORD_NS, true, false, true,
			"12 34 01 00 00 01 00 00 00 00 00 01 00 00 02 00 01 00 00 29 04 d0 00 00 "
			"00 "
			"00 00 00"},
		{"192.0.2.1", RECORD_PTR, true, false, false,
			"12 34 01 00 00 01 00 00 00 00 00 00 01 31 01 32 01 30 03 31 39 32 07 69 "
			"6e "
			"2d 61 64 64 72 04 61 72 70 61 00 00 0c 00 01"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct reply *r = mem_alloc(sizeof(*r));
		struct dns_question q;
		unsigned char out[DNS_QUERY_MAX];
		dns_question_init(&q, cases[i].target, cases[i].record);
		q.id = 0x1234;
		q.recursion = cases[i].recursion;
		q.authenticated = cases[i].authenticated;
		q.edns = cases[i].edns;
		add_hex(r, cases[i].hex);
		assert_int_equal(dns_question_write(&q, out), r->n);
		assert_memory_equal(out, r->data, r->n);
		free(r);
	}
}

static void addresses_become_names(void **state)
{
	(void)state;
	struct dns_question q;
	dns_question_init(&q, "2001:db8::567:89ab", RECORD_PTR);
	assert_string_equal(q.name, "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0."
				    "2.ip6.arpa"); /* RFC 3596, section 2.5 */
	dns_question_init(&q, "192.0.2.1", RECORD_A);
	assert_string_equal(q.name, "192.0.2.1");
}

static void names_have_bounds(void **state)
{
	static const struct {
		size_t label, labels;
		bool fits;
	} cases[] = {{63, 1, true}, {64, 1, false}, {1, 127, true}, {1, 128, false}, {0, 3, false}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char name[300] = "";
		unsigned char out[DNS_QUERY_MAX];
		struct dns_question q;
		for (size_t k = 0; k < cases[i].labels; k++)
			snprintf(name + strlen(name), sizeof(name) - strlen(name), "%s%.*s",
				k ? "." : "", (int)cases[i].label,
				"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		dns_question_init(&q, name, RECORD_A);
		if ((dns_question_write(&q, out) > 0) != cases[i].fits)
			fail_msg("%zu labels of %zu bytes", cases[i].labels, cases[i].label);
	}
}

/* ---- records */

static void every_kind_is_read(void **state)
{
	static const struct {
		const char *name;
		enum dns_record record;
		unsigned type;
		const char *data, *text; /* NULL: the data does not fit */
	} cases[] = {
		{"a", RECORD_A, 1, "c0000201", "192.0.2.1"},
		{"a_short", RECORD_A, 1, "c00002", NULL},
		{"a_long", RECORD_A, 1, "c000020100", NULL},
		{"aaaa", RECORD_AAAA, 28, "20010db8000000000000000000000001", "2001:db8::1"},
		{"cname", RECORD_CNAME, 5, "0377777703 6e657400", "www.net"},
		{"cname_pointer", RECORD_CNAME, 5, "03777777c00c", "www.example.com"},
		{"cname_root", RECORD_CNAME, 5, "00", "."},
		{"cname_self_pointer", RECORD_CNAME, 5, "c029", NULL},
		{"mx", RECORD_MX, 15, "000a046d61696cc00c", "10 mail.example.com"},
		{"mx_null", RECORD_MX, 15, "000000", "0 ."}, /* RFC 7505 */
		{"mx_cut", RECORD_MX, 15, "00", NULL},
		{"ns", RECORD_NS, 2, "036e7331c00c", "ns1.example.com"},
		{"txt", RECORD_TXT, 16, "03763d73 02 7066", "v=spf"},
		{"txt_bytes", RECORD_TXT, 16, "04 ff 22 5c 0a", "\\255\"\\\\\\010"},
		{"txt_empty", RECORD_TXT, 16, "00", ""},
		{"txt_none", RECORD_TXT, 16, "", NULL},
		{"txt_cut", RECORD_TXT, 16, "0561", NULL},
		{"soa", RECORD_SOA, 6, "c00c c00c 00000001 00000e10 00000258 00015180 0000012c",
			"example.com example.com 1 3600 600 86400 300"},
		{"soa_cut", RECORD_SOA, 6, "c00c c00c 00000001", NULL},
		{"srv", RECORD_SRV, 33, "0000 0005 01bb 03777777 c00c", "0 5 443 www.example.com"},
		{"ptr", RECORD_PTR, 12, "c00c", "example.com"},
		{"caa", RECORD_CAA, 257, "00 05 6973737565 63612e6578616d706c65",
			"0 issue \"ca.example\""},
		{"caa_no_tag", RECORD_CAA, 257, "00 00", NULL},
		{"ds", RECORD_DS, 43, "4f66 08 02 e06d44b8", "20326 8 2 e06d44b8"},
		{"dnskey", RECORD_DNSKEY, 48, "0101 03 0d 666f6f62", "257 3 13 Zm9vYg=="},
		{"tlsa", RECORD_TLSA, 52, "03 01 01 0d6f", "3 1 1 0d6f"},
		{"naptr", RECORD_NAPTR, 35, "0064 000a 01 75 03 733270 00 c00c",
			"100 10 \"u\" \"s2p\" \"\" example.com"},
	};
	(void)state;
	struct reply *r = mem_alloc(sizeof(*r));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct dns_question q;
		struct dns_answer a;
		const char *why = "";
		make_answer(r, &q, cases[i].record);
		size_t at = reply_record(r, NULL, cases[i].type, 60);
		add_hex(r, cases[i].data);
		reply_end(r, at);
		keep(r, cases[i].record, cases[i].name);
		enum dns_parsed parsed = dns_answer_parse(&q, r->data, r->n, &a, &why);
		if (parsed != (cases[i].text ? DNS_PARSED : DNS_BAD))
			fail_msg("%s: %d (%s)", cases[i].name, (int)parsed, why);
		if (cases[i].text && strcmp(a.records.item[0], cases[i].text) != 0)
			fail_msg("%s: '%s'", cases[i].name, a.records.item[0]);
		dns_answer_clear(&a);
	}
	free(r);
}

static void every_cut_is_noticed(void **state)
{
	(void)state;
	struct reply *r = mem_alloc(sizeof(*r));
	struct dns_question q;
	make_answer(r, &q, RECORD_A);
	reply_cname(r, NULL, "www.example.com");
	reply_a(r, "www.example.com", 5, "192.0.2.1");
	keep(r, RECORD_A, "alias");
	for (size_t n = 0; n <= r->n + 1; n++) {
		struct dns_answer a;
		const char *why;
		enum dns_parsed parsed = dns_answer_parse(&q, r->data, n, &a, &why);
		assert_int_equal(parsed, n < 12 ? DNS_FOREIGN : n == r->n ? DNS_PARSED : DNS_BAD);
		dns_answer_clear(&a);
	}
	free(r);
}

static void upper_bits_of_the_code_are_in_edns(void **state)
{
	(void)state;
	struct reply *r = mem_alloc(sizeof(*r));
	struct dns_question q;
	struct dns_answer a;
	const char *why;
	char name[DNS_RCODE_SIZE];
	make_answer(r, &q, RECORD_A);
	add_hex(r, "00 0029 04d0 01 00 0000 0000");
	r->data[11] = 1;
	keep(r, RECORD_A, "badvers");
	assert_int_equal(dns_answer_parse(&q, r->data, r->n, &a, &why), DNS_PARSED);
	assert_int_equal(a.rcode, 16);
	assert_true(a.edns);
	assert_string_equal(dns_rcode_name(a.rcode, name), "RCODE16");
	dns_answer_clear(&a);
	free(r);
}

static void aliases_end(void **state)
{
	(void)state;
	struct reply *r = mem_alloc(sizeof(*r));
	struct dns_question q;
	struct dns_answer a;
	const char *why;
	for (int n = 15; n <= 16; n++) {
		char from[32] = "example.com", to[32];
		make_answer(r, &q, RECORD_A);
		for (int i = 0; i < n; i++) {
			snprintf(to, sizeof(to), "a%d.example.com", i);
			reply_cname(r, from, to);
			strcpy(from, to);
		}
		reply_a(r, from, 60, "192.0.2.1");
		assert_int_equal(dns_answer_parse(&q, r->data, r->n, &a, &why), DNS_PARSED);
		assert_int_equal(a.aliases, n);
		assert_int_equal(a.alias_loop, n == 16);
		dns_answer_clear(&a);
	}
	keep(r, RECORD_A, "aliases");
	make_answer(r, &q, RECORD_CNAME); /* asked for the alias itself, it is not followed */
	reply_cname(r, NULL, "www.example.com");
	assert_int_equal(dns_answer_parse(&q, r->data, r->n, &a, &why), DNS_PARSED);
	assert_string_equal(a.records.item[0], "www.example.com");
	dns_answer_clear(&a);
	free(r);
}

/* ---- spellings */

static void spellings_fit(void **state)
{
	static const struct {
		enum dns_record record;
		const char *text, *expected;
		bool fits;
	} cases[] = {
		{RECORD_A, "192.0.2.1", "192.0.2.1", true},
		{RECORD_A, "192.0.2.1", "192.0.2.10", false},
		{RECORD_AAAA, "2001:db8::1", "2001:DB8:0:0:0:0:0:1", true},
		{RECORD_MX, "10 mail.example.com", "10 MAIL.Example.COM.", true},
		{RECORD_MX, "10 mail.example.com", "20 mail.example.com", false},
		{RECORD_MX, "10 mail.example.com", "10 mail.example.com.uk", false},
		{RECORD_MX, "10 mail.example.com", "10 mail", false},
		{RECORD_MX, "0 .", "0 .", true},
		{RECORD_NS, "ns1.example.com", "ns1.example.com.", true},
		{RECORD_SOA, "a.b c.d 1 2 3 4 5", "a.b. c.d. 1 2 3 4 5", true},
		{RECORD_SOA, "a.b c.d 1 2 3 4 5", "a.b. c.d. 2 2 3 4 5", false},
		{RECORD_TXT, "v=spf1 -all", "v=spf1 -all", true},
		{RECORD_TXT, "v=spf1 -all", "V=SPF1 -ALL", false},
		{RECORD_TXT, "v=spf1 -all", "/^v=spf1/", true},
		{RECORD_TXT, "v=spf1 -all", "/~all$/", false},
		{RECORD_DS, "1 8 2 ab", "1 8 2 AB", true},
		{RECORD_TXT, "/", "/", true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t left_us = PATTERN_BUDGET_US;
		if ((dns_record_fits(cases[i].record, cases[i].text, cases[i].expected, &left_us) ==
			    PATTERN_FOUND) != cases[i].fits)
			fail_msg("'%s' and '%s'", cases[i].text, cases[i].expected);
	}
	int64_t none = 0;
	assert_int_equal(dns_record_fits(RECORD_TXT, "a", "/a/", &none), PATTERN_GAVE_UP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_written),
		cmocka_unit_test(addresses_become_names),
		cmocka_unit_test(names_have_bounds),
		cmocka_unit_test(every_kind_is_read),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(upper_bits_of_the_code_are_in_edns),
		cmocka_unit_test(aliases_end),
		cmocka_unit_test(spellings_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
