// SPDX-License-Identifier: MIT
/* What libraries and the kernel may say, all of it, as reasons: each has one of its own, what is the
 * probe's own fault is never the target's, and what has only a general one is listed here. */
#include "tests/unit/check_kit.h"

#include "probe/http_hop.h"
#include "probe/net.h"

#include <curl/curl.h>

/* errno of socket, connect, send and recv (their man pages), and what the kernel makes of ICMP errors
 * (icmp_err_convert in net/ipv4/icmp.c, net/ipv6/icmp.c). */
static void errors_of_the_network(void **state)
{
	static const struct {
		int error;
		const char *reason;
	} cases[] = {{ECONNREFUSED, "tcp.refused"}, {ETIMEDOUT, "tcp.timeout"},
		{ECONNRESET, "tcp.reset"}, {EPIPE, "tcp.reset"}, {ECONNABORTED, "tcp.reset"},
		{ENETRESET, "tcp.reset"}, {EHOSTUNREACH, "l3.host_unreachable"},
		{EHOSTDOWN, "l3.host_unreachable"}, {ENOPROTOOPT, "l3.host_unreachable"},
		{ENETUNREACH, "l3.no_route"}, {ENETDOWN, "l3.no_route"}, {ENONET, "l3.no_route"},
		{EOPNOTSUPP, "l3.no_route"}, {EACCES, "l3.prohibited"},
		{EPERM, "internal.permission"}, {EAFNOSUPPORT, "internal.network"},
		{EINVAL, "internal.network"}, {EMFILE, "internal.resources"},
		{ENFILE, "internal.resources"}, {ENOBUFS, "internal.resources"},
		{ENOMEM, "internal.resources"}, {EADDRNOTAVAIL, "internal.resources"},
		{EADDRINUSE, "internal.resources"}, {EAGAIN, "internal.resources"},
		/* and only these are general: nothing more can be said of them than their names */
		{EPROTO, "tcp.failed"}, {EMSGSIZE, "tcp.failed"}, {EIO, "tcp.failed"}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *reason = reason_code(net_reason(cases[i].error, NULL));
		if (strcmp(reason, cases[i].reason) != 0)
			fail_msg("%s: %s instead of %s", strerror(cases[i].error), reason,
				cases[i].reason);
	}
}

static bool among(CURLcode code, const CURLcode *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* Every code of this curl. Other protocols' (FTP, LDAP, …) cannot come: their protocols are off. */
static void codes_of_curl(void **state)
{
	static const CURLcode ours[] = {CURLE_URL_MALFORMAT, CURLE_FAILED_INIT,
		CURLE_BAD_FUNCTION_ARGUMENT, CURLE_COULDNT_RESOLVE_HOST, CURLE_NOT_BUILT_IN,
		CURLE_FUNCTION_NOT_FOUND, CURLE_SETOPT_OPTION_SYNTAX, CURLE_READ_ERROR,
		CURLE_SEND_FAIL_REWIND, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE,
		CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED,
		CURLE_UNKNOWN_OPTION, CURLE_OUT_OF_MEMORY, CURLE_INTERFACE_FAILED, CURLE_PROXY,
		CURLE_COULDNT_RESOLVE_PROXY};
	static const CURLcode general[] = {CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_HTTP3,
		CURLE_RECV_ERROR, CURLE_ABORTED_BY_CALLBACK, CURLE_HTTP_RETURNED_ERROR,
		CURLE_HTTP_POST_ERROR, CURLE_TOO_MANY_REDIRECTS, CURLE_RANGE_ERROR,
		CURLE_NO_CONNECTION_AVAILABLE, CURLE_AGAIN, CURLE_UPLOAD_FAILED,
		CURLE_BAD_DOWNLOAD_RESUME, CURLE_LOGIN_DENIED, CURLE_REMOTE_ACCESS_DENIED,
		CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_RECURSIVE_API_CALL, CURLE_AUTH_ERROR,
		CURLE_QUIC_CONNECT_ERROR, CURLE_UNRECOVERABLE_POLL, CURLE_CONV_FAILED,
		CURLE_CONV_REQD};
	struct http_hop hop = {.easy = curl_easy_init(), .status = UNSET};
	(void)state;
	hop.phases = (struct phases){UNSET, UNSET, UNSET, UNSET, UNSET, UNSET};
	for (int code = 1; code < CURL_LAST; code++) {
		enum reason reason = http_hop_reason(&hop, (CURLcode)code);
		const char *words = curl_easy_strerror((CURLcode)code);
		bool other = strcmp(words, "Unknown error") == 0 || strstr(words, "FTP") ||
			     strstr(words, "TFTP") || strstr(words, "LDAP") ||
			     strstr(words, "SSH") || strstr(words, "RTSP") ||
			     strstr(words, "RTP") || strstr(words, "file") ||
			     strstr(words, "telnet") || strstr(words, "QUOTE") ||
			     strstr(words, "command") || strstr(words, "user") ||
			     strstr(words, "Disk") || strstr(words, "Chunk") ||
			     strstr(words, "CSeq") || strstr(words, "ession") ||
			     strstr(words, "Illegal") || strstr(words, "PORT");
		bool internal = reason_class(reason) == REASON_CLASS_INTERNAL;
		assert_int_not_equal(reason, REASON_OK);
		if (internal != among((CURLcode)code, ours, ARRAY_LEN(ours)))
			fail_msg("%d (%s): %s", code, words, reason_code(reason));
		if (reason == REASON_HTTP_PROTOCOL && !other &&
			!among((CURLcode)code, general, ARRAY_LEN(general)))
			fail_msg("%d (%s) has no reason of its own", code, words);
	}
	curl_easy_cleanup(hop.easy);
}

/* What is said to people, in both languages: a sentence of its own, without a stop, and no word that
 * says that nobody knows. */
static void sentences(void **state)
{
	(void)state;
	for (int i = 0; i < REASON_COUNT; i++) {
		const char *en = reason_text_en((enum reason)i),
			   *ja = reason_text_ja((enum reason)i);
		size_t n = strlen(en), m = strlen(ja);
		const char *code = reason_code((enum reason)i);
		if (strcasestr(en, "unknown error") || strstr(ja, "不明"))
			fail_msg("%s: %s, %s", code, en, ja);
		if (n < 10 || en[n - 1] == '.' || (unsigned char)en[0] >= 0x80)
			fail_msg("%s: %s", code, en);
		if (m < 10 || strcmp(ja + m - 3, "。") == 0 || (unsigned char)ja[m - 1] < 0x80)
			fail_msg("%s: %s", code, ja);
		for (int k = 0; k < i; k++)
			if (strcmp(en, reason_text_en((enum reason)k)) == 0 ||
				strcmp(ja, reason_text_ja((enum reason)k)) == 0)
				fail_msg("%s and %s say the same", code,
					reason_code((enum reason)k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_of_the_network),
		cmocka_unit_test(codes_of_curl),
		cmocka_unit_test(sentences),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
