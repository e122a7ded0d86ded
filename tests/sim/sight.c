// SPDX-License-Identifier: MIT
/* The world's loss of sight, as court_sight.c of the real coordinator has it. */
#include "tests/sim/world_parts.h"

static struct sight_facts sight_of(const struct world *wo)
{
	struct sight_facts f = {.held = wo->now_ms < wo->hold_from_ms + HOLD_MS};

	for (int i = 0; i < wo->s->probes; i++) {
		const struct sim_probe *p = &wo->probe[i];
		if (p->court.fault == FAULT_LOST)
			continue;
		f.probes++;
		f.silent += wo->now_ms - p->court.heard_at_ms >= SIGHT_SILENT_MS;
	}
	for (int i = 0; i < wo->s->n_monitors; i++) {
		const struct sim_monitor *mo = &wo->monitor[i];
		bool unseen = false;
		for (int k = 0; k < mo->n_voters; k++)
			unseen |= wo->probe[mo->seats[k].key - 1].shaded;
		f.undetermined += mo->undetermined_explained && unseen;
	}
	return f;
}

void sight_look(struct world *wo)
{
	struct sight_facts facts = sight_of(wo);
	enum alert_step step = sight_tick(&wo->sight, &facts, wo->now_ms);

	if (step == ALERT_STEP_OPEN)
		record_open(wo, ALERT_PROBE, SCN_ALL, SCN_ALL, wo->sight.slot.severity);
	else if (step == ALERT_STEP_CHANGE)
		record_change(wo, ALERT_PROBE, SCN_ALL, SCN_ALL, wo->sight.slot.severity);
	else if (step == ALERT_STEP_CLOSE)
		record_close(wo, ALERT_PROBE, SCN_ALL, SCN_ALL, false);
	if (step != ALERT_STEP_NONE)
		world_tell(wo, "sight: %s, %d of %d silent", wo->sight.lost ? "lost" : "back",
			facts.silent, facts.probes);
	for (int i = 0; i < wo->s->probes; i++) {
		struct sim_probe *p = &wo->probe[i];
		bool shaded = wo->sight.lost && p->court.fault != FAULT_LOST &&
			      wo->now_ms - p->court.heard_at_ms >= SIGHT_SILENT_MS;
		if (wo->sight.lost && p->court.fault != FAULT_LOST)
			court_excuse(&p->court, wo->now_ms);
		if (shaded == p->shaded)
			continue;
		p->shaded = shaded;
		coordinator_mark(wo, i);
	}
}
