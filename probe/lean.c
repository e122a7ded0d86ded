// SPDX-License-Identifier: MIT
/* A provider that passes the default provider's answers on: of decoders, kinds of keys and groups
 * only those that a TLS client offers or can meet. */
#include "probe/lean.h"

#include "proto/base/mem.h"
#include "quorate/attr.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define KEPT_MAX 32

static OSSL_PROVIDER *base; /* the default one, of the global context */
static OSSL_LIB_CTX *lean;
static OSSL_ALGORITHM decoders[KEPT_MAX + 1], key_kinds[KEPT_MAX + 1];

/* Of certificates. */
static const char *const decoded[] = {"RSA", "RSA-PSS", "EC", "ED25519", "ED448", "DSA", NULL};
/* Of handshakes, and what makes their secrets. */
static const char *const managed[] = {"RSA", "RSA-PSS", "EC", "ED25519", "ED448", "X25519", "X448",
	"DH", "DSA", "HKDF", "TLS1-PRF", "HMAC", NULL};
/* What OpenSSL's client offers when nobody says otherwise; the ffdhe ones follow. */
static const char *const groups[] = {"x25519", "secp256r1", "x448", "secp521r1", "secp384r1", NULL};

static bool is_one_of(const char *const *names, const char *name, size_t n)
{
	for (; *names != NULL; names++)
		if (strlen(*names) == n && strncasecmp(*names, name, n) == 0)
			return true;
	return false;
}

/* FEATURES: what the properties have to hold. */
static size_t pick(
	int operation, const char *const *names, const char *const *features, OSSL_ALGORITHM *out)
{
	int no_cache;
	size_t n = 0;
	const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(base, operation, &no_cache);
	for (; a != NULL && a->algorithm_names != NULL && n < KEPT_MAX; a++) {
		/* other names of the same follow after a colon */
		bool wanted =
			is_one_of(names, a->algorithm_names, strcspn(a->algorithm_names, ":"));
		for (const char *const *f = features; *f != NULL && wanted; f++)
			wanted = a->property_definition != NULL &&
				 strstr(a->property_definition, *f) != NULL;
		if (wanted)
			out[n++] = *a;
	}
	return n;
}

/* ---- the provider */

static const OSSL_ALGORITHM *query(void *ctx UNUSED, int operation, int *no_cache)
{
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_DECODER:
		return decoders;
	case OSSL_OP_KEYMGMT:
		return key_kinds;
	case OSSL_OP_ENCODER:
	case OSSL_OP_STORE:
		return NULL;
	default:
		return OSSL_PROVIDER_query_operation(base, operation, no_cache);
	}
}

struct passing {
	OSSL_CALLBACK *cb;
	void *arg;
};

static int pass_group(const OSSL_PARAM params[], void *arg)
{
	const struct passing *to = arg;
	const char *name = NULL;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_NAME);
	if (p != NULL && OSSL_PARAM_get_utf8_string_ptr(p, &name) == 1 &&
		!is_one_of(groups, name, strlen(name)) && strncmp(name, "ffdhe", 5) != 0)
		return 1;
	return to->cb(params, to->arg);
}

static int get_capabilities(void *ctx UNUSED, const char *capability, OSSL_CALLBACK *cb, void *arg)
{
	struct passing to = {cb, arg};
	if (strcasecmp(capability, "TLS-GROUP") == 0)
		return OSSL_PROVIDER_get_capabilities(base, capability, pass_group, &to);
	return OSSL_PROVIDER_get_capabilities(base, capability, cb, arg);
}

static int init(const OSSL_CORE_HANDLE *handle UNUSED, const OSSL_DISPATCH *in UNUSED,
	const OSSL_DISPATCH **out, void **ctx)
{
	static const OSSL_DISPATCH functions[] = {
		{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
		{OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))get_capabilities}, {0, NULL}};
	*out = functions;
	*ctx = OSSL_PROVIDER_get0_provider_ctx(base); /* its implementations get what is theirs */
	return 1;
}

/* ---- the context */

static int count_other(OSSL_PROVIDER *provider, void *arg)
{
	if (strcmp(OSSL_PROVIDER_get0_name(provider), "default") != 0)
		++*(int *)arg;
	return 1;
}

/* Whether the machine's OpenSSL is as it comes, so that ours differs in nothing but speed. */
static bool is_plain(void)
{
	int others = 0;
	return OSSL_PROVIDER_available(NULL, "default") == 1 &&
	       EVP_default_properties_is_fips_enabled(NULL) == 0 &&
	       OSSL_PROVIDER_do_all(NULL, count_other, &others) == 1 && others == 0;
}

static bool make(void)
{
	static const char *const public_keys[] = {
		"input=der", "structure=SubjectPublicKeyInfo", NULL};
	static const char *const any[] = {NULL};
	base = OSSL_PROVIDER_load(NULL, "default");
	if (base == NULL ||
		pick(OSSL_OP_DECODER, decoded, public_keys, decoders) != ARRAY_LEN(decoded) - 1 ||
		pick(OSSL_OP_KEYMGMT, managed, any, key_kinds) != ARRAY_LEN(managed) - 1)
		return false; /* another OpenSSL than the one that this was written for */
	lean = OSSL_LIB_CTX_new();
	if (lean != NULL && OSSL_PROVIDER_add_builtin(lean, "quorate", init) == 1 &&
		OSSL_PROVIDER_load(lean, "quorate") != NULL)
		return true;
	OSSL_LIB_CTX_free(lean);
	lean = NULL;
	return false;
}

bool lean_use(void)
{
	if (lean == NULL && (!is_plain() || !make()))
		return false;
	OSSL_LIB_CTX_set0_default(lean);
	return true;
}
