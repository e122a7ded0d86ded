// SPDX-License-Identifier: MIT
/*
 * Log lines on stderr, one write() each. No files, no rotation, no syslog: journald or the shell
 * does that. A line break inside of a line is written as a space, so that nobody outside can forge
 * a line.
 */
#include "proto/base/log.h"
#include "proto/base/clock.h"
#include "proto/base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES  2048
#define QUOTE_MAX_BYTES 200
#define QUOTES          8
#define LIMITED_KEYS    64

static enum log_level threshold = LOG_LEVEL_INFO;
static log_sink_fn sink;

static const struct {
	const char *name;
	int journal; /* sd-daemon(3) */
} levels[] = {{"error", 3}, {"warning", 4}, {"info", 6}, {"debug", 7}};

void log_set_level(enum log_level level)
{
	threshold = level;
}

int log_level_parse(const char *text, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (strcmp(text, levels[i].name) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	return -1;
}

void log_set_sink(log_sink_fn taker)
{
	sink = taker;
}

static size_t start_line(char *line, size_t room, enum log_level level)
{
	char now[TIME_TEXT_SIZE] = "", prefix[8] = "";
	bool journal = getenv("JOURNAL_STREAM") != NULL; /* it keeps the time itself */
	int n;

	if (journal || !isatty(STDERR_FILENO))
		snprintf(prefix, sizeof(prefix), "<%d>", levels[level].journal);
	if (!journal)
		time_format(clock_wall_ms(), now);
	n = snprintf(line, room, "%s%s%s%slevel=%s msg=", prefix, journal ? "" : "ts=", now,
		journal ? "" : " ", levels[level].name);
	return (size_t)n;
}

/* START: where the text begins, behind level and time. */
static void write_line(enum log_level level, char *line, size_t start, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = ' ';
	line[n] = '\0';
	if (sink && sink(levels[level].journal, line + start))
		return;
	line[n++] = '\n';
	while (n > 0) {
		ssize_t written = write(STDERR_FILENO, line, n);

		if (written == -1 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* nobody to tell */
		line += written;
		n -= (size_t)written;
	}
}

/* ERROR: an errno, 0 for none. */
PRINTF_LIKE(3, 0)
static void vlog(enum log_level level, int error, const char *format, va_list args)
{
	char line[LINE_MAX_BYTES];
	int saved = errno;
	size_t n, start, room = sizeof(line) - 1;

	if (level > threshold)
		return;
	n = start = start_line(line, room, level);
	n += (size_t)vsnprintf(line + n, room - n, format, args);
	if (error != 0 && n < room)
		n += (size_t)snprintf(line + n, room - n, " errno=\"%s\"", strerror(error));
	write_line(level, line, start, n < room ? n : room - 1);
	errno = saved;
}

#define LOG_FUNCTION(function, level)                                                              \
	void function(const char *format, ...)                                                     \
	{                                                                                          \
		va_list args;                                                                      \
                                                                                                   \
		va_start(args, format);                                                            \
		vlog(level, 0, format, args);                                                      \
		va_end(args);                                                                      \
	}
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

void log_errno(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	vlog(LOG_LEVEL_ERROR, error, format, args);
	va_end(args);
}

void log_fatal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vlog(LOG_LEVEL_ERROR, 0, format, args);
	va_end(args);
	exit(1);
}

const char *log_quote(const char *text)
{
	static char buffer[QUOTES][QUOTE_MAX_BYTES + 8];
	static unsigned turn;
	char *out = buffer[turn++ % QUOTES];
	const char *s = text == NULL ? "" : text;
	size_t n = 0;

	out[n++] = '"';
	while (*s != '\0' && n < QUOTE_MAX_BYTES) {
		size_t bytes = utf8_length(s, strnlen(s, 4));
		bool c1 = (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0;

		if (bytes == 0 || c1 || (unsigned char)*s < ' ' || *s == 0x7f) {
			n += (size_t)snprintf(out + n, 5, "\\x%02x", (unsigned char)*s++);
			continue;
		}
		if (*s == '"' || *s == '\\')
			out[n++] = '\\';
		memcpy(out + n, s, bytes);
		n += bytes;
		s += bytes;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

int log_ratelimit(const char *key, int64_t window_ms)
{
	static struct {
		const char *key;
		int64_t said_at_ms;
		int held;
	} seen[LIMITED_KEYS];
	int64_t now_ms = clock_now_ms();
	int held, i = 0;

	while (i < LIMITED_KEYS && seen[i].key != NULL && strcmp(seen[i].key, key) != 0)
		i++;
	if (i == LIMITED_KEYS) /* more keys than places: say too much rather than nothing */
		return 0;
	if (seen[i].key != NULL && now_ms - seen[i].said_at_ms < window_ms) {
		seen[i].held++;
		return -1;
	}
	held = seen[i].held;
	seen[i].key = key;
	seen[i].said_at_ms = now_ms;
	seen[i].held = 0;
	return held;
}
