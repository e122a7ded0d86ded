// SPDX-License-Identifier: MIT
/* quorate door: the keys that probes pin. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/evidence.h"
#include "proto/base/text.h"

static int print_door(struct cli *cli, const json_t *door)
{
	if (cli->json)
		return cli_print_json(cli, door);
	evidence_line(cli, "port", value_text(door, "port", NULL));
	evidence_line(cli, "pin", value_text(door, "pin", NULL));
	evidence_line(cli, "next", value_text(door, "next_pin", "none: the certificate is yours"));
	evidence_list(cli, "unaware", value_at(door, "unaware"));
	return CLI_OK;
}

int command_door_show(struct cli *cli, const struct args *args UNUSED)
{
	struct client *client = cli_client(cli);
	json_t *door = NULL;
	int status = CLI_FAILED;

	if (client && client_call(client, "GET", "/api/v1/door", NULL, &door) == 0)
		status = print_door(cli, door);
	json_decref(door);
	return status;
}

int command_door_rotate(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	const char *path =
		args_has(args, "force") ? "/api/v1/door/rotate?force=true" : "/api/v1/door/rotate";
	json_t *door = NULL;
	int status = CLI_FAILED;

	if (client && client_call(client, "POST", path, NULL, &door) == 0) {
		status = print_door(cli, door);
		cli_note(cli,
			"The door has the next key now. Probes that are connected learn the one "
			"after it within seconds.");
	}
	json_decref(door);
	return status;
}
