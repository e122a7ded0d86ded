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

struct pki_spec {
	const char *cn;
	const char *names;             /* "DNS:a.test,IP:127.0.0.1"; NULL: a CA */
	const struct pki_cert *issuer; /* NULL: self-signed */
	long from_s, to_s;             /* relative to now */
	unsigned rsa_bits;             /* 0: EC P-256 */
	const EVP_MD *md;              /* of the signature; NULL: SHA-256 */
	const char *aia;               /* "caIssuers;URI:http://…"; NULL: none */
};

UNUSED static struct pki_cert pki_make_as(const struct pki_spec *spec)
{
	static long serial = 1;
	struct pki_cert c = {.x509 = X509_new(),
		.key = spec->rsa_bits > 0 ? EVP_RSA_gen(spec->rsa_bits) : EVP_EC_gen("P-256")};
	X509_set_version(c.x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(c.x509), spec->from_s);
	X509_gmtime_adj(X509_getm_notAfter(c.x509), spec->to_s);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c.x509), "CN", MBSTRING_UTF8,
		(const unsigned char *)spec->cn, -1, -1, 0);
	X509 *by = spec->issuer != NULL ? spec->issuer->x509 : c.x509;
	X509_set_issuer_name(c.x509, X509_get_subject_name(by));
	X509_set_pubkey(c.x509, c.key);
	pki_extension(c.x509, by, NID_basic_constraints,
		spec->names == NULL ? "critical,CA:TRUE" : "CA:FALSE");
	if (spec->names != NULL)
		pki_extension(c.x509, by, NID_subject_alt_name, spec->names);
	if (spec->aia != NULL)
		pki_extension(c.x509, by, NID_info_access, spec->aia);
	X509_sign(c.x509, spec->issuer != NULL ? spec->issuer->key : c.key,
		spec->md != NULL ? spec->md : EVP_sha256());
	return c;
}

/* ISSUER NULL: self-signed. NAMES: "DNS:a.test,IP:127.0.0.1"; NULL: a CA. Valid from FROM_S to
 * TO_S, relative to now. */
UNUSED static struct pki_cert pki_make(
	const char *cn, const char *names, const struct pki_cert *issuer, long from_s, long to_s)
{
	const struct pki_spec spec = {
		.cn = cn, .names = names, .issuer = issuer, .from_s = from_s, .to_s = to_s};
	return pki_make_as(&spec);
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
