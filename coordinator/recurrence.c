// SPDX-License-Identifier: MIT
#include "coordinator/recurrence.h"

#include <ctype.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ZONES      "/usr/share/zoneinfo"
#define ZONE_MAX   64
#define DAY_S      86400
#define EPOCH_DAY  719163 /* 1970-01-01 as GDate counts */
#define DAYS_AHEAD 70     /* two months without a 31st lie between two of them at most */

static const char *const weekdays[] = {
	"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
static const char *const ordinals[] = {"first", "second", "third", "fourth", "last"};
#define LAST 4

/* ---- days */

struct day {
	int month_day, month_days, weekday; /* 1 …, 28 … 31, 0: Monday */
};

static struct day day_of(int64_t number)
{
	GDate date;

	g_date_clear(&date, 1);
	g_date_set_julian(&date, (guint32)(number + EPOCH_DAY));
	return (struct day){.month_day = g_date_get_day(&date),
		.month_days =
			g_date_get_days_in_month(g_date_get_month(&date), g_date_get_year(&date)),
		.weekday = (int)g_date_get_weekday(&date) - 1};
}

static int weekday_of(const char *word)
{
	for (int i = 0; i < 7; i++)
		if (strcmp(word, weekdays[i]) == 0)
			return i;
	return -1;
}

/* "first-monday": 0 … 4 and the weekday; -1: it is none. */
static int ordinal_of(const char *word, int *weekday)
{
	const char *dash = strchr(word, '-');

	for (int i = 0; dash && i <= LAST; i++) {
		if (strlen(ordinals[i]) == (size_t)(dash - word) &&
			memcmp(word, ordinals[i], (size_t)(dash - word)) == 0) {
			*weekday = weekday_of(dash + 1);
			return *weekday >= 0 ? i : -1;
		}
	}
	return -1;
}

/* "1" … "31", else 0. */
static int month_day_of(const char *word)
{
	int n = 0;

	if (word[0] == '0' || strlen(word) > 2)
		return 0;
	for (; isdigit((unsigned char)*word); word++)
		n = 10 * n + (*word - '0');
	return *word || n > 31 ? 0 : n;
}

bool recurrence_day_known(const char *word)
{
	int weekday;

	return strcmp(word, "day") == 0 || strcmp(word, "last") == 0 || weekday_of(word) >= 0 ||
	       month_day_of(word) > 0 || ordinal_of(word, &weekday) >= 0;
}

static bool means(const char *word, const struct day *day)
{
	int weekday, ordinal = ordinal_of(word, &weekday);

	if (ordinal == LAST)
		return weekday == day->weekday && day->month_day > day->month_days - 7;
	if (ordinal >= 0)
		return weekday == day->weekday && (day->month_day - 1) / 7 == ordinal;
	if (strcmp(word, "last") == 0)
		return day->month_day == day->month_days;
	return strcmp(word, "day") == 0 || weekday_of(word) == day->weekday ||
	       month_day_of(word) == day->month_day;
}

static bool is_on(const struct recurrence *r, int64_t number)
{
	struct day day = day_of(number);

	for (size_t i = 0; i < r->every.n; i++)
		if (means(r->every.item[i], &day))
			return true;
	return false;
}

/* ---- zones */

/* Names only: the rules that a TZ variable may hold as well mean the opposite of what people think
 * ("UTC+9" is west of Greenwich), and a path would be read. */
static bool is_zone_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= ZONE_MAX && isalpha((unsigned char)name[0]) &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
		       n &&
	       name[n - 1] != '/';
}

/* NULL: there is none. */
static GTimeZone *zone_open(const char *name)
{
	char path[sizeof(ZONES) + ZONE_MAX + 1];

	if (strcmp(name, "UTC") == 0)
		return g_time_zone_new_utc();
	if (!is_zone_name(name))
		return NULL;
	snprintf(path, sizeof(path), "%s/%s", ZONES, name);
	return access(path, R_OK) == 0 ? g_time_zone_new_identifier(name) : NULL;
}

bool recurrence_zone_known(const char *name)
{
	GTimeZone *zone = zone_open(name);

	if (zone)
		g_time_zone_unref(zone);
	return zone != NULL;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t local_day(GTimeZone *zone, int64_t wall_ms)
{
	int64_t s = floor_div(wall_ms, 1000);
	int interval = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, s);

	return floor_div(s + g_time_zone_get_offset(zone, interval), DAY_S);
}

static int64_t instant(GTimeZone *zone, int64_t local_s, GTimeType type)
{
	gint64 adjusted = local_s;
	int interval = g_time_zone_adjust_time(zone, type, &adjusted);

	return adjusted - g_time_zone_get_offset(zone, interval);
}

/* LOCAL_S: seconds since the epoch by the clock on the wall. */
static int64_t first_instant_ms(GTimeZone *zone, int64_t local_s)
{
	int64_t a = instant(zone, local_s, G_TIME_TYPE_DAYLIGHT),
		b = instant(zone, local_s, G_TIME_TYPE_STANDARD);

	return (a < b ? a : b) * 1000;
}

/* ---- windows */

static bool in_bounds(const struct recurrence *r, int64_t from_wall_ms)
{
	return (r->from_wall_ms < 0 || from_wall_ms >= r->from_wall_ms) &&
	       (r->to_wall_ms < 0 || from_wall_ms < r->to_wall_ms);
}

bool recurrence_window(const struct recurrence *r, int64_t wall_ms, struct window *out)
{
	GTimeZone *zone = zone_open(r->zone);
	bool found = false;

	if (!zone)
		return false;
	int64_t first = local_day(zone, wall_ms - r->for_ms) - 1,
		last = local_day(zone, r->from_wall_ms > wall_ms ? r->from_wall_ms : wall_ms) +
		       DAYS_AHEAD;
	for (int64_t day = first; day <= last; day++) {
		struct window w;
		if (!is_on(r, day))
			continue;
		w.from_wall_ms = first_instant_ms(zone, day * DAY_S + (int64_t)r->minute * 60);
		w.to_wall_ms = w.from_wall_ms + r->for_ms;
		if (w.to_wall_ms <= wall_ms || !in_bounds(r, w.from_wall_ms))
			continue;
		if (found && w.from_wall_ms > wall_ms)
			break;
		*out = w;
		found = true;
	}
	g_time_zone_unref(zone);
	return found;
}

int recurrence_minute(const char *text)
{
	int hour, minute;

	if (strlen(text) != 5 || text[2] != ':' || !isdigit((unsigned char)text[0]) ||
		!isdigit((unsigned char)text[1]) || !isdigit((unsigned char)text[3]) ||
		!isdigit((unsigned char)text[4]))
		return -1;
	hour = (text[0] - '0') * 10 + (text[1] - '0');
	minute = (text[3] - '0') * 10 + (text[4] - '0');
	return hour < 24 && minute < 60 ? hour * 60 + minute : -1;
}
