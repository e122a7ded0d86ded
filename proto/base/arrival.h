// SPDX-License-Identifier: MIT
/*
 * When bytes came, by the kernel's clock: a loop that is busy, or a processor that others use too,
 * reads them later, and what is measured should not depend on that.
 */
#ifndef QUORATE_BASE_ARRIVAL_H
#define QUORATE_BASE_ARRIVAL_H

#include <stddef.h>
#include <stdint.h>

/* How many BYTES wait in the TCP socket FD, and when the newest of them came, as an instant of clock_now_us().
 * They stay where they are, and so does an error of the connection. 0: none wait, or the kernel did not note
 * it (before Linux 4.14, and until shortly after the first call). */
int64_t arrival_newest_us(int fd, size_t *bytes);
/* The instant at which a wall clock that shows WALL_US at NOW_US showed STAMP_US. 0: it was set in between,
 * for bytes are neither younger than now nor older than any check. */
int64_t arrival_instant_us(int64_t now_us, int64_t wall_us, int64_t stamp_us);

#endif
