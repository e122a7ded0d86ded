// SPDX-License-Identifier: MIT
/*
 * The bytes of a turn: a filter in front of the BIO that OpenSSL reads from. It keeps nothing back: what is not taken
 * stays in the socket, which is readable again in the next turn.
 */
#include "probe/tls_guard.h"

#include "proto/base/arrival.h"
#include "proto/base/mem.h"
#include "quorate/attr.h"

#include <openssl/bio.h>

static BIO_METHOD *method;
static int type;
static int index_of_guard = -1; /* of ex data in an SSL_CTX */

/* All that wait are looked at together, once. */
static void look(struct tls_guard *guard)
{
	if (!guard->timed || guard->looked_at > 0)
		return;
	int64_t at_us = arrival_newest_us(guard->fd, &guard->looked_at);
	if (guard->looked_at > 0)
		guard->came_at_us = at_us;
}

static int guard_read(BIO *bio, char *data, int n)
{
	struct tls_guard *guard = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (guard->seen != *guard->turn) {
		guard->seen = *guard->turn;
		guard->taken = 0;
	}
	if (guard->taken >= TLS_TURN_BYTES) {
		BIO_set_retry_read(bio);
		return -1;
	}
	look(guard);
	int got = BIO_read(BIO_next(bio), data, n);
	BIO_copy_next_retry(bio);
	size_t read = got > 0 ? (size_t)got : 0;
	guard->taken += read;
	guard->looked_at -= read < guard->looked_at ? read : guard->looked_at;
	return got;
}

static long guard_control(BIO *bio, int what, long number, void *pointer)
{
	return BIO_next(bio) != NULL ? BIO_ctrl(BIO_next(bio), what, number, pointer) : 0;
}

static int guard_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static void make_method(void)
{
	type = BIO_get_new_index() | BIO_TYPE_FILTER;
	method = BIO_meth_new(type, "guard");
	ensure(method != NULL);
	BIO_meth_set_read(method, guard_read);
	BIO_meth_set_ctrl(method, guard_control);
	BIO_meth_set_create(method, guard_create);
}

static void on_info(const SSL *ssl, int where, int ret UNUSED)
{
	struct tls_guard *guard = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_of_guard);
	BIO *from = SSL_get_rbio(ssl);
	if ((where & SSL_CB_HANDSHAKE_START) == 0 || guard == NULL || from == NULL ||
		BIO_method_type(from) == type)
		return;
	BIO *filter = BIO_new(method);
	ensure(filter != NULL);
	BIO_set_data(filter, guard);
	BIO_up_ref(from); /* the connection lets go of its own */
	BIO_push(filter, from);
	SSL_set0_rbio((SSL *)(uintptr_t)ssl, filter);
}

/*
 * The server chooses the group of a DHE key exchange: one of 8,192 bits takes a quarter of a second,
 * and it is looked at before anybody can refuse it. No browser offers DHE any more either.
 */
typedef int (*security_fn)(const SSL *, const SSL_CTX *, int, int, int, void *, void *);
static security_fn others; /* OpenSSL's own rules */

static int judge(
	const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex)
{
	if (op == SSL_SECOP_CIPHER_SUPPORTED && SSL_CIPHER_get_kx_nid(other) == NID_kx_dhe)
		return 0;
	return others(ssl, ctx, op, bits, nid, other, ex);
}

void tls_guard_attach(SSL_CTX *ctx, struct tls_guard *guard)
{
	if (method == NULL) {
		make_method();
		index_of_guard = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
		others = SSL_CTX_get_security_callback(ctx);
	}
	ensure(SSL_CTX_set_ex_data(ctx, index_of_guard, guard) == 1);
	SSL_CTX_set_info_callback(ctx, on_info);
	SSL_CTX_set_security_callback(ctx, judge);
	SSL_CTX_set_max_cert_list(ctx, TLS_CERTIFICATES_BYTES);
}
