// SPDX-License-Identifier: MIT
/*
 * The memo of verified chains: at every instant, for every chain and name, the answer is the one of a full
 * verification. Time is moved by the clock's correction.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/cert_memo.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "tests/unit/tls_kit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_MS (PKI_DAY * 1000)

static char bundle[64];
static struct pki_cert ca, other_ca;

static void trust(const struct pki_cert *first, const struct pki_cert *second)
{
	char fresh[80];
	snprintf(fresh, sizeof(fresh), "%s.new", bundle);
	FILE *f = fopen(fresh, "w");
	assert_non_null(f);
	PEM_write_X509(f, first->x509);
	if (second != NULL)
		PEM_write_X509(f, second->x509);
	fclose(f);
	assert_int_equal(rename(fresh, bundle), 0);
}

static int group_setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(bundle, sizeof(bundle), "/tmp/quorate-test.XXXXXX");
	int fd = mkstemp(bundle);
	assert_int_not_equal(fd, -1);
	close(fd);
	ca = pki_make("Trusted CA", NULL, NULL, -90 * PKI_DAY, 900 * PKI_DAY);
	other_ca = pki_make("Other CA", NULL, NULL, -90 * PKI_DAY, 900 * PKI_DAY);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	pki_free(&ca);
	pki_free(&other_ca);
	unlink(bundle);
	return 0;
}

/* What CERTS say of a server with LEAF and VIA: the reason and the detail, as one text of the caller's. */
static char *ask(struct certs *certs, const struct pki_cert *leaf, X509 *via, const char *host)
{
	struct cert_check check;
	unsigned long error;
	SSL_CTX *ctx = tls_server(leaf, via);
	cert_check_init(&check, host, false);
	SSL *c = certs_client(certs, &check), *s = SSL_new(ctx);
	tls_join(c, s);
	assert_true(tls_handshake(c, s, &error));
	char *said = mem_printf("%s %s; %s %s %s %lld sent %lld", reason_code(check.reason),
		check.detail, check.facts.subject, check.facts.issuer, check.facts.names,
		(long long)check.facts.days, (long long)check.facts.sent);
	cert_check_clear(&check);
	SSL_free(c);
	SSL_free(s);
	SSL_CTX_free(ctx);
	return said;
}

/* One that remembers, one that never does: the second is the oracle. */
struct two {
	struct certs *memo, *oracle;
};

static void two_open(struct two *t)
{
	t->memo = certs_new(bundle);
	t->oracle = certs_new(bundle);
	certs_set_memo(t->oracle, 0);
}

static void two_close(struct two *t)
{
	certs_free(t->memo);
	certs_free(t->oracle);
}

static void two_at(struct two *t, int64_t offset_ms)
{
	certs_set_clock(t->memo, offset_ms);
	certs_set_clock(t->oracle, offset_ms);
}

static void must_agree(
	struct two *t, const struct pki_cert *leaf, X509 *via, const char *host, const char *begins)
{
	char *a = ask(t->memo, leaf, via, host), *b = ask(t->oracle, leaf, via, host);
	assert_string_equal(a, b);
	if (begins != NULL && strncmp(b, begins, strlen(begins)) != 0)
		fail_msg("'%s' does not begin with '%s'", b, begins);
	free(a);
	free(b);
}

static void the_same_over_time(void **state)
{
	(void)state;
	struct two t;
	struct pki_cert via = pki_make("Via", NULL, &ca, -20 * PKI_DAY, 20 * PKI_DAY);
	struct pki_cert leaf = pki_make("leaf", "DNS:a.test", &via, -10 * PKI_DAY, 30 * PKI_DAY);
	trust(&ca, NULL);
	two_open(&t);
	static const struct {
		int64_t days;
		const char *begins;
	} steps[] = {{0, "ok "}, {5, "ok "}, {19, "ok "},
		{21, "tls.expired the certificate leads to"}, {19, "ok "},
		{31, "tls.expired the certificate expired on"}, {-9, "ok "},
		{-11, "tls.not_yet_valid"}, {-21, "tls.not_yet_valid"}, {0, "ok "},
		{901, "tls.expired"}};
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		for (int again = 0; again < 2; again++) {
			two_at(&t, steps[i].days * DAY_MS);
			must_agree(&t, &leaf, via.x509, "a.test", steps[i].begins);
		}
	two_close(&t);
	pki_free(&leaf);
	pki_free(&via);
}

/* To the second, on both sides of both ends of the chain's dates. */
static void the_same_at_the_edges(void **state)
{
	(void)state;
	struct two t;
	struct pki_cert leaf = pki_make("leaf", "DNS:a.test", &ca, -PKI_DAY, PKI_DAY);
	int64_t ends[] = {cert_wall_ms(X509_get0_notBefore(leaf.x509)),
		cert_wall_ms(X509_get0_notAfter(leaf.x509))};
	trust(&ca, NULL);
	two_open(&t);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		for (int64_t s = -4; s <= 4; s++) {
			two_at(&t, 0);
			must_agree(&t, &leaf, NULL, "a.test", "ok ");
			/* in the middle of a second, so that the time that this takes is no matter */
			two_at(&t, ends[i] + s * 1000 + 300 - clock_wall_ms());
			bool inside = i == 0 ? s >= 0 : s < 0;
			must_agree(&t, &leaf, NULL, "a.test", inside ? "ok " : "tls.");
		}
	two_close(&t);
	pki_free(&leaf);
}

static void another_name_chain_or_store(void **state)
{
	(void)state;
	struct two t;
	struct pki_cert via = pki_make("Via", NULL, &ca, -PKI_DAY, 20 * PKI_DAY),
			stray = pki_make("Via", NULL, &other_ca, -PKI_DAY, 20 * PKI_DAY);
	struct pki_cert leaf =
		pki_make("leaf", "DNS:a.test,DNS:c.test", &via, -PKI_DAY, 30 * PKI_DAY);
	trust(&ca, NULL);
	two_open(&t);
	must_agree(&t, &leaf, via.x509, "a.test", "ok ");
	must_agree(&t, &leaf, via.x509, "b.test", "tls.wrong_name");
	must_agree(&t, &leaf, via.x509, "c.test", "ok ");
	must_agree(&t, &leaf, NULL, "a.test", "tls.unknown_issuer"); /* the intermediate is gone */
	must_agree(
		&t, &leaf, stray.x509, "a.test", "tls."); /* of the same name, with another key */
	must_agree(&t, &leaf, via.x509, "a.test", "ok ");
	trust(&other_ca, NULL);
	must_agree(&t, &leaf, via.x509, "a.test", "tls.unknown_issuer");
	trust(&other_ca, &ca);
	must_agree(&t, &leaf, via.x509, "a.test", "ok ");
	two_close(&t);
	pki_free(&leaf);
	pki_free(&via);
	pki_free(&stray);
}

/* Random chains, names, stores and times: the same seed for the same run. */
static void the_same_for_any_order_of_questions(void **state)
{
	(void)state;
	struct two t;
	struct pki_cert issuer[3], leaf[12];
	const char *names[] = {"DNS:a.test", "DNS:b.test", "DNS:*.test", "IP:192.0.2.1"};
	const char *hosts[] = {"a.test", "b.test", "192.0.2.1"};
	unsigned seed = 7;
	issuer[0] = pki_make("Via", NULL, &ca, -20 * PKI_DAY, 20 * PKI_DAY);
	issuer[1] = pki_make("Via", NULL, &other_ca, -20 * PKI_DAY, 20 * PKI_DAY);
	issuer[2] = pki_make("Short", NULL, &ca, -3 * PKI_DAY, 3 * PKI_DAY);
	for (int i = 0; i < 12; i++)
		leaf[i] = pki_make("leaf", names[i % 4], &issuer[i / 4], -10 * PKI_DAY,
			(i % 3 + 1) * 5 * PKI_DAY);
	trust(&ca, NULL);
	two_open(&t);
	for (int i = 0; i < 250; i++) {
		int which = rand_r(&seed) % 12, via = rand_r(&seed) % 10;
		if (rand_r(&seed) % 40 == 0)
			trust(rand_r(&seed) % 2 ? &ca : &other_ca,
				rand_r(&seed) % 3 == 0 ? &other_ca : NULL);
		two_at(&t, (rand_r(&seed) % 41 - 20) * DAY_MS / (rand_r(&seed) % 4 ? 4 : 1));
		must_agree(&t, &leaf[which],
			via == 0 ? NULL : issuer[via == 1 ? rand_r(&seed) % 3 : which / 4].x509,
			hosts[rand_r(&seed) % 3], NULL);
	}
	two_close(&t);
	for (int i = 0; i < 12; i++)
		pki_free(&leaf[i]);
	for (int i = 0; i < 3; i++)
		pki_free(&issuer[i]);
}

/* ---- the table itself */

static struct cert_key key_of(struct cert_memo *m, STACK_OF(X509) * chain, const char *host)
{
	struct cert_key key;
	assert_int_equal(cert_memo_key(m, chain, host, &key), 0);
	return key;
}

static void it_is_bounded_and_forgets(void **state)
{
	(void)state;
	const struct cert_dates dates = {1000, 2000};
	struct certificate facts = CERTIFICATE_NONE;
	char subject[] = "CN=leaf";
	facts.subject = subject;
	STACK_OF(X509) *chain = sk_X509_new_null();
	sk_X509_push(chain, ca.x509);
	struct cert_memo *m = cert_memo_new(INT64_MAX); /* ten minutes is what it takes */
	struct cert_key key = key_of(m, chain, "a.test"), other = key_of(m, chain, "a.tes");
	assert_memory_not_equal(&key, &other, sizeof(key));
	cert_memo_keep(m, &key, &dates, &facts, 5000);
	assert_string_equal(cert_memo_find(m, &key, 5000, 1500)->subject, "CN=leaf");
	assert_null(cert_memo_find(m, &other, 5000, 1500));
	static const struct {
		int64_t now_ms, wall_ms;
		bool there;
	} looks[] = {{5000, 1000, true}, {5000, 999, false}, {5000, 1999, true},
		{5000, 2000, false}, {604999, 1500, true}, {605000, 1500, false}};
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		cert_memo_keep(m, &key, &dates, &facts, 5000);
		assert_int_equal(cert_memo_find(m, &key, looks[i].now_ms, looks[i].wall_ms) != NULL,
			looks[i].there);
	}
	for (int i = 0; i < CERT_MEMO_MAX + 50; i++) {
		char host[32];
		snprintf(host, sizeof(host), "host-%d.test", i);
		struct cert_key one = key_of(m, chain, host);
		cert_memo_keep(m, &one, &dates, &facts, 5000);
		assert_non_null(cert_memo_find(m, &one, 5000, 1500));
	}
	assert_int_equal(cert_memo_count(m), CERT_MEMO_MAX);
	cert_memo_forget(m);
	char names[513]; /* what a certificate is told at most is bounded by bytes */
	memset(names, 'x', 512);
	names[512] = '\0';
	facts.names = facts.issuer = names;
	for (int i = 0; i < CERT_MEMO_MAX; i++) {
		char host[32];
		snprintf(host, sizeof(host), "large-%d.test", i);
		struct cert_key one = key_of(m, chain, host);
		cert_memo_keep(m, &one, &dates, &facts, 5000);
		assert_non_null(cert_memo_find(m, &one, 5000, 1500));
	}
	assert_in_range(cert_memo_count(m), CERT_MEMO_BYTES / 2000, CERT_MEMO_BYTES / 1100);
	cert_memo_forget(m);
	assert_int_equal(cert_memo_count(m), 0);
	cert_memo_keep(m, &key, &dates, &facts, 5000);
	cert_memo_set_lifetime(m, 0);
	assert_int_equal(cert_memo_count(m), 0);
	assert_int_equal(cert_memo_key(m, chain, "a.test", &key), -1);
	cert_memo_free(m);
	sk_X509_free(chain);
}

/* It does remember: else all of the above proves nothing. */
static void what_holds_is_remembered(void **state)
{
	(void)state;
	struct pki_cert leaf = pki_make("leaf", "DNS:a.test", &ca, -PKI_DAY, PKI_DAY);
	trust(&ca, NULL);
	struct certs *certs = certs_new(bundle);
	free(ask(certs, &leaf, NULL, "a.test"));
	assert_int_equal(certs_remembered(certs), 1);
	free(ask(certs, &leaf, NULL, "a.test"));
	assert_int_equal(certs_remembered(certs), 1);
	free(ask(certs, &leaf, NULL, "b.test")); /* a failure is not */
	assert_int_equal(certs_remembered(certs), 1);
	certs_set_memo(certs, 0);
	free(ask(certs, &leaf, NULL, "a.test"));
	assert_int_equal(certs_remembered(certs), 0);
	certs_free(certs);
	pki_free(&leaf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_over_time),
		cmocka_unit_test(the_same_at_the_edges),
		cmocka_unit_test(another_name_chain_or_store),
		cmocka_unit_test(the_same_for_any_order_of_questions),
		cmocka_unit_test(it_is_bounded_and_forgets),
		cmocka_unit_test(what_holds_is_remembered),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
