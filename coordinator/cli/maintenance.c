// SPDX-License-Identifier: MIT
/* quorate maintenance: windows in which alerts do not open, now, once or again and again. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "proto/base/mem.h"
#include "proto/base/table.h"
#include "proto/base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is asked for */

static void add_words(json_t *body, const char *member, const char *words)
{
	json_t *list = json_object_get(body, member);

	if (!list) {
		list = json_array();
		json_object_set_new(body, member, list);
	}
	for (size_t n; words && *words; words += n + (words[n] == ',')) {
		n = strcspn(words, ",");
		json_array_append_new(list, json_stringn(words, n));
	}
}

/* NAME=VALUE; -1 after saying what is wrong. */
static int add_label(struct cli *cli, json_t *body, const char *text)
{
	const char *equal = strchr(text, '=');
	json_t *labels = json_object_get(body, "labels");
	char *name;

	if (!equal || equal == text) {
		cli_usage(cli, "--label '%.64s' is not accepted; accepted: NAME=VALUE", text);
		return -1;
	}
	if (!labels) {
		labels = json_object();
		json_object_set_new(body, "labels", labels);
	}
	name = mem_printf("%.*s", (int)(equal - text), text);
	json_object_set_new(labels, name, json_string(equal + 1));
	free(name);
	return 0;
}

/* NULL after saying what is wrong. */
static json_t *request(struct cli *cli, const struct args *args)
{
	static const char *const texts[] = {"from", "to", "for", "at", "zone", "reason"};
	json_t *body = json_pack("{s:s*}", "organization", args_value(args, "org"));
	const char *text;

	if (!body) {
		cli_usage(cli, "--org is not accepted; accepted: UTF-8 text");
		return NULL;
	}

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if ((text = args_value(args, texts[i])))
			json_object_set_new(body, texts[i], json_string(text));
	for (int i = 0; i < args->n_operands; i++) { /* names may have commas */
		add_words(body, "monitors", NULL);
		json_array_append_new(
			json_object_get(body, "monitors"), json_string(args->operand[i]));
	}
	for (int i = 0; (text = args_nth(args, "service", i)); i++) {
		add_words(body, "services", NULL);
		json_array_append_new(json_object_get(body, "services"), json_string(text));
	}
	for (int i = 0; (text = args_nth(args, "every", i)); i++)
		add_words(body, "every", text);
	for (int i = 0; (text = args_nth(args, "label", i)); i++) {
		if (add_label(cli, body, text) == -1) {
			json_decref(body);
			return NULL;
		}
	}
	return body;
}

/* ---- what it is, in words */

static char *joined(const json_t *list, const char *prefix)
{
	char *out = mem_strdup("");
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		char *more = mem_printf("%s%s%s%s", out, i > 0 ? ", " : "", prefix,
			json_string_value(one) ? json_string_value(one) : "?");
		free(out);
		out = more;
	}
	return out;
}

static char *labels_words(const json_t *labels)
{
	char *out = mem_strdup("");
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)labels, name, value) {
		char *more = mem_printf("%s%s%s=%s", out, *out ? " and " : "", name,
			json_string_value(value) ? json_string_value(value) : "?");
		free(out);
		out = more;
	}
	return out;
}

/* "shop, blog; service checkout; label team=web; of acme" */
static char *scope_words(const json_t *mt)
{
	char *monitors = joined(value_at(mt, "monitors"), ""),
	     *services = joined(value_at(mt, "services"), "service "),
	     *labels = labels_words(value_at(mt, "labels"));
	const char *organization = value_text(mt, "organization", NULL);
	bool some = *monitors || *services || *labels;
	char *out = mem_printf("%s%s%s%s%s%s%s%s", monitors, *monitors && *services ? "; " : "",
		services, (*monitors || *services) && *labels ? "; " : "", *labels ? "label " : "",
		labels, organization ? some ? "; of " : "all of " : "",
		organization ? organization : "");

	free(monitors);
	free(services);
	free(labels);
	return out;
}

/* "monday, thursday at 02:00 Asia/Tokyo for 2h"; "once" */
static char *when_words(const json_t *mt)
{
	char *days = joined(value_at(mt, "every"), ""), *out;

	if (*days)
		out = mem_printf("%s at %s %s for %s", days, value_text(mt, "at", "?"),
			value_text(mt, "zone", "UTC"), value_text(mt, "for", "?"));
	else
		out = mem_strdup("once");
	free(days);
	return out;
}

/* "until …, ends in 2 h"; "from … until …"; "over" */
static char *window_words(const json_t *mt)
{
	const char *from = value_text(mt, "window.from", NULL),
		   *to = value_text(mt, "window.to", NULL);
	char a[TEXT_SIZE], b[TEXT_SIZE];

	if (!from || !to)
		return mem_strdup("over");
	if (json_is_true(value_at(mt, "on")))
		return mem_printf("now, until %s (%s)", text_local(a, to), text_ago(b, to));
	return mem_printf("%s to %s", text_local(a, from), text_local(b, to));
}

/* ---- the commands */

static void tell_made(struct cli *cli, const json_t *mt)
{
	char *scope = scope_words(mt), *window = window_words(mt), *when = when_words(mt);
	int64_t covers = value_int(mt, "covers", 0);

	fprintf(cli->out, "%s\n", value_text(mt, "id", "?"));
	cli_note(cli, "Maintenance of %s: %s%s%s.", scope, window,
		strcmp(when, "once") == 0 ? "" : ", and again ",
		strcmp(when, "once") == 0 ? "" : when);
	if (covers == 0)
		cli_note(cli, "No monitor is covered yet.");
	else
		cli_note(cli,
			"It covers %lld %s: checked as ever, but no alert opens before it ends.",
			(long long)covers, covers == 1 ? "monitor" : "monitors");
	free(scope);
	free(window);
	free(when);
}

static int make(struct cli *cli, const struct args *args)
{
	json_t *body = request(cli, args), *answer = NULL;
	struct client *client = body ? cli_client(cli) : NULL;
	int status = body ? CLI_FAILED : CLI_USAGE;

	if (client && client_call(client, "POST", "/api/v1/maintenances", body, &answer) == 0) {
		status = CLI_OK;
		if (cli->json)
			cli_print_json(cli, answer);
		else
			tell_made(cli, answer);
	}
	json_decref(answer);
	json_decref(body);
	return status;
}

int command_maintenance_add(struct cli *cli, const struct args *args)
{
	if (!args_has(args, "from") && !args_has(args, "every"))
		return cli_usage(cli, "maintenance add: when is it? accepted: --from TIME, or "
				      "--every DAYS --at TIME; what begins now is "
				      "'quorate maintenance start'");
	return make(cli, args);
}

int command_maintenance_start(struct cli *cli, const struct args *args)
{
	if (!args_has(args, "for") && !args_has(args, "to"))
		return cli_usage(cli, "maintenance start: how long? accepted: --for DURATION, for "
				      "example 2h, or --to TIME");
	return make(cli, args);
}

int command_maintenance_end(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	char *path = client_path("/api/v1/maintenances/%s/end", args->operand[0]);
	json_t *answer = NULL;
	int failed = !client || client_call(client, "POST", path, NULL, &answer) == -1;

	if (!failed && cli->json) {
		cli_print_json(cli, answer);
	} else if (!failed) {
		char *scope = scope_words(answer), *window = window_words(answer);
		cli_note(cli,
			"Maintenance of %s is ended: it is looked at now, and what is wrong "
			"is told.%s%s",
			scope, strcmp(window, "over") == 0 ? "" : " Its next window: ",
			strcmp(window, "over") == 0 ? "" : window);
		free(scope);
		free(window);
	}
	json_decref(answer);
	free(path);
	return failed ? CLI_FAILED : CLI_OK;
}

int command_maintenance_remove(struct cli *cli, const struct args *args)
{
	struct client *client = cli_client(cli);
	char *path = client_path("/api/v1/maintenances/%s", args->operand[0]);
	json_t *answer = NULL;
	int failed = !client || client_call(client, "DELETE", path, NULL, &answer) == -1;

	if (!failed)
		cli_note(cli, "Maintenance %s is removed.", args->operand[0]);
	json_decref(answer);
	free(path);
	return failed ? CLI_FAILED : CLI_OK;
}

static void add_row(struct table *t, const json_t *mt)
{
	char *scope = scope_words(mt), *when = when_words(mt), *window = window_words(mt);

	table_add(t, value_text(mt, "id", NULL));
	table_add(t, scope);
	table_add(t, value_text(mt, "covers", NULL));
	table_add(t, when);
	table_add_styled(t, json_is_true(value_at(mt, "on")) ? STYLE_WARNING : STYLE_PLAIN, window);
	table_add(t, value_text(mt, "reason", NULL));
	free(scope);
	free(when);
	free(window);
}

int command_maintenance_list(struct cli *cli, const struct args *args UNUSED)
{
	static const char *const headers[] = {
		"ID", "FOR", ">MONITORS", "WHEN", "WINDOW", "REASON", NULL};
	struct client *client = cli_client(cli);
	json_t *list, *mt;
	size_t i;

	if (!client || client_list(client, "/api/v1/maintenances", 0, &list) == -1)
		return CLI_FAILED;
	if (cli->json) {
		cli_print_json(cli, list);
	} else {
		struct table *t = table_new(headers);
		json_array_foreach (value_at(list, "items"), i, mt)
			add_row(t, mt);
		table_print(t, cli->out, cli->color, 0);
		if (json_array_size(value_at(list, "items")) == 0)
			cli_note(cli, "No maintenance is planned: quorate maintenance start "
				      "MONITOR --for 2h");
	}
	json_decref(list);
	return CLI_OK;
}
