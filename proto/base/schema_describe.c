// SPDX-License-Identifier: MIT
/* A table of fields as JSON Schema (2020-12), for openapi.json and the documentation. */
#include "proto/base/mem.h"
#include "proto/base/schema.h"
#include "proto/base/schema_internal.h"

#include <stdio.h>
#include <string.h>

static json_t *describe_object(const struct schema *schema, const struct field *selector);

static void set(json_t *object, const char *name, json_t *value)
{
	ensure(value != NULL && json_object_set_new(object, name, value) == 0);
}

static void set_bounds(json_t *out, const char *low, const char *high, const struct field *f)
{
	if (f->min > 0 || (f->type != FIELD_STRING && field_bounded(f)))
		set(out, low, json_integer(f->min));
	if (f->type == FIELD_STRING || field_bounded(f))
		set(out, high,
			json_integer(f->type == FIELD_STRING ? (json_int_t)field_max(f) : f->max));
}

static json_t *describe_custom(const struct field *f)
{
	json_t *out = f->custom->json_schema == NULL ? json_object()
						     : json_loads(f->custom->json_schema, 0, NULL);

	ensure(out != NULL); /* the table is wrong */
	return out;
}

static json_t *describe_credential(size_t max_bytes)
{
	return json_pack("{s[{sssI}o]}", "oneOf", "type", "string", "maxLength",
		(json_int_t)max_bytes, describe_object(&credential_schema, NULL));
}

static json_t *describe_type(const struct field *f, const struct field *selector)
{
	json_t *names;

	switch (f->type) {
	case FIELD_BOOL:
		return json_pack("{ss}", "type", "boolean");
	case FIELD_INT:
		return json_pack("{ss}", "type", "integer");
	case FIELD_NUMBER:
		return json_pack("{ss}", "type", "number");
	case FIELD_DURATION:
		return json_pack("{ssss}", "type", "string", "pattern", "^[0-9]+(ms|s|m|h|d)$");
	case FIELD_PERCENT:
		return json_pack("{s[ss]ss}", "type", "string", "number", "pattern",
			"^[0-9]+(\\.[0-9]+)?%$");
	case FIELD_STRING:
		return json_pack("{ss}", "type", "string");
	case FIELD_ENUM:
		names = json_array();
		for (size_t i = 0; f->names[i] != NULL; i++)
			json_array_append_new(names, json_string(f->names[i]));
		return json_pack("{ssso}", "type", "string", "enum", names);
	case FIELD_ID:
		return json_pack("{ssss}", "type", "string", "format", "uuid");
	case FIELD_TIME:
		return json_pack("{ssss}", "type", "string", "format", "date-time");
	case FIELD_STRINGS:
		return json_pack("{sss{ss}si}", "type", "array", "items", "type", "string",
			"maxItems", (int)field_max(f));
	case FIELD_PAIRS:
		return json_pack("{sss{ss}si}", "type", "object", "additionalProperties", "type",
			"string", "maxProperties", (int)field_max(f));
	case FIELD_CREDENTIAL:
		return describe_credential(field_max(f));
	case FIELD_CREDENTIALS:
		return json_pack("{sssosi}", "type", "object", "additionalProperties",
			describe_credential(STRING_MAX_BYTES), "maxProperties", (int)field_max(f));
	case FIELD_OBJECT:
		return describe_object(f->sub, selector);
	case FIELD_LIST:
		return json_pack("{sssosi}", "type", "array", "items",
			describe_object(f->sub, selector), "maxItems", (int)field_max(f));
	case FIELD_CUSTOM:
		return describe_custom(f);
	}
	return NULL;
}

static json_t *describe_field(const struct field *f, const struct field *selector)
{
	json_t *out = describe_type(f, selector), *fallback = field_fallback(f);
	char text[512];
	size_t n;

	ensure(out != NULL);
	if (f->type == FIELD_INT || f->type == FIELD_NUMBER)
		set_bounds(out, "minimum", "maximum", f);
	if (f->type == FIELD_STRING)
		set_bounds(out, "minLength", "maxLength", f);
	n = (size_t)snprintf(text, sizeof(text), "%s", f->doc == NULL ? "" : f->doc);
	if (f->type == FIELD_DURATION && n < sizeof(text)) {
		char accepts[ACCEPTS_SIZE];

		field_accepts(f, accepts);
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, "%s(%s)", n == 0 ? "" : " ", accepts);
	}
	if (f->variants != 0 && selector != NULL && n < sizeof(text)) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%sOnly of:", n == 0 ? "" : " ");
		for (int v = 0; selector->names[v] != NULL && n < sizeof(text); v++)
			if ((f->variants >> v & 1) != 0)
				n += (size_t)snprintf(
					text + n, sizeof(text) - n, " %s", selector->names[v]);
	}
	if (text[0] != '\0')
		set(out, "description", json_string(text));
	if (fallback != NULL)
		set(out, "default", fallback);
	if ((f->flags & FIELD_READONLY) != 0)
		set(out, "readOnly", json_true());
	if (field_is_secret(f))
		set(out, "x-secret", json_true());
	return out;
}

static json_t *describe_object(const struct schema *schema, const struct field *selector)
{
	json_t *properties = json_object(), *required = json_array(), *out;

	if (schema->selector != NULL)
		selector = field_find(schema, schema->selector);
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];

		if ((f->flags & FIELD_WIRE) != 0)
			continue;
		set(properties, f->name, describe_field(f, selector));
		if ((f->flags & FIELD_REQUIRED) != 0)
			json_array_append_new(required, json_string(f->name));
	}
	out = json_pack(
		"{sssosb}", "type", "object", "properties", properties, "additionalProperties", 0);
	ensure(out != NULL);
	if (json_array_size(required) > 0)
		set(out, "required", json_incref(required));
	json_decref(required);
	return out;
}

json_t *schema_describe(const struct schema *schema)
{
	return describe_object(schema, NULL);
}
