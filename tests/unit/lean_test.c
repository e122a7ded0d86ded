// SPDX-License-Identifier: MIT
/* OpenSSL with less to look at: what a client says and understands is the same as without. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/lean.h"
#include "proto/base/mem.h"
#include "tests/unit/tls_kit.h"

#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Not where another provider, or FIPS, is set up on this machine. */
static void need_lean(void)
{
	if (!lean_use())
		skip();
	assert_true(lean_use()); /* the second call does no harm */
}

/* ---- the first thing that a client says */

struct hello {
	unsigned char data[2048];
	int n;
};

/* Random, session id and key share are new each time: their lengths stay. */
static void hello_of(struct hello *out)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *sent = BIO_new(BIO_s_mem());
	SSL_set_bio(ssl, in, sent);
	char host[] = "a.test";
	SSL_set_tlsext_host_name(ssl, host);
	SSL_set_connect_state(ssl);
	(void)SSL_do_handshake(ssl);
	out->n = BIO_read(sent, out->data, sizeof(out->data));
	assert_true(out->n > 150);
	memset(out->data + 11, 0, 65);
	memset(out->data + out->n - 32, 0, 32);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	ERR_clear_error();
}

static void *plain_hello(void *arg) /* another thread's context is the global one */
{
	hello_of(arg);
	return NULL;
}

static void it_says_the_same(void **state)
{
	struct hello lean, plain;
	pthread_t thread;
	(void)state;
	need_lean();
	hello_of(&lean);
	assert_int_equal(pthread_create(&thread, NULL, plain_hello, &plain), 0);
	pthread_join(thread, NULL);
	assert_int_equal(lean.n, plain.n);
	assert_memory_equal(lean.data, plain.data, (size_t)lean.n);
}

/* ---- the keys that it may meet */

static void *make_key(void *arg)
{
	const char *kind = *(const char **)arg;
	const struct pki_spec spec = {.cn = "leaf", .names = "DNS:a.test", .to_s = PKI_DAY};
	struct pki_cert *c = mem_alloc(sizeof(*c));
	*c = pki_make_as(&spec);
	EVP_PKEY *key = strcmp(kind, "RSA") == 0      ? EVP_RSA_gen(2048)
			: strncmp(kind, "P-", 2) == 0 ? EVP_EC_gen(kind)
						      : EVP_PKEY_Q_keygen(NULL, NULL, kind);
	assert_non_null(key);
	X509_set_pubkey(c->x509, key);
	bool edwards = strncmp(kind, "ED", 2) == 0;
	assert_true(X509_sign(c->x509, key, edwards ? NULL : EVP_sha256()) > 0);
	unsigned char *der = NULL;
	int n = i2d_X509(c->x509, &der);
	BIO *out = BIO_new(BIO_s_mem());
	BIO_write(out, der, n);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	pki_free(c);
	free(c);
	return out;
}

static void it_reads_the_keys_of_certificates(void **state)
{
	static const char *const kinds[] = {"RSA", "P-256", "P-384", "P-521", "ED25519", "ED448"};
	(void)state;
	need_lean();
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		pthread_t thread;
		void *made;
		assert_int_equal(
			pthread_create(&thread, NULL, make_key, (void *)(uintptr_t)&kinds[i]), 0);
		pthread_join(thread, &made);
		X509 *x = d2i_X509_bio(made, NULL);
		assert_non_null(x);
		if (X509_get0_pubkey(x) == NULL || X509_verify(x, X509_get0_pubkey(x)) != 1)
			fail_msg("a key of kind %s", kinds[i]);
		X509_free(x);
		BIO_free(made);
	}
}

static void what_it_offers_is_few(void **state)
{
	int no_cache, n = 0;
	(void)state;
	need_lean();
	assert_true(OSSL_PROVIDER_available(NULL, "quorate"));
	assert_false(OSSL_PROVIDER_available(NULL, "default"));
	OSSL_PROVIDER *p = OSSL_PROVIDER_load(NULL, "quorate");
	const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(p, OSSL_OP_DECODER, &no_cache);
	while (a[n].algorithm_names != NULL)
		n++;
	assert_int_equal(n, 6);
	OSSL_PROVIDER_unload(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_the_same),
		cmocka_unit_test(it_reads_the_keys_of_certificates),
		cmocka_unit_test(what_it_offers_is_few),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
