// SPDX-License-Identifier: MIT
/*
 * A check: one look at one target. A check type is one file behind struct check_type; the engine
 * owns memory, the one absolute deadline, concurrency, the address policy and logging. A check ends
 * exactly once, through check_end().
 *
 * To add a type: write check_NAME.c with its struct check_type, add it to check_types[] in check.c,
 * its options to the monitor's field table (proto/monitor.c), its reasons to quorate/reason.h.
 */
#ifndef QUORATE_PROBE_CHECK_H
#define QUORATE_PROBE_CHECK_H

#include "probe/habit.h"
#include "proto/policy.h"
#include "proto/base/loop.h"
#include "quorate/monitor.h"
#include "quorate/result.h"

#include <stdarg.h>

/* A monitor as assigned to this probe; shared by the schedule and the checks that run. */
struct job {
	int refs;
	bool rests;       /* one of the references is job_rest()'s */
	bool has_secrets; /* of its credentials: what must not be shown has to be looked for */
	bool own;         /* of the local file: the address policy says nothing of it */
	bool is_normal;   /* its target is the URL that http_url_normalize() makes of it */
	struct monitor *monitor; /* NULL: it rests */
	char *unsupported;       /* what this probe does not know of it; NULL: nothing */
	uint32_t *packed;        /* the same as packed_new() makes it, once it has rested */
	int64_t assignment;
	struct place
		*destination;    /* probe/pace.h: the host that it names; NULL: not asked for yet */
	struct habit habit;      /* of its scheduled checks */
	struct average *average; /* of response times; NULL: none is judged, or not yet */
	struct net_literal *literal; /* a ping's target, if it is an address; or NULL */
};
struct job *job_new(struct monitor *take, int64_t assignment); /* takes *TAKE's content; refs = 1 */
struct job *job_ref(struct job *job);
void job_unref(struct job *job);
/* From now on the monitor takes little memory while nobody else has a reference, and has no more than
 * what a check needs. The caller's reference ends with job_drop(). */
void job_rest(struct job *job);
void job_drop(struct job *job);
/* TO is the same work as FROM, assigned anew: what was measured counts on. */
void job_inherit(struct job *to, struct job *from);

struct check;
struct engine;
struct resolver;
struct addresses; /* probe/resolver.h */

struct check_type {
	enum check_kind kind;
	size_t state_bytes; /* zeroed memory at check->state */
	/* Begins. May call check_end() at once (the completion is still delivered after engine_run
	 * returned). */
	void (*start)(struct check *check);
	/* Lets go of everything: sockets, timers, curl handles, resolver queries. Called exactly
	 * once after the end, the deadline included. After it no callback of the check may come. */
	void (*stop)(struct check *check);
	/* The reason when the deadline strikes: by the phase that it is in. Fills the phases known
	 * so far. */
	enum reason (*expired)(struct check *check);
	/* The instant of check_wake_at() has come. NULL: it never asks. */
	void (*wake)(struct check *check);
};

extern const struct check_type check_ping, check_tcp, check_http, check_redirect, check_dns,
	check_tls;
const struct check_type *check_type_find(enum check_kind kind);

/* What a check type sees. */
struct check {
	const struct check_type *type;
	struct job *job;
	const struct monitor *monitor; /* job's */
	struct engine *engine;
	struct loop *loop;
	void *state;
	enum address_family family; /* to look at; never both: each has a check of its own */
	int64_t started_at_us, deadline_at_us; /* monotonic */
	struct result result;                  /* the type fills evidence; check_end the finding */
	int64_t ended_at_us; /* when its end was seen, of a type that has just read the clock; 0: now */
	bool ended;          /* check_end was called */
	bool traced;         /* somebody wants its steps: check_trace */
	int crossed_reason; /* enum reason of the worst crossed threshold; check_cross */
	char *crossed_detail;
};

/*
 * The one funnel. REASON's class makes the verdict: OK -> up (or warning when a severity was set),
 * DOWN -> down, INTERNAL -> none. FORMAT: the detail, one sentence of what was seen ("connection
 * refused by 192.0.2.1:443"), or NULL for the reason's own text. The first call counts, later ones
 * are ignored. Does not free: the engine calls stop() soon.
 */
void check_end(struct check *check, enum reason reason, const char *format, ...) PRINTF_LIKE(3, 4);
/* The same with a DETAIL that is one sentence of printable ASCII, RESULT_DETAIL_MAX_BYTES at most, or
 * NULL. Taken. */
void check_end_taking(struct check *check, enum reason reason, char *detail);
/* A threshold was judged: keeps the worst severity and, if worse than before, REASON and detail for
 * the result. */
void check_cross(struct check *check, enum threshold threshold, enum severity severity,
	enum reason reason, const char *format, ...) PRINTF_LIKE(5, 6);
/* Judges TOOK_US by LIMITS (either may be UNSET); WHAT is what took that long ("the response"). */
void check_judge_time(struct check *check, enum threshold threshold,
	const struct threshold_ms *limits, int64_t took_us, enum reason reason, const char *what);
/* The same of the certificate in the result, by the days that it has left. */
void check_judge_days(struct check *check);
/* The same of expect.response_time, of one check or on average. ANSWERED: TOOK_US is the time of an
 * answer and counts; that of a failure is none. */
void check_judge_response(struct check *check, int64_t took_us, bool answered, const char *what);
/* check_trace(CHECK, FORMAT, ...): one step on the way to the finding, for those who asked for them
 * (engine_trace); nothing else depends on it, and without them its arguments are not looked at. */
#define check_trace(check, ...)                                                                    \
	do {                                                                                       \
		if ((check)->traced)                                                               \
			check_tell_step(check, __VA_ARGS__);                                       \
	} while (0)
void check_tell_step(const struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same of a name that is about to be looked up; nothing of an address. */
void check_trace_lookup(const struct check *check, const char *host);
/* Whether CHECK may look at addresses of FAMILY (AF_INET, AF_INET6). */
bool check_wants_family(const struct check *check, int family);
/* Has the type's wake() called at AT_US (monotonic), unless the deadline comes first: the one timer of
 * the check does for both. A later call moves it. */
void check_wake_at(struct check *check, int64_t at_us);
int64_t check_left_us(const struct check *check); /* until the deadline; 0 when over */
/* Where a check, or one of its hops, is about to go. */
struct check_way {
	const char *host;
	int port;      /* 0: none */
	bool redirect; /* that led there */
};
/* The address policy's word, which the local file's own checks do not need. */
bool check_permits(const struct check *check, const struct sockaddr *address);
bool check_permits_port(const struct check *check, int port);
/*
 * The address policy after a look-up of WAY's host: keeps those of FOUND that may be contacted. REASON_OK
 * with at least one, or why none is left, with a DETAIL: a literal address is refused by local
 * policy, like a port; a name (or a redirect to anything) leads where it must not.
 */
enum reason check_police(const struct check *check, const struct check_way *way,
	const struct addresses *found, struct addresses *permitted,
	char detail[RESULT_DETAIL_MAX_BYTES]);
/* Adds the phases of one transfer, or hop, to the result's; UNSET adds nothing. */
void phases_add(struct phases *sum, const struct phases *one);

/* ---- the engine */

/* RESULT's content may be taken (zero it then); without that the engine frees it. */
typedef void (*engine_done_fn)(void *arg, struct job *job, struct result *result);

struct engine_limits {
	int64_t in_flight_max;   /* checks running at once; more wait, INTERNAL_OVERLOAD when they
				    wait past half their interval */
	int64_t per_second;      /* starts per second in all */
	int64_t per_destination; /* starts per second to one host of a target */
	int64_t body_max_bytes;  /* of a response */
	int64_t memory_bytes;    /* of all checks that run (memory_of_check); 0: without a bound */
	int64_t certificate_memo_ms; /* a verified chain is not verified again for so long; 0: always */
};

/* Sets up resolver, curl loop, certificate store, ping sockets. POLICY is borrowed. NULL after
 * logging why. */
struct engine *engine_new(
	struct loop *loop, const struct policy *policy, const struct engine_limits *limits);
void engine_free(struct engine *engine); /* running checks are stopped without a result */
/* Runs one check of JOB; ROUND as in struct result. DONE comes exactly once, never before this
 * returns. */
void engine_run(
	struct engine *engine, struct job *job, int64_t round, engine_done_fn done, void *arg);
/* What a result of JOB says before anything was found. */
void engine_result_begin(struct result *r, const struct job *job, int64_t round);
/* FN gets every step of every check as one line of text without secrets; NULL: nobody wants them. */
typedef void (*engine_trace_fn)(void *arg, const struct check *check, const char *text);
void engine_trace(struct engine *engine, engine_trace_fn fn, void *arg);
int64_t engine_in_flight(const struct engine *engine);
/* Open files that so many checks at a time may need, the probe's own included; and the reverse. */
int64_t engine_files_wanted(int64_t in_flight_max);
int64_t engine_checks_within(int64_t files);
/* FN is told once of a scheduled check that waits for longer than its target's habit; it goes on. */
typedef void (*engine_late_fn)(void *arg, const struct job *job, int64_t waited_us);
void engine_on_late(struct engine *engine, engine_late_fn fn, void *arg);
/* New limits take effect with the next start. */
void engine_set_limits(struct engine *engine, const struct engine_limits *limits);
void engine_set_memory(struct engine *engine, int64_t memory_bytes); /* one of them alone */
/* Replaces the resolver (which is taken): for tests with a name server of their own. */
void engine_use_resolver(struct engine *engine, struct resolver *take);
/* For check types. */
struct resolver *engine_resolver(struct engine *engine);
struct curl_loop *engine_curl(struct engine *engine);
struct http_handles *engine_http_handles(struct engine *engine);
struct certs *engine_certs(struct engine *engine);
struct pinger *engine_pinger(struct engine *engine);
const struct policy *engine_policy(const struct engine *engine);
const struct engine_limits *engine_limits(const struct engine *engine);
/* The proxies of the local file (borrowed), and one's address ("http://HOST:PORT"); NULL: there is none. */
void engine_set_proxies(struct engine *engine, const struct pairs *proxies);
const char *engine_proxy(const struct engine *engine, const char *name);
/* Whether ICMP works from here for FAMILY (AF_INET, AF_INET6). */
bool engine_can_ping(const struct engine *engine, int family);

#endif
