// SPDX-License-Identifier: MIT
/* quorate apply: the monitors of files become the coordinator's, in one step. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "proto/files.h"
#include "proto/base/table.h"
#include "proto/base/text.h"

#include <stdlib.h>
#include <string.h>

struct counts {
	int created, updated, unchanged;
};

static void print_change(struct cli *cli, const json_t *change)
{
	char *from = value_words(value_at(change, "from")),
	     *to = value_words(value_at(change, "to"));

	fputs("      ", cli->out);
	text_print(cli->out, value_text(change, "path", "?"));
	fputs(": ", cli->out);
	text_print_cut(cli->out, from, 200);
	fputs(" → ", cli->out);
	text_print_cut(cli->out, to, 200);
	fputc('\n', cli->out);
	free(from);
	free(to);
}

/* What its quorum means: of a new one, and of one whose electorate or policy changes. */
static void print_rule(struct cli *cli, const json_t *item, bool is_new)
{
	const char *words = value_text(item, "rule.words", NULL), *path;
	const json_t *change;
	bool told = is_new;
	size_t i;

	json_array_foreach (value_at(item, "changes"), i, change) {
		path = value_text(change, "path", "");
		told = told || strncmp(path, "quorum", 6) == 0 || strcmp(path, "regions") == 0;
	}
	if (!words || !told)
		return;
	fputs("      quorum: ", cli->out);
	text_print_wrapped(cli->out, words, 80, 14);
	fputc('\n', cli->out);
}

static void print_item(struct cli *cli, const json_t *item, struct counts *counts)
{
	const char *kind = value_text(item, "kind", "?");
	const char *mark = "?";
	enum style style = STYLE_PLAIN;
	json_t *change;
	size_t i;

	if (strcmp(kind, "create") == 0) {
		mark = "+ create     ";
		style = STYLE_GOOD;
		counts->created++;
	} else if (strcmp(kind, "update") == 0) {
		mark = "~ update     ";
		style = STYLE_WARNING;
		counts->updated++;
	} else if (strcmp(kind, "unchanged") == 0) {
		mark = "= unchanged  ";
		style = STYLE_FAINT;
		counts->unchanged++;
	}
	style_print(cli->out, cli->color, style, mark);
	text_print(cli->out, value_text(item, "name", "?"));
	fputc('\n', cli->out);
	json_array_foreach (value_at(item, "changes"), i, change)
		print_change(cli, change);
	print_rule(cli, item, strcmp(kind, "create") == 0);
}

static void print_plan(struct cli *cli, const json_t *answer, bool dry_run)
{
	struct counts n = {0};
	json_t *item;
	size_t i;

	json_array_foreach (value_at(answer, "items"), i, item)
		print_item(cli, item, &n);
	if (dry_run)
		fprintf(cli->out,
			"%d to create, %d to update, %d unchanged; a dry run: nothing was "
			"changed\n",
			n.created, n.updated, n.unchanged);
	else
		fprintf(cli->out, "%d created, %d updated, %d unchanged\n", n.created, n.updated,
			n.unchanged);
}

/* The coordinator's problem document, led back to the files. */
static int print_refusal(struct cli *cli, struct client *client, struct files *files, int status,
	const json_t *answer)
{
	const json_t *errors = value_at(answer, "errors"), *error;
	size_t i;

	if ((status != 422 && status != 400) || json_array_size(errors) == 0) {
		client_print_problem(client, status, answer);
		return CLI_FAILED;
	}
	json_array_foreach (errors, i, error)
		files_complain(
			files, value_text(error, "path", ""), value_text(error, "message", "?"));
	files_print_complaints(files, cli->err);
	cli_note(cli, "quorate: the coordinator refused this; nothing was changed");
	return CLI_FAILED;
}

static int apply(struct cli *cli, struct files *files, bool dry_run)
{
	struct client *client = cli_client(cli);
	json_t *body, *answer = NULL, *item;
	int status, result = CLI_FAILED;
	size_t i;

	if (!client)
		return CLI_FAILED;
	body = json_pack("{s:O, s:b}", "monitors", files_monitors(files), "dry_run", dry_run);
	status = client_request(client, "POST", "/api/v1/apply", body, &answer);
	if (status >= 200 && status <= 299) {
		result = CLI_OK;
		if (cli->json)
			cli_print_json(cli, answer);
		else
			print_plan(cli, answer, dry_run);
		json_array_foreach (value_at(answer, "items"), i, item)
			cli_print_warnings(cli, value_text(item, "name", "?"), item);
	} else if (status != -1) {
		result = print_refusal(cli, client, files, status, answer);
	}
	json_decref(body);
	json_decref(answer);
	return result;
}

static void read_files(struct files *files, const struct args *args)
{
	const char *path;

	for (int i = 0; (path = args_nth(args, "file", i)); i++)
		files_add(files, path);
	for (int i = 0; i < args->n_operands; i++) // what a shell makes of -f and a pattern
		files_add(files, args->operand[i]);
	files_check(files);
}

int command_apply(struct cli *cli, const struct args *args)
{
	struct files *files;
	int status;

	if (!args_has(args, "file") && args->n_operands == 0)
		return cli_usage(cli,
			"apply: which file? quorate apply -f FILE; '-f -' reads standard input");
	files = files_new();
	read_files(files, args);
	if (files_complaints(files) > 0) {
		files_print_complaints(files, cli->err);
		cli_note(cli, "quorate: nothing was sent");
		status = CLI_USAGE;
	} else {
		status = apply(cli, files, args_has(args, "dry-run"));
	}
	files_free(files);
	return status;
}
