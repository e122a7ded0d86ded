// SPDX-License-Identifier: MIT
/* A configuration file, read by its schema. Every mistake in it is told, each with its place. */
#include "proto/base/yaml.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int decode(const struct yaml_doc *doc, const json_t *root, const struct schema *schema,
	void *object, FILE *out)
{
	struct problems problems = {.n = 0};

	if (schema_decode(schema, SCHEMA_STRICT, root, object, &problems) == 0)
		return 0;
	schema_clear(schema, object);
	yaml_print_problems(doc, &problems, out);
	return -1;
}

static void print_error(const struct yaml_error *e, FILE *out)
{
	if (e->line > 0)
		fprintf(out, "%s:%d:%d: %s\n", e->file, e->line, e->column, e->message);
	else
		fprintf(out, "%s: %s\n", e->file, e->message);
}

int conf_load(const char *path, bool missing_ok, const struct schema *schema, void *object)
{
	return conf_load_to(path, missing_ok, schema, object, stderr);
}

int conf_load_to(
	const char *path, bool missing_ok, const struct schema *schema, void *object, FILE *out)
{
	bool absent = missing_ok && access(path, F_OK) == -1 && errno == ENOENT;
	struct yaml_error error;
	struct yaml_doc *doc;
	int result = absent ? yaml_load_text(path, "", 0, &doc, &error)
			    : yaml_load_file(path, &doc, &error);

	if (result == -1) {
		memset(object, 0, schema->size_bytes);
		print_error(&error, out);
		return -1;
	}
	result = decode(doc, yaml_root(doc), schema, object, out);
	yaml_doc_free(doc);
	return result;
}
