// SPDX-License-Identifier: MIT
/* What the files of the outbox share: messages, their lanes, bundles of them, the channels. */
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
	int64_t held_ms;   /* how long its alert was held back */
	bool held;
	char *topic; /* of a mass flip: "TYPE ORGANIZATION", what may be told together; else NULL */
};

struct lane {
	UT_hash_handle hh; /* channel.lanes, by alert */
	struct channel *channel;
	struct message *first, **end;
	struct timer timer;       /* the head's */
	struct bundle *bundle;    /* that the head goes out with; NULL: by itself */
	struct delivery *sending; /* the head, or the bundle it leads, in flight */
	bool ready;               /* stands in channel.ready */
	struct lane *ready_next;
	char alert[ID_TEXT_SIZE];
};

/*
 * Heads of several lanes that go out as one message. First it gathers; then what is in it is
 * committed, so that it is the same one with the same key after a crash; then the first of its lanes
 * leads: it is due, sent and tried again for all of them. It ends as its messages do, all at once.
 */
struct bundle {
	struct channel *channel; /* NULL: that is gone, only the commit is awaited */
	struct bundle *prev, *next;
	char *topic; /* while it gathers */
	struct lane **lane;
	size_t n, room;
	struct timer timer; /* of gathering */
	int64_t began_at_ms;
	struct id id;
	bool committing, committed;
	char *key, *body; /* made when it is first sent */
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
	struct bundle *bundles;
	int in_flight;
	int64_t pending;
	bool failing;
};

/* How long a bundle waits for more: until none came for QUIET_MS, MAX_MS in all. */
struct gather_times {
	int64_t quiet_ms, max_ms;
};

struct notify {
	struct loop *loop;
	struct store *store;
	struct curl_loop *curl;
	struct channel *channels;
	struct message *messages;
	const struct retry_schedule *schedule;
	struct gather_times gather;
	struct notify_counts counts;
};
/* For tests. */
void notify_set_gather(struct notify *notify, const struct gather_times *times);

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
/* Its next message's turn, or its end. */
void lane_go_on(struct lane *lane);
/* Takes the first of those that are ready. */
struct lane *channel_next_ready(struct channel *c);

/* ---- bundles.c */
/* LANE's head is due: whether it waits in a bundle now, for others to go out with. */
bool bundle_gather(struct lane *lane);
/* LANE's head was in the bundle ID, committed in an earlier run. */
void bundle_restore(struct lane *lane, const struct id *id);
/* Whether LANE sends its bundle. */
bool bundle_leads(const struct lane *lane);
/* What to send for the bundle that LANE leads; borrowed. */
struct outgoing bundle_outgoing(const struct lane *lane);
/* Lets the lanes of B go, and B. */
void bundle_free(struct bundle *b);
/* Lets go of all of C's; C goes on to be configured away (STAYING), or everything ends. */
void bundles_clear(struct channel *c, bool staying);

/* ---- bundle_text.c */
/* The one message for N of one topic, whose texts are BODY (in order), with the longest hold among
 * them; the caller frees it. */
char *bundle_compose(const char *const *body, size_t n, int64_t held_ms);

#endif
