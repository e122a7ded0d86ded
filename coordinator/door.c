// SPDX-License-Identifier: MIT
/*
 * The door's listener: who gets a place. Strangers are what has not shown a token yet. When every place is taken the one
 * that waited longest goes; links never do.
 */
#include "coordinator/door_internal.h"

#include "coordinator/place.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/policy.h"

#include <ctype.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#define RESUME_MS      1000
#define LISTEN_BACKLOG 512

/* A peer that is gone without a word: asked after 15 s, given up 30 s after its last sign of life. */
#define KEEPALIVE_IDLE_S     15
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_PROBES     3
#define USER_TIMEOUT_MS      30000

#define DOOR_END_NAME(e, name) name,
const char *const door_end_names[] = {DOOR_ENDS(DOOR_END_NAME) NULL};

static void turn_cb(void *arg)
{
	struct door *d = arg;
	struct visitor *v;

	d->handshakes_left = HANDSHAKES_PER_TURN;
	DL_FOREACH (d->visitors, v)
		if (v->queued && d->handshakes_left > 0)
			visitor_begin_handshake(v);
}

/* ---- accepting */

static bool is_stranger(const struct visitor *v)
{
	return v->phase < VISITOR_JOINING || v->phase == VISITOR_LEAVING;
}

/* Links are not counted: behind one address may be a whole region's probes. Nor are fronts that have not said yet whom
 * they bring. */
int64_t door_count_from(const struct door *d, const struct in6_addr *address)
{
	const struct in6_addr place = place_of(address);
	const struct visitor *v;
	struct in6_addr other;
	int64_t n = 0;

	DL_FOREACH (d->visitors, v) {
		if (v->phase == VISITOR_LINKED || v->phase == VISITOR_JOINING || v->front)
			continue;
		other = place_of(&v->address);
		n += memcmp(&place, &other, sizeof(place)) == 0;
	}
	return n;
}

static bool is_front(const struct door *d, const struct in6_addr *address)
{
	const struct strings *networks = &d->c->conf.door_proxy_from;
	const char *why;
	struct cidr network;

	for (size_t i = 0; i < networks->n; i++)
		if (cidr_parse(networks->item[i], &network, &why) == 0 &&
			cidr_has(&network, address))
			return true;
	return false;
}

static bool make_room(struct door *d, const struct in6_addr *address, bool front)
{
	const struct coordinator_conf *conf = &d->c->conf;
	struct visitor *v;

	if (!front && door_count_from(d, address) >= conf->door_per_address)
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
		/* A few small packets are on the way: lost, they are sent again at even intervals
		 * for a while, not ever later. */
		{IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1},
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
	bool front = is_front(d, &address);

	d->counts.accepted++;
	if (!make_room(d, &address, front)) {
		d->counts.ended[DOOR_END_FULL]++;
		if (log_ratelimit("door.full", 60000) >= 0)
			log_warning("door.full strangers=%zu links=%zu api=%zu",
				d->counts.strangers, d->counts.links, d->counts.api);
		close(fd);
		return;
	}
	set_options(fd);
	visitor_new(d, fd, &address, front);
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
		door_cut(d, probe->key, DOOR_END_CUT);
	if (change != CHANGED_PROBE)
		return;
	DL_FOREACH_SAFE (d->visitors, v, next)
		if (v->probe_key == probe->key &&
			(!probe->token_hash || strcmp(v->token_hash, probe->token_hash) != 0))
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

void door_cut(struct door *d, uint32_t probe_key, enum door_end why)
{
	struct visitor *v, *next;

	if (!d)
		return;
	DL_FOREACH_SAFE (d->visitors, v, next)
		if (v->probe_key == probe_key)
			visitor_end(v, why);
}

void door_hold(struct door *d, uint32_t probe_key, int64_t wait_ms)
{
	struct visitor *v;

	if (!d)
		return;
	DL_FOREACH (d->visitors, v)
		if (v->phase == VISITOR_LINKED && v->probe_key == probe_key)
			link_hold(v, wait_ms);
}

/* ---- for people */

size_t door_pins(const struct door *d, char *pins[DOOR_PINS])
{
	if (!d || !d->tls.next_pin[0])
		return 0;
	pins[0] = (char *)(uintptr_t)d->tls.pin;
	pins[1] = (char *)(uintptr_t)d->tls.next_pin;
	return DOOR_PINS;
}

int door_rotate(struct door *d, const struct coordinator_conf *conf)
{
	char before[DOOR_PIN_SIZE];

	memcpy(before, d->tls.pin, sizeof(before));
	if (!d->tls.next_pin[0] || door_tls_rotate(&d->tls, conf) == -1)
		return -1;
	log_info("door.rotated before=%s now=%s next=%s", before, d->tls.pin, d->tls.next_pin);
	return 0;
}

const char *door_pin(const struct door *d)
{
	return d->tls.pin;
}

int door_port(const struct door *d)
{
	return d->port;
}

bool door_client(const struct door *d, const struct sockaddr_un *peer, struct in6_addr *client)
{
	const struct visitor *v;

	if (!d)
		return false;
	DL_FOREACH (d->visitors, v) {
		if (v->phase != VISITOR_API ||
			memcmp(v->far_name, peer->sun_path, sizeof(v->far_name)) != 0)
			continue;
		*client = v->address;
		return true;
	}
	return false;
}

void door_counts(const struct door *d, struct door_counts *out)
{
	*out = d ? d->counts : (struct door_counts){0};
}
