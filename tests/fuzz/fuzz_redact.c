// SPDX-License-Identifier: MIT
/*
 * A body and a Location in which a site says what it likes, the credentials that it was shown among
 * it. The first line of the input is the credential, the rest the text. Whatever comes, the value is
 * gone from the text, which is UTF-8 and no longer than it may be.
 */
#include "probe/redact.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "proto/monitor.h"
#include "quorate/limits.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A value with one of these may come about by a marker beside other text. */
#define MARKER_LETTERS "[redact]REDACT"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* Values that are hidden without their first word. */
static bool has_scheme(const char *value)
{
	return strncasecmp(value, "Ba", 2) == 0 || strncasecmp(value, "Be", 2) == 0 ||
	       strncasecmp(value, "To", 2) == 0 || strncasecmp(value, "Ap", 2) == 0;
}

static void check_text(const char *text, const char *value, size_t max_bytes)
{
	char *clean = utf8_clean(text, strlen(text), strlen(text));

	ensure(strcmp(clean, text) == 0 && strlen(text) <= max_bytes);
	if (strlen(value) >= SECRET_VALUE_MIN_BYTES && !has_scheme(value))
		ensure(strcasestr(text, value) == NULL || strpbrk(value, MARKER_LETTERS) != NULL);
	free(clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	size_t line = size_bytes > 0 && memchr(data, '\n', size_bytes) != NULL
			      ? (size_t)((const uint8_t *)memchr(data, '\n', size_bytes) - data)
			      : size_bytes;
	size_t rest = line < size_bytes ? line + 1 : size_bytes;
	struct pair *pair = mem_alloc(sizeof(*pair));
	struct hop *hop = mem_alloc(sizeof(*hop));
	struct monitor m = {.type = CHECK_HTTP};
	struct result r = {.hops = {hop, 1}};

	*pair = (struct pair){.name = mem_strdup("X"),
		.value = utf8_clean((const char *)data, line, SECRET_VALUE_MAX_BYTES),
		.secret = mem_strdup("s")};
	m.request.headers = (struct pairs){pair, 1};
	r.body_excerpt =
		utf8_clean((const char *)data + rest, size_bytes - rest, BODY_EXCERPT_MAX_BYTES);
	hop->location = utf8_clean((const char *)data + rest, size_bytes - rest, URL_MAX_BYTES);
	redact_result(&r, &m);
	check_text(r.body_excerpt, pair->value, BODY_EXCERPT_MAX_BYTES);
	check_text(hop->location, pair->value, URL_MAX_BYTES);
	result_clear(&r);
	monitor_clear(&m);
	return 0;
}
