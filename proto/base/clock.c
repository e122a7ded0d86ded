// SPDX-License-Identifier: MIT
/* Time: the only file that asks the kernel for it, and the text form of wall-clock instants (RFC
 * 3339). */
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* 0001-01-01 and the end of 9999: what four digits of a year can say. */
#define WALL_MIN_MS (-62135596800000)
#define WALL_MAX_MS 253402300799999

static int64_t now_us(clockid_t id)
{
	struct timespec ts;

	ensure(clock_gettime(id, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
	return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_now_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
	return now_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_wall_us(void)
{
	return now_us(CLOCK_REALTIME);
}

char *time_format(int64_t wall_ms, char text[TIME_TEXT_SIZE])
{
	struct tm tm;
	time_t seconds;
	int millis;
	size_t n;

	if (wall_ms < WALL_MIN_MS)
		wall_ms = WALL_MIN_MS;
	if (wall_ms > WALL_MAX_MS)
		wall_ms = WALL_MAX_MS;
	millis = (int)(((wall_ms % 1000) + 1000) % 1000);
	seconds = (time_t)((wall_ms - millis) / 1000);
	ensure(gmtime_r(&seconds, &tm) != NULL);
	/* %Y does not pad years below 1000 */
	n = (size_t)snprintf(text, TIME_TEXT_SIZE, "%04d", (tm.tm_year + 1900) % 10000);
	n += strftime(text + n, TIME_TEXT_SIZE - n, "-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, TIME_TEXT_SIZE - n, ".%03dZ", millis);
	return text;
}

/* Reads exactly N digits at *TEXT; moves it behind them. */
static bool digits(const char **text, int n, int *out)
{
	*out = 0;
	for (int i = 0; i < n; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		*out = *out * 10 + (**text - '0');
	}
	return true;
}

static bool literal(const char **text, const char *accepted)
{
	if (**text == '\0' || strchr(accepted, **text) == NULL)
		return false;
	(*text)++;
	return true;
}

/* "Z" or "+09:00": minutes east of UTC. */
static bool zone(const char **text, int *out_minutes)
{
	char sign = **text;
	int hours, minutes;

	*out_minutes = 0;
	if (!literal(text, "Zz+-"))
		return false;
	if (sign == 'Z' || sign == 'z')
		return true;
	if (!digits(text, 2, &hours) || !literal(text, ":") || !digits(text, 2, &minutes))
		return false;
	*out_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
	return hours < 24 && minutes < 60;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

int time_parse(const char *text, int64_t *out_wall_ms)
{
	struct tm tm = {0};
	int year, month, millis = 0, weight = 100, east;

	if (!digits(&text, 4, &year) || !literal(&text, "-") || !digits(&text, 2, &month) ||
		!literal(&text, "-") || !digits(&text, 2, &tm.tm_mday) || !literal(&text, "Tt ") ||
		!digits(&text, 2, &tm.tm_hour) || !literal(&text, ":") ||
		!digits(&text, 2, &tm.tm_min) || !literal(&text, ":") ||
		!digits(&text, 2, &tm.tm_sec))
		return -1;
	if (literal(&text, ".")) {
		if (*text < '0' || *text > '9')
			return -1;
		for (; *text >= '0' && *text <= '9'; text++, weight /= 10)
			millis += (*text - '0') * weight;
	}
	if (!zone(&text, &east) || *text != '\0' || year < 1 || month < 1 || month > 12 ||
		tm.tm_mday < 1 || tm.tm_mday > days_in_month(year, month) || tm.tm_hour > 23 ||
		tm.tm_min > 59 || tm.tm_sec > 60) /* 60: a leap second */
		return -1;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*out_wall_ms = ((int64_t)timegm(&tm) - east * 60) * 1000 + millis;
	return *out_wall_ms < WALL_MIN_MS || *out_wall_ms > WALL_MAX_MS ? -1 : 0;
}
