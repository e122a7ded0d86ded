// SPDX-License-Identifier: MIT
/* A line of a scenario, word by word. The first error is told with its place; what follows it is
 * read without sense, and without harm. */
#ifndef QUORATE_TESTS_SCN_READER_H
#define QUORATE_TESTS_SCN_READER_H

#include "tests/sim/scn.h"

#define WORDS_MAX 24

struct reader {
	struct scn *s;
	int line;
	char *word[WORDS_MAX + 1]; /* NULL-ended */
	int n, i;
	int64_t last_at_ms;
	bool failed;
};

void reader_fail(struct reader *r, const char *format, ...) PRINTF_LIKE(2, 3);
const char *reader_next(struct reader *r);
/* Whether WORD is next; if so it is taken. */
bool reader_accept(struct reader *r, const char *word);
void reader_need(struct reader *r, const char *word);
int reader_number(struct reader *r);
int64_t reader_duration(struct reader *r);
/* The index of WORD in the NULL-ended NAMES. */
int reader_one_of(struct reader *r, const char *const *names, const char *word);
int reader_find_monitor(const struct scn *s, const char *name); /* SCN_ALL: none */
int reader_monitor(struct reader *r);                           /* or SCN_ALL for "all" */
int reader_probe(struct reader *r);
unsigned reader_kinds(struct reader *r); /* down|regional|… */

/* ---- scn_expect.c: what stands behind "expect"; TEXT is the whole line. */
void scn_read_expect(struct reader *r, const char *text);

#endif
