// SPDX-License-Identifier: MIT
/*
 * How a spool's segment looks: a line "quorate-spool-1 PROBE", then records, each
 *   length  32 bits, little endian, of the text
 *   crc     32 bits, little endian, CRC-32 (IEEE 802.3) of the length's four bytes and the text
 *   state   one byte, 'x': its result was answered "stored"; else it waits. Changed in place.
 *   text    a result in its wire form
 * Pure: bytes in, records out. What was written by ourselves is read like a stranger's.
 */
#ifndef QUORATE_PROBE_SPOOL_RECORD_H
#define QUORATE_PROBE_SPOOL_RECORD_H

#include "proto/base/buf.h"
#include "quorate/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define SPOOL_HEADER_MAX   (NAME_MAX_BYTES + 24)
#define SPOOL_RECORD_HEAD  9
#define SPOOL_STATE_AT     8 /* in a record */
#define SPOOL_STATE_WAITS  'w'
#define SPOOL_STATE_STORED 'x' /* four bits away */
#define SPOOL_TEXT_MAX     MESSAGE_MAX_BYTES

/* Writes the first line of PROBE's segments; returns its bytes. */
size_t spool_header(char out[SPOOL_HEADER_MAX], const char *probe);

/* Adds a record that waits. Returns 0, or -1: empty, too long, or B is full. */
MUST_CHECK int spool_record_add(struct buf *b, const char *text, size_t size_bytes);

struct spool_record {
	size_t at;        /* where it begins */
	const char *text; /* borrowed from the data, not NUL-terminated */
	size_t size_bytes;
	bool stored;  /* was answered */
	bool damaged; /* its bytes are not what was written: do not read the text */
};

/* The record at *AT, which moves behind it. False at the end, or where no record can be: what is
 * from *AT on is to be cut off. */
bool spool_record_next(const char *data, size_t size_bytes, size_t *at, struct spool_record *out);

#endif
