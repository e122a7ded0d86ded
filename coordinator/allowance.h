// SPDX-License-Identifier: MIT
/*
 * What a probe may send per second, after it has shown its token: messages, bytes and results. Pure: time is a value.
 * It belongs to the probe and not to a session or a connection, so that nobody gets a new one by coming again.
 *
 * Each is a bucket that holds BURST_MS worth of its rate. What comes beyond makes a debt that time pays off, and until
 * then the probe is held back: it is not read, and not answered. HOLD_MAX_MS bounds the debt; who gets deeper than
 * REFUSE_MS into it does not wait for answers, and is told to.
 */
#ifndef QUORATE_ALLOWANCE_H
#define QUORATE_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

#define ALLOWANCE_BURST_MS    2000
#define ALLOWANCE_HOLD_MAX_MS 8000
#define ALLOWANCE_REFUSE_MS   4000
/* Held back for half of this time: it persists. */
#define ALLOWANCE_WINDOW_MS 30000

enum allowance_kind { ALLOWANCE_MESSAGES, ALLOWANCE_BYTES, ALLOWANCE_RESULTS, ALLOWANCE_COUNT };
extern const char *const allowance_names[]; /* messages bytes results */

/* Per second; 0: no limit. */
struct allowance_rates {
	int64_t per_second[ALLOWANCE_COUNT];
};

struct allowance {
	int64_t full_at_ns[ALLOWANCE_COUNT]; /* when the bucket is full again, if nothing comes */
	int64_t held_until_ms;
	int64_t held_ms; /* in all, what is still to come included */
	int64_t window_at_ms, window_held_ms;
	bool persists;
};

/* N more of KIND came in. Returns how long the probe is held back from now on (0: it is not), whatever for. */
int64_t allowance_take(struct allowance *a, const struct allowance_rates *rates,
	enum allowance_kind kind, int64_t n, int64_t now_ms);
int64_t allowance_wait_ms(const struct allowance *a, int64_t now_ms);
/* Once a second or so: whether the probe was held back for half of the last ALLOWANCE_WINDOW_MS. */
bool allowance_persists(struct allowance *a, int64_t now_ms);

#endif
