// SPDX-License-Identifier: MIT
/*
 * A visit dials the door exactly as the link does, says the preface "doctor" if there is a token, and
 * keeps what it met. Beside it the name is looked up as checks do, and one of its IPv6 addresses is
 * connected to. All visits run at the same time; nothing is judged here.
 */
#include "probe/doctor_internal.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IPV6_MS 5000

static const char *const proxy_variables[] = {
	"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

/* ---- IPv6 */

static void end_ipv6(struct visit *v, enum reach reach)
{
	if (v->fd6 == -1)
		return;
	watch_fd_clear(&v->watch6);
	timer_stop(&v->patience6);
	close(v->fd6);
	v->fd6 = -1;
	v->reach6 = reach;
	doctor_done(v->d);
}

static void on_ipv6(void *arg, int fd, int what UNUSED)
{
	int error = 0;
	socklen_t n = sizeof error;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
	/* whoever refuses was reached */
	end_ipv6(arg, error == 0 || error == ECONNREFUSED ? REACH_WORKS : REACH_FAILS);
}

static void on_ipv6_late(void *arg)
{
	end_ipv6(arg, REACH_FAILS);
}

static bool may_be_proxied(const struct visit *v)
{
	const char *proxy = v->d->conf.coordinator.proxy;
	if (proxy)
		return strcmp(proxy, "none") != 0;
	for (size_t i = 0; i < ARRAY_LEN(proxy_variables); i++)
		if (getenv(proxy_variables[i]))
			return true;
	return false;
}

static void try_ipv6(struct visit *v, const struct sockaddr_storage *address)
{
	struct sockaddr_storage to = *address;
	if (v->fd6 != -1 || v->reach6 != REACH_UNTRIED || to.ss_family != AF_INET6 ||
		may_be_proxied(v) || !net_has_route((struct sockaddr *)&to))
		return;
	net_set_port((struct sockaddr *)&to, v->port);
	net_format((struct sockaddr *)&to, v->address6);
	v->fd6 = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (v->fd6 == -1)
		return;
	v->d->pending++;
	watch_fd_init(&v->watch6, v->d->loop, v->fd6, on_ipv6, v);
	timer_set(&v->patience6, IPV6_MS);
	if (connect(v->fd6, (struct sockaddr *)&to, net_length((struct sockaddr *)&to)) == -1 &&
		errno != EINPROGRESS)
		end_ipv6(v, REACH_FAILS);
	else
		watch_fd_set(&v->watch6, WATCH_WRITE);
}

/* ---- the name */

static void on_resolved(void *arg, enum reason reason, const struct addresses *addresses)
{
	struct visit *v = arg;
	v->query = NULL;
	v->resolved = true;
	v->reason = reason;
	if (reason == REASON_OK)
		v->addresses = *addresses;
	for (int i = 0; i < v->addresses.n; i++)
		try_ipv6(v, &v->addresses.item[i]);
	doctor_done(v->d);
}

/* ---- the preface */

static void end_introduction(struct visit *v)
{
	timer_stop(&v->patience);
	introduction_free(v->introduction);
	v->introduction = NULL;
	doctor_done(v->d);
}

static void take_facts(struct visit *v, const struct preface_facts *facts)
{
	int64_t now_us = clock_now_us(), wall_ms = clock_wall_ms();
	v->rtt_ms = (now_us - v->asked_at_us + 999) / 1000;
	v->now_wall_ms = facts->now_wall_ms;
	v->offset_ms = wall_ms - (now_us - v->asked_at_us) / 2000 - facts->now_wall_ms;
	snprintf(v->standing, sizeof v->standing, "%s", facts->standing ? facts->standing : "");
}

static void on_introduced(void *arg, const struct preface_answer *answer, const char *error)
{
	struct visit *v = arg;
	v->introduced = true;
	if (error) {
		snprintf(v->silence, sizeof v->silence, "%s", error);
	} else if (answer->accepted) {
		v->accepted = true;
		take_facts(v, &answer->facts);
	} else {
		snprintf(v->code, sizeof v->code, "%s", answer->code);
		snprintf(v->detail, sizeof v->detail, "%s", answer->detail ? answer->detail : "");
	}
	end_introduction(v);
}

static void on_patience(void *arg)
{
	struct visit *v = arg;
	v->introduced = true;
	snprintf(v->silence, sizeof v->silence, "no answer within %d s", PREFACE_MS / 1000);
	end_introduction(v);
}

/* ---- the connection */

static void on_dialled(void *arg, const char *error)
{
	struct visit *v = arg;
	struct doctor *d = v->d;
	v->dialled = true;
	dial_facts(v->dial, &v->facts);
	snprintf(v->error, sizeof v->error, "%s", error ? error : "");
	if (error || !d->token) {
		doctor_done(d);
		return;
	}
	v->asked_at_us = clock_now_us();
	timer_set(&v->patience, PREFACE_MS);
	v->introduction = introduction_start(
		d->loop, v->dial, PREFACE_DOCTOR, d->conf.name, d->token, on_introduced, v);
}

static void read_address(struct visit *v)
{
	struct sockaddr_storage literal;
	const char *why;
	char host[NET_HOST_SIZE];
	ensure(dial_split(v->address, host, &v->port, &why) == 0); /* the schema has looked */
	size_t n = strlen(host), bracket = host[0] == '[';
	snprintf(v->host, sizeof v->host, "%.*s", (int)(n - 2 * bracket), host + bracket);
	v->literal = net_parse_literal(host, &literal);
	if (v->literal)
		try_ipv6(v, &literal);
}

static void begin_one(struct doctor *d, struct visit *v, const char *address)
{
	struct dial_config config = {.coordinator = &d->conf.coordinator,
		.proxy_password = d->password,
		.curious = true};
	v->d = d;
	v->address = address;
	v->fd6 = -1;
	v->now_wall_ms = -1;
	timer_init(&v->patience, d->loop, on_patience, v);
	timer_init(&v->patience6, d->loop, on_ipv6_late, v);
	read_address(v);
	if (!v->literal && d->resolver) {
		d->pending++;
		v->query = resolver_find(d->resolver, v->host, FAMILY_AUTO, on_resolved, v);
	}
	d->pending++;
	v->dial = dial_start(d->cl, &config, address, on_dialled, v);
}

void doctor_visits_begin(struct doctor *d)
{
	if (!d->joined || !d->conf.coordinator.addresses.n)
		return;
	d->n_visits = d->conf.coordinator.addresses.n;
	d->visits = mem_array(d->n_visits, sizeof *d->visits);
	for (size_t i = 0; i < d->n_visits; i++)
		begin_one(d, &d->visits[i], d->conf.coordinator.addresses.item[i]);
}

void doctor_visits_free(struct doctor *d)
{
	for (size_t i = 0; i < d->n_visits; i++) {
		struct visit *v = &d->visits[i];
		end_ipv6(v, REACH_FAILS);
		resolver_cancel(v->query);
		introduction_free(v->introduction);
		dial_free(v->dial);
		timer_clear(&v->patience);
		timer_clear(&v->patience6);
	}
	free(d->visits);
	d->visits = NULL;
	d->n_visits = 0;
}

bool visit_is_proxied(const struct visit *v)
{
	const char *proxy = v->d->conf.coordinator.proxy;
	return proxy ? strcmp(proxy, "none") != 0 : v->facts.proxy_variable[0] != 0;
}

enum reach doctor_visits_ipv6(const struct doctor *d, const char **address)
{
	enum reach reach = REACH_UNTRIED;
	for (size_t i = 0; i < d->n_visits && reach != REACH_WORKS; i++) {
		if (d->visits[i].reach6 == REACH_UNTRIED)
			continue;
		reach = d->visits[i].reach6;
		*address = d->visits[i].address6;
	}
	return reach;
}
