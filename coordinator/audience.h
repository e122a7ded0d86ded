// SPDX-License-Identifier: MIT
/*
 * Documents for other readers. A customer is told everything about the monitor and nothing about
 * whoever looks at it: no probe's name, no other tenant, no names of people who work here, none of
 * the addresses that may be a proxy's of ours, no trouble of our own. What may be shown is listed
 * member by member (audience.c); what is not listed is left out.
 */
#ifndef QUORATE_AUDIENCE_H
#define QUORATE_AUDIENCE_H

#include <jansson.h>

/* An alert, or the explanation of a monitor (verdicts_explain()), for a customer; new references.
 * NULL for an alert about a probe: that is none of theirs. */
json_t *audience_alert(const json_t *alert);
json_t *audience_explanation(const json_t *explanation);

/* Puts the Japanese sentence of each reason in the place of its English one, at any depth. A new
 * reference. */
json_t *audience_japanese(const json_t *document);

#endif
