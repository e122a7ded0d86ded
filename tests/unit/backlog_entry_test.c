// SPDX-License-Identifier: MIT
/* Entries of the backlog at rest; their text is tested with the spool in backlog_test.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/backlog.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#define NOW_MS INT64_C(1000000)

/* What was stored rests packed; all that it said is said again. */
static void what_rested_says_the_same(void **state)
{
	(void)state;
	struct backlog b;
	struct backlog_entry *entry[1];
	struct result r;
	result_unset(&r);
	r.monitor = (struct id){.byte = {1}};
	r.verdict = VERDICT_WARNING;
	r.severity[THRESHOLD_CERTIFICATE] = SEVERITY_WARNING;
	r.reason = REASON_TLS_EXPIRES_SOON;
	r.duration_ms = r.phases.total_us = 20;
	r.detail = mem_strdup("in 9 days");
	r.value = 0.5;
	r.certificate.days = 9;
	r.certificate.subject = mem_strdup("CN=h.test");
	json_t *before = schema_encode(&result_schema, SCHEMA_WIRE, &r);
	backlog_init(&b, 100);
	backlog_add(&b, &r, NOW_MS);
	assert_int_equal(backlog_take(&b, entry, 1, 0, NOW_MS), 1);
	backlog_flight_stored(&b);
	assert_null(entry[0]->result); /* the newest of its monitor still is */
	backlog_renew(&b);
	assert_int_equal(backlog_take(&b, entry, 1, 0, NOW_MS), 1);
	assert_int_equal(entry[0]->result->sequence, 1);
	entry[0]->result->sequence = 0;
	json_t *after = schema_encode(&result_schema, SCHEMA_WIRE, entry[0]->result);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	backlog_flight_stored(&b);
	backlog_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_rested_says_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
