// SPDX-License-Identifier: MIT
/* A cursor walks over the text; POINTER is what is left of the way to the value: "" at the value
 * itself, NULL off the way. */
#include "probe/http_json.h"

#include "proto/base/mem.h"
#include "proto/base/utf8.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MARK       "\xef\xbb\xbf" /* U+FEFF */
#define SCALAR_MAX 65536

struct cursor {
	const char *p, *end;
	int depth;
	struct http_json_value found;
};

static int read_value(struct cursor *c, const char *pointer);

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && memchr(" \t\r\n", *c->p, 4) != NULL)
		c->p++;
}

static bool is_next(struct cursor *c, char wanted)
{
	skip_blanks(c);
	if (c->p == c->end || *c->p != wanted)
		return false;
	c->p++;
	return true;
}

/* ---- scalars */

static int read_escape(struct cursor *c)
{
	size_t n = c->p < c->end && *c->p == 'u' ? 5 : 1;

	if ((size_t)(c->end - c->p) < n || *c->p == '\0' || strchr("\"\\/bfnrtu", *c->p) == NULL)
		return -1;
	for (size_t i = 1; i < n; i++)
		if (!isxdigit((unsigned char)c->p[i]))
			return -1;
	c->p += n;
	return 0;
}

/* Behind its first quote. */
static int read_string(struct cursor *c)
{
	while (c->p < c->end && *c->p != '"') {
		unsigned char byte = (unsigned char)*c->p;
		size_t n = byte < 0x80 ? 1 : utf8_length(c->p, (size_t)(c->end - c->p));

		if (byte < ' ' || n == 0)
			return -1;
		c->p += n;
		if (byte == '\\' && read_escape(c) == -1)
			return -1;
	}
	if (c->p == c->end)
		return -1;
	c->p++;
	return 0;
}

static int read_digits(struct cursor *c)
{
	const char *first = c->p;

	while (c->p < c->end && isdigit((unsigned char)*c->p))
		c->p++;
	return c->p > first ? 0 : -1;
}

static bool take(struct cursor *c, const char *accepted)
{
	if (c->p == c->end || *c->p == '\0' || strchr(accepted, *c->p) == NULL)
		return false;
	c->p++;
	return true;
}

static int read_number(struct cursor *c)
{
	(void)take(c, "-");
	if (!take(c, "0") && read_digits(c) == -1)
		return -1;
	if (take(c, ".") && read_digits(c) == -1)
		return -1;
	if (!take(c, "eE"))
		return 0;
	(void)take(c, "+-");
	return read_digits(c);
}

static int read_word(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
		return -1;
	c->p += n;
	return 0;
}

/* ---- the way */

/* One part of a pointer, "~1" and "~0" undone, into OUT (as long as POINTER at least); what is
 * behind it is returned. */
static const char *next_part(const char *pointer, char *out)
{
	while (*pointer != '\0' && *pointer != '/') {
		bool escaped = pointer[0] == '~' && pointer[1] != '\0';

		*out++ = (char)(!escaped ? *pointer : pointer[1] == '1' ? '/' : '~');
		pointer += escaped ? 2 : 1;
	}
	*out = '\0';
	return pointer;
}

/* Whether the string FROM … TO, quotes included, is NAME. */
static bool is_name(const char *from, const char *to, const char *name)
{
	size_t n = (size_t)(to - from) - 2;
	json_t *decoded;
	bool same;

	if (memchr(from, '\\', (size_t)(to - from)) == NULL)
		return n == strlen(name) && memcmp(from + 1, name, n) == 0;
	decoded = json_loadb(from, (size_t)(to - from), JSON_DECODE_ANY, NULL);
	same = decoded != NULL && strcmp(json_string_value(decoded), name) == 0;
	json_decref(decoded);
	return same;
}

static int read_object(struct cursor *c, const char *pointer)
{
	char name[256 + 1] = "";
	const char *rest = pointer != NULL && *pointer == '/' && strlen(pointer) <= sizeof(name)
				   ? next_part(pointer + 1, name)
				   : NULL;

	if (is_next(c, '}'))
		return 0;
	do {
		skip_blanks(c);
		const char *from = c->p;
		if (!is_next(c, '"') || read_string(c) == -1)
			return -1;
		bool ours = rest != NULL && is_name(from, c->p, name);
		if (ours)
			c->found.text = NULL; /* the last one counts */
		if (!is_next(c, ':') || read_value(c, ours ? rest : NULL) == -1)
			return -1;
	} while (is_next(c, ','));
	return is_next(c, '}') ? 0 : -1;
}

/* Whether PART is what RFC 6901 writes for INDEX: no sign, no zeros before it. */
static bool is_index(const char *part, size_t index)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", index);
	return strcmp(part, text) == 0;
}

static int read_list(struct cursor *c, const char *pointer)
{
	char part[256 + 1] = "";
	const char *rest = pointer != NULL && *pointer == '/' && strlen(pointer) <= sizeof(part)
				   ? next_part(pointer + 1, part)
				   : NULL;
	size_t i = 0;

	if (is_next(c, ']'))
		return 0;
	do {
		bool ours = rest != NULL && is_index(part, i++);
		if (read_value(c, ours ? rest : NULL) == -1)
			return -1;
	} while (is_next(c, ','));
	return is_next(c, ']') ? 0 : -1;
}

static int read_inner(struct cursor *c, const char *pointer)
{
	char first = *c->p;
	int rc;

	if (first != '{' && first != '[')
		return first == '"'   ? (c->p++, read_string(c))
		       : first == 't' ? read_word(c, "true")
		       : first == 'f' ? read_word(c, "false")
		       : first == 'n' ? read_word(c, "null")
				      : read_number(c);
	if (++c->depth > HTTP_JSON_DEPTH_MAX)
		return -1;
	c->p++;
	rc = first == '{' ? read_object(c, pointer) : read_list(c, pointer);
	c->depth--;
	return rc;
}

static int read_value(struct cursor *c, const char *pointer)
{
	const char *from;

	skip_blanks(c);
	from = c->p;
	if (from == c->end || read_inner(c, pointer) == -1)
		return -1;
	if (pointer != NULL && *pointer == '\0')
		c->found = (struct http_json_value){from, (size_t)(c->p - from)};
	return 0;
}

enum http_json http_json_find(
	const char *text, size_t size_bytes, const char *pointer, struct http_json_value *value)
{
	bool marked = size_bytes >= 3 && memcmp(text, MARK, 3) == 0;
	struct cursor c = {.p = text + (marked ? 3 : 0), .end = text + size_bytes};

	if (size_bytes == 0 || read_value(&c, pointer) == -1)
		return HTTP_JSON_INVALID;
	skip_blanks(&c);
	if (c.p != c.end)
		return HTTP_JSON_INVALID;
	if (c.found.text == NULL)
		return HTTP_JSON_ABSENT;
	*value = c.found;
	return HTTP_JSON_FOUND;
}

json_t *http_json_scalar(const struct http_json_value *value)
{
	if (*value->text == '{' || *value->text == '[' || value->size_bytes > SCALAR_MAX)
		return NULL;
	return json_loadb(value->text, value->size_bytes, JSON_DECODE_ANY, NULL);
}
