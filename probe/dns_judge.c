// SPDX-License-Identifier: MIT
/* An answer against what is expected of it, the most general things first. */
#include "probe/dns_judge.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SHOWN_MAX 3 /* records in a sentence */

/* ---- facts */

static void add_text(struct strings *list, const char *text, size_t max_bytes)
{
	list->item = mem_resize(list->item, list->n + 1, sizeof(*list->item));
	list->item[list->n++] = utf8_clean(text, strlen(text), max_bytes);
}

static void keep_facts(struct dns_facts *f, const struct dns_answer *a)
{
	const struct {
		bool set;
		const char *name;
	} flags[] = {{a->aa, "aa"}, {a->tc, "tc"}, {a->rd, "rd"}, {a->ra, "ra"}, {a->ad, "ad"},
		{a->cd, "cd"}};
	char rcode[DNS_RCODE_SIZE];
	mem_set(&f->rcode, dns_rcode_name(a->rcode, rcode));
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (flags[i].set)
			add_text(&f->flags, flags[i].name, 2);
	for (size_t i = 0; i < a->records.n && i < DNS_ANSWERS_MAX; i++)
		add_text(&f->answers, a->records.item[i], DNS_ANSWER_MAX_BYTES);
	f->answer_count = (int64_t)a->n_records;
	f->ttl_s = a->ttl_min_s;
}

/* ---- one record */

static bool same_address(int family, const char *a, const char *b)
{
	unsigned char x[16] = {0}, y[16] = {0};
	return inet_pton(family, a, x) == 1 && inet_pton(family, b, y) == 1 &&
	       memcmp(x, y, sizeof(x)) == 0;
}

/* "10 MX1.example.com." and "10 mx1.example.com" are the same. */
static bool same_words(const char *a, const char *b)
{
	for (;;) {
		size_t n = strcspn(a, " "), m = strcspn(b, " ");
		size_t x = n > 1 && a[n - 1] == '.' ? n - 1 : n;
		size_t y = m > 1 && b[m - 1] == '.' ? m - 1 : m;
		if (x != y || strncasecmp(a, b, x) != 0)
			return false;
		a += n;
		b += m;
		if (*a == '\0' || *b == '\0')
			return *a == *b;
		a += strspn(a, " ");
		b += strspn(b, " ");
	}
}

bool dns_record_fits(enum dns_record record, const char *text, const char *expected)
{
	switch (record) {
	case RECORD_A:
		return same_address(AF_INET, text, expected);
	case RECORD_AAAA:
		return same_address(AF_INET6, text, expected);
	case RECORD_TXT:
	case RECORD_CAA:
	case RECORD_NAPTR:
	case RECORD_DNSKEY:
		return strcmp(text, expected) == 0;
	default:
		return same_words(text, expected);
	}
}

static bool is_among(const char *expected, const struct dns_question *q, const struct dns_answer *a)
{
	for (size_t i = 0; i < a->records.n; i++)
		if (dns_record_fits(q->record, a->records.item[i], expected))
			return true;
	return false;
}

static bool is_listed(const char *text, const struct dns_question *q, const struct strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (dns_record_fits(q->record, text, list->item[i]))
			return true;
	return false;
}

/* ---- the finding */

struct finding {
	enum reason reason;
	char detail[RESULT_DETAIL_MAX_BYTES];
};

PRINTF_LIKE(3, 4)
static void find(struct finding *f, enum reason reason, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	f->reason = reason;
	vsnprintf(f->detail, sizeof(f->detail), format, args);
	va_end(args);
}

/* "192.0.2.1, 192.0.2.2 and 3 more" */
static void list_records(const struct dns_answer *a, char *out, size_t room)
{
	size_t at = 0;
	out[0] = '\0';
	for (size_t i = 0; i < a->records.n && i < SHOWN_MAX && at < room; i++)
		at += (size_t)snprintf(out + at, room - at, "%s%.60s%s", i > 0 ? ", " : "",
			a->records.item[i], strlen(a->records.item[i]) > 60 ? "…" : "");
	if (a->n_records > SHOWN_MAX && at < room)
		snprintf(out + at, room - at, " and %zu more", a->n_records - SHOWN_MAX);
}

static enum reason rcode_reason(int rcode)
{
	switch (rcode) {
	case 2:
		return REASON_DNS_SERVFAIL;
	case 3:
		return REASON_DNS_NXDOMAIN;
	case 5:
		return REASON_DNS_REFUSED;
	case DNS_NODATA:
		return REASON_DNS_NO_RECORD;
	default:
		return REASON_DNS_RCODE;
	}
}

static void judge_rcode(struct finding *f, const struct check *check, const struct dns_question *q,
	const struct dns_answer *a, const char *at)
{
	const struct strings *accepted = &check->monitor->expect.rcode;
	int rcode = a->rcode == 0 && a->n_records == 0 ? DNS_NODATA : a->rcode;
	char name[DNS_RCODE_SIZE], shown[160];
	dns_rcode_name(rcode, name);
	bool is_default = accepted->n == 0 && rcode == 0;
	if (is_default || strings_have(accepted, name))
		return;
	list_records(a, shown, sizeof(shown));
	if (rcode == DNS_NODATA && a->aliases > 0)
		find(f, REASON_DNS_NO_RECORD, "%s has no %s record behind its alias %.100s",
			check->monitor->target, dns_record_names[q->record], a->owner);
	else if (rcode == DNS_NODATA)
		find(f, REASON_DNS_NO_RECORD, "%.120s has no %s record, says %s",
			check->monitor->target, dns_record_names[q->record], at);
	else if (rcode == 0)
		find(f, REASON_DNS_RCODE, "%.80s must not exist, but has %s",
			check->monitor->target, shown);
	else
		find(f, rcode_reason(rcode), "%s from %s for %.120s %s", name, at,
			check->monitor->target, dns_record_names[q->record]);
}

static void judge_flags(
	struct finding *f, const struct check *check, const struct dns_answer *a, const char *at)
{
	const struct expect *e = &check->monitor->expect;
	if (e->authoritative && !a->aa)
		find(f, REASON_DNS_NOT_AUTHORITATIVE, "%s answers without the flag AA", at);
	else if (e->authenticated && !a->ad)
		find(f, REASON_DNS_NOT_AUTHENTICATED, "%s answers without the flag AD", at);
}

static void judge_exactly(struct finding *f, const struct strings *exactly,
	const struct dns_question *q, const struct dns_answer *a)
{
	for (size_t i = 0; i < exactly->n; i++)
		if (!is_among(exactly->item[i], q, a)) {
			find(f, REASON_DNS_ANSWER, "%.120s is missing", exactly->item[i]);
			return;
		}
	for (size_t i = 0; i < a->records.n && exactly->n > 0; i++)
		if (!is_listed(a->records.item[i], q, exactly)) {
			find(f, REASON_DNS_ANSWER, "%.120s is there, but is not expected",
				a->records.item[i]);
			return;
		}
	if (exactly->n > 0 && a->n_records > a->records.n)
		find(f, REASON_DNS_ANSWER, "%zu records are more than expected", a->n_records);
}

static void judge_records(struct finding *f, const struct check *check,
	const struct dns_question *q, const struct dns_answer *a)
{
	const struct expected_answers *e = &check->monitor->expect.answers;
	char shown[200];
	bool found = e->any.n == 0;
	list_records(a, shown, sizeof(shown));
	for (size_t i = 0; i < e->all.n && f->reason == REASON_OK; i++)
		if (!is_among(e->all.item[i], q, a))
			find(f, REASON_DNS_ANSWER, "%.80s is missing; found: %s", e->all.item[i],
				shown);
	for (size_t i = 0; i < e->any.n && !found; i++)
		found = is_among(e->any.item[i], q, a);
	if (!found && f->reason == REASON_OK)
		find(f, REASON_DNS_ANSWER, "none of the expected is there; found: %s", shown);
	for (size_t i = 0; i < a->records.n && f->reason == REASON_OK; i++)
		if (is_listed(a->records.item[i], q, &e->none))
			find(f, REASON_DNS_ANSWER, "%.120s must not be there", a->records.item[i]);
	if (f->reason == REASON_OK)
		judge_exactly(f, &e->exactly, q, a);
}

static void judge_ttl(struct finding *f, const struct check *check, const struct dns_answer *a)
{
	const struct expected_ttl *e = &check->monitor->expect.ttl;
	if (a->ttl_min_s == UNSET)
		return;
	if (e->min_ms != UNSET && a->ttl_min_s * 1000 < e->min_ms)
		find(f, REASON_DNS_TTL, "the time to live is %lld s, expected: %lld s at least",
			(long long)a->ttl_min_s, (long long)e->min_ms / 1000);
	else if (e->max_ms != UNSET && a->ttl_max_s * 1000 > e->max_ms)
		find(f, REASON_DNS_TTL, "the time to live is %lld s, expected: %lld s at most",
			(long long)a->ttl_max_s, (long long)e->max_ms / 1000);
}

void dns_judge(struct check *check, const struct dns_question *q, const struct dns_answer *a,
	const char *at)
{
	struct finding f = {.reason = REASON_OK};
	int64_t took_us = clock_now_us() - check->started_at_us;
	keep_facts(&check->result.dns, a);
	check_judge_time(check, THRESHOLD_SLOW, &check->monitor->expect.response_time, took_us,
		REASON_SLOW_RESPONSE, "the answer");
	if (a->alias_loop && a->n_records == 0)
		find(&f, REASON_DNS_CNAME_LOOP, "the aliases of %.150s go round in a loop",
			check->monitor->target);
	if (f.reason == REASON_OK)
		judge_rcode(&f, check, q, a, at);
	if (f.reason == REASON_OK)
		judge_flags(&f, check, a, at);
	if (f.reason == REASON_OK && a->rcode == 0)
		judge_records(&f, check, q, a);
	if (f.reason == REASON_OK)
		judge_ttl(&f, check, a);
	if (f.reason == REASON_OK) {
		char name[DNS_RCODE_SIZE], shown[200];
		list_records(a, shown, sizeof(shown));
		find(&f, REASON_OK, "%s from %s", *shown ? shown : dns_rcode_name(a->rcode, name),
			at);
	}
	check_end(check, f.reason, "%s", f.detail);
}
