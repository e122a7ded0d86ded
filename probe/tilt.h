// SPDX-License-Identifier: MIT
/*
 * Notices that this machine cannot be believed for a moment: the loop stood still (stopped, starved
 * of CPU) or the clocks went apart (the machine slept, somebody set the wall clock). What a check
 * found across it is no vote.
 */
#ifndef QUORATE_PROBE_TILT_H
#define QUORATE_PROBE_TILT_H

#include <stdint.h>

#define TILT_TICK_MS 500  /* how often to look */
#define TILT_JUMP_MS 2000 /* what goes beyond is a jump */

enum tilt_kind { TILT_NONE, TILT_STALL, TILT_CLOCK };
extern const char *const tilt_names[]; /* none stall clock */

struct tilt {
	int64_t looked_at_ms, looked_wall_ms;
	int64_t tilted_at_ms; /* monotonic: checks that began before this are spoilt; INT64_MIN:
				 never */
	enum tilt_kind kind;  /* of the last one */
};

void tilt_init(struct tilt *t, int64_t now_ms, int64_t now_wall_ms);
/*
 * To be called at least every TILT_TICK_MS and before a result is believed. *GAP_MS of a stall: how
 * long it was; of a clock: how far the wall clock went ahead of the monotonic one (negative: back).
 */
enum tilt_kind tilt_look(struct tilt *t, int64_t now_ms, int64_t now_wall_ms, int64_t *gap_ms);

#endif
