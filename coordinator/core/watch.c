// SPDX-License-Identifier: MIT
/*
 * The watch's memory: who votes, what each one said last, and when to look again. Everything that
 * decides is in quorum.c (the rule), burst.c (confirmation) and signals.c (states and alerts).
 * Invariant: a voter's newest start wins, in any order of arrival.
 */
#include "coordinator/core/watch_sitting.h"

#include <assert.h>

#define FRESH_SLACK_MS      5000
#define UNDETERMINED_MIN_MS 120000
/* A vote cannot have started before its round was ordered; what a clock's rounding may cost. */
#define ROUND_SKEW_MS 1000

/* ---- making one, and who sits where */

size_t watch_size(int n_voters)
{
	return sizeof(struct watch) + (size_t)n_voters * sizeof(struct watch_voter);
}

void watch_init(struct watch *w, const struct watch_rule *rule, int n_voters)
{
	assert(n_voters >= 0 && n_voters <= VOTERS_MAX);
	*w = (struct watch){
		.rule = *rule, .next_round = 1, .decided_at_ms = INT64_MIN, .n_voters = n_voters};
	for (int i = 0; i < n_voters; i++)
		w->voter[i] = (struct watch_voter){0};
}

int watch_find(const struct watch *w, uint32_t key)
{
	for (int i = 0; i < w->n_voters; i++)
		if (w->voter[i].key == key)
			return i;
	return -1;
}

/* V was somebody else's place: the votes stay, the standing does not. */
static void succeed(struct watch_voter *v, uint32_t key)
{
	bool vote_stands = v->key != 0 && v->excluded == EXCLUDED_NOT && v->scheduled.present;

	if (!vote_stands)
		*v = (struct watch_voter){.seat = v->seat};
	v->failures = (struct failure_ring){0};
	v->key = key;
	v->suspect = false;
	v->inherited = vote_stands;
}

void watch_seat(struct watch *w, int index, int seat, uint32_t key)
{
	assert(index >= 0 && index < w->n_voters && seat >= 0 && seat < SEATS_MAX);
	struct watch_voter *v = &w->voter[index];
	int elsewhere = watch_find(w, key);

	if (elsewhere >= 0 && elsewhere != index) {
		struct watch_voter other = w->voter[elsewhere];
		w->voter[elsewhere] = *v;
		*v = other;
	} else if (elsewhere < 0) {
		succeed(v, key);
	}
	v->seat = seat;
}

/* The voter of OLD that left the seat which voter INDEX of W took: the first newcomer follows the
 * first leaver. */
static const struct watch_voter *predecessor(
	const struct watch *w, int index, const struct watch *old)
{
	int seat = w->voter[index].seat, rank = 0;

	for (int i = 0; i < index; i++)
		rank += w->voter[i].seat == seat && watch_find(old, w->voter[i].key) < 0;
	for (int i = 0; i < old->n_voters; i++) {
		const struct watch_voter *v = &old->voter[i];
		if (v->seat == seat && watch_find(w, v->key) < 0 && rank-- == 0)
			return v;
	}
	return NULL;
}

static void carry_voter(struct watch *w, int index, const struct watch *old)
{
	struct watch_voter *v = &w->voter[index];
	int seat = v->seat, at = watch_find(old, v->key);
	uint32_t key = v->key;
	const struct watch_voter *from = at >= 0 ? &old->voter[at] : predecessor(w, index, old);

	if (!from)
		return;
	*v = *from;
	if (at < 0)
		succeed(v, key);
	if (at < 0 || old->rule.revision != w->rule.revision)
		v->waits_since_ms = 0; /* that check was about something else */
	v->seat = seat;
}

void watch_carry(struct watch *w, const struct watch *old)
{
	struct watch_rule rule = w->rule;
	int n_voters = w->n_voters;

	*w = *old; /* without the voters: a flexible array is not part of the assignment */
	w->rule = rule;
	w->n_voters = n_voters;
	if (old->rule.revision != rule.revision)
		w->state = STATE_PENDING;
	for (int i = 0; i < n_voters; i++)
		carry_voter(w, i, old);
	if (old->rule.revision != rule.revision)
		failures_forget(w);
}

void watch_exclude(struct watch *w, uint32_t key, enum exclusion why)
{
	int i = watch_find(w, key);

	if (i >= 0)
		w->voter[i].excluded = why;
}

void watch_suspect(struct watch *w, uint32_t key, bool suspect)
{
	int i = watch_find(w, key);

	if (i >= 0)
		w->voter[i].suspect = suspect;
}

void watch_restore(
	struct watch *w, enum alert_kind kind, enum severity severity, int64_t opened_at_ms)
{
	w->slot[kind] = (struct alert_slot){
		.open = true, .severity = severity, .opened_at_ms = opened_at_ms};
	if (kind == ALERT_DOWN)
		w->down = true;
	if (kind == ALERT_FLAPPING) {
		w->flapping = true;
		w->flap_from_ms = opened_at_ms;
	}
}

/* ---- parents, maintenance */

void watch_block(struct watch *w, enum watch_block block, int64_t now_ms)
{
	if (w->block >= BLOCK_PARENT && block < BLOCK_PARENT)
		w->released_at_ms = now_ms;
	if (w->block == BLOCK_MAINTENANCE && block != BLOCK_MAINTENANCE) {
		w->recheck = true;
		failures_forget(w);
		flapping_forget(w);
	}
	w->block = block;
}

int64_t watch_suspects_since(const struct watch *w)
{
	if (w->down)
		return w->slot[ALERT_DOWN].open ? INT64_MAX : w->suspected_at_ms;
	if (w->burst.goal == BURST_DOWN && !w->burst.asked)
		return w->suspected_at_ms;
	return w->agreed_since_ms != 0 ? w->agreed_since_ms : INT64_MAX;
}

bool watch_ask(struct watch *w, int64_t since_ms)
{
	if (w->down || w->held || w->asked || w->rule.rounds == 0 || w->burst.goal != BURST_NONE ||
		w->looked_at_ms >= since_ms)
		return false;
	w->asked = true;
	return true;
}

bool watch_is_looking(const struct watch *w)
{
	return w->asked || w->burst.goal == BURST_DOWN;
}

bool watch_is_released(const struct watch *w)
{
	return w->released_at_ms != 0;
}

void watch_doubt(struct watch *w, int64_t now_ms)
{
	if (w->doubt_since_ms == 0)
		w->doubt_since_ms = now_ms;
}

bool watch_wants_look(const struct watch *w, int64_t now_ms)
{
	if (w->held || w->burst.goal != BURST_NONE)
		return false;
	if (w->recheck && w->block < BLOCK_PARENT)
		return true;
	return w->doubt_since_ms != 0 && now_ms >= w->doubt_since_ms + DOUBT_PAUSE_MS;
}

/* ---- what the votes say */

int64_t watch_undetermined_after_ms(int64_t interval_ms, int64_t asked_ms)
{
	if (asked_ms >= 0)
		return asked_ms;
	return 2 * interval_ms > UNDETERMINED_MIN_MS ? 2 * interval_ms : UNDETERMINED_MIN_MS;
}

int64_t watch_fresh_ms(const struct watch_rule *rule)
{
	return rule->interval_ms + rule->timeout_ms + FRESH_SLACK_MS;
}

struct quorum_view watch_view(const struct watch *w, int64_t now_ms)
{
	return (struct quorum_view){
		.revision = w->rule.revision,
		.now_ms = now_ms,
		.fresh_ms = watch_fresh_ms(&w->rule),
	};
}

/* The burst's index of round NUMBER, or -1. */
static int round_index(const struct watch *w, int64_t number)
{
	int64_t i = number - w->burst.first_round;

	return i >= 0 && i < w->burst.rounds ? (int)i : -1;
}

void watch_ballots(const struct watch *w, int64_t number, struct ballot *out)
{
	int round = round_index(w, number);

	for (int i = 0; i < w->n_voters; i++) {
		const struct watch_voter *v = &w->voter[i];
		out[i] = (struct ballot){
			.seat = v->seat,
			.excluded = v->excluded,
			.vote = round >= 0 ? v->round[round] : v->scheduled,
		};
	}
}

enum decision watch_explain(
	const struct watch *w, int64_t now_ms, enum fate *fates, struct tally *tally)
{
	struct ballot ballots[VOTERS_MAX];
	struct quorum_view view = watch_view(w, now_ms);

	watch_ballots(w, 0, ballots);
	quorum_count(&w->rule.quorum, &view, ballots, w->n_voters, fates, tally);
	return quorum_decide(&w->rule.quorum, tally);
}

static bool speaks(enum fate fate)
{
	return fate == FATE_COUNTED || fate == FATE_SAME_SEAT || fate == FATE_OUTVOTED;
}

static void sit(
	const struct watch *w, struct sitting *s, int64_t now_ms, struct watch_actions *actions)
{
	struct quorum_view view = watch_view(w, now_ms);

	s->now_ms = now_ms;
	s->actions = actions;
	watch_ballots(w, 0, s->ballot);
	quorum_count(&w->rule.quorum, &view, s->ballot, w->n_voters, s->fate, &s->tally);
	s->decision = quorum_decide(&w->rule.quorum, &s->tally);
	s->down = s->working = 0;
	for (int i = 0; i < w->n_voters; i++)
		// NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): quorum_count() set it
		if (speaks(s->fate[i]))
			*(s->ballot[i].vote.verdict == VERDICT_DOWN ? &s->down : &s->working) |=
				UINT64_C(1) << i;
}

struct watch_action *sitting_act(struct sitting *s, enum watch_action_type type)
{
	assert(s->actions->n < WATCH_ACTIONS_MAX);
	struct watch_action *action = &s->actions->item[s->actions->n++];

	*action = (struct watch_action){.type = type};
	return action;
}

static bool has_say(const struct watch *w, const struct watch_voter *v, int64_t now_ms)
{
	return (v->excluded == EXCLUDED_NOT || v->excluded == EXCLUDED_QUARANTINE ||
		       v->excluded == EXCLUDED_REPLACED) &&
	       !v->inherited && v->scheduled.present && v->scheduled.revision == w->rule.revision &&
	       v->scheduled.ended_at_ms + watch_fresh_ms(&w->rule) >= now_ms &&
	       v->scheduled.verdict != VERDICT_NONE;
}

void watch_stances(const struct watch *w, int64_t now_ms, enum stance *stances, struct tally *tally)
{
	enum decision decision = watch_explain(w, now_ms, NULL, tally);

	for (int i = 0; i < w->n_voters; i++) {
		const struct watch_voter *v = &w->voter[i];
		stances[i] = STANCE_NONE;
		if (decision != DECISION_UNDETERMINED && has_say(w, v, now_ms))
			stances[i] = (v->scheduled.verdict == VERDICT_DOWN) ==
						     (decision == DECISION_DOWN)
					     ? STANCE_AGREES
					     : STANCE_DISSENTS;
	}
}

/* ---- evaluation */

void wake_at(int64_t at_ms, int64_t now_ms, int64_t *next_ms)
{
	if (at_ms > now_ms && at_ms < *next_ms)
		*next_ms = at_ms;
}

static int64_t next_look(const struct watch *w, const struct sitting *s)
{
	int64_t next_ms = INT64_MAX;

	for (int i = 0; i < w->n_voters; i++)
		if (speaks(s->fate[i]))
			wake_at(s->ballot[i].vote.ended_at_ms + watch_fresh_ms(&w->rule) + 1,
				s->now_ms, &next_ms);
	burst_wake(w, s, &next_ms);
	signals_wake(w, s, &next_ms);
	rates_wake(w, s, &next_ms);
	return next_ms;
}

int64_t watch_tick(struct watch *w, int64_t now_ms, struct watch_actions *actions)
{
	struct sitting s;

	if (w->held) {
		burst_cancel(w);
		w->asked = false;
		signals_rest(w);
		flapping_rest(w, now_ms);
		sit(w, &s, now_ms, actions);
		signals_learn(w, &s);
		return INT64_MAX;
	}
	sit(w, &s, now_ms, actions);
	burst_advance(w, &s);
	burst_begin(w, &s);
	w->turning = w->state != STATE_PENDING && s.decision != DECISION_UNDETERMINED &&
		     (s.decision == DECISION_DOWN) != w->down;
	signals_apply(w, &s);
	return next_look(w, &s);
}

/* ---- votes coming in */

static bool replaces(const struct watch *w, const struct vote *held, const struct vote *vote)
{
	return !held->present || held->revision != w->rule.revision ||
	       vote->started_at_ms > held->started_at_ms;
}

static bool take_scheduled(const struct watch *w, struct watch_voter *v, const struct vote *vote)
{
	if (!v->inherited && !replaces(w, &v->scheduled, vote))
		return false;
	v->scheduled = *vote;
	v->waits_since_ms = 0;
	v->inherited = false;
	return true;
}

static bool take_round(
	struct watch *w, struct watch_voter *v, int64_t number, const struct vote *vote)
{
	int i = round_index(w, number);

	if (w->burst.goal == BURST_NONE || i < 0 ||
		vote->started_at_ms < w->burst.started_at_ms - ROUND_SKEW_MS ||
		!(v->inherited || replaces(w, &v->round[i], vote)))
		return false;
	v->round[i] = *vote;
	w->burst.answered = true;
	return true;
}

static struct vote not_after(const struct vote *vote, int64_t now_ms)
{
	struct vote taken = *vote;

	taken.present = true;
	if (taken.ended_at_ms > now_ms)
		taken.ended_at_ms = now_ms;
	if (taken.started_at_ms > now_ms)
		taken.started_at_ms = now_ms;
	return taken;
}

/* A critical threshold that counts as down makes a down vote of it, which then says nothing of the
 * threshold itself: the down alert tells it. */
static void count_as_down(const struct watch_rule *rule, struct vote *vote)
{
	for (int t = 0; t < THRESHOLD_COUNT; t++) {
		if (!(rule->counts_as_down & (1U << t)) || vote->severity[t] < SEVERITY_CRITICAL ||
			vote->verdict == VERDICT_NONE)
			continue;
		vote->verdict = VERDICT_DOWN;
		vote->severity[t] = SEVERITY_NONE;
	}
}

bool watch_take(
	struct watch *w, uint32_t key, int64_t round, const struct vote *vote, int64_t now_ms)
{
	int i = watch_find(w, key);

	if (i < 0 || vote->revision != w->rule.revision)
		return false;
	struct vote taken = not_after(vote, now_ms);
	count_as_down(&w->rule, &taken);
	bool in_round = take_round(w, &w->voter[i], round, &taken);
	bool newest = take_scheduled(w, &w->voter[i], &taken);
	if (newest && round == 0)
		failures_note(w, &w->voter[i], now_ms);
	return newest || in_round;
}

bool watch_suspicion(struct watch *w, uint32_t key, int64_t revision, int64_t now_ms)
{
	int i = watch_find(w, key);

	if (i < 0 || revision != w->rule.revision)
		return false;
	w->voter[i].waits_since_ms = now_ms;
	return true;
}

bool watch_vote(struct watch *w, uint32_t key, int64_t round, const struct vote *vote,
	int64_t now_ms, struct watch_actions *actions)
{
	if (!watch_take(w, key, round, vote, now_ms))
		return false;
	watch_tick(w, now_ms, actions);
	return true;
}
