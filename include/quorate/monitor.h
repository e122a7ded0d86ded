// SPDX-License-Identifier: MIT
/*
 * A monitor: what is checked, from where, and what is expected. The same struct is what the API and
 * monitors.yml describe, what the store keeps (as JSON) and what a probe receives.
 * proto/monitor.h holds the one table of its fields: bounds, defaults, documentation, decoder,
 * encoder.
 *
 * A number that was not given is UNSET (-1), a text NULL, an enum -1. All pointers are owned by the
 * struct and released by monitor_clear().
 */
#ifndef QUORATE_MONITOR_H
#define QUORATE_MONITOR_H

#include "quorate/id.h"
#include "quorate/limits.h"
#include "quorate/list.h"
#include "quorate/verdict.h"

#include <stdbool.h>
#include <stdint.h>

#define UNSET (-1)

enum check_kind {
	CHECK_PING,
	CHECK_TCP,
	CHECK_HTTP,
	CHECK_REDIRECT,
	CHECK_TLS,
	CHECK_DNS,
	CHECK_KIND_COUNT
};
extern const char *const check_kind_names[]; /* ping tcp http redirect tls dns */

enum http_method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_OPTIONS
};
extern const char *const http_method_names[];

enum address_family { FAMILY_AUTO, FAMILY_IPV4, FAMILY_IPV6, FAMILY_BOTH };
extern const char *const address_family_names[]; /* auto ipv4 ipv6 both */

/* Kinds of DNS records that a check can ask for. */
enum dns_record {
	RECORD_A,
	RECORD_AAAA,
	RECORD_CNAME,
	RECORD_MX,
	RECORD_NS,
	RECORD_TXT,
	RECORD_SOA,
	RECORD_SRV,
	RECORD_PTR,
	RECORD_CAA,
	RECORD_DS,
	RECORD_DNSKEY,
	RECORD_TLSA,
	RECORD_NAPTR,
	RECORD_COUNT
};
extern const char *const dns_record_names[];

enum dns_transport { TRANSPORT_UDP, TRANSPORT_TCP };
extern const char *const dns_transport_names[]; /* udp tcp */

/* Of HTTP: what is asked for (AUTO: what both sides can), and what is expected. */
enum http_version { HTTP_ANY, HTTP_1_1, HTTP_2 };
extern const char *const http_version_names[];          /* auto 1.1 2 */
extern const char *const expected_http_version_names[]; /* any 1.1 2 */

enum auth_scheme { AUTH_BASIC, AUTH_DIGEST, AUTH_BEARER };
extern const char *const auth_scheme_names[]; /* basic digest bearer */

enum port_expectation { PORT_OPEN, PORT_CLOSED };
extern const char *const port_expectation_names[]; /* open closed */

/* Protocols that begin in plain text and change to TLS. */
enum starttls_protocol {
	STARTTLS_SMTP,
	STARTTLS_LMTP,
	STARTTLS_IMAP,
	STARTTLS_POP3,
	STARTTLS_FTP,
	STARTTLS_NNTP,
	STARTTLS_SIEVE,
	STARTTLS_XMPP,
	STARTTLS_XMPP_SERVER,
	STARTTLS_LDAP,
	STARTTLS_POSTGRES,
	STARTTLS_MYSQL,
	STARTTLS_COUNT
};
extern const char *const starttls_names[]; /* smtp lmtp imap pop3 ftp … */

enum tls_version { TLS_VERSION_1_0, TLS_VERSION_1_1, TLS_VERSION_1_2, TLS_VERSION_1_3 };
extern const char *const tls_version_names[]; /* TLSv1 … TLSv1.3, as OpenSSL says them */

/* "majority", a number, or a percentage of the seats; AUTO is the default rule for recovery. */
enum share_kind { SHARE_AUTO, SHARE_MAJORITY, SHARE_NUMBER, SHARE_PERCENT };

struct share {
	enum share_kind kind;
	int value; /* of NUMBER and PERCENT */
};

struct quorum_policy {
	int64_t seats;    /* requested number of seats, 1 … SEATS_MAX */
	int64_t per_seat; /* voters in a seat, 1 … PER_SEAT_MAX */
	struct share down;
	struct share up;
	int64_t rounds; /* of a confirmation burst; 0: no burst, two scheduled evaluations decide */
	int64_t gap_ms; /* between the starts of two rounds */
	int domain;     /* enum failure_domain asked for, or DOMAIN_AUTO */
	int64_t undetermined_after_ms; /* UNSET: max(2 x interval, 120 s) */
};

struct flapping_policy {
	int64_t changes; /* so many changes between up and down in the window are flapping; 0: off */
	int64_t window_ms;
};

struct alert_policy {
	int64_t after_ms;           /* a decision must have held this long before its alert opens */
	int64_t recovered_after_ms; /* and up this long before the down alert closes */
	int64_t remind_ms;          /* of an open alert, again and again; UNSET: not */
	struct flapping_policy flapping;
};

/* Status codes 100 … 599, a bit each. */
struct status_set {
	uint64_t bit[10];
};
#define STATUS_MIN 100
#define STATUS_MAX 599
bool status_set_has(const struct status_set *set, int64_t status);
bool status_set_is_empty(const struct status_set *set);
/* Adds "301", "2xx" or "200-204". Returns 0, or -1 when TEXT is none of these. */
int status_set_add(struct status_set *set, const char *text);

/* What a critical threshold is: an alert of its own kind, or downtime. */
enum counts_as { COUNTS_AS_DEGRADED, COUNTS_AS_DOWN };
extern const char *const counts_as_names[]; /* degraded down */

/* Thresholds: the value at which a warning, or a critical, begins. UNSET: none. */
struct threshold_ms {
	int64_t warning_ms, critical_ms;
	int counts_as; /* enum counts_as */
};

struct threshold_days {
	int64_t warning_days, critical_days;
	int counts_as;
};

struct threshold_percent {
	double warning, critical; /* 0 … 100; negative: unset */
	int counts_as;
};

/* Failed checks in a window, in percent of the scheduled ones. */
struct failures_policy {
	int64_t window_ms; /* UNSET: not judged */
	double warning, critical;
};

/* One step of a talk on a connection: exactly one member is set. */
struct dialogue_step {
	struct credential send; /* at most SEND_MAX_BYTES */
	char *expect;           /* a text that must come */
	char *expect_regex;     /* what comes must match */
	bool starttls;          /* TLS begins here */
};

struct threshold_number {
	double warning, critical; /* NAN: unset */
};

/* How a request lets itself in; nothing set: not at all. */
struct auth {
	int scheme; /* enum auth_scheme; UNSET: bearer with a token, else basic */
	char *user;
	struct credential password, token;
};

/* What is expected of one value of a JSON body. */
struct json_rule {
	char *pointer;             /* RFC 6901 */
	bool exists;               /* false: there must be nothing */
	char *equals, *not_equals; /* JSON texts of scalars; NULL: any */
	double less, greater;      /* NAN: any */
	char *matches;             /* a regular expression, or NULL */
};

/* What is expected of a response header, of one of its lines if there are several. */
struct header_rule {
	char *name;
	bool absent;
	char *equals, *matches; /* NULL: any */
};

/* A number in the body: where it is, and when it is too high or too low. */
struct value_rule {
	char *json, *regex; /* one of them; both NULL: none is watched */
	struct threshold_number above, below;
	int counts_as; /* enum counts_as */
};

/* How the check is made. Which members apply to which kind is in the field table. */
struct request {
	int method;             /* enum http_method */
	struct pairs headers;   /* credentials, sent as given; no CR, LF or NUL inside */
	struct credential body; /* at most REQUEST_BODY_MAX_BYTES; all NULL: none */
	int family;             /* enum address_family */
	bool verify;            /* certificates are verified (facts are kept either way) */
	struct auth auth;
	char *connect_to; /* host:port instead of the URL's; NULL */
	char *proxy;      /* its name in the probe's own file; NULL: none */
	int http_version; /* enum http_version */
	bool cookies;     /* kept from hop to hop of one check */
	bool compression; /* gzip and deflate are accepted */
	int64_t packets;  /* ping: 1 … 100 */
	int64_t packet_interval_ms;
	int64_t size;        /* ping: bytes of payload, PING_SIZE_MIN … PING_SIZE_MAX */
	bool df;             /* ping: don't fragment */
	int64_t ttl;         /* ping: TTL, or hop limit; UNSET: the system's */
	char *source;        /* a literal address of the probe's own; NULL: the system's choice */
	bool tls;            /* TLS begins at once */
	int starttls;        /* enum starttls_protocol; -1: none */
	char *server_name;   /* of the TLS handshake and the certificate; NULL: the target's host */
	struct strings alpn; /* one of them must be selected; empty: not asked for */
	struct list dialogue; /* of struct dialogue_step */
	char *server;         /* dns: "host", "host:port"; NULL: the probe's own resolver */
	int record;           /* dns: enum dns_record */
	int transport;        /* dns: enum dns_transport */
	bool recursion;       /* dns: wanted of the server */
};

struct expected_hop {
	int64_t status; /* UNSET: any redirect */
	char *location; /* the absolute URL it leads to; NULL: any */
};

/* enum tls_version of each; -1: no bound */
struct tls_versions {
	int min, max;
};

/* dns: records of the wanted kind in presentation form, "/…/" a pattern; empty lists ask for
 * nothing. */
struct expected_answers {
	struct strings all;     /* each of these is there */
	struct strings any;     /* at least one is */
	struct strings none;    /* not one is */
	struct strings exactly; /* these and no others */
};

struct expected_ttl {
	int64_t min_ms, max_ms; /* UNSET: no bound */
};

/* What is judged. */
struct expect {
	int port;                 /* enum port_expectation */
	struct status_set status; /* empty: 2xx when redirects are followed, 2xx and 3xx when not */
	int64_t follow;           /* redirects followed at most; 0: not followed */
	struct strings body_contains, body_not_contains, body_regex, body_not_regex;
	struct list json;    /* of struct json_rule */
	struct list headers; /* of struct header_rule */
	struct value_rule value;
	int http_version; /* enum http_version */
	struct threshold_ms response_time;
	int64_t average_over_ms; /* of response_time: judged is the average; not above 0: each one */
	struct threshold_days certificate_days;
	struct threshold_percent loss;
	struct threshold_ms rtt;
	struct failures_policy failures;
	struct threshold_ms jitter;
	struct list hops; /* of struct expected_hop; empty: any chain that ends as expected */
	char *final_url;
	struct status_set final_status; /* empty: 2xx */
	int64_t max_hops;
	bool allow_downgrade;         /* https -> http */
	struct strings foreign_hosts; /* empty, or "allow": any; "forbid": none; else these */
	struct threshold_ms connect_time;
	struct tls_versions tls_version;
	char *issuer;         /* text in the name of the certificate's issuer */
	char *fingerprint;    /* SHA-256 of the certificate, hexadecimal, with or without colons */
	struct strings rcode; /* dns: accepted response codes */
	struct expected_answers answers;
	struct expected_ttl ttl;
	bool authoritative; /* dns: the AA flag must be set */
	bool authenticated; /* dns: the AD flag must be set */
};

struct monitor {
	struct id id;
	int64_t revision;   /* +1 with every change that a check or a verdict could notice */
	char *organization; /* whose it is; NULL only where nobody has said (tests) */
	char *external_id;
	char *name;
	int type; /* enum check_kind */
	char *target;
	int64_t interval_ms, timeout_ms;
	bool enabled;
	char *service;
	char *memo;
	struct pairs labels;
	struct strings regions; /* names, "@set", "*" */
	struct quorum_policy quorum;
	int domain;             /* enum failure_domain; -1: not chosen yet */
	struct strings parents; /* names, external_ids or ids of monitors that it needs */
	struct alert_policy alert;
	struct request request;
	struct expect expect;
};

#endif
