// SPDX-License-Identifier: MIT
/* quorate probe show: one probe, how it is doing, and what it announced of itself. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/evidence.h"
#include "proto/base/text.h"

#include "proto/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 16384

static void print_kept_results(struct cli *cli, const json_t *probe)
{
	const char *error = value_text(probe, "spool_error", NULL);
	char line[512];

	snprintf(line, sizeof(line), "%lld wait on the probe, %lld lost there%s%.300s",
		(long long)value_int(probe, "spooled", 0),
		(long long)value_int(probe, "dropped", 0),
		error ? "; its disk cannot keep them: " : "", error ? error : "");
	evidence_line(cli, "results", line);
}

static void print_limits(struct cli *cli, const json_t *probe)
{
	int64_t held_ms = value_int(probe, "held_back_ms", 0);
	char line[200], text[TEXT_SIZE];

	if (held_ms == 0 && value_int(probe, "refused_messages", 0) == 0)
		snprintf(line, sizeof(line), "kept");
	else
		snprintf(line, sizeof(line), "%s for %s in all; %lld messages refused",
			json_is_true(value_at(probe, "held_back")) ? "held back now, and"
								   : "held back",
			text_duration(text, held_ms),
			(long long)value_int(probe, "refused_messages", 0));
	evidence_line(cli, "limits", line);
}

static void print_self_test(struct cli *cli, const json_t *probe)
{
	const char *state = value_text(probe, "self_test", "not_judged");
	const char *words = strcmp(state, "failed") == 0
				    ? "failed: its anchors do not answer, its votes are left out"
			    : strcmp(state, "ok") == 0
				    ? "ok"
				    : "not judged: fewer than three anchors of an address "
				      "family in its probe.yml, or none could be asked yet";

	evidence_line(cli, "self-test", words);
}

/* ---- what it announced */

static void print_line(struct cli *cli, const char *label, const char *text)
{
	fprintf(cli->out, "%-16s", label);
	text_print(cli->out, text);
	fputc('\n', cli->out);
}

/* OTHERWISE: what an empty list means. */
static void print_list(
	struct cli *cli, const char *label, const json_t *list, const char *otherwise)
{
	struct buf all;
	const json_t *item;
	size_t i;

	buf_init(&all, LINE_MAX_BYTES);
	json_array_foreach (list, i, item)
		if (buf_printf(&all, "%s%s", i ? ", " : "", json_string_value(item)))
			break;
	print_line(cli, label, i ? buf_text(&all) : otherwise);
	buf_clear(&all);
}

static void print_number(
	struct cli *cli, const char *label, const json_t *x, const char *member, const char *unit)
{
	int64_t n = value_int(x, member, -1);
	char text[TEXT_SIZE];

	snprintf(text, sizeof(text), "%lld %s", (long long)n, unit);
	print_line(cli, label, n < 0 ? "not said" : text);
}

static bool is_true(const json_t *x, const char *member)
{
	return json_is_true(json_object_get(x, member));
}

static void print_announced(struct cli *cli, const json_t *x)
{
	bool v4 = is_true(x, "ipv4"), v6 = is_true(x, "ipv6");
	char text[TEXT_SIZE];

	print_line(cli, "network", v4 && v6 ? "IPv4, IPv6" : v4 ? "IPv4" : v6 ? "IPv6" : "none");
	print_line(cli, "pings", is_true(x, "icmp") ? "yes" : "no");
	print_list(cli, "types", value_at(x, "types"), "all");
	print_list(cli, "methods", value_at(x, "methods"), "all");
	print_list(cli, "ports", value_at(x, "ports"), "all");
	print_list(cli, "allow", value_at(x, "allow"), "public addresses only");
	print_list(cli, "organizations", value_at(x, "organizations"), "all");
	print_line(cli, "min_interval", text_duration(text, value_int(x, "min_interval_ms", 0)));
	print_number(cli, "per_second", x, "per_second", "checks in all");
	print_number(cli, "per_destination", x, "per_destination", "checks per second");
	print_number(cli, "body_max", x, "body_max_bytes", "bytes");
}

static void print_probe(struct cli *cli, const json_t *probe)
{
	const json_t *announced = value_at(probe, "capabilities");
	char line[200], text[TEXT_SIZE];

	evidence_line(cli, "name", value_text(probe, "name", NULL));
	evidence_line(cli, "region", value_text(probe, "region", NULL));
	evidence_line(cli, "serves", value_text(probe, "organization", "all organizations"));
	evidence_line(cli, "standing", value_text(probe, "standing", NULL));
	snprintf(line, sizeof(line), "%s", text_ago(text, value_text(probe, "heard_at", NULL)));
	evidence_line(cli, "heard", line);
	evidence_line(cli, "software", value_text(probe, "software", "-"));
	evidence_line(cli, "monitors", value_text(probe, "monitors", NULL));
	print_kept_results(cli, probe);
	print_limits(cli, probe);
	print_self_test(cli, probe);
	if (!json_is_object(announced)) {
		fputs("\nIt has not announced anything of itself yet.\n", cli->out);
		return;
	}
	fprintf(cli->out,
		"\nIts machine and its probe.yml, as it announced %s; nothing here changes it:\n\n",
		text_ago(text, value_text(probe, "announced_at", NULL)));
	print_announced(cli, announced);
}

int command_probe_show(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	char *path = client_path("/api/v1/probes/%s", args->operand[0]);
	json_t *probe = NULL;
	int failed = !client || client_call(client, "GET", path, NULL, &probe) == -1;

	if (!failed && cli->json)
		cli_print_json(cli, probe);
	else if (!failed)
		print_probe(cli, probe);
	json_decref(probe);
	free(path);
	return failed ? CLI_FAILED : CLI_OK;
}
