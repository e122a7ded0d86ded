// SPDX-License-Identifier: MIT
/*
 * Connections of the API, on evhttp 2.1.12. What evhttp lacks is kept here: a ceiling
 * on connections, on the bytes of unfinished requests, and a total deadline (evhttp's own timer is
 * one of inactivity: a byte per second lives for ever).
 *
 * evhttp tells nobody about a new connection. But it asks accept_cb() for the connection's
 * bufferevent, and makes its connection the argument of that bufferevent's callbacks; attend_cb(),
 * which runs before any event of the new socket can, reads it there and sets the close callback.
 * From then on a conn lives exactly as long as evhttp's connection.
 *
 * A connection is never freed by us: a timeout event on its bufferevent makes evhttp do it, which
 * keeps a request that is still with its handler alive (its answer then goes nowhere).
 */
#include "coordinator/api/server.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#define HEADERS_MAX_BYTES 32768

const struct api_setup api_setup_default = {
	.request_ms = 30000,
	.idle_ms = 60000,
	.heartbeat_ms = 15000,
	.sweep_ms = 1000,
	.connections_max = 256,
	.streams_max = 64,
	.buffered_max_bytes = (size_t)64 * 1024 * 1024,
	.backlog_max_bytes = (size_t)1024 * 1024,
};

/* ---- connections */

struct conn *conn_find(struct api *api, struct evhttp_connection *evcon)
{
	struct conn *c;

	DL_FOREACH (api->conns, c)
		if (c->adopted && c->evcon == evcon)
			return c;
	return NULL;
}

void conn_set_phase(struct conn *c, enum conn_phase phase)
{
	const struct api_setup *setup = &c->api->setup;

	if (phase != CONN_READING) {
		c->api->buffered_bytes -= c->received_bytes;
		c->received_bytes = 0;
	}
	c->phase = phase;
	c->deadline_at_ms = phase == CONN_STREAMING
				    ? INT64_MAX
				    : clock_now_ms() + (phase == CONN_IDLE ? setup->idle_ms
									   : setup->request_ms);
}

void conn_answered(struct conn *c)
{
	size_t pipelined = evbuffer_get_length(bufferevent_get_input(c->bev));

	conn_set_phase(c, CONN_IDLE);
	if (pipelined == 0)
		return;
	conn_set_phase(c, CONN_READING);
	c->received_bytes = pipelined;
	c->api->buffered_bytes += pipelined;
}

void conn_doom(struct conn *c)
{
	c->doomed = true;
	event_active(c->api->attend, EV_TIMEOUT, 0);
}

static void conn_remove(struct conn *c)
{
	struct api *api = c->api;

	conn_set_phase(c, CONN_IDLE);
	if (c->request)
		c->request->conn = NULL;
	if (c->stream)
		stream_lost(c->stream, true);
	DL_DELETE(api->conns, c);
	api->counts.connections--;
	free(c);
	api_listeners_pause(api, false);
}

static void closed_cb(struct evhttp_connection *evcon UNUSED, void *arg)
{
	conn_remove(arg);
}

/* Bytes came in: the first one starts the request's clock. */
static void input_cb(struct evbuffer *buffer UNUSED, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;

	if (info->n_added == 0 || c->phase == CONN_STREAMING)
		return;
	if (c->phase == CONN_IDLE)
		conn_set_phase(c, CONN_READING);
	c->received_bytes += info->n_added;
	c->api->buffered_bytes += info->n_added;
	if (c->api->buffered_bytes > c->api->setup.buffered_max_bytes)
		conn_doom(c);
}

/*
 * evhttp answers what it cannot parse by itself, with a page of HTML. Nothing of it has left yet
 * when attend_cb() runs: it is replaced by a problem document like every other refusal. (evhttp
 * closes the connection behind it.)
 */
static void output_cb(
	struct evbuffer *buffer UNUSED, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;

	if (info->n_added == 0 || info->orig_size > 0 || c->phase == CONN_ANSWERING ||
		c->phase == CONN_STREAMING)
		return;
	c->foreign = true;
	event_active(c->api->attend, EV_TIMEOUT, 0);
}

static void replace_page(struct conn *c)
{
	static const struct {
		int status;
		const char *phrase, *type, *detail;
	} rows[] = {
		{400, "Bad Request", "bad-request",
			"this is not valid HTTP, or its header is larger than 32 KiB"},
		{413, "Content Too Large", "too-large",
			"the body is larger than 4 MiB, or its chunks are broken"},
		{417, "Expectation Failed", "bad-request",
			"the only Expect header that is understood is 100-continue"},
		{501, "Not Implemented", "method-not-allowed", "this method is not known"},
	};
	struct evbuffer *out = bufferevent_get_output(c->bev);
	char head[16] = "", *body;
	size_t i = 0;

	c->foreign = false;
	evbuffer_unfreeze(
		out, 1); /* once it has written, a bufferevent keeps its output frozen for others */
	evbuffer_copyout(out, head, sizeof(head) - 1);
	if (strncmp(head, "HTTP/1.", 7) != 0 || strncmp(head + 8, " 100", 4) == 0) {
		evbuffer_freeze(out, 1); /* "100 Continue" is fine as it is */
		return;
	}
	for (size_t k = 0; k < ARRAY_LEN(rows); k++)
		if (rows[k].status == (int)strtol(head + 9, NULL, 10))
			i = k;
	body = mem_printf("{\"type\":\"urn:quorate:problem:%s\",\"title\":\"%s\",\"status\":%d,"
			  "\"detail\":\"%s\"}\n",
		rows[i].type, rows[i].phrase, rows[i].status, rows[i].detail);
	c->phase = CONN_ANSWERING; /* the deadline of the request goes on */
	evbuffer_drain(out, evbuffer_get_length(out));
	evbuffer_freeze(out, 1);
	evbuffer_add_printf(out,
		"HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nCache-Control: "
		"no-store\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		rows[i].status, rows[i].phrase, strlen(body), body);
	c->api->counts.requests++;
	c->api->counts.answers[rows[i].status / 100]++;
	free(body);
}

/* When every place is taken, one that is doing nothing makes room. */
static void drop_idlest(struct api *api)
{
	struct conn *c, *idlest = NULL;

	DL_FOREACH (api->conns, c)
		if (c->phase == CONN_IDLE && !c->doomed && c->adopted &&
			(!idlest || c->deadline_at_ms < idlest->deadline_at_ms))
			idlest = c;
	if (idlest)
		conn_doom(idlest);
}

static struct bufferevent *accept_cb(struct event_base *base, void *arg)
{
	struct api *api = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
	struct conn *c;

	ensure(bev);
	c = mem_alloc(sizeof(*c));
	c->api = api;
	c->bev = bev;
	bufferevent_incref(bev); /* it may be freed before attend_cb() sees it */
	conn_set_phase(c, CONN_IDLE);
	/* Body and headers of one request fit; more is not read ahead. */
	bufferevent_setwatermark(bev, EV_READ, 0, API_BODY_MAX_BYTES + 2 * HEADERS_MAX_BYTES);
	evbuffer_add_cb(bufferevent_get_input(bev), input_cb, c);
	evbuffer_add_cb(bufferevent_get_output(bev), output_cb, c);
	DL_APPEND(api->conns, c);
	event_active(api->attend, EV_TIMEOUT, 0);
	if (++api->counts.connections >= api->setup.connections_max) {
		if (log_ratelimit("api.full", 60000) >= 0)
			log_warning("api.full connections=%zu", api->counts.connections);
		api_listeners_pause(api, true); /* the kernel's queue holds the rest */
		drop_idlest(api);
	}
	return bev;
}

/* From whom it is: the door's clients are known to the door, by the name of its end of the unix socket. */
static void learn_client(struct conn *c)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	} peer;
	socklen_t size = sizeof(peer);
	const struct door *door = c->api->coordinator->door;
	const char *text = "local";

	memset(&peer, 0, sizeof(peer));
	c->client = in6addr_loopback;
	if (getpeername(bufferevent_getfd(c->bev), &peer.any, &size) == -1) {
		text = "gone";
		c->client = in6addr_any;
	} else if (peer.any.sa_family == AF_UNIX && size > sizeof(sa_family_t) &&
		   peer.local.sun_path[0] == '\0') {
		text = door_client(door, &peer.local, &c->client) ? NULL : "gone";
		if (text)
			c->client = in6addr_any;
	}
	if (text)
		snprintf(c->client_text, sizeof(c->client_text), "%s", text);
	else if (IN6_IS_ADDR_V4MAPPED(&c->client))
		inet_ntop(AF_INET, &c->client.s6_addr[12], c->client_text, sizeof(c->client_text));
	else
		inet_ntop(AF_INET6, &c->client, c->client_text, sizeof(c->client_text));
}

/* Learns the new connection's evhttp_connection. False: evhttp could not make one. */
static bool conn_adopt(struct conn *c)
{
	bufferevent_event_cb event_cb = NULL;
	void *evcon = NULL;

	bufferevent_getcb(c->bev, NULL, NULL, &event_cb, &evcon);
	c->adopted = true;
	if (event_cb) {
		ensure(evhttp_connection_get_bufferevent(evcon) == c->bev);
		c->evcon = evcon;
		learn_client(c);
		evhttp_connection_set_closecb(c->evcon, closed_cb, c);
	}
	bufferevent_decref(c->bev);
	return event_cb != NULL;
}

static void attend_cb(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct api *api = arg;
	struct conn *c, *next;

	for (c = api->conns; c; c = next) {
		next = c->next; /* ending one frees no other */
		if (!c->adopted && !conn_adopt(c)) {
			conn_remove(c);
		} else if (c->foreign && !c->doomed) {
			replace_page(c);
		} else if (c->doomed) {
			api->counts.cut++;
			bufferevent_trigger_event(c->bev, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
		}
	}
}

static void sweep_cb(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct api *api = arg;
	int64_t now_ms = clock_now_ms();
	struct api_stream *s, *next;
	struct conn *c;

	DL_FOREACH (api->conns, c)
		if (c->deadline_at_ms <= now_ms)
			conn_doom(c);
	DL_FOREACH_SAFE (api->streams, s, next)
		stream_heartbeat(s, now_ms);
	if (api->counts.connections < api->setup.connections_max)
		api_listeners_pause(api, false);
}

/* ---- life */

static void http_setup(struct api *api)
{
	evhttp_set_max_headers_size(api->http, HEADERS_MAX_BYTES);
	evhttp_set_max_body_size(api->http, API_BODY_MAX_BYTES);
	/* All of them reach us, so that every refusal is a problem document of ours. */
	evhttp_set_allowed_methods(api->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
						      EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
						      EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
						      EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT);
	/* The rest of a body that is too large is read and thrown away, so that the client sees the
	 * 413. */
	evhttp_set_flags(api->http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_default_content_type(api->http, NULL);
	evhttp_set_bevcb(api->http, accept_cb, api);
	evhttp_set_gencb(api->http, exchange_arrived, api);
}

int api_open_with(struct api **out, struct coordinator *coordinator, const struct api_setup *setup)
{
	struct event_base *base = loop_base(coordinator->loop);
	struct api *api = mem_alloc(sizeof(*api));
	struct timeval period = {
		.tv_sec = setup->sweep_ms / 1000, .tv_usec = setup->sweep_ms % 1000 * 1000};
	const char *listen = coordinator->conf.api_listen, *path = coordinator->conf.api_socket;

	api->coordinator = coordinator;
	api->setup = *setup;
	api->http = evhttp_new(base);
	api->attend = event_new(base, -1, 0, attend_cb, api);
	api->sweep = event_new(base, -1, EV_PERSIST, sweep_cb, api);
	ensure(api->http && api->attend && api->sweep);
	http_setup(api);
	event_add(api->sweep, &period);
	if ((listen && *listen && api_listen_tcp(api, listen) == -1) ||
		(path && *path && api_listen_unix(api, path) == -1)) {
		api_close(api);
		return -1;
	}
	*out = api;
	return 0;
}

void api_close(struct api *api)
{
	struct conn *c, *next;

	if (!api)
		return;
	while (api->streams)
		stream_lost(api->streams, false); /* evhttp_free() frees their requests */
	while (api->requests)
		exchange_free(api->requests);
	DL_FOREACH (api->conns, c)
		if (!c->adopted)
			(void)conn_adopt(c);
	api->n_listeners = 0;                 /* they go first */
	evhttp_free(api->http);               /* calls closed_cb for every connection */
	DL_FOREACH_SAFE (api->conns, c, next) /* those that evhttp never had */
		conn_remove(c);
	event_free(api->attend);
	event_free(api->sweep);
	if (api->socket_path)
		unlink(api->socket_path);
	free(api->socket_path);
	free(api);
}

int api_port(const struct api *api)
{
	return api->port;
}

void api_counts(const struct api *api, struct api_counts *out)
{
	*out = api->counts;
}
