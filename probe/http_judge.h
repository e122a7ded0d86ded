// SPDX-License-Identifier: MIT
/* Whether the last answer of an http check is what its monitor expects. */
#ifndef QUORATE_PROBE_HTTP_JUDGE_H
#define QUORATE_PROBE_HTTP_JUDGE_H

#include "probe/http_chain.h"

/* OK, or the first thing that is not as expected, with a DETAIL. The number that the body tells
 * becomes the result's, and is held against its thresholds. */
enum reason http_judge(struct http_chain *chain, char detail[RESULT_DETAIL_MAX_BYTES]);

#endif
