// SPDX-License-Identifier: MIT
/*
 * sim [-v] [-s SEED] FILE.scn …: plays scenarios on virtual time against the real core/ and says
 * which expectations were met. One line per scenario, then "N passed, M failed"; exit status 1 when
 * one failed. -v tells every action; another SEED gives other phases, latencies and seats, which those
 * that name seats do not expect.
 */
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool compare(enum scn_relation relation, int seen, int number)
{
	switch (relation) {
	case EXACTLY:
		return seen == number;
	case AT_LEAST:
		return seen >= number;
	case AT_MOST:
		return seen <= number;
	}
	return false;
}

static bool concerns(const struct scn_expect *e, const struct record *r)
{
	return (e->kinds & (1U << r->kind)) &&
	       (e->monitor == SCN_ALL || e->monitor == r->monitor) &&
	       (e->probe == SCN_ALL || e->probe == r->probe);
}

static bool within(const struct scn_expect *e, int64_t at_ms)
{
	return at_ms >= e->after_ms && at_ms <= e->after_ms + e->within_ms;
}

static bool record_counts(const struct scn_expect *e, const struct record *r)
{
	switch (e->what) {
	case EXPECT_ALERTS:
		return true;
	case EXPECT_OPEN:
		return r->opened_at_ms <= e->at_ms && r->closed_at_ms > e->at_ms;
	case EXPECT_OPENS:
		return within(e, r->opened_at_ms);
	case EXPECT_CLOSES:
		return within(e, r->closed_at_ms);
	case EXPECT_SEVERITY:
		return r->severities & (1U << e->severity);
	default:
		return false;
	}
}

static int count_records(const struct scn_expect *e, const struct outcome *o)
{
	int n = 0;

	for (int i = 0; i < o->n_records; i++)
		n += concerns(e, &o->record[i]) && record_counts(e, &o->record[i]);
	return n;
}

static int count_of_monitors(
	const struct scn *s, const struct scn_expect *e, const struct outcome *o)
{
	int n = 0;

	for (int i = 0; i < s->n_monitors; i++) {
		if (e->monitor != SCN_ALL && e->monitor != i)
			continue;
		if (e->what == EXPECT_BURSTS)
			n += o->bursts[i];
		for (int kind = 0; e->what == EXPECT_EXPLAINED && kind < ALERT_KIND_COUNT; kind++)
			if (e->kinds & (1U << kind))
				n += o->explained[i][kind];
	}
	return n;
}

static bool has_state(const struct scn_expect *e, const struct outcome *o, int monitor)
{
	enum monitor_state state = STATE_PENDING;

	for (int i = 0; i < o->n_states[monitor]; i++)
		if (o->state[monitor][i].at_ms <= e->at_ms)
			state = o->state[monitor][i].state;
	return (int)state == e->state;
}

static bool all_have_state(const struct scn *s, const struct scn_expect *e, const struct outcome *o)
{
	for (int i = 0; i < s->n_monitors; i++)
		if ((e->monitor == SCN_ALL || e->monitor == i) && !has_state(e, o, i))
			return false;
	return true;
}

static bool promoted(const struct scn_expect *e, const struct outcome *o)
{
	for (int i = 0; i < o->n_records; i++)
		if (o->record[i].promoted &&
			(e->monitor == SCN_ALL || o->record[i].monitor == e->monitor))
			return true;
	return false;
}

/* The last word on each of the monitors before AT. */
static bool has_standing(const struct scn *s, const struct scn_expect *e,
	const struct standing_record *record, int n)
{
	for (int m = 0; m < s->n_monitors; m++) {
		bool is = false;
		for (int i = 0; i < n; i++)
			if (record[i].monitor == m && record[i].probe == e->probe &&
				record[i].at_ms <= e->at_ms)
				is = record[i].is;
		if ((e->monitor == SCN_ALL || e->monitor == m) && is != (e->number == 1))
			return false;
	}
	return true;
}

static bool is_met(const struct scn *s, const struct scn_expect *e, const struct outcome *o)
{
	switch (e->what) {
	case EXPECT_ALERTS:
	case EXPECT_OPEN:
		return compare(e->relation, count_records(e, o), e->number);
	case EXPECT_OPENS:
	case EXPECT_CLOSES:
	case EXPECT_SEVERITY:
		return count_records(e, o) > 0;
	case EXPECT_EXPLAINED:
	case EXPECT_BURSTS:
		return compare(e->relation, count_of_monitors(s, e, o), e->number);
	case EXPECT_STATE:
		return all_have_state(s, e, o);
	case EXPECT_PROMOTED:
		return promoted(e, o);
	case EXPECT_QUARANTINE:
		return has_standing(s, e, o->quarantine, o->n_quarantine);
	case EXPECT_SEAT:
		return has_standing(s, e, o->seat, o->n_seats);
	}
	return false;
}

/* ---- telling */

static void tell_records(const struct scn *s, const struct outcome *o)
{
	for (int i = 0; i < o->n_records; i++) {
		const struct record *r = &o->record[i];
		printf("    %-12s %-8s", alert_kind_names[r->kind], severity_names[r->severity]);
		if (r->kind == ALERT_PROBE)
			printf(" probe %d", r->probe + 1);
		else
			printf(" %s", s->monitor[r->monitor].name);
		printf(" opened %.3f s", (double)r->opened_at_ms / 1000);
		if (r->closed_at_ms != INT64_MAX)
			printf(" closed %.3f s%s", (double)r->closed_at_ms / 1000,
				r->promoted ? " (promoted)" : "");
		putchar('\n');
	}
	for (int i = 0; i < s->n_monitors; i++)
		printf("    %s: %d bursts, %d states\n", s->monitor[i].name, o->bursts[i],
			o->n_states[i]);
}

static bool judge(const struct scn *s, const struct outcome *o)
{
	bool passed = o->broken[0] == 0;

	if (!passed)
		printf("  %s: %s\n", s->file, o->broken);
	for (int i = 0; i < s->n_expects; i++)
		if (!is_met(s, &s->expect[i], o)) {
			printf("  %s:%d: not met: %s\n", s->file, s->expect[i].line,
				s->expect[i].text);
			passed = false;
		}
	if (!passed)
		tell_records(s, o);
	printf("  %s  %s\n", passed ? "ok  " : "FAIL", s->file);
	return passed;
}

static bool play(const char *file, uint64_t seed, bool verbose)
{
	struct scn *s = malloc(sizeof(*s));
	struct outcome *o = malloc(sizeof(*o));
	bool passed = false;

	if (!s || !o)
		abort();
	if (scn_read(file, s) == 0) {
		world_play(s, seed, verbose, o);
		passed = judge(s, o);
	}
	free(s);
	free(o);
	return passed;
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0, option;
	bool verbose = false;
	uint64_t seed = 0;

	while ((option = getopt(argc, argv, "vs:")) != -1) {
		if (option == 'v')
			verbose = true;
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	for (int i = optind; i < argc; i++) {
		if (play(argv[i], seed, verbose))
			passed++;
		else
			failed++;
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0 || passed == 0;
}
