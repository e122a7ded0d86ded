// SPDX-License-Identifier: MIT
/* Two clocks, compared with what they were at the last look. */
#include "probe/tilt.h"

const char *const tilt_names[] = {"none", "stall", "clock"};

void tilt_init(struct tilt *t, int64_t now_ms, int64_t now_wall_ms)
{
	*t = (struct tilt){.looked_at_ms = now_ms,
		.looked_wall_ms = now_wall_ms,
		.tilted_at_ms = INT64_MIN,
		.kind = TILT_NONE};
}

static enum tilt_kind judge(int64_t passed_ms, int64_t ahead_ms, int64_t *gap_ms)
{
	if (passed_ms > TILT_TICK_MS + TILT_JUMP_MS) {
		*gap_ms = passed_ms;
		return TILT_STALL;
	}
	if (ahead_ms > TILT_JUMP_MS || ahead_ms < -TILT_JUMP_MS) {
		*gap_ms = ahead_ms;
		return TILT_CLOCK;
	}
	*gap_ms = 0;
	return TILT_NONE;
}

enum tilt_kind tilt_look(struct tilt *t, int64_t now_ms, int64_t now_wall_ms, int64_t *gap_ms)
{
	int64_t passed_ms = now_ms - t->looked_at_ms;
	int64_t ahead_ms = now_wall_ms - t->looked_wall_ms - passed_ms;
	enum tilt_kind kind = judge(passed_ms, ahead_ms, gap_ms);
	t->looked_at_ms = now_ms;
	t->looked_wall_ms = now_wall_ms;
	if (kind != TILT_NONE) {
		t->kind = kind;
		t->tilted_at_ms = now_ms;
	}
	return kind;
}
