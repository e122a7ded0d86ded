// SPDX-License-Identifier: MIT
/* The values of a table's fields that are one JSON value each: 0, or -1 after telling why. */
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/schema_internal.h"
#include "quorate/duration.h"
#include "quorate/id.h"

#include <stdio.h>
#include <string.h>

static int decode_bool(const struct decoder *d, const struct place *at, bool *out)
{
	if (!json_is_boolean(at->in)) {
		schema_refuse_type(d, at);
		return -1;
	}
	*out = json_is_true(at->in);
	return 0;
}

static int check_bounds(const struct decoder *d, const struct place *at, double value)
{
	bool time = at->f->type == FIELD_DURATION;

	if (!field_bounded(at->f) || (value >= (double)at->f->min && value <= (double)at->f->max))
		return 0;
	schema_refuse(d, at, "is too %s",
		value < (double)at->f->min ? (time ? "short" : "small")
					   : (time ? "long" : "large"));
	return -1;
}

static int decode_int(const struct decoder *d, const struct place *at, int64_t *out)
{
	if (!json_is_integer(at->in)) {
		schema_refuse_type(d, at);
		return -1;
	}
	*out = json_integer_value(at->in);
	if (field_bounded(at->f) &&
		(*out < at->f->min || *out > at->f->max)) { /* exact, unlike doubles */
		schema_refuse(d, at, "is too %s", *out < at->f->min ? "small" : "large");
		return -1;
	}
	return 0;
}

static int decode_number(const struct decoder *d, const struct place *at, double *out)
{
	if (!json_is_number(at->in)) {
		schema_refuse_type(d, at);
		return -1;
	}
	*out = json_number_value(at->in);
	return check_bounds(d, at, *out);
}

static int decode_duration(const struct decoder *d, const struct place *at, int64_t *out)
{
	const char *text = json_string_value(at->in);
	char found[FOUND_SIZE];

	if (json_is_integer(at->in) ||
		(text != NULL && *text != '\0' && text[strspn(text, "0123456789")] == '\0')) {
		schema_refuse(
			d, at, "needs a unit, for example %ss", schema_show_bare(at->in, found));
		return -1;
	}
	if (text == NULL) {
		schema_refuse_type(d, at);
		return -1;
	}
	if (duration_parse(text, out) == -1) {
		schema_refuse(
			d, at, "is no duration: one number and one of the units ms, s, m, h, d");
		return -1;
	}
	return check_bounds(d, at, (double)*out);
}

static int decode_percent(const struct decoder *d, const struct place *at, double *out)
{
	if (json_is_number(at->in))
		*out = json_number_value(at->in);
	else if (json_is_string(at->in))
		*out = percent_parse(json_string_value(at->in));
	else {
		schema_refuse_type(d, at);
		return -1;
	}
	if (*out < 0 || *out > 100) {
		schema_refuse(d, at, "is no percentage");
		*out = -1;
		return -1;
	}
	return 0;
}

int schema_decode_text(const struct decoder *d, const struct place *at, char **out)
{
	size_t n = json_string_length(at->in);

	if (!json_is_string(at->in)) {
		schema_refuse_type(d, at);
		return -1;
	}
	if (strlen(json_string_value(at->in)) != n) {
		schema_refuse(d, at, "contains a NUL character");
		return -1;
	}
	if (n > field_max(at->f) || (at->f->min > 0 && n < (size_t)at->f->min)) {
		if (n == 0)
			schema_refuse(d, at, "is empty");
		else
			schema_refuse(d, at, "is %zu bytes long", n);
		return -1;
	}
	*out = mem_strndup(json_string_value(at->in), n);
	return 0;
}

static int decode_enum(const struct decoder *d, const struct place *at, int *out)
{
	const char *text = json_string_value(at->in), *near;
	char number[32];
	size_t n = 0;

	if (json_is_number(at->in)) { /* YAML takes 1.1 for one */
		snprintf(number, sizeof(number), "%g", json_number_value(at->in));
		text = number;
	}

	if (text == NULL) {
		schema_refuse_type(d, at);
		return -1;
	}
	for (; at->f->names[n] != NULL; n++)
		if (strcmp(at->f->names[n], text) == 0) {
			*out = (int)n;
			return 0;
		}
	near = nearest_name(text, at->f->names, n);
	if (near != NULL)
		schema_refuse(d, at, "is unknown, did you mean '%s'?", near);
	else
		schema_refuse(d, at, "is unknown");
	return -1;
}

static int decode_id(const struct decoder *d, const struct place *at, struct id *out)
{
	if (!json_is_string(at->in)) {
		schema_refuse_type(d, at);
		return -1;
	}
	if (id_parse(json_string_value(at->in), out) == -1) {
		memset(out, 0, sizeof(*out));
		schema_refuse(d, at, "is no id");
		return -1;
	}
	return 0;
}

static int decode_time(const struct decoder *d, const struct place *at, int64_t *out)
{
	if (!json_is_string(at->in)) {
		schema_refuse_type(d, at);
		return -1;
	}
	if (time_parse(json_string_value(at->in), out) == -1) {
		*out = -1;
		schema_refuse(d, at, "is no time");
		return -1;
	}
	return 0;
}

int schema_decode_scalar(const struct decoder *d, const struct place *at, void *out)
{
	switch (at->f->type) {
	case FIELD_BOOL:
		return decode_bool(d, at, out);
	case FIELD_INT:
		return decode_int(d, at, out);
	case FIELD_NUMBER:
		return decode_number(d, at, out);
	case FIELD_DURATION:
		return decode_duration(d, at, out);
	case FIELD_PERCENT:
		return decode_percent(d, at, out);
	case FIELD_ENUM:
		return decode_enum(d, at, out);
	case FIELD_ID:
		return decode_id(d, at, out);
	case FIELD_TIME:
		return decode_time(d, at, out);
	default:
		return schema_decode_text(d, at, out);
	}
}
