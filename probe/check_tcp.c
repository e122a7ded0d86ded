// SPDX-License-Identifier: MIT
/*
 * tcp: a port is open, or stays closed. "open" ends with the first address that accepts; "closed" has
 * to look at all of them, and silence is as good as a refusal.
 *
 * What is said on it (TLS, a dialogue) is talk.c's. Where nothing is, it ends by a reset: there is
 * nothing left to say, and an orderly end would hold a local port for a minute (TIME_WAIT), of which
 * there are 28,000.
 */
#include "probe/check.h"
#include "probe/connect.h"
#include "probe/talk.h"
#include "proto/base/clock.h"
#include "proto/base/text.h"

#include <string.h>
#include <unistd.h>

struct tcp_state {
	struct check *check;
	struct connector connector;
	struct talk *talk; /* NULL: nothing is said, or not yet */
};

static bool must_be_closed(const struct check *check)
{
	return check->monitor->expect.port == PORT_CLOSED;
}

static void hang_up(int fd)
{
	static const struct linger reset = {.l_onoff = 1};
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

/* "connected to 192.0.2.1:80 in 1.234 ms"; most checks say it, so without printf. */
static void describe_success(const struct tcp_state *s, char *out)
{
	out = stpcpy(stpcpy(stpcpy(out, "connected to "), s->connector.at), " in ");
	stpcpy(text_put_ms(out, s->check->result.phases.connect_us), " ms");
}

static void on_connected(void *arg, int fd)
{
	struct tcp_state *s = arg;
	struct check *check = s->check;
	char detail[RESULT_DETAIL_MAX_BYTES];
	if (!must_be_closed(check) && talk_is_wanted(check->monitor)) {
		s->talk = talk_start(check, fd, s->connector.host, s->connector.at);
		return;
	}
	hang_up(fd);
	if (must_be_closed(check)) {
		check_end(check, REASON_TCP_OPEN, "%s accepts connections but must be closed",
			s->connector.at);
		return;
	}
	check_judge_response(check, clock_now_us() - check->started_at_us, true, "the connection");
	describe_success(s, detail);
	check_end(check, REASON_OK, "%s", detail);
}

static void on_failed(void *arg, enum reason reason, bool contacted, const char *detail)
{
	struct tcp_state *s = arg;
	if (must_be_closed(s->check) && contacted && reason_class(reason) != REASON_CLASS_INTERNAL)
		check_end(s->check, REASON_OK, "closed: %s", detail);
	else
		check_end(s->check, reason, "%s", detail);
}

static void tcp_start(struct check *check)
{
	struct tcp_state *s = check->state;
	char host[NET_HOST_SIZE];
	int port;
	s->check = check;
	s->connector.says_nothing = must_be_closed(check) || !talk_is_wanted(check->monitor);
	if (net_split_target(check->monitor->target, host, &port) == 0)
		connector_start(&s->connector, check, host, port, on_connected, on_failed, s);
	else
		check_end(check, REASON_INTERNAL_ERROR, "the target is not host:port");
}

static void tcp_stop(struct check *check)
{
	struct tcp_state *s = check->state;
	connector_stop(&s->connector);
	talk_free(s->talk);
}

static enum reason tcp_expired(struct check *check)
{
	struct tcp_state *s = check->state;
	return s->talk != NULL ? talk_expired(s->talk) : connector_expired(&s->connector);
}

const struct check_type check_tcp = {
	.kind = CHECK_TCP,
	.state_bytes = sizeof(struct tcp_state),
	.start = tcp_start,
	.stop = tcp_stop,
	.expired = tcp_expired,
};
