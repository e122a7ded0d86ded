// SPDX-License-Identifier: MIT
/* Laws of the quarantine: nobody can mute a probe for others, and no electorate loses more than it
 * can spare, whatever is said. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/quarantine.h"
#include "tests/prop/rng.h"

#include <string.h>

#define RUNS     3000
#define ORGS     7
#define SAID_MAX 60
#define STEP_MS  20000
#define STEPS    40

static uint64_t seed;

/* ---- evidence */

static struct testimony random_testimony(struct rng *r)
{
	return (struct testimony){
		.organization = (uint64_t)(1 + rng_below(r, ORGS)),
		.network = (uint64_t)rng_below(r, 6),
		.dissents = rng_below(r, 2) == 0,
		.interval_ms = 1 + rng_ms(r, 400000),
	};
}

static void shuffle(struct rng *r, struct testimony *t, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)rng_below(r, (int)i);
		struct testimony swap = t[i - 1];
		t[i - 1] = t[j];
		t[j] = swap;
	}
}

static size_t count_all(struct testimony *t, size_t n, struct accusation *out)
{
	size_t organizations = 0;

	quarantine_sort(t, n);
	for (size_t i = 1; i < n; i++)
		assert_true(t[i - 1].organization <= t[i].organization);
	for (size_t i = 0; i < n; organizations++)
		i += quarantine_count(&t[i], n - i, &out[organizations]);
	return organizations;
}

/* The same evidence in any order, or twice over, is the same evidence. */
static void test_each_network_counts_once(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < RUNS; run++) {
		struct testimony t[2 * SAID_MAX];
		struct accusation once[ORGS + 1], again[ORGS + 1];
		size_t n = (size_t)rng_below(&r, SAID_MAX) + 1;
		memset(once, 0, sizeof(once));
		memset(again, 0, sizeof(again));
		for (size_t i = 0; i < n; i++)
			t[i] = t[n + i] = random_testimony(&r);
		size_t organizations = count_all(t, n, once);
		shuffle(&r, t, 2 * n);
		assert_int_equal(count_all(t, 2 * n, again), organizations);
		for (size_t i = 0; i < organizations; i++) {
			again[i].network = once[i].network; /* any of those that contradict */
			assert_memory_equal(&once[i], &again[i], sizeof(once[i]));
			assert_true(once[i].against <= once[i].networks && once[i].networks <= 6);
		}
	}
}

/* ---- one tenant */

/* Everybody's charges against one probe. */
struct court_of_all {
	struct charge charge[ORGS + 1];
};

static bool hear(struct court_of_all *all, struct testimony *t, size_t n, int64_t now_ms)
{
	struct accusation found[ORGS + 1];
	size_t organizations = count_all(t, n, found);

	for (size_t i = 0; i < organizations; i++)
		quarantine_follow(&all->charge[found[i].organization], &found[i], now_ms);
	return quarantine_everywhere(all->charge, ORGS + 1, (int)organizations);
}

static int accusers_but(const struct court_of_all *all, uint64_t tenant)
{
	int accusers = 0;

	for (uint64_t i = 1; i <= ORGS; i++)
		accusers += i != tenant && all->charge[i].accuses.on;
	return accusers;
}

/* What a tenant says moves no other tenant's charges, and sets aside everywhere only what at least
 * two others accuse. */
static void test_one_tenant_mutes_nobody_for_others(void **state)
{
	struct rng r = {seed};
	int seen_everywhere = 0;

	(void)state;
	for (int run = 0; run < RUNS / 10; run++) {
		struct court_of_all with = {0}, without = {0};
		uint64_t tenant = (uint64_t)(1 + rng_below(&r, ORGS));
		int honesty = 1 + rng_below(&r, 4);
		for (int step = 1; step <= STEPS; step++) {
			struct testimony all[SAID_MAX], others[SAID_MAX];
			size_t n_others = 0;
			for (size_t i = 0; i < SAID_MAX; i++) {
				all[i] = random_testimony(&r);
				all[i].interval_ms = 60000;
				all[i].dissents = all[i].organization == tenant ||
						  all[i].organization % 4 < (unsigned)honesty;
				if (all[i].organization != tenant)
					others[n_others++] = all[i];
			}
			bool everywhere = hear(&with, all, SAID_MAX, step * STEP_MS);
			(void)hear(&without, others, n_others, step * STEP_MS);
			without.charge[tenant] = with.charge[tenant];
			for (int i = 0; i <= ORGS; i++)
				without.charge[i].network = with.charge[i].network;
			assert_memory_equal(&with, &without, sizeof(with));
			if (everywhere)
				assert_true(accusers_but(&with, tenant) >= 2);
			seen_everywhere += everywhere;
		}
	}
	assert_true(seen_everywhere > 0);
}

/* ---- electorates */

static bool is_before(const struct detainee *a, const struct detainee *b)
{
	return a->since_ms < b->since_ms || (a->since_ms == b->since_ms && a->key < b->key);
}

static void test_no_electorate_loses_more_than_it_can_spare(void **state)
{
	struct rng r = {seed};

	(void)state;
	for (int run = 0; run < 10 * RUNS; run++) {
		struct detainee d[VOTERS_MAX];
		bool taken[VOTERS_MAX];
		int seats = 1 + rng_below(&r, 10), n = 0, lost = 0, seat = -1, wanted = 0;
		for (int i = 0; i < seats; i++)
			for (int k = 1 + rng_below(&r, PER_SEAT_MAX); k > 0 && n < VOTERS_MAX;
				k--) {
				d[n] = (struct detainee){i, rng_below(&r, 3) == 0,
					rng_below(&r, 12) == 0, rng_ms(&r, 4), (uint32_t)n + 1};
				n++;
			}
		quarantine_take(d, n, seats, taken);
		bool spread = false, any_gone = false;
		for (int i = 0; i < n; i++) {
			assert_true(!taken[i] || (d[i].wanted && !d[i].gone));
			any_gone |= d[i].gone;
			wanted += d[i].wanted && !d[i].gone;
			if (!taken[i] && !d[i].gone)
				continue;
			lost++;
			spread |= seat != -1 && seat != d[i].seat;
			seat = d[i].seat;
		}
		int took = 0;
		for (int i = 0; i < n; i++)
			took += taken[i];
		if (took > 0) {
			assert_false(spread);
			assert_true(lost <= (seats - 1) / 3);
		}
		if (!any_gone && wanted > 0 && seats >= 4)
			assert_true(took > 0);
		if (any_gone || took == 0)
			continue;
		for (int i = 0; i < n; i++) /* nobody who is left had to go first */
			for (int k = 0; k < n; k++)
				if (d[i].wanted && !taken[i] && taken[k] && d[i].seat == d[k].seat)
					assert_true(is_before(&d[k], &d[i]));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_network_counts_once),
		cmocka_unit_test(test_one_tenant_mutes_nobody_for_others),
		cmocka_unit_test(test_no_electorate_loses_more_than_it_can_spare),
	};

	seed = rng_seed(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
