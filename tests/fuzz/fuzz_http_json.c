// SPDX-License-Identifier: MIT
/*
 * A pointer (the first line) and a JSON body (the rest) into http_json_find(). What jansson takes for
 * valid it does, too, but for depth and numbers that no double holds, and the other way round; a value
 * that is found lies inside of the body and is valid by itself.
 */
#include "probe/http_json.h"
#include "proto/base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* Which of jansson's refusals are its bounds, not the text's fault. */
static bool is_bound(const json_error_t *error)
{
	return strstr(error->text, "number") != NULL || strstr(error->text, "too big") != NULL ||
	       strstr(error->text, "maximum parsing depth") != NULL ||
	       strstr(error->text, "\\u0000") != NULL || strstr(error->text, "Unicode") != NULL ||
	       strstr(error->text, "NUL byte in object key") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	const char *newline = memchr(data, '\n', size_bytes);
	const char *text = newline != NULL ? newline + 1 : (const char *)data;
	size_t n = size_bytes - (size_t)(text - (const char *)data);
	char *pointer = mem_strndup((const char *)data, newline != NULL ? size_bytes - n - 1 : 0);
	struct http_json_value value = {NULL, 0}, whole;
	json_error_t error;
	enum http_json found = http_json_find(text, n, pointer, &value);
	bool marked = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
	json_t *tree =
		json_loadb(text + (marked ? 3 : 0), n - (marked ? 3 : 0), JSON_DECODE_ANY, &error);

	/* jansson reads over a NUL, which is in no JSON */
	if (found == HTTP_JSON_INVALID && tree != NULL && memchr(text, '\0', n) == NULL) {
		/* a text of depth beyond ours */
		size_t brackets = 0;
		for (size_t i = 0; i < n; i++)
			brackets += text[i] == '[' || text[i] == '{';
		ensure(brackets > HTTP_JSON_DEPTH_MAX);
	}
	if (found != HTTP_JSON_INVALID && tree == NULL)
		ensure(is_bound(&error));
	if (found == HTTP_JSON_FOUND) {
		ensure(value.text >= text && value.text + value.size_bytes <= text + n);
		ensure(http_json_find(value.text, value.size_bytes, "", &whole) == HTTP_JSON_FOUND);
		ensure(whole.text == value.text && whole.size_bytes == value.size_bytes);
		json_decref(http_json_scalar(&value));
	}
	json_decref(tree);
	free(pointer);
	return 0;
}
