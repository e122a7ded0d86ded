// SPDX-License-Identifier: MIT
/* Help, made from the table of commands. */
#include "coordinator/cli/cli.h"

#include <string.h>

static void print_usage(FILE *out, const struct command *c)
{
	fprintf(out, "quorate %s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
	if (c->operands)
		fprintf(out, " %s", c->operands);
	if (c->options)
		fputs(" [options]", out);
}

static void print_line(FILE *out, const struct command *c)
{
	char left[64];

	snprintf(left, sizeof(left), "%s%s%s%s%s", c->noun, c->verb ? " " : "",
		c->verb ? c->verb : "", c->operands ? " " : "", c->operands ? c->operands : "");
	fprintf(out, "  %-31s %s\n", left, c->summary);
}

void help_all(FILE *out)
{
	const char *before = "";

	fputs("quorate: the command line of a quorate coordinator\n\nusage: quorate [options] "
	      "COMMAND\n",
		out);
	for (const struct command *c = commands; c->noun; c++) {
		if (strcmp(before, c->noun) != 0 && (c->verb || *before == '\0'))
			fputc('\n', out);
		print_line(out, c);
		before = c->noun;
	}
	fputs("\noptions\n", out);
	args_help(out, global_options);
	fputs("\n'quorate COMMAND --help' tells more; quorate(1) tells all.\n", out);
}

void help_noun(FILE *out, const char *noun)
{
	for (const struct command *c = commands; c->noun; c++)
		if (strcmp(c->noun, noun) == 0)
			print_line(out, c);
}

void help_command(FILE *out, const struct command *c)
{
	fputs("usage: ", out);
	print_usage(out, c);
	fprintf(out, "\n\n%s.\n", c->summary);
	if (c->details)
		fprintf(out, "\n%s\n", c->details);
	if (c->options) {
		fputs("\noptions\n", out);
		args_help(out, c->options);
	}
	fputs("\noptions of every command\n", out);
	args_help(out, global_options);
}

int command_help(struct cli *cli, const struct args *args)
{
	const char *noun = args->n_operands > 0 ? args->operand[0] : NULL;
	const char *verb = args->n_operands > 1 ? args->operand[1] : NULL;

	if (!noun) {
		help_all(cli->out);
		return CLI_OK;
	}
	for (const struct command *c = commands; c->noun; c++) {
		if (strcmp(c->noun, noun) != 0)
			continue;
		if (!c->verb || (verb && strcmp(c->verb, verb) == 0)) {
			help_command(cli->out, c);
			return CLI_OK;
		}
		if (!verb) {
			help_noun(cli->out, noun);
			return CLI_OK;
		}
	}
	return cli_usage(
		cli, "there is no command '%s%s%s'", noun, verb ? " " : "", verb ? verb : "");
}
