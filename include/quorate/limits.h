// SPDX-License-Identifier: MIT
/*
 * Every ceiling that two parts of the system have to agree on. Whatever comes from a peer is cut
 * off here; a new ceiling belongs here too if both sides of a wire know it.
 */
#ifndef QUORATE_LIMITS_H
#define QUORATE_LIMITS_H

/* Names: probes, regions, monitors, services, labels. */
#define NAME_MAX_BYTES         128
#define URL_MAX_BYTES          2048
#define MEMO_MAX_BYTES         4096
#define LABELS_MAX             32
#define HEADERS_MAX            32
#define HEADER_VALUE_MAX_BYTES 4096
#define REQUEST_BODY_MAX_BYTES 65536
#define PATTERN_MAX_BYTES      1024
#define HOST_NAME_MAX_BYTES    253
#define PATTERNS_MAX           8  /* of one kind, in a monitor */
#define RULES_MAX              16 /* about JSON values, or headers, in a monitor */
#define POINTER_MAX_BYTES      256
#define AUTH_USER_MAX_BYTES    256
#define HOSTS_MAX              32
#define PROXIES_MAX            16
#define HOPS_MAX               20
#define DIALOGUE_STEPS_MAX     20
#define DIALOGUE_MAX_BYTES     65536 /* received for one expectation */
#define SEND_MAX_BYTES         4096
#define ALPN_MAX               8
#define ALPN_NAME_MAX_BYTES    64
#define REGIONS_MAX            64
#define CERT_CHAIN_MAX         8    /* certificates told of a chain */
#define PING_SIZE_MIN          16   /* the cookie */
#define PING_SIZE_MAX          8972 /* an IPv4 packet of 9,000 bytes: a jumbo frame */
#define SERVER_MAX_BYTES       261  /* a host of 253 bytes, and its port */
#define ANSWERS_MAX            64
#define RCODES_MAX             12
#define TTL_MAX_MS             (INT64_C(2147483647) * 1000) /* RFC 2181, section 8 */
#define DNS_ANSWERS_MAX        16                           /* that a result shows */
#define DNS_ANSWER_MAX_BYTES   255

/* Secrets. A shorter value could not be told from ordinary text where it has to be hidden. */
#define SECRET_NAME_MAX_BYTES  129 /* 64/64 */
#define SECRET_VALUE_MIN_BYTES 4
#define SECRET_VALUE_MAX_BYTES 8192
#define SECRETS_MAX            10000

/* Times. */
#define INTERVAL_MIN_MS 1000
#define INTERVAL_MAX_MS 86400000
#define TIMEOUT_MIN_MS  100
#define TIMEOUT_MAX_MS  60000

/* Electorates. */
#define SEATS_MAX    15
#define PER_SEAT_MAX 3
/* With those of one seat who are in quarantine and were replaced: they check on. */
#define VOTERS_MAX ((SEATS_MAX + 1) * PER_SEAT_MAX)
#define ROUNDS_MAX 5

#define FLAPPING_CHANGES_MAX 20
#define PARENTS_MAX          16
#define ANCESTORS_MAX        32 /* parents, theirs, and so on */
/* Checks of one voter in a window, for a rate to be one; and the intervals that give them, as the
 * window slides by a twentieth and a check may be lost. */
#define FAILURE_SAMPLES_MIN   10
#define FAILURE_INTERVALS_MIN 12

/* The wire: nanomsg's NN_RCVMAXSIZE stays above our own ceiling (field notes: one byte over and the
 * peers reconnect and resend for ever). */
#define MESSAGE_MAX_BYTES         240000
#define NANOMSG_RCVMAX_BYTES      262144
#define MONITOR_MAX_BYTES         131072 /* a monitor's encoded form */
#define RESULT_DETAIL_MAX_BYTES   256
#define BODY_EXCERPT_MAX_BYTES    512
#define RESULTS_PER_REPORT_MAX    500
#define SUSPICIONS_PER_REPORT_MAX 200

/* The API. */
#define API_BODY_MAX_BYTES    4194304 /* 4 MiB */
#define API_MONITOR_MAX_BYTES 196608  /* 192 KiB */

#endif
