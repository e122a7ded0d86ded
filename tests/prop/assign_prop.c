// SPDX-License-Identifier: MIT
/* Laws of the assignment over random sets of probes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/prop/rng.h"

#include "coordinator/core/assign.h"

#include <string.h>

#define RUNS           5000
#define CANDIDATES_MAX 24

static uint64_t seed;

struct trial {
	uint64_t monitor;
	struct candidate c[CANDIDATES_MAX + 1];
	size_t n;
	int seats, per_seat;
	struct assigned out[VOTERS_MAX];
	int n_out, n_seats;
};

static void assign(struct trial *t, const struct trial *previous)
{
	t->n_out = assign_seats(t->monitor, t->c, t->n, t->seats, t->per_seat,
		previous ? previous->out : NULL, previous ? previous->n_out : 0, t->out,
		&t->n_seats);
}

static struct candidate random_candidate(struct rng *r, uint32_t key)
{
	return (struct candidate){
		.key = key,
		.hash = rng_next(r),
		.domain = (uint64_t)rng_below(r, 8) * 7919,
		.available = rng_below(r, 4) > 0,
	};
}

static struct trial random_trial(struct rng *r)
{
	struct trial t = {.monitor = rng_next(r),
		.n = (size_t)rng_below(r, CANDIDATES_MAX + 1),
		.seats = 1 + rng_below(r, 9),
		.per_seat = 1 + rng_below(r, PER_SEAT_MAX)};

	for (size_t i = 0; i < t.n; i++)
		t.c[i] = random_candidate(r, (uint32_t)i + 1);
	assign(&t, NULL);
	return t;
}

static const struct candidate *candidate(const struct trial *t, uint32_t key)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->c[i].key == key)
			return &t->c[i];
	return NULL;
}

/* The seat of DOMAIN, or -1. */
static int seat_of_domain(const struct trial *t, uint64_t domain)
{
	for (int i = 0; i < t->n_out; i++)
		if (candidate(t, t->out[i].key)->domain == domain)
			return t->out[i].seat;
	return -1;
}

static bool votes(const struct trial *t, uint32_t key)
{
	for (int i = 0; i < t->n_out; i++)
		if (t->out[i].key == key)
			return true;
	return false;
}

static bool domain_has_available(const struct trial *t, uint64_t domain)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->c[i].domain == domain && t->c[i].available)
			return true;
	return false;
}

/* How many domains of A have no seat in B, among those that B knows. */
static int domains_lost(const struct trial *a, const struct trial *b)
{
	int lost = 0;
	uint64_t seen[VOTERS_MAX];
	int n_seen = 0;

	for (int i = 0; i < a->n_out; i++) {
		uint64_t domain = candidate(a, a->out[i].key)->domain;
		bool again = false;
		for (int j = 0; j < n_seen; j++)
			again |= seen[j] == domain;
		if (again)
			continue;
		seen[n_seen++] = domain;
		lost += seat_of_domain(b, domain) < 0;
	}
	return lost;
}

/* ---- laws */

static void test_shape(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r);
		int domains = assign_domains(t.c, t.n);
		assert_int_equal(t.n_seats, t.seats < domains ? t.seats : domains);
		for (int i = 0; i < t.n_out; i++) {
			uint64_t domain = candidate(&t, t.out[i].key)->domain;
			int in_seat = 0, in_domain = 0;
			assert_in_range(t.out[i].seat, 0, t.n_seats - 1);
			for (int j = 0; j < t.n_out; j++) {
				assert_true(i == j || t.out[i].key != t.out[j].key);
				assert_int_equal(t.out[i].seat == t.out[j].seat,
					candidate(&t, t.out[j].key)->domain == domain);
				in_seat += t.out[i].seat == t.out[j].seat;
			}
			for (size_t j = 0; j < t.n; j++)
				in_domain += t.c[j].domain == domain;
			assert_int_equal(in_seat, t.per_seat < in_domain ? t.per_seat : in_domain);
		}
	}
}

static void test_order_does_not_matter(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial previous = random_trial(&r), t = previous;
		for (size_t i = 0; i < t.n; i++)
			t.c[i].available = rng_below(&r, 2);
		struct trial u = t;
		for (size_t i = u.n; i > 1; i--) {
			size_t j = (size_t)rng_below(&r, (int)i);
			struct candidate swap = u.c[i - 1];
			u.c[i - 1] = u.c[j];
			u.c[j] = swap;
		}
		assign(&t, &previous);
		assign(&u, &previous);
		assert_int_equal(t.n_out, u.n_out);
		assert_memory_equal(t.out, u.out, (size_t)t.n_out * sizeof(t.out[0]));
	}
}

static void test_available_first(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r);
		for (int i = 0; i < t.n_out; i++) {
			const struct candidate *voter = candidate(&t, t.out[i].key);
			if (voter->available)
				continue;
			for (size_t j = 0; j < t.n; j++) {
				bool idle = t.c[j].available && !votes(&t, t.c[j].key);
				assert_false(idle && t.c[j].domain == voter->domain);
				assert_false(idle && !domain_has_available(&t, voter->domain) &&
					     seat_of_domain(&t, t.c[j].domain) < 0);
			}
		}
	}
}

/* One probe more: at most one domain loses its seat, only the newcomer gains a vote within a domain
 * that stays. */
static void test_coming_moves_only_what_it_must(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r), u = t;
		u.c[u.n++] = random_candidate(&r, 1000);
		assign(&u, &t);
		assert_true(domains_lost(&t, &u) <= 1);
		for (int i = 0; i < u.n_out; i++) {
			uint64_t domain = candidate(&u, u.out[i].key)->domain;
			int before = seat_of_domain(&t, domain);
			if (before >= 0) /* a domain that stays keeps its seat and its voters */
				assert_int_equal(u.out[i].seat, before);
			if (before >= 0 && !votes(&t, u.out[i].key))
				assert_int_equal(u.out[i].key, 1000);
		}
		for (int i = 0; i < u.n_out; i++)
			if (seat_of_domain(&t, candidate(&u, u.out[i].key)->domain) < 0)
				assert_int_equal(
					candidate(&u, u.out[i].key)->domain, u.c[t.n].domain);
	}
}

/* One probe is gone (not available any more): nothing else moves but what takes its place. */
static void test_going_moves_only_what_it_must(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r), u = t;
		if (t.n == 0)
			continue;
		struct candidate *gone = &u.c[rng_below(&r, (int)u.n)];
		bool was_voter = votes(&t, gone->key);
		gone->available = false;
		assign(&u, &t);
		assert_int_equal(u.n_seats, t.n_seats);
		assert_true(domains_lost(&t, &u) <= 1);
		int newcomers = 0;
		for (int i = 0; i < u.n_out; i++) {
			int before = seat_of_domain(&t, candidate(&u, u.out[i].key)->domain);
			if (before >= 0)
				assert_int_equal(u.out[i].seat, before);
			newcomers += before >= 0 && !votes(&t, u.out[i].key);
		}
		assert_true(newcomers <= 1);
		if (!was_voter)
			assert_memory_equal(t.out, u.out, (size_t)t.n_out * sizeof(t.out[0]));
	}
}

/* Coming back gives the old electorate back: domains and voters. */
static void test_coming_back(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r), u = t, v = t;
		if (t.n == 0)
			continue;
		u.c[rng_below(&r, (int)u.n)].available = false;
		assign(&u, &t);
		assign(&v, &u);
		for (int i = 0; i < t.n_out; i++)
			assert_true(votes(&v, t.out[i].key));
		assert_int_equal(t.n_out, v.n_out);
	}
}

/* Every probe gets its share: 2000 monitors, 3 seats, 10 domains. */
static bool is_among(const struct assigned *a, int n, const bool *marked, uint32_t key)
{
	for (int i = 0; i < n; i++)
		if (marked[i] && a[i].key == key)
			return true;
	return false;
}

/* CANDIDATE keeps its seat in T although it was to be replaced: nobody who is free could have it. */
static void assert_nobody_could(const struct trial *t, const struct candidate *c,
	const bool *replaced, const struct trial *before)
{
	bool alone = true;

	for (int i = 0; i < t->n_out; i++) {
		const struct candidate *voter = candidate(t, t->out[i].key);
		alone &= t->out[i].shadow || !voter->available || voter->domain != c->domain;
	}
	for (size_t j = 0; j < before->n; j++) {
		const struct candidate *other = &before->c[j];
		if (!other->available || votes(t, other->key) ||
			is_among(before->out, before->n_out, replaced, other->key))
			continue;
		assert_true(other->domain != c->domain);
		assert_true(!alone || seat_of_domain(t, other->domain) >= 0);
	}
}

/* Some of one seat are replaced: every other seat is as it was, and they are shadows, or nobody could
 * have the seat. */
static void test_replaced(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct trial t = random_trial(&r), u = t;
		bool replaced[VOTERS_MAX] = {false};
		int seat = t.n_seats > 0 ? rng_below(&r, t.n_seats) : 0, k = 0;
		for (int i = 0; i < t.n_out; i++)
			replaced[i] = t.out[i].seat == seat && rng_below(&r, 2);
		u.n_out = assign_replace(
			u.monitor, u.c, u.n, u.per_seat, replaced, u.out, t.n_out, t.n_seats);
		for (int i = 0; i < t.n_out; i++) {
			assert_true(!replaced[i] || votes(&u, t.out[i].key)); /* a shadow, or not */
			if (t.out[i].seat == seat)
				continue;
			while (u.out[k].seat == seat)
				k++;
			assert_int_equal(u.out[k].key, t.out[i].key);
			assert_int_equal(u.out[k++].seat, t.out[i].seat);
		}
		for (int i = 0; i < u.n_out; i++) {
			bool was = is_among(t.out, t.n_out, replaced, u.out[i].key);
			assert_true(!u.out[i].shadow || (was && u.out[i].seat == seat));
			assert_true(i == 0 || u.out[i].shadow >= u.out[i - 1].shadow);
			if (was && !u.out[i].shadow)
				assert_nobody_could(&u, candidate(&u, u.out[i].key), replaced, &t);
		}
	}
}

static void test_even_shares(void **state)
{
	struct rng r = {seed};
	int share[10] = {0}, first[10] = {0};

	(void)state;
	for (int run = 0; run < 2000; run++) {
		struct trial t = {.monitor = rng_next(&r), .n = 10, .seats = 3, .per_seat = 1};
		for (uint32_t i = 0; i < 10; i++)
			t.c[i] = (struct candidate){
				.key = i + 1, .hash = i, .domain = i, .available = true};
		assign(&t, NULL);
		for (int i = 0; i < t.n_out; i++)
			share[t.out[i].key - 1]++;
		first[t.out[0].key - 1]++;
	}
	for (int i = 0; i < 10; i++) {
		assert_in_range(share[i], 480, 720); /* 600, five sigma and more */
		assert_in_range(first[i], 130, 270); /* 200 */
	}
}

/* Phases of monitors are spread over the interval; the seats of one are even. */
static void test_phases(void **state)
{
	struct rng r = {seed};
	int tenth[10] = {0};

	(void)state;
	for (int run = 0; run < 5000; run++) {
		uint64_t monitor = rng_next(&r);
		int64_t interval_ms = 1000 + rng_ms(&r, 86400000);
		int n = 1 + rng_below(&r, SEATS_MAX);
		int64_t first = assign_phase_ms(monitor, 0, n, interval_ms);
		for (int seat = 0; seat < n; seat++) {
			int64_t phase = assign_phase_ms(monitor, seat, n, interval_ms);
			int64_t apart = (phase - first + interval_ms) % interval_ms;
			assert_in_range(phase, 0, interval_ms - 1);
			assert_true(apart * n <= interval_ms * seat &&
				    (apart + 1) * n > interval_ms * seat);
			int64_t wall_ms = rng_ms(&r, INT64_C(1) << 42);
			int64_t in_ms = assign_next_in_ms(phase, interval_ms, wall_ms);
			assert_in_range(in_ms, 0, interval_ms - 1);
			assert_int_equal((wall_ms + in_ms - phase) % interval_ms, 0);
		}
		tenth[first * 10 / interval_ms]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(tenth[i], 390, 610);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_available_first),
		cmocka_unit_test(test_coming_moves_only_what_it_must),
		cmocka_unit_test(test_going_moves_only_what_it_must),
		cmocka_unit_test(test_coming_back),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_even_shares),
		cmocka_unit_test(test_phases),
	};
	seed = rng_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
