// SPDX-License-Identifier: MIT
/* One alert's life. Invariant: opens and closes alternate, and nothing but a clear signal closes.
 */
#include "coordinator/core/alert.h"

enum alert_step alert_step(struct alert_slot *slot, const struct alert_signal *signal,
	int64_t after_ms, int64_t now_ms)
{
	if (signal->severity == SEVERITY_NONE) {
		slot->since_ms = 0;
		if (!slot->open || !signal->clear)
			return ALERT_STEP_NONE;
		slot->open = false;
		slot->severity = SEVERITY_NONE;
		return ALERT_STEP_CLOSE;
	}
	if (slot->since_ms == 0)
		slot->since_ms = now_ms;
	if (slot->open) {
		if (slot->severity == signal->severity)
			return ALERT_STEP_NONE;
		slot->severity = signal->severity;
		return ALERT_STEP_CHANGE;
	}
	if (now_ms - slot->since_ms < after_ms)
		return ALERT_STEP_NONE;
	slot->open = true;
	slot->severity = signal->severity;
	slot->opened_at_ms = now_ms;
	return ALERT_STEP_OPEN;
}

int64_t alert_next_at(const struct alert_slot *slot, int64_t after_ms)
{
	if (slot->open || slot->since_ms == 0)
		return INT64_MAX;
	return slot->since_ms + after_ms;
}
