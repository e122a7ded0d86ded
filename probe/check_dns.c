// SPDX-License-Identifier: MIT
/*
 * dns: what a name server says of a name. The server is the one that the monitor names, under the
 * address policy like any other target, or the machine's own (resolv.conf), which every look-up of a
 * check asks anyway.
 *
 * A question over UDP is repeated while nothing comes back; each address of a server has an equal share
 * of the time that is left, as with tcp. An answer that was cut off is asked for again over TCP, and a
 * server that stumbles over EDNS is asked without (RFC 6891, section 6.2.2). Each address has a
 * connected socket with a port of the kernel's choice, so nobody else's packets reach it, and a random
 * id; what does not answer the question is counted, and waited out.
 */
#include "probe/check.h"
#include "probe/dns_judge.h"
#include "probe/net.h"
#include "probe/resolver.h"
#include "proto/base/buf.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/monitor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPEAT_FIRST_MS 1500 /* doubled each time; sooner where the time is short */
#define TRIES           3    /* per address, over UDP */
#define DATAGRAMS_MAX   16   /* read in one turn of the loop */
#define TCP_MAX_BYTES   (2 + 65535)

enum way { WAY_NONE, WAY_UDP, WAY_TCP_CONNECT, WAY_TCP };

struct dns_state {
	struct check *check;
	struct dns_question question;
	struct resolver_query *lookup;
	struct sockaddr_storage server[ADDRESSES_MAX];
	int n_servers, next; /* index of the server to ask next */
	enum way way;
	int fd; /* -1: none */
	struct watch_fd watch;
	struct timer turn, repeat;
	int64_t began_at_us, repeat_ms;
	int tries;
	int foreign;                            /* answers that did not answer the question */
	bool truncated;                         /* the UDP answer was */
	unsigned char query[2 + DNS_QUERY_MAX]; /* its length first, for TCP */
	size_t query_bytes, sent_bytes;         /* with the length */
	struct buf in;                          /* TCP */
	char at[NET_ADDRESS_SIZE];
	/* the most telling failure so far */
	bool failed;
	enum reason reason;
	char detail[RESULT_DETAIL_MAX_BYTES];
};

static void ask_next(struct dns_state *s);
static void ask_udp(struct dns_state *s);
static void ask_tcp(struct dns_state *s);

static void hang_up(struct dns_state *s)
{
	timer_stop(&s->turn);
	timer_stop(&s->repeat);
	if (s->fd != -1) {
		watch_fd_clear(&s->watch);
		close(s->fd);
	}
	s->fd = -1;
	s->way = WAY_NONE;
}

static struct sockaddr *current(struct dns_state *s)
{
	return (struct sockaddr *)&s->server[s->next - 1];
}

/* ---- failures of one server */

static void failed(struct dns_state *s, enum reason reason, const char *detail)
{
	bool ours = reason_class(reason) == REASON_CLASS_INTERNAL;
	check_trace(s->check, "%s", detail);
	if (!s->failed || !ours || reason_class(s->reason) == REASON_CLASS_INTERNAL) {
		s->reason = reason;
		snprintf(s->detail, sizeof(s->detail), "%s", detail);
	}
	s->failed = true;
	if (reason != REASON_INTERNAL_NETWORK)
		mem_set(&s->check->result.address, s->at);
	hang_up(s);
	if (reason == REASON_INTERNAL_RESOURCES)
		check_end(s->check, reason, "%s", detail);
	else
		ask_next(s);
}

/* A failure of the way to the server. */
static void failed_way(struct dns_state *s, enum reason reason, const char *by)
{
	char detail[RESULT_DETAIL_MAX_BYTES];
	bool udp = s->way == WAY_UDP;
	if (udp && reason == REASON_TCP_REFUSED)
		reason = REASON_DNS_UNREACHABLE;
	else if (udp && reason_class(reason) == REASON_CLASS_DOWN &&
		 strncmp(reason_code(reason), "tcp.", 4) == 0)
		reason = REASON_DNS_TIMEOUT;
	snprintf(detail, sizeof(detail), "%s: %s%s%s%s", s->at,
		reason == REASON_DNS_UNREACHABLE ? "nothing answers to DNS there"
						 : reason_text_en(reason),
		by != NULL ? ", says " : "", by != NULL ? by : "",
		s->truncated ? "; its answer over UDP was cut off" : "");
	if (s->truncated && reason_class(reason) == REASON_CLASS_DOWN)
		reason = REASON_DNS_TRUNCATED;
	failed(s, reason, detail);
}

static void failed_with(struct dns_state *s, int error)
{
	char by[NET_ADDRESS_SIZE];
	enum reason reason;
	if (s->fd != -1 && net_read_icmp_error(s->fd, &reason, by)) {
		/* of UDP, "nobody listens on this port" is all that a host says */
		if (error == ECONNREFUSED)
			reason = REASON_TCP_REFUSED;
		failed_way(s, reason, error == ECONNREFUSED ? NULL : by);
	} else {
		failed_way(s, net_reason(error, current(s)), NULL);
	}
}

static void turn_over(struct dns_state *s, enum reason reason)
{
	char detail[RESULT_DETAIL_MAX_BYTES];
	if (s->way == WAY_UDP && s->foreign > 0) {
		reason = REASON_DNS_BAD_RESPONSE;
		snprintf(detail, sizeof(detail),
			"%s answered %d times, but never to the question that was asked", s->at,
			s->foreign);
	} else if (s->way == WAY_UDP) {
		snprintf(detail, sizeof(detail), "no answer from %s to %d questions", s->at,
			s->tries);
	} else {
		failed_way(s, reason, NULL);
		return;
	}
	failed(s, reason, detail);
}

static void on_turn_over(void *arg)
{
	struct dns_state *s = arg;
	if (!s->check->ended)
		turn_over(s, s->way == WAY_TCP_CONNECT ? REASON_TCP_TIMEOUT : REASON_DNS_TIMEOUT);
}

/* ---- answers */

static void answered(struct dns_state *s, const struct dns_answer *a)
{
	struct check *check = s->check;
	const char *transport =
		dns_transport_names[s->way == WAY_UDP ? TRANSPORT_UDP : TRANSPORT_TCP];
	check->result.phases.first_byte_us = clock_now_us() - s->began_at_us;
	check_trace(check, "%s answers over %s", s->at, transport);
	mem_set(&check->result.address, s->at);
	mem_set(&check->result.dns.transport, transport);
	hang_up(s);
	dns_judge(check, &s->question, a, s->at);
}

/* Returns false when it was not the answer and the wait goes on. */
static bool take_answer(struct dns_state *s, const void *data, size_t size_bytes)
{
	struct dns_answer a;
	const char *why;
	char detail[RESULT_DETAIL_MAX_BYTES];
	bool udp = s->way == WAY_UDP, used = true;
	enum dns_parsed parsed = dns_answer_parse(&s->question, data, size_bytes, &a, &why);
	if (parsed == DNS_PARSED && a.tc && !udp) {
		parsed = DNS_BAD;
		why = "it is cut off, and that over TCP";
	}
	if (parsed == DNS_FOREIGN && udp) {
		s->foreign++;
		used = false;
	} else if (parsed != DNS_PARSED) {
		snprintf(detail, sizeof(detail), "the answer of %s makes no sense: %s", s->at,
			parsed == DNS_BAD ? why : "it is to another question");
		failed(s, REASON_DNS_BAD_RESPONSE, detail);
	} else if (a.tc) {
		check_trace(s->check, "the answer of %s is cut off: again over TCP", s->at);
		s->truncated = true;
		ask_tcp(s);
	} else if ((a.rcode == 1 || a.rcode == 4) && s->question.edns && !a.edns) {
		check_trace(s->check, "%s does not know EDNS: again without", s->at);
		s->question.edns = false;
		if (udp)
			ask_udp(s);
		else
			ask_tcp(s);
	} else {
		answered(s, &a);
	}
	dns_answer_clear(&a);
	return used;
}

/* ---- UDP */

static void on_datagram(void *arg, int fd, int what UNUSED)
{
	struct dns_state *s = arg;
	unsigned char data[4096];
	for (int i = 0; i < DATAGRAMS_MAX && !s->check->ended; i++) {
		ssize_t n = recv(fd, data, sizeof(data), 0);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n == -1) {
			failed_with(s, errno);
			return;
		}
		if (take_answer(s, data, (size_t)n))
			return; /* the socket is gone */
	}
}

static void send_question(void *arg)
{
	struct dns_state *s = arg;
	if (s->check->ended || s->way != WAY_UDP)
		return;
	s->tries++;
	check_trace(s->check, "asking %s over UDP", s->at);
	if (send(s->fd, s->query + 2, s->query_bytes - 2, MSG_NOSIGNAL) == -1 && errno != EAGAIN) {
		failed_with(s, errno);
		return;
	}
	if (s->tries < TRIES)
		timer_set(&s->repeat, s->repeat_ms);
	s->repeat_ms *= 2;
}

/* The id is as hard to guess as the port: a new one for each socket. */
static int open_socket(struct dns_state *s, int type, void (*ready)(void *arg, int fd, int what))
{
	struct sockaddr *to = current(s);
	hang_up(s);
	s->way = type == SOCK_DGRAM ? WAY_UDP : WAY_TCP_CONNECT;
	s->question.id = (uint16_t)rand_below(65536);
	size_t n = dns_question_write(&s->question, s->query + 2);
	ensure(n > 0);
	s->query[0] = (unsigned char)(n >> 8);
	s->query[1] = (unsigned char)n;
	s->query_bytes = n + 2;
	s->sent_bytes = 0;
	s->fd = socket(to->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd == -1) {
		failed_with(s, errno);
		return -1;
	}
	net_want_icmp_errors(s->fd, to->sa_family);
	watch_fd_init(&s->watch, s->check->loop, s->fd, ready, s);
	/* the last server ends just before the deadline: it knows more to say */
	timer_set_us(&s->turn, check_left_us(s->check) / (s->n_servers - s->next + 1) - 2000);
	const char *source = s->check->monitor->request.source;
	if (net_bind_source(s->fd, source) == -1) {
		check_end(s->check, REASON_INTERNAL_SOURCE, "this probe cannot check from %s: %s",
			source, strerror(errno));
		return -1;
	}
	if (connect(s->fd, to, net_length(to)) == 0 || errno == EINPROGRESS)
		return 0;
	failed_with(s, errno);
	return -1;
}

static void ask_udp(struct dns_state *s)
{
	int64_t share_ms = check_left_us(s->check) / 1000 / (s->n_servers - s->next + 1);
	s->tries = s->foreign = 0;
	s->repeat_ms = share_ms / 7 < REPEAT_FIRST_MS ? share_ms / 7 + 1 : REPEAT_FIRST_MS;
	if (open_socket(s, SOCK_DGRAM, on_datagram) != 0)
		return;
	watch_fd_set(&s->watch, WATCH_READ);
	send_question(s);
}

/* ---- TCP */

static void read_answer(struct dns_state *s)
{
	char data[4096];
	ssize_t n = recv(s->fd, data, sizeof(data), 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1) {
		failed_with(s, errno);
		return;
	}
	if (n == 0) {
		failed_way(s, REASON_TCP_CLOSED_EARLY, NULL);
		return;
	}
	size_t room = TCP_MAX_BYTES - s->in.size_bytes;
	ensure(buf_add(&s->in, data, (size_t)n < room ? (size_t)n : room) == 0);
	const unsigned char *h = (const unsigned char *)s->in.data;
	size_t wanted = s->in.size_bytes >= 2 ? (size_t)(h[0] << 8 | h[1]) : TCP_MAX_BYTES;
	if (s->in.size_bytes >= 2 + wanted)
		(void)take_answer(s, h + 2, wanted);
}

static void write_question(struct dns_state *s)
{
	ssize_t n =
		send(s->fd, s->query + s->sent_bytes, s->query_bytes - s->sent_bytes, MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN && errno != EINTR) {
		failed_with(s, errno);
		return;
	}
	s->sent_bytes += n > 0 ? (size_t)n : 0;
	watch_fd_set(
		&s->watch, s->sent_bytes < s->query_bytes ? WATCH_READ | WATCH_WRITE : WATCH_READ);
}

static void on_stream(void *arg, int fd, int what)
{
	struct dns_state *s = arg;
	int error = 0;
	socklen_t n = sizeof(error);
	if (s->check->ended)
		return;
	if (s->way == WAY_TCP_CONNECT) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == -1)
			error = errno;
		if (error != 0) {
			failed_with(s, error);
			return;
		}
		s->way = WAY_TCP;
		s->check->result.phases.connect_us = clock_now_us() - s->began_at_us;
		s->began_at_us = clock_now_us();
		write_question(s);
	} else if ((what & WATCH_READ) != 0) {
		read_answer(s);
	} else {
		write_question(s);
	}
}

static void ask_tcp(struct dns_state *s)
{
	buf_reset(&s->in);
	s->began_at_us = clock_now_us();
	if (open_socket(s, SOCK_STREAM, on_stream) != 0)
		return;
	check_trace(s->check, "asking %s over TCP", s->at);
	watch_fd_set(&s->watch, WATCH_WRITE);
}

/* ---- the servers */

static void ask_next(struct dns_state *s)
{
	const struct request *r = &s->check->monitor->request;
	if (s->next == s->n_servers) {
		check_end(s->check, s->reason, "%s", s->detail);
		return;
	}
	s->next++;
	net_format(current(s), s->at);
	s->began_at_us = clock_now_us();
	s->question.edns = true;
	s->truncated = false;
	if (r->transport == TRANSPORT_TCP)
		ask_tcp(s);
	else
		ask_udp(s);
}

static void on_resolved(void *arg, enum reason reason, const struct addresses *found)
{
	struct dns_state *s = arg;
	struct addresses permitted;
	char host[MONITOR_HOST_SIZE], detail[RESULT_DETAIL_MAX_BYTES];
	int port;
	s->lookup = NULL;
	s->check->result.phases.resolve_us = clock_now_us() - s->check->started_at_us;
	monitor_destination(s->check->monitor, host, &port);
	if (reason != REASON_OK) {
		check_end(s->check, reason, "the name server %s: %s", host, reason_text_en(reason));
		return;
	}
	reason = check_police(s->check, &(struct check_way){.host = host, .port = port}, found,
		&permitted, detail);
	if (reason != REASON_OK) {
		check_end(s->check, reason, "%s", detail);
		return;
	}
	for (s->n_servers = 0; s->n_servers < permitted.n; s->n_servers++) {
		s->server[s->n_servers] = permitted.item[s->n_servers];
		net_set_port((struct sockaddr *)&s->server[s->n_servers], port);
	}
	ask_next(s);
}

/* Those of resolv.conf, of the wanted family. */
static void find_own_servers(struct dns_state *s)
{
	static const int families[] = {[FAMILY_IPV4] = AF_INET, [FAMILY_IPV6] = AF_INET6};
	enum address_family wanted = s->check->family;
	int n = resolver_servers(engine_resolver(s->check->engine), s->server, ADDRESSES_MAX);
	for (int i = 0; i < n; i++)
		if (wanted == FAMILY_AUTO || s->server[i].ss_family == families[wanted])
			s->server[s->n_servers++] = s->server[i];
}

static void dns_start(struct check *check)
{
	struct dns_state *s = check->state;
	const struct request *r = &check->monitor->request;
	char host[MONITOR_HOST_SIZE];
	int port;
	s->check = check;
	s->fd = -1;
	buf_init(&s->in, TCP_MAX_BYTES);
	timer_init(&s->turn, check->loop, on_turn_over, s);
	timer_init(&s->repeat, check->loop, send_question, s);
	dns_question_init(&s->question, check->monitor->target,
		r->record < 0 ? RECORD_A : (enum dns_record)r->record);
	s->question.recursion = r->recursion;
	s->question.authenticated = check->monitor->expect.authenticated;
	if (dns_question_write(&s->question, s->query) == 0) {
		check_end(check, REASON_INTERNAL_ERROR, "the target is no name in the DNS");
		return;
	}
	if (r->server != NULL) {
		monitor_destination(check->monitor, host, &port);
		check_trace_lookup(check, host);
		s->lookup = resolver_find(
			engine_resolver(check->engine), host, check->family, on_resolved, s);
		return;
	}
	find_own_servers(s);
	if (s->n_servers == 0)
		check_end(check, REASON_INTERNAL_NETWORK, "this machine has no name server%s%s",
			check->family != FAMILY_AUTO ? " of the family " : "",
			check->family != FAMILY_AUTO ? address_family_names[check->family] : "");
	else
		ask_next(s);
}

static void dns_stop(struct check *check)
{
	struct dns_state *s = check->state;
	resolver_cancel(s->lookup);
	hang_up(s);
	timer_clear(&s->turn);
	timer_clear(&s->repeat);
	buf_clear(&s->in);
}

static enum reason dns_expired(struct check *check)
{
	struct dns_state *s = check->state;
	if (s->lookup != NULL)
		check->result.phases.resolve_us = clock_now_us() - check->started_at_us;
	else
		mem_set(&check->result.address, s->at);
	if (s->truncated)
		return REASON_DNS_TRUNCATED;
	return s->way == WAY_TCP_CONNECT ? REASON_TCP_TIMEOUT : REASON_DNS_TIMEOUT;
}

const struct check_type check_dns = {
	.kind = CHECK_DNS,
	.state_bytes = sizeof(struct dns_state),
	.start = dns_start,
	.stop = dns_stop,
	.expired = dns_expired,
};
