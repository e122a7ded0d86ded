// SPDX-License-Identifier: MIT
/*
 * Texts for people's terminals: their width in columns, safe printing, times and durations, values
 * inside documents. Whatever came over the network is printed through here: control bytes and
 * direction marks never reach a terminal.
 */
#ifndef QUORATE_BASE_TEXT_H
#define QUORATE_BASE_TEXT_H

#include "quorate/attr.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* Columns that TEXT takes on a terminal when printed by text_print (East Asian wide characters: 2).
 */
int text_width(const char *text);
/* Prints TEXT with what a terminal would act upon replaced by U+FFFD. */
void text_print(FILE *out, const char *text);
/* The same, cut to COLUMNS with an ellipsis at its end. */
void text_print_cut(FILE *out, const char *text, int columns);
/* The same, in lines of COLUMNS at most, each later line begun with INDENT blanks. */
void text_print_wrapped(FILE *out, const char *text, int columns, int indent);

#define TEXT_SIZE 64
/* "812 ms", "3.2 s", "4m 10s", "2h 5m", "3d 4h". Returns TEXT. */
char *text_duration(char text[TEXT_SIZE], int64_t ms);
/* "just now", "3m ago", "in 5 s" of an RFC 3339 time; "-" when it is none. Returns TEXT. */
char *text_ago(char text[TEXT_SIZE], const char *rfc3339);
/* "2026-11-21 18:30:49 UTC" in the user's time zone. Returns TEXT. */
char *text_local(char text[TEXT_SIZE], const char *rfc3339);
/* "18:30:49" when it is within the last half day, else with its date. Returns TEXT. */
char *text_clock(char text[TEXT_SIZE], const char *rfc3339);

/* What every check writes, without printf: N (not negative) in digits, microseconds as milliseconds
 * ("1.234"). Returns where OUT ends, at a NUL; 21 bytes are enough. */
char *text_put_number(char *out, int64_t n);
char *text_put_ms(char *out, int64_t us);

/* The value at PATH ("monitor.name") of DOCUMENT; NULL when there is none. Borrowed. */
json_t *value_at(const json_t *document, const char *path);
/* Its text; numbers and booleans are made into one (in a few rotating buffers); OTHERWISE when
 * absent or null. */
const char *value_text(const json_t *document, const char *path, const char *otherwise);
int64_t value_int(const json_t *document, const char *path, int64_t otherwise);
/* Whatever it is, in few words: lists as "[a, b]", objects as JSON, null as "none". A new text. */
char *value_words(const json_t *value);

#endif
