// SPDX-License-Identifier: MIT
/* One X509_STORE for all checks, and a verification that explains itself. */
#include "probe/certs.h"

#include "probe/net.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "quorate/monitor.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define SYSTEM_BUNDLE   "/etc/ssl/certs/ca-certificates.crt"
#define NAMES_MAX_BYTES 512
#define DAY_MS          86400000

struct certs {
	char *path;
	X509_STORE *store; /* NULL: no bundle could be read yet */
	struct stat seen;
};

/* ---- the store */

static void load(struct certs *certs)
{
	X509_STORE *store = X509_STORE_new();
	ensure(store != NULL);
	int64_t began_us = clock_now_us();
	if (X509_STORE_load_file(store, certs->path) != 1) {
		ERR_clear_error();
		X509_STORE_free(store);
		log_error("certs.unreadable file=%s kept_old=%s", log_quote(certs->path),
			certs->store != NULL ? "yes" : "no");
		return;
	}
	/* as libcurl and browsers: a trusted intermediate, or a trusted server's own certificate,
	 * will do */
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	X509_STORE_free(certs->store);
	certs->store = store;
	log_debug("certs.loaded file=%s took_us=%lld", log_quote(certs->path),
		(long long)(clock_now_us() - began_us));
}

static void load_if_changed(struct certs *certs)
{
	struct stat now;
	if (stat(certs->path, &now) == -1)
		memset(&now, 0, sizeof(now));
	if (now.st_ino == certs->seen.st_ino && now.st_dev == certs->seen.st_dev &&
		now.st_size == certs->seen.st_size &&
		now.st_mtim.tv_sec == certs->seen.st_mtim.tv_sec &&
		now.st_mtim.tv_nsec == certs->seen.st_mtim.tv_nsec)
		return;
	certs->seen = now;
	load(certs);
}

struct certs *certs_new(const char *path)
{
	struct certs *certs = mem_alloc(sizeof(*certs));
	if (path == NULL)
		path = getenv("SSL_CERT_FILE");
	certs->path = mem_strdup(path != NULL ? path : SYSTEM_BUNDLE);
	certs->seen.st_size = -1; /* differs from any, the absent file included */
	return certs;
}

void certs_warm(struct certs *certs)
{
	load_if_changed(certs);
}

void certs_free(struct certs *certs)
{
	if (certs == NULL)
		return;
	X509_STORE_free(certs->store);
	free(certs->path);
	free(certs);
}

/* ---- facts */

static char *name_text(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	ensure(bio != NULL);
	/* RFC 2253 without its reversal, so that it reads as people write it; UTF-8 */
	X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB & ~XN_FLAG_SPC_EQ);
	char *data;
	long n = BIO_get_mem_data(bio, &data);
	char *text =
		mem_strndup(n > 0 ? data : "", (size_t)(n < NAMES_MAX_BYTES ? n : NAMES_MAX_BYTES));
	BIO_free(bio);
	return text;
}

static void add_name(char *out, const char *text)
{
	size_t n = strlen(out), more = strlen(text);
	if (n + more + 3 > NAMES_MAX_BYTES)
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
		memcpy(text, data, (size_t)n);
		text[n] = '\0';
		add_name(out, text);
	} else if (name->type == GEN_IPADD) {
		int n = ASN1_STRING_length(name->d.iPAddress);
		if ((n == 4 || n == 16) && inet_ntop(n == 4 ? AF_INET : AF_INET6,
						   ASN1_STRING_get0_data(name->d.iPAddress), text,
						   sizeof(text)) != NULL)
			add_name(out, text);
	}
}

static char *names_text(X509 *leaf)
{
	char out[NAMES_MAX_BYTES] = "";
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		add_general_name(out, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return mem_strdup(out);
}

static int64_t wall_ms_of(const ASN1_TIME *time)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return UNSET;
	return (int64_t)timegm(&tm) * 1000;
}

/* Rounded down, so that a certificate that expired an hour ago has -1 day left. */
static int64_t days_between(int64_t from_ms, int64_t to_ms)
{
	int64_t ms = to_ms - from_ms;
	return ms >= 0 ? ms / DAY_MS : -((-ms + DAY_MS - 1) / DAY_MS);
}

static void keep_facts(struct cert_check *check, X509 *leaf)
{
	struct certificate *f = &check->facts;
	f->subject = name_text(X509_get_subject_name(leaf));
	f->issuer = name_text(X509_get_issuer_name(leaf));
	f->names = names_text(leaf);
	f->not_before_wall_ms = wall_ms_of(X509_get0_notBefore(leaf));
	f->not_after_wall_ms = wall_ms_of(X509_get0_notAfter(leaf));
	f->days = days_between(clock_wall_ms(), f->not_after_wall_ms);
	check->seen = true;
}

/* ---- verification */

/* What was wrong, all of it: the chain is walked on after an error. */
struct findings {
	bool expired, not_yet, self_signed, unknown_issuer, wrong_name, other;
	int other_error; /* X509_V_ERR_… */
	int date_depth;  /* of the certificate with the wrong date */
};

static int index_of_findings = -1; /* of ex data in an X509_STORE_CTX */

static void note(struct findings *f, int error, int depth)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		f->expired = true;
		f->date_depth = depth;
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		f->not_yet = true;
		f->date_depth = depth;
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		f->self_signed = true;
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		f->unknown_issuer = true;
		break;
	default:
		f->other = true;
		f->other_error = error;
	}
}

static int note_cb(int ok, X509_STORE_CTX *ctx)
{
	if (ok == 0)
		note(X509_STORE_CTX_get_ex_data(ctx, index_of_findings),
			X509_STORE_CTX_get_error(ctx), X509_STORE_CTX_get_error_depth(ctx));
	return 1;
}

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

static void date_text(int64_t wall_ms, char text[TIME_TEXT_SIZE])
{
	time_format(wall_ms, text);
	text[10] = '\0'; /* the day is enough */
}

/* Who vouches for it comes before what it says: a self-signed certificate's dates mean nothing. */
static void conclude(struct cert_check *check, const struct findings *f)
{
	char day[TIME_TEXT_SIZE];
	const struct certificate *facts = &check->facts;
	char *detail = NULL;
	if (f->self_signed) {
		check->reason = REASON_TLS_SELF_SIGNED;
		detail = mem_printf("the certificate (%s) is self-signed", facts->subject);
	} else if (f->unknown_issuer) {
		check->reason = REASON_TLS_UNKNOWN_ISSUER;
		detail = mem_printf("the certificate's issuer is not trusted: %s", facts->issuer);
	} else if (f->expired) {
		check->reason = REASON_TLS_EXPIRED;
		date_text(facts->not_after_wall_ms, day);
		detail = f->date_depth == 0
				 ? mem_printf("the certificate expired on %s", day)
				 : mem_strdup("a certificate of its issuers has expired");
	} else if (f->not_yet) {
		check->reason = REASON_TLS_NOT_YET_VALID;
		date_text(facts->not_before_wall_ms, day);
		detail = f->date_depth == 0
				 ? mem_printf("the certificate is valid from %s only", day)
				 : mem_strdup("a certificate of its issuers is not yet valid");
	} else if (f->wrong_name) {
		check->reason = REASON_TLS_WRONG_NAME;
		detail = mem_printf(
			"the certificate is not for %s but for: %s", check->host, facts->names);
	} else if (f->other) {
		check->reason = REASON_TLS_UNTRUSTED;
		detail = mem_strdup(X509_verify_cert_error_string(f->other_error));
	}
	if (detail != NULL)
		strncpy(check->detail, detail, sizeof(check->detail) - 1);
	free(detail);
}

static int verify_cb(X509_STORE_CTX *ctx, void *arg)
{
	struct cert_check *check = arg;
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
	struct findings found = {0};
	if (leaf == NULL)
		return check->verify ? 0 : 1;
	if (!check->seen)
		keep_facts(check, leaf);
	X509_STORE_CTX_set_ex_data(ctx, index_of_findings, &found);
	X509_STORE_CTX_set_verify_cb(ctx, note_cb);
	if (X509_verify_cert(ctx) != 1 && X509_STORE_CTX_get_error(ctx) != X509_V_OK)
		note(&found, X509_STORE_CTX_get_error(ctx), X509_STORE_CTX_get_error_depth(ctx));
	found.wrong_name = !is_for_host(leaf, check->host);
	if (check->reason == REASON_OK)
		conclude(check, &found);
	ERR_clear_error();
	bool pass = !check->verify || check->reason == REASON_OK;
	X509_STORE_CTX_set_error(ctx, pass ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
	return pass ? 1 : 0;
}

void cert_check_init(struct cert_check *check, const char *host, bool verify)
{
	memset(check, 0, sizeof(*check));
	check->host = host;
	check->verify = verify;
	check->facts.not_before_wall_ms = check->facts.not_after_wall_ms = UNSET;
	check->facts.days = UNSET;
}

void cert_check_clear(struct cert_check *check)
{
	free(check->facts.subject);
	free(check->facts.issuer);
	free(check->facts.names);
	free(check->facts.tls_version);
	memset(&check->facts, 0, sizeof(check->facts));
}

void certs_attach(struct certs *certs, SSL_CTX *ctx, struct cert_check *check)
{
	if (index_of_findings == -1)
		index_of_findings = X509_STORE_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	load_if_changed(certs);
	if (certs->store != NULL) {
		SSL_CTX_set1_verify_cert_store(ctx, certs->store);
	} else if (check->verify) {
		check->reason = REASON_INTERNAL_ERROR;
		strncpy(check->detail, "the probe has no trusted certificates",
			sizeof(check->detail) - 1);
	}
	SSL_CTX_set_verify(ctx, check->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify_cb, check);
}
