// SPDX-License-Identifier: MIT
#include "coordinator/core/rehearsal.h"

#define BURST_SLACK_MS 2000 /* between an order here and the same order as it was given then */

struct stage {
	const struct rehearsal_vote *votes;
	size_t n, at; /* the next vote */
	struct watch *w;
	int64_t heard_at_ms[VOTERS_MAX];
	int64_t now_ms, next_ms;
	int64_t recorded_first; /* round that answers for the running burst's first; 0: none */
	struct rehearsal_alert open[ALERT_KIND_COUNT]; /* opened_at_ms 0: not open */
	rehearsal_fn fn;
	void *arg;
};

/* ---- alerts */

static void end_alert(struct stage *s, enum alert_kind kind, int64_t closed_at_ms, bool promoted)
{
	struct rehearsal_alert *alert = &s->open[kind];

	if (alert->opened_at_ms == 0)
		return;
	alert->closed_at_ms = closed_at_ms;
	alert->promoted = promoted;
	s->fn(s->arg, alert);
	alert->opened_at_ms = 0;
}

static void take_alert(struct stage *s, const struct watch_action *a)
{
	struct rehearsal_alert *alert = &s->open[a->kind];

	if (a->type == WATCH_CLOSE) {
		end_alert(s, a->kind, s->now_ms, a->promoted);
		return;
	}
	if (a->type == WATCH_OPEN)
		*alert = (struct rehearsal_alert){
			.kind = a->kind,
			.reason = a->reason,
			.started_at_ms = a->started_at_ms,
			.opened_at_ms = s->now_ms,
			.rounds = a->rounds,
		};
	if (a->severity > alert->severity)
		alert->severity = a->severity;
}

/* ---- bursts */

/* The first round of a burst that was really run about now, with at least ROUNDS of them; 0: none. */
static int64_t recorded_burst(const struct stage *s, int rounds)
{
	const struct watch_rule *rule = &s->w->rule;
	int64_t until_ms = s->now_ms + rounds * rule->gap_ms + BURST_SLACK_MS, first = 0, last = 0;

	for (size_t i = s->at; i < s->n; i++) {
		const struct rehearsal_vote *v = &s->votes[i];
		if (v->ended_at_ms > until_ms + rule->timeout_ms + BURST_SLACK_MS)
			break;
		if (v->round == 0 || v->started_at_ms < s->now_ms - BURST_SLACK_MS ||
			v->started_at_ms > until_ms)
			continue;
		first = first == 0 || v->round < first ? v->round : first;
		last = v->round > last ? v->round : last;
	}
	return last - first + 1 >= rounds ? first : 0;
}

/* Whether it can be had. */
static bool order_burst(struct stage *s, int rounds)
{
	s->recorded_first = recorded_burst(s, rounds);
	if (s->recorded_first == 0)
		watch_deny_burst(s->w, s->now_ms);
	return s->recorded_first != 0;
}

static void evaluate(struct stage *s)
{
	struct watch_actions actions = {.n = 0};
	bool again = false;

	s->next_ms = watch_tick(s->w, s->now_ms, &actions);
	for (int i = 0; i < actions.n; i++) {
		const struct watch_action *a = &actions.item[i];
		if (a->type == WATCH_ORDER_BURST)
			again = !order_burst(s, a->rounds);
		else if (a->type != WATCH_STATE)
			take_alert(s, a);
	}
	if (again) /* once: a burst that was denied is not ordered again at the same instant */
		evaluate(s);
}

/* Of the burst that runs here; what is none of its rounds counts as scheduled. */
static int64_t round_here(const struct stage *s, int64_t recorded)
{
	const struct burst *b = &s->w->burst;

	return b->goal == BURST_NONE ? 0 : b->first_round + recorded - s->recorded_first;
}

/* ---- votes */

/* A KEY that is new takes the place in SEAT that was silent for longest (nobody's, at first). */
static void sit_down(struct stage *s, uint32_t key, int seat)
{
	int place = watch_find(s->w, key);

	if (place < 0) {
		for (int i = 0; i < s->w->n_voters; i++)
			if (s->w->voter[i].seat == seat &&
				(place < 0 || s->heard_at_ms[i] < s->heard_at_ms[place]))
				place = i;
		watch_seat(s->w, place, seat, key);
	}
	s->heard_at_ms[place] = s->now_ms;
}

static void take(struct stage *s, const struct rehearsal_vote *v)
{
	struct vote vote = {
		.verdict = v->verdict,
		.reason = v->reason,
		.started_at_ms = v->started_at_ms,
		.ended_at_ms = v->ended_at_ms,
	};

	for (int t = 0; t < THRESHOLD_COUNT; t++)
		vote.severity[t] = v->severity[t];
	sit_down(s, v->key, v->seat);
	watch_take(s->w, v->key, round_here(s, v->round), &vote, s->now_ms);
}

static void play(struct stage *s, int64_t end_ms)
{
	for (;;) {
		int64_t vote_ms = s->at < s->n ? s->votes[s->at].ended_at_ms : INT64_MAX;
		int64_t at_ms = vote_ms < s->next_ms ? vote_ms : s->next_ms;
		if (at_ms > end_ms)
			return;
		s->now_ms = at_ms > s->now_ms ? at_ms : s->now_ms;
		if (vote_ms <= s->next_ms)
			take(s, &s->votes[s->at++]);
		evaluate(s);
	}
}

void rehearsal_play(const struct watch_rule *rule, int per_seat, const struct rehearsal_vote *votes,
	size_t n, int64_t end_ms, rehearsal_fn fn, void *arg)
{
	_Alignas(struct watch) unsigned char
		memory[sizeof(struct watch) + VOTERS_MAX * sizeof(struct watch_voter)];
	struct stage s = {.votes = votes,
		.n = n,
		.w = (struct watch *)memory,
		.next_ms = INT64_MAX,
		.fn = fn,
		.arg = arg};
	struct watch_rule own = *rule;

	own.revision = 0; /* as the votes have it */
	watch_init(s.w, &own, rule->quorum.seats * per_seat);
	for (int i = 0; i < s.w->n_voters; i++)
		s.w->voter[i].seat = i / per_seat;
	play(&s, end_ms);
	for (enum alert_kind kind = 0; kind < ALERT_KIND_COUNT; kind++)
		end_alert(&s, kind, INT64_MAX, false);
}
