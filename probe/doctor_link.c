// SPDX-License-Identifier: MIT
/* A coordinator on this machine: whether nanomsg answers at both addresses. A greeting opens no
 * session; who we are can only be said with one, so that is left to the probe. */
#include "probe/doctor_internal.h"

#include "probe/net.h"
#include "proto/greeting.h"
#include "proto/link.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define GREETING_MS 1000 /* it is this machine */

/* The address as connect() wants it; 0: it is none. */
static socklen_t parse_address(const char *text, struct sockaddr_storage *out)
{
	struct sockaddr_un *local = (struct sockaddr_un *)(void *)out;
	char host[NET_HOST_SIZE];
	int port;
	memset(out, 0, sizeof *out);
	if (strncmp(text, "ipc://", 6) == 0 && strlen(text + 6) < sizeof local->sun_path) {
		local->sun_family = AF_UNIX;
		strcpy(local->sun_path, text + 6);
		return sizeof *local;
	}
	if (strncmp(text, "tcp://", 6) != 0 || net_split_target(text + 6, host, &port) ||
		!net_parse_literal(host, out))
		return 0;
	net_set_port((struct sockaddr *)out, port);
	return net_length((struct sockaddr *)out);
}

/* NULL: it answered as it should. */
static const char *greet(const char *text)
{
	unsigned char greeting[GREETING_BYTES];
	struct timeval patience = {.tv_sec = GREETING_MS / 1000};
	struct sockaddr_storage address;
	socklen_t n = parse_address(text, &address);
	const char *why = NULL;
	int fd = n ? socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	greeting_make(greeting, GREETING_REQ);
	if (fd == -1)
		return strerror(errno);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	(void)setsockopt(
		fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* connect() too */
	if (connect(fd, (struct sockaddr *)&address, n) == -1 ||
		send(fd, greeting, sizeof greeting, MSG_NOSIGNAL) != sizeof greeting)
		why = strerror(errno);
	else if (recv(fd, greeting, sizeof greeting, MSG_WAITALL) != sizeof greeting ||
		 !greeting_is(greeting, GREETING_REP))
		why = "somebody is there, but no coordinator";
	close(fd);
	return why;
}

static void look_at_stream(struct doctor *d, const char *step, const char *address)
{
	const char *why = greet(address);
	if (!why) {
		doctor_say(d, MARK_OK, step, "%s answers", address);
		return;
	}
	doctor_say(d, MARK_FAIL, step, "%s: %s", address, why);
	doctor_advise(d,
		"does quorate-coordinator run on this machine, with link.%s the same as here? "
		"One that is elsewhere is joined: quorate-probe join",
		step);
}

void doctor_link_report(struct doctor *d)
{
	if (!d->joined || d->conf.coordinator.addresses.n)
		return;
	look_at_stream(d, link_stream_names[LINK_REPORT], d->conf.report_address);
	look_at_stream(d, link_stream_names[LINK_ORDERS], d->conf.orders_address);
	doctor_say(d, MARK_NOTE, "token",
		"not tried: on one machine only the probe itself can, by opening a session");
}
