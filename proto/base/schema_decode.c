// SPDX-License-Identifier: MIT
/*
 * JSON -> struct by a table of fields. It goes on after a problem, so that people see all of them at
 * once; the sentences are schema_refuse.c's. JSON null is the same as an absent field.
 */
#include "proto/base/mem.h"
#include "proto/base/schema.h"
#include "proto/base/schema_internal.h"
#include "proto/base/utf8.h"
#include "quorate/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void decode_object(const struct decoder *d, const struct schema *schema, struct scope scope,
	const json_t *in, void *out, const char *path);

static void index_path(char out[PATH_SIZE], const char *path, size_t i)
{
	snprintf(out, PATH_SIZE, "%s[%zu]", path, i);
}

/* ---- texts and what is made of them; each returns 0, or -1 after telling why */

/* A text inside of a list or object, at PATH. */
static char *decode_item(
	const struct decoder *d, const struct place *at, const json_t *in, const char *path)
{
	const struct field item = {
		.name = at->f->name, .type = FIELD_STRING, .flags = at->f->flags};
	const struct place inner = {.f = &item, .in = in, .path = path};
	char *text = NULL;

	return schema_decode_text(d, &inner, &text) == -1 ? NULL : text;
}

static int check_count(const struct decoder *d, const struct place *at, size_t n)
{
	if (n <= field_max(at->f))
		return 0;
	schema_refuse(d, at, "has %zu items", n);
	return -1;
}

static int decode_strings(const struct decoder *d, const struct place *at, struct strings *out)
{
	size_t n = json_is_string(at->in) ? 1 : json_array_size(at->in);
	int error = 0;

	if (!json_is_string(at->in) && !json_is_array(at->in)) {
		schema_refuse_type(d, at);
		return -1;
	}
	if (check_count(d, at, n) == -1)
		return -1;
	out->item = n == 0 ? NULL : mem_array(n, sizeof(*out->item));
	for (size_t i = 0; i < n; i++) {
		char path[PATH_SIZE];
		char *text;

		index_path(path, at->path, i);
		text = json_is_string(at->in) ? decode_item(d, at, at->in, at->path)
					      : decode_item(d, at, json_array_get(at->in, i), path);
		if (text == NULL)
			error = -1;
		else
			out->item[out->n++] = text;
	}
	return error;
}

static bool pair_name_ok(const char *name)
{
	return *name != '\0' && strlen(name) <= NAME_MAX_BYTES && !utf8_has_control(name);
}

static int decode_credential(
	const struct decoder *d, const struct place *at, struct credential *out)
{
	const struct scope all = {.mask = UINT32_MAX};
	size_t before = d->problems->total;

	if (json_is_string(at->in))
		return schema_decode_text(d, at, &out->value);
	if (!json_is_object(at->in)) {
		schema_refuse_type(d, at);
		return -1;
	}
	decode_object(d, &credential_schema, all, at->in, out, at->path);
	if (out->value != NULL && strlen(out->value) > field_max(at->f))
		schema_refuse(d, at, "is %zu bytes long", strlen(out->value));
	return d->problems->total == before ? 0 : -1;
}

/* A text, or a credential, inside of a list or object, at PATH. */
static int decode_member(const struct decoder *d, const struct place *at, const json_t *in,
	const char *path, struct credential *out)
{
	const struct field item = {.name = at->f->name, .type = FIELD_CREDENTIAL};
	const struct place inner = {.f = &item, .in = in, .path = path};

	if (at->f->type == FIELD_CREDENTIALS)
		return decode_credential(d, &inner, out);
	out->value = decode_item(d, at, in, path);
	return out->value == NULL ? -1 : 0;
}

static int decode_pairs(const struct decoder *d, const struct place *at, struct pairs *out)
{
	size_t n = json_object_size(at->in);
	int error = 0;
	const char *name;
	json_t *value;

	if (!json_is_object(at->in)) {
		schema_refuse_type(d, at);
		return -1;
	}
	if (check_count(d, at, n) == -1)
		return -1;
	out->item = n == 0 ? NULL : mem_array(n, sizeof(*out->item));
	json_object_foreach ((json_t *)(uintptr_t)at->in, name, value) {
		char path[PATH_SIZE];
		struct credential c = {NULL, NULL};

		schema_join_path(path, at->path, name);
		if (!pair_name_ok(name)) {
			problems_add(d->problems, at->path,
				"a name in it is empty, has a control character or is longer than "
				"%d bytes",
				NAME_MAX_BYTES);
			error = -1;
			continue;
		}
		if (decode_member(d, at, value, path, &c) == -1)
			error = -1;
		out->item[out->n++] = (struct pair){
			.name = mem_strdup(name), .value = c.value, .secret = c.secret};
	}
	return error;
}

static int decode_list(const struct decoder *d, const struct place *at, const struct scope *scope,
	struct list *out)
{
	const struct schema *sub = at->f->sub;
	size_t n = json_array_size(at->in), before = d->problems->total;

	if (!json_is_array(at->in)) {
		schema_refuse_type(d, at);
		return -1;
	}
	if (check_count(d, at, n) == -1)
		return -1;
	out->item = n == 0 ? NULL : mem_array(n, sub->size_bytes);
	out->n = n;
	for (size_t i = 0; i < n; i++) {
		char path[PATH_SIZE];

		index_path(path, at->path, i);
		decode_object(d, sub, *scope, json_array_get(at->in, i),
			(char *)out->item + i * sub->size_bytes, path);
	}
	return d->problems->total == before ? 0 : -1;
}

static int decode_custom(const struct decoder *d, const struct place *at, void *out)
{
	const char *why = NULL;
	char found[FOUND_SIZE];

	if (at->f->custom->decode(at->in, out, &why) == 0)
		return 0;
	problems_add(d->problems, at->path, "%s cannot be used; accepted: %s",
		schema_show(at, found),
		why              ? why
		: at->f->accepts ? at->f->accepts
				 : "another form");
	return -1;
}

static int decode_value(
	const struct decoder *d, const struct place *at, const struct scope *scope, void *out)
{
	size_t before = d->problems->total;

	switch (at->f->type) {
	case FIELD_STRINGS:
		return decode_strings(d, at, out);
	case FIELD_PAIRS:
	case FIELD_CREDENTIALS:
		return decode_pairs(d, at, out);
	case FIELD_CREDENTIAL:
		return decode_credential(d, at, out);
	case FIELD_LIST:
		return decode_list(d, at, scope, out);
	case FIELD_CUSTOM:
		return decode_custom(d, at, out);
	case FIELD_OBJECT:
		decode_object(d, at->f->sub, *scope, at->in, out, at->path);
		return d->problems->total == before ? 0 : -1;
	default:
		return schema_decode_scalar(d, at, out);
	}
}

/* ---- objects */

/* Fallbacks, of sub-objects too. F is unset already. */
static void set_fallback(const struct field *f, const struct scope *scope, void *out)
{
	struct problems problems = {.n = 0};
	const struct decoder d = {.flags = SCHEMA_WIRE, .problems = &problems};
	json_t *value;

	if (f->type == FIELD_OBJECT) {
		for (size_t i = 0; i < f->sub->n_fields; i++)
			if (field_exists(&f->sub->fields[i], scope))
				set_fallback(&f->sub->fields[i], scope,
					field_at(&f->sub->fields[i], out));
		return;
	}
	value = field_fallback(f);
	if (value != NULL) {
		const struct place at = {.f = f, .in = value, .path = f->name};

		ensure(decode_value(&d, &at, scope, out) == 0);
		json_decref(value);
	}
}

static void decode_field(
	const struct decoder *d, const struct place *at, const struct scope *scope, void *out)
{
	char accepts[ACCEPTS_SIZE], found[FOUND_SIZE];
	const char *why = NULL;

	if (!field_exists(at->f, scope)) {
		if (at->in != NULL && field_is_read(d, at->f) && !unknown_is_skipped(d))
			schema_refuse_variant(d, at, scope);
		return;
	}
	if (at->in == NULL || json_is_null(at->in) || !field_is_read(d, at->f)) {
		if ((at->f->flags & FIELD_REQUIRED) != 0 && field_is_read(d, at->f)) {
			field_accepts(at->f, accepts);
			problems_add(d->problems, at->path, "is required; accepted: %s", accepts);
		}
		set_fallback(at->f, scope, out);
		return;
	}
	if (decode_value(d, at, scope, out) == 0 && at->f->check != NULL &&
		at->f->check(out, &why) == -1)
		problems_add(d->problems, at->path, "%s cannot be used; accepted: %s",
			schema_show(at, found),
			why              ? why
			: at->f->accepts ? at->f->accepts
					 : "another value");
}

/* Narrows SCOPE to the variant that IN selects; an unknown one leaves all (it is told where it is
 * decoded). */
static void select_variant(const struct schema *schema, const json_t *in, struct scope *scope)
{
	const struct field *f;
	json_t *chosen, *fallback = NULL;
	const char *text;

	if (schema->selector == NULL)
		return;
	f = field_find(schema, schema->selector);
	ensure(f != NULL && f->type == FIELD_ENUM);
	*scope = (struct scope){.mask = UINT32_MAX};
	chosen = json_object_get(in, f->name);
	if (chosen == NULL || json_is_null(chosen))
		chosen = fallback = field_fallback(f);
	text = json_string_value(chosen);
	for (int v = 0; text != NULL && f->names[v] != NULL; v++)
		if (strcmp(f->names[v], text) == 0)
			*scope =
				(struct scope){.mask = UINT32_C(1) << v, .selector = f, .value = v};
	json_decref(fallback);
}

static void decode_object(const struct decoder *outer, const struct schema *schema,
	struct scope scope, const json_t *in, void *out, const char *path)
{
	const struct field self = {.name = schema->name, .type = FIELD_OBJECT, .sub = schema};
	const struct place whole = {.f = &self, .in = in, .path = path};
	struct decoder own = *outer;
	const struct decoder *d = &own;
	size_t before = d->problems->total;

	if (schema->whole && (own.flags & SCHEMA_WHOLE) != 0)
		own.flags |= SCHEMA_EXACT;
	memset(out, 0, schema->size_bytes);
	field_unset(&self, out);
	if (!json_is_object(in)) {
		schema_refuse_type(d, &whole);
		return;
	}
	select_variant(schema, in, &scope);
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		char inner[PATH_SIZE];
		const struct place at = {.f = f, .in = json_object_get(in, f->name), .path = inner};

		schema_join_path(inner, path, f->name);
		decode_field(d, &at, &scope, field_at(f, out));
	}
	if (!unknown_is_skipped(d))
		schema_refuse_unknown(d, schema, &scope, in, path);
	if (schema->check != NULL &&
		d->problems->total == before) /* no second sentence about the same mistake */
		schema->check(out, path, d->problems);
}

int schema_decode(const struct schema *schema, unsigned flags, const json_t *in, void *out,
	struct problems *problems)
{
	return schema_decode_at(schema, flags, in, out, "", problems);
}

int schema_decode_at(const struct schema *schema, unsigned flags, const json_t *in, void *out,
	const char *path, struct problems *problems)
{
	const struct decoder d = {.flags = flags, .problems = problems};
	const struct scope all = {.mask = UINT32_MAX};
	size_t before = problems->total;

	decode_object(&d, schema, all, in, out, path);
	return problems->total == before ? 0 : -1;
}

void schema_defaults(const struct schema *schema, void *object)
{
	const struct field self = {.name = schema->name, .type = FIELD_OBJECT, .sub = schema};
	const struct scope all = {.mask = UINT32_MAX};

	memset(object, 0, schema->size_bytes);
	field_unset(&self, object);
	set_fallback(&self, &all, object);
}
