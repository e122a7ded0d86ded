// SPDX-License-Identifier: MIT
/*
 * The coordinator's end: a raw REP socket per stream. A request is handed up together with its way
 * back (nanomsg's header: the pipe and the request's id) and answered whenever the caller likes.
 *
 * Invariants: every held request is in the server's list until it is answered or dropped. For each
 * pipe only the newest one is answered: a peer has one request in flight, so an older one was
 * cancelled, and nanomsg silently drops a second reply to a pipe that is not writable yet (field
 * notes).
 */
#include "proto/link_internal.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "quorate/limits.h"

#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#define HELD_MAX    65536 /* in all; one more is dropped, its sender asks again */
#define DRAIN_MAX   256   /* requests taken before the loop's other work has its turn */
#define HEADER_SIZE 8     /* pipe (4 bytes), request id (4 bytes) */

struct stream {
	struct link_server *server;
	enum link_stream kind;
	int socket; /* -1: not open */
	struct watch_fd watch;
	bool watching;
	struct link_held *by_pipe; /* hash: the newest request of each pipe */
};

struct link_server {
	struct loop *loop;
	struct stream stream[LINK_STREAM_COUNT];
	link_request_fn request;
	void *arg;
	struct link_held *held; /* list of all */
	int n_held;
};

struct link_held {
	struct stream *stream;
	void *control; /* nanomsg's message: the way back; owned */
	uint32_t pipe;
	bool newest; /* in by_pipe */
	struct link_held *prev, *next;
	UT_hash_handle hh;
};

/* The pipe's key inside CONTROL: a cmsghdr, the size of the header, the header. Returns 0 or -1. */
static int pipe_of(void *control, uint32_t *pipe)
{
	struct nn_msghdr hdr = {.msg_control = control,
		.msg_controllen = NN_CMSG_SPACE(sizeof(size_t) + HEADER_SIZE)};
	struct nn_cmsghdr *c = control ? NN_CMSG_FIRSTHDR(&hdr) : NULL;
	if (!c || c->cmsg_level != PROTO_SP || c->cmsg_type != SP_HDR)
		return -1;
	size_t size_bytes;
	memcpy(&size_bytes, NN_CMSG_DATA(c), sizeof size_bytes);
	if (size_bytes != HEADER_SIZE)
		return -1; /* came through another hop: not ours */
	memcpy(pipe, NN_CMSG_DATA(c) + sizeof size_bytes, sizeof *pipe);
	return 0;
}

static void held_free(struct link_held *held)
{
	struct link_server *server = held->stream->server;
	if (held->newest)
		HASH_DEL(held->stream->by_pipe, held);
	DL_DELETE(server->held, held);
	server->n_held--;
	if (held->control)
		nn_freemsg(held->control);
	free(held);
}

/* Takes CONTROL. Returns NULL when the request cannot be held. */
static struct link_held *hold(struct stream *stream, void *control)
{
	struct link_server *server = stream->server;
	uint32_t pipe;
	if (pipe_of(control, &pipe) || server->n_held >= HELD_MAX) {
		int skipped = log_ratelimit("link.request_dropped", 60000);
		if (skipped >= 0)
			log_warning("link.request_dropped stream=%s held=%d skipped=%d",
				link_stream_names[stream->kind], server->n_held, skipped);
		if (control)
			nn_freemsg(control);
		return NULL;
	}
	struct link_held *older;
	HASH_FIND(hh, stream->by_pipe, &pipe, sizeof pipe, older);
	if (older) {
		HASH_DEL(stream->by_pipe, older);
		older->newest = false;
	}
	struct link_held *held = mem_alloc(sizeof *held);
	held->stream = stream;
	held->control = control;
	held->pipe = pipe;
	held->newest = true;
	HASH_ADD(hh, stream->by_pipe, pipe, sizeof held->pipe, held);
	DL_APPEND(server->held, held);
	server->n_held++;
	return held;
}

/* Returns whether there was a request. */
static bool receive_one(struct stream *stream)
{
	void *body = NULL, *control = NULL;
	struct nn_iovec iov = {.iov_base = &body, .iov_len = NN_MSG};
	struct nn_msghdr hdr = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = NN_MSG};
	int size_bytes = nn_recvmsg(stream->socket, &hdr, NN_DONTWAIT);
	if (size_bytes == -1) {
		if (nn_errno() != EAGAIN && nn_errno() != EINTR)
			log_error("link.receive stream=%s error=%s",
				link_stream_names[stream->kind],
				log_quote(nn_strerror(nn_errno())));
		return false;
	}
	struct link_held *held = hold(stream, control);
	if (held)
		stream->server->request(
			stream->server->arg, stream->kind, held, body, (size_t)size_bytes);
	nn_freemsg(body);
	return true;
}

static void readable_cb(void *arg, int fd, int what)
{
	(void)fd;
	(void)what;
	for (int i = 0; i < DRAIN_MAX; i++)
		if (!receive_one(arg))
			return;
}

static int stream_bind(struct stream *stream, const char *address)
{
	if (nn_bind(stream->socket, address) != -1)
		return 0;
	log_error("link.bind stream=%s address=%s error=%s", link_stream_names[stream->kind],
		log_quote(address), log_quote(nn_strerror(nn_errno())));
	return -1;
}

static int stream_check(const struct stream *stream, const char *address)
{
	const char *why;
	if (link_address_check(address, &why) == 0)
		return 0;
	log_error("link.address stream=%s address=%s error=%s", link_stream_names[stream->kind],
		log_quote(address), log_quote(why));
	return -1;
}

static int stream_open(struct stream *stream, struct loop *loop, const char *address)
{
	if (stream_check(stream, address))
		return -1;
	stream->socket = link_socket_new(AF_SP_RAW, NN_REP, address);
	if (stream->socket == -1)
		return -1;
	if (stream_bind(stream, address))
		return -1;
	int fd = link_socket_fd(stream->socket);
	if (fd == -1)
		return -1;
	watch_fd_init(&stream->watch, loop, fd, readable_cb, stream);
	watch_fd_set(&stream->watch, WATCH_READ);
	stream->watching = true;
	return 0;
}

int link_server_open(struct link_server **out, struct loop *loop, const char *report_address,
	const char *orders_address, link_request_fn request, void *arg)
{
	struct link_server *server = mem_alloc(sizeof *server);
	server->loop = loop;
	server->request = request;
	server->arg = arg;
	for (int i = 0; i < LINK_STREAM_COUNT; i++)
		server->stream[i] = (struct stream){
			.server = server, .kind = (enum link_stream)i, .socket = -1};
	if (stream_open(&server->stream[LINK_REPORT], loop, report_address) ||
		stream_open(&server->stream[LINK_ORDERS], loop, orders_address)) {
		link_server_close(server);
		return -1;
	}
	*out = server;
	return 0;
}

int link_server_bind(struct link_server *server, enum link_stream stream, const char *address)
{
	struct stream *s = &server->stream[stream];
	return stream_check(s, address) || stream_bind(s, address) ? -1 : 0;
}

void link_server_close(struct link_server *server)
{
	if (!server)
		return;
	struct link_held *held, *next;
	DL_FOREACH_SAFE (server->held, held, next)
		held_free(held);
	for (int i = 0; i < LINK_STREAM_COUNT; i++) {
		struct stream *stream = &server->stream[i];
		if (stream->watching)
			watch_fd_clear(&stream->watch);
		if (stream->socket != -1)
			nn_close(stream->socket);
	}
	free(server);
}

void link_reply(struct link_held *held, const void *data, size_t size_bytes)
{
	ensure(size_bytes <= MESSAGE_MAX_BYTES);
	if (held->newest) {
		void *body = nn_allocmsg(size_bytes, 0);
		ensure(body);
		memcpy(body, data, size_bytes);
		struct nn_iovec iov = {.iov_base = &body, .iov_len = NN_MSG};
		struct nn_msghdr hdr = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &held->control,
			.msg_controllen = NN_MSG};
		if (nn_sendmsg(held->stream->socket, &hdr, NN_DONTWAIT) == -1) {
			nn_freemsg(body);
			log_debug("link.reply stream=%s error=%s",
				link_stream_names[held->stream->kind],
				log_quote(nn_strerror(nn_errno())));
		} else {
			held->control = NULL; /* nanomsg took it */
		}
	}
	held_free(held);
}

void link_drop(struct link_held *held)
{
	held_free(held);
}

uint32_t link_pipe(const struct link_held *held)
{
	return held->pipe;
}
