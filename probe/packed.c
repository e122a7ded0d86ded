// SPDX-License-Identifier: MIT
/* A bit for each word of the object that differs, then these words in their order. */
#include "probe/packed.h"

#include "proto/base/mem.h"

#include <string.h>

#define WORD_BYTES sizeof(uint32_t)

static uint32_t word_of(const void *object, size_t i)
{
	uint32_t word;
	memcpy(&word, (const char *)object + i * WORD_BYTES, WORD_BYTES);
	return word;
}

static size_t mask_words(size_t size_bytes)
{
	ensure(size_bytes % WORD_BYTES == 0);
	return (size_bytes / WORD_BYTES + 31) / 32;
}

uint32_t *packed_new(const void *object, const void *usual, size_t size_bytes)
{
	size_t at = mask_words(size_bytes), n = at;
	for (size_t i = 0; i < size_bytes / WORD_BYTES; i++)
		n += word_of(object, i) != word_of(usual, i);
	uint32_t *packed = mem_array(n, WORD_BYTES);
	for (size_t i = 0; i < size_bytes / WORD_BYTES; i++) {
		if (word_of(object, i) == word_of(usual, i))
			continue;
		packed[i / 32] |= UINT32_C(1) << i % 32;
		packed[at++] = word_of(object, i);
	}
	return packed;
}

void packed_open(const uint32_t *packed, const void *usual, size_t size_bytes, void *out)
{
	size_t n_masks = mask_words(size_bytes);
	const uint32_t *word = packed + n_masks;
	memcpy(out, usual, size_bytes);
	for (size_t k = 0; k < n_masks; k++) {
		char *part = (char *)out + k * 32 * WORD_BYTES;
		for (uint32_t mask = packed[k]; mask != 0; mask &= mask - 1)
			memcpy(part + (size_t)__builtin_ctz(mask) * WORD_BYTES, word++, WORD_BYTES);
	}
}
