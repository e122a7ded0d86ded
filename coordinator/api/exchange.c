// SPDX-License-Identifier: MIT
/*
 * One request, from evhttp's hands to a handler and back: what must hold for every request (route,
 * key, body, ceilings) is checked here, in this order, and every answer leaves through
 * send_answer(). Streams are answers that go on.
 */
#include "coordinator/api/server.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

#define STREAM_READ_MAX_BYTES 16384 /* nothing is expected from the reader of a stream */

static struct exchange *exchange_of(const struct api_request *r)
{
	return (struct exchange *)r->private_data;
}

void exchange_free(struct exchange *rq)
{
	if (rq->r.context_free)
		rq->r.context_free(rq->r.context);
	if (rq->conn)
		rq->conn->request = NULL;
	else if (rq->ev) /* evhttp left it to us when the client went */
		evhttp_request_free(rq->ev);
	json_decref(rq->body);
	target_clear(&rq->target);
	DL_DELETE(rq->api->requests, rq);
	free(rq);
}

/* ---- questions */

const char *api_query(const struct api_request *r, const char *name)
{
	return target_query(&exchange_of(r)->target, name);
}

const char *api_header(const struct api_request *r, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(exchange_of(r)->ev), name);
}

void api_set_header(struct api_request *r, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(exchange_of(r)->ev), name, value);
}

/* ---- answers */

static const char *status_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
		{400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
		{405, "Method Not Allowed"}, {409, "Conflict"}, {410, "Gone"},
		{412, "Precondition Failed"}, {413, "Content Too Large"},
		{415, "Unsupported Media Type"}, {422, "Unprocessable Content"},
		{429, "Too Many Requests"}, {500, "Internal Server Error"},
		{503, "Service Unavailable"}};

	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}

static void answered_cb(struct evhttp_request *ev UNUSED, void *arg)
{
	conn_answered(arg);
}

static bool is_head(const struct exchange *rq)
{
	return evhttp_request_get_command(rq->ev) == EVHTTP_REQ_HEAD;
}

/* The funnel of all answers; frees RQ. */
static void send_answer(struct exchange *rq, int status, const char *content_type, const char *text)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(rq->ev);
	struct evhttp_request *ev = rq->ev;
	struct evbuffer *body = evbuffer_new();
	char size_text[24];

	ensure(body);
	log_debug("api.answered client=%s method=%s path=%s status=%d", rq->client_text,
		rq->r.method, log_quote(rq->r.path), status);
	rq->api->counts.answers[status / 100]++;
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	if (content_type) {
		evhttp_add_header(headers, "Content-Type", content_type);
		snprintf(size_text, sizeof(size_text), "%zu", strlen(text));
		evhttp_add_header(headers, "Content-Length", size_text);
		if (!is_head(rq))
			evbuffer_add(body, text, strlen(text));
	}
	if (rq->conn) {
		conn_set_phase(rq->conn, CONN_ANSWERING);
		evhttp_request_set_on_complete_cb(ev, answered_cb, rq->conn);
		rq->conn->request = NULL;
	}
	evhttp_send_reply(
		ev, status, status_phrase(status), body); /* frees EV when the client is gone */
	evbuffer_free(body);
	rq->ev = NULL;
	exchange_free(rq);
}

static void send_json(struct api_request *r, int status, const char *content_type, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);
	char *line = mem_printf("%s\n", text ? text : "{}");

	ensure(text); /* what we answer was encoded by us */
	json_decref(body);
	send_answer(exchange_of(r), status, content_type, line);
	free(line);
	free(text);
}

void api_reply_json(struct api_request *r, int status, json_t *body)
{
	send_json(r, status, "application/json", body);
}

void api_reply_text(struct api_request *r, int status, const char *content_type, const char *text)
{
	send_answer(exchange_of(r), status, content_type, text);
}

void api_reply_empty(struct api_request *r, int status)
{
	send_answer(exchange_of(r), status, NULL, NULL);
}

static json_t *problem_list(const struct problems *problems)
{
	json_t *list = json_array();

	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->item[i];
		json_t *item = json_pack("{s:s, s:s}", "path", p->path, "message", p->message);

		/* Cut in the middle of a character, or quoting what is not UTF-8: better without
		 * than nothing. */
		json_array_append_new(list,
			item ? item
			     : json_pack("{s:s, s:s}", "path", "", "message",
				       "the input has a problem that cannot be shown as UTF-8"));
	}
	return list;
}

void api_problem(struct api_request *r, int status, const char *type, const char *detail,
	const struct problems *problems)
{
	char *uri = mem_printf("urn:quorate:problem:%s", type);
	json_t *body = json_pack("{s:s, s:s, s:i, s:s}", "type", uri, "title",
		status_phrase(status), "status", status, "detail", detail);

	if (!body) /* DETAIL quotes something that is not UTF-8 */
		body = json_pack("{s:s, s:s, s:i}", "type", uri, "title", status_phrase(status),
			"status", status);
	if (problems && problems->n > 0)
		json_object_set_new(body, "errors", problem_list(problems));
	free(uri);
	send_json(r, status, "application/problem+json", body);
}

/* ---- what holds for every request; each returns false after having answered */

static const char *method_name(enum evhttp_cmd_type type)
{
	switch (type) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_HEAD:
		return "HEAD";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	case EVHTTP_REQ_OPTIONS:
		return "OPTIONS";
	case EVHTTP_REQ_TRACE:
		return "TRACE";
	case EVHTTP_REQ_CONNECT:
		return "CONNECT";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	}
	return "?";
}

static void problem_f(struct exchange *rq, int status, const char *type, const char *format, ...)
	PRINTF_LIKE(4, 5);
static void problem_f(struct exchange *rq, int status, const char *type, const char *format, ...)
{
	char detail[512];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	api_problem(&rq->r, status, type, detail, NULL);
}

static bool check_target(struct exchange *rq)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(rq->ev);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	enum target_error error =
		target_parse(path ? path : "", uri ? evhttp_uri_get_query(uri) : NULL, &rq->target);
	char allow[ALLOW_TEXT_SIZE];

	if (error != TARGET_OK) {
		problem_f(rq, 400, "bad-address", "%s", target_error_text(error));
		return false;
	}
	rq->r.path = rq->target.path;
	rq->route = route_find(rq->api->setup.routes, rq->api->setup.n_routes, rq->r.method,
		&rq->target, rq->r.params, allow);
	if (rq->route)
		return true;
	if (allow[0]) {
		api_set_header(&rq->r, "Allow", allow);
		problem_f(rq, 405, "method-not-allowed", "%s is not possible here, only %s",
			rq->r.method, allow);
	} else {
		problem_f(rq, 404, "not-found",
			"there is nothing at this address; /api/v1/openapi.json lists what there "
			"is");
	}
	return false;
}

static bool word_in(const char *words, const char *word)
{
	size_t size = strlen(word);

	for (const char *p = words; p && *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == size && memcmp(p, word, size) == 0)
			return true;
	return false;
}

static bool check_query(struct exchange *rq)
{
	for (size_t i = 0; i < rq->target.n_query; i++) {
		const char *name = rq->target.query[i].name;

		if (word_in(rq->route->query, name))
			continue;
		problem_f(rq, 400, "bad-query", "unknown query parameter '%.64s'; accepted: %s",
			name, rq->route->query ? rq->route->query : "none");
		return false;
	}
	return true;
}

static bool refuse_key(struct exchange *rq, const char *detail)
{
	int held_back = log_ratelimit("api.unauthorized", 10000);

	rq->api->counts.unauthorized++;
	if (held_back >= 0)
		log_warning("api.unauthorized client=%s method=%s path=%s held_back=%d",
			rq->client_text, rq->r.method, log_quote(rq->r.path), held_back);
	api_set_header(&rq->r, "WWW-Authenticate", "Bearer realm=\"quorate\"");
	api_problem(&rq->r, 401, "unauthorized", detail, NULL);
	return false;
}

static bool check_key(struct exchange *rq)
{
	const char *header = api_header(&rq->r, "Authorization");

	if (rq->route->role < 0)
		return true;
	if (!header)
		return refuse_key(
			rq, "this needs an API key: send the header 'Authorization: Bearer qk_…'");
	if (strncasecmp(header, "Bearer ", 7) != 0)
		return refuse_key(rq, "the Authorization header must be 'Bearer' and an API key");
	rq->r.key =
		registry_key(rq->api->coordinator->registry, header + 7 + strspn(header + 7, " "));
	if (!rq->r.key)
		return refuse_key(rq, "the API key is not known; it may have been removed");
	if (rq->r.key->role < rq->route->role) {
		problem_f(rq, 403, "forbidden",
			"this needs a key of role %s or more; this key's role is %s",
			role_names[rq->route->role], role_names[rq->r.key->role]);
		return false;
	}
	if (rq->r.key->organization && !rq->route->by_organization) {
		problem_f(rq, 403, "forbidden",
			"this is about all organizations, and the key belongs to one, '%s'",
			rq->r.key->organization);
		return false;
	}
	return true;
}

static bool is_json_type(const char *type)
{
	return type && strncasecmp(type, "application/json", 16) == 0 && strchr("; \t", type[16]);
}

static bool parse_body(struct exchange *rq, struct evbuffer *in)
{
	size_t size = evbuffer_get_length(in);
	json_error_t error;
	const char *text = (const char *)evbuffer_pullup(in, -1);

	rq->body = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	evbuffer_drain(in, size);
	if (!rq->body) {
		problem_f(rq, 400, "bad-json",
			"the body is not valid JSON: line %d, column %d: %.300s", error.line,
			error.column, error.text);
		return false;
	}
	rq->r.body = rq->body;
	return true;
}

static bool check_body(struct exchange *rq)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(rq->ev);
	size_t size = evbuffer_get_length(in);

	if (rq->route->body_max_bytes == 0) {
		if (size > 0)
			problem_f(rq, 400, "unexpected-body", "%s %s takes no body", rq->r.method,
				rq->route->pattern);
		return size == 0;
	}
	if (size > rq->route->body_max_bytes) {
		problem_f(rq, 413, "too-large", "the body has %zu bytes; accepted: at most %zu",
			size, rq->route->body_max_bytes);
		return false;
	}
	if (size == 0 && rq->route->body_optional)
		return true;
	if (size == 0) {
		problem_f(rq, 400, "missing-body", "%s %s needs a JSON body", rq->r.method,
			rq->route->pattern);
		return false;
	}
	if (!is_json_type(api_header(&rq->r, "Content-Type"))) {
		const char *type = api_header(&rq->r, "Content-Type");

		problem_f(rq, 415, "wrong-type",
			"the body's Content-Type is '%.100s'; accepted: application/json",
			type ? type : "");
		return false;
	}
	return parse_body(rq, in);
}

void exchange_arrived(struct evhttp_request *ev, void *arg)
{
	struct api *api = arg;
	struct exchange *rq = mem_alloc(sizeof(*rq));

	rq->api = api;
	rq->ev = ev;
	rq->conn = conn_find(api, evhttp_request_get_connection(ev));
	ensure(rq->conn);
	rq->conn->request = rq;
	rq->r.client = rq->conn->client;
	snprintf(rq->client_text, sizeof(rq->client_text), "%s", rq->conn->client_text);
	rq->r.client_text = rq->client_text;
	conn_set_phase(rq->conn, CONN_ANSWERING);
	rq->r.coordinator = api->coordinator;
	rq->r.method = method_name(evhttp_request_get_command(ev));
	rq->r.private_data = rq;
	DL_APPEND(api->requests, rq);
	api->counts.requests++;
	if (check_target(rq) && check_key(rq) && check_query(rq) && check_body(rq))
		rq->route->handle(&rq->r);
}

/* ---- streams */

static void stream_send(struct api_stream *s, const char *text, size_t size_bytes)
{
	struct evbuffer *chunk = evbuffer_new();

	ensure(chunk);
	evbuffer_add(chunk, text, size_bytes);
	evhttp_send_reply_chunk(s->ev, chunk);
	evbuffer_free(chunk);
	s->sent_at_ms = clock_now_ms();
}

struct api_stream *api_stream_begin(struct api_request *r, void (*closed)(void *arg), void *arg)
{
	struct exchange *rq = exchange_of(r);
	struct api *api = rq->api;
	struct api_stream *s;

	if (!rq->conn || is_head(rq)) {
		send_answer(rq, 200, "text/event-stream", "");
		return NULL;
	}
	if (api->counts.streams >= api->setup.streams_max) {
		problem_f(rq, 503, "too-many-streams", "%zu streams are open already",
			api->counts.streams);
		return NULL;
	}
	s = mem_alloc(sizeof(*s));
	*s = (struct api_stream){
		.api = api, .conn = rq->conn, .ev = rq->ev, .closed = closed, .arg = arg};
	conn_set_phase(s->conn, CONN_STREAMING);
	bufferevent_setwatermark(s->conn->bev, EV_READ, 0, STREAM_READ_MAX_BYTES);
	s->conn->stream = s;
	s->conn->request = NULL;
	DL_APPEND(api->streams, s);
	api->counts.streams++;
	api->counts.answers[2]++;
	log_debug("api.stream client=%s path=%s", r->client_text, log_quote(r->path));
	api_set_header(r, "Content-Type", "text/event-stream");
	api_set_header(r, "Cache-Control", "no-store");
	api_set_header(r, "X-Accel-Buffering", "no"); /* nginx would hold events back */
	evhttp_send_reply_start(s->ev, 200, status_phrase(200));
	stream_send(s, "retry: 1000\n\n", 13);
	rq->ev = NULL;
	exchange_free(rq);
	return s;
}

size_t api_stream_backlog(const struct api_stream *s)
{
	return s->conn ? evbuffer_get_length(bufferevent_get_output(s->conn->bev)) : 0;
}

static bool stream_check(struct api_stream *s)
{
	if (!s->conn || s->conn->doomed)
		return false;
	if (api_stream_backlog(s) <= s->api->setup.backlog_max_bytes)
		return true;
	s->api->counts.streams_dropped++;
	conn_doom(s->conn);
	return false;
}

int api_stream_event(struct api_stream *s, int64_t id, const char *type, const char *data)
{
	char *text;

	if (!stream_check(s))
		return -1;
	text = mem_printf("id: %" PRId64 "\nevent: %s\ndata: %s\n\n", id, type, data);
	stream_send(s, text, strlen(text));
	free(text);
	return 0;
}

void stream_heartbeat(struct api_stream *s, int64_t now_ms)
{
	if (s->sent_at_ms + s->api->setup.heartbeat_ms <= now_ms && stream_check(s))
		stream_send(s, ": still here\n\n", 14);
}

/* Forgets S; its evhttp request is somebody else's business. */
static void stream_forget(struct api_stream *s)
{
	if (s->conn)
		s->conn->stream = NULL;
	DL_DELETE(s->api->streams, s);
	s->api->counts.streams--;
	free(s);
}

void stream_lost(struct api_stream *s, bool ours)
{
	void (*closed)(void *arg) = s->closed;
	void *arg = s->arg;

	if (ours)
		evhttp_request_free(s->ev);
	stream_forget(s);
	closed(arg);
}

void api_stream_end(struct api_stream *s)
{
	struct conn *c = s->conn;
	struct evhttp_request *ev = s->ev;

	if (c) {
		conn_set_phase(c, CONN_ANSWERING);
		bufferevent_setwatermark(c->bev, EV_READ, 0, API_BODY_MAX_BYTES);
		evhttp_request_set_on_complete_cb(ev, answered_cb, c);
	}
	stream_forget(s);
	if (c)
		evhttp_send_reply_end(ev);
}
