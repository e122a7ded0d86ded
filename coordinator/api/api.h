// SPDX-License-Identifier: MIT
/*
 * The REST API. Handlers see requests and responses of ours, never evhttp's (only server.c knows
 * evhttp). One file per resource, each with its rows in the route table (routes.c), which
 * openapi.json and the tests are checked against.
 *
 * Shapes: an object is itself; a list is {"items": [...], "next_cursor": "..." or null} (ask again
 * with ?cursor=; ?limit= is 1 … 500, default 100). A new probe or key comes with its secret once,
 * as "token" (probe) or "secret" (key). Errors are RFC 9457 problem documents {"type", "title",
 * "status", "detail", "errors": [{"path", "message"}]}. Input that is understood but not acceptable
 * is 422, a duplicate name included; what cannot be read is 400; a monitor changed by somebody else
 * is 409 (apply) or 412 (If-Match).
 */
#ifndef QUORATE_API_H
#define QUORATE_API_H

#include "coordinator/coordinator.h"

#include <netinet/in.h>

struct api;
/* Opens the listeners of CONF (loopback TCP and unix socket; anything else was refused by the
 * configuration). 0, or -1 after logging why. */
MUST_CHECK int api_open(struct api **out, struct coordinator *coordinator);
void api_close(struct api *api);

/* A request; lives until answered. A handler either answers before it returns, or keeps it and
 * answers later, exactly once; a client that hangs up meanwhile is not the handler's business. */
struct api_request {
	struct coordinator *coordinator;
	const char *method;    /* "GET" */
	const char *path;      /* decoded, without the query */
	const char *params[2]; /* decoded captures of the route's {…} */
	const json_t *body;    /* parsed object or array of POST/PUT/PATCH; NULL for others */
	struct in6_addr
		client; /* IPv4: mapped; ::1 for programs of this machine; :: when unknown */
	const char *client_text; /* for people: "192.0.2.1", "local", "gone" */
	const struct api_key
		*key; /* NULL on routes that need none; only valid before the handler returns */
	void *private_data;                  /* the server's */
	void *context;                       /* the handler's own while it keeps the request … */
	void (*context_free)(void *context); /* … released with the request, also when the server
						closes first; may be NULL */
};

/* A query parameter's decoded value; NULL: absent. */
const char *api_query(const struct api_request *r, const char *name);
/* A request header's value; NULL: absent. */
const char *api_header(const struct api_request *r, const char *name);
/* Before the answer; names and values are ours, not the client's. */
void api_set_header(struct api_request *r, const char *name, const char *value);

/* The answers; each ends the request. BODY is taken. */
void api_reply_json(struct api_request *r, int status, json_t *body);
void api_reply_text(struct api_request *r, int status, const char *content_type, const char *text);
void api_reply_empty(struct api_request *r, int status);
/* RFC 9457 problem document: TYPE is a short word ("not-found") that becomes a URI; DETAIL is a
 * sentence; PROBLEMS (may be NULL) become "errors": [{"path", "message"}]. */
void api_problem(struct api_request *r, int status, const char *type, const char *detail,
	const struct problems *problems);

/* A server-sent event stream instead of one answer. */
struct api_stream;
struct api_stream *api_stream_begin(struct api_request *r, void (*closed)(void *arg),
	void *arg); /* ends the request; CLOSED comes once, when the client is gone. NULL: it was
		       answered otherwise (HEAD, too many streams) */
/* -1: the client reads too slowly and was dropped (CLOSED follows). */
int api_stream_event(struct api_stream *s, int64_t id, const char *type, const char *data);
void api_stream_end(struct api_stream *s); /* no CLOSED afterwards */

struct route {
	const char *method;
	const char *pattern;  /* "/api/v1/monitors/{monitor}" */
	int role;             /* enum role at least; -1: no key needed */
	bool by_organization; /* a key of one organization may use it, too, and meets that one's
				 things only */
	void (*handle)(struct api_request *r);
	size_t body_max_bytes; /* 0: has no body */
	bool body_optional;    /* request.body is NULL when there is none */
	/* for openapi.json */
	const char *summary; /* one sentence */
	const char *takes;   /* name of the body's schema; NULL: none */
	const char
		*gives; /* name of the answer's schema, "[x]": a list of x; NULL: nothing (204) */
	const char *query; /* names of the query parameters, separated by spaces; others are
			      refused; NULL: none */
	int status;        /* of success */
};
extern const struct route api_routes[];
extern const size_t api_routes_n;

#endif
