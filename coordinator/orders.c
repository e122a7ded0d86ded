// SPDX-License-Identifier: MIT
/* The log of changes of one probe's assignments, and its encoding. */
#include "coordinator/orders.h"

#include "coordinator/core/assign.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Tried first; halved until the message fits (a monitor is at most 128 KiB). */
#define ORDERS_PER_MESSAGE 200

static struct order *find_order(const struct order_log *log, const struct id *monitor)
{
	struct order *order;

	HASH_FIND(hh, log->by_monitor, monitor, sizeof(*monitor), order);
	return order;
}

static void free_order(struct order_log *log, struct order *order)
{
	HASH_DEL(log->by_monitor, order);
	DL_DELETE(log->log, order);
	free(order);
}

void order_log_clear(struct order_log *log)
{
	struct order *order, *next;

	HASH_ITER (hh, log->by_monitor, order, next)
		free_order(log, order);
	log->n_assigned = 0;
}

static void move_to_end(struct order_log *log, struct order *order)
{
	DL_DELETE(log->log, order);
	order->revision = ++log->revision;
	DL_APPEND(log->log, order);
}

void order_log_assign(struct order_log *log, const struct id *monitor, int seat, int n_seats)
{
	struct order *order = find_order(log, monitor);

	if (!order) {
		order = mem_alloc(sizeof(*order));
		order->monitor = *monitor;
		order->dropped = true;
		HASH_ADD(hh, log->by_monitor, monitor, sizeof(order->monitor), order);
		DL_APPEND(log->log, order);
	}
	log->n_assigned += order->dropped;
	order->dropped = false;
	order->seat = seat;
	order->n_seats = n_seats;
	move_to_end(log, order);
}

void order_log_drop(struct order_log *log, const struct id *monitor)
{
	struct order *order = find_order(log, monitor);

	if (!order || order->dropped)
		return;
	log->n_assigned--;
	order->dropped = true;
	move_to_end(log, order);
}

bool order_log_again(struct order_log *log, const struct id *monitor)
{
	struct order *order = find_order(log, monitor);

	if (!order || order->dropped)
		return false;
	move_to_end(log, order);
	return true;
}

bool order_log_has(const struct order_log *log, const struct id *monitor, int64_t *revision)
{
	const struct order *order = find_order(log, monitor);

	if (!order || order->dropped)
		return false;
	*revision = order->revision;
	return true;
}

void order_log_forget(struct order_log *log, int64_t revision)
{
	struct order *order, *next;

	DL_FOREACH_SAFE (log->log, order, next) {
		if (order->revision > revision)
			return;
		if (order->dropped)
			free_order(log, order);
	}
}

/* ---- encoding */

static struct order *first_after(const struct order_log *log, int64_t since)
{
	struct order *order = log->log ? log->log->prev : NULL; /* the tail: what is new is short */

	if (!order || order->revision <= since)
		return NULL;
	while (order != log->log && order->prev->revision > since)
		order = order->prev;
	return order;
}

static void add_assignment(struct orders *orders, struct registry *registry,
	const struct order *order, struct monitor *m, int64_t wall_ms)
{
	struct assignment *all =
		mem_resize(orders->assign.item, orders->assign.n + 1, sizeof(*all));
	struct assignment *a = &all[orders->assign.n++];
	int64_t phase_ms =
		assign_phase_ms(id_hash(&m->id), order->seat, order->n_seats, m->interval_ms);

	orders->assign.item = all;
	a->monitor = registry_monitor_for_voters(registry, m);
	a->assignment = order->revision;
	a->next_in_ms = assign_next_in_ms(phase_ms, m->interval_ms, wall_ms);
}

static void add_drop(struct orders *orders, const struct order *order)
{
	char text[ID_TEXT_SIZE];

	orders->drop.item = mem_resize(orders->drop.item, orders->drop.n + 1, sizeof(char *));
	orders->drop.item[orders->drop.n++] = mem_strdup(id_format(&order->monitor, text));
}

static void clear_orders(struct orders *orders)
{
	struct assignment *a = orders->assign.item;

	for (size_t i = 0; i < orders->assign.n; i++)
		json_decref(a[i].monitor);
	for (size_t i = 0; i < orders->drop.n; i++)
		free(orders->drop.item[i]);
	free(orders->assign.item);
	free(orders->drop.item);
}

/* At most LIMIT changes after SINCE. Returns NULL when the message would be too large. */
static char *encode_some(const struct order_log *log, struct registry *registry, int64_t since,
	int limit, struct orders *orders, int64_t wall_ms, size_t *size_bytes)
{
	const struct order *order = first_after(log, since);
	struct registered *entry;
	char *text;

	orders->revision = since;
	for (; order && limit > 0; order = order->next, limit--) {
		entry = order->dropped ? NULL : registry_monitor(registry, &order->monitor);
		if (entry)
			add_assignment(orders, registry, order, &entry->m, wall_ms);
		else
			add_drop(orders, order);
		orders->revision = order->revision;
	}
	orders->complete = order == NULL;
	text = message_encode(MESSAGE_ORDERS, orders, size_bytes);
	clear_orders(orders);
	return text;
}

char *order_log_encode(const struct order_log *log, struct registry *registry, int64_t since,
	const struct orders *along, bool *snapshot, int64_t wall_ms, size_t *size_bytes)
{
	for (int limit = ORDERS_PER_MESSAGE; limit > 0; limit /= 2) {
		struct orders orders = {
			.reset = along->reset, .bursts = along->bursts, .pins = along->pins};
		char *text = encode_some(log, registry, since, limit, &orders, wall_ms, size_bytes);
		if (!text)
			continue;
		if (orders.complete)
			*snapshot = false;
		return text;
	}
	return NULL;
}
