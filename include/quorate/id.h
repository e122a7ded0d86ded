// SPDX-License-Identifier: MIT
/* Ids are UUIDv7 (RFC 9562, section 5.7): 128 bits, ordered by their time of birth. */
#ifndef QUORATE_ID_H
#define QUORATE_ID_H

#include "quorate/attr.h"

#include <stdbool.h>
#include <stdint.h>

#define ID_TEXT_SIZE 37 /* 36 characters and NUL */

struct id {
	uint8_t byte[16];
};

/* Writes the canonical lower-case text; returns TEXT. */
char *id_format(const struct id *id, char text[ID_TEXT_SIZE]);
/* Accepts the canonical form in either case. Returns 0, or -1 when TEXT is not a UUID. */
MUST_CHECK int id_parse(const char *text, struct id *out);
bool id_equal(const struct id *a, const struct id *b);
bool id_is_zero(const struct id *id);
int id_compare(const struct id *a, const struct id *b);
/* A well-mixed 64-bit hash of the id, the same on every machine (used by rendezvous hashing). */
uint64_t id_hash(const struct id *id);

#endif
