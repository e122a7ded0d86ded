// SPDX-License-Identifier: MIT
/* See router.h. Each route is a line of a table of some thirty: a linear search costs less than the
 * parsing before it. */
#include "coordinator/api/router.h"

#include "proto/base/mem.h"
#include "proto/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *target_error_text(enum target_error error)
{
	switch (error) {
	case TARGET_OK:
		return "fine";
	case TARGET_BAD_ESCAPE:
		return "the address has a '%' that is not followed by two hexadecimal digits";
	case TARGET_HAS_NUL:
		return "the address has a NUL byte (%00), which is never accepted";
	case TARGET_NOT_UTF8:
		return "the address is not UTF-8 after decoding";
	case TARGET_TOO_MANY:
		return "the address has more than 16 query parameters";
	case TARGET_TOO_LONG:
		return "the address is longer than 4096 bytes";
	case TARGET_REPEATED:
		return "the address has the same query parameter twice";
	}
	return "the address cannot be read";
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_utf8(const char *text)
{
	size_t left = strlen(text), n;

	for (; left > 0; text += n, left -= n)
		if ((n = utf8_length(text, left)) == 0)
			return false;
	return true;
}

/* Decodes N bytes of IN into a new text. A '+' is a space in queries only. */
static enum target_error decode(const char *in, size_t n, bool plus, char **out)
{
	char *text = mem_alloc(n + 1);
	size_t used = 0;

	*out = text;
	for (size_t i = 0; i < n; i++) {
		char c = in[i];

		if (c == '+' && plus) {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < n ? hex_digit(in[i + 1]) : -1;
			int low = i + 2 < n ? hex_digit(in[i + 2]) : -1;

			if (high < 0 || low < 0)
				return TARGET_BAD_ESCAPE;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0')
			return TARGET_HAS_NUL;
		text[used++] = c;
	}
	text[used] = '\0';
	return is_utf8(text) ? TARGET_OK : TARGET_NOT_UTF8;
}

static enum target_error parse_path(const char *path, struct target *out)
{
	enum target_error error = decode(path, strlen(path), false, &out->path);

	while (error == TARGET_OK && *path == '/') {
		size_t n = strcspn(++path, "/");

		if (out->n_segments == PATH_SEGMENTS_MAX) {
			out->n_segments++;
			break;
		}
		error = decode(path, n, false, &out->segment[out->n_segments++]);
		path += n;
	}
	return error;
}

static enum target_error parse_query(const char *query, struct target *out)
{
	while (*query) {
		size_t n = strcspn(query, "&");
		const char *equals = memchr(query, '=', n);
		size_t name_size = equals ? (size_t)(equals - query) : n;
		struct query_param *param;
		enum target_error error;

		if (n > 0) {
			if (out->n_query == QUERY_PARAMS_MAX)
				return TARGET_TOO_MANY;
			param = &out->query[out->n_query];
			error = decode(query, name_size, true, &param->name);
			if (error == TARGET_OK && target_query(out, param->name))
				error = TARGET_REPEATED;
			out->n_query++;
			if (error != TARGET_OK)
				return error;
			error = equals ? decode(equals + 1, n - name_size - 1, true, &param->value)
				       : decode("", 0, true, &param->value);
			if (error != TARGET_OK)
				return error;
		}
		query += n + (query[n] == '&');
	}
	return TARGET_OK;
}

enum target_error target_parse(const char *path, const char *query, struct target *out)
{
	enum target_error error;

	*out = (struct target){0};
	if (strlen(path) + (query ? strlen(query) : 0) > TARGET_MAX_BYTES)
		return TARGET_TOO_LONG;
	error = parse_path(path, out);
	if (error == TARGET_OK && query)
		error = parse_query(query, out);
	return error;
}

void target_clear(struct target *t)
{
	free(t->path);
	for (int i = 0; i < PATH_SEGMENTS_MAX; i++)
		free(t->segment[i]);
	for (size_t i = 0; i < t->n_query; i++) {
		free(t->query[i].name);
		free(t->query[i].value);
	}
	*t = (struct target){0};
}

const char *target_query(const struct target *t, const char *name)
{
	for (size_t i = 0; i < t->n_query; i++)
		if (t->query[i].name && strcmp(t->query[i].name, name) == 0)
			return t->query[i].value;
	return NULL;
}

static bool route_matches(
	const char *pattern, const struct target *t, const char *params[CAPTURES_MAX])
{
	int captures = 0, i = 0;

	for (; *pattern == '/'; i++) {
		size_t n = strcspn(++pattern, "/");

		if (i >= t->n_segments || i >= PATH_SEGMENTS_MAX)
			return false;
		if (*pattern == '{') {
			if (t->segment[i][0] == '\0' || captures == CAPTURES_MAX)
				return false;
			params[captures++] = t->segment[i];
		} else if (strlen(t->segment[i]) != n || memcmp(t->segment[i], pattern, n) != 0) {
			return false;
		}
		pattern += n;
	}
	return i == t->n_segments;
}

static void allow_add(char allow[ALLOW_TEXT_SIZE], const char *method)
{
	size_t used = strlen(allow);

	snprintf(allow + used, ALLOW_TEXT_SIZE - used, "%s%s", used ? ", " : "", method);
}

const struct route *route_find(const struct route *routes, size_t n, const char *method,
	const struct target *t, const char *params[CAPTURES_MAX], char allow[ALLOW_TEXT_SIZE])
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	const char *literal = NULL; /* a path that matched without a capture hides those with one */

	allow[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (literal && strcmp(literal, routes[i].pattern) != 0)
			continue;
		params[0] = params[1] = NULL;
		if (!route_matches(routes[i].pattern, t, params))
			continue;
		if (strcmp(routes[i].method, wanted) == 0)
			return &routes[i];
		if (!strchr(routes[i].pattern, '{'))
			literal = routes[i].pattern;
		allow_add(allow, routes[i].method);
		if (strcmp(routes[i].method, "GET") == 0)
			allow_add(allow, "HEAD");
	}
	params[0] = params[1] = NULL;
	return NULL;
}
