// SPDX-License-Identifier: MIT
/*
 * What would change a decision, held against the rule itself: for every rule and every way in which
 * up to 8 seats can vote, each turn leads where it says, and no fewer seats could. The truth is found
 * by walking from tally to tally, one seat at a time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/outlook.h"

#include <string.h>

#define N_MAX 8
#define FAR   99

/* Seats by what they say. */
struct says {
	int n[ANSWER_COUNT];
};

/* By down, up, warning: how many seats have to change for a decision. */
static int steps[N_MAX + 1][N_MAX + 1][N_MAX + 1];

static int *at(const struct says *s)
{
	return &steps[s->n[ANSWER_DOWN]][s->n[ANSWER_UP]][s->n[ANSWER_WARNING]];
}

static enum decision decide(const struct quorum_rule *rule, const struct says *s)
{
	struct tally tally = {.down = s->n[ANSWER_DOWN],
		.up = s->n[ANSWER_UP],
		.warning = s->n[ANSWER_WARNING],
		.split = s->n[ANSWER_SILENT] / 2,
		.absent = s->n[ANSWER_SILENT] - s->n[ANSWER_SILENT] / 2};

	return quorum_decide(rule, &tally);
}

/* Every way in which SEATS seats can vote. */
static void each(int seats, void (*fn)(const struct says *s, void *arg), void *arg)
{
	for (int d = 0; d <= seats; d++)
		for (int u = 0; u <= seats - d; u++)
			for (int w = 0; w <= seats - d - u; w++)
				fn(&(struct says){{d, u, w, seats - d - u - w}}, arg);
}

struct walk {
	const struct quorum_rule *rule;
	enum decision to;
	int round;
	bool more;
};

static void begin(const struct says *s, void *arg)
{
	const struct walk *walk = arg;

	*at(s) = decide(walk->rule, s) == walk->to ? 0 : FAR;
}

/* Whoever is one seat away from somebody at ROUND is at ROUND + 1. */
static void spread(const struct says *s, void *arg)
{
	struct walk *walk = arg;

	if (*at(s) != walk->round)
		return;
	walk->more = true;
	for (int from = 0; from < ANSWER_COUNT; from++)
		for (int to = 0; to < ANSWER_COUNT; to++) {
			struct says next = *s;
			if (s->n[from] == 0)
				continue;
			next.n[from]--;
			next.n[to]++;
			if (*at(&next) > walk->round + 1)
				*at(&next) = walk->round + 1;
		}
}

static void measure(struct walk *walk, int seats)
{
	each(seats, begin, walk);
	walk->more = true;
	for (walk->round = 0; walk->more; walk->round++) {
		walk->more = false;
		each(seats, spread, walk);
	}
}

/* ---- the subject */

static int n_checked;

static const struct turn *find_turn(const struct turn *turns, int n, enum decision to)
{
	for (int i = 0; i < n; i++)
		if (turns[i].to == to)
			return &turns[i];
	return NULL;
}

/* "Whoever": any seats that are not up, warning or down already, in every mixture. */
static void check_whoever(
	const struct quorum_rule *rule, const struct says *s, const struct turn *t)
{
	for (int d = 0; d <= t->seats; d++)
		for (int u = 0; u <= t->seats - d; u++)
			for (int w = 0; w <= t->seats - d - u; w++) {
				struct says then = *s;
				int from[ANSWER_COUNT] = {d, u, w, t->seats - d - u - w};
				bool possible =
					from[t->answer] == 0 && (t->to != DECISION_UP || w == 0);
				for (int a = 0; a < ANSWER_COUNT; a++) {
					then.n[a] -= from[a];
					possible &= then.n[a] >= 0;
				}
				then.n[t->answer] += t->seats;
				if (possible)
					assert_int_equal(decide(rule, &then), t->to);
			}
}

static void check(const struct says *s, void *arg)
{
	const struct walk *walk = arg;
	struct tally tally = {.down = s->n[ANSWER_DOWN],
		.up = s->n[ANSWER_UP],
		.warning = s->n[ANSWER_WARNING],
		.absent = s->n[ANSWER_SILENT]};
	struct turn turns[TURNS_MAX];
	struct says then = *s;
	int n = outlook_turns(walk->rule, &tally, turns), sum = 0;
	const struct turn *t = find_turn(turns, n, walk->to);

	assert_int_equal(n, 3);
	assert_true(turns[0].seats <= turns[1].seats && turns[1].seats <= turns[2].seats);
	if (*at(s) == 0) {
		assert_null(t);
		return;
	}
	assert_non_null(t);
	for (int a = 0; a < ANSWER_COUNT; a++) {
		assert_in_range(t->from[a], 0, s->n[a]);
		then.n[a] -= t->from[a];
		sum += t->from[a];
	}
	then.n[t->answer] += sum;
	assert_int_equal(t->from[t->answer], 0);
	assert_int_equal(t->seats, sum);
	assert_int_equal(decide(walk->rule, &then), t->to); /* true */
	assert_int_equal(sum, *at(s));                      /* and minimal */
	assert_int_equal(t->whoever,
		t->to == DECISION_DOWN ||
			(t->to == DECISION_UP &&
				s->n[ANSWER_DOWN] + s->n[ANSWER_WARNING] < walk->rule->down));
	if (t->whoever)
		check_whoever(walk->rule, s, t);
	n_checked++;
}

static void test_true_and_minimal(void **state)
{
	(void)state;
	for (int n = 1; n <= N_MAX; n++)
		for (int q = 1; q <= n; q++)
			for (int u = 1; u <= n; u++)
				for (int to = DECISION_UNDETERMINED; to <= DECISION_DOWN; to++) {
					struct quorum_rule rule = {n, q, u};
					struct walk walk = {.rule = &rule, .to = (enum decision)to};
					measure(&walk, n);
					each(n, check, &walk);
				}
	assert_int_equal(n_checked, 64944); /* 3 for each of the tallies under each of the rules */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_true_and_minimal)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
