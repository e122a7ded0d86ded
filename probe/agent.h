// SPDX-License-Identifier: MIT
/*
 * The probe's side of the conversation with its coordinator: opens the session, reports results and
 * heartbeats, asks for orders, and starts over when the session is lost. What it says and when is
 * in proto/README.md.
 */
#ifndef QUORATE_PROBE_AGENT_H
#define QUORATE_PROBE_AGENT_H

#include "proto/base/loop.h"
#include "proto/link.h"
#include "proto/messages.h"

struct agent;

struct agent_config { /* all borrowed for the agent's life */
	const char *probe, *token, *software;
	const char *report_address, *orders_address;
	int64_t results_max;
	const char *state_dir;   /* holds the spool */
	int64_t spool_max_bytes; /* 0: no spool */
};

struct agent_hooks {
	/* ORDERS is borrowed. Never called with stale_session. */
	void (*orders)(void *arg, const struct orders *orders);
	/* Fills OUT (zeroed) before each hello; its content is the caller's and is read before the
	 * next call. */
	void (*capabilities)(void *arg, struct capabilities *out);
	/* The coordinator's keys, now and next, as it says on this link. Returns whether they are
	 * kept, or not needed. NULL: nobody wants to know. */
	bool (*pins)(void *arg, const struct strings *pins);
	/* Nobody has answered on STREAM for longer than a living coordinator takes: whatever carries
	 * it had better be made anew. NULL: nobody wants to know. */
	void (*silent)(void *arg, enum link_stream stream);
	void *arg;
};

/* Starts talking at once. Returns 0, or -1 after logging why. */
MUST_CHECK int agent_open(struct agent **out, struct loop *loop, const struct agent_config *config,
	const struct agent_hooks *hooks);
void agent_close(struct agent *a); /* what was not sent is lost, or on disk with a spool */

/* Takes RESULT's content; ENDED_AT_MS: monotonic, when its check ended. */
void agent_add(struct agent *a, struct result *take, int64_t ended_at_ms);
/* A check of ours waits for longer than its target usually takes: the coordinator hears of it at
 * once, or, when there is no session, not at all. */
void agent_suspect(struct agent *a, const struct suspicion *s);
/* MONITOR is no longer ours. */
void agent_forget(struct agent *a, const struct id *monitor);
/* Capabilities changed: opens a new session. */
void agent_renew(struct agent *a);
void agent_set_self_test(struct agent *a, enum self_test state); /* told with each report */
void agent_set_results_max(struct agent *a, int64_t results_max);
void agent_set_spool_max(struct agent *a, int64_t max_bytes); /* to or from 0: at the next start */
/* The machine slept for GAP_MS: results are older than the monotonic clock says. */
void agent_age(struct agent *a, int64_t gap_ms);
/* Sends what is left; DONE once, when all of it is stored or seen, or there is no session. */
void agent_drain(struct agent *a, void (*done)(void *arg), void *arg);

bool agent_in_session(const struct agent *a);
/* The coordinator's wall clock minus ours, as of the last message; 0: not known. */
int64_t agent_clock_offset_ms(const struct agent *a);

/* How long to wait before attempt N (0, 1, …) to open a session: at once, twice 300 ms, then 1 s
 * doubling to 60 s; RANDOM, any number, spreads it by ±20 %. */
int64_t agent_backoff_ms(int attempt, uint64_t random);

#endif
