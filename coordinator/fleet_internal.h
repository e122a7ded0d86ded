// SPDX-License-Identifier: MIT
/*
 * What the fleet's files share: fleet.c (members, orders, the link), fleet_session.c (who is who), fleet_report.c (results
 * and receipts), fleet_limits.c (how much of them, and for which monitors).
 */
#ifndef QUORATE_FLEET_INTERNAL_H
#define QUORATE_FLEET_INTERNAL_H

#include "coordinator/allowance.h"
#include "coordinator/coordinator.h"
#include "coordinator/orders.h"

#define WINDOW              8192 /* sequences of one boot that are told apart */
#define SESSION_INDEX_BYTES 16
#define PAST_BOOTS          8 /* of a probe that are told apart */
#define SESSION_SILENT_MS   (3 * HEARTBEAT_MS)
#define TENURES_MAX         50000
#define TENURE_GRACE_MS     60000 /* checks that still ran when the seat was taken away */

/* A monitor that the probe had until then. */
struct tenure {
	struct id monitor;
	int64_t until_ms;
	UT_hash_handle hh;
};

/* One probe as the link knows it. */
struct member {
	uint32_t key;
	struct fleet *fleet;
	struct order_log orders;

	char session[SESSION_TEXT_SIZE]; /* empty: none */
	char session_index[SESSION_INDEX_BYTES + 1];
	uint32_t pipe;        /* that hello came on: reports come on it, too */
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

	char *pins_told; /* the next key's, in this session; NULL: none */

	struct hello hello; /* of the session or the last one: software, capabilities; its token is
			       wiped */
	bool seen;
	int64_t heard_wall_ms;
	int64_t loop_lag_us, spooled, dropped, results;
	char *spool_error;
	enum self_test self_test;

	struct allowance allowance; /* outlives sessions */
	int links;                  /* connections by the door, which counts their bytes */
	int64_t refused;
	struct timer silence;   /* of the session: no report for that long */
	struct tenure *tenures; /* what it was assigned before, oldest first */

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
	bool committed;         /* the receipt is only held back */
	enum receipt_status status;
	int64_t hold_until_ms; /* the sender is above its limits */
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
void session_hello(struct fleet *f, struct link_held *held, struct hello *hello, size_t size_bytes);
/* The door's keys into OUT (over ROOM) when M is to be told of them now: in each session, and when
 * they change. */
void session_pins(struct member *m, struct strings *out, char *room[DOOR_PINS]);
/* The timer of a session in which no report came for SESSION_SILENT_MS: it is over, and its connections are cut. */
void session_silent(void *arg);
void session_end(struct member *m); /* no harm without a session */
/* The member whose session this is, compared in constant time; NULL: a stale or invented one. */
struct member *session_member(struct fleet *f, const char *session);
/* The poller learns that its session is over, or its message was of no use. */
void session_say_stale(struct link_held *held);
void session_reply(struct link_held *held, enum message_type type, const void *message);

/* ---- fleet_report.c */
void report_take(struct fleet *f, struct link_held *held, struct report *report, size_t size_bytes);
void report_receipt(struct link_held *held, enum receipt_status status, const char *detail);
void report_forget(struct receiving *w);

/* ---- fleet_limits.c */
extern const char limits_words[]; /* a sentence for a probe that is refused */
/* A message of SIZE_BYTES. False: its sender does not wait for answers, and this one is not to be looked at. */
bool limits_admit(struct member *m, size_t size_bytes);
/* N more of KIND; reading stops while the probe is above its limits. Returns how long that is. */
int64_t limits_take(struct member *m, enum allowance_kind kind, int64_t n);
int64_t limits_wait_ms(const struct member *m);
/* MONITOR is the probe's no more, or was removed; what it finds out about it until now is history. */
void tenure_add(struct member *m, const struct id *monitor);
void tenure_clear(struct member *m);
/* Whether the probe was asked for R, now or then. */
bool tenure_covers(const struct member *m, const struct result *r);

#endif
