// SPDX-License-Identifier: MIT
/* The words that all resources use: query parameters read, refusals and lists written in one way.
 */
#include "coordinator/api/handlers.h"

#include "proto/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void refuse(struct api_request *r, int status, const char *type, const char *format, ...)
	PRINTF_LIKE(4, 5);
static void refuse(struct api_request *r, int status, const char *type, const char *format, ...)
{
	char detail[640];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	api_problem(r, status, type, detail, NULL);
}

bool query_int(struct api_request *r, const char *name, int64_t min, int64_t max, int64_t fallback,
	int64_t *out)
{
	const char *text = api_query(r, name);
	char *end;

	*out = fallback;
	if (!text)
		return true;
	errno = 0;
	*out = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *out >= min && *out <= max)
		return true;
	refuse(r, 400, "bad-query",
		"query parameter %s: '%.64s'; accepted: a whole number from %" PRId64
		" to %" PRId64,
		name, text, min, max);
	return false;
}

bool query_time(struct api_request *r, const char *name, int64_t fallback, int64_t *out_wall_ms)
{
	const char *text = api_query(r, name);

	*out_wall_ms = fallback;
	if (!text || time_parse(text, out_wall_ms) == 0)
		return true;
	refuse(r, 400, "bad-query",
		"query parameter %s: '%.64s'; accepted: a time such as 2026-11-21T18:30:00Z", name,
		text);
	return false;
}

static void join_names(char *out, size_t room, const char *const *names)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; names[i] && used < room; i++)
		used += (size_t)snprintf(out + used, room - used, "%s%s", i ? ", " : "", names[i]);
}

bool query_enum(struct api_request *r, const char *name, const char *const *names, int *out)
{
	const char *text = api_query(r, name);
	char accepted[256];

	*out = -1;
	if (!text)
		return true;
	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], text) == 0) {
			*out = i;
			return true;
		}
	}
	join_names(accepted, sizeof(accepted), names);
	refuse(r, 400, "bad-query", "query parameter %s: '%.64s'; accepted: %s", name, text,
		accepted);
	return false;
}

bool query_bool(struct api_request *r, const char *name, bool *out)
{
	static const char *const words[] = {"false", "true", NULL};
	int word;

	if (!query_enum(r, name, words, &word))
		return false;
	*out = word == 1;
	return true;
}

bool query_view(struct api_request *r, struct view *out)
{
	static const char *const audiences[] = {"operator", "customer", NULL};
	static const char *const languages[] = {"en", "ja", NULL};
	int audience, language;

	if (!query_enum(r, "audience", audiences, &audience) ||
		!query_enum(r, "lang", languages, &language))
		return false;
	*out = (struct view){.customer = audience == 1, .japanese = language == 1};
	return true;
}

void refuse_cursor(struct api_request *r, const char *text)
{
	refuse(r, 400, "bad-query",
		"query parameter cursor: '%.64s'; accepted: the next_cursor of an earlier answer",
		text);
}

bool query_cursor(struct api_request *r, struct id *out)
{
	const char *text = api_query(r, "cursor");

	*out = (struct id){{0}};
	if (!text || id_parse(text, out) == 0)
		return true;
	refuse_cursor(r, text);
	return false;
}

void reply_list(struct api_request *r, json_t *items, const char *cursor)
{
	api_reply_json(r, 200, json_pack("{s:o, s:s?}", "items", items, "next_cursor", cursor));
}

void reply_invalid(struct api_request *r, const struct problems *problems)
{
	const struct problem *first = &problems->item[0];
	char more[64] = "";

	if (problems->total > 1)
		snprintf(more, sizeof(more), " (and %zu more)", problems->total - 1);
	char detail[640];
	snprintf(detail, sizeof(detail), "%s%s%s%s; nothing was stored", first->path,
		first->path[0] ? ": " : "", first->message, more);
	api_problem(r, 422, "invalid", detail, problems);
}

void reply_not_found(struct api_request *r, const char *what)
{
	refuse(r, 404, "not-found", "there is no %s '%.128s'", what,
		r->params[0] ? r->params[0] : "");
}

void reply_store_error(struct api_request *r)
{
	const char *why = r->coordinator->store_problem[STORE_PART_STATE];

	refuse(r, 503, "store",
		"the store could not commit the change, so nothing was changed: %.300s",
		why ? why : "try again");
}

void json_set_text(json_t *object, const char *name, const char *text)
{
	json_object_set_new(object, name, text ? json_string(text) : json_null());
}

const char *caller_organization(const struct api_request *r)
{
	return r->key ? r->key->organization : NULL;
}
