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
	int64_t bytes; /* of memory that it may hold while it runs */
	/* What comes before its deadline: it is late; its type is woken (check_wake_at). */
	int64_t late_at_us, wake_at_us;
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
	int64_t held_bytes;             /* by those that run, at most */
	struct rate rate, rate_of_each; /* of all starts; to one destination */
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

/* A zeroed run with the state of TYPE (NULL: it has none); and back. */
struct run *engine_run_obtain(struct engine *engine, const struct check_type *type);
void engine_run_release(struct run *run);
void engine_spare_clear(struct engine *engine);

#endif
