// SPDX-License-Identifier: MIT
/* All patterns of one body share one budget of time. */
#include "probe/http_body.h"

#include "probe/http_json.h"
#include "proto/base/mem.h"
#include "proto/base/pattern.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX    80
#define NUMBER_BYTES 64 /* of the text of a number */

_Static_assert(2 * PATTERNS_MAX <= 32, "a bit per text");

/* ---- while it comes in */

static bool needs_whole(const struct expect *e)
{
	return e->body_regex.n > 0 || e->body_not_regex.n > 0 || e->json.n > 0 ||
	       e->value.json != NULL || e->value.regex != NULL;
}

static size_t longest(const struct strings *texts, size_t otherwise)
{
	for (size_t i = 0; i < texts->n; i++) {
		size_t n = strlen(texts->item[i]);
		otherwise = n > otherwise ? n : otherwise;
	}
	return otherwise;
}

void http_body_init(struct http_body *b, const struct expect *expect, size_t max_bytes)
{
	b->expect = expect;
	b->max_bytes = max_bytes;
	b->bytes = b->tail_bytes = b->excerpt_bytes = b->longest_bytes = 0;
	b->found = 0;
	b->keeps = expect != NULL && needs_whole(expect);
	buf_init(&b->whole, max_bytes);
	if (expect != NULL)
		b->longest_bytes =
			longest(&expect->body_contains, longest(&expect->body_not_contains, 0));
	if (b->longest_bytes > sizeof(b->tail)) /* the table forbids it */
		b->longest_bytes = sizeof(b->tail);
}

void http_body_clear(struct http_body *b)
{
	buf_clear(&b->whole);
}

/* Looks for TEXTS, whose bits begin with FIRST, in N bytes at DATA. */
static void look(
	struct http_body *b, const struct strings *texts, size_t first, const char *data, size_t n)
{
	for (size_t i = 0; i < texts->n; i++) {
		uint32_t bit = UINT32_C(1) << (first + i);

		if ((b->found & bit) == 0 &&
			memmem(data, n, texts->item[i], strlen(texts->item[i])) != NULL)
			b->found |= bit;
	}
}

static void look_for_all(struct http_body *b, const char *data, size_t n)
{
	look(b, &b->expect->body_contains, 0, data, n);
	look(b, &b->expect->body_not_contains, PATTERNS_MAX, data, n);
}

/* In the seam of what came before and DATA, and in DATA; keeps what may be a text's beginning. */
static void search(struct http_body *b, const char *data, size_t n)
{
	size_t keep = b->longest_bytes - 1, head = n < keep ? n : keep;
	char seam[2 * sizeof(b->tail)];
	size_t seam_bytes = b->tail_bytes + head;

	memcpy(seam, b->tail, b->tail_bytes);
	memcpy(seam + b->tail_bytes, data, head);
	if (b->tail_bytes > 0)
		look_for_all(b, seam, seam_bytes);
	look_for_all(b, data, n);
	if (n >= keep) {
		memcpy(b->tail, data + n - keep, keep);
		b->tail_bytes = keep;
	} else {
		b->tail_bytes = seam_bytes < keep ? seam_bytes : keep;
		memcpy(b->tail, seam + seam_bytes - b->tail_bytes, b->tail_bytes);
	}
}

int http_body_take(struct http_body *b, const char *data, size_t n)
{
	size_t room = sizeof(b->excerpt) - b->excerpt_bytes;

	b->bytes += n;
	if (b->bytes > b->max_bytes)
		return -1;
	memcpy(b->excerpt + b->excerpt_bytes, data, n < room ? n : room);
	b->excerpt_bytes += n < room ? n : room;
	if (b->longest_bytes > 0)
		search(b, data, n);
	return b->keeps ? buf_add(&b->whole, data, n) : 0;
}

/* ---- texts and patterns */

struct judge {
	const struct http_body *b;
	int64_t left_us;
	char *detail;
};

PRINTF_LIKE(3, 4)
static enum reason say(struct judge *j, enum reason reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(j->detail, RESULT_DETAIL_MAX_BYTES, format, args);
	va_end(args);
	return reason;
}

static bool was_found(const struct http_body *b, size_t bit)
{
	return (b->found >> bit & 1) != 0;
}

static enum reason judge_texts(struct judge *j)
{
	const struct expect *e = j->b->expect;

	for (size_t i = 0; i < e->body_contains.n; i++)
		if (!was_found(j->b, i) && *e->body_contains.item[i] != '\0')
			return say(j, REASON_CONTENT_MISSING, "the body (%zu bytes) lacks \"%.*s\"",
				j->b->bytes, SHOWN_MAX, e->body_contains.item[i]);
	for (size_t i = 0; i < e->body_not_contains.n; i++)
		if (was_found(j->b, PATTERNS_MAX + i))
			return say(j, REASON_CONTENT_UNWANTED, "the body (%zu bytes) has \"%.*s\"",
				j->b->bytes, SHOWN_MAX, e->body_not_contains.item[i]);
	return REASON_OK;
}

/* SPANS as in pattern_find(), two of them. */
static enum pattern_found find(struct judge *j, const char *regex, const char *data, size_t n,
	struct pattern_span spans[2])
{
	char why[PATTERN_WHY_SIZE];
	struct pattern *p = pattern_new(regex, why);
	enum pattern_found found;

	if (p == NULL) /* the table forbids it */
		return PATTERN_GAVE_UP;
	found = pattern_find(p, data, n, &j->left_us, spans, 2);
	pattern_free(p);
	return found;
}

static enum reason gave_up(struct judge *j, const char *regex)
{
	return say(j, REASON_CONTENT_PATTERN,
		"the body (%zu bytes) could not be searched for \"%.*s\" within the bounds",
		j->b->bytes, SHOWN_MAX, regex);
}

static enum reason judge_regex(struct judge *j, const char *regex, bool wanted)
{
	struct pattern_span spans[2];
	const struct buf *whole = &j->b->whole;
	enum pattern_found found = find(j, regex, whole->data, whole->size_bytes, spans);

	if (found == PATTERN_GAVE_UP)
		return gave_up(j, regex);
	if ((found == PATTERN_FOUND) == wanted)
		return REASON_OK;
	if (wanted)
		return say(j, REASON_CONTENT_MISSING,
			"nothing in the body (%zu bytes) matches \"%.*s\"", j->b->bytes, SHOWN_MAX,
			regex);
	size_t n = spans[0].to - spans[0].from;
	return say(j, REASON_CONTENT_UNWANTED, "\"%.*s\" in the body matches \"%.*s\"",
		(int)(n < SHOWN_MAX ? n : SHOWN_MAX), whole->data + spans[0].from, SHOWN_MAX,
		regex);
}

static enum reason judge_regexes(struct judge *j)
{
	const struct expect *e = j->b->expect;
	enum reason reason = REASON_OK;

	for (size_t i = 0; reason == REASON_OK && i < e->body_regex.n; i++)
		reason = judge_regex(j, e->body_regex.item[i], true);
	for (size_t i = 0; reason == REASON_OK && i < e->body_not_regex.n; i++)
		reason = judge_regex(j, e->body_not_regex.item[i], false);
	return reason;
}

/* ---- JSON values */

/* The pointer "" is the whole. */
static const char *shown(const char *pointer)
{
	return *pointer != '\0' ? pointer : "the whole";
}

static bool same_scalar(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b))
		return json_integer_value(a) == json_integer_value(b);
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	return json_equal(a, b);
}

static bool equals(const json_t *seen, const char *wanted)
{
	json_t *value = json_loads(wanted, JSON_DECODE_ANY, NULL);
	bool same = seen != NULL && same_scalar(seen, value);

	json_decref(value);
	return same;
}

static enum reason judge_match(struct judge *j, const struct json_rule *r,
	const struct http_json_value *found, const json_t *seen)
{
	struct pattern_span spans[2];
	bool text = json_is_string(seen);
	enum pattern_found match = find(j, r->matches, text ? json_string_value(seen) : found->text,
		text ? json_string_length(seen) : found->size_bytes, spans);

	if (match == PATTERN_GAVE_UP)
		return gave_up(j, r->matches);
	if (match == PATTERN_FOUND)
		return REASON_OK;
	return say(j, REASON_CONTENT_JSON, "%s is %.*s, which does not match \"%.*s\"",
		shown(r->pointer),
		(int)(found->size_bytes < SHOWN_MAX ? found->size_bytes : SHOWN_MAX), found->text,
		SHOWN_MAX, r->matches);
}

static enum reason judge_found(struct judge *j, const struct json_rule *r,
	const struct http_json_value *found, const json_t *seen)
{
	int n = (int)(found->size_bytes < SHOWN_MAX ? found->size_bytes : SHOWN_MAX);
	double number = json_is_number(seen) ? json_number_value(seen) : NAN;

	if (!r->exists)
		return say(j, REASON_CONTENT_JSON, "%s is there (%.*s) and must not be",
			shown(r->pointer), n, found->text);
	if (r->equals != NULL && !equals(seen, r->equals))
		return say(j, REASON_CONTENT_JSON, "%s is %.*s instead of %.*s", shown(r->pointer),
			n, found->text, SHOWN_MAX, r->equals);
	if (r->not_equals != NULL && equals(seen, r->not_equals))
		return say(j, REASON_CONTENT_JSON, "%s is %.*s, which it must not be",
			shown(r->pointer), n, found->text);
	if (!isnan(r->less) && !(number < r->less))
		return say(j, REASON_CONTENT_JSON, "%s is %.*s, which is not below %.10g",
			shown(r->pointer), n, found->text, r->less);
	if (!isnan(r->greater) && !(number > r->greater))
		return say(j, REASON_CONTENT_JSON, "%s is %.*s, which is not above %.10g",
			shown(r->pointer), n, found->text, r->greater);
	return r->matches != NULL ? judge_match(j, r, found, seen) : REASON_OK;
}

static enum reason not_json(struct judge *j)
{
	return say(j, REASON_CONTENT_NOT_JSON, "the body (%zu bytes) is not valid JSON%s",
		j->b->bytes, j->b->bytes == 0 ? ": it is empty" : "");
}

static enum reason judge_json(struct judge *j, const struct json_rule *r)
{
	const struct buf *whole = &j->b->whole;
	struct http_json_value found;
	enum http_json state =
		http_json_find(buf_text(whole), whole->size_bytes, r->pointer, &found);

	if (state == HTTP_JSON_INVALID)
		return not_json(j);
	if (state == HTTP_JSON_ABSENT)
		return !r->exists ? REASON_OK
				  : say(j, REASON_CONTENT_JSON, "the JSON body has no %s",
					    shown(r->pointer));
	json_t *seen = http_json_scalar(&found);
	enum reason reason = judge_found(j, r, &found, seen);
	json_decref(seen);
	return reason;
}

/* ---- a number */

/* The number that N bytes at TEXT are, blanks around it aside; NAN: none. */
static double number_of(const char *text, size_t n)
{
	char copy[NUMBER_BYTES + 1], *end;

	while (n > 0 && strchr(" \t\r\n", *text) != NULL)
		text++, n--;
	while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
		n--;
	if (n == 0 || n > NUMBER_BYTES || strspn(text, "+-.eE0123456789") < n)
		return NAN;
	memcpy(copy, text, n);
	copy[n] = '\0';
	double number = strtod(copy, &end);
	return *end == '\0' && isfinite(number) ? number : NAN;
}

static enum reason value_of_json(struct judge *j, double *value)
{
	const struct buf *whole = &j->b->whole;
	const char *pointer = j->b->expect->value.json;
	struct http_json_value found;
	enum http_json state = http_json_find(buf_text(whole), whole->size_bytes, pointer, &found);

	if (state == HTTP_JSON_INVALID)
		return not_json(j);
	if (state == HTTP_JSON_ABSENT)
		return say(j, REASON_CONTENT_NO_VALUE, "the JSON body has no %s", shown(pointer));
	bool text = *found.text == '"' && found.size_bytes >= 2;
	*value = number_of(found.text + text, found.size_bytes - (text ? 2 : 0));
	if (!isnan(*value))
		return REASON_OK;
	return say(j, REASON_CONTENT_NO_VALUE, "%s is %.*s, which is no number", shown(pointer),
		(int)(found.size_bytes < SHOWN_MAX ? found.size_bytes : SHOWN_MAX), found.text);
}

static enum reason value_of_regex(struct judge *j, double *value)
{
	const struct buf *whole = &j->b->whole;
	const char *regex = j->b->expect->value.regex;
	struct pattern_span spans[2];
	enum pattern_found found = find(j, regex, whole->data, whole->size_bytes, spans);

	if (found == PATTERN_GAVE_UP)
		return gave_up(j, regex);
	if (found == PATTERN_ABSENT)
		return say(j, REASON_CONTENT_NO_VALUE,
			"nothing in the body (%zu bytes) matches \"%.*s\"", j->b->bytes, SHOWN_MAX,
			regex);
	const struct pattern_span *at = spans[1].from != PATTERN_NO_SPAN ? &spans[1] : &spans[0];
	size_t n = at->to - at->from;
	*value = number_of(buf_text(whole) + at->from, n);
	if (!isnan(*value))
		return REASON_OK;
	return say(j, REASON_CONTENT_NO_VALUE, "what matches \"%.*s\" is no number: \"%.*s\"",
		SHOWN_MAX, regex, (int)(n < SHOWN_MAX ? n : SHOWN_MAX), whole->data + at->from);
}

enum reason http_body_judge(
	const struct http_body *b, double *value, char detail[RESULT_DETAIL_MAX_BYTES])
{
	struct judge j = {.b = b, .left_us = PATTERN_BUDGET_US, .detail = detail};
	const struct expect *e = b->expect;
	enum reason reason;

	*value = NAN;
	if (e == NULL)
		return REASON_OK;
	reason = judge_texts(&j);
	if (reason == REASON_OK)
		reason = judge_regexes(&j);
	for (size_t i = 0; reason == REASON_OK && i < e->json.n; i++)
		reason = judge_json(&j, (const struct json_rule *)e->json.item + i);
	if (reason == REASON_OK && e->value.json != NULL)
		reason = value_of_json(&j, value);
	else if (reason == REASON_OK && e->value.regex != NULL)
		reason = value_of_regex(&j, value);
	return reason;
}
