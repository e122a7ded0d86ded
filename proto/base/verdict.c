// SPDX-License-Identifier: MIT
/* The words of quorate/verdict.h; each list is in the order of its enum. */
#include "quorate/verdict.h"

#include <stddef.h>

const char *const verdict_names[] = {"none", "up", "warning", "down", NULL};
const char *const severity_names[] = {"none", "unknown", "warning", "critical", NULL};
const char *const monitor_state_names[] = {
	"pending", "up", "degraded", "down", "undetermined", "paused", "maintenance", NULL};
const char *const alert_kind_names[] = {"down", "slow", "certificate", "loss", "value", "failures",
	"regional", "undetermined", "flapping", "probe", NULL};
const char *const alert_state_names[] = {"open", "acknowledged", "closed", NULL};
const char *const failure_domain_names[] = {"region", "provider", "probe", NULL};
const char *const domain_request_names[] = {"region", "provider", "probe", "auto", NULL};

_Static_assert(
	sizeof(alert_kind_names) / sizeof(char *) == ALERT_KIND_COUNT + 1, "a name per kind");
_Static_assert(ALERT_SLOW + THRESHOLD_CERTIFICATE == ALERT_CERTIFICATE &&
		       ALERT_SLOW + THRESHOLD_LOSS == ALERT_LOSS &&
		       ALERT_SLOW + THRESHOLD_VALUE == ALERT_VALUE,
	"thresholds map to alert kinds by addition");
