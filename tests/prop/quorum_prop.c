// SPDX-License-Identifier: MIT
/*
 * Laws of the quorum over random electorates, and the four tolerance statements of the architecture
 * (section 7) by brute force. tests/mutate.py shows that each kills mutants.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/prop/rng.h"
#include "tests/unit/ballots.h"

#include "coordinator/core/tolerance.h"

#include <string.h>

#define RUNS 20000

static uint64_t seed;

struct trial {
	struct quorum_rule rule;
	struct ballot ballot[VOTERS_MAX];
	int n;
	enum fate fate[VOTERS_MAX];
	struct tally tally;
	enum decision decision;
	enum severity severity;
	bool clear;
};

static void count(struct trial *t)
{
	quorum_count(&t->rule, &test_view, t->ballot, t->n, t->fate, &t->tally);
	t->decision = quorum_decide(&t->rule, &t->tally);
	t->severity =
		quorum_threshold(&t->rule, &test_view, t->ballot, t->n, THRESHOLD_SLOW, &t->clear);
}

static struct ballot random_ballot(struct rng *r, int seats)
{
	static const char letters[] = "UUUUUUWWDDDDDD-soxnr";
	struct ballot b =
		ballot_of(letters[rng_below(r, sizeof(letters) - 1)], rng_below(r, seats));

	b.vote.severity[THRESHOLD_SLOW] = (uint8_t)(rng_below(r, 2) ? rng_below(r, 4) : 0);
	return b;
}

static struct trial random_trial(struct rng *r)
{
	struct trial t;
	int seats = 1 + rng_below(r, rng_below(r, 8) ? 6 : SEATS_MAX);

	t.rule = (struct quorum_rule){seats, 1 + rng_below(r, seats), 1 + rng_below(r, seats)};
	t.n = rng_below(r, (seats * PER_SEAT_MAX) + 1);
	for (int i = 0; i < t.n; i++)
		t.ballot[i] = random_ballot(r, seats);
	count(&t);
	return t;
}

static void same(const struct trial *a, const struct trial *b)
{
	assert_memory_equal(&a->tally, &b->tally, sizeof(a->tally));
	assert_int_equal(a->decision, b->decision);
	assert_int_equal(a->severity, b->severity);
	assert_int_equal(a->clear, b->clear);
}

/* ---- laws */

static void test_sums(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r);
		const struct tally *y = &t.tally;
		int fates[FATE_COUNT] = {0}, sum = 0;
		for (int i = 0; i < t.n; i++) {
			assert_in_range(t.fate[i], 0, FATE_COUNT - 1);
			fates[t.fate[i]]++;
		}
		for (int i = 0; i < FATE_COUNT; i++)
			sum += fates[i];
		assert_int_equal(sum, t.n);
		assert_int_equal(y->down + y->up + y->warning + y->split + y->absent, t.rule.seats);
		assert_int_equal(fates[FATE_COUNTED], y->down + y->up + y->warning);
		/* DOWN is q seats that say so, never fewer, whoever is silent */
		assert_int_equal(t.decision == DECISION_DOWN, y->down >= t.rule.down);
	}
}

static void test_order_does_not_matter(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r), u = t;
		for (int i = u.n - 1; i > 0; i--) {
			int j = rng_below(&r, i + 1);
			struct ballot swap = u.ballot[i];
			u.ballot[i] = u.ballot[j];
			u.ballot[j] = swap;
		}
		count(&u);
		same(&t, &u);
	}
}

static void test_names_of_seats_do_not_matter(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r), u = t;
		int shift = rng_below(&r, t.rule.seats);
		for (int i = 0; i < u.n; i++)
			u.ballot[i].seat = (t.ballot[i].seat + shift) % t.rule.seats;
		count(&u);
		same(&t, &u);
		assert_memory_equal(t.fate, u.fate, (size_t)t.n * sizeof(t.fate[0]));
	}
}

static void test_time_shift(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r), u = t;
		int64_t shift_ms = rng_ms(&r, INT64_C(1) << 50);
		struct quorum_view view = test_view;
		view.now_ms += shift_ms;
		for (int i = 0; i < u.n; i++)
			u.ballot[i].vote.ended_at_ms += shift_ms;
		quorum_count(&u.rule, &view, u.ballot, u.n, u.fate, &u.tally);
		u.severity =
			quorum_threshold(&u.rule, &view, u.ballot, u.n, THRESHOLD_SLOW, &u.clear);
		same(&t, &u);
		assert_memory_equal(t.fate, u.fate, (size_t)t.n * sizeof(t.fate[0]));
	}
}

/* What an uncounted vote says never matters, whatever it says. */
static void test_uncounted_votes_are_mute(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r), u = t;
		for (int i = 0; i < u.n; i++) {
			struct vote *v = &u.ballot[i].vote;
			if (t.fate[i] < FATE_STALE || v->verdict == VERDICT_NONE)
				continue;
			v->verdict = 1 + rng_below(&r, 3);
			v->severity[THRESHOLD_SLOW] = (uint8_t)rng_below(&r, 4);
			v->reason = rng_below(&r, REASON_COUNT);
		}
		count(&u);
		same(&t, &u);
	}
}

/* Whoever was replaced might as well not be there. */
static void test_the_replaced_are_nobody(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r), u = t;
		u.n = 0;
		for (int i = 0; i < t.n; i++)
			if (t.ballot[i].excluded != EXCLUDED_REPLACED)
				u.ballot[u.n++] = t.ballot[i];
		count(&u);
		same(&t, &u);
	}
}

/* One more voter that turns to down never takes DOWN away, nor gives UP; one that turns to up, the
 * reverse. */
static void test_monotone(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r), u = t;
		if (t.n == 0)
			continue;
		int i = rng_below(&r, t.n);
		bool down = rng_below(&r, 2);
		u.ballot[i] = ballot_of(down ? 'D' : 'U', t.ballot[i].seat);
		count(&u);
		if (down) {
			assert_true(u.tally.down >= t.tally.down);
			assert_true(t.decision != DECISION_DOWN || u.decision == DECISION_DOWN);
			assert_true(t.decision != DECISION_UNDETERMINED ||
				    (u.decision != DECISION_UP && u.decision != DECISION_DEGRADED));
		} else {
			assert_true(u.tally.down <= t.tally.down);
			assert_true(u.decision != DECISION_DOWN || t.decision == DECISION_DOWN);
			assert_true(t.decision != DECISION_UP || u.decision == DECISION_UP);
		}
	}
}

/* ---- the same rule, written another way: by text */

static int voices(const struct trial *t, int seat, const char *letters)
{
	int n = 0;

	for (int i = 0; i < t->n; i++) {
		const struct ballot *b = &t->ballot[i];
		char letter = "nUWD"[b->vote.verdict];
		int64_t age_ms = VIEW_NOW_MS - b->vote.ended_at_ms;
		bool speaks = b->vote.present && !b->excluded &&
			      b->vote.revision == VIEW_REVISION && age_ms <= VIEW_FRESH_MS;
		bool member = b->excluded != EXCLUDED_REPLACED;
		n += b->seat == seat &&
		     (*letters == '*' ? member : speaks && strchr(letters, letter));
	}
	return n;
}

static char oracle_seat(const struct trial *t, int seat)
{
	double half = voices(t, seat, "*") / 2.0;

	if (voices(t, seat, "D") > half)
		return 'D';
	if (voices(t, seat, "UW") > half)
		return voices(t, seat, "W") > half ? 'W' : 'U';
	return voices(t, seat, "D") && voices(t, seat, "UW") ? '/' : '-';
}

static enum decision oracle(const struct trial *t, char *seats)
{
	int down = 0, works = 0, not_well = 0;

	for (int i = 0; i < t->rule.seats; i++) {
		seats[i] = oracle_seat(t, i);
		down += seats[i] == 'D';
		works += seats[i] == 'U' || seats[i] == 'W';
		not_well += seats[i] == 'D' || seats[i] == 'W';
	}
	seats[t->rule.seats] = 0;
	if (!(down < t->rule.down))
		return DECISION_DOWN;
	if (works < t->rule.up)
		return DECISION_UNDETERMINED;
	return not_well < t->rule.down ? DECISION_UP : DECISION_DEGRADED;
}

static void test_oracle(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r);
		char seats[SEATS_MAX + 1];
		int n[128] = {0};
		assert_int_equal(t.decision, oracle(&t, seats));
		for (int i = 0; seats[i]; i++)
			n[(int)seats[i]]++;
		assert_int_equal(t.tally.down, n['D']);
		assert_int_equal(t.tally.up, n['U']);
		assert_int_equal(t.tally.warning, n['W']);
		assert_int_equal(t.tally.split, n['/']);
		assert_int_equal(t.tally.absent, n['-']);
		for (int i = 0; i < t.n; i++) {
			char seat = seats[t.ballot[i].seat],
			     letter = "nUWD"[t.ballot[i].vote.verdict];
			bool agrees = t.fate[i] == FATE_COUNTED || t.fate[i] == FATE_SAME_SEAT;
			assert_true(!agrees || seat == letter);
			assert_true(t.fate[i] != FATE_OUTVOTED || seat != letter);
		}
	}
}

/* The threshold, by asking every severity of every seat. */
static void test_threshold_oracle(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r);
		int seats[SEVERITY_CRITICAL + 1] = {0}, well = 0;
		for (int seat = 0; seat < t.rule.seats; seat++) {
			int says[SEVERITY_CRITICAL + 1] = {0}, fine = 0, assigned = 0;
			for (int i = 0; i < t.n; i++) {
				const struct vote *v = &t.ballot[i].vote;
				assigned += t.ballot[i].seat == seat &&
					    t.ballot[i].excluded != EXCLUDED_REPLACED;
				if (t.ballot[i].seat != seat || t.fate[i] >= FATE_STALE)
					continue;
				for (int s = 0; s <= v->severity[THRESHOLD_SLOW]; s++)
					says[s]++;
				fine += v->severity[THRESHOLD_SLOW] == 0 &&
					v->verdict != VERDICT_DOWN;
			}
			for (int s = SEVERITY_WARNING; s <= SEVERITY_CRITICAL; s++)
				seats[s] += says[s] > assigned - says[s];
			well += fine > assigned - fine;
		}
		enum severity expected = SEVERITY_NONE;
		for (int s = SEVERITY_WARNING; s <= SEVERITY_CRITICAL; s++)
			if (seats[s] >= t.rule.down)
				expected = (enum severity)s;
		assert_int_equal(t.severity, expected);
		assert_int_equal(t.clear, well >= t.rule.up && expected == SEVERITY_NONE);
	}
}

/* ---- the architecture's tolerance statements, by brute force */

/* N seats: B lie (say whatever hurts), P have a broken path (see only down), C are silent. */
struct fault_case {
	int n, b, p, c, q, u;
};

/* What the seats say: LIARS first, then the broken paths and the silent; TARGET is what the rest see. */
static enum decision decision_with(const struct fault_case *f, char target, const char *liars)
{
	struct trial t = {.rule = {f->n, f->q, f->u}, .n = f->n};

	for (int i = 0; i < f->n; i++) {
		char letter = target;
		if (i < f->b)
			letter = liars[i];
		else if (i < f->b + f->p)
			letter = 'D';
		else if (i < f->b + f->p + f->c)
			letter = '-';
		t.ballot[i] = ballot_of(letter, i);
	}
	quorum_count(&t.rule, &test_view, t.ballot, t.n, NULL, &t.tally);
	return quorum_decide(&t.rule, &t.tally);
}

/* Whether some behaviour of the liars gives one of DECISIONS. All behaviours up to who is who: another
 * law says that names do not matter. */
static bool can_become(const struct fault_case *f, char target, unsigned decisions)
{
	char liars[SEATS_MAX];

	for (int up = 0; up <= f->b; up++)
		for (int warning = 0; up + warning <= f->b; warning++)
			for (int down = 0; up + warning + down <= f->b; down++) {
				memset(liars, '-', sizeof(liars));
				memset(liars, 'U', (size_t)up);
				memset(liars + up, 'W', (size_t)warning);
				memset(liars + up + warning, 'D', (size_t)down);
				if (decisions & (1U << decision_with(f, target, liars)))
					return true;
			}
	return false;
}

/* What people are told is borne is borne, and one more of any kind is not. */
static void check_told(const struct fault_case *f, bool borne)
{
	struct quorum_rule rule = {f->n, f->q, f->u};
	struct seat_faults told = tolerance_of(&rule);

	if (f->p == 0 && f->c == 0)
		assert_int_equal(borne, f->b <= told.lying);
	if (f->b == 0)
		assert_int_equal(borne, f->p <= told.broken && f->c <= told.silent);
}

static void check_case(struct fault_case f)
{
	const unsigned down = 1U << DECISION_DOWN;
	const unsigned up = 1U << DECISION_UP | 1U << DECISION_DEGRADED;
	bool both_possible = false;

	for (f.q = 1; f.q <= f.n; f.q++) {
		f.u = 1;
		struct quorum_rule rule = {f.n, f.q, f.u};
		struct seat_faults faults = {f.b, f.p, f.c};
		bool no_false_alert = !can_become(&f, 'U', down);
		bool no_missed_alert = !can_become(&f, 'D', ~down);
		assert_int_equal(no_false_alert, f.q >= f.b + f.p + 1);
		assert_int_equal(no_missed_alert, f.q <= f.n - f.b - f.c);
		assert_int_equal(no_false_alert, tolerance_no_false_alert(&rule, &faults));
		assert_int_equal(no_missed_alert, tolerance_no_missed_alert(&rule, &faults));
		both_possible |= no_false_alert && no_missed_alert;
		for (f.u = 1; f.u <= f.n; f.u++) {
			bool no_false_recovery = !can_become(&f, 'D', up);
			rule.up = f.u;
			assert_int_equal(
				no_false_recovery, f.u >= f.b + 1 || f.q <= f.n - f.b - f.c);
			assert_int_equal(
				no_false_recovery, tolerance_no_false_recovery(&rule, &faults));
		}
		check_told(&f, no_false_alert && no_missed_alert);
	}
	assert_int_equal(both_possible, f.n >= 2 * f.b + f.p + f.c + 1);
	assert_int_equal(
		both_possible, tolerance_possible(f.n, &(struct seat_faults){f.b, f.p, f.c}));
}

/* Silence seat after seat: as long as the margin says so, q is still in reach when all others say
 * down. */
static void test_margin(void **state)
{
	(void)state;
	for (int n = 1; n <= SEATS_MAX; n++)
		for (int q = 1; q <= n; q++)
			for (int silent = 0; silent <= n; silent++) {
				struct quorum_rule rule = {n, q, 1};
				struct tally now = {.up = n - silent, .absent = silent};
				int margin = tolerance_margin(&rule, &now);
				struct tally worst = {
					.down = n - silent - margin, .absent = silent + margin};
				if (margin >= 0)
					assert_int_equal(
						quorum_decide(&rule, &worst), DECISION_DOWN);
				worst.down--;
				assert_int_not_equal(quorum_decide(&rule, &worst), DECISION_DOWN);
			}
}

static void test_tolerance(void **state)
{
	(void)state;
	for (int n = 1; n <= 8; n++)
		for (int b = 0; b <= n; b++)
			for (int p = 0; b + p <= n; p++)
				for (int c = 0; b + p + c <= n; c++)
					check_case((struct fault_case){
						.n = n, .b = b, .p = p, .c = c});
}

/* The default of three: one fault of any kind is tolerated, two never give a false DOWN by silence.
 */
static void test_default_of_three(void **state)
{
	struct quorum_policy policy = {.down = {SHARE_MAJORITY, 0}, .up = {SHARE_AUTO, 0}};
	struct quorum_rule rule;

	(void)state;
	assert_int_equal(quorum_resolve(&policy, 3, &rule), 0);
	for (int kind = 0; kind < 3; kind++) {
		struct fault_case f = {3, kind == 0, kind == 1, kind == 2, rule.down, rule.up};
		assert_false(can_become(&f, 'U', ~(1U << DECISION_UP | 1U << DECISION_DEGRADED)));
		assert_false(can_become(&f, 'D', ~(1U << DECISION_DOWN)));
	}
	struct fault_case two_silent = {3, 0, 0, 2, rule.down, rule.up};
	assert_false(can_become(&two_silent, 'U', ~(1U << DECISION_UNDETERMINED)));
	assert_false(can_become(&two_silent, 'D', ~(1U << DECISION_UNDETERMINED)));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_names_of_seats_do_not_matter),
		cmocka_unit_test(test_time_shift),
		cmocka_unit_test(test_uncounted_votes_are_mute),
		cmocka_unit_test(test_the_replaced_are_nobody),
		cmocka_unit_test(test_monotone),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_threshold_oracle),
		cmocka_unit_test(test_tolerance),
		cmocka_unit_test(test_margin),
		cmocka_unit_test(test_default_of_three),
	};
	seed = rng_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
