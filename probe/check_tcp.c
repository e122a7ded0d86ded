// SPDX-License-Identifier: MIT
/*
 * tcp: a port is open, or stays closed. Every permitted address of the name is tried in turn, each
 * with an equal share of the time that is left. "open" ends with the first address that accepts;
 * "closed" has to look at all of them, and silence is as good as a refusal.
 *
 * Nothing is sent on the connection, and it ends by a reset: there is nothing left to say, and an
 * orderly end would hold a local port for a minute (TIME_WAIT), of which there are 28,000.
 */
#include "probe/check.h"
#include "probe/net.h"
#include "probe/resolver.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct tcp_state {
	struct check *check;
	char host[NET_HOST_SIZE];
	int port;
	struct resolver_query *query;
	struct addresses addresses;
	int next; /* index of the address to try next */
	int tried;
	int fd; /* -1: none */
	struct watch_fd watch;
	struct timer turn; /* of one address */
	int64_t began_at_us;
	char at[NET_ADDRESS_SIZE];
	/* the most telling failure so far: what the target did comes before what the probe could
	 * not do */
	enum reason reason;
	char detail[RESULT_DETAIL_MAX_BYTES];
};

static void try_next(struct tcp_state *s);

static bool must_be_closed(const struct tcp_state *s)
{
	return s->check->monitor->expect.port == PORT_CLOSED;
}

static const struct sockaddr *current(const struct tcp_state *s)
{
	return (const struct sockaddr *)&s->addresses.item[s->next - 1];
}

static void hang_up(struct tcp_state *s)
{
	static const struct linger reset = {.l_onoff = 1};
	timer_stop(&s->turn);
	if (s->fd == -1)
		return;
	(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	watch_fd_clear(&s->watch);
	close(s->fd);
	s->fd = -1;
}

static void connected(struct tcp_state *s)
{
	struct check *check = s->check;
	int64_t took_us = clock_now_us() - s->began_at_us;
	check->result.phases.connect_us = took_us;
	check_trace(check, "%s accepts the connection", s->at);
	mem_set(&check->result.address, s->at);
	hang_up(s);
	if (must_be_closed(s)) {
		check_end(
			check, REASON_TCP_OPEN, "%s accepts connections but must be closed", s->at);
		return;
	}
	check_judge_time(check, THRESHOLD_SLOW, &check->monitor->expect.response_time,
		clock_now_us() - check->started_at_us, REASON_SLOW_RESPONSE, "the connection");
	check_end(check, REASON_OK, "connected to %s in %lld.%03lld ms", s->at,
		(long long)took_us / 1000, (long long)took_us % 1000);
}

static const char *failure_verb(enum reason reason)
{
	switch (reason) {
	case REASON_TCP_REFUSED:
		return "connection refused by";
	case REASON_TCP_TIMEOUT:
		return "no answer from";
	case REASON_TCP_RESET:
		return "connection reset by";
	default:
		return reason_text_en(reason);
	}
}

static void failed(struct tcp_state *s, enum reason reason, const char *by)
{
	bool ours = reason_class(reason) == REASON_CLASS_INTERNAL;
	s->check->result.phases.connect_us = clock_now_us() - s->began_at_us;
	if (s->tried == 0 || !ours || reason_class(s->reason) == REASON_CLASS_INTERNAL) {
		const char *verb = failure_verb(reason);
		s->reason = reason;
		if (by != NULL)
			snprintf(s->detail, sizeof(s->detail), "%s: %s, says %s", s->at, verb, by);
		else if (verb == reason_text_en(reason))
			snprintf(s->detail, sizeof(s->detail), "%s: %s", s->at, verb);
		else
			snprintf(s->detail, sizeof(s->detail), "%s %s", verb, s->at);
	}
	s->tried++;
	check_trace(s->check, "%s: %s%s%s", s->at, reason_text_en(reason),
		by != NULL ? ", says " : "", by != NULL ? by : "");
	if (reason != REASON_INTERNAL_NETWORK)
		mem_set(&s->check->result.address, s->at);
	hang_up(s);
	if (reason == REASON_INTERNAL_RESOURCES) /* no use in going on, and no knowledge either */
		check_end(s->check, reason, "%s", s->detail);
	else
		try_next(s);
}

static void failed_with(struct tcp_state *s, int error)
{
	char by[NET_ADDRESS_SIZE];
	enum reason reason;
	if (s->fd != -1 && net_read_icmp_error(s->fd, &reason, by))
		failed(s, reason, by);
	else
		failed(s, net_reason(error, current(s)), NULL);
}

static void on_writable(void *arg, int fd, int what UNUSED)
{
	struct tcp_state *s = arg;
	int error = 0;
	socklen_t n = sizeof(error);
	if (s->check->ended)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == -1)
		error = errno;
	if (error == 0)
		connected(s);
	else
		failed_with(s, error);
}

static void on_turn_over(void *arg)
{
	struct tcp_state *s = arg;
	if (!s->check->ended)
		failed(s, REASON_TCP_TIMEOUT, NULL);
}

static void try_address(struct tcp_state *s)
{
	struct sockaddr *to = (struct sockaddr *)&s->addresses.item[s->next++];
	net_set_port(to, s->port);
	net_format(to, s->at);
	s->began_at_us = clock_now_us();
	check_trace(s->check, "connecting to %s", s->at);
	s->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd == -1) {
		failed_with(s, errno);
		return;
	}
	net_want_icmp_errors(s->fd, to->sa_family);
	watch_fd_init(&s->watch, s->check->loop, s->fd, on_writable, s);
	if (connect(s->fd, to, net_length(to)) == 0) {
		connected(s);
	} else if (errno != EINPROGRESS) {
		failed_with(s, errno);
	} else {
		watch_fd_set(&s->watch, WATCH_WRITE);
		/* the last one ends just before the deadline: it knows more to say */
		timer_set_us(
			&s->turn, check_left_us(s->check) / (s->addresses.n - s->next + 1) - 2000);
	}
}

static void all_tried(struct tcp_state *s)
{
	if (must_be_closed(s) && reason_class(s->reason) != REASON_CLASS_INTERNAL)
		check_end(s->check, REASON_OK, "closed: %s", s->detail);
	else
		check_end(s->check, s->reason, "%s", s->detail);
}

static void try_next(struct tcp_state *s)
{
	if (s->next < s->addresses.n)
		try_address(s);
	else
		all_tried(s);
}

static void on_resolved(void *arg, enum reason reason, const struct addresses *found)
{
	struct tcp_state *s = arg;
	s->query = NULL;
	s->check->result.phases.resolve_us = clock_now_us() - s->check->started_at_us;
	if (reason != REASON_OK) {
		check_end(s->check, reason, "%s: %s", s->host, reason_text_en(reason));
		return;
	}
	struct check_way way = {.host = s->host, .port = s->port};
	reason = check_police(s->check, &way, found, &s->addresses, s->detail);
	if (reason != REASON_OK)
		check_end(s->check, reason, "%s", s->detail);
	else
		try_next(s);
}

static void tcp_start(struct check *check)
{
	struct tcp_state *s = check->state;
	s->check = check;
	s->fd = -1;
	timer_init(&s->turn, check->loop, on_turn_over, s);
	if (net_split_target(check->monitor->target, s->host, &s->port) != 0) {
		check_end(check, REASON_INTERNAL_ERROR, "the target is not host:port");
		return;
	}
	int family = check->monitor->request.family;
	check_trace_lookup(check, s->host);
	s->query = resolver_find(engine_resolver(check->engine), s->host,
		family < 0 ? FAMILY_AUTO : (enum address_family)family, on_resolved, s);
}

static void tcp_stop(struct check *check)
{
	struct tcp_state *s = check->state;
	resolver_cancel(s->query);
	hang_up(s);
	timer_clear(&s->turn);
}

static enum reason tcp_expired(struct check *check)
{
	struct tcp_state *s = check->state;
	if (s->query != NULL) {
		check->result.phases.resolve_us = clock_now_us() - check->started_at_us;
		return REASON_DNS_TIMEOUT;
	}
	check->result.phases.connect_us = clock_now_us() - s->began_at_us;
	mem_set(&check->result.address, s->at);
	return must_be_closed(s) ? REASON_OK : REASON_TCP_TIMEOUT;
}

const struct check_type check_tcp = {
	.kind = CHECK_TCP,
	.state_bytes = sizeof(struct tcp_state),
	.start = tcp_start,
	.stop = tcp_stop,
	.expired = tcp_expired,
};
