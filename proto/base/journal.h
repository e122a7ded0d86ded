// SPDX-License-Identifier: MIT
/*
 * Log lines as entries of journald with fields of their own, so that
 * `journalctl QUORATE_EVENT=alert.opened QUORATE_MONITOR=…` finds them: the first word of a line is
 * QUORATE_EVENT, each key=value after it QUORATE_KEY.
 */
#ifndef QUORATE_BASE_JOURNAL_H
#define QUORATE_BASE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

/* From here on lines go to journald by its own protocol if standard error is its stream already ($JOURNAL_STREAM);
 * else nothing changes. Whether they do. */
bool journal_attach(void);

#define JOURNAL_FIELDS_MAX 24
/* Splits a logfmt line into at most JOURNAL_FIELDS_MAX texts "NAME=value", each owned by the caller; returns how many. What
 * does not look like key=value is left to MESSAGE, which is the whole line and not among them. */
size_t journal_fields(const char *line, char *out[JOURNAL_FIELDS_MAX]);

#endif
