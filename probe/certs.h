// SPDX-License-Identifier: MIT
/*
 * Certificates of peers: what they say, whether they hold, and why a handshake failed; the same for
 * libcurl's connections and for those made with OpenSSL alone. The trusted certificates are parsed
 * once (95 ms) and shared by all checks; the bundle is read again when its file changes. A failed
 * verification still yields the facts, and tells the possible failures apart; a certificate that is
 * wrong in several ways is told all of them.
 *
 * Every handshake is full and fresh: no session is kept, no ticket used. Only the verification of a
 * chain that was verified moments ago may be remembered (cert_memo.h).
 *
 *   with libcurl:    cert_check_init, certs_attach in CURLOPT_SSL_CTX_FUNCTION, cert_check_connected
 *   with OpenSSL:    cert_check_init, certs_client, SSL_set_fd … SSL_do_handshake, cert_check_connected
 *   it went wrong:   cert_check_failure says why
 *   in the end:      cert_check_clear
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
/* Dates are judged by this machine's clock plus OFFSET_MS: the coordinator's (0 at first). */
void certs_set_clock(struct certs *certs, int64_t offset_ms);
/* A chain that was verified is not verified again for so long, ten minutes at most (which is the
 * default); 0: each one is. */
void certs_set_memo(struct certs *certs, int64_t lifetime_ms);
size_t certs_remembered(const struct certs *certs);

struct cert_key {
	unsigned char byte[32];
};

/* One handshake: embedded, filled by it. Has to outlive the connection. */
struct cert_check {
	const char *host; /* borrowed: the name, or a literal address (brackets allowed), that it
			     must be for */
	bool verify;      /* false: facts only, nothing fails */
	/* out */
	bool seen;          /* a certificate */
	enum reason reason; /* OK, tls.* or internal.error; judged also when VERIFY is false */
	char detail[RESULT_DETAIL_MAX_BYTES];
	struct certificate facts; /* owned; cert_check_clear. May be moved out: then zero it */
	/* of the handshake */
	bool client_certificate;        /* the server asked for one */
	int alert_received, alert_sent; /* the number of a fatal TLS alert; UNSET: none */
	/* inside */
	struct certs *certs;
	struct cert_key key; /* of the chain, in the memo */
	bool keyed;
};
void cert_check_init(struct cert_check *check, const char *host, bool verify);
void cert_check_clear(struct cert_check *check);

/* To be called from CURLOPT_SSL_CTX_FUNCTION, or on any client SSL_CTX that serves one check, last:
 * the info callback that is there already is passed what it wants to hear. */
void certs_attach(struct certs *certs, SSL_CTX *ctx, struct cert_check *check);
/* A fresh client connection (owned by the caller, SSL_free) with the name of CHECK's host asked for
 * (SNI, unless it is a literal address); in the connect state; no BIO yet, no ALPN. */
SSL *certs_client(struct certs *certs, struct cert_check *check);

/* Forgets which certificates were sent, but not how many. */
void cert_chain_clear(struct certificate *facts);

/* After a handshake that succeeded: version, cipher and ALPN into the facts. */
void cert_check_connected(struct cert_check *check, const SSL *ssl);
/*
 * Why a handshake failed, also one that failed after it: a TLS 1.3 server refuses a client without
 * a certificate only then. ERROR: of OpenSSL's queue (ERR_peek_last_error(), or what
 * cert_error_of() found in libcurl's words); 0: the other side closed the connection. Never
 * REASON_OK. DETAIL becomes the sentence. What errno says (a reset) is the caller's to see first.
 */
enum reason cert_check_failure(
	const struct cert_check *check, unsigned long error, char detail[RESULT_DETAIL_MAX_BYTES]);
/* OpenSSL's error code in libcurl's error text ("… error:0A000102:SSL routines::…"); 0: none. */
unsigned long cert_error_of(const char *text);

#endif
