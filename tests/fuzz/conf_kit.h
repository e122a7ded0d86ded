// SPDX-License-Identifier: MIT
/* Any bytes as a configuration file. Laws: it is read without a word, or refused with the file's name and a sentence. */
#ifndef TESTS_FUZZ_CONF_KIT_H
#define TESTS_FUZZ_CONF_KIT_H

#include "proto/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONF_PATH_SIZE 40

/* A file with BYTES in memory, for as long as the descriptor is open; OUT is its path. */
static inline int conf_file(const uint8_t *data, size_t size_bytes, char out[CONF_PATH_SIZE])
{
	int fd = memfd_create("conf", 0);

	ensure(fd != -1 && write(fd, data, size_bytes) == (ssize_t)size_bytes);
	snprintf(out, CONF_PATH_SIZE, "/proc/self/fd/%d", fd);
	return fd;
}

/* Calls LOAD with the path of a file of these bytes; what it prints is judged by what it returns. */
static inline int conf_try(const uint8_t *data, size_t size_bytes,
	int (*load)(const char *path, void *conf), void *conf)
{
	char path[CONF_PATH_SIZE], *printed = NULL;
	int fd = conf_file(data, size_bytes, path), result;
	size_t n = 0;
	FILE *real = stderr, *to_memory = open_memstream(&printed, &n);

	ensure(to_memory != NULL);
	stderr = to_memory;
	result = load(path, conf);
	stderr = real;
	fclose(to_memory);
	if (result == 0)
		ensure(n == 0);
	else
		ensure(n > strlen(path) && strncmp(printed, path, strlen(path)) == 0 &&
			printed[n - 1] == '\n');
	free(printed);
	close(fd);
	return result;
}

#endif
