// SPDX-License-Identifier: MIT
/*
 * The sentences about what is wrong with a value: what was found, where, and what is accepted. A
 * secret's value is never shown.
 */
#include "proto/base/mem.h"
#include "proto/base/schema_internal.h"
#include "proto/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 48 /* bytes of a value in a sentence */

void schema_join_path(char out[PATH_SIZE], const char *path, const char *name)
{
	snprintf(out, PATH_SIZE, "%s%s%s", path, *path == '\0' ? "" : ".", name);
	utf8_trim(out);
}

static const char *kind_of(const json_t *in)
{
	switch (json_typeof(in)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	default:
		return "null";
	}
}

/* TEXT as it may be shown: cut, without control characters. */
static void show_text(const char *text, const char *quote, char out[FOUND_SIZE])
{
	size_t cut = SHOWN_MAX;

	snprintf(out, FOUND_SIZE, "%s%.*s", quote, (int)cut, text);
	utf8_trim(out);
	for (char *c = out; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	snprintf(out + strlen(out), FOUND_SIZE - strlen(out), "%s%s", strlen(text) > cut ? "…" : "",
		quote);
}

static void show_json(const json_t *in, char out[FOUND_SIZE])
{
	char text[SHOWN_MAX + 1];
	size_t n = json_dumpb(in, text, SHOWN_MAX, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));

	if (n == 0 || n > SHOWN_MAX) {
		snprintf(out, FOUND_SIZE, "%s", kind_of(in));
		return;
	}
	text[n] = '\0';
	show_text(text, "", out);
}

const char *schema_show_bare(const json_t *in, char out[FOUND_SIZE])
{
	if (json_is_string(in))
		show_text(json_string_value(in), "", out);
	else
		show_json(in, out);
	return out;
}

const char *schema_show(const struct place *at, char out[FOUND_SIZE])
{
	if (field_is_secret(at->f))
		snprintf(out, FOUND_SIZE, "the value");
	else if (json_is_string(at->in))
		show_text(json_string_value(at->in), "'", out);
	else
		show_json(at->in, out);
	return out;
}

/* "'5' needs a unit, for example 5s; accepted: a duration from 1s to 1d" */
void schema_refuse(const struct decoder *d, const struct place *at, const char *why, ...)
{
	char found[FOUND_SIZE], accepts[ACCEPTS_SIZE], text[160];
	va_list args;

	va_start(args, why);
	vsnprintf(text, sizeof(text), why, args);
	va_end(args);
	field_accepts(at->f, accepts);
	problems_add(d->problems, at->path, "%s %s; accepted: %s", schema_show(at, found), text,
		accepts);
}

void schema_refuse_type(const struct decoder *d, const struct place *at)
{
	bool text = at->f->type == FIELD_STRING || at->f->type == FIELD_CREDENTIAL;
	bool quotable = text && json_is_number(at->in);
	char found[FOUND_SIZE], shown[FOUND_SIZE + 4] = "", accepts[ACCEPTS_SIZE];

	schema_show(at, found);
	if (strcmp(found, kind_of(at->in)) != 0)
		snprintf(shown, sizeof(shown), "%s is ", found);
	field_accepts(at->f, accepts);
	problems_add(d->problems, at->path, "%s%s%s; accepted: %s", shown, kind_of(at->in),
		quotable ? " (for a text, put it in quotes)" : "", accepts);
}

/* "not an option of type http, only of: tcp" */
void schema_refuse_variant(
	const struct decoder *d, const struct place *at, const struct scope *scope)
{
	const char *const *names = scope->selector->names;
	char only[96] = "";
	size_t n = 0;

	for (int v = 0; names[v] != NULL && n < sizeof(only); v++)
		if ((at->f->variants >> v & 1) != 0)
			n += (size_t)snprintf(
				only + n, sizeof(only) - n, "%s%s", n == 0 ? "" : ", ", names[v]);
	problems_add(d->problems, at->path, "not an option of %s %s, only of: %s",
		scope->selector->name, names[scope->value], only);
}

void schema_refuse_unknown(const struct decoder *d, const struct schema *schema,
	const struct scope *scope, const json_t *in, const char *path)
{
	const char **known = mem_array(schema->n_fields, sizeof(*known));
	size_t n = 0;
	char all[ACCEPTS_SIZE];
	const char *name;
	json_t *value;

	for (size_t i = 0; i < schema->n_fields; i++)
		if (field_exists(&schema->fields[i], scope) && field_is_read(d, &schema->fields[i]))
			known[n++] = schema->fields[i].name;
	join_names(known, n, all, sizeof(all));
	json_object_foreach ((json_t *)(uintptr_t)in, name, value) {
		const struct field *f = field_find(schema, name);
		char at[PATH_SIZE];
		const char *near;

		if (f != NULL && (field_is_read(d, f) || (f->flags & FIELD_WIRE) == 0))
			continue;
		near = nearest_name(name, known, n);
		schema_join_path(at, path, name);
		if (near != NULL)
			problems_add(d->problems, at, "unknown option; did you mean '%s'?", near);
		else
			problems_add(d->problems, at, "unknown option; accepted: %s", all);
	}
	free(known);
}
