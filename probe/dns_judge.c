// SPDX-License-Identifier: MIT
/* An answer against what is expected of it, the most general things first. */
#include "probe/dns_judge.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "proto/monitor.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool same_record(enum dns_record record, const char *text, const char *expected)
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

static enum pattern_found find_pattern(const char *text, const char *expected, int64_t *left_us)
{
	char why[PATTERN_WHY_SIZE];
	char *inner = mem_strndup(expected + 1, strlen(expected) - 2);
	struct pattern *p = pattern_new(inner, why); /* the schema has seen that it is one */
	enum pattern_found found =
		p != NULL ? pattern_find(p, text, strlen(text), left_us, NULL, 0) : PATTERN_GAVE_UP;
	pattern_free(p);
	free(inner);
	return found;
}

enum pattern_found dns_record_fits(
	enum dns_record record, const char *text, const char *expected, int64_t *left_us)
{
	if (monitor_is_pattern(expected))
		return find_pattern(text, expected, left_us);
	return same_record(record, text, expected) ? PATTERN_FOUND : PATTERN_ABSENT;
}

/* ---- the finding */

struct judging {
	struct check *check;
	const struct expect *expect;
	const struct dns_question *question;
	const struct dns_answer *answer;
	const char *at;  /* the server */
	int64_t left_us; /* for patterns */
	enum reason reason;
	char detail[RESULT_DETAIL_MAX_BYTES];
	char shown[200]; /* the records, for people */
};

PRINTF_LIKE(3, 4)
static void find(struct judging *j, enum reason reason, const char *format, ...)
{
	va_list args;
	if (j->reason != REASON_OK)
		return; /* the first counts */
	va_start(args, format);
	j->reason = reason;
	vsnprintf(j->detail, sizeof(j->detail), format, args);
	va_end(args);
}

static bool fits(struct judging *j, const char *text, const char *expected)
{
	enum pattern_found found =
		dns_record_fits(j->question->record, text, expected, &j->left_us);
	if (found == PATTERN_GAVE_UP)
		find(j, REASON_CONTENT_PATTERN,
			"%.100s could not be matched within the bounds of time", expected);
	return found == PATTERN_FOUND;
}

static bool is_among(struct judging *j, const char *expected)
{
	for (size_t i = 0; i < j->answer->records.n; i++)
		if (fits(j, j->answer->records.item[i], expected))
			return true;
	return false;
}

static bool is_listed(struct judging *j, const char *text, const struct strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (fits(j, text, list->item[i]))
			return true;
	return false;
}

/* "192.0.2.1, 192.0.2.2 and 3 more" */
static void list_records(struct judging *j)
{
	const struct dns_answer *a = j->answer;
	size_t at = 0, room = sizeof(j->shown);
	for (size_t i = 0; i < a->records.n && i < SHOWN_MAX && at < room; i++)
		at += (size_t)snprintf(j->shown + at, room - at, "%s%.50s%s", i > 0 ? ", " : "",
			a->records.item[i], strlen(a->records.item[i]) > 50 ? "…" : "");
	if (a->n_records > SHOWN_MAX && at < room)
		snprintf(j->shown + at, room - at, " and %zu more", a->n_records - SHOWN_MAX);
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
	default:
		return REASON_DNS_RCODE;
	}
}

static void judge_rcode(struct judging *j)
{
	const struct dns_answer *a = j->answer;
	const char *target = j->check->monitor->target,
		   *record = dns_record_names[j->question->record];
	int rcode = a->rcode == 0 && a->n_records == 0 ? DNS_NODATA : a->rcode;
	char name[DNS_RCODE_SIZE];
	dns_rcode_name(rcode, name);
	if (strings_have(&j->expect->rcode, name) || (j->expect->rcode.n == 0 && rcode == 0))
		return;
	if (rcode == DNS_NODATA && a->aliases > 0)
		find(j, REASON_DNS_NO_RECORD, "%.90s has no %s record behind its alias %.90s",
			target, record, a->owner);
	else if (rcode == DNS_NODATA)
		find(j, REASON_DNS_NO_RECORD, "%.120s has no %s record, says %s", target, record,
			j->at);
	else if (rcode == 0)
		find(j, REASON_DNS_RCODE, "%.80s must not have such a record, but has %.120s",
			target, j->shown);
	else
		find(j, rcode_reason(rcode), "%s from %s for %.120s %s", name, j->at, target,
			record);
}

static void judge_flags(struct judging *j)
{
	if (j->expect->authoritative && !j->answer->aa)
		find(j, REASON_DNS_NOT_AUTHORITATIVE, "%s answers without the flag AA", j->at);
	if (j->expect->authenticated && !j->answer->ad)
		find(j, REASON_DNS_NOT_AUTHENTICATED, "%s answers without the flag AD", j->at);
}

static void judge_wanted(struct judging *j, const struct strings *wanted)
{
	for (size_t i = 0; i < wanted->n && j->reason == REASON_OK; i++)
		if (!is_among(j, wanted->item[i]))
			find(j, REASON_DNS_ANSWER, "%.80s is missing; found: %.150s",
				wanted->item[i], j->shown);
}

static void judge_any(struct judging *j)
{
	const struct strings *any = &j->expect->answers.any;
	bool found = any->n == 0;
	for (size_t i = 0; i < any->n && !found; i++)
		found = is_among(j, any->item[i]);
	if (!found)
		find(j, REASON_DNS_ANSWER, "none of the expected is there; found: %.190s",
			j->shown);
}

static void judge_unwanted(struct judging *j)
{
	const struct expected_answers *e = &j->expect->answers;
	const struct strings *records = &j->answer->records;
	for (size_t i = 0; i < records->n && j->reason == REASON_OK; i++) {
		if (is_listed(j, records->item[i], &e->none))
			find(j, REASON_DNS_ANSWER, "%.120s must not be there", records->item[i]);
		else if (e->exactly.n > 0 && !is_listed(j, records->item[i], &e->exactly))
			find(j, REASON_DNS_ANSWER, "%.120s is there, but is not expected",
				records->item[i]);
	}
	if (j->answer->n_records > records->n && (e->exactly.n > 0 || e->none.n > 0))
		find(j, REASON_DNS_ANSWER, "%zu records, of which only %zu can be judged",
			j->answer->n_records, records->n);
}

static void judge_ttl(struct judging *j)
{
	const struct expected_ttl *e = &j->expect->ttl;
	const struct dns_answer *a = j->answer;
	if (a->ttl_min_s == UNSET)
		return;
	if (e->min_ms != UNSET && a->ttl_min_s * 1000 < e->min_ms)
		find(j, REASON_DNS_TTL, "the time to live is %lld s, expected: %lld s at least",
			(long long)a->ttl_min_s, (long long)e->min_ms / 1000);
	if (e->max_ms != UNSET && a->ttl_max_s * 1000 > e->max_ms)
		find(j, REASON_DNS_TTL, "the time to live is %lld s, expected: %lld s at most",
			(long long)a->ttl_max_s, (long long)e->max_ms / 1000);
}

static void judge_records(struct judging *j)
{
	judge_wanted(j, &j->expect->answers.all);
	judge_wanted(j, &j->expect->answers.exactly);
	judge_any(j);
	judge_unwanted(j);
	judge_ttl(j);
}

void dns_judge(struct check *check, const struct dns_question *q, const struct dns_answer *a,
	const char *at)
{
	struct judging j = {.check = check,
		.expect = &check->monitor->expect,
		.question = q,
		.answer = a,
		.at = at,
		.left_us = PATTERN_BUDGET_US,
		.reason = REASON_OK};
	char name[DNS_RCODE_SIZE];
	keep_facts(&check->result.dns, a);
	check_judge_response(check, clock_now_us() - check->started_at_us, true, "the answer");
	list_records(&j);
	if (a->alias_loop && a->n_records == 0)
		find(&j, REASON_DNS_CNAME_LOOP, "the aliases of %.150s go round in a loop",
			check->monitor->target);
	judge_rcode(&j);
	judge_flags(&j);
	if (a->rcode == 0 && a->n_records > 0)
		judge_records(&j);
	find(&j, REASON_OK, "%s from %s",
		a->n_records > 0 ? j.shown : dns_rcode_name(a->rcode, name), at);
	check_end(check, j.reason, "%s", j.detail);
}
