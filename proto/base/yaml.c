// SPDX-License-Identifier: MIT
/*
 * YAML -> json_t on libyaml's events, with a tree of marks beside it: one for each value, in the
 * same shape. It stops at the first mistake. What a value may be is the schema's business; here
 * only the subset of YAML is held.
 */
#include "proto/base/yaml.h"
#include "proto/base/buf.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "proto/base/yaml_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#define DEPTH_MAX 32
#define NODES_MAX 200000

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; deleted by next() */
	bool has_event;
	const char *text;
	size_t size_bytes;
	size_t nodes;
	struct yaml_error *error;
};

static int read_value(struct reader *r, int depth, json_t **out, struct mark *mark);

PRINTF_LIKE(4, 5)
static int fail_at(struct reader *r, int line, int column, const char *format, ...)
{
	va_list args;

	r->error->line = line;
	r->error->column = column;
	va_start(args, format);
	vsnprintf(r->error->message, sizeof(r->error->message), format, args);
	va_end(args);
	utf8_trim(r->error->message);
	return -1;
}

static int line_of(const yaml_mark_t *mark)
{
	return (int)mark->line + 1;
}

static int column_of(const yaml_mark_t *mark)
{
	return (int)mark->column + 1;
}

#define fail_here(r, ...)                                                                          \
	fail_at(r, line_of(&(r)->event.start_mark), column_of(&(r)->event.start_mark), __VA_ARGS__)

/* What libyaml says, and what a person can do about it. */
static const struct {
	const char *theirs, *ours;
} sentences[] = {
	{"found character that cannot start any token",
		"this character cannot begin a value; put the text in quotes"},
	{"mapping values are not allowed in this context",
		"': ' is not allowed here: wrong indentation, or a text with ': ' that needs "
		"quotes"},
	{"did not find expected key",
		"a key was expected here: wrong indentation, or an open quote or bracket above"},
	{"did not find expected '-' indicator",
		"'- ' was expected here: wrong indentation of this list"},
	{"did not find expected ',' or ']'",
		"',' or ']' was expected here: the list is not closed"},
	{"did not find expected ',' or '}'",
		"',' or '}' was expected here: the object is not closed"},
	{"could not find expected ':'", "a ':' is missing, or there is no space behind it"},
	{"found unexpected end of stream", "the text ends inside of quotes"},
	{"block sequence entries are not allowed in this context",
		"'- ' is not allowed here: wrong indentation"},
	{"did not find expected <document start>",
		"nothing may follow here: wrong indentation, or text after the end of a value"},
	{"did not find expected node content", "a value is missing here"},
	{"found duplicate %YAML directive", "directives are not supported"},
};

/* Whether the character at libyaml's mark (which counts characters, not bytes) is a tab. */
static bool at_tab(const struct reader *r, const yaml_mark_t *mark)
{
	const char *c = r->text, *end = r->text + r->size_bytes;
	size_t line = mark->line, column = mark->column;

	for (; line > 0 && c < end; line--) {
		c = memchr(c, '\n', (size_t)(end - c));
		c = c == NULL ? end : c + 1;
	}
	for (; column > 0 && c < end; column--)
		for (c++; c < end && ((unsigned char)*c & 0xc0) == 0x80; c++)
			;
	return c < end && *c == '\t';
}

static int fail_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *ours = p->problem == NULL ? "not readable" : p->problem;
	int line = line_of(&p->problem_mark), column = column_of(&p->problem_mark);
	int since = p->context == NULL ? line : line_of(&p->context_mark);

	if (p->error == YAML_READER_ERROR)
		return fail_at(
			r, 0, 0, "not UTF-8 text (at byte %zu: %s)", p->problem_offset, ours);
	for (size_t i = 0; i < ARRAY_LEN(sentences); i++)
		if (strcmp(ours, sentences[i].theirs) == 0)
			ours = sentences[i].ours;
	if (at_tab(r, &p->problem_mark))
		ours = "a tab cannot indent; use spaces";
	if (since < line)
		return fail_at(r, line, column, "%s (in what began on line %d)", ours, since);
	return fail_at(r, line, column, "%s", ours);
}

/* Moves to the next event. */
static int next(struct reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = false;
	if (!yaml_parser_parse(&r->parser, &r->event))
		return fail_parser(r);
	r->has_event = true;
	return 0;
}

/* ---- scalars: the core schema of YAML 1.2 (section 10.3.2) for plain ones, texts else */

static int read_scalar(struct reader *r, json_t **out)
{
	const char *text = (const char *)r->event.data.scalar.value, *why;
	size_t n = r->event.data.scalar.length;

	if (memchr(text, '\0', n) != NULL)
		return fail_here(r, "a text cannot contain a NUL character");
	if (r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		*out = json_stringn(text, n);
	else
		*out = yaml_plain(text, &why);
	if (*out == NULL)
		return fail_here(r, "%s",
			r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? why : "not UTF-8");
	return 0;
}

/* ---- collections */

static struct mark *add_mark(struct mark *parent, const char *key, const yaml_mark_t *at)
{
	struct mark *mark;

	if (parent->n == parent->room) {
		parent->room = parent->room ? parent->room * 2 : 4;
		parent->child = mem_resize(parent->child, parent->room, sizeof(*parent->child));
	}
	mark = &parent->child[parent->n++];
	*mark = (struct mark){.key = mem_strdup(key), .line = line_of(at), .column = column_of(at)};
	return mark;
}

static int read_list(struct reader *r, int depth, json_t *list, struct mark *mark)
{
	for (;;) {
		json_t *item = NULL;
		struct mark *inner;

		if (next(r) == -1)
			return -1;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		inner = add_mark(mark, NULL, &r->event.start_mark);
		if (read_value(r, depth + 1, &item, inner) == -1) {
			json_decref(item);
			return -1;
		}
		json_array_append_new(list, item);
	}
}

static int check_key(struct reader *r, const struct mark *mark, const json_t *object)
{
	const char *key = (const char *)r->event.data.scalar.value;

	if (r->event.type == YAML_ALIAS_EVENT)
		return fail_here(r, "aliases (*name) are not supported");
	if (r->event.type != YAML_SCALAR_EVENT)
		return fail_here(r, "a key must be a simple text");
	if (r->event.data.scalar.tag != NULL || r->event.data.scalar.anchor != NULL)
		return fail_here(r, "tags (!name) and anchors (&name) are not supported");
	if (strlen(key) != r->event.data.scalar.length)
		return fail_here(r, "a key cannot contain a NUL character");
	if (*key == '\0')
		return fail_here(r, "a key is missing before ':'");
	if (strcmp(key, "<<") == 0 && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return fail_here(r, "merge keys (<<) are not supported");
	if (json_object_get(object, key) != NULL)
		for (size_t i = 0; i < mark->n; i++)
			if (strcmp(mark->child[i].key, key) == 0)
				return fail_here(r,
					"the key '%.60s' is given twice, first on line %d", key,
					mark->child[i].line);
	return 0;
}

static int read_object(struct reader *r, int depth, json_t *object, struct mark *mark)
{
	for (;;) {
		json_t *value = NULL;
		struct mark *inner;
		yaml_mark_t key_mark;
		int error = -1;
		char *key;

		if (next(r) == -1)
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (check_key(r, mark, object) == -1)
			return -1;
		key = mem_strdup((const char *)r->event.data.scalar.value);
		key_mark = r->event.start_mark;
		if (next(r) == 0) {
			/* a block that begins below its key is best found at the key */
			inner = add_mark(mark, key,
				r->event.start_mark.line > key_mark.line ? &key_mark
									 : &r->event.start_mark);
			error = read_value(r, depth + 1, &value, inner);
		}
		if (error == 0 && json_object_set(object, key, value) == -1)
			error = fail_at(r, line_of(&key_mark), column_of(&key_mark),
				"the key is not UTF-8");
		json_decref(value);
		free(key);
		if (error == -1)
			return -1;
	}
}

/* Tags and anchors of the current event. */
static bool has_properties(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.tag != NULL || e->data.scalar.anchor != NULL;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.tag != NULL || e->data.sequence_start.anchor != NULL;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.tag != NULL || e->data.mapping_start.anchor != NULL;
	default:
		return false;
	}
}

/* The value that begins with the current event; ends on its last event. *OUT is owned by the caller
 * in any case. */
static int read_value(struct reader *r, int depth, json_t **out, struct mark *mark)
{
	if (++r->nodes > NODES_MAX)
		return fail_here(r, "more than %d values", NODES_MAX);
	if (depth > DEPTH_MAX)
		return fail_here(r, "nested deeper than %d levels", DEPTH_MAX);
	if (r->event.type == YAML_ALIAS_EVENT)
		return fail_here(r, "aliases (*name) are not supported");
	if (has_properties(&r->event))
		return fail_here(r, "tags (!name) and anchors (&name) are not supported");
	switch (r->event.type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(r, out);
	case YAML_SEQUENCE_START_EVENT:
		*out = json_array();
		return read_list(r, depth, *out, mark);
	case YAML_MAPPING_START_EVENT:
		*out = json_object();
		return read_object(r, depth, *out, mark);
	default:
		return fail_here(r, "not readable");
	}
}

/* stream start, document start, value, document end, stream end */
static int read_document(struct reader *r, struct yaml_doc *doc)
{
	if (next(r) == -1 || next(r) == -1)
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT) { /* empty, or comments only */
		doc->root = json_object();
		return 0;
	}
	if (r->event.data.document_start.version_directive != NULL ||
		r->event.data.document_start.tag_directives.start !=
			r->event.data.document_start.tag_directives.end)
		return fail_here(r, "directives (%%YAML, %%TAG) are not supported");
	if (next(r) == -1)
		return -1;
	doc->top.line = line_of(&r->event.start_mark);
	doc->top.column = column_of(&r->event.start_mark);
	if (read_value(r, 1, &doc->root, &doc->top) == -1 || next(r) == -1 || next(r) == -1)
		return -1;
	if (r->event.type != YAML_STREAM_END_EVENT)
		return fail_here(r, "a second document; one per file is supported");
	if (json_is_null(doc->root)) { /* "---" and nothing else */
		json_decref(doc->root);
		doc->root = json_object();
	}
	return 0;
}

int yaml_load_text(const char *name, const char *text, size_t size_bytes, struct yaml_doc **out,
	struct yaml_error *error)
{
	struct reader r = {.text = text, .size_bytes = size_bytes, .error = error};
	struct yaml_doc *doc = mem_alloc(sizeof(*doc));
	int result;

	*out = NULL;
	*error = (struct yaml_error){.line = 0};
	snprintf(error->file, sizeof(error->file), "%s", name);
	doc->name = mem_strdup(name);
	doc->top.line = doc->top.column = 1;
	ensure(yaml_parser_initialize(&r.parser));
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size_bytes);
	result = size_bytes > YAML_MAX_BYTES
			 ? fail_at(&r, 0, 0, "larger than %d MiB", YAML_MAX_BYTES >> 20)
			 : read_document(&r, doc);
	if (r.has_event)
		yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	if (result == -1) {
		yaml_doc_free(doc);
		return -1;
	}
	*out = doc;
	return 0;
}

/* Everything of FD, up to one byte more than is accepted. Returns 0 or -1 (errno). */
static int read_all(int fd, struct buf *into)
{
	char part[16384];

	while (into->size_bytes <= YAML_MAX_BYTES) {
		ssize_t n = read(fd, part, sizeof(part));

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		if (buf_add(into, part, (size_t)n) == -1)
			break;
	}
	return 0;
}

int yaml_load_file(const char *path, struct yaml_doc **out, struct yaml_error *error)
{
	bool standard_input = strcmp(path, "-") == 0;
	const char *name = standard_input ? "standard input" : path;
	struct buf text;
	int fd, result = -1;

	*out = NULL;
	*error = (struct yaml_error){.line = 0};
	snprintf(error->file, sizeof(error->file), "%s", name);
	buf_init(&text, YAML_MAX_BYTES + 65536);
	fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd == -1 || read_all(fd, &text) == -1)
		snprintf(error->message, sizeof(error->message), "cannot be read: %s",
			strerror(errno));
	else
		result = yaml_load_text(name, buf_text(&text), text.size_bytes, out, error);
	if (fd > STDIN_FILENO)
		close(fd);
	buf_clear(&text);
	return result;
}
