// SPDX-License-Identifier: MIT
/* What a certificate says. Foreign bytes: texts are cut, numbers bounded, nothing is believed. */
#include "probe/certs_internal.h"

#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "quorate/monitor.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_BYTES_SHOWN 512
#define CHAINED_MAX_BYTES    160
#define DAY_MS               86400000

char *cert_name_text(const X509_NAME *name, size_t max_bytes)
{
	BIO *bio = BIO_new(BIO_s_mem());
	ensure(bio != NULL);
	/* RFC 2253 without its reversal, so that it reads as people write it; UTF-8 */
	X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB & ~XN_FLAG_SPC_EQ);
	char *data;
	long n = BIO_get_mem_data(bio, &data);
	char *text = utf8_clean(n > 0 ? data : "", n > 0 ? (size_t)n : 0, max_bytes);
	BIO_free(bio);
	return text;
}

/* ---- the alternative names */

static void add_name(char *out, const char *text)
{
	size_t n = strlen(out), more = strlen(text);
	if (n + more + 3 > NAME_MAX_BYTES_SHOWN)
		return;
	if (n > 0) {
		memcpy(out + n, ", ", 2);
		n += 2;
	}
	memcpy(out + n, text, more + 1);
}

static void add_general_name(char *out, const GENERAL_NAME *name)
{
	char text[256];
	if (name->type == GEN_DNS) {
		const unsigned char *data = ASN1_STRING_get0_data(name->d.dNSName);
		int n = ASN1_STRING_length(name->d.dNSName);
		if (n <= 0 || n >= (int)sizeof(text) || memchr(data, '\0', (size_t)n) != NULL)
			return;
		char *clean = utf8_clean((const char *)data, (size_t)n, sizeof(text) - 1);
		add_name(out, utf8_replace_controls(clean, '?'));
		free(clean);
	} else if (name->type == GEN_IPADD) {
		int n = ASN1_STRING_length(name->d.iPAddress);
		if ((n == 4 || n == 16) && inet_ntop(n == 4 ? AF_INET : AF_INET6,
						   ASN1_STRING_get0_data(name->d.iPAddress), text,
						   sizeof(text)) != NULL)
			add_name(out, text);
	}
}

char *cert_names_text(X509 *leaf)
{
	char out[NAME_MAX_BYTES_SHOWN] = "";
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		add_general_name(out, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return mem_strdup(out);
}

/* ---- times */

int64_t cert_wall_ms(const ASN1_TIME *time)
{
	struct tm tm;
	if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
		return UNSET;
	return (int64_t)timegm(&tm) * 1000;
}

int64_t cert_days(const struct certificate *facts, int64_t now_wall_ms)
{
	int64_t ms = facts->not_after_wall_ms - now_wall_ms;
	return ms >= 0 ? ms / DAY_MS : -((-ms + DAY_MS - 1) / DAY_MS);
}

/* ---- key and signature */

static char *oid_text(const ASN1_OBJECT *oid)
{
	char text[64];
	int n = OBJ_obj2txt(text, sizeof(text), oid, 0);
	return mem_strdup(n > 0 ? text : "?");
}

static void add_key(X509 *leaf, struct certificate *out)
{
	ASN1_OBJECT *oid = NULL;
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	const char *type = key != NULL ? EVP_PKEY_get0_type_name(key) : NULL;
	if (type != NULL) {
		out->key_type = mem_strndup(type, 32);
		out->key_bits = EVP_PKEY_get_bits(key);
	} else if (X509_PUBKEY_get0_param(&oid, NULL, NULL, NULL, X509_get_X509_PUBKEY(leaf)) ==
		   1) {
		out->key_type = oid_text(oid); /* of a kind that is not known here, or broken */
		out->key_type[strlen(out->key_type) > 32 ? 32 : strlen(out->key_type)] = '\0';
	}
}

static void add_signature(const X509 *leaf, struct certificate *out)
{
	const X509_ALGOR *algorithm;
	const ASN1_OBJECT *oid;
	X509_get0_signature(NULL, &algorithm, leaf);
	X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
	out->signature = oid_text(oid);
}

/* ---- all of it */

static void add_chain(STACK_OF(X509) * sent, struct certificate *out)
{
	int n = sk_X509_num(sent), kept = n < CERT_CHAIN_MAX ? n : CERT_CHAIN_MAX;
	out->sent = n > 0 ? n : 1;
	if (kept <= 0)
		return;
	struct chained *chain = mem_resize(NULL, (size_t)kept, sizeof(*chain));
	for (int i = 0; i < kept; i++) {
		const X509 *x = sk_X509_value(sent, i);
		chain[i] = (struct chained){
			.subject = cert_name_text(X509_get_subject_name(x), CHAINED_MAX_BYTES),
			.issuer = cert_name_text(X509_get_issuer_name(x), CHAINED_MAX_BYTES),
			.not_after_wall_ms = cert_wall_ms(X509_get0_notAfter(x)),
		};
	}
	out->chain = (struct list){.item = chain, .n = (size_t)kept};
}

void cert_facts(X509 *leaf, STACK_OF(X509) * sent, struct certificate *out)
{
	out->subject = cert_name_text(X509_get_subject_name(leaf), NAME_MAX_BYTES_SHOWN);
	out->issuer = cert_name_text(X509_get_issuer_name(leaf), NAME_MAX_BYTES_SHOWN);
	out->names = cert_names_text(leaf);
	out->not_before_wall_ms = cert_wall_ms(X509_get0_notBefore(leaf));
	out->not_after_wall_ms = cert_wall_ms(X509_get0_notAfter(leaf));
	add_key(leaf, out);
	add_signature(leaf, out);
	add_chain(sent, out);
}

#define TEXTS(c)                                                                                   \
	{                                                                                          \
		&(c)->subject, &(c)->issuer, &(c)->names, &(c)->key_type, &(c)->signature,         \
			&(c)->tls_version, &(c)->cipher, &(c)->alpn                                \
	}

void cert_facts_copy(const struct certificate *from, struct certificate *to)
{
	*to = *from;
	char **const texts[] = TEXTS(to);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = mem_strdup(*texts[i]);
	if (from->chain.n == 0)
		return;
	struct chained *chain = mem_resize(NULL, from->chain.n, sizeof(*chain));
	for (size_t i = 0; i < from->chain.n; i++) {
		chain[i] = ((const struct chained *)from->chain.item)[i];
		chain[i].subject = mem_strdup(chain[i].subject);
		chain[i].issuer = mem_strdup(chain[i].issuer);
	}
	to->chain.item = chain;
}

static size_t text_bytes(const char *text)
{
	return text != NULL ? (strlen(text) + 1 + 8 + 15) / 16 * 16 : 0; /* malloc's own included */
}

size_t cert_facts_bytes(const struct certificate *facts)
{
	const struct chained *chain = facts->chain.item;
	char *const *const texts[] = TEXTS(facts);
	size_t n = facts->chain.n * sizeof(*chain) + 16;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		n += text_bytes(*texts[i]);
	for (size_t i = 0; i < facts->chain.n; i++)
		n += text_bytes(chain[i].subject) + text_bytes(chain[i].issuer);
	return n;
}

void cert_chain_clear(struct certificate *facts)
{
	struct chained *chain = facts->chain.item;
	for (size_t i = 0; i < facts->chain.n; i++) {
		free(chain[i].subject);
		free(chain[i].issuer);
	}
	free(chain);
	facts->chain = (struct list){0};
}

void cert_facts_clear(struct certificate *facts)
{
	char **const texts[] = TEXTS(facts);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(*texts[i]);
	cert_chain_clear(facts);
	*facts = CERTIFICATE_NONE;
}
