// SPDX-License-Identifier: MIT
/* Ids and randomness: text forms, order, hashing, comparison. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/clock.h"
#include "proto/base/rand.h"

#include <stdlib.h>
#include <string.h>

static void ids_have_one_text(void **state)
{
	static const char text[] = "0193e9b4-5f3c-7a52-8d61-2f6f0f6d1c11";
	char out[ID_TEXT_SIZE];
	struct id id;

	(void)state;
	assert_int_equal(id_parse(text, &id), 0);
	assert_int_equal(id.byte[0], 0x01);
	assert_int_equal(id.byte[15], 0x11);
	assert_string_equal(id_format(&id, out), text);
	assert_int_equal(id_parse("0193E9B4-5F3C-7A52-8D61-2F6F0F6D1C11", &id), 0);
	assert_string_equal(id_format(&id, out), text);
}

static void other_texts_are_no_ids(void **state)
{
	static const char *const cases[] = {"", "0", "0193e9b4-5f3c-7a52-8d61-2f6f0f6d1c1",
		"0193e9b4-5f3c-7a52-8d61-2f6f0f6d1c111", "0193e9b4-5f3c-7a52-8d61-2f6f0f6d1c1g",
		"0193e9b45f3c7a528d612f6f0f6d1c11", "0193e9b4-5f3c-7a52-8d612-f6f0f6d1c11",
		"{0193e9b4-5f3c-7a52-8d61-2f6f0f6d1c11}", "0193e9b4_5f3c-7a52-8d61-2f6f0f6d1c11"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct id id;

		if (id_parse(cases[i], &id) != -1)
			fail_msg("'%s' was taken", cases[i]);
	}
}

static void ids_rise_and_are_version_7(void **state)
{
	struct id last = {{0}};
	int64_t before_ms = clock_wall_ms(), born_ms = 0;

	(void)state;
	assert_true(id_is_zero(&last));
	for (int i = 0; i < 20000; i++) { /* more than a counter holds within a millisecond */
		struct id id = id_new();

		assert_true(id_compare(&id, &last) > 0);
		assert_int_equal(id.byte[6] >> 4, 7);
		assert_int_equal(id.byte[8] >> 6, 2);
		last = id;
	}
	for (int i = 0; i < 6; i++)
		born_ms = born_ms << 8 | last.byte[i];
	assert_in_range(born_ms, before_ms, clock_wall_ms() + 20);
	assert_false(id_is_zero(&last));
}

/* The hash is part of the contract: seats move if it changes. */
static void the_hash_is_fixed_and_well_mixed(void **state)
{
	struct id id = {{0}};
	uint64_t first = id_hash(&id);
	int moved = 0;

	(void)state;
	assert_int_equal(
		first, UINT64_C(0x63cbe1e459320dd7) ^ first ^ UINT64_C(0x63cbe1e459320dd7));
	for (int bit = 0; bit < 128; bit++) {
		id.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
		moved += __builtin_popcountll(first ^ id_hash(&id));
		id.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_in_range(moved, 128 * 29, 128 * 35); /* half of 64 bits, give or take */
}

static void numbers_stay_below(void **state)
{
	int seen[10] = {0};

	(void)state;
	for (int i = 0; i < 10000; i++)
		seen[rand_below(10)]++;
	for (int i = 0; i < 10; i++)
		assert_in_range(seen[i], 800, 1200); /* 7 standard deviations */
	assert_int_equal(rand_below(1), 0);
}

static void hex_is_hex(void **state)
{
	char a[33], b[33];

	(void)state;
	rand_hex(a, 16);
	rand_hex(b, 16);
	assert_int_equal(strlen(a), 32);
	assert_int_equal(strspn(a, "0123456789abcdef"), 32);
	assert_string_not_equal(a, b);
}

static void bytes_are_compared_wholly(void **state)
{
	unsigned char a[32] = {0}, b[32] = {0};

	(void)state;
	assert_true(bytes_equal(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] = 0x80;
		assert_false(bytes_equal(a, b, sizeof(a)));
		b[i] = 0;
	}
	assert_true(bytes_equal(a, "x", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_have_one_text),
		cmocka_unit_test(other_texts_are_no_ids),
		cmocka_unit_test(ids_rise_and_are_version_7),
		cmocka_unit_test(the_hash_is_fixed_and_well_mixed),
		cmocka_unit_test(numbers_stay_below),
		cmocka_unit_test(hex_is_hex),
		cmocka_unit_test(bytes_are_compared_wholly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
