// SPDX-License-Identifier: MIT
/* How many checks at a time the limit of open files has room for. */
#include "probe/engine.h"

#include "proto/base/log.h"

#include <sys/resource.h>

#define FDS_PER_CHECK 3  /* two racing connects, and a name server's socket now and then */
#define FDS_OTHERS    64 /* link, log, files, epoll, ping */

int64_t engine_files_wanted(int64_t in_flight_max)
{
	return in_flight_max * FDS_PER_CHECK + FDS_OTHERS;
}

int64_t engine_checks_within(int64_t files)
{
	int64_t fits = (files - FDS_OTHERS) / FDS_PER_CHECK;
	return fits > 1 ? fits : 1;
}

/* Checks that cannot get a file descriptor find out nothing: raise the limit, or lower the ceiling
 * to it. */
void engine_fit_to_files(struct engine_limits *limits)
{
	struct rlimit r;
	rlim_t wanted = (rlim_t)engine_files_wanted(limits->in_flight_max);
	if (getrlimit(RLIMIT_NOFILE, &r) == -1 || r.rlim_cur == RLIM_INFINITY ||
		r.rlim_cur >= wanted)
		return;
	struct rlimit raised = r;
	raised.rlim_cur = r.rlim_max == RLIM_INFINITY || r.rlim_max >= wanted ? wanted : r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
		r = raised;
	if (r.rlim_cur >= wanted)
		return;
	int64_t lowered = engine_checks_within((int64_t)r.rlim_cur);
	log_warning("engine.ceiling_lowered from=%lld to=%lld why=\"RLIMIT_NOFILE is %lld\"",
		(long long)limits->in_flight_max, (long long)lowered, (long long)r.rlim_cur);
	limits->in_flight_max = lowered;
}
