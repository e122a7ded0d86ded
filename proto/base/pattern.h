// SPDX-License-Identifier: MIT
/*
 * Regular expressions (PCRE2) on bytes of peers, bounded: a pattern that a person wrote, or an answer
 * that somebody made for it, may cost time and memory without end. Here a search ends after so many
 * steps of backtracking, so much memory and, whatever it meets, within its budget of time.
 *
 * A pattern of ASCII alone is matched byte by byte ("\xff" is one byte). One with other characters is
 * UTF-8, \w and (?i) know its letters, and "." is a character; bytes that are no UTF-8 match nothing.
 * The only door to PCRE2.
 */
#ifndef QUORATE_BASE_PATTERN_H
#define QUORATE_BASE_PATTERN_H

#include "quorate/attr.h"

#include <stddef.h>
#include <stdint.h>

#define PATTERN_WHY_SIZE  200
#define PATTERN_BUDGET_US 100000 /* a fair one, of all searches that one check makes */

struct pattern;

/* What was found, in bytes from the subject's beginning; ABSENT: a group that took no part. */
struct pattern_span {
	size_t from, to;
};
#define PATTERN_NO_SPAN SIZE_MAX

enum pattern_found {
	PATTERN_ABSENT,
	PATTERN_FOUND,
	PATTERN_GAVE_UP /* a limit was met: nobody knows */
};

/* NULL when TEXT is no regular expression: WHY then says what and where, as a part of a sentence
 * ("missing closing parenthesis at character 7, behind 'a(b|c'"). */
struct pattern *pattern_new(const char *text, char why[PATTERN_WHY_SIZE]);
void pattern_free(struct pattern *p);
/* How many groups it has, the whole one (0) not counted. */
size_t pattern_groups(const struct pattern *p);
/*
 * Searches N bytes at DATA (may be NULL when N is 0). *LEFT_US: the budget of time, from which what
 * was spent is taken; 0 or less gives up at once. SPANS: the whole (0) and the groups' places, N_SPANS
 * of them; those beyond the pattern's are PATTERN_NO_SPAN.
 */
enum pattern_found pattern_find(struct pattern *p, const void *data, size_t n, int64_t *left_us,
	struct pattern_span *spans, size_t n_spans);

/* A field rule (struct field's check) of a char *: it is a regular expression. *WHY is valid until
 * the next call. */
int pattern_check(const void *value, const char **why);

#endif
