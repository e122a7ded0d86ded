// SPDX-License-Identifier: MIT
/*
 * How many checks the memory that this process may take allows at a time. Estimates on the safe side, from
 * measurements (make bench T=memory): a check is counted with all that it may come to hold, from its start.
 */
#ifndef QUORATE_PROBE_MEMORY_H
#define QUORATE_PROBE_MEMORY_H

#include "quorate/monitor.h"

/* The smallest limit of the control groups that this process is in (MemoryMax= of its unit, a container's), in
 * bytes; INT64_MAX: none. ROOT: "", or a folder that stands for / (tests). */
int64_t memory_limit(const char *root);
/* What LIMIT leaves for checks that run, beside the program and so many scheduled monitors. */
int64_t memory_for_checks(int64_t limit_bytes, int64_t monitors);
/* What a check of M takes at most while it runs. */
int64_t memory_of_check(const struct monitor *m);

#endif
