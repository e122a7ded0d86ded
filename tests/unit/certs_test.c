// SPDX-License-Identifier: MIT
/* Verification of chains by table, in memory; and the store that is read again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/certs.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "quorate/monitor.h"
#include "tests/unit/tls_kit.h"

#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64], bundle[96];
static struct pki_cert ca, other_ca, old_ca;

static int group_setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(dir, sizeof(dir), "/tmp/quorate-test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(bundle, sizeof(bundle), "%s/ca.pem", dir);
	ca = pki_make("Trusted CA", NULL, NULL, -PKI_DAY, 900 * PKI_DAY);
	other_ca = pki_make("Unknown CA", NULL, NULL, -PKI_DAY, 900 * PKI_DAY);
	old_ca = pki_make("Old CA", NULL, NULL, -90 * PKI_DAY, -PKI_DAY);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	pki_free(&ca);
	pki_free(&other_ca);
	pki_free(&old_ca);
	unlink(bundle);
	rmdir(dir);
	return 0;
}

static void write_bundle(const struct pki_cert *first, const struct pki_cert *second)
{
	char fresh[128];
	snprintf(fresh, sizeof(fresh), "%s.new", bundle);
	FILE *f = fopen(fresh, "w");
	PEM_write_X509(f, first->x509);
	if (second != NULL)
		PEM_write_X509(f, second->x509);
	fclose(f);
	assert_int_equal(rename(fresh, bundle), 0);
}

/* A handshake in memory; returns whether it succeeded. VIA: sent after the leaf, may be NULL. OWN: the client's SSL_CTX
 * is one for this connection, as libcurl's; else the shared one. */
static bool handshake_as(bool own, struct certs *certs, struct cert_check *check,
	const struct pki_cert *leaf, X509 *via)
{
	unsigned long error;
	SSL_CTX *client = SSL_CTX_new(TLS_client_method()), *server = tls_server(leaf, via);
	if (own)
		certs_attach(certs, client, check);
	SSL *c = own ? SSL_new(client) : certs_client(certs, check), *s = SSL_new(server);
	tls_join(c, s);
	bool done = tls_handshake(c, s, &error);
	if (done)
		cert_check_connected(check, c);
	SSL_free(c);
	SSL_free(s);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	return done;
}

static bool handshake(
	struct certs *certs, struct cert_check *check, const struct pki_cert *leaf, X509 *via)
{
	return handshake_as(true, certs, check, leaf, via);
}

enum who { CA, OTHER, OLD, SELF, VIA, VIA_UNSENT, VIA_UNTRUSTED, WEAK_VIA };
enum how { PLAIN, RSA_1024, RSA_2048, BY_SHA1, WITH_AIA };

static const struct {
	enum who issuer;
	const char *names;
	long from_days, to_days;
	const char *host, *reason, *detail;
	enum how how;
} cases[] = {
	{CA, "DNS:a.test", -1, 30, "a.test", "ok", "", PLAIN},
	{CA, "DNS:a.test", -1, 30, "A.Test", "ok", "", PLAIN},
	{CA, "DNS:a.test", -1, 30, "a.test.", "ok", "", PLAIN},
	{CA, "DNS:*.a.test", -1, 30, "x.a.test", "ok", "", PLAIN},
	{CA, "DNS:*.a.test", -1, 30, "a.test", "tls.wrong_name", "*.a.test", PLAIN},
	{CA, "DNS:*.a.test", -1, 30, "x.y.a.test", "tls.wrong_name", "x.y.a.test", PLAIN},
	{CA, "DNS:a.test", -1, 30, "b.test", "tls.wrong_name", "not for b.test but for: a.test",
		PLAIN},
	{CA, "DNS:192.0.2.1", -1, 30, "192.0.2.1", "tls.wrong_name", "", PLAIN},
	{CA, "IP:192.0.2.1", -1, 30, "192.0.2.1", "ok", "", PLAIN},
	{CA, "IP:2001:db8::1", -1, 30, "[2001:DB8:0::1]", "ok", "", PLAIN},
	{CA, "IP:192.0.2.1", -1, 30, "192.0.2.2", "tls.wrong_name", "", PLAIN},
	{CA, "DNS:a.test", -30, -1, "a.test", "tls.expired", "expired on 20", PLAIN},
	{CA, "DNS:a.test", 1, 30, "a.test", "tls.not_yet_valid", "valid from 20", PLAIN},
	{CA, "DNS:a.test", -30, -1, "b.test", "tls.expired",
		"; it is not for b.test but for: a.test",
		PLAIN}, /* the worse of two, and both told */
	{OTHER, "DNS:a.test", -1, 30, "a.test", "tls.unknown_issuer", "Unknown CA", PLAIN},
	{OTHER, "DNS:a.test", -30, -1, "b.test", "tls.unknown_issuer",
		"which is not trusted; it expired on 20", PLAIN},
	{SELF, "DNS:a.test", -1, 30, "a.test", "tls.self_signed", "", PLAIN},
	{SELF, "DNS:a.test", -30, -1, "b.test", "tls.self_signed",
		"is self-signed (CN=leaf); it expired on 20", PLAIN},
	{OLD, "DNS:a.test", -1, 30, "a.test", "tls.expired",
		"leads to CN=Old CA, which expired on 20", PLAIN},
	{VIA, "DNS:a.test", -1, 30, "a.test", "ok", "", PLAIN},
	{VIA_UNSENT, "DNS:a.test", -1, 30, "a.test", "tls.unknown_issuer",
		"is issued by CN=Intermediate, which is not trusted", PLAIN},
	{VIA_UNSENT, "DNS:a.test", -1, 30, "a.test", "tls.incomplete_chain",
		"comes without the one of its issuer: CN=Intermediate", WITH_AIA},
	{VIA_UNSENT, "DNS:a.test", -30, -1, "a.test", "tls.incomplete_chain", "; it expired on 20",
		WITH_AIA},
	{VIA, "DNS:a.test", -1, 30, "a.test", "ok", "", WITH_AIA},
	{SELF, "DNS:a.test", -1, 30, "a.test", "tls.self_signed", "", WITH_AIA},
	{VIA_UNTRUSTED, "DNS:a.test", -1, 30, "a.test", "tls.unknown_issuer",
		"leads to CN=Unknown CA, which is not trusted", WITH_AIA},
	{CA, "DNS:a.test", -1, 30, "a.test", "ok", "", RSA_2048},
	{CA, "DNS:a.test", -1, 30, "a.test", "tls.weak", "has a key of 1024 bits (RSA)", RSA_1024},
	{CA, "DNS:a.test", -1, 30, "a.test", "tls.weak", "has a signature with sha1", BY_SHA1},
	{WEAK_VIA, "DNS:a.test", -1, 30, "a.test", "tls.weak",
		"leads to CN=Weak intermediate, which has a key of 1024 bits", PLAIN},
	{SELF, "DNS:a.test", -1, 30, "a.test", "tls.self_signed", "; it has a key of 1024 bits",
		RSA_1024},
	{SELF, "DNS:a.test", -30, -1, "b.test", "tls.self_signed", "; it expired on",
		BY_SHA1}, /* nobody looks at its own signature */
	{CA, "DNS:a.test", -30, -1, "b.test", "tls.expired",
		"; it is not for b.test but for: a.test; it has a key of 1024", RSA_1024},
};

static struct pki_cert make_leaf(size_t i, const struct pki_cert *issuer)
{
	const struct pki_spec spec = {.cn = "leaf",
		.names = cases[i].names,
		.issuer = issuer,
		.from_s = cases[i].from_days * PKI_DAY,
		.to_s = cases[i].to_days * PKI_DAY + 3600,
		.rsa_bits = cases[i].how == RSA_1024   ? 1024
			    : cases[i].how == RSA_2048 ? 2048
						       : 0,
		.md = cases[i].how == BY_SHA1 ? EVP_sha1() : NULL,
		.aia = cases[i].how == WITH_AIA ? "caIssuers;URI:http://ca.test/via.crt" : NULL};
	return pki_make_as(&spec);
}

static void each_failure_has_its_name(void **state)
{
	const struct pki_spec weak = {.cn = "Weak intermediate",
		.issuer = &ca,
		.from_s = -PKI_DAY,
		.to_s = 90 * PKI_DAY,
		.rsa_bits = 1024};
	struct pki_cert via = pki_make("Intermediate", NULL, &ca, -PKI_DAY, 90 * PKI_DAY),
			stray = pki_make("Stray", NULL, &other_ca, -PKI_DAY, 90 * PKI_DAY),
			weak_via = pki_make_as(&weak);
	const struct pki_cert *issuers[] = {[CA] = &ca,
		[OTHER] = &other_ca,
		[OLD] = &old_ca,
		[SELF] = NULL,
		[VIA] = &via,
		[VIA_UNSENT] = &via,
		[VIA_UNTRUSTED] = &stray,
		[WEAK_VIA] = &weak_via};
	(void)state;
	write_bundle(&ca, &old_ca);
	struct certs *certs = certs_new(bundle);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct pki_cert *issuer = issuers[cases[i].issuer];
		struct pki_cert leaf = make_leaf(i, issuer);
		bool sent =
			issuer != NULL && cases[i].issuer >= VIA && cases[i].issuer != VIA_UNSENT;
		for (int way = 0; way < 4; way++) { /* the second time what holds is remembered */
			struct cert_check check;
			cert_check_init(&check, cases[i].host, way % 2 == 1);
			bool done = handshake_as(
				way < 2, certs, &check, &leaf, sent ? issuer->x509 : NULL);
			if (strcmp(reason_code(check.reason), cases[i].reason) != 0 ||
				strstr(check.detail, cases[i].detail) == NULL)
				fail_msg("case %zu: %s (%s) instead of %s (%s)", i,
					reason_code(check.reason), check.detail, cases[i].reason,
					cases[i].detail);
			assert_int_equal(done, way % 2 == 0 || check.reason == REASON_OK);
			assert_true(check.seen);
			assert_string_equal(check.facts.subject, "CN=leaf");
			assert_int_equal(check.facts.days, cases[i].to_days);
			assert_int_equal(check.facts.sent, sent ? 2 : 1);
			assert_int_equal(check.facts.chain.n, sent ? 2 : 1);
			cert_check_clear(&check);
		}
		pki_free(&leaf);
	}
	certs_free(certs);
	pki_free(&via);
	pki_free(&stray);
	pki_free(&weak_via);
}

static void facts_are_told(void **state)
{
	struct pki_cert via = pki_make("Intermediate", NULL, &ca, -PKI_DAY, 90 * PKI_DAY);
	struct pki_cert leaf = pki_make("leaf", "DNS:a.test,IP:192.0.2.1", &via, -PKI_DAY, PKI_DAY);
	struct cert_check check;
	(void)state;
	write_bundle(&ca, NULL);
	struct certs *certs = certs_new(bundle);
	for (int time = 0; time < 2; time++) {
		cert_check_init(&check, "a.test", true);
		assert_true(handshake(certs, &check, &leaf, via.x509));
		const struct certificate *f = &check.facts;
		const struct chained *chain = f->chain.item;
		assert_string_equal(f->issuer, "CN=Intermediate");
		assert_string_equal(f->names, "a.test, 192.0.2.1");
		assert_string_equal(f->key_type, "EC");
		assert_int_equal(f->key_bits, 256);
		assert_string_equal(f->signature, "ecdsa-with-SHA256");
		assert_string_equal(chain[0].subject, "CN=leaf");
		assert_string_equal(chain[1].subject, "CN=Intermediate");
		assert_string_equal(chain[1].issuer, "CN=Trusted CA");
		assert_true(llabs(chain[1].not_after_wall_ms - clock_wall_ms() -
				    90 * PKI_DAY * 1000) < 30000);
		assert_string_equal(f->tls_version, "TLSv1.3");
		assert_non_null(strstr(f->cipher, "TLS_"));
		assert_null(f->alpn);
		assert_int_equal(f->ocsp.status, UNSET);
		cert_check_clear(&check);
	}
	certs_free(certs);
	pki_free(&leaf);
	pki_free(&via);
}

static enum reason verdict_of(struct certs *certs, const struct pki_cert *leaf)
{
	struct cert_check check;
	cert_check_init(&check, "a.test", true);
	(void)handshake(certs, &check, leaf, NULL);
	enum reason reason = check.reason;
	cert_check_clear(&check);
	return reason;
}

static void the_bundle_is_read_again(void **state)
{
	struct pki_cert leaf = pki_make("leaf", "DNS:a.test", &ca, -PKI_DAY, PKI_DAY);
	(void)state;
	write_bundle(&other_ca, NULL);
	struct certs *certs = certs_new(bundle);
	assert_int_equal(verdict_of(certs, &leaf), REASON_TLS_UNKNOWN_ISSUER);
	write_bundle(&other_ca, &ca);
	assert_int_equal(verdict_of(certs, &leaf), REASON_OK);
	assert_int_equal(unlink(bundle), 0); /* the last good one stays */
	assert_int_equal(verdict_of(certs, &leaf), REASON_OK);
	FILE *f = fopen(bundle, "w");
	fputs("this is no certificate\n", f);
	fclose(f);
	assert_int_equal(verdict_of(certs, &leaf), REASON_OK);
	write_bundle(&other_ca, NULL);
	assert_int_equal(verdict_of(certs, &leaf), REASON_TLS_UNKNOWN_ISSUER);
	certs_free(certs);
	pki_free(&leaf);
}

static void without_a_bundle_it_is_our_own_failure(void **state)
{
	struct pki_cert leaf = pki_make("leaf", "DNS:a.test", &ca, -PKI_DAY, PKI_DAY);
	(void)state;
	unlink(bundle);
	struct certs *certs = certs_new(bundle);
	assert_int_equal(verdict_of(certs, &leaf), REASON_INTERNAL_ERROR);
	write_bundle(&ca, NULL);
	assert_int_equal(verdict_of(certs, &leaf), REASON_OK);
	certs_free(certs);
	pki_free(&leaf);
}

static void facts_have_ceilings(void **state)
{
	char names[4096] = "", cn[65];
	struct cert_check check;
	(void)state;
	for (int i = 0; i < 60; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names),
			"%sDNS:name-number-%d.a.test", i > 0 ? "," : "", i);
	memset(cn, 'x', 64);
	cn[64] = '\0';
	struct pki_cert leaf = pki_make(cn, names, &ca, -PKI_DAY, PKI_DAY);
	write_bundle(&ca, NULL);
	struct certs *certs = certs_new(bundle);
	cert_check_init(&check, "name-number-59.a.test", true);
	assert_true(handshake(certs, &check, &leaf, NULL));
	assert_true(strlen(check.facts.names) <= 512);
	assert_non_null(strstr(check.facts.names, "name-number-0.a.test, name-number-1.a.test"));
	cert_check_clear(&check);
	certs_free(certs);
	pki_free(&leaf);
}

/* RSA of 16,384 bits, of which nobody knows the other half. */
static EVP_PKEY *giant(void)
{
	static const unsigned char modulus[2048] = {[0] = 0x80, [2047] = 1};
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus, sizeof(modulus), NULL), *e = BN_new();
	assert_true(BN_set_word(e, 65537) && OSSL_PARAM_BLD_push_BN(build, "n", n) &&
		    OSSL_PARAM_BLD_push_BN(build, "e", e));
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	assert_true(EVP_PKEY_fromdata_init(ctx) > 0 &&
		    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) > 0);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return key;
}

static void a_giants_signature_is_not_looked_at(void **state)
{
	struct cert_check check;
	(void)state;
	struct pki_cert leaf = pki_make("leaf", "DNS:a.test", &ca, -PKI_DAY, PKI_DAY);
	struct pki_cert via = pki_make("giant", NULL, &ca, -PKI_DAY, PKI_DAY);
	EVP_PKEY *key = giant();
	assert_int_equal(X509_set_pubkey(via.x509, key), 1);
	write_bundle(&ca, NULL);
	struct certs *certs = certs_new(bundle);
	cert_check_init(&check, "a.test", true);
	assert_false(handshake(certs, &check, &leaf, via.x509));
	assert_string_equal(reason_code(check.reason), "tls.untrusted");
	assert_non_null(strstr(check.detail, "larger than 8192 bits"));
	assert_true(check.seen); /* its facts are kept */
	cert_check_clear(&check);
	certs_free(certs);
	EVP_PKEY_free(key);
	pki_free(&via);
	pki_free(&leaf);
}

static void days_are_rounded_down(void **state)
{
	static const struct {
		long seconds;
		int64_t days;
	} ends[] = {{3600, 0}, {PKI_DAY + 60, 1}, {2 * PKI_DAY - 60, 1}, {-60, -1},
		{-PKI_DAY - 60, -2}};
	(void)state;
	write_bundle(&ca, NULL);
	struct certs *certs = certs_new(bundle);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct cert_check check;
		struct pki_cert leaf =
			pki_make("leaf", "DNS:a.test", &ca, -9 * PKI_DAY, ends[i].seconds);
		cert_check_init(&check, "a.test", false);
		assert_true(handshake(certs, &check, &leaf, NULL));
		assert_int_equal(check.facts.days, ends[i].days);
		assert_true(llabs(check.facts.not_after_wall_ms - clock_wall_ms() -
				    ends[i].seconds * 1000) < 30000);
		cert_check_clear(&check);
		pki_free(&leaf);
	}
	certs_free(certs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_has_its_name),
		cmocka_unit_test(facts_are_told),
		cmocka_unit_test(the_bundle_is_read_again),
		cmocka_unit_test(without_a_bundle_it_is_our_own_failure),
		cmocka_unit_test(facts_have_ceilings),
		cmocka_unit_test(a_giants_signature_is_not_looked_at),
		cmocka_unit_test(days_are_rounded_down),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
