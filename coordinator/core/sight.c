// SPDX-License-Identifier: MIT
#include "coordinator/core/sight.h"

#define FEW 3 /* probes: all of them, or it is theirs */

static bool is_lost(const struct sight *s, const struct sight_facts *f)
{
	if (2 * f->silent <= f->probes)
		return false;
	return s->lost || f->silent >= FEW || (f->silent == f->probes && f->silent > 1);
}

void sight_restore(struct sight *s, enum severity severity, int64_t opened_at_ms)
{
	s->lost = true;
	s->slot = (struct alert_slot){
		.open = true, .severity = severity, .opened_at_ms = opened_at_ms};
}

enum alert_step sight_tick(struct sight *s, const struct sight_facts *facts, int64_t now_ms)
{
	struct alert_signal signal = {.clear = true};

	if (facts->held)
		return ALERT_STEP_NONE;
	s->lost = is_lost(s, facts);
	if (s->lost)
		signal.severity = facts->undetermined > 0 ? SEVERITY_UNKNOWN : SEVERITY_WARNING;
	return alert_step(&s->slot, &signal, 0, now_ms);
}
