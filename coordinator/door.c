// SPDX-License-Identifier: MIT
/*
 * The door's listener and its visitors until they are known. What a stranger can take is bounded at every step:
 *
 *   SILENT     a descriptor and a timer; TLS begins with the first byte
 *   HANDSHAKE  HANDSHAKES_PER_TURN begin in TURN_MS, so that a flood of hellos cannot delay votes
 *   then       by ALPN: a link says its preface (door_link.c), everybody else is spliced to the API
 *
 * Strangers are what has not shown a token yet. When every place is taken the one that waited longest goes; links never
 * do. The API bounds its own connections and drops the idle; API_SHARE of them leaves places for local programs.
 */
#include "coordinator/door_internal.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#define HANDSHAKE_MS        5000
#define LAST_WORDS_MS       1000
#define LINGER_MS           10000
#define HANDSHAKES_PER_TURN 8
#define TURN_MS             10
#define RESUME_MS           1000
#define API_SHARE           192 /* of the API's 256 */
#define LISTEN_BACKLOG      512
#define STRANGER_READ_BYTES 4096

/* A peer that is gone without a word: asked after 15 s, given up 30 s after its last sign of life. */
#define KEEPALIVE_IDLE_S     15
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_PROBES     3
#define USER_TIMEOUT_MS      30000

#define DOOR_END_NAME(e, name) name,
const char *const door_end_names[] = {DOOR_ENDS(DOOR_END_NAME) NULL};

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
	bool session = v->phase == VISITOR_LINKED && v->stream == LINK_REPORT;
	uint32_t key = v->probe_key;

	if (v->phase == VISITOR_LINKED)
		log_info("door.unlinked probe=%s stream=%s address=%s why=%s", log_quote(v->probe),
			link_stream_names[v->stream], visitor_address(v), door_end_names[why]);
	--*place_of(d, v->phase);
	d->counts.ended[why]++;
	DL_DELETE(d->visitors, v);
	if (v->phase == VISITOR_SILENT)
		watch_fd_clear(&v->first_byte);
	timer_clear(&v->deadline);
	say_goodbye(v);
	if (v->near)
		bufferevent_free(v->near);
	if (v->far)
		bufferevent_free(v->far);
	if (v->fd != -1)
		close(v->fd);
	free(v->probe);
	free(v->token_hash);
	free(v);
	if (session)
		fleet_disconnected(d->c->fleet, key);
}

static void deadline_cb(void *arg)
{
	struct visitor *v = arg;

	visitor_end(v, v->phase == VISITOR_LEAVING ? v->why : DOOR_END_LATE);
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

struct bufferevent *visitor_connect(struct visitor *v, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct bufferevent *bev =
		bufferevent_socket_new(loop_base(v->door->c->loop), -1, BEV_OPT_CLOSE_ON_FREE);

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

void visitor_splice(struct visitor *v, enum visitor_phase phase)
{
	visitor_set_phase(v, phase);
	timer_stop(&v->deadline);
	v->splice = (struct splice){.near = v->near,
		.far = v->far,
		.half_close = phase == VISITOR_API,
		.ending = splice_ending,
		.done = splice_done,
		.arg = v};
	splice_start(&v->splice);
}

static void enter_api(struct visitor *v)
{
	static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
				   "Content-Length: 0\r\nConnection: close\r\n\r\n";
	struct door *d = v->door;

	if (d->counts.api < API_SHARE && *d->api_path)
		v->far = visitor_connect(v, d->api_path);
	if (v->far)
		visitor_splice(v, VISITOR_API);
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

static void begin_handshake(struct visitor *v)
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

static void first_byte_cb(void *arg, int fd, int what UNUSED)
{
	struct visitor *v = arg;
	unsigned char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		visitor_end(v, DOOR_END_CLOSED);
	} else if (byte != 0x16) { /* a TLS record of the handshake */
		turn_away(v);
	} else if (v->door->handshakes_left > 0) {
		begin_handshake(v);
	} else {
		v->queued = true;
		watch_fd_set(&v->first_byte, 0);
	}
}

static void turn_cb(void *arg)
{
	struct door *d = arg;
	struct visitor *v;

	d->handshakes_left = HANDSHAKES_PER_TURN;
	DL_FOREACH (d->visitors, v)
		if (v->queued && d->handshakes_left > 0)
			begin_handshake(v);
}

/* ---- accepting */

static bool is_stranger(const struct visitor *v)
{
	return v->phase < VISITOR_JOINING || v->phase == VISITOR_LEAVING;
}

/* Whether two addresses count as one: the same IPv4 one, or the same /64. */
static bool same_place(const struct in6_addr *a, const struct in6_addr *b)
{
	size_t bytes = IN6_IS_ADDR_V4MAPPED(a) ? 16 : 8;

	return memcmp(a, b, bytes) == 0;
}

/* Links are not counted: behind one address may be a whole region's probes. */
static int64_t count_from(const struct door *d, const struct in6_addr *address)
{
	const struct visitor *v;
	int64_t n = 0;

	DL_FOREACH (d->visitors, v)
		n += v->phase != VISITOR_LINKED && v->phase != VISITOR_JOINING &&
		     same_place(address, &v->address);
	return n;
}

static bool make_room(struct door *d, const struct in6_addr *address)
{
	const struct coordinator_conf *conf = &d->c->conf;
	struct visitor *v;

	if (count_from(d, address) >= conf->door_per_address)
		return false;
	if ((int64_t)(d->counts.strangers + d->counts.links + d->counts.api) <
		conf->door_connections)
		return true;
	DL_FOREACH (d->visitors, v) {
		if (is_stranger(v)) {
			visitor_end(v, DOOR_END_FULL);
			return true;
		}
	}
	return false;
}

static void set_options(int fd)
{
	const struct {
		int level, name, value;
	} options[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
		{IPPROTO_TCP, TCP_NODELAY, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			sizeof(options[i].value));
}

static struct in6_addr address_of(const struct sockaddr *peer)
{
	const struct sockaddr_in *v4 = (const void *)peer;
	struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	if (peer->sa_family == AF_INET6)
		return ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
	memcpy(&address.s6_addr[12], &v4->sin_addr, 4);
	return address;
}

static void accept_cb(struct evconnlistener *listener UNUSED, int fd, struct sockaddr *peer,
	int size UNUSED, void *arg)
{
	struct door *d = arg;
	struct in6_addr address = address_of(peer);
	struct visitor *v;

	d->counts.accepted++;
	if (!make_room(d, &address)) {
		d->counts.ended[DOOR_END_FULL]++;
		if (log_ratelimit("door.full", 60000) >= 0)
			log_warning("door.full strangers=%zu links=%zu api=%zu",
				d->counts.strangers, d->counts.links, d->counts.api);
		close(fd);
		return;
	}
	set_options(fd);
	v = mem_alloc(sizeof(*v));
	v->door = d;
	v->fd = fd;
	v->address = address;
	d->counts.strangers++;
	DL_APPEND(d->visitors, v);
	timer_init(&v->deadline, d->c->loop, deadline_cb, v);
	timer_set(&v->deadline, HANDSHAKE_MS);
	watch_fd_init(&v->first_byte, d->c->loop, fd, first_byte_cb, v);
	watch_fd_set(&v->first_byte, WATCH_READ);
}

/* Out of file descriptors, most likely: without a pause the loop would spin on the listener. */
static void accept_error_cb(struct evconnlistener *listener, void *arg)
{
	struct door *d = arg;

	if (log_ratelimit("door.accept", 60000) >= 0)
		log_errno("door.accept_failed");
	evconnlistener_disable(listener);
	timer_set(&d->resume, RESUME_MS);
}

static void resume_cb(void *arg)
{
	struct door *d = arg;

	evconnlistener_enable(d->listener);
}

/* ---- opening */

unsigned door_parse_address(const char *text, struct sockaddr_storage *out)
{
	const char *colon = strrchr(text, ':');
	int size = sizeof(*out);
	char host[INET6_ADDRSTRLEN + 2], *end;
	long port;

	if (!colon || (size_t)(colon - text) >= sizeof(host) || !isdigit((unsigned char)colon[1]))
		return 0;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	port = strtol(colon + 1, &end, 10);
	if (*end || port > 65535)
		return 0;
	if ((host[0] != '[' && strchr(host, ':')) ||
		evutil_parse_sockaddr_port(host, (struct sockaddr *)out, &size) == -1)
		return 0;
	if (out->ss_family == AF_INET6)
		((struct sockaddr_in6 *)out)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)out)->sin_port = htons((uint16_t)port);
	return (unsigned)size;
}

static int listen_at(struct door *d, const char *text)
{
	struct sockaddr_storage address;
	struct sockaddr_in6 bound = {0}; /* the port stands at the same place in both families */
	socklen_t size = door_parse_address(text, &address), bound_size = sizeof(bound);

	if (size > 0)
		d->listener = evconnlistener_new_bind(loop_base(d->c->loop), accept_cb, d,
			LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
			LISTEN_BACKLOG, (struct sockaddr *)&address, (int)size);
	if (!d->listener) {
		log_errno("door.listen_failed address=%s", log_quote(text));
		return -1;
	}
	evconnlistener_set_error_cb(d->listener, accept_error_cb);
	if (getsockname(evconnlistener_get_fd(d->listener), (struct sockaddr *)&bound,
		    &bound_size) == 0)
		d->port = ntohs(bound.sin6_port);
	return 0;
}

/* nanomsg gets an end of its own for the door: a relay carries the framing of ipc://, whatever link.report is. */
static int open_endpoints(struct door *d)
{
	char *folder = realpath(d->c->conf.state_dir, NULL), *address;
	int rc = 0;

	if (!folder) {
		log_errno("door.state_dir path=%s", log_quote(d->c->conf.state_dir));
		return -1;
	}
	for (int i = 0; i < LINK_STREAM_COUNT && rc == 0; i++) {
		d->endpoint[i] = mem_printf("%s/%s.sock", folder, link_stream_names[i]);
		address = mem_printf("ipc://%s", d->endpoint[i]);
		rc = fleet_listen(d->c->fleet, (enum link_stream)i, address);
		free(address);
	}
	free(folder);
	return rc;
}

static void on_registry(void *arg, enum registry_change change, void *object)
{
	struct door *d = arg;
	const struct probe *probe = object;
	struct visitor *v, *next;

	if (change == REMOVED_PROBE)
		door_cut(d, probe->key);
	if (change != CHANGED_PROBE)
		return;
	DL_FOREACH_SAFE (d->visitors, v, next)
		if (v->probe_key == probe->key && strcmp(v->token_hash, probe->token_hash) != 0)
			visitor_end(v, DOOR_END_CUT);
}

int door_open(struct door **out, struct coordinator *c)
{
	struct door *d;

	*out = NULL;
	if (!c->conf.door_listen)
		return 0;
	d = mem_alloc(sizeof(*d));
	d->c = c;
	d->api_path = mem_strdup(c->conf.api_socket);
	d->handshakes_left = HANDSHAKES_PER_TURN;
	timer_init(&d->resume, c->loop, resume_cb, d);
	timer_init(&d->turn, c->loop, turn_cb, d);
	if (door_tls_load(&d->tls, &c->conf) == -1 || open_endpoints(d) == -1 ||
		listen_at(d, c->conf.door_listen) == -1) {
		door_close(d);
		return -1;
	}
	registry_listen(c->registry, on_registry, d);
	log_info("door.opened listen=%s port=%d pin=%s", log_quote(c->conf.door_listen), d->port,
		d->tls.pin);
	*out = d;
	return 0;
}

void door_close(struct door *d)
{
	struct visitor *v, *next;

	if (!d)
		return;
	if (d->listener)
		evconnlistener_free(d->listener);
	DL_FOREACH_SAFE (d->visitors, v, next)
		visitor_end(v, DOOR_END_CLOSED);
	for (int i = 0; i < LINK_STREAM_COUNT; i++)
		free(d->endpoint[i]);
	free(d->api_path);
	timer_clear(&d->resume);
	timer_clear(&d->turn);
	door_tls_clear(&d->tls);
	free(d);
}

int door_reload(struct door *d, const struct coordinator_conf *conf)
{
	char before[DOOR_PIN_SIZE];

	if (!d)
		return 0;
	memcpy(before, d->tls.pin, sizeof(before));
	if (door_tls_load(&d->tls, conf) == -1) {
		log_error("door.certificate_kept msg=\"the certificate in force stays\"");
		return -1;
	}
	if (strcmp(before, d->tls.pin) != 0)
		log_warning("door.pin_changed before=%s now=%s msg=\"probes that pin the old key "
			    "cannot connect again\"",
			before, d->tls.pin);
	return 0;
}

void door_cut(struct door *d, uint32_t probe_key)
{
	struct visitor *v, *next;

	if (!d)
		return;
	DL_FOREACH_SAFE (d->visitors, v, next)
		if (v->probe_key == probe_key)
			visitor_end(v, DOOR_END_CUT);
}

/* ---- for people */

const char *door_pin(const struct door *d)
{
	return d->tls.pin;
}

int door_port(const struct door *d)
{
	return d->port;
}

void door_counts(const struct door *d, struct door_counts *out)
{
	*out = d ? d->counts : (struct door_counts){0};
}
