// SPDX-License-Identifier: MIT
/* Struct -> JSON by a table of fields. What is unset, or at its default (without SCHEMA_FULL), is
 * left out. */
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/schema.h"
#include "proto/base/schema_internal.h"
#include "proto/base/utf8.h"
#include "quorate/duration.h"
#include "quorate/id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *encode_object(
	const struct schema *schema, unsigned flags, struct scope scope, const void *in);

/* Never loses a text: what is not UTF-8 in it becomes '?'. */
static json_t *encode_text(const char *text, bool hide)
{
	json_t *out = json_string(hide ? "[redacted]" : text);

	if (out == NULL) {
		char *clean = utf8_clean(text, strlen(text), strlen(text));

		out = json_string(clean);
		free(clean);
	}
	ensure(out != NULL);
	return out;
}

static json_t *encode_duration(int64_t ms)
{
	char text[DURATION_TEXT_SIZE];

	return json_string(duration_format(ms, text));
}

static json_t *encode_time(int64_t wall_ms)
{
	char text[TIME_TEXT_SIZE];

	return json_string(time_format(wall_ms, text));
}

static json_t *encode_id(const struct id *id)
{
	char text[ID_TEXT_SIZE];

	return json_string(id_format(id, text));
}

/* The shortest text that reads back as the same number. */
static json_t *encode_percent(double value)
{
	char text[40];

	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	if (strpbrk(text, "e-") != NULL) /* 1e-05 is no percentage as people write it */
		return json_real(value);
	strcat(text, "%");
	return json_string(text);
}

static json_t *encode_enum(const struct field *f, int value)
{
	for (int v = 0; f->names[v] != NULL; v++)
		if (v == value)
			return json_string(f->names[v]);
	ensure(value < 0);
	return NULL;
}

static json_t *encode_strings(const struct strings *in, bool hide)
{
	json_t *out = json_array();

	for (size_t i = 0; i < in->n; i++)
		json_array_append_new(out, encode_text(in->item[i], hide));
	return out;
}

static json_t *encode_pairs(const struct pairs *in, bool hide)
{
	json_t *out = json_object();

	for (size_t i = 0; i < in->n; i++)
		json_object_set_new(out, in->item[i].name, encode_text(in->item[i].value, hide));
	return out;
}

/* NULL: unset. */
static json_t *encode_credential(unsigned flags, const struct credential *c)
{
	const struct scope all = {.mask = UINT32_MAX};

	if (c->secret != NULL)
		return encode_object(&credential_schema, flags, all, c);
	return c->value == NULL ? NULL : encode_text(c->value, (flags & SCHEMA_REDACT) != 0);
}

static json_t *encode_credentials(unsigned flags, const struct pairs *in)
{
	json_t *out = json_object();

	for (size_t i = 0; i < in->n; i++) {
		const struct credential c = {
			.value = in->item[i].value, .secret = in->item[i].secret};

		json_object_set_new(out, in->item[i].name, encode_credential(flags, &c));
	}
	return out;
}

static json_t *encode_list(
	const struct field *f, unsigned flags, const struct scope *scope, const struct list *in)
{
	json_t *out = json_array();

	for (size_t i = 0; i < in->n; i++)
		json_array_append_new(
			out, encode_object(f->sub, flags, *scope,
				     (const char *)in->item + i * f->sub->size_bytes));
	return out;
}

/* NULL: unset. */
static json_t *encode_value(
	const struct field *f, unsigned flags, const struct scope *scope, const void *in)
{
	bool hide = field_is_secret(f) && (flags & SCHEMA_REDACT) != 0;
	bool always = (f->flags & FIELD_REQUIRED) != 0; /* -1 is a value of some */

	switch (f->type) {
	case FIELD_BOOL:
		return json_boolean(*(const bool *)in);
	case FIELD_INT:
		return *(const int64_t *)in == -1 && !always ? NULL
							     : json_integer(*(const int64_t *)in);
	case FIELD_NUMBER:
		return *(const double *)in == -1 && !always ? NULL : json_real(*(const double *)in);
	case FIELD_DURATION:
		return *(const int64_t *)in < 0 ? NULL : encode_duration(*(const int64_t *)in);
	case FIELD_PERCENT:
		return *(const double *)in < 0 ? NULL : encode_percent(*(const double *)in);
	case FIELD_TIME:
		return *(const int64_t *)in == -1 ? NULL : encode_time(*(const int64_t *)in);
	case FIELD_STRING:
		return *(char *const *)in == NULL ? NULL : encode_text(*(char *const *)in, hide);
	case FIELD_ENUM:
		return encode_enum(f, *(const int *)in);
	case FIELD_ID:
		return id_is_zero(in) ? NULL : encode_id(in);
	case FIELD_STRINGS:
		return encode_strings(in, hide);
	case FIELD_PAIRS:
		return encode_pairs(in, hide);
	case FIELD_CREDENTIAL:
		return encode_credential(flags, in);
	case FIELD_CREDENTIALS:
		return encode_credentials(flags, in);
	case FIELD_LIST:
		return encode_list(f, flags, scope, in);
	case FIELD_OBJECT:
		return encode_object(f->sub, flags, *scope, in);
	case FIELD_CUSTOM:
		return f->custom->encode(in);
	}
	return NULL;
}

static bool same_duration(const json_t *a, const json_t *b)
{
	int64_t x, y;

	return json_is_string(a) && json_is_string(b) &&
	       duration_parse(json_string_value(a), &x) == 0 &&
	       duration_parse(json_string_value(b), &y) == 0 && x == y;
}

static bool is_empty(const json_t *value)
{
	return (json_is_object(value) && json_object_size(value) == 0) ||
	       (json_is_array(value) && json_array_size(value) == 0) || json_is_false(value);
}

/* Whether a decoder would set the same value if the field were not there. */
static bool is_default(const struct field *f, const json_t *value)
{
	json_t *fallback;
	bool same;

	if ((f->flags & FIELD_REQUIRED) != 0)
		return false;
	if (f->fallback == NULL) /* a custom one is left out by giving NULL: false may mean much */
		return f->type != FIELD_CUSTOM && is_empty(value);
	fallback = field_fallback(f);
	same = json_equal(value, fallback) ||
	       (f->type == FIELD_DURATION && same_duration(value, fallback));
	json_decref(fallback);
	return same;
}

static void select_encoded(const struct schema *schema, const void *in, struct scope *scope)
{
	const struct field *f;
	int value;

	if (schema->selector == NULL)
		return;
	f = field_find(schema, schema->selector);
	ensure(f != NULL && f->type == FIELD_ENUM);
	value = *(const int *)field_in(f, in);
	*scope = (struct scope){.mask = value < 0 ? UINT32_MAX : UINT32_C(1) << value};
}

static json_t *encode_object(
	const struct schema *schema, unsigned flags, struct scope scope, const void *in)
{
	json_t *out = json_object();

	ensure(out != NULL);
	select_encoded(schema, in, &scope);
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		json_t *value;

		if (!field_exists(f, &scope) ||
			((f->flags & FIELD_WIRE) != 0 && (flags & SCHEMA_WIRE) == 0))
			continue;
		value = encode_value(f, flags, &scope, field_in(f, in));
		if (value != NULL && ((flags & SCHEMA_FULL) != 0 || !is_default(f, value)))
			ensure(json_object_set_new_nocheck(out, f->name, value) == 0);
		else
			json_decref(value);
	}
	return out;
}

json_t *schema_encode(const struct schema *schema, unsigned flags, const void *in)
{
	const struct scope all = {.mask = UINT32_MAX};

	return encode_object(schema, flags, all, in);
}
