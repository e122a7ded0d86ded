// SPDX-License-Identifier: MIT
/* Between the files that deal with certificates: cert_facts.c, cert_judge.c, cert_staple.c, certs.c. */
#ifndef QUORATE_PROBE_CERTS_INTERNAL_H
#define QUORATE_PROBE_CERTS_INTERNAL_H

#include "probe/certs.h"

#include <openssl/x509.h>

/* ---- cert_facts.c: what certificates say; nothing is believed, everything has a ceiling */

/* Fills OUT (CERTIFICATE_NONE before) from LEAF and what was SENT (leaf included; may be NULL), but
 * for the days, the staple and what belongs to the connection. */
void cert_facts(X509 *leaf, STACK_OF(X509) * sent, struct certificate *out);
/* A copy that owns its texts. */
void cert_facts_copy(const struct certificate *from, struct certificate *to);
/* What a copy takes of the heap, about. */
size_t cert_facts_bytes(const struct certificate *facts);
void cert_facts_clear(struct certificate *facts);
/* Whole days from NOW_WALL_MS until it expires, rounded down. */
int64_t cert_days(const struct certificate *facts, int64_t now_wall_ms);
/* UNSET when it is no time. */
int64_t cert_wall_ms(const ASN1_TIME *time);
/* As people write it, UTF-8, at most MAX_BYTES. Owned by the caller. */
char *cert_name_text(const X509_NAME *name, size_t max_bytes);

/* Its alternative names, comma-separated. Owned by the caller. */
char *cert_names_text(X509 *leaf);

/* ---- cert_judge.c: whether they hold */

/* How long what was found out stays true as far as dates are concerned: of all certificates from
 * the leaf to the trusted one. */
struct cert_dates {
	int64_t from_wall_ms, until_wall_ms; /* until: the first millisecond at which it is not */
};
/*
 * Verifies the chain of CTX (made by libssl: purpose and depth are set) for HOST at NOW_WALL_MS.
 * REASON_OK with DATES, or the worst of what is wrong; DETAIL names all of it.
 */
enum reason cert_judge(X509_STORE_CTX *ctx, const char *host, int64_t now_wall_ms,
	struct cert_dates *dates, char detail[RESULT_DETAIL_MAX_BYTES]);

/* ---- cert_staple.c: what the server sent along on revocation */

/* Fills OUT from the N_BYTES at DER, the response to whether LEAF, one of SENT, is revoked. STORE:
 * whose issuers are believed. */
void cert_staple(const unsigned char *der, long n_bytes, X509 *leaf, STACK_OF(X509) * sent,
	X509_STORE *store, struct ocsp_facts *out);

#endif
