// SPDX-License-Identifier: MIT
/* Redirects, followed by our own loop; see RFC 9110, section 15.4. */
#include "probe/http_chain.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "proto/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOP_SUBJECT_MAX 160 /* as in the table of a result */

static void start_hop(struct http_chain *chain);

/* ---- the record */

/* The certificate with the fewest days left, over all hops, is the result's. */
static void keep_certificate(struct result *result, struct http_hop *hop)
{
	struct certificate *kept = &result->certificate, *seen = &hop->cert.facts;
	bool first = kept->not_after_wall_ms == UNSET;
	if (!hop->cert.seen || (!first && kept->not_after_wall_ms <= seen->not_after_wall_ms))
		return;
	struct certificate old = *kept;
	*kept = *seen;
	*seen = old; /* freed with the hop */
}

/* The shortest way to say which one it was; the whole is in the result, of the one that ends first. */
static char *subject_of(const struct http_hop *hop)
{
	const char *subject = hop->cert.seen ? hop->cert.facts.subject : NULL;
	return subject != NULL ? utf8_clean(subject, strlen(subject), HOP_SUBJECT_MAX) : NULL;
}

static void add_hop(struct http_chain *chain, const char *target)
{
	const struct http_hop *hop = &chain->hop;
	chain->hops = mem_resize(chain->hops, (size_t)chain->n_hops + 1, sizeof(*chain->hops));
	chain->hops[chain->n_hops++] = (struct hop){
		.url = mem_strdup(chain->url),
		.status = hop->status,
		.location = mem_strdup(target),
		.address = hop->address[0] != '\0' ? mem_strdup(hop->address) : NULL,
		.total_us = hop->phases.total_us,
		.phases = hop->phases,
		.certificate_days = hop->cert.seen ? hop->cert.facts.days : UNSET,
		.certificate_subject = subject_of(hop),
	};
	chain->hops[chain->n_hops - 1].phases.total_us = UNSET;
}

static void record(struct http_chain *chain, const char *target)
{
	struct http_hop *hop = &chain->hop;
	struct result *result = &chain->check->result;
	if (chain->rules.follow >
		0) /* else there is no chain, and all of it is in the result itself */
		add_hop(chain, target);
	phases_add(&result->phases, &hop->phases);
	result->status = hop->status;
	result->bytes = hop->bytes;
	bool usual = hop->http_version == NULL || strcmp(hop->http_version, "1.1") == 0;
	mem_set(&result->http_version, usual ? NULL : hop->http_version);
	if (hop->address[0] != '\0')
		mem_set(&result->address, hop->address);
	else if (hop->tried[0] != '\0')
		mem_set(&result->address, hop->tried);
	keep_certificate(result, hop);
}

static void finish(struct http_chain *chain, enum reason reason, const char *detail)
{
	struct result *result = &chain->check->result;
	result->hops.item = chain->hops;
	result->hops.n = (size_t)chain->n_hops;
	chain->hops = NULL;
	chain->n_hops = 0;
	chain->done(chain->check, chain, reason, detail);
}

/* ---- redirects */

static bool is_redirect(const struct http_hop *hop)
{
	switch (hop->status) {
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return hop->location != NULL;
	default:
		return false;
	}
}

static bool seen_before(const struct http_chain *chain, const char *url)
{
	for (int i = 0; i < chain->n_hops; i++)
		if (strcmp(chain->hops[i].url, url) == 0)
			return true;
	return false;
}

/* RFC 9110: 303 asks for a GET; 301 and 302 after a POST do in practice; 307 and 308 keep the
 * method. */
static void change_method(struct http_chain *chain)
{
	int64_t status = chain->hop.status;
	if (status == 307 || status == 308)
		return;
	if (status == 303 ? chain->method != METHOD_HEAD : chain->method == METHOD_POST) {
		chain->method = METHOD_GET;
		chain->with_body = false;
	}
}

static bool host_fits(const char *pattern, const char *host)
{
	size_t n = strlen(host), m = strlen(pattern);
	if (strncmp(pattern, "*.", 2) != 0)
		return strcasecmp(pattern, host) == 0;
	return n > m - 1 && strcasecmp(host + n - (m - 1), pattern + 1) == 0;
}

/* Whether TARGET is on a host to which redirects must not lead. */
static bool is_foreign(const struct http_chain *chain, const char *target)
{
	const struct strings *hosts = &chain->check->monitor->expect.foreign_hosts;
	char own[NET_HOST_SIZE], host[NET_HOST_SIZE];
	int port;
	if (hosts->n == 0 || strings_have(hosts, "allow"))
		return false;
	if (http_url_split(chain->first_url, own, &port) != 0 ||
		http_url_split(target, host, &port) != 0)
		return true;
	for (size_t i = 0; i < hosts->n; i++)
		if (host_fits(hosts->item[i], host))
			return false;
	return strcmp(own, host) != 0;
}

static enum reason judge_target(
	struct http_chain *chain, const char *target, int index, char *detail)
{
	size_t room = RESULT_DETAIL_MAX_BYTES;
	enum reason reason = REASON_OK;
	if (chain->rules.redirected != NULL)
		reason = chain->rules.redirected(
			chain->check, index, chain->hop.status, target, detail);
	if (reason != REASON_OK)
		return reason;
	if (http_url_is_https(chain->url) && !http_url_is_https(target) &&
		!chain->rules.allow_downgrade) {
		snprintf(detail, room, "redirected from https to %s", target);
		return REASON_HTTP_REDIRECT_DOWNGRADE;
	}
	if (is_foreign(chain, target)) {
		snprintf(detail, room, "redirected to %.200s, away from the target's host", target);
		return REASON_HTTP_REDIRECT_FOREIGN;
	}
	if (seen_before(chain, target)) {
		snprintf(detail, room, "redirected to %s again", target);
		return REASON_HTTP_REDIRECT_LOOP;
	}
	if (index >= chain->rules.follow) {
		snprintf(detail, room, "redirect number %d, to %s; at most %lld are followed",
			index + 1, target, (long long)chain->rules.follow);
		return REASON_HTTP_TOO_MANY_REDIRECTS;
	}
	return REASON_OK;
}

/* Takes TARGET. */
static void follow(struct http_chain *chain, char *target)
{
	change_method(chain);
	free(chain->url);
	chain->url = target;
	http_hop_clear(&chain->hop);
	memset(&chain->hop, 0, sizeof(chain->hop));
	start_hop(chain);
}

static void redirected(struct http_chain *chain)
{
	char detail[RESULT_DETAIL_MAX_BYTES] = "";
	const char *why;
	int index = chain->n_hops;
	char *target = http_url_normalize(chain->url, chain->hop.location, &why);
	char *raw = utf8_clean(chain->hop.location, strlen(chain->hop.location), URL_MAX_BYTES);
	record(chain, target != NULL ? target : raw);
	check_trace(chain->check, "status %lld leads to %s", (long long)chain->hop.status, raw);
	if (target == NULL) {
		snprintf(detail, sizeof(detail), "redirected to %.160s: %s", raw, why);
		finish(chain, REASON_HTTP_REDIRECT_BAD, detail);
	} else {
		enum reason reason = judge_target(chain, target, index, detail);
		if (reason == REASON_OK) {
			follow(chain, target);
			target = NULL;
		} else {
			finish(chain, reason, detail);
		}
	}
	free(raw);
	free(target);
}

/* expect.tls_version: of every hop that has TLS. */
static enum reason judge_tls(const struct http_chain *chain, char detail[RESULT_DETAIL_MAX_BYTES])
{
	const struct tls_versions *expected = &chain->check->monitor->expect.tls_version;
	const char *seen = chain->hop.cert.facts.tls_version;
	int version = 0;
	if (!chain->hop.https || seen == NULL)
		return REASON_OK;
	while (tls_version_names[version] != NULL && strcmp(tls_version_names[version], seen) != 0)
		version++;
	if (expected->min >= 0 && version < expected->min)
		snprintf(detail, RESULT_DETAIL_MAX_BYTES, "%s came out; expected: at least %s",
			seen, tls_version_names[expected->min]);
	else if (expected->max >= 0 && version > expected->max)
		snprintf(detail, RESULT_DETAIL_MAX_BYTES, "%s came out; expected: at most %s", seen,
			tls_version_names[expected->max]);
	else
		return REASON_OK;
	return REASON_TLS_VERSION;
}

static void on_hop(void *arg, enum reason reason, const char *detail)
{
	struct http_chain *chain = arg;
	char seen[RESULT_DETAIL_MAX_BYTES];
	if (chain->check->ended) /* at the deadline, which has recorded what there was */
		return;
	if (reason == REASON_OK && (reason = judge_tls(chain, seen)) != REASON_OK)
		detail = seen;
	if (reason == REASON_OK && chain->rules.follow > 0 && is_redirect(&chain->hop)) {
		redirected(chain);
		return;
	}
	record(chain, NULL);
	finish(chain, reason, detail);
}

/* What was written for one host is not told to another. */
static void start_hop(struct http_chain *chain)
{
	const struct credential *body = &chain->check->monitor->request.body;
	bool own = http_url_same_host(chain->first_url, chain->url);
	const struct request *r = &chain->check->monitor->request;
	bool has_own = r->headers.n > 0 || r->auth.user != NULL || r->auth.token.value != NULL;
	struct http_request request = {
		.url = chain->url,
		.method = chain->method,
		.body = chain->with_body && (own || body->secret == NULL) ? body->value : NULL,
		.own_headers = own,
		.first = chain->n_hops == 0,
		.expect = chain->rules.body,
		.cookies = chain->cookies,
	};
	check_trace(chain->check, "hop %d: %s %s%s", chain->n_hops + 1,
		http_method_names[chain->method], chain->url,
		own || !has_own ? "" : ", without the headers that were meant for another host");
	http_hop_start(&chain->hop, chain->check, &request, on_hop, chain);
}

/* ---- the interface */

static void look_for_missing(void *arg, const struct credential_place *at)
{
	const char **missing = arg;
	if (at->secret != NULL && *at->value == NULL)
		*missing = at->secret;
}

/* A secret whose value the coordinator did not tell; NULL: none. */
static const char *missing_secret(const struct job *job)
{
	const char *missing = NULL;
	if (job->has_secrets)
		monitor_each_credential(job->monitor, "", look_for_missing, &missing);
	return missing;
}

/* Most targets are written as we would write them: that is found out once. */
static char *target_url(struct job *job, const char **why)
{
	const char *target = job->monitor->target;
	*why = "";
	if (job->is_normal)
		return mem_strdup(target);
	char *url = http_url_normalize(NULL, target, why);
	job->is_normal = url != NULL && strcmp(url, target) == 0;
	return url;
}

void http_chain_start(struct http_chain *chain, struct check *check,
	const struct chain_rules *rules, http_chain_fn done)
{
	const struct request *request = &check->monitor->request;
	const char *why;
	const char *missing = missing_secret(check->job);
	chain->check = check;
	chain->rules = *rules;
	chain->done = done;
	chain->method = request->method < 0 ? METHOD_GET : request->method;
	chain->with_body = request->body.value != NULL;
	if (missing != NULL) {
		check_end(check, REASON_INTERNAL_ERROR,
			"the value of the secret '%s' did not come with the orders", missing);
		return;
	}
	chain->url = target_url(check->job, &why);
	if (chain->url == NULL) {
		check_end(check, REASON_INTERNAL_ERROR, "the target cannot be used: %s", why);
		return;
	}
	chain->first_url = mem_strdup(chain->url);
	if (request->cookies) {
		chain->cookies = curl_share_init();
		ensure(chain->cookies != NULL);
		curl_share_setopt(chain->cookies, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
	}
	start_hop(chain);
}

void http_chain_stop(struct http_chain *chain)
{
	if (chain->hop.check != NULL)
		http_hop_clear(&chain->hop);
	free(chain->url);
	free(chain->first_url);
	for (int i = 0; i < chain->n_hops; i++) {
		free(chain->hops[i].url);
		free(chain->hops[i].location);
		free(chain->hops[i].address);
		free(chain->hops[i].certificate_subject);
	}
	free(chain->hops);
	curl_share_cleanup(chain->cookies);
}

static void expired_done(struct check *check UNUSED, struct http_chain *chain UNUSED,
	enum reason reason UNUSED, const char *d UNUSED)
{
}

enum reason http_chain_expired(struct http_chain *chain)
{
	enum reason reason = http_hop_expired(&chain->hop);
	record(chain, NULL);
	chain->done = expired_done; /* the engine ends the check with what we return */
	finish(chain, reason, NULL);
	http_chain_judge(chain, false);
	return reason;
}

void http_chain_judge(struct http_chain *chain, bool answered)
{
	struct check *check = chain->check;
	check_judge_days(check);
	check_judge_response(
		check, clock_now_us() - check->started_at_us, answered, "the response");
}
