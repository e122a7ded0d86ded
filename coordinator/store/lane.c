// SPDX-License-Identifier: MIT
#include "coordinator/store/lane.h"

#define GROUP_OPS_MAX 2000

void batches_init(struct batches *q)
{
	q->first = NULL;
	q->end = &q->first;
}

void batches_add(struct batches *q, struct store_batch *b)
{
	b->next = NULL;
	*q->end = b;
	q->end = &b->next;
}

void batches_move(struct batches *to, struct batches *from)
{
	if (!from->first)
		return;
	*to->end = from->first;
	to->end = from->end;
	batches_init(from);
}

void lane_cut(struct lane *lane, struct batches *group)
{
	batches_init(group);
	size_t n_ops = 0;
	for (struct store_batch *b; (b = lane->pending.first);) {
		n_ops += b->n_ops;
		if (group->first && n_ops > GROUP_OPS_MAX)
			break;
		lane->pending.first = b->next;
		batches_add(group, b);
	}
	if (!lane->pending.first)
		batches_init(&lane->pending);
}
