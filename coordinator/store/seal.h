// SPDX-License-Identifier: MIT
/*
 * Encrypts the documents of objects (monitors carry request headers, probes and keys carry hashes)
 * before they reach the disk: a copy of state.db is of no use without state.key. AES-256-GCM; a
 * sealed document is bound to its row.
 */
#ifndef QUORATE_STORE_SEAL_H
#define QUORATE_STORE_SEAL_H

#include "quorate/attr.h"

#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY_BYTES 32
#define SEAL_ROOM      (1 + 12 + 16) /* by how much a sealed document is longer: format, nonce, tag */

struct seal_key {
	uint8_t byte[SEAL_KEY_BYTES];
};

/* The key in the file FD, which is filled with a new one when it is empty. Closes nothing. -1: it
 * is no key file. */
MUST_CHECK int seal_key_load(int fd, struct seal_key *out);
void seal_key_clear(struct seal_key *key);
/* Seals SIZE_BYTES of TEXT for row ROW into OUT, which has room for SIZE_BYTES + SEAL_ROOM. */
void seal(const struct seal_key *key, const void *row, size_t row_bytes, const char *text,
	size_t size_bytes, uint8_t *out);
/* The reverse; OUT has room for SIZE_BYTES. Returns the length of the text, -1 when it is not what
 * was sealed. */
MUST_CHECK int64_t unseal(const struct seal_key *key, const void *row, size_t row_bytes,
	const uint8_t *sealed, size_t size_bytes, char *out);

#endif
