// SPDX-License-Identifier: MIT
/* Aligned columns for a terminal or for `column`-like tools: two blanks between them, no lines, no
 * trailing blanks. */
#ifndef QUORATE_BASE_TABLE_H
#define QUORATE_BASE_TABLE_H

#include "quorate/attr.h"

#include <stdbool.h>
#include <stdio.h>

enum style { STYLE_PLAIN, STYLE_GOOD, STYLE_WARNING, STYLE_BAD, STYLE_FAINT, STYLE_BOLD };

/* How a state, verdict, severity or fate is coloured, by its word ("down", "up", "critical",
 * "lost", …). */
enum style style_of(const char *word);
/* TEXT in STYLE, made safe for a terminal; the escape sequences only when COLOR. */
void style_print(FILE *out, bool color, enum style style, const char *text);

struct table;
/* HEADERS: NULL-ended; one that begins with '>' is aligned to the right. Borrowed texts must be
 * literals. */
struct table *table_new(const char *const *headers);
/* The next cell, row by row. NULL TEXT is "-". Copied. */
void table_add(struct table *t, const char *text);
void table_add_styled(struct table *t, enum style style, const char *text);
void table_printf(struct table *t, const char *format, ...) PRINTF_LIKE(2, 3);
/* Prints all rows (the header too, unless there is no row), each line begun with INDENT blanks, and
 * frees T. */
void table_print(struct table *t, FILE *out, bool color, int indent);

#endif
