// SPDX-License-Identifier: MIT
/*
 * Every decision has one answer that brings it about best: a seat that turns to it helps against
 * all that is still missing, and no other answer helps more. So a turn is a number of seats from each of
 * the other answers; which, is below. They are written with what is missing:
 *
 *   leave   seats that must stop saying down, for down < q
 *   works   more seats that must say up or warning, for up + warning >= u
 */
#include "coordinator/core/outlook.h"

#include <assert.h>

const char *const answer_names[] = {"down", "up", "warning", "silent", NULL};

static int above_zero(int n)
{
	return n > 0 ? n : 0;
}

static int most(int a, int b)
{
	return a > b ? a : b;
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* The first of the seats with answer FROM that the turn does not have yet; returns how many of N
 * it has not found there. */
static int take(struct turn *t, const int now[ANSWER_COUNT], enum answer from, int n)
{
	int taken = least(n, now[from] - t->from[from]);

	t->from[from] += taken;
	return n - taken;
}

static void to_down(const struct quorum_rule *rule, const int now[ANSWER_COUNT], struct turn *t)
{
	int missing = rule->down - now[ANSWER_DOWN];

	missing = take(t, now, ANSWER_UP, missing);
	missing = take(t, now, ANSWER_WARNING, missing);
	missing = take(t, now, ANSWER_SILENT, missing);
	assert(missing == 0);
	t->whoever = true;
}

/* Neither down nor its sum with the warnings may reach q. A seat that says down serves for both and
 * for `works`. */
static void to_up(const struct quorum_rule *rule, const int now[ANSWER_COUNT], struct turn *t)
{
	int bad = above_zero(now[ANSWER_WARNING] + now[ANSWER_DOWN] - rule->down + 1);
	int works = above_zero(rule->up - now[ANSWER_UP] - now[ANSWER_WARNING]);
	int down = least(now[ANSWER_DOWN], most(bad, works));

	t->whoever = bad == 0; /* silent seats will do as well as those that say down */
	t->from[ANSWER_DOWN] = down;
	t->from[ANSWER_WARNING] = above_zero(bad - down);
	t->from[ANSWER_SILENT] = above_zero(works - down);
}

/* A silent seat serves for `works` and for the warnings, one that says down only for the former, one
 * that says up only for the latter. */
static void to_degraded(const struct quorum_rule *rule, const int now[ANSWER_COUNT], struct turn *t)
{
	int leave = above_zero(now[ANSWER_DOWN] - rule->down + 1);
	int works = above_zero(rule->up - now[ANSWER_UP] - now[ANSWER_WARNING]);
	int bad = above_zero(rule->down - now[ANSWER_WARNING] - now[ANSWER_DOWN]);

	if (leave > 0) {
		t->from[ANSWER_DOWN] = least(now[ANSWER_DOWN], most(leave, works));
		t->from[ANSWER_SILENT] = above_zero(works - t->from[ANSWER_DOWN]);
		return;
	}
	t->from[ANSWER_SILENT] = least(now[ANSWER_SILENT], works);
	t->from[ANSWER_DOWN] = works - t->from[ANSWER_SILENT];
	bad = above_zero(bad - t->from[ANSWER_SILENT]);
	bad = take(t, now, ANSWER_UP, bad);
	bad = take(t, now, ANSWER_SILENT, bad);
	assert(bad == 0);
}

static void to_undetermined(
	const struct quorum_rule *rule, const int now[ANSWER_COUNT], struct turn *t)
{
	int works = above_zero(now[ANSWER_UP] + now[ANSWER_WARNING] - rule->up + 1);

	t->from[ANSWER_DOWN] = above_zero(now[ANSWER_DOWN] - rule->down + 1);
	works = take(t, now, ANSWER_UP, works);
	works = take(t, now, ANSWER_WARNING, works);
	assert(works == 0);
}

/* In the order in which people care, when the numbers are the same. */
static const struct {
	enum decision to;
	enum answer answer;
	void (*fill)(
		const struct quorum_rule *rule, const int now[ANSWER_COUNT], struct turn *turn);
} ways[] = {
	{DECISION_DOWN, ANSWER_DOWN, to_down},
	{DECISION_UP, ANSWER_UP, to_up},
	{DECISION_UNDETERMINED, ANSWER_SILENT, to_undetermined},
	{DECISION_DEGRADED, ANSWER_WARNING, to_degraded},
};

static void insert(struct turn *turns, int n, const struct turn *turn)
{
	int i = n;

	for (; i > 0 && turns[i - 1].seats > turn->seats; i--)
		turns[i] = turns[i - 1];
	turns[i] = *turn;
}

int outlook_turns(
	const struct quorum_rule *rule, const struct tally *tally, struct turn turns[TURNS_MAX])
{
	const int now[ANSWER_COUNT] = {
		tally->down, tally->up, tally->warning, tally->split + tally->absent};
	enum decision decision = quorum_decide(rule, tally);
	int n = 0;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct turn turn = {.to = ways[i].to, .answer = ways[i].answer};
		if (turn.to == decision)
			continue;
		ways[i].fill(rule, now, &turn);
		for (int a = 0; a < ANSWER_COUNT; a++)
			turn.seats += turn.from[a];
		insert(turns, n++, &turn);
	}
	return n;
}
