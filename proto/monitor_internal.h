// SPDX-License-Identifier: MIT
/* What monitor.c, monitor_schema.c, monitor_rules.c, monitor_values.c and target.c share. Not for
 * others. */
#ifndef QUORATE_PROTO_MONITOR_INTERNAL_H
#define QUORATE_PROTO_MONITOR_INTERNAL_H

#include "proto/monitor.h"

#define FOLLOW_DEFAULT       5 /* of "follow: true" */
#define CERTIFICATE_WARNING  21
#define CERTIFICATE_CRITICAL 7
#define TIMEOUT_DEFAULT_MS   10000
#define CONFIRM_MAX_MS       60000 /* from the first to the last round of a burst */

/* Bits of struct field's variants. */
#define OF_PING     (1u << CHECK_PING)
#define OF_TCP      (1u << CHECK_TCP)
#define OF_HTTP     (1u << CHECK_HTTP)
#define OF_REDIRECT (1u << CHECK_REDIRECT)
#define OF_TLS      (1u << CHECK_TLS)
#define OF_DNS      (1u << CHECK_DNS)

extern const struct field_custom status_custom, down_custom, up_custom, follow_custom,
	severity_custom, reason_custom;

/* Of HTTP; monitor_http.c */
extern const struct field_custom number_custom, scalar_custom;
extern const struct schema auth_schema, json_rule_schema, header_rule_schema, value_schema;
json_t *json_rule_word(const char *text);
json_t *header_rule_word(const char *text);

/* Rules over several fields (struct schema's check). */
void monitor_check(const void *object, const char *path, struct problems *problems);
void thresholds_ms_check(const void *object, const char *path, struct problems *problems);
void thresholds_days_check(const void *object, const char *path, struct problems *problems);
void thresholds_percent_check(const void *object, const char *path, struct problems *problems);
void ttl_check(const void *object, const char *path, struct problems *problems);
void failures_check(const void *object, const char *path, struct problems *problems);
/* ---- verdict_rules.c: over the whole monitor */
void verdict_check(const struct monitor *m, const char *path, struct problems *problems);

void tls_versions_check(const void *object, const char *path, struct problems *problems);
void dialogue_step_check(const void *object, const char *path, struct problems *problems);
/* Of a look-up and its answers: a part of monitor_check(). */
void dns_check(const struct monitor *m, const char *path, struct problems *problems);
/* Of a connection, its TLS and its dialogue: a part of monitor_check(). */
void connection_check(const struct monitor *m, const char *path, struct problems *problems);

/* monitor_rules_http.c */
void thresholds_above_check(const void *object, const char *path, struct problems *problems);
void thresholds_below_check(const void *object, const char *path, struct problems *problems);
void value_check(const void *object, const char *path, struct problems *problems);
void json_rule_check(const void *object, const char *path, struct problems *problems);
void header_rule_check(const void *object, const char *path, struct problems *problems);
void auth_check(const void *object, const char *path, struct problems *problems);
void http_check(const struct monitor *m, const char *path, struct problems *problems);

/* Rules of one field (struct field's check). */
int changes_check(const void *value, const char **why);     /* int64_t: of flapping */
int parents_check(const void *value, const char **why);     /* struct strings */
int line_check(const void *value, const char **why);        /* char *: one line */
int regions_check(const void *value, const char **why);     /* struct strings */
int headers_check(const void *value, const char **why);     /* struct pairs */
int url_check(const void *value, const char **why);         /* char * */
int source_check(const void *value, const char **why);      /* char *: a literal address */
int host_check(const void *value, const char **why);        /* char *: a host name */
int alpn_check(const void *value, const char **why);        /* struct strings */
int fingerprint_check(const void *value, const char **why); /* char * */
int server_check(const void *value, const char **why);      /* char *: host, host:port */
int rcode_check(const void *value, const char **why);       /* struct strings */
int pointer_check(const void *value, const char **why);     /* char *: a JSON Pointer */
int patterns_check(const void *value, const char **why);    /* struct strings */
int regexes_check(const void *value, const char **why);     /* struct strings */
int token_check(const void *value, const char **why);       /* char *: a header's name */
int auth_user_check(const void *value, const char **why);
int connect_to_check(const void *value, const char **why);    /* char *: host:port */
int foreign_hosts_check(const void *value, const char **why); /* struct strings */

/* What is wrong with TARGET as the target of KIND, as a part of a sentence ("has no host"); NULL:
 * nothing. */
const char *target_problem(int kind, const char *target);

/* Whether a certificate will be seen from the beginning. */
bool monitor_uses_tls(const struct monitor *m);

/* Whether a monitor of KIND with METHOD changes something at the target: no bursts unless asked
 * for. */
bool method_changes(int kind, int method);

#endif
