// SPDX-License-Identifier: MIT
/* Windows that come again, over every way in which clocks and calendars are uneven. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/recurrence.h"
#include "proto/base/clock.h"
#include "quorate/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR INT64_C(3600000)

static int64_t at(const char *text)
{
	int64_t wall_ms = -1;

	if (text && time_parse(text, &wall_ms) == -1)
		fail_msg("%s is no time", text);
	return wall_ms;
}

/* EVERY: words with spaces between; ends with what recurrence_window() says. */
static bool ask(const char *every, const char *minute, int64_t for_ms, const char *zone,
	const char *bounds[2], const char *now, struct window *out)
{
	char text[200], *save = NULL, *items[16];
	struct recurrence r = {.every = {items, 0},
		.minute = recurrence_minute(minute),
		.for_ms = for_ms,
		.zone = zone,
		.from_wall_ms = at(bounds[0]),
		.to_wall_ms = at(bounds[1])};

	snprintf(text, sizeof(text), "%s", every);
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		assert_true(recurrence_day_known(word));
		items[r.every.n++] = word;
	}
	assert_true(r.minute >= 0);
	return recurrence_window(&r, at(now), out);
}

static const struct {
	const char *why, *every, *minute;
	int64_t hours;
	const char *zone, *bounds[2], *now, *from, *to; /* from NULL: none */
} cases[] = {
	/* plain */
	{"later today", "day", "02:00", 2, "UTC", {0}, "2026-11-23T01:00:00Z",
		"2026-11-23T02:00:00.000Z", "2026-11-23T04:00:00.000Z"},
	{"its first instant", "day", "02:00", 2, "UTC", {0}, "2026-11-23T02:00:00Z",
		"2026-11-23T02:00:00.000Z", "2026-11-23T04:00:00.000Z"},
	{"its last instant", "day", "02:00", 2, "UTC", {0}, "2026-11-23T03:59:59.999Z",
		"2026-11-23T02:00:00.000Z", "2026-11-23T04:00:00.000Z"},
	{"the end is not within", "day", "02:00", 2, "UTC", {0}, "2026-11-23T04:00:00Z",
		"2026-11-24T02:00:00.000Z", "2026-11-24T04:00:00.000Z"},
	{"over midnight", "sunday", "23:00", 3, "UTC", {0}, "2026-11-23T01:00:00Z",
		"2026-11-22T23:00:00.000Z", "2026-11-23T02:00:00.000Z"},
	{"two days of the week", "monday thursday", "02:00", 1, "UTC", {0}, "2026-11-24T00:00:00Z",
		"2026-11-26T02:00:00.000Z", "2026-11-26T03:00:00.000Z"},
	{"windows that overlap: the last", "day", "00:00", 30, "UTC", {0}, "2026-11-23T01:00:00Z",
		"2026-11-23T00:00:00.000Z", "2026-11-24T06:00:00.000Z"},
	/* zones */
	{"Tokyo's Monday begins on our Sunday", "monday", "02:00", 2, "Asia/Tokyo", {0},
		"2026-11-22T16:30:00Z", "2026-11-22T17:00:00.000Z", "2026-11-22T19:00:00.000Z"},
	{"45 minutes", "day", "02:00", 1, "Asia/Kathmandu", {0}, "2026-11-22T12:00:00Z",
		"2026-11-22T20:15:00.000Z", "2026-11-22T21:15:00.000Z"},
	{"the farthest east", "1", "00:00", 1, "Pacific/Kiritimati", {0}, "2026-12-30T00:00:00Z",
		"2026-12-31T10:00:00.000Z", "2026-12-31T11:00:00.000Z"},
	{"no such zone", "day", "02:00", 1, "Asia/Tokio", {0}, "2026-11-22T12:00:00Z", NULL, NULL},
	/* clocks go forward: 2026-03-29 02:00 CET is 03:00 CEST */
	{"the day before", "day", "02:30", 1, "Europe/Berlin", {0}, "2026-03-28T00:00:00Z",
		"2026-03-28T01:30:00.000Z", "2026-03-28T02:30:00.000Z"},
	{"a time that is skipped", "day", "02:30", 1, "Europe/Berlin", {0}, "2026-03-29T00:00:00Z",
		"2026-03-29T01:00:00.000Z", "2026-03-29T02:00:00.000Z"},
	{"the day after", "day", "02:30", 1, "Europe/Berlin", {0}, "2026-03-29T12:00:00Z",
		"2026-03-30T00:30:00.000Z", "2026-03-30T01:30:00.000Z"},
	{"as long as ever, forward", "day", "01:00", 4, "Europe/Berlin", {0},
		"2026-03-29T00:30:00Z", "2026-03-29T00:00:00.000Z", "2026-03-29T04:00:00.000Z"},
	/* and back: 2026-10-25 03:00 CEST is 02:00 CET */
	{"a time that comes twice", "day", "02:30", 1, "Europe/Berlin", {0}, "2026-10-25T00:00:00Z",
		"2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z"},
	{"its second coming is none", "day", "02:30", 1, "Europe/Berlin", {0},
		"2026-10-25T01:30:00Z", "2026-10-26T01:30:00.000Z", "2026-10-26T02:30:00.000Z"},
	{"as long as ever, back", "day", "01:00", 4, "Europe/Berlin", {0}, "2026-10-25T01:30:00Z",
		"2026-10-24T23:00:00.000Z", "2026-10-25T03:00:00.000Z"},
	/* the other hemisphere, half an hour only, and a change at midnight */
	{"half an hour, back", "day", "01:45", 1, "Australia/Lord_Howe", {0},
		"2026-04-04T12:00:00Z", "2026-04-04T14:45:00.000Z", "2026-04-04T15:45:00.000Z"},
	{"half an hour, forward", "day", "02:15", 1, "Australia/Lord_Howe", {0},
		"2026-10-03T12:00:00Z", "2026-10-03T15:30:00.000Z", "2026-10-03T16:30:00.000Z"},
	{"a midnight that is skipped", "sunday", "00:00", 1, "America/Santiago", {0},
		"2026-09-05T12:00:00Z", "2026-09-06T04:00:00.000Z", "2026-09-06T05:00:00.000Z"},
	{"a day that was skipped", "day", "12:00", 1, "Pacific/Apia", {0}, "2011-12-30T00:00:00Z",
		"2011-12-30T10:00:00.000Z", "2011-12-30T11:00:00.000Z"},
	{"back without summer time", "day", "01:30", 1, "Europe/Moscow", {0},
		"2014-10-25T20:00:00Z", "2014-10-25T21:30:00.000Z", "2014-10-25T22:30:00.000Z"},
	/* the calendar */
	{"the 29th of February", "29", "02:00", 1, "UTC", {0}, "2028-02-01T00:00:00Z",
		"2028-02-29T02:00:00.000Z", "2028-02-29T03:00:00.000Z"},
	{"there is none in 2027", "29", "02:00", 1, "UTC", {0}, "2027-02-01T00:00:00Z",
		"2027-03-29T02:00:00.000Z", "2027-03-29T03:00:00.000Z"},
	{"the 31st", "31", "02:00", 1, "UTC", {0}, "2027-01-31T03:00:00Z",
		"2027-03-31T02:00:00.000Z", "2027-03-31T03:00:00.000Z"},
	{"the last of February", "last", "02:00", 1, "UTC", {0}, "2027-02-01T00:00:00Z",
		"2027-02-28T02:00:00.000Z", "2027-02-28T03:00:00.000Z"},
	{"the last of a leap February", "last", "02:00", 1, "UTC", {0}, "2028-02-01T00:00:00Z",
		"2028-02-29T02:00:00.000Z", "2028-02-29T03:00:00.000Z"},
	{"2100 is no leap year", "last", "02:00", 1, "UTC", {0}, "2100-02-01T00:00:00Z",
		"2100-02-28T02:00:00.000Z", "2100-02-28T03:00:00.000Z"},
	{"the second Tuesday", "second-tuesday", "18:00", 6, "America/New_York", {0},
		"2026-12-01T00:00:00Z", "2026-12-08T23:00:00.000Z", "2026-12-09T05:00:00.000Z"},
	{"the first Sunday is the 1st", "first-sunday", "02:00", 1, "UTC", {0},
		"2026-10-31T00:00:00Z", "2026-11-01T02:00:00.000Z", "2026-11-01T03:00:00.000Z"},
	{"the last Friday is the 31st", "last-friday", "02:00", 1, "UTC", {0},
		"2027-12-25T00:00:00Z", "2027-12-31T02:00:00.000Z", "2027-12-31T03:00:00.000Z"},
	{"the last Friday is no 24th", "last-friday", "02:00", 1, "UTC", {0},
		"2027-12-20T00:00:00Z", "2027-12-31T02:00:00.000Z", "2027-12-31T03:00:00.000Z"},
	/* bounds */
	{"not before", "day", "02:00", 1, "UTC", {"2027-06-01T03:00:00Z", 0},
		"2026-11-23T00:00:00Z", "2027-06-02T02:00:00.000Z", "2027-06-02T03:00:00.000Z"},
	{"not after", "day", "02:00", 1, "UTC", {0, "2026-11-23T02:00:00Z"}, "2026-11-22T03:00:00Z",
		NULL, NULL},
	{"one that began before the end goes on", "day", "02:00", 2, "UTC",
		{0, "2026-11-23T02:30:00Z"}, "2026-11-23T03:00:00Z", "2026-11-23T02:00:00.000Z",
		"2026-11-23T04:00:00.000Z"},
	{"one that began before the beginning is none", "day", "02:00", 2, "UTC",
		{"2026-11-23T02:30:00Z", 0}, "2026-11-23T03:00:00Z", "2026-11-24T02:00:00.000Z",
		"2026-11-24T04:00:00.000Z"},
};

static void test_windows(void **state UNUSED)
{
	char from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];
	struct window w;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *bounds[2] = {cases[i].bounds[0], cases[i].bounds[1]};
		bool found = ask(cases[i].every, cases[i].minute, cases[i].hours * HOUR,
			cases[i].zone, bounds, cases[i].now, &w);
		if (found != (cases[i].from != NULL))
			fail_msg("%s: %s", cases[i].why, found ? "found one" : "found none");
		if (!found)
			continue;
		time_format(w.from_wall_ms, from);
		time_format(w.to_wall_ms, to);
		if (strcmp(from, cases[i].from) != 0 || strcmp(to, cases[i].to) != 0)
			fail_msg("%s: %s to %s", cases[i].why, from, to);
	}
}

/* Asked at every quarter of an hour of four years: windows follow one another, one for each day. */
static void test_one_a_day(void **state UNUSED)
{
	static const char *const zones[] = {"Europe/Berlin", "America/Santiago",
		"Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tokyo", "UTC"};
	const char *bounds[2] = {NULL, NULL};

	for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
		int64_t now_ms = at("2025-01-01T00:00:00Z"), end_ms = at("2029-01-01T00:00:00Z"),
			last_ms = -1;
		int n = 0;
		while (now_ms < end_ms) {
			struct window w;
			char now[TIME_TEXT_SIZE];
			assert_true(ask("day", "02:30", HOUR, zones[z], bounds,
				time_format(now_ms, now), &w));
			assert_true(w.to_wall_ms > now_ms);
			assert_int_equal(w.to_wall_ms - w.from_wall_ms, HOUR);
			if (last_ms >= 0 && (w.from_wall_ms - last_ms < 22 * HOUR ||
						    w.from_wall_ms - last_ms > 26 * HOUR))
				fail_msg("%s: %s", zones[z], now);
			last_ms = w.from_wall_ms;
			now_ms = w.to_wall_ms;
			n++;
		}
		assert_in_range(n, 1460, 1462);
	}
}

static void test_words(void **state UNUSED)
{
	static const char *const good[] = {"day", "monday", "sunday", "1", "9", "10", "31", "last",
		"first-monday", "fourth-sunday", "last-friday"};
	static const char *const bad[] = {"", "mon", "Monday", "0", "01", "32", "-1", "+1", "310",
		"1st", "fifth-monday", "first-", "first-day", "-monday", "last-", "days", "1 "};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!recurrence_day_known(good[i]))
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (recurrence_day_known(bad[i]))
			fail_msg("'%s' is accepted", bad[i]);
}

static void test_zones(void **state UNUSED)
{
	static const char *const good[] = {"UTC", "Asia/Tokyo", "America/Argentina/Ushuaia",
		"Etc/GMT+9", "America/Port-au-Prince"};
	static const char *const bad[] = {"", "Tokyo", "asia/tokyo2", "JST-9", "UTC+9", "+09:00",
		"../../../etc/passwd", "/etc/localtime", "Asia/", ":Asia/Tokyo", "Asia",
		"EST5EDT,M3.2.0,M11.1.0", "zone.tab", "tzdata.zi"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!recurrence_zone_known(good[i]))
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (recurrence_zone_known(bad[i]))
			fail_msg("'%s' is accepted", bad[i]);
}

static void test_minutes(void **state UNUSED)
{
	assert_int_equal(recurrence_minute("00:00"), 0);
	assert_int_equal(recurrence_minute("23:59"), 1439);
	assert_int_equal(recurrence_minute("09:05"), 545);
	assert_int_equal(recurrence_minute("24:00"), -1);
	assert_int_equal(recurrence_minute("12:60"), -1);
	assert_int_equal(recurrence_minute("9:05"), -1);
	assert_int_equal(recurrence_minute("09-05"), -1);
	assert_int_equal(recurrence_minute("09:05Z"), -1);
	assert_int_equal(recurrence_minute("0a:05"), -1);
	assert_int_equal(recurrence_minute(""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_one_a_day),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_minutes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
