// SPDX-License-Identifier: MIT
/* Reads the token file. The open file is judged, not its name: what was checked is what is read. */
#include "probe/token.h"

#include "proto/base/credential_file.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "quorate/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_file(
	int fd, const char *what, const char *path, mode_t forbidden, char why[TOKEN_WHY_SIZE])
{
	struct stat st;
	if (fstat(fd, &st) == -1) {
		snprintf(why, TOKEN_WHY_SIZE, "%s %s: %s", what, path, strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, TOKEN_WHY_SIZE, "%s %s: not a regular file", what, path);
		return -1;
	}
	if (st.st_mode & forbidden) {
		snprintf(why, TOKEN_WHY_SIZE,
			"%s %s: mode %03o lets others at the secret; run: chmod 600 %s", what, path,
			(unsigned)st.st_mode & 0777, path);
		return -1;
	}
	return 0;
}

static bool is_utf8(const char *text, size_t size)
{
	size_t n;
	for (size_t i = 0; i < size; i += n)
		if (!text[i] || !(n = utf8_length(text + i, size - i)))
			return false;
	return true;
}

/* Cuts the end of line off TEXT and judges the rest. */
static int check_text(
	char *text, size_t min_bytes, const char *what, const char *path, char why[TOKEN_WHY_SIZE])
{
	text[strcspn(text, "\r\n")] = 0;
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++) {
		if (text[i] <= ' ' || text[i] > '~') {
			snprintf(why, TOKEN_WHY_SIZE,
				"%s %s: byte %zu is not a printable character; accepted: "
				"one line",
				what, path, i + 1);
			return -1;
		}
	}
	if (n < min_bytes || n > TOKEN_MAX_BYTES) {
		snprintf(why, TOKEN_WHY_SIZE,
			"%s %s: a text of %zu characters; accepted: %zu to %d", what, path, n,
			min_bytes, TOKEN_MAX_BYTES);
		return -1;
	}
	return 0;
}

/* The first ROOM - 1 bytes of the file PATH, when it is only its owner's, into TEXT. How many, or -1 and WHY. */
static ssize_t read_file(
	const char *what, const char *path, char *text, size_t room, char why[TOKEN_WHY_SIZE])
{
	struct credential_file file;
	ssize_t n = -1;
	credential_file_find(&file, path);
	int fd = open(file.path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1) {
		snprintf(why, TOKEN_WHY_SIZE, "%s %s: %s", what, path, strerror(errno));
		return -1;
	}
	if (check_file(fd, what, path, file.forbidden, why) == 0) {
		n = read(fd, text, room - 1);
		if (n == -1)
			snprintf(why, TOKEN_WHY_SIZE, "%s %s: %s", what, path, strerror(errno));
	}
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return n;
}

int secret_read(
	const char *what, const char *path, size_t min_bytes, char **out, char why[TOKEN_WHY_SIZE])
{
	int result = -1;
	char text[TOKEN_MAX_BYTES + 3] = ""; /* CR, LF and NUL */
	if (read_file(what, path, text, sizeof text, why) != -1 &&
		check_text(text, min_bytes, what, path, why) == 0) {
		*out = mem_strdup(text);
		result = 0;
	}
	explicit_bzero(text, sizeof text);
	return result;
}

int secret_value_read(const char *what, const char *path, char **out, char why[TOKEN_WHY_SIZE])
{
	int result = -1;
	char text[SECRET_VALUE_MAX_BYTES + 3] = "";
	ssize_t n = read_file(what, path, text, sizeof text, why);
	size_t size = n > 0 ? (size_t)n : 0;
	if (n == -1)
		return -1;
	if (size > 0 && text[size - 1] == '\n')
		text[--size] = 0;
	if (size < SECRET_VALUE_MIN_BYTES || size > SECRET_VALUE_MAX_BYTES) {
		snprintf(why, TOKEN_WHY_SIZE, "%s %s: a text of %zu bytes; accepted: %d to %d",
			what, path, size, SECRET_VALUE_MIN_BYTES, SECRET_VALUE_MAX_BYTES);
	} else if (!is_utf8(text, size)) {
		snprintf(why, TOKEN_WHY_SIZE, "%s %s: is no text; accepted: UTF-8", what, path);
	} else {
		*out = mem_strdup(text);
		result = 0;
	}
	explicit_bzero(text, sizeof text);
	return result;
}

int token_read(const char *path, char **out, char why[TOKEN_WHY_SIZE])
{
	return secret_read("token file", path, TOKEN_MIN_BYTES, out, why);
}

void token_free(char *token)
{
	if (token)
		explicit_bzero(token, strlen(token));
	free(token);
}
