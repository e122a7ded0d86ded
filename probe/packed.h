// SPDX-License-Identifier: MIT
/*
 * Structs of many members of which few are ever set, kept small while nobody looks at them: only what
 * differs from how such an object usually is, and where. What its pointers point to is still the
 * object's, and owned by whoever owns the packed form.
 */
#ifndef QUORATE_PROBE_PACKED_H
#define QUORATE_PROBE_PACKED_H

#include <stddef.h>
#include <stdint.h>

/* OBJECT, beside USUAL; both of SIZE_BYTES, a multiple of 4. To be freed. */
uint32_t *packed_new(const void *object, const void *usual, size_t size_bytes);
/* Makes OUT what the object was, with the same USUAL. */
void packed_open(const uint32_t *packed, const void *usual, size_t size_bytes, void *out);

#endif
