// SPDX-License-Identifier: MIT
/* One alert's life. Invariant: opens and closes alternate, and nothing but a clear signal closes.
 */
#include "coordinator/core/alert.h"

static enum alert_step signal_off(
	struct alert_slot *slot, const struct alert_signal *signal, int64_t now_ms)
{
	slot->since_ms = 0;
	if (!slot->open || !signal->clear) {
		slot->clear_since_ms = 0;
		return ALERT_STEP_NONE;
	}
	if (slot->clear_since_ms == 0)
		slot->clear_since_ms = now_ms;
	if (now_ms - slot->clear_since_ms < signal->clear_after_ms)
		return ALERT_STEP_NONE;
	*slot = (struct alert_slot){.opened_at_ms = slot->opened_at_ms};
	return ALERT_STEP_CLOSE;
}

enum alert_step alert_step(struct alert_slot *slot, const struct alert_signal *signal,
	int64_t after_ms, int64_t now_ms)
{
	if (signal->severity == SEVERITY_NONE)
		return signal_off(slot, signal, now_ms);
	slot->clear_since_ms = 0;
	if (slot->since_ms == 0)
		slot->since_ms = now_ms;
	if (slot->open) {
		if (slot->severity == signal->severity)
			return ALERT_STEP_NONE;
		slot->severity = signal->severity;
		return ALERT_STEP_CHANGE;
	}
	if (signal->held || now_ms - slot->since_ms < after_ms)
		return ALERT_STEP_NONE;
	slot->open = true;
	slot->severity = signal->severity;
	slot->opened_at_ms = now_ms;
	return ALERT_STEP_OPEN;
}

int64_t alert_next_at(const struct alert_slot *slot, int64_t after_ms, int64_t clear_after_ms)
{
	if (slot->open && slot->clear_since_ms != 0)
		return slot->clear_since_ms + clear_after_ms;
	if (slot->open || slot->since_ms == 0)
		return INT64_MAX;
	return slot->since_ms + after_ms;
}

int64_t alert_remind_at(int64_t told_ms, int64_t remind_ms)
{
	return remind_ms > 0 ? told_ms + remind_ms : INT64_MAX;
}
