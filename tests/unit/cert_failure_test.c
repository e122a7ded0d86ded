// SPDX-License-Identifier: MIT
/* Why handshakes fail: each server refuses in its own way, the client says which. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/certs.h"
#include "proto/base/log.h"
#include "tests/unit/tls_kit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char bundle[64];
static struct pki_cert ca, leaf;
static struct certs *certs;

static int group_setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(bundle, sizeof(bundle), "/tmp/quorate-test.XXXXXX");
	int fd = mkstemp(bundle);
	assert_int_not_equal(fd, -1);
	FILE *f = fdopen(fd, "w");
	ca = pki_make("Trusted CA", NULL, NULL, -PKI_DAY, 90 * PKI_DAY);
	leaf = pki_make("leaf", "DNS:a.test", &ca, -PKI_DAY, 30 * PKI_DAY);
	PEM_write_X509(f, ca.x509);
	fclose(f);
	certs = certs_new(bundle);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	certs_free(certs);
	pki_free(&ca);
	pki_free(&leaf);
	unlink(bundle);
	return 0;
}

/* ---- servers that speak TLS */

static void nothing(SSL_CTX *ctx)
{
	(void)ctx;
}

static void old_versions(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
}

static void no_common_cipher(SSL_CTX *ctx)
{
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(ctx, "AES128-SHA"); /* wants an RSA key, which it does not have */
}

static void client_certificate(SSL_CTX *ctx)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static void client_certificate_12(SSL_CTX *ctx)
{
	client_certificate(ctx);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
}

static void client_certificate_optional(SSL_CTX *ctx)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
}

static int refuse_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)arg;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void unknown_name(SSL_CTX *ctx)
{
	SSL_CTX_set_tlsext_servername_callback(ctx, refuse_name);
}

static const struct {
	void (*be)(SSL_CTX *ctx);
	const char *host, *reason, *detail;
} servers[] = {
	{nothing, "a.test", NULL, NULL},
	{client_certificate_optional, "a.test", NULL, NULL},
	{nothing, "b.test", "tls.wrong_name", "is not for b.test but for: a.test"},
	{old_versions, "a.test", "tls.old_version", "neither TLS 1.2 nor TLS 1.3"},
	{no_common_cipher, "a.test", "tls.alert", "\"handshake failure\" (40)"},
	{unknown_name, "a.test", "tls.alert", "\"unrecognized name\" (112)"},
	{client_certificate, "a.test", "tls.client_certificate", "(116)"},
	{client_certificate_12, "a.test", "tls.client_certificate", "\"handshake failure\" (40)"},
};

static void servers_that_refuse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		struct cert_check check;
		char detail[RESULT_DETAIL_MAX_BYTES] = "";
		unsigned long error;
		SSL_CTX *ctx = tls_server(&leaf, NULL);
		servers[i].be(ctx);
		cert_check_init(&check, servers[i].host, true);
		SSL *c = certs_client(certs, &check), *s = SSL_new(ctx);
		tls_join(c, s);
		bool done = tls_handshake(c, s, &error);
		assert_int_equal(done, servers[i].reason == NULL);
		const char *code =
			done ? NULL : reason_code(cert_check_failure(&check, error, detail));
		if (!done && (strcmp(code, servers[i].reason) != 0 ||
				     strstr(detail, servers[i].detail) == NULL))
			fail_msg("server %zu: %s (%s) instead of %s (%s)", i, code, detail,
				servers[i].reason, servers[i].detail);
		assert_int_equal(check.client_certificate,
			servers[i].be == client_certificate ||
				servers[i].be == client_certificate_12 ||
				servers[i].be == client_certificate_optional);
		cert_check_clear(&check);
		SSL_free(c);
		SSL_free(s);
		SSL_CTX_free(ctx);
	}
}

/* ---- and those that do not */

#define R32         "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
#define BYTES(text) (text), sizeof(text) - 1

static const struct {
	const char *bytes;
	size_t n;
	const char *reason;
} talkers[] = {
	{BYTES(""), "tls.closed_early"},
	{BYTES("\x16\x03\x03\x00\x40\x02"), "tls.closed_early"}, /* half a record */
	{BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), "tls.not_tls"},
	{BYTES("220 mail.test ESMTP\r\n"), "tls.not_tls"},
	{BYTES("SSH-2.0-OpenSSH_9.2p1\r\n"), "tls.not_tls"},
	/* a server hello of TLS 1.1, whatever was offered */
	{BYTES("\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02" R32 "\x00\xc0\x13\x00"),
		"tls.old_version"},
	{BYTES("\x15\x03\x03\x00\x02\x02\x46"), "tls.old_version"},
	{BYTES("\x15\x03\x03\x00\x02\x02\x28"), "tls.alert"},
	{BYTES("\x15\x03\x03\x00\x02\x02\xfe"), "tls.alert"}, /* of no known number */
	{BYTES("\x15\x03\x03\x00\x02\x02\x74"), "tls.client_certificate"},
	{BYTES("\x15\x03\x03\x00\x02\x02\x2a"),
		"tls.alert"}, /* "bad certificate": none was asked for */
	{BYTES("\x16\x03\x03\x00\x04\xff\xff\xff\xff"), "tls.handshake"},
	{BYTES("\x16\x03\x03\x00\x08\x02\x00\x00\x04\x03\x03rr"), "tls.handshake"},
};

static void what_is_no_handshake(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(talkers); i++) {
		struct cert_check check;
		char detail[RESULT_DETAIL_MAX_BYTES] = "";
		cert_check_init(&check, "a.test", true);
		SSL *c = certs_client(certs, &check);
		BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
		BIO_write(in, talkers[i].bytes, (int)talkers[i].n);
		BIO_set_mem_eof_return(in, 0);
		SSL_set_bio(c, in, out);
		ERR_clear_error();
		assert_int_not_equal(SSL_do_handshake(c), 1);
		enum reason reason = cert_check_failure(&check, ERR_peek_last_error(), detail);
		if (strcmp(reason_code(reason), talkers[i].reason) != 0)
			fail_msg("talker %zu: %s (%s) instead of %s", i, reason_code(reason),
				detail, talkers[i].reason);
		assert_true(strlen(detail) > 10);
		assert_null(strstr(detail, "(null)"));
		cert_check_clear(&check);
		SSL_free(c);
		ERR_clear_error();
	}
}

static void errors_are_found_in_libcurls_words(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned long error;
	} texts[] = {
		{"", 0},
		{"TLS connect error: error:0A00010B:SSL routines::wrong version number",
			0x0A00010B},
		{"OpenSSL/3.0.17: error:0A000102:SSL routines::unsupported protocol", 0x0A000102},
		{"OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to a.test:443 ", 0},
		{"error:", 0},
		{"error:zz", 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(cert_error_of(texts[i].text), texts[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_that_refuse),
		cmocka_unit_test(what_is_no_handshake),
		cmocka_unit_test(errors_are_found_in_libcurls_words),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
