// SPDX-License-Identifier: MIT
/*
 * Each name server of resolv.conf by itself, asked by one packet: c-ares, which the checks use, says
 * in the end only that one of them answered. The question is one that every resolver can answer.
 */
#include "probe/doctor_internal.h"

#include "probe/net.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVERS_MAX 8
#define RESEND_MS   1000
#define TRIES       4 /* so that it takes 4 s at most */

struct dns_server {
	struct doctor *d;
	struct sockaddr_storage address;
	char name[NET_ADDRESS_SIZE];
	int fd; /* -1: closed */
	struct watch_fd watch;
	struct timer again;
	int tries, error; /* errno */
	uint16_t id;
	int64_t asked_at_us, took_us; /* -1: no answer */
	int code;                     /* RCODE */
};

static void end(struct dns_server *s)
{
	if (s->fd == -1)
		return;
	watch_fd_clear(&s->watch);
	timer_stop(&s->again);
	close(s->fd);
	s->fd = -1;
	doctor_done(s->d);
}

static void ask(void *arg)
{
	struct dns_server *s = arg;
	/* id, recursion desired, one question: the root's name servers */
	unsigned char question[17] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
	memcpy(question, &s->id, 2);
	if (s->tries++ == TRIES) {
		end(s);
		return;
	}
	s->asked_at_us = clock_now_us();
	if (send(s->fd, question, sizeof question, 0) == -1)
		s->error = errno;
	timer_set(&s->again, RESEND_MS);
}

static void on_answer(void *arg, int fd, int what UNUSED)
{
	struct dns_server *s = arg;
	unsigned char answer[1500];
	ssize_t n = recv(fd, answer, sizeof answer, 0);
	if (n == -1) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		s->error = errno; /* of an ICMP error: nobody is there */
		end(s);
	} else if (n >= 12 && memcmp(answer, &s->id, 2) == 0 && answer[2] & 0x80) {
		s->took_us = clock_now_us() - s->asked_at_us;
		s->code = answer[3] & 0x0f;
		end(s);
	}
}

static void begin_one(struct doctor *d, struct dns_server *s)
{
	s->d = d;
	s->took_us = -1;
	struct sockaddr_storage named = s->address;
	if (!d->options->dns_port) /* the port that everybody knows */
		net_set_port((struct sockaddr *)&named, 0);
	net_format((struct sockaddr *)&named, s->name);
	timer_init(&s->again, d->loop, ask, s);
	rand_bytes(&s->id, sizeof s->id);
	s->fd = socket(s->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd == -1 || connect(s->fd, (struct sockaddr *)&s->address,
				   net_length((struct sockaddr *)&s->address)) == -1) {
		s->error = errno;
		if (s->fd != -1)
			close(s->fd);
		s->fd = -1;
		return;
	}
	d->pending++;
	watch_fd_init(&s->watch, d->loop, s->fd, on_answer, s);
	watch_fd_set(&s->watch, WATCH_READ);
	ask(s);
}

void doctor_dns_begin(struct doctor *d)
{
	struct sockaddr_storage address[SERVERS_MAX];
	if (!d->resolver)
		return;
	d->n_servers = resolver_servers(d->resolver, address, SERVERS_MAX);
	d->servers = mem_array((size_t)d->n_servers, sizeof *d->servers);
	for (int i = 0; i < d->n_servers; i++) {
		d->servers[i].address = address[i];
		begin_one(d, &d->servers[i]);
	}
}

void doctor_dns_free(struct doctor *d)
{
	for (int i = 0; i < d->n_servers; i++) {
		end(&d->servers[i]);
		timer_clear(&d->servers[i].again);
	}
	free(d->servers);
	d->servers = NULL;
	d->n_servers = 0;
}

/* ---- telling */

static bool answers_well(const struct dns_server *s)
{
	return s->took_us >= 0 && (s->code == 0 || s->code == 3);
}

static void tell_one(struct doctor *d, const struct dns_server *s, bool another)
{
	static const char *const codes[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
	const char *file = d->options->resolv_conf ? d->options->resolv_conf : "/etc/resolv.conf";
	if (answers_well(s)) {
		doctor_say(d, MARK_OK, "dns", "%s answers, in %.1f ms", s->name,
			(double)s->took_us / 1000);
		return;
	}
	if (s->took_us >= 0)
		doctor_say(d, another ? MARK_WARN : MARK_FAIL, "dns", "%s answers, but with %s",
			s->name, s->code < (int)ARRAY_LEN(codes) ? codes[s->code] : "an error");
	else
		doctor_say(d, another ? MARK_WARN : MARK_FAIL, "dns", "%s does not answer%s%s",
			s->name, s->error ? ": " : " within 4 s",
			s->error ? strerror(s->error) : "");
	if (another)
		doctor_advise(d,
			"take it out of %s, or repair it: names take longer while it is asked "
			"first",
			file);
	else
		doctor_advise(d,
			"%s has to name a server that answers: checks of names fail without", file);
}

void doctor_dns_report(struct doctor *d)
{
	int good = 0;
	for (int i = 0; i < d->n_servers; i++)
		good += answers_well(&d->servers[i]);
	for (int i = 0; i < d->n_servers; i++)
		tell_one(d, &d->servers[i], good > 0);
}

enum reach doctor_dns_ipv6(const struct doctor *d, const char **address)
{
	enum reach reach = REACH_UNTRIED;
	for (int i = 0; i < d->n_servers && reach != REACH_WORKS; i++) {
		const struct dns_server *s = &d->servers[i];
		if (s->address.ss_family != AF_INET6)
			continue;
		reach = s->took_us >= 0 ? REACH_WORKS : REACH_FAILS;
		*address = s->name;
	}
	return reach;
}
