// SPDX-License-Identifier: MIT
/* What the local file means for checks: the address policy, the engine's limits, and whether a
 * monitor may be checked at all. */
#ifndef QUORATE_PROBE_BOUNDS_H
#define QUORATE_PROBE_BOUNDS_H

#include "probe/check.h"
#include "probe/conf.h"
#include "proto/fence.h"

/* OUT begins anew, but for what it has learned. */
void bounds_policy(const struct probe_conf *conf, struct policy *out);
struct engine_limits bounds_limits(const struct probe_conf *conf);
/* The names of its proxies; the texts and NAMES are borrowed. */
struct strings bounds_proxies(const struct probe_conf *conf, char *names[PROXIES_MAX]);
/* What the file says of M; nothing that a coordinator sends can change it. Whether the machine is
 * able to is found out by trying. */
enum fence bounds_judge(
	const struct probe_conf *conf, const struct policy *policy, const struct monitor *m);
/* The result of a check of JOB that FENCE (not OPEN) forbids, into R. */
void bounds_refuse(struct result *r, const struct job *job, int64_t round, enum fence fence);

#endif
