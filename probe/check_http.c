// SPDX-License-Identifier: MIT
/* http: one URL answers as expected; redirects are followed or not, and the last answer is judged.
 */
#include "probe/check.h"
#include "probe/http_chain.h"
#include "proto/base/utf8.h"

static bool status_is_expected(const struct expect *expect, int64_t status)
{
	if (!status_set_is_empty(&expect->status))
		return status_set_has(&expect->status, status);
	return status >= 200 && status < (expect->follow > 0 ? 300 : 400);
}

static void show_body(struct check *check, const struct http_hop *hop)
{
	check->result.body_excerpt =
		utf8_clean(hop->excerpt, hop->excerpt_bytes, BODY_EXCERPT_MAX_BYTES);
}

static void judge(
	struct check *check, struct http_chain *chain, enum reason reason, const char *detail)
{
	const struct expect *expect = &check->monitor->expect;
	const struct http_hop *hop = &chain->hop;
	http_chain_judge(chain);
	if (reason != REASON_OK) {
		check_end(check, reason, "%s", detail != NULL ? detail : reason_text_en(reason));
	} else if (!status_is_expected(expect, hop->status)) {
		show_body(check, hop);
		check_end(check, REASON_HTTP_STATUS, "status %lld from %s", (long long)hop->status,
			chain->url);
	} else if (expect->body_contains != NULL && !hop->found) {
		show_body(check, hop);
		check_end(check, REASON_CONTENT_MISSING, "the body (%lld bytes) lacks \"%s\"",
			(long long)hop->bytes, expect->body_contains);
	} else {
		check_end(check, REASON_OK, "status %lld", (long long)hop->status);
	}
}

static void http_start(struct check *check)
{
	const struct expect *expect = &check->monitor->expect;
	struct chain_rules rules = {
		.follow = expect->follow > 0 ? expect->follow : 0,
		.allow_downgrade = expect->allow_downgrade,
		.needle = expect->body_contains,
	};
	http_chain_start(check->state, check, &rules, judge);
}

static void http_stop(struct check *check)
{
	http_chain_stop(check->state);
}

static enum reason http_expired(struct check *check)
{
	return http_chain_expired(check->state);
}

const struct check_type check_http = {
	.kind = CHECK_HTTP,
	.state_bytes = sizeof(struct http_chain),
	.start = http_start,
	.stop = http_stop,
	.expired = http_expired,
};
