// SPDX-License-Identifier: MIT
/*
 * An HTTP client for tests of the API's server in the same thread: raw bytes in, raw bytes out,
 * over a non-blocking socket, with the loop turned in between. Every wait is for a condition and
 * ends after WAIT_MAX_MS.
 */
#ifndef QUORATE_TESTS_API_CLIENT_H
#define QUORATE_TESTS_API_CLIENT_H

#include "coordinator/api/server.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_MAX_MS 10000

struct client {
	struct loop *loop;
	int fd;
	bool closed; /* by the server */
	char *in;    /* all that came */
	size_t size, taken;
};

static inline int client_connect(
	struct client *c, struct loop *loop, const struct sockaddr *address, socklen_t size)
{
	*c = (struct client){.loop = loop,
		.fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
	c->in = mem_alloc(1);
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1},
		sizeof(int)); /* head and body go apart */
	if (connect(c->fd, address, size) == -1 && errno != EINPROGRESS)
		return -1;
	return 0;
}

static inline void client_open(struct client *c, struct loop *loop, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	ensure(client_connect(c, loop, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static inline int client_open_unix(struct client *c, struct loop *loop, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, path, strlen(path) + 1);
	return client_connect(c, loop, (struct sockaddr *)&address, sizeof(address));
}

static inline void client_close(struct client *c)
{
	if (c->fd != -1)
		close(c->fd);
	free(c->in);
	*c = (struct client){.fd = -1};
}

/* One turn: the loop, then what has come. */
static inline void client_turn(struct client *c)
{
	char bytes[65536];
	ssize_t n;

	event_base_loop(loop_base(c->loop), EVLOOP_NONBLOCK);
	while (!c->closed && (n = recv(c->fd, bytes, sizeof(bytes), 0)) != -1) {
		if (n == 0) {
			c->closed = true;
			break;
		}
		c->in = mem_resize(c->in, c->size + (size_t)n + 1, 1);
		memcpy(c->in + c->size, bytes, (size_t)n);
		c->size += (size_t)n;
		c->in[c->size] = '\0';
	}
	if (!c->closed && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOTCONN)
		c->closed = true; /* reset */
}

static inline void client_rest(struct client *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	(void)poll(&p, 1, 1);
}

/* Turns until CONDITION (an expression that may use the client) or too late; then it is false. */
#define client_wait(c, condition)                                                                  \
	({                                                                                         \
		int64_t until_ms_ = clock_now_ms() + WAIT_MAX_MS;                                  \
		while (client_turn(c), !(condition) && clock_now_ms() < until_ms_)                 \
			client_rest(c);                                                            \
		(condition);                                                                       \
	})

static inline void client_send(struct client *c, const char *bytes, size_t size)
{
	int64_t until_ms = clock_now_ms() + WAIT_MAX_MS;

	while (size > 0 && clock_now_ms() < until_ms) {
		ssize_t n = send(c->fd, bytes, size, MSG_NOSIGNAL);

		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		} else if (errno != EAGAIN && errno != ENOTCONN) {
			return; /* the server has closed: the test looks at that */
		}
		client_turn(c);
	}
}

static inline void client_say(struct client *c, const char *text)
{
	client_send(c, text, strlen(text));
}

/* The answer that begins at `taken`: its head's end, NULL when it is not here yet. */
static inline char *client_head_end(const struct client *c)
{
	char *end = strstr(c->in + c->taken, "\r\n\r\n");

	return end ? end + 4 : NULL;
}

static inline bool client_has_answer(const struct client *c)
{
	const char *body = client_head_end(c);
	const char *length = strcasestr(c->in + c->taken, "\r\ncontent-length: ");

	if (!body)
		return false;
	if (!length || length > body)
		return true;
	return (size_t)(c->in + c->size - body) >= strtoul(length + 18, NULL, 10);
}

/* Waits for one whole answer (with Content-Length, or without a body); its status, 0 when none
 * came. */
static inline int client_answer(struct client *c)
{
	if (!client_wait(c, client_has_answer(c) || c->closed) || !client_has_answer(c))
		return 0;
	return (int)strtol(c->in + c->taken + 9, NULL, 10);
}

/* The body of the answer just waited for; valid until the next turn. */
static inline const char *client_body(const struct client *c)
{
	const char *body = client_head_end(c);

	return body ? body : "";
}

static inline bool client_header_is(const struct client *c, const char *line)
{
	const char *at = strcasestr(c->in + c->taken, line);

	return at && at < client_body(c);
}

/* On to the next answer of the connection. */
static inline void client_next(struct client *c)
{
	c->taken = c->size;
}

/* A whole exchange; HEADERS end with CRLF each. Returns the status. */
static inline int client_ask(struct client *c, const char *method, const char *path,
	const char *headers, const char *body)
{
	char *text =
		body ? mem_printf("%s %s HTTP/1.1\r\nHost: t\r\n%sContent-Length: %zu\r\n\r\n",
			       method, path, headers, strlen(body))
		     : mem_printf("%s %s HTTP/1.1\r\nHost: t\r\n%s\r\n", method, path, headers);

	client_next(c);
	client_say(c, text);
	if (body)
		client_say(c, body);
	free(text);
	return client_answer(c);
}

#endif
