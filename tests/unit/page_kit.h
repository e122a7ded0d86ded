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
	char *page = mem_alloc(200000);
	size_t n = fread(page, 1, 199999, f);
	fclose(f);
	page[n] = 0;
	return page;
}

/* The section of SCHEMA has a row for each field, with its sentence, and no others. */
UNUSED static void section_fits(const char *page, const struct schema *schema)
{
	char head[64], row[128];
	snprintf(head, sizeof head, "\n### %s\n", schema->name);
	const char *at = strstr(page, head);
	if (!at) {
		fail_msg("no section %s", schema->name);
		return;
	}
	const char *end = strstr(at + 4, "\n### ");
	char *section = mem_strndup(at, end ? (size_t)(end - at) : strlen(at));
	size_t rows = 0;
	for (const char *p = section; (p = strstr(p, "\n| `")); p++)
		rows++;
	if (rows != schema->n_fields)
		fail_msg("section %s has %zu rows", schema->name, rows);
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		snprintf(row, sizeof row, "\n| `%s` |", f->name);
		if (!strstr(section, row) || !strstr(section, f->doc))
			fail_msg("section %s: no row, or another sentence, for %s", schema->name,
				f->name);
		if (f->sub)
			section_fits(page, f->sub);
	}
	free(section);
}

#endif
