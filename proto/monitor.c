// SPDX-License-Identifier: MIT
/*
 * Monitors as JSON. People's forms are made regular first (short form -> type and target, defaults
 * that depend on other fields), then the table decodes. Invariant: decode(encode(m)) equals m, with
 * and without SCHEMA_WIRE.
 */
#include "proto/base/mem.h"
#include "proto/monitor_internal.h"
#include "quorate/duration.h"

#include <stdio.h>
#include <string.h>

static void join_path(char out[160], const char *path, const char *name)
{
	snprintf(out, 160, "%s%s%s", path, *path == '\0' ? "" : ".", name);
}

static bool is_given(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return value != NULL && !json_is_null(value);
}

/* The object NAME inside of MONITOR, as a copy that may be changed; NULL: there is something else.
 */
static json_t *own_object(json_t *monitor, const char *name)
{
	json_t *inner = json_object_get(monitor, name), *copy;

	if (inner != NULL && !json_is_null(inner) && !json_is_object(inner))
		return NULL;
	copy = json_is_object(inner) ? json_copy(inner) : json_object();
	ensure(json_object_set_new(monitor, name, copy) == 0);
	return copy;
}

/* "http: URL" -> "type: http", "target: URL". Returns the name of the short form, NULL: there was
 * none. */
static const char *expand_short_form(json_t *monitor, const char *path, struct problems *problems)
{
	const char *form = NULL;
	char at[160];

	for (int kind = 0; kind < CHECK_KIND_COUNT; kind++) {
		const char *name = check_kind_names[kind];
		json_t *target = json_object_get(monitor, name);

		if (target == NULL)
			continue;
		join_path(at, path, name);
		if (form != NULL)
			problems_add(problems, at,
				"'%s' is given too; accepted: one of ping, tcp, http, redirect, "
				"tls or dns",
				form);
		else if (is_given(monitor, "type") || is_given(monitor, "target"))
			problems_add(problems, at,
				"is the short form of 'type' and 'target', which are given too; "
				"accepted: one of both forms");
		else
			form = name;
		if (!is_given(monitor, "type")) /* even then: one sentence about it is enough */
			json_object_set_new(monitor, "type", json_string(name));
		if (!is_given(monitor, "target"))
			json_object_set(monitor, "target", target);
		json_object_del(monitor, name);
	}
	return form;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text == NULL ? "" : text;
}

/* The type that is given, or -1. */
static int kind_of(const json_t *monitor)
{
	for (int kind = 0; kind < CHECK_KIND_COUNT; kind++)
		if (strcmp(text_of(monitor, "type"), check_kind_names[kind]) == 0)
			return kind;
	return -1;
}

static int method_of(const json_t *monitor)
{
	const char *method = text_of(json_object_get(monitor, "request"), "method");

	for (int i = 0; http_method_names[i] != NULL; i++)
		if (strcmp(method, http_method_names[i]) == 0)
			return i;
	return -1;
}

static bool dialogue_starts_tls(const json_t *dialogue)
{
	for (size_t i = 0; i < json_array_size(dialogue); i++)
		if (json_is_true(json_object_get(json_array_get(dialogue, i), "starttls")))
			return true;
	return false;
}

/* Of a monitor as people wrote it; monitor_uses_tls() says the same of a decoded one. */
static bool watches_certificates(const json_t *monitor)
{
	const json_t *request = json_object_get(monitor, "request");

	switch (kind_of(monitor)) {
	case CHECK_HTTP:
	case CHECK_REDIRECT:
		return strncasecmp(text_of(monitor, "target"), "https://", 8) == 0;
	case CHECK_TLS:
		return true;
	case CHECK_TCP:
		return json_is_true(json_object_get(request, "tls")) ||
		       is_given(request, "starttls") ||
		       dialogue_starts_tls(json_object_get(request, "dialogue"));
	default:
		return false;
	}
}

static json_t *default_certificate_days(void)
{
	return json_pack(
		"{sisi}", "warning", CERTIFICATE_WARNING, "critical", CERTIFICATE_CRITICAL);
}

/* Adds the defaults that depend on other fields. What is wrong in these is told by the decoder. */
static void fill_in(json_t *monitor)
{
	int kind = kind_of(monitor);
	int64_t interval_ms;
	json_t *inner;

	if (!is_given(monitor, "timeout") &&
		duration_parse(text_of(monitor, "interval"), &interval_ms) == 0 &&
		interval_ms >= INTERVAL_MIN_MS && interval_ms < TIMEOUT_DEFAULT_MS)
		json_object_set(monitor, "timeout", json_object_get(monitor, "interval"));
	if (method_changes(kind, method_of(monitor)) &&
		(inner = own_object(monitor, "quorum")) != NULL && !is_given(inner, "rounds"))
		json_object_set_new(inner, "rounds", json_integer(0));
	if (watches_certificates(monitor) && (inner = own_object(monitor, "expect")) != NULL &&
		!is_given(inner, "certificate_days"))
		json_object_set_new(inner, "certificate_days", default_certificate_days());
}

/* Problems of the target belong to the key that people wrote it under. */
static void rename_target(
	struct problems *problems, size_t from, const char *path, const char *form)
{
	char target[160];

	join_path(target, path, "target");
	for (size_t i = from; i < problems->n; i++)
		if (strcmp(problems->item[i].path, target) == 0)
			join_path(problems->item[i].path, path, form);
}

static void check_size(const struct monitor *m, const char *path, struct problems *problems)
{
	json_t *wire = schema_encode(&monitor_schema, SCHEMA_WIRE, m);
	size_t n = json_dumpb(wire, NULL, 0, JSON_COMPACT);

	json_decref(wire);
	if (n > MONITOR_MAX_BYTES)
		problems_add(problems, path, "is %zu bytes long in all; accepted: at most %d", n,
			MONITOR_MAX_BYTES);
}

int monitor_decode(const json_t *in, unsigned flags, const char *path, struct monitor *out,
	struct problems *problems)
{
	bool people = (flags & SCHEMA_WIRE) == 0 && json_is_object(in);
	json_t *regular = people ? json_copy((json_t *)(uintptr_t)in) : NULL;
	size_t before = problems->n, total = problems->total;
	const char *form = NULL;

	if (people) {
		form = expand_short_form(regular, path, problems);
		fill_in(regular);
		in = regular;
	}
	if (schema_decode_at(&monitor_schema, flags, in, out, path, problems) == 0)
		check_size(out, path, problems);
	if (form != NULL)
		rename_target(problems, before, path, form);
	json_decref(regular);
	return problems->total == total ? 0 : -1;
}

/* The inverse of fill_in(): what people's form must say so that it is read back as it is. */
static void say_what_differs(json_t *monitor, const struct monitor *m, unsigned flags)
{
	json_t *inner, *given;

	if (method_changes(m->type, m->request.method) &&
		(inner = own_object(monitor, "quorum")) != NULL)
		json_object_set_new(inner, "rounds", json_integer(m->quorum.rounds));
	if (!monitor_uses_tls(m))
		return;
	inner = own_object(monitor, "expect");
	ensure(inner != NULL);
	given = json_object_get(inner, "certificate_days");
	if (given == NULL) {
		json_object_set_new(inner, "certificate_days", json_object());
	} else if ((flags & SCHEMA_FULL) == 0 &&
		   m->expect.certificate_days.warning_days == CERTIFICATE_WARNING &&
		   m->expect.certificate_days.critical_days == CERTIFICATE_CRITICAL) {
		json_object_del(inner, "certificate_days");
		if (json_object_size(inner) == 0)
			json_object_del(monitor, "expect");
	}
}

json_t *monitor_encode(const struct monitor *m, unsigned flags)
{
	json_t *out = schema_encode(&monitor_schema, flags, m);

	if ((flags & SCHEMA_WIRE) == 0)
		say_what_differs(out, m, flags);
	return out;
}

void monitor_clear(struct monitor *m)
{
	schema_clear(&monitor_schema, m);
}

static json_t *check_part(const struct monitor *m)
{
	static const char *const others[] = {"id", "revision", "external_id", "name", "service",
		"memo", "labels", "parents", "alert"};
	json_t *part = schema_encode(&monitor_schema, SCHEMA_WIRE | SCHEMA_FULL, m);

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		json_object_del(part, others[i]);
	return part;
}

bool monitor_same_check(const struct monitor *a, const struct monitor *b)
{
	json_t *x = check_part(a), *y = check_part(b);
	bool same = json_equal(x, y);

	json_decref(x);
	json_decref(y);
	return same;
}
