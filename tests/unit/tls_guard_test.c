// SPDX-License-Identifier: MIT
/* TLS over a pair of sockets in this process, both ends in turns. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/tls_guard.h"
#include "tests/unit/pki.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SENT_BYTES 100000

struct world {
	SSL_CTX *near_ctx, *far_ctx;
	SSL *near, *far;
	int fd[2];
	uint64_t turn;
	struct tls_guard guard;
};

static void open_world(struct world *w, bool guarded)
{
	struct pki_cert cert = pki_make("a.test", "DNS:a.test", NULL, -PKI_DAY, PKI_DAY);
	memset(w, 0, sizeof(*w));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, w->fd), 0);
	w->near_ctx = SSL_CTX_new(TLS_client_method());
	w->far_ctx = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(w->far_ctx, cert.x509), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(w->far_ctx, cert.key), 1);
	pki_free(&cert);
	w->guard.turn = &w->turn;
	if (guarded)
		tls_guard_attach(w->near_ctx, &w->guard);
	w->near = SSL_new(w->near_ctx);
	w->far = SSL_new(w->far_ctx);
	SSL_set_fd(w->near, w->fd[0]);
	SSL_set_fd(w->far, w->fd[1]);
	SSL_set_connect_state(w->near);
	SSL_set_accept_state(w->far);
}

static void close_world(struct world *w)
{
	SSL_free(w->near);
	SSL_free(w->far);
	SSL_CTX_free(w->near_ctx);
	SSL_CTX_free(w->far_ctx);
	close(w->fd[0]);
	close(w->fd[1]);
}

static void shake_hands(struct world *w)
{
	int near = 0, far = 0;
	for (int i = 0; i < 20 && (near != 1 || far != 1); i++) {
		w->turn++;
		near = SSL_do_handshake(w->near);
		far = SSL_do_handshake(w->far);
	}
	assert_int_equal(near, 1);
	assert_int_equal(far, 1);
}

/* All that can be had in this turn. */
static size_t read_turn(struct world *w, size_t before)
{
	static unsigned char data[4096];
	size_t sum = 0;
	int n;
	while ((n = SSL_read(w->near, data, sizeof(data))) > 0) {
		for (int i = 0; i < n; i++)
			assert_int_equal(data[i], (before + sum + (size_t)i) % 251);
		sum += (size_t)n;
	}
	assert_int_equal(SSL_get_error(w->near, n), SSL_ERROR_WANT_READ);
	return sum;
}

static void a_turn_has_its_share(void **state)
{
	(void)state;
	static unsigned char data[SENT_BYTES];
	struct world w;
	size_t sum = 0;
	int turns = 0;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i % 251);
	open_world(&w, true);
	shake_hands(&w);
	assert_int_equal(SSL_write(w.far, data, sizeof(data)), sizeof(data));
	for (; sum < sizeof(data) && turns < 100; turns++) {
		w.turn++;
		size_t n = read_turn(&w, sum);
		assert_true(
			n <= 2 * TLS_TURN_BYTES); /* a record of 16 KiB may become whole in it */
		assert_int_equal(read_turn(&w, sum + n), 0); /* the same turn: nothing more */
		sum += n;
	}
	assert_int_equal(sum, sizeof(data)); /* all of it, in order */
	assert_true(turns >= SENT_BYTES / (2 * TLS_TURN_BYTES));
	close_world(&w);
}

static void without_it_all_comes_at_once(void **state)
{
	(void)state;
	static unsigned char data[SENT_BYTES];
	struct world w;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i % 251);
	open_world(&w, false);
	shake_hands(&w);
	assert_int_equal(SSL_write(w.far, data, sizeof(data)), sizeof(data));
	assert_int_equal(read_turn(&w, 0), sizeof(data));
	close_world(&w);
}

static bool offers_dhe(SSL *ssl)
{
	STACK_OF(SSL_CIPHER) *ciphers = SSL_get1_supported_ciphers(ssl);
	bool found = false;
	assert_true(sk_SSL_CIPHER_num(ciphers) > 3);
	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
		found |= SSL_CIPHER_get_kx_nid(sk_SSL_CIPHER_value(ciphers, i)) == NID_kx_dhe;
	sk_SSL_CIPHER_free(ciphers);
	return found;
}

static void groups_of_the_servers_choice_are_not_offered(void **state)
{
	(void)state;
	struct world w;
	open_world(&w, false);
	assert_true(offers_dhe(w.near)); /* OpenSSL would */
	close_world(&w);
	open_world(&w, true);
	assert_false(offers_dhe(w.near));
	assert_int_equal(SSL_CTX_get_max_cert_list(w.near_ctx), TLS_CERTIFICATES_BYTES);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_has_its_share),
		cmocka_unit_test(without_it_all_comes_at_once),
		cmocka_unit_test(groups_of_the_servers_choice_are_not_offered),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
