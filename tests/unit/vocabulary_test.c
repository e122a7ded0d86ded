// SPDX-License-Identifier: MIT
/* The shared words: reasons, verdicts, sets of status codes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/utf8.h"
#include "quorate/attr.h"
#include "quorate/monitor.h"
#include "quorate/reason.h"
#include "quorate/verdict.h"

#include <ctype.h>
#include <string.h>

static void reasons_are_complete(void **state)
{
	(void)state;
	for (int r = 0; r < REASON_COUNT; r++) {
		const char *code = reason_code((enum reason)r);

		assert_int_equal(reason_find(code), r);
		assert_true(strlen(reason_text_en((enum reason)r)) > 5);
		assert_true(strlen(reason_text_ja((enum reason)r)) > 5);
		assert_false(utf8_has_control(reason_text_ja((enum reason)r)));
		assert_int_not_equal(
			reason_text_en((enum reason)r)[strlen(reason_text_en((enum reason)r)) - 1],
			'.');
		assert_int_equal(reason_class((enum reason)r) == REASON_CLASS_INTERNAL,
			strncmp(code, "internal.", 9) == 0);
		for (const char *c = code; *c != '\0'; c++)
			assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) ||
				    strchr("._", *c) != NULL);
	}
	assert_int_equal(reason_class(REASON_OK), REASON_CLASS_OK);
	assert_int_equal(reason_find("tcp.refused"), REASON_TCP_REFUSED);
	assert_int_equal(reason_find("tcp"), REASON_COUNT);
	assert_int_equal(reason_find(""), REASON_COUNT);
}

static void names_are_in_the_order_of_their_enums(void **state)
{
	(void)state;
	assert_string_equal(verdict_names[VERDICT_DOWN], "down");
	assert_null(verdict_names[VERDICT_DOWN + 1]);
	assert_string_equal(severity_names[SEVERITY_CRITICAL], "critical");
	assert_null(severity_names[SEVERITY_CRITICAL + 1]);
	assert_string_equal(monitor_state_names[STATE_MAINTENANCE], "maintenance");
	assert_string_equal(monitor_state_names[STATE_UNDETERMINED], "undetermined");
	assert_null(monitor_state_names[STATE_MAINTENANCE + 1]);
	assert_string_equal(alert_kind_names[ALERT_REGIONAL], "regional");
	assert_string_equal(alert_kind_names[ALERT_PROBE], "probe");
	assert_string_equal(alert_state_names[ALERT_CLOSED], "closed");
	assert_null(alert_state_names[ALERT_CLOSED + 1]);
	assert_string_equal(failure_domain_names[DOMAIN_PROBE], "probe");
	assert_string_equal(check_kind_names[CHECK_REDIRECT], "redirect");
	assert_string_equal(check_kind_names[CHECK_TLS], "tls");
	assert_string_equal(starttls_names[STARTTLS_MYSQL], "mysql");
	assert_string_equal(tls_version_names[TLS_VERSION_1_3], "TLSv1.3");
	assert_string_equal(http_method_names[METHOD_OPTIONS], "OPTIONS");
	assert_null(http_method_names[METHOD_OPTIONS + 1]);
	assert_string_equal(address_family_names[FAMILY_IPV6], "ipv6");
	assert_string_equal(address_family_names[FAMILY_BOTH], "both");
	assert_string_equal(port_expectation_names[PORT_CLOSED], "closed");
}

static void status_sets(void **state)
{
	static const struct {
		const char *text;
		int first, last; /* 0: refused */
	} cases[] = {
		{"301", 301, 301},
		{"100", 100, 100},
		{"599", 599, 599},
		{"2xx", 200, 299},
		{"5XX", 500, 599},
		{"200-204", 200, 204},
		{"100-599", 100, 599},
		{"404-404", 404, 404},
		{"", 0, 0},
		{"99", 0, 0},
		{"600", 0, 0},
		{"099", 0, 0},
		{"6xx", 0, 0},
		{"0xx", 0, 0},
		{"2x", 0, 0},
		{"2xxx", 0, 0},
		{"20x", 0, 0},
		{"204-200", 0, 0},
		{"200-", 0, 0},
		{"-200", 0, 0},
		{"200-600", 0, 0},
		{"200-2xx", 0, 0},
		{"200 ", 0, 0},
		{"2000", 0, 0},
		{"200-2040", 0, 0},
		{"ok", 0, 0},
		{"20", 0, 0},
		{"200_204", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct status_set set = {{0}};

		assert_int_equal(status_set_add(&set, cases[i].text), cases[i].first == 0 ? -1 : 0);
		assert_int_equal(status_set_is_empty(&set), cases[i].first == 0);
		for (int s = 0; s < 700; s++)
			if (status_set_has(&set, s) !=
				(cases[i].first != 0 && s >= cases[i].first && s <= cases[i].last))
				fail_msg("%s has %d", cases[i].text, s);
	}
	assert_false(status_set_has(&(struct status_set){{UINT64_MAX}}, -1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reasons_are_complete),
		cmocka_unit_test(names_are_in_the_order_of_their_enums),
		cmocka_unit_test(status_sets)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
