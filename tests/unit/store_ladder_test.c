// SPDX-License-Identifier: MIT
/* The ladder of a disk that fills up: its limits to the last hundredth of a percent, and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/store/ladder.h"
#include "quorate/attr.h"

#include <stdlib.h>
#include <string.h>

#define GIB (INT64_C(1) << 30)

/* FREE in hundredths of a percent of a disk of a million bytes. */
static enum disk_rung step(enum disk_rung now, int free)
{
	struct disk_space space = {free * INT64_C(100), 1000000};

	return disk_rung(now, &space);
}

static void goes_down_at_its_limits(void **state UNUSED)
{
	static const struct {
		int free;
		enum disk_rung rung;
	} rows[] = {
		{10000, DISK_FINE},
		{1500, DISK_FINE},
		{1499, DISK_LOW},
		{700, DISK_LOW},
		{699, DISK_SHRINK},
		{300, DISK_SHRINK},
		{299, DISK_CLOSED},
		{0, DISK_CLOSED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(step(DISK_FINE, rows[i].free), rows[i].rung);
}

static void goes_up_one_percent_later(void **state UNUSED)
{
	static const struct {
		enum disk_rung now;
		int free;
		enum disk_rung rung;
	} rows[] = {
		{DISK_CLOSED, 300, DISK_CLOSED},
		{DISK_CLOSED, 399, DISK_CLOSED},
		{DISK_CLOSED, 400, DISK_SHRINK},
		{DISK_SHRINK, 799, DISK_SHRINK},
		{DISK_SHRINK, 800, DISK_LOW},
		{DISK_LOW, 1599, DISK_LOW},
		{DISK_LOW, 1600, DISK_FINE},
		{DISK_CLOSED, 1550,
			DISK_LOW}, /* all at once, but for the rung whose limit is near */
		{DISK_CLOSED, 1600, DISK_FINE},
		{DISK_SHRINK, 299, DISK_CLOSED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(step(rows[i].now, rows[i].free), rows[i].rung);
}

static void an_unknown_disk_is_fine(void **state UNUSED)
{
	struct disk_space none = {0, 0}, huge = {INT64_MAX / 2, INT64_MAX};

	assert_int_equal(disk_rung(DISK_CLOSED, &none), DISK_FINE);
	assert_int_equal(disk_rung(DISK_FINE, &huge), DISK_FINE);
}

static void says_it_in_words(void **state UNUSED)
{
	struct disk_space space = {GIB * 6 / 100 + 1, GIB};
	char *said = disk_sentence(DISK_SHRINK, &space);

	assert_string_equal(said,
		"6.0 % of the disk is free (61 of 1024 MiB): the oldest results are "
		"being removed; below 3 % no more are written");
	free(said);
	assert_null(disk_sentence(DISK_FINE, &space));
}

static void keeps_back_a_hundredth(void **state UNUSED)
{
	struct disk_space small = {0, 64 << 20}, usual = {0, GIB}, large = {0, 4096 * GIB};

	assert_int_equal(disk_reserve_bytes(&small), 4 << 20);
	assert_int_equal(disk_reserve_bytes(&usual), GIB / 100);
	assert_int_equal(disk_reserve_bytes(&large), 64 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_down_at_its_limits),
		cmocka_unit_test(goes_up_one_percent_later),
		cmocka_unit_test(an_unknown_disk_is_fine),
		cmocka_unit_test(says_it_in_words),
		cmocka_unit_test(keeps_back_a_hundredth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
