// SPDX-License-Identifier: MIT
#include "proto/base/log_switch.h"

#include "proto/base/log.h"

#include <signal.h>

static void on_signal(void *arg, int number)
{
	const struct log_switch *s = arg;
	enum log_level level =
		number == SIGUSR1 ? LOG_LEVEL_DEBUG : (enum log_level) * s->configured;

	log_set_level(level);
	log_info("log.level level=%s", number == SIGUSR1 ? "debug" : "configured");
}

void log_switch_start(struct log_switch *s, struct loop *loop, const int *configured)
{
	s->configured = configured;
	watch_signal_start(&s->on, loop, SIGUSR1, on_signal, s);
	watch_signal_start(&s->off, loop, SIGUSR2, on_signal, s);
}

void log_switch_stop(struct log_switch *s)
{
	watch_signal_stop(&s->on);
	watch_signal_stop(&s->off);
}
