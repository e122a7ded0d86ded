// SPDX-License-Identifier: MIT
/* Messages counted in a stream of bytes, wherever the reads cut it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/door_internal.h"
#include "quorate/limits.h"

#include <stdlib.h>
#include <string.h>

static size_t put(unsigned char *at, uint64_t size)
{
	at[0] = 1;
	for (int i = 0; i < 8; i++)
		at[1 + i] = (unsigned char)(size >> (56 - 8 * i));
	memset(at + FRAME_HEAD_BYTES, 1, size < 1000 ? (size_t)size : 0); /* looks like a head */
	return FRAME_HEAD_BYTES + (size < 1000 ? (size_t)size : 0);
}

static void messages_are_counted_whatever_the_cuts(void **state)
{
	static const uint64_t sizes[] = {4, 0, 100, 9, 8, 999, 1, 0, 0, 50};
	unsigned char bytes[2000];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		n += put(bytes + n, sizes[i]);
	for (size_t step = 1; step <= n; step++) {
		struct frames f = {0};
		int64_t messages = 0;
		for (size_t at = 0; at < n; at += step) {
			int64_t more = frames_count(&f, bytes + at, n - at < step ? n - at : step);
			assert_true(more >= 0);
			messages += more;
		}
		assert_int_equal(messages, ARRAY_LEN(sizes));
		assert_int_equal(f.left + f.n_head, 0);
	}
}

static void what_is_no_framing_is_told(void **state)
{
	static const struct {
		uint64_t size;
		bool fine;
	} table[] = {{MESSAGE_MAX_BYTES + 4, true}, {MESSAGE_MAX_BYTES + 5, false},
		{UINT64_MAX, false}, {UINT64_C(1) << 63, false}};
	unsigned char head[FRAME_HEAD_BYTES];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct frames f = {0};
		put(head, table[i].size);
		assert_int_equal(frames_count(&f, head, sizeof(head)), table[i].fine ? 1 : -1);
	}
	for (int first = 0; first < 256; first++) {
		struct frames f = {0};
		unsigned char byte = (unsigned char)first;
		assert_int_equal(frames_count(&f, &byte, 1), first == 1 ? 0 : -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_counted_whatever_the_cuts),
		cmocka_unit_test(what_is_no_framing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
