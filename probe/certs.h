// SPDX-License-Identifier: MIT
/*
 * The trusted certificates and the verification of a peer's chain. The bundle is parsed once (95
 * ms) and shared by all checks; it is read again when the file changes. A failed verification still
 * yields the certificate's facts, and says which of the possible failures it was: libcurl's own
 * verification does neither.
 */
#ifndef QUORATE_PROBE_CERTS_H
#define QUORATE_PROBE_CERTS_H

#include "quorate/attr.h"
#include "quorate/limits.h"
#include "quorate/reason.h"
#include "quorate/result.h"

#include <openssl/ssl.h>
#include <stdbool.h>

struct certs;

/* PATH NULL: SSL_CERT_FILE of the environment, else the system's bundle. Never NULL: without a
 * bundle every verification ends in internal.error, which is logged here and again when the file
 * appears. The bundle is read by the first handshake, or by certs_warm(). */
struct certs *certs_new(const char *path);
void certs_warm(struct certs *certs);
void certs_free(struct certs *certs);

/* One handshake's verification: embedded, filled by it. */
struct cert_check {
	const char *host; /* borrowed: the name, or a literal address (brackets allowed), that it
			     must be for */
	bool verify;      /* false: facts only, nothing fails */
	/* out */
	bool seen;
	enum reason reason; /* OK, tls.* or internal.error; judged also when VERIFY is false */
	char detail[RESULT_DETAIL_MAX_BYTES];
	struct certificate
		facts; /* owned; cert_check_clear. Subject … days; tls_version is the caller's */
};
void cert_check_init(struct cert_check *check, const char *host, bool verify);
void cert_check_clear(struct cert_check *check);
/* To be called from CURLOPT_SSL_CTX_FUNCTION, or on any SSL_CTX of ours. CHECK must outlive the
 * handshake. */
void certs_attach(struct certs *certs, SSL_CTX *ctx, struct cert_check *check);

#endif
