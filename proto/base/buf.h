// SPDX-License-Identifier: MIT
/* A byte buffer with a ceiling: what a peer can size goes in here. Always NUL-terminated. */
#ifndef QUORATE_BASE_BUF_H
#define QUORATE_BASE_BUF_H

#include "quorate/attr.h"

#include <stddef.h>

struct buf {
	char *data; /* owned; NULL until something was added */
	size_t size_bytes;
	size_t room_bytes;
	size_t max_bytes;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_clear(struct buf *b); /* frees; usable again */
void buf_reset(struct buf *b); /* empties, keeps the memory */
/* Each returns 0, or -1 when the ceiling would be passed (then nothing was added). */
MUST_CHECK int buf_add(struct buf *b, const void *data, size_t size_bytes);
MUST_CHECK int buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* The text, never NULL; valid until the next call that changes B. */
const char *buf_text(const struct buf *b);
/* Moves the memory out (never NULL); the caller frees it. B is empty afterwards. */
char *buf_take(struct buf *b);

#endif
