// SPDX-License-Identifier: MIT
#include "tests/sim/scn_reader.h"

#include "quorate/duration.h"
#include "quorate/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void reader_fail(struct reader *r, const char *format, ...)
{
	va_list args;

	if (r->failed)
		return;
	r->failed = true;
	fprintf(stderr, "%s:%d: ", r->s->file, r->line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

const char *reader_next(struct reader *r)
{
	if (r->i < r->n)
		return r->word[r->i++];
	reader_fail(r, "the line ends too early");
	return "";
}

bool reader_accept(struct reader *r, const char *word)
{
	if (r->i >= r->n || strcmp(r->word[r->i], word) != 0)
		return false;
	r->i++;
	return true;
}

void reader_need(struct reader *r, const char *word)
{
	const char *found = reader_next(r);

	if (strcmp(found, word) != 0)
		reader_fail(r, "'%s': expected '%s'", found, word);
}

int reader_number(struct reader *r)
{
	const char *word = reader_next(r);
	char *end;
	long n = strtol(word, &end, 10);

	if (end == word || *end || n < 0 || n > 100000)
		reader_fail(r, "'%s' is no number", word);
	return (int)n;
}

int64_t reader_duration(struct reader *r)
{
	const char *word = reader_next(r);
	int64_t ms = 0;

	if (duration_parse(word, &ms) == -1)
		reader_fail(r, "'%s' is no duration (30s, 10m …)", word);
	return ms;
}

int reader_one_of(struct reader *r, const char *const *names, const char *word)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], word) == 0)
			return i;
	reader_fail(r, "unknown word '%s'", word);
	return 0;
}

int reader_find_monitor(const struct scn *s, const char *name)
{
	for (int i = 0; i < s->n_monitors; i++)
		if (strcmp(s->monitor[i].name, name) == 0)
			return i;
	return SCN_ALL;
}

int reader_monitor(struct reader *r)
{
	const char *name = reader_next(r);
	int i = reader_find_monitor(r->s, name);

	if (i == SCN_ALL && strcmp(name, "all") != 0)
		reader_fail(r, "no monitor '%s'", name);
	return i;
}

int reader_probe(struct reader *r)
{
	int n = reader_number(r);

	if (n < 1 || n > r->s->probes)
		reader_fail(r, "no probe %d", n);
	return n - 1;
}

/* down|regional|… */
unsigned reader_kinds(struct reader *r)
{
	char text[64], *rest = text;
	unsigned set = 0;

	snprintf(text, sizeof(text), "%s", reader_next(r));
	for (char *name; (name = strsep(&rest, "|"));)
		set |= 1U << reader_one_of(r, alert_kind_names, name);
	return set;
}
