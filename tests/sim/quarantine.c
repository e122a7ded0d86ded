// SPDX-License-Identifier: MIT
/* The world's quarantine, as court_quarantine.c of the real coordinator has it. */
#include "tests/sim/world_parts.h"

static void apply_one(struct world *wo, int monitor, int i, bool taken)
{
	struct sim_monitor *mo = &wo->monitor[monitor];
	const struct assigned *seat = &mo->seats[i];
	enum exclusion was = mo->w->voter[i].excluded;
	struct outcome *out = wo->out;

	taken |= seat->shadow;
	if (taken != (was == EXCLUDED_QUARANTINE || was == EXCLUDED_REPLACED)) {
		if (out->n_quarantine == WORLD_STANDINGS_MAX)
			world_broken(
				wo, "more than %d changes of a quarantine", WORLD_STANDINGS_MAX);
		else
			out->quarantine[out->n_quarantine++] = (struct standing_record){
				wo->now_ms - EPOCH_MS, monitor, (int)seat->key - 1, taken};
	}
	watch_exclude(mo->w, seat->key,
		wo->probe[seat->key - 1].excluded ? EXCLUDED_CLOCK
		: seat->shadow                    ? EXCLUDED_REPLACED
		: taken                           ? EXCLUDED_QUARANTINE
						  : EXCLUDED_NOT);
}

int64_t quarantine_since(const struct world *wo, int probe, int monitor)
{
	const struct sim_probe *p = &wo->probe[probe];
	int64_t own_ms = p->charge[wo->monitor[monitor].m->organization].own_since_ms;
	int64_t all_ms = p->everywhere_since_ms;

	return all_ms == 0 || (own_ms != 0 && own_ms < all_ms) ? own_ms : all_ms;
}

static void detain(const struct world *wo, int monitor, int n, struct detainee d[VOTERS_MAX],
	bool taken[VOTERS_MAX])
{
	const struct sim_monitor *mo = &wo->monitor[monitor];

	for (int i = 0; i < n; i++) {
		const struct assigned *seat = &mo->seats[i];
		int64_t since_ms = quarantine_since(wo, (int)seat->key - 1, monitor);
		d[i] = (struct detainee){
			.seat = seat->seat,
			.wanted = since_ms != 0,
			.gone = seat->shadow,
			.since_ms = since_ms,
			.key = seat->key,
		};
	}
	quarantine_take(d, n, mo->n_seats, taken);
}

void quarantine_apply(struct world *wo, int monitor)
{
	struct detainee d[VOTERS_MAX];
	bool taken[VOTERS_MAX];
	int n = wo->monitor[monitor].n_voters;

	detain(wo, monitor, n, d, taken);
	for (int i = 0; i < n; i++)
		apply_one(wo, monitor, i, taken[i]);
}

static bool is_ripe(const struct world *wo, int64_t since_ms)
{
	return since_ms != 0 && wo->now_ms - since_ms >= QUARANTINE_REPLACED_MS;
}

int quarantine_reseat(struct world *wo, int monitor, struct candidate *c, int n)
{
	struct sim_monitor *mo = &wo->monitor[monitor];
	struct detainee d[VOTERS_MAX];
	bool taken[VOTERS_MAX];

	detain(wo, monitor, n, d, taken);
	for (int i = 0; i < n; i++)
		taken[i] = taken[i] && is_ripe(wo, d[i].since_ms);
	return assign_replace(mo->hash, c, (size_t)wo->s->probes, (int)mo->m->policy.per_seat,
		taken, mo->seats, n, mo->n_seats);
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

static void weigh(struct world *wo, int probe)
{
	struct sim_probe *p = &wo->probe[probe];
	struct testimony testimony[SCN_MONITORS_MAX];
	struct accusation found;
	int organizations = 0;

	size_t n = hear(wo, probe, testimony);
	quarantine_sort(testimony, n);
	for (size_t i = 0; i < n;) {
		i += quarantine_count(&testimony[i], n - i, &found);
		organizations += found.organization != QUARANTINE_CANARIES;
		quarantine_follow(&p->charge[found.organization], &found, wo->now_ms);
	}
	bool is = quarantine_everywhere(p->charge, SCN_ORGS_MAX, organizations);
	if (is != (p->everywhere_since_ms != 0))
		p->everywhere_since_ms = is ? wo->now_ms : 0;
}

/* A bit per place. */
static unsigned sentence_of(const struct sim_probe *p)
{
	unsigned bits = p->everywhere_since_ms != 0;

	for (int i = 0; i < SCN_ORGS_MAX; i++)
		bits |= (unsigned)(p->charge[i].own_since_ms != 0) << (i + 1);
	return bits;
}

static int count_ripe(const struct world *wo, const struct sim_probe *p)
{
	int n = is_ripe(wo, p->everywhere_since_ms);

	for (int i = 0; i < SCN_ORGS_MAX; i++)
		n += is_ripe(wo, p->charge[i].own_since_ms);
	return n;
}

enum quarantine_change quarantine_judge(struct world *wo, int probe, bool held)
{
	struct sim_probe *p = &wo->probe[probe];
	unsigned before = sentence_of(p);
	int ripe = p->ripe;

	if (held) {
		for (int i = 0; i < SCN_ORGS_MAX; i++)
			quarantine_rest(&p->charge[i]);
		return QUARANTINE_SAME;
	}
	weigh(wo, probe);
	unsigned now = sentence_of(p);
	p->quarantined = now != 0;
	p->ripe = count_ripe(wo, p);
	if (now != before)
		world_tell(wo, "probe %d: set aside %s", probe + 1,
			p->everywhere_since_ms ? "everywhere"
			: now                  ? "for some"
					       : "nowhere");
	if (p->ripe != ripe || (now != before && ripe > 0))
		return QUARANTINE_RESEATS;
	return now != before ? QUARANTINE_CHANGED : QUARANTINE_SAME;
}

void quarantine_restart(struct world *wo, int probe)
{
	struct sim_probe *p = &wo->probe[probe];

	for (int i = 0; i < SCN_ORGS_MAX; i++) {
		quarantine_rest(&p->charge[i]);
		if (!p->quarantined)
			p->charge[i] = (struct charge){0};
	}
	p->ripe = 0;
}
