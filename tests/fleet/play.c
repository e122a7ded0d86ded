// SPDX-License-Identifier: MIT
/*
 * One monitor from the first instant to the last. While every check sees the target up nothing
 * happens, so time jumps to the next one that does not; before it everybody's newest vote is given
 * to the watch, as it would have had it. From there on each vote, burst and tick is played, until
 * all is calm again.
 */
#include "tests/fleet/fleet.h"

#include <assert.h>
#include <stdlib.h>

#define PENDING_MAX 128

/* A result on its way. */
struct arrival {
	int64_t at_ms, started_at_ms, ended_at_ms;
	int seat;
	int64_t round;
	bool down;
	bool suspicion; /* no result yet, but it is late */
};

struct play {
	const struct fleet_setup *s;
	int monitor;
	struct totals *totals;
	struct watch *w;
	int probe[SEATS]; /* in each seat */
	int64_t now_ms, tick_at_ms;
	int64_t next_start_ms[SEATS], next_hit_ms[SEATS];
	struct arrival pending[PENDING_MAX];
	int n_pending;
	int64_t burst_at_ms;
	struct rivals rivals;
	int64_t outage_at_ms; /* the next, or current, long one; -1: none is left */
	bool detected[METHODS];
	int quarantine_step;
};

static const struct watch_rule rule = {
	.quorum = {SEATS, SEATS / 2 + 1, 2},
	.revision = 1,
	.interval_ms = INTERVAL_MS,
	.timeout_ms = TIMEOUT_MS,
	.rounds = ROUNDS,
	.gap_ms = GAP_MS,
	.undetermined_after_ms = 120000,
};

/* ---- the electorate */

static void seat_probes(struct play *p, bool liar_is_available)
{
	struct candidate c[PROBES];
	struct assigned seats[VOTERS_MAX], previous[SEATS];
	int n_seats, n_previous = p->w->voter[0].key != 0 ? SEATS : 0;

	for (int i = 0; i < PROBES; i++)
		c[i] = (struct candidate){(uint32_t)i + 1, 0x9e3779b97f4a7c15U * (uint64_t)(i + 1),
			(uint64_t)(i / PROBES_IN_REGION) + 1, i != p->s->liar || liar_is_available};
	for (int i = 0; i < n_previous; i++)
		previous[i] = (struct assigned){.seat = i, .key = (uint32_t)p->probe[i] + 1};
	int n = assign_seats(monitor_hash(p->s, p->monitor), c, PROBES, SEATS, 1,
		n_previous > 0 ? previous : NULL, n_previous, seats, &n_seats);
	assert(n == SEATS && n_seats == SEATS);
	for (int i = 0; i < n; i++) {
		p->probe[seats[i].seat] = (int)seats[i].key - 1;
		watch_seat(p->w, seats[i].seat, seats[i].seat, seats[i].key);
	}
}

/* The liar's votes are set aside, and five minutes later its seats are another's. */
static void quarantine(struct play *p)
{
	if (p->s->liar == NOBODY || !p->s->quarantine)
		return;
	if (p->quarantine_step == 0 && p->now_ms >= QUARANTINE_MS) {
		watch_exclude(p->w, (uint32_t)p->s->liar + 1, EXCLUDED_QUARANTINE);
		p->quarantine_step = 1;
	}
	if (p->quarantine_step == 1 && p->now_ms >= QUARANTINE_MS + 300000) {
		seat_probes(p, false);
		for (int i = 0; i < SEATS; i++)
			p->next_hit_ms[i] = -1;
		p->quarantine_step = 2;
	}
}

/* ---- judging what is decided */

static int broken_at(const struct play *p, int64_t at_ms, bool *longer_than_gap)
{
	int broken = 0;

	for (int i = 0; i < SEATS; i++) {
		unsigned faults = faults_at(p->s, p->monitor, p->probe[i], at_ms);
		bool lies = p->probe[i] == p->s->liar;
		if (faults == 0 && !lies)
			continue;
		broken++;
		if (lies || (faults & ~(1U << FAULT_1S)) != 0)
			*longer_than_gap = true;
	}
	return broken;
}

/* All rounds of the burst that confirmed had enough broken seats, or not. */
static void judge_false(struct play *p, struct tally_of *t, int rounds, int64_t first_ms)
{
	bool enough = true, longer = false;

	for (int r = 0; r < rounds; r++)
		if (broken_at(p, first_ms + r * GAP_MS, &longer) < rule.quorum.down)
			enough = false;
	if (!enough)
		t->false_inside++;
	else if (longer)
		t->false_outside++;
	else
		t->false_short++;
}

static void detect(struct play *p, enum method method)
{
	int64_t took_ms = p->now_ms - p->outage_at_ms;
	struct tally_of *t = &p->totals->of[method];

	if (p->outage_at_ms < 0 || took_ms < 0 || p->detected[method])
		return;
	p->detected[method] = true;
	t->detection[took_ms / 100 < DETECTION_MAX ? took_ms / 100 : DETECTION_MAX]++;
}

static void opened(struct play *p, enum method method, int rounds, int64_t first_ms)
{
	struct tally_of *t = &p->totals->of[method];

	t->alerts++;
	detect(p, method);
	if (was_out(p->s, p->monitor, first_ms, p->now_ms))
		t->true_alerts++;
	else
		judge_false(p, t, rounds, first_ms);
}

/* The others ask nobody again: one look, at the votes of an interval. */
static void rival_opened(void *arg, enum method method)
{
	struct play *p = arg;
	struct tally_of *t = &p->totals->of[method];

	t->alerts++;
	detect(p, method);
	if (was_out(p->s, p->monitor, p->now_ms - INTERVAL_MS - TIMEOUT_MS, p->now_ms))
		t->true_alerts++;
	else
		judge_false(p, t, 1, p->now_ms - LATENCY_MS - LINK_MS);
}

static bool is_open(const struct play *p, enum method method)
{
	return method == QUORATE ? p->w->slot[ALERT_DOWN].open : p->rivals.open[method];
}

/* Whether enough seats could tell the truth during the whole outage. */
static bool outage_was_inside(const struct play *p)
{
	for (int64_t at_ms = p->outage_at_ms; at_ms < p->outage_at_ms + OUTAGE_LONG_MS;
		at_ms += 1000) {
		int silent_or_lying = 0;
		for (int i = 0; i < SEATS; i++)
			silent_or_lying +=
				p->probe[i] == p->s->liar || is_silent(p->s, p->probe[i], at_ms);
		if (silent_or_lying > SEATS - rule.quorum.down)
			return false;
	}
	return true;
}

/* Outages that are over by AT_MS. */
static void settle_outages(struct play *p, int64_t at_ms)
{
	while (p->outage_at_ms >= 0 && p->outage_at_ms + OUTAGE_LONG_MS <= at_ms) {
		bool inside = outage_was_inside(p);
		for (enum method m = QUORATE; m < METHODS; m++) {
			struct tally_of *t = &p->totals->of[m];
			t->outages++;
			if (!p->detected[m] && !is_open(p, m))
				*(inside ? &t->missed_inside : &t->missed_outside) += 1;
			p->detected[m] = false;
		}
		p->outage_at_ms =
			next_long_outage(p->s, p->monitor, p->outage_at_ms + OUTAGE_LONG_MS);
	}
}

/* ---- checks */

/* The result of a check that starts now or soon, if it gets through. */
static void push_check(struct play *p, int seat, int64_t round, int64_t start_ms)
{
	enum sight sight = sight_at(p->s, p->monitor, p->probe[seat], start_ms);
	bool hangs = sight == SEES_DOWN && hangs_at(p->s, p->monitor, p->probe[seat], start_ms);
	int64_t end_ms = start_ms + (hangs ? TIMEOUT_MS : LATENCY_MS);

	p->totals->checks++;
	if (sight == SEES_NOTHING || is_silent(p->s, p->probe[seat], end_ms))
		return;
	assert(p->n_pending + 2 <= PENDING_MAX);
	if (hangs && round == 0)
		p->pending[p->n_pending++] = (struct arrival){
			.at_ms = start_ms + SUSPECT_MS + LINK_MS, .seat = seat, .suspicion = true};
	p->pending[p->n_pending++] = (struct arrival){
		.at_ms = end_ms + LINK_MS,
		.started_at_ms = start_ms + LINK_MS,
		.ended_at_ms = end_ms + LINK_MS,
		.seat = seat,
		.round = round,
		.down = sight == SEES_DOWN,
	};
}

static void order_burst(struct play *p, const struct watch_action *a)
{
	int64_t reach_ms = p->now_ms + LINK_MS;

	p->totals->bursts++;
	p->burst_at_ms = reach_ms;
	for (int seat = 0; seat < SEATS; seat++) {
		if (is_silent(p->s, p->probe[seat], reach_ms))
			continue;
		for (int r = 0; r < a->rounds; r++)
			push_check(p, seat, a->first_round + r, reach_ms + r * a->gap_ms);
	}
}

static void evaluate(struct play *p)
{
	struct watch_actions actions = {0};

	p->totals->evaluations++;
	p->tick_at_ms = watch_tick(p->w, p->now_ms, &actions);
	for (int i = 0; i < actions.n; i++) {
		const struct watch_action *a = &actions.item[i];
		if (a->type == WATCH_ORDER_BURST)
			order_burst(p, a);
		else if (a->type == WATCH_OPEN && a->kind == ALERT_DOWN && a->rounds > 0)
			opened(p, QUORATE, a->rounds, p->burst_at_ms);
		else if (a->type == WATCH_OPEN && a->kind == ALERT_DOWN)
			opened(p, QUORATE, 1, p->now_ms);
	}
}

static void take(struct play *p, const struct arrival *a)
{
	struct vote vote = {
		.present = true,
		.verdict = a->down ? VERDICT_DOWN : VERDICT_UP,
		.reason = a->down ? REASON_TCP_TIMEOUT : REASON_OK,
		.started_at_ms = a->started_at_ms,
		.ended_at_ms = a->ended_at_ms,
		.revision = rule.revision,
	};

	if (a->suspicion) {
		watch_suspicion(p->w, (uint32_t)p->probe[a->seat] + 1, rule.revision, p->now_ms);
		return;
	}
	watch_take(p->w, (uint32_t)p->probe[a->seat] + 1, a->round, &vote, p->now_ms);
	if (a->round == 0)
		rivals_take(&p->rivals, a->seat, a->down, p->now_ms, rival_opened, p);
}

/* ---- time */

static int first_pending(const struct play *p)
{
	int first = NOBODY;

	for (int i = 0; i < p->n_pending; i++)
		if (first == NOBODY || p->pending[i].at_ms < p->pending[first].at_ms)
			first = i;
	return first;
}

static int first_start(const int64_t start_ms[SEATS])
{
	int first = 0;

	for (int i = 1; i < SEATS; i++)
		if (start_ms[i] < start_ms[first])
			first = i;
	return first;
}

/* One event: a check starts, a result arrives, or the watch looks again. */
static void step(struct play *p)
{
	int result = first_pending(p), seat = first_start(p->next_start_ms);
	int64_t result_ms = result == NOBODY ? INT64_MAX : p->pending[result].at_ms;
	int64_t start_ms = p->next_start_ms[seat];

	if (start_ms <= result_ms && start_ms <= p->tick_at_ms) {
		p->now_ms = start_ms;
		p->next_start_ms[seat] += INTERVAL_MS;
		push_check(p, seat, 0, start_ms);
		return;
	}
	settle_outages(p, result_ms < p->tick_at_ms ? result_ms : p->tick_at_ms);
	if (result_ms <= p->tick_at_ms) {
		struct arrival a = p->pending[result];
		p->pending[result] = p->pending[--p->n_pending];
		p->now_ms = a.at_ms;
		take(p, &a);
	} else {
		p->now_ms = p->tick_at_ms;
	}
	quarantine(p);
	evaluate(p);
}

static bool is_calm(const struct play *p)
{
	if (p->n_pending > 0 || p->w->burst.goal != BURST_NONE || p->w->down ||
		(p->w->state != STATE_UP && p->w->state != STATE_DEGRADED) ||
		!rivals_are_calm(&p->rivals))
		return false;
	for (int k = 0; k < ALERT_KIND_COUNT; k++)
		if (p->w->slot[k].open)
			return false;
	return true;
}

/* ---- skipping */

/* The newest two checks of SEAT before AT_MS, as far as they are still to come. */
static void catch_up(struct play *p, int seat, int64_t at_ms)
{
	int64_t behind = (at_ms - p->next_start_ms[seat] + INTERVAL_MS - 1) / INTERVAL_MS;

	if (behind > 2)
		p->next_start_ms[seat] += (behind - 2) * INTERVAL_MS;
	for (; p->next_start_ms[seat] < at_ms; p->next_start_ms[seat] += INTERVAL_MS)
		push_check(p, seat, 0, p->next_start_ms[seat]);
}

static void take_arrived(struct play *p)
{
	for (int i; (i = first_pending(p)) != NOBODY && p->pending[i].at_ms <= p->now_ms;) {
		struct arrival a = p->pending[i];
		p->pending[i] = p->pending[--p->n_pending];
		take(p, &a);
	}
}

static void skip(struct play *p)
{
	int64_t before_ms = p->now_ms;

	for (int i = 0; i < SEATS; i++)
		if (p->next_hit_ms[i] < p->next_start_ms[i])
			p->next_hit_ms[i] =
				next_down(p->s, p->monitor, p->probe[i], p->next_start_ms[i]);
	p->now_ms = p->next_hit_ms[first_start(p->next_hit_ms)];
	if (p->s->quarantine && p->quarantine_step < 2 && p->now_ms > QUARANTINE_MS + 300000)
		p->now_ms = before_ms < QUARANTINE_MS ? QUARANTINE_MS : QUARANTINE_MS + 300000;
	if (p->now_ms >= p->s->end_ms)
		return;
	for (int i = 0; i < SEATS; i++)
		catch_up(p, i, p->now_ms + 1); /* the hit itself, too */
	take_arrived(p);
	quarantine(p);
	evaluate(p);
}

void play_monitor(const struct fleet_setup *s, int monitor, struct totals *totals)
{
	struct play p = {.s = s, .monitor = monitor, .totals = totals, .tick_at_ms = INT64_MAX};

	p.w = calloc(1, watch_size(SEATS));
	if (!p.w)
		abort();
	watch_init(p.w, &rule, SEATS);
	seat_probes(&p, true);
	p.outage_at_ms = next_long_outage(s, monitor, 2 * INTERVAL_MS);
	for (int i = 0; i < SEATS; i++) {
		p.next_start_ms[i] =
			assign_phase_ms(monitor_hash(s, monitor), i, SEATS, INTERVAL_MS);
		p.next_hit_ms[i] = -1;
	}
	while (p.now_ms < s->end_ms) {
		if (is_calm(&p))
			skip(&p);
		else
			step(&p);
	}
	settle_outages(&p, s->end_ms);
	free(p.w);
}
