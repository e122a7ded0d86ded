// SPDX-License-Identifier: MIT
/*
 * A monitor with something in it that this probe does not know: made by a coordinator that is newer. To check the
 * rest of it would be to say "up" of what nobody has looked at. It is scheduled, and every result says what is not
 * known (internal.unsupported, which never counts).
 */
#ifndef QUORATE_PROBE_UNSUPPORTED_H
#define QUORATE_PROBE_UNSUPPORTED_H

#include "proto/base/schema.h"
#include "quorate/monitor.h"

/* Whose it is, and when it is due: the rest of OUT is that of any monitor. 0, or -1: not even that can be read.
 * OUT is to be cleared in both cases. */
MUST_CHECK int unsupported_read(const json_t *in, struct monitor *out);
/* PROBLEMS (one at least) as a sentence; owned by the caller. */
char *unsupported_words(const struct problems *problems);

#endif
