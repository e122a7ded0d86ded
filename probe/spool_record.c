// SPDX-License-Identifier: MIT
/* The bytes of a spool's segment. Keeps no state and opens no file. */
#include "probe/spool_record.h"

#include "proto/base/mem.h"

#include <stdio.h>
#include <string.h>

/* Reflected CRC-32, polynomial 0x04c11db7. */
static uint32_t crc_add(uint32_t crc, const void *data, size_t size_bytes)
{
	static uint32_t table[256]; /* made at the first call; one thread */
	const uint8_t *byte = data;
	for (uint32_t i = 0; table[255] == 0 && i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = (c >> 1) ^ (0xedb88320 & (0 - (c & 1)));
		table[i] = c;
	}
	for (size_t i = 0; i < size_bytes; i++)
		crc = table[(crc ^ byte[i]) & 255] ^ (crc >> 8);
	return crc;
}

static void put_u32(uint8_t out[4], uint32_t n)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(n >> (8 * i));
}

static uint32_t get_u32(const char *in)
{
	const uint8_t *byte = (const uint8_t *)in;
	return byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
}

static uint32_t crc_of(const void *length, const char *text, size_t size_bytes)
{
	return ~crc_add(crc_add(UINT32_MAX, length, 4), text, size_bytes);
}

size_t spool_header(char out[SPOOL_HEADER_MAX], const char *probe)
{
	int n = snprintf(out, SPOOL_HEADER_MAX, "quorate-spool-1 %s\n", probe);
	ensure(n > 0 && n < SPOOL_HEADER_MAX);
	return (size_t)n;
}

int spool_record_add(struct buf *b, const char *text, size_t size_bytes)
{
	uint8_t head[SPOOL_RECORD_HEAD];
	if (size_bytes == 0 || size_bytes > SPOOL_TEXT_MAX ||
		size_bytes + sizeof head > b->max_bytes - b->size_bytes)
		return -1;
	put_u32(head, (uint32_t)size_bytes);
	put_u32(head + 4, crc_of(head, text, size_bytes));
	head[SPOOL_STATE_AT] = SPOOL_STATE_WAITS;
	if (buf_add(b, head, sizeof head))
		return -1;
	return buf_add(b, text, size_bytes);
}

bool spool_record_next(const char *data, size_t size_bytes, size_t *at, struct spool_record *out)
{
	if (*at > size_bytes || size_bytes - *at <= SPOOL_RECORD_HEAD)
		return false;
	const char *head = data + *at;
	size_t length = get_u32(head);
	if (length == 0 || length > SPOOL_TEXT_MAX || length > size_bytes - *at - SPOOL_RECORD_HEAD)
		return false;
	*out = (struct spool_record){.at = *at,
		.text = head + SPOOL_RECORD_HEAD,
		.size_bytes = length,
		.stored = head[SPOOL_STATE_AT] == SPOOL_STATE_STORED};
	out->damaged = get_u32(head + 4) != crc_of(head, out->text, length);
	*at += SPOOL_RECORD_HEAD + length;
	return true;
}
