// SPDX-License-Identifier: MIT
/*
 * The outbox and the webhook channel against a real HTTP receiver: a small server on the same loop
 * that answers as each test says, and keeps what it was sent.
 */
#ifndef QUORATE_TESTS_NOTIFY_KIT_H
#define QUORATE_TESTS_NOTIFY_KIT_H

#include "tests/unit/store_fixture.h"

#include "coordinator/notify/notify_internal.h"
#include "proto/base/buf.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

/* ---- the receiver */

#define OK200    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
#define ERROR500 "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define GONE410  "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define MOVED302                                                                                   \
	"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: "          \
	"close\r\n\r\n"
#define BUSY429                                                                                    \
	"HTTP/1.1 429 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define SILENCE "" /* no answer, the connection stays */
#define FLOOD   "flood"

#define REQUESTS_MAX 64

struct request {
	char path[64], id[200], signature[400], type[64];
	long long timestamp;
	int64_t at_ms;
	char *body;
};

struct receiver;
struct connection {
	struct receiver *receiver;
	struct watch_fd watch;
	struct buf in;
	bool used, flooding;
};

struct receiver {
	struct loop *loop;
	struct watch_fd watch;
	int fd, port;
	const char *const *script; /* an answer per request; the last one for all that follow */
	struct request request[REQUESTS_MAX];
	int n;
	struct connection connection[REQUESTS_MAX];
	int open, most_open;
};

static inline void connection_close(struct connection *c)
{
	int fd = c->watch.fd;
	watch_fd_clear(&c->watch);
	close(fd);
	buf_clear(&c->in);
	c->used = false;
	c->receiver->open--;
}

static inline void header(const char *text, const char *name, char *out, size_t size)
{
	const char *at = strcasestr(text, name);
	snprintf(out, size, "%.*s", at ? (int)strcspn(at + strlen(name), "\r") : 0,
		at ? at + strlen(name) : "");
}

/* A whole request is in C: keeps it, answers it. */
static inline void serve(struct connection *c, const char *body)
{
	struct receiver *r = c->receiver;
	const char *text = buf_text(&c->in);
	char number[32];
	assert_in_range(r->n, 0, REQUESTS_MAX - 1);
	int i = 0;
	while (i < r->n && r->script[i] && r->script[i + 1])
		i++;
	const char *answer = r->script[i];
	struct request *q = &r->request[r->n++];
	assert_int_equal(sscanf(text, "POST %63s HTTP/1.1", q->path), 1);
	header(text, "\r\nwebhook-id: ", q->id, sizeof(q->id));
	header(text, "\r\nwebhook-signature: ", q->signature, sizeof(q->signature));
	header(text, "\r\nwebhook-timestamp: ", number, sizeof(number));
	header(text, "\r\ncontent-type: ", q->type, sizeof(q->type));
	q->timestamp = atoll(number);
	q->at_ms = clock_now_ms();
	q->body = mem_strdup(body);
	if (strcmp(answer, SILENCE) == 0)
		return;
	if (strcmp(answer, FLOOD) == 0) {
		answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
		assert_int_equal(write(c->watch.fd, answer, strlen(answer)), strlen(answer));
		c->flooding = true;
		watch_fd_set(&c->watch, WATCH_READ | WATCH_WRITE);
		return;
	}
	assert_int_equal(write(c->watch.fd, answer, strlen(answer)), strlen(answer));
	connection_close(c);
}

static inline void on_readable(struct connection *c)
{
	char bytes[4096], length[32];
	ssize_t n = read(c->watch.fd, bytes, sizeof(bytes));
	if (n <= 0) {
		connection_close(c);
		return;
	}
	assert_int_equal(buf_add(&c->in, bytes, (size_t)n), 0);
	const char *body = strstr(buf_text(&c->in), "\r\n\r\n");
	if (!body)
		return;
	body += 4;
	header(buf_text(&c->in), "\r\ncontent-length: ", length, sizeof(length));
	if (strlen(body) >= (size_t)atoi(length))
		serve(c, body);
}

static inline void on_connection(void *arg, int fd, int what)
{
	struct connection *c = arg;
	static const char flood[65536];
	if (what & WATCH_READ)
		on_readable(c);
	if (c->used && c->flooding && (what & WATCH_WRITE) &&
		send(fd, flood, sizeof(flood), MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		connection_close(c);
}

static inline void on_connect(void *arg, int fd, int what)
{
	struct receiver *r = arg;
	(void)what;
	for (int i = 0; i < REQUESTS_MAX; i++) {
		struct connection *c = &r->connection[i];
		if (c->used)
			continue;
		memset(c, 0, sizeof(*c));
		c->receiver = r;
		c->used = true;
		buf_init(&c->in, 1 << 20);
		watch_fd_init(&c->watch, r->loop, accept(fd, NULL, NULL), on_connection, c);
		watch_fd_set(&c->watch, WATCH_READ);
		r->open++;
		if (r->open > r->most_open)
			r->most_open = r->open;
		return;
	}
	fail_msg("too many connections");
}

static inline void receiver_open(struct receiver *r, struct loop *loop)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	r->loop = loop;
	r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(r->fd, (struct sockaddr *)&a, size), 0);
	assert_int_equal(listen(r->fd, 64), 0);
	assert_int_equal(getsockname(r->fd, (struct sockaddr *)&a, &size), 0);
	r->port = ntohs(a.sin_port);
	watch_fd_init(&r->watch, loop, r->fd, on_connect, r);
	watch_fd_set(&r->watch, WATCH_READ);
}

static inline void receiver_close(struct receiver *r)
{
	for (int i = 0; i < REQUESTS_MAX; i++) {
		if (r->connection[i].used)
			connection_close(&r->connection[i]);
		free(r->request[i].body);
	}
	watch_fd_clear(&r->watch);
	close(r->fd);
}

/* ---- the stage: a store, a receiver, two channels to it, an outbox */

struct stage {
	struct fixture *f;
	struct receiver receiver;
	struct curl_loop *curl;
	struct notify *notify;
	struct channel_conf channel[2];
	size_t n_channels;
	char url[2][80];
	int n_requests; /* wanted */
};

static const int64_t quick_delays[] = {0, 10, 10};
static const struct retry_schedule quick = {quick_delays, ARRAY_LEN(quick_delays)};

static inline void stage_open_notify(struct stage *s)
{
	assert_int_equal(notify_open(&s->notify, s->f->loop, s->f->store, s->curl, s->channel,
				 s->n_channels),
		0);
	notify_set_schedule(s->notify, &quick);
}

static inline int setup(void **state)
{
	static char names[2][8] = {"chat", "ops"}, secret[] = SECRET;
	struct stage *s = mem_alloc(sizeof(*s));
	s->f = fixture_new(true);
	receiver_open(&s->receiver, s->f->loop);
	s->curl = curl_loop_new(s->f->loop);
	for (int i = 0; i < 2; i++) {
		snprintf(s->url[i], sizeof(s->url[i]), "http://127.0.0.1:%d/hook/TOKEN%d",
			s->receiver.port, i);
		s->channel[i].name = names[i];
		s->channel[i].webhook = s->url[i];
		s->channel[i].timeout_ms = 5000;
	}
	s->channel[0].secret = secret;
	s->n_channels = 1;
	stage_open_notify(s);
	*state = s;
	return 0;
}

static inline int teardown(void **state)
{
	struct stage *s = *state;
	notify_close(s->notify);
	curl_loop_free(s->curl);
	receiver_close(&s->receiver);
	fixture_free(s->f);
	free(s);
	return 0;
}

static inline json_t *make_body(int alert, int64_t sequence)
{
	char text[ID_TEXT_SIZE];
	struct id id = id_of(alert);
	return json_pack("{s:s, s:s, s:{s:s, s:I}}", "type", "alert.opened", "timestamp",
		"2026-11-21T18:30:49.310Z", "data", "id", id_format(&id, text), "sequence",
		(json_int_t)sequence);
}

/* A transition of ALERT: committed together with its messages, not yet released. */
static inline void add(struct stage *s, int alert, int64_t sequence, const char *kind)
{
	struct id id = id_of(alert);
	json_t *body = make_body(alert, sequence);
	struct store_batch *b = store_batch_new(s->f->store);
	store_add_event(b, sequence, "alert.opened", &id, 1, body);
	notify_add(s->notify, b, sequence, kind, body);
	store_submit(s->f->store, b, STORE_EVENTUALLY, NULL, NULL);
	json_decref(body);
}

static inline void send_one(struct stage *s, int alert, int64_t sequence)
{
	add(s, alert, sequence, "down");
	notify_release(s->notify, sequence);
}

/* What the receiver answers, request by request. */
#define SCRIPT(s, ...)                                                                             \
	static const char *const answers[] = {__VA_ARGS__, NULL};                                  \
	(s)->receiver.script = answers

static inline bool has_ended(void *arg)
{
	struct stage *s = arg;
	struct notify_counts counts;
	notify_counts(s->notify, &counts);
	return counts.pending == 0;
}

static inline bool has_failed(void *arg)
{
	struct stage *s = arg;
	struct notify_counts counts;
	notify_counts(s->notify, &counts);
	return counts.failed_attempts > 0;
}

static inline bool has_requests(void *arg)
{
	struct stage *s = arg;
	return s->receiver.n >= s->n_requests;
}

static inline void wait_requests(struct stage *s, int n)
{
	s->n_requests = n;
	fixture_wait(s->f, has_requests, s);
}

static inline void assert_counts(struct stage *s, int pending, int sent, int failed, int dead)
{
	struct notify_counts counts;
	notify_counts(s->notify, &counts);
	assert_int_equal(counts.pending, pending);
	assert_int_equal(counts.sent, sent);
	assert_int_equal(counts.failed_attempts, failed);
	assert_int_equal(counts.dead, dead);
}

/* The sequence numbers in the order of arrival: "1 1 2 " */
static inline void assert_arrived(struct stage *s, const char *expected)
{
	char text[256] = "";
	for (int i = 0; i < s->receiver.n; i++) {
		json_t *body = json_loads(s->receiver.request[i].body, 0, NULL);
		assert_non_null(body);
		size_t n = strlen(text);
		snprintf(text + n, sizeof(text) - n, "%d ",
			(int)json_integer_value(
				json_object_get(json_object_get(body, "data"), "sequence")));
		json_decref(body);
	}
	assert_string_equal(text, expected);
}

static inline void count_pending(void *arg, const struct store_message *m)
{
	(void)m;
	++*(int *)arg;
}

/* What the store has pending, once everything submitted is committed. */
static inline int stored_pending(struct stage *s)
{
	int n = 0;
	assert_int_equal(
		fixture_commit(s->f, store_batch_new(s->f->store), STORE_OR_FAIL), STORE_OK);
	assert_int_equal(store_each_pending_message(s->f->store, count_pending, &n), 0);
	return n;
}

static inline void assert_one_dead(struct stage *s, const char *error)
{
	assert_int_equal(stored_pending(s), 0);
	store_query_dead(s->f->store, 10, fixture_on_list, s->f);
	fixture_wait_count(s->f, &s->f->lists, 1);
	assert_int_equal(json_array_size(s->f->list), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(s->f->list, 0), "last_error")),
		error);
}

static inline void restart(struct stage *s)
{
	notify_close(s->notify);
	fixture_close(s->f);
	fixture_open(s->f);
	stage_open_notify(s);
}

#endif
