// SPDX-License-Identifier: MIT
/* The rules of a dns check that no single bound can say. */
#include "proto/base/mem.h"
#include "proto/base/pattern.h"
#include "proto/monitor_internal.h"
#include "quorate/duration.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rcode_check(const void *value, const char **why)
{
	static const char *const known[] = {"NOERROR", "NODATA", "FORMERR", "SERVFAIL", "NXDOMAIN",
		"NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"};
	const struct strings *codes = value;

	*why = "one or more of NOERROR, NODATA, NXDOMAIN, SERVFAIL, REFUSED, FORMERR, NOTIMP, "
	       "NOTAUTH, NOTZONE, YXDOMAIN, YXRRSET, NXRRSET";
	for (size_t i = 0; i < codes->n; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(known) && strcmp(codes->item[i], known[k]) != 0)
			k++;
		if (k == ARRAY_LEN(known))
			return -1;
	}
	return codes->n > 0 ? 0 : -1;
}

void ttl_check(const void *object, const char *path, struct problems *problems)
{
	const struct expected_ttl *t = object;
	char at[sizeof(problems->item[0].path)], min[DURATION_TEXT_SIZE], max[DURATION_TEXT_SIZE];

	snprintf(at, sizeof(at), "%s%smin", path, *path == '\0' ? "" : ".");
	if (t->min_ms != UNSET && t->max_ms != UNSET && t->min_ms > t->max_ms)
		problems_add(problems, at, "%s is longer than max (%s)",
			duration_format(t->min_ms, min), duration_format(t->max_ms, max));
}

/* ---- expected answers */

bool monitor_is_pattern(const char *text)
{
	size_t n = strlen(text);

	return n > 2 && text[0] == '/' && text[n - 1] == '/';
}

/* How many words a record of each kind has, and an example; 0: its text may be anything. */
static const struct {
	size_t words;
	const char *example;
} forms[RECORD_COUNT] = {
	[RECORD_CNAME] = {1, "www.example.com"},
	[RECORD_MX] = {2, "10 mail.example.com"},
	[RECORD_NS] = {1, "ns1.example.com"},
	[RECORD_SOA] = {7, "ns1.example.com hostmaster.example.com 1 3600 600 86400 300"},
	[RECORD_SRV] = {4, "0 5 443 www.example.com"},
	[RECORD_PTR] = {1, "www.example.com"},
	[RECORD_DS] = {4, "20326 8 2 e06d44b8…"},
	[RECORD_DNSKEY] = {4, "257 3 13 mdsswUyr3DPW…"},
	[RECORD_TLSA] = {4, "3 1 1 0d6fce3f…"},
};

static size_t count_words(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text += strspn(text, " ")) {
		n++;
		text += strcspn(text, " ");
	}
	return n;
}

static const char *accepted_form(int record, const char *text)
{
	unsigned char address[16];

	if (record == RECORD_A)
		return inet_pton(AF_INET, text, address) == 1 ? NULL : "192.0.2.1";
	if (record == RECORD_AAAA)
		return inet_pton(AF_INET6, text, address) == 1 ? NULL : "2001:db8::1";
	if (forms[record].words == 0 || count_words(text) == forms[record].words)
		return NULL;
	return forms[record].example;
}

static void check_answer(int record, const char *text, const char *at, struct problems *problems)
{
	char why[PATTERN_WHY_SIZE];
	const char *example = NULL;

	if (monitor_is_pattern(text)) {
		char *inner = mem_strndup(text + 1, strlen(text) - 2);
		struct pattern *p = pattern_new(inner, why);

		if (p == NULL)
			problems_add(
				problems, at, "'%.80s' is no regular expression: %s", text, why);
		pattern_free(p);
		free(inner);
	} else {
		example = accepted_form(record, text);
	}
	if (example != NULL)
		problems_add(problems, at,
			"'%.80s' is no %s record; accepted: for example %s, or a pattern as /^10/",
			text, dns_record_names[record], example);
}

static void check_answers(const struct monitor *m, const char *path, struct problems *problems)
{
	const struct expected_answers *e = &m->expect.answers;
	const struct {
		const char *name;
		const struct strings *list;
	} lists[] = {
		{"all", &e->all}, {"any", &e->any}, {"none", &e->none}, {"exactly", &e->exactly}};
	char at[sizeof(problems->item[0].path)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (size_t k = 0; k < lists[i].list->n; k++, n++) {
			snprintf(at, sizeof(at), "%s%sexpect.answers.%s[%zu]", path,
				*path == '\0' ? "" : ".", lists[i].name, k);
			check_answer(m->request.record, lists[i].list->item[k], at, problems);
		}
	snprintf(at, sizeof(at), "%s%sexpect.answers", path, *path == '\0' ? "" : ".");
	if (n > 0 && !strings_have(&m->expect.rcode, "NOERROR"))
		problems_add(problems, at,
			"are only there with the response code NOERROR, which expect.rcode does "
			"not "
			"accept");
}

void dns_check(const struct monitor *m, const char *path, struct problems *problems)
{
	char at[sizeof(problems->item[0].path)];

	if (m->type != CHECK_DNS)
		return;
	check_answers(m, path, problems);
	snprintf(at, sizeof(at), "%s%starget", path, *path == '\0' ? "" : ".");
	if (m->request.record != RECORD_PTR && address_family_of(m->target) != FAMILY_AUTO)
		problems_add(problems, at,
			"'%s' is an address, which only a PTR record belongs to; accepted: a name "
			"to "
			"look up, or record: PTR",
			m->target);
}
