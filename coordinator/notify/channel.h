// SPDX-License-Identifier: MIT
/* What the outbox and the channels share; private to coordinator/notify and its tests. */
#ifndef QUORATE_NOTIFY_CHANNEL_H
#define QUORATE_NOTIFY_CHANNEL_H

#include "coordinator/notify/notify.h"

#include <stddef.h>

#define CHANNEL_WHY_SIZE 256

/* ---- signature.c: Standard Webhooks 1.0.0, symmetric signatures */
#define SIGNING_KEYS_MAX      4 /* several while a key is rotated */
#define SIGNING_KEY_MIN_BYTES 24
#define SIGNING_KEY_MAX_BYTES 64

struct signing_keys {
	struct {
		unsigned char byte[SIGNING_KEY_MAX_BYTES];
		size_t size_bytes;
	} key[SIGNING_KEYS_MAX];
	size_t n; /* 0: unsigned */
};
/* TEXT: "whsec_" and base64 of 24 to 64 bytes; several with blanks between them. -1 and *WHY
 * (static): what is accepted. */
MUST_CHECK int signing_keys_parse(const char *text, struct signing_keys *out, const char **why);
/* The keys of a channel: of its secret, of its secret_file (which others must not be able to read),
 * or none. -1 and WHY. */
MUST_CHECK int signing_keys_load(
	const struct channel_conf *conf, struct signing_keys *out, char why[CHANNEL_WHY_SIZE]);
void signing_keys_clear(struct signing_keys *keys);
/* The value of webhook-signature: "v1,BASE64 v1,BASE64"; the caller frees it. */
char *signature_make(
	const struct signing_keys *keys, const char *id, int64_t wall_s, const char *body);

/* ---- a delivery: one attempt to send one message */
enum delivery_outcome { DELIVERY_DONE, DELIVERY_RETRY, DELIVERY_DEAD };

struct delivery_result {
	enum delivery_outcome outcome;
	int64_t retry_after_ms; /* the receiver wants to be left alone this long; 0: it said nothing
				 */
	char error[128];        /* a sentence without secrets; "" when done */
};
typedef void (*delivery_fn)(void *arg, const struct delivery_result *result);

struct outgoing {
	const char *key;  /* copied */
	const char *body; /* borrowed until the delivery ends */
};

struct delivery;
struct channel_type {
	const char *name;
	/* DONE comes once, from the loop, never before this returns; the delivery is gone by then.
	 */
	struct delivery *(*start)(struct curl_loop *curl, const struct channel_conf *conf,
		const struct signing_keys *keys, const struct outgoing *m, delivery_fn done,
		void *arg);
	void (*cancel)(struct delivery *d); /* no callback afterwards */
};
extern const struct channel_type webhook_channel;

/* What to make of the end of a transfer. STATUS 0: none was seen. */
void webhook_judge(CURLcode code, long status, int64_t retry_after_s, struct delivery_result *out);

/* ---- lanes.c: the schedule */
struct retry_schedule {
	const int64_t
		*delay_ms; /* before attempt 1, 2, …; after the last one the message is dead */
	size_t n;
};
extern const struct retry_schedule retry_schedule_standard;
/* How long to wait after ATTEMPTS failed attempts; -1: no more. DRAW: 0 … 1, adds up to a tenth. */
int64_t retry_delay_ms(const struct retry_schedule *schedule, int64_t attempts, double draw);
/* For tests. SCHEDULE is borrowed. */
void notify_set_schedule(struct notify *notify, const struct retry_schedule *schedule);

#endif
