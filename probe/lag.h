// SPDX-License-Identifier: MIT
/* How late the loop is while checks run: a ticking timer's lateness. */
#ifndef QUORATE_PROBE_LAG_H
#define QUORATE_PROBE_LAG_H

#include "proto/base/loop.h"

struct lag {
	struct timer tick;
	const int64_t *running; /* borrowed: it ticks while this is above 0 */
	int64_t worst_us, worst_at_us;
};
void lag_init(struct lag *lag, struct loop *loop, const int64_t *running);
void lag_clear(struct lag *lag);
/* Something runs from now on. */
void lag_watch(struct lag *lag);
/* At NOW_US, the worst seen since the instant SINCE_US; a check's, of TIMEOUT_MAX_MS ago at most. */
int64_t lag_since(struct lag *lag, int64_t now_us, int64_t since_us);

#endif
