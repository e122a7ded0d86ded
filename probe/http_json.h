// SPDX-License-Identifier: MIT
/*
 * One value of a JSON text (RFC 8259), found by its pointer (RFC 6901) without building a tree: a
 * peer's body costs one pass and no memory. The whole text is checked: what is behind the value may
 * be wrong, too. Of members with the same name the last counts.
 */
#ifndef QUORATE_PROBE_HTTP_JSON_H
#define QUORATE_PROBE_HTTP_JSON_H

#include <jansson.h>
#include <stddef.h>

#define HTTP_JSON_DEPTH_MAX 64

enum http_json { HTTP_JSON_FOUND, HTTP_JSON_ABSENT, HTTP_JSON_INVALID };

struct http_json_value {
	const char *text; /* inside of the body; NULL: none */
	size_t size_bytes;
};

/* A byte order mark is passed over. *VALUE is set with FOUND only. */
enum http_json http_json_find(
	const char *text, size_t size_bytes, const char *pointer, struct http_json_value *value);
/* A scalar as jansson has it; NULL: an object, a list, or a number beyond all bounds. A new
 * reference. */
json_t *http_json_scalar(const struct http_json_value *value);

#endif
