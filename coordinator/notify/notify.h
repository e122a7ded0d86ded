// SPDX-License-Identifier: MIT
/*
 * Carries alert messages out: the durable outbox on one side, channels on the other. A channel is a
 * row in channels[] (webhook now). At least once, with a stable idempotency key; what cannot be
 * delivered ends in the dead-letter list. Webhooks follow Standard Webhooks 1.0.0 (headers,
 * signature, retry schedule: field notes); a 2xx is delivery, 410 and exhausted retries are dead, a
 * redirect is a failure. One message at a time per channel and alert, in order of sequence.
 */
#ifndef QUORATE_NOTIFY_H
#define QUORATE_NOTIFY_H

#include "coordinator/store/store.h"
#include "proto/base/loop.h"
#include "proto/base/schema.h"
#include "proto/curl_loop.h"

/* How a channel is told what a mass flip held back. */
enum mass_flip_style { MASS_FLIPS_EACH, MASS_FLIPS_GROUPED };

/* A channel as configured in coordinator.yml (channels: [...]). */
struct channel_conf {
	char *name;
	char *webhook;        /* http:// or https:// URL */
	char *secret;         /* "whsec_…" or NULL: unsigned; SECRET */
	char *secret_file;    /* or read from this 0600 file */
	struct strings kinds; /* alert kinds it wants; empty: all */
	int mass_flips;       /* enum mass_flip_style */
	int64_t timeout_ms;
};
extern const struct schema channel_conf_schema;

/* The kind of what the coordinator says of itself, beside the kinds of alerts. */
#define NOTIFY_KIND_COORDINATOR "coordinator"

struct notify;
/* CHANNELS (array of N) is borrowed until notify_free or the next notify_configure. Loads pending
 * messages from the store. */
MUST_CHECK int notify_open(struct notify **out, struct loop *loop, struct store *store,
	struct curl_loop *curl, const struct channel_conf *channels, size_t n);
void notify_configure(struct notify *notify, const struct channel_conf *channels, size_t n);
void notify_close(struct notify *notify);

/* Adds one message per interested channel of event SEQUENCE to batch B (the transition's own
 * transaction). KIND: the alert's kind name; BODY: the message as sent. Pass the same SEQUENCE to
 * notify_release once the batch was committed or is known to be delayed (STORE_DEGRADED: it is sent
 * from memory: an alert does not wait for a disk). */
void notify_add(struct notify *notify, struct store_batch *b, int64_t sequence, const char *kind,
	const json_t *body);
void notify_release(struct notify *notify, int64_t sequence);

struct notify_counts {
	int64_t pending, sent, failed_attempts, dead;
};
void notify_counts(const struct notify *notify, struct notify_counts *out);

#endif
