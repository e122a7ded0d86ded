// SPDX-License-Identifier: MIT
/*
 * One monitor from instant to instant. While every check repeats what it said before, nothing
 * happens: time jumps to the next one that does not, before which everybody's newest vote is given
 * to the watch, as it would have had it. From there on each vote, burst and tick is played, until
 * all is calm again.
 *
 * The watch evaluates what arrives at one instant at once, as the coordinator does, and not when a
 * voter only repeats itself. fleet_setup.every evaluates always and never jumps: the same comes out.
 */
#include "tests/fleet/play.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const struct watch_rule play_rule = {
	.quorum = {SEATS, SEATS / 2 + 1, 2},
	.revision = 1,
	.interval_ms = INTERVAL_MS,
	.timeout_ms = TIMEOUT_MS,
	.rounds = ROUNDS,
	.gap_ms = GAP_MS,
	.undetermined_after_ms = 120000,
};

int play_network(int monitor)
{
	return monitor / NETWORK_MONITORS;
}

int play_organization(int monitor)
{
	return play_network(monitor) % ORGANIZATIONS;
}

uint32_t play_key(int probe)
{
	return (uint32_t)probe + 1;
}

/* ---- before the court */

/* What one monitor has to say of PROBE is another. */
void play_testify_of(struct play *p, int probe, enum stance from, enum stance to, int32_t session)
{
	int network = play_network(p->monitor);
	struct notes *n = p->notes;
	uint8_t *heard = &n->heard[network][probe], *against = &n->against[network][probe];
	int heard_before = *heard > 0, against_before = 2 * *against > *heard;

	*heard = (uint8_t)(*heard + (to != STANCE_NONE) - (from != STANCE_NONE));
	*against = (uint8_t)(*against + (to == STANCE_DISSENTS) - (from == STANCE_DISSENTS));
	struct evidence e = {
		.session = session,
		.probe = (uint8_t)probe,
		.organization = (uint8_t)play_organization(p->monitor),
		.networks = (int8_t)((*heard > 0) - heard_before),
		.against = (int8_t)((2 * *against > *heard) - against_before),
	};
	if (e.networks == 0 && e.against == 0)
		return;
	if (n->n_evidence == n->room) {
		n->room = n->room ? 2 * n->room : 1024;
		n->evidence = realloc(n->evidence, (size_t)n->room * sizeof(*n->evidence));
		if (!n->evidence)
			abort();
	}
	n->evidence[n->n_evidence++] = e;
}

size_t play_testimony(const struct play *p, int probe, struct testimony *t)
{
	for (int i = 0; i < p->w->n_voters; i++) {
		const struct seated *v = &p->voter[i];
		if (v->probe != probe || v->stance == STANCE_NONE)
			continue;
		*t = (struct testimony){
			.organization = (uint64_t)play_organization(p->monitor) + 1,
			.network = (uint64_t)play_network(p->monitor) + 1,
			.dissents = v->stance == STANCE_DISSENTS,
			.interval_ms = INTERVAL_MS,
		};
		return 1;
	}
	return 0;
}

static int64_t session_after(int64_t at_ms)
{
	return (at_ms + 999) / 1000;
}

/* The session after the newest evaluation hears what is said then. */
static void testify(struct play *p)
{
	int64_t session = session_after(p->evaluated_ms);
	enum stance stance[VOTERS];
	struct tally tally;

	p->evaluated_ms = -1;
	watch_stances(p->w, session * 1000, stance, &tally);
	for (int i = 0; i < p->w->n_voters; i++) {
		struct seated *v = &p->voter[i];
		if (stance[i] == v->stance)
			continue;
		play_testify_of(p, v->probe, v->stance, stance[i], (int32_t)session);
		v->stance = stance[i];
	}
}

static void testify_before(struct play *p, int64_t at_ms)
{
	if (p->evaluated_ms >= 0 && session_after(p->evaluated_ms) * 1000 < at_ms)
		testify(p);
}

/* ---- checks */

static void push(struct play *p, const struct arrival *a)
{
	int i = p->n_pending++;

	assert(i < PENDING_MAX);
	for (; i > 0 && p->pending[i - 1].at_ms <= a->at_ms; i--)
		p->pending[i] = p->pending[i - 1];
	p->pending[i] = *a;
}

/* A probe that saw its target up is not asked again before something happens. */
static enum sight see(
	const struct play *p, struct seated *v, int64_t round, int64_t start_ms, bool *hangs)
{
	*hangs = false;
	if (round != 0 || p->s->every || v->newest != SEES_UP)
		return sight_at(p->s, p->monitor, v->probe, start_ms, hangs);
	if (v->next_other_ms < start_ms)
		v->next_other_ms = next_other(p->s, p->monitor, v->probe, start_ms, SEES_UP);
	if (start_ms < v->next_other_ms)
		return SEES_UP;
	return sight_at(p->s, p->monitor, v->probe, start_ms, hangs);
}

/* The result of a check that starts now or soon, if it gets through. */
static void push_check(struct play *p, struct seated *v, int64_t round, int64_t start_ms)
{
	bool hangs;
	enum sight sight = see(p, v, round, start_ms, &hangs);
	int64_t end_ms = start_ms + (hangs ? TIMEOUT_MS : LATENCY_MS);

	p->notes->totals->checks++;
	if (round == 0)
		v->newest = sight;
	if (sight == SEES_NOTHING)
		return;
	if (hangs && round == 0)
		push(p, &(struct arrival){.at_ms = start_ms + SUSPECT_MS + LINK_MS,
				.probe = v->probe,
				.suspicion = true});
	push(p, &(struct arrival){
			.at_ms = end_ms + LINK_MS,
			.started_at_ms = start_ms + LINK_MS,
			.ended_at_ms = end_ms + LINK_MS,
			.probe = v->probe,
			.round = round,
			.down = sight == SEES_DOWN,
		});
}

static void order_burst(struct play *p, const struct watch_action *a)
{
	int64_t reach_ms = p->now_ms + LINK_MS;

	p->notes->totals->bursts++;
	p->burst[p->n_bursts % BURSTS_KEPT].first_round = a->first_round;
	p->burst[p->n_bursts % BURSTS_KEPT].at_ms = reach_ms;
	p->n_bursts++;
	if (p->s->part[FAULT_1S] >= 1 && p->w->burst.goal == BURST_DOWN)
		judge_burst(p, reach_ms);
	for (int i = 0; i < p->w->n_voters; i++) {
		if (is_silent(p->s, p->voter[i].probe, reach_ms))
			continue;
		for (int r = 0; r < a->rounds; r++)
			push_check(p, &p->voter[i], a->first_round + r, reach_ms + r * a->gap_ms);
	}
}

/* ---- the watch */

/* A vote that is set aside grows old without the watch minding; the court does. */
static void wake_for_court(struct play *p)
{
	for (int i = 0; i < p->w->n_voters; i++) {
		const struct watch_voter *v = &p->w->voter[i];
		int64_t stale_ms = v->scheduled.ended_at_ms + watch_fresh_ms(&play_rule) + 1;
		if (v->excluded != EXCLUDED_NOT && v->scheduled.present && stale_ms > p->now_ms &&
			stale_ms < p->tick_at_ms)
			p->tick_at_ms = stale_ms;
	}
}

/* When the rounds began that confirmed what opens; it may have had to wait, and other rounds came. */
static int64_t began_at(const struct play *p, const struct watch_action *a)
{
	for (int i = 0; a->rounds > 0 && i < BURSTS_KEPT; i++)
		if (p->burst[i].first_round == a->first_round)
			return p->burst[i].at_ms;
	return p->now_ms - LATENCY_MS - LINK_MS;
}

void play_evaluate(struct play *p)
{
	struct watch_actions actions;

	actions.n = 0;
	p->notes->totals->evaluations++;
	p->tick_at_ms = watch_tick(p->w, p->now_ms, &actions);
	for (int i = 0; i < actions.n; i++) {
		const struct watch_action *a = &actions.item[i];
		if (a->type == WATCH_ORDER_BURST)
			order_burst(p, a);
		else if (a->type == WATCH_OPEN && a->kind == ALERT_DOWN)
			judge_alert(p, QUORATE, a->rounds, began_at(p, a));
	}
	if (!p->s->quarantine)
		return;
	wake_for_court(p);
	p->evaluated_ms = p->now_ms;
}

static void rival_opened(void *arg, enum method method)
{
	struct play *p = arg;

	judge_alert(p, method, 0, p->now_ms - LATENCY_MS - LINK_MS);
}

/* Whether voter V says the same as the vote that it has, which is as good as a new one now. */
static bool repeats(const struct play *p, const struct watch_voter *v, bool down)
{
	const struct vote *held = &v->scheduled;

	return !p->s->every && p->w->burst.goal == BURST_NONE && !p->w->unanswered &&
	       held->present && (held->verdict == VERDICT_DOWN) == down &&
	       held->ended_at_ms + watch_fresh_ms(&play_rule) >= p->now_ms &&
	       held->started_at_ms > p->w->decided_at_ms;
}

/* Returns whether the watch should evaluate it. */
static bool take(struct play *p, const struct arrival *a)
{
	int i = watch_find(p->w, play_key(a->probe));

	if (i < 0)
		return false; /* its seat is another's now */
	const struct watch_voter *v = &p->w->voter[i];
	bool news = !repeats(p, v, a->suspicion || a->down);

	if (a->suspicion) {
		watch_suspicion(p->w, v->key, play_rule.revision, p->now_ms);
		return news;
	}
	struct vote vote = {
		.present = true,
		.verdict = a->down ? VERDICT_DOWN : VERDICT_UP,
		.reason = a->down ? REASON_TCP_TIMEOUT : REASON_OK,
		.started_at_ms = a->started_at_ms,
		.ended_at_ms = a->ended_at_ms,
		.revision = play_rule.revision,
	};
	watch_take(p->w, v->key, a->round, &vote, p->now_ms);
	if (a->round == 0 && p->s->rivals && !p->voter[i].shadow)
		rivals_take(&p->rivals, v->seat, a->down, p->now_ms, rival_opened, p);
	return news;
}

/* All that arrives until NOW_MS. Returns whether the watch should evaluate it. */
static bool take_arrived(struct play *p, int64_t now_ms)
{
	bool news = false;

	while (p->n_pending > 0 && p->pending[p->n_pending - 1].at_ms <= now_ms) {
		struct arrival a = p->pending[--p->n_pending];
		p->now_ms = a.at_ms;
		news |= take(p, &a);
	}
	return news;
}

/* ---- time */

static struct seated *first_to_start(struct play *p)
{
	struct seated *first = &p->voter[0];

	for (int i = 1; i < p->w->n_voters; i++)
		if (p->voter[i].next_start_ms < first->next_start_ms)
			first = &p->voter[i];
	return first;
}

/* One event that is not after UNTIL_MS: a check starts, results arrive, or the watch looks again.
 * Returns false if there is none. */
static bool step(struct play *p, int64_t until_ms)
{
	struct seated *v = first_to_start(p);
	int64_t start_ms = v->next_start_ms;
	int64_t result_ms = p->n_pending > 0 ? p->pending[p->n_pending - 1].at_ms : INT64_MAX;
	int64_t next_ms = result_ms < p->tick_at_ms ? result_ms : p->tick_at_ms;

	if (start_ms <= next_ms && start_ms <= until_ms) {
		v->next_start_ms += INTERVAL_MS;
		push_check(p, v, 0, start_ms);
		return true;
	}
	if (next_ms > until_ms)
		return false;
	testify_before(p, next_ms);
	judge_outages(p, next_ms);
	bool news = take_arrived(p, next_ms);
	p->now_ms = next_ms;
	if (news || next_ms >= p->tick_at_ms)
		play_evaluate(p);
	return true;
}

/* ---- jumps */

bool play_is_calm(const struct play *p)
{
	const struct watch *w = p->w;

	if (p->s->every || p->n_pending > 0 || w->burst.goal != BURST_NONE || w->down ||
		(w->state != STATE_UP && w->state != STATE_DEGRADED) ||
		(p->s->rivals && !rivals_are_calm(&p->rivals)))
		return false;
	for (int i = 0; i < w->n_voters; i++) {
		enum sight newest = p->voter[i].newest;
		const struct watch_voter *v = &w->voter[i];
		if (newest == SEES_NOTHING || !v->scheduled.present || v->inherited ||
			(v->scheduled.verdict == VERDICT_DOWN) != (newest == SEES_DOWN) ||
			(newest == SEES_DOWN && v->excluded == EXCLUDED_NOT))
			return false;
	}
	for (int k = 0; k < ALERT_KIND_COUNT; k++)
		if (w->slot[k].open)
			return false;
	return true;
}

/* The checks of V before AT_MS, as far as they are still to come: the newest whose result is there,
 * and those under way. */
static void catch_up(struct play *p, struct seated *v, int64_t at_ms)
{
	int64_t takes_ms = LINK_MS + (v->newest == SEES_UP ? LATENCY_MS : TIMEOUT_MS);
	int64_t over = (at_ms - takes_ms - v->next_start_ms) / INTERVAL_MS;

	if (over > 0)
		v->next_start_ms += over * INTERVAL_MS;
	for (; v->next_start_ms < at_ms; v->next_start_ms += INTERVAL_MS)
		push_check(p, v, 0, v->next_start_ms);
}

/* After a calm: AT_MS is at most when the first check starts that says something else. */
void play_land(struct play *p, int64_t at_ms)
{
	testify_before(p, at_ms);
	judge_outages(p, at_ms);
	for (int i = 0; i < p->w->n_voters; i++)
		catch_up(p, &p->voter[i], at_ms + 1);
	take_arrived(p, at_ms);
	p->now_ms = at_ms;
	play_evaluate(p);
}

/* Returns false if nothing happens until UNTIL_MS. */
static bool jump(struct play *p, int64_t until_ms)
{
	int64_t at_ms = INT64_MAX;

	for (int i = 0; i < p->w->n_voters; i++) {
		struct seated *v = &p->voter[i];
		if (v->next_other_ms < v->next_start_ms)
			v->next_other_ms =
				next_other(p->s, p->monitor, v->probe, v->next_start_ms, v->newest);
		if (v->next_other_ms < at_ms)
			at_ms = v->next_other_ms;
	}
	if (at_ms > until_ms)
		return false;
	play_land(p, at_ms);
	return true;
}

void play_until(struct play *p, int64_t until_ms)
{
	while (play_is_calm(p) ? jump(p, until_ms) : step(p, until_ms))
		;
	testify_before(p, until_ms + 1);
}

bool play_is_idle(const struct play *p, int64_t until_ms)
{
	bool calm = play_is_calm(p);

	if (p->evaluated_ms >= 0)
		return false;
	for (int i = 0; i < p->w->n_voters; i++) {
		const struct seated *v = &p->voter[i];
		if (calm ? v->next_other_ms < v->next_start_ms || v->next_other_ms <= until_ms
			 : v->next_start_ms <= until_ms)
			return false;
	}
	return calm ||
	       (p->tick_at_ms > until_ms &&
		       (p->n_pending == 0 || p->pending[p->n_pending - 1].at_ms > until_ms));
}
