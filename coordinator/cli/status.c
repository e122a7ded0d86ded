// SPDX-License-Identifier: MIT
/* quorate status: how the monitors, the probes and the coordinator are, on one page. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/evidence.h"
#include "proto/base/table.h"
#include "proto/base/buf.h"
#include "proto/base/mem.h"
#include "quorate/verdict.h"

#include <inttypes.h>
#include <string.h>

static void print_headline(struct cli *cli, const json_t *status)
{
	const char *word = value_text(status, "status", "?");
	char ago[TEXT_SIZE];

	fprintf(cli->out, "quorate %s at ", value_text(status, "version", "?"));
	text_print(cli->out, client_url(cli->client));
	fputs(": ", cli->out);
	style_print(
		cli->out, cli->color, strcmp(word, "ok") == 0 ? STYLE_GOOD : STYLE_WARNING, word);
	fprintf(cli->out, ", started %s\n\n",
		text_ago(ago, value_text(status, "started_at", NULL)));
}

/* "12: 10 up, 2 down", in the order of NAMES and without what there is none of. */
static void print_counts(
	struct cli *cli, const char *label, const json_t *counts, const char *const *names)
{
	const char *separator = ": ";
	struct buf line;

	buf_init(&line, 4096);
	if (buf_printf(&line, "%" PRId64, value_int(counts, "total", 0)) == -1)
		return;
	for (; *names; names++) {
		int64_t n = value_int(counts, *names, 0);
		if (n > 0 && buf_printf(&line, "%s%" PRId64 " %s", separator, n, *names) == 0)
			separator = ", ";
	}
	evidence_line(cli, label, buf_text(&line));
	buf_clear(&line);
}

/* What an operator has to look at. */
static void print_troubles(struct cli *cli, const json_t *status)
{
	int64_t dead = value_int(status, "outbox.dead", 0),
		pending = value_int(status, "outbox.pending", 0);
	char line[200];

	if (json_is_true(value_at(status, "held")) || json_is_true(value_at(status, "hold")))
		evidence_line(cli, "hold",
			"just started: no alert is opened or closed until enough was heard");
	if (json_is_true(value_at(status, "verdicts.mass_flip")))
		evidence_line(cli, "mass flip",
			"very many monitors turned within a minute: each is looked at once more, "
			"ten "
			"seconds later or more, before it is told");
	if (json_is_false(value_at(status, "store.ok"))) {
		evidence_line(cli, "store", value_text(status, "store.problem", NULL));
		evidence_line(cli, "results", value_text(status, "store.results_problem", NULL));
	}
	evidence_line(cli, "disk", value_text(status, "store.disk_problem", NULL));
	if (pending > 0 || dead > 0) {
		snprintf(line, sizeof(line),
			"%" PRId64 " waiting to be delivered, %" PRId64 " given up", pending, dead);
		evidence_line(cli, "messages", line);
	}
}

/* What more may go wrong. */
static void print_margin(struct cli *cli, const json_t *status)
{
	int64_t none = value_int(status, "margin.none", 0),
		blind = value_int(status, "margin.blind", 0);
	char line[200];

	if (!value_at(status, "margin"))
		return;
	snprintf(line, sizeof(line), "%" PRId64 " %s no further loss", none,
		none == 1 ? "monitor tolerates" : "monitors tolerate");
	if (blind > 0)
		snprintf(line + strlen(line), sizeof(line) - strlen(line),
			"; %" PRId64 " %s blind: too few probes are heard to confirm an outage",
			blind, blind == 1 ? "is" : "are");
	evidence_line(cli, "margin", line);
}

static void print_door(struct cli *cli, const json_t *status)
{
	char line[200];

	if (!json_is_object(value_at(status, "door")))
		return;
	snprintf(line, sizeof(line),
		"%" PRId64 " links, %" PRId64 " API clients, %" PRId64 " strangers; %" PRId64
		" turned away as unauthorized",
		value_int(status, "door.links", 0), value_int(status, "door.api", 0),
		value_int(status, "door.strangers", 0),
		value_int(status, "door.ended.unauthorized", 0));
	evidence_line(cli, "door", line);
}

static void print_page(struct cli *cli, const json_t *status)
{
	static const char *const states[] = {
		"down", "undetermined", "degraded", "up", "pending", "maintenance", "paused", NULL};
	static const char *const standings[] = {"voting", "lost", "quarantined", "twins", "drained",
		"revoked", "never-seen", "private", NULL};
	json_t *alerts;
	char line[64];

	print_headline(cli, status);
	print_counts(cli, "monitors", value_at(status, "monitors"), states);
	print_margin(cli, status);
	print_counts(cli, "probes", value_at(status, "probes"), standings);
	snprintf(line, sizeof(line), "%" PRId64 " open", value_int(status, "alerts.open", 0));
	evidence_line(cli, "alerts", line);
	print_door(cli, status);
	print_troubles(cli, status);
	if (value_int(status, "alerts.open", 0) > 0 &&
		client_list(cli->client, "/api/v1/alerts?state=open", 20, &alerts) == 0) {
		fputc('\n', cli->out);
		evidence_alerts(cli, value_at(alerts, "items"));
		json_decref(alerts);
	}
}

int command_status(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	json_t *status;
	int64_t down;

	if (!client || client_call(client, "GET", "/api/v1/status", NULL, &status) == -1)
		return CLI_FAILED;
	if (cli->json)
		cli_print_json(cli, status);
	else
		print_page(cli, status);
	down = value_int(status, "monitors.down", 0);
	json_decref(status);
	return args_has(args, "exit-code") && down > 0 ? CLI_DOWN : CLI_OK;
}
