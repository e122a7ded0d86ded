// SPDX-License-Identifier: MIT
/*
 * What a server answers, into whole checks (http and redirect) over a loopback connection: status,
 * headers, cookies, Location, body. The first byte chooses the options, the rest is the answer; a
 * NEXT in it begins that of the next connection, and the last one answers all others. Whatever
 * comes: an end with a reason that is the server's, no connection to anywhere else, and a result
 * within the bounds that the coordinator accepts.
 */
#include "probe/check.h"
#include "probe/http_hop.h"
#include "probe/resolver.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "proto/messages.h"
#include "proto/monitor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NEXT      "\n--next--\n"
#define FOLLOW    3
#define PEERS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* ---- the server, on the check's own loop */

struct peer {
	struct watch_fd watch;
	bool answered;
};

static struct {
	int port;
	struct watch_fd watch;
	struct peer peers[PEERS_MAX];
	int accepted; /* of this input */
	const char *rest;
	size_t rest_bytes;
} server;

static struct loop *loop;
static struct engine *engine;

static void answer(int fd)
{
	const char *next = memmem(server.rest, server.rest_bytes, NEXT, strlen(NEXT));
	size_t n = next != NULL ? (size_t)(next - server.rest) : server.rest_bytes;
	(void)send(fd, server.rest, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	if (next == NULL)
		return;
	server.rest_bytes -= n + strlen(NEXT);
	server.rest = next + strlen(NEXT);
}

/* Answers what comes first, reads on until the other side ends: no reset loses the answer. */
static void on_peer(void *arg, int fd, int what UNUSED)
{
	struct peer *peer = arg;
	char request[4096];
	ssize_t n = recv(fd, request, sizeof(request), MSG_DONTWAIT);
	if (n > 0 && !peer->answered)
		answer(fd);
	peer->answered = true;
	if (n > 0)
		return;
	watch_fd_clear(&peer->watch);
	close(fd);
}

static void on_connection(void *arg UNUSED, int listener, int what UNUSED)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ensure(fd != -1 && server.accepted < PEERS_MAX);
	struct peer *peer = &server.peers[server.accepted++];
	peer->answered = false;
	watch_fd_init(&peer->watch, loop, fd, on_peer, peer);
	watch_fd_set(&peer->watch, WATCH_READ);
}

static void server_reset(const char *data, size_t n)
{
	for (int i = 0; i < server.accepted; i++)
		if (server.peers[i].watch.event != NULL) {
			int fd = server.peers[i].watch.fd;
			watch_fd_clear(&server.peers[i].watch);
			close(fd);
		}
	server.accepted = 0;
	server.rest = data;
	server.rest_bytes = n;
}

/* The name server: no name exists. */
static void on_question(void *arg UNUSED, int fd, int what UNUSED)
{
	struct sockaddr_in from;
	socklen_t from_bytes = sizeof(from);
	uint8_t q[512];
	ssize_t n = recvfrom(fd, q, sizeof(q), MSG_DONTWAIT, (struct sockaddr *)&from, &from_bytes);
	if (n < 12)
		return;
	q[2] |= 0x80;
	q[3] = 3;
	(void)sendto(fd, q, (size_t)n, 0, (struct sockaddr *)&from, from_bytes);
}

/* Returns a socket of TYPE on loopback, its port in *PORT. */
static int open_socket(int type, int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ensure(fd != -1 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	ensure(getsockname(fd, (struct sockaddr *)&a, &n) == 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void set_up(void)
{
	static struct watch_fd names;
	static struct policy policy;
	const struct engine_limits limits = {.in_flight_max = 2,
		.per_second = 1000000,
		.per_destination = 1000000,
		.body_max_bytes = 10000};
	const char *why;
	char port[8];
	int names_port, fd = open_socket(SOCK_STREAM, &server.port),
			names_fd = open_socket(SOCK_DGRAM, &names_port);
	ensure(listen(fd, PEERS_MAX) == 0);
	log_set_level(LOG_LEVEL_ERROR);
	loop = loop_new();
	/* the one place: a redirect to any other is refused */
	snprintf(port, sizeof(port), "%d", server.port);
	ensure(policy_allow(&policy, "127.0.0.1", &why) == 0);
	ensure(policy_allow_ports(&policy, port, &why) == 0);
	engine = engine_new(loop, &policy, &limits);
	ensure(engine != NULL);
	/* without "nameserver" in its file: that of this host, at the port that it is told */
	engine_use_resolver(engine, resolver_new_with(loop, "/dev/null", names_port));
	watch_fd_init(&names, loop, names_fd, on_question, NULL);
	watch_fd_set(&names, WATCH_READ);
	watch_fd_init(&server.watch, loop, fd, on_connection, NULL);
	watch_fd_set(&server.watch, WATCH_READ);
}

/* ---- the check */

static json_t *make_expect(uint8_t options)
{
	json_t *expect = json_object();
	if ((options & 1) != 0)
		json_object_set_new(expect, "max_hops", json_integer(FOLLOW));
	else if ((options & 16) != 0)
		json_object_set_new(expect, "follow", json_integer(FOLLOW));
	if ((options & (1 | 32)) == 32)
		json_object_set_new(expect, "headers",
			json_pack("[{s:s, s:s}, {s:s, s:s}, {s:s, s:b}]", "name", "Server",
				"equals", "x", "name", "Set-Cookie", "matches", "^(a+)+=", "name",
				"X-Not", "absent", true));
	if ((options & (1 | 8 | 64)) == 64)
		json_object_set_new(expect, "body_contains", json_string("needle"));
	return expect;
}

static struct job *make_job(uint8_t options)
{
	bool redirect = (options & 1) != 0, follows = (options & (1 | 16)) != 0;
	char target[64];
	struct monitor m;
	struct problems problems = {0};
	snprintf(target, sizeof(target), "http://127.0.0.1:%d/a", server.port);
	json_t *in = json_pack("{s:s, s:s, s:s, s:s, s:{s:b}, s:o}", "name", "x", "type",
		redirect ? "redirect" : "http", "target", target, "timeout", "5s", "request",
		"cookies", (options & 4) != 0 && follows, "expect", make_expect(options));
	ensure(in != NULL);
	json_t *request = json_object_get(in, "request");
	if (!redirect && (options & 2) != 0)
		json_object_set_new(request, "compression", json_true());
	if (!redirect && (options & 8) != 0)
		json_object_set_new(request, "method", json_string("HEAD"));
	ensure(monitor_decode(in, SCHEMA_STRICT, "", &m, &problems) == 0);
	m.id.byte[0] = 1;
	m.revision = 1;
	json_decref(in);
	return job_new(&m, 1);
}

static void check_text(const char *text)
{
	for (size_t left = text != NULL ? strlen(text) : 0, n; left > 0; left -= n, text += n) {
		n = utf8_length(text, left);
		ensure(n > 0);
	}
}

static void check_hops(const struct result *r)
{
	ensure(r->hops.n <= FOLLOW + 1);
	for (size_t i = 0; i < r->hops.n; i++) {
		const struct hop *hop = (const struct hop *)r->hops.item + i;
		const char *why;
		char *url = http_url_normalize(NULL, hop->url, &why);
		ensure(url != NULL && strcmp(url, hop->url) == 0);
		free(url);
		check_text(hop->location);
		/* it went on to where the answer before it led */
		ensure(i == 0 || strcmp(hop[-1].location, hop->url) == 0);
		ensure(hop->status == UNSET || (hop->status >= 0 && hop->status <= 999));
	}
}

/* What is reported must be taken. */
static void check_report(const struct result *r)
{
	char session[] = "0123456789abcdef0123456789abcdef";
	struct report report = {
		.session = session, .results = {.item = (void *)(uintptr_t)r, .n = 1}};
	struct problems problems = {0};
	size_t n;
	char *text = message_encode(MESSAGE_REPORT, &report, &n);
	ensure(text != NULL);
	struct message *m = message_decode(text, n, &problems);
	ensure(m != NULL && m->u.report.results.n == 1);
	message_free(m);
	free(text);
}

static void on_done(void *arg, struct job *job UNUSED, struct result *r)
{
	bool *done = arg;
	enum reason reason = (enum reason)r->reason;
	ensure(!*done);
	*done = true;
	ensure(reason_class(reason) != REASON_CLASS_INTERNAL || reason == REASON_INTERNAL_POLICY);
	ensure(reason != REASON_TCP_TIMEOUT && reason != REASON_HTTP_TIMEOUT);
	ensure(r->detail != NULL && *r->detail != '\0');
	ensure(strlen(r->detail) <= RESULT_DETAIL_MAX_BYTES && !utf8_has_control(r->detail));
	check_text(r->detail);
	check_text(r->body_excerpt);
	check_hops(r);
	r->sequence = 1; /* as the agent numbers them */
	check_report(r);
	loop_stop(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	bool done = false;
	if (size_bytes < 1)
		return 0;
	if (loop == NULL)
		set_up();
	server_reset((const char *)data + 1, size_bytes - 1);
	struct job *job = make_job(data[0]);
	engine_run(engine, job, 1, on_done, &done);
	job_unref(job);
	loop_run(loop);
	ensure(done && engine_in_flight(engine) == 0 && server.accepted <= FOLLOW + 1);
	return 0;
}
