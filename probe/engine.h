// SPDX-License-Identifier: MIT
/* Between check.c and engine.c; everybody else uses probe/check.h. */
#ifndef QUORATE_PROBE_ENGINE_H
#define QUORATE_PROBE_ENGINE_H

#include "probe/check.h"

/* check_end() has made the finding: stop the check and deliver its result, soon. */
void engine_check_ended(struct check *check);
/* Whether somebody wants to see steps; and one of them. */
void engine_tell_step(const struct check *check, const char *text);

/* Raises the limit of open files, or lowers the ceiling of checks in flight to it. */
void engine_fit_to_files(struct engine_limits *limits);

#endif
