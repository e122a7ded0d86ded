// SPDX-License-Identifier: MIT
/* The worst lateness is kept for as long as a check that saw it may still be running. */
#include "probe/lag.h"

#include "proto/base/clock.h"
#include "quorate/limits.h"

#define TICK_MS 50

static void note(struct lag *lag, int64_t now_us)
{
	int64_t late_us = now_us - lag->tick.due_at_us;
	if (late_us < 0)
		late_us = 0;
	if (late_us >= lag->worst_us ||
		now_us - lag->worst_at_us > (int64_t)TIMEOUT_MAX_MS * 1000) {
		lag->worst_us = late_us;
		lag->worst_at_us = now_us;
	}
}

static void tick(void *arg)
{
	struct lag *lag = arg;
	note(lag, clock_now_us());
	if (*lag->running > 0)
		timer_set(&lag->tick, TICK_MS);
}

void lag_init(struct lag *lag, struct loop *loop, const int64_t *running)
{
	*lag = (struct lag){.running = running};
	timer_init(&lag->tick, loop, tick, lag);
}

void lag_clear(struct lag *lag)
{
	timer_clear(&lag->tick);
}

void lag_watch(struct lag *lag)
{
	if (!timer_is_set(&lag->tick))
		timer_set(&lag->tick, TICK_MS);
}

int64_t lag_since(struct lag *lag, int64_t now_us, int64_t since_us)
{
	if (timer_is_set(&lag->tick))
		note(lag, now_us); /* it may be overdue right now */
	return lag->worst_at_us >= since_us ? lag->worst_us : 0;
}
