// SPDX-License-Identifier: MIT
/*
 * A request's address into target_parse() and route_find(): the first byte chooses the method, the
 * rest is the path and, after the first '?', the query. What is accepted is clean text; what is
 * refused has a sentence.
 */
#include "coordinator/api/handlers.h"
#include "coordinator/api/router.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void ensure_clean(const char *text)
{
	size_t left = strlen(text), n;

	for (; left > 0; text += n, left -= n)
		ensure((n = utf8_length(text, left)) > 0);
}

static void ensure_target(const struct target *t)
{
	ensure_clean(t->path);
	for (int i = 0; i < t->n_segments && i < PATH_SEGMENTS_MAX; i++)
		ensure_clean(t->segment[i]);
	for (size_t i = 0; i < t->n_query; i++) {
		ensure_clean(t->query[i].name);
		ensure_clean(t->query[i].value);
		ensure(target_query(t, t->query[i].name) == t->query[i].value); /* no name twice */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"};
	const char *params[CAPTURES_MAX] = {NULL};
	char allow[ALLOW_TEXT_SIZE];
	struct target t;

	if (size_bytes == 0)
		return 0;
	const char *method = methods[data[0] % ARRAY_LEN(methods)];
	char *path = mem_strndup((const char *)data + 1, size_bytes - 1),
	     *query = strchr(path, '?');
	if (query)
		*query++ = '\0';
	enum target_error error = target_parse(path, query, &t);
	if (error == TARGET_OK) {
		ensure_target(&t);
		const struct route *route =
			route_find(api_routes, api_routes_n, method, &t, params, allow);
		ensure(!route || !strchr(route->pattern, '{') || (params[0] && params[0][0]));
		ensure(route || !params[0]);
	} else {
		ensure(target_error_text(error)[0]);
	}
	target_clear(&t);
	free(path);
	return 0;
}
