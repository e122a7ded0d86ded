// SPDX-License-Identifier: MIT
/* A page of documentation against the field tables that it describes. Run from the top of the repository. */
#ifndef TESTS_UNIT_PAGE_KIT_H
#define TESTS_UNIT_PAGE_KIT_H

#include "proto/base/mem.h"
#include "proto/base/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

UNUSED static char *read_page(const char *path)
{
	FILE *f = fopen(path, "r");
	if (!f)
		fail_msg("%s: run from the top of the repository", path);
	char *page = mem_alloc(400000);
	size_t n = fread(page, 1, 399999, f);
	fclose(f);
	page[n] = 0;
	return page;
}

/* From the heading NAME to the next; to be freed. */
UNUSED static char *section_of(const char *page, const char *name)
{
	char head[64];
	snprintf(head, sizeof head, "\n### %s\n", name);
	const char *at = strstr(page, head);
	if (!at) {
		fail_msg("no section %s", name);
		return NULL;
	}
	const char *end = strstr(at + 4, "\n### ");
	return mem_strndup(at, end ? (size_t)(end - at) : strlen(at));
}

UNUSED static size_t rows_of(const char *section)
{
	size_t rows = 0;
	for (const char *p = section; (p = strstr(p, "\n| `")); p++)
		rows++;
	return rows;
}

/* The row of F has its sentence, and says whether F is required. */
UNUSED static void row_fits(const char *section, const char *name, const struct field *f)
{
	char head[128];
	snprintf(head, sizeof head, "\n| `%s` |", f->name);
	const char *at = strstr(section, head);
	if (!at) {
		fail_msg("section %s: no row for %s", name, f->name);
		return;
	}
	char *row = mem_strndup(at + 1, strcspn(at + 1, "\n"));
	if (!strstr(row, f->doc))
		fail_msg("section %s: another sentence for %s", name, f->name);
	if (!strstr(row, "| yes |") != !(f->flags & FIELD_REQUIRED))
		fail_msg("section %s: whether %s is required", name, f->name);
	free(row);
}

/* The section of SCHEMA has a row for each field and no others, and so have its parts. */
UNUSED static void section_fits(const char *page, const struct schema *schema)
{
	char *section = section_of(page, schema->name);
	size_t rows = rows_of(section);
	if (rows != schema->n_fields)
		fail_msg("section %s has %zu rows", schema->name, rows);
	for (size_t i = 0; i < schema->n_fields; i++) {
		row_fits(section, schema->name, &schema->fields[i]);
		if (schema->fields[i].sub)
			section_fits(page, schema->fields[i].sub);
	}
	free(section);
}

#endif
