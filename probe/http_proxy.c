// SPDX-License-Identifier: MIT
/*
 * A hop through an HTTP proxy: only one that the probe's own file names. https goes through CONNECT,
 * http is asked of it as it is. What the target is may be looked up by the proxy alone; where the
 * probe knows its addresses, or they stand in the URL, its policy is applied before anything is asked.
 * The proxy's own addresses are exempt from it: the file has named them.
 */
#include "probe/http_hop.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <string.h>

static void on_found(void *arg, enum reason reason, const struct addresses *found)
{
	struct http_hop *hop = arg;
	char detail[RESULT_DETAIL_MAX_BYTES];
	hop->query = NULL;
	if (reason != REASON_OK) {
		snprintf(detail, sizeof(detail), "the proxy %.80s (%.100s): %s",
			hop->check->monitor->request.proxy, hop->proxy, reason_text_en(reason));
		http_hop_finish(hop, REASON_INTERNAL_PROXY, detail);
		return;
	}
	hop->proxy_addresses = mem_alloc(sizeof(*hop->proxy_addresses));
	*hop->proxy_addresses = *found;
	http_hop_transfer(hop, found);
}

void http_proxy_find(struct http_hop *hop)
{
	char host[NET_HOST_SIZE];
	int port;
	if (http_url_split(hop->proxy, host, &port) != 0) { /* the file's table forbids it */
		http_hop_finish(hop, REASON_INTERNAL_PROXY, "the proxy's address cannot be used");
		return;
	}
	check_trace(hop->check, "asking the proxy %s at %s", hop->check->monitor->request.proxy,
		hop->proxy);
	hop->query = resolver_find(
		engine_resolver(hop->check->engine), host, FAMILY_AUTO, on_found, hop);
}

void http_proxy_pin(struct http_hop *hop)
{
	char host[NET_HOST_SIZE];
	int port;
	if (http_url_split(hop->proxy, host, &port) == 0)
		http_hop_pin(hop, host, port, hop->proxy_addresses);
}

void http_proxy_set(struct http_hop *hop)
{
	curl_easy_setopt(hop->easy, CURLOPT_PROXY, hop->proxy);
	curl_easy_setopt(hop->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return memcmp(&((const struct sockaddr_in *)a)->sin_addr,
			       &((const struct sockaddr_in *)b)->sin_addr,
			       sizeof(struct in_addr)) == 0;
	return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
		       &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

bool http_proxy_permits(const struct http_hop *hop, const struct sockaddr *address)
{
	for (int i = 0; i < hop->proxy_addresses->n; i++)
		if (same_address((const struct sockaddr *)&hop->proxy_addresses->item[i], address))
			return true;
	return false;
}

/* ---- whose fault it was */

static long connect_status(const struct http_hop *hop)
{
	long status = 0;
	curl_easy_getinfo(hop->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return status;
}

/* Refused by its rules, or for want of a log-in: it says nothing of the target. */
static bool is_refusal(int64_t status)
{
	return status == 401 || status == 403 || status == 405 || status == 407;
}

/* A connection to the proxy stands: what is waited for is its answer. */
static bool is_connected(const struct http_hop *hop)
{
	struct sockaddr_storage to;
	socklen_t n = sizeof(to);
	for (size_t i = 0; i < ARRAY_LEN(hop->fds); i++)
		if (hop->fds[i] != -1 && getpeername(hop->fds[i], (struct sockaddr *)&to, &n) == 0)
			return true;
	return false;
}

/* What a proxy answers to plain http by itself cannot be told from the target's words, but for 407. */
static enum reason reason_of_plain(const struct http_hop *hop, enum reason reason)
{
	bool asked = hop->address[0] != '\0';
	if (hop->status == 407 || (reason != REASON_OK && !asked))
		return REASON_INTERNAL_PROXY;
	return reason;
}

enum reason http_proxy_reason(const struct http_hop *hop, enum reason reason)
{
	if (hop->proxy == NULL || hop->easy == NULL)
		return reason;
	if (!hop->https)
		return reason_of_plain(hop, reason);
	if (reason == REASON_OK || hop->tls_at_us != 0)
		return reason;
	long status = connect_status(hop);
	bool target = status > 0 ? !is_refusal(status) : is_connected(hop);
	return target ? REASON_HTTP_PROXY : REASON_INTERNAL_PROXY;
}

void http_proxy_explain(const struct http_hop *hop, enum reason reason, char *out, size_t room)
{
	const char *name = hop->check->monitor->request.proxy;
	long status = hop->https ? connect_status(hop) : hop->status > 0 ? (long)hop->status : 0;
	if (status > 0)
		snprintf(out, room, "the proxy %.80s (%s) answers with %ld for %.80s:%d", name,
			hop->tried, status, hop->to, hop->port);
	else
		snprintf(out, room, "the proxy %.80s (%s): %s%s%.100s", name, hop->tried,
			reason_text_en(reason), hop->error[0] != '\0' ? ": " : "", hop->error);
}
