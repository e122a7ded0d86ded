// SPDX-License-Identifier: MIT
/*
 * One table of fields describes an object, and everything that must agree with it is made from the
 * table: the decoder (JSON -> struct) with its error texts, the encoder, the release of memory, the
 * JSON Schema in openapi.json, the option lists of the man pages. Configuration files, monitors,
 * API bodies and wire messages all use it.
 *
 * Errors are for people. Each names the path, what was found and what is accepted:
 *   path "interval",     message "'5' needs a unit, for example 5s; accepted: a duration from 1s to
 * 24h" path "expect.prot",  message "unknown option; did you mean 'port'?" path "expect.port",
 * message "not an option of type http, only of: tcp"
 */
#ifndef QUORATE_BASE_SCHEMA_H
#define QUORATE_BASE_SCHEMA_H

#include "quorate/attr.h"
#include "quorate/list.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is wrong with an input; at most PROBLEMS_MAX are kept. */
#define PROBLEMS_MAX 16
struct problem {
	char path[160]; /* "monitors[3].expect.status", "" for the whole */
	char message[320];
};

struct problems {
	struct problem item[PROBLEMS_MAX];
	size_t n; /* kept */
	size_t total;
};
void problems_add(struct problems *p, const char *path, const char *format, ...) PRINTF_LIKE(3, 4);
/* Of the member NAME (may be "") of the object at PATH. */
void problems_add_at(struct problems *p, const char *path, const char *name, const char *format,
	...) PRINTF_LIKE(4, 5);

enum field_type {
	FIELD_BOOL,     /* bool                JSON true/false */
	FIELD_INT,      /* int64_t             integer, min … max */
	FIELD_NUMBER,   /* double              number, min … max */
	FIELD_DURATION, /* int64_t ms          "60s", min … max */
	FIELD_PERCENT,  /* double 0 … 100      "20%" or a number */
	FIELD_STRING,   /* char *              UTF-8 without NUL, min … max bytes (max 0: 4096) */
	FIELD_ENUM,     /* int                 one of names[] */
	FIELD_ID,       /* struct id           UUID text */
	FIELD_TIME,     /* int64_t wall ms     RFC 3339 text */
	FIELD_STRINGS, /* struct strings      list of texts, at most max items (one text is taken as
			  a list of one) */
	FIELD_PAIRS,   /* struct pairs        object of texts, at most max members */
	FIELD_OBJECT,  /* embedded struct     sub */
	FIELD_LIST,    /* struct list         list of sub, at most max items */
	FIELD_CREDENTIAL,  /* struct credential  a text as of STRING, or {"secret": NAME} */
	FIELD_CREDENTIALS, /* struct pairs      object of such, at most max members */
	FIELD_CUSTOM       /* anything            custom */
};

/* JSON null is the same as an absent field. */
#define FIELD_REQUIRED 1u /* must be present in the input */
#define FIELD_READONLY 2u /* accepted and ignored from people (SCHEMA_STRICT), encoded for them */
/* Never in an error text; encoded as "[redacted]" with SCHEMA_REDACT; wiped when freed. A credential
 * is one anyway; its {"secret": NAME} is shown. */
#define FIELD_SECRET     4u
#define FIELD_WIRE       8u  /* only decoded and encoded with SCHEMA_WIRE */
#define FIELD_OF_VERDICT 16u /* about what many checks mean together: no option of a single one */

struct schema;

/* For forms that no type above covers (a list of status classes, a share of seats). */
struct field_custom {
	/* Returns 0, or -1 with *why set to a static text: what is accepted. */
	int (*decode)(const json_t *in, void *out, const char **why);
	/* Returns a new reference, NULL for "not set: leave it out". */
	json_t *(*encode)(const void *in);
	void (*unset)(void *out); /* gives the "not set" value */
	void (*clear)(void *out); /* NULL: nothing is owned */
	const char *json_schema;  /* JSON text of its schema */
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	unsigned flags;
	int64_t min, max;         /* both 0: numbers have no bounds, texts and lists a ceiling */
	const char *const *names; /* ENUM: NULL-ended */
	const struct schema *sub; /* OBJECT, LIST */
	const struct field_custom *custom;
	const char *const
		*sensitive;   /* CREDENTIALS: members that better name a secret; NULL-ended */
	uint32_t variants;    /* bit per variant in which it exists; 0: all */
	const char *fallback; /* default, as JSON text ("\"60s\"", "5"); NULL: unset */
	const char *accepts;  /* NULL: made from type, min, max, names */
	const char *doc;      /* one sentence for documentation */
	/* LIST: an item as one word of a command line says it; NULL: in YAML. A new reference. */
	json_t *(*word)(const char *text);
	const char *word_form; /* an example of one, with WORD */
	/* An extra rule on the decoded value, may be NULL: 0, or -1 with *why set to a static text:
	 * what is accepted. */
	int (*check)(const void *value, const char **why);
};

/* What schema_clear has to free, found out once: results are cleared by the hundred thousand. Static
 * and zeroed where a schema has one. */
#define SCHEMA_OWNED_MAX 96
struct schema_owned {
	bool known;
	size_t n_texts, n;
	uint32_t text[SCHEMA_OWNED_MAX]; /* offsets of what is just freed */
	struct {
		const struct field *field;
		size_t offset;
	} item[SCHEMA_OWNED_MAX]; /* of what takes more */
};

struct schema {
	const char *name; /* of the object, for documentation: "monitor" */
	const struct field *fields;
	size_t n_fields;
	size_t size_bytes; /* of the struct */
	/* Name of an ENUM field of this schema whose value v selects variant bit 1<<v; NULL: the
	 * variants of the enclosing object apply. */
	const char *selector;
	/* Rules over several fields; adds its own problems; may be NULL. PATH is the object's own.
	 */
	void (*check)(const void *object, const char *path, struct problems *problems);
	struct schema_owned *owned; /* NULL: it is not kept in mind */
	bool whole;                 /* it has no sense with something left out: SCHEMA_WHOLE */
};

/* Flags of decode and encode. */
#define SCHEMA_STRICT 0u /* unknown fields are problems; for people's input */
#define SCHEMA_WIRE   1u /* unknown fields are skipped, WIRE fields exist, READONLY ones are read */
#define SCHEMA_REDACT 2u /* encode: secrets become "[redacted]" */
#define SCHEMA_FULL   4u /* encode: fields at their default too (else they are left out) */
#define SCHEMA_WHOLE                                                                               \
	8u /* decode, with WIRE: in objects that are `whole`, and below, unknown fields are problems */

/*
 * Decodes IN into OUT (SIZE_BYTES of memory whose old content is ignored). Every field is set: to
 * the input, to its fallback, or to unset (NULL, -1, false, empty). Returns 0, or -1 when PROBLEMS
 * got at least one; OUT must be cleared with schema_clear in both cases.
 */
MUST_CHECK int schema_decode(const struct schema *schema, unsigned flags, const json_t *in,
	void *out, struct problems *problems);
/* As schema_decode, with the path of IN inside a larger document ("monitors[3]") put before each
 * path. */
MUST_CHECK int schema_decode_at(const struct schema *schema, unsigned flags, const json_t *in,
	void *out, const char *path, struct problems *problems);
/* Returns a new reference; never NULL. Unset fields are left out. */
json_t *schema_encode(const struct schema *schema, unsigned flags, const void *in);
/* Frees what the fields own and zeroes the struct. */
void schema_clear(const struct schema *schema, void *object);
/* The same, of memory that goes at once: it is not zeroed. */
void schema_release(const struct schema *schema, void *object);
/* Sets every field to its fallback or unset. */
void schema_defaults(const struct schema *schema, void *object);
/* ---- credentials: one place for what goes for each field that is one */

struct credential_place {
	const char *path; /* "request.headers.Authorization" */
	const struct field *field;
	const char *member; /* of CREDENTIALS: "Authorization"; NULL */
	const char *secret; /* the name of the secret; NULL: a literal */
	char **value;       /* NULL: of a secret, and not known here */
};
typedef void (*credential_fn)(void *arg, const struct credential_place *at);
/* Walks the credentials that are set in OBJECT; FN may change values. PATH as in schema_decode_at. */
void schema_each_credential(
	const struct schema *schema, void *object, const char *path, credential_fn fn, void *arg);
/* A field rule: NAME or ORGANIZATION/NAME. */
int secret_name_check(const void *value, const char **why);
/* "default/NAME" is the same as NAME: the latter. Points into NAME. */
const char *secret_name_short(const char *name);

/* JSON Schema (2020-12, as OpenAPI 3.1 uses it) of the object. A new reference. */
json_t *schema_describe(const struct schema *schema);
/* The candidate nearest to NAME (at most 1/3 of its letters changed, missing, superfluous or
 * swapped with their neighbour, at least 1), or NULL. */
const char *nearest_name(const char *name, const char *const *candidates, size_t n);

#endif
