// SPDX-License-Identifier: MIT
#include "proto/monitor_options.h"

#include "proto/base/mem.h"
#include "proto/base/yaml.h"
#include "proto/monitor.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE 96
#define WORDS_MAX 72

struct row {
	const struct field *field;
	uint32_t variants; /* the kinds that know it; 0: all */
	char *path, *name, *value, *help;
};

struct monitor_options {
	struct row *row;
	struct cli_option *table; /* as many, and one that ends it */
	size_t n;
};

/* Where the table's own name would not be what people look for. */
static const struct {
	const char *path, *name;
} renamed[] = {
	{"expect.port", "expect"},
	{"expect.body_contains", "body-contains"},
	{"expect.body_not_contains", "body-not-contains"},
};

/* ---- from fields to options */

static bool is_one_by_one(const struct field *f)
{
	return f->type == FIELD_STRINGS || f->type == FIELD_PAIRS || f->type == FIELD_CREDENTIALS ||
	       f->type == FIELD_LIST;
}

static bool is_true_by_default(const struct field *f)
{
	return f->type == FIELD_BOOL && f->fallback && strcmp(f->fallback, "true") == 0;
}

/* "follow: true" will do: its option may stand alone. */
static bool takes_true(const struct field *f)
{
	return f->type == FIELD_CUSTOM && strstr(f->custom->json_schema, "\"boolean\"");
}

static bool is_number(const struct field *f)
{
	return f->type == FIELD_CUSTOM &&
	       strcmp(f->custom->json_schema, "{\"type\": \"number\"}") == 0;
}

/* The part of PATH behind "request." or "expect.". */
static const char *inner_path(const char *path)
{
	const char *dot = strchr(path, '.');
	return dot ? dot + 1 : path;
}

static bool is_taken(const struct monitor_options *o, const char *name)
{
	for (size_t i = 0; i < o->n; i++)
		if (strcmp(o->row[i].name, name) == 0)
			return true;
	return false;
}

/* A name that both parts have is spelled out for the second of them. */
static char *make_name(
	const struct monitor_options *o, const struct field *f, const char *path, bool whole)
{
	char *name;

	for (size_t i = 0; i < ARRAY_LEN(renamed); i++)
		if (strcmp(renamed[i].path, path) == 0)
			return mem_strdup(renamed[i].name);
	name = mem_printf(
		"%s%s", is_true_by_default(f) ? "no-" : "", whole ? path : inner_path(path));
	for (char *c = name; *c; c++)
		*c = strchr("_.", *c) ? '-' : *c;
	size_t n = strlen(name);
	if (is_one_by_one(f) && n > 1 && name[n - 1] == 's')
		name[n - 1] = '\0';
	if (!whole && is_taken(o, name)) {
		free(name);
		return make_name(o, f, path, true);
	}
	return name;
}

static char *joined(const char *const *words, const char *separator)
{
	char *all = mem_strdup("");

	for (size_t i = 0; words[i]; i++) {
		char *longer = mem_printf("%s%s%s", all, i ? separator : "", words[i]);
		free(all);
		all = longer;
	}
	return all;
}

/* "FOLLOW" of "expect.follow". */
static char *capitals(const struct field *f)
{
	const char *last = strrchr(f->name, '_');
	char *text = mem_strdup(last ? last + 1 : f->name);

	for (char *c = text; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return text;
}

/* The words that F accepts, where they are too many to stand behind the option's name. */
static char *many_words(const struct field *f)
{
	char *words = f->type == FIELD_ENUM ? joined(f->names, ", ") : NULL;

	if (words && strlen(words) <= WORDS_MAX) {
		free(words);
		words = NULL;
	}
	return words;
}

static char *make_value(const struct field *f)
{
	char *words = many_words(f);

	free(words);
	if (words)
		return capitals(f);
	switch (f->type) {
	case FIELD_BOOL:
		return NULL;
	case FIELD_INT:
	case FIELD_NUMBER:
		return mem_strdup("N");
	case FIELD_DURATION:
		return mem_strdup("TIME");
	case FIELD_PERCENT:
		return mem_strdup("PERCENT");
	case FIELD_ENUM:
		return joined(f->names, "|");
	case FIELD_PAIRS:
	case FIELD_CREDENTIALS:
		return mem_strdup("'NAME: VALUE'");
	case FIELD_LIST:
		return mem_strdup(f->word ? f->word_form : "YAML");
	case FIELD_CUSTOM:
		return takes_true(f)  ? mem_strdup("[N]")
		       : is_number(f) ? mem_strdup("N")
				      : capitals(f);
	default:
		return mem_strdup("TEXT");
	}
}

/* DOC as the middle of a sentence. */
static char *as_words(const char *doc)
{
	static const char whether[] = "Whether ";
	size_t n;

	if (strncmp(doc, whether, strlen(whether)) == 0)
		doc += strlen(whether);
	n = strlen(doc);
	char *words = mem_strndup(doc, n - (n && doc[n - 1] == '.'));
	if (*words && !isupper((unsigned char)words[1])) /* "GET or HEAD" stays */
		*words = (char)tolower((unsigned char)*words);
	return words;
}

static void without_quotes(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (*text != '"')
			*to++ = *text;
	*to = '\0';
}

/* "http, redirect: request headers, sent as given; may be repeated" */
static char *make_help(const struct field *f, const struct field *parent, uint32_t variants)
{
	const char *kinds[CHECK_KIND_COUNT + 1] = {NULL};
	size_t n = 0;

	for (int kind = 0; kind < CHECK_KIND_COUNT && variants; kind++)
		if (variants & 1u << kind)
			kinds[n++] = check_kind_names[kind];
	char *of = joined(kinds, ", "), *words = as_words(f->doc),
	     *whole = parent ? as_words(parent->doc) : mem_strdup("");
	char *fallback = f->type == FIELD_BOOL || !f->fallback
				 ? mem_strdup("")
				 : mem_printf(" (default: %s)", f->fallback);
	without_quotes(fallback);
	whole[strcspn(whole, ";")] = '\0';
	char *many = many_words(f);
	char *help = mem_printf("%s%s%s%s%s%s%s%s%s%s", of, n ? ": " : "",
		is_true_by_default(f) ? "without it, " : "", whole, parent ? ": " : "", words,
		many ? "; one of " : "", many ? many : "",
		is_one_by_one(f) ? "; may be repeated" : "", fallback);
	free(many);
	free(fallback);
	free(of);
	free(words);
	free(whole);
	return help;
}

/* PARENT: the field that this one is a part of; NULL: request or expect themselves. */
static void add_row(struct monitor_options *o, const struct field *f, const struct field *parent,
	const char *path, uint32_t variants)
{
	struct row row = {.field = f, .variants = variants, .path = mem_strdup(path)};

	row.name = make_name(o, f, path, false);
	row.value = make_value(f);
	row.help = make_help(f, parent, variants);
	o->row = mem_resize(o->row, o->n + 1, sizeof(*o->row));
	o->row[o->n++] = row;
}

static void add_fields(struct monitor_options *o, const struct schema *schema,
	const struct field *parent, const char *path, uint32_t variants)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct field *f = &schema->fields[i];
		char *inner = mem_printf("%s.%s", path, f->name);
		uint32_t exists = f->variants ? f->variants : variants;
		if (f->flags & FIELD_OF_VERDICT)
			; /* one check has none */
		else if (f->type == FIELD_OBJECT)
			add_fields(o, f->sub, f, inner, exists);
		else if (!(f->flags & (FIELD_READONLY | FIELD_WIRE)))
			add_row(o, f, parent, inner, exists);
		free(inner);
	}
}

struct monitor_options *monitor_options_new(void)
{
	struct monitor_options *o = mem_alloc(sizeof(*o));

	for (size_t i = 0; i < monitor_schema.n_fields; i++) {
		const struct field *f = &monitor_schema.fields[i];
		if (strcmp(f->name, "timeout") == 0)
			add_row(o, f, NULL, f->name, f->variants);
		else if (strcmp(f->name, "request") == 0 || strcmp(f->name, "expect") == 0)
			add_fields(o, f->sub, NULL, f->name, f->variants);
	}
	o->table = mem_array(o->n + 1, sizeof(*o->table));
	for (size_t i = 0; i < o->n; i++)
		o->table[i] = (struct cli_option){
			.name = o->row[i].name, .value = o->row[i].value, .help = o->row[i].help};
	return o;
}

void monitor_options_free(struct monitor_options *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++) {
		free(o->row[i].path);
		free(o->row[i].name);
		free(o->row[i].value);
		free(o->row[i].help);
	}
	free(o->row);
	free(o->table);
	free(o);
}

const struct cli_option *monitor_options_table(const struct monitor_options *o)
{
	return o->table;
}

struct cli_option *monitor_options_of(const struct monitor_options *o, int kind)
{
	struct cli_option *table = mem_array(o->n + 1, sizeof(*table));
	size_t n = 0;

	for (size_t i = 0; i < o->n; i++)
		if (o->row[i].variants == 0 || o->row[i].variants & 1u << kind) {
			table[n] = o->table[i];
			if (o->row[i].variants != 0) /* "http, redirect: " is said by KIND */
				table[n].help = strstr(table[n].help, ": ") + 2;
			n++;
		}
	return table;
}

/* ---- from words to values */

/* The number that TEXT is, else the text itself. */
static json_t *number_or_text(const char *text)
{
	char *end;

	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (*text && !*end && errno == 0)
		return json_integer(number);
	double real = strtod(text, &end);
	bool digit = isdigit((unsigned char)text[strspn(text, "-")]) != 0;
	return *text && !*end && digit ? json_real(real) : json_string(text);
}

/* TEXT as YAML ("status: 301, location: …" needs no braces); what is none stays a text. */
static json_t *yaml_or_text(const char *text)
{
	char *braced = mem_printf(*text == '{' ? "%s" : "{%s}", text);
	struct yaml_error error;
	struct yaml_doc *doc;
	json_t *value;

	if (yaml_load_text("", braced, strlen(braced), &doc, &error) == 0) {
		value = json_incref(yaml_root(doc));
		yaml_doc_free(doc);
	} else {
		value = json_string(text);
	}
	free(braced);
	return value;
}

/* Of a credential: what stands there, or {secret: NAME}. */
static json_t *secret_or_text(const char *text)
{
	json_t *value = *text == '{' ? yaml_or_text(text) : NULL;

	if (json_object_size(value) == 1 && json_object_get(value, "secret"))
		return value;
	json_decref(value);
	return json_string(text);
}

/* "2xx,301" */
static json_t *list_or_number(const char *text)
{
	json_t *list;

	if (!strchr(text, ','))
		return number_or_text(text);
	list = json_array();
	for (size_t n; *text; text += n + (text[n] != '\0')) {
		n = strcspn(text, ",");
		char *item = mem_strndup(text, n);
		json_array_append_new(list, number_or_text(item));
		free(item);
	}
	return list;
}

/* VALUE (taken), added to what was said BEFORE where the field is a list. */
static json_t *more_of(const struct field *f, json_t *before, json_t *value)
{
	json_t *list;

	if (!before || !strstr(f->custom->json_schema, "\"array\""))
		return value;
	list = json_is_array(before) ? json_copy(before) : json_pack("[O]", before);
	if (json_is_array(value))
		ensure(json_array_extend(list, value) == 0);
	else
		json_array_append(list, value);
	json_decref(value);
	return list;
}

static json_t *add_pair(const struct field *f, json_t *pairs, const char *text)
{
	size_t n = strcspn(text, ":");
	char *name = mem_strndup(text, n);
	const char *value = text + n + (text[n] != '\0');

	value += strspn(value, " ");
	pairs = pairs ? json_incref(pairs) : json_object();
	json_object_set_new(pairs, name,
		f->type == FIELD_CREDENTIALS ? secret_or_text(value) : json_string(value));
	free(name);
	return pairs;
}

/* What the option says, added to what it said BEFORE. TEXT NULL: it stands alone. A new reference. */
static json_t *value_of(const struct field *f, json_t *before, const char *text)
{
	json_t *list;

	switch (f->type) {
	case FIELD_BOOL:
		return json_boolean(!is_true_by_default(f));
	case FIELD_INT:
	case FIELD_NUMBER:
	case FIELD_PERCENT:
		return number_or_text(text);
	case FIELD_CUSTOM:
		return *text ? more_of(f, before, list_or_number(text)) : json_true();
	case FIELD_CREDENTIAL:
		return secret_or_text(text);
	case FIELD_PAIRS:
	case FIELD_CREDENTIALS:
		return add_pair(f, before, text);
	case FIELD_STRINGS:
	case FIELD_LIST:
		list = before ? json_incref(before) : json_array();
		json_array_append_new(list, f->type == FIELD_STRINGS  ? json_string(text)
					    : f->word && *text != '{' ? f->word(text)
								      : yaml_or_text(text));
		return list;
	default:
		return json_string(text);
	}
}

static void set(json_t *object, const char *path, const struct field *f, const char *text)
{
	size_t n = strcspn(path, ".");
	char name[TEXT_SIZE];
	json_t *inner;

	snprintf(name, sizeof(name), "%.*s", (int)n, path);
	inner = json_object_get(object, name);
	if (!path[n]) {
		json_object_set_new(object, name, value_of(f, inner, text));
		return;
	}
	if (!inner) {
		inner = json_object();
		json_object_set_new(object, name, inner);
	}
	set(inner, path + n + 1, f, text);
}

static bool is_pair(const struct field *f)
{
	return f->type == FIELD_PAIRS || f->type == FIELD_CREDENTIALS;
}

int monitor_options_apply(const struct monitor_options *o, const struct args *args, json_t *monitor,
	const char **wrong)
{
	const char *text;

	for (size_t i = 0; i < o->n; i++) {
		const struct row *row = &o->row[i];
		for (int k = 0; (text = args_nth(args, row->name, k)); k++) {
			*wrong = row->name;
			if (is_pair(row->field) && !strchr(text, ':'))
				return -1;
			set(monitor, row->path, row->field, text);
		}
	}
	return 0;
}

const char *monitor_options_name(const struct monitor_options *o, const char *path)
{
	for (size_t i = 0; i < o->n; i++) {
		size_t n = strlen(o->row[i].path);
		if (strncmp(o->row[i].path, path, n) == 0 && strchr(".[", path[n]))
			return o->row[i].name;
	}
	return NULL;
}

const char *monitor_options_given(const struct monitor_options *o, const struct args *args)
{
	for (size_t i = 0; i < o->n; i++)
		if (args_has(args, o->row[i].name))
			return o->row[i].name;
	return NULL;
}
