// SPDX-License-Identifier: MIT
/*
 * What the tests of checks need: an engine on a loop, one check run to its end, scripted TCP peers
 * and a name server in threads of their own. Peers wait for what the other side does (a byte, an
 * end), never for time.
 */
#ifndef TESTS_UNIT_CHECK_KIT_H
#define TESTS_UNIT_CHECK_KIT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/check.h"
#include "probe/resolver.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- an engine, and one check at a time */

struct kit {
	struct loop *loop;
	struct policy policy;
	struct engine *engine;
	struct result result;
	int done;
};

UNUSED static void kit_allow(struct kit *k, const char *cidr)
{
	const char *why;
	assert_int_equal(policy_allow(&k->policy, cidr, &why), 0);
}

UNUSED static void kit_open_with(struct kit *k, const struct engine_limits *limits)
{
	memset(k, 0, sizeof(*k));
	log_set_level(LOG_LEVEL_ERROR);
	k->loop = loop_new();
	kit_allow(k, "127.0.0.0/8");
	kit_allow(k, "::1");
	k->engine = engine_new(k->loop, &k->policy, limits);
	assert_non_null(k->engine);
}

UNUSED static void kit_open(struct kit *k)
{
	const struct engine_limits limits = {.in_flight_max = 64,
		.per_second = 100000,
		.per_destination = 100000,
		.body_max_bytes = 100000};
	kit_open_with(k, &limits);
}

UNUSED static void kit_close(struct kit *k)
{
	result_clear(&k->result);
	engine_free(k->engine);
	policy_clear(&k->policy);
	loop_free(k->loop);
}

UNUSED static struct monitor kit_monitor(
	enum check_kind kind, const char *target, int64_t timeout_ms)
{
	struct monitor m;
	memset(&m, 0, sizeof(m));
	m.type = (int)kind;
	m.target = mem_strdup(target);
	m.interval_ms = 60000;
	m.timeout_ms = timeout_ms;
	m.request.verify = true;
	m.request.packets = UNSET;
	m.expect.response_time = (struct threshold_ms){.warning_ms = UNSET, .critical_ms = UNSET};
	m.expect.rtt = (struct threshold_ms){.warning_ms = UNSET, .critical_ms = UNSET};
	m.expect.jitter = (struct threshold_ms){.warning_ms = UNSET, .critical_ms = UNSET};
	m.expect.certificate_days =
		(struct threshold_days){.warning_days = UNSET, .critical_days = UNSET};
	m.expect.loss = (struct threshold_percent){.warning = -1, .critical = -1};
	m.expect.max_hops = UNSET;
	m.request.starttls = UNSET;
	m.expect.connect_time = (struct threshold_ms){.warning_ms = UNSET, .critical_ms = UNSET};
	m.expect.tls_version = (struct tls_versions){UNSET, UNSET};
	m.expect.ttl = (struct expected_ttl){UNSET, UNSET};
	return m;
}

static void kit_done_cb(void *arg, struct job *job, struct result *result)
{
	struct kit *k = arg;
	(void)job;
	result_clear(&k->result);
	k->result = *result;
	memset(result, 0, sizeof(*result));
	k->done++;
	loop_stop(k->loop);
}

/* Runs one check of TAKE to its end; the result is in the kit until the next one. */
UNUSED static struct result *kit_run(struct kit *k, struct monitor take)
{
	struct job *job = job_new(&take, 7);
	int before = k->done;
	engine_run(k->engine, job, 3, kit_done_cb, k);
	assert_int_equal(k->done, before); /* never before engine_run() returned */
	job_unref(job);
	loop_run(k->loop);
	assert_int_equal(k->done, before + 1);
	assert_int_equal(engine_in_flight(k->engine), 0);
	return &k->result;
}

/* A loop that is LAG_MS late in every turn: a timer burns them. */
struct kit_lag {
	struct timer timer;
	int64_t lag_ms;
};

static void kit_lag_cb(void *arg)
{
	struct kit_lag *lag = arg;
	int64_t until_ms = clock_now_ms() + lag->lag_ms;
	while (clock_now_ms() < until_ms)
		;
	timer_set(&lag->timer, 0);
}

UNUSED static void kit_lag_start(struct kit_lag *lag, struct kit *k, int64_t lag_ms)
{
	lag->lag_ms = lag_ms;
	timer_init(&lag->timer, k->loop, kit_lag_cb, lag);
	timer_set(&lag->timer, 0);
}

UNUSED static void kit_lag_stop(struct kit_lag *lag)
{
	timer_clear(&lag->timer);
}

#define assert_reason(checked, code)                                                               \
	do {                                                                                       \
		const struct result *r_ = (checked);                                               \
		const char *got_ = reason_code((enum reason)r_->reason);                           \
		if (strcmp(got_, code) != 0)                                                       \
			fail_msg("reason %s (%s) instead of %s", got_,                             \
				r_->detail ? r_->detail : "", code);                               \
	} while (0)

/* ---- a scripted TCP peer in a thread */

struct peer {
	int fd, port;
	pthread_t thread;
	void (*serve)(int fd, void *arg); /* one connection after the other */
	void *arg;
	int accepted;
};

UNUSED static int peer_listen(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	assert_int_not_equal(fd, -1);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void *peer_main(void *arg)
{
	struct peer *p = arg;
	int fd;
	while ((fd = accept(p->fd, NULL, NULL)) != -1) {
		__atomic_add_fetch(&p->accepted, 1, __ATOMIC_SEQ_CST);
		p->serve(fd, p->arg);
		close(fd);
	}
	return NULL;
}

UNUSED static void peer_start(struct peer *p, void (*serve)(int fd, void *arg), void *arg)
{
	*p = (struct peer){.serve = serve, .arg = arg};
	p->fd = peer_listen(&p->port);
	assert_int_equal(pthread_create(&p->thread, NULL, peer_main, p), 0);
}

UNUSED static void peer_stop(struct peer *p)
{
	shutdown(p->fd, SHUT_RDWR); /* ends accept() */
	pthread_join(p->thread, NULL);
	close(p->fd);
}

/* A port on loopback on which nobody listens. */
UNUSED static int free_port(void)
{
	int port, fd = peer_listen(&port);
	close(fd);
	return port;
}

/* Reads until the end of a request's headers; returns false when the other side hung up before.
 * TEXT may be NULL. */
UNUSED static bool peer_read_request(int fd, char *text, size_t room)
{
	char local[8192];
	size_t n = 0;
	if (text == NULL) {
		text = local;
		room = sizeof(local);
	}
	while (n + 1 < room) {
		ssize_t got = read(fd, text + n, room - 1 - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
		text[n] = '\0';
		if (strstr(text, "\r\n\r\n") != NULL)
			return true;
	}
	return false;
}

UNUSED static bool peer_say(int fd, const char *text)
{
	size_t n = strlen(text);
	return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

UNUSED static void peer_wait_for_end(int fd)
{
	char byte;
	while (read(fd, &byte, 1) > 0)
		;
}

UNUSED static void peer_reset(int fd)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

/* ---- a name server in a thread: answers A and AAAA by a table */

struct dns_entry {
	const char *name;
	const char *a, *aaaa; /* NULL: none */
	int rcode;            /* 3: NXDOMAIN, 2: SERVFAIL, 5: REFUSED; -1: silence; -2: garbage */
};

struct dns {
	int fd, port;
	pthread_t thread;
	const struct dns_entry *entries; /* ended by a NULL name: the answer to any other */
	int questions;
	char conf[64];
};

static const struct dns_entry *dns_find(const struct dns *d, const char *name)
{
	const struct dns_entry *e = d->entries;
	while (e->name != NULL && strcasecmp(e->name, name) != 0)
		e++;
	return e;
}

/* The question's name as text; returns the offset behind its type and class, 0 when it is none. */
static size_t dns_question(const unsigned char *q, size_t n, char name[256], int *type)
{
	size_t at = 12, out = 0;
	while (at < n && q[at] != 0 && at + q[at] + 1 < n && out + q[at] + 2 < 256) {
		memcpy(name + out, q + at + 1, q[at]);
		out += q[at];
		name[out++] = '.';
		at += q[at] + 1U;
	}
	name[out > 0 ? out - 1 : 0] = '\0';
	if (at + 5 > n)
		return 0;
	*type = q[at + 1] << 8 | q[at + 2];
	return at + 5;
}

static size_t dns_answer(const struct dns *d, unsigned char *q, size_t n, size_t room)
{
	static const unsigned char pointer[] = {0xc0, 12};
	char name[256];
	int type = 0;
	size_t end = n >= 17 ? dns_question(q, n, name, &type) : 0;
	if (end == 0 || end + 32 > room)
		return 0;
	const struct dns_entry *e = dns_find(d, name);
	if (e->rcode == -1)
		return 0;
	q[2] = 0x84;
	q[3] = (unsigned char)(0x80 | (e->rcode > 0 ? e->rcode : 0));
	memset(q + 4, 0, 8);
	q[5] = 1;
	if (e->rcode == -2) { /* an answer is promised and does not come */
		q[7] = 9;
		return end;
	}
	const char *text = type == 1 ? e->a : type == 28 ? e->aaaa : NULL;
	if (e->rcode != 0 || text == NULL)
		return end;
	unsigned char *p = q + end;
	size_t size = type == 1 ? 4 : 16;
	q[7] = 1;
	memcpy(p, pointer, 2);
	p[2] = 0;
	p[3] = (unsigned char)type;
	p[4] = 0;
	p[5] = 1;
	memset(p + 6, 0, 4);
	p[10] = 0;
	p[11] = (unsigned char)size;
	inet_pton(type == 1 ? AF_INET : AF_INET6, text, p + 12);
	return end + 12 + size;
}

static void *dns_main(void *arg)
{
	struct dns *d = arg;
	for (;;) {
		unsigned char q[1024];
		struct sockaddr_in from;
		socklen_t from_bytes = sizeof(from);
		ssize_t n = recvfrom(d->fd, q, sizeof(q), 0, (struct sockaddr *)&from, &from_bytes);
		if (n == 4 && memcmp(q, "stop", 4) == 0)
			return NULL;
		if (n <= 0)
			continue;
		__atomic_add_fetch(&d->questions, 1, __ATOMIC_SEQ_CST);
		size_t size = dns_answer(d, q, (size_t)n, sizeof(q));
		if (size > 0)
			sendto(d->fd, q, size, 0, (struct sockaddr *)&from, from_bytes);
	}
}

UNUSED static void dns_write_conf(struct dns *d, const char *text)
{
	char fresh[80]; /* renamed into place, as tools that write resolv.conf do */
	snprintf(fresh, sizeof(fresh), "%s.new", d->conf);
	FILE *f = fopen(fresh, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(fresh, d->conf), 0);
}

UNUSED static void dns_start_at(
	struct dns *d, const struct dns_entry *entries, const char *ip, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	socklen_t n = sizeof(a);
	memset(d, 0, sizeof(*d));
	inet_pton(AF_INET, ip, &a.sin_addr);
	d->entries = entries;
	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(d->fd, (struct sockaddr *)&a, &n), 0);
	d->port = ntohs(a.sin_port);
	snprintf(d->conf, sizeof(d->conf), "/tmp/quorate-test-resolv.XXXXXX");
	int fd = mkstemp(d->conf);
	assert_int_not_equal(fd, -1);
	close(fd);
	char conf[64];
	snprintf(conf, sizeof(conf), "nameserver %s\n", ip);
	dns_write_conf(d, conf);
	assert_int_equal(pthread_create(&d->thread, NULL, dns_main, d), 0);
}

UNUSED static void dns_start(struct dns *d, const struct dns_entry *entries)
{
	dns_start_at(d, entries, "127.0.0.1", 0);
}

UNUSED static void dns_stop(struct dns *d)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	getsockname(d->fd, (struct sockaddr *)&a, &n);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sendto(fd, "stop", 4, 0, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	pthread_join(d->thread, NULL);
	close(d->fd);
	unlink(d->conf);
}

UNUSED static void kit_use_dns(struct kit *k, struct dns *d)
{
	struct resolver *r = resolver_new_with(k->loop, d->conf, d->port);
	assert_non_null(r);
	engine_use_resolver(k->engine, r);
}

#endif
