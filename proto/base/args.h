// SPDX-License-Identifier: MIT
/* The words of a command line: options (anywhere among the operands, until "--") and operands. */
#ifndef QUORATE_BASE_ARGS_H
#define QUORATE_BASE_ARGS_H

#include "quorate/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cli_option {
	const char *name;  /* long, without the dashes; NULL ends a table */
	char letter;       /* short; 0: none */
	const char *value; /* what it takes, for the help ("URL"); NULL: a switch; in brackets
			      ("[N]"): it may stand alone, a value follows behind "=" or is a
			      number */
	const char *help;
};

#define ARGS_MAX 256

/* Everything points into argv and the tables. */
struct args {
	const char *operand[ARGS_MAX];
	int n_operands;
	struct {
		const struct cli_option *option;
		const char *value; /* NULL: a switch */
	} given[ARGS_MAX];
	int n_given;
};

/*
 * Adds what ARGV (N words, no program name) says to ARGS, by two tables of options (OWN may be
 * NULL). With STOP_AT_OPERAND it ends before the first operand. Returns the number of words read,
 * or -1 and *WHY, a sentence in static memory.
 */
MUST_CHECK int args_parse(struct args *args, const struct cli_option *own,
	const struct cli_option *common, int n, char *const *argv, bool stop_at_operand,
	const char **why);
/* The table as a help: a line each, or more. */
void args_help(FILE *out, const struct cli_option *options);
bool args_has(const struct args *args, const char *name);
/* The last value given for NAME; NULL: not given. */
const char *args_value(const struct args *args, const char *name);
/* The value given for NAME the I-th time (from 0); NULL: not that often. */
const char *args_nth(const struct args *args, const char *name, int i);

#endif
