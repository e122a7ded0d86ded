// SPDX-License-Identifier: MIT
/* What a DNS answer means for a check: the facts that its result keeps, and whether they are what is
 * expected. */
#ifndef QUORATE_PROBE_DNS_JUDGE_H
#define QUORATE_PROBE_DNS_JUDGE_H

#include "probe/check.h"
#include "probe/dns_message.h"
#include "proto/base/pattern.h"

/* Fills the result and ends the check. AT: the server, for people. */
void dns_judge(struct check *check, const struct dns_question *q, const struct dns_answer *a,
	const char *at);
/* Whether TEXT is what EXPECTED says: the same record, whatever way it is spelled (letters' case
 * where it means nothing, a last dot, an IPv6 address's zeros), or a pattern between slashes that is
 * found in it, within *LEFT_US of time. */
enum pattern_found dns_record_fits(
	enum dns_record record, const char *text, const char *expected, int64_t *left_us);

#endif
