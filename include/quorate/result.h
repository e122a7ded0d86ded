// SPDX-License-Identifier: MIT
/*
 * What one check found: made by a probe's check engine, carried by the link, kept by the store.
 * Owned texts are released by result_clear() (proto/result.h), which also holds the field table.
 */
#ifndef QUORATE_RESULT_H
#define QUORATE_RESULT_H

#include "quorate/id.h"
#include "quorate/list.h"
#include "quorate/reason.h"
#include "quorate/verdict.h"

#include <stdint.h>

/* How long each phase took, in microseconds; UNSET (-1): the check did not get there. */
struct phases {
	int64_t resolve_us;
	int64_t connect_us;
	int64_t tls_us;
	int64_t first_byte_us; /* from the end of the request's set-up to the first byte of the
				  answer */
	int64_t transfer_us;
	int64_t total_us;
};

/* One step of a redirect chain, the last one included. */
struct hop {
	char *url;
	int64_t status; /* UNSET: no answer */
	char *location; /* absolute; NULL: none */
	char *address;  /* "192.0.2.1:443" */
	int64_t total_us;
	int64_t certificate_days; /* UNSET: no TLS */
};

struct certificate {
	char *subject, *issuer,
		*names; /* names: subject alternative names, comma-separated, cut at 512 */
	int64_t not_before_wall_ms, not_after_wall_ms; /* UNSET: no certificate seen */
	int64_t days; /* whole days left at the check, the shortest over all hops; may be negative:
			 see not_after */
	char *tls_version;
};

struct ping_facts {
	int64_t sent, received; /* UNSET: no ping check */
	int64_t min_us, avg_us, max_us, stddev_us;
};

struct result {
	/* identity: (probe, boot, sequence) never repeats */
	struct id monitor;
	int64_t monitor_revision;
	int64_t assignment; /* revision of the assignment under which it ran */
	int64_t round;      /* 0: scheduled; else the number of the confirmation round */
	int64_t sequence;   /* from 1 within a boot of the probe */
	struct id boot;     /* zero: the boot of the session that carries it */

	/* time: the wall instant is for people; the vote's time is received - age - duration */
	int64_t started_wall_ms;
	int64_t duration_ms;
	int64_t age_ms; /* from the check's end to the message's sending, on the probe's monotonic
			   clock */

	/* finding */
	int verdict;  /* enum verdict */
	int reason;   /* enum reason: of the verdict, or of the worst crossed threshold */
	char *detail; /* one sentence of what was seen; at most RESULT_DETAIL_MAX_BYTES */
	int severity[THRESHOLD_COUNT]; /* enum severity of each threshold; NONE: not crossed or not
					  judged */

	/* evidence */
	struct phases phases;
	char *address; /* really connected: "192.0.2.1:443"; NULL: none */
	int64_t status;
	int64_t bytes;      /* of the body as received */
	char *body_excerpt; /* of a failed content check; at most BODY_EXCERPT_MAX_BYTES of UTF-8 */
	struct certificate certificate;
	struct ping_facts ping;
	struct list hops;    /* of struct hop */
	int64_t loop_lag_us; /* the probe's own lag when the check ended */
};

#endif
