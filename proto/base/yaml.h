// SPDX-License-Identifier: MIT
/*
 * YAML (and so JSON) files as people write them -> json_t, with the place of every value kept, so
 * that an error can name file, line and column. A safe subset: no tags, no merge keys; anchors and
 * aliases are refused (a bomb needs them); duplicate keys are errors; plain scalars follow the
 * YAML 1.2 core schema (true/false, null, integers, floats; "yes" and "on" are texts). Ceilings: 4
 * MiB, depth 32, 200,000 nodes.
 */
#ifndef QUORATE_BASE_YAML_H
#define QUORATE_BASE_YAML_H

#include "proto/base/schema.h"

#include <stdio.h>

struct yaml_doc;

struct yaml_error {
	char file[256];
	int line, column; /* from 1; 0: the file as a whole */
	char message[320];
};

/* Reads the file PATH ("-": standard input) or a text. Returns 0 and *OUT (owned by the caller), or
 * -1 and *ERROR. An empty document is an empty object. */
MUST_CHECK int yaml_load_file(const char *path, struct yaml_doc **out, struct yaml_error *error);
MUST_CHECK int yaml_load_text(const char *name, const char *text, size_t size_bytes,
	struct yaml_doc **out, struct yaml_error *error);
void yaml_doc_free(
	struct yaml_doc *doc); /* not yaml_free: libyaml exports one, and ours would replace it */

/* The whole document; borrowed. */
json_t *yaml_root(struct yaml_doc *doc);
const char *yaml_name(const struct yaml_doc *doc);
/* Where the value at PATH ("monitors[3].expect.status") stands; for a missing key, where its
 * nearest existing parent stands. */
void yaml_position(const struct yaml_doc *doc, const char *path, int *line, int *column);
/* "FILE:LINE:COLUMN: PATH: MESSAGE" for each problem, in order of their place, into OUT (via
 * fputs). */
void yaml_print_problems(const struct yaml_doc *doc, const struct problems *problems, FILE *out);

/*
 * Reads the configuration file PATH into OBJECT by SCHEMA. MISSING_OK: an absent file gives the
 * defaults. On failure prints every problem to stderr as above, clears OBJECT and returns -1.
 */
MUST_CHECK int conf_load(
	const char *path, bool missing_ok, const struct schema *schema, void *object);
/* The same, with the problems printed to OUT, a line each. */
MUST_CHECK int conf_load_to(
	const char *path, bool missing_ok, const struct schema *schema, void *object, FILE *out);

#endif
