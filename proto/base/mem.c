// SPDX-License-Identifier: MIT
/* Small fixed allocations that abort, and the always-on assertion. */
#include "proto/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What glibc keeps at hand for the next malloc(), but not for calloc(). */
#define SMALL_BYTES 1024

void ensure_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "<2>level=fatal msg=ensure.failed at=%s:%d condition=\"%s\"\n", file, line,
		condition);
	abort();
}

void *mem_alloc(size_t size_bytes)
{
	return mem_array(1, size_bytes);
}

/* Apart: where gcc sees both, it makes a calloc() of a malloc() and its memset(). */
static NOINLINE void zero(void *memory, size_t size_bytes)
{
	memset(memory, 0, size_bytes);
}

void *mem_try_array(size_t n, size_t size_bytes)
{
	void *memory;

	if (n == 0 || size_bytes == 0)
		n = size_bytes = 1;
	if (n > SMALL_BYTES || size_bytes > SMALL_BYTES || n * size_bytes > SMALL_BYTES)
		return calloc(n, size_bytes);
	memory = malloc(n * size_bytes);
	if (memory != NULL)
		zero(memory, n * size_bytes);
	return memory;
}

void *mem_array(size_t n, size_t size_bytes)
{
	void *memory = mem_try_array(n, size_bytes);

	ensure(memory != NULL);
	return memory;
}

void *mem_resize(void *old, size_t n, size_t size_bytes)
{
	void *memory;

	if (n == 0 || size_bytes == 0)
		n = size_bytes = 1;
	memory = reallocarray(old, n, size_bytes);
	ensure(memory != NULL);
	return memory;
}

char *mem_strdup(const char *text)
{
	char *copy;

	if (text == NULL)
		return NULL;
	copy = strdup(text);
	ensure(copy != NULL);
	return copy;
}

char *mem_strndup(const char *text, size_t n)
{
	char *copy;

	if (text == NULL)
		return NULL;
	copy = strndup(text, n);
	ensure(copy != NULL);
	return copy;
}

char *mem_copy(const char *text, size_t n)
{
	char *copy = malloc(n + 1);

	ensure(copy != NULL);
	memcpy(copy, text, n);
	copy[n] = '\0';
	return copy;
}

char *mem_printf(const char *format, ...)
{
	va_list args;
	char *text = NULL;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	ensure(n != -1);
	return text;
}

void mem_set(char **place, const char *text)
{
	char *copy = mem_strdup(text); /* first: TEXT may be *PLACE or a part of it */

	free(*place);
	*place = copy;
}
