// SPDX-License-Identifier: MIT
/* A probe's clocks, judged by the probe's own tilt.c, as its daemon does it. */
#include "tests/sim/world_parts.h"

static int64_t wall_of(const struct world *wo, const struct sim_probe *p)
{
	return wo->now_ms + p->wall_ahead_ms;
}

void tilt_begin(struct world *wo, int probe)
{
	struct sim_probe *p = &wo->probe[probe];

	tilt_init(&p->tilt, EPOCH_MS, EPOCH_MS);
}

/* All the looks of the meantime, each TILT_TICK_MS after the one before, saw nothing. */
void tilt_rest(struct world *wo, int probe)
{
	struct sim_probe *p = &wo->probe[probe];

	p->tilt.looked_at_ms = wo->now_ms;
	p->tilt.looked_wall_ms = wall_of(wo, p);
}

void tilt_judge(struct world *wo, int probe)
{
	struct sim_probe *p = &wo->probe[probe];
	int64_t gap_ms;
	enum tilt_kind kind = tilt_look(&p->tilt, wo->now_ms, wall_of(wo, p), &gap_ms);

	p->jumped_at_ms = wo->now_ms;
	if (kind != TILT_NONE)
		world_tell(wo, "probe %d: tilt %s %lld ms", probe + 1, tilt_names[kind],
			(long long)gap_ms);
}

void tilt_spoil(const struct world *wo, struct event *e)
{
	const struct sim_probe *p = &wo->probe[e->probe];

	if (e->started_at_ms < p->jumped_at_ms)
		e->view = (struct scn_view){.verdict = VERDICT_DOWN, .reason = REASON_HTTP_TIMEOUT};
	if (e->started_at_ms < p->tilt.tilted_at_ms)
		e->view =
			(struct scn_view){.verdict = VERDICT_NONE, .reason = REASON_INTERNAL_CLOCK};
}
