// SPDX-License-Identifier: MIT
/* What a check says: one line of printable text, whatever the target has sent. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/check.h"

#include <stdlib.h>
#include <string.h>

/* The detail that TEXT becomes; freed by the caller. */
static char *said(const char *text)
{
	struct check check = {0};

	check_cross(&check, THRESHOLD_SLOW, SEVERITY_WARNING, REASON_SLOW_RTT, "%s", text);
	return check.crossed_detail;
}

/* Eight bytes are looked at together, the rest one by one: each byte at each place. */
static void only_printable_ascii_stays_as_it_is(void **state UNUSED)
{
	for (size_t length = 1; length <= 19; length++)
		for (size_t at = 0; at < length; at++)
			for (int byte = 1; byte < 256; byte++) {
				char text[20] = "abcdefghijklmnopqrs";
				text[length] = '\0';
				text[at] = (char)byte;
				char *out = said(text);
				assert_int_equal(
					strcmp(out, text) == 0, byte >= ' ' && byte <= '~');
				free(out);
			}
}

static void what_is_too_long_is_cut(void **state UNUSED)
{
	char text[RESULT_DETAIL_MAX_BYTES + 3];
	for (size_t length = RESULT_DETAIL_MAX_BYTES - 1; length < sizeof(text); length++) {
		memset(text, 'x', length);
		text[length] = '\0';
		char *out = said(text);
		assert_int_equal(strlen(out),
			length < RESULT_DETAIL_MAX_BYTES ? length : RESULT_DETAIL_MAX_BYTES);
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_printable_ascii_stays_as_it_is),
		cmocka_unit_test(what_is_too_long_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
