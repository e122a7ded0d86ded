// SPDX-License-Identifier: MIT
/*
 * What a check sent to let itself in is not told on when the target says it again: in a body, in a
 * Location, in anything that becomes part of a result. Done once, for every check, before its result
 * goes anywhere.
 *
 * Found is the value itself and any piece of six bytes or more of it, in either case, also
 * percent-encoded, as JSON or HTML writes it, without its "Bearer", and the user and password of a
 * "Basic". What the target has encoded otherwise (base64, reversed, hashed) cannot be known again.
 */
#ifndef QUORATE_PROBE_REDACT_H
#define QUORATE_PROBE_REDACT_H

#include "quorate/monitor.h"
#include "quorate/result.h"

/*
 * Hides in all texts of RESULT what M's credentials are: the values of secrets, of headers that are
 * known for credentials, and a body that comes back as a whole. Texts keep within their ceilings.
 */
void redact_result(struct result *result, const struct monitor *m);
/* The same in *TEXT alone, which is replaced. */
void redact_words(char **text, const struct monitor *m);

#endif
