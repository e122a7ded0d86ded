// SPDX-License-Identifier: MIT
/*
 * The table of a monitor's fields. Defaults that depend on other fields (timeout of a short
 * interval, rounds of a POST, certificate thresholds of https) are filled in by monitor_decode for
 * people; the wire form carries them.
 */
#include "proto/base/pattern.h"
#include "proto/fence.h"
#include "proto/monitor_internal.h"

// clang-format off
#define FIELDS(table) .fields = (table), .n_fields = ARRAY_LEN(table)

/* ---- thresholds */
#define OF(member) offsetof(struct threshold_ms, member)
static const struct field ms_fields[] = {
	{.name = "warning", .type = FIELD_DURATION, .offset = OF(warning_ms), .min = 1, .max = TIMEOUT_MAX_MS,
		.doc = "A warning begins here."},
	{.name = "critical", .type = FIELD_DURATION, .offset = OF(critical_ms), .min = 1, .max = TIMEOUT_MAX_MS,
		.doc = "A critical alert begins here."},
	{.name = "counts_as", .type = FIELD_ENUM, .offset = OF(counts_as), .flags = FIELD_OF_VERDICT, .names = counts_as_names,
		.fallback = "\"degraded\"", .doc = "What critical is: an alert of its own kind, or downtime (down)."},
};
static const struct schema ms_schema = {.name = "thresholds of a duration", FIELDS(ms_fields),
	.size_bytes = sizeof(struct threshold_ms), .check = thresholds_ms_check};
#undef OF

/* `response_time` is an object of its own for people, and two neighbours in the struct. */
struct response_limits {
	struct threshold_ms limits;
	int64_t average_over_ms;
};
_Static_assert(offsetof(struct expect, average_over_ms) - offsetof(struct expect, response_time) ==
	offsetof(struct response_limits, average_over_ms), "response_time and average_over_ms must be neighbours");
#define OF(member) offsetof(struct response_limits, member)
static const struct field response_fields[] = {
	{.name = "warning", .type = FIELD_DURATION, .offset = OF(limits.warning_ms), .min = 1, .max = TIMEOUT_MAX_MS,
		.doc = "A warning begins here."},
	{.name = "critical", .type = FIELD_DURATION, .offset = OF(limits.critical_ms), .min = 1, .max = TIMEOUT_MAX_MS,
		.doc = "A critical alert begins here."},
	{.name = "counts_as", .type = FIELD_ENUM, .offset = OF(limits.counts_as), .flags = FIELD_OF_VERDICT, .names = counts_as_names,
		.fallback = "\"degraded\"", .doc = "What critical is: an alert of its own kind, or downtime (down)."},
	{.name = "average_over", .type = FIELD_DURATION, .offset = OF(average_over_ms), .min = 10000, .max = 3600000,
		.doc = "Judged is the average of the probe's checks that were answered in this time; each one, if left out."},
};
static const struct schema response_schema = {.name = "thresholds of the response time", FIELDS(response_fields),
	.size_bytes = sizeof(struct response_limits), .check = thresholds_ms_check};
#undef OF

#define OF(member) offsetof(struct threshold_days, member)
static const struct field days_fields[] = {
	{.name = "warning", .type = FIELD_INT, .offset = OF(warning_days), .min = 0, .max = 3650,
		.doc = "A warning begins when fewer days are left."},
	{.name = "critical", .type = FIELD_INT, .offset = OF(critical_days), .min = 0, .max = 3650,
		.doc = "A critical alert begins when fewer days are left."},
	{.name = "counts_as", .type = FIELD_ENUM, .offset = OF(counts_as), .flags = FIELD_OF_VERDICT, .names = counts_as_names,
		.fallback = "\"degraded\"", .doc = "What critical is: an alert of its own kind, or downtime (down)."},
};
static const struct schema days_schema = {.name = "thresholds of days", FIELDS(days_fields),
	.size_bytes = sizeof(struct threshold_days), .check = thresholds_days_check};
#undef OF

#define OF(member) offsetof(struct threshold_percent, member)
static const struct field percent_fields[] = {
	{.name = "warning", .type = FIELD_PERCENT, .offset = OF(warning), .doc = "A warning begins here."},
	{.name = "critical", .type = FIELD_PERCENT, .offset = OF(critical), .doc = "A critical alert begins here."},
	{.name = "counts_as", .type = FIELD_ENUM, .offset = OF(counts_as), .flags = FIELD_OF_VERDICT, .names = counts_as_names,
		.fallback = "\"degraded\"", .doc = "What critical is: an alert of its own kind, or downtime (down)."},
};
static const struct schema percent_schema = {.name = "thresholds of a percentage", FIELDS(percent_fields),
	.size_bytes = sizeof(struct threshold_percent), .check = thresholds_percent_check};
#undef OF

#define OF(member) offsetof(struct failures_policy, member)
static const struct field failures_fields[] = {
	{.name = "window", .type = FIELD_DURATION, .offset = OF(window_ms), .min = 60000, .max = 86400000,
		.doc = "The time over which they are counted: at least twelve intervals."},
	{.name = "warning", .type = FIELD_PERCENT, .offset = OF(warning), .doc = "A warning begins here."},
	{.name = "critical", .type = FIELD_PERCENT, .offset = OF(critical), .doc = "A critical alert begins here."},
};
static const struct schema failures_schema = {.name = "failures", FIELDS(failures_fields),
	.size_bytes = sizeof(struct failures_policy), .check = failures_check};
#undef OF

/* ---- quorum, alert */
#define OF(member) offsetof(struct quorum_policy, member)
static const struct field quorum_fields[] = {
	{.name = "seats", .type = FIELD_INT, .offset = OF(seats), .min = 1, .max = SEATS_MAX, .fallback = "5",
		.doc = "Seats of the electorate, each in a failure domain of its own; fewer if there are fewer domains."},
	{.name = "per_seat", .type = FIELD_INT, .offset = OF(per_seat), .min = 1, .max = PER_SEAT_MAX, .fallback = "1",
		.doc = "Probes that share a seat; more than half of them speak for it."},
	{.name = "down", .type = FIELD_CUSTOM, .offset = OF(down), .custom = &down_custom, .fallback = "\"majority\"",
		.doc = "Seats that must say down: majority, a number, or a percentage."},
	{.name = "up", .type = FIELD_CUSTOM, .offset = OF(up), .custom = &up_custom, .fallback = "\"auto\"",
		.doc = "Seats that must say up again: auto, majority, a number, or a percentage."},
	{.name = "rounds", .type = FIELD_INT, .offset = OF(rounds), .min = 0, .max = ROUNDS_MAX, .fallback = "2",
		.doc = "Rounds of confirmation before a change is believed; 0: two scheduled evaluations decide"
		       " (the default for POST, PUT and DELETE)."},
	{.name = "gap", .type = FIELD_DURATION, .offset = OF(gap_ms), .min = 100, .max = 60000, .fallback = "\"3s\"",
		.doc = "Time between the starts of two rounds."},
	{.name = "domain", .type = FIELD_ENUM, .offset = OF(domain), .names = domain_request_names, .fallback = "\"auto\"",
		.doc = "What a seat of its own is for: region, provider or probe; auto: the coarsest that gives the seats."},
	{.name = "undetermined_after", .type = FIELD_DURATION, .offset = OF(undetermined_after_ms), .min = 1000,
		.max = INTERVAL_MAX_MS,
		.doc = "How long too few votes may last before that is an alert; two intervals, and 2m at least, if left out."},
};
static const struct schema quorum_schema = {.name = "quorum", FIELDS(quorum_fields),
	.size_bytes = sizeof(struct quorum_policy)};
#undef OF

#define OF(member) offsetof(struct flapping_policy, member)
static const struct field flapping_fields[] = {
	{.name = "changes", .type = FIELD_INT, .offset = OF(changes), .min = 0, .max = FLAPPING_CHANGES_MAX, .fallback = "6",
		.check = changes_check, .doc = "So many changes between up and down in the window are flapping; 0: none are."},
	{.name = "window", .type = FIELD_DURATION, .offset = OF(window_ms), .min = 60000, .max = 86400000,
		.fallback = "\"1h\"", .doc = "It ends when nothing has changed for a sixth of it."},
};
static const struct schema flapping_schema = {.name = "flapping", FIELDS(flapping_fields),
	.size_bytes = sizeof(struct flapping_policy)};
#undef OF

#define OF(member) offsetof(struct alert_policy, member)
static const struct field alert_fields[] = {
	{.name = "after", .type = FIELD_DURATION, .offset = OF(after_ms), .min = 0,
		.max = 604800000, .fallback = "\"0s\"", .doc = "How long a decision must have held before its alert opens."},
	{.name = "recovered_after", .type = FIELD_DURATION, .offset = OF(recovered_after_ms), .min = 0,
		.max = 604800000, .fallback = "\"0s\"", .doc = "How long it must have been up before its down alert closes."},
	{.name = "remind", .type = FIELD_DURATION, .offset = OF(remind_ms), .min = 10000, .max = INT64_C(2592000000),
		.doc = "How often an open alert that nobody acknowledged is told again; not if left out."},
	{.name = "flapping", .type = FIELD_OBJECT, .offset = OF(flapping), .sub = &flapping_schema,
		.doc = "When one alert stands for many changes."},
};
static const struct schema alert_schema = {.name = "alert", FIELDS(alert_fields),
	.size_bytes = sizeof(struct alert_policy)};
#undef OF

/* ---- request */
#define OF(member) offsetof(struct dialogue_step, member)
static const struct field step_fields[] = {
	{.name = "expect", .type = FIELD_STRING, .offset = OF(expect), .min = 1, .max = PATTERN_MAX_BYTES,
		.doc = "A text that must come."},
	{.name = "expect_regex", .type = FIELD_STRING, .offset = OF(expect_regex), .min = 1, .max = PATTERN_MAX_BYTES,
		.check = pattern_check, .doc = "A regular expression (PCRE2) that what comes must match."},
	{.name = "send", .type = FIELD_CREDENTIAL, .offset = OF(send), .min = 1, .max = SEND_MAX_BYTES,
		.doc = "What to send, its line end included."},
	{.name = "starttls", .type = FIELD_BOOL, .offset = OF(starttls), .fallback = "false", .doc = "Whether TLS begins here."},
};
static const struct schema step_schema = {.name = "step of a dialogue", FIELDS(step_fields),
	.size_bytes = sizeof(struct dialogue_step), .check = dialogue_step_check};
#undef OF

static const char *const credential_headers[] = {"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key",
	"Api-Key", "X-Auth-Token", "X-Access-Token", "Private-Token", NULL};
#define OF(member) offsetof(struct request, member)
static const struct field request_fields[] = {
	{.name = "method", .type = FIELD_ENUM, .offset = OF(method), .names = http_method_names,
		.variants = OF_HTTP | OF_REDIRECT, .fallback = "\"GET\"", .doc = "GET or HEAD for redirect."},
	{.name = "headers", .type = FIELD_CREDENTIALS, .offset = OF(headers), .max = HEADERS_MAX,
		.sensitive = credential_headers, .variants = OF_HTTP | OF_REDIRECT, .check = headers_check,
		.doc = "Request headers, sent as given."},
	{.name = "body", .type = FIELD_CREDENTIAL, .offset = OF(body), .max = REQUEST_BODY_MAX_BYTES,
		.variants = OF_HTTP, .doc = "Request body."},
	{.name = "family", .type = FIELD_ENUM, .offset = OF(family), .names = address_family_names,
		.fallback = "\"auto\"", .doc = "Address family to use; both: each of the two must succeed, side by side."},
	{.name = "verify", .type = FIELD_BOOL, .offset = OF(verify), .variants = OF_HTTP | OF_REDIRECT | OF_TCP | OF_TLS,
		.fallback = "true", .doc = "Whether certificates must be valid; their facts are kept either way."},
	{.name = "auth", .type = FIELD_OBJECT, .offset = OF(auth), .sub = &auth_schema,
		.variants = OF_HTTP | OF_REDIRECT, .doc = "Log-in, told to the target's own host only."},
	{.name = "proxy", .type = FIELD_STRING, .offset = OF(proxy), .min = 1, .max = NAME_MAX_BYTES,
		.variants = OF_HTTP | OF_REDIRECT, .check = token_check,
		.doc = "The HTTP proxy to go through, by its name in the probes' own files; only probes that know it check."},
	{.name = "connect_to", .type = FIELD_STRING, .offset = OF(connect_to), .min = 3, .max = SERVER_MAX_BYTES,
		.variants = OF_HTTP | OF_REDIRECT, .check = connect_to_check,
		.doc = "Where to connect instead of the URL's host and port, host:port; asked for, and verified, is the URL's."},
	{.name = "http_version", .type = FIELD_ENUM, .offset = OF(http_version), .names = http_version_names,
		.variants = OF_HTTP | OF_REDIRECT, .fallback = "\"auto\"",
		.doc = "HTTP that is asked for; auto: 2 where TLS settles on it, else 1.1; 2 of http:// without asking."},
	{.name = "compression", .type = FIELD_BOOL, .offset = OF(compression), .variants = OF_HTTP, .fallback = "false",
		.doc = "Whether a compressed body is asked for (gzip, deflate); judged is what it unfolds to."},
	{.name = "cookies", .type = FIELD_BOOL, .offset = OF(cookies), .variants = OF_HTTP | OF_REDIRECT, .fallback = "false",
		.doc = "Whether cookies are kept from one redirect to the next, as a browser would, and forgotten at the end."},
	{.name = "packets", .type = FIELD_INT, .offset = OF(packets), .min = 1, .max = 100, .variants = OF_PING,
		.fallback = "5", .doc = "Packets per check."},
	{.name = "packet_interval", .type = FIELD_DURATION, .offset = OF(packet_interval_ms), .min = 10, .max = 10000,
		.variants = OF_PING, .fallback = "\"200ms\"", .doc = "Time between two packets."},
	{.name = "size", .type = FIELD_INT, .offset = OF(size), .min = PING_SIZE_MIN, .max = PING_SIZE_MAX,
		.variants = OF_PING, .fallback = "56", .doc = "Bytes of payload; headers of 28 (IPv4) or 48 (IPv6) come on top."},
	{.name = "df", .type = FIELD_BOOL, .offset = OF(df), .variants = OF_PING, .fallback = "false",
		.doc = "Whether packets must not be fragmented on the way."},
	{.name = "ttl", .type = FIELD_INT, .offset = OF(ttl), .min = 1, .max = 255, .variants = OF_PING,
		.doc = "TTL of the packets, hop limit in IPv6; the system's if left out."},
	{.name = "source", .type = FIELD_STRING, .offset = OF(source), .min = 2, .max = 45, .check = source_check,
		.doc = "The address to check from, one of the probe's own; the system's choice if left out."},
	{.name = "tls", .type = FIELD_BOOL, .offset = OF(tls), .variants = OF_TCP, .fallback = "false",
		.doc = "Whether TLS begins at once."},
	{.name = "starttls", .type = FIELD_ENUM, .offset = OF(starttls), .names = starttls_names,
		.variants = OF_TCP | OF_TLS, .doc = "The protocol in which TLS is asked for; left out: none."},
	{.name = "server_name", .type = FIELD_STRING, .offset = OF(server_name), .min = 1, .max = HOST_NAME_MAX_BYTES,
		.variants = OF_TCP | OF_TLS, .check = host_check,
		.doc = "The name to ask for (SNI), which the certificate must have; the target's host if left out."},
	{.name = "alpn", .type = FIELD_STRINGS, .offset = OF(alpn), .max = ALPN_MAX, .variants = OF_TCP | OF_TLS,
		.check = alpn_check, .doc = "Application protocols (ALPN) to offer, for example h2; the server must take one."},
	{.name = "dialogue", .type = FIELD_LIST, .offset = OF(dialogue), .sub = &step_schema, .max = DIALOGUE_STEPS_MAX,
		.variants = OF_TCP, .doc = "What to expect and to send, step by step."},
	{.name = "server", .type = FIELD_STRING, .offset = OF(server), .min = 1, .max = SERVER_MAX_BYTES,
		.variants = OF_DNS, .check = server_check,
		.doc = "The name server to ask, host or host:port (53 if left out); the probe's own resolver if left out."},
	{.name = "record", .type = FIELD_ENUM, .offset = OF(record), .names = dns_record_names, .variants = OF_DNS,
		.fallback = "\"A\"", .doc = "Kind of record to ask for."},
	{.name = "transport", .type = FIELD_ENUM, .offset = OF(transport), .names = dns_transport_names,
		.variants = OF_DNS, .fallback = "\"udp\"",
		.doc = "How the name server is asked; udp goes on with tcp when an answer does not fit."},
	{.name = "recursion", .type = FIELD_BOOL, .offset = OF(recursion), .variants = OF_DNS, .fallback = "true",
		.doc = "Whether the server may ask others for the answer."},
};
static const struct schema request_schema = {.name = "request", FIELDS(request_fields),
	.size_bytes = sizeof(struct request), .whole = true};
#undef OF

/* ---- expect */
#define OF(member) offsetof(struct tls_versions, member)
static const struct field versions_fields[] = {
	{.name = "min", .type = FIELD_ENUM, .offset = OF(min), .names = tls_version_names, .doc = "Not older than this."},
	{.name = "max", .type = FIELD_ENUM, .offset = OF(max), .names = tls_version_names, .doc = "Not newer than this."},
};
static const struct schema versions_schema = {.name = "bounds of a TLS version", FIELDS(versions_fields),
	.size_bytes = sizeof(struct tls_versions), .check = tls_versions_check};
#undef OF

#define OF(member) offsetof(struct expected_hop, member)
static const struct field hop_fields[] = {
	{.name = "status", .type = FIELD_INT, .offset = OF(status), .min = 300, .max = 399,
		.doc = "Status code of the redirect; any if left out."},
	{.name = "location", .type = FIELD_STRING, .offset = OF(location), .min = 1, .max = URL_MAX_BYTES,
		.check = url_check, .doc = "The absolute URL that it leads to; any if left out."},
};
static const struct schema hop_schema = {.name = "expected hop", FIELDS(hop_fields), .size_bytes = sizeof(struct expected_hop)};
#undef OF

#define OF(member) offsetof(struct expected_answers, member)
static const struct field answers_fields[] = {
	{.name = "all", .type = FIELD_STRINGS, .offset = OF(all), .max = ANSWERS_MAX,
		.doc = "Each of these is among them."},
	{.name = "any", .type = FIELD_STRINGS, .offset = OF(any), .max = ANSWERS_MAX,
		.doc = "At least one of these is among them."},
	{.name = "none", .type = FIELD_STRINGS, .offset = OF(none), .max = ANSWERS_MAX,
		.doc = "None of these is among them."},
	{.name = "exactly", .type = FIELD_STRINGS, .offset = OF(exactly), .max = ANSWERS_MAX,
		.doc = "They are these and no others, in any order."},
};
static const struct schema answers_schema = {.name = "expected answers", FIELDS(answers_fields),
	.size_bytes = sizeof(struct expected_answers)};
#undef OF

#define OF(member) offsetof(struct expected_ttl, member)
static const struct field ttl_fields[] = {
	{.name = "min", .type = FIELD_DURATION, .offset = OF(min_ms), .min = 0, .max = TTL_MAX_MS,
		.doc = "Not shorter than this."},
	{.name = "max", .type = FIELD_DURATION, .offset = OF(max_ms), .min = 0, .max = TTL_MAX_MS,
		.doc = "Not longer than this."},
};
static const struct schema ttl_schema = {.name = "bounds of a time to live", FIELDS(ttl_fields),
	.size_bytes = sizeof(struct expected_ttl), .check = ttl_check};
#undef OF

#define OF(member) offsetof(struct expect, member)
static const struct field expect_fields[] = {
	{.name = "port", .type = FIELD_ENUM, .offset = OF(port), .names = port_expectation_names, .variants = OF_TCP,
		.fallback = "\"open\"", .doc = "Whether the port must be open, or closed."},
	{.name = "status", .type = FIELD_CUSTOM, .offset = OF(status), .custom = &status_custom, .variants = OF_HTTP,
		.doc = "Accepted status codes, classes and ranges; 2xx when redirects are followed, 2xx and 3xx when not."},
	{.name = "follow", .type = FIELD_CUSTOM, .offset = OF(follow), .custom = &follow_custom, .variants = OF_HTTP,
		.fallback = "0", .doc = "Redirects followed at most; true means 5."},
	{.name = "body_contains", .type = FIELD_STRINGS, .offset = OF(body_contains), .max = PATTERNS_MAX,
		.variants = OF_HTTP, .check = patterns_check, .doc = "Text, or texts, that the body must contain."},
	{.name = "body_not_contains", .type = FIELD_STRINGS, .offset = OF(body_not_contains), .max = PATTERNS_MAX,
		.variants = OF_HTTP, .check = patterns_check, .doc = "Text, or texts, that the body must not contain."},
	{.name = "body_regex", .type = FIELD_STRINGS, .offset = OF(body_regex), .max = PATTERNS_MAX,
		.variants = OF_HTTP, .check = regexes_check, .doc = "Regular expression, or several (PCRE2), that the body must match."},
	{.name = "body_not_regex", .type = FIELD_STRINGS, .offset = OF(body_not_regex), .max = PATTERNS_MAX,
		.variants = OF_HTTP, .check = regexes_check, .doc = "Regular expression, or several, that the body must not match."},
	{.name = "json", .type = FIELD_LIST, .offset = OF(json), .sub = &json_rule_schema, .max = RULES_MAX,
		.variants = OF_HTTP, .word = json_rule_word, .word_form = "/status=ok", .doc = "Values that a JSON body must have."},
	{.name = "value", .type = FIELD_OBJECT, .offset = OF(value), .sub = &value_schema, .variants = OF_HTTP,
		.doc = "A number in the body, kept as a metric; thresholds are optional."},
	{.name = "headers", .type = FIELD_LIST, .offset = OF(headers), .sub = &header_rule_schema, .max = RULES_MAX,
		.variants = OF_HTTP, .word = header_rule_word, .word_form = "'NAME: VALUE'", .doc = "Headers that the answer must have, or must not."},
	{.name = "http_version", .type = FIELD_ENUM, .offset = OF(http_version), .names = expected_http_version_names,
		.variants = OF_HTTP, .fallback = "\"any\"", .doc = "HTTP that must be spoken."},
	{.name = "response_time", .type = FIELD_OBJECT, .offset = OF(response_time), .sub = &response_schema,
		.variants = OF_TCP | OF_HTTP | OF_REDIRECT | OF_TLS | OF_DNS,
		.doc = "Thresholds of the whole check's duration."},
	{.name = "certificate_days", .type = FIELD_OBJECT, .offset = OF(certificate_days), .sub = &days_schema,
		.variants = OF_HTTP | OF_REDIRECT | OF_TCP | OF_TLS,
		.doc = "Thresholds of the certificate's remaining days; {warning: 21, critical: 7} for https and TLS, {} for none."},
	{.name = "loss", .type = FIELD_OBJECT, .offset = OF(loss), .sub = &percent_schema, .variants = OF_PING,
		.doc = "Thresholds of lost packets."},
	{.name = "failures", .type = FIELD_OBJECT, .offset = OF(failures), .flags = FIELD_OF_VERDICT, .sub = &failures_schema,
		.doc = "Thresholds of failed checks over a window, for what recovers at every re-check."},
	{.name = "rtt", .type = FIELD_OBJECT, .offset = OF(rtt), .sub = &ms_schema, .variants = OF_PING,
		.doc = "Thresholds of the average round trip."},
	{.name = "jitter", .type = FIELD_OBJECT, .offset = OF(jitter), .sub = &ms_schema, .variants = OF_PING,
		.doc = "Thresholds of the mean difference between the round trips of neighbouring packets."},
	{.name = "hops", .type = FIELD_LIST, .offset = OF(hops), .sub = &hop_schema, .max = HOPS_MAX,
		.variants = OF_REDIRECT, .doc = "The redirects in their order; any chain if left out."},
	{.name = "final_url", .type = FIELD_STRING, .offset = OF(final_url), .min = 1, .max = URL_MAX_BYTES,
		.variants = OF_REDIRECT, .check = url_check, .doc = "The URL at which the chain must end."},
	{.name = "final_status", .type = FIELD_CUSTOM, .offset = OF(final_status), .custom = &status_custom,
		.variants = OF_REDIRECT, .doc = "Accepted status codes at the end of the chain; 2xx if left out."},
	{.name = "max_hops", .type = FIELD_INT, .offset = OF(max_hops), .min = 1, .max = HOPS_MAX,
		.variants = OF_REDIRECT, .fallback = "10", .doc = "Redirects in the chain at most."},
	{.name = "allow_downgrade", .type = FIELD_BOOL, .offset = OF(allow_downgrade), .variants = OF_REDIRECT,
		.fallback = "false", .doc = "Whether a redirect may lead from https to http."},
	{.name = "foreign_hosts", .type = FIELD_STRINGS, .offset = OF(foreign_hosts), .max = HOSTS_MAX,
		.variants = OF_HTTP | OF_REDIRECT, .fallback = "[\"allow\"]", .check = foreign_hosts_check,
		.doc = "Whether redirects may leave the target's host: allow, forbid, or the names of the hosts that they may lead to."},
	{.name = "connect_time", .type = FIELD_OBJECT, .offset = OF(connect_time), .sub = &ms_schema,
		.variants = OF_TCP | OF_TLS, .doc = "Thresholds of the connection's duration, without name lookup and TLS."},
	{.name = "tls_version", .type = FIELD_OBJECT, .offset = OF(tls_version), .sub = &versions_schema,
		.variants = OF_TCP | OF_TLS | OF_HTTP | OF_REDIRECT, .doc = "The TLS version that must come out."},
	{.name = "issuer", .type = FIELD_STRING, .offset = OF(issuer), .min = 1, .max = PATTERN_MAX_BYTES,
		.variants = OF_TCP | OF_TLS, .doc = "Text that the name of the certificate's issuer must contain."},
	{.name = "fingerprint", .type = FIELD_STRING, .offset = OF(fingerprint), .min = 1, .max = 100,
		.variants = OF_TCP | OF_TLS, .check = fingerprint_check,
		.doc = "SHA-256 fingerprint that the certificate must have, hexadecimal."},
	{.name = "rcode", .type = FIELD_STRINGS, .offset = OF(rcode), .max = RCODES_MAX, .variants = OF_DNS,
		.check = rcode_check, .fallback = "[\"NOERROR\"]",
		.doc = "Accepted response codes; NODATA: the name exists, but has no such record."},
	{.name = "answers", .type = FIELD_OBJECT, .offset = OF(answers), .sub = &answers_schema, .variants = OF_DNS,
		.doc = "The records of the wanted kind, written as in a zone file."},
	{.name = "ttl", .type = FIELD_OBJECT, .offset = OF(ttl), .sub = &ttl_schema, .variants = OF_DNS,
		.doc = "Bounds of the records' time to live."},
	{.name = "authoritative", .type = FIELD_BOOL, .offset = OF(authoritative), .variants = OF_DNS,
		.fallback = "false", .doc = "Whether the server must answer with authority (flag AA)."},
	{.name = "authenticated", .type = FIELD_BOOL, .offset = OF(authenticated), .variants = OF_DNS,
		.fallback = "false", .doc = "Whether the server must have validated the answer by DNSSEC (flag AD)."},
};
static const struct schema expect_schema = {.name = "expect", FIELDS(expect_fields), .size_bytes = sizeof(struct expect),
	.whole = true};
#undef OF

/* ---- monitor */
#define OF(member) offsetof(struct monitor, member)
static const struct field monitor_fields[] = {
	{.name = "id", .type = FIELD_ID, .offset = OF(id), .flags = FIELD_READONLY, .doc = "Given by the coordinator."},
	{.name = "revision", .type = FIELD_INT, .offset = OF(revision), .flags = FIELD_READONLY, .min = 0,
		.max = INT64_C(1) << 53, .fallback = "0",
		.doc = "Rises with every change that a check or a verdict could notice."},
	{.name = "external_id", .type = FIELD_STRING, .offset = OF(external_id), .min = 1, .max = NAME_MAX_BYTES,
		.check = line_check, .doc = "A name of yours that stays: a monitor that is renamed keeps its history."},
	{.name = "name", .type = FIELD_STRING, .offset = OF(name), .flags = FIELD_REQUIRED, .min = 1,
		.max = NAME_MAX_BYTES, .check = line_check, .doc = "What people call it."},
	{.name = "type", .type = FIELD_ENUM, .offset = OF(type), .flags = FIELD_REQUIRED, .names = check_kind_names,
		.accepts = "ping, tcp, http, redirect, tls or dns, or the short form, for example http: https://example.com/",
		.doc = "What kind of check."},
	{.name = "target", .type = FIELD_STRING, .offset = OF(target), .flags = FIELD_REQUIRED, .min = 1,
		.max = URL_MAX_BYTES, .doc = "A URL (http, redirect), host:port (tcp; tls: 443 if left out), a host (ping), or a name to look up (dns)."},
	{.name = "interval", .type = FIELD_DURATION, .offset = OF(interval_ms), .min = INTERVAL_MIN_MS,
		.max = INTERVAL_MAX_MS, .fallback = "\"60s\"", .doc = "Time between two checks of one probe."},
	{.name = "timeout", .type = FIELD_DURATION, .offset = OF(timeout_ms), .min = TIMEOUT_MIN_MS,
		.max = TIMEOUT_MAX_MS, .fallback = "\"10s\"",
		.doc = "For the whole check; the interval if that is shorter than 10s."},
	{.name = "enabled", .type = FIELD_BOOL, .offset = OF(enabled), .fallback = "true", .doc = "false pauses it."},
	{.name = "organization", .type = FIELD_STRING, .offset = OF(organization), .min = 1,
		.max = ORGANIZATION_MAX_BYTES, .fallback = "\"" ORGANIZATION_DEFAULT "\"", .check = organization_check,
		.doc = "Whose it is; only probes that serve this organization check it."},
	{.name = "service", .type = FIELD_STRING, .offset = OF(service), .min = 1, .max = NAME_MAX_BYTES,
		.check = line_check, .doc = "The service that it belongs to."},
	{.name = "memo", .type = FIELD_STRING, .offset = OF(memo), .max = MEMO_MAX_BYTES,
		.doc = "Notes for those who get the alert."},
	{.name = "labels", .type = FIELD_PAIRS, .offset = OF(labels), .max = LABELS_MAX, .doc = "Names and values of yours."},
	{.name = "regions", .type = FIELD_STRINGS, .offset = OF(regions), .max = REGIONS_MAX, .fallback = "[\"*\"]",
		.check = regions_check, .doc = "Where it is checked from: names, sets (@name), or \"*\" for all shared ones."},
	{.name = "quorum", .type = FIELD_OBJECT, .offset = OF(quorum), .sub = &quorum_schema,
		.doc = "How many places must agree."},
	{.name = "domain", .type = FIELD_ENUM, .offset = OF(domain), .flags = FIELD_READONLY,
		.names = failure_domain_names, .doc = "The failure domain of a seat, fixed when the monitor is saved."},
	{.name = "parents", .type = FIELD_STRINGS, .offset = OF(parents), .max = PARENTS_MAX, .check = parents_check,
		.doc = "Monitors that this one needs, by name or external_id: while one is down, no alert of this one opens."},
	{.name = "alert", .type = FIELD_OBJECT, .offset = OF(alert), .sub = &alert_schema, .doc = "When people are told."},
	{.name = "request", .type = FIELD_OBJECT, .offset = OF(request), .sub = &request_schema, .doc = "How it is checked."},
	{.name = "expect", .type = FIELD_OBJECT, .offset = OF(expect), .sub = &expect_schema, .doc = "What is judged."},
};
#undef OF
// clang-format on

const struct schema monitor_schema = {
	.name = "monitor",
	FIELDS(monitor_fields),
	.size_bytes = sizeof(struct monitor),
	.selector = "type",
	.check = monitor_check,
};
