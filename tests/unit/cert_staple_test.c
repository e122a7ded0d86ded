// SPDX-License-Identifier: MIT
/* What a server sends along on revocation: believed, not believed, and out of date. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/certs.h"
#include "proto/base/log.h"
#include "quorate/monitor.h"
#include "tests/unit/tls_kit.h"

#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char bundle[64];
static struct pki_cert ca, other_ca, via, leaf, other_leaf;

static int group_setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(bundle, sizeof(bundle), "/tmp/quorate-test.XXXXXX");
	int fd = mkstemp(bundle);
	assert_int_not_equal(fd, -1);
	FILE *f = fdopen(fd, "w");
	ca = pki_make("Trusted CA", NULL, NULL, -PKI_DAY, 90 * PKI_DAY);
	other_ca = pki_make("Other CA", NULL, NULL, -PKI_DAY, 90 * PKI_DAY);
	via = pki_make("Via", NULL, &ca, -PKI_DAY, 90 * PKI_DAY);
	leaf = pki_make("leaf", "DNS:a.test", &via, -PKI_DAY, 30 * PKI_DAY);
	other_leaf = pki_make("leaf", "DNS:b.test", &via, -PKI_DAY, 30 * PKI_DAY);
	PEM_write_X509(f, ca.x509);
	fclose(f);
	return 0;
}

static int group_teardown(void **state)
{
	struct pki_cert *all[] = {&ca, &other_ca, &via, &leaf, &other_leaf};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		pki_free(all[i]);
	unlink(bundle);
	return 0;
}

struct staple {
	unsigned char *der; /* owned */
	int n;
};

/* STATUS of SUBJECT, signed by SIGNER in the name of ISSUER; from and until relative to now. */
static struct staple make_staple(int status, const struct pki_cert *subject,
	const struct pki_cert *signer, long from_s, long until_s)
{
	struct staple out = {0};
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), subject->x509, via.x509);
	ASN1_TIME *from = X509_gmtime_adj(NULL, from_s), *until = X509_gmtime_adj(NULL, until_s);
	assert_non_null(OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_KEYCOMPROMISE,
		status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, until));
	assert_int_equal(
		OCSP_basic_sign(basic, signer->x509, signer->key, EVP_sha256(), NULL, 0), 1);
	OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	out.n = i2d_OCSP_RESPONSE(response, &out.der);
	assert_true(out.n > 0);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	return out;
}

static int send_staple(SSL *ssl, void *arg)
{
	const struct staple *staple = arg;
	unsigned char *copy = OPENSSL_memdup(staple->der, (size_t)staple->n);
	SSL_set_tlsext_status_ocsp_resp(ssl, copy, staple->n);
	return SSL_TLSEXT_ERR_OK;
}

/* Returns whether the handshake went through. */
static bool ask(struct certs *certs, struct staple *staple, int version, struct cert_check *check)
{
	unsigned long error;
	SSL_CTX *ctx = tls_server(&leaf, via.x509);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_tlsext_status_cb(ctx, send_staple);
	SSL_CTX_set_tlsext_status_arg(ctx, staple);
	SSL *c = certs_client(certs, check), *s = SSL_new(ctx);
	tls_join(c, s);
	bool done = tls_handshake(c, s, &error);
	if (!done) {
		char detail[RESULT_DETAIL_MAX_BYTES];
		assert_int_equal(cert_check_failure(check, error, detail), check->reason);
		assert_non_null(strstr(detail, "revoked"));
	}
	SSL_free(c);
	SSL_free(s);
	SSL_CTX_free(ctx);
	return done;
}

enum by { ISSUER, STRANGER, ROOT };

static const struct {
	int status;
	enum by by;
	bool other_subject;
	long from_s, until_s;
	int told;
} staples[] = {
	{V_OCSP_CERTSTATUS_GOOD, ISSUER, false, -3600, PKI_DAY, OCSP_GOOD},
	{V_OCSP_CERTSTATUS_REVOKED, ISSUER, false, -3600, PKI_DAY, OCSP_REVOKED},
	{V_OCSP_CERTSTATUS_UNKNOWN, ISSUER, false, -3600, PKI_DAY, OCSP_UNKNOWN},
	{V_OCSP_CERTSTATUS_REVOKED, STRANGER, false, -3600, PKI_DAY, OCSP_INVALID},
	{V_OCSP_CERTSTATUS_REVOKED, ROOT, false, -3600, PKI_DAY, OCSP_INVALID},
	{V_OCSP_CERTSTATUS_GOOD, ISSUER, true, -3600, PKI_DAY, OCSP_INVALID},
	{V_OCSP_CERTSTATUS_REVOKED, ISSUER, true, -3600, PKI_DAY, OCSP_INVALID},
	{V_OCSP_CERTSTATUS_GOOD, ISSUER, false, -2 * PKI_DAY, -PKI_DAY, OCSP_INVALID},
	{V_OCSP_CERTSTATUS_REVOKED, ISSUER, false, PKI_DAY, 2 * PKI_DAY, OCSP_INVALID},
};

static void each_is_told(void **state)
{
	const struct pki_cert *signers[] = {[ISSUER] = &via, [STRANGER] = &other_ca, [ROOT] = &ca};
	const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct certs *certs = certs_new(bundle);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(staples) * 8; i++) {
		size_t k = i / 8; /* by version, verified or not, and again from memory */
		struct staple staple = make_staple(staples[k].status,
			staples[k].other_subject ? &other_leaf : &leaf, signers[staples[k].by],
			staples[k].from_s, staples[k].until_s);
		struct cert_check check;
		bool verify = i % 4 < 2, revoked = staples[k].told == OCSP_REVOKED;
		cert_check_init(&check, "a.test", verify);
		bool done = ask(certs, &staple, versions[i % 2], &check);
		if (check.facts.ocsp.status != staples[k].told)
			fail_msg("staple %zu (%zu): %d instead of %d", k, i,
				check.facts.ocsp.status, staples[k].told);
		assert_int_equal(done, !verify || !revoked);
		assert_int_equal(check.reason, revoked ? REASON_TLS_REVOKED : REASON_OK);
		if (check.facts.ocsp.status == OCSP_GOOD)
			assert_true(check.facts.ocsp.next_update_wall_ms >
				    check.facts.ocsp.this_update_wall_ms);
		cert_check_clear(&check);
		OPENSSL_free(staple.der);
	}
	certs_free(certs);
}

static void a_good_one_is_remembered_and_no_other(void **state)
{
	struct certs *certs = certs_new(bundle);
	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(staples); k++) {
		struct staple staple = make_staple(staples[k].status,
			staples[k].other_subject ? &other_leaf : &leaf, &via, staples[k].from_s,
			staples[k].until_s);
		certs_set_memo(certs, 0);
		certs_set_memo(certs, 600000);
		for (int time = 0; time < 2; time++) {
			struct cert_check check;
			cert_check_init(&check, "a.test", false);
			assert_true(ask(certs, &staple, TLS1_3_VERSION, &check));
			bool good = check.facts.ocsp.status == OCSP_GOOD;
			assert_int_equal(certs_remembered(certs), good ? 2 : 1);
			cert_check_clear(&check);
		}
		OPENSSL_free(staple.der);
	}
	certs_free(certs);
}

static void revoked_and_wrong_are_both_told(void **state)
{
	struct staple staple = make_staple(V_OCSP_CERTSTATUS_REVOKED, &leaf, &via, -3600, PKI_DAY);
	struct certs *certs = certs_new(bundle);
	struct cert_check check;
	(void)state;
	cert_check_init(&check, "b.test", false);
	assert_true(ask(certs, &staple, TLS1_2_VERSION, &check));
	assert_int_equal(check.reason, REASON_TLS_WRONG_NAME);
	assert_string_equal(check.detail, "the certificate is not for b.test but for: a.test; it "
					  "has been revoked by its issuer");
	cert_check_clear(&check);
	certs_free(certs);
	OPENSSL_free(staple.der);
}

static void garbage_is_no_staple(void **state)
{
	static unsigned char big[70000];
	struct staple garbage[] = {{(unsigned char *)(uintptr_t) "\x30\x03\x0a\x01\x06", 5},
		{(unsigned char *)(uintptr_t) "\x30\x80\x00", 3},
		{(unsigned char *)(uintptr_t) "x", 1}, {big, 65000}};
	struct certs *certs = certs_new(bundle);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		struct cert_check check;
		cert_check_init(&check, "a.test", true);
		assert_true(ask(certs, &garbage[i], TLS1_3_VERSION, &check));
		assert_int_equal(check.reason, REASON_OK);
		assert_int_equal(check.facts.ocsp.status, OCSP_INVALID);
		assert_int_equal(check.facts.ocsp.this_update_wall_ms, UNSET);
		cert_check_clear(&check);
	}
	certs_free(certs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told),
		cmocka_unit_test(a_good_one_is_remembered_and_no_other),
		cmocka_unit_test(revoked_and_wrong_are_both_told),
		cmocka_unit_test(garbage_is_no_staple),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
