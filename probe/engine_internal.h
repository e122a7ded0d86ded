// SPDX-License-Identifier: MIT
/* The engine's parts, for engine.c, which runs checks, and engine_access.c, which gives access to them. */
#ifndef QUORATE_PROBE_ENGINE_INTERNAL_H
#define QUORATE_PROBE_ENGINE_INTERNAL_H

#include "probe/engine.h"
#include "probe/lag.h"
#include "probe/pace.h"

#include <stddef.h>

enum state {
	STATE_NEW,
	STATE_PACED,
	STATE_QUEUED,
	STATE_RUNNING,
	STATE_ENDED,
	STATE_HALF, /* stopped; its twin is still at work */
	N_STATES
};

struct run {
	struct check check; /* first: check types hold a pointer to it */
	enum state state;
	struct run *next, *prev; /* in the list of its state */
	/* Of a check of both families: the other half. IPv4's goes through all states, IPv6's is new
	 * until that one begins, and begins with it. */
	struct run *twin;
	struct timer timer;
	int64_t give_up_at_us;
	bool late; /* the timer waits for the moment when it is late, the deadline comes after */
	engine_done_fn done;
	void *arg;
	max_align_t state_of_type[]; /* check.state, once it has begun */
};

struct list_of_runs {
	struct run *first;
	int64_t n;
};

/* Memory of checks that have ended, of one type, by next. */
struct spare {
	struct run *first;
	int n;
};

struct engine {
	struct loop *loop;
	const struct policy *policy;
	const struct pairs *proxies; /* NULL: none */
	struct engine_limits limits;
	struct resolver *resolver;
	struct curl_loop *curl;
	struct http_handles *handles;
	struct certs *certs;
	struct pinger *pinger;
	struct list_of_runs runs[N_STATES];
	struct spare spare[CHECK_KIND_COUNT];
	int64_t held_bytes; /* by those that run, at most */
	struct bucket all;
	struct paces paces; /* per destination */
	struct timer pump, reap;
	struct lag lag;
	int64_t wall_us, wall_at_us; /* the wall clock, and the monotonic instant of its reading */
	engine_trace_fn trace;
	void *trace_arg;
	engine_late_fn on_late;
	void *on_late_arg;
};

#endif
