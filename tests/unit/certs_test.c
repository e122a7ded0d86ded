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
#include "tests/unit/pki.h"

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

/* A handshake in memory; returns whether it succeeded. CHAIN: sent after the leaf, may be NULL. */
static bool handshake(
	struct certs *certs, struct cert_check *check, const struct pki_cert *leaf, X509 *chain)
{
	SSL_CTX *client = SSL_CTX_new(TLS_client_method()),
		*server = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(server, leaf->x509);
	SSL_CTX_use_PrivateKey(server, leaf->key);
	if (chain != NULL)
		SSL_CTX_add1_chain_cert(server, chain);
	certs_attach(certs, client, check);
	SSL *c = SSL_new(client), *s = SSL_new(server);
	BIO *to_server, *to_client;
	BIO_new_bio_pair(&to_server, 0, &to_client, 0);
	SSL_set_bio(c, to_server, to_server);
	SSL_set_bio(s, to_client, to_client);
	SSL_set_connect_state(c);
	SSL_set_accept_state(s);
	int rc = 0;
	for (int i = 0; i < 20 && rc != 1; i++) {
		rc = SSL_do_handshake(c);
		if (rc != 1 && SSL_get_error(c, rc) != SSL_ERROR_WANT_READ)
			break;
		SSL_do_handshake(s);
	}
	SSL_free(c);
	SSL_free(s);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	return rc == 1;
}

enum who { CA, OTHER, OLD, SELF, VIA, VIA_UNSENT };

static const struct {
	enum who issuer;
	const char *names;
	long from_days, to_days;
	const char *host, *reason, *detail;
} cases[] = {
	{CA, "DNS:a.test", -1, 30, "a.test", "ok", ""},
	{CA, "DNS:a.test", -1, 30, "A.Test", "ok", ""},
	{CA, "DNS:a.test", -1, 30, "a.test.", "ok", ""},
	{CA, "DNS:*.a.test", -1, 30, "x.a.test", "ok", ""},
	{CA, "DNS:*.a.test", -1, 30, "a.test", "tls.wrong_name", "*.a.test"},
	{CA, "DNS:*.a.test", -1, 30, "x.y.a.test", "tls.wrong_name", "x.y.a.test"},
	{CA, "DNS:a.test", -1, 30, "b.test", "tls.wrong_name", "not for b.test but for: a.test"},
	{CA, "DNS:192.0.2.1", -1, 30, "192.0.2.1", "tls.wrong_name", ""},
	{CA, "IP:192.0.2.1", -1, 30, "192.0.2.1", "ok", ""},
	{CA, "IP:2001:db8::1", -1, 30, "[2001:DB8:0::1]", "ok", ""},
	{CA, "IP:192.0.2.1", -1, 30, "192.0.2.2", "tls.wrong_name", ""},
	{CA, "DNS:a.test", -30, -1, "a.test", "tls.expired", "expired on 20"},
	{CA, "DNS:a.test", 1, 30, "a.test", "tls.not_yet_valid", "valid from 20"},
	{CA, "DNS:a.test", -30, -1, "b.test", "tls.expired",
		"; it is not for b.test but for: a.test"}, /* the worse of two, and both told */
	{OTHER, "DNS:a.test", -1, 30, "a.test", "tls.unknown_issuer", "Unknown CA"},
	{OTHER, "DNS:a.test", -30, -1, "b.test", "tls.unknown_issuer",
		"which is not trusted; it expired on 20"},
	{SELF, "DNS:a.test", -1, 30, "a.test", "tls.self_signed", ""},
	{SELF, "DNS:a.test", -30, -1, "b.test", "tls.self_signed",
		"is self-signed (CN=leaf); it expired on 20"},
	{OLD, "DNS:a.test", -1, 30, "a.test", "tls.expired",
		"leads to CN=Old CA, which expired on 20"},
	{VIA, "DNS:a.test", -1, 30, "a.test", "ok", ""},
	{VIA_UNSENT, "DNS:a.test", -1, 30, "a.test", "tls.unknown_issuer", "Intermediate"},
};

static void each_failure_has_its_name(void **state)
{
	struct pki_cert via = pki_make("Intermediate", NULL, &ca, -PKI_DAY, 90 * PKI_DAY);
	(void)state;
	write_bundle(&ca, &old_ca);
	struct certs *certs = certs_new(bundle);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct pki_cert *issuers[] = {[CA] = &ca,
			[OTHER] = &other_ca,
			[OLD] = &old_ca,
			[VIA] = &via,
			[VIA_UNSENT] = &via};
		const struct pki_cert *issuer =
			cases[i].issuer == SELF ? NULL : issuers[cases[i].issuer];
		struct pki_cert leaf = pki_make("leaf", cases[i].names, issuer,
			cases[i].from_days * PKI_DAY, cases[i].to_days * PKI_DAY + 3600);
		X509 *chain = cases[i].issuer == VIA ? via.x509 : NULL;
		for (int verify = 0; verify < 2; verify++) {
			struct cert_check check;
			cert_check_init(&check, cases[i].host, verify == 1);
			bool done = handshake(certs, &check, &leaf, chain);
			if (strcmp(reason_code(check.reason), cases[i].reason) != 0 ||
				strstr(check.detail, cases[i].detail) == NULL)
				fail_msg("case %zu: %s (%s) instead of %s (%s)", i,
					reason_code(check.reason), check.detail, cases[i].reason,
					cases[i].detail);
			assert_int_equal(done, verify == 0 || check.reason == REASON_OK);
			assert_true(check.seen);
			assert_string_equal(check.facts.subject, "CN=leaf");
			assert_int_equal(check.facts.days, cases[i].to_days);
			cert_check_clear(&check);
		}
		pki_free(&leaf);
	}
	certs_free(certs);
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
		cmocka_unit_test(the_bundle_is_read_again),
		cmocka_unit_test(without_a_bundle_it_is_our_own_failure),
		cmocka_unit_test(facts_have_ceilings),
		cmocka_unit_test(days_are_rounded_down),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
