// SPDX-License-Identifier: MIT
#include "proto/files.h"

#include "proto/base/text.h"
#include "proto/base/mem.h"
#include "proto/base/yaml.h"
#include "proto/monitor.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 50

struct complaint {
	size_t file; /* its order */
	char *name;
	int line, column;
	char *path, *message;
	char *about; /* the first monitor that a wrong default was seen in; NULL: it stands in the
			monitor itself */
};

/* Where a monitor was written: "monitors[2]" of a file, or "" when it is the whole file. */
struct origin {
	size_t file;
	char *base;
};

struct files {
	struct yaml_doc **doc;
	size_t n;
	json_t *monitors;
	struct origin *origin; /* as many as monitors */
	size_t n_origins;
	struct complaint *complaint;
	size_t n_complaints;
	char *organization;
};

struct files *files_new(void)
{
	struct files *f = mem_alloc(sizeof(*f));

	f->monitors = json_array();
	return f;
}

void files_free(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		yaml_doc_free(f->doc[i]);
	for (size_t i = 0; i < f->n_origins; i++)
		free(f->origin[i].base);
	for (size_t i = 0; i < f->n_complaints; i++) {
		free(f->complaint[i].name);
		free(f->complaint[i].path);
		free(f->complaint[i].message);
		free(f->complaint[i].about);
	}
	json_decref(f->monitors);
	free(f->doc);
	free(f->origin);
	free(f->complaint);
	free(f->organization);
	free(f);
}

json_t *files_monitors(const struct files *f)
{
	return f->monitors;
}

size_t files_complaints(const struct files *f)
{
	return f->n_complaints;
}

/* ---- complaints and their places */

/* Returns NULL when the same was said already. */
static struct complaint *add_complaint(struct files *f, size_t file, const char *name, int line,
	int column, const char *path, const char *message)
{
	struct complaint *c;

	for (c = f->complaint; c < f->complaint + f->n_complaints; c++)
		if (c->file == file && c->line == line && c->column == column &&
			strcmp(c->message, message) == 0)
			return NULL; /* a wrong default is one mistake, however many monitors have
					it */
	f->complaint = mem_resize(f->complaint, f->n_complaints + 1, sizeof(*f->complaint));
	c = &f->complaint[f->n_complaints++];
	*c = (struct complaint){.file = file, .line = line, .column = column};
	c->name = mem_strdup(name);
	c->path = mem_strdup(path);
	c->message = mem_strdup(message);
	return c;
}

static struct complaint *complain_at(
	struct files *f, size_t file, const char *path, const char *message)
{
	int line = 0, column = 0;

	yaml_position(f->doc[file], path, &line, &column);
	return add_complaint(f, file, yaml_name(f->doc[file]), line, column, path, message);
}

/* How many of PATH's steps exist under VALUE. */
static int steps_in(const json_t *value, const char *path)
{
	int steps = 0;

	while (value && *path) {
		size_t length;
		if (*path == '[') {
			char *end;
			value = json_array_get(value, strtoul(path + 1, &end, 10));
			length = (size_t)(end - path) + (*end == ']');
		} else {
			char key[160];
			path += *path == '.';
			length = strcspn(path, ".[");
			snprintf(key, sizeof(key), "%.*s", (int)length, path);
			value = json_object_get(value, key);
		}
		path += length;
		steps += value != NULL;
	}
	return steps;
}

static const char *short_form(const json_t *monitor)
{
	for (int kind = 0; kind < CHECK_KIND_COUNT; kind++)
		if (json_object_get(monitor, check_kind_names[kind]))
			return check_kind_names[kind];
	return NULL;
}

/* A complaint about REST ("expect.status") of the monitor INDEX goes to where a person wrote that:
 * there, or in the defaults. */
static void complain_about(struct files *f, size_t index, const char *rest, const char *message)
{
	const struct origin *o = &f->origin[index];
	json_t *root = yaml_root(f->doc[o->file]);
	json_t *written = *o->base ? json_array_get(json_object_get(root, "monitors"),
					     strtoul(o->base + strlen("monitors["), NULL, 10))
				   : root;
	bool by_default =
		steps_in(json_object_get(root, "defaults"), rest) > steps_in(written, rest);
	const char *base = by_default ? "defaults" : o->base;
	struct complaint *complaint;
	char *path;

	if (!by_default && (strcmp(rest, "target") == 0 || strcmp(rest, "type") == 0) &&
		!json_object_get(written, rest) && short_form(written))
		rest = short_form(written);
	path = mem_printf("%s%s%s", base, *base && *rest && *rest != '[' ? "." : "", rest);
	complaint = complain_at(f, o->file, path, message);
	if (complaint && by_default)
		complaint->about =
			mem_strdup(value_text(json_array_get(f->monitors, index), "name", NULL));
	free(path);
}

void files_complain(struct files *f, const char *path, const char *message)
{
	size_t index = 0;
	char *rest = NULL;

	if (strncmp(path, "monitors[", 9) == 0)
		index = strtoul(path + 9, &rest, 10);
	if (rest && *rest == ']' && index < f->n_origins) {
		rest++;
		complain_about(f, index, *rest == '.' ? rest + 1 : rest, message);
	} else if (f->n_origins == 1 && !*f->origin[0].base) {
		complain_about(f, 0, path, message);
	} else {
		add_complaint(f, 0, "", 0, 0, path, message);
	}
}

static int compare(const void *a, const void *b)
{
	const struct complaint *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->line != y->line ? x->line - y->line : x->column - y->column;
}

void files_print_complaints(struct files *f, FILE *err)
{
	if (f->n_complaints > 0)
		qsort(f->complaint, f->n_complaints, sizeof(*f->complaint), compare);
	for (size_t i = 0; i < f->n_complaints && i < SHOWN_MAX; i++) {
		const struct complaint *c = &f->complaint[i];
		text_print(err, *c->name ? c->name : "quorate");
		if (c->line > 0)
			fprintf(err, ":%d:%d", c->line, c->column);
		fputs(": ", err);
		text_print(err, c->path);
		fputs(*c->path ? ": " : "", err);
		text_print(err, c->message);
		if (c->about) {
			fputs(" (in monitor '", err);
			text_print(err, c->about);
			fputs("')", err);
		}
		fputc('\n', err);
	}
	if (f->n_complaints > SHOWN_MAX)
		fprintf(err, "… and %zu more\n", f->n_complaints - SHOWN_MAX);
}

/* ---- reading */

static const struct field *find_field(const struct schema *schema, const char *name)
{
	for (size_t i = 0; schema && i < schema->n_fields; i++)
		if (strcmp(schema->fields[i].name, name) == 0)
			return &schema->fields[i];
	return NULL;
}

/*
 * OWN over DEFAULTS, objects deeply. Defaults that this kind of check does not have are left out (a
 * default for certificates does not spoil a ping); a null takes a default away. A new reference.
 */
static json_t *merge(
	const json_t *defaults, const json_t *own, const struct schema *schema, int kind)
{
	json_t *merged = own ? json_copy((json_t *)(uintptr_t)own) : json_object(), *value;
	const char *name;

	json_object_foreach ((json_t *)(uintptr_t)defaults, name, value) {
		const struct field *field = find_field(schema, name);
		json_t *mine = json_object_get(merged, name);
		if (field && field->variants && kind >= 0 && !(field->variants & 1u << kind))
			continue;
		if (json_is_object(value) && (!mine || json_is_object(mine)))
			json_object_set_new(
				merged, name, merge(value, mine, field ? field->sub : NULL, kind));
		else if (!mine)
			json_object_set(merged, name, value);
		else if (json_is_null(mine))
			json_object_del(merged, name);
	}
	return merged;
}

static int kind_of(const json_t *defaults, const json_t *monitor)
{
	const char *form = short_form(monitor);
	const char *type =
		form ? form : value_text(monitor, "type", value_text(defaults, "type", ""));

	for (int kind = 0; kind < CHECK_KIND_COUNT; kind++)
		if (strcmp(type, check_kind_names[kind]) == 0)
			return kind;
	return -1;
}

static void add_monitor(struct files *f, size_t file, const char *base, const json_t *defaults,
	const json_t *monitor)
{
	json_t *complete = merge(defaults, monitor, &monitor_schema, kind_of(defaults, monitor));

	if (short_form(monitor) && !json_object_get(monitor, "type"))
		json_object_del(complete, "type");
	json_array_append_new(f->monitors, complete);
	f->origin = mem_resize(f->origin, f->n_origins + 1, sizeof(*f->origin));
	f->origin[f->n_origins++] = (struct origin){.file = file, .base = mem_strdup(base)};
}

/* Returns the file's number, or -1 after complaining. */
static int load(struct files *f, const char *path)
{
	struct yaml_error error;
	struct yaml_doc *doc;

	f->doc = mem_resize(f->doc, f->n + 1, sizeof(struct yaml_doc *));
	if (yaml_load_file(path, &doc, &error) == -1) {
		add_complaint(f, f->n, error.file[0] ? error.file : path, error.line, error.column,
			"", error.message);
		return -1;
	}
	f->doc[f->n] = doc;
	if (!json_is_object(yaml_root(doc))) {
		complain_at(
			f, f->n, "", "accepted: an object with 'monitors' (and 'defaults') in it");
		f->n++;
		return -1;
	}
	return (int)f->n++;
}

static void check_top(struct files *f, size_t file, const json_t *root)
{
	static const char *const names[] = {"organization", "defaults", "monitors"};
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)root, name, value) {
		const char *near = nearest_name(name, names, ARRAY_LEN(names));
		char *message = NULL;
		if (strcmp(name, "organization") == 0   ? json_is_string(value)
			: strcmp(name, "defaults") == 0 ? json_is_object(value)
			: strcmp(name, "monitors") == 0 ? json_is_array(value)
							: false)
			continue;
		if (near && strcmp(near, name) == 0)
			message = mem_printf("accepted: %s", near == names[0] ? "a name"
							     : near == names[1]
								     ? "an object of options"
								     : "a list of monitors");
		else if (near)
			message = mem_printf("unknown option; did you mean '%s'?", near);
		else
			message = mem_strdup(
				"unknown option; accepted: organization, defaults, monitors");
		complain_at(f, file, name, message);
		free(message);
	}
	if (!json_object_get(root, "monitors"))
		complain_at(f, file, "", "'monitors' is missing: a list of monitors");
}

static void take_organization(struct files *f, size_t file, const json_t *root)
{
	const char *organization = value_text(root, "organization", NULL);

	if (!organization)
		return;
	if (f->organization && strcmp(f->organization, organization) != 0)
		complain_at(f, file, "organization", "the files name different organizations");
	mem_set(&f->organization, organization);
}

void files_add(struct files *f, const char *path)
{
	int file = load(f, path);
	json_t *root, *monitor;
	size_t i;

	if (file == -1)
		return;
	root = yaml_root(f->doc[file]);
	check_top(f, (size_t)file, root);
	take_organization(f, (size_t)file, root);
	json_array_foreach (json_object_get(root, "monitors"), i, monitor) {
		char base[64];
		snprintf(base, sizeof(base), "monitors[%zu]", i);
		if (json_is_object(monitor))
			add_monitor(
				f, (size_t)file, base, json_object_get(root, "defaults"), monitor);
		else
			complain_at(f, (size_t)file, base,
				"accepted: a monitor, an object with 'name' and what is checked "
				"('http: URL')");
	}
}

void files_add_one(struct files *f, const char *path)
{
	int file = load(f, path);

	if (file >= 0)
		add_monitor(f, (size_t)file, "", NULL, yaml_root(f->doc[file]));
}

/* ---- checking */

static void check_unique(struct files *f, json_t *seen, size_t index, const char *member)
{
	const char *text =
		json_string_value(json_object_get(json_array_get(f->monitors, index), member));
	const json_t *other = text ? json_object_get(seen, text) : NULL;
	const struct origin *first;
	int line = 0, column = 0;
	char *path, *message;

	if (!text)
		return;
	if (!other) {
		json_object_set_new(seen, text, json_integer((json_int_t)index));
		return;
	}
	first = &f->origin[json_integer_value(other)];
	path = mem_printf("%s.%s", first->base, member);
	yaml_position(f->doc[first->file], path, &line, &column);
	message = mem_printf("'%s' is used already, at %s:%d:%d; accepted: one monitor per %s",
		text, yaml_name(f->doc[first->file]), line, column, member);
	complain_about(f, index, member, message);
	free(path);
	free(message);
}

void files_check(struct files *f)
{
	json_t *names = json_object(), *external_ids = json_object(), *monitor;
	size_t i;

	json_array_foreach (f->monitors, i, monitor) {
		struct problems problems = {0};
		if (f->organization && !json_object_get(monitor, "organization"))
			json_object_set_new(monitor, "organization", json_string(f->organization));
		struct monitor m;
		if (monitor_decode(monitor, SCHEMA_STRICT, "", &m, &problems) == -1)
			for (size_t p = 0; p < problems.n; p++)
				complain_about(
					f, i, problems.item[p].path, problems.item[p].message);
		monitor_clear(&m);
		check_unique(f, names, i, "name");
		check_unique(f, external_ids, i, "external_id");
	}
	json_decref(names);
	json_decref(external_ids);
}
