// SPDX-License-Identifier: MIT
/*
 * The public face of the store: takes batches and questions to the worker, and brings its notices
 * back into the loop. Everything here runs in the loop's thread; the wake-up is the only call that
 * comes from another.
 */
#include "coordinator/store/backend.h"
#include "coordinator/store/worker.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define RETENTION_AGE_MS     (INT64_C(7) * 86400000)
#define RETENTION_SIZE_BYTES (INT64_C(4) << 30)

struct store {
	const struct backend_ops *ops;
	void *backend;
	struct worker *worker;
	struct loop_waker *waker;
	store_health_fn health;
	void *arg;
	enum disk_rung rung;
	struct disk_space space;
};

static const struct {
	const char *prefix;
	const struct backend_ops *ops;
} backends[] = {
	{"sqlite:", &sqlite_backend},
	{"memory:", &memory_backend},
};

const char *const store_part_names[STORE_PART_COUNT] = {"state", "results", "disk"};

/* ---- notices */

static void tell_health(struct store *store, enum store_part part, const char *detail)
{
	if (detail)
		log_error("store.degraded part=%s detail=%s", store_part_names[part],
			log_quote(detail));
	else
		log_info("store.recovered part=%s", store_part_names[part]);
	if (store->health)
		store->health(store->arg, part, detail);
}

static void deliver_disk(struct store *store, const struct notice *n)
{
	bool moved = n->rung != store->rung;

	store->rung = n->rung;
	store->space = n->space;
	if (!moved)
		return;
	char *sentence = disk_sentence(n->rung, &n->space);
	tell_health(store, STORE_PART_DISK, sentence);
	free(sentence);
}

static void deliver(struct store *store, const struct notice *n)
{
	switch (n->kind) {
	case NOTICE_DONE:
		if (n->detail)
			log_error("store.refused detail=%s", log_quote(n->detail));
		if (n->done)
			n->done(n->arg, n->error);
		break;
	case NOTICE_HEALTH:
		tell_health(store, n->lane == LANE_STATE ? STORE_PART_STATE : STORE_PART_RESULTS,
			n->detail);
		break;
	case NOTICE_DISK:
		deliver_disk(store, n);
		break;
	case NOTICE_LIST:
		n->list_done(n->arg, n->error, n->list);
		break;
	}
}

static void run_notices(void *arg)
{
	struct store *store = arg;
	for (struct notice *n = worker_take_notices(store->worker), *next; n; n = next) {
		next = n->next;
		deliver(store, n);
		notice_free(n);
	}
}

static void wake_loop(void *arg)
{
	loop_waker_wake(arg);
}

/* ---- open, close */

static const struct backend_ops *find_backend(const char *location, const char **rest)
{
	for (size_t i = 0; i < ARRAY_LEN(backends); i++) {
		size_t n = strlen(backends[i].prefix);
		if (strncmp(location, backends[i].prefix, n) == 0) {
			*rest = location + n;
			return backends[i].ops;
		}
	}
	return NULL;
}

int store_open(struct store **out, struct loop *loop, const char *location, store_health_fn health,
	void *arg)
{
	char why[WHY_SIZE] = "";
	const char *rest;
	const struct backend_ops *ops = find_backend(location, &rest);
	if (!ops) {
		log_error("store.open location=%s error=\"not a known store; accepted: "
			  "sqlite:FOLDER, "
			  "memory:\"",
			log_quote(location));
		return -1;
	}
	json_object_seed(0); /* before there are threads */
	void *backend;
	if (ops->open(&backend, rest, why) == -1) {
		log_error("store.open location=%s error=%s", log_quote(location), log_quote(why));
		return -1;
	}
	if (ops->last_sequence(backend) == -1) { /* better no start than one that repeats numbers */
		log_error("store.open location=%s error=\"cannot be read\"", log_quote(location));
		ops->close(backend);
		return -1;
	}
	if (why[0])
		log_warning(
			"store.open location=%s warning=%s", log_quote(location), log_quote(why));
	struct store *store = mem_alloc(sizeof(*store));
	store->ops = ops;
	store->backend = backend;
	store->health = health;
	store->arg = arg;
	store->waker = loop_waker_new(loop, run_notices, store);
	store->worker = worker_start(ops, backend, wake_loop, store->waker);
	store_set_retention(store, RETENTION_AGE_MS, RETENTION_SIZE_BYTES);
	*out = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (!worker_stop(store->worker)) {
		/* The disk hangs. Nothing that the stuck thread may touch can be freed: the process
		 * is about to end. */
		log_error("store.close error=\"the disk does not answer; the last writes are not "
			  "committed\"");
		return;
	}
	loop_waker_free(store->waker);
	store->ops->close(store->backend);
	free(store);
}

void store_set_retention(struct store *store, int64_t age_ms, int64_t size_bytes)
{
	struct retention keep = {age_ms, size_bytes};
	worker_set_retention(store->worker, &keep);
}

struct disk_space store_disk(const struct store *store)
{
	return store->space;
}

void store_inject_fault(struct store *store, enum lane_kind lane, int times)
{
	worker_inject_fault(store->worker, lane, times);
}

/* ---- start-up */

int store_each(struct store *store, enum store_kind kind,
	void (*fn)(void *arg, const struct id *id, const json_t *document), void *arg)
{
	return store->ops->each_object(store->backend, kind, fn, arg);
}

int store_each_open_alert(struct store *store,
	void (*fn)(void *arg, const struct id *id, const json_t *document), void *arg)
{
	return store->ops->each_open_alert(store->backend, fn, arg);
}

int store_each_pending_message(
	struct store *store, void (*fn)(void *arg, const struct store_message *m), void *arg)
{
	return store->ops->each_pending(store->backend, fn, arg);
}

int64_t store_last_sequence(struct store *store)
{
	return store->ops->last_sequence(store->backend);
}

/* ---- writing */

void store_submit(struct store *store, struct store_batch *b, enum store_mode mode,
	store_done_fn done, void *arg)
{
	b->mode = mode;
	b->done = done;
	b->arg = arg;
	worker_submit(store->worker, b);
}

int64_t store_results_queued(const struct store *store)
{
	return worker_results_queued(store->worker);
}

/* ---- queries */

static struct query *query_new(enum query_kind kind, int limit, store_list_fn done, void *arg)
{
	struct query *q = mem_alloc(sizeof(*q));
	q->kind = kind;
	q->limit = limit < 1 ? 1 : limit > QUERY_LIMIT_MAX ? QUERY_LIMIT_MAX : limit;
	q->done = done;
	q->arg = arg;
	return q;
}

void store_query_alerts(
	struct store *store, const struct alert_filter *filter, store_list_fn done, void *arg)
{
	struct query *q = query_new(QUERY_ALERTS, filter->limit, done, arg);
	q->state = filter->state;
	q->text = mem_strdup(filter->kind);
	q->monitor_text = mem_strdup(filter->monitor_id);
	q->before = filter->before;
	worker_ask(store->worker, q);
}

void store_query_alert(struct store *store, const char *id_or_case, store_list_fn done, void *arg)
{
	struct query *q = query_new(QUERY_ALERT, 1, done, arg);
	q->text = mem_strdup(id_or_case);
	worker_ask(store->worker, q);
}

void store_query_events(
	struct store *store, int64_t after_sequence, int limit, store_list_fn done, void *arg)
{
	struct query *q = query_new(QUERY_EVENTS, limit, done, arg);
	q->after_sequence = after_sequence;
	worker_ask(store->worker, q);
}

void store_query_results(
	struct store *store, const struct result_filter *filter, store_list_fn done, void *arg)
{
	struct query *q = query_new(QUERY_RESULTS, filter->limit, done, arg);
	q->results = *filter;
	if (q->results.to_wall_ms == 0)
		q->results.to_wall_ms = INT64_MAX;
	if (q->results.after_row == 0)
		q->results.after_started_wall_ms = INT64_MAX;
	worker_ask(store->worker, q);
}

void store_query_dead(struct store *store, int limit, store_list_fn done, void *arg)
{
	worker_ask(store->worker, query_new(QUERY_DEAD, limit, done, arg));
}

/* ---- rows */

json_t *row_document(const char *text, size_t size_bytes)
{
	json_t *document = text ? json_loadb(text, size_bytes, JSON_DECODE_ANY, NULL) : NULL;
	return document ? document : json_null();
}

json_t *row_event(int64_t sequence, const char *type, const char *document)
{
	return json_pack("{s:I, s:s, s:o}", "sequence", (json_int_t)sequence, "type", type,
		"document", row_document(document, document ? strlen(document) : 0));
}

json_t *row_result(const struct id *probe, int64_t started_wall_ms, int64_t row, bool late,
	const char *document)
{
	char text[ID_TEXT_SIZE];
	return json_pack("{s:s, s:I, s:I, s:b, s:o}", "probe", id_format(probe, text),
		"started_wall_ms", (json_int_t)started_wall_ms, "row", (json_int_t)row, "late",
		late, "document", row_document(document, document ? strlen(document) : 0));
}

json_t *row_dead(const struct store_message *m)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:s?}", "sequence",
		(json_int_t)m->sequence, "channel", m->channel, "key", m->key, "body", m->body,
		"created_wall_ms", (json_int_t)m->created_wall_ms, "attempts",
		(json_int_t)m->attempts, "last_error", m->last_error);
}
