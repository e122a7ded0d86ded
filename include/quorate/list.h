// SPDX-License-Identifier: MIT
/* The containers that configuration objects are made of. All memory is owned by the container. */
#ifndef QUORATE_LIST_H
#define QUORATE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A list of texts. */
struct strings {
	char **item;
	size_t n;
};

static inline bool strings_have(const struct strings *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->item[i], text) == 0)
			return true;
	}
	return false;
}

/*
 * What lets somebody in: a text as people wrote it, or the name of a secret that the coordinator
 * keeps. Of a named one the value is NULL everywhere but on the way to the voters, and with them.
 */
struct credential {
	char *value;
	char *secret; /* NULL: none, the value was written as it is */
};

/* A list of name/value texts: labels, headers. Order is kept. */
struct pair {
	char *name;
	char *value;
	char *secret; /* of a credential, see above */
};

struct pairs {
	struct pair *item;
	size_t n;
};

/* A list of structs of one type; the schema that made it knows which. */
struct list {
	void *item;
	size_t n;
};

#endif
