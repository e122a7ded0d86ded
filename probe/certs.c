// SPDX-License-Identifier: MIT
/* One X509_STORE for all checks, and what every TLS connection of theirs has in common. */
#include "probe/cert_memo.h"

#include "probe/net.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "quorate/monitor.h"

#include <openssl/err.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

struct certs {
	char *path;
	X509_STORE *store; /* NULL: no bundle could be read yet */
	struct stat seen;
	int64_t clock_offset_ms;
	struct cert_memo *memo;
	SSL_CTX *client; /* of certs_client(); NULL: not made yet */
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
	cert_memo_forget(certs->memo);
	if (certs->client != NULL)
		SSL_CTX_set1_verify_cert_store(certs->client, store);
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
	certs->memo = cert_memo_new(CERT_MEMO_MAX_MS);
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
	SSL_CTX_free(certs->client);
	X509_STORE_free(certs->store);
	cert_memo_free(certs->memo);
	free(certs->path);
	free(certs);
}

void certs_set_clock(struct certs *certs, int64_t offset_ms)
{
	certs->clock_offset_ms = offset_ms;
}

void certs_set_memo(struct certs *certs, int64_t lifetime_ms)
{
	cert_memo_set_lifetime(certs->memo, lifetime_ms);
}

size_t certs_remembered(const struct certs *certs)
{
	return cert_memo_count(certs->memo);
}

/* ---- what OpenSSL calls during a handshake */

static int index_in_ssl = -1, index_in_ctx = -1; /* of a check in their ex data */

static struct cert_check *check_of(const SSL *ssl)
{
	struct cert_check *check = SSL_get_ex_data(ssl, index_in_ssl);
	return check != NULL ? check : SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_in_ctx);
}

static int64_t now_wall_ms(const struct certs *certs)
{
	return clock_wall_ms() + certs->clock_offset_ms;
}

static void take_facts(struct cert_check *check, const struct certificate *facts)
{
	cert_facts_clear(&check->facts); /* of an attempt before */
	cert_facts_copy(facts, &check->facts);
}

/* The whole verification; what holds is remembered. */
static void examine(struct cert_check *check, X509_STORE_CTX *ctx)
{
	struct certs *certs = check->certs;
	struct cert_dates dates;
	cert_facts_clear(&check->facts);
	cert_facts(
		X509_STORE_CTX_get0_cert(ctx), X509_STORE_CTX_get0_untrusted(ctx), &check->facts);
	if (check->reason == REASON_OK)
		check->reason =
			cert_judge(ctx, check->host, now_wall_ms(certs), &dates, check->detail);
	if (check->reason == REASON_OK && check->keyed)
		cert_memo_keep(certs->memo, &check->key, &dates, &check->facts, clock_now_ms());
}

static void recall_or_examine(struct cert_check *check, X509_STORE_CTX *ctx)
{
	struct certs *certs = check->certs;
	struct cert_key *key = &check->key;
	const struct certificate *facts = NULL;
	check->keyed = certs->store != NULL &&
		       cert_memo_key(certs->memo, X509_STORE_CTX_get0_untrusted(ctx), check->host,
			       key) == 0;
	if (check->keyed)
		facts = cert_memo_find(certs->memo, key, clock_now_ms(), now_wall_ms(certs));
	if (facts != NULL)
		take_facts(check, facts);
	else
		examine(check, ctx);
	check->seen = true;
	check->facts.days = cert_days(&check->facts, now_wall_ms(certs));
}

static int verify_cb(X509_STORE_CTX *ctx, void *arg UNUSED)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct cert_check *check = check_of(ssl);
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
	if (leaf == NULL)
		return check->verify ? 0 : 1;
	recall_or_examine(check, ctx);
	bool pass = !check->verify || check->reason == REASON_OK;
	X509_STORE_CTX_set_error(ctx, pass ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
	return pass ? 1 : 0;
}

/* A staple that said "good" moments ago, of the same chain, says so again until it is out of date. */
static void read_staple(struct cert_check *check, SSL *ssl, const unsigned char *der, long n_bytes)
{
	struct certs *certs = check->certs;
	struct ocsp_facts *out = &check->facts.ocsp;
	struct cert_key key;
	const struct certificate *kept = NULL;
	bool keyed = check->keyed &&
		     cert_memo_key_with(certs->memo, &check->key, der, (size_t)n_bytes, &key) == 0;
	if (keyed)
		kept = cert_memo_find(certs->memo, &key, clock_now_ms(), now_wall_ms(certs));
	if (kept != NULL) {
		*out = kept->ocsp;
		return;
	}
	cert_staple(der, n_bytes, SSL_get0_peer_certificate(ssl), SSL_get_peer_cert_chain(ssl),
		certs->store, out);
	if (!keyed || out->status != OCSP_GOOD)
		return;
	struct certificate facts = CERTIFICATE_NONE;
	struct cert_dates dates = {INT64_MIN,
		out->next_update_wall_ms != UNSET ? out->next_update_wall_ms : INT64_MAX};
	facts.ocsp = *out;
	cert_memo_keep(certs->memo, &key, &dates, &facts, clock_now_ms());
}

static void note_revoked(struct cert_check *check)
{
	size_t n = strlen(check->detail), room = sizeof(check->detail);
	snprintf(check->detail + n, room - n, "%s been revoked by its issuer",
		check->reason == REASON_OK ? "the certificate has" : "; it has");
	if (check->reason == REASON_OK)
		check->reason = REASON_TLS_REVOKED;
}

/* Comes after verify_cb(), also when nothing was stapled. 1: go on; 0: refuse the certificate. */
static int staple_cb(SSL *ssl, void *arg UNUSED)
{
	struct cert_check *check = check_of(ssl);
	const unsigned char *der = NULL;
	long n_bytes = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
	if (n_bytes <= 0 || der == NULL || !check->seen || check->certs->store == NULL)
		return 1;
	read_staple(check, ssl, der, n_bytes);
	if (check->facts.ocsp.status == OCSP_REVOKED)
		note_revoked(check);
	return check->verify && check->reason != REASON_OK ? 0 : 1;
}

static int client_certificate_cb(SSL *ssl, X509 **x UNUSED, EVP_PKEY **key UNUSED)
{
	check_of(ssl)->client_certificate = true;
	return 0; /* there is none */
}

/* An SSL_CTX has one such callback: whoever was there before (tls_guard.c) is told, too. */
typedef void (*info_fn)(const SSL *ssl, int where, int value);
static info_fn told_before;

static void info_cb(const SSL *ssl, int where, int value)
{
	if (told_before != NULL)
		told_before(ssl, where, value);
	if ((where & SSL_CB_ALERT) == 0 || value >> 8 != SSL3_AL_FATAL)
		return;
	struct cert_check *check = check_of(ssl);
	if ((where & SSL_CB_READ) != 0)
		check->alert_received = value & 0xff;
	else
		check->alert_sent = value & 0xff;
}

/* ---- connections */

void cert_check_init(struct cert_check *check, const char *host, bool verify)
{
	memset(check, 0, sizeof(*check));
	check->host = host;
	check->verify = verify;
	check->facts = CERTIFICATE_NONE;
	check->alert_received = check->alert_sent = UNSET;
}

void cert_check_clear(struct cert_check *check)
{
	cert_facts_clear(&check->facts);
}

static void prepare(struct certs *certs, SSL_CTX *ctx)
{
	if (index_in_ssl == -1) {
		index_in_ssl = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
		index_in_ctx = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_cert_verify_callback(ctx, verify_cb, NULL);
	SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
	SSL_CTX_set_tlsext_status_cb(ctx, staple_cb);
	SSL_CTX_set_client_cert_cb(ctx, client_certificate_cb);
	if (SSL_CTX_get_info_callback(ctx) != NULL)
		told_before = SSL_CTX_get_info_callback(ctx);
	SSL_CTX_set_info_callback(ctx, info_cb);
	if (certs->store != NULL)
		SSL_CTX_set1_verify_cert_store(ctx, certs->store);
}

static void begin(struct certs *certs, struct cert_check *check)
{
	check->certs = certs;
	if (certs->store != NULL || !check->verify)
		return;
	check->reason = REASON_INTERNAL_ERROR;
	strcpy(check->detail, "the probe has no trusted certificates");
}

void certs_attach(struct certs *certs, SSL_CTX *ctx, struct cert_check *check)
{
	load_if_changed(certs);
	prepare(certs, ctx);
	begin(certs, check);
	SSL_CTX_set_ex_data(ctx, index_in_ctx, check);
	SSL_CTX_set_verify(ctx, check->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
}

static void ask_for_name(SSL *ssl, const char *host)
{
	struct sockaddr_storage literal;
	char *name;
	if (net_parse_literal(host, &literal))
		return;
	size_t n = strlen(host);
	if (n > 0 && host[n - 1] == '.')
		n--;
	name = mem_strndup(host, n);
	SSL_set_tlsext_host_name(ssl, name);
	free(name);
}

SSL *certs_client(struct certs *certs, struct cert_check *check)
{
	load_if_changed(certs);
	if (certs->client == NULL) {
		certs->client = SSL_CTX_new(TLS_client_method());
		ensure(certs->client != NULL);
		prepare(certs, certs->client);
	}
	SSL *ssl = SSL_new(certs->client);
	ensure(ssl != NULL);
	begin(certs, check);
	SSL_set_ex_data(ssl, index_in_ssl, check);
	SSL_set_verify(ssl, check->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	ask_for_name(ssl, check->host);
	SSL_set_connect_state(ssl);
	return ssl;
}

void cert_check_connected(struct cert_check *check, const SSL *ssl)
{
	const unsigned char *alpn = NULL;
	unsigned n_alpn = 0;
	mem_set(&check->facts.tls_version, SSL_get_version(ssl));
	mem_set(&check->facts.cipher, SSL_get_cipher_name(ssl));
	SSL_get0_alpn_selected(ssl, &alpn, &n_alpn);
	if (n_alpn == 0)
		return;
	free(check->facts.alpn);
	check->facts.alpn = utf8_clean((const char *)alpn, n_alpn, 255);
}
