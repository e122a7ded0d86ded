// SPDX-License-Identifier: MIT
/* What a transfer has shown: its phases and facts, and what curl's failure means. */
#include "probe/http_hop.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* When the transfer began: curl's own clock starts with it as soon as the loop lets curl work. */
static int64_t began_at(const struct http_hop *hop)
{
	return hop->opened_at_us != 0 ? hop->opened_at_us : hop->transfer_at_us;
}

/* When one of curl's marks was, NOW at the latest: its clock starts some microseconds before we see it. 0: it
 * was not reached. */
static int64_t mark(const struct http_hop *hop, CURLINFO which, int64_t now_us)
{
	curl_off_t us = 0;
	curl_easy_getinfo(hop->easy, which, &us);
	int64_t at_us = began_at(hop) + us;
	return us <= 0 ? 0 : at_us < now_us ? at_us : now_us;
}

static int64_t connected_at(const struct http_hop *hop, int64_t now_us)
{
	if (hop->opened_at_us != 0 || hop->https)
		return hop->stands_at_us;
	return mark(hop, CURLINFO_CONNECT_TIME_T, now_us); /* of a connection that is used again */
}

/* Curl's mark is when it saw the first byte; the head of the answer is complete then, or later. */
static int64_t first_at(const struct http_hop *hop, int64_t now_us)
{
	int64_t marked = mark(hop, CURLINFO_STARTTRANSFER_TIME_T, now_us);
	return hop->first_at_us != 0 && hop->first_at_us < marked ? hop->first_at_us : marked;
}

/*
 * Counted from the first socket on: what our loop took to get there is nobody's phase. The phase in
 * which it stopped holds the time that was spent in it.
 */
static void measure(struct http_hop *hop, int64_t ended_at_us)
{
	struct phases *p = &hop->phases;
	int64_t now_us = clock_now_us(), connected = connected_at(hop, now_us);
	int64_t secured = mark(hop, CURLINFO_APPCONNECT_TIME_T, now_us);
	int64_t asked = hop->asked_at_us;
	int64_t first = first_at(hop, now_us);
	p->connect_us = (connected > 0 ? connected : now_us) - began_at(hop);
	if (connected == 0)
		return;
	if (hop->https)
		p->tls_us = (secured > 0 ? secured : now_us) - connected;
	if (hop->https && secured == 0)
		return;
	if (asked == 0)
		asked = hop->https ? secured : connected;
	if (first > 0 && first < asked) /* it came before it was asked for */
		first = asked;
	p->first_byte_us = (first > 0 ? first : now_us) - asked;
	if (first > 0)
		p->transfer_us = ended_at_us > first ? ended_at_us - first : 0;
}

static const char *version_name(long version)
{
	switch (version) {
	case CURL_HTTP_VERSION_1_0:
		return "1.0";
	case CURL_HTTP_VERSION_1_1:
		return "1.1";
	case CURL_HTTP_VERSION_2_0:
		return "2";
	default:
		return NULL;
	}
}

void http_hop_keep_facts(struct http_hop *hop, int64_t ended_at_us)
{
	long status = 0, version = 0;
	curl_off_t received = 0;
	struct curl_header *header;
	measure(hop, ended_at_us);
	curl_easy_getinfo(hop->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status > 0)
		hop->status = status;
	curl_easy_getinfo(hop->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
	if (status > 0)
		hop->bytes = received;
	curl_easy_getinfo(hop->easy, CURLINFO_HTTP_VERSION, &version);
	if (status > 0)
		hop->http_version = version_name(version);
	if (curl_easy_header(hop->easy, "Location", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
		mem_set(&hop->location, header->value);
}

/* ---- what curl's failure means */

enum reason http_hop_timed_out(const struct http_hop *hop)
{
	if (hop->phases.tls_us == UNSET && hop->phases.first_byte_us == UNSET)
		return REASON_TCP_TIMEOUT;
	return hop->phases.first_byte_us == UNSET ? REASON_TLS_TIMEOUT : REASON_HTTP_TIMEOUT;
}

/* Whether ERROR may be of a connection that stands; else it is left over from an address that was tried
 * before the one that accepted. */
static bool is_of_a_connection(long error)
{
	return error == ECONNRESET || error == EPIPE || error == ETIMEDOUT;
}

static enum reason reason_of_errno(const struct http_hop *hop, enum reason otherwise)
{
	long error = 0;
	curl_easy_getinfo(hop->easy, CURLINFO_OS_ERRNO, &error);
	bool stands = hop->tls_at_us != 0 || hop->address[0] != '\0';
	if (error == 0 || (stands && !is_of_a_connection(error)))
		return otherwise;
	struct sockaddr_storage to;
	char host[NET_ADDRESS_SIZE];
	snprintf(host, sizeof(host), "%s", hop->tried);
	char *colon = strrchr(host, ':');
	if (colon != NULL)
		*colon = '\0';
	bool known = net_parse_literal(host, &to);
	enum reason reason = net_reason((int)error, known ? (struct sockaddr *)&to : NULL);
	return reason == REASON_TCP_FAILED ? otherwise : reason;
}

/* A reset, a time-out and the like are told by what the system says, not by TLS. */
bool http_hop_tls_failed(const struct http_hop *hop, CURLcode code)
{
	if (hop->cert.verify && hop->cert.reason != REASON_OK)
		return true;
	if (code == CURLE_SSL_CONNECT_ERROR)
		return reason_of_errno(hop, REASON_TLS_HANDSHAKE) == REASON_TLS_HANDSHAKE;
	return hop->cert.alert_received != UNSET &&
	       (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING);
}

enum reason http_hop_reason(const struct http_hop *hop, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return REASON_OK;
	case CURLE_INTERFACE_FAILED:
		return REASON_INTERNAL_SOURCE;
	case CURLE_COULDNT_CONNECT:
		return reason_of_errno(hop, REASON_TCP_FAILED);
	case CURLE_OPERATION_TIMEDOUT:
		return http_hop_timed_out(hop);
	case CURLE_SSL_CONNECT_ERROR:
		return reason_of_errno(hop, REASON_TLS_HANDSHAKE);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CLIENTCERT:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_SHUTDOWN_FAILED:
	case CURLE_USE_SSL_FAILED:
		return REASON_TLS_HANDSHAKE;
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_PROXY:
		return REASON_INTERNAL_PROXY;
	case CURLE_GOT_NOTHING:
		return REASON_HTTP_NO_RESPONSE;
	case CURLE_PARTIAL_FILE:
		return REASON_TCP_CLOSED_EARLY;
	case CURLE_RECV_ERROR:
		if (strstr(hop->error, "chunked-encoding") != NULL) /* curl has no code for it */
			return REASON_HTTP_MALFORMED;
		return reason_of_errno(
			hop, hop->status != UNSET ? REASON_TCP_CLOSED_EARLY : REASON_HTTP_PROTOCOL);
	case CURLE_SEND_ERROR:
		return reason_of_errno(
			hop, hop->status != UNSET ? REASON_TCP_CLOSED_EARLY : REASON_TCP_RESET);
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, or no HTTP at all */
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_WRITE_ERROR: /* not by our callbacks, which say why: what follows the end of a gzip */
		return REASON_HTTP_MALFORMED;
	case CURLE_FILESIZE_EXCEEDED: /* as its Content-Length says */
		return REASON_HTTP_TOO_LARGE;
	case CURLE_OUT_OF_MEMORY: /* also curl's word for a header line above its own ceiling */
		return hop->phases.transfer_us != UNSET ? REASON_HTTP_TOO_LARGE
							: REASON_INTERNAL_RESOURCES;
	case CURLE_BAD_FUNCTION_ARGUMENT: /* also its word for a trailer that is no header */
		return hop->phases.transfer_us != UNSET ? REASON_HTTP_MALFORMED
							: REASON_INTERNAL_ERROR;
	case CURLE_URL_MALFORMAT:
	case CURLE_FAILED_INIT:
	case CURLE_COULDNT_RESOLVE_HOST: /* names come resolved */
	case CURLE_FUNCTION_NOT_FOUND:
	case CURLE_NOT_BUILT_IN:
	case CURLE_SETOPT_OPTION_SYNTAX:
	case CURLE_READ_ERROR: /* of our own callback */
	case CURLE_SEND_FAIL_REWIND:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_SSL_ENGINE_NOTFOUND:
	case CURLE_SSL_ENGINE_SETFAILED:
	case CURLE_UNKNOWN_OPTION:
		return REASON_INTERNAL_ERROR;
	default: /* HTTP/2 and its streams; curl's own words stand in the detail */
		return REASON_HTTP_PROTOCOL;
	}
}

void http_hop_explain(const struct http_hop *hop, enum reason reason, char *out, size_t room)
{
	switch (reason) {
	case REASON_TCP_REFUSED:
		snprintf(out, room, "connection refused by %s", hop->tried);
		break;
	case REASON_TCP_TIMEOUT:
		snprintf(out, room, "no answer from %s", hop->tried);
		break;
	case REASON_TCP_RESET:
		snprintf(out, room, "connection reset by %s", hop->tried);
		break;
	case REASON_HTTP_TOO_LARGE:
		snprintf(out, room, "%s: %s", hop->tried,
			hop->too_large[0] != '\0' ? hop->too_large
						  : "it is said to be larger than allowed");
		break;
	default: /* curl's own words, for what only it knows */
		snprintf(out, room, "%s%s%.150s", reason_text_en(reason),
			hop->error[0] != '\0' ? ": " : "", hop->error);
	}
}

/* OpenSSL keeps 17 kB for writing when session tickets come after the request has gone out. While a
 * peer lets hundreds of checks wait that is most of what they take. */
void http_hop_long_wait(void *arg)
{
	struct http_hop *hop = arg;
	struct curl_tlssessioninfo *tls = NULL;
	if (curl_easy_getinfo(hop->easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls != NULL &&
		tls->internals != NULL)
		(void)SSL_free_buffers(tls->internals); /* not if they hold anything */
}
