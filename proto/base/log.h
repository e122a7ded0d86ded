// SPDX-License-Identifier: MIT
/*
 * Log lines on stderr: logfmt with the "<3>" level prefix that journald understands (without it
 * when stderr is a terminal). A line is: ts=, level=, msg= and the format; JOURNAL_STREAM leaves ts
 * to journald. Secrets never. A transition is logged once, by the function that makes it; steady
 * state at info level is silent.
 */
#ifndef QUORATE_BASE_LOG_H
#define QUORATE_BASE_LOG_H

#include "quorate/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
/* Something that takes lines instead of standard error: PRIORITY as in syslog(3), LINE without level and time. false: it
 * could not, and the line goes to standard error. */
typedef bool (*log_sink_fn)(int priority, const char *line);
void log_set_sink(log_sink_fn sink);
/* "error", "warning", "info" or "debug"; returns -1 for anything else. */
MUST_CHECK int log_level_parse(const char *text, enum log_level *out);

/* FORMAT is logfmt already, for example: log_info("probe.lost name=%s silent_ms=%" PRId64, …).
 * Texts that come from outside go through log_quote(). */
void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);
/* As log_error, with ` errno="..."` behind it. */
void log_errno(const char *format, ...) PRINTF_LIKE(1, 2);
/* Logs at error level and exits with status 1; for start-up only. */
NORETURN void log_fatal(const char *format, ...) PRINTF_LIKE(1, 2);

/* TEXT in double quotes, control bytes and quotes escaped, cut at 200 bytes. One of eight rotating
 * static buffers, so up to eight may stand in one call. NULL gives "". Main thread only. */
const char *log_quote(const char *text);

/* At most one line per KEY and WINDOW_MS; returns how many were held back since the last, or -1
 * when this one is to be held back too. KEY must be a string literal. */
int log_ratelimit(const char *key, int64_t window_ms);

#endif
