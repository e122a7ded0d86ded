// SPDX-License-Identifier: MIT
/* A probe that is installed and has not joined yet, for service managers: waits instead of ending. */
#ifndef QUORATE_PROBE_WAITING_H
#define QUORATE_PROBE_WAITING_H

#include "probe/conf.h"

/* Whether there is a name and a token. */
bool waiting_is_over(const struct probe_conf *conf);
/* Waits until there are; CONF is the file at PATH, and is read again at SIGHUP. Returns 0, or 1 when
 * a signal ended the waiting. */
MUST_CHECK int waiting_run(const char *path, struct probe_conf *conf);

#endif
