// SPDX-License-Identifier: MIT
/* How a log line becomes fields of the journal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/journal.h"
#include "quorate/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void splits_lines(void **state UNUSED)
{
	static const struct {
		const char *line, *fields[5];
	} rows[] = {
		{"", {NULL}},
		{"probe.lost", {"QUORATE_EVENT=probe.lost"}},
		{"probe.lost name=tokyo-1 silent_ms=30000",
			{"QUORATE_EVENT=probe.lost", "QUORATE_NAME=tokyo-1",
				"QUORATE_SILENT_MS=30000"}},
		{"a.b why=\"it said \\\"no\\\" \\\\ twice\" n=1",
			{"QUORATE_EVENT=a.b", "QUORATE_WHY=it said \"no\" \\ twice",
				"QUORATE_N=1"}},
		{"a.b msg=\"x=1 y=2\"", {"QUORATE_EVENT=a.b", "QUORATE_MSG=x=1 y=2"}},
		{"a.b why=\"never closed", {"QUORATE_EVENT=a.b", "QUORATE_WHY=never closed"}},
		{"a.b empty= last=", {"QUORATE_EVENT=a.b", "QUORATE_EMPTY=", "QUORATE_LAST="}},
		{"a.b plain words here n=1", {"QUORATE_EVENT=a.b", "QUORATE_N=1"}},
		{"key=value without=event", {"QUORATE_KEY=value", "QUORATE_WITHOUT=event"}},
		{"a.b odd-key.x=1", {"QUORATE_EVENT=a.b", "QUORATE_ODD_KEY_X=1"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *out[JOURNAL_FIELDS_MAX];
		size_t n = journal_fields(rows[i].line, out), wanted = 0;

		while (wanted < ARRAY_LEN(rows[i].fields) && rows[i].fields[wanted])
			wanted++;
		assert_int_equal(n, wanted);
		for (size_t k = 0; k < n; k++) {
			assert_string_equal(out[k], rows[i].fields[k]);
			free(out[k]);
		}
	}
}

static void has_a_ceiling(void **state UNUSED)
{
	char line[400] = "a.b", *out[JOURNAL_FIELDS_MAX];
	size_t n = strlen(line);

	for (int i = 0; i < 60; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, " k=%d", i);
	n = journal_fields(line, out);
	assert_int_equal(n, JOURNAL_FIELDS_MAX);
	assert_string_equal(out[n - 1], "QUORATE_K=22");
	for (size_t i = 0; i < n; i++)
		free(out[i]);
	/* A key that is too long for journald is none. */
	memset(line, 'k', 100);
	memcpy(line + 100, "=1", 3);
	assert_int_equal(journal_fields(line, out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_lines),
		cmocka_unit_test(has_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
