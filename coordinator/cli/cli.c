// SPDX-License-Identifier: MIT
#include "coordinator/cli/cli.h"

#include "coordinator/cli/client.h"
#include "proto/base/text.h"
#include "proto/base/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 2, 0))) static void say(
	struct cli *cli, const char *format, va_list ap)
{
	fputs("quorate: ", cli->err);
	vfprintf(cli->err, format, ap);
	fputc('\n', cli->err);
}

int cli_fail(struct cli *cli, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(cli, format, ap);
	va_end(ap);
	return CLI_FAILED;
}

int cli_usage(struct cli *cli, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(cli, format, ap);
	va_end(ap);
	return CLI_USAGE;
}

void cli_note(struct cli *cli, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(cli->err, format, ap);
	va_end(ap);
	fputc('\n', cli->err);
}

struct client *cli_client(struct cli *cli)
{
	if (!cli->client)
		cli->client = client_open(cli->url, cli->key_file, cli->err);
	return cli->client;
}

int cli_print_json(struct cli *cli, const json_t *document)
{
	json_dumpf(document, cli->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', cli->out);
	return CLI_OK;
}

int cli_print_secret(struct cli *cli, const char *secret, const char *save)
{
	FILE *file;
	int fd;

	if (!save) {
		fprintf(cli->out, "%s\n", secret);
		return CLI_OK;
	}
	fd = open(save, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	file = fd == -1 ? NULL : fdopen(fd, "w");
	if (!file) {
		cli_fail(cli,
			"cannot make %s: %s; here is the secret, which is told only this once:",
			save, strerror(errno));
		fprintf(cli->out, "%s\n", secret);
		return CLI_FAILED;
	}
	fprintf(file, "%s\n", secret);
	if (fclose(file) == EOF)
		return cli_fail(cli, "cannot write %s: %s", save, strerror(errno));
	return CLI_OK;
}

void cli_print_warnings(struct cli *cli, const char *name, const json_t *object)
{
	json_t *warning;
	size_t i;

	json_array_foreach (json_object_get(object, "warnings"), i, warning) {
		fputs("quorate: warning: ", cli->err);
		text_print(cli->err, name ? name : "");
		fputs(name ? ": " : "", cli->err);
		text_print(cli->err, value_text(warning, "path", ""));
		fputs(": ", cli->err);
		text_print(cli->err, value_text(warning, "message", "?"));
		fputc('\n', cli->err);
	}
}

/* ---- finding the command */

static bool is_noun(const char *word)
{
	for (const struct command *c = commands; c->noun; c++)
		if (strcmp(c->noun, word) == 0)
			return true;
	return false;
}

static const struct command *find_command(const char *noun, const char *verb)
{
	for (const struct command *c = commands; c->noun; c++)
		if (strcmp(c->noun, noun) == 0 &&
			(!c->verb || (verb && strcmp(c->verb, verb) == 0)))
			return c;
	return NULL;
}

static int unknown_word(struct cli *cli, const char *noun, const char *word)
{
	const char *names[64];
	size_t n = 0;

	for (const struct command *c = commands; c->noun && n < ARRAY_LEN(names); c++) {
		if (!noun)
			names[n++] = c->noun;
		else if (strcmp(noun, c->noun) == 0)
			names[n++] = c->verb;
	}
	const char *near = nearest_name(word, names, n);
	const char *space = noun ? " " : "";
	noun = noun ? noun : "";
	if (near)
		return cli_usage(cli, "unknown command '%s%s%s'; did you mean '%s%s%s'?", noun,
			space, word, noun, space, near);
	return cli_usage(cli, "unknown command '%s%s%s'; 'quorate help%s%s' lists what there is",
		noun, space, word, space, noun);
}

static int take_globals(struct cli *cli, const struct args *args)
{
	const char *output = args_value(args, "output"), *no_color = getenv("NO_COLOR"),
		   *term = getenv("TERM");

	if (output && strcmp(output, "table") != 0 && strcmp(output, "json") != 0)
		return cli_usage(
			cli, "--output: '%s' is no form of output; accepted: table, json", output);
	cli->json = output && strcmp(output, "json") == 0;
	cli->url = args_value(args, "url");
	cli->key_file = args_value(args, "key-file");
	int fd = fileno(cli->out);
	cli->color = fd >= 0 && isatty(fd) && !(no_color && *no_color) &&
		     !(term && strcmp(term, "dumb") == 0);
	return CLI_OK;
}

static int run_command(struct cli *cli, const struct command *command, struct args *args, int argc,
	char *const *argv)
{
	char name[64];
	const char *why;

	snprintf(name, sizeof(name), "%s%s%s", command->noun, command->verb ? " " : "",
		command->verb ? command->verb : "");
	if (args_parse(args, command->options, global_options, argc, argv, false, &why) == -1)
		return cli_usage(
			cli, "%s: %s; 'quorate %s --help' shows what it takes", name, why, name);
	if (args_has(args, "help")) {
		help_command(cli->out, command);
		return CLI_OK;
	}
	if (args->n_operands < command->min_operands || args->n_operands > command->max_operands) {
		bool missing = args->n_operands < command->min_operands;
		cli_usage(cli,
			missing ? "%s: something is missing" : "%s: more words than it takes",
			name);
		help_command(cli->err, command);
		return CLI_USAGE;
	}
	int status = take_globals(cli, args);
	if (status == CLI_OK)
		status = command->run(cli, args);
	client_close(cli->client);
	return status;
}

/* A noun without a verb that fits: help, or what is wrong with it. */
static int explain_noun(struct cli *cli, const char *noun, const char *verb)
{
	if (verb && (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)) {
		help_noun(cli->out, noun);
		return CLI_OK;
	}
	if (verb && verb[0] != '-')
		return unknown_word(cli, noun, verb);
	cli_usage(cli, "%s: what should be done with it?", noun);
	help_noun(cli->err, noun);
	return CLI_USAGE;
}

int cli_main(int argc, char *const *argv, FILE *out, FILE *err)
{
	struct cli cli = {.out = out, .err = err};
	struct args args = {0};
	const struct command *command;
	const char *why;
	int at = 1, read;

	monitor_add_prepare();
	read = args_parse(&args, NULL, global_options, argc - 1, argv + 1, true, &why);
	if (read == -1)
		return cli_usage(&cli, "%s; 'quorate --help' shows what there is", why);
	at += read;
	if (args_has(&args, "version")) {
		fprintf(out, "quorate %s\n", QUORATE_VERSION);
		return CLI_OK;
	}
	if (at >= argc) {
		help_all(args_has(&args, "help") ? out : err);
		return args_has(&args, "help") ? CLI_OK : CLI_USAGE;
	}
	const char *noun = argv[at++], *verb = at < argc ? argv[at] : NULL;
	if (!is_noun(noun))
		return unknown_word(&cli, NULL, noun);
	command = find_command(noun, verb);
	if (!command)
		return explain_noun(&cli, noun, verb);
	at += command->verb != NULL;
	return run_command(&cli, command, &args, argc - at, argv + at);
}
