// SPDX-License-Identifier: MIT
/*
 * `quorate-probe doctor`: looks at everything that a probe needs, from here, and says of each thing
 * that is not as it should be what to do about it. It only looks: a running probe is not disturbed,
 * and nothing is written. Every wait has an end, so that it is done within DOCTOR_MS.
 */
#ifndef QUORATE_PROBE_DOCTOR_H
#define QUORATE_PROBE_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#define DOCTOR_MS 28000

struct doctor_options {
	const char *conf_path;
	bool conf_given;         /* else its absence is fine */
	bool json;               /* else for people */
	const char *resolv_conf; /* NULL: the system's; for tests */
	int dns_port;            /* 0: 53 */
};

enum doctor_exit { DOCTOR_FINE, DOCTOR_WARNED, DOCTOR_BROKEN, DOCTOR_USAGE };

/* Writes its findings to OUT, and returns the exit status. */
int doctor_run(const struct doctor_options *options, FILE *out);

#endif
