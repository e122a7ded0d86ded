// SPDX-License-Identifier: MIT
/* What the two halves of the agent share: agent.c (the session, orders) and agent_report.c (results
 * on their way). */
#ifndef QUORATE_PROBE_AGENT_INTERNAL_H
#define QUORATE_PROBE_AGENT_INTERNAL_H

#include "probe/agent.h"
#include "probe/backlog.h"

#define FLUSH_MS    200 /* the longest that a result waits for company */
#define HISTORY_MAX 250 /* in one report: reading it takes the loop some milliseconds */

enum agent_state { AGENT_WAITING, AGENT_HELLO, AGENT_OPEN };

struct agent {
	struct loop *loop;
	struct link_client *link;
	struct agent_config config;
	struct agent_hooks hooks;
	struct id boot;
	struct backlog backlog;
	struct spool *spool; /* NULL: none */
	struct timer write;  /* to the spool */

	enum agent_state state;
	struct timer retry; /* WAITING: the next hello */
	int attempts;       /* answered, since the last session that settled */
	int silences;       /* hellos without any answer, in a row; OPEN: reports */
	bool silence_told;
	char *refusal; /* the last one logged */

	/* OPEN */
	char session[SESSION_TEXT_SIZE];
	int64_t opened_at_ms, heartbeat_ms;
	int64_t revision;    /* of the last orders */
	bool has_orders;     /* in this session */
	struct timer report; /* the next report */
	struct timer poll;   /* the next poll, after nonsense */
	int64_t reported_at_ms, flush_at_ms, not_before_ms, seen_retry_at_ms;
	size_t batch_max, batch; /* results per report: allowed, in flight */
	size_t history_max;      /* of them not fresh: less when receipts take long */

	struct suspicion suspicion[SUSPICIONS_PER_REPORT_MAX]; /* for the next report */
	size_t n_suspicions;
	bool pins_kept, pins_said; /* with the next report; with the one in flight */
	enum self_test self_test;
	int64_t lag_us, clock_offset_ms;
	bool clock_off;
	void (*drained)(void *arg);
	void *drained_arg;
};

/* ---- agent.c */
/* The session is over: a new one after the back-off. */
void agent_lose_session(struct agent *a, const char *why);
void agent_note_clock(struct agent *a, int64_t now_wall_ms);
void agent_look_drained(struct agent *a);

/* ---- agent_report.c */
/* Sets the timer of the next report; when one is in flight its end plans the next. */
void agent_plan_report(struct agent *a);
void agent_report_cb(void *arg);
void agent_on_receipt(struct agent *a, const struct receipt *receipt);
/* The next write to the spool, in no less than AT_LEAST_MS: when the oldest result that is neither
 * stored nor on disk is old enough. */
void agent_plan_write(struct agent *a, int64_t at_least_ms);
void agent_write_cb(void *arg);

#endif
