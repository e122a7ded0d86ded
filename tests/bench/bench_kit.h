// SPDX-License-Identifier: MIT
/* What the measured programs have in common: what they spent between two instants, as one line of JSON. */
#ifndef QUORATE_TESTS_BENCH_KIT_H
#define QUORATE_TESTS_BENCH_KIT_H

#include "quorate/attr.h"

#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct spent {
	int64_t cpu_us, wall_us;
	int64_t instructions; /* user and kernel; -1: this machine does not count them */
};

/* Counts from now on; -1: the machine has no such counter, or does not let us. */
UNUSED static int bench_counter(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_hv = 1};
	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0UL);
}

UNUSED static struct spent bench_spent(int counter)
{
	struct spent now = {.instructions = -1};
	struct rusage u;
	struct timespec t;
	getrusage(RUSAGE_SELF, &u);
	clock_gettime(CLOCK_MONOTONIC, &t);
	now.cpu_us = (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
		     u.ru_utime.tv_usec + u.ru_stime.tv_usec;
	now.wall_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	if (counter == -1 || read(counter, &now.instructions, sizeof(now.instructions)) !=
				     sizeof(now.instructions))
		now.instructions = -1;
	return now;
}

/* A value of /proc/self/status in kB; -1: unknown. */
UNUSED static long bench_status_kb(const char *key)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;
	size_t n = strlen(key);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			kb = strtol(line + n + 1, NULL, 10);
	if (f != NULL)
		fclose(f);
	return kb;
}

UNUSED static void bench_tell(long n, long failed, const struct spent *from, const struct spent *to)
{
	printf("{\"n\": %ld, \"failed\": %ld, \"cpu_us\": %.3f, \"wall_us\": %.3f", n, failed,
		(double)(to->cpu_us - from->cpu_us) / (double)n,
		(double)(to->wall_us - from->wall_us) / (double)n);
	if (to->instructions != -1)
		printf(", \"instructions\": %.0f",
			(double)(to->instructions - from->instructions) / (double)n);
	printf(", \"rss_kb\": %ld, \"peak_kb\": %ld}\n", bench_status_kb("VmRSS"),
		bench_status_kb("VmHWM"));
	fflush(stdout);
}

#endif
