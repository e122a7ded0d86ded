// SPDX-License-Identifier: MIT
/* quorate region: the places that probes stand in. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "proto/base/table.h"
#include "proto/base/text.h"

#include <stdlib.h>

int command_region_add(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	json_t *body, *answer, *sets = json_array();
	const char *set;
	int status = CLI_FAILED;

	for (int i = 0; (set = args_nth(args, "set", i)); i++)
		json_array_append_new(sets, json_string(set[0] == '@' ? set + 1 : set));
	body = json_pack("{s:s, s:s*, s:s*, s:s*, s:o}", "name", args->operand[0], "title",
		args_value(args, "title"), "provider", args_value(args, "provider"), "organization",
		args_value(args, "org"), "sets", sets);
	if (!client || client_call(client, "POST", "/api/v1/regions", body, &answer) == -1)
		goto out;
	if (cli->json)
		cli_print_json(cli, answer);
	else
		cli_note(cli, "Region %s is registered.", args->operand[0]);
	json_decref(answer);
	status = CLI_OK;
out:
	json_decref(body);
	return status;
}

int command_region_list(struct cli *cli, const struct args *args UNUSED)
{
	static const char *const headers[] = {"NAME", "TITLE", "PROVIDER", "SERVES", "SETS", NULL};
	struct client *client = cli_client(cli);
	json_t *list, *region;
	size_t i;

	if (!client || client_list(client, "/api/v1/regions", 0, &list) == -1)
		return CLI_FAILED;
	if (cli->json) {
		cli_print_json(cli, list);
	} else {
		struct table *t = table_new(headers);
		json_array_foreach (value_at(list, "items"), i, region) {
			char *sets = value_words(value_at(region, "sets"));
			table_add(t, value_text(region, "name", NULL));
			table_add(t, value_text(region, "title", NULL));
			table_add(t, value_text(region, "provider", NULL));
			table_add(t, value_text(region, "organization", "all"));
			table_add(t, json_array_size(value_at(region, "sets")) > 0 ? sets : NULL);
			free(sets);
		}
		table_print(t, cli->out, cli->color, 0);
		if (json_array_size(value_at(list, "items")) == 0)
			cli_note(cli, "No region is registered yet: quorate region add NAME");
	}
	json_decref(list);
	return CLI_OK;
}

int command_region_remove(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	char *path = client_path("/api/v1/regions/%s", args->operand[0]);
	json_t *answer = NULL;
	int failed = !client || client_call(client, "DELETE", path, NULL, &answer) == -1;

	if (!failed)
		cli_note(cli, "Region %s is removed.", args->operand[0]);
	json_decref(answer);
	free(path);
	return failed ? CLI_FAILED : CLI_OK;
}
