// SPDX-License-Identifier: MIT
/*
 * Results on their way: which report takes them, what its receipt means for them, and when they go
 * to the spool. Live votes come first; history fills the room that is left.
 */
#include "probe/agent_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_WAIT_MS  5000 /* the coordinator answers within 1 s, stored or not */
#define SEEN_RETRY_MS   5000
#define BUSY_PAUSE_MS   4000 /* after a report that was above our limits: they are those of seconds */
#define HISTORY_SLOW_MS 400 /* of a receipt: send less history with the next report */
#define HISTORY_MIN     20
#define SPOOL_TURN_MS   10 /* between two writes when there is much to write */
#define AGE_MAX_MS      (INT64_C(365) * 86400000) /* the table of results accepts a little more */

static void earlier(int64_t *at_ms, int64_t candidate_at_ms)
{
	if (candidate_at_ms < *at_ms)
		*at_ms = candidate_at_ms;
}

void agent_plan_report(struct agent *a)
{
	if (a->state != AGENT_OPEN || link_client_busy(a->link, LINK_REPORT))
		return;
	const struct backlog *b = &a->backlog;
	int64_t now_ms = clock_now_ms();
	int64_t at_ms = a->reported_at_ms + a->heartbeat_ms;
	if (a->n_suspicions > 0)
		earlier(&at_ms, now_ms);
	if (b->waiting &&
		(backlog_urgent(b, now_ms) || b->n_waiting >= (int64_t)a->batch_max || a->drained))
		earlier(&at_ms, now_ms);
	else if (b->waiting)
		earlier(&at_ms, a->flush_at_ms);
	if (b->seen || (spool_waiting(a->spool) > 0 && !a->drained))
		earlier(&at_ms, a->seen_retry_at_ms);
	if (at_ms < a->not_before_ms)
		at_ms = a->not_before_ms;
	timer_set(&a->report, at_ms > now_ms ? at_ms - now_ms : 0);
}

/* The report with up to N results as text, or NULL: too large. */
static char *encode_report(
	struct agent *a, struct backlog_entry **entry, size_t n, size_t *size_bytes)
{
	int64_t now_ms = clock_now_ms();
	struct result *results = mem_array(n ? n : 1, sizeof *results);
	for (size_t i = 0; i < n; i++) {
		int64_t age_ms = now_ms - entry[i]->ended_at_ms;
		entry[i]->result->age_ms = age_ms < 0            ? 0
					   : age_ms < AGE_MAX_MS ? age_ms
								 : AGE_MAX_MS;
		results[i] = *entry[i]->result; /* borrowed */
	}
	struct report report = {.session = a->session,
		.sent_wall_ms = clock_wall_ms(),
		.loop_lag_us = a->lag_us,
		.spooled = backlog_count(&a->backlog) + a->backlog.n_lent - (int64_t)n,
		.dropped = backlog_dropped(&a->backlog),
		.spool_error = mem_strdup(spool_error(a->spool)),
		.pins_kept = a->pins_kept,
		.self_test = (int)a->self_test,
		.suspicions = {.item = a->suspicion, .n = a->n_suspicions},
		.results = {.item = results, .n = n}};
	a->pins_said = report.pins_kept;
	char *text = message_encode(MESSAGE_REPORT, &report, size_bytes);
	free(report.spool_error);
	free(results);
	return text;
}

void agent_report_cb(void *arg)
{
	struct agent *a = arg;
	struct backlog_entry *entry[RESULTS_PER_REPORT_MAX];
	int64_t now_ms = clock_now_ms(), lag_us = loop_lag_us(a->loop);
	size_t n_history = now_ms >= a->seen_retry_at_ms ? a->history_max : 0;
	if (lag_us > a->lag_us)
		a->lag_us = lag_us;

	size_t size_bytes = 0;
	char *text;
	for (;;) {
		a->batch = backlog_take(&a->backlog, entry, a->batch_max, n_history, now_ms);
		text = encode_report(a, entry, a->batch, &size_bytes);
		if (text)
			break;
		if (a->batch == 1) {
			log_error("agent.result_too_large sequence=%" PRId64,
				entry[0]->result->sequence);
			backlog_flight_drop(&a->backlog);
			continue;
		}
		backlog_flight_return(&a->backlog);
		a->batch_max = (a->batch + 1) / 2;
	}
	ensure(link_client_send(a->link, LINK_REPORT, text, size_bytes, REPORT_WAIT_MS) == 0);
	explicit_bzero(text, size_bytes);
	free(text);
	a->reported_at_ms = now_ms;
	a->flush_at_ms = now_ms + FLUSH_MS;
	a->n_suspicions = 0; /* one that is lost was only early: the check's result follows */
	a->lag_us = 0;
}

void agent_set_self_test(struct agent *a, enum self_test state)
{
	a->self_test = state;
}

void agent_suspect(struct agent *a, const struct suspicion *s)
{
	if (a->state != AGENT_OPEN || a->n_suspicions == SUSPICIONS_PER_REPORT_MAX)
		return;
	a->suspicion[a->n_suspicions++] = *s;
	agent_plan_report(a);
}

/* A report that the coordinator cannot read must not come back for ever: what is to blame is found
 * by halves. */
static void on_invalid(struct agent *a, const char *detail)
{
	log_warning("agent.report_invalid results=%zu detail=%s", a->batch, log_quote(detail));
	if (a->batch <= 1) {
		backlog_flight_drop(&a->backlog);
	} else {
		backlog_flight_return(&a->backlog);
		a->batch_max = a->batch / 2;
	}
	a->not_before_ms = clock_now_ms() + FLUSH_MS;
}

/* Live votes wait for the receipt of the report before theirs: history must not make it slow. */
static void adapt_history(struct agent *a, int64_t took_ms)
{
	if (took_ms > HISTORY_SLOW_MS)
		a->history_max =
			a->history_max / 2 > HISTORY_MIN ? a->history_max / 2 : HISTORY_MIN;
	else
		a->history_max += a->history_max / 4;
	if (a->history_max > HISTORY_MAX)
		a->history_max = HISTORY_MAX;
}

static void on_taken(struct agent *a, bool stored)
{
	if (stored) {
		backlog_flight_stored(&a->backlog);
		if (a->batch > 0)
			a->seen_retry_at_ms = 0; /* the store is well: the rest may follow */
	} else {
		backlog_flight_seen(&a->backlog);
		a->seen_retry_at_ms = clock_now_ms() + SEEN_RETRY_MS;
	}
	adapt_history(a, clock_now_ms() - a->reported_at_ms);
	if (a->batch == a->batch_max && a->batch_max < RESULTS_PER_REPORT_MAX)
		a->batch_max = a->batch_max + a->batch_max / 4 + 1;
	if (a->batch_max > RESULTS_PER_REPORT_MAX)
		a->batch_max = RESULTS_PER_REPORT_MAX;
}

/* Nothing was taken: the coordinator holds us back, which an answer that waits should have done. */
static void on_busy(struct agent *a, const char *detail)
{
	int skipped = log_ratelimit("agent.busy", 60000);

	if (skipped >= 0)
		log_warning("agent.busy results=%zu detail=%s skipped=%d", a->batch,
			log_quote(detail), skipped);
	backlog_flight_return(&a->backlog);
	a->not_before_ms = clock_now_ms() + BUSY_PAUSE_MS;
}

void agent_on_receipt(struct agent *a, const struct receipt *receipt)
{
	agent_note_clock(a, receipt->now_wall_ms);
	a->silence_told = false;
	switch ((enum receipt_status)receipt->status) {
	case RECEIPT_STALE_SESSION:
		agent_lose_session(a, "stale session");
		return;
	case RECEIPT_INVALID:
		on_invalid(a, receipt->detail);
		break;
	case RECEIPT_BUSY:
		on_busy(a, receipt->detail);
		break;
	case RECEIPT_STORED:
	case RECEIPT_SEEN:
		a->pins_kept = a->pins_kept && !a->pins_said;
		on_taken(a, receipt->status == RECEIPT_STORED);
		break;
	}
	agent_plan_report(a);
	agent_look_drained(a);
}

/* ---- the spool */

/* The next write, in no less than AT_LEAST_MS: when the oldest result that is neither stored nor on
 * disk is old enough. */
void agent_plan_write(struct agent *a, int64_t at_least_ms)
{
	int64_t at_ms = backlog_spool_at_ms(&a->backlog);
	if (at_ms == INT64_MAX)
		return;
	int64_t delay_ms = at_ms - clock_now_ms();
	timer_set(&a->write, delay_ms > at_least_ms ? delay_ms : at_least_ms);
}

void agent_write_cb(void *arg)
{
	struct agent *a = arg;
	int64_t now_ms = clock_now_ms();
	if (backlog_spool_at_ms(&a->backlog) <= now_ms)
		backlog_spool(&a->backlog, now_ms);
	agent_plan_write(a, SPOOL_TURN_MS);
}
