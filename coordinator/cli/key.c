// SPDX-License-Identifier: MIT
/* quorate key: API keys. A secret is shown once, when it is made; it is never an argument. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "proto/base/table.h"
#include "proto/base/text.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

int command_key_add(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	const char *save = args_value(args, "save"), *secret;
	json_t *body, *answer = NULL;
	int status = CLI_FAILED;

	body = json_pack("{s:s, s:s*, s:s*}", "name", args->operand[0], "role",
		args_value(args, "role"), "organization", args_value(args, "org"));
	if (!client || client_call(client, "POST", "/api/v1/keys", body, &answer) == -1)
		goto out;
	secret = value_text(answer, "secret", value_text(answer, "key", NULL));
	if (!secret) {
		status = cli_fail(cli, "the coordinator's answer has no key in it");
	} else if (cli->json && !save) {
		status = cli_print_json(cli, answer);
	} else {
		status = cli_print_secret(cli, secret, save);
		if (status == CLI_OK)
			cli_note(cli,
				"This is the only time that the key can be seen%s%s. Its role is "
				"%s.",
				save ? "; it is in " : "", save ? save : "",
				value_text(answer, "role", "viewer"));
	}
out:
	json_decref(body);
	json_decref(answer);
	return status;
}

int command_key_list(struct cli *cli, const struct args *args UNUSED)
{
	static const char *const headers[] = {"NAME", "ROLE", "SEES", "CREATED", "ID", NULL};
	struct client *client = cli_client(cli);
	char text[TEXT_SIZE];
	json_t *list, *key;
	size_t i;

	if (!client || client_list(client, "/api/v1/keys", 0, &list) == -1)
		return CLI_FAILED;
	if (cli->json) {
		cli_print_json(cli, list);
	} else {
		struct table *t = table_new(headers);
		json_array_foreach (value_at(list, "items"), i, key) {
			table_add(t, value_text(key, "name", NULL));
			table_add(t, value_text(key, "role", NULL));
			table_add(t, value_text(key, "organization", "all"));
			table_add(t, text_ago(text, value_text(key, "created_at", NULL)));
			table_add(t, value_text(key, "id", NULL));
		}
		table_print(t, cli->out, cli->color, 0);
	}
	json_decref(list);
	return CLI_OK;
}

/* Keys are removed by id; a name is accepted when it means one key only. A new text, or NULL after
 * saying why. */
static char *find_id(struct cli *cli, struct client *client, const char *name)
{
	json_t *list, *key;
	char *found = NULL;
	int matches = 0;
	size_t i;

	if (client_list(client, "/api/v1/keys", 0, &list) == -1)
		return NULL;
	json_array_foreach (value_at(list, "items"), i, key) {
		const char *id = value_text(key, "id", "");
		if (strcmp(id, name) != 0 && strcmp(value_text(key, "name", ""), name) != 0)
			continue;
		mem_set(&found, id);
		matches++;
	}
	json_decref(list);
	if (matches == 1)
		return found;
	free(found);
	if (matches == 0)
		cli_fail(cli, "there is no key '%s'; 'quorate key list' shows what there is", name);
	else
		cli_fail(cli, "%d keys are named '%s'; say which by its id ('quorate key list')",
			matches, name);
	return NULL;
}

int command_key_remove(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	char *id = client ? find_id(cli, client, args->operand[0]) : NULL, *path;
	json_t *answer = NULL;
	int failed;

	if (!id)
		return CLI_FAILED;
	path = client_path("/api/v1/keys/%s", id);
	failed = client_call(client, "DELETE", path, NULL, &answer) == -1;
	if (!failed)
		cli_note(cli, "Key %s is removed.", args->operand[0]);
	json_decref(answer);
	free(path);
	free(id);
	return failed ? CLI_FAILED : CLI_OK;
}
