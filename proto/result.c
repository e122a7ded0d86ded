// SPDX-License-Identifier: MIT
/* The table of a result's fields. Results come from probes: every number and text has its bounds
 * here. */
#include "proto/monitor_internal.h"

#include <math.h>
#include <string.h>

#define SECONDS_MAX_US   (INT64_C(3600) * 1000000)
#define COUNT_MAX        ((INT64_C(1) << 53) - 1) /* what JSON readers keep exactly */
#define DAYS_MAX         3660000
#define AGE_MAX_MS       (INT64_C(400) * 86400000)
#define ADDRESS_MAX      64 /* "[v6%scope]:port" */
#define NAMES_MAX        512
#define CHAINED_NAME_MAX 160

const char *const ocsp_status_names[] = {"good", "revoked", "unknown", "invalid", NULL};

// clang-format off
#define FIELDS(table) .fields = (table), .n_fields = ARRAY_LEN(table)
#define US(member_name, what) {.name = #member_name, .type = FIELD_INT, .offset = OF(member_name), .min = 0, .max = SECONDS_MAX_US, .doc = what}
#define TEXT(member_name, bytes, what) {.name = #member_name, .type = FIELD_STRING, .offset = OF(member_name), .max = (bytes), .doc = what}
#define INT(member_name, low, high, what) {.name = #member_name, .type = FIELD_INT, .offset = OF(member_name), .min = (low), .max = (high), .doc = what}
#define NEED(member_name, low, high, what) {.name = #member_name, .type = FIELD_INT, .offset = OF(member_name), .flags = FIELD_REQUIRED, .min = (low), .max = (high), .doc = what}

#define OF(member) offsetof(struct phases, member)
static const struct field phase_fields[] = {
	US(resolve_us, "Name lookup."),
	US(connect_us, "Connection."),
	US(tls_us, "TLS handshake."),
	US(first_byte_us, "From the end of the set-up to the first byte of the answer."),
	US(transfer_us, "From the first to the last byte."),
	US(total_us, "The whole check."),
};
static const struct schema phases_schema = {.name = "phases", FIELDS(phase_fields), .size_bytes = sizeof(struct phases)};
#undef OF

#define OF(member) offsetof(struct hop, member)
static const struct field hop_fields[] = {
	TEXT(url, URL_MAX_BYTES, "What was asked for."),
	INT(status, 0, 999, "What was answered."),
	TEXT(location, URL_MAX_BYTES, "Where it leads, absolute."),
	TEXT(address, ADDRESS_MAX, "Address and port really connected."),
	US(total_us, "Time that it took."),
	{.name = "phases", .type = FIELD_OBJECT, .offset = OF(phases), .sub = &phases_schema, .doc = "How long each phase took."},
	INT(certificate_days, -DAYS_MAX, DAYS_MAX, "Days left of its certificate."),
	TEXT(certificate_subject, CHAINED_NAME_MAX, "Subject of its certificate."),
};
static const struct schema hop_schema = {.name = "hop", FIELDS(hop_fields), .size_bytes = sizeof(struct hop)};
#undef OF

#define OF(member) offsetof(struct chained, member)
static const struct field chained_fields[] = {
	TEXT(subject, CHAINED_NAME_MAX, "Subject."),
	TEXT(issuer, CHAINED_NAME_MAX, "Issuer."),
	{.name = "not_after", .type = FIELD_TIME, .offset = OF(not_after_wall_ms), .doc = "Valid until."},
};
static const struct schema chained_schema = {.name = "chained", FIELDS(chained_fields), .size_bytes = sizeof(struct chained)};
#undef OF

#define OF(member) offsetof(struct ocsp_facts, member)
static const struct field ocsp_fields[] = {
	{.name = "status", .type = FIELD_ENUM, .offset = OF(status), .names = ocsp_status_names,
		.doc = "What its issuer says of the certificate; invalid: it cannot be believed."},
	{.name = "this_update", .type = FIELD_TIME, .offset = OF(this_update_wall_ms), .doc = "Said at."},
	{.name = "next_update", .type = FIELD_TIME, .offset = OF(next_update_wall_ms), .doc = "To be asked again at."},
};
static const struct schema ocsp_schema = {.name = "ocsp", FIELDS(ocsp_fields), .size_bytes = sizeof(struct ocsp_facts)};
#undef OF

#define OF(member) offsetof(struct certificate, member)
static const struct field certificate_fields[] = {
	TEXT(subject, NAMES_MAX, "Subject."),
	TEXT(issuer, NAMES_MAX, "Issuer."),
	TEXT(names, NAMES_MAX, "Subject alternative names."),
	{.name = "not_before", .type = FIELD_TIME, .offset = OF(not_before_wall_ms), .doc = "Valid from."},
	{.name = "not_after", .type = FIELD_TIME, .offset = OF(not_after_wall_ms), .doc = "Valid until."},
	INT(days, -DAYS_MAX, DAYS_MAX, "Whole days left, the fewest over all hops."),
	TEXT(key_type, 32, "Kind of the public key: RSA, EC, ED25519, …"),
	INT(key_bits, 0, 1000000, "Its size."),
	TEXT(signature, 64, "Signature algorithm."),
	INT(sent, 0, 1000000, "Certificates that the server sent, its own included."),
	{.name = "chain", .type = FIELD_LIST, .offset = OF(chain), .sub = &chained_schema, .max = CERT_CHAIN_MAX,
		.doc = "What it sent, its own first. A probe leaves it out of what is well."},
	{.name = "ocsp", .type = FIELD_OBJECT, .offset = OF(ocsp), .sub = &ocsp_schema, .doc = "What the server sent on revocation."},
	TEXT(tls_version, 32, "TLS version."),
	TEXT(cipher, 64, "Cipher suite."),
	TEXT(alpn, 255, "Protocol agreed on within TLS."),
};
static const struct schema certificate_schema = {.name = "certificate", FIELDS(certificate_fields),
	.size_bytes = sizeof(struct certificate)};
#undef OF

#define OF(member) offsetof(struct ping_facts, member)
static const struct field ping_fields[] = {
	INT(sent, 0, 100, "Packets sent."),
	INT(received, 0, 100, "Replies."),
	US(min_us, "Shortest round trip."),
	US(avg_us, "Average round trip."),
	US(max_us, "Longest round trip."),
	US(stddev_us, "Standard deviation."),
	US(jitter_us, "Mean difference between the round trips of neighbouring packets (both answered), without sign."),
	INT(duplicates, 0, COUNT_MAX, "Further replies to a packet that was answered."),
	INT(strays, 0, COUNT_MAX, "Answers ignored: content or sender are not those of the packet that they name."),
};
static const struct schema ping_schema = {.name = "ping", FIELDS(ping_fields), .size_bytes = sizeof(struct ping_facts)};
#undef OF

#define OF(member) offsetof(struct family_finding, member)
static const struct field family_fields[] = {
	{.name = "family", .type = FIELD_ENUM, .offset = OF(family), .flags = FIELD_REQUIRED, .names = address_family_names,
		.doc = "`ipv4` or `ipv6`."},
	{.name = "verdict", .type = FIELD_ENUM, .offset = OF(verdict), .flags = FIELD_REQUIRED, .names = verdict_names,
		.doc = "What was found."},
	{.name = "reason", .type = FIELD_CUSTOM, .offset = OF(reason), .custom = &reason_custom, .fallback = "\"ok\"",
		.doc = "Code of the reason."},
	TEXT(detail, RESULT_DETAIL_MAX_BYTES, "What was seen, in a sentence."),
	TEXT(address, ADDRESS_MAX, "Address and port really connected."),
	US(total_us, "Time that it took."),
	INT(status, 0, 999, "Status code."),
	INT(certificate_days, -DAYS_MAX, DAYS_MAX, "Days left of the certificate."),
	INT(sent, 0, 100, "Packets sent."),
	INT(received, 0, 100, "Replies."),
	US(rtt_us, "Average round trip."),
};
static const struct schema family_schema = {.name = "family", FIELDS(family_fields), .size_bytes = sizeof(struct family_finding)};
#undef OF

#define OF(member) offsetof(struct dns_facts, member)
static const struct field dns_fields[] = {
	TEXT(rcode, 16, "Response code."),
	{.name = "flags", .type = FIELD_STRINGS, .offset = OF(flags), .max = 8, .doc = "Flags that are set: aa, tc, rd, ra, ad, cd."},
	{.name = "answers", .type = FIELD_STRINGS, .offset = OF(answers), .max = DNS_ANSWERS_MAX,
		.doc = "Records of the wanted kind, the first of them."},
	INT(answer_count, 0, 65535, "How many there are."),
	{.name = "ttl", .type = FIELD_INT, .offset = OF(ttl_s), .min = 0, .max = 2147483647, .doc = "The shortest time to live, in seconds."},
	TEXT(transport, 8, "How it came: udp, tcp."),
};
static const struct schema dns_schema = {.name = "dns", FIELDS(dns_fields), .size_bytes = sizeof(struct dns_facts)};
#undef OF

#define OF(member) offsetof(struct result, member)
static const struct field result_fields[] = {
	{.name = "monitor", .type = FIELD_ID, .offset = OF(monitor), .flags = FIELD_REQUIRED, .doc = "What was checked."},
	NEED(monitor_revision, 0, COUNT_MAX, "Its revision."),
	INT(assignment, 0, COUNT_MAX, "Revision of the assignment under which it ran."),
	{.name = "round", .type = FIELD_INT, .offset = OF(round), .min = 0, .max = COUNT_MAX, .fallback = "0",
		.doc = "0: scheduled; else the confirmation round."},
	NEED(sequence, 1, COUNT_MAX, "Number within the boot of the probe."),
	{.name = "boot", .type = FIELD_ID, .offset = OF(boot), .flags = FIELD_WIRE,
		.doc = "Of an earlier run of the probe, if not the session's: history, never a vote."},
	{.name = "started_at", .type = FIELD_TIME, .offset = OF(started_wall_ms), .flags = FIELD_REQUIRED, .doc = "By the probe's clock."},
	NEED(duration_ms, 0, 3600000, "How long it took."),
	NEED(age_ms, 0, AGE_MAX_MS, "From its end to its sending, on the probe's monotonic clock."),
	{.name = "verdict", .type = FIELD_ENUM, .offset = OF(verdict), .flags = FIELD_REQUIRED, .names = verdict_names,
		.doc = "What was found."},
	{.name = "reason", .type = FIELD_CUSTOM, .offset = OF(reason), .custom = &reason_custom, .fallback = "\"ok\"",
		.doc = "Code of the reason."},
	TEXT(detail, RESULT_DETAIL_MAX_BYTES, "What was seen, in a sentence."),
	{.name = "severity", .type = FIELD_CUSTOM, .offset = OF(severity), .custom = &severity_custom,
		.doc = "Of each threshold that was crossed."},
	{.name = "phases", .type = FIELD_OBJECT, .offset = OF(phases), .sub = &phases_schema, .doc = "How long each phase took."},
	TEXT(address, ADDRESS_MAX, "Address and port really connected."),
	INT(status, 0, 999, "Status code."),
	INT(bytes, 0, COUNT_MAX, "Bytes of the body."),
	{.name = "value", .type = FIELD_CUSTOM, .offset = OF(value), .custom = &number_custom,
		.doc = "The number that the body told (expect.value)."},
	TEXT(http_version, 8, "Version of HTTP that was spoken, where it is not 1.1."),
	TEXT(body_excerpt, BODY_EXCERPT_MAX_BYTES, "Beginning of a body that lacked the expected text."),
	{.name = "certificate", .type = FIELD_OBJECT, .offset = OF(certificate), .sub = &certificate_schema,
		.doc = "The server's certificate."},
	{.name = "ping", .type = FIELD_OBJECT, .offset = OF(ping), .sub = &ping_schema, .doc = "Packets and round trips."},
	{.name = "dns", .type = FIELD_OBJECT, .offset = OF(dns), .sub = &dns_schema, .doc = "What the name server said."},
	{.name = "hops", .type = FIELD_LIST, .offset = OF(hops), .sub = &hop_schema, .max = HOPS_MAX + 1,
		.doc = "The redirect chain, the last answer included."},
	{.name = "families", .type = FIELD_LIST, .offset = OF(families), .sub = &family_schema, .max = 2,
		.doc = "With `request.family: both`, what each family found."},
	INT(loop_lag_us, 0, COUNT_MAX, "The probe's own delay when the check ended."),
};
#undef OF
// clang-format on

/* Could not look <=> an internal reason; down has a reason to be down, up has none. (A warning may:
 * an unknown reason of a newer probe is read as the general one of its layer.) */
static void check(const void *object, const char *path, struct problems *problems)
{
	const struct result *r = object;
	enum reason_class class = reason_class((enum reason)r->reason);
	bool none = r->verdict == VERDICT_NONE, down = r->verdict == VERDICT_DOWN;

	if (none != (class == REASON_CLASS_INTERNAL) || (down && class != REASON_CLASS_DOWN) ||
		(r->verdict == VERDICT_UP && class == REASON_CLASS_DOWN))
		problems_add(problems, path,
			"the verdict '%s' and the reason '%s' contradict each other",
			verdict_names[r->verdict], reason_code((enum reason)r->reason));
}

static struct schema_owned result_owned;

const struct schema result_schema = {
	.name = "result",
	FIELDS(result_fields),
	.size_bytes = sizeof(struct result),
	.check = check,
	.owned = &result_owned,
};

void result_unset(struct result *r)
{
	memset(r, 0, sizeof(*r));
	result_unset_zeroed(r);
}

/* Field by field: the macros would make each struct anew, in order to copy it. */
void result_unset_zeroed(struct result *r)
{
	struct phases *p = &r->phases;
	struct certificate *c = &r->certificate;
	p->resolve_us = p->connect_us = p->tls_us = UNSET;
	p->first_byte_us = p->transfer_us = p->total_us = UNSET;
	r->status = r->bytes = UNSET;
	r->value = NAN;
	c->not_before_wall_ms = c->not_after_wall_ms = c->days = c->key_bits = c->sent = UNSET;
	c->ocsp.status = UNSET;
	c->ocsp.this_update_wall_ms = c->ocsp.next_update_wall_ms = UNSET;
	r->ping = PING_NONE;
	r->dns.answer_count = r->dns.ttl_s = UNSET;
}

void result_clear(struct result *r)
{
	schema_clear(&result_schema, r);
}

void result_release(struct result *r)
{
	schema_release(&result_schema, r);
}
