// SPDX-License-Identifier: MIT
/*
 * Whether a chain holds, and everything that is wrong with it: OpenSSL is made to go on after an
 * error, and the errors are sorted into what a person can do something about.
 */
#include "probe/certs_internal.h"

#include "probe/net.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX     10   /* intermediates; public chains have one to three */
#define KEY_BYTES_MAX 1100 /* encoded: RSA of 8,192 bits; a signature by 16,384 takes 8 ms */
#define SECURITY_BITS 112  /* RSA 2048, SHA-224: what OpenSSL's security level 2 wants, too */
#define NAME_SHOWN    90   /* bytes of a name within a sentence */

/* In the order in which they are said, and the first is the reason: who vouches for a certificate
 * comes before what it says, since a self-signed one's dates mean nothing. */
enum flaw {
	SELF_SIGNED,
	UNKNOWN_ISSUER,
	INCOMPLETE,
	EXPIRED,
	NOT_YET_VALID,
	WRONG_NAME,
	WEAK,
	OTHER,
	N_FLAWS
};
static const enum reason reasons[N_FLAWS] = {
	[SELF_SIGNED] = REASON_TLS_SELF_SIGNED,
	[UNKNOWN_ISSUER] = REASON_TLS_UNKNOWN_ISSUER,
	[INCOMPLETE] = REASON_TLS_INCOMPLETE_CHAIN,
	[EXPIRED] = REASON_TLS_EXPIRED,
	[NOT_YET_VALID] = REASON_TLS_NOT_YET_VALID,
	[WRONG_NAME] = REASON_TLS_WRONG_NAME,
	[WEAK] = REASON_TLS_WEAK,
	[OTHER] = REASON_TLS_UNTRUSTED,
};

/* Each as it goes on after "the certificate": "expired on 2026-11-20"; "": it has not this one. */
struct flaws {
	char text[N_FLAWS][2 * NAME_SHOWN + 60];
};

static PRINTF_LIKE(3, 4) void add(struct flaws *f, enum flaw which, const char *format, ...)
{
	va_list args;
	if (f->text[which][0] != '\0')
		return; /* the one nearest to the server's own certificate is enough */
	va_start(args, format);
	vsnprintf(f->text[which], sizeof(f->text[which]), format, args);
	va_end(args);
}

/* The name stands between BEFORE and AFTER. */
static void add_name(struct flaws *f, enum flaw which, const char *before, const X509_NAME *name,
	const char *after)
{
	char *text = cert_name_text(name, NAME_SHOWN);
	add(f, which, "%s%s%s", before, text, after);
	free(text);
}

/* ---- OpenSSL's errors */

static void date_text(const ASN1_TIME *time, char text[TIME_TEXT_SIZE])
{
	time_format(cert_wall_ms(time), text);
	text[10] = '\0'; /* the day is enough */
}

static void add_date(struct flaws *f, enum flaw which, const X509 *x, int depth)
{
	char day[TIME_TEXT_SIZE];
	date_text(which == EXPIRED ? X509_get0_notAfter(x) : X509_get0_notBefore(x), day);
	const char *verb = which == EXPIRED ? "expired on" : "is valid from";
	const char *only = which == EXPIRED ? "" : " only";
	if (depth == 0) { /* OpenSSL comes to it last */
		f->text[which][0] = '\0';
		add(f, which, "%s %s%s", verb, day, only);
		return;
	}
	char *name = cert_name_text(X509_get_subject_name(x), NAME_SHOWN);
	add(f, which, "leads to %s, which %s %s%s", name, verb, day, only);
	free(name);
}

/* Where the certificate of its issuer can be had: publicly trusted CAs write it into what they
 * issue, so that one which is alone was meant to come with an intermediate. */
static bool tells_issuer(X509 *x)
{
	bool found = false;
	AUTHORITY_INFO_ACCESS *aia = X509_get_ext_d2i(x, NID_info_access, NULL, NULL);
	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(aia) && !found; i++)
		found = OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(aia, i)->method) ==
			NID_ad_ca_issuers;
	AUTHORITY_INFO_ACCESS_free(aia);
	return found;
}

static void add_issuer(struct flaws *f, X509 *x, int depth)
{
	const X509_NAME *issuer = X509_get_issuer_name(x);
	if (depth == 0 && tells_issuer(x))
		add_name(f, INCOMPLETE, "comes without the one of its issuer: ", issuer, "");
	else if (depth == 0)
		add_name(f, UNKNOWN_ISSUER, "is issued by ", issuer, ", which is not trusted");
	else
		add_name(f, UNKNOWN_ISSUER, "leads to ", issuer, ", which is not trusted");
}

static bool issuer_is_noted(const struct flaws *f)
{
	return f->text[SELF_SIGNED][0] != '\0' || f->text[UNKNOWN_ISSUER][0] != '\0' ||
	       f->text[INCOMPLETE][0] != '\0';
}

static void note(struct flaws *f, int error, X509 *x, int depth)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		add_date(f, EXPIRED, x, depth);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		add_date(f, NOT_YET_VALID, x, depth);
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		add_name(f, SELF_SIGNED, "is self-signed (", X509_get_subject_name(x), ")");
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
		add_issuer(f, x, depth);
		break;
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: /* follow from those */
	case X509_V_ERR_CERT_UNTRUSTED:
		if (!issuer_is_noted(f))
			add_issuer(f, x, depth);
		break;
	case X509_V_ERR_EE_KEY_TOO_SMALL: /* looked for in the whole chain below */
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		break;
	default:
		add(f, OTHER, "could not be verified: %s", X509_verify_cert_error_string(error));
	}
}

static int index_of_flaws = -1; /* of ex data in an X509_STORE_CTX */

/* The error is taken away: one that stays makes OpenSSL repeat it instead of saying the next. */
static int note_cb(int ok, X509_STORE_CTX *ctx)
{
	X509 *x = X509_STORE_CTX_get_current_cert(ctx);
	if (ok == 0)
		note(X509_STORE_CTX_get_ex_data(ctx, index_of_flaws), X509_STORE_CTX_get_error(ctx),
			x != NULL ? x : X509_STORE_CTX_get0_cert(ctx),
			X509_STORE_CTX_get_error_depth(ctx));
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

/* ---- what OpenSSL is not asked */

static bool is_for_host(X509 *leaf, const char *host)
{
	struct sockaddr_storage literal;
	char text[NET_ADDRESS_SIZE], bare[NET_HOST_SIZE];
	if (net_parse_literal(host, &literal))
		return X509_check_ip_asc(leaf, net_format((struct sockaddr *)&literal, text), 0) ==
		       1;
	size_t n = strlen(host);
	if (n > 0 &&
		host[n - 1] == '.') /* an absolute name; certificates write it without the dot */
		n--;
	if (n >= sizeof(bare))
		return false;
	memcpy(bare, host, n);
	bare[n] = '\0';
	return X509_check_host(leaf, bare, n, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

static void look_for_name(struct flaws *f, X509 *leaf, const char *host)
{
	if (is_for_host(leaf, host))
		return;
	char *names = cert_names_text(leaf);
	if (names[0] != '\0')
		add(f, WRONG_NAME, "is not for %.*s but for: %.*s", NAME_SHOWN, host, NAME_SHOWN,
			names);
	else
		add(f, WRONG_NAME, "is not for %.*s: it has no names", NAME_SHOWN, host);
	free(names);
}

/* The signature of what is trusted anyway says nothing. */
static void look_for_weakness(struct flaws *f, X509 *x, int depth, bool anchor)
{
	char what[64], *name;
	int md = NID_undef, bits = 0;
	const EVP_PKEY *key = X509_get0_pubkey(x);
	bool weak_signature = !anchor && X509_get_signature_info(x, &md, NULL, &bits, NULL) == 1 &&
			      bits < SECURITY_BITS;
	if (key == NULL)
		snprintf(what, sizeof(what), "a key of an unknown kind");
	else if (EVP_PKEY_get_security_bits(key) < SECURITY_BITS)
		snprintf(what, sizeof(what), "a key of %d bits (%s)", EVP_PKEY_get_bits(key),
			EVP_PKEY_get0_type_name(key));
	else if (weak_signature)
		snprintf(what, sizeof(what), "a signature with %s", OBJ_nid2ln(md));
	else
		return;
	name = depth > 0 ? cert_name_text(X509_get_subject_name(x), NAME_SHOWN) : NULL;
	if (depth == 0)
		add(f, WEAK, "has %s, which is too weak", what);
	else
		add(f, WEAK, "leads to %s, which has %s: too weak", name, what);
	free(name);
}

static void look_at_chain(struct flaws *f, STACK_OF(X509) * chain, struct cert_dates *dates)
{
	int n = sk_X509_num(chain);
	bool complete = !issuer_is_noted(f);
	*dates = (struct cert_dates){INT64_MIN, INT64_MAX};
	for (int i = 0; i < n; i++) {
		X509 *x = sk_X509_value(chain, i);
		bool anchor = (complete && i == n - 1) || X509_self_signed(x, 0) == 1;
		look_for_weakness(f, x, i, anchor);
		int64_t from = cert_wall_ms(X509_get0_notBefore(x));
		int64_t until = cert_wall_ms(X509_get0_notAfter(x));
		dates->from_wall_ms = from > dates->from_wall_ms ? from : dates->from_wall_ms;
		dates->until_wall_ms = until < dates->until_wall_ms ? until : dates->until_wall_ms;
	}
}

/* ---- the whole */

static enum reason conclude(const struct flaws *f, char detail[RESULT_DETAIL_MAX_BYTES])
{
	enum reason reason = REASON_OK;
	size_t n = 0;
	for (int i = 0; i < N_FLAWS; i++) {
		if (f->text[i][0] == '\0')
			continue;
		n += (size_t)snprintf(detail + n, RESULT_DETAIL_MAX_BYTES - n, "%s%s",
			reason == REASON_OK ? "the certificate " : "; it ", f->text[i]);
		if (n >= RESULT_DETAIL_MAX_BYTES)
			n = RESULT_DETAIL_MAX_BYTES - 1;
		if (reason == REASON_OK)
			reason = reasons[i];
	}
	return reason;
}

/* What such a key signed is costly to verify, and verified before anybody asks whether it is
 * trusted. */
static bool has_giant(X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
	for (int i = 0; i < sk_X509_num(sent); i++) {
		const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(sk_X509_value(sent, i));
		if (key == NULL || ASN1_STRING_length(key) > KEY_BYTES_MAX)
			return true;
	}
	return false;
}

enum reason cert_judge(X509_STORE_CTX *ctx, const char *host, int64_t now_wall_ms,
	struct cert_dates *dates, char detail[RESULT_DETAIL_MAX_BYTES])
{
	struct flaws found = {0};
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	if (index_of_flaws == -1)
		index_of_flaws = X509_STORE_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	X509_STORE_CTX_set_ex_data(ctx, index_of_flaws, &found);
	X509_STORE_CTX_set_verify_cb(ctx, note_cb);
	X509_VERIFY_PARAM_set_time(param, (time_t)(now_wall_ms / 1000));
	X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
	if (has_giant(ctx)) {
		add(&found, OTHER, "is not verified: a key of its chain is larger than 8192 bits");
	} else if (X509_verify_cert(ctx) !=
		   1) { /* not one of those that it was made to go on after */
		int error = X509_STORE_CTX_get_error(ctx);
		note(&found, error != X509_V_OK ? error : X509_V_ERR_UNSPECIFIED, leaf, 0);
	}
	look_for_name(&found, leaf, host);
	look_at_chain(&found, X509_STORE_CTX_get0_chain(ctx), dates);
	ERR_clear_error();
	return conclude(&found, detail);
}
