// SPDX-License-Identifier: MIT
/* Certificates with any dates and names, for tests: a CA and what it signs, written as PEM files.
 */
#ifndef TESTS_UNIT_PKI_H
#define TESTS_UNIT_PKI_H

#include "quorate/attr.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define PKI_DAY 86400L

struct pki_cert {
	X509 *x509;
	EVP_PKEY *key;
};

static void pki_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

/* ISSUER NULL: self-signed. NAMES: "DNS:a.test,IP:127.0.0.1"; NULL: a CA. Valid from FROM_S to
 * TO_S, relative to now. */
UNUSED static struct pki_cert pki_make(
	const char *cn, const char *names, const struct pki_cert *issuer, long from_s, long to_s)
{
	static long serial = 1;
	struct pki_cert c = {.x509 = X509_new(), .key = EVP_EC_gen("P-256")};
	X509_set_version(c.x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(c.x509), from_s);
	X509_gmtime_adj(X509_getm_notAfter(c.x509), to_s);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c.x509), "CN", MBSTRING_UTF8,
		(const unsigned char *)cn, -1, -1, 0);
	X509 *by = issuer != NULL ? issuer->x509 : c.x509;
	X509_set_issuer_name(c.x509, X509_get_subject_name(by));
	X509_set_pubkey(c.x509, c.key);
	pki_extension(
		c.x509, by, NID_basic_constraints, names == NULL ? "critical,CA:TRUE" : "CA:FALSE");
	if (names != NULL)
		pki_extension(c.x509, by, NID_subject_alt_name, names);
	X509_sign(c.x509, issuer != NULL ? issuer->key : c.key, EVP_sha256());
	return c;
}

/* Either part may be left out. */
UNUSED static void pki_write(
	const char *dir, const char *name, const X509 *cert, const EVP_PKEY *key)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	if (cert != NULL)
		PEM_write_X509(f, cert);
	if (key != NULL)
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

UNUSED static void pki_free(struct pki_cert *c)
{
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
}

#endif
