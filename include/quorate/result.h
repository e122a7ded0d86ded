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
	struct phases phases;     /* total_us is UNSET */
	int64_t certificate_days; /* UNSET: no TLS */
	char *certificate_subject;
};

/* One certificate of those that a server sent. */
struct chained {
	char *subject, *issuer;
	int64_t not_after_wall_ms;
};

/* What a server sent along on revocation (a stapled OCSP response, RFC 6066). */
enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN, OCSP_INVALID };
extern const char *const ocsp_status_names[]; /* ended by NULL */
struct ocsp_facts {
	int status; /* enum ocsp_status; UNSET: none was sent */
	int64_t this_update_wall_ms, next_update_wall_ms;
};

struct certificate {
	char *subject, *issuer,
		*names; /* names: subject alternative names, comma-separated, cut at 512 */
	int64_t not_before_wall_ms, not_after_wall_ms; /* UNSET: no certificate seen */
	int64_t days; /* whole days left at the check, the shortest over all hops; may be negative:
			 see not_after */
	char *key_type, *signature;
	int64_t key_bits;
	int64_t sent;      /* certificates that the server sent; UNSET: none seen */
	struct list chain; /* of struct chained: the first CERT_CHAIN_MAX of them, the server's own
			      one first */
	struct ocsp_facts ocsp;
	char *tls_version, *cipher, *alpn; /* of the connection */
};

/* No certificate was seen. */
#define CERTIFICATE_NONE                                                                           \
	((struct certificate){.not_before_wall_ms = -1,                                            \
		.not_after_wall_ms = -1,                                                           \
		.days = -1,                                                                        \
		.key_bits = -1,                                                                    \
		.sent = -1,                                                                        \
		.ocsp = {-1, -1, -1}})

struct ping_facts {
	int64_t sent, received; /* UNSET: no ping check */
	int64_t min_us, avg_us, max_us, stddev_us;
	int64_t jitter_us;  /* mean difference of neighbouring packets' round trips (see the doc) */
	int64_t duplicates; /* further replies to a packet */
	int64_t strays;     /* answers with another content or source than a packet's */
};
#define PING_NONE ((struct ping_facts){-1, -1, -1, -1, -1, -1, -1, -1, -1})

/* One of the two halves of a check of both families. */
struct family_finding {
	int family;   /* enum address_family */
	int verdict;  /* enum verdict */
	int reason;   /* enum reason */
	char *detail; /* as the result's */
	char *address;
	int64_t total_us;
	int64_t status;
	int64_t certificate_days;
	int64_t sent, received, rtt_us; /* of a ping; UNSET: none */
};

/* Of a dns check: what the name server said. */
struct dns_facts {
	char *rcode;            /* "NOERROR"; NULL: no dns check, or no answer */
	struct strings flags;   /* those that are set: aa tc rd ra ad cd */
	struct strings answers; /* records of the wanted kind, at most DNS_ANSWERS_MAX of them */
	int64_t answer_count;   /* of them in all */
	int64_t ttl_s;          /* the shortest of theirs; UNSET: none */
	char *transport;        /* udp, tcp */
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
	double value;       /* the number that the body told; NAN: none */
	char *http_version; /* that was spoken, where it is not "1.1"; NULL */
	char *body_excerpt; /* of a failed content check; at most BODY_EXCERPT_MAX_BYTES of UTF-8 */
	struct certificate certificate;
	struct ping_facts ping;
	struct dns_facts dns;
	struct list hops;     /* of struct hop */
	struct list families; /* of struct family_finding: with family "both", IPv4 and IPv6 */
	int64_t loop_lag_us;  /* the probe's own lag when the check ended */
};

#endif
