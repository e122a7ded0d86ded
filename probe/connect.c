// SPDX-License-Identifier: MIT
#include "probe/connect.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void try_next(struct connector *c);

static const struct sockaddr *current(const struct connector *c)
{
	return &c->addresses[c->next - 1].any;
}

static void hang_up(struct connector *c)
{
	timer_stop(&c->turn);
	if (c->fd == -1)
		return;
	watch_once_stop(&c->watch);
	close(c->fd);
	c->fd = -1;
}

static void connected(struct connector *c)
{
	int fd = c->fd;
	int64_t took_us = clock_now_us() - c->began_at_us, kernels_us = net_connected_in_us(fd);
	c->check->result.phases.connect_us =
		kernels_us != -1 && kernels_us < took_us ? kernels_us : took_us;
	check_trace(c->check, "%s accepts the connection", c->at);
	mem_set(&c->check->result.address, c->at);
	check_judge_time(c->check, THRESHOLD_SLOW, &c->check->monitor->expect.connect_time,
		c->check->result.phases.connect_us, REASON_SLOW_CONNECT, "the connection");
	timer_stop(&c->turn);
	c->fd = -1;
	c->connected(c->arg, fd);
}

/* ---- failures */

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

static void keep_failure(struct connector *c, enum reason reason, const char *by)
{
	const char *verb = failure_verb(reason);
	c->reason = reason;
	free(c->detail);
	if (by != NULL)
		c->detail = mem_printf("%s: %s, says %s", c->at, verb, by);
	else if (verb == reason_text_en(reason))
		c->detail = mem_printf("%s: %s", c->at, verb);
	else
		c->detail = mem_printf("%s %s", verb, c->at);
}

static void failed(struct connector *c, enum reason reason, const char *by)
{
	bool ours = reason_class(reason) == REASON_CLASS_INTERNAL;
	c->check->result.phases.connect_us = clock_now_us() - c->began_at_us;
	if (c->tried == 0 || !ours || reason_class(c->reason) == REASON_CLASS_INTERNAL)
		keep_failure(c, reason, by);
	c->tried++;
	check_trace(c->check, "%s: %s%s%s", c->at, reason_text_en(reason),
		by != NULL ? ", says " : "", by != NULL ? by : "");
	if (reason != REASON_INTERNAL_NETWORK)
		mem_set(&c->check->result.address, c->at);
	hang_up(c);
	if (reason == REASON_INTERNAL_RESOURCES) /* no use in going on, and no knowledge either */
		check_end(c->check, reason, "%s", c->detail);
	else
		try_next(c);
}

static void failed_with(struct connector *c, int error)
{
	char by[NET_ADDRESS_SIZE];
	enum reason reason;
	if (c->fd != -1 && net_read_icmp_error(c->fd, &reason, by))
		failed(c, reason, by);
	else {
		reason = net_reason(error, current(c));
		failed(c, reason, reason == REASON_TCP_FAILED ? strerror(error) : NULL);
	}
}

static void on_ready(void *arg, int fd, int what)
{
	struct connector *c = arg;
	int error = 0;
	socklen_t n = sizeof(error);
	if (c->check->ended)
		return;
	if ((what & WATCH_FAILED) != 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == -1)
		error = errno;
	/* A reset before the handshake's end is ECONNREFUSED (tcp_reset() in Linux): ECONNRESET comes
	 * from one who had accepted, and whether it came before this look is chance. */
	if (error == 0 || (error == ECONNRESET && c->says_nothing))
		connected(c);
	else
		failed_with(c, error);
}

static void on_turn_over(void *arg)
{
	struct connector *c = arg;
	if (!c->check->ended)
		failed(c, REASON_TCP_TIMEOUT, NULL);
}

/* ---- attempts */

static void try_address(struct connector *c)
{
	struct sockaddr *to = &c->addresses[c->next++].any;
	net_set_port(to, c->port);
	net_format(to, c->at);
	c->began_at_us = clock_now_us();
	check_trace(c->check, "connecting to %s", c->at);
	c->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1) {
		failed_with(c, errno);
		return;
	}
	if (to->sa_family == AF_INET6) /* IPv4 keeps those of an attempt unasked (Linux 5.10) */
		net_want_icmp_errors(c->fd, AF_INET6);
	if (net_bind_source(c->fd, c->check->monitor->request.source) == -1) {
		check_end(c->check, REASON_INTERNAL_SOURCE, "this probe cannot check from %s: %s",
			c->check->monitor->request.source, strerror(errno));
	} else if (connect(c->fd, to, net_length(to)) == 0) {
		connected(c);
	} else if (errno != EINPROGRESS) {
		failed_with(c, errno);
	} else {
		watch_once_start(&c->watch, c->check->loop, c->fd, WATCH_WRITE, on_ready, c);
		if (c->next < c->n) /* the last one ends by the deadline: connector_expired() */
			timer_set_us(&c->turn, check_left_us(c->check) / (c->n - c->next + 1));
	}
}

static void try_next(struct connector *c)
{
	if (c->next < c->n)
		try_address(c);
	else
		c->failed(c->arg, c->reason, true, c->detail);
}

static void keep_addresses(struct connector *c, const struct addresses *permitted)
{
	c->n = permitted->n;
	for (int i = 0; i < c->n; i++) {
		const struct sockaddr *a = (const struct sockaddr *)&permitted->item[i];
		memcpy(&c->addresses[i], a, net_length(a));
	}
}

static void found_addresses(struct connector *c, enum reason reason, const struct addresses *found)
{
	struct addresses permitted;
	char detail[RESULT_DETAIL_MAX_BYTES];
	if (reason == REASON_OK) {
		struct check_way way = {.host = c->host, .port = c->port};
		reason = check_police(c->check, &way, found, &permitted, detail);
	} else {
		snprintf(detail, sizeof(detail), "%.150s: %s", c->host, reason_text_en(reason));
	}
	if (reason != REASON_OK) {
		c->failed(c->arg, reason, false, detail);
		return;
	}
	keep_addresses(c, &permitted);
	try_next(c);
}

static void on_resolved(void *arg, enum reason reason, const struct addresses *found)
{
	struct connector *c = arg;
	c->query = NULL;
	c->check->result.phases.resolve_us = clock_now_us() - c->check->started_at_us;
	found_addresses(c, reason, found);
}

/* Whether the host is an address, which needs no looking up; then it is on its way. */
static bool take_literal(struct connector *c)
{
	struct addresses found;
	if (!net_parse_literal(c->host, &found.item[0]))
		return false;
	found.n = 1;
	c->check->result.phases.resolve_us = 0;
	found_addresses(c,
		check_wants_family(c->check, found.item[0].ss_family) ? REASON_OK
								      : REASON_DNS_NO_ADDRESS,
		&found);
	return true;
}

void connector_start(struct connector *c, struct check *check, const char *host, int port,
	connector_connected_fn on_connected, connector_failed_fn on_failed, void *arg)
{
	c->check = check;
	c->connected = on_connected;
	c->failed = on_failed;
	c->arg = arg;
	memccpy(c->host, host, '\0', sizeof(c->host) - 1);
	c->port = port;
	c->n = c->next = c->tried = 0;
	c->fd = -1;
	timer_init(&c->turn, check->loop, on_turn_over, c);
	if (take_literal(c))
		return;
	check_trace_lookup(check, c->host);
	c->query = resolver_find(
		engine_resolver(check->engine), c->host, check->family, on_resolved, c);
}

void connector_stop(struct connector *c)
{
	if (c->check == NULL) /* never started */
		return;
	resolver_cancel(c->query);
	hang_up(c);
	timer_clear(&c->turn);
	free(c->detail);
}

enum reason connector_expired(struct connector *c)
{
	struct check *check = c->check;
	if (c->query != NULL) {
		check->result.phases.resolve_us = clock_now_us() - check->started_at_us;
		return REASON_DNS_TIMEOUT;
	}
	check->result.phases.connect_us = clock_now_us() - c->began_at_us;
	mem_set(&check->result.address, c->at);
	keep_failure(c, REASON_TCP_TIMEOUT, NULL);
	c->failed(c->arg, c->reason, true, c->detail); /* it knows more to say than the engine */
	return c->reason;
}
