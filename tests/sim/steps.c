// SPDX-License-Identifier: MIT
/* What the scenario does to the world. */
#include "tests/sim/world_parts.h"

static void revise(struct world *wo, int monitor)
{
	struct watch_actions actions = {0};

	wo->monitor[monitor].revision++;
	if (!wo->coordinator_up)
		return;
	coordinator_seat(wo, monitor, true);
	coordinator_evaluate(wo, monitor, &actions);
}

static void take_probe_step(struct world *wo, const struct scn_step *step)
{
	struct sim_probe *p = &wo->probe[step->probe];

	switch (step->what) {
	case AT_LIES:
		p->lies = true;
		p->lie = step->view;
		break;
	case AT_FLAPS:
		p->flaps = true;
		break;
	case AT_HONEST:
		p->lies = p->flaps = false;
		break;
	case AT_CUT:
		p->cut = true;
		break;
	case AT_STOP:
		tilt_rest(wo, step->probe);
		p->stopped = true;
		break;
	case AT_CLOCK:
		tilt_rest(wo, step->probe);
		p->wall_ahead_ms += step->duration_ms;
		tilt_judge(wo, step->probe);
		break;
	case AT_BUSY:
	case AT_IDLE:
		p->busy = step->what == AT_BUSY;
		break;
	case AT_BACK:
	case AT_CONT:
		if (p->stopped)
			tilt_judge(wo, step->probe);
		p->cut = p->stopped = false;
		if (wo->coordinator_up)
			world_reconnect(wo, step->probe);
		break;
	case AT_BLIND:
	case AT_SIGHTED:
		p->blind = step->what == AT_BLIND;
		break;
	case AT_LINK:
		p->link_ms = step->duration_ms;
		break;
	case AT_DEAF:
	case AT_HEARS:
		p->deaf = step->what == AT_DEAF;
		break;
	default: /* excluded, included */
		p->excluded = step->what == AT_EXCLUDED;
		for (int i = 0; wo->coordinator_up && i < wo->s->n_monitors; i++)
			quarantine_apply(wo, i);
	}
}

static void maintain(struct world *wo, int monitor, int64_t until_ms)
{
	struct sim_monitor *mo = &wo->monitor[monitor];
	struct watch_actions actions = {0};

	if (until_ms > mo->maintenance_until_ms)
		mo->maintenance_until_ms = until_ms;
	if (wo->coordinator_up)
		coordinator_evaluate(wo, monitor, &actions);
}

static void take_step_of(struct world *wo, const struct scn_step *step, int monitor)
{
	struct sim_monitor *mo = &wo->monitor[monitor];
	struct sim_pair *pair = step->probe == SCN_ALL ? NULL : &wo->pair[monitor][step->probe];

	if (step->what == AT_TARGET) {
		mo->view = step->view;
	} else if (step->what == AT_REVISE) {
		revise(wo, monitor);
	} else if (step->what == AT_MAINTENANCE) {
		maintain(wo, monitor, wo->now_ms + step->duration_ms);
	} else if (pair) {
		pair->has_sight = step->what == AT_SIGHT;
		pair->sight = step->view;
	}
}

void steps_take(struct world *wo, const struct scn_step *step)
{
	switch (step->what) {
	case AT_TARGET:
	case AT_SIGHT:
	case AT_INSIGHT:
	case AT_REVISE:
	case AT_MAINTENANCE:
		for (int i = 0; i < wo->s->n_monitors; i++)
			if (step->monitor == SCN_ALL || step->monitor == i)
				take_step_of(wo, step, i);
		break;
	case AT_RESTART:
		world_tell(wo, "the coordinator stops");
		coordinator_stop(wo);
		world_push(wo,
			(struct event){.at_ms = wo->now_ms + step->duration_ms, .type = EV_START});
		break;
	case AT_HOLD:
		coordinator_hold(wo, step->duration_ms);
		break;
	default:
		take_probe_step(wo, step);
	}
}
