// SPDX-License-Identifier: MIT
/*
 * Results as they arrive: votes at once, history by the store. The receipt says "stored" after the commit, or "seen" when the
 * store takes longer than a second or cannot.
 */
#include "coordinator/fleet_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define STORE_PATIENCE_MS  1000
#define HOLD_MAX_MS        3000   /* of a receipt: a probe takes 5 s for silence */
#define RESULTS_QUEUED_MAX 200000 /* beyond: counted, not stored; they voted already */

/* ---- reports */

void report_receipt(struct link_held *held, enum receipt_status status, const char *detail)
{
	struct receipt receipt = {
		.status = status, .detail = mem_strdup(detail), .now_wall_ms = clock_wall_ms()};

	session_reply(held, MESSAGE_RECEIPT, &receipt);
	free(receipt.detail);
}

/* Whether SEQUENCE is new; remembers it. What is older than the window counts as new: the store's
 * key tells repeats apart, and results that old do not vote. */
static bool window_take(struct member *m, int64_t sequence)
{
	uint8_t bit = (uint8_t)(1u << (sequence % 8));
	uint8_t *byte = &m->window[sequence % WINDOW / 8];

	if (sequence <= m->window_top - WINDOW)
		return true;
	for (; m->window_top < sequence && sequence - m->window_top <= WINDOW; m->window_top++) {
		int64_t next = m->window_top + 1;
		m->window[next % WINDOW / 8] &= (uint8_t) ~(1u << (next % 8));
	}
	if (m->window_top < sequence) {
		memset(m->window, 0, sizeof(m->window));
		m->window_top = sequence;
	}
	if (*byte & bit)
		return false;
	*byte |= bit;
	return true;
}

/*
 * False: there is no room to store it. A repeat does not vote again, but it is stored again (the store's key drops it
 * if it is there): the first one's receipt may have been lost, or its commit have failed.
 */
static bool take_result(struct fleet *f, struct member *m, const struct probe *probe,
	const struct result *r, struct store_batch *b)
{
	bool earlier = !id_is_zero(&r->boot) && !id_equal(&r->boot, &m->hello.boot);
	struct store_result row = {.probe = probe->id,
		.boot = earlier ? r->boot : m->hello.boot,
		.monitor = r->monitor,
		.sequence = r->sequence,
		.started_wall_ms = r->started_wall_ms,
		.verdict = r->verdict,
		.reason = r->reason};
	json_t *doc;
	char *text;

	bool repeat = !earlier && !window_take(m, r->sequence);

	f->counts.results++;
	m->results++;
	f->counts.duplicate_results += repeat;
	if (!registry_monitor(f->c->registry, &r->monitor))
		return true; /* deleted meanwhile: no history to fill */
	if (!tenure_covers(m, r)) {
		f->counts.foreign_results++;
		return true; /* it was not asked for that */
	}
	doc = schema_encode(&result_schema, SCHEMA_WIRE, r);
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	/* Of an earlier boot nobody knows the age for sure. */
	row.late =
		earlier || repeat || verdicts_result(f->c->verdicts, probe, r, text) != VOTE_TAKEN;
	f->counts.late_results += row.late && !repeat;
	row.document = text;
	bool room = store_results_queued(f->c->store) < RESULTS_QUEUED_MAX;
	if (room)
		store_add_result(b, &row);
	else
		f->counts.unstored_results++;
	free(text);
	return room;
}

void report_forget(struct receiving *w)
{
	DL_DELETE(w->fleet->receiving, w);
	timer_clear(&w->patience);
	free(w);
}

static void answer(struct receiving *w)
{
	if (w->held)
		report_receipt(w->held, w->status, NULL);
	report_forget(w);
}

static void results_committed(void *arg, enum store_error error)
{
	struct receiving *w = arg;

	int64_t wait_ms = w->hold_until_ms - clock_now_ms();

	w->committed = true;
	w->status = error == STORE_OK && !w->incomplete ? RECEIPT_STORED : RECEIPT_SEEN;
	if (w->held && wait_ms > 0)
		timer_set(&w->patience, wait_ms);
	else
		answer(w);
}

static void patience_over(void *arg)
{
	struct receiving *w = arg;

	if (w->committed) {
		answer(w);
		return;
	}
	report_receipt(w->held, RECEIPT_SEEN, NULL);
	w->held = NULL; /* the commit may still come; nobody waits for it */
}

static void note_spool(struct member *m, const struct probe *probe, const char *error)
{
	if (error && !m->spool_error)
		log_warning(
			"probe.spool name=%s error=%s", log_quote(probe->name), log_quote(error));
	mem_set(&m->spool_error, error);
}

static void note_self_test(struct member *m, const struct probe *probe, enum self_test now)
{
	if (now != m->self_test && (now == SELF_FAILED || m->self_test == SELF_FAILED))
		log_warning("probe.self_test name=%s state=%s", log_quote(probe->name),
			self_test_names[now]);
	m->self_test = now;
}

void report_take(struct fleet *f, struct link_held *held, struct report *report, size_t size_bytes)
{
	struct member *m = session_member(f, report->session);
	struct probe *probe = m ? registry_probe_by_key(f->c->registry, m->key) : NULL;
	const struct result *results = report->results.item;
	const struct suspicion *suspicions = report->suspicions.item;
	struct receiving *w;
	struct store_batch *b;
	int64_t wait_ms;

	if (!probe || link_pipe(held) != m->pipe) {
		report_receipt(held, RECEIPT_STALE_SESSION, NULL);
		return;
	}
	timer_set(&m->silence, SESSION_SILENT_MS);
	m->heard_wall_ms = clock_wall_ms();
	m->loop_lag_us = report->loop_lag_us;
	m->spooled = report->spooled;
	m->dropped = report->dropped;
	note_spool(m, probe, report->spool_error);
	note_self_test(m, probe, (enum self_test)report->self_test);
	if (report->pins_kept && m->pins_told)
		registry_probe_pinned(f->c->registry, probe, m->pins_told);
	verdicts_heard(f->c->verdicts, probe);
	if (!limits_admit(m, size_bytes)) {
		report_receipt(held, RECEIPT_BUSY, limits_words);
		return;
	}
	for (size_t i = 0; i < report->suspicions.n; i++)
		verdicts_suspicion(f->c->verdicts, probe, &suspicions[i]);
	if (report->results.n == 0) {
		report_receipt(held, RECEIPT_STORED, NULL);
		return;
	}
	w = mem_alloc(sizeof(*w));
	w->fleet = f;
	b = store_batch_new(f->c->store);
	for (size_t i = 0; i < report->results.n; i++)
		w->incomplete |= !take_result(f, m, probe, &results[i], b);
	w->held = held;
	wait_ms = limits_take(m, ALLOWANCE_RESULTS, (int64_t)report->results.n);
	w->hold_until_ms = clock_now_ms() + (wait_ms < HOLD_MAX_MS ? wait_ms : HOLD_MAX_MS);
	timer_init(&w->patience, f->c->loop, patience_over, w);
	timer_set(&w->patience, STORE_PATIENCE_MS);
	DL_APPEND(f->receiving, w);
	store_submit(f->c->store, b, STORE_OR_FAIL, results_committed, w);
}
