// SPDX-License-Identifier: MIT
/* Where a value of a document stands, and the printing of problems by their place. */
#include "proto/base/mem.h"
#include "proto/base/yaml_internal.h"

#include <stdlib.h>
#include <string.h>

static void clear_mark(struct mark *mark)
{
	for (size_t i = 0; i < mark->n; i++)
		clear_mark(&mark->child[i]);
	free(mark->child);
	free(mark->key);
}

void yaml_doc_free(struct yaml_doc *doc)
{
	if (doc == NULL)
		return;
	clear_mark(&doc->top);
	json_decref(doc->root);
	free(doc->name);
	free(doc);
}

json_t *yaml_root(struct yaml_doc *doc)
{
	return doc->root;
}

const char *yaml_name(const struct yaml_doc *doc)
{
	return doc->name;
}

/* The child that PATH begins with, the longest if several do (keys may contain dots); *PATH moves
 * behind it. */
static const struct mark *step(const struct mark *mark, const char **path)
{
	const struct mark *best = NULL;
	size_t best_n = 0;
	const char *key = **path == '.' ? *path + 1 : *path;

	if (**path == '[') {
		char *end;
		unsigned long i = strtoul(*path + 1, &end, 10);

		if (*end == ']' && i < mark->n && mark->child[i].key == NULL) {
			*path = end + 1;
			return &mark->child[i];
		}
	}
	for (size_t i = 0; i < mark->n; i++) {
		size_t n = mark->child[i].key == NULL ? 0 : strlen(mark->child[i].key);

		if (n > best_n && strncmp(key, mark->child[i].key, n) == 0 &&
			strchr(".[", key[n]) != NULL) {
			best = &mark->child[i];
			best_n = n;
		}
	}
	*path = key + best_n;
	return best;
}

void yaml_position(const struct yaml_doc *doc, const char *path, int *line, int *column)
{
	const struct mark *mark = &doc->top;

	for (const struct mark *inner;; mark = inner) {
		inner = *path == '\0' ? NULL : step(mark, &path);
		if (inner == NULL)
			break;
	}
	*line = mark->line;
	*column = mark->column;
}

struct placed {
	const struct problem *problem;
	int line, column;
};

static int by_place(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->problem < y->problem ? -1 : x->problem > y->problem;
}

void yaml_print_problems(const struct yaml_doc *doc, const struct problems *problems, FILE *out)
{
	struct placed placed[PROBLEMS_MAX];

	for (size_t i = 0; i < problems->n; i++) {
		placed[i].problem = &problems->item[i];
		yaml_position(doc, problems->item[i].path, &placed[i].line, &placed[i].column);
	}
	qsort(placed, problems->n, sizeof(placed[0]), by_place);
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = placed[i].problem;

		fprintf(out, "%s:%d:%d: %s%s%s\n", doc->name, placed[i].line, placed[i].column,
			p->path, *p->path == '\0' ? "" : ": ", p->message);
	}
	if (problems->total > problems->n)
		fprintf(out, "%s: and %zu more\n", doc->name, problems->total - problems->n);
}
