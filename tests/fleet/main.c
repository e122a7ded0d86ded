// SPDX-License-Identifier: MIT
/*
 * fleet [-m MONITORS] [-d DAYS] [-s SEED] [-p PATH%] [-r REGION%]: false alerts and missed outages
 * per monitor-year, without a liar, with one, and with one in quarantine; beside others who decide
 * on the same votes. Exit status 1 when the quorum does not keep what it promises: none inside of
 * the bounds, none by faults that are shorter than the gap.
 */
#include "tests/fleet/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY_MS      86400000
#define YEAR_DAYS   365.25
#define WORKERS_MAX 64

static void add_tally(struct tally_of *sum, const struct tally_of *t)
{
	sum->alerts += t->alerts;
	sum->true_alerts += t->true_alerts;
	sum->false_inside += t->false_inside;
	sum->false_short += t->false_short;
	sum->false_outside += t->false_outside;
	sum->outages += t->outages;
	sum->missed_inside += t->missed_inside;
	sum->missed_outside += t->missed_outside;
	for (int i = 0; i <= DETECTION_MAX; i++)
		sum->detection[i] += t->detection[i];
}

static void add_totals(struct totals *sum, const struct totals *t)
{
	for (enum method m = QUORATE; m < METHODS; m++)
		add_tally(&sum->of[m], &t->of[m]);
	sum->checks += t->checks;
	sum->bursts += t->bursts;
	sum->evaluations += t->evaluations;
}

/* Monitors are shared out to as many processes as there are processors. */
static struct totals play_fleet(const struct fleet_setup *s)
{
	long workers = sysconf(_SC_NPROCESSORS_ONLN);
	struct totals sum = {0}, *each;
	int status;

	workers = workers < 1 ? 1 : workers > WORKERS_MAX ? WORKERS_MAX : workers;
	each = mmap(NULL, (size_t)workers * sizeof(*each), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (each == MAP_FAILED)
		abort();
	fflush(stdout);
	for (int i = 0; i < workers; i++) {
		pid_t pid = fork();
		if (pid == -1)
			abort();
		if (pid > 0)
			continue;
		for (int m = i; m < s->monitors; m += (int)workers)
			play_monitor(s, m, &each[i]);
		_exit(0);
	}
	for (int i = 0; i < workers; i++)
		if (wait(&status) == -1 || status != 0) {
			fprintf(stderr, "fleet: a worker died (status 0x%x)\n", status);
			exit(1);
		}
	for (int i = 0; i < workers; i++)
		add_totals(&sum, &each[i]);
	munmap(each, (size_t)workers * sizeof(*each));
	return sum;
}

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

static void print_method(const char *name, const struct tally_of *t, double years)
{
	printf("  %-24s %10.3g %12.3g %12.3g   %10.3g %10.3g   %5.1f %5.1f\n", name,
		(double)t->false_inside / years, (double)t->false_short / years,
		(double)t->false_outside / years, (double)t->missed_inside / years,
		(double)t->missed_outside / years, quantile(t, 0.5), quantile(t, 0.99));
}

static bool keeps_promise(const struct tally_of *t)
{
	return t->outages > 0 && t->true_alerts > 0 && t->false_inside == 0 &&
	       t->missed_inside == 0 && t->false_short == 0;
}

static bool play_and_tell(const char *title, const struct fleet_setup *s, bool with_rivals)
{
	static const char *const names[METHODS] = {
		"quorate", "one probe", "2 of 3", "most who answer"};
	double years = s->monitors * ((double)s->end_ms / DAY_MS) / YEAR_DAYS;
	struct totals totals = play_fleet(s);
	bool kept = keeps_promise(&totals.of[QUORATE]);

	printf("\n%s\n", title);
	for (enum method m = QUORATE; m < (with_rivals ? METHODS : SINGLE); m++)
		print_method(names[m], &totals.of[m], years);
	printf("  in %.4g monitor-years (so 0 means: less than %.1g, with 95%% confidence): %lld "
	       "alerts, %lld of them "
	       "true;\n  %lld long outages; %lld bursts; %lld checks played, the quiet ones "
	       "skipped%s\n",
		years, 3 / years, (long long)totals.of[QUORATE].alerts,
		(long long)totals.of[QUORATE].true_alerts, (long long)totals.of[QUORATE].outages,
		(long long)totals.bursts, (long long)totals.checks,
		kept ? "" : "\n  NOT KEPT: 0 and 0 inside the bounds");
	return kept;
}

static bool play_all(struct fleet_setup *s)
{
	bool kept;

	printf("%d monitors, %lld days, %d seats in %d regions of %d probes, every %d s, %d rounds "
	       "%d s apart; seed %llu\n"
	       "broken paths %.2g%% of the time, ill regions %.2g%% (half see everything down, "
	       "half "
	       "are cut off);\nfaults of 1 s, 10 s, 60 s and 10 min in equal parts\n\n"
	       "per monitor-year                 false: few    enough but      enough     "
	       "missed:      none   seconds to\n"
	       "                               seats broken   all <= 1 s      broken    few ill    "
	       " many ill   alert 50%%  99%%\n",
		s->monitors, (long long)(s->end_ms / DAY_MS), SEATS, REGIONS, PROBES_IN_REGION,
		INTERVAL_MS / 1000, ROUNDS, GAP_MS / 1000, (unsigned long long)s->seed,
		100 * s->path, 100 * s->region);
	kept = play_and_tell("nobody lies", s, true);
	s->liar = 4;
	kept &= play_and_tell("one of the probes lies, about everything", s, true);
	s->quarantine = true;
	kept &= play_and_tell("the same, and is set aside after a quarter of an hour", s, false);
	return kept;
}

int main(int argc, char **argv)
{
	struct fleet_setup s = {.monitors = 10000,
		.end_ms = 30LL * DAY_MS,
		.seed = 1,
		.liar = NOBODY,
		.path = 0.01,
		.region = 0.002};

	for (int c; (c = getopt(argc, argv, "m:d:s:p:r:")) != -1;) {
		if (c == 'm')
			s.monitors = atoi(optarg);
		else if (c == 'd')
			s.end_ms = atoll(optarg) * DAY_MS;
		else if (c == 's')
			s.seed = strtoull(optarg, NULL, 10);
		else if (c == 'p')
			s.path = atof(optarg) / 100;
		else if (c == 'r')
			s.region = atof(optarg) / 100;
		else
			return 2;
	}
	return play_all(&s) ? 0 : 1;
}
