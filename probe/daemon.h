// SPDX-License-Identifier: MIT
/* The running probe: puts schedule, engine and agent together. */
#ifndef QUORATE_PROBE_DAEMON_H
#define QUORATE_PROBE_DAEMON_H

#include "probe/conf.h"

/*
 * Runs until SIGTERM or SIGINT. TAKE: the configuration read from CONF_PATH, owned from here on;
 * SIGHUP reads the file again. Returns the exit status: 0, or 1 after logging why.
 */
int daemon_run(const char *conf_path, struct probe_conf *take);

#endif
