// SPDX-License-Identifier: MIT
/*
 * The probe's end: a REQ socket per stream, one request in flight on each. nanomsg connects,
 * reconnects and sends the request again to a coordinator that came back; how long we wait is
 * decided here.
 *
 * Invariant: a stream is busy from link_client_send() to its callback. A reply that comes while it
 * is not busy belongs to a request that was given up and is thrown away; once the next request is
 * sent nanomsg itself refuses it, by its request id.
 *
 * nanomsg 1.1.5 does the last badly: a reply that waits unread when the next request is sent is
 * leaked, and after one that it refused itself nn_close() frees that reply again and aborts. So we
 * read before we send, and leave a socket that may have refused one to the end of the process.
 */
#include "proto/link_internal.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "quorate/limits.h"

#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdlib.h>
#include <string.h>

struct stream {
	struct link_client *client;
	enum link_stream kind;
	int socket; /* -1: not open */
	struct watch_fd watch;
	struct timer timeout;
	bool ready; /* watch and timeout are initialised */
	bool busy;
	bool unanswered; /* the last request sent has no reply yet */
	bool tainted;    /* nanomsg may have refused a reply since the last good one */
};

struct link_client {
	struct stream stream[LINK_STREAM_COUNT];
	link_reply_fn reply;
	void *arg;
};

/* The last thing that its caller does: the callback may send again or close the client. */
static void finish(struct stream *stream, int error, const void *data, size_t size_bytes)
{
	stream->busy = false;
	timer_stop(&stream->timeout);
	stream->client->reply(stream->client->arg, stream->kind, error, data, size_bytes);
}

/* The reply to the last request sent, to be freed by nn_freemsg(), or NULL. */
static void *take_reply(struct stream *stream, size_t *size_bytes)
{
	void *body = NULL;
	int n = nn_recv(stream->socket, &body, NN_MSG, NN_DONTWAIT);
	if (n == -1)
		return NULL; /* EAGAIN, or EFSM: nothing was asked */
	*size_bytes = (size_t)n;
	stream->unanswered = stream->tainted = false;
	return body;
}

/* One message per call: the descriptor stays readable while there are more. */
static void readable_cb(void *arg, int fd, int what)
{
	(void)fd;
	(void)what;
	struct stream *stream = arg;
	size_t size_bytes;
	void *body = take_reply(stream, &size_bytes);
	if (!body)
		return;
	if (stream->busy)
		finish(stream, 0, body, size_bytes);
	nn_freemsg(body);
}

static void timeout_cb(void *arg)
{
	finish(arg, -1, NULL, 0);
}

static int stream_open(struct stream *stream, struct loop *loop, const char *address)
{
	const char *why;
	if (link_address_check(address, &why)) {
		log_error("link.address stream=%s address=%s error=%s",
			link_stream_names[stream->kind], log_quote(address), log_quote(why));
		return -1;
	}
	stream->socket = link_socket_new(AF_SP, NN_REQ, address);
	if (stream->socket == -1)
		return -1;
	if (nn_connect(stream->socket, address) == -1) {
		log_error("link.connect stream=%s address=%s error=%s",
			link_stream_names[stream->kind], log_quote(address),
			log_quote(nn_strerror(nn_errno())));
		return -1;
	}
	int fd = link_socket_fd(stream->socket);
	if (fd == -1)
		return -1;
	timer_init(&stream->timeout, loop, timeout_cb, stream);
	watch_fd_init(&stream->watch, loop, fd, readable_cb, stream);
	watch_fd_set(&stream->watch, WATCH_READ);
	stream->ready = true;
	return 0;
}

int link_client_open(struct link_client **out, struct loop *loop, const char *report_address,
	const char *orders_address, link_reply_fn reply, void *arg)
{
	struct link_client *client = mem_alloc(sizeof *client);
	client->reply = reply;
	client->arg = arg;
	for (int i = 0; i < LINK_STREAM_COUNT; i++)
		client->stream[i] = (struct stream){
			.client = client, .kind = (enum link_stream)i, .socket = -1};
	if (stream_open(&client->stream[LINK_REPORT], loop, report_address) ||
		stream_open(&client->stream[LINK_ORDERS], loop, orders_address)) {
		link_client_close(client);
		return -1;
	}
	*out = client;
	return 0;
}

void link_client_close(struct link_client *client)
{
	if (!client)
		return;
	for (int i = 0; i < LINK_STREAM_COUNT; i++) {
		struct stream *stream = &client->stream[i];
		if (stream->ready) {
			watch_fd_clear(&stream->watch);
			timer_clear(&stream->timeout);
		}
		if (stream->socket != -1 && !stream->tainted)
			nn_close(stream->socket);
	}
	free(client);
}

int link_client_send(struct link_client *client, enum link_stream kind, const void *data,
	size_t size_bytes, int64_t timeout_ms)
{
	struct stream *stream = &client->stream[kind];
	if (stream->busy || size_bytes > MESSAGE_MAX_BYTES)
		return -1;
	size_t late_bytes;
	void *late = take_reply(stream, &late_bytes);
	if (late)
		nn_freemsg(late);
	stream->tainted |= stream->unanswered;
	stream->unanswered = true;
	if (nn_send(stream->socket, data, size_bytes, NN_DONTWAIT) == -1)
		log_debug("link.send stream=%s error=%s", link_stream_names[kind],
			log_quote(nn_strerror(nn_errno()))); /* its timeout tells the caller */
	stream->busy = true;
	timer_set(&stream->timeout, timeout_ms);
	return 0;
}

void link_client_cancel(struct link_client *client, enum link_stream kind)
{
	client->stream[kind].busy = false;
	timer_stop(&client->stream[kind].timeout);
}

bool link_client_busy(const struct link_client *client, enum link_stream kind)
{
	return client->stream[kind].busy;
}
