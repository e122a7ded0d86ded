// SPDX-License-Identifier: MIT
/* Counts messages without looking at them: a link's bytes pass the door unread. */
#include "coordinator/door_internal.h"

#include "quorate/limits.h"

#define REQUEST_ID_BYTES 4

static uint64_t size_of(const unsigned char head[FRAME_HEAD_BYTES])
{
	uint64_t size = 0;

	for (int i = 1; i < FRAME_HEAD_BYTES; i++)
		size = size << 8 | head[i];
	return size;
}

int64_t frames_count(struct frames *f, const unsigned char *bytes, size_t n)
{
	int64_t messages = 0;

	for (size_t i = 0; i < n;) {
		size_t body = f->left < n - i ? (size_t)f->left : n - i;
		i += body;
		f->left -= body;
		if (i == n)
			break;
		f->head[f->n_head++] = bytes[i++];
		if (f->head[0] != 1)
			return -1;
		if (f->n_head < FRAME_HEAD_BYTES)
			continue;
		f->n_head = 0;
		f->left = size_of(f->head);
		if (f->left > MESSAGE_MAX_BYTES + REQUEST_ID_BYTES)
			return -1;
		messages++;
	}
	return messages;
}
