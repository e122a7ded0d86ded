// SPDX-License-Identifier: MIT
/* Bytes from outside as UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing beyond
 * U+10FFFF. */
#ifndef QUORATE_BASE_UTF8_H
#define QUORATE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character at S, of which LEFT bytes may be read; 0: none is there. */
size_t utf8_length(const char *s, size_t left);
/* Cuts an unfinished character off the end of TEXT: for after snprintf() into a small buffer.
 * Returns TEXT. */
char *utf8_trim(char *text);
/* A copy of at most MAX_BYTES with '?' for each byte that is no UTF-8 and each NUL; the caller
 * frees it. */
char *utf8_clean(const char *data, size_t size_bytes, size_t max_bytes);
/* Whether TEXT holds a control character (C0, DEL or C1), line breaks included. */
bool utf8_has_control(const char *text);
/* Puts BY in the place of each byte of them: a terminal obeys C1 ones, too. Returns TEXT. */
char *utf8_replace_controls(char *text, char by);

#endif
