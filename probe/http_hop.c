// SPDX-License-Identifier: MIT
/*
 * One hop with libcurl. What makes it a check and not a download:
 * - names are resolved by us; curl gets the permitted addresses (CURLOPT_RESOLVE) and may connect
 * to those only: the socket callback polices the very address that is connected, however it was
 * spelled;
 * - no proxy from the environment, no other protocol, no reuse, no cookies, netrc, alt-svc or HSTS;
 * - bytes are counted in the callbacks: headers, and the body after decompression, have ceilings;
 * - certificates are verified by certs.c.
 *
 * Every end goes through http_hop_finish().
 */
#include "probe/http_handles.h"
#include "probe/http_hop.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/curl_loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* curl reads a hundred times this before others have their turn: with chunks of one byte, the worst
 * that can come, that is 5 ms. */
#define READ_BYTES      2048L
#define WIRE_TURNS      16
#define WIRE_BYTES_MORE 1048576 /* headers, certificates, chunks that are smaller than their head */

#define LONG_WAIT_MS 250 /* for the answer, until what is not needed for waiting is let go */

static struct http_handles *handles_of(const struct http_hop *hop)
{
	return engine_http_handles(hop->check->engine);
}

/* ---- the end */

void http_hop_finish(struct http_hop *hop, enum reason reason, const char *detail)
{
	hop->phases.total_us = clock_now_us() - hop->began_at_us;
	hop->done(hop->arg, reason, detail);
}

/* A whole answer ended when its last bytes came, and not when the loop had the time to read them. */
static int64_t ended_at(const struct http_hop *hop, CURLcode code)
{
	bool known = code == CURLE_OK && hop->guard.came_at_us != 0;
	return known ? hop->guard.came_at_us : clock_now_us();
}

static void on_done(void *arg, CURL *easy UNUSED, CURLcode code)
{
	struct http_hop *hop = arg;
	char detail[RESULT_DETAIL_MAX_BYTES];
	hop->went_well = code == CURLE_OK;
	http_hop_keep_facts(hop, ended_at(hop, code));
	enum reason reason = http_hop_reason(hop, code);
	if (hop->refused) {
		snprintf(detail, sizeof(detail), "%s must not be contacted", hop->tried);
		http_hop_finish(hop, REASON_DNS_FORBIDDEN_ADDRESS, detail);
		return;
	}
	if (code != CURLE_OK && http_hop_tls_failed(hop, code)) {
		reason = cert_check_failure(&hop->cert, cert_error_of(hop->error), detail);
		http_hop_finish(hop, reason, detail);
		return;
	}
	if (code != CURLE_OK && hop->socket_errno != 0 && hop->phases.tls_us == UNSET)
		reason = net_reason(hop->socket_errno, NULL);
	else if (hop->too_large[0] != '\0')
		reason = REASON_HTTP_TOO_LARGE;
	else if (code == CURLE_OK &&
		 !hop->headers_ended) /* curl is content with any part of them */
		reason = REASON_TCP_CLOSED_EARLY;
	if (reason == REASON_OK && http_proxy_reason(hop, reason) == REASON_OK) {
		http_hop_finish(hop, REASON_OK, NULL);
		return;
	}
	enum reason through = http_proxy_reason(hop, reason);
	if (through != reason)
		http_proxy_explain(hop, through, detail, sizeof(detail));
	else
		http_hop_explain(hop, reason, detail, sizeof(detail));
	http_hop_finish(hop, through, detail);
}

/* ---- callbacks of curl: they note and count, nothing else */

static void trace_connection(const struct http_hop *hop)
{
	const struct certificate *seen = &hop->cert.facts;
	if (hop->https && hop->cert.seen)
		check_trace(hop->check, "%s stands; the certificate is %s's, for %lld more days",
			seen->tls_version != NULL ? seen->tls_version : "TLS",
			seen->subject != NULL ? seen->subject : "?", (long long)seen->days);
	check_trace(hop->check, "connected to %s; the request goes out", hop->address);
}

/* The connection stands (TLS included), the request goes out next. */
static int connected(void *arg, char *ip, char *local_ip UNUSED, int port, int local_port UNUSED)
{
	struct http_hop *hop = arg;
	struct curl_tlssessioninfo *tls = NULL;
	struct sockaddr_storage to;
	if (!hop->https)
		http_socket_stands(hop);
	size_t n = strlen(ip);
	if (strncmp(hop->tried, ip, n) == 0 && hop->tried[n] == ':') {
		memcpy(hop->address, hop->tried,
			sizeof(hop->address)); /* the last one, as mostly */
	} else if (net_parse_literal(ip, &to)) {
		net_set_port((struct sockaddr *)&to, port);
		net_format((struct sockaddr *)&to, hop->address);
	}
	if (hop->https && curl_easy_getinfo(hop->easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK &&
		tls != NULL && tls->internals != NULL)
		cert_check_connected(&hop->cert, tls->internals);
	if (hop->https) {
		timer_set(&hop->long_wait, LONG_WAIT_MS);
		hop->guard.fd = http_socket_only(hop);
		hop->guard.timed = hop->guard.fd != -1;
	}
	trace_connection(hop);
	hop->first_at_us = 0; /* what came before asked us who we are */
	hop->asked_at_us = clock_now_us();
	return CURL_PREREQFUNC_OK;
}

static CURLcode prepare_tls(CURL *easy UNUSED, void *ctx, void *arg)
{
	struct http_hop *hop = arg;
	hop->tls_at_us = clock_now_us();
	http_socket_stands(hop);
	check_trace(hop->check, "the connection stands; TLS begins");
	hop->guard.turn = curl_loop_turn(engine_curl(hop->check->engine));
	tls_guard_attach(ctx, &hop->guard);
	certs_attach(
		engine_certs(hop->check->engine), ctx, &hop->cert); /* goes on where it listens */
	return CURLE_OK;
}

static void trace_status(const struct http_hop *hop, const char *line, size_t n)
{
	while (n > 0 && strchr("\r\n", line[n - 1]) != NULL)
		n--;
	check_trace(hop->check, "the answer begins: %.*s", (int)n, line);
}

/* Returns what makes curl end the transfer. */
static size_t too_large(struct http_hop *hop, const char *what, long long max, const char *unit)
{
	snprintf(hop->too_large, sizeof(hop->too_large), "%s more than %lld %s", what, max, unit);
	return 0;
}

static size_t count_header(char *data, size_t size, size_t n, void *arg)
{
	struct http_hop *hop = arg;
	bool begins = size * n > 5 && memcmp(data, "HTTP/", 5) == 0;
	if (begins)
		trace_status(hop, data, size * n);
	if (hop->first_at_us == 0)
		hop->first_at_us = hop->guard.came_at_us;
	hop->header_bytes += size * n;
	hop->header_lines++;
	hop->headers_ended = !begins && (hop->headers_ended || size * n <= 2 /* a blank line */);
	if (hop->header_bytes > HTTP_HEADER_BYTES_MAX)
		return too_large(hop, "the headers have", HTTP_HEADER_BYTES_MAX, "bytes");
	if (hop->header_lines > HTTP_HEADER_LINES_MAX)
		return too_large(hop, "the answer has", HTTP_HEADER_LINES_MAX, "headers");
	return size * n;
}

static long long body_max(const struct http_hop *hop)
{
	return (long long)engine_limits(hop->check->engine)->body_max_bytes;
}

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	struct http_hop *hop = arg;
	size_t n = size * count;
	if (hop->body.bytes == 0 && n > 0)
		check_trace(hop->check, "the body begins");
	if (http_body_take(&hop->body, data, n) == 0)
		return n;
	return too_large(hop, "the body has", body_max(hop), "bytes");
}

/*
 * Once in a turn of curl's: what came on the wire, whatever it was. The framing of chunks, a gzip
 * head, TLS records and HTTP/2 frames may go on for ever without a byte of header or body.
 */
static int count_wire(void *arg, curl_off_t dltotal UNUSED, curl_off_t dlnow UNUSED,
	curl_off_t ultotal UNUSED, curl_off_t ulnow UNUSED)
{
	struct http_hop *hop = arg;
	long long max = 2 * body_max(hop) + WIRE_BYTES_MORE;
	if (++hop->turns % WIRE_TURNS != 0) /* a short answer is there before */
		return 0;
	if (http_socket_received(hop) <= max)
		return 0;
	(void)too_large(hop, "the answer, with all that frames it, has", max, "bytes");
	return 1;
}

/* ---- the set-up */

/* What all hops have in common, of a handle that is new. */
static void set_common(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");   /* nor one from the environment … */
	curl_easy_setopt(easy, CURLOPT_NOPROXY, ""); /* … nor an exception */
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384L); /* curl's least, not 64 kB */
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_BYTES);
	/* no CA file of its own: the shared store comes in prepare_tls(), names are checked there
	 * too */
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, prepare_tls);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, connected);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, count_header);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, count_wire);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	http_socket_set(easy);
}

/* What each hop writes anew, so that a handle may have been another's. */
static void set_hop(struct http_hop *hop, int n_addresses)
{
	CURL *easy = hop->easy;
	curl_easy_setopt(easy, CURLOPT_URL, hop->request.url);
	curl_easy_setopt(easy, CURLOPT_CURLU, hop->url);
	curl_easy_setopt(easy, CURLOPT_RESOLVE, hop->pins);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, hop->cert.verify ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)body_max(hop));
	/* The engine's deadline decides; this one only makes curl share the time among them. */
	long timeout_ms = n_addresses > 1 ? (long)(check_left_us(hop->check) / 1000 + 200) : 0;
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, hop);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, hop);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, hop);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, hop);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, hop);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, hop->error);
	http_socket_attach(hop);
}

static void set_source(struct http_hop *hop)
{
	char text[NET_ADDRESS_SIZE];
	const char *source = hop->check->monitor->request.source;
	if (source == NULL)
		return;
	snprintf(text, sizeof(text), "host!%s", source);
	curl_easy_setopt(hop->easy, CURLOPT_INTERFACE, text);
}

/* Of curl's words only those on attempts that failed: the rest is told by ourselves. */
static int trace_attempt(CURL *easy UNUSED, curl_infotype type, char *text, size_t n, void *arg)
{
	static const char failed[] = "connect to ";
	const struct http_hop *hop = arg;
	if (type == CURLINFO_TEXT && n > strlen(failed) &&
		memcmp(text, failed, strlen(failed)) == 0)
		check_trace(hop->check, "%.*s", (int)n - 1, text);
	return 0;
}

static void set_trace(struct http_hop *hop)
{
	if (!hop->check->traced)
		return;
	curl_easy_setopt(hop->easy, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(hop->easy, CURLOPT_DEBUGFUNCTION, trace_attempt);
	curl_easy_setopt(hop->easy, CURLOPT_DEBUGDATA, hop);
}

/* "+": the entry ages out of curl's cache; each hop replaces it, so an old one is never used. */
void http_hop_pin(
	struct http_hop *hop, const char *host, int port, const struct addresses *permitted)
{
	struct sockaddr_storage literal;
	char pin[NET_HOST_SIZE + 16 + ADDRESSES_MAX * NET_ADDRESS_SIZE], text[NET_ADDRESS_SIZE];
	if (net_parse_literal(host, &literal))
		return;
	int n = snprintf(pin, sizeof(pin), "+%s:%d:", host, port);
	for (int i = 0; i < permitted->n; i++) {
		const struct sockaddr *a = (const struct sockaddr *)&permitted->item[i];
		bool v6 = a->sa_family == AF_INET6;
		n += snprintf(pin + n, sizeof(pin) - (size_t)n, "%s%s%s%s", i > 0 ? "," : "",
			v6 ? "[" : "", net_format(a, text), v6 ? "]" : "");
	}
	hop->pins = curl_slist_append(NULL, pin);
	ensure(hop->pins != NULL);
}

static void set_way(struct http_hop *hop)
{
	char way[NET_HOST_SIZE + 16];
	if (hop->check->monitor->request.connect_to == NULL || !hop->request.own_headers)
		return;
	snprintf(way, sizeof(way), "::%s:%d", hop->to, hop->port);
	hop->connect_to = curl_slist_append(NULL, way);
	ensure(hop->connect_to != NULL);
	curl_easy_setopt(hop->easy, CURLOPT_CONNECT_TO, hop->connect_to);
}

/* Whatever only some requests have: said to a handle that no other hop gets. */
static void set_unusual(struct http_hop *hop)
{
	set_source(hop);
	set_trace(hop);
	set_way(hop);
	if (hop->proxy != NULL)
		http_proxy_set(hop);
}

static CURL *handle_of(struct http_hop *hop)
{
	CURL *easy = hop->usual ? http_handles_take(handles_of(hop)) : NULL;
	if (easy != NULL)
		return easy;
	easy = curl_easy_init();
	ensure(easy != NULL);
	set_common(easy);
	return easy;
}

void http_hop_transfer(struct http_hop *hop, const struct addresses *permitted)
{
	if (hop->proxy != NULL)
		http_proxy_pin(hop);
	else
		http_hop_pin(hop, hop->to, hop->port, permitted);
	hop->usual = http_request_is_usual(hop);
	hop->easy = handle_of(hop);
	set_hop(hop, permitted->n);
	if (!hop->usual)
		set_unusual(hop);
	if (http_request_prepare(hop) != 0) {
		http_hop_finish(
			hop, REASON_INTERNAL_ERROR, "a header has a line break or a bad name");
		return;
	}
	if (hop->https)
		timer_init(&hop->long_wait, hop->check->loop, http_hop_long_wait, hop);
	hop->transfer_at_us = clock_now_us();
	curl_loop_start(engine_curl(hop->check->engine), hop->easy, on_done, hop);
}

/* ---- resolving and policing */

static void ask_proxy(struct http_hop *hop)
{
	if (check_permits_port(hop->check, hop->port))
		http_proxy_find(hop);
	else
		http_hop_finish(hop, REASON_INTERNAL_POLICY,
			"this probe may not have a proxy connect to that port");
}

static void on_resolved(void *arg, enum reason reason, const struct addresses *found)
{
	struct http_hop *hop = arg;
	struct addresses permitted = {.n = 0};
	char detail[RESULT_DETAIL_MAX_BYTES];
	hop->query = NULL;
	hop->phases.resolve_us = clock_now_us() - hop->began_at_us;
	if (reason != REASON_OK && hop->proxy != NULL) { /* names may be known to the proxy alone */
		ask_proxy(hop);
		return;
	}
	if (reason != REASON_OK) {
		snprintf(detail, sizeof(detail), "%.150s: %s", hop->to, reason_text_en(reason));
		http_hop_finish(hop, reason, detail);
		return;
	}
	struct check_way way = {
		.host = hop->to, .port = hop->port, .redirect = !hop->request.first};
	reason = check_police(hop->check, &way, found, &permitted, detail);
	if (reason != REASON_OK)
		http_hop_finish(hop, reason, detail);
	else if (hop->proxy != NULL)
		ask_proxy(hop);
	else
		http_hop_transfer(hop, &permitted);
}

/* Another way than the URL's is for its own host only. */
static int find_way(struct http_hop *hop)
{
	char url[NET_HOST_SIZE + 16];
	const char *connect_to = hop->check->monitor->request.connect_to;
	if (connect_to == NULL || !hop->request.own_headers) {
		memcpy(hop->to, hop->host, sizeof(hop->to));
		return 0;
	}
	snprintf(url, sizeof(url), "http://%s/", connect_to);
	check_trace(hop->check, "connecting to %s for %s", connect_to, hop->host);
	return http_url_split(url, hop->to, &hop->port);
}

void http_hop_start(struct http_hop *hop, struct check *check, const struct http_request *request,
	http_hop_fn done, void *arg)
{
	hop->check = check;
	hop->request = *request;
	hop->done = done;
	hop->arg = arg;
	hop->began_at_us = clock_now_us();
	hop->phases = (struct phases){UNSET, UNSET, UNSET, UNSET, UNSET, UNSET};
	hop->status = hop->bytes = UNSET;
	http_body_init(
		&hop->body, request->expect, (size_t)engine_limits(check->engine)->body_max_bytes);
	hop->https = http_url_is_https(request->url);
	hop->url = http_url_parse(request->url, hop->host, &hop->port);
	if (hop->url == NULL || find_way(hop) != 0) {
		http_hop_finish(hop, REASON_INTERNAL_ERROR, "the URL cannot be used");
		return;
	}
	const char *proxy = check->monitor->request.proxy;
	if (proxy != NULL && (hop->proxy = engine_proxy(check->engine, proxy)) == NULL) {
		http_hop_finish(
			hop, REASON_INTERNAL_POLICY, "this probe's file names no such proxy");
		return;
	}
	cert_check_init(&hop->cert, hop->host, check->monitor->request.verify);
	struct addresses found;
	enum reason reason;
	check_trace_lookup(check, hop->to);
	if (resolver_literal(hop->to, check->family, &reason, &found))
		on_resolved(hop, reason, &found);
	else
		hop->query = resolver_find(
			engine_resolver(check->engine), hop->to, check->family, on_resolved, hop);
}

void http_hop_clear(struct http_hop *hop)
{
	resolver_cancel(hop->query);
	hop->query = NULL;
	timer_clear(&hop->long_wait);
	if (hop->easy != NULL) {
		curl_loop_cancel(engine_curl(hop->check->engine), hop->easy);
		if (hop->usual && hop->went_well)
			http_handles_keep(handles_of(hop), hop->easy);
		else
			curl_easy_cleanup(hop->easy);
	}
	curl_url_cleanup(hop->url);
	hop->url = NULL;
	curl_slist_free_all(hop->headers);
	curl_slist_free_all(hop->pins);
	hop->easy = NULL;
	curl_slist_free_all(hop->connect_to);
	hop->headers = hop->pins = hop->connect_to = NULL;
	http_socket_clear(hop);
	mem_set(&hop->location, NULL);
	http_body_clear(&hop->body);
	free(hop->proxy_addresses);
	hop->proxy_addresses = NULL;
	cert_check_clear(&hop->cert);
}

enum reason http_hop_expired(struct http_hop *hop)
{
	hop->phases.total_us = clock_now_us() - hop->began_at_us;
	if (hop->easy == NULL) {
		hop->phases.resolve_us = hop->phases.total_us;
		return REASON_DNS_TIMEOUT;
	}
	http_hop_keep_facts(hop, clock_now_us());
	return http_proxy_reason(hop, http_hop_timed_out(hop));
}
