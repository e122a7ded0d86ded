// SPDX-License-Identifier: MIT
/*
 * Three lists, each ordered by sequence number, the newest first; an entry is in at most one of
 * them. The table of newest results shares the entries by reference, so that nothing is copied.
 */
#include "probe/backlog.h"

#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

struct backlog_newest {
	struct id monitor;
	struct backlog_entry *entry;
	UT_hash_handle hh;
};

static void entry_unref(struct backlog_entry *e)
{
	if (--e->refs > 0)
		return;
	result_clear(&e->result);
	free(e);
}

/* ---- lists */

static void list_insert(struct backlog_entry **list, struct backlog_entry *e)
{
	struct backlog_entry *older = *list;
	while (older && older->result.sequence > e->result.sequence)
		older = older->next;
	if (older)
		DL_PREPEND_ELEM(*list, older, e);
	else
		DL_APPEND(*list, e);
}

/* Both are ordered: one walk. FROM is empty afterwards. */
static void list_merge(struct backlog_entry **into, struct backlog_entry **from)
{
	struct backlog_entry *at = *into, *e = *from, *next;
	*from = NULL;
	for (; e; e = next) {
		next = e->next;
		while (at && at->result.sequence > e->result.sequence)
			at = at->next;
		if (at)
			DL_PREPEND_ELEM(*into, at, e);
		else
			DL_APPEND(*into, e);
	}
}

static void wait_insert(struct backlog *b, struct backlog_entry *e)
{
	list_insert(&b->waiting, e);
	b->n_waiting++;
	if (e->again)
		b->n_again++;
}

static void wait_delete(struct backlog *b, struct backlog_entry *e)
{
	DL_DELETE(b->waiting, e);
	b->n_waiting--;
	if (e->again)
		b->n_again--;
}

/* E left its list for good. */
static void unlist(struct backlog *b, struct backlog_entry *e)
{
	b->n--;
	e->listed = false;
	e->again = false;
	entry_unref(e);
}

static void drop_oldest(struct backlog *b)
{
	struct backlog_entry *w =
		b->waiting ? b->waiting->prev : NULL; /* utlist: the head's prev is the tail */
	struct backlog_entry *s = b->seen ? b->seen->prev : NULL;
	struct backlog_entry *e = !s || (w && w->result.sequence < s->result.sequence) ? w : s;
	if (e == w) {
		wait_delete(b, e);
	} else {
		DL_DELETE(b->seen, e);
		b->n_seen--;
	}
	b->dropped++;
	unlist(b, e);
}

static void keep_bound(struct backlog *b)
{
	while (b->n > b->max && (b->waiting || b->seen))
		drop_oldest(b);
}

/* ---- the newest result of each monitor */

static int64_t began_at_ms(const struct backlog_entry *e)
{
	return e->ended_at_ms - e->result.duration_ms;
}

static void remember(struct backlog *b, struct backlog_entry *e)
{
	struct backlog_newest *n;
	HASH_FIND(hh, b->newest, &e->result.monitor, sizeof e->result.monitor, n);
	if (!n) {
		n = mem_alloc(sizeof *n);
		n->monitor = e->result.monitor;
		HASH_ADD(hh, b->newest, monitor, sizeof n->monitor, n);
	} else if (began_at_ms(n->entry) > began_at_ms(e)) {
		return; /* a slow check that began earlier ended later */
	} else {
		entry_unref(n->entry);
	}
	e->refs++;
	n->entry = e;
}

static void newest_delete(struct backlog *b, struct backlog_newest *n)
{
	HASH_DEL(b->newest, n);
	entry_unref(n->entry);
	free(n);
}

void backlog_forget(struct backlog *b, const struct id *monitor)
{
	struct backlog_newest *n;
	HASH_FIND(hh, b->newest, monitor, sizeof *monitor, n);
	if (n)
		newest_delete(b, n);
}

/* ---- in */

void backlog_init(struct backlog *b, int64_t max)
{
	*b = (struct backlog){.max = max};
}

static void clear_list(struct backlog *b, struct backlog_entry **list)
{
	struct backlog_entry *e = *list, *next;
	*list = NULL;
	for (; e; e = next) {
		next = e->next;
		unlist(b, e);
	}
}

void backlog_clear(struct backlog *b)
{
	struct backlog_newest *n, *next;
	HASH_ITER (hh, b->newest, n, next)
		newest_delete(b, n);
	clear_list(b, &b->waiting);
	clear_list(b, &b->flight);
	clear_list(b, &b->seen);
	*b = (struct backlog){.max = b->max};
}

void backlog_set_max(struct backlog *b, int64_t max)
{
	b->max = max;
	keep_bound(b);
}

void backlog_add(struct backlog *b, struct result *take, int64_t ended_at_ms)
{
	struct backlog_entry *e = mem_alloc(sizeof *e);
	e->result = *take;
	*take = (struct result){0};
	e->result.sequence = ++b->last_sequence;
	e->ended_at_ms = ended_at_ms;
	e->refs = 1;
	e->listed = true;
	b->n++;
	wait_insert(b, e);
	remember(b, e);
	keep_bound(b);
}

/* ---- out */

static bool is_urgent(const struct backlog_entry *e)
{
	return e->result.verdict == VERDICT_DOWN || e->result.round > 0;
}

/* Entries end about in the order of their numbers: the walk ends at the first that is clearly too
 * old. */
static bool is_past(const struct backlog_entry *e, int64_t now_ms)
{
	return now_ms - e->ended_at_ms > BACKLOG_LATE_MS;
}

bool backlog_urgent(const struct backlog *b, int64_t now_ms)
{
	if (b->n_again > 0)
		return true;
	for (const struct backlog_entry *e = b->waiting; e && !is_past(e, now_ms); e = e->next)
		if (is_urgent(e))
			return true;
	return false;
}

struct cargo {
	struct backlog_entry **item;
	size_t n, max;
};

static void load(struct backlog *b, struct cargo *cargo, struct backlog_entry *e)
{
	wait_delete(b, e);
	e->again = false;
	cargo->item[cargo->n++] = e;
}

size_t backlog_take(
	struct backlog *b, struct backlog_entry **out, size_t n, bool with_seen, int64_t now_ms)
{
	ensure(!b->flight);
	struct cargo cargo = {.item = out, .max = n};
	struct backlog_entry *e, *next;
	if (b->n_again > 0)
		for (e = b->waiting; e && cargo.n < n; e = next) {
			next = e->next;
			if (e->again)
				load(b, &cargo, e);
		}
	for (e = b->waiting; e && cargo.n < n && !is_past(e, now_ms); e = next) {
		next = e->next;
		if (is_urgent(e))
			load(b, &cargo, e);
	}
	while (b->waiting && cargo.n < n)
		load(b, &cargo, b->waiting);
	while (with_seen && b->seen && cargo.n < n) {
		e = b->seen;
		DL_DELETE(b->seen, e);
		b->n_seen--;
		cargo.item[cargo.n++] = e;
	}
	for (size_t i = 0; i < cargo.n; i++)
		list_insert(&b->flight, cargo.item[i]);
	return cargo.n;
}

/* ---- landing */

void backlog_flight_stored(struct backlog *b)
{
	clear_list(b, &b->flight);
}

void backlog_flight_drop(struct backlog *b)
{
	int64_t before = b->n;
	clear_list(b, &b->flight);
	b->dropped += before - b->n;
}

void backlog_flight_seen(struct backlog *b)
{
	for (struct backlog_entry *e = b->flight; e; e = e->next)
		b->n_seen++;
	list_merge(&b->seen, &b->flight);
	keep_bound(b);
}

void backlog_flight_return(struct backlog *b)
{
	for (struct backlog_entry *e = b->flight; e; e = e->next)
		b->n_waiting++;
	list_merge(&b->waiting, &b->flight);
	keep_bound(b);
}

void backlog_renew(struct backlog *b)
{
	backlog_flight_return(b);
	b->n_waiting += b->n_seen;
	b->n_seen = 0;
	list_merge(&b->waiting, &b->seen);

	struct backlog_newest *n, *next;
	HASH_ITER (hh, b->newest, n, next) {
		struct backlog_entry *e = n->entry;
		if (e->again)
			continue;
		if (e->listed) {
			e->again = true;
			b->n_again++;
		} else if (b->n < b->max) {
			e->again = true;
			e->listed = true;
			e->refs++;
			b->n++;
			wait_insert(b, e);
		}
	}
	keep_bound(b);
}

void backlog_age(struct backlog *b, int64_t gap_ms)
{
	struct backlog_entry *lists[] = {b->waiting, b->flight, b->seen};
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (struct backlog_entry *e = lists[i]; e; e = e->next)
			e->ended_at_ms -= gap_ms;
	struct backlog_newest *n, *next;
	HASH_ITER (hh, b->newest, n, next)
		if (!n->entry->listed)
			n->entry->ended_at_ms -= gap_ms;
}
