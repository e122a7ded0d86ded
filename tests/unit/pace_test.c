// SPDX-License-Identifier: MIT
/* Buckets by table, and what a place keeps in mind of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/pace.h"
#include "quorate/attr.h"
#include "quorate/result.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND_US 1000000

static void a_second_may_be_spent_at_once(void **state)
{
	static const struct {
		int64_t per_second, taken, after_us, next_in_us;
	} cases[] = {{1, 0, 0, 0}, {1, 1, 0, SECOND_US}, {1, 1, SECOND_US - 1, 1},
		{1, 1, SECOND_US, 0}, {10, 9, 0, 0}, {10, 10, 0, 100000}, {10, 10, 100000, 0},
		{10, 12, 0, 300000}, {3, 3, 0, 333333}, {SECOND_US, SECOND_US - 1, 0, 0},
		{SECOND_US, SECOND_US, 0, 1}};
	const int64_t now_us = 5 * SECOND_US;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bucket b = {0};
		struct rate rate = rate_of(cases[i].per_second);
		for (int64_t k = 0; k < cases[i].taken; k++)
			bucket_take(&b, &rate, now_us);
		int64_t then_us = now_us + cases[i].after_us;
		if (bucket_next_us(&b, &rate, then_us) != then_us + cases[i].next_in_us)
			fail_msg("case %zu: in %lld us", i,
				(long long)(bucket_next_us(&b, &rate, then_us) - then_us));
	}
}

static struct place *place_at(const char *host)
{
	char target[32];
	snprintf(target, sizeof(target), "%s", host);
	struct monitor m = {.type = CHECK_PING, .target = target};
	return place_new(&m);
}

static void one_bucket_for_all_of_one_host(void **state)
{
	struct paces paces = {0};
	struct place *a = place_at("Host.Test"), *b = place_at("host.test"),
		     *c = place_at("x.test");
	(void)state;
	struct bucket *of_a = paces_find(&paces, a, 1);
	assert_ptr_equal(paces_find(&paces, b, 1), of_a);
	assert_ptr_not_equal(paces_find(&paces, c, 1), of_a);
	assert_ptr_equal(paces_find(&paces, a, 1), of_a);
	paces_clear(&paces);
	free(a);
	free(b);
	free(c);
}

/* The sanitizer sees a bucket that is used after it was forgotten. */
static void what_is_forgotten_is_looked_for_again(void **state)
{
	struct paces paces = {0};
	struct rate rate = rate_of(1);
	struct place *old = place_at("old.test");
	int64_t now_us = SECOND_US;
	(void)state;
	bucket_take(paces_find(&paces, old, now_us), &rate, now_us);
	for (int i = 0; i < 600; i++) { /* others come, and its bucket is full again meanwhile */
		char host[32];
		snprintf(host, sizeof(host), "h%d.test", i);
		struct place *other = place_at(host);
		now_us += SECOND_US;
		bucket_take(paces_find(&paces, other, now_us), &rate, now_us);
		free(other);
	}
	struct bucket *again = paces_find(&paces, old, now_us);
	assert_int_equal(again->full_at_us, 0);
	bucket_take(again, &rate, now_us);
	assert_int_equal(
		bucket_next_us(paces_find(&paces, old, now_us), &rate, now_us), now_us + SECOND_US);
	paces_clear(&paces);
	free(old);
}

/* A job may outlive the engine that it was first run by. */
static void other_paces_have_their_own(void **state)
{
	struct paces first = {0}, second = {0};
	struct place *place = place_at("host.test");
	(void)state;
	struct bucket *of_first = paces_find(&first, place, 1);
	assert_ptr_not_equal(paces_find(&second, place, 1), of_first);
	paces_clear(&second);
	assert_ptr_equal(paces_find(&first, place, 1), of_first);
	paces_clear(&first);
	assert_int_equal(paces_find(&first, place, 1)->full_at_us, 0);
	paces_clear(&first);
	free(place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_may_be_spent_at_once),
		cmocka_unit_test(one_bucket_for_all_of_one_host),
		cmocka_unit_test(what_is_forgotten_is_looked_for_again),
		cmocka_unit_test(other_paces_have_their_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
