// SPDX-License-Identifier: MIT
/* Randomness from the kernel (getrandom). */
#ifndef QUORATE_BASE_RAND_H
#define QUORATE_BASE_RAND_H

#include "quorate/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *out, size_t size_bytes);
uint64_t rand_below(uint64_t limit); /* 0 … limit-1, unbiased */
/* A new UUIDv7 of now. Ids made by one process are strictly increasing. */
struct id id_new(void);
/* SIZE_BYTES random bytes as lower-case hex; OUT holds 2*SIZE_BYTES+1. */
void rand_hex(char *out, size_t size_bytes);
/* Compares in constant time. */
bool bytes_equal(const void *a, const void *b, size_t size_bytes);

#endif
