// SPDX-License-Identifier: MIT
/*
 * The body of an answer as it comes in: counted, bounded, its beginning kept for people, and looked
 * into for what is expected. Plain texts are found on the fly; only patterns, JSON and numbers need
 * the whole, which is kept for them, up to the bound.
 */
#ifndef QUORATE_PROBE_HTTP_BODY_H
#define QUORATE_PROBE_HTTP_BODY_H

#include "proto/base/buf.h"
#include "quorate/limits.h"
#include "quorate/monitor.h"
#include "quorate/reason.h"

struct http_body {
	const struct expect *expect;  /* borrowed; NULL: nothing is looked for */
	size_t bytes, max_bytes;      /* decompressed */
	uint32_t found;               /* a bit per text of body_contains, then body_not_contains */
	char tail[PATTERN_MAX_BYTES]; /* the end of what came: a text may straddle two pieces */
	size_t tail_bytes, longest_bytes;
	bool keeps;
	struct buf whole;
	char excerpt[BODY_EXCERPT_MAX_BYTES];
	size_t excerpt_bytes;
};

void http_body_init(struct http_body *b, const struct expect *expect, size_t max_bytes);
void http_body_clear(struct http_body *b);
/* Returns 0, or -1 when it is larger than allowed. */
MUST_CHECK int http_body_take(struct http_body *b, const char *data, size_t n);
/* OK, or why the body is not as expected, with a DETAIL. *VALUE: the number that it tells, NAN:
 * none. */
enum reason http_body_judge(
	const struct http_body *b, double *value, char detail[RESULT_DETAIL_MAX_BYTES]);

#endif
