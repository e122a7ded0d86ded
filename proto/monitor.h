// SPDX-License-Identifier: MIT
/*
 * The table of a monitor's fields (see quorate/monitor.h for the struct): bounds, defaults,
 * documentation. Decoder, encoder, JSON Schema and the man pages are made from it.
 */
#ifndef QUORATE_PROTO_MONITOR_H
#define QUORATE_PROTO_MONITOR_H

#include "proto/base/schema.h"
#include "quorate/monitor.h"
#include "quorate/result.h"

extern const struct schema monitor_schema;
extern const struct schema result_schema; /* struct result, quorate/result.h */

/*
 * From the API's form {"type": "http", "target": "https://…"} or the short one {"http":
 * "https://…"}; YAML files use either. FLAGS as for schema_decode: SCHEMA_STRICT for people,
 * SCHEMA_WIRE between our programs. Besides the fields: timeout <= interval, target fits type (URL
 * with http/https, a host, no user:password@; host:port), headers without CR/LF, burst rounds that
 * fit, no more than MONITOR_MAX_BYTES encoded. PATH as in schema_decode_at. 0 or -1 and PROBLEMS.
 */
MUST_CHECK int monitor_decode(const json_t *in, unsigned flags, const char *path,
	struct monitor *out, struct problems *problems);
json_t *monitor_encode(const struct monitor *m, unsigned flags);
void monitor_clear(struct monitor *m);
/* Whether A and B differ in anything that a check or a verdict could notice (so that the revision
 * must rise). */
bool monitor_same_check(const struct monitor *a, const struct monitor *b);

/* The credentials of M that are set, see schema_each_credential(). */
void monitor_each_credential(
	const struct monitor *m, const char *path, credential_fn fn, void *arg);
bool monitor_uses_secret(const struct monitor *m, const char *name);
/* What stands in M as it is and would better be a secret. */
void monitor_warn(const struct monitor *m, const char *path, struct problems *warnings);

/* A bit per threshold whose critical counts as down. */
unsigned monitor_counts_as_down(const struct monitor *m);

/* What is accepted as the target of KIND, as a part of a sentence. */
const char *target_accepts(int kind);
/* Whether an expected answer is written as a pattern: "/^10 /". */
bool monitor_is_pattern(const char *text);
/* The host that a check of M contacts (IPv6 addresses without brackets), and the port; 0: it has
 * none. A dns check without a server of its own asks the probe's resolver: "". */
#define MONITOR_HOST_SIZE 256
void monitor_destination(const struct monitor *m, char host[MONITOR_HOST_SIZE], int *port);
/* The family of a literal address, [IPv6] included; FAMILY_AUTO: TEXT is none. */
enum address_family address_family_of(const char *text);
/* The family that M asks for, be it by its source; of a literal target's nothing is said. */
enum address_family monitor_family(const struct monitor *m);

void result_unset(struct result *r);        /* nothing was found; the old content is ignored */
void result_unset_zeroed(struct result *r); /* the same, of memory that is zero already */
void result_clear(struct result *r);
void result_release(struct result *r); /* the same, of memory that goes at once: it is not zeroed */

#endif
