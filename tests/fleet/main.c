// SPDX-License-Identifier: MIT
/*
 * fleet [-m MONITORS] [-d DAYS] [-s SEED] [-p PATH%] [-r REGION%] [-l SECONDS] [-w WORLD] [-j THREADS]
 *       [-e|-c]
 *
 * False alerts and missed outages per monitor-year: without a liar, with one, and with one before
 * the court; beside others who decide on the same votes. Exit status 1 when the quorum does not keep
 * what it promises: none inside of the bounds, none by faults that are shorter than the gap.
 *
 *   -l  only faults of 1, 10, 60 or 600 s
 *   -w  only 0 (nobody lies), 1 (a liar, no quarantine) or 2 (a liar, quarantine)
 *   -e  play and evaluate every check (slow)
 *   -c  compare: with one thread, with three, and with -e the same must come out
 */
#include "tests/fleet/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define DAY_MS    86400000
#define YEAR_DAYS 365.25
#define LIAR      4

/* ---- words */

/* Seconds within which SHARE of the detected outages were told. */
static double quantile(const struct tally_of *t, double share)
{
	int64_t n = 0, seen = 0;

	for (int i = 0; i <= DETECTION_MAX; i++)
		n += t->detection[i];
	for (int i = 0; i <= DETECTION_MAX; i++)
		if ((double)(seen += t->detection[i]) >= share * (double)n)
			return (i + 1) / 10.0;
	return 0;
}

static double years_of(const struct fleet_setup *s)
{
	return s->monitors * ((double)s->end_ms / DAY_MS) / YEAR_DAYS;
}

static void print_method(const char *name, const struct tally_of *t, double years)
{
	printf("  %-24s %10.3g %12.3g %12.3g   %10.3g %10.3g   %5.1f %5.1f\n", name,
		(double)t->false_inside / years, (double)t->false_short / years,
		(double)t->false_outside / years, (double)t->missed_inside / years,
		(double)t->missed_outside / years, quantile(t, 0.5), quantile(t, 0.99));
}

static void print_court(
	const struct fleet_setup *s, const struct court *court, const struct totals *totals)
{
	int times = 0;
	int64_t lasted_ms = 0;

	for (int p = 0; p < PROBES; p++) {
		const struct history *h = &court->history[p];
		int64_t sum_ms = h->lasted_ms + (h->since_ms ? s->end_ms - h->since_ms : 0);
		if (p == s->liar) {
			printf("  the liar was set aside after %lld s, %d times in all, for %.3f "
			       "%% "
			       "of the time; its votes counted for\n  %.1f minutes of %.0f days, "
			       "on "
			       "average of the monitors that it votes on\n",
				(long long)h->first_ms / 1000, h->times,
				100.0 * (double)sum_ms / (double)s->end_ms,
				(double)totals->lied_ms / (double)totals->lies_ms *
					(double)s->end_ms / 60000,
				(double)s->end_ms / DAY_MS);
			continue;
		}
		times += h->times;
		lasted_ms += sum_ms;
	}
	printf("  honest probes in ill regions were set aside %d times, for %.1f minutes each on "
	       "average\n",
		times, times ? (double)lasted_ms / times / 60000 : 0.0);
}

/* Rounds further apart than faults are long are independent of each other. */
static void print_short(const struct totals *t, double years)
{
	double both = t->downward ? (double)t->reached[0] : 0;

	for (int r = 1; r < ROUNDS && t->downward; r++)
		both *= (double)t->reached[r] / (double)t->downward;
	printf("  of %lld bursts that found the target up", (long long)t->downward);
	for (int r = 0; r < ROUNDS; r++)
		printf(", %lld reached the quorum in round %d", (long long)t->reached[r], r + 1);
	printf(":\n  in all of them by chance %.2g times per monitor-year\n", both / years);
}

static void print_totals(
	const struct fleet_setup *s, const struct court *court, const struct totals *totals)
{
	static const char *const names[METHODS] = {
		"quorate", "one probe", "2 of 3", "most who answer"};
	const struct tally_of *t = &totals->of[QUORATE];
	double years = years_of(s);

	for (enum method m = QUORATE; m < (s->rivals ? METHODS : SINGLE); m++)
		print_method(names[m], &totals->of[m], years);
	if (s->quarantine)
		print_court(s, court, totals);
	if (s->part[FAULT_1S] >= 1)
		print_short(totals, years);
	printf("  in %.4g monitor-years (so 0 means: less than %.1g, with 95%% confidence): %lld "
	       "alerts, %lld of them\n  true; %lld long outages; %lld bursts; %lld checks and %lld "
	       "evaluations played, all others skipped\n",
		years, 3 / years, (long long)t->alerts, (long long)t->true_alerts,
		(long long)t->outages, (long long)totals->bursts, (long long)totals->checks,
		(long long)totals->evaluations);
}

/* ---- three worlds */

static bool keeps_promise(const struct tally_of *t)
{
	return t->outages > 0 && t->true_alerts > 0 && t->false_inside == 0 &&
	       t->missed_inside == 0 && t->false_short == 0;
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool play_and_tell(const char *title, const struct fleet_setup *s)
{
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	struct court court;

	printf("\n%s\n", title);
	fflush(stdout);
	struct totals totals = crew_play(s, &court);
	bool kept = keeps_promise(&totals.of[QUORATE]);
	print_totals(s, &court, &totals);
	printf("  %.1f s (%.1f s of CPU time)%s\n", seconds(CLOCK_MONOTONIC) - wall,
		seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
		kept ? "" : "\n  NOT KEPT: 0 and 0 inside the bounds");
	return kept;
}

/* What is played is told by title; NULL: there is no such world. */
static const char *world(struct fleet_setup *s, int number)
{
	s->liar = number == 0 ? NOBODY : LIAR;
	s->quarantine = number != 1;
	s->rivals = number != 2;
	switch (number) {
	case 0:
		return "nobody lies";
	case 1:
		return "one of the probes lies, about everything, and there is no quarantine";
	case 2:
		return "the same, with quarantine";
	default:
		return NULL;
	}
}

static void print_setup(const struct fleet_setup *s)
{
	printf("%d monitors, %lld days, %d seats in %d regions of %d probes, every %d s, %d rounds "
	       "%d s apart; seed %llu\n"
	       "broken paths %.3g%% of the time, ill regions %.2g%% (half see everything down, "
	       "half "
	       "are cut off);\nfaults of",
		s->monitors, (long long)(s->end_ms / DAY_MS), SEATS, REGIONS, PROBES_IN_REGION,
		INTERVAL_MS / 1000, ROUNDS, GAP_MS / 1000, (unsigned long long)s->seed,
		100 * s->path, 100 * s->region);
	for (enum fault_length l = 0; l < FAULT_LENGTHS; l++)
		if (s->part[l] > 0)
			printf(" %lld s", (long long)fault_ms[l] / 1000);
	printf(" in equal parts; %d organizations, %d monitors in a network; %d threads\n\n"
	       "per monitor-year                 false: few    enough but      enough     "
	       "missed:      none   seconds to\n"
	       "                               seats broken   all <= 1 s      broken    few ill    "
	       " many ill   alert 50%%  99%%\n",
		ORGANIZATIONS, NETWORK_MONITORS, s->workers);
}

static bool play_all(struct fleet_setup *s, int only)
{
	const char *title;
	bool kept = true;

	print_setup(s);
	for (int i = 0; (title = world(s, i)); i++)
		if (only < 0 || only == i)
			kept &= play_and_tell(title, s);
	return kept;
}

/* ---- the same in other ways */

static bool is_same(const struct totals *a, const struct totals *b)
{
	struct totals x = *a, y = *b;

	x.checks = y.checks = x.evaluations = y.evaluations = 0;
	return memcmp(&x, &y, sizeof(x)) == 0;
}

static bool is_same_history(const struct court *a, const struct court *b)
{
	for (int p = 0; p < PROBES; p++) {
		const struct history *x = &a->history[p], *y = &b->history[p];
		if (x->since_ms != y->since_ms || x->first_ms != y->first_ms ||
			x->lasted_ms != y->lasted_ms || x->times != y->times)
			return false;
	}
	return true;
}

static bool compare(struct fleet_setup *s)
{
	static const struct {
		const char *name;
		int workers;
		bool every;
	} ways[] = {{"three threads", 3, false}, {"every check", 2, true}};
	struct court court, other;
	const char *title;
	bool same = true;

	for (int i = 0; (title = world(s, i)); i++) {
		s->workers = 1;
		s->every = false;
		struct totals one = crew_play(s, &court);
		for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++) {
			s->workers = ways[k].workers;
			s->every = ways[k].every;
			struct totals totals = crew_play(s, &other);
			bool equal = is_same(&one, &totals) && is_same_history(&court, &other);
			printf("  %s: %s as with one thread%s\n", title, ways[k].name,
				equal ? ", the same" : ": NOT THE SAME");
			if (!equal) {
				print_totals(s, &court, &one);
				print_totals(s, &other, &totals);
			}
			same &= equal;
		}
	}
	return same;
}

/* ---- options */

static bool only_length(struct fleet_setup *s, const char *text)
{
	bool known = false;

	for (enum fault_length l = 0; l < FAULT_LENGTHS; l++) {
		bool this = atoll(text) * 1000 == fault_ms[l];
		s->part[l] = this ? 1 : 0;
		known |= this;
	}
	return known;
}

static bool read_options(int argc, char **argv, struct fleet_setup *s, bool *compares, int *only)
{
	for (int c; (c = getopt(argc, argv, "m:d:s:p:r:l:w:j:ec")) != -1;) {
		if (c == 'm')
			s->monitors = atoi(optarg);
		else if (c == 'd')
			s->end_ms = atoll(optarg) * DAY_MS;
		else if (c == 's')
			s->seed = strtoull(optarg, NULL, 10);
		else if (c == 'p')
			s->path = atof(optarg) / 100;
		else if (c == 'r')
			s->region = atof(optarg) / 100;
		else if (c == 'w')
			*only = atoi(optarg);
		else if (c == 'j')
			s->workers = atoi(optarg);
		else if (c == 'e')
			s->every = true;
		else if (c == 'c')
			*compares = true;
		else if (c != 'l' || !only_length(s, optarg))
			return false;
	}
	return s->monitors > 0 && s->end_ms > 0 && s->workers > 0;
}

int main(int argc, char **argv)
{
	struct fleet_setup s = {.monitors = 10000,
		.end_ms = 30LL * DAY_MS,
		.seed = 1,
		.workers = (int)sysconf(_SC_NPROCESSORS_ONLN),
		.path = 0.01,
		.region = 0.002,
		.part = {0.25, 0.25, 0.25, 0.25}};
	bool compares = false, kept;
	int only = -1;

	if (!read_options(argc, argv, &s, &compares, &only))
		return 2;
	world_prepare(&s);
	kept = compares ? compare(&s) : play_all(&s, only);
	world_clear(&s);
	return kept ? 0 : 1;
}
