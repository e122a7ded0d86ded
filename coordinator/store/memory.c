// SPDX-License-Identifier: MIT
/*
 * The store without a disk, for tests and trials: everything is gone with the process. One mutex;
 * lists that are sorted when they are read. Results are kept in a ring of a fixed size.
 */
#include "coordinator/store/backend.h"

#include "proto/base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

#define RESULTS_KEPT_MAX 20000

struct row {
	UT_hash_handle hh;
	struct row *next;         /* results: in the order in which they came */
	int64_t number;           /* results: rising */
	enum message_state state; /* messages */
	struct op op;             /* owned: moved out of its batch */
	char key[];               /* bytes, see *_key() */
};

struct table {
	struct row *rows; /* uthash */
};

struct memory {
	pthread_mutex_t lock;
	struct table objects[STORE_KIND_COUNT], alerts, events, messages, results;
	struct row *oldest, **newest_end;
	int64_t last_sequence, last_row;
};

/* ---- rows */

static void row_free(struct row *row)
{
	for (size_t i = 0; i < row->op.n_owned; i++)
		free(row->op.owned[i]);
	free(row);
}

static struct row *table_find(const struct table *t, const void *key, size_t size_bytes)
{
	struct row *row;
	HASH_FIND(hh, t->rows, key, size_bytes, row);
	return row;
}

static void table_remove(struct table *t, struct row *row)
{
	if (!row)
		return;
	HASH_DEL(t->rows, row);
	row_free(row);
}

/* Moves OP into a new row, in the place of an old one with the same key. */
static struct row *table_put(struct table *t, const void *key, size_t size_bytes, struct op *op)
{
	table_remove(t, table_find(t, key, size_bytes));
	struct row *row = mem_alloc(sizeof(*row) + size_bytes);
	memcpy(row->key, key, size_bytes);
	row->op = *op;
	op->n_owned = 0;
	HASH_ADD_KEYPTR(hh, t->rows, row->key, size_bytes, row);
	return row;
}

static void table_clear(struct table *t)
{
	struct row *row, *next;
	HASH_ITER (hh, t->rows, row, next)
		table_remove(t, row);
}

struct result_key {
	struct id probe, boot;
	int64_t sequence;
};

static struct result_key result_key(const struct store_result *r)
{
	struct result_key key = {r->probe, r->boot, r->sequence};
	return key;
}

/* ---- commit */

/* What a UNIQUE constraint would say, of the batch as a whole and before anything of it is applied.
 */
static bool batch_fits(const struct memory *m, const struct store_batch *b)
{
	for (size_t i = 0; i < b->n_ops; i++) {
		const struct op *op = &b->ops[i];
		for (size_t k = 0; k < i; k++) {
			const struct op *other = &b->ops[k];
			if (op->kind != other->kind)
				continue;
			if (op->kind == OP_EVENT && op->u.event.sequence == other->u.event.sequence)
				return false;
			if (op->kind == OP_MESSAGE &&
				!strcmp(op->u.message.key, other->u.message.key))
				return false;
		}
		if (op->kind == OP_EVENT &&
			table_find(&m->events, &op->u.event.sequence, sizeof(op->u.event.sequence)))
			return false;
		if (op->kind == OP_MESSAGE &&
			table_find(&m->messages, op->u.message.key, strlen(op->u.message.key)))
			return false;
	}
	return true;
}

static void drop_oldest_result(struct memory *m)
{
	struct row *row = m->oldest;
	m->oldest = row->next;
	if (!m->oldest)
		m->newest_end = &m->oldest;
	table_remove(&m->results, row);
}

static void apply_result(struct memory *m, struct op *op)
{
	struct result_key key = result_key(&op->u.result);
	if (table_find(&m->results, &key, sizeof(key)))
		return;
	struct row *row = table_put(&m->results, &key, sizeof(key), op);
	row->number = ++m->last_row;
	*m->newest_end = row;
	m->newest_end = &row->next;
	if (HASH_COUNT(m->results.rows) > RESULTS_KEPT_MAX)
		drop_oldest_result(m);
}

static void apply_mark(struct memory *m, struct op *op)
{
	struct row *row = table_find(&m->messages, op->u.mark.key, strlen(op->u.mark.key));
	if (!row)
		return;
	struct store_message *message = &row->op.u.message;
	row->state = op->u.mark.state;
	message->attempts = op->u.mark.attempts;
	message->next_wall_ms = op->u.mark.next_wall_ms;
	for (size_t i = 0; i < row->op.n_owned; i++) {
		if (row->op.owned[i] == message->last_error) {
			free(row->op.owned[i]);
			row->op.owned[i] = NULL;
			row->op.n_owned = i;
		}
	}
	message->last_error = NULL;
	if (op->u.mark.last_error) {
		char *copy = mem_strdup(op->u.mark.last_error);
		row->op.owned[row->op.n_owned++] = copy;
		message->last_error = copy;
	}
}

static void apply_bundle(struct memory *m, const struct op *op)
{
	struct row *row = table_find(&m->messages, op->u.bundle.key, strlen(op->u.bundle.key));
	if (row)
		row->op.u.message.bundle = op->u.bundle.id;
}

static void apply(struct memory *m, struct op *op)
{
	switch (op->kind) {
	case OP_PUT:
		table_put(&m->objects[op->u.object.kind], &op->u.object.id, sizeof(struct id), op);
		break;
	case OP_REMOVE: {
		struct table *t = &m->objects[op->u.object.kind];
		table_remove(t, table_find(t, &op->u.object.id, sizeof(struct id)));
		break;
	}
	case OP_ALERT:
		table_put(&m->alerts, &op->u.alert.id, sizeof(struct id), op);
		break;
	case OP_EVENT:
		if (op->u.event.sequence > m->last_sequence)
			m->last_sequence = op->u.event.sequence;
		table_put(&m->events, &op->u.event.sequence, sizeof(op->u.event.sequence), op);
		break;
	case OP_MESSAGE:
		table_put(&m->messages, op->u.message.key, strlen(op->u.message.key), op);
		break;
	case OP_MARK:
		apply_mark(m, op);
		break;
	case OP_BUNDLE:
		apply_bundle(m, op);
		break;
	case OP_RESULT:
		apply_result(m, op);
		break;
	case OP_KIND_COUNT:
		ensure(false);
	}
}

static int memory_commit(
	void *backend, enum lane_kind lane, struct store_batch *first, char why[WHY_SIZE])
{
	struct memory *m = backend;
	(void)lane;
	(void)why;
	pthread_mutex_lock(&m->lock);
	for (struct store_batch *b = first; b; b = b->next) {
		b->error = batch_fits(m, b) ? STORE_OK : STORE_FAILED;
		for (size_t i = 0; b->error == STORE_OK && i < b->n_ops; i++)
			apply(m, &b->ops[i]);
	}
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static bool memory_prune(void *backend, const struct retention *keep, int64_t now_wall_ms)
{
	(void)backend;
	(void)keep;
	(void)now_wall_ms;
	return false; /* the ring is the retention */
}

/* ---- reading: rows sorted, then filtered */

static int by_object(const struct row *a, const struct row *b)
{
	return id_compare(&a->op.u.object.id, &b->op.u.object.id);
}

static int by_alert(const struct row *a, const struct row *b)
{
	return id_compare(&a->op.u.alert.id, &b->op.u.alert.id);
}

static int by_alert_newest(const struct row *a, const struct row *b)
{
	return by_alert(b, a);
}

static int by_event(const struct row *a, const struct row *b)
{
	int64_t x = a->op.u.event.sequence, y = b->op.u.event.sequence;
	return (x > y) - (x < y);
}

static int by_message(const struct row *a, const struct row *b)
{
	const struct store_message *x = &a->op.u.message, *y = &b->op.u.message;
	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	return strcmp(x->key, y->key);
}

static int by_message_newest(const struct row *a, const struct row *b)
{
	return by_message(b, a);
}

static int by_result_newest(const struct row *a, const struct row *b)
{
	int64_t x = a->op.u.result.started_wall_ms, y = b->op.u.result.started_wall_ms;
	if (x == y)
		return (a->number < b->number) - (a->number > b->number);
	return (x < y) - (x > y);
}

static bool result_fits(const struct row *row, const struct result_filter *f)
{
	const struct store_result *r = &row->op.u.result;

	return id_equal(&r->monitor, &f->monitor) && r->started_wall_ms >= f->from_wall_ms &&
	       r->started_wall_ms <= f->to_wall_ms &&
	       (r->started_wall_ms < f->after_started_wall_ms ||
		       (r->started_wall_ms == f->after_started_wall_ms &&
			       row->number < f->after_row));
}

static void call_document(document_fn fn, void *arg, const struct id *id, const char *text)
{
	json_t *document = row_document(text, strlen(text));
	fn(arg, id, document);
	json_decref(document);
}

static int memory_each_object(void *backend, enum store_kind kind, document_fn fn, void *arg)
{
	struct memory *m = backend;
	pthread_mutex_lock(&m->lock);
	HASH_SORT(m->objects[kind].rows, by_object);
	for (struct row *row = m->objects[kind].rows; row; row = row->hh.next)
		call_document(fn, arg, &row->op.u.object.id, row->op.u.object.document);
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int memory_each_open_alert(void *backend, document_fn fn, void *arg)
{
	struct memory *m = backend;
	pthread_mutex_lock(&m->lock);
	HASH_SORT(m->alerts.rows, by_alert);
	for (struct row *row = m->alerts.rows; row; row = row->hh.next)
		if (row->op.u.alert.open)
			call_document(fn, arg, &row->op.u.alert.id, row->op.u.alert.document);
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int memory_each_pending(void *backend, message_fn fn, void *arg)
{
	struct memory *m = backend;
	pthread_mutex_lock(&m->lock);
	HASH_SORT(m->messages.rows, by_message);
	for (struct row *row = m->messages.rows; row; row = row->hh.next)
		if (row->state == OUTBOX_PENDING)
			fn(arg, &row->op.u.message);
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int64_t memory_last_sequence(void *backend)
{
	struct memory *m = backend;
	pthread_mutex_lock(&m->lock);
	int64_t sequence = m->last_sequence;
	pthread_mutex_unlock(&m->lock);
	return sequence;
}

static bool full(const json_t *list, const struct query *q)
{
	return json_array_size(list) >= (size_t)q->limit;
}

static bool alert_matches(const struct op *op, const struct query *q)
{
	if (q->state != -1 && op->u.alert.open != (q->state == 1))
		return false;
	if (q->text && strcmp(q->text, op->u.alert.kind) != 0)
		return false;
	if (q->monitor_text &&
		(!op->u.alert.monitor_id || strcmp(q->monitor_text, op->u.alert.monitor_id) != 0))
		return false;
	return id_is_zero(&q->before) || id_compare(&op->u.alert.id, &q->before) < 0;
}

static void query_alerts(struct memory *m, const struct query *q, json_t *list)
{
	HASH_SORT(m->alerts.rows, by_alert_newest);
	for (struct row *row = m->alerts.rows; row && !full(list, q); row = row->hh.next) {
		const char *text = row->op.u.alert.document;
		if (alert_matches(&row->op, q))
			json_array_append_new(list, row_document(text, strlen(text)));
	}
}

static void query_alert(struct memory *m, const struct query *q, json_t *list)
{
	struct id id;
	bool by_id = id_parse(q->text, &id) == 0;
	HASH_SORT(m->alerts.rows, by_alert_newest);
	for (struct row *row = m->alerts.rows; row && !full(list, q); row = row->hh.next) {
		const struct op *op = &row->op;
		const char *text = op->u.alert.document;
		if (by_id ? id_equal(&op->u.alert.id, &id)
			  : strcasecmp(op->u.alert.case_id, q->text) == 0)
			json_array_append_new(list, row_document(text, strlen(text)));
	}
}

static void query_events(struct memory *m, const struct query *q, json_t *list)
{
	HASH_SORT(m->events.rows, by_event);
	for (struct row *row = m->events.rows; row && !full(list, q); row = row->hh.next) {
		const struct op *op = &row->op;
		if (op->u.event.sequence > q->after_sequence)
			json_array_append_new(
				list, row_event(op->u.event.sequence, op->u.event.type,
					      op->u.event.document));
	}
}

static void query_results(struct memory *m, const struct query *q, json_t *list)
{
	HASH_SORT(m->results.rows, by_result_newest);
	for (struct row *row = m->results.rows; row && !full(list, q); row = row->hh.next) {
		const struct store_result *r = &row->op.u.result;
		if (result_fits(row, &q->results))
			json_array_append_new(list, row_result(&r->probe, r->started_wall_ms,
							    row->number, r->late, r->document));
	}
}

static void query_dead(struct memory *m, const struct query *q, json_t *list)
{
	HASH_SORT(m->messages.rows, by_message_newest);
	for (struct row *row = m->messages.rows; row && !full(list, q); row = row->hh.next)
		if (row->state == OUTBOX_DEAD)
			json_array_append_new(list, row_dead(&row->op.u.message));
}

static json_t *memory_query(void *backend, const struct query *q)
{
	static void (*const answer[])(struct memory *, const struct query *, json_t *) = {
		[QUERY_ALERTS] = query_alerts,
		[QUERY_ALERT] = query_alert,
		[QUERY_EVENTS] = query_events,
		[QUERY_RESULTS] = query_results,
		[QUERY_DEAD] = query_dead,
	};
	struct memory *m = backend;
	json_t *list = json_array();
	pthread_mutex_lock(&m->lock);
	answer[q->kind](m, q, list);
	pthread_mutex_unlock(&m->lock);
	return list;
}

/* ---- open, close */

static int memory_open(void **out, const char *location, char why[WHY_SIZE])
{
	(void)location;
	(void)why;
	struct memory *m = mem_alloc(sizeof(*m));
	pthread_mutex_init(&m->lock, NULL);
	m->newest_end = &m->oldest;
	*out = m;
	return 0;
}

static void memory_close(void *backend)
{
	struct memory *m = backend;
	for (int k = 0; k < STORE_KIND_COUNT; k++)
		table_clear(&m->objects[k]);
	table_clear(&m->alerts);
	table_clear(&m->events);
	table_clear(&m->messages);
	table_clear(&m->results);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

const struct backend_ops memory_backend = {
	.open = memory_open,
	.close = memory_close,
	.commit = memory_commit,
	.prune = memory_prune,
	.query = memory_query,
	.each_object = memory_each_object,
	.each_open_alert = memory_each_open_alert,
	.each_pending = memory_each_pending,
	.last_sequence = memory_last_sequence,
};
