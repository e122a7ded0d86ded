// SPDX-License-Identifier: MIT
/*
 * What a bundle says: the monitors and their cases, up to a ceiling that keeps it below the 20 kB
 * that receivers expect, and how many more there are; for programs as members, for people as a text.
 */
#include "coordinator/notify/notify_internal.h"

#include "proto/base/buf.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTED_MAX       50
#define LISTED_MAX_BYTES 17000
#define TEXT_MAX_BYTES   65536

/* What is listed has a ceiling of its own, far below the buffer's. */
#define say(text, ...) ensure(buf_printf((text), __VA_ARGS__) == 0)

static const char *text_at(const json_t *object, const char *outer, const char *name)
{
	if (outer)
		object = json_object_get(object, outer);
	return json_string_value(json_object_get(object, name));
}

/* What the list says of ALERT; a new reference. */
static json_t *list_entry(const json_t *alert)
{
	static const char *const members[] = {
		"case", "kind", "severity", "reason", "held_ms", "url"};
	json_t *entry = json_object(), *monitor = json_object_get(alert, "monitor");

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		json_t *value = json_object_get(alert, members[i]);

		if (value)
			json_object_set(entry, members[i], value);
	}
	json_object_set_new(entry, "monitor",
		json_pack("{s:O?, s:O?, s:O?}", "id", json_object_get(monitor, "id"), "name",
			json_object_get(monitor, "name"), "target",
			json_object_get(monitor, "target")));
	return entry;
}

/* Appends ALERT to LIST and its name to TEXT, unless that would be too much. */
static bool list_add(json_t *list, struct buf *text, const json_t *alert, size_t *used_bytes)
{
	json_t *entry = list_entry(alert);
	const char *name = text_at(alert, "monitor", "name"), *id = text_at(alert, NULL, "case");
	size_t size_bytes =
		json_dumpb(entry, NULL, 0, JSON_COMPACT) + (name ? 2 * strlen(name) : 0);

	if (json_array_size(list) > 0 && *used_bytes + size_bytes > LISTED_MAX_BYTES) {
		json_decref(entry);
		return false;
	}
	*used_bytes += size_bytes;
	say(text, "%s%s (%s)", json_array_size(list) > 0 ? ", " : "", name ? name : "?",
		id ? id : "?");
	json_array_append_new(list, entry);
	return true;
}

static json_t *list_all(const char *const *body, size_t n, struct buf *text)
{
	json_t *list = json_array();
	size_t used_bytes = 0;

	for (size_t i = 0; i < n && i < LISTED_MAX; i++) {
		json_t *event = json_loads(body[i], 0, NULL);
		bool fits = list_add(list, text, json_object_get(event, "data"), &used_bytes);

		json_decref(event);
		if (!fits)
			break;
	}
	return list;
}

/* Where all of them are, from the URL of one: ".../alerts/K7F-2QX". A new reference. */
static json_t *list_url(const char *url)
{
	const char *slash = url ? strrchr(url, '/') : NULL;

	return slash ? json_stringn(url, (size_t)(slash - url)) : json_null();
}

static void text_begin(struct buf *text, size_t n, const char *organization, bool closed)
{
	say(text, "%zu monitors of %s are %s: ", n, organization, closed ? "up again" : "down");
}

static void text_end(struct buf *text, size_t more, int64_t held_ms, const char *url)
{
	if (more > 0)
		say(text, " and %zu more", more);
	say(text, ". So many changed at once that each was looked at once more before "
		  "it was told");
	if (held_ms > 0)
		say(text, ", for up to %lld s", (long long)(held_ms + 999) / 1000);
	say(text, ".%s%s", url ? " " : "", url ? url : "");
}

char *bundle_compose(const char *const *body, size_t n, int64_t held_ms)
{
	json_t *first = json_loads(body[0], 0, NULL), *last = json_loads(body[n - 1], 0, NULL);
	const json_t *alert = json_object_get(first, "data");
	const char *type = text_at(first, NULL, "type"),
		   *organization = text_at(alert, NULL, "organization");
	bool closed = type && strcmp(type, "alert.closed") == 0;
	json_t *url = list_url(text_at(alert, NULL, "url")), *list, *data;
	struct buf text;
	char *out, plural[40];

	buf_init(&text, TEXT_MAX_BYTES);
	text_begin(&text, n, organization ? organization : "?", closed);
	list = list_all(body, n, &text);
	text_end(&text, n - json_array_size(list), closed ? 0 : held_ms, json_string_value(url));
	snprintf(plural, sizeof(plural), "alerts%s", type ? type + strcspn(type, ".") : "");
	data = json_pack("{s:s, s:I, s:I, s:O?, s:s, s:o, s:I, s:o}", "organization",
		organization ? organization : "?", "count", (json_int_t)n, "held_ms",
		(json_int_t)(closed ? 0 : held_ms), "mass_flip",
		json_object_get(first, "mass_flip"), "text", buf_text(&text), "alerts", list,
		"more", (json_int_t)(n - json_array_size(list)), "url", url);
	json_t *message = json_pack("{s:s, s:O?, s:o}", "type", plural, "timestamp",
		json_object_get(last, "timestamp"), "data", data);
	out = json_dumps(message, JSON_COMPACT);
	ensure(out);
	json_decref(message);
	json_decref(first);
	json_decref(last);
	buf_clear(&text);
	return out;
}
