// SPDX-License-Identifier: MIT
/*
 * A visitor of the door, from its first byte to its end. What a stranger can take is bounded at every step:
 *
 *   SILENT     a descriptor and a timer; TLS begins with the first byte
 *   HANDSHAKE  HANDSHAKES_PER_TURN begin in TURN_MS, so that a flood of hellos cannot delay votes
 *   then       by ALPN: a link says its preface (door_link.c), everybody else is spliced to the API
 *
 * The API bounds its own connections and drops the idle; API_SHARE of them leaves places for local programs.
 */
#include "coordinator/door_internal.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#define HANDSHAKE_MS        5000
#define LAST_WORDS_MS       1000
#define LINGER_MS           10000
#define API_SHARE           192 /* of the API's 256 */
#define STRANGER_READ_BYTES 4096

/* ---- visitors */

const char *visitor_address(const struct visitor *v)
{
	static char text[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_V4MAPPED(&v->address))
		inet_ntop(AF_INET, &v->address.s6_addr[12], text, sizeof(text));
	else
		inet_ntop(AF_INET6, &v->address, text, sizeof(text));
	return text;
}

static size_t *place_of(struct door *d, enum visitor_phase phase)
{
	if (phase == VISITOR_API)
		return &d->counts.api;
	return phase == VISITOR_LINKED || phase == VISITOR_JOINING ? &d->counts.links
								   : &d->counts.strangers;
}

void visitor_set_phase(struct visitor *v, enum visitor_phase phase)
{
	--*place_of(v->door, v->phase);
	++*place_of(v->door, phase);
	v->phase = phase;
}

/* Says that nothing more comes. Only between two records: in the middle of one it would be noise. */
static void say_goodbye(struct visitor *v)
{
	SSL *ssl = v->near ? bufferevent_openssl_get_ssl(v->near) : NULL;

	if (ssl && SSL_is_init_finished(ssl) &&
		evbuffer_get_length(bufferevent_get_output(v->near)) == 0)
		(void)SSL_shutdown(ssl);
	ERR_clear_error();
}

void visitor_end(struct visitor *v, enum door_end why)
{
	struct door *d = v->door;
	bool linked = v->phase == VISITOR_LINKED, session = linked && v->stream == LINK_REPORT;
	uint32_t key = v->probe_key;

	if (linked)
		log_info("door.unlinked probe=%s stream=%s address=%s why=%s", log_quote(v->probe),
			link_stream_names[v->stream], visitor_address(v), door_end_names[why]);
	--*place_of(d, v->phase);
	d->counts.ended[why]++;
	DL_DELETE(d->visitors, v);
	if (v->phase == VISITOR_SILENT)
		watch_fd_clear(&v->first_byte);
	timer_clear(&v->deadline);
	timer_clear(&v->hold);
	say_goodbye(v);
	if (v->near)
		bufferevent_free(v->near);
	if (v->far)
		bufferevent_free(v->far);
	if (v->fd != -1)
		close(v->fd);
	free(v->front);
	free(v->probe);
	free(v->token_hash);
	free(v);
	if (linked)
		fleet_link_closed(d->c->fleet, key);
	if (session)
		fleet_disconnected(d->c->fleet, key);
}

static void deadline_cb(void *arg)
{
	struct visitor *v = arg;

	if (v->phase == VISITOR_LINKED)
		link_look(v);
	else
		visitor_end(v, v->phase == VISITOR_LEAVING ? v->why : DOOR_END_LATE);
}

static void hold_over_cb(void *arg)
{
	link_go_on(arg);
}

/* ---- last words */

static void discard_cb(struct bufferevent *bev, void *arg UNUSED)
{
	struct evbuffer *in = bufferevent_get_input(bev);

	evbuffer_drain(in, evbuffer_get_length(in));
}

/* The words are out: what still comes is thrown away until the peer goes, since closing now would reset the connection
 * and take them back. */
static void said_cb(struct bufferevent *bev, void *arg)
{
	struct visitor *v = arg;

	say_goodbye(v);
	shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static void left_cb(struct bufferevent *bev UNUSED, short what UNUSED, void *arg)
{
	struct visitor *v = arg;

	visitor_end(v, v->why);
}

void visitor_leave(struct visitor *v, const void *words, size_t size_bytes, enum door_end why)
{
	visitor_set_phase(v, VISITOR_LEAVING);
	v->why = why;
	if (v->far)
		bufferevent_free(v->far);
	v->far = NULL;
	timer_set(&v->deadline, LAST_WORDS_MS);
	bufferevent_setcb(v->near, discard_cb, said_cb, left_cb, v);
	bufferevent_setwatermark(v->near, EV_READ, 0, 0);
	bufferevent_enable(v->near, EV_READ | EV_WRITE);
	discard_cb(v->near, v);
	bufferevent_write(v->near, words, size_bytes);
}

/* ---- to where they belong */

/*
 * A unix socket with a name that the kernel chooses, unique while it is open: nobody else can connect under it, so that the
 * one who accepts can ask us whom it is for.
 */
static int named_socket(struct visitor *v)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd != -1 && bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t)) == 0 &&
		getsockname(fd, (struct sockaddr *)&name, &size) == 0) {
		memcpy(v->far_name, name.sun_path, sizeof(v->far_name));
		return fd;
	}
	if (log_ratelimit("door.socket", 60000) >= 0)
		log_errno("door.socket_failed");
	if (fd != -1)
		close(fd);
	return -1;
}

struct bufferevent *visitor_connect(struct visitor *v, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct bufferevent *bev;
	int fd = named_socket(v);

	if (fd == -1)
		return NULL;
	bev = bufferevent_socket_new(loop_base(v->door->c->loop), fd, BEV_OPT_CLOSE_ON_FREE);
	ensure(bev && strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (bufferevent_socket_connect(bev, (struct sockaddr *)&address, sizeof(address)) == 0)
		return bev;
	bufferevent_free(bev);
	return NULL;
}

static void splice_ending(void *arg)
{
	struct visitor *v = arg;

	timer_set(&v->deadline, LINGER_MS);
}

static void splice_done(void *arg)
{
	visitor_end(arg, DOOR_END_CLOSED);
}

bool visitor_splice(
	struct visitor *v, enum visitor_phase phase, bool (*meter)(void *arg, struct evbuffer *in))
{
	visitor_set_phase(v, phase);
	timer_stop(&v->deadline);
	v->splice = (struct splice){.near = v->near,
		.far = v->far,
		.half_close = phase == VISITOR_API,
		.meter = meter,
		.ending = splice_ending,
		.done = splice_done,
		.arg = v};
	return splice_start(&v->splice);
}

static void enter_api(struct visitor *v)
{
	static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
				   "Content-Length: 0\r\nConnection: close\r\n\r\n";
	struct door *d = v->door;

	if (d->counts.api < API_SHARE && *d->api_path)
		v->far = visitor_connect(v, d->api_path);
	if (v->far)
		(void)visitor_splice(v, VISITOR_API, NULL);
	else
		visitor_leave(v, full, sizeof(full) - 1, DOOR_END_FULL);
}

/* ---- TLS */

static bool is_link(struct visitor *v)
{
	const unsigned char *name;
	unsigned size;

	SSL_get0_alpn_selected(bufferevent_openssl_get_ssl(v->near), &name, &size);
	return size == strlen(PREFACE_ALPN) && memcmp(name, PREFACE_ALPN, size) == 0;
}

static void handshake_cb(struct bufferevent *bev, short what, void *arg)
{
	struct visitor *v = arg;

	if (!(what & BEV_EVENT_CONNECTED)) {
		while (bufferevent_get_openssl_error(bev)) /* strangers' mistakes are not news */
			;
		visitor_end(v, DOOR_END_HANDSHAKE);
	} else if (is_link(v)) {
		link_await_preface(v);
	} else {
		enter_api(v);
	}
}

void visitor_begin_handshake(struct visitor *v)
{
	struct door *d = v->door;
	SSL *ssl = SSL_new(d->tls.context);

	ensure(ssl);
	d->handshakes_left--;
	if (!timer_is_set(&d->turn))
		timer_set(&d->turn, TURN_MS);
	watch_fd_clear(&v->first_byte);
	visitor_set_phase(v, VISITOR_HANDSHAKE);
	v->queued = false;
	v->near = bufferevent_openssl_socket_new(loop_base(d->c->loop), v->fd, ssl,
		BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	ensure(v->near);
	v->fd = -1;
	bufferevent_setwatermark(v->near, EV_READ, 0, STRANGER_READ_BYTES);
	bufferevent_setcb(v->near, NULL, NULL, handshake_cb, v);
	bufferevent_enable(v->near, EV_READ | EV_WRITE);
}

/* Somebody who speaks HTTP in the clear is told what to do instead; that is all that a plain client gets. */
static void turn_away(struct visitor *v)
{
	static const char words[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
				    "Content-Length: 40\r\nConnection: close\r\n\r\n"
				    "This port speaks TLS 1.3: use https://.\n";
	char thrown_away[STRANGER_READ_BYTES];

	if (recv(v->fd, thrown_away, sizeof(thrown_away), MSG_DONTWAIT) > 0)
		(void)send(v->fd, words, sizeof(words) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	visitor_end(v, DOOR_END_PLAIN);
}

/* A front's header, as much of it as is there, and no byte more. False: it is not complete, or V is gone. */
static bool take_front(struct visitor *v)
{
	enum proxyproto_state state = PROXYPROTO_MORE;
	unsigned char bytes[PROXYPROTO_MAX];
	ssize_t n;

	while (state == PROXYPROTO_MORE) {
		n = recv(v->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (n > 0)
			n = recv(v->fd, bytes, proxyproto_wants(v->front, bytes, (size_t)n), 0);
		if (n <= 0) {
			visitor_end(v, DOOR_END_CLOSED);
			return false;
		}
		state = proxyproto_take(v->front, bytes, (size_t)n);
	}
	if (state == PROXYPROTO_CLIENT)
		v->address = v->front->client;
	free(v->front);
	v->front = NULL;
	if (state == PROXYPROTO_BAD) {
		if (log_ratelimit("door.front", 60000) >= 0)
			log_warning("door.front address=%s msg=\"no header of the PROXY protocol, "
				    "which door.proxy_protocol_from asks of this address\"",
				visitor_address(v));
		visitor_end(v, DOOR_END_FRONT);
		return false;
	}
	if (door_count_from(v->door, &v->address) <= v->door->c->conf.door_per_address)
		return true;
	visitor_end(v, DOOR_END_FULL);
	return false;
}

static void first_byte_cb(void *arg, int fd, int what UNUSED)
{
	struct visitor *v = arg;
	unsigned char byte;
	ssize_t n;

	if (v->front && !take_front(v))
		return;
	n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		visitor_end(v, DOOR_END_CLOSED);
	} else if (byte != 0x16) { /* a TLS record of the handshake */
		turn_away(v);
	} else if (v->door->handshakes_left > 0) {
		visitor_begin_handshake(v);
	} else {
		v->queued = true;
		watch_fd_set(&v->first_byte, 0);
	}
}

/* ---- its beginning */

void visitor_new(struct door *d, int fd, const struct in6_addr *address, bool front)
{
	struct visitor *v = mem_alloc(sizeof(*v));

	v->door = d;
	v->fd = fd;
	v->address = *address;
	if (front)
		v->front = mem_alloc(sizeof(*v->front));
	d->counts.strangers++;
	DL_APPEND(d->visitors, v);
	timer_init(&v->deadline, d->c->loop, deadline_cb, v);
	timer_init(&v->hold, d->c->loop, hold_over_cb, v);
	timer_set(&v->deadline, HANDSHAKE_MS);
	watch_fd_init(&v->first_byte, d->c->loop, fd, first_byte_cb, v);
	watch_fd_set(&v->first_byte, WATCH_READ);
}
