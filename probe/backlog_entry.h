// SPDX-License-Identifier: MIT
/* One result of the backlog: in full while it is in a list, packed when only its monitor still needs
 * it, and as the text that the spool keeps. */
#ifndef QUORATE_PROBE_BACKLOG_ENTRY_H
#define QUORATE_PROBE_BACKLOG_ENTRY_H

#include "probe/backlog.h"

#define BACKLOG_TURN_BYTES (SPOOL_APPEND_MAX_BYTES / 2) /* to the spool in one turn of the loop */

struct backlog_entry *backlog_entry_new(struct result *take); /* refs = 1 */
void backlog_entry_unref(struct backlog_entry *e);
void backlog_entry_rest(struct backlog_entry *e);
void backlog_entry_wake(struct backlog_entry *e);
/* As on the wire, with its BOOT. NULL: larger than a report could carry. */
char *backlog_entry_text(const struct backlog_entry *e, const struct id *boot, size_t *size_bytes);
/* The inverse, lent. NULL: that is no result. */
struct backlog_entry *backlog_entry_read(const char *text, size_t size_bytes, int64_t now_ms);

#endif
