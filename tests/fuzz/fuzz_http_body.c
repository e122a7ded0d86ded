// SPDX-License-Identifier: MIT
/*
 * A body in pieces into http_body.c. The first byte says how long the pieces are; then two texts (a
 * line each) and the body. However it is cut, the texts are found when they are in the whole.
 */
#include "probe/http_body.h"
#include "proto/base/mem.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static char *take_line(const char **p, size_t *n)
{
	const char *newline = memchr(*p, '\n', *n);
	size_t length = newline != NULL ? (size_t)(newline - *p) : *n;
	char *line = mem_strndup(*p, length > PATTERN_MAX_BYTES ? PATTERN_MAX_BYTES : length);
	*p += length + (newline != NULL);
	*n -= length + (newline != NULL);
	return line;
}

static enum reason judge_pieces(
	const struct expect *expect, const char *body, size_t n, size_t piece, double *value)
{
	char detail[RESULT_DETAIL_MAX_BYTES] = "";
	struct http_body b;
	memset(&b, 0, sizeof(b));
	http_body_init(&b, expect, n);
	for (size_t at = 0; at < n; at += piece)
		ensure(http_body_take(&b, body + at, n - at < piece ? n - at : piece) == 0);
	enum reason reason = http_body_judge(&b, value, detail);
	ensure(memchr(detail, '\0', sizeof(detail)) != NULL);
	ensure((reason == REASON_OK) == (*detail == '\0'));
	ensure(http_body_take(&b, "x", 1) == -1);
	http_body_clear(&b);
	return reason;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	if (size_bytes < 1)
		return 0;
	const char *p = (const char *)data + 1;
	size_t n = size_bytes - 1, piece = data[0] % 64 + 1;
	char *wanted = take_line(&p, &n), *unwanted = take_line(&p, &n);
	struct strings contains = {&wanted, *wanted != '\0'},
		       not_contains = {&unwanted, *unwanted != '\0'};
	struct expect texts = {.body_contains = contains, .body_not_contains = not_contains};
	struct json_rule rule = {.pointer = wanted, .exists = true, .less = NAN, .greater = NAN};
	struct expect json = {.json = {&rule, 1}, .value = {.json = unwanted}};
	double value;

	enum reason reason = judge_pieces(&texts, p, n, piece, &value);
	bool has = !contains.n || memmem(p, n, wanted, strlen(wanted)) != NULL;
	bool has_not = !not_contains.n || memmem(p, n, unwanted, strlen(unwanted)) == NULL;
	ensure(reason == (!has              ? REASON_CONTENT_MISSING
				 : !has_not ? REASON_CONTENT_UNWANTED
					    : REASON_OK));
	ensure(isnan(value));
	reason = judge_pieces(&json, p, n, piece, &value);
	ensure(reason != REASON_OK || isfinite(value));
	free(wanted);
	free(unwanted);
	return 0;
}
