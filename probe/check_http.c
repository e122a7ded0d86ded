// SPDX-License-Identifier: MIT
/* http: one URL answers as expected; redirects are followed or not, and the last answer is judged.
 */
#include "probe/check.h"
#include "probe/http_judge.h"
#include "proto/base/text.h"
#include "proto/base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void show_body(struct check *check, const struct http_hop *hop)
{
	check->result.body_excerpt =
		utf8_clean(hop->body.excerpt, hop->body.excerpt_bytes, BODY_EXCERPT_MAX_BYTES);
}

static void judge(
	struct check *check, struct http_chain *chain, enum reason reason, const char *detail)
{
	char seen[RESULT_DETAIL_MAX_BYTES] = "";
	http_chain_judge(chain, reason == REASON_OK);
	if (reason != REASON_OK) {
		check_end(check, reason, "%s", detail != NULL ? detail : reason_text_en(reason));
		return;
	}
	reason = http_judge(chain, seen);
	if (reason != REASON_OK) {
		show_body(check, &chain->hop);
		check_end(check, reason, "%s", seen);
	} else {
		char *end = text_put_number(stpcpy(seen, "status "), chain->hop.status);
		if (!isnan(check->result.value))
			snprintf(end, 40, ", value %.10g", check->result.value);
		check_end(check, REASON_OK, "%s", seen);
	}
}

static void http_start(struct check *check)
{
	const struct expect *expect = &check->monitor->expect;
	struct chain_rules rules = {
		.follow = expect->follow > 0 ? expect->follow : 0,
		.allow_downgrade = expect->allow_downgrade,
		.body = expect,
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
