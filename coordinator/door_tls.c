// SPDX-License-Identifier: MIT
/*
 * The door's certificate and what TLS may be: version 1.3 and nothing older, no tickets (a stranger costs less, and
 * probes connect rarely). Without an operator's certificate the door signs its own, with a P-256 key that is made once:
 * probes pin the key, so that the certificate may be made again.
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

/* Makes what is missing: a key, then a certificate of it. */
static int ensure_own(const char *certificate_path, const char *key_path)
{
	struct own own = {0};
	int rc = -1;

	if (access(certificate_path, F_OK) == 0 && access(key_path, F_OK) == 0)
		return 0;
	if (access(key_path, F_OK) == 0) {
		own.key = read_key(key_path);
	} else {
		own.key = EVP_EC_gen("P-256");
		if (own.key && write_pem(key_path, 0600, &own, write_key) == -1)
			goto out;
	}
	own.certificate = own.key ? sign_own(own.key) : NULL;
	if (!own.certificate) {
		log_error("door.certificate key=%s why=%s", log_quote(key_path),
			log_quote(tls_why()));
		goto out;
	}
	rc = write_pem(certificate_path, 0644, &own, write_certificate);
	if (rc == 0)
		log_info("door.certificate_made file=%s", log_quote(certificate_path));
out:
	EVP_PKEY_free(own.key);
	X509_free(own.certificate);
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

static int pin_of(X509 *certificate, char pin[DOOR_PIN_SIZE])
{
	unsigned char *der = NULL, digest[32];
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

	if (size <= 0 || !EVP_Digest(der, (size_t)size, digest, NULL, EVP_sha256(), NULL)) {
		OPENSSL_free(der);
		return -1;
	}
	OPENSSL_free(der);
	memcpy(pin, "sha256//", 8);
	EVP_EncodeBlock((unsigned char *)pin + 8, digest, sizeof(digest));
	return 0;
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
		pin_of(SSL_CTX_get0_certificate(out->context), out->pin) == 0)
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
	     *key = own ? mem_printf("%s/door.key", conf->state_dir) : mem_strdup(conf->door_key);
	struct credential_file certificate_file, key_file;
	struct door_tls fresh;
	int rc = own ? ensure_own(certificate, key) : 0;

	credential_file_find(&certificate_file, certificate);
	credential_file_find(&key_file, key);
	if (rc == 0)
		rc = load(&fresh, certificate_file.path, key_file.path);
	if (rc == 0) {
		door_tls_clear(tls);
		*tls = fresh;
	}
	free(certificate);
	free(key);
	return rc;
}

void door_tls_clear(struct door_tls *tls)
{
	SSL_CTX_free(tls->context);
	*tls = (struct door_tls){0};
}
