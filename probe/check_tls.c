// SPDX-License-Identifier: MIT
/*
 * tls: the certificate and the connection of a server on any port, STARTTLS included. The first
 * permitted address that accepts a connection is the one that is judged; nothing is said after the
 * handshake.
 */
#include "probe/check.h"
#include "probe/connect.h"
#include "probe/talk.h"
#include "proto/monitor.h"

struct tls_state {
	struct check *check;
	struct connector connector;
	struct talk *talk; /* NULL: not connected yet */
};

static void on_connected(void *arg, int fd)
{
	struct tls_state *s = arg;
	s->talk = talk_start(s->check, fd, s->connector.host, s->connector.at);
}

static void on_failed(void *arg, enum reason reason, bool contacted UNUSED, const char *detail)
{
	struct tls_state *s = arg;
	check_end(s->check, reason, "%s", detail);
}

static void tls_start(struct check *check)
{
	struct tls_state *s = check->state;
	char host[MONITOR_HOST_SIZE];
	int port;
	s->check = check;
	monitor_destination(check->monitor, host, &port);
	connector_start(&s->connector, check, host, port, on_connected, on_failed, s);
}

static void tls_stop(struct check *check)
{
	struct tls_state *s = check->state;
	connector_stop(&s->connector);
	talk_free(s->talk);
}

static enum reason tls_expired(struct check *check)
{
	struct tls_state *s = check->state;
	return s->talk != NULL ? talk_expired(s->talk) : connector_expired(&s->connector);
}

const struct check_type check_tls = {
	.kind = CHECK_TLS,
	.state_bytes = sizeof(struct tls_state),
	.start = tls_start,
	.stop = tls_stop,
	.expired = tls_expired,
};
