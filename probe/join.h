// SPDX-License-Identifier: MIT
/* `quorate-probe join`: trades a join string, once, for a token that this probe makes and keeps. */
#ifndef QUORATE_PROBE_JOIN_H
#define QUORATE_PROBE_JOIN_H

#include "probe/conf.h"

struct join_options {
	const char *file; /* that holds the join string; NULL: standard input */
	bool force;       /* replaces another probe's token */
};

/* CONF is borrowed; its name may be NULL. Blocks. Returns the exit status: 0; 1 after saying on
 * stderr what failed; 2: the join string or the files here are not right, and nobody was asked. */
int join_run(const struct probe_conf *conf, const struct join_options *options);

#endif
