// SPDX-License-Identifier: MIT
/*
 * The physical floor: the same work in bare C, without everything that makes a check of it (no deadline,
 * no policy, no reasons, no loop).
 *
 *   floor icmp N AT_A_TIME
 *   floor tcp|tcp20|http|tls|curl|curls N PORT [CA.pem]  on 127.0.0.1; tcp20: 20 at a time, curl: plain libcurl, curls: with TLS
 *   floor million N 0                                  a million instructions, to see what counts them
 */
#include "tests/bench/bench_kit.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

#define BATCH_MAX 256

static struct sockaddr_in to = {.sin_family = AF_INET};
static const char *ca_file;
static SSL_CTX *tls;
static CURL *easy;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(3);
}

/* ---- ICMP: batches of echo requests, and as many reads */

/* A raw socket sees the requests too, where they come back on loopback: they are no answers. */
static int icmp_socket(void)
{
	struct icmp_filter filter = {.data = ~(1U << ICMP_ECHOREPLY)};
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	if (fd != -1)
		return fd;
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	must(fd != -1, "an ICMP socket");
	must(setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) == 0, "ICMP_FILTER");
	return fd;
}

/* With its checksum, without which a raw socket's request is not answered; the payload is zero. */
static struct icmphdr icmp_request(uint16_t sequence)
{
	unsigned sum = (ICMP_ECHO << 8) + sequence;
	sum = (sum & 0xffff) + (sum >> 16);
	return (struct icmphdr){.type = ICMP_ECHO,
		.checksum = htons((uint16_t)~sum),
		.un.echo.sequence = htons(sequence)};
}

static long batch; /* packets that go with one call; the next follow when all are answered */

static long icmp(long n)
{
	static struct packet {
		struct icmphdr head;
		char payload[56];
	} packet[BATCH_MAX];
	static struct mmsghdr out[BATCH_MAX], in[BATCH_MAX];
	static struct iovec out_at[BATCH_MAX], in_at[BATCH_MAX];
	static char room[BATCH_MAX][256];
	static int fd = -1;
	if (fd == -1)
		fd = icmp_socket();
	for (int i = 0; i < BATCH_MAX; i++) {
		out_at[i] = (struct iovec){&packet[i], sizeof(packet[i])};
		in_at[i] = (struct iovec){room[i], sizeof(room[i])};
		out[i].msg_hdr = (struct msghdr){.msg_name = &to,
			.msg_namelen = sizeof(to),
			.msg_iov = &out_at[i],
			.msg_iovlen = 1};
		in[i].msg_hdr = (struct msghdr){.msg_iov = &in_at[i], .msg_iovlen = 1};
	}
	for (long done = 0; done < n; done += batch) {
		int answered = 0, some = (int)(n - done < batch ? n - done : batch);
		for (int i = 0; i < some; i++)
			packet[i].head = icmp_request((uint16_t)(done + i));
		must(sendmmsg(fd, out, (unsigned)some, 0) == some, "sendmmsg");
		while (answered < some) {
			int got = recvmmsg(fd, in, (unsigned)some, MSG_WAITFORONE, NULL);
			must(got > 0, "recvmmsg");
			answered += got;
		}
	}
	return 0;
}

/* ---- TCP */

static int connected(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	must(fd != -1, "socket");
	must(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
	return fd;
}

static long tcp(long n)
{
	static const struct linger reset = {.l_onoff = 1};
	for (long i = 0; i < n; i++) {
		int fd = connected();
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
	return 0;
}

/* As many on their way as of the checks beside it: none of them is in the processor's caches any more
 * when its answer comes. */
#define TOGETHER 20

static long tcp_together(long n)
{
	static const struct linger reset = {.l_onoff = 1};
	struct pollfd at[TOGETHER];
	for (long done = 0; done < n; done += TOGETHER) {
		for (int i = 0; i < TOGETHER; i++) {
			int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
			must(fd != -1, "socket");
			must(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ||
					errno == EINPROGRESS,
				"connect");
			at[i] = (struct pollfd){.fd = fd, .events = POLLOUT};
		}
		for (int left = TOGETHER; left > 0;) {
			must(poll(at, TOGETHER, -1) > 0, "poll");
			for (int i = 0; i < TOGETHER; i++) {
				if (at[i].fd == -1 || at[i].revents == 0)
					continue;
				must(at[i].revents == POLLOUT, "connect");
				setsockopt(at[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
				close(at[i].fd);
				at[i].fd = -1;
				left--;
			}
		}
	}
	return 0;
}

/* ---- HTTP and TLS on new connections */

#define REQUEST "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"

static long http(long n)
{
	static char answer[8192];
	long failed = 0;
	for (long i = 0; i < n; i++) {
		int fd = connected();
		ssize_t got, all = 0;
		must(write(fd, REQUEST, strlen(REQUEST)) == (ssize_t)strlen(REQUEST), "write");
		while ((got = read(fd, answer, sizeof(answer))) > 0)
			all += got;
		failed += all < 15 || memcmp(answer, "HTTP/1.1 200 OK", 15) != 0;
		close(fd);
	}
	return failed;
}

static void tls_begin(void)
{
	tls = SSL_CTX_new(TLS_client_method());
	must(tls != NULL && SSL_CTX_load_verify_file(tls, ca_file) == 1, "TLS");
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
}

static long tls_loop(long n)
{
	static char answer[8192];
	long failed = 0;
	for (long i = 0; i < n; i++) {
		int fd = connected(), got, all = 0;
		SSL *ssl = SSL_new(tls);
		must(ssl != NULL && SSL_set_fd(ssl, fd) == 1, "SSL_new");
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "127.0.0.1");
		must(SSL_connect(ssl) == 1, "SSL_connect");
		must(SSL_write(ssl, REQUEST, (int)strlen(REQUEST)) > 0, "SSL_write");
		while ((got = SSL_read(ssl, answer, sizeof(answer))) > 0)
			all += got;
		failed += all < 15 || memcmp(answer, "HTTP/1.1 200 OK", 15) != 0;
		SSL_free(ssl);
		close(fd);
	}
	return failed;
}

/* ---- plain libcurl: one handle kept, each transfer on a new connection */

static size_t swallow(char *data UNUSED, size_t size, size_t n, void *arg UNUSED)
{
	return size * n;
}

static void curl_begin(bool with_tls)
{
	char url[64];
	snprintf(url, sizeof(url), "http%s://127.0.0.1:%d/", with_tls ? "s" : "",
		ntohs(to.sin_port));
	easy = curl_easy_init();
	must(easy != NULL, "curl");
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}

static long curl_loop(long n)
{
	long failed = 0, status;
	for (long i = 0; i < n; i++) {
		CURLcode code = curl_easy_perform(easy);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		failed += code != CURLE_OK || status != 200;
	}
	return failed;
}

/* ---- nothing but instructions, two a step */

static long million(long n)
{
	for (volatile long i = 0; i < n; i++) {
#ifdef __x86_64__
		long steps = 500000;
		__asm__ volatile("1:	dec %0\n	jnz 1b" : "+r"(steps) : : "cc");
#else
		must(false, "not known on this kind of processor: instructions");
#endif
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		long (*run)(long n);
	} loops[] = {{"icmp", icmp}, {"tcp", tcp}, {"tcp20", tcp_together}, {"http", http},
		{"tls", tls_loop}, {"curl", curl_loop}, {"curls", curl_loop}, {"million", million}};
	size_t k = 0;
	while (argc >= 4 && k < ARRAY_LEN(loops) && strcmp(argv[1], loops[k].name) != 0)
		k++;
	if (argc < 4 || k == ARRAY_LEN(loops))
		return fprintf(stderr,
			       "usage: floor icmp N AT_A_TIME\n"
			       "       floor tcp|tcp20|http|tls|curl|curls|million N PORT [CA]\n"),
		       3;
	long n = strtol(argv[2], NULL, 10);
	to.sin_port = htons((uint16_t)strtol(argv[3], NULL, 10));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ca_file = argv[4];
	if (loops[k].run == tls_loop)
		tls_begin();
	else if (loops[k].run == curl_loop)
		curl_begin(strcmp(argv[1], "curls") == 0);
	else if (loops[k].run == icmp) {
		batch = ntohs(to.sin_port);
		to.sin_port = 0;
		if (batch < 1 || batch > BATCH_MAX)
			return fprintf(stderr, "floor: AT_A_TIME is 1 to %d\n", BATCH_MAX), 3;
	}
	int counter = bench_counter();
	loops[k].run(n / 10 + 1);
	struct spent from = bench_spent(counter);
	long failed = loops[k].run(n);
	struct spent after = bench_spent(counter);
	bench_tell(n, failed, &from, &after);
	return 0;
}
