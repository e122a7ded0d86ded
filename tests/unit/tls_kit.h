// SPDX-License-Identifier: MIT
/* TLS in memory: a server with a certificate of pki.h, and a handshake with a client's SSL. */
#ifndef TESTS_UNIT_TLS_KIT_H
#define TESTS_UNIT_TLS_KIT_H

#include "tests/unit/pki.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* Its security level is 0: it offers whatever a test wants to see refused. VIA: sent after the leaf; may be NULL. */
UNUSED static SSL_CTX *tls_server(const struct pki_cert *leaf, X509 *via)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(ctx, 0);
	assert_int_equal(SSL_CTX_use_certificate(ctx, leaf->x509), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, leaf->key), 1);
	if (via != NULL)
		assert_int_equal(SSL_CTX_add1_chain_cert(ctx, via), 1);
	return ctx;
}

/* Connects the two; the BIOs are theirs. */
UNUSED static void tls_join(SSL *client, SSL *server)
{
	BIO *to_server, *to_client;
	BIO_new_bio_pair(&to_server, 1 << 20, &to_client, 1 << 20);
	SSL_set_bio(client, to_server, to_server);
	SSL_set_bio(server, to_client, to_client);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
}

/*
 * Runs both sides until neither gets further; the client reads on afterwards, since a TLS 1.3 server may refuse
 * it only then. Returns whether the client is through; *ERROR: what OpenSSL says of it.
 */
UNUSED static bool tls_handshake(SSL *client, SSL *server, unsigned long *error)
{
	int done = 0;
	char byte;
	*error = 0;
	for (int i = 0; i < 20; i++) {
		ERR_clear_error();
		int rc = done != 1 ? SSL_do_handshake(client) : SSL_read(client, &byte, 1);
		if (rc != 1 && SSL_get_error(client, rc) != SSL_ERROR_WANT_READ) {
			*error = ERR_peek_last_error();
			return false;
		}
		if (done != 1)
			done = rc;
		ERR_clear_error();
		(void)SSL_do_handshake(server);
	}
	return done == 1;
}

#endif
