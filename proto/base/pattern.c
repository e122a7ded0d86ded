// SPDX-License-Identifier: MIT
/*
 * PCRE2's limits count steps, from each place in the subject anew, and a step may read all of the
 * rest: they alone are no bound on time. So a callout stands before each item of a pattern, and asks
 * the clock now and then. Between two callouts at most one item reads through the subject once.
 * There is no JIT: it would need memory that is writable and executable, which the units forbid.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "proto/base/pattern.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"

#include <pcre2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT     1000000 /* steps from one place */
#define DEPTH_LIMIT     10000
#define HEAP_LIMIT_KIB  4096
#define NESTING_MAX     50
#define CALLOUTS_A_LOOK 64 /* the clock is asked once in so many callouts */
#define SHOWN_MAX       24 /* bytes of the pattern shown before what is wrong */
#define LONG_SUBJECT    4096

struct pattern {
	pcre2_code *code;
	pcre2_match_context *context;
};

/* ---- compiling */

/* AT is in bytes; people count characters. */
static size_t characters(const char *text, size_t at)
{
	size_t n = 0;

	for (size_t i = 0; i < at && text[i] != '\0'; n++) {
		size_t length = utf8_length(text + i, strlen(text + i));
		i += length > 0 ? length : 1;
	}
	return n;
}

static void explain(const char *text, int error, size_t at, char why[PATTERN_WHY_SIZE])
{
	PCRE2_UCHAR words[128];
	size_t from = at > SHOWN_MAX ? at - SHOWN_MAX : 0;

	if (pcre2_get_error_message(error, words, sizeof(words)) < 0)
		words[0] = '\0';
	while (from > 0 && ((unsigned char)text[from] & 0xc0) == 0x80)
		from--; /* not in the middle of a character */
	if (at == 0)
		snprintf(why, PATTERN_WHY_SIZE, "%s at its beginning", (char *)words);
	else
		snprintf(why, PATTERN_WHY_SIZE, "%s at character %zu, behind '%s%.*s'",
			(char *)words, characters(text, at), from > 0 ? "…" : "", (int)(at - from),
			text + from);
	utf8_trim(why);
}

static bool is_ascii(const char *text)
{
	while (*text != '\0' && (unsigned char)*text < 0x80)
		text++;
	return *text == '\0';
}

static pcre2_code *compile(const char *text, char why[PATTERN_WHY_SIZE])
{
	uint32_t options = PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	size_t at = 0;
	int error = 0;

	ensure(context != NULL);
	pcre2_set_parens_nest_limit(context, NESTING_MAX);
	options |=
		is_ascii(text) ? PCRE2_NEVER_UTF : PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF;
	pcre2_code *code = pcre2_compile(
		(PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &error, &at, context);
	if (code == NULL)
		explain(text, error, at, why);
	pcre2_compile_context_free(context);
	return code;
}

struct pattern *pattern_new(const char *text, char why[PATTERN_WHY_SIZE])
{
	pcre2_code *code = compile(text, why);
	struct pattern *p;

	if (code == NULL)
		return NULL;
	p = mem_alloc(sizeof(*p));
	p->code = code;
	p->context = pcre2_match_context_create(NULL);
	ensure(p->context != NULL);
	pcre2_set_match_limit(p->context, MATCH_LIMIT);
	pcre2_set_heap_limit(p->context, HEAP_LIMIT_KIB);
	return p;
}

void pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	pcre2_match_context_free(p->context);
	pcre2_code_free(p->code);
	free(p);
}

int pattern_check(const void *value, const char **why)
{
	static char sentence[PATTERN_WHY_SIZE + 64];
	char wrong[PATTERN_WHY_SIZE];
	struct pattern *p = pattern_new(*(char *const *)value, wrong);

	pattern_free(p);
	if (p != NULL)
		return 0;
	snprintf(sentence, sizeof(sentence), "a regular expression (PCRE2); here: %s", wrong);
	*why = sentence;
	return -1;
}

size_t pattern_groups(const struct pattern *p)
{
	uint32_t n = 0;

	(void)pcre2_pattern_info(p->code, PCRE2_INFO_CAPTURECOUNT, &n);
	return n;
}

/* ---- matching */

struct watch {
	int64_t until_us;
	unsigned callouts, a_look;
};

static int on_callout(pcre2_callout_block *block, void *arg)
{
	struct watch *w = arg;

	(void)block;
	if (++w->callouts % w->a_look != 0)
		return 0;
	return clock_now_us() >= w->until_us ? PCRE2_ERROR_MATCHLIMIT : 0;
}

static void tell_spans(pcre2_match_data *data, size_t pairs, struct pattern_span *spans, size_t n)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);

	for (size_t i = 0; i < n; i++) {
		bool known = i < pairs && at[2 * i] != PCRE2_UNSET;
		spans[i].from = known ? at[2 * i] : PATTERN_NO_SPAN;
		spans[i].to = known ? at[2 * i + 1] : PATTERN_NO_SPAN;
	}
}

enum pattern_found pattern_find(struct pattern *p, const void *data, size_t n, int64_t *left_us,
	struct pattern_span *spans, size_t n_spans)
{
	int64_t began_us = clock_now_us();
	/* in a long subject one item may read for long */
	struct watch w = {
		.until_us = began_us + *left_us, .a_look = n > LONG_SUBJECT ? 1 : CALLOUTS_A_LOOK};

	/* made anew: it keeps the memory that its last match took */
	pcre2_match_data *found = pcre2_match_data_create_from_pattern(p->code, NULL);
	ensure(found != NULL);
	tell_spans(found, 0, spans, n_spans);
	pcre2_set_callout(p->context, on_callout, &w);
	int rc = *left_us <= 0 ? PCRE2_ERROR_MATCHLIMIT
			       : pcre2_match(p->code, (PCRE2_SPTR)(n > 0 ? data : ""), n, 0, 0,
					 found, p->context);
	if (rc > 0)
		tell_spans(found, (size_t)rc, spans, n_spans);
	pcre2_match_data_free(found);
	*left_us -= clock_now_us() - began_us;
	if (rc == PCRE2_ERROR_NOMATCH)
		return PATTERN_ABSENT;
	return rc > 0 ? PATTERN_FOUND : PATTERN_GAVE_UP;
}
