// SPDX-License-Identifier: MIT
/* The world's quarantine, as court_quarantine.c of the real coordinator has it. */
#include "tests/sim/world_parts.h"

static void apply_one(struct world *wo, int monitor, int i, bool taken)
{
	struct watch *w = wo->monitor[monitor].w;
	struct outcome *out = wo->out;
	uint32_t key = w->voter[i].key;
	bool clock = wo->probe[key - 1].excluded;

	if (taken != (w->voter[i].excluded == EXCLUDED_QUARANTINE)) {
		if (out->n_quarantine == WORLD_STATES_MAX)
			world_broken(wo, "more than %d changes of a quarantine", WORLD_STATES_MAX);
		else
			out->quarantine[out->n_quarantine++] = (struct quarantine_record){
				wo->now_ms - EPOCH_MS, monitor, (int)key - 1, taken};
	}
	watch_exclude(w, key, clock ? EXCLUDED_CLOCK : taken ? EXCLUDED_QUARANTINE : EXCLUDED_NOT);
}

void quarantine_apply(struct world *wo, int monitor)
{
	struct sim_monitor *mo = &wo->monitor[monitor];
	struct detainee d[VOTERS_MAX];
	bool taken[VOTERS_MAX];

	for (int i = 0; i < mo->w->n_voters; i++) {
		const struct sim_probe *p = &wo->probe[mo->w->voter[i].key - 1];
		int64_t since_ms = p->everywhere_since_ms
					   ? p->everywhere_since_ms
					   : p->charge[mo->m->organization].own_since_ms;
		d[i] = (struct detainee){
			.seat = mo->w->voter[i].seat,
			.wanted = since_ms != 0,
			.since_ms = since_ms,
			.key = mo->w->voter[i].key,
		};
	}
	quarantine_take(d, mo->w->n_voters, mo->w->rule.quorum.seats, taken);
	for (int i = 0; i < mo->w->n_voters; i++)
		apply_one(wo, monitor, i, taken[i]);
}

static size_t hear(const struct world *wo, int probe, struct testimony testimony[SCN_MONITORS_MAX])
{
	enum stance stance[VOTERS_MAX];
	struct tally tally;
	size_t n = 0;

	for (int i = 0; i < wo->s->n_monitors; i++) {
		const struct sim_monitor *mo = &wo->monitor[i];
		int voter = watch_find(mo->w, (uint32_t)probe + 1);
		if (voter < 0)
			continue;
		watch_stances(mo->w, wo->now_ms, stance, &tally);
		if (stance[voter] == STANCE_NONE)
			continue;
		testimony[n++] = (struct testimony){
			.organization = (uint64_t)mo->m->organization,
			.network = (uint64_t)(mo->m->network ? mo->m->network : 1000 + i),
			.dissents = stance[voter] == STANCE_DISSENTS,
			.interval_ms = mo->m->interval_ms,
		};
	}
	return n;
}

bool quarantine_judge(struct world *wo, int probe, bool held)
{
	struct sim_probe *p = &wo->probe[probe];
	struct testimony testimony[SCN_MONITORS_MAX];
	bool changed = false, own = false, was = p->everywhere_since_ms != 0;
	struct accusation found;
	int organizations = 0;

	if (held) {
		for (int i = 0; i < SCN_ORGS_MAX; i++)
			quarantine_rest(&p->charge[i]);
		return false;
	}
	size_t n = hear(wo, probe, testimony);
	quarantine_sort(testimony, n);
	for (size_t i = 0; i < n;) {
		i += quarantine_count(&testimony[i], n - i, &found);
		organizations += found.organization != QUARANTINE_CANARIES;
		struct charge *c = &p->charge[found.organization];
		bool before = c->own_since_ms != 0;
		quarantine_follow(c, &found, wo->now_ms);
		changed |= before != (c->own_since_ms != 0);
	}
	bool is = quarantine_everywhere(p->charge, SCN_ORGS_MAX, organizations);
	if (is != was)
		p->everywhere_since_ms = is ? wo->now_ms : 0;
	for (int i = 0; i < SCN_ORGS_MAX; i++)
		own |= p->charge[i].own_since_ms != 0;
	p->quarantined = is || own;
	if (changed || is != was)
		world_tell(wo, "probe %d: set aside %s", probe + 1,
			is    ? "everywhere"
			: own ? "for some"
			      : "nowhere");
	return changed || is != was;
}

void quarantine_forget(struct world *wo, int probe)
{
	struct sim_probe *p = &wo->probe[probe];

	for (int i = 0; i < SCN_ORGS_MAX; i++)
		p->charge[i] = (struct charge){0};
	p->everywhere_since_ms = 0;
	p->quarantined = false;
}
