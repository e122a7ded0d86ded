// SPDX-License-Identifier: MIT
/*
 * A scripted door in a thread: TLS with a certificate of its own making, one connection at a time,
 * which it treats as `act` says. With SPLICE it plays the real one: preface, greeting to the nanomsg
 * socket behind it, bytes in both directions.
 */
#ifndef TESTS_UNIT_DOOR_KIT_H
#define TESTS_UNIT_DOOR_KIT_H

#include "tests/unit/pki.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/greeting.h"
#include "proto/preface.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum door_act {
	DOOR_SPLICE,
	DOOR_REFUSE,
	DOOR_SILENT, /* at the preface */
	DOOR_GARBAGE,
	DOOR_ENDLESS, /* a line without an end */
	DOOR_CUT,     /* in the middle of the answer */
	DOOR_SINK,    /* accepts, and counts the bytes while `go` is set */
	DOOR_SOURCE,  /* accepts, and sends `bulk_bytes` when nanomsg was greeted */
	DOOR_HOLD,    /* accepts, and says nothing more */
	DOOR_FACTS    /* accepts as a question is: says `standing` and a clock that is off */
};

struct door {
	SSL_CTX *ctx;
	struct pki_cert ca, cert;
	char pin[64], address[32], dir[64];
	int listener, port;
	pthread_t thread;
	const char *backend; /* unix path of the nanomsg socket behind */
	atomic_int act, prefaces, accepts, stop, cut, go;
	atomic_long sunk_bytes;
	atomic_uint sum; /* of what was sunk */
	long bulk_bytes;
	char probe[64], token[64]; /* of the last preface */
	int stream;
	const char *standing;
	long clock_off_ms;
};

#define DOOR_BYTE(i) ((unsigned char)((i)*31 + ((i) >> 8)))

static int door_alpn(SSL *ssl UNUSED, const unsigned char **out, unsigned char *n,
	const unsigned char *in, unsigned int n_in, void *arg UNUSED)
{
	static const unsigned char ours[] = "\x09quorate/1";
	return SSL_select_next_proto((unsigned char **)(uintptr_t)out, n, ours, sizeof ours - 1, in,
		       n_in) == OPENSSL_NPN_NEGOTIATED
		       ? SSL_TLSEXT_ERR_OK
		       : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void door_pin(struct door *d)
{
	unsigned char *der = NULL, hash[32], text[64];
	int n = i2d_PUBKEY(d->cert.key, &der);
	assert_true(n > 0);
	assert_int_equal(EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL), 1);
	EVP_EncodeBlock(text, hash, sizeof hash);
	snprintf(d->pin, sizeof d->pin, "sha256//%.44s", (const char *)text);
	OPENSSL_free(der);
}

static bool door_write(SSL *ssl, const void *data, size_t n)
{
	return SSL_write(ssl, data, (int)n) == (int)n;
}

/* Whether FD has something for us; false after a while, or when it is over. */
static bool door_wait(struct door *d, int fd, short what)
{
	struct pollfd p = {.fd = fd, .events = what};
	while (!d->stop && !d->cut) {
		int n = poll(&p, 1, 10);
		if (n != 0)
			return true;
	}
	return false;
}

static bool door_read_preface(struct door *d, SSL *ssl)
{
	char line[PREFACE_MAX_BYTES];
	size_t n = 0;
	while (n < sizeof line && !memchr(line, '\n', n)) {
		if (!SSL_pending(ssl) && !door_wait(d, SSL_get_fd(ssl), POLLIN))
			return false;
		int got = SSL_read(ssl, line + n, (int)(sizeof line - n));
		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	struct preface p;
	struct problems problems = {0};
	bool ok = preface_decode(line, n, &p, &problems) == 0;
	if (ok) {
		snprintf(d->probe, sizeof d->probe, "%s", p.probe);
		snprintf(d->token, sizeof d->token, "%s", p.token);
		d->stream = p.stream;
		d->prefaces++;
	}
	preface_clear(&p);
	return ok;
}

static int door_backend(struct door *d)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	unsigned char greeting[GREETING_BYTES];
	snprintf(at.sun_path, sizeof at.sun_path, "%s", d->backend);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	greeting_make(greeting, GREETING_REQ);
	if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
		write(fd, greeting, sizeof greeting) == sizeof greeting &&
		read(fd, greeting, sizeof greeting) == sizeof greeting &&
		greeting_is(greeting, GREETING_REP))
		return fd;
	close(fd);
	return -1;
}

static void door_splice(struct door *d, SSL *ssl)
{
	static char bytes[65536];
	int far = door_backend(d);
	struct pollfd p[2] = {
		{.fd = SSL_get_fd(ssl), .events = POLLIN}, {.fd = far, .events = POLLIN}};
	while (far != -1 && !d->stop && !d->cut) {
		bool pending = SSL_pending(ssl) > 0;
		poll(p, 2, pending ? 0 : 10);
		if (pending || p[0].revents) {
			int n = SSL_read(ssl, bytes, sizeof bytes);
			if (n <= 0 || write(far, bytes, (size_t)n) != n)
				break;
		}
		if (p[1].revents) {
			ssize_t n = read(far, bytes, sizeof bytes);
			if (n <= 0 || !door_write(ssl, bytes, (size_t)n))
				break;
		}
	}
	if (far != -1)
		close(far);
}

static void door_sink(struct door *d, SSL *ssl)
{
	static unsigned char bytes[16384];
	while (!d->stop && !d->cut) {
		if (!d->go) {
			poll(NULL, 0, 5);
			continue;
		}
		if (!SSL_pending(ssl) && !door_wait(d, SSL_get_fd(ssl), POLLIN))
			return;
		int n = SSL_read(ssl, bytes, sizeof bytes);
		if (n <= 0)
			return;
		unsigned sum = 0;
		for (int i = 0; i < n; i++)
			sum = sum + (bytes[i] == DOOR_BYTE(d->sunk_bytes + i));
		d->sum += sum;
		d->sunk_bytes += n;
	}
}

static void door_source(struct door *d, SSL *ssl)
{
	unsigned char bytes[10000];
	while (!d->go && !d->stop)
		poll(NULL, 0, 5);
	for (long i = 0; i < d->bulk_bytes && !d->stop;) {
		size_t n = 0;
		for (; n < sizeof bytes && i + (long)n < d->bulk_bytes; n++)
			bytes[n] = DOOR_BYTE(i + (long)n);
		if (!door_wait(d, SSL_get_fd(ssl), POLLOUT) || !door_write(ssl, bytes, n))
			return;
		i += (long)n;
		d->sunk_bytes = i;
	}
}

static void door_hold(struct door *d, SSL *ssl)
{
	char byte;
	if (door_wait(d, SSL_get_fd(ssl), POLLIN))
		(void)SSL_read(ssl, &byte, 1);
}

static void door_act(struct door *d, SSL *ssl)
{
	static const char yes[] = "{\"type\":\"accepted\"}\n",
			  no[] = "{\"type\":\"refused\",\"code\":\"unauthorized\",\"detail\":\"no "
				 "such probe here\"}\n",
			  other[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	char endless[2 * PREFACE_MAX_BYTES];
	int n;
	switch ((enum door_act)d->act) {
	case DOOR_SPLICE:
		if (door_write(ssl, yes, sizeof yes - 1))
			door_splice(d, ssl);
		break;
	case DOOR_REFUSE:
		door_write(ssl, no, sizeof no - 1);
		break;
	case DOOR_GARBAGE:
		door_write(ssl, other, sizeof other - 1);
		break;
	case DOOR_ENDLESS:
		memset(endless, ' ', sizeof endless);
		door_write(ssl, endless, sizeof endless);
		door_hold(d, ssl);
		break;
	case DOOR_CUT:
		door_write(ssl, yes, 9);
		return; /* without a TLS goodbye */
	case DOOR_SINK:
		if (door_write(ssl, yes, sizeof yes - 1))
			door_sink(d, ssl);
		break;
	case DOOR_SOURCE:
		if (door_write(ssl, yes, sizeof yes - 1))
			door_source(d, ssl);
		door_hold(d, ssl);
		break;
	case DOOR_HOLD:
		door_write(ssl, yes, sizeof yes - 1);
		door_hold(d, ssl);
		break;
	case DOOR_SILENT:
		door_hold(d, ssl);
		break;
	case DOOR_FACTS:
		n = snprintf(endless, sizeof endless,
			"{\"type\":\"accepted\",\"now_wall_ms\":%lld,\"standing\":\"%s\"}\n",
			(long long)clock_wall_ms() + d->clock_off_ms, d->standing);
		door_write(ssl, endless, (size_t)n);
		break;
	}
	SSL_shutdown(ssl);
}

static void *door_main(void *arg)
{
	struct door *d = arg;
	while (door_wait(d, d->listener, POLLIN) || !d->stop) {
		d->cut = 0;
		struct pollfd p = {.fd = d->listener, .events = POLLIN};
		if (poll(&p, 1, 10) != 1)
			continue;
		int fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd == -1)
			continue;
		d->accepts++;
		struct timeval patience = {.tv_sec = 3};
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
		SSL *ssl = SSL_new(d->ctx);
		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1 && door_read_preface(d, ssl))
			door_act(d, ssl);
		SSL_free(ssl);
		close(fd);
	}
	return NULL;
}

/* MAX_VERSION 0: TLS 1.3. ALPN: whether it knows quorate/1. */
static void door_open(struct door *d, const char *dir, int max_version, bool alpn)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	d->ca = pki_make("door CA", NULL, NULL, -PKI_DAY, PKI_DAY);
	d->cert = pki_make("door", "DNS:door.test,IP:127.0.0.1", &d->ca, -PKI_DAY, PKI_DAY);
	snprintf(d->dir, sizeof d->dir, "%s", dir);
	pki_write(dir, "ca.pem", d->ca.x509, NULL);
	door_pin(d);
	d->ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(d->ctx, d->cert.x509);
	SSL_CTX_use_PrivateKey(d->ctx, d->cert.key);
	if (max_version)
		SSL_CTX_set_max_proto_version(d->ctx, max_version);
	if (alpn)
		SSL_CTX_set_alpn_select_cb(d->ctx, door_alpn, NULL);
	d->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(d->listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(d->listener, 8), 0);
	assert_int_equal(getsockname(d->listener, (struct sockaddr *)&at, &n), 0);
	d->port = ntohs(at.sin_port);
	snprintf(d->address, sizeof d->address, "127.0.0.1:%d", d->port);
	assert_int_equal(pthread_create(&d->thread, NULL, door_main, d), 0);
}

static void door_close(struct door *d)
{
	if (!d->ctx)
		return;
	d->stop = 1;
	pthread_join(d->thread, NULL);
	close(d->listener);
	SSL_CTX_free(d->ctx);
	pki_free(&d->cert);
	pki_free(&d->ca);
	char path[80];
	snprintf(path, sizeof path, "%s/ca.pem", d->dir);
	unlink(path);
}

#endif
