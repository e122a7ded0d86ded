// SPDX-License-Identifier: MIT
/*
 * Small fixed allocations: they abort when memory is out (systemd restarts us, state is in the
 * store). Whatever a peer can size does not belong here but into struct buf, which has a ceiling.
 */
#ifndef QUORATE_BASE_MEM_H
#define QUORATE_BASE_MEM_H

#include "quorate/attr.h"

#include <stddef.h>

void *mem_alloc(size_t size_bytes);               /* zeroed */
void *mem_array(size_t n, size_t size_bytes);     /* zeroed; overflow aborts */
void *mem_try_array(size_t n, size_t size_bytes); /* zeroed; NULL as calloc() does, faster */
void *mem_resize(void *old, size_t n, size_t size_bytes);
char *mem_strdup(const char *text); /* NULL gives NULL */
char *mem_strndup(const char *text, size_t n);
char *mem_copy(const char *text, size_t n); /* the N bytes of TEXT, none of them 0, and a 0 */
char *mem_printf(const char *format, ...) PRINTF_LIKE(1, 2);
/* Replaces *PLACE (which is freed) by a copy of TEXT. */
void mem_set(char **place, const char *text);

/* Always-on assertion for programming errors. */
#define ensure(condition) ((condition) ? (void)0 : ensure_failed(#condition, __FILE__, __LINE__))
NORETURN void ensure_failed(const char *condition, const char *file, int line);

#endif
