// SPDX-License-Identifier: MIT
#include "proto/base/text.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#define REPLACEMENT 0xfffd
#define HALF_DAY_MS 43200000

/* One character of UTF-8; *C is REPLACEMENT for a broken byte. Returns the bytes it took. */
static size_t decode(const char *text, uint32_t *c)
{
	const unsigned char *t = (const unsigned char *)text;
	size_t more = t[0] < 0x80 ? 0 : t[0] >= 0xf0 ? 3 : t[0] >= 0xe0 ? 2 : 1;

	if (more == 0) {
		*c = t[0];
		return 1;
	}
	*c = t[0] & (0x3fu >> more);
	for (size_t i = 1; i <= more; i++) {
		if (t[0] < 0xc2 || t[0] > 0xf4 || (t[i] & 0xc0) != 0x80) {
			*c = REPLACEMENT;
			return 1;
		}
		*c = *c << 6 | (t[i] & 0x3f);
	}
	return more + 1;
}

/* C0, DEL and C1 controls, line separators, marks that change the direction of what follows. */
static bool is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) || c == 0x061c ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static int columns_of(uint32_t c)
{
	int width = is_unsafe(c) ? 1 : wcwidth((wchar_t)c);
	return width < 0 ? 1 : width;
}

static void print_columns(FILE *out, const char *text, int columns)
{
	uint32_t c;

	while (*text) {
		size_t size = decode(text, &c);
		columns -= columns_of(c);
		if (columns < 0)
			break;
		if (is_unsafe(c) || c == REPLACEMENT)
			fputs("\xef\xbf\xbd", out);
		else
			fwrite(text, 1, size, out);
		text += size;
	}
}

int text_width(const char *text)
{
	int width = 0;
	uint32_t c;

	while (*text) {
		text += decode(text, &c);
		width += columns_of(c);
	}
	return width;
}

void text_print(FILE *out, const char *text)
{
	print_columns(out, text, INT32_MAX);
}

void text_print_cut(FILE *out, const char *text, int columns)
{
	if (text_width(text) <= columns) {
		text_print(out, text);
		return;
	}
	print_columns(out, text, columns - 1);
	fputs("…", out);
}

void text_print_wrapped(FILE *out, const char *text, int columns, int indent)
{
	int at = 0;

	while (*text) {
		size_t word = strcspn(text, " \n");
		char *copy = mem_strndup(text, word);
		int width = text_width(copy);
		if (at > 0 && at + 1 + width > columns) {
			fprintf(out, "\n%*s", indent, "");
			at = 0;
		} else if (at > 0) {
			fputc(' ', out);
			at++;
		}
		text_print(out, copy);
		at += width;
		free(copy);
		text += word;
		text += strspn(text, " \n");
	}
}

char *text_put_number(char *out, int64_t n)
{
	uint64_t left = (uint64_t)n;
	int places = 1;

	if (left < 10) { /* as most are */
		out[0] = (char)('0' + left);
		out[1] = '\0';
		return out + 1;
	}
	for (uint64_t more = left / 10; more > 0; more /= 10)
		places++;
	out[places] = '\0';
	for (int i = places - 1; i >= 0; i--, left /= 10)
		out[i] = (char)('0' + left % 10);
	return out + places;
}

char *text_put_ms(char *out, int64_t us)
{
	unsigned part = (unsigned)(us % 1000);

	out = text_put_number(out, us / 1000);
	out[0] = '.';
	out[1] = (char)('0' + part / 100);
	out[2] = (char)('0' + part / 10 % 10);
	out[3] = (char)('0' + part % 10);
	out[4] = '\0';
	return out + 4;
}

char *text_duration(char text[TEXT_SIZE], int64_t ms)
{
	int64_t s = (ms + 500) / 1000;

	if (ms < 1000)
		snprintf(text, TEXT_SIZE, "%" PRId64 " ms", ms);
	else if (ms < 10000)
		snprintf(text, TEXT_SIZE, "%.1f s", (double)ms / 1000);
	else if (s < 120)
		snprintf(text, TEXT_SIZE, "%" PRId64 " s", s);
	else if (s < 600)
		snprintf(text, TEXT_SIZE, "%" PRId64 "m %02" PRId64 "s", s / 60, s % 60);
	else if (s < 7200)
		snprintf(text, TEXT_SIZE, "%" PRId64 "m", s / 60);
	else if (s < 172800)
		snprintf(text, TEXT_SIZE, "%" PRId64 "h %" PRId64 "m", s / 3600, s % 3600 / 60);
	else
		snprintf(text, TEXT_SIZE, "%" PRId64 "d %" PRId64 "h", s / 86400, s % 86400 / 3600);
	return text;
}

char *text_ago(char text[TEXT_SIZE], const char *rfc3339)
{
	char duration[TEXT_SIZE];
	int64_t wall_ms, age_ms;

	if (!rfc3339 || time_parse(rfc3339, &wall_ms) == -1) {
		snprintf(text, TEXT_SIZE, "-");
		return text;
	}
	age_ms = clock_wall_ms() - wall_ms;
	if (age_ms < 1000 && age_ms > -2000)
		snprintf(text, TEXT_SIZE, "just now");
	else if (age_ms < 0)
		snprintf(text, TEXT_SIZE, "in %s", text_duration(duration, -age_ms));
	else
		snprintf(text, TEXT_SIZE, "%s ago", text_duration(duration, age_ms));
	return text;
}

/* The user's local time; false when RFC3339 is none. */
static bool local_time(const char *rfc3339, struct tm *tm, int64_t *wall_ms)
{
	if (!rfc3339 || time_parse(rfc3339, wall_ms) == -1)
		return false;
	time_t seconds = (time_t)(*wall_ms / 1000);
	return localtime_r(&seconds, tm) != NULL;
}

char *text_local(char text[TEXT_SIZE], const char *rfc3339)
{
	int64_t wall_ms;
	struct tm tm;

	if (!local_time(rfc3339, &tm, &wall_ms) ||
		strftime(text, TEXT_SIZE, "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		snprintf(text, TEXT_SIZE, "-");
	return text;
}

char *text_clock(char text[TEXT_SIZE], const char *rfc3339)
{
	int64_t wall_ms;
	struct tm tm;

	if (!local_time(rfc3339, &tm, &wall_ms))
		snprintf(text, TEXT_SIZE, "-");
	else if (clock_wall_ms() - wall_ms < HALF_DAY_MS)
		strftime(text, TEXT_SIZE, "%H:%M:%S", &tm);
	else
		strftime(text, TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
	return text;
}

json_t *value_at(const json_t *document, const char *path)
{
	const json_t *v = document;

	while (v && *path) {
		size_t length = strcspn(path, ".");
		char key[128];
		snprintf(key, sizeof(key), "%.*s", (int)length, path);
		v = json_object_get(v, key);
		path += length + (path[length] == '.');
	}
	return (json_t *)(uintptr_t)v;
}

const char *value_text(const json_t *document, const char *path, const char *otherwise)
{
	static char made[8][32];
	static unsigned next;
	const json_t *v = value_at(document, path);
	char *text = made[next++ % ARRAY_LEN(made)];

	if (json_is_string(v))
		return json_string_value(v);
	if (json_is_boolean(v))
		return json_is_true(v) ? "yes" : "no";
	if (json_is_integer(v))
		snprintf(text, sizeof(made[0]), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		snprintf(text, sizeof(made[0]), "%g", json_real_value(v));
	else
		return otherwise;
	return text;
}

int64_t value_int(const json_t *document, const char *path, int64_t otherwise)
{
	const json_t *v = value_at(document, path);

	return json_is_number(v) ? (int64_t)json_number_value(v) : otherwise;
}

char *value_words(const json_t *value)
{
	char *text, *words;

	if (!value || json_is_null(value))
		return mem_strdup("none");
	if (json_is_string(value))
		return mem_strdup(json_string_value(value));
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	ensure(text != NULL);
	/* a list of plain words reads better without its quotes */
	if (json_is_array(value) && !strpbrk(text, "{\\")) {
		char *to = text;
		for (const char *from = text; *from; from++) {
			if (*from != '"')
				*to++ = *from;
		}
		*to = '\0';
	}
	words = mem_strdup(text);
	free(text);
	return words;
}
