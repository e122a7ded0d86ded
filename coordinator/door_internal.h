// SPDX-License-Identifier: MIT
/* Inside the door: a visitor is one accepted connection, from its first byte to its end. */
#ifndef QUORATE_DOOR_INTERNAL_H
#define QUORATE_DOOR_INTERNAL_H

#include "coordinator/coordinator.h"
#include "coordinator/door.h"
#include "coordinator/proxyproto.h"
#include "proto/greeting.h"
#include "proto/preface.h"

#include <netinet/in.h>
#include <openssl/ssl.h>

struct bufferevent;
struct evbuffer;
struct evconnlistener;

/* ---- door_tls.c */

struct door_tls {
	SSL_CTX *context; /* connections hold references of their own */
	char pin[DOOR_PIN_SIZE];
	char next_pin[DOOR_PIN_SIZE]; /* of the key that door_tls_rotate() will take; "": an
					 operator's certificate */
};
/* Replaces what TLS has by the certificate and key of CONF; made at the first start when CONF names none. -1 after
 * logging why: TLS is as it was. */
MUST_CHECK int door_tls_load(struct door_tls *tls, const struct coordinator_conf *conf);
/* The next key becomes the key, and another next one is made; handshakes from now on have it. -1
 * after logging why. */
MUST_CHECK int door_tls_rotate(struct door_tls *tls, const struct coordinator_conf *conf);
void door_tls_clear(struct door_tls *tls);

/* ---- door_splice.c: bytes of two bufferevents, both ways, at most SPLICE_MAX_BYTES waiting in each */

#define SPLICE_MAX_BYTES ((size_t)256 * 1024)

struct splice {
	struct bufferevent *near, *far; /* borrowed */
	bool half_close; /* the end of NEAR's bytes is told to FAR, whose own go on */
	bool near_ended, far_ended;
	bool held; /* NEAR is not read */
	/* What NEAR has read, before it moves on; NULL: nobody looks. False: it was the last, and S is gone. */
	bool (*meter)(void *arg, struct evbuffer *in);
	/* Both come at most once, from a callback of NEAR or FAR: FAR has ended, its last bytes wait
	 * for NEAR to take them; it is over. */
	void (*ending)(void *arg), (*done)(void *arg);
	void *arg;
};
/* What NEAR and FAR have read already goes first. Sets the callbacks of both. False: METER has ended it. */
bool splice_start(struct splice *s);
/* Stops reading from NEAR, or goes on with it. */
void splice_hold(struct splice *s, bool held);

/* ---- door_frames.c: the messages in a stream of bytes, as nanomsg frames them on ipc:// */

#define FRAME_HEAD_BYTES 9 /* 01, and the size in 64 bits, big endian */

struct frames {
	unsigned char head[FRAME_HEAD_BYTES];
	size_t n_head;
	uint64_t left; /* of the message that has begun */
};
/* How many messages begin in these N bytes, which follow those of the last call; -1: no framing, or a message that is
 * larger than MESSAGE_MAX_BYTES. */
MUST_CHECK int64_t frames_count(struct frames *f, const unsigned char *bytes, size_t n);

/* ---- visitors: door_visitor.c */

#define HANDSHAKES_PER_TURN 8
#define FAR_NAME_BYTES      6 /* what the kernel gives when it is to choose: NUL, five hex digits */
#define TURN_MS             10

enum visitor_phase {
	VISITOR_SILENT,    /* no byte yet, or waiting for its turn: no TLS object */
	VISITOR_HANDSHAKE, /* TLS */
	VISITOR_PREFACE,   /* a link: who is it? */
	VISITOR_JOINING,   /* known; nanomsg's greeting at our own endpoint */
	VISITOR_LINKED,
	VISITOR_API,
	VISITOR_LEAVING /* its last words are on their way */
};

struct visitor {
	struct door *door;
	enum visitor_phase phase;
	int fd;                     /* -1: NEAR has it */
	struct watch_fd first_byte; /* SILENT */
	struct bufferevent *near, *far;
	struct splice splice;
	struct timer deadline;
	struct in6_addr address;       /* the front's while there is one */
	struct proxyproto *front;      /* SILENT: it has to say first whom it brings; else NULL */
	char far_name[FAR_NAME_BYTES]; /* of our end of FAR: by it the API knows whom it talks to */
	bool queued;                   /* its first byte is here, its handshake has to wait */
	enum door_end why;             /* LEAVING: what it will have ended as */

	/* a link's */
	enum link_stream stream;
	uint32_t probe_key;
	int64_t linked_at_ms, heard_at_ms;
	struct timer hold; /* the end of being held back */
	struct frames frames;
	char *probe, *token_hash; /* as they were when it came */
	struct visitor *prev, *next;
};

/* Takes FD. FRONT: the address is that of one. */
void visitor_new(struct door *d, int fd, const struct in6_addr *address, bool front);
/* Of a silent one that has sent its first byte. */
void visitor_begin_handshake(struct visitor *v);
/* The funnel: every visitor ends here, once, and is freed. May be called from its own callbacks. */
void visitor_end(struct visitor *v, enum door_end why);
void visitor_set_phase(struct visitor *v, enum visitor_phase phase);
/* The text of its address, in a static buffer. */
const char *visitor_address(const struct visitor *v);

/* Connects to the unix socket at PATH; NULL: nobody is there, or it has no place. */
struct bufferevent *visitor_connect(struct visitor *v, const char *path);
/* The two are connected from now on; PHASE: LINKED or API. METER as in struct splice. False: V is gone already. */
bool visitor_splice(
	struct visitor *v, enum visitor_phase phase, bool (*meter)(void *arg, struct evbuffer *in));
/* Writes SIZE_BYTES as the last words, and ends when they are taken, counted as WHY. */
void visitor_leave(struct visitor *v, const void *words, size_t size_bytes, enum door_end why);

/* ---- door.c */
/* Strangers and clients of the API from the same place. */
int64_t door_count_from(const struct door *d, const struct in6_addr *address);

/* ---- door_link.c: a link, from its handshake to its splice */

void link_await_preface(struct visitor *v);
/* The deadline of a link: how long its peer has been silent. */
void link_look(struct visitor *v);
/* Reads nothing from it for WAIT_MS. */
void link_hold(struct visitor *v, int64_t wait_ms);
void link_go_on(struct visitor *v);

struct door {
	struct coordinator *c;
	struct door_tls tls;
	struct evconnlistener *listener;
	struct timer resume; /* of the listener, after it ran out of descriptors */
	struct timer turn;   /* handshakes that may begin */
	int handshakes_left;
	char *endpoint[LINK_STREAM_COUNT]; /* paths of nanomsg's sockets */
	char *api_path;                    /* "": there is none */
	int port;
	struct visitor *visitors; /* oldest first */
	struct door_counts counts;
};

#endif
