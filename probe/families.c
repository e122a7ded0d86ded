// SPDX-License-Identifier: MIT
#include "probe/families.h"

#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "proto/monitor.h"

#include <stdlib.h>
#include <string.h>

const char *family_label(int family)
{
	return family == FAMILY_IPV6 ? "IPv6" : "IPv4";
}

static int worst_severity(const struct result *r)
{
	int worst = SEVERITY_NONE;
	for (int i = 0; i < THRESHOLD_COUNT; i++)
		worst = r->severity[i] > worst ? r->severity[i] : worst;
	return worst;
}

static bool is_worse(const struct result *a, const struct result *b)
{
	static const int rank[] = {
		[VERDICT_UP] = 0, [VERDICT_WARNING] = 1, [VERDICT_NONE] = 2, [VERDICT_DOWN] = 3};
	if (a->verdict != b->verdict)
		return rank[a->verdict] > rank[b->verdict];
	if (worst_severity(a) != worst_severity(b))
		return worst_severity(a) > worst_severity(b);
	return a->phases.total_us > b->phases.total_us;
}

static const char *seen(const struct result *r)
{
	return r->detail != NULL ? r->detail : reason_text_en((enum reason)r->reason);
}

static void copy_finding(struct family_finding *f, int family, const struct result *r)
{
	*f = (struct family_finding){.family = family,
		.verdict = r->verdict,
		.reason = r->reason,
		.detail = mem_strdup(r->detail),
		.address = mem_strdup(r->address),
		.total_us = r->phases.total_us,
		.status = r->status,
		.certificate_days = r->certificate.days,
		.sent = r->ping.sent,
		.received = r->ping.received,
		.rtt_us = r->ping.avg_us};
}

/* "IPv6: no answer from [2001:db8::1]:443; IPv4 is up" */
static char *sentence(const struct result *worse, int family, const struct result *other)
{
	int other_family = family == FAMILY_IPV6 ? FAMILY_IPV4 : FAMILY_IPV6;
	bool fine = other->verdict == VERDICT_UP && worse->verdict != VERDICT_UP;
	char *all = fine ? mem_printf("%s: %s; %s is up", family_label(family), seen(worse),
				   family_label(other_family))
			 : mem_printf("%s: %s; %s: %s", family_label(family), seen(worse),
				   family_label(other_family), seen(other));
	char *cut = utf8_clean(all, strlen(all), RESULT_DETAIL_MAX_BYTES);
	free(all);
	return cut;
}

static bool ends_first(const struct certificate *a, const struct certificate *b)
{
	return a->not_after_wall_ms != UNSET &&
	       (b->not_after_wall_ms == UNSET || a->not_after_wall_ms < b->not_after_wall_ms);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void swap(struct result *a, struct result *b)
{
	struct result kept = *a;
	*a = *b;
	*b = kept;
}

void families_merge(struct result *v4, struct result *v6)
{
	struct family_finding *findings = mem_array(2, sizeof(*findings));
	int family = FAMILY_IPV4;
	copy_finding(&findings[0], FAMILY_IPV4, v4);
	copy_finding(&findings[1], FAMILY_IPV6, v6);
	if (is_worse(v6, v4)) {
		swap(v4, v6);
		family = FAMILY_IPV6;
	}
	struct result *out = v4, *other = v6;
	char *detail = sentence(out, family, other);
	free(out->detail);
	out->detail = detail;
	for (int i = 0; i < THRESHOLD_COUNT; i++)
		if (other->severity[i] > out->severity[i])
			out->severity[i] = other->severity[i];
	if (ends_first(&other->certificate, &out->certificate)) {
		struct certificate kept = out->certificate;
		out->certificate = other->certificate;
		other->certificate = kept;
	}
	out->duration_ms = larger(out->duration_ms, other->duration_ms);
	out->loop_lag_us = larger(out->loop_lag_us, other->loop_lag_us);
	out->families = (struct list){.item = findings, .n = 2};
}
