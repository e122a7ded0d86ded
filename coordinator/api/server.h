// SPDX-License-Identifier: MIT
/*
 * Inside the API's server: what server_listen.c (listeners), server.c (connections) and exchange.c
 * (requests, answers, streams) share. These three files are the only ones that know evhttp.
 * Handlers include handlers.h instead.
 *
 * evhttp 2.1.12 has no total deadline, no connection limit and no hook for a new connection, so
 * each connection is tracked from its bufferevent's birth to evhttp's close callback; see server.c.
 */
#ifndef QUORATE_API_SERVER_H
#define QUORATE_API_SERVER_H

#include "coordinator/api/api.h"
#include "coordinator/api/router.h"

struct bufferevent;
struct event;
struct evconnlistener;
struct evhttp;
struct evhttp_connection;
struct evhttp_request;

#define LISTENERS_MAX 2

/* What differs between the real server and a test's. */
struct api_setup {
	const struct route *routes;
	size_t n_routes;
	int64_t request_ms; /* from a request's first byte to its last, and again to the end of its
			       answer */
	int64_t idle_ms;    /* without a request */
	int64_t heartbeat_ms; /* of streams */
	int64_t sweep_ms;     /* how exact all these are */
	size_t connections_max, streams_max;
	size_t buffered_max_bytes; /* of all requests that are not complete yet */
	size_t backlog_max_bytes;  /* of a stream that is not read */
};
extern const struct api_setup api_setup_default;

/* api_open with another set-up; SETUP is copied, its routes borrowed. */
MUST_CHECK int api_open_with(
	struct api **out, struct coordinator *coordinator, const struct api_setup *setup);
/* The TCP port really bound; 0: none. */
int api_port(const struct api *api);

enum conn_phase { CONN_IDLE, CONN_READING, CONN_ANSWERING, CONN_STREAMING };

struct conn {
	struct api *api;
	struct bufferevent *bev; /* a reference is held until adopted */
	struct evhttp_connection *evcon;
	struct in6_addr client;
	char client_text[INET6_ADDRSTRLEN];
	enum conn_phase phase;
	bool adopted, doomed;
	bool foreign; /* evhttp wrote something that is not ours */
	int64_t deadline_at_ms;
	size_t received_bytes;    /* of the request being read */
	struct exchange *request; /* with a handler */
	struct api_stream *stream;
	struct conn *prev, *next;
};

/* Behind struct api_request, which is its first member. */
struct exchange {
	struct api_request r;
	struct api *api;
	struct conn *conn;         /* NULL: the client is gone */
	struct evhttp_request *ev; /* ours until answered */
	char client_text[INET6_ADDRSTRLEN];
	const struct route *route;
	struct target target;
	json_t *body;
	struct api_stream *stream;
	struct exchange *prev, *next;
};

struct api_stream {
	struct api *api;
	struct conn *conn; /* NULL: the client is gone */
	struct evhttp_request *ev;
	void (*closed)(void *arg);
	void *arg;
	int64_t sent_at_ms;
	struct api_stream *prev, *next;
};

struct api_counts {
	int64_t requests;
	int64_t answers[6]; /* by hundreds of the status */
	int64_t unauthorized;
	int64_t cut; /* connections ended by a deadline or a ceiling of ours */
	int64_t streams_dropped;
	size_t connections, streams;
};
void api_counts(const struct api *api, struct api_counts *out);

struct api {
	struct coordinator *coordinator;
	struct api_setup setup;
	struct evhttp *http;
	struct evconnlistener *listener[LISTENERS_MAX]; /* evhttp's */
	int n_listeners;
	bool paused; /* not accepting: too many connections */
	char *socket_path;
	int port;
	struct event *attend; /* adopts new connections, ends the doomed */
	struct event *sweep;  /* deadlines and heartbeats */
	struct conn *conns;
	struct exchange *requests; /* with handlers */
	struct api_stream *streams;
	size_t buffered_bytes;
	struct api_counts counts;
};

/* server.c */
struct conn *conn_find(struct api *api, struct evhttp_connection *evcon);
/* Ends it soon, from the loop. */
void conn_doom(struct conn *c);
/* Sets the deadline that goes with PHASE; after READING the request's bytes are no longer counted.
 */
void conn_set_phase(struct conn *c, enum conn_phase phase);
/* The answer is sent; the next request may be here already. */
void conn_answered(struct conn *c);

/* exchange.c */
void exchange_arrived(struct evhttp_request *ev, void *arg);
void exchange_free(struct exchange *rq);
/* The client is gone, or the server closes. OURS: evhttp has let go of the stream's request. */
void stream_lost(struct api_stream *s, bool ours);
void stream_heartbeat(struct api_stream *s, int64_t now_ms);

/* Bytes sent that the client has not taken yet (a replay paces itself by it). */
size_t api_stream_backlog(const struct api_stream *s);

/* ---- server_listen.c: 0, or -1 after logging what was given and what is accepted */

MUST_CHECK int api_listen_tcp(struct api *api, const char *text);
MUST_CHECK int api_listen_unix(struct api *api, const char *path);
void api_listeners_pause(struct api *api, bool pause);

#endif
