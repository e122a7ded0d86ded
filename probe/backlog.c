// SPDX-License-Identifier: MIT
/*
 * Three lists, each ordered by sequence number, the newest first; an entry is in at most one of
 * them. The table of newest results shares the entries by reference, so that nothing is copied.
 * What is lent from the disk goes back there when its flight fails: it is in no list but `lent`.
 */
#include "probe/backlog_entry.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#define SPOOL_TURN_RESULTS 100 /* written in one turn of the loop, a few milliseconds */
#define SPOOL_RETRY_MS     5000

struct backlog_newest {
	struct id monitor;
	struct backlog_entry *entry;
	UT_hash_handle hh;
};

/* ---- lists */

static void list_insert(struct backlog_entry **list, struct backlog_entry *e)
{
	struct backlog_entry *older = *list;
	while (older && older->result->sequence > e->result->sequence)
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
		while (at && at->result->sequence > e->result->sequence)
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

static void fresh_delete(struct backlog *b, struct backlog_entry *e)
{
	if (e->fresh)
		DL_DELETE2(b->fresh, e, older, newer);
	e->fresh = false;
}

/* E left its list for good. */
static void unlist(struct backlog *b, struct backlog_entry *e)
{
	fresh_delete(b, e);
	b->n--;
	e->listed = false;
	e->again = false;
	if (e->refs > 1)
		backlog_entry_rest(e);
	backlog_entry_unref(e);
}

static void drop_oldest(struct backlog *b)
{
	struct backlog_entry *w =
		b->waiting ? b->waiting->prev : NULL; /* utlist: the head's prev is the tail */
	struct backlog_entry *s = b->seen ? b->seen->prev : NULL;
	struct backlog_entry *e = !s || (w && w->result->sequence < s->result->sequence) ? w : s;
	if (e == w) {
		wait_delete(b, e);
	} else {
		DL_DELETE(b->seen, e);
		b->n_seen--;
	}
	if (!spool_release(b->spool, &e->place))
		b->dropped++;
	unlist(b, e);
}

/* What flies cannot go: if it counted, what came after it would go in its place. */
static bool is_full(const struct backlog *b)
{
	return b->n - b->n_flying > b->max;
}

static void keep_bound(struct backlog *b)
{
	if (is_full(b) && b->fresh) /* first to the disk, then out of memory */
		backlog_spool(b, clock_now_ms());
	while (is_full(b))
		drop_oldest(b);
}

/* ---- the newest result of each monitor */

static int64_t began_at_ms(const struct backlog_entry *e)
{
	return e->ended_at_ms - e->duration_ms;
}

static void remember(struct backlog *b, struct backlog_entry *e)
{
	struct backlog_newest *n;
	HASH_FIND(hh, b->newest, &e->result->monitor, sizeof e->result->monitor, n);
	if (!n) {
		n = mem_alloc(sizeof *n);
		n->monitor = e->result->monitor;
		HASH_ADD(hh, b->newest, monitor, sizeof n->monitor, n);
	} else if (began_at_ms(n->entry) > began_at_ms(e)) {
		return; /* a slow check that began earlier ended later */
	} else {
		backlog_entry_unref(n->entry);
	}
	e->refs++;
	n->entry = e;
}

static void newest_delete(struct backlog *b, struct backlog_newest *n)
{
	HASH_DEL(b->newest, n);
	backlog_entry_unref(n->entry);
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

static void return_lent(struct backlog *b)
{
	struct backlog_entry *e, *next;
	DL_FOREACH_SAFE (b->lent, e, next) {
		(void)spool_release(b->spool, &e->place);
		backlog_entry_unref(e);
	}
	b->lent = NULL;
	b->n_lent = 0;
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
	return_lent(b);
	*b = (struct backlog){.max = b->max};
}

void backlog_set_max(struct backlog *b, int64_t max)
{
	b->max = max;
	keep_bound(b);
}

void backlog_add(struct backlog *b, struct result *take, int64_t ended_at_ms)
{
	struct backlog_entry *e = backlog_entry_new(take);
	e->result->sequence = ++b->last_sequence;
	e->ended_at_ms = ended_at_ms;
	e->listed = true;
	b->n++;
	if (b->spool) {
		e->fresh = true;
		DL_APPEND2(b->fresh, e, older, newer);
	}
	wait_insert(b, e);
	remember(b, e);
	keep_bound(b);
}

/* ---- to the disk and back */

void backlog_use_spool(struct backlog *b, struct spool *spool, const struct id *boot)
{
	b->spool = spool;
	b->boot = *boot;
}

int64_t backlog_spool_at_ms(const struct backlog *b)
{
	if (spool_error(b->spool)) /* whatever comes meanwhile does not put the next trial off */
		return b->spool_after_ms;
	if (!b->fresh)
		return INT64_MAX;
	int64_t at_ms = b->fresh->ended_at_ms + BACKLOG_SPOOL_MS;
	return at_ms > b->spool_after_ms ? at_ms : b->spool_after_ms;
}

void backlog_spool(struct backlog *b, int64_t now_ms)
{
	struct backlog_entry *entry[SPOOL_TURN_RESULTS], *e, *next;
	struct spool_text text[SPOOL_TURN_RESULTS];
	struct spool_place place[SPOOL_TURN_RESULTS];
	size_t n = 0, bytes = 0;
	if (now_ms < b->spool_after_ms)
		return;
	for (e = b->fresh; e && n < SPOOL_TURN_RESULTS && bytes < BACKLOG_TURN_BYTES; e = next) {
		next = e->newer;
		text[n].text = backlog_entry_text(e, &b->boot, &text[n].size_bytes);
		if (!text[n].text) {
			fresh_delete(b, e); /* memory only */
			continue;
		}
		bytes += text[n].size_bytes;
		entry[n++] = e;
	}
	bool trial = !b->fresh && spool_error(b->spool); /* to say when it works again */
	bool written = n > 0 && spool_append(b->spool, text, n, place) == 0;
	for (size_t i = 0; i < n; i++) {
		free(text[i].text);
		if (!written)
			continue;
		entry[i]->place = place[i];
		fresh_delete(b, entry[i]);
	}
	if ((n > 0 && !written) || (trial && spool_try(b->spool)))
		b->spool_after_ms = now_ms + SPOOL_RETRY_MS;
}

void backlog_spool_all(struct backlog *b, int64_t now_ms)
{
	b->spool_after_ms = 0;
	while (b->fresh && b->spool_after_ms == 0)
		backlog_spool(b, now_ms);
}

/* The newest on disk that is not in memory, or NULL. */
static struct backlog_entry *lend(struct backlog *b, int64_t now_ms)
{
	struct spool_place place;
	size_t size_bytes;
	char *text;
	while ((text = spool_take(b->spool, &size_bytes, &place))) {
		struct backlog_entry *e = backlog_entry_read(text, size_bytes, now_ms);
		free(text);
		if (e) {
			e->place = place;
			if (id_equal(&e->result->boot, &b->boot))
				e->result->boot = (struct id){0};
			DL_APPEND(b->lent, e);
			b->n_lent++;
			return e;
		}
		spool_done(b->spool, &place); /* written by a program that knew more than we do */
		b->dropped++;
	}
	return NULL;
}

int64_t backlog_count(const struct backlog *b)
{
	return b->n + spool_waiting(b->spool);
}

int64_t backlog_dropped(const struct backlog *b)
{
	return b->dropped + spool_dropped(b->spool);
}

/* ---- out */

static bool is_urgent(const struct backlog_entry *e)
{
	return e->result->verdict == VERDICT_DOWN || e->result->round > 0;
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
	struct backlog *b, struct backlog_entry **out, size_t n, size_t n_history, int64_t now_ms)
{
	ensure(!b->flight && !b->lent);
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
	if (n > cargo.n + n_history)
		n = cargo.n + n_history;
	while (b->seen && cargo.n < n) {
		e = b->seen;
		DL_DELETE(b->seen, e);
		b->n_seen--;
		cargo.item[cargo.n++] = e;
	}
	for (size_t i = 0; i < cargo.n; i++)
		list_insert(&b->flight, cargo.item[i]);
	b->n_flying = (int64_t)cargo.n;
	while (cargo.n < n && (e = lend(b, now_ms)))
		cargo.item[cargo.n++] = e;
	return cargo.n;
}

/* ---- landing */

static int64_t end_flight(struct backlog *b)
{
	int64_t n = b->n_lent;
	for (struct backlog_entry *e = b->lent; e; e = e->next)
		spool_done(b->spool, &e->place);
	return_lent(b);
	for (struct backlog_entry *e = b->flight; e; e = e->next, n++)
		spool_done(b->spool, &e->place);
	clear_list(b, &b->flight);
	b->n_flying = 0;
	return n;
}

void backlog_flight_stored(struct backlog *b)
{
	(void)end_flight(b);
}

void backlog_flight_drop(struct backlog *b)
{
	b->dropped += end_flight(b);
}

void backlog_flight_seen(struct backlog *b)
{
	return_lent(b);
	b->n_seen += b->n_flying;
	b->n_flying = 0;
	list_merge(&b->seen, &b->flight);
	keep_bound(b);
}

void backlog_flight_return(struct backlog *b)
{
	return_lent(b);
	b->n_waiting += b->n_flying;
	b->n_flying = 0;
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
			backlog_entry_wake(e);
			e->again = true;
			e->listed = true;
			e->refs++;
			b->n++;
			spool_hold(b->spool, &e->place);
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
