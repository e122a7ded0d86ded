// SPDX-License-Identifier: MIT
/*
 * The messages of the link, each a struct and a table of its fields. proto/README.md is the specification for
 * people; its field lists are printed from these tables. JSON, at most MESSAGE_MAX_BYTES, first member "type".
 *
 *   report stream   hello  -> welcome | refused            opens the probe's one session
 *                   report -> receipt                      results and heartbeat
 *   orders stream   poll   -> orders (held up to 25 s)     assignments, confirmation bursts
 */
#ifndef QUORATE_PROTO_MESSAGES_H
#define QUORATE_PROTO_MESSAGES_H

#include "proto/base/schema.h"
#include "proto/fence.h"
#include "quorate/monitor.h"
#include "quorate/result.h"

#define LINK_VERSION      1
#define HEARTBEAT_MS      10000
#define ORDERS_HOLD_MS    25000
#define SESSION_TEXT_SIZE 33 /* 128 random bits in hex and NUL */

enum message_type {
	MESSAGE_HELLO,
	MESSAGE_WELCOME,
	MESSAGE_REFUSED,
	MESSAGE_REPORT,
	MESSAGE_RECEIPT,
	MESSAGE_POLL,
	MESSAGE_ORDERS,
	MESSAGE_TYPE_COUNT
};
extern const char *const message_type_names[];

struct hello {
	int64_t version;
	char *probe;    /* name */
	char *token;    /* secret: never logged */
	struct id boot; /* of this run of the probe; (probe, boot, sequence) names a result */
	char *software; /* "quorate-probe/0.1.0" */
	struct capabilities capabilities;
};

struct welcome {
	char *session; /* secret */
	struct id probe_id;
	int64_t heartbeat_ms;
	int64_t now_wall_ms;
	struct strings pins; /* of the door's key, now and next; none: nothing to say */
};

struct refused {
	char *code;   /* "unauthorized", "version", "twins", "busy" */
	char *detail; /* a sentence for the probe's operator */
};

/* A scheduled check that has waited for much longer than its target usually takes, and still does:
 * no vote, but a reason for others to look now. */
struct suspicion {
	struct id monitor;
	int64_t monitor_revision;
	int64_t waited_ms;
};

/* Whether the probe's own network works, by its anchors; each is worse than the one before. */
enum self_test { SELF_NOT_JUDGED, SELF_OK, SELF_FAILED };
extern const char *const self_test_names[]; /* not_judged ok failed */

struct report {
	char *session;
	int64_t sent_wall_ms;
	int64_t loop_lag_us;    /* worst since the last report */
	int64_t spooled;        /* results waiting on the probe */
	int64_t dropped;        /* results lost to bounds since its start */
	char *spool_error;      /* why results cannot be kept on the probe's disk; NULL: they can */
	struct list results;    /* of struct result */
	struct list suspicions; /* of struct suspicion */
	bool pins_kept;         /* the pins told last are kept, or not needed */
	int self_test;          /* enum self_test */
};

enum receipt_status {
	RECEIPT_STORED,
	RECEIPT_SEEN,
	RECEIPT_STALE_SESSION,
	RECEIPT_INVALID,
	RECEIPT_BUSY
};
extern const char *const receipt_status_names[]; /* stored seen stale_session invalid busy */

struct receipt {
	int status;
	char *detail;
	int64_t now_wall_ms;
};

struct poll {
	char *session;
	int64_t revision; /* of the last orders applied in this session; 0: none */
};

struct assignment {
	json_t *monitor; /* a monitor's wire form; borrowed while encoding, owned after decoding */
	int64_t assignment; /* its revision: results carry it back */
	int64_t next_in_ms; /* first start from now */
};

struct burst_order {
	struct id monitor;
	int64_t monitor_revision;
	int64_t first_round, rounds, gap_ms;
};

/*
 * Changes in the order of their revision; a reply carries as many as fit, and `revision` is the last one's. The
 * first reply of a session has `reset`: what the probe had before is unconfirmed; `complete` on the last part of
 * the snapshot tells it to drop what was not confirmed.
 */
struct orders {
	int64_t revision;
	bool reset, complete, stale_session;
	struct list assign;  /* of struct assignment */
	struct strings drop; /* ids of monitors */
	struct list bursts;  /* of struct burst_order */
	struct strings pins; /* as in welcome, when they changed since */
};

extern const struct schema hello_schema, welcome_schema, refused_schema, report_schema,
	receipt_schema, poll_schema, orders_schema;
const struct schema *message_schema(enum message_type type);

/*
 * Encodes MESSAGE (the struct of TYPE) into a malloc()ed text, *SIZE_BYTES long. Returns NULL when it would be
 * larger than MESSAGE_MAX_BYTES: the caller sends less.
 */
char *message_encode(enum message_type type, const void *message, size_t *size_bytes);

/* A decoded message of any type; free with message_free. */
struct message {
	enum message_type type;
	union {
		struct hello hello;
		struct welcome welcome;
		struct refused refused;
		struct report report;
		struct receipt receipt;
		struct poll poll;
		struct orders orders;
	} u;
};
/*
 * Never trusts DATA: size, depth, UTF-8, types and bounds are checked. Returns NULL and a sentence in PROBLEMS for
 * what cannot be used; a type of a newer version is such a case too (counted by the caller).
 */
struct message *message_decode(const void *data, size_t size_bytes, struct problems *problems);
void message_free(struct message *message);

#endif
