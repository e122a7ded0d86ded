// SPDX-License-Identifier: MIT
/* quorate explain: why a monitor is in its state, why an alert opened and closed. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/evidence.h"
#include "proto/base/table.h"
#include "proto/base/buf.h"
#include "proto/base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void print_headline(struct cli *cli, const json_t *x)
{
	const char *state = value_text(x, "state", "?");
	char ago[TEXT_SIZE];

	style_print(cli->out, cli->color, STYLE_BOLD, value_text(x, "monitor.name", "?"));
	fputs(" is ", cli->out);
	style_print(cli->out, cli->color, style_of(state), state);
	if (value_at(x, "since") && !json_is_null(value_at(x, "since")))
		fprintf(cli->out, ", since %s", text_ago(ago, value_text(x, "since", NULL)));
	fputs("\n\n", cli->out);
}

static char *rule_words(const json_t *rule)
{
	const char *words = value_text(rule, "words", NULL);

	if (words)
		return mem_strdup(words);
	return mem_printf("down when %s of %s seats say so, up when %s do; one seat per %s",
		value_text(rule, "down", "?"), value_text(rule, "seats", "?"),
		value_text(rule, "up", "?"), value_text(rule, "domain", "region"));
}

static void print_tally(struct cli *cli, const json_t *tally)
{
	char *line;

	if (!json_is_object(tally))
		return;
	line = mem_printf("%s down, %s up, %s warning, %s split, %s absent",
		value_text(tally, "down", "0"), value_text(tally, "up", "0"),
		value_text(tally, "warning", "0"), value_text(tally, "split", "0"),
		value_text(tally, "absent", "0"));
	evidence_line(cli, "seats", line);
	free(line);
}

static void print_burst(struct cli *cli, const json_t *burst)
{
	if (!json_is_object(burst))
		return;
	evidence_members(cli, "confirming", burst);
}

/* Probes that could have a seat, and would not look. */
static void print_refusals(struct cli *cli, const json_t *refusals)
{
	const json_t *one;
	size_t i;

	json_array_foreach (refusals, i, one) {
		const char *remedy = value_text(one, "remedy", "");
		char *words = mem_printf("%s (%s) %s%s%s", value_text(one, "probe", "?"),
			value_text(one, "region", "?"), value_text(one, "why", "?"),
			remedy[0] ? "; its probe.yml would need " : "", remedy);
		evidence_line(cli, i == 0 ? "refused by" : "", words);
		free(words);
	}
}

/* Why there is no alert although something is wrong. */
static void print_hushed(struct cli *cli, const json_t *cases)
{
	const json_t *one;
	size_t i;

	json_array_foreach (cases, i, one) {
		char *words = mem_printf("%s was closed by hand, and its cause lasts: no other "
					 "opens until it has ended or gets worse",
			json_string_value(one) ? json_string_value(one) : "?");
		evidence_line(cli, i == 0 ? "quiet" : "", words);
		free(words);
	}
}

/* The "words" of every member of LIST, one per line. */
static void print_words(struct cli *cli, const char *label, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		evidence_line(cli, i == 0 ? label : "", value_text(one, "words", NULL));
}

/* What would turn the decision, and what a turn takes. */
static void print_outlook(struct cli *cli, const json_t *x)
{
	const json_t *outlook = value_at(x, "outlook");
	const char *unheard = value_text(x, "without_news.words", NULL);
	const char *label = json_array_size(outlook) > 0 ? "" : "what if";

	print_words(cli, "what if", outlook);
	evidence_line(cli, label, unheard);
	if (json_array_size(outlook) > 0)
		evidence_line(cli, "", value_text(x, "confirmation", NULL));
}

static void print_page(struct cli *cli, const json_t *x)
{
	char *rule = rule_words(value_at(x, "rule"));

	print_headline(cli, x);
	evidence_line(cli, "decision", value_text(x, "sentence", value_text(x, "decision", NULL)));
	if (value_at(x, "rule"))
		evidence_line(cli, "rule", rule);
	print_tally(cli, value_at(x, "tally"));
	print_burst(cli, value_at(x, "burst"));
	evidence_line(cli, "failures", value_text(x, "failures.words", NULL));
	evidence_line(cli, "maintenance", value_text(x, "maintenance.words", NULL));
	print_words(cli, "held back", value_at(x, "holding"));
	print_outlook(cli, x);
	print_words(cli, "quarantine", value_at(x, "quarantine"));
	evidence_line(cli, "self-test", value_text(x, "self_test.words", NULL));
	evidence_list(cli, "alerts", value_at(x, "alerts"));
	print_hushed(cli, value_at(x, "closed_by_hand"));
	print_refusals(cli, value_at(x, "refusals"));
	evidence_votes(cli, value_at(x, "votes"));
	free(rule);
}

/* ---- an alert */

static void print_seat_words(struct cli *cli, const char *label, const json_t *e)
{
	const json_t *votes = value_at(e, "votes");

	if (json_array_size(votes) == 0)
		return;
	fprintf(cli->out, "\n%s:", label);
	evidence_votes(cli, votes);
}

static void print_story(struct cli *cli, const json_t *story)
{
	const json_t *one;
	size_t i;

	json_array_foreach (story, i, one) {
		char local[TEXT_SIZE];
		char *line = mem_printf("%s: %s", text_local(local, value_text(one, "at", NULL)),
			value_text(one, "words", "?"));
		evidence_line(cli, i == 0 ? "story" : "", line);
		free(line);
	}
}

static void print_alert_page(struct cli *cli, const json_t *x)
{
	const char *state = value_text(x, "alert.state", "?"),
		   *severity = value_text(x, "alert.severity", "?");

	style_print(cli->out, cli->color, STYLE_BOLD, value_text(x, "alert.case", "?"));
	fputs("  ", cli->out);
	style_print(cli->out, cli->color, style_of(severity), severity);
	fprintf(cli->out, " %s of ", value_text(x, "alert.kind", "?"));
	style_print(cli->out, cli->color, STYLE_BOLD,
		value_text(x, "alert.monitor.name", value_text(x, "alert.probe.name", "?")));
	fputs(", ", cli->out);
	style_print(cli->out, cli->color, style_of(state), state);
	fputs("\n\n", cli->out);
	evidence_line(cli, "why", value_text(x, "sentence", NULL));
	print_words(cli, "what if", value_at(x, "outlook"));
	print_story(cli, value_at(x, "story"));
	print_seat_words(cli, "When it opened", value_at(x, "opening"));
	print_seat_words(cli, "When it changed last", value_at(x, "latest"));
	print_seat_words(cli, "When it closed", value_at(x, "closing"));
}

/* ---- which of the two */

#define CASE_SIZE 7  /* K7F-2QX */
#define ID_SIZE   36 /* of a monitor or of an alert */

static bool is_case(const char *text)
{
	for (int i = 0; i < CASE_SIZE; i++)
		if (i == 3 ? text[i] != '-' : !isalnum((unsigned char)text[i]))
			return false;
	return text[CASE_SIZE] == '\0';
}

static void add_option(struct buf *path, const struct args *args, const char *name)
{
	char *value = args_value(args, name) ? client_path("%s", args_value(args, name)) : NULL;

	if (value)
		ensure(buf_printf(path, "%c%s=%s", strchr(buf_text(path), '?') ? '&' : '?', name,
			       value) == 0);
	free(value);
}

/* 1: there is none; told with LAST only. */
static int explain(struct cli *cli, const struct args *args, const char *format, bool last,
	void (*print)(struct cli *cli, const json_t *x))
{
	struct client *client = cli_client(cli);
	char *about = client_path(format, args->operand[0]);
	json_t *x = NULL;
	struct buf path;
	int status;

	buf_init(&path, 8192);
	ensure(buf_printf(&path, "%s", about) == 0);
	add_option(&path, args, "audience");
	add_option(&path, args, "lang");
	status = client ? client_request(client, "GET", buf_text(&path), NULL, &x) : -1;
	if (status == 200 && cli->json)
		cli_print_json(cli, x);
	else if (status == 200)
		print(cli, x);
	else if (status != -1 && (status != 404 || last))
		client_print_problem(client, status, x);
	json_decref(x);
	buf_clear(&path);
	free(about);
	if (status == 404)
		return 1;
	return status == 200 ? 0 : -1;
}

int command_explain(struct cli *cli, const struct args *args)
{
	static const char monitor[] = "/api/v1/monitors/%s/explain";
	static const char alert[] = "/api/v1/alerts/%s/explain";
	const char *name = args->operand[0];
	int failed;

	if (is_case(name)) {
		failed = explain(cli, args, alert, false, print_alert_page);
		if (failed == 1)
			failed = explain(cli, args, monitor, false, print_page);
	} else {
		failed = explain(cli, args, monitor, strlen(name) != ID_SIZE, print_page);
		if (failed == 1 && strlen(name) == ID_SIZE)
			failed = explain(cli, args, alert, false, print_alert_page);
	}
	if (failed == 1 && (is_case(name) || strlen(name) == ID_SIZE))
		cli_fail(cli, "there is neither an alert nor a monitor '%s'", name);
	return failed ? CLI_FAILED : CLI_OK;
}
