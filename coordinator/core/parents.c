// SPDX-License-Identifier: MIT
#include "coordinator/core/parents.h"

enum watch_block parents_judge(
	const struct watch *child, const struct watch *const *ancestors, int n, int *which)
{
	bool suspects = watch_suspects_since(child) != INT64_MAX;
	enum watch_block block = BLOCK_NONE;

	for (int i = 0; i < n; i++) {
		enum watch_block one = BLOCK_NONE;
		if (ancestors[i]->down)
			one = BLOCK_PARENT;
		else if (suspects && watch_is_looking(ancestors[i]))
			one = BLOCK_ASKED;
		if (one == BLOCK_NONE || one < block)
			continue;
		block = one;
		if (which)
			*which = i;
	}
	return block;
}

void parents_ask(const struct watch *child, struct watch *const *ancestors, int n, bool *asked)
{
	int64_t since_ms = watch_suspects_since(child);

	for (int i = 0; i < n; i++)
		asked[i] = since_ms != INT64_MAX && watch_ask(ancestors[i], since_ms);
}
