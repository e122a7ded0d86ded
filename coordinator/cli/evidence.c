// SPDX-License-Identifier: MIT
#include "coordinator/cli/evidence.h"

#include "proto/base/table.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_COLUMNS 11
#define TEXT_COLUMNS  85

void evidence_line(struct cli *cli, const char *label, const char *text)
{
	if (!text || !*text)
		return;
	fprintf(cli->out, "%-*s", LABEL_COLUMNS, label);
	text_print_wrapped(cli->out, text, TEXT_COLUMNS, LABEL_COLUMNS);
	fputc('\n', cli->out);
}

void evidence_members(struct cli *cli, const char *label, const json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
		char *words = value_words(value), *line;
		if (json_is_null(value) ||
			(json_is_object(value) && json_object_size(value) == 0)) {
			free(words);
			continue;
		}
		line = mem_printf("%s: %s", name, words);
		evidence_line(cli, label, line);
		label = "";
		free(line);
		free(words);
	}
}

void evidence_list(struct cli *cli, const char *label, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		char *words = value_words(json_is_object(item) ? value_at(item, "name") : item);
		evidence_line(cli, label, words);
		label = "";
		free(words);
	}
}

void evidence_quorum(struct cli *cli, const json_t *quorum)
{
	int64_t rounds = value_int(quorum, "rounds", 0);
	char *line, how[64] = "by scheduled votes";

	if (!json_is_object(quorum))
		return;
	if (rounds > 0)
		snprintf(how, sizeof(how), "confirmed in %d round%s", (int)rounds,
			rounds == 1 ? "" : "s");
	line = mem_printf("%s of %s seats say down, %s are needed; %s",
		value_text(quorum, "counted.down", "?"), value_text(quorum, "seats", "?"),
		value_text(quorum, "down", "?"), how);
	evidence_line(cli, "quorum", line);
	free(line);
}

static void print_hops(struct cli *cli, const json_t *hops)
{
	const json_t *hop;
	size_t i;

	json_array_foreach (hops, i, hop) {
		const char *to = value_text(hop, "location", NULL);
		char *line = mem_printf("%s %s%s%s", value_text(hop, "status", "-"),
			value_text(hop, "url", "?"), to ? " -> " : "", to ? to : "");
		evidence_line(cli, i == 0 ? "redirects" : "", line);
		free(line);
	}
}

static void print_certificate(struct cli *cli, const json_t *certificate)
{
	json_t *rest =
		json_is_object(certificate) ? json_copy((json_t *)(uintptr_t)certificate) : NULL;
	const json_t *sent = value_at(certificate, "chain"), *one;
	size_t i;

	json_object_del(rest, "chain");
	evidence_members(cli, "certif.", rest);
	json_array_foreach (sent, i, one) {
		char *line = mem_printf("chain %zu: %s, until %.10s", i + 1,
			value_text(one, "subject", "?"), value_text(one, "not_after", "?"));
		evidence_line(cli, "", line);
		free(line);
	}
	json_decref(rest);
}

/* The members that have a line of their own, in this order; the others follow under "observed". */
static const struct {
	const char *member, *label;
} known[] = {
	{"address", "address"},
	{"status", "status"},
	{"detail", "saw"},
	{"body_excerpt", "body"},
};

static bool is_known(const char *member)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].member, member) == 0)
			return true;
	return strcmp(member, "hops") == 0 || strcmp(member, "headers") == 0 ||
	       strcmp(member, "certificate") == 0;
}

void evidence_observed(struct cli *cli, const json_t *observed)
{
	json_t *rest, *value;
	const char *name;

	if (!json_is_object(observed))
		return;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		evidence_line(cli, known[i].label, value_text(observed, known[i].member, NULL));
	print_hops(cli, value_at(observed, "hops"));
	evidence_members(cli, "headers", value_at(observed, "headers"));
	print_certificate(cli, value_at(observed, "certificate"));
	rest = json_object();
	json_object_foreach ((json_t *)(uintptr_t)observed, name, value) {
		if (!is_known(name))
			json_object_set(rest, name, value);
	}
	evidence_members(cli, "observed", rest);
	json_decref(rest);
}

static void add_vote(struct table *t, const json_t *vote)
{
	const char *verdict = value_text(vote, "verdict", NULL),
		   *fate = value_text(vote, "fate", NULL);
	const char *why = value_text(vote, "why", NULL), *detail = value_text(vote, "detail", NULL);
	int64_t age_ms = value_int(vote, "age_ms", -1);
	const char *private_to = value_text(vote, "private_to", NULL);
	char text[TEXT_SIZE],
		*name = mem_printf("%s%s%s%s", value_text(vote, "probe", "-"),
			private_to ? " (" : "", private_to ? private_to : "",
			private_to ? ")" : ""),
		*judged = mem_printf("%s%s%s", fate ? fate : "-", why ? ": " : "", why ? why : "");

	table_add(t, name);
	table_add(t, value_text(vote, "region", NULL));
	table_add(t, value_text(vote, "seat", NULL));
	table_add_styled(t, style_of(verdict), verdict);
	table_add(t, age_ms < 0 ? NULL : text_duration(text, age_ms));
	table_add_styled(t, style_of(fate), judged);
	table_add(t, value_text(vote, "reason", NULL));
	table_add(t, detail);
	free(judged);
	free(name);
}

void evidence_votes(struct cli *cli, const json_t *votes)
{
	static const char *const headers[] = {
		"PROBE", "REGION", ">SEAT", "VERDICT", ">AGE", "FATE", "REASON", "SAW", NULL};
	struct table *t;
	const json_t *vote;
	size_t i;

	if (json_array_size(votes) == 0)
		return;
	t = table_new(headers);
	json_array_foreach (votes, i, vote)
		add_vote(t, vote);
	fputc('\n', cli->out);
	table_print(t, cli->out, cli->color, 0);
}

char *alert_lasted(const json_t *alert, char text[TEXT_SIZE])
{
	const char *closed = value_text(alert, "closed_at", NULL);
	int64_t from, to = clock_wall_ms();

	if (time_parse(value_text(alert, "opened_at", ""), &from) == -1 ||
		(closed && time_parse(closed, &to) == -1))
		snprintf(text, TEXT_SIZE, "-");
	else
		text_duration(text, to > from ? to - from : 0);
	return text;
}
