// SPDX-License-Identifier: MIT
/* The rules of a monitor about what its checks mean together: failures over a window, flapping,
 * thresholds that count as down. */
#include "proto/monitor_internal.h"
#include "quorate/duration.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int changes_check(const void *value, const char **why)
{
	int64_t changes = *(const int64_t *)value;

	*why = "a number of changes from 2 to 20, or 0 for never";
	return changes == 1 ? -1 : 0;
}

int parents_check(const void *value, const char **why)
{
	const struct strings *parents = value;

	*why = "a list of different names, external_ids or ids of monitors";
	for (size_t i = 0; i < parents->n; i++) {
		if (parents->item[i][0] == '\0' || strlen(parents->item[i]) > NAME_MAX_BYTES)
			return -1;
		for (size_t j = 0; j < i; j++)
			if (strcmp(parents->item[i], parents->item[j]) == 0)
				return -1;
	}
	return 0;
}

static void say(struct problems *problems, const char *path, const char *name, const char *text)
{
	char at[sizeof(problems->item[0].path)];

	snprintf(at, sizeof(at), "%s%s%s", path, *path == '\0' ? "" : ".", name);
	problems_add(problems, at, "%s", text);
}

void failures_check(const void *object, const char *path, struct problems *problems)
{
	const struct failures_policy *f = object;
	char text[120];

	if (f->window_ms == UNSET && f->warning < 0 && f->critical < 0)
		return;
	if (f->window_ms == UNSET)
		say(problems, path, "window",
			"missing: over which time failed checks are counted, for example 15m");
	else if (f->warning < 0 && f->critical < 0)
		say(problems, path, "warning",
			"neither warning nor critical is given: nothing would be judged");
	if (f->warning < 0 || f->critical < 0 || f->warning < f->critical)
		return;
	snprintf(text, sizeof(text),
		"%g%% is not milder than critical (%g%%): the warning must be less", f->warning,
		f->critical);
	say(problems, path, "warning", text);
}

static void check_window(const struct monitor *m, const char *path, struct problems *problems)
{
	int64_t window_ms = m->expect.failures.window_ms,
		least_ms = FAILURE_INTERVALS_MIN * m->interval_ms;
	char window[DURATION_TEXT_SIZE], interval[DURATION_TEXT_SIZE], least[DURATION_TEXT_SIZE];
	char text[200];

	if (window_ms == UNSET || window_ms >= least_ms)
		return;
	snprintf(text, sizeof(text),
		"%s has %" PRId64 " checks at an interval of %s, too few for a rate; accepted: at "
		"least %s",
		duration_format(window_ms, window), window_ms / m->interval_ms,
		duration_format(m->interval_ms, interval), duration_format(least_ms, least));
	say(problems, path, "expect.failures.window", text);
}

/* ---- thresholds that count as down */

static void check_counts(const struct monitor *m, const char *path, struct problems *problems)
{
	const struct expect *e = &m->expect;
	const struct {
		const char *name;
		int counts_as;
		bool has_critical;
	} all[] = {
		{"expect.response_time.counts_as", e->response_time.counts_as,
			e->response_time.critical_ms != UNSET},
		{"expect.connect_time.counts_as", e->connect_time.counts_as,
			e->connect_time.critical_ms != UNSET},
		{"expect.certificate_days.counts_as", e->certificate_days.counts_as,
			e->certificate_days.critical_days != UNSET},
		{"expect.loss.counts_as", e->loss.counts_as, e->loss.critical >= 0},
		{"expect.rtt.counts_as", e->rtt.counts_as, e->rtt.critical_ms != UNSET},
		{"expect.jitter.counts_as", e->jitter.counts_as, e->jitter.critical_ms != UNSET},
		{"expect.value.counts_as", e->value.counts_as,
			!isnan(e->value.above.critical) || !isnan(e->value.below.critical)},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].counts_as == COUNTS_AS_DOWN && !all[i].has_critical)
			say(problems, path, all[i].name,
				"'down' needs a critical threshold: nothing would count as down");
}

static void check_same(const struct threshold_ms *a, const struct threshold_ms *b, const char *name,
	const char *other, const char *path, struct problems *problems)
{
	char text[160];

	if (a->critical_ms == UNSET || b->critical_ms == UNSET || a->counts_as == b->counts_as)
		return;
	snprintf(text, sizeof(text),
		"both this and %s decide whether it is slow: their critical must count as the same",
		other);
	say(problems, path, name, text);
}

void verdict_check(const struct monitor *m, const char *path, struct problems *problems)
{
	const struct expect *e = &m->expect;

	check_window(m, path, problems);
	check_counts(m, path, problems);
	check_same(&e->connect_time, &e->response_time, "expect.connect_time.counts_as",
		"response_time", path, problems);
	check_same(&e->jitter, &e->rtt, "expect.jitter.counts_as", "rtt", path, problems);
}

unsigned monitor_counts_as_down(const struct monitor *m)
{
	const struct expect *e = &m->expect;
	bool slow = e->response_time.counts_as == COUNTS_AS_DOWN ||
		    e->connect_time.counts_as == COUNTS_AS_DOWN ||
		    e->rtt.counts_as == COUNTS_AS_DOWN || e->jitter.counts_as == COUNTS_AS_DOWN;
	unsigned set = slow ? 1U << THRESHOLD_SLOW : 0;

	if (e->certificate_days.counts_as == COUNTS_AS_DOWN)
		set |= 1U << THRESHOLD_CERTIFICATE;
	if (e->loss.counts_as == COUNTS_AS_DOWN)
		set |= 1U << THRESHOLD_LOSS;
	if (e->value.counts_as == COUNTS_AS_DOWN)
		set |= 1U << THRESHOLD_VALUE;
	return set;
}
