// SPDX-License-Identifier: MIT
/*
 * A byte buffer with a ceiling. Invariant: size < room whenever data is there, and data[size] is
 * NUL; size never passes max, whatever a peer sends.
 */
#include "proto/base/buf.h"
#include "proto/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){.max_bytes = max_bytes};
}

void buf_clear(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max_bytes);
}

void buf_reset(struct buf *b)
{
	b->size_bytes = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

/* Makes room for MORE bytes and a NUL. */
static int reserve(struct buf *b, size_t more)
{
	size_t room = b->room_bytes ? b->room_bytes : 64;

	if (more > b->max_bytes - b->size_bytes)
		return -1;
	while (room <= b->size_bytes + more)
		room *= 2;
	if (room > b->max_bytes + 1)
		room = b->max_bytes + 1;
	if (room > b->room_bytes) {
		b->data = mem_resize(b->data, room, 1);
		b->room_bytes = room;
	}
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t size_bytes)
{
	if (reserve(b, size_bytes) == -1)
		return -1;
	if (size_bytes > 0)
		memcpy(b->data + b->size_bytes, data, size_bytes);
	b->size_bytes += size_bytes;
	b->data[b->size_bytes] = '\0';
	return 0;
}

int buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	ensure(n >= 0);
	if (reserve(b, (size_t)n) == -1)
		return -1;
	va_start(args, format);
	vsnprintf(b->data + b->size_bytes, (size_t)n + 1, format, args);
	va_end(args);
	b->size_bytes += (size_t)n;
	return 0;
}

const char *buf_text(const struct buf *b)
{
	return b->data == NULL ? "" : b->data;
}

char *buf_take(struct buf *b)
{
	char *data = b->data == NULL ? mem_strdup("") : b->data;

	buf_init(b, b->max_bytes);
	return data;
}
