// SPDX-License-Identifier: MIT
/*
 * Alerts as documents: case ids, evidence, the event sequence, the live stream. A transition and
 * its outgoing messages are one transaction of the store; with a broken store they go on from
 * memory, and the operator is told.
 */
#ifndef QUORATE_ALERTS_H
#define QUORATE_ALERTS_H

#include "coordinator/notify/notify.h"
#include "coordinator/store/store.h"
#include "quorate/verdict.h"

struct alerts;
struct alert_listener;

/* An event of the stream: {"type": "alert.opened", "timestamp", "data": {alert}}. EVENT is
 * borrowed. */
typedef void (*alert_event_fn)(void *arg, int64_t sequence, const json_t *event);
/* Events from now on, each after its commit (or after the store turned out to be degraded). For
 * what was before, store_query_events(after): a listener that began first sees no gap (drop repeats
 * by sequence). */
struct alert_listener *alerts_listen(struct alerts *a, alert_event_fn fn, void *arg);
void alerts_unlisten(struct alerts *a, struct alert_listener *l);

/* ---- for the verdicts: what happened to one monitor or probe */

/* What an alert says. All JSON is borrowed; NULL leaves the member as it was (or null in a new
 * alert). */
struct alert_facts {
	enum alert_kind kind;
	enum severity severity;
	struct id subject;        /* the monitor's or probe's id */
	const char *organization; /* NULL: nobody's in particular */
	json_t *monitor;          /* {id, name, type, target, service}; NULL for a probe's */
	json_t *probe;            /* {id, name, region, fault}; NULL for a monitor's */
	const char *reason_code, *reason_text;
	int64_t started_wall_ms; /* UNSET: as it was */
	int64_t held_ms;         /* of a new one: how long it was held back */
	json_t *observed, *quorum, *votes, *labels;
	json_t *monitors;  /* names listed in a probe's alert */
	json_t *mass_flip; /* that held this transition back, see flips_words; NULL: none */
};

MUST_CHECK struct alerts *alerts_new(
	struct store *store, struct notify *notify, const char *url); /* NULL after logging why */
void alerts_free(struct alerts *a);
/* Opens, unless one of this kind and subject is open already. Returns its case id. */
const char *alerts_raise(struct alerts *a, const struct alert_facts *facts);
void alerts_change(struct alerts *a, const struct alert_facts *facts);
/* The open alert of kind FROM goes on, in the same case, as facts->kind. */
void alerts_promote(struct alerts *a, enum alert_kind from, const struct alert_facts *facts);
void alerts_resolve(struct alerts *a, const struct alert_facts *facts);
/* For objects that are gone: WHY becomes the alert's "closed_because". */
void alerts_withdraw(
	struct alerts *a, enum alert_kind kind, const struct id *subject, const char *why);
/* Notes in the open alert of SUBJECT that it holds back the alerts of the monitor NAME; no message.
 * False: there is no such alert. */
bool alerts_hold_back(
	struct alerts *a, enum alert_kind kind, const struct id *subject, const char *name);
/* How often an alert is to be reminded of; 0: not, or not now. */
typedef int64_t (*remind_fn)(void *arg, enum alert_kind kind, const struct id *subject);
/* Sends "alert.reminder" for every alert that is open, not acknowledged, and was told of longer ago
 * than EVERY_MS says, counted on the wall clock, which is WALL_MS now. To be called about once a second. */
void alerts_remind(struct alerts *a, int64_t wall_ms, remind_fn every_ms, void *arg);
/* The case id of the open one, or NULL. */
const char *alerts_case(const struct alerts *a, enum alert_kind kind, const struct id *subject);
/* Walks what has to be restored at start-up: the open alerts, and those that people closed while
 * their cause lasts. FN may withdraw the one it is given. */
void alerts_each_lasting(const struct alerts *a,
	void (*fn)(void *arg, enum alert_kind kind, const struct id *subject,
		enum severity severity, const json_t *document),
	void *arg);
/* About the coordinator itself ("coordinator.degraded"): to the stream and every channel. DATA is
 * taken. */
void alerts_announce(struct alerts *a, const char *type, json_t *data);

/* ---- for people (alerts_people.c) */

/* So that a message stays below 20 kB, as receivers expect. */
#define COMMENT_MAX_BYTES 500
#define COMMENTS_MAX      20

enum alert_verb { VERB_ACKNOWLEDGE, VERB_COMMENT, VERB_CLOSE, VERB_REOPEN };
struct alert_act {
	enum alert_verb verb;
	const char *by;      /* who: the name of an API key */
	const char *comment; /* NULL: none; VERB_COMMENT has one */
};
enum alert_outcome {
	ALERT_ACTED,   /* DONE comes */
	ALERT_SAME,    /* it is so already; nobody is told again */
	ALERT_REFUSED, /* WHY tells */
	ALERT_UNKNOWN  /* neither open nor closed by hand with its cause lasting: ask the store */
};
#define ALERT_WHY_SIZE 256
/* STORE_OK: stored; STORE_DEGRADED: done, and kept in memory until the store works again. */
typedef void (*alert_done_fn)(void *arg, enum store_error error);
/*
 * Does what a person wants with the alert ID_OR_CASE. *DOCUMENT: the alert after it, a new
 * reference, with ALERT_ACTED and ALERT_SAME. An alert closed by hand stays closed until what it is
 * about has ended, and may be reopened until then; only what gets worse opens another one.
 */
MUST_CHECK enum alert_outcome alerts_act(struct alerts *a, const char *id_or_case,
	const struct alert_act *act, json_t **document, char why[ALERT_WHY_SIZE],
	alert_done_fn done, void *arg);
/* The case id of the hushed alert of this kind and subject, closed by hand; or NULL. */
const char *alerts_hushed_case(
	const struct alerts *a, enum alert_kind kind, const struct id *subject);

/* The open alerts now, newest first; a new reference. (Closed ones: store_query_alerts.) */
json_t *alerts_open_list(struct alerts *a);
size_t alerts_count_open(const struct alerts *a);

#endif
