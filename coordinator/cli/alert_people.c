// SPDX-License-Identifier: MIT
/* quorate alert ack, comment, close, reopen: what people do with an alert. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/evidence.h"
#include "proto/base/text.h"

#include <stdlib.h>

/* Sends it; the alert after it, NULL after saying what went wrong. */
static json_t *act(
	struct cli *cli, const char *path_format, const char *case_id, const char *comment)
{
	struct client *client = cli_client(cli);
	char *path = client_path(path_format, case_id);
	json_t *body = comment ? json_pack("{s:s}", "comment", comment) : NULL, *alert = NULL;

	if (comment && !body)
		(void)cli_usage(cli, "the comment is not accepted; accepted: UTF-8 text");
	else if (client && client_call(client, "POST", path, body, &alert) == -1)
		alert = NULL;
	json_decref(body);
	free(path);
	return alert;
}

static int tell(struct cli *cli, json_t *alert, const char *sentence, const char *by)
{
	if (!alert)
		return CLI_FAILED;
	if (cli->json)
		cli_print_json(cli, alert);
	else if (value_text(alert, by, NULL))
		cli_note(cli, "Alert %s %s, by %s.", value_text(alert, "case", "?"), sentence,
			value_text(alert, by, "?"));
	else
		cli_note(cli, "Alert %s %s.", value_text(alert, "case", "?"), sentence);
	json_decref(alert);
	return CLI_OK;
}

int command_alert_ack(struct cli *cli, const struct args *args)
{
	json_t *alert =
		act(cli, "/api/v1/alerts/%s/ack", args->operand[0], args_value(args, "comment"));

	return tell(cli, alert, "is acknowledged", "acknowledged_by");
}

int command_alert_comment(struct cli *cli, const struct args *args)
{
	json_t *alert = act(cli, "/api/v1/alerts/%s/comment", args->operand[0], args->operand[1]);

	return tell(cli, alert, "has your comment", "");
}

int command_alert_close(struct cli *cli, const struct args *args)
{
	json_t *alert =
		act(cli, "/api/v1/alerts/%s/close", args->operand[0], args_value(args, "comment"));

	return tell(cli, alert, "is closed", "closed_by");
}

int command_alert_reopen(struct cli *cli, const struct args *args)
{
	json_t *alert =
		act(cli, "/api/v1/alerts/%s/reopen", args->operand[0], args_value(args, "comment"));

	return tell(cli, alert, "is open", "reopened_by");
}
