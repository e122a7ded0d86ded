// SPDX-License-Identifier: MIT
/* What a monitor asks of a TLS handshake, and what must come out. */
#include "probe/talk_internal.h"
#include "probe/tls_guard.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define FINGERPRINT_BYTES 32

static void offer_alpn(const struct strings *names, SSL *ssl)
{
	unsigned char wire[ALPN_MAX * (1 + ALPN_NAME_MAX_BYTES)];
	unsigned n = 0;
	for (size_t i = 0; i < names->n && i < ALPN_MAX; i++) {
		size_t length = strlen(names->item[i]);
		wire[n++] = (unsigned char)length;
		memcpy(wire + n, names->item[i], length);
		n += (unsigned)length;
	}
	if (n > 0)
		(void)SSL_set_alpn_protos(ssl, wire, n);
}

void talk_prepare_tls(const struct check *check, SSL *ssl)
{
	int min = check->monitor->expect.tls_version.min;
	bool old = min == TLS_VERSION_1_0 || min == TLS_VERSION_1_1;
	offer_alpn(&check->monitor->request.alpn, ssl);
	/* somebody watches an old device: its versions and ciphers come below the usual level */
	if (old)
		(void)SSL_set_min_proto_version(ssl, TLS1_VERSION + min);
	/* as tls_guard.h: a server's group of DHE, or its certificates, may be for a second's work */
	(void)SSL_set_cipher_list(ssl, old ? "DEFAULT:!kDHE:@SECLEVEL=0" : "DEFAULT:!kDHE");
	(void)SSL_set_max_cert_list(ssl, TLS_CERTIFICATES_BYTES);
	/* tickets one at a time: who sends them without end does not get the loop for itself */
	(void)SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
}

/* ---- judging */

static enum reason judge_version(
	const struct tls_versions *expected, const SSL *ssl, char detail[RESULT_DETAIL_MAX_BYTES])
{
	int version = SSL_version(ssl) - TLS1_VERSION;
	if (expected->min >= 0 && version < expected->min)
		snprintf(detail, RESULT_DETAIL_MAX_BYTES, "%s came out; expected: at least %s",
			SSL_get_version(ssl), tls_version_names[expected->min]);
	else if (expected->max >= 0 && version > expected->max)
		snprintf(detail, RESULT_DETAIL_MAX_BYTES, "%s came out; expected: at most %s",
			SSL_get_version(ssl), tls_version_names[expected->max]);
	else
		return REASON_OK;
	return REASON_TLS_VERSION;
}

enum reason talk_no_alpn(const struct strings *offered, char detail[RESULT_DETAIL_MAX_BYTES])
{
	size_t n = (size_t)snprintf(detail, RESULT_DETAIL_MAX_BYTES,
		"the server takes none of the application protocols:");
	for (size_t i = 0; i < offered->n && n < RESULT_DETAIL_MAX_BYTES; i++)
		n += (size_t)snprintf(detail + n, RESULT_DETAIL_MAX_BYTES - n, "%s %s",
			i > 0 ? "," : "", offered->item[i]);
	return REASON_TLS_ALPN;
}

/* In capitals, without colons. */
static void fingerprint_of(const X509 *leaf, char out[2 * FINGERPRINT_BYTES + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (leaf == NULL || X509_digest(leaf, EVP_sha256(), digest, &n) != 1)
		n = 0;
	for (unsigned i = 0; i < n && i < FINGERPRINT_BYTES; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02X", digest[i]);
	out[2 * (size_t)n] = '\0';
}

static bool same_fingerprint(const char *people, const char *ours)
{
	for (; *people != '\0'; people++) {
		if (*people == ':')
			continue;
		if (toupper((unsigned char)*people) != *ours)
			return false;
		ours++;
	}
	return *ours == '\0';
}

static enum reason judge_certificate(const struct expect *expect, const struct certificate *facts,
	const SSL *ssl, char detail[RESULT_DETAIL_MAX_BYTES])
{
	char fingerprint[2 * FINGERPRINT_BYTES + 1] = "";
	if (expect->issuer != NULL &&
		(facts->issuer == NULL || strstr(facts->issuer, expect->issuer) == NULL)) {
		snprintf(detail, RESULT_DETAIL_MAX_BYTES,
			"the certificate's issuer is %.120s; expected: %.80s",
			facts->issuer != NULL ? facts->issuer : "not told", expect->issuer);
		return REASON_TLS_WRONG_CERTIFICATE;
	}
	if (expect->fingerprint == NULL)
		return REASON_OK;
	fingerprint_of(SSL_get0_peer_certificate(ssl), fingerprint);
	if (same_fingerprint(expect->fingerprint, fingerprint))
		return REASON_OK;
	snprintf(detail, RESULT_DETAIL_MAX_BYTES,
		"the certificate's fingerprint (SHA-256) is %s, not the expected one", fingerprint);
	return REASON_TLS_WRONG_CERTIFICATE;
}

enum reason talk_judge_tls(const struct check *check, const struct cert_check *cert, const SSL *ssl,
	char detail[RESULT_DETAIL_MAX_BYTES])
{
	const struct expect *expect = &check->monitor->expect;
	enum reason reason = judge_certificate(expect, &cert->facts, ssl, detail);
	if (reason == REASON_OK)
		reason = judge_version(&expect->tls_version, ssl, detail);
	if (reason == REASON_OK && check->monitor->request.alpn.n > 0 && cert->facts.alpn == NULL)
		reason = talk_no_alpn(&check->monitor->request.alpn, detail);
	return reason;
}
