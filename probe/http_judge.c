// SPDX-License-Identifier: MIT
/* From the outside to the inside: status, version, headers, body. */
#include "probe/http_judge.h"

#include "proto/base/mem.h"
#include "proto/base/pattern.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 80

/* ---- status and version */

static bool status_is_expected(const struct expect *expect, int64_t status)
{
	if (!status_set_is_empty(&expect->status))
		return status_set_has(&expect->status, status);
	return status >= 200 && status < (expect->follow > 0 ? 300 : 400);
}

static bool version_is_expected(const struct expect *expect, const struct http_hop *hop)
{
	return expect->http_version <= HTTP_ANY ||
	       (hop->http_version != NULL &&
		       strcmp(hop->http_version, http_version_names[expect->http_version]) == 0);
}

/* ---- headers */

static enum pattern_found match(const char *regex, const char *text, int64_t *left_us)
{
	char why[PATTERN_WHY_SIZE];
	struct pattern *p = pattern_new(regex, why);
	enum pattern_found found = PATTERN_GAVE_UP;
	if (p != NULL)
		found = pattern_find(p, text, strlen(text), left_us, NULL, 0);
	pattern_free(p);
	return found;
}

static bool line_fits(const struct header_rule *rule, const char *value, int64_t *left_us)
{
	return (rule->equals == NULL || strcmp(rule->equals, value) == 0) &&
	       (rule->matches == NULL || match(rule->matches, value, left_us) == PATTERN_FOUND);
}

static enum reason judge_header(
	const struct http_hop *hop, const struct header_rule *rule, int64_t *left_us, char *detail)
{
	const size_t room = RESULT_DETAIL_MAX_BYTES;
	const char *wanted = rule->equals != NULL ? rule->equals : rule->matches;
	struct curl_header *line = NULL;
	size_t n = 0;
	while (curl_easy_header(hop->easy, rule->name, n, CURLH_HEADER, -1, &line) == CURLHE_OK) {
		n++;
		if (rule->absent) {
			snprintf(detail, room, "the header %s is there (%.*s) and must not be",
				rule->name, SHOWN_MAX, line->value);
			return REASON_HTTP_HEADER;
		}
		if (line_fits(rule, line->value, left_us))
			return REASON_OK;
	}
	if (rule->absent)
		return REASON_OK;
	if (n == 0)
		snprintf(detail, room, "the answer has no header %s", rule->name);
	else
		snprintf(detail, room, "the header %s is \"%.*s\", which %s \"%.*s\"", rule->name,
			SHOWN_MAX, line->value, rule->equals != NULL ? "is not" : "does not match",
			SHOWN_MAX, wanted);
	return REASON_HTTP_HEADER;
}

static enum reason judge_headers(
	const struct http_hop *hop, const struct expect *expect, char *detail)
{
	int64_t left_us = PATTERN_BUDGET_US;
	enum reason reason = REASON_OK;
	for (size_t i = 0; reason == REASON_OK && i < expect->headers.n; i++)
		reason = judge_header(hop, (const struct header_rule *)expect->headers.item + i,
			&left_us, detail);
	return reason;
}

/* ---- the number */

static void cross(struct check *check, double value, const struct threshold_number *t, bool above)
{
	const struct value_rule *rule = &check->monitor->expect.value;
	bool critical = above ? value >= t->critical : value <= t->critical;
	bool warning = above ? value >= t->warning : value <= t->warning;
	const char *where = rule->json != NULL ? rule->json : "the number in the body";
	if (critical || warning)
		check_cross(check, THRESHOLD_VALUE, critical ? SEVERITY_CRITICAL : SEVERITY_WARNING,
			REASON_CONTENT_VALUE, "%.*s is %.10g, %s from %.10g %s", SHOWN_MAX,
			*where != '\0' ? where : "the number in the body", value,
			critical ? "critical" : "warning", critical ? t->critical : t->warning,
			above ? "up" : "down");
}

/* A body that nobody asked to be compressed is judged as it came. */
static void note_encoding(const struct http_hop *hop, char *detail)
{
	size_t n = strlen(detail);
	struct curl_header *encoding;
	if (!hop->check->monitor->request.compression &&
		curl_easy_header(hop->easy, "Content-Encoding", 0, CURLH_HEADER, -1, &encoding) ==
			CURLHE_OK)
		snprintf(detail + n, RESULT_DETAIL_MAX_BYTES - n,
			"; it came compressed (%.20s), unasked: see request.compression",
			encoding->value);
}

static enum reason judge_body(struct http_chain *chain, char *detail)
{
	struct check *check = chain->check;
	const struct value_rule *rule = &check->monitor->expect.value;
	double value;
	enum reason reason = http_body_judge(&chain->hop.body, &value, detail);
	if (reason != REASON_OK)
		note_encoding(&chain->hop, detail);
	if (isnan(value))
		return reason;
	check->result.value = value;
	check_trace(check, "the number in the body is %.10g", value);
	cross(check, value, &rule->above, true);
	cross(check, value, &rule->below, false);
	return reason;
}

enum reason http_judge(struct http_chain *chain, char detail[RESULT_DETAIL_MAX_BYTES])
{
	const struct expect *expect = &chain->check->monitor->expect;
	const struct http_hop *hop = &chain->hop;
	enum reason reason;
	if (!status_is_expected(expect, hop->status)) {
		snprintf(detail, RESULT_DETAIL_MAX_BYTES, "status %lld from %.200s%s",
			(long long)hop->status, chain->url,
			hop->cert.client_certificate ? "; it asked for a client certificate" : "");
		return REASON_HTTP_STATUS;
	}
	if (!version_is_expected(expect, hop)) {
		snprintf(detail, RESULT_DETAIL_MAX_BYTES, "HTTP/%s was spoken instead of HTTP/%s",
			hop->http_version != NULL ? hop->http_version : "?",
			http_version_names[expect->http_version]);
		return REASON_HTTP_VERSION;
	}
	reason = judge_headers(hop, expect, detail);
	return reason != REASON_OK ? reason : judge_body(chain, detail);
}
