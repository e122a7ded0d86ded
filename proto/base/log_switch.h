// SPDX-License-Identifier: MIT
/* The log level of a running program: SIGUSR1 turns debug on, SIGUSR2 goes back to what is configured. */
#ifndef QUORATE_BASE_LOG_SWITCH_H
#define QUORATE_BASE_LOG_SWITCH_H

#include "proto/base/loop.h"

struct log_switch {
	struct watch_signal on, off;
	const int *configured; /* an enum log_level; borrowed, read when it is asked for */
};
void log_switch_start(struct log_switch *s, struct loop *loop, const int *configured);
void log_switch_stop(struct log_switch *s);

#endif
