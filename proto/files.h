// SPDX-License-Identifier: MIT
/*
 * Files of monitors, as `quorate apply` and `quorate-probe check` read them: organization, defaults,
 * monitors. Defaults are merged under each monitor, and every complaint, ours or the coordinator's,
 * is led back to the line and column that a person wrote.
 */
#ifndef QUORATE_PROTO_FILES_H
#define QUORATE_PROTO_FILES_H

#include "quorate/attr.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct files;

struct files *files_new(void);
void files_free(struct files *f);

/* Reads one more file ("-": standard input) with its monitors. What is wrong becomes a complaint.
 */
void files_add(struct files *f, const char *path);
/* A file that is one monitor's object. */
void files_add_one(struct files *f, const char *path);
/* Decodes every monitor as the coordinator will, and looks for names used twice. */
void files_check(struct files *f);

/* All monitors, complete with defaults, in the order of the files: what is sent. Borrowed. */
json_t *files_monitors(const struct files *f);

/* A complaint of the coordinator about PATH ("monitors[3].expect.status": an index into
 * files_monitors). */
void files_complain(struct files *f, const char *path, const char *message);
size_t files_complaints(const struct files *f);
/* "FILE:LINE:COLUMN: PATH: MESSAGE" for each, in their order in the files. */
void files_print_complaints(struct files *f, FILE *err);

#endif
