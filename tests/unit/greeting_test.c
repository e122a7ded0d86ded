// SPDX-License-Identifier: MIT
/* The greeting is what nanomsg itself sends, and one bit of difference is another greeting. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/greeting.h"

static void greetings_are_nanomsgs(void **state)
{
	(void)state;
	static const unsigned char req[] = {0, 'S', 'P', 0, 0, 48, 0, 0},
				   rep[] = {0, 'S', 'P', 0, 0, 49, 0, 0};
	unsigned char out[GREETING_BYTES];
	greeting_make(out, GREETING_REQ);
	assert_memory_equal(out, req, GREETING_BYTES);
	greeting_make(out, GREETING_REP);
	assert_memory_equal(out, rep, GREETING_BYTES);
	assert_true(greeting_is(rep, GREETING_REP));
	assert_false(greeting_is(rep, GREETING_REQ));
}

static void one_bit_is_another_greeting(void **state)
{
	(void)state;
	unsigned char out[GREETING_BYTES];
	greeting_make(out, GREETING_REQ);
	for (int bit = 0; bit < 8 * GREETING_BYTES; bit++) {
		out[bit / 8] ^= (unsigned char)(1 << bit % 8);
		assert_false(greeting_is(out, GREETING_REQ));
		out[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greetings_are_nanomsgs),
		cmocka_unit_test(one_bit_is_another_greeting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
