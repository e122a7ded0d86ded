// SPDX-License-Identifier: MIT
/*
 * One stream's connection to the coordinator's door, kept up: dialled, introduced with the preface,
 * handed to the relay, and dialled again when it is lost. It alone owns back-off; nanomsg tries its
 * unix socket every 100 ms and finds it there only while the coordinator has accepted us.
 */
#ifndef QUORATE_PROBE_UPLINK_H
#define QUORATE_PROBE_UPLINK_H

#include "probe/dial.h"
#include "proto/link.h"

#define UPLINK_ADDRESSES_MAX 8

struct uplink;

struct uplink_config { /* all borrowed for the uplink's life */
	const struct dial_config *dial;
	enum link_stream stream;
	const char *probe, *token;
	const char *path; /* of the relay's socket */
	/* The address of the coordinator that was really connected, unless a proxy did that. NULL:
	 * nobody wants to know. */
	void (*connected)(void *arg, const struct sockaddr *address);
	void *arg;
};

struct uplink *uplink_new(
	struct loop *loop, struct curl_loop *cl, const struct uplink_config *config);
void uplink_free(struct uplink *u);
/* Nobody answers on the stream: closes a connection that has had its time, and dials anew. */
void uplink_cut(struct uplink *u);

/* Which address is next, and when. */
struct uplink_turn {
	size_t address; /* the one to dial */
	size_t tried;   /* in this round */
	int rounds;     /* in vain, since the last good connection */
};

enum uplink_end {
	UPLINK_FAILED,  /* no connection, or one that did not last */
	UPLINK_REFUSED, /* by the coordinator: somebody has to do something first */
	UPLINK_LOST     /* it was a good one */
};

/* Milliseconds until the next dial. A round tries each of N addresses, without a pause; rounds are
 * apart as agent_backoff_ms() says. RANDOM: any number. */
int64_t uplink_next_ms(struct uplink_turn *t, size_t n, enum uplink_end end, uint64_t random);

#endif
