// SPDX-License-Identifier: MIT
/* What yaml.c, yaml_plain.c and yaml_place.c share. Not for others. */
#ifndef QUORATE_BASE_YAML_INTERNAL_H
#define QUORATE_BASE_YAML_INTERNAL_H

#include "proto/base/yaml.h"

#define YAML_MAX_BYTES (4 * 1024 * 1024)

/* Where a value stands; the children are in the order of the file. */
struct mark {
	char *key; /* NULL: an item of a list */
	int line, column;
	struct mark *child;
	size_t n, room;
};

struct yaml_doc {
	char *name;
	json_t *root;
	struct mark top;
};

/* The value of a plain (unquoted) scalar; NULL and *WHY: a number that cannot be kept exactly. */
json_t *yaml_plain(const char *text, const char **why);

#endif
