// SPDX-License-Identifier: MIT
/* Reads the token file. The open file is judged, not its name: what was checked is what is read. */
#include "probe/token.h"

#include "proto/base/credential_file.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <fcntl.h>
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

int secret_read(
	const char *what, const char *path, size_t min_bytes, char **out, char why[TOKEN_WHY_SIZE])
{
	int result = -1;
	char text[TOKEN_MAX_BYTES + 3] = ""; /* CR, LF and NUL */
	struct credential_file file;
	credential_file_find(&file, path);
	int fd = open(file.path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1) {
		snprintf(why, TOKEN_WHY_SIZE, "%s %s: %s", what, path, strerror(errno));
		return -1;
	}
	if (check_file(fd, what, path, file.forbidden, why))
		goto out;
	ssize_t n = read(fd, text, sizeof text - 1);
	if (n == -1) {
		snprintf(why, TOKEN_WHY_SIZE, "%s %s: %s", what, path, strerror(errno));
		goto out;
	}
	text[n] = 0;
	if (check_text(text, min_bytes, what, path, why))
		goto out;
	*out = mem_strdup(text);
	result = 0;
out:
	explicit_bzero(text, sizeof text);
	close(fd);
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
