// SPDX-License-Identifier: MIT
/* quorate alert: the list, and one alert as a page with its evidence. (follow.c has the stream.) */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/evidence.h"
#include "proto/base/table.h"
#include "proto/base/text.h"
#include "proto/base/buf.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 50

static void add_query(struct buf *path, const struct args *args, const char *name)
{
	const char *value = args_value(args, name);
	char *encoded = value ? client_path("%s", value) : NULL;

	if (encoded && buf_printf(path, "&%s=%s", name, encoded) == -1)
		ensure(!"a query fits");
	free(encoded);
}

static void add_row(struct table *t, const json_t *alert)
{
	const char *state = value_text(alert, "state", NULL),
		   *severity = value_text(alert, "severity", NULL);
	char ago[TEXT_SIZE];

	table_add_styled(t, STYLE_BOLD, value_text(alert, "case", NULL));
	table_add_styled(t, style_of(state), state);
	table_add_styled(t, style_of(severity), severity);
	table_add(t, value_text(alert, "kind", NULL));
	table_add(t, value_text(alert, "monitor.name",
			     value_text(alert, "probe.name", value_text(alert, "probe", NULL))));
	table_add(t, text_ago(ago, value_text(alert, "opened_at", NULL)));
	table_add(t, alert_lasted(alert, ago));
	table_add(t, value_text(alert, "reason.text", value_text(alert, "reason.code", NULL)));
}

void evidence_alerts(struct cli *cli, const json_t *alerts)
{
	static const char *const headers[] = {
		"CASE", "STATE", "SEVERITY", "KIND", "ABOUT", "OPENED", "LASTED", "REASON", NULL};
	struct table *t = table_new(headers);
	const json_t *alert;
	size_t i;

	json_array_foreach (alerts, i, alert)
		add_row(t, alert);
	table_print(t, cli->out, cli->color, 0);
}

int command_alert_list(struct cli *cli, const struct args *args)
{
	const char *limit = args_value(args, "limit");
	long max = limit ? strtol(limit, NULL, 10) : LIST_DEFAULT;
	struct client *client;
	struct buf path;
	json_t *list;

	if (max < 1 || max > 100000)
		return cli_usage(cli,
			"--limit: '%s' is not accepted; accepted: a number from 1 to 100000",
			limit);
	buf_init(&path, 8192);
	ensure(buf_printf(&path, "/api/v1/alerts?limit=%ld", max < 500 ? max : 500) == 0);
	add_query(&path, args, "state");
	add_query(&path, args, "kind");
	add_query(&path, args, "monitor");
	client = cli_client(cli);
	int failed = !client || client_list(client, buf_text(&path), (size_t)max, &list) == -1;
	buf_clear(&path);
	if (failed)
		return CLI_FAILED;
	if (cli->json) {
		cli_print_json(cli, list);
	} else {
		evidence_alerts(cli, value_at(list, "items"));
		if (json_array_size(value_at(list, "items")) == 0)
			cli_note(cli, "No alert.");
	}
	json_decref(list);
	return CLI_OK;
}

/* ---- one alert */

static void print_headline(struct cli *cli, const json_t *alert)
{
	const char *severity = value_text(alert, "severity", "?"),
		   *state = value_text(alert, "state", "?");

	style_print(cli->out, cli->color, STYLE_BOLD, value_text(alert, "case", "?"));
	fputs("  ", cli->out);
	style_print(cli->out, cli->color, style_of(severity), severity);
	fputs(" ", cli->out);
	style_print(cli->out, cli->color, STYLE_BOLD, value_text(alert, "kind", "?"));
	fputs(", ", cli->out);
	style_print(cli->out, cli->color, style_of(state), state);
	fputs("\n\n", cli->out);
}

static void print_subject(struct cli *cli, const json_t *alert)
{
	const json_t *monitor = value_at(alert, "monitor"), *probe = value_at(alert, "probe");
	char *line;

	if (json_is_object(monitor)) {
		line = mem_printf("%s  (%s %s)", value_text(monitor, "name", "?"),
			value_text(monitor, "type", ""), value_text(monitor, "target", ""));
		evidence_line(cli, "monitor", line);
		free(line);
		evidence_line(cli, "service", value_text(monitor, "service", NULL));
	}
	if (json_is_object(probe)) {
		line = mem_printf("%s  (%s)", value_text(probe, "name", "?"),
			value_text(probe, "region", "?"));
		evidence_line(cli, "probe", line);
		free(line);
	}
	if (json_is_string(probe))
		evidence_line(cli, "probe", json_string_value(probe));
}

static void print_time(struct cli *cli, const json_t *alert, const char *label, const char *path)
{
	const char *at = value_text(alert, path, NULL);
	char local[TEXT_SIZE], ago[TEXT_SIZE], *line;

	if (!at)
		return;
	line = mem_printf("%s  (%s)", text_local(local, at), text_ago(ago, at));
	evidence_line(cli, label, line);
	free(line);
}

/* "2026-11-21 18:31  (2 min ago), by anna" */
static void print_act(struct cli *cli, const json_t *alert, const char *label, const char *what)
{
	char *at_name = mem_printf("%s_at", what), *by_name = mem_printf("%s_by", what), *line;
	const char *at = value_text(alert, at_name, NULL), *by = value_text(alert, by_name, NULL);
	char local[TEXT_SIZE], ago[TEXT_SIZE];

	if (at) {
		line = mem_printf("%s  (%s)%s%s", text_local(local, at), text_ago(ago, at),
			by ? ", by " : "", by ? by : "");
		evidence_line(cli, label, line);
		free(line);
	}
	free(at_name);
	free(by_name);
}

static void print_comments(struct cli *cli, const json_t *comments)
{
	const json_t *one;
	size_t i;

	json_array_foreach (comments, i, one) {
		char local[TEXT_SIZE];
		char *line =
			mem_printf("%s  %s: %s", text_local(local, value_text(one, "at", NULL)),
				value_text(one, "by", "?"), value_text(one, "text", ""));
		evidence_line(cli, i == 0 ? "comments" : "", line);
		free(line);
	}
}

/* Of the other kinds the seats that say down are no measure. */
static bool is_about_down(const json_t *alert)
{
	const char *kind = value_text(alert, "kind", "");

	return strcmp(kind, "down") == 0 || strcmp(kind, "regional") == 0 ||
	       strcmp(kind, "undetermined") == 0;
}

static void print_page(struct cli *cli, const json_t *alert)
{
	char lasted[TEXT_SIZE], *reason;

	print_headline(cli, alert);
	print_subject(cli, alert);
	reason = mem_printf("%s  (%s)", value_text(alert, "reason.text", "?"),
		value_text(alert, "reason.code", "?"));
	evidence_line(cli, "reason", value_at(alert, "reason.code") ? reason : NULL);
	free(reason);
	print_time(cli, alert, "began", "started_at");
	print_time(cli, alert, "opened", "opened_at");
	print_time(cli, alert, "reminded", "reminded_at");
	print_act(cli, alert, "taken", "acknowledged");
	print_act(cli, alert, "closed", "closed");
	print_act(cli, alert, "reopened", "reopened");
	evidence_line(cli, "because", value_text(alert, "closed_because", NULL));
	evidence_line(cli, "lasted", alert_lasted(alert, lasted));
	print_comments(cli, value_at(alert, "comments"));
	if (is_about_down(alert))
		evidence_quorum(cli, value_at(alert, "quorum"));
	evidence_observed(cli, value_at(alert, "observed"));
	evidence_members(cli, "labels", value_at(alert, "labels"));
	evidence_list(cli, "monitors", value_at(alert, "monitors"));
	evidence_list(cli, "holds back", value_at(alert, "holds_back"));
	evidence_line(cli, "page", value_text(alert, "url", NULL));
	evidence_votes(cli, value_at(alert, "votes"));
}

int command_alert_show(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	char *path = client_path("/api/v1/alerts/%s", args->operand[0]);
	json_t *alert = NULL;
	int failed = !client || client_call(client, "GET", path, NULL, &alert) == -1;

	if (!failed && cli->json)
		cli_print_json(cli, alert);
	else if (!failed)
		print_page(cli, alert);
	json_decref(alert);
	free(path);
	return failed ? CLI_FAILED : CLI_OK;
}
