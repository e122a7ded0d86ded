// SPDX-License-Identifier: MIT
/*
 * The door's certificate and what TLS may be: version 1.3 and nothing older, no tickets (a stranger costs less, and
 * probes connect rarely). Without an operator's certificate the door signs its own, with a P-256 key that is made once:
 * probes pin the key, so that the certificate may be made again. The next key is made beforehand: probes learn both
 * pins, and a rotation finds them prepared.
 */
#include "coordinator/door_internal.h"

#include "proto/base/credential_file.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT_KEY       "door.next.key"
#define OWN_VALID_DAYS (20 * 366L)
#define DAY_S          86400L

static const char *tls_why(void)
{
	static char text[200];
	unsigned long error = ERR_peek_last_error();

	ERR_error_string_n(error, text, sizeof(text));
	ERR_clear_error();
	return error ? text : "it is not what it should be";
}

/* ---- files */

struct own {
	EVP_PKEY *key;
	X509 *certificate;
};

/* Complete before it has its name. WRITE returns 1. */
static int write_pem(const char *path, mode_t mode, const struct own *own,
	int (*write_own)(FILE *f, const struct own *own))
{
	char *part = mem_printf("%s.new", path);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	FILE *f = fd == -1 ? NULL : fdopen(fd, "w");
	int rc = -1;

	if (f && write_own(f, own) == 1 && fflush(f) == 0 && fsync(fd) == 0)
		rc = rename(part, path);
	if (rc == -1)
		log_errno("door.unwritable path=%s", log_quote(path));
	if (f)
		fclose(f);
	free(part);
	return rc;
}

static int write_key(FILE *f, const struct own *own)
{
	return PEM_write_PrivateKey(f, own->key, NULL, NULL, 0, NULL, NULL);
}

static int write_certificate(FILE *f, const struct own *own)
{
	return PEM_write_X509(f, own->certificate);
}

static EVP_PKEY *read_key(const char *path)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (f)
		fclose(f);
	return key;
}

/* ---- pins */

static int key_pin(EVP_PKEY *key, char pin[DOOR_PIN_SIZE])
{
	unsigned char *der = NULL, digest[32];
	int size = i2d_PUBKEY(key, &der);
	int ok = size > 0 && EVP_Digest(der, (size_t)size, digest, NULL, EVP_sha256(), NULL);

	OPENSSL_free(der);
	if (!ok)
		return -1;
	memcpy(pin, "sha256//", 8);
	EVP_EncodeBlock((unsigned char *)pin + 8, digest, sizeof(digest));
	return 0;
}

/* ---- a certificate of its own */

static int add_name(X509 *x, const char *name)
{
	char *names = mem_printf("DNS:%s", name);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	int ok = e && X509_add_ext(x, e, -1) &&
		 X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
			 (const unsigned char *)name, -1, -1, 0);

	X509_EXTENSION_free(e);
	free(names);
	return ok;
}

/* Valid from yesterday on: clocks differ. */
static X509 *sign_own(EVP_PKEY *key)
{
	X509 *x = X509_new();
	BIGNUM *serial = BN_new();

	if (x && serial && X509_set_version(x, 2) && BN_rand(serial, 127, 0, 0) &&
		BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)) &&
		X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S) &&
		X509_gmtime_adj(X509_getm_notAfter(x), OWN_VALID_DAYS * DAY_S) &&
		add_name(x, "quorate") && X509_set_issuer_name(x, X509_get_subject_name(x)) &&
		X509_set_pubkey(x, key) && X509_sign(x, key, EVP_sha256())) {
		BN_free(serial);
		return x;
	}
	BN_free(serial);
	X509_free(x);
	return NULL;
}

static X509 *read_certificate(const char *path)
{
	FILE *f = fopen(path, "re");
	X509 *certificate = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (f)
		fclose(f);
	return certificate;
}

/* The key of the file; made when there is no file. NULL after logging why. */
static EVP_PKEY *ensure_key(const char *path)
{
	struct own own = {0};
	bool there = access(path, F_OK) == 0;

	own.key = there ? read_key(path) : EVP_EC_gen("P-256");
	if (!own.key)
		log_error("door.key file=%s why=%s", log_quote(path), log_quote(tls_why()));
	else if (!there && write_pem(path, 0600, &own, write_key) == -1) {
		EVP_PKEY_free(own.key);
		return NULL;
	}
	return own.key;
}

/* A certificate of KEY at PATH: the one that is there, unless it is of another key (a rotation that
 * was interrupted, or has only just begun). */
static int ensure_certificate(const char *path, EVP_PKEY *key)
{
	struct own own = {.key = key, .certificate = read_certificate(path)};
	int rc = 0;

	ERR_clear_error();
	if (own.certificate && X509_check_private_key(own.certificate, key) == 1)
		goto out;
	ERR_clear_error();
	X509_free(own.certificate);
	own.certificate = sign_own(key);
	if (!own.certificate) {
		log_error("door.certificate file=%s why=%s", log_quote(path), log_quote(tls_why()));
		return -1;
	}
	rc = write_pem(path, 0644, &own, write_certificate);
	if (rc == 0)
		log_info("door.certificate_made file=%s", log_quote(path));
out:
	X509_free(own.certificate);
	return rc;
}

/* Makes what is missing, and says the next key's pin. */
static int ensure_own(
	const char *certificate, const char *key, const char *next, char next_pin[DOOR_PIN_SIZE])
{
	EVP_PKEY *now = ensure_key(key), *later = now ? ensure_key(next) : NULL;
	int rc = -1;

	if (later && ensure_certificate(certificate, now) == 0 && key_pin(later, next_pin) == 0)
		rc = 0;
	EVP_PKEY_free(now);
	EVP_PKEY_free(later);
	return rc;
}

/* ---- the context */

/* `quorate/1` before http/1.1; a client that offers neither is told so by an alert. */
static int choose_protocol(SSL *ssl UNUSED, const unsigned char **out, unsigned char *out_size,
	const unsigned char *in, unsigned in_size, void *arg UNUSED)
{
	static const unsigned char ours[] = "\x09" PREFACE_ALPN "\x08http/1.1";
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_size, ours, sizeof(ours) - 1, in, in_size) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	ensure(context && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION));
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	return context;
}

static int load(struct door_tls *out, const char *certificate, const char *key)
{
	struct stat facts;

	if (stat(key, &facts) == 0 && (facts.st_mode & S_IROTH)) {
		log_error(
			"door.key_readable file=%s msg=\"others can read this key; accepted: mode "
			"0600 or 0640\"",
			log_quote(key));
		return -1;
	}
	*out = (struct door_tls){.context = new_context()};
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(out->context, certificate) == 1 &&
		SSL_CTX_use_PrivateKey_file(out->context, key, SSL_FILETYPE_PEM) == 1 &&
		SSL_CTX_check_private_key(out->context) == 1 &&
		key_pin(SSL_CTX_get0_privatekey(out->context), out->pin) == 0)
		return 0;
	log_error("door.certificate file=%s key=%s why=%s", log_quote(certificate), log_quote(key),
		log_quote(tls_why()));
	door_tls_clear(out);
	return -1;
}

int door_tls_load(struct door_tls *tls, const struct coordinator_conf *conf)
{
	bool own = !conf->door_certificate;
	char *certificate = own ? mem_printf("%s/door.crt", conf->state_dir)
				: mem_strdup(conf->door_certificate),
	     *key = own ? mem_printf("%s/door.key", conf->state_dir) : mem_strdup(conf->door_key),
	     *next = mem_printf("%s/" NEXT_KEY, conf->state_dir), next_pin[DOOR_PIN_SIZE] = "";
	struct credential_file certificate_file, key_file;
	struct door_tls fresh;
	int rc = own ? ensure_own(certificate, key, next, next_pin) : 0;

	credential_file_find(&certificate_file, certificate);
	credential_file_find(&key_file, key);
	if (rc == 0)
		rc = load(&fresh, certificate_file.path, key_file.path);
	if (rc == 0) {
		memcpy(fresh.next_pin, next_pin, sizeof(fresh.next_pin));
		door_tls_clear(tls);
		*tls = fresh;
	}
	free(certificate);
	free(key);
	free(next);
	return rc;
}

/* Stopped behind the rename, the next start finds a certificate of another key and no next key, and
 * makes both. */
int door_tls_rotate(struct door_tls *tls, const struct coordinator_conf *conf)
{
	char *key = mem_printf("%s/door.key", conf->state_dir),
	     *next = mem_printf("%s/" NEXT_KEY, conf->state_dir);
	int rc = rename(next, key);

	if (rc == -1)
		log_errno("door.rotation file=%s", log_quote(next));
	free(key);
	free(next);
	return rc == -1 ? -1 : door_tls_load(tls, conf);
}

void door_tls_clear(struct door_tls *tls)
{
	SSL_CTX_free(tls->context);
	*tls = (struct door_tls){0};
}
