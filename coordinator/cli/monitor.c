// SPDX-License-Identifier: MIT
/* quorate monitor list, show, delete. (monitor_add.c has the many options of add.) */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/evidence.h"
#include "proto/base/table.h"
#include "proto/base/text.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

static void add_row(struct table *t, const json_t *m)
{
	const char *state =
		json_is_false(value_at(m, "enabled")) ? "paused" : value_text(m, "state", NULL);
	const char *until = value_text(m, "pause.until", value_text(m, "maintenance.until", NULL));
	char text[TEXT_SIZE], *words;

	table_add(t, value_text(m, "name", NULL));
	words = until ? mem_printf("%s, ends %s", state ? state : "?", text_ago(text, until))
		      : NULL;
	table_add_styled(t, style_of(state), words ? words : state);
	free(words);
	table_add(t, text_ago(text, value_text(m, "since", value_text(m, "state_since", NULL))));
	table_add(t, value_text(m, "type", NULL));
	table_add(t, value_text(m, "target", NULL));
	table_add(t, value_text(m, "interval", NULL));
	table_add(t, value_text(m, "service", NULL));
}

int command_monitor_list(struct cli *cli, const struct args *args UNUSED)
{
	static const char *const headers[] = {
		"NAME", "STATE", "SINCE", "TYPE", "TARGET", "INTERVAL", "SERVICE", NULL};
	struct client *client = cli_client(cli);
	/* people see the defaults too; programs get what was registered */
	const char *path = cli->json ? "/api/v1/monitors" : "/api/v1/monitors?effective=true";
	json_t *list, *m;
	size_t i;

	if (!client || client_list(client, path, 0, &list) == -1)
		return CLI_FAILED;
	if (cli->json) {
		cli_print_json(cli, list);
	} else {
		struct table *t = table_new(headers);
		json_array_foreach (value_at(list, "items"), i, m)
			add_row(t, m);
		table_print(t, cli->out, cli->color, 0);
		if (json_array_size(value_at(list, "items")) == 0)
			cli_note(cli, "No monitor is registered yet: quorate monitor add NAME "
				      "--http URL, or quorate apply -f FILE");
	}
	json_decref(list);
	return CLI_OK;
}

/* Objects are shown as "expect.status: [2xx]", a line for each leaf: the names that a file has. */
static void print_leaves(struct cli *cli, const char *path, const json_t *value)
{
	const char *name;
	json_t *member;

	if (!json_is_object(value)) {
		char *words = value_words(value), *label = mem_printf("%s: ", path);
		text_print(cli->out, label);
		text_print_wrapped(cli->out, words, 80, 4);
		fputc('\n', cli->out);
		free(label);
		free(words);
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)value, name, member) {
		char *inner = *path ? mem_printf("%s.%s", path, name) : mem_strdup(name);
		print_leaves(cli, inner, member);
		free(inner);
	}
}

int command_monitor_show(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	char *plain = client_path("/api/v1/monitors/%s", args->operand[0]);
	char *path =
		mem_printf("%s%s", plain, args_has(args, "effective") ? "?effective=true" : "");
	json_t *m = NULL;
	int failed = !client || client_call(client, "GET", path, NULL, &m) == -1;

	if (!failed && cli->json)
		cli_print_json(cli, m);
	else if (!failed)
		print_leaves(cli, "", m);
	json_decref(m);
	free(path);
	free(plain);
	return failed ? CLI_FAILED : CLI_OK;
}

static int change(
	struct cli *cli, const char *format, const char *name, const json_t *body, json_t **answer)
{
	struct client *client = cli_client(cli);
	char *path = client_path(format, name);
	int failed = !client || client_call(client, "POST", path, body, answer) == -1;

	if (!failed && cli->json)
		cli_print_json(cli, *answer);
	free(path);
	return failed ? CLI_FAILED : CLI_OK;
}

int command_monitor_pause(struct cli *cli, const struct args *args)
{
	const char *duration = args_value(args, "for"), *reason = args_value(args, "reason");
	json_t *body = json_pack("{s:s*, s:s*}", "for", duration, "reason", reason);
	json_t *m = NULL;
	const char *until;
	char local[TEXT_SIZE], ago[TEXT_SIZE];
	int status;

	if (!body)
		return cli_usage(cli, "--for or --reason is not accepted; accepted: UTF-8 text");
	status = change(cli, "/api/v1/monitors/%s/pause", args->operand[0], body, &m);
	until = value_text(m, "pause.until", NULL);
	if (status == CLI_OK && !cli->json && until)
		cli_note(cli, "Monitor %s is paused until %s (%s).", value_text(m, "name", "?"),
			text_local(local, until), text_ago(ago, until));
	else if (status == CLI_OK && !cli->json)
		cli_note(cli, "Monitor %s is paused until you resume it.",
			value_text(m, "name", "?"));
	json_decref(m);
	json_decref(body);
	return status;
}

int command_monitor_resume(struct cli *cli, const struct args *args)
{
	json_t *m = NULL;
	int status = change(cli, "/api/v1/monitors/%s/resume", args->operand[0], NULL, &m);

	if (status == CLI_OK && !cli->json)
		cli_note(cli, "Monitor %s is checked%s.", value_text(m, "name", "?"),
			json_is_false(value_at(m, "enabled")) ? " when it is enabled in its "
								"definition"
							      : " again");
	json_decref(m);
	return status;
}

int command_monitor_delete(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	char *path = client_path("/api/v1/monitors/%s", args->operand[0]);
	json_t *answer = NULL;
	int failed = !client || client_call(client, "DELETE", path, NULL, &answer) == -1;

	if (!failed)
		cli_note(cli, "Monitor %s is deleted.", args->operand[0]);
	json_decref(answer);
	free(path);
	return failed ? CLI_FAILED : CLI_OK;
}
