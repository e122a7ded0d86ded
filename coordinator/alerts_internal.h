// SPDX-License-Identifier: MIT
/* What the files of the alerts share: the one in memory, and how its transition is committed. */
#ifndef QUORATE_ALERTS_INTERNAL_H
#define QUORATE_ALERTS_INTERNAL_H

#include "coordinator/alerts.h"

#include <uthash.h>

#define ALERT_KEY_BYTES 56
#define ALERT_CASE_SIZE 8

/*
 * An alert that is open, or hushed: closed by hand while what it is about lasts. A hushed one is
 * closed to the world, and here so that the same trouble opens no second one, also after a restart.
 */
struct open_alert {
	char key[ALERT_KEY_BYTES]; /* "down:UUID of its subject" */
	enum alert_kind kind;
	struct id id, subject;
	char case_id[ALERT_CASE_SIZE];
	bool hushed;
	bool kept;            /* the store knows it as hushed */
	int64_t told_wall_ms; /* people were told of it last; 0: see the document */
	json_t *document;
	UT_hash_handle hh;
	UT_hash_handle hh_case;
};

struct alerts {
	struct store *store;
	struct notify *notify;
	char *url;
	int64_t sequence;
	struct open_alert *open;
	struct open_alert *hushed;
	struct open_alert *cases; /* both by case id */
	struct alert_listener *listeners;
	struct publication *publications; /* submitted, not yet published */
};

/* ---- alerts_document.c */
/* Writes what F knows into ALERT's document; the order of a new document's members is the
 * specification's. */
void alert_fill_document(
	const struct alerts *a, struct open_alert *alert, const struct alert_facts *f);
/* The same, and what it was opened with is kept beside what it says now. */
void alert_change_document(
	const struct alerts *a, struct open_alert *alert, const struct alert_facts *f);

/* ---- alerts_publish.c */
struct transition {
	const char *type;   /* "alert.opened" */
	const char *kind;   /* as channels choose by */
	struct id id;       /* the alert's; zero: of none */
	const json_t *data; /* the alert's document as it is now */
	json_t *mass_flip;  /* borrowed; NULL: of none */
	alert_done_fn done; /* NULL: nobody waits for it */
	void *arg;
};
/* Takes B: commits it with the event of T and its messages; then it is told. */
void alerts_publish(struct alerts *a, struct store_batch *b, const struct transition *t);
/* Forgets what is under way and who listens. */
void alerts_publish_end(struct alerts *a);

/* ---- alerts.c */
/* Moves it from the open ones to the hushed ones, and back. */
void alert_hush(struct alerts *a, struct open_alert *alert);
void alert_unhush(struct alerts *a, struct open_alert *alert);
/* FROM: the kind it had; BY: who did it; both may be NULL. */
void alert_log(const struct open_alert *alert, const char *type, const char *from, const char *by);
/* Document, event, messages, and whether it is hushed: one transaction. DONE may be NULL. */
void alert_commit(struct alerts *a, struct open_alert *alert, const char *type, alert_done_fn done,
	void *arg);

#endif
