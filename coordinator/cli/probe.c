// SPDX-License-Identifier: MIT
/* quorate probe: registering probes and seeing how they are. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/evidence.h"
#include "proto/base/table.h"
#include "proto/base/text.h"

#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* The join string to OUT alone, and a sentence about it to ERR. */
static int print_join(struct cli *cli, const json_t *answer, const char *name, const char *save)
{
	int status = cli_print_secret(cli, value_text(answer, "join", NULL), save);

	if (status != CLI_OK)
		return status;
	if (save)
		cli_note(cli,
			"The join string of probe %s is in %s, readable by its owner only. On the "
			"probe's machine:\n"
			"  quorate-probe join <%s",
			name, save, save);
	else
		cli_note(cli,
			"\nThis lets one program join as probe %s, once and for a time. On the "
			"probe's machine\n"
			"'quorate-probe join' reads it from standard input.",
			name);
	return CLI_OK;
}

/* The token goes to OUT alone, what to do with it to ERR: `quorate probe add … >file` does what one
 * expects. */
static int print_token(struct cli *cli, const json_t *answer, const char *name, const char *save)
{
	const char *token = value_text(answer, "token", NULL);
	int status;

	if (!token)
		return cli_fail(cli, "the coordinator's answer has no token in it");
	if (cli->json && !save)
		return cli_print_json(cli, answer);
	if (value_text(answer, "join", NULL))
		return print_join(cli, answer, name, save);
	status = cli_print_secret(cli, token, save);
	if (status != CLI_OK)
		return status;
	if (save)
		cli_note(cli, "The token of probe %s is in %s, readable by its owner only.", name,
			save);
	else
		cli_note(cli,
			"\nThis is the token of probe %s, told only this once. On the probe's "
			"machine, put it into a\n"
			"file that only the probe can read (mode 0600).",
			name);
	cli_note(cli,
		"The probe's configuration needs:\n"
		"  name: %s\n"
		"  token_file: %s\n"
		"and then: quorate-probe -c FILE",
		name, save ? save : "(that file)");
	return CLI_OK;
}

/* FORMAT with its one name, and ?valid= when it was asked for. Allocated. */
static char *secret_path(const char *format, const char *name, const struct args *args)
{
	const char *valid = args_value(args, "valid");
	char *path = name ? client_path(format, name) : mem_strdup(format), *query, *whole;

	if (!valid)
		return path;
	query = client_path("?valid=%s", valid);
	whole = mem_printf("%s%s", path, query);
	free(path);
	free(query);
	return whole;
}

int command_probe_add(struct cli *cli, const struct args *args)
{
	const char *region = args_value(args, "region"), *name = args->operand[0];
	json_t *body, *answer = NULL;
	struct client *client;
	int status = CLI_FAILED;
	char *path;

	if (!region)
		return cli_usage(cli, "probe add: --region is missing: the place that the probe "
				      "stands in ('quorate region list')");
	client = cli_client(cli);
	body = json_pack("{s:s, s:s, s:s*, s:s*}", "name", name, "region", region, "provider",
		args_value(args, "provider"), "organization", args_value(args, "org"));
	path = secret_path("/api/v1/probes", NULL, args);
	if (client && client_call(client, "POST", path, body, &answer) == 0)
		status = print_token(cli, answer, name, args_value(args, "save"));
	json_decref(body);
	json_decref(answer);
	free(path);
	return status;
}

int command_probe_token(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	char *path = secret_path("/api/v1/probes/%s/token", args->operand[0], args);
	json_t *answer = NULL;
	int status = CLI_FAILED;

	if (client && client_call(client, "POST", path, NULL, &answer) == 0)
		status = print_token(cli, answer, args->operand[0], args_value(args, "save"));
	json_decref(answer);
	free(path);
	return status;
}

static int post_to_probe(struct cli *cli, const char *name, const char *format, const char *done)
{
	struct client *client = cli_client(cli);
	char *path = client_path(format, name);
	json_t *answer = NULL;
	int failed = !client || client_call(client, "POST", path, NULL, &answer) == -1;

	if (!failed)
		cli_note(cli, "Probe %s %s", name, done);
	json_decref(answer);
	free(path);
	return failed ? CLI_FAILED : CLI_OK;
}

int command_probe_drain(struct cli *cli, const struct args *args)
{
	return post_to_probe(cli, args->operand[0], "/api/v1/probes/%s/drain",
		"is drained: its seats go to others. Stop it now, or 'quorate probe undrain' it.");
}

int command_probe_undrain(struct cli *cli, const struct args *args)
{
	return post_to_probe(
		cli, args->operand[0], "/api/v1/probes/%s/undrain", "is in service again.");
}

int command_probe_revoke(struct cli *cli, const struct args *args)
{
	return post_to_probe(cli, args->operand[0], "/api/v1/probes/%s/revoke",
		"is shut out: its token and its join string are worth nothing now. 'quorate probe "
		"token' lets it join anew.");
}

int command_probe_remove(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	char *path = client_path("/api/v1/probes/%s", args->operand[0]);
	json_t *answer = NULL;
	int failed = !client || client_call(client, "DELETE", path, NULL, &answer) == -1;

	if (!failed)
		cli_note(cli, "Probe %s is removed; its token is worth nothing now.",
			args->operand[0]);
	json_decref(answer);
	free(path);
	return failed ? CLI_FAILED : CLI_OK;
}

static void add_row(struct table *t, const json_t *probe)
{
	const char *standing = value_text(probe, "standing", NULL);
	char text[TEXT_SIZE];

	table_add(t, value_text(probe, "name", NULL));
	table_add(t, value_text(probe, "region", NULL));
	table_add(t, value_text(probe, "organization", "all"));
	table_add_styled(t, style_of(standing), standing);
	table_add(t, text_ago(text, value_text(probe, "heard_at", NULL)));
	table_add(t, value_text(probe, "monitors", NULL));
	table_add(t, value_text(probe, "software", NULL));
}

int command_probe_list(struct cli *cli, const struct args *args UNUSED)
{
	static const char *const headers[] = {
		"NAME", "REGION", "SERVES", "STANDING", "HEARD", ">MONITORS", "SOFTWARE", NULL};
	struct client *client = cli_client(cli);
	json_t *list, *probe;
	size_t i;

	if (!client || client_list(client, "/api/v1/probes", 0, &list) == -1)
		return CLI_FAILED;
	if (cli->json) {
		cli_print_json(cli, list);
	} else {
		struct table *t = table_new(headers);
		json_array_foreach (value_at(list, "items"), i, probe)
			add_row(t, probe);
		table_print(t, cli->out, cli->color, 0);
		if (json_array_size(value_at(list, "items")) == 0)
			cli_note(cli, "No probe is registered yet: quorate probe add NAME --region "
				      "REGION");
	}
	json_decref(list);
	return CLI_OK;
}
