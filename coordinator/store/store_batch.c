// SPDX-License-Identifier: MIT
/*
 * Batches: documents become texts in the caller's thread, so that no json_t is ever shared with the
 * writer.
 */
#include "coordinator/store/backend.h"

#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct store_batch *store_batch_new(struct store *store)
{
	(void)store;
	return mem_alloc(sizeof(struct store_batch));
}

static void op_clear(struct op *op)
{
	for (size_t i = 0; i < op->n_owned; i++)
		free(op->owned[i]);
}

void store_batch_free(struct store_batch *b)
{
	for (size_t i = 0; i < b->n_ops; i++)
		op_clear(&b->ops[i]);
	free(b->ops);
	free(b);
}

static struct op *batch_add(struct store_batch *b, enum op_kind kind)
{
	enum lane_kind lane = kind == OP_RESULT ? LANE_RESULTS : LANE_STATE;
	ensure(b->n_ops == 0 || b->lane == lane); /* results or state, not both */
	b->lane = lane;
	if (b->n_ops == b->room_ops) {
		b->room_ops = b->room_ops ? b->room_ops * 2 : 4;
		b->ops = mem_resize(b->ops, b->room_ops, sizeof(*b->ops));
	}
	struct op *op = &b->ops[b->n_ops++];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	return op;
}

static const char *op_keep(struct op *op, char *taken)
{
	if (taken) {
		ensure(op->n_owned < OP_OWNED_MAX);
		op->owned[op->n_owned++] = taken;
	}
	return taken;
}

static const char *op_text(struct op *op, const char *text)
{
	return op_keep(op, mem_strdup(text));
}

static const char *op_json(struct op *op, const json_t *document)
{
	char *text = json_dumps(document, JSON_COMPACT);
	ensure(text);
	return op_keep(op, text);
}

void store_put(struct store_batch *b, enum store_kind kind, const struct id *id, const char *name,
	const json_t *document)
{
	ensure(kind < STORE_KIND_COUNT);
	struct op *op = batch_add(b, OP_PUT);
	op->u.object.kind = kind;
	op->u.object.id = *id;
	op->u.object.name = op_text(op, name ? name : "");
	op->u.object.document = op_json(op, document);
}

void store_remove(struct store_batch *b, enum store_kind kind, const struct id *id)
{
	struct op *op = batch_add(b, OP_REMOVE);
	op->u.object.kind = kind;
	op->u.object.id = *id;
}

void store_put_alert(struct store_batch *b, const struct id *id, const char *case_id, bool open,
	int64_t opened_wall_ms, const char *kind, const char *monitor_id, const json_t *document)
{
	struct op *op = batch_add(b, OP_ALERT);
	op->u.alert.id = *id;
	op->u.alert.case_id = op_text(op, case_id);
	op->u.alert.open = open;
	op->u.alert.opened_wall_ms = opened_wall_ms;
	op->u.alert.kind = op_text(op, kind);
	op->u.alert.monitor_id = op_text(op, monitor_id);
	op->u.alert.document = op_json(op, document);
}

void store_add_event(struct store_batch *b, int64_t sequence, const char *type,
	const struct id *alert, int64_t wall_ms, const json_t *document)
{
	struct op *op = batch_add(b, OP_EVENT);
	op->u.event.sequence = sequence;
	op->u.event.wall_ms = wall_ms;
	op->u.event.type = op_text(op, type);
	if (alert)
		op->u.event.alert = *alert;
	op->u.event.document = op_json(op, document);
}

void store_add_message(struct store_batch *b, const struct store_message *m)
{
	struct op *op = batch_add(b, OP_MESSAGE);
	op->u.message = *m;
	op->u.message.channel = op_text(op, m->channel);
	op->u.message.key = op_text(op, m->key);
	op->u.message.body = op_text(op, m->body);
	op->u.message.last_error = op_text(op, m->last_error);
}

void store_bundle_message(struct store_batch *b, const char *key, const struct id *bundle)
{
	struct op *op = batch_add(b, OP_BUNDLE);
	op->u.bundle.key = op_text(op, key);
	op->u.bundle.id = *bundle;
}

void store_mark_message(struct store_batch *b, const char *key, enum message_state state,
	int64_t attempts, int64_t next_wall_ms, const char *last_error)
{
	struct op *op = batch_add(b, OP_MARK);
	op->u.mark.key = op_text(op, key);
	op->u.mark.state = state;
	op->u.mark.attempts = attempts;
	op->u.mark.next_wall_ms = next_wall_ms;
	op->u.mark.last_error = op_text(op, last_error);
}

void store_add_result(struct store_batch *b, const struct store_result *r)
{
	struct op *op = batch_add(b, OP_RESULT);
	op->u.result = *r;
	op->u.result.document = op_text(op, r->document);
}
