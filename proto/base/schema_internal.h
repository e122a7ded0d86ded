// SPDX-License-Identifier: MIT
/* What schema.c and the files schema_*.c share. Not for others. */
#ifndef QUORATE_BASE_SCHEMA_INTERNAL_H
#define QUORATE_BASE_SCHEMA_INTERNAL_H

#include "proto/base/schema.h"

#define STRING_MAX_BYTES 4096 /* of a text whose field says nothing else */
#define ITEMS_MAX        1024 /* of a list or object whose field says nothing else */
#define ACCEPTS_SIZE     240

/* Which fields exist: the variant chosen by the nearest selector. */
struct scope {
	uint32_t mask;                /* of variants; all bits: not known, or none */
	const struct field *selector; /* NULL: none */
	int value;                    /* of the selector */
};

/* Whether F exists in SCOPE. */
bool field_exists(const struct field *f, const struct scope *scope);
const struct field *field_find(const struct schema *schema, const char *name);
size_t field_max(const struct field *f);   /* of texts and lists, with the ceilings above */
bool field_bounded(const struct field *f); /* of numbers: min = max = 0 says no bounds */
/* "an integer from 1 to 15" */
void field_accepts(const struct field *f, char out[ACCEPTS_SIZE]);
/* "a, b or c", cut at SIZE */
void join_names(const char *const *names, size_t n, char *out, size_t size);
void field_unset(const struct field *f, void *value);
void field_clear(const struct field *f, void *value);
/* Whether its values must not be shown. */
bool field_is_secret(const struct field *f);
/* {"secret": NAME}, on the wire to a voter with its "value": a struct credential. */
extern const struct schema credential_schema;
/* The fallback as JSON; NULL: none. A new reference. */
json_t *field_fallback(const struct field *f);
/* The value of a PERCENT text ("20%", "0.5%"); -1: it is none. */
double percent_parse(const char *text);

/* ---- decoding */

#define PATH_SIZE  sizeof(((struct problem *)0)->path)
#define FOUND_SIZE 72

struct decoder {
	unsigned flags;
	struct problems *problems;
};

/* A value being decoded: its field, its JSON, its path. */
struct place {
	const struct field *f;
	const json_t *in;
	const char *path;
};

/* "quorum.down" of "quorum" and "down" */
void schema_join_path(char out[PATH_SIZE], const char *path, const char *name);
/* The value as it may be shown: cut, without control characters. Returns OUT. */
const char *schema_show(const struct place *at, char out[FOUND_SIZE]);
/* The same without quotes, and whoever's it is: never for a secret. */
const char *schema_show_bare(const json_t *in, char out[FOUND_SIZE]);
/* WHY is the middle of the sentence: "needs a unit, for example 5s". */
PRINTF_LIKE(3, 4)
void schema_refuse(const struct decoder *d, const struct place *at, const char *why, ...);
void schema_refuse_type(const struct decoder *d, const struct place *at);
/* The field exists, but not in SCOPE. */
void schema_refuse_variant(
	const struct decoder *d, const struct place *at, const struct scope *scope);
/* Every member of IN that SCHEMA does not know. */
void schema_refuse_unknown(const struct decoder *d, const struct schema *schema,
	const struct scope *scope, const json_t *in, const char *path);

#define SCHEMA_EXACT 128u /* inside of an object that is whole */

/* Whether what is not known is passed over. */
static inline bool unknown_is_skipped(const struct decoder *d)
{
	return (d->flags & SCHEMA_WIRE) != 0 && (d->flags & SCHEMA_EXACT) == 0;
}

/* Whether people's or a peer's value of F is read at all. */
static inline bool field_is_read(const struct decoder *d, const struct field *f)
{
	bool wire = (d->flags & SCHEMA_WIRE) != 0;

	return wire || (f->flags & (FIELD_READONLY | FIELD_WIRE)) == 0;
}

/* A text, and any other value that is one JSON value: 0, or -1 after telling why. schema_scalar.c */
MUST_CHECK int schema_decode_text(const struct decoder *d, const struct place *at, char **out);
MUST_CHECK int schema_decode_scalar(const struct decoder *d, const struct place *at, void *out);

/* ---- members of objects */

static inline void *field_at(const struct field *f, void *object)
{
	return (char *)object + f->offset;
}

static inline const void *field_in(const struct field *f, const void *object)
{
	return (const char *)object + f->offset;
}

#endif
