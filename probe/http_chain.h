// SPDX-License-Identifier: MIT
/*
 * The walk along redirects that http and redirect checks share: hop by hop, each resolved, policed,
 * timed and recorded in the result. Ends by itself with a reason for what no check can accept
 * (loop, too many, not http, a forbidden step down to http); everything else is the check's to
 * judge.
 */
#ifndef QUORATE_PROBE_HTTP_CHAIN_H
#define QUORATE_PROBE_HTTP_CHAIN_H

#include "probe/http_hop.h"

struct http_chain;

struct chain_rules {
	int64_t follow; /* redirects at most; 0: the first answer is the last, whatever it is */
	bool allow_downgrade;      /* https -> http */
	const struct expect *body; /* what the last body is looked into for; NULL: nothing */
	/* A redirect was answered by hop INDEX (from 0) and leads to TARGET (absolute). Returns
	 * REASON_OK to go on, or ends the chain with the reason and a detail written to DETAIL. May
	 * be NULL. */
	enum reason (*redirected)(struct check *check, int index, int64_t status,
		const char *target, char detail[RESULT_DETAIL_MAX_BYTES]);
};

/* OK: a complete answer that is no redirect to follow: chain->hop has its facts, chain->url its
 * URL. */
typedef void (*http_chain_fn)(
	struct check *check, struct http_chain *chain, enum reason reason, const char *detail);

/* Embedded in a check's state, zeroed at first. */
struct http_chain {
	struct check *check;
	struct chain_rules rules;
	http_chain_fn done;
	struct http_hop hop;
	char *url; /* of the current hop */
	char *first_url;
	int method; /* enum http_method: a redirect may turn it into GET */
	bool with_body;
	struct hop *hops; /* recorded so far (when following); moved into the result at the end */
	int n_hops;
	CURLSH *cookies; /* NULL: none are kept */
};

void http_chain_start(struct http_chain *chain, struct check *check,
	const struct chain_rules *rules, http_chain_fn done);
void http_chain_stop(struct http_chain *chain);
/* At the deadline: records the unfinished hop and says where it got stuck. */
enum reason http_chain_expired(struct http_chain *chain);
/* Judges response time and certificate days of the whole chain by the monitor's thresholds. ANSWERED:
 * it came to its end. */
void http_chain_judge(struct http_chain *chain, bool answered);

#endif
