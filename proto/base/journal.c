// SPDX-License-Identifier: MIT
#include "proto/base/journal.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define NAME_MAX_BYTES 48
#define PREFIX         "QUORATE_"

/* ---- a line's fields */

/* "why" -> "QUORATE_WHY="; journald takes upper case, digits and underscores. */
static char *field_start(const char *key, size_t n)
{
	char *out = mem_printf(PREFIX "%.*s=", (int)n, key);

	for (char *c = out + strlen(PREFIX); *c != '='; c++)
		*c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
	return out;
}

/* The value at *AT, unquoted, behind START, which is freed; moves *AT behind it. */
static char *with_value(char *start, const char **at)
{
	const char *from = *at;
	bool quoted = *from == '"';
	char *out = mem_alloc(strlen(start) + strlen(from) + 1);
	size_t n = strlen(start);

	memcpy(out, start, n);
	free(start);
	for (from += quoted; *from && *from != (quoted ? '"' : ' '); from++) {
		if (quoted && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
			from++;
		out[n++] = *from;
	}
	*at = from + (quoted && *from);
	return out;
}

static size_t key_length(const char *at)
{
	size_t n = strcspn(at, "= \"");

	return n <= NAME_MAX_BYTES && at[n] == '=' ? n : 0;
}

size_t journal_fields(const char *line, char *out[JOURNAL_FIELDS_MAX])
{
	size_t n = 0, length = strcspn(line, " ");

	if (length > 0 && !memchr(line, '=', length))
		out[n++] = mem_printf(PREFIX "EVENT=%.*s", (int)length, line);
	else
		length = 0;
	for (const char *at = line + length; *at && n < JOURNAL_FIELDS_MAX;) {
		size_t key = key_length(at += strspn(at, " "));

		if (key == 0) {
			at += strcspn(at, " ");
			continue;
		}
		char *start = field_start(at, key);
		at += key + 1;
		out[n++] = with_value(start, &at);
	}
	return n;
}

/* ---- the sink */

static bool send_line(int priority, const char *line)
{
	char *field[JOURNAL_FIELDS_MAX + 2];
	struct iovec parts[ARRAY_LEN(field)];
	size_t n = journal_fields(line, field);
	int rc;

	field[n++] = mem_printf("MESSAGE=%s", line);
	field[n++] = mem_printf("PRIORITY=%d", priority);
	for (size_t i = 0; i < n; i++)
		parts[i] = (struct iovec){field[i], strlen(field[i])};
	rc = sd_journal_sendv(parts, (int)n);
	for (size_t i = 0; i < n; i++)
		free(field[i]);
	return rc == 0;
}

bool journal_attach(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%ju:%ju", &device, &inode) != 2 ||
		fstat(STDERR_FILENO, &st) == -1 || st.st_dev != device || st.st_ino != inode)
		return false;
	log_set_sink(send_line);
	return true;
}
