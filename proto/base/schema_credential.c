// SPDX-License-Identifier: MIT
/*
 * Credentials in objects: a text, or {"secret": NAME}, which the coordinator resolves on the way to
 * those who need the value. Everything that goes for all credentials (who uses a secret, which value
 * has to be hidden) is a walk over the table, so that a new field of that type needs nothing more.
 */
#include "proto/base/schema.h"
#include "proto/base/schema_internal.h"
#include "proto/base/utf8.h"
#include "quorate/limits.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PATH_SIZE sizeof(((struct problem *)0)->path)
#define PART_MAX  ((SECRET_NAME_MAX_BYTES - 1) / 2)

static const struct field credential_fields[] = {
	{.name = "secret",
		.type = FIELD_STRING,
		.offset = offsetof(struct credential, secret),
		.flags = FIELD_REQUIRED,
		.min = 1,
		.max = SECRET_NAME_MAX_BYTES,
		.check = secret_name_check,
		.doc = "Name of a secret that the coordinator keeps."},
	{.name = "value",
		.type = FIELD_STRING,
		.offset = offsetof(struct credential, value),
		.flags = FIELD_WIRE | FIELD_SECRET,
		.max = SECRET_VALUE_MAX_BYTES},
};
const struct schema credential_schema = {.name = "credential",
	.fields = credential_fields,
	.n_fields = ARRAY_LEN(credential_fields),
	.size_bytes = sizeof(struct credential)};

/* ---- names */

/* How many bytes of TEXT are one part of a name; 0: it begins with none. */
static size_t name_part(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || (n > 0 && text[n] && strchr("._-", text[n])))
		n++;
	return n <= PART_MAX ? n : 0;
}

int secret_name_check(const void *value, const char **why)
{
	const char *name = *(char *const *)value;
	size_t n = name_part(name);

	*why = "NAME or ORGANIZATION/NAME, each of at most 64 letters, digits, '.', '_' and '-', "
	       "beginning with a letter or digit";
	if (n > 0 && name[n] == '/') {
		name += n + 1;
		n = name_part(name);
	}
	return n > 0 && name[n] == '\0' ? 0 : -1;
}

const char *secret_name_short(const char *name)
{
	return strncmp(name, "default/", 8) == 0 ? name + 8 : name;
}

/* ---- walking */

struct walk {
	credential_fn fn;
	void *arg;
};

static void walk_object(
	const struct walk *w, const struct schema *schema, void *object, const char *path);

static void join(char out[PATH_SIZE], const char *path, const char *name)
{
	bool dot = *path != '\0' && *name != '[';

	if (snprintf(out, PATH_SIZE, "%s%s%s", path, dot ? "." : "", name) >= (int)PATH_SIZE)
		utf8_trim(out);
}

static bool has_credentials(const struct schema *schema)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];

		if (f->type == FIELD_CREDENTIAL || f->type == FIELD_CREDENTIALS ||
			(f->sub != NULL && has_credentials(f->sub)))
			return true;
	}
	return false;
}

static void walk_one(
	const struct walk *w, const struct field *f, struct credential *c, const char *path)
{
	const struct credential_place at = {
		.path = path, .field = f, .secret = c->secret, .value = &c->value};

	if (c->secret != NULL || c->value != NULL)
		w->fn(w->arg, &at);
}

static void walk_pairs(
	const struct walk *w, const struct field *f, struct pairs *pairs, const char *path)
{
	for (size_t i = 0; i < pairs->n; i++) {
		struct pair *p = &pairs->item[i];
		char inner[PATH_SIZE];
		const struct credential_place at = {.path = inner,
			.field = f,
			.member = p->name,
			.secret = p->secret,
			.value = &p->value};

		join(inner, path, p->name);
		w->fn(w->arg, &at);
	}
}

static void walk_list(
	const struct walk *w, const struct schema *sub, struct list *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++) {
		char inner[PATH_SIZE], index[32];

		snprintf(index, sizeof(index), "[%zu]", i);
		join(inner, path, index);
		walk_object(w, sub, (char *)list->item + i * sub->size_bytes, inner);
	}
}

static void walk_field(const struct walk *w, const struct field *f, void *value, const char *path)
{
	if (f->type == FIELD_CREDENTIAL)
		walk_one(w, f, value, path);
	else if (f->type == FIELD_CREDENTIALS)
		walk_pairs(w, f, value, path);
	else if (f->type == FIELD_LIST)
		walk_list(w, f->sub, value, path);
	else if (f->type == FIELD_OBJECT)
		walk_object(w, f->sub, value, path);
}

static void walk_object(
	const struct walk *w, const struct schema *schema, void *object, const char *path)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		char inner[PATH_SIZE];

		if (f->type != FIELD_CREDENTIAL && f->type != FIELD_CREDENTIALS &&
			(f->sub == NULL || !has_credentials(f->sub)))
			continue;
		join(inner, path, f->name);
		walk_field(w, f, field_at(f, object), inner);
	}
}

void schema_each_credential(
	const struct schema *schema, void *object, const char *path, credential_fn fn, void *arg)
{
	const struct walk w = {.fn = fn, .arg = arg};

	walk_object(&w, schema, object, path);
}
