// SPDX-License-Identifier: MIT
#include "proto/base/args.h"

#include "proto/base/schema.h"
#include "proto/base/text.h"

#include <string.h>

#define HELP_COLUMNS 96
#define HELP_INDENT  34

static char problem[256];

static const struct cli_option *find_long(
	const struct cli_option *const tables[2], const char *name, size_t length)
{
	for (int t = 0; t < 2; t++)
		for (const struct cli_option *o = tables[t]; o && o->name; o++)
			if (strlen(o->name) == length && memcmp(o->name, name, length) == 0)
				return o;
	return NULL;
}

static const struct cli_option *find_letter(const struct cli_option *const tables[2], char letter)
{
	for (int t = 0; t < 2; t++)
		for (const struct cli_option *o = tables[t]; o && o->name; o++)
			if (o->letter && o->letter == letter)
				return o;
	return NULL;
}

static void say_unknown(const struct cli_option *const tables[2], const char *word)
{
	const char *names[ARGS_MAX];
	char name[64];
	size_t n = 0;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (int t = 0; t < 2; t++)
		for (const struct cli_option *o = tables[t]; o && o->name && n < ARGS_MAX; o++)
			names[n++] = o->name;
	const char *near = nearest_name(name, names, n);
	if (near)
		snprintf(problem, sizeof(problem), "unknown option '--%s'; did you mean '--%s'?",
			name, near);
	else
		snprintf(problem, sizeof(problem), "unknown option '--%s'", name);
}

static int give(struct args *args, const struct cli_option *option, const char *value)
{
	if (args->n_given == ARGS_MAX) {
		snprintf(problem, sizeof(problem), "more than %d options", ARGS_MAX);
		return -1;
	}
	args->given[args->n_given].option = option;
	args->given[args->n_given++].value = value;
	return 0;
}

static bool is_number(const char *word)
{
	return word && *word && !word[strspn(word, "0123456789")];
}

/* An option's value is the rest of its word, or the next word. Returns words read, or -1. */
static int take_value(
	struct args *args, const struct cli_option *o, const char *inside, const char *next)
{
	bool optional = o->value && *o->value == '[';

	if (optional && !inside && !is_number(next))
		return give(args, o, NULL) == -1 ? -1 : 1;
	if (!o->value && inside) {
		snprintf(problem, sizeof(problem), "option '--%s' takes no value", o->name);
		return -1;
	}
	if (o->value && !inside && !next) {
		snprintf(problem, sizeof(problem), "option '--%s' needs a value: %s", o->name,
			o->value);
		return -1;
	}
	if (give(args, o, !o->value ? NULL : inside ? inside : next) == -1)
		return -1;
	return o->value && !inside ? 2 : 1;
}

static int parse_long(struct args *args, const struct cli_option *const tables[2], const char *word,
	const char *next)
{
	const char *equal = strchr(word, '=');
	size_t length = equal ? (size_t)(equal - word) - 2 : strlen(word) - 2;
	const struct cli_option *o = find_long(tables, word + 2, length);

	if (!o) {
		say_unknown(tables, word);
		return -1;
	}
	return take_value(args, o, equal ? equal + 1 : NULL, next);
}

static int parse_letters(struct args *args, const struct cli_option *const tables[2],
	const char *word, const char *next)
{
	for (const char *c = word + 1; *c; c++) {
		const struct cli_option *o = find_letter(tables, *c);
		if (!o) {
			snprintf(problem, sizeof(problem), "unknown option '-%c'", *c);
			return -1;
		}
		if (o->value)
			return take_value(args, o, c[1] ? c + 1 : NULL, next);
		if (give(args, o, NULL) == -1)
			return -1;
	}
	return 1;
}

int args_parse(struct args *args, const struct cli_option *own, const struct cli_option *common,
	int n, char *const *argv, bool stop_at_operand, const char **why)
{
	const struct cli_option *const tables[2] = {own, common};
	bool only_operands = false;
	int i = 0, read;

	*why = problem;
	while (i < n) {
		const char *word = argv[i], *next = i + 1 < n ? argv[i + 1] : NULL;
		read = 1;
		if (!only_operands && strcmp(word, "--") == 0) {
			only_operands = true;
		} else if (!only_operands && strncmp(word, "--", 2) == 0) {
			read = parse_long(args, tables, word, next);
		} else if (!only_operands && word[0] == '-' && word[1]) {
			read = parse_letters(args, tables, word, next);
		} else if (stop_at_operand) {
			return i;
		} else if (args->n_operands == ARGS_MAX) {
			snprintf(problem, sizeof(problem), "more than %d operands", ARGS_MAX);
			return -1;
		} else {
			args->operand[args->n_operands++] = word;
		}
		if (read == -1)
			return -1;
		i += read;
	}
	return i;
}

const char *args_nth(const struct args *args, const char *name, int i)
{
	for (int g = 0; g < args->n_given; g++)
		if (strcmp(args->given[g].option->name, name) == 0 && i-- == 0)
			return args->given[g].value ? args->given[g].value : "";
	return NULL;
}

bool args_has(const struct args *args, const char *name)
{
	return args_nth(args, name, 0) != NULL;
}

const char *args_value(const struct args *args, const char *name)
{
	const char *last = NULL, *value;
	for (int i = 0; (value = args_nth(args, name, i)); i++)
		last = value;
	return last;
}

void args_help(FILE *out, const struct cli_option *options)
{
	for (const struct cli_option *o = options; o->name; o++) {
		char left[128];
		bool optional = o->value && *o->value == '[';
		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
			o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			!o->value  ? ""
			: optional ? "[="
				   : " ",
			!o->value ? "" : o->value + optional);
		if (strlen(left) > 31)
			fprintf(out, "  %s\n%*s", left, HELP_INDENT, "");
		else
			fprintf(out, "  %-31s ", left);
		text_print_wrapped(out, o->help, HELP_COLUMNS - HELP_INDENT, HELP_INDENT);
		fputc('\n', out);
	}
}
