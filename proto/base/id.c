// SPDX-License-Identifier: MIT
/* Ids as text and as hash. They are made in rand.c. */
#include "quorate/id.h"

#include <string.h>

char *id_format(const struct id *id, char text[ID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *to = text;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = digits[id->byte[i] >> 4];
		*to++ = digits[id->byte[i] & 15];
	}
	*to = '\0';
	return text;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int id_parse(const char *text, struct id *out)
{
	for (int i = 0; i < 16; i++) {
		int high, low;

		if (i == 4 || i == 6 || i == 8 || i == 10) {
			if (*text++ != '-')
				return -1;
		}
		high = hex(*text);
		if (high == -1)
			return -1;
		low = hex(text[1]);
		if (low == -1)
			return -1;
		out->byte[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return *text == '\0' ? 0 : -1;
}

bool id_equal(const struct id *a, const struct id *b)
{
	return id_compare(a, b) == 0;
}

bool id_is_zero(const struct id *id)
{
	static const struct id zero;

	return id_equal(id, &zero);
}

int id_compare(const struct id *a, const struct id *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte));
}

/* The finalizer of splitmix64: every bit of the input moves about half of the output's. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t id_hash(const struct id *id)
{
	uint64_t half[2] = {0, 0};

	for (int i = 0; i < 16; i++) /* by value, not by memory: the same on every machine */
		half[i / 8] = half[i / 8] << 8 | id->byte[i];
	return mix(mix(half[0] + 0x9e3779b97f4a7c15u) + half[1]);
}
