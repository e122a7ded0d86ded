// SPDX-License-Identifier: MIT
/* Seats and phases by example; the laws are in tests/prop/assign_prop.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/core/assign.h"
#include "quorate/attr.h"

#include <string.h>

#define MONITOR 0x1234567890abcdefU

static struct candidate probe(uint32_t key, uint64_t domain)
{
	return (struct candidate){
		.key = key, .hash = key * 2654435761U, .domain = domain, .available = true};
}

static const struct assigned *find(const struct assigned *out, int n, uint32_t key)
{
	for (int i = 0; i < n; i++)
		if (out[i].key == key)
			return &out[i];
	return NULL;
}

static void test_domains(void **state)
{
	struct candidate c[] = {
		probe(1, 10), probe(2, 10), probe(3, 20), probe(4, 0), probe(5, 20)};

	(void)state;
	assert_int_equal(assign_domains(c, 0), 0);
	assert_int_equal(assign_domains(c, 1), 1);
	assert_int_equal(assign_domains(c, 2), 1);
	assert_int_equal(assign_domains(c, 5), 3);
}

static void test_sizes(void **state)
{
	static const struct {
		size_t candidates; /* two per domain */
		int seats, per_seat, n_seats, voters;
	} table[] = {
		{0, 3, 1, 0, 0},
		{1, 3, 1, 1, 1},
		{1, 3, 3, 1, 1},
		{6, 3, 1, 3, 3},
		{6, 3, 2, 3, 6},
		{6, 3, 3, 3, 6},
		{6, 1, 1, 1, 1},
		{6, 5, 1, 3, 3},
		{60, 15, 3, 15, 30},
		{60, 99, 1, 15, 15},
		{60, 0, 1, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct candidate c[60];
		struct assigned out[VOTERS_MAX];
		int n_seats = -1;
		for (uint32_t k = 0; k < table[i].candidates; k++)
			c[k] = probe(k + 1, k / 2 + 100);
		for (int k = 0; k < VOTERS_MAX; k++)
			out[k] = (struct assigned){.seat = -7, .key = 7};
		assert_int_equal(assign_seats(MONITOR, c, table[i].candidates, table[i].seats,
					 table[i].per_seat, NULL, 0, out, &n_seats),
			table[i].voters);
		assert_int_equal(n_seats, table[i].n_seats);
		for (int k = table[i].voters; k < VOTERS_MAX; k++) /* nothing beyond */
			assert_true(out[k].seat == -7 && out[k].key == 7);
	}
}

static void test_seats_in_order_and_domains_distinct(void **state)
{
	struct candidate c[12];
	struct assigned out[VOTERS_MAX];
	int n_seats;

	(void)state;
	for (uint32_t k = 0; k < 12; k++)
		c[k] = probe(k + 1, k % 4);
	int n = assign_seats(MONITOR, c, 12, 3, 2, NULL, 0, out, &n_seats);
	assert_int_equal(n, 6);
	for (int i = 0; i < n; i++) {
		assert_int_equal(out[i].seat, i / 2);
		for (int j = 0; j < n; j++)
			assert_int_equal((out[i].key - 1) % 4 == (out[j].key - 1) % 4,
				out[i].seat == out[j].seat);
	}
}

/* The one that is gone is replaced from its own domain, else by another domain; without any, it
 * keeps the seat. */
static void test_unavailable(void **state)
{
	struct candidate c[] = {probe(1, 10), probe(2, 10), probe(3, 20), probe(4, 30)};
	struct assigned first[VOTERS_MAX], out[VOTERS_MAX];
	int n_seats;

	(void)state;
	assert_int_equal(assign_seats(MONITOR, c, 4, 3, 1, NULL, 0, first, &n_seats), 3);
	uint32_t voter = find(first, 3, 1) ? 1 : 2, spare = 3 - voter;
	c[voter - 1].available = false;
	assert_int_equal(assign_seats(MONITOR, c, 4, 3, 1, first, 3, out, &n_seats), 3);
	assert_null(find(out, 3, voter));
	assert_non_null(find(out, 3, spare));
	assert_int_equal(find(out, 3, spare)->seat, find(first, 3, voter)->seat);
	assert_int_equal(find(out, 3, 3)->seat, find(first, 3, 3)->seat);

	c[spare - 1].available = false;
	assert_int_equal(assign_seats(MONITOR, c, 4, 3, 1, first, 3, out, &n_seats), 3);
	assert_int_equal(find(out, 3, voter)->seat, find(first, 3, voter)->seat);

	c[2].available = c[3].available = false; /* nobody is there: nothing moves */
	assert_int_equal(assign_seats(MONITOR, c, 4, 3, 1, first, 3, out, &n_seats), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(find(out, 3, first[i].key)->seat, first[i].seat);
}

/* Who is in quarantine for long: as one that is gone, but for a shadow with the number of its seat. */
static void test_replaced(void **state)
{
	struct candidate c[] = {probe(1, 10), probe(2, 10), probe(3, 20), probe(4, 30)};
	struct assigned first[VOTERS_MAX], out[VOTERS_MAX];
	bool replaced[VOTERS_MAX] = {false};
	int n_seats;

	(void)state;
	assert_int_equal(assign_seats(MONITOR, c, 4, 3, 1, NULL, 0, first, &n_seats), 3);
	memcpy(out, first, sizeof(out));
	assert_int_equal(assign_replace(MONITOR, c, 4, 1, replaced, out, 3, 3), 3);
	assert_memory_equal(out, first, 3 * sizeof(*out)); /* nobody is */

	uint32_t voter = find(first, 3, 1) ? 1 : 2, spare = 3 - voter;
	for (int i = 0; i < 3; i++)
		replaced[i] = first[i].key == voter;
	assert_int_equal(assign_replace(MONITOR, c, 4, 1, replaced, out, 3, 3), 4);
	assert_int_equal(out[3].key, voter);
	assert_true(out[3].shadow);
	assert_int_equal(out[3].seat, find(first, 3, voter)->seat);
	for (int i = 0; i < 3; i++) {
		assert_false(out[i].shadow);
		assert_int_equal(out[i].seat, first[i].seat);
		assert_int_equal(out[i].key, replaced[i] ? spare : first[i].key);
	}

	/* the next time it is the same, from what there was then; and when it is over, too */
	for (size_t k = 0; k < 4; k++)
		c[k].available = true;
	struct assigned again[VOTERS_MAX];
	assert_int_equal(assign_seats(MONITOR, c, 4, 3, 1, out, 4, again, &n_seats), 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(again[i].key, first[i].key);
		assert_int_equal(again[i].seat, first[i].seat);
	}
}

static void test_replaced_from_another_domain_or_not_at_all(void **state)
{
	struct candidate c[] = {probe(1, 10), probe(2, 20), probe(3, 30), probe(4, 40)};
	struct assigned first[VOTERS_MAX], out[VOTERS_MAX];
	int n_seats;

	(void)state;
	assert_int_equal(assign_seats(MONITOR, c, 4, 3, 1, NULL, 0, first, &n_seats), 3);
	uint32_t spare = 10 - first[0].key - first[1].key - first[2].key;
	for (int seat = 0; seat < 3; seat++) {
		bool replaced[VOTERS_MAX] = {false};
		struct candidate was_first = c[0];
		size_t at = 0;
		while (c[at].key != first[seat].key)
			at++;
		c[0] = c[at]; /* the order of the candidates does not matter */
		c[at] = was_first;
		replaced[seat] = true;
		for (size_t k = 0; k < 4; k++)
			c[k].available = true;
		memcpy(out, first, sizeof(out));
		assert_int_equal(assign_replace(MONITOR, c, 4, 1, replaced, out, 3, 3), 4);
		assert_int_equal(out[seat].key, spare);
		assert_int_equal(out[seat].seat, seat);
		assert_int_equal(out[3].key, first[seat].key);

		for (size_t k = 0; k < 4; k++)
			c[k].available = c[k].key != spare; /* who might take it is gone */
		memcpy(out, first, sizeof(out));
		assert_int_equal(assign_replace(MONITOR, c, 4, 1, replaced, out, 3, 3), 3);
		assert_memory_equal(out, first, 3 * sizeof(*out));
	}
}

/* One that is under sentence itself keeps its own seat, and gets no other's. */
static void test_replaced_by_nobody_who_is_barred(void **state)
{
	struct candidate c[] = {probe(1, 10), probe(2, 20), probe(3, 30), probe(4, 40)};
	struct assigned first[VOTERS_MAX], out[VOTERS_MAX];
	bool replaced[VOTERS_MAX] = {true};
	int n_seats;

	(void)state;
	assert_int_equal(assign_seats(MONITOR, c, 4, 3, 1, NULL, 0, first, &n_seats), 3);
	for (size_t k = 0; k < 4; k++)
		c[k].barred = c[k].key != first[2].key;
	memcpy(out, first, sizeof(out));
	assert_int_equal(assign_replace(MONITOR, c, 4, 1, replaced, out, 3, 3), 3);
	assert_memory_equal(out, first, 3 * sizeof(*out));
}

/* Two voters to a seat, and one of them in quarantine. */
static void test_replaced_beside_another_of_the_seat(void **state)
{
	struct candidate c[] = {probe(1, 10), probe(2, 10), probe(3, 10)};
	bool replaced[VOTERS_MAX] = {true};
	struct assigned out[VOTERS_MAX];
	int n_seats;

	(void)state;
	assert_int_equal(assign_seats(MONITOR, c, 3, 1, 2, NULL, 0, out, &n_seats), 2);
	uint32_t liar = out[0].key, honest = out[1].key;
	assert_int_equal(assign_replace(MONITOR, c, 3, 2, replaced, out, 2, 1), 3);
	assert_non_null(find(out, 2, honest));
	assert_non_null(find(out, 2, 6 - liar - honest));
	assert_int_equal(out[2].key, liar);

	struct assigned two[] = {{.key = 1}, {.key = 2}}; /* nobody else */
	assert_int_equal(assign_replace(MONITOR, c, 2, 2, replaced, two, 2, 1), 2);
	assert_false(two[0].shadow || two[1].shadow);
}

static void test_another_domain_takes_the_free_number(void **state)
{
	struct candidate c[] = {probe(1, 10), probe(2, 20), probe(3, 30), probe(4, 40)};
	struct assigned first[VOTERS_MAX], out[VOTERS_MAX];
	int n_seats;

	(void)state;
	assert_int_equal(assign_seats(MONITOR, c, 4, 3, 1, NULL, 0, first, &n_seats), 3);
	uint32_t gone = first[0].key, spare = 10;
	for (int i = 0; i < 3; i++)
		spare -= first[i].key;
	c[gone - 1].available = false;
	assert_int_equal(assign_seats(MONITOR, c, 4, 3, 1, first, 3, out, &n_seats), 3);
	assert_int_equal(out[0].key, spare);
	assert_int_equal(out[1].key, first[1].key);
	assert_int_equal(out[2].key, first[2].key);
}

static void test_previous_that_makes_no_sense(void **state)
{
	struct candidate c[] = {probe(1, 10), probe(2, 20)};
	static const struct assigned previous[] = {{0, 99, false}, {7, 1, false}, {2, 2, false},
		{-1, 2, false}, {1, 1, false}, {1, 2, false}, {0, 1, false}};
	struct assigned out[VOTERS_MAX];
	int n_seats;

	(void)state;
	int n = assign_seats(MONITOR, c, 2, 3, 1, previous, ARRAY_LEN(previous), out, &n_seats);
	assert_int_equal(n, 2);
	assert_int_equal(n_seats, 2);
	assert_int_equal(find(out, 2, 1)->seat, 1); /* the first claim that fits */
	assert_int_equal(find(out, 2, 2)->seat, 0);
}

static void test_phases(void **state)
{
	static const int64_t intervals[] = {1000, 60000, 86400000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(intervals); i++) {
		int64_t first = assign_phase_ms(MONITOR, 0, 5, intervals[i]);
		for (int seat = 0; seat < 5; seat++) {
			int64_t phase = assign_phase_ms(MONITOR, seat, 5, intervals[i]);
			assert_in_range(phase, 0, intervals[i] - 1);
			assert_int_equal((phase - first + intervals[i]) % intervals[i],
				intervals[i] / 5 * seat);
		}
	}
	assert_int_not_equal(
		assign_phase_ms(MONITOR, 0, 3, 60000), assign_phase_ms(MONITOR + 1, 0, 3, 60000));
	assert_in_range(assign_phase_ms(MONITOR, 0, 0, 60000), 0, 59999);
}

/* Seats and phases outlive restarts and upgrades: these numbers must never change. */
static void test_frozen(void **state)
{
	static const uint64_t monitors[] = {0, 1, MONITOR, UINT64_MAX};
	static const int64_t phases[] = {69807535, 4022465, 34707476, 24443936};
	static const uint32_t voters[][3] = {{4, 1, 7}, {7, 8, 4}, {6, 1, 7}, {2, 6, 4}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(monitors); i++) {
		struct candidate c[8];
		struct assigned out[VOTERS_MAX];
		int n_seats;
		for (uint32_t k = 0; k < 8; k++)
			c[k] = probe(k + 1, k * 1000);
		assert_int_equal(assign_phase_ms(monitors[i], 0, 0, 86400000), phases[i]);
		assert_int_equal(assign_phase_ms(monitors[i], 0, 1, 86400000), phases[i]);
		assert_int_equal(assign_seats(monitors[i], c, 8, 3, 1, NULL, 0, out, &n_seats), 3);
		for (int seat = 0; seat < 3; seat++)
			assert_int_equal(out[seat].key, voters[i][seat]);
	}
}

static void test_next_in(void **state)
{
	static const struct {
		int64_t phase, interval, wall, in;
	} table[] = {
		{0, 60000, 0, 0},
		{0, 60000, 1, 59999},
		{0, 60000, 59999, 1},
		{0, 60000, 60000, 0},
		{20000, 60000, 19999, 1},
		{20000, 60000, 20000, 0},
		{20000, 60000, 20001, 59999},
		{59999, 60000, 1700000000000, 39999},
		{20000, 60000, -1, 20001},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(
			assign_next_in_ms(table[i].phase, table[i].interval, table[i].wall),
			table[i].in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_seats_in_order_and_domains_distinct),
		cmocka_unit_test(test_unavailable),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_replaced_from_another_domain_or_not_at_all),
		cmocka_unit_test(test_replaced_by_nobody_who_is_barred),
		cmocka_unit_test(test_replaced_beside_another_of_the_seat),
		cmocka_unit_test(test_another_domain_takes_the_free_number),
		cmocka_unit_test(test_previous_that_makes_no_sense),
		cmocka_unit_test(test_phases),
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_next_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
