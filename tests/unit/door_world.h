// SPDX-License-Identifier: MIT
/*
 * A coordinator with a door on loopback, on the memory store, and clients of it in the same thread: sockets that do not
 * block, TLS by OpenSSL, the loop turned in between. Every wait is for a condition and ends after WAIT_MAX_MS.
 */
#ifndef QUORATE_TESTS_DOOR_WORLD_H
#define QUORATE_TESTS_DOOR_WORLD_H

#include "coordinator/api/api.h"
#include "coordinator/coordinator.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "proto/preface.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MAX_MS 15000

struct world {
	struct coordinator c;
	char dir[32], token[TOKEN_TEXT_SIZE];
	bool done;
};

/* ---- the world */

#define world_wait(w, condition)                                                                   \
	({                                                                                         \
		int64_t until_ms_ = clock_now_ms() + WAIT_MAX_MS;                                  \
		struct pollfd nothing_ = {.fd = -1};                                               \
		while (event_base_loop(loop_base((w)->c.loop), EVLOOP_NONBLOCK),                   \
			!(condition) && clock_now_ms() < until_ms_)                                \
			(void)poll(&nothing_, 1, 1);                                               \
		(condition);                                                                       \
	})

static inline void world_done(void *arg, enum store_error error, const struct id *id UNUSED)
{
	struct world *w = arg;

	ensure(error == STORE_OK);
	w->done = true;
}

static inline void world_settle(struct world *w)
{
	assert_true(world_wait(w, w->done));
	w->done = false;
}

static inline void world_health(void *arg UNUSED, enum store_part part UNUSED, const char *detail)
{
	fail_msg("%s", detail);
}

/* Registers tokyo-1, or gives it another token. */
static inline void world_add_probe(struct world *w, bool renew)
{
	json_t *probe = json_pack("{s:s, s:s}", "name", "tokyo-1", "region", "tokyo");
	struct problems p = {0};

	assert_int_equal(
		registry_add_probe(w->c.registry, probe, renew, w->token, &p, world_done, w), 0);
	json_decref(probe);
	world_settle(w);
}

static inline struct world *world_new(int64_t connections, int64_t per_address)
{
	struct world *w = mem_alloc(sizeof(*w));
	struct coordinator *c = &w->c;
	json_t *region = json_pack("{s:s}", "name", "tokyo");
	struct problems p = {0};

	strcpy(w->dir, "/tmp/qdXXXXXX");
	assert_non_null(mkdtemp(w->dir));
	c->conf.state_dir = mem_strdup(w->dir);
	c->conf.report_address = mem_printf("ipc://%s/r", w->dir);
	c->conf.orders_address = mem_printf("ipc://%s/o", w->dir);
	c->conf.api_socket = mem_printf("%s/api", w->dir);
	c->conf.door_listen = mem_strdup("127.0.0.1:0");
	c->conf.door_connections = connections;
	c->conf.door_per_address = per_address;
	c->started_wall_ms = clock_wall_ms();
	c->loop = loop_new();
	c->curl = curl_loop_new(c->loop);
	assert_int_equal(store_open(&c->store, c->loop, "memory:", world_health, w), 0);
	c->registry = registry_open(c->store, 1000);
	assert_int_equal(notify_open(&c->notify, c->loop, c->store, c->curl, NULL, 0), 0);
	c->alerts = alerts_new(c->store, c->notify, "http://here");
	c->verdicts = verdicts_new(c);
	c->fleet = fleet_open(c);
	assert_non_null(c->fleet);
	verdicts_start(c->verdicts);
	assert_int_equal(api_open(&c->api, c), 0);
	assert_int_equal(door_open(&c->door, c), 0);
	assert_int_equal(registry_add_region(c->registry, region, &p, world_done, w), 0);
	world_settle(w);
	world_add_probe(w, false);
	json_decref(region);
	return w;
}

static inline void world_free(struct world *w)
{
	struct coordinator *c = &w->c;
	struct dirent *entry;
	DIR *dir;

	door_close(c->door);
	api_close(c->api);
	fleet_close(c->fleet);
	verdicts_free(c->verdicts);
	notify_close(c->notify);
	store_close(c->store);
	alerts_free(c->alerts);
	registry_close(c->registry);
	curl_loop_free(c->curl);
	loop_free(c->loop);
	dir = opendir(w->dir);
	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	(void)rmdir(w->dir);
	schema_clear(&coordinator_conf_schema, &c->conf);
	free(w);
}

static inline struct door_counts world_counts(const struct world *w)
{
	struct door_counts counts;

	door_counts(w->c.door, &counts);
	return counts;
}

static inline int64_t world_ended(const struct world *w, enum door_end why)
{
	return world_counts(w).ended[why];
}

/* ---- a client */

struct client {
	struct world *w;
	int fd;
	SSL_CTX *context;
	SSL *ssl;            /* NULL: plain bytes */
	bool closed, failed; /* by the door; the handshake */
	char in[8192];
	size_t size;
};

/* FROM: the last number of its address, 127.0.0.FROM. */
static inline void client_open(struct client *c, struct world *w, int from)
{
	struct sockaddr_in mine = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(0x7f000000 | (uint32_t)from)},
			   theirs = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)door_port(w->c.door)),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	memset(c, 0, sizeof(*c));
	c->w = w;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ensure(c->fd != -1 && bind(c->fd, (struct sockaddr *)&mine, sizeof(mine)) == 0);
	ensure(connect(c->fd, (struct sockaddr *)&theirs, sizeof(theirs)) == 0 ||
		errno == EINPROGRESS);
}

static inline void client_close(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->context);
	close(c->fd);
}

static inline int client_receive(struct client *c, char *to, size_t room)
{
	int n, error;

	if (!c->ssl)
		return (int)recv(c->fd, to, room, 0);
	n = SSL_read(c->ssl, to, (int)room);
	error = SSL_get_error(c->ssl, n);
	ERR_clear_error();
	if (n > 0)
		return n;
	errno = EAGAIN;
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? -1 : 0;
}

static inline void client_turn(struct client *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int n;

	event_base_loop(loop_base(c->w->c.loop), EVLOOP_NONBLOCK);
	(void)poll(&p, 1, 1);
	while (!c->closed && !c->failed && c->size < sizeof(c->in) - 1) {
		n = client_receive(c, c->in + c->size, sizeof(c->in) - 1 - c->size);
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != ENOTCONN))
			c->closed = true;
		if (n <= 0)
			return;
		c->size += (size_t)n;
		c->in[c->size] = '\0';
	}
}

#define client_wait(c, condition)                                                                  \
	({                                                                                         \
		int64_t until_ms_ = clock_now_ms() + WAIT_MAX_MS;                                  \
		while (client_turn(c), !(condition) && clock_now_ms() < until_ms_)                 \
			;                                                                          \
		(condition);                                                                       \
	})

/* ALPN: "\x09quorate/1", NULL for none; VERSION: the newest that it speaks. */
static inline void client_tls(struct client *c, const char *alpn, int version)
{
	int64_t until_ms = clock_now_ms() + WAIT_MAX_MS;
	int rc = 0;

	c->context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(c->context, version);
	c->ssl = SSL_new(c->context);
	if (alpn)
		SSL_set_alpn_protos(c->ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
	SSL_set_fd(c->ssl, c->fd);
	while (clock_now_ms() < until_ms && (rc = SSL_connect(c->ssl)) != 1) {
		int error = SSL_get_error(c->ssl, rc);
		ERR_clear_error();
		if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE &&
			!(error == SSL_ERROR_SYSCALL && errno == ENOTCONN))
			break;
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		event_base_loop(loop_base(c->w->c.loop), EVLOOP_NONBLOCK);
		(void)poll(&p, 1, 1);
	}
	c->failed = rc != 1;
}

#define LINK_ALPN "\x09" PREFACE_ALPN

static inline void client_send(struct client *c, const void *bytes, size_t size)
{
	const char *at = bytes;
	int64_t until_ms = clock_now_ms() + WAIT_MAX_MS;

	while (size > 0 && clock_now_ms() < until_ms) {
		int n = c->ssl ? SSL_write(c->ssl, at, (int)size)
			       : (int)send(c->fd, at, size, MSG_NOSIGNAL);
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		} else {
			ERR_clear_error();
			client_turn(c);
			if (c->closed)
				return;
		}
	}
}

static inline void client_preface(
	struct client *c, int stream, const char *probe, const char *token, int version)
{
	char line[PREFACE_MAX_BYTES + 1];
	struct preface p = {.version = version,
		.stream = stream,
		.probe = mem_strdup(probe),
		.token = mem_strdup(token)};
	int size = preface_encode(&p, line, sizeof(line));

	ensure(size > 0);
	client_send(c, line, (size_t)size);
	preface_clear(&p);
}

/* A whole link of tokyo-1, up to "accepted". */
static inline void client_link(struct client *c, struct world *w, enum link_stream stream)
{
	client_open(c, w, 1);
	client_tls(c, LINK_ALPN, 0);
	assert_false(c->failed);
	client_preface(c, stream, "tokyo-1", w->token, PREFACE_VERSION);
	assert_true(client_wait(c, strchr(c->in, '\n') || c->closed));
	assert_string_equal(c->in, "{\"type\":\"accepted\"}\n");
	c->size = 0;
	c->in[0] = '\0';
}

#endif
