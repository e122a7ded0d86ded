// SPDX-License-Identifier: MIT
/*
 * redirect: the whole chain is the contract. With `hops`, the redirects must be exactly those, in
 * order; without, any chain that ends as expected. The first breach ends the check: what follows it
 * is nobody's expectation.
 */
#include "probe/check.h"
#include "probe/http_chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether URL is what the user wrote, whatever its spelling. */
static bool same_url(const char *url, const char *expected)
{
	const char *why;
	char *normal = http_url_normalize(NULL, expected, &why);
	bool same = strcmp(url, normal != NULL ? normal : expected) == 0;
	free(normal);
	return same;
}

static void describe(const struct expected_hop *hop, char *out, size_t room)
{
	char status[24] = "a redirect";
	if (hop->status != UNSET)
		snprintf(status, sizeof(status), "%lld", (long long)hop->status);
	snprintf(out, room, "%s%s%.80s", status, hop->location != NULL ? " to " : "",
		hop->location != NULL ? hop->location : "");
}

static enum reason redirected(struct check *check, int index, int64_t status, const char *target,
	char detail[RESULT_DETAIL_MAX_BYTES])
{
	const struct list *hops = &check->monitor->expect.hops;
	if (hops->n == 0)
		return REASON_OK;
	if ((size_t)index >= hops->n) {
		snprintf(detail, RESULT_DETAIL_MAX_BYTES,
			"hop %d: a redirect (%lld to %.100s) where the chain should have ended",
			index + 1, (long long)status, target);
		return REASON_HTTP_REDIRECT_HOP;
	}
	const struct expected_hop *expected = (const struct expected_hop *)hops->item + index;
	bool status_fits = expected->status == UNSET || expected->status == status;
	if (status_fits && (expected->location == NULL || same_url(target, expected->location)))
		return REASON_OK;
	char wanted[128];
	describe(expected, wanted, sizeof(wanted));
	snprintf(detail, RESULT_DETAIL_MAX_BYTES, "hop %d: %lld to %.80s instead of %s", index + 1,
		(long long)status, target, wanted);
	return REASON_HTTP_REDIRECT_HOP;
}

static bool final_status_fits(const struct expect *expect, int64_t status)
{
	if (!status_set_is_empty(&expect->final_status))
		return status_set_has(&expect->final_status, status);
	return status >= 200 && status < 300;
}

static void judge(
	struct check *check, struct http_chain *chain, enum reason reason, const char *detail)
{
	const struct expect *expect = &check->monitor->expect;
	size_t followed = check->result.hops.n > 0 ? check->result.hops.n - 1 : 0;
	int64_t status = chain->hop.status;
	char wanted[128];
	http_chain_judge(chain, reason == REASON_OK);
	if (reason != REASON_OK) {
		check_end(check, reason, "%s", detail != NULL ? detail : reason_text_en(reason));
	} else if (followed < expect->hops.n) {
		describe((const struct expected_hop *)expect->hops.item + followed, wanted,
			sizeof(wanted));
		check_end(check, REASON_HTTP_REDIRECT_HOP, "hop %zu: status %lld instead of %s",
			followed + 1, (long long)status, wanted);
	} else if (expect->final_url != NULL && !same_url(chain->url, expect->final_url)) {
		check_end(check, REASON_HTTP_REDIRECT_FINAL,
			"the chain ends at %.100s instead of %.100s", chain->url,
			expect->final_url);
	} else if (!final_status_fits(expect, status)) {
		check_end(check, REASON_HTTP_STATUS, "the chain ends with status %lld at %s",
			(long long)status, chain->url);
	} else {
		check_end(check, REASON_OK, "%zu redirects to %s, status %lld", followed,
			chain->url, (long long)status);
	}
}

static void redirect_start(struct check *check)
{
	const struct expect *expect = &check->monitor->expect;
	int64_t max_hops = expect->max_hops > 0 ? expect->max_hops : HOPS_MAX;
	struct chain_rules rules = {.follow = max_hops,
		.allow_downgrade = expect->allow_downgrade,
		.redirected = redirected};
	http_chain_start(check->state, check, &rules, judge);
}

static void redirect_stop(struct check *check)
{
	http_chain_stop(check->state);
}

static enum reason redirect_expired(struct check *check)
{
	return http_chain_expired(check->state);
}

const struct check_type check_redirect = {
	.kind = CHECK_REDIRECT,
	.state_bytes = sizeof(struct http_chain),
	.start = redirect_start,
	.stop = redirect_stop,
	.expired = redirect_expired,
};
