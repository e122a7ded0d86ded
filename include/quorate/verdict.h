// SPDX-License-Identifier: MIT
/*
 * The words of the verdict: what one check says, what a monitor is, what an alert is about.
 * Names (for JSON, tables, metrics) come from the *_names arrays, indexed by the enum, NULL-ended.
 */
#ifndef QUORATE_VERDICT_H
#define QUORATE_VERDICT_H

/* What one check found. NONE is "could not look" (a reason of class INTERNAL): never a vote. */
enum verdict { VERDICT_NONE, VERDICT_UP, VERDICT_WARNING, VERDICT_DOWN };
extern const char *const verdict_names[]; /* none up warning down */

/* A threshold of a check, judged apart from up and down; each is an alert kind of its own. */
enum threshold {
	THRESHOLD_SLOW,
	THRESHOLD_CERTIFICATE,
	THRESHOLD_LOSS,
	THRESHOLD_VALUE, /* a number that the target told */
	THRESHOLD_COUNT
};
enum severity { SEVERITY_NONE, SEVERITY_UNKNOWN, SEVERITY_WARNING, SEVERITY_CRITICAL };
extern const char *const severity_names[]; /* none unknown warning critical */

enum monitor_state {
	STATE_PENDING,
	STATE_UP,
	STATE_DEGRADED,
	STATE_DOWN,
	STATE_UNDETERMINED,
	STATE_PAUSED,
	STATE_MAINTENANCE
};
extern const char *const monitor_state_names[];

/* THRESHOLD_x maps to ALERT_SLOW + x: keep them together and in that order. */
enum alert_kind {
	ALERT_DOWN,
	ALERT_SLOW,
	ALERT_CERTIFICATE,
	ALERT_LOSS,
	ALERT_VALUE,
	ALERT_FAILURES,
	ALERT_REGIONAL,
	ALERT_UNDETERMINED,
	ALERT_FLAPPING,
	ALERT_PROBE,
	ALERT_KIND_COUNT
};
extern const char *const alert_kind_names[];

enum alert_state { ALERT_OPEN, ALERT_ACKNOWLEDGED, ALERT_CLOSED };
extern const char *const alert_state_names[]; /* open acknowledged closed */

/* The domain in which failures are expected to be common: one seat per domain. */
enum failure_domain { DOMAIN_REGION, DOMAIN_PROVIDER, DOMAIN_PROBE };
extern const char *const failure_domain_names[]; /* region provider probe */
/* What a policy may ask for: one of these, or AUTO: the coarsest that gives the seats. */
#define DOMAIN_AUTO (DOMAIN_PROBE + 1)
extern const char *const domain_request_names[]; /* region provider probe auto */

#endif
