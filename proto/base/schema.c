// SPDX-License-Identifier: MIT
/* What a table of fields says of itself: names, bounds as text, unset values, release; and
 * collected problems. */
#include "proto/base/schema.h"
#include "proto/base/mem.h"
#include "proto/base/schema_internal.h"
#include "proto/base/utf8.h"
#include "quorate/duration.h"
#include "quorate/id.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <string.h>

#define NEAREST_MAX_BYTES 64

void problems_add(struct problems *p, const char *path, const char *format, ...)
{
	struct problem *kept = &p->item[p->n];
	va_list args;

	p->total++;
	if (p->n == PROBLEMS_MAX)
		return;
	p->n++;
	snprintf(kept->path, sizeof(kept->path), "%s", path);
	utf8_trim(kept->path);
	va_start(args, format);
	vsnprintf(kept->message, sizeof(kept->message), format, args);
	va_end(args);
	utf8_trim(kept->message);
}

void problems_add_at(
	struct problems *p, const char *path, const char *name, const char *format, ...)
{
	char at[sizeof(p->item[0].path)], text[sizeof(p->item[0].message)];
	bool dot = *path != '\0' && *name != '\0';
	va_list args;

	if (snprintf(at, sizeof(at), "%s%s%s", path, dot ? "." : "", name) >= (int)sizeof(at))
		utf8_trim(at);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	problems_add(p, at, "%s", text);
}

bool field_exists(const struct field *f, const struct scope *scope)
{
	return f->variants == 0 || (f->variants & scope->mask) != 0;
}

const struct field *field_find(const struct schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->n_fields; i++)
		if (strcmp(schema->fields[i].name, name) == 0)
			return &schema->fields[i];
	return NULL;
}

size_t field_max(const struct field *f)
{
	if (f->max > 0)
		return (size_t)f->max;
	return f->type == FIELD_STRING || f->type == FIELD_CREDENTIAL ? STRING_MAX_BYTES
								      : ITEMS_MAX;
}

bool field_is_secret(const struct field *f)
{
	return (f->flags & FIELD_SECRET) != 0 || f->type == FIELD_CREDENTIAL ||
	       f->type == FIELD_CREDENTIALS;
}

bool field_bounded(const struct field *f)
{
	return f->min != 0 || f->max != 0;
}

double percent_parse(const char *text)
{
	size_t n = strspn(text, "0123456789.");
	char *end;
	double value;

	if (n == 0 || n > 24 || text[0] == '.' || strcmp(text + n, "%") != 0)
		return -1;
	value = strtod(text, &end);
	return *end == '%' && value <= 100 ? value : -1;
}

json_t *field_fallback(const struct field *f)
{
	json_t *value;

	if (f->fallback == NULL)
		return NULL;
	value = json_loads(f->fallback, JSON_DECODE_ANY, NULL);
	ensure(value != NULL); /* the table is wrong */
	return value;
}

void join_names(const char *const *names, size_t n, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s",
			i == 0 ? "" : (i + 1 == n ? " or " : ", "), names[i]);
	utf8_trim(out);
}

static void join_fields(const struct schema *schema, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "an object with ");

	for (size_t i = 0; i < schema->n_fields && n < size; i++)
		n += (size_t)snprintf(
			out + n, size - n, "%s%s", i == 0 ? "" : ", ", schema->fields[i].name);
}

static void accepts_number(const struct field *f, char *out, size_t size)
{
	char low[DURATION_TEXT_SIZE], high[DURATION_TEXT_SIZE];

	if (f->type == FIELD_DURATION && field_bounded(f))
		snprintf(out, size, "a duration from %s to %s", duration_format(f->min, low),
			duration_format(f->max, high));
	else if (f->type == FIELD_DURATION)
		snprintf(out, size, "a duration, for example 60s");
	else if (field_bounded(f))
		snprintf(out, size, "%s from %" PRId64 " to %" PRId64,
			f->type == FIELD_INT ? "an integer" : "a number", f->min, f->max);
	else
		snprintf(out, size, "%s", f->type == FIELD_INT ? "an integer" : "a number");
}

static void accepts_text(const struct field *f, char *out, size_t size)
{
	if (f->min > 0)
		snprintf(out, size, "a text of %" PRId64 " to %zu bytes", f->min, field_max(f));
	else
		snprintf(out, size, "a text of at most %zu bytes", field_max(f));
}

void field_accepts(const struct field *f, char out[ACCEPTS_SIZE])
{
	const size_t size = ACCEPTS_SIZE;
	size_t n;
	static const char *const fixed[] = {
		[FIELD_BOOL] = "true or false",
		[FIELD_PERCENT] = "a percentage from 0% to 100%",
		[FIELD_ID] = "a UUID, for example 0193e9b4-5f3c-7a52-8d61-2f6f0f6d1c11",
		[FIELD_TIME] = "a time like 2026-11-21T18:30:49Z",
	};

	if (f->accepts != NULL) {
		snprintf(out, size, "%s", f->accepts);
		return;
	}
	switch (f->type) {
	case FIELD_INT:
	case FIELD_NUMBER:
	case FIELD_DURATION:
		accepts_number(f, out, size);
		return;
	case FIELD_STRING:
		accepts_text(f, out, size);
		return;
	case FIELD_ENUM:
		for (n = 0; f->names[n] != NULL; n++)
			;
		join_names(f->names, n, out, size);
		return;
	case FIELD_STRINGS:
		snprintf(out, size, "a list of at most %zu texts", field_max(f));
		return;
	case FIELD_PAIRS:
		snprintf(out, size, "an object of at most %zu texts", field_max(f));
		return;
	case FIELD_CREDENTIAL:
		accepts_text(f, out, size);
		snprintf(out + strlen(out), size - strlen(out), ", or {secret: NAME}");
		return;
	case FIELD_CREDENTIALS:
		snprintf(out, size, "an object of at most %zu texts, each may be {secret: NAME}",
			field_max(f));
		return;
	case FIELD_OBJECT:
		join_fields(f->sub, out, size);
		return;
	case FIELD_LIST:
		snprintf(out, size, "a list of at most %zu objects", field_max(f));
		return;
	case FIELD_BOOL:
	case FIELD_PERCENT:
	case FIELD_ID:
	case FIELD_TIME:
		snprintf(out, size, "%s", fixed[f->type]);
		return;
	case FIELD_CUSTOM:
		snprintf(out, size, "what the documentation says");
		return;
	}
}

static void unset_fields(const struct schema *schema, void *object)
{
	for (size_t i = 0; i < schema->n_fields; i++)
		field_unset(&schema->fields[i], field_at(&schema->fields[i], object));
}

void field_unset(const struct field *f, void *value)
{
	switch (f->type) {
	case FIELD_BOOL:
		*(bool *)value = false;
		return;
	case FIELD_INT:
	case FIELD_DURATION:
	case FIELD_TIME:
		*(int64_t *)value = -1;
		return;
	case FIELD_NUMBER:
	case FIELD_PERCENT:
		*(double *)value = -1;
		return;
	case FIELD_STRING:
		*(char **)value = NULL;
		return;
	case FIELD_ENUM:
		*(int *)value = -1;
		return;
	case FIELD_ID:
		memset(value, 0, sizeof(struct id));
		return;
	case FIELD_STRINGS:
		memset(value, 0, sizeof(struct strings));
		return;
	case FIELD_PAIRS:
	case FIELD_CREDENTIALS:
		memset(value, 0, sizeof(struct pairs));
		return;
	case FIELD_CREDENTIAL:
		memset(value, 0, sizeof(struct credential));
		return;
	case FIELD_LIST:
		memset(value, 0, sizeof(struct list));
		return;
	case FIELD_OBJECT:
		unset_fields(f->sub, value);
		return;
	case FIELD_CUSTOM:
		f->custom->unset(value);
		return;
	}
}

static void clear_fields(const struct schema *schema, void *object)
{
	for (size_t i = 0; i < schema->n_fields; i++)
		field_clear(&schema->fields[i], field_at(&schema->fields[i], object));
}

static void clear_list(const struct schema *sub, struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		clear_fields(sub, (char *)list->item + i * sub->size_bytes);
	free(list->item);
}

static void clear_strings(struct strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->item[i]);
	free(list->item);
}

/* Freed memory is read by whoever gets it next: a secret does not stay in it. */
static void wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void clear_pairs(struct pairs *pairs)
{
	for (size_t i = 0; i < pairs->n; i++) {
		free(pairs->item[i].name);
		wipe(pairs->item[i].value);
		free(pairs->item[i].secret);
	}
	free(pairs->item);
}

/* Frees; the value must be unset or the memory zeroed afterwards. */
void field_clear(const struct field *f, void *value)
{
	switch (f->type) {
	case FIELD_STRING:
		if (field_is_secret(f))
			wipe(*(char **)value);
		else
			free(*(char **)value);
		return;
	case FIELD_STRINGS:
		clear_strings(value);
		return;
	case FIELD_PAIRS:
	case FIELD_CREDENTIALS:
		clear_pairs(value);
		return;
	case FIELD_CREDENTIAL:
		wipe(((struct credential *)value)->value);
		free(((struct credential *)value)->secret);
		return;
	case FIELD_LIST:
		clear_list(f->sub, value);
		return;
	case FIELD_OBJECT:
		clear_fields(f->sub, value);
		return;
	case FIELD_CUSTOM:
		if (f->custom->clear != NULL)
			f->custom->clear(value);
		return;
	default:
		return;
	}
}

static bool owns_memory(const struct field *f)
{
	switch (f->type) {
	case FIELD_STRING:
	case FIELD_STRINGS:
	case FIELD_PAIRS:
	case FIELD_CREDENTIALS:
	case FIELD_CREDENTIAL:
	case FIELD_LIST:
		return true;
	case FIELD_CUSTOM:
		return f->custom->clear != NULL;
	default:
		return false;
	}
}

static void find_owned(const struct schema *schema, size_t offset, struct schema_owned *out)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		if (f->type == FIELD_OBJECT)
			find_owned(f->sub, offset + f->offset, out);
		if (!owns_memory(f))
			continue;
		ensure(out->n < SCHEMA_OWNED_MAX && out->n_texts < SCHEMA_OWNED_MAX);
		if (f->type == FIELD_STRING && !field_is_secret(f)) {
			out->text[out->n_texts++] = (uint32_t)(offset + f->offset);
			continue;
		}
		out->item[out->n].field = f;
		out->item[out->n++].offset = offset + f->offset;
	}
}

static const struct schema_owned *owned_of(const struct schema *schema)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct schema_owned *owned = schema->owned;
	if (__atomic_load_n(&owned->known, __ATOMIC_ACQUIRE))
		return owned;
	pthread_mutex_lock(&lock);
	if (!owned->known) {
		find_owned(schema, 0, owned);
		__atomic_store_n(&owned->known, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&lock);
	return owned;
}

static void clear_owned(const struct schema *schema, void *object)
{
	const struct schema_owned *owned = owned_of(schema);
	for (size_t i = 0, n = owned->n_texts; i < n; i++) {
		char *text = *(char **)((char *)object + owned->text[i]);
		if (text != NULL)
			free(text);
	}
	for (size_t i = 0, n = owned->n; i < n; i++) {
		void *value = (char *)object + owned->item[i].offset;
		if (*(void **)value != NULL) /* each of them begins with a pointer */
			field_clear(owned->item[i].field, value);
	}
}

void schema_release(const struct schema *schema, void *object)
{
	if (schema->owned != NULL)
		clear_owned(schema, object);
	else
		clear_fields(schema, object);
}

void schema_clear(const struct schema *schema, void *object)
{
	schema_release(schema, object);
	memset(object, 0, schema->size_bytes);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein distance in which two letters that changed places count once ("prot"). Both texts are
 * at most NEAREST_MAX_BYTES long. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_MAX_BYTES + 1], n = strlen(b), i;

	for (size_t j = 0; j <= n; j++)
		rows[0][j] = j;
	for (i = 1; a[i - 1] != '\0'; i++) {
		const size_t *before = rows[(i + 1) % 3], *last = rows[(i - 1) % 3];
		size_t *row = rows[i % 3];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			row[j] = least(last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1),
				least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return rows[(i - 1) % 3][n];
}

const char *nearest_name(const char *name, const char *const *candidates, size_t n)
{
	const char *nearest = NULL;
	size_t length = strnlen(name, NEAREST_MAX_BYTES + 1), allowed = length / 3 ? length / 3 : 1;

	if (length > NEAREST_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t d;

		if (strlen(candidates[i]) > NEAREST_MAX_BYTES)
			continue;
		d = distance(name, candidates[i]);
		if (d < allowed || (d == allowed && nearest == NULL)) {
			nearest = candidates[i];
			allowed = d;
		}
	}
	return nearest;
}
