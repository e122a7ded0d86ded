// SPDX-License-Identifier: MIT
#include "coordinator/cli/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sse_init(struct sse *sse, sse_event_fn fn, void *arg)
{
	memset(sse, 0, sizeof(*sse));
	sse->fn = fn;
	sse->arg = arg;
	buf_init(&sse->line, SSE_EVENT_MAX_BYTES);
	buf_init(&sse->data, SSE_EVENT_MAX_BYTES);
}

void sse_reset(struct sse *sse)
{
	buf_reset(&sse->line);
	buf_reset(&sse->data);
	sse->type[0] = '\0';
	memcpy(sse->next_id, sse->id, sizeof(sse->next_id));
	sse->after_cr = false;
}

void sse_clear(struct sse *sse)
{
	buf_clear(&sse->line);
	buf_clear(&sse->data);
}

static void dispatch(struct sse *sse)
{
	memcpy(sse->id, sse->next_id, sizeof(sse->id));
	if (sse->data.size_bytes > 0) {
		sse->data.data[sse->data.size_bytes - 1] =
			'\0'; /* the last line's end is not part of it */
		sse->fn(sse->arg, sse->id, sse->type[0] ? sse->type : "message",
			buf_text(&sse->data));
	}
	buf_reset(&sse->data);
	sse->type[0] = '\0';
}

static int take_field(struct sse *sse, const char *name, size_t name_size, const char *value)
{
	if (name_size == 4 && memcmp(name, "data", 4) == 0)
		return buf_printf(&sse->data, "%s\n", value);
	if (name_size == 5 && memcmp(name, "event", 5) == 0)
		snprintf(sse->type, sizeof(sse->type), "%s", value);
	else if (name_size == 2 && memcmp(name, "id", 2) == 0)
		snprintf(sse->next_id, sizeof(sse->next_id), "%s", value);
	else if (name_size == 5 && memcmp(name, "retry", 5) == 0 &&
		 strspn(value, "0123456789") == strlen(value))
		sse->retry_ms = strtol(value, NULL, 10);
	return 0;
}

static int take_line(struct sse *sse)
{
	const char *line = buf_text(&sse->line);
	size_t name_size = strcspn(line, ":");
	const char *value = line + name_size + (line[name_size] == ':');
	int result = 0;

	if (!*line)
		dispatch(sse);
	else if (name_size > 0) /* a line that begins with a colon is a comment */
		result = take_field(sse, line, name_size, *value == ' ' ? value + 1 : value);
	buf_reset(&sse->line);
	return result;
}

/* Lines end with LF, CR or CRLF. */
int sse_feed(struct sse *sse, const void *data, size_t size_bytes)
{
	const char *at = data, *end = at + size_bytes;

	while (at < end) {
		if (sse->after_cr && *at == '\n') {
			sse->after_cr = false;
			at++;
			continue;
		}
		sse->after_cr = false;
		const char *stop = at;
		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		if (buf_add(&sse->line, at, (size_t)(stop - at)) == -1)
			return -1;
		at = stop;
		if (at == end)
			break;
		sse->after_cr = *at++ == '\r';
		if (take_line(sse) == -1)
			return -1;
	}
	return 0;
}
