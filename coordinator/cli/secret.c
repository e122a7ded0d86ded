// SPDX-License-Identifier: MIT
/* quorate secret: named values for the credentials of monitors. A value comes from standard input,
 * never from the command line, and is not shown again. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "proto/base/table.h"
#include "proto/base/text.h"
#include "quorate/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define ROOM (SECRET_VALUE_MAX_BYTES + 2) /* with its newline, and one byte to notice more */

static ssize_t read_all(char *out)
{
	size_t size = 0;
	ssize_t n;

	while (size < ROOM && (n = read(STDIN_FILENO, out + size, ROOM - size)) != 0) {
		if (n == -1 && errno != EINTR)
			return -1;
		size += n == -1 ? 0 : (size_t)n;
	}
	return (ssize_t)size;
}

/* A line that is typed, without showing it. */
static ssize_t read_typed(struct cli *cli, const char *name, char *out)
{
	struct termios before, silent;
	ssize_t n;

	fprintf(cli->err, "Value of %s (not shown): ", name);
	fflush(cli->err);
	if (tcgetattr(STDIN_FILENO, &before) == -1)
		return -1;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == -1)
		return -1;
	n = read(STDIN_FILENO, out, ROOM);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', cli->err);
	return n;
}

/* The value without the newline at its end, as {"value": …}; NULL after saying what is wrong. */
static json_t *read_value(struct cli *cli, const char *name)
{
	char text[ROOM + 1];
	ssize_t n = isatty(STDIN_FILENO) ? read_typed(cli, name, text) : read_all(text);
	json_t *value = NULL;

	if (n == -1) {
		cli_fail(cli, "cannot read the value from standard input: %s", strerror(errno));
		return NULL;
	}
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n < SECRET_VALUE_MIN_BYTES || n > SECRET_VALUE_MAX_BYTES)
		cli_usage(cli,
			"secret set: the value on standard input is %s; accepted: %d to %d "
			"bytes",
			n == 0                       ? "empty"
			: n < SECRET_VALUE_MIN_BYTES ? "too short"
						     : "too long",
			SECRET_VALUE_MIN_BYTES, SECRET_VALUE_MAX_BYTES);
	else if (memchr(text, '\0', (size_t)n) || !(value = json_stringn(text, (size_t)n)))
		cli_usage(
			cli, "secret set: the value on standard input is no text; accepted: UTF-8");
	explicit_bzero(text, sizeof(text));
	return value ? json_pack("{s:o}", "value", value) : NULL;
}

int command_secret_set(struct cli *cli, const struct args *args)
{
	const char *name = args->operand[0];
	struct client *client;
	json_t *body, *answer = NULL;
	char *path;
	int status = CLI_FAILED;

	if (args->n_operands > 1)
		return cli_usage(cli,
			"secret set: the value does not belong on the command line, "
			"where others can read it, but on standard input: quorate "
			"secret set %s <FILE",
			name);
	body = read_value(cli, name);
	if (!body)
		return CLI_USAGE;
	client = cli_client(cli);
	path = client_path("/api/v1/secrets/%s", name);
	if (!client || client_call(client, "PUT", path, body, &answer) == -1)
		goto out;
	status = CLI_OK;
	if (cli->json)
		cli_print_json(cli, answer);
	else if (value_int(answer, "monitors", 0) > 0)
		cli_note(cli,
			"Secret %s has a new value; the probes that vote on its monitors (%s) get "
			"it "
			"now.",
			name, value_text(answer, "monitors", "?"));
	else
		cli_note(cli, "Secret %s is kept. Monitors name it as {secret: %s}.", name, name);
out:
	json_decref(body);
	json_decref(answer);
	free(path);
	return status;
}

int command_secret_list(struct cli *cli, const struct args *args UNUSED)
{
	static const char *const headers[] = {"NAME", ">MONITORS", "CHANGED", NULL};
	struct client *client = cli_client(cli);
	char text[TEXT_SIZE];
	json_t *list, *secret;
	size_t i;

	if (!client || client_list(client, "/api/v1/secrets", 0, &list) == -1)
		return CLI_FAILED;
	if (cli->json) {
		cli_print_json(cli, list);
	} else {
		struct table *t = table_new(headers);
		json_array_foreach (value_at(list, "items"), i, secret) {
			table_add(t, value_text(secret, "name", NULL));
			table_add(t, value_text(secret, "monitors", NULL));
			table_add(t, text_ago(text, value_text(secret, "changed_at", NULL)));
		}
		table_print(t, cli->out, cli->color, 0);
		if (json_array_size(value_at(list, "items")) == 0)
			cli_note(cli, "There is no secret yet: quorate secret set NAME <FILE");
	}
	json_decref(list);
	return CLI_OK;
}

int command_secret_remove(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	char *path = client_path("/api/v1/secrets/%s", args->operand[0]);
	json_t *answer = NULL;
	int failed = !client || client_call(client, "DELETE", path, NULL, &answer) == -1;

	if (!failed)
		cli_note(cli, "Secret %s is removed.", args->operand[0]);
	json_decref(answer);
	free(path);
	return failed ? CLI_FAILED : CLI_OK;
}
