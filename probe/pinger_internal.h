// SPDX-License-Identifier: MIT
/* What pinger.c (sockets, packets, sending) and pinger_answers.c (receiving) share. */
#ifndef QUORATE_PROBE_PINGER_INTERNAL_H
#define QUORATE_PROBE_PINGER_INTERNAL_H

#include "probe/pinger.h"

#include <netinet/in.h>
#include <stdint.h>

#define ICMP_HEADER_BYTES 8
#define OUT_BATCH         128 /* packets sent with one call */
#define IN_BATCH          64  /* answers read with one call */
#define HEAD_BYTES        64  /* of a packet that stand in the batch: all of the usual one */

enum slot_state {
	SLOT_FREE,
	SLOT_QUEUED,   /* in the batch */
	SLOT_WAITING,  /* for its answer */
	SLOT_ANSWERED, /* kept until its check ends: for what comes twice */
};

/* A packet's place. It never moves: the table grows by blocks. In one line of the cache, since its turn
 * comes round when a thousand others have had theirs. */
struct ping_slot {
	_Alignas(64) struct ping_listener *listener;
	struct ping_slot *next; /* of the same listener; or of those free, the longest free first */
	int64_t sent_at_us;
	uint64_t nonce;
	uint32_t number, used; /* its place, and how often that was taken */
	uint16_t index;        /* the listener's */
	uint8_t state;         /* enum slot_state */
	bool v6;
	unsigned char to[16]; /* bytes of the address */
};

#define BLOCK_SLOTS 1024
#define BLOCKS_MAX  1024 /* 1,048,576 packets */

struct ping_slots {
	struct ping_slot *block[BLOCKS_MAX]; /* owned */
	uint32_t n;                          /* slots that there are */
	struct ping_slot *free, *last_free;
};

/* A packet in the batch. */
struct out_packet {
	struct ping_slot *slot; /* NULL: forgotten meanwhile */
	int size;               /* of the whole message */
	int discover;           /* the path MTU discovery that it needs; -1: any will do */
	size_t control_bytes;
	unsigned char head[HEAD_BYTES];
	union net_address to;
	union {
		struct cmsghdr align;
		char bytes[80];
	} control; /* TTL and source */
};

struct channel {
	struct watch_fd watch;
	struct timer flush;
	int family, fd; /* fd -1: ICMP does not work */
	bool raw;
	unsigned id;
	int discover; /* path MTU discovery, as the socket has it */
	struct ping_slots slots;
	struct out_packet out[OUT_BATCH];
	unsigned n_out;
	struct ping_inbox *inbox; /* owned */
	int64_t local_mtu;        /* in this machine's last word on a packet that was too large */
	uint32_t drops;           /* the socket's count, when last looked at; and */
	int64_t drops_at_us;      /* when it was seen to have risen */
	unsigned char random[2048];
	size_t random_left;
};

struct pinger {
	struct channel v4, v6;
};

/* What is random in a packet, and where its place is; as sent. */
struct ping_cookie {
	uint32_t number, used;
	uint64_t nonce;
};
_Static_assert(sizeof(struct ping_cookie) == ICMP_COOKIE_SIZE, "no holes");
struct ping_cookie pinger_cookie(const struct ping_slot *slot);
struct ping_slot *pinger_slot(const struct ping_slots *slots, uint32_t number); /* or NULL */
void pinger_fail(struct ping_slot *slot, const struct ping_error *error);

struct ping_inbox *pinger_inbox_new(const struct channel *channel); /* freed with free() */
/* Reads what the sockets have: replies, and errors. Callbacks may send. */
void pinger_read(void *channel, int fd, int what);
void pinger_read_errors(struct channel *channel);
/* One reply, or one entry of the error queue, of N bytes; AT: when it was read. Also for the fuzzer:
 * bytes from the network. */
struct ping_instant {
	int64_t now_us, wall_us;
};
void pinger_take_reply(
	struct channel *channel, struct msghdr *m, size_t n, const struct ping_instant *at);
void pinger_take_error(struct channel *channel, struct msghdr *m, size_t n);

#endif
