// SPDX-License-Identifier: MIT
#include "proto/base/table.h"

#include "proto/base/text.h"
#include "proto/base/mem.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define LAST_COLUMNS_MIN 20

struct cell {
	char *text;
	enum style style;
};

struct table {
	const char *const *headers;
	size_t columns;
	struct cell *cells; /* row by row */
	size_t n, room;
};

enum style style_of(const char *word)
{
	static const struct {
		const char *word;
		enum style style;
	} styles[] = {
		{"up", STYLE_GOOD},
		{"voting", STYLE_GOOD},
		{"closed", STYLE_GOOD},
		{"ok", STYLE_GOOD},
		{"warning", STYLE_WARNING},
		{"degraded", STYLE_WARNING},
		{"undetermined", STYLE_WARNING},
		{"unknown", STYLE_WARNING},
		{"acknowledged", STYLE_WARNING},
		{"down", STYLE_BAD},
		{"critical", STYLE_BAD},
		{"lost", STYLE_BAD},
		{"twins", STYLE_BAD},
		{"revoked", STYLE_BAD},
		{"open", STYLE_BAD},
		{"stale", STYLE_FAINT},
		{"absent", STYLE_FAINT},
		{"outdated", STYLE_FAINT},
		{"excluded", STYLE_FAINT},
		{"pending", STYLE_FAINT},
		{"paused", STYLE_FAINT},
		{"never-seen", STYLE_FAINT},
	};
	for (size_t i = 0; word && i < ARRAY_LEN(styles); i++)
		if (strcmp(styles[i].word, word) == 0)
			return styles[i].style;
	return STYLE_PLAIN;
}

void style_print(FILE *out, bool color, enum style style, const char *text)
{
	static const char *const begin[] = {
		"", "\033[32m", "\033[33m", "\033[31m", "\033[2m", "\033[1m"};

	color = color && style != STYLE_PLAIN;
	if (color)
		fputs(begin[style], out);
	text_print(out, text);
	if (color)
		fputs("\033[0m", out);
}

struct table *table_new(const char *const *headers)
{
	struct table *t = mem_alloc(sizeof(*t));

	t->headers = headers;
	while (headers[t->columns])
		t->columns++;
	return t;
}

void table_add_styled(struct table *t, enum style style, const char *text)
{
	if (t->n == t->room) {
		t->room = t->room ? t->room * 2 : 64;
		t->cells = mem_resize(t->cells, t->room, sizeof(*t->cells));
	}
	t->cells[t->n].text = mem_strdup(text && *text ? text : "-");
	t->cells[t->n++].style = style;
}

void table_add(struct table *t, const char *text)
{
	table_add_styled(t, STYLE_PLAIN, text);
}

void table_printf(struct table *t, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	table_add(t, text);
}

static bool is_right(const struct table *t, size_t column)
{
	return t->headers[column][0] == '>';
}

static const char *header(const struct table *t, size_t column)
{
	return t->headers[column] + is_right(t, column);
}

static int column_width(const struct table *t, size_t column)
{
	int width = text_width(header(t, column));

	for (size_t i = column; i < t->n; i += t->columns) {
		int w = text_width(t->cells[i].text);
		width = w > width ? w : width;
	}
	return width;
}

/* On a terminal the last column is cut where the line would wrap; in files and pipes nothing is. */
static int room_for_last(const struct table *t, FILE *out, int indent, const int *width)
{
	int fd = fileno(out), used = indent;
	struct winsize size;

	if (fd == -1 || ioctl(fd, TIOCGWINSZ, &size) == -1 || size.ws_col == 0)
		return INT_MAX;
	for (size_t c = 0; c + 1 < t->columns; c++)
		used += width[c] + 2;
	return size.ws_col - used >= LAST_COLUMNS_MIN ? size.ws_col - used : INT_MAX;
}

static void cut_last(struct table *t, int columns)
{
	for (size_t i = t->columns - 1; i < t->n; i += t->columns) {
		char *cut = NULL;
		size_t size;
		if (text_width(t->cells[i].text) <= columns)
			continue;
		FILE *out = open_memstream(&cut, &size);
		ensure(out != NULL);
		text_print_cut(out, t->cells[i].text, columns);
		fclose(out);
		free(t->cells[i].text);
		t->cells[i].text = cut;
	}
}

static void print_cell(const struct table *t, FILE *out, bool color, size_t column,
	const struct cell *cell, int width)
{
	int blanks = width - text_width(cell->text);
	bool last = column + 1 == t->columns;

	if (is_right(t, column))
		fprintf(out, "%*s", blanks, "");
	style_print(out, color, cell->style, cell->text);
	if (last)
		fputc('\n', out);
	else
		fprintf(out, "%*s", is_right(t, column) ? 2 : blanks + 2, "");
}

void table_print(struct table *t, FILE *out, bool color, int indent)
{
	ensure(t->columns > 0);
	int *width = mem_array(t->columns, sizeof(*width));

	for (size_t c = 0; c < t->columns; c++)
		width[c] = column_width(t, c);
	cut_last(t, room_for_last(t, out, indent, width));
	for (size_t c = 0; t->n && c < t->columns; c++) {
		struct cell title = {mem_strdup(header(t, c)), STYLE_BOLD};
		fprintf(out, "%*s", c == 0 ? indent : 0, "");
		print_cell(t, out, color, c, &title, width[c]);
		free(title.text);
	}
	for (size_t i = 0; i < t->n; i++) {
		fprintf(out, "%*s", i % t->columns == 0 ? indent : 0, "");
		print_cell(t, out, color, i % t->columns, &t->cells[i], width[i % t->columns]);
		free(t->cells[i].text);
	}
	free(width);
	free(t->cells);
	free(t);
}
