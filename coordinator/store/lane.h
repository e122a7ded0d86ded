// SPDX-License-Identifier: MIT
/* The queue of one lane of the writer: batches in the order in which they came. Belongs to one thread at a time. */
#ifndef QUORATE_STORE_LANE_H
#define QUORATE_STORE_LANE_H

#include "coordinator/store/backend.h"

struct batches {
	struct store_batch *first, **end;
};
void batches_init(struct batches *q);
void batches_add(struct batches *q, struct store_batch *b);
/* Appends all of FROM to TO and leaves FROM empty. */
void batches_move(struct batches *to, struct batches *from);

struct lane {
	struct batches pending; /* in the order in which they came */
	bool degraded;
	int64_t retry_at_ms;
};
/* Cuts the next group for one transaction off the head of the lane: at least one batch if there is any. */
void lane_cut(struct lane *lane, struct batches *group);

#endif
