// SPDX-License-Identifier: MIT
/*
 * Debian's libcurl knows two protocols for ALPN, http/1.1 and h2; ours is set on the SSL_CTX that it
 * hands over. A dial that is given up while a name is being looked up must not wait for the lookup:
 * CURLOPT_QUICK_EXIT leaves the thread to itself.
 */
#include "probe/dial.h"

#include "proto/base/buf.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "proto/preface.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* An idle connection is looked after, too: lost after 10 + 3 · 5 s. */
#define KEEPALIVE_IDLE_S     10
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT      3

struct dial {
	struct curl_loop *cl;
	CURL *easy;
	struct curl_slist *scratch;
	dial_done_fn done;
	void *arg;
	bool spoken_to; /* the server has chosen our protocol */
	CURLcode code;
	struct dial_facts seen; /* of the handshake and of the proxy's name */
	char error[CURL_ERROR_SIZE];
};

/* ---- addresses */

int dial_split(const char *address, char host[NET_HOST_SIZE], int *port, const char **why)
{
	*why = "HOST:PORT, [V6]:PORT or HOST, with a port from 1 to 65535";
	const char *bracket = strrchr(address, ']'), *colon = strrchr(address, ':');
	char whole[NET_HOST_SIZE + 8];
	size_t n = strlen(address);
	if (n >= NET_HOST_SIZE || strpbrk(address, " \t\r\n/@\"'\\?#%"))
		return -1;
	memcpy(whole, address, n + 1);
	if (!colon || (bracket && colon < bracket))
		memcpy(whole + n, ":443", 5);
	if (net_split_target(whole, host, port))
		return -1;
	size_t n_host = strlen(host);
	if (host[0] != '[')
		return strpbrk(host, "[]") ? -1 : 0;
	struct sockaddr_storage literal;
	return host[n_host - 1] == ']' && net_parse_literal(host, &literal) ? 0 : -1;
}

/* ---- the options that link and enrolment share */

static int set_sockopt(curl_socket_t fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

/* A peer, or a proxy, that vanished without a word is noticed by the kernel. */
static int on_socket(void *arg UNUSED, curl_socket_t fd, curlsocktype purpose UNUSED)
{
	(void)set_sockopt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	(void)set_sockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	(void)set_sockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	(void)set_sockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
	(void)set_sockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, DIAL_SILENCE_MS);
	(void)set_sockopt(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1); /* see the door's */
	return CURL_SOCKOPT_OK;
}

static void set_trust(CURL *easy, const struct coordinator_conf *c)
{
	struct buf pins;
	buf_init(&pins, 4096);
	for (size_t i = 0; i < c->pin.n; i++)
		if (buf_printf(&pins, "%s%s", i ? ";" : "", c->pin.item[i]))
			break; /* the schema has bounded them far below */
	long verify = c->pin.n && !c->ca ? 0 : 1;
	if (c->pin.n)
		curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, buf_text(&pins));
	buf_clear(&pins);
	if (c->ca) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L); /* no peer goes unproven */
}

/* A user in the proxy's URL brings an empty password along, which libcurl prefers to ours: the two
 * are set by themselves. */
static void set_proxy_user(CURL *easy, const char *proxy, const char *password)
{
	CURLU *url = curl_url();
	char *user = NULL, *bare = NULL;
	ensure(url);
	if (curl_url_set(url, CURLUPART_URL, proxy, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_USER, &user, CURLU_URLDECODE) == CURLUE_OK &&
		curl_url_set(url, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
		curl_url_get(url, CURLUPART_URL, &bare, 0) == CURLUE_OK) {
		curl_easy_setopt(easy, CURLOPT_PROXY, bare);
		curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, user);
		curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, password ? password : "");
	}
	curl_free(user);
	curl_free(bare);
	curl_url_cleanup(url);
}

/* Without one in the configuration libcurl follows the environment by itself. */
static void set_proxy(CURL *easy, const struct dial_config *config)
{
	const char *proxy = config->coordinator->proxy;
	curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
	if (!proxy)
		return;
	bool none = strcmp(proxy, "none") == 0;
	curl_easy_setopt(easy, CURLOPT_PROXY, none ? "" : proxy);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, ""); /* nor no_proxy of the environment */
	if (!none)
		set_proxy_user(easy, proxy, config->proxy_password);
}

int dial_set(CURL *easy, const struct dial_config *config, const char *address, const char *path,
	struct curl_slist **scratch)
{
	const struct coordinator_conf *c = config->coordinator;
	char host[NET_HOST_SIZE];
	const char *why;
	int port;
	*scratch = NULL;
	if (dial_split(address, host, &port, &why))
		return -1;
	const char *name = c->name ? c->name : host;
	char *url = mem_printf("https://%s:%d%s", name, port, path);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	free(url);
	if (c->name) { /* the name is proven, the address is dialled */
		char *to = mem_printf("%s:%d:%s:%d", name, port, host, port);
		*scratch = curl_slist_append(NULL, to);
		ensure(*scratch);
		free(to);
		curl_easy_setopt(easy, CURLOPT_CONNECT_TO, *scratch);
	}
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)DIAL_MS);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)DIAL_MS);
	set_trust(easy, c);
	set_proxy(easy, config);
	return 0;
}

const char *dial_error(CURLcode code, const char *says)
{
	if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
		return "the server's key is none of the pinned ones";
	return says && says[0] ? says : curl_easy_strerror(code);
}

/* ---- one connection */

static void write_name(const X509_NAME *name, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = -1;
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) >= 0)
		n = BIO_read(bio, out, (int)size - 1);
	out[n > 0 ? n : 0] = 0;
	BIO_free(bio);
}

static void write_pin(X509 *certificate, char *out, size_t size)
{
	unsigned char *der = NULL, hash[SHA256_DIGEST_LENGTH], text[64];
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	out[0] = 0;
	if (n > 0 && EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL) == 1) {
		EVP_EncodeBlock(text, hash, sizeof hash);
		snprintf(out, size, "sha256//%.44s", (const char *)text);
	}
	OPENSSL_free(der);
}

/* Only looks: what is believed is libcurl's affair. Comes for each certificate, the server's last. */
static int on_certificate(int believed, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct dial *d = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct dial_facts *seen = &d->seen;
	X509 *certificate = X509_STORE_CTX_get0_cert(store);
	if (!believed && !seen->verify)
		seen->verify = X509_STORE_CTX_get_error(store);
	if (!certificate || seen->pin[0])
		return believed;
	write_name(X509_get_subject_name(certificate), seen->subject, sizeof seen->subject);
	write_name(X509_get_issuer_name(certificate), seen->issuer, sizeof seen->issuer);
	write_pin(certificate, seen->pin, sizeof seen->pin);
	return believed;
}

static void on_handshake(const SSL *ssl, int where, int result UNUSED)
{
	const unsigned char *chosen;
	unsigned n;
	struct dial *d = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	if (where & SSL_CB_HANDSHAKE_START)
		d->seen.connected = true;
	if (!(where & SSL_CB_HANDSHAKE_DONE))
		return;
	SSL_get0_alpn_selected(ssl, &chosen, &n);
	d->seen.tls = true;
	d->spoken_to = n == strlen(PREFACE_ALPN) && memcmp(chosen, PREFACE_ALPN, n) == 0;
}

static CURLcode on_ssl_ctx(CURL *easy UNUSED, void *ssl_ctx, void *arg)
{
	static const unsigned char alpn[] = "\x09" PREFACE_ALPN;
	SSL_CTX *ctx = ssl_ctx;
	_Static_assert(sizeof PREFACE_ALPN - 1 == 9, "the length byte of alpn");
	if (SSL_CTX_set_alpn_protos(ctx, alpn, sizeof alpn - 1) != 0)
		return CURLE_SSL_CONNECT_ERROR;
	/* what waits to be sent may move in its buffer, and grow */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_app_data(ctx, arg);
	SSL_CTX_set_info_callback(ctx, on_handshake);
	SSL_CTX_set_verify(ctx, SSL_CTX_get_verify_mode(ctx), on_certificate);
	return CURLE_OK;
}

static void on_done(void *arg, CURL *easy UNUSED, CURLcode code)
{
	struct dial *d = arg;
	d->code = code;
	if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH) {
		char why[2 * sizeof d->seen.subject + 200];
		bool own = strcmp(d->seen.subject, DIAL_OWN_SUBJECT) == 0;
		snprintf(why, sizeof why, "%s; its certificate is of \"%s\", issued by \"%s\"%s",
			dial_error(code, NULL), d->seen.subject, d->seen.issuer,
			own ? ": changed twice meanwhile? join anew ('quorate probe token')" : "");
		d->done(d->arg, utf8_trim(why));
	} else if (code != CURLE_OK)
		d->done(d->arg, dial_error(code, d->error));
	else if (!d->spoken_to)
		d->done(d->arg, "the server does not speak " PREFACE_ALPN);
	else if (dial_fd(d) == -1)
		d->done(d->arg, "the connection closed at once");
	else
		d->done(d->arg, NULL);
}

/* libcurl follows the environment by itself, no_proxy and all, and tells what it took only here. */
static int on_debug(CURL *easy UNUSED, curl_infotype type, char *text, size_t size, void *arg)
{
	static const char says[] = "Uses proxy env variable ";
	struct dial_facts *seen = arg;
	size_t skip = sizeof says - 1, n = 0;
	if (type == CURLINFO_HEADER_OUT) /* CONNECT: somebody is there */
		seen->connected = true;
	if (type != CURLINFO_TEXT || size < skip || memcmp(text, says, skip) != 0)
		return 0;
	while (skip + n < size && text[skip + n] != ' ' && n < sizeof seen->proxy_variable - 1)
		n++;
	if (n >= 8 && strncasecmp(text + skip, "no_proxy", 8) == 0)
		return 0;
	memcpy(seen->proxy_variable, text + skip, n);
	seen->proxy_variable[n] = 0;
	return 0;
}

struct dial *dial_start(struct curl_loop *cl, const struct dial_config *config, const char *address,
	dial_done_fn done, void *arg)
{
	struct dial *d = mem_alloc(sizeof *d);
	*d = (struct dial){.cl = cl, .easy = curl_easy_init(), .done = done, .arg = arg};
	ensure(d->easy);
	ensure(dial_set(d->easy, config, address, "/", &d->scratch) ==
		0); /* the schema has looked */
	curl_easy_setopt(d->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(d->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(d->easy, CURLOPT_ERRORBUFFER, d->error);
	curl_easy_setopt(d->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	curl_easy_setopt(d->easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	curl_easy_setopt(d->easy, CURLOPT_SSL_CTX_DATA, d);
	if (config->curious) {
		curl_easy_setopt(d->easy, CURLOPT_DEBUGFUNCTION, on_debug);
		curl_easy_setopt(d->easy, CURLOPT_DEBUGDATA, &d->seen);
		curl_easy_setopt(d->easy, CURLOPT_VERBOSE, 1L);
	}
	curl_loop_connect(cl, d->easy, on_done, d);
	return d;
}

void dial_free(struct dial *d)
{
	if (!d)
		return;
	curl_loop_cancel(d->cl, d->easy);
	curl_easy_cleanup(d->easy);
	curl_slist_free_all(d->scratch);
	free(d);
}

void dial_facts(const struct dial *d, struct dial_facts *out)
{
	curl_off_t lookup_us = 0;
	char *address = NULL;
	*out = d->seen;
	out->code = d->code;
	out->alpn = d->spoken_to;
	curl_easy_getinfo(d->easy, CURLINFO_NAMELOOKUP_TIME_T, &lookup_us);
	curl_easy_getinfo(d->easy, CURLINFO_OS_ERRNO, &out->os_errno);
	curl_easy_getinfo(d->easy, CURLINFO_PRIMARY_IP, &address);
	curl_easy_getinfo(d->easy, CURLINFO_HTTP_CONNECTCODE, &out->proxy_status);
	curl_easy_getinfo(d->easy, CURLINFO_PROXYAUTH_AVAIL, &out->proxy_auth);
	out->looked_up = lookup_us > 0;
	snprintf(out->address, sizeof out->address, "%s", address ? address : "");
}

int dial_fd(const struct dial *d)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	if (curl_easy_getinfo(d->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK)
		return -1;
	return fd == CURL_SOCKET_BAD ? -1 : fd;
}

ssize_t dial_recv(struct dial *d, void *out, size_t size_bytes)
{
	size_t n = 0;
	CURLcode code = curl_easy_recv(d->easy, out, size_bytes, &n);
	if (code == CURLE_AGAIN)
		return 0;
	return code == CURLE_OK && n > 0 ? (ssize_t)n : -1;
}

ssize_t dial_send(struct dial *d, const void *data, size_t size_bytes)
{
	size_t n = 0;
	CURLcode code = curl_easy_send(d->easy, data, size_bytes, &n);
	if (code == CURLE_AGAIN)
		return 0;
	return code == CURLE_OK ? (ssize_t)n : -1;
}
