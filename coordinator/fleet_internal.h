// SPDX-License-Identifier: MIT
/*
 * What the fleet's files share: fleet.c (members, orders, the link), fleet_session.c (who is who), fleet_report.c (results
 * and receipts).
 */
#ifndef QUORATE_FLEET_INTERNAL_H
#define QUORATE_FLEET_INTERNAL_H

#include "coordinator/coordinator.h"
#include "coordinator/orders.h"

#define WINDOW              8192 /* sequences of one boot that are told apart */
#define SESSION_INDEX_BYTES 16
#define PAST_BOOTS          8 /* of a probe that are told apart */

/* One probe as the link knows it. */
struct member {
	uint32_t key;
	struct fleet *fleet;
	struct order_log orders;

	char session[SESSION_TEXT_SIZE]; /* empty: none */
	char session_index[SESSION_INDEX_BYTES + 1];
	bool reset, snapshot; /* the session's first orders are due; are not complete */
	struct link_held *poll;
	int64_t poll_revision;
	struct timer answer;        /* of the held poll */
	char *token_hash;           /* of the token that the last hello was let in with */
	struct id boot;             /* of the last hello with the right token */
	struct id past[PAST_BOOTS]; /* boots that said hello before it */
	unsigned next_past;
	struct list bursts;  /* of struct burst_order */
	int64_t burst_at_ms; /* of the oldest in bursts */

	struct hello hello; /* of the session or the last one: software, capabilities; its token is
			       wiped */
	bool seen;
	int64_t heard_wall_ms;
	int64_t loop_lag_us, spooled, dropped, results;
	char *spool_error;

	int64_t window_top; /* highest sequence of hello.boot */
	uint8_t window[WINDOW / 8];

	UT_hash_handle hh;         /* by key */
	UT_hash_handle hh_session; /* by session_index */
};

/* A report whose receipt waits for the store. */
struct receiving {
	struct fleet *fleet;
	struct link_held *held; /* NULL: "seen" was said */
	bool incomplete;        /* not all results found room in the store's queue */
	struct timer patience;
	struct receiving *prev, *next;
};

struct fleet {
	struct coordinator *c;
	struct link_server *link;
	struct member *members, *sessions;
	struct receiving *receiving;
	struct timer rephase;
	struct fleet_counts counts;
};

/* ---- fleet.c */
struct member *fleet_find(const struct fleet *f, uint32_t key); /* NULL: none */
struct member *fleet_member(struct fleet *f, uint32_t key);     /* makes one */

/* ---- fleet_session.c */
/* Opens the session, or refuses. */
void session_hello(struct fleet *f, struct link_held *held, struct hello *hello);
void session_end(struct member *m); /* no harm without a session */
/* The member whose session this is, compared in constant time; NULL: a stale or invented one. */
struct member *session_member(struct fleet *f, const char *session);
/* The poller learns that its session is over, or its message was of no use. */
void session_say_stale(struct link_held *held);
void session_reply(struct link_held *held, enum message_type type, const void *message);

/* ---- fleet_report.c */
void report_take(struct fleet *f, struct link_held *held, struct report *report);
void report_receipt(struct link_held *held, enum receipt_status status, const char *detail);
void report_forget(struct receiving *w);

#endif
