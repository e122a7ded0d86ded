// SPDX-License-Identifier: MIT
/* What the files of the outbox share: messages, their lanes, the channels. */
#ifndef QUORATE_NOTIFY_INTERNAL_H
#define QUORATE_NOTIFY_INTERNAL_H

#include "coordinator/notify/channel.h"

#include <uthash.h>

struct message_id {
	int64_t sequence;
	const struct channel *channel;
};

struct message {
	UT_hash_handle hh; /* notify.messages */
	struct message_id id;
	struct message *next; /* in its lane */
	struct lane *lane;
	char *key, *body;
	int64_t attempts;
	int64_t due_at_ms; /* not before */
	bool held;
};

struct lane {
	UT_hash_handle hh; /* channel.lanes, by alert */
	struct channel *channel;
	struct message *first, **end;
	struct timer timer;       /* the head's */
	struct delivery *sending; /* the head, in flight */
	bool ready;               /* stands in channel.ready */
	struct lane *ready_next;
	char alert[ID_TEXT_SIZE];
};

struct channel {
	struct channel *next;
	struct notify *notify;
	const struct channel_type *type;
	const struct channel_conf *conf; /* NULL: not configured any more, about to go */
	char *name;
	struct signing_keys keys;
	bool unusable; /* its secret cannot be read: nothing is sent rather than sent unsigned */
	struct lane *lanes;
	struct lane *ready, **ready_end;
	int in_flight;
	int64_t pending;
	bool failing;
};

struct notify {
	struct loop *loop;
	struct store *store;
	struct curl_loop *curl;
	struct channel *channels;
	struct message *messages;
	const struct retry_schedule *schedule;
	struct notify_counts counts;
};

/* ---- lanes.c */
/* A message of ALERT ("" for none), behind those of it that wait already; HELD: until it is released. Not yet scheduled. */
struct message *message_add(
	struct channel *c, const char *alert, const struct store_message *from, bool held);
/* The one end of a lane's head: sent (ERROR NULL) or dead. */
void message_end(struct lane *lane, const char *error);
/* Takes the head out of LANE and of memory. */
void message_drop(struct lane *lane);
/* Sets the head on its way, when there is one that may go. */
void lane_schedule(struct lane *lane);
void lane_free(struct lane *lane);
/* Takes the first of those that are ready. */
struct lane *channel_next_ready(struct channel *c);

#endif
