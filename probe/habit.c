// SPDX-License-Identifier: MIT
#include "probe/habit.h"

#define KNOWN    3 /* checks make a habit */
#define GAIN_US  1000000
#define PATIENCE 4 /* deviations, beyond twice the mean */

void habit_learn(struct habit *h, int64_t took_us)
{
	int64_t off_us = took_us > h->mean_us ? took_us - h->mean_us : h->mean_us - took_us;

	if (h->n++ == 0) {
		h->mean_us = took_us;
		h->deviation_us = took_us / 2;
		return;
	}
	h->deviation_us += (off_us - h->deviation_us) / 4;
	h->mean_us += (took_us - h->mean_us) / 8;
}

int64_t habit_late_us(const struct habit *h, int64_t timeout_us)
{
	int64_t late_us = 2 * h->mean_us + PATIENCE * h->deviation_us;

	if (late_us < HABIT_LATE_MIN_US)
		late_us = HABIT_LATE_MIN_US;
	return h->n >= KNOWN && late_us + GAIN_US <= timeout_us ? late_us : 0;
}
