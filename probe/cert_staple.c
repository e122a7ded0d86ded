// SPDX-License-Identifier: MIT
/*
 * The OCSP response that a server sends along (RFC 6066, RFC 6960). It is believed when the
 * certificate's issuer, or a responder that this issuer named, has signed it, and while it is
 * current. Nobody is asked: revocation is learnt from what was sent or not at all.
 */
#include "probe/certs_internal.h"

#include "quorate/monitor.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#define STAPLE_MAX_BYTES 65536
#define LEEWAY_S         300 /* of the two clocks */

/* Its reference is the caller's; NULL: neither sent nor trusted. */
static X509 *find_issuer(X509 *leaf, STACK_OF(X509) * sent, X509_STORE *store)
{
	X509 *found = NULL;
	for (int i = 0; i < sk_X509_num(sent); i++) {
		X509 *x = sk_X509_value(sent, i);
		if (x != leaf && X509_check_issued(x, leaf) == X509_V_OK && X509_up_ref(x) == 1)
			return x;
	}
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	if (ctx != NULL && X509_STORE_CTX_init(ctx, store, leaf, sent) == 1 &&
		X509_STORE_CTX_get1_issuer(&found, ctx, leaf) != 1)
		found = NULL;
	X509_STORE_CTX_free(ctx);
	return found;
}

static const EVP_MD *digest_of(const OCSP_CERTID *id)
{
	ASN1_OBJECT *oid = NULL;
	OCSP_id_get0_info(NULL, &oid, NULL, NULL, (OCSP_CERTID *)(uintptr_t)id);
	return oid != NULL ? EVP_get_digestbyobj(oid) : NULL;
}

/* The part of BASIC that is about LEAF; NULL: none. */
static OCSP_SINGLERESP *find_single(OCSP_BASICRESP *basic, const X509 *leaf, const X509 *issuer)
{
	for (int i = 0; i < OCSP_resp_count(basic) && i < 16; i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
		const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
		const EVP_MD *md = digest_of(id);
		OCSP_CERTID *own = md != NULL ? OCSP_cert_to_id(md, leaf, issuer) : NULL;
		bool same = own != NULL && OCSP_id_cmp(own, id) == 0;
		OCSP_CERTID_free(own);
		if (same)
			return single;
	}
	return NULL;
}

static int status_of(OCSP_SINGLERESP *single, struct ocsp_facts *out)
{
	ASN1_GENERALIZEDTIME *revoked_at, *this_update, *next_update;
	int reason;
	int status =
		OCSP_single_get0_status(single, &reason, &revoked_at, &this_update, &next_update);
	out->this_update_wall_ms = cert_wall_ms(this_update);
	out->next_update_wall_ms = cert_wall_ms(next_update);
	if (OCSP_check_validity(this_update, next_update, LEEWAY_S, -1) != 1)
		return OCSP_INVALID;
	switch (status) {
	case V_OCSP_CERTSTATUS_GOOD:
		return OCSP_GOOD;
	case V_OCSP_CERTSTATUS_REVOKED:
		return OCSP_REVOKED;
	default:
		return OCSP_UNKNOWN;
	}
}

void cert_staple(const unsigned char *der, long n_bytes, X509 *leaf, STACK_OF(X509) * sent,
	X509_STORE *store, struct ocsp_facts *out)
{
	OCSP_BASICRESP *basic = NULL;
	OCSP_RESPONSE *response =
		n_bytes <= STAPLE_MAX_BYTES ? d2i_OCSP_RESPONSE(NULL, &der, n_bytes) : NULL;
	X509 *issuer = find_issuer(leaf, sent, store);
	STACK_OF(X509) *issuers = sk_X509_new_null();
	OCSP_SINGLERESP *single;
	*out = (struct ocsp_facts){OCSP_INVALID, UNSET, UNSET};
	if (response == NULL || issuer == NULL || issuers == NULL ||
		OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL ||
		(basic = OCSP_response_get1_basic(response)) == NULL ||
		sk_X509_push(issuers, issuer) == 0)
		goto out;
	if ((single = find_single(basic, leaf, issuer)) != NULL &&
		OCSP_basic_verify(basic, issuers, store, 0) == 1)
		out->status = status_of(single, out);
out:
	sk_X509_free(issuers);
	X509_free(issuer);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
}
