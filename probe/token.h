// SPDX-License-Identifier: MIT
/* The probe's token: a secret in a file that only its owner can read. */
#ifndef QUORATE_PROBE_TOKEN_H
#define QUORATE_PROBE_TOKEN_H

#include "quorate/attr.h"

#define TOKEN_MIN_BYTES 16
#define TOKEN_MAX_BYTES 256
#define TOKEN_WHY_SIZE  512

/*
 * Reads the token from the file PATH: one line of 16 to 256 printable characters without spaces.
 * Returns 0 and *OUT (free with token_free), or -1 and WHY: a sentence that names the file and what
 * to do, never its content.
 */
MUST_CHECK int token_read(const char *path, char **out, char why[TOKEN_WHY_SIZE]);
/* The same for another secret of one line, of MIN_BYTES or more; WHAT it is, for WHY. */
MUST_CHECK int secret_read(
	const char *what, const char *path, size_t min_bytes, char **out, char why[TOKEN_WHY_SIZE]);
/* The value of a secret as monitors name them: a text of any lines (SECRET_VALUE_MIN_BYTES …
 * SECRET_VALUE_MAX_BYTES), a newline at its end not counted. Free it with token_free. */
MUST_CHECK int secret_value_read(
	const char *what, const char *path, char **out, char why[TOKEN_WHY_SIZE]);
void token_free(char *token); /* wipes it; no harm for NULL */

#endif
