// SPDX-License-Identifier: MIT
/* Whether an alert was true, and if not what was broken; whether an outage was told. */
#include "tests/fleet/play.h"

/* ---- alerts */

/* Of those whose votes count for METHOD. */
static int broken_at(const struct play *p, enum method method, int64_t at_ms, bool *longer_than_gap)
{
	int broken = 0;

	for (int i = 0; i < p->w->n_voters; i++) {
		unsigned faults = faults_at(p->s, p->monitor, p->voter[i].probe, at_ms);
		bool lies = p->voter[i].probe == p->s->liar;
		bool counts = method != QUORATE ? !p->voter[i].shadow
						: p->w->voter[i].excluded == EXCLUDED_NOT;
		if ((faults == 0 && !lies) || !counts)
			continue;
		broken++;
		if (lies || (faults & ~(1U << FAULT_1S)) != 0)
			*longer_than_gap = true;
	}
	return broken;
}

/* All rounds that confirmed had enough broken seats, or not. */
static void judge_false(struct play *p, enum method method, int rounds, int64_t first_ms)
{
	struct tally_of *t = &p->notes->totals->of[method];
	bool enough = true, longer = false;

	for (int r = 0; r < rounds; r++)
		if (broken_at(p, method, first_ms + r * GAP_MS, &longer) < p->w->rule.quorum.down)
			enough = false;
	if (!enough)
		t->false_inside++;
	else if (longer)
		t->false_outside++;
	else
		t->false_short++;
}

static void detect(struct play *p, struct tally_of *t, enum method method)
{
	int64_t took_ms = p->now_ms - p->outage_at_ms;

	if (p->outage_at_ms < 0 || took_ms < 0 || p->detected[method])
		return;
	p->detected[method] = true;
	t->detection[took_ms / 100 < DETECTION_MAX ? took_ms / 100 : DETECTION_MAX]++;
}

void judge_alert(struct play *p, enum method method, int rounds, int64_t first_ms)
{
	struct tally_of *t = &p->notes->totals->of[method];
	/* Scheduled votes are those of an interval. */
	int64_t oldest_ms = rounds > 0 ? first_ms : p->now_ms - INTERVAL_MS - TIMEOUT_MS;

	t->alerts++;
	detect(p, t, method);
	if (was_out(p->s, p->monitor, oldest_ms, p->now_ms))
		t->true_alerts++;
	else
		judge_false(p, method, rounds > 0 ? rounds : 1, first_ms);
}

/* Faults that are shorter than the gap strike each round anew: how often both are struck is told by
 * how often either one is. */
void judge_burst(struct play *p, int64_t first_ms)
{
	struct totals *t = p->notes->totals;
	bool longer;

	if (was_out(p->s, p->monitor, first_ms, first_ms + (ROUNDS - 1) * GAP_MS))
		return;
	t->downward++;
	for (int r = 0; r < ROUNDS; r++)
		t->reached[r] += broken_at(p, QUORATE, first_ms + r * GAP_MS, &longer) >=
				 p->w->rule.quorum.down;
}

/* ---- outages */

static bool is_open(const struct play *p, enum method method)
{
	return method == QUORATE ? p->w->slot[ALERT_DOWN].open : p->rivals.open[method];
}

static bool is_set_aside(const struct seated *v, int64_t at_ms)
{
	return at_ms >= v->bound_since_ms && (v->free_since_ms < 0 || at_ms < v->bound_until_ms);
}

/* Whether enough seats could tell the truth during the whole outage. */
static bool was_inside(const struct play *p)
{
	for (int64_t at_ms = p->outage_at_ms; at_ms < p->outage_at_ms + OUTAGE_LONG_MS;
		at_ms += 1000) {
		int lost = 0;
		for (int i = 0; i < p->w->n_voters; i++)
			lost += !p->voter[i].shadow &&
				(p->voter[i].probe == p->s->liar ||
					is_set_aside(&p->voter[i], at_ms) ||
					is_silent(p->s, p->voter[i].probe, at_ms));
		if (lost > SEATS - p->w->rule.quorum.down)
			return false;
	}
	return true;
}

void judge_outages(struct play *p, int64_t at_ms)
{
	while (p->outage_at_ms >= 0 && p->outage_at_ms + OUTAGE_LONG_MS <= at_ms) {
		bool inside = was_inside(p);
		for (enum method m = QUORATE; m < (p->s->rivals ? METHODS : SINGLE); m++) {
			struct tally_of *t = &p->notes->totals->of[m];
			t->outages++;
			if (!p->detected[m] && !is_open(p, m))
				*(inside ? &t->missed_inside : &t->missed_outside) += 1;
			p->detected[m] = false;
		}
		p->outage_at_ms =
			next_long_outage(p->s, p->monitor, p->outage_at_ms + OUTAGE_LONG_MS);
	}
}
