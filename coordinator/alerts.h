// SPDX-License-Identifier: MIT
/*
 * Alerts as documents: case ids, evidence, the event sequence, the live stream. A transition and its outgoing messages
 * are one transaction of the store; with a broken store they go on from memory, and the operator is told.
 */
#ifndef QUORATE_ALERTS_H
#define QUORATE_ALERTS_H

#include "coordinator/notify/notify.h"
#include "coordinator/store/store.h"
#include "quorate/verdict.h"

struct alerts;
struct alert_listener;

/* An event of the stream: {"type": "alert.opened", "timestamp", "data": {alert}}. EVENT is borrowed. */
typedef void (*alert_event_fn)(void *arg, int64_t sequence, const json_t *event);
/* Events from now on, each after its commit (or after the store turned out to be degraded). For what was before,
 * store_query_events(after): a listener that began first sees no gap (drop repeats by sequence). */
struct alert_listener *alerts_listen(struct alerts *a, alert_event_fn fn, void *arg);
void alerts_unlisten(struct alerts *a, struct alert_listener *l);

/* The open alerts now, newest first; a new reference. (Closed ones: store_query_alerts.) */
json_t *alerts_open_list(struct alerts *a);
size_t alerts_count_open(const struct alerts *a);

#endif
