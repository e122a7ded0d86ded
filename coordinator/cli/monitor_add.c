// SPDX-License-Identifier: MIT
/* quorate monitor add: options become the object that the API takes; one table says which option is
 * which member. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "proto/files.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"
#include "proto/monitor_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 192

static const struct cli_option own_options[] = {
	{"file", 'f', "FILE",
		"the monitor is described in FILE (YAML or JSON); - is standard input"},
	{"name", 0, "NAME", "its name, if not given as a word"},
	{"http", 0, "URL", "check this http:// or https:// URL"},
	{"tcp", 0, "HOST:PORT", "check that a connection is accepted (--closed: that it is not)"},
	{"ping", 0, "HOST", "check that pings are answered"},
	{"redirect", 0, "URL", "check a chain of redirects"},
	{"tls", 0, "HOST[:PORT]", "check TLS and its certificate, on any port (443 if left out)"},
	{"dns", 0, "NAME", "check what name servers say of this name"},
	{"interval", 0, "TIME", "between two checks of a probe: 30s, 5m"},
	{"region", 0, "REGION", "where it is checked from: a region, @set or *; may be repeated"},
	{"seats", 0, "N", "how many places vote"},
	{"down", 0, "SHARE", "how many must agree on down: majority, a number or a percentage"},
	{"up", 0, "SHARE", "how many must agree on up: auto, majority, a number or a percentage"},
	{"after", 0, "TIME", "how long it must be down before the alert"},
	{"org", 0, "ORG", "the organization that it belongs to; default: the key's, else default"},
	{"service", 0, "TEXT", "the service that it belongs to"},
	{"label", 0, "NAME=VALUE", "a label; may be repeated"},
	{"memo", 0, "TEXT", "a note that alerts carry"},
	{"external-id", 0, "ID", "an id of yours: names can change then"},
	{"paused", 0, NULL, "register it without checking it"},
	{"header-secret", 0, "'NAME: SECRET'",
		"http: a header with the value of a secret; may be repeated"},
	{"body-secret", 0, "SECRET", "http: the body is the value of a secret"},
	{"insecure", 0, NULL, "the same as --no-verify"},
	{"contains", 0, "TEXT", "the same as --body-contains"},
	{"slow-warning", 0, "TIME", "the same as --response-time-warning"},
	{"slow-critical", 0, "TIME", "the same as --response-time-critical"},
	{"certificate-warning", 0, "DAYS", "the same as --certificate-days-warning"},
	{"certificate-critical", 0, "DAYS", "the same as --certificate-days-critical"},
	{"closed", 0, NULL, "the same as --expect closed"},
};

/* Its own ones, then those of the check that have no name of its own: made at the start. */
struct cli_option monitor_add_options[OPTIONS_MAX];
static struct monitor_options *of_check;

static bool is_own(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(own_options); i++)
		if (strcmp(own_options[i].name, name) == 0)
			return true;
	return false;
}

void monitor_add_prepare(void)
{
	size_t n = ARRAY_LEN(own_options);

	if (of_check)
		return;
	of_check = monitor_options_new();
	memcpy(monitor_add_options, own_options, sizeof(own_options));
	for (const struct cli_option *o = monitor_options_table(of_check); o->name; o++) {
		if (is_own(o->name))
			continue;
		ensure(n + 1 < OPTIONS_MAX);
		monitor_add_options[n++] = *o;
	}
}

enum form {
	TEXT,
	NUMBER,
	SHARE,
	LIST,
	PAIR_EQUAL,
	PAIR_SECRET,
	SECRET,
	IS_TRUE,
	IS_FALSE,
	IS_CLOSED
};

static const struct {
	const char *option, *path;
	enum form form;
} members[] = {
	{"name", "name", TEXT},
	{"http", "http", TEXT},
	{"tcp", "tcp", TEXT},
	{"ping", "ping", TEXT},
	{"redirect", "redirect", TEXT},
	{"tls", "tls", TEXT},
	{"dns", "dns", TEXT},
	{"interval", "interval", TEXT},
	{"region", "regions", LIST},
	{"seats", "quorum.seats", NUMBER},
	{"down", "quorum.down", SHARE},
	{"up", "quorum.up", SHARE},
	{"after", "alert.after", TEXT},
	{"org", "organization", TEXT},
	{"service", "service", TEXT},
	{"label", "labels", PAIR_EQUAL},
	{"memo", "memo", TEXT},
	{"external-id", "external_id", TEXT},
	{"paused", "enabled", IS_FALSE},
	{"header-secret", "request.headers", PAIR_SECRET},
	{"body-secret", "request.body", SECRET},
	{"insecure", "request.verify", IS_FALSE},
	{"contains", "expect.body_contains", LIST},
	{"slow-warning", "expect.response_time.warning", TEXT},
	{"slow-critical", "expect.response_time.critical", TEXT},
	{"certificate-warning", "expect.certificate_days.warning", NUMBER},
	{"certificate-critical", "expect.certificate_days.critical", NUMBER},
	{"closed", "expect.port", IS_CLOSED},
};

/* The number that TEXT is, else the text itself: what is wrong with it is the decoder's to say. */
static json_t *number_or_text(const char *text)
{
	char *end;

	errno = 0;
	long long number = strtoll(text, &end, 10);
	return *text && !*end && errno == 0 ? json_integer(number) : json_string(text);
}

/* Adds one value of an option to what is at NAME already. NULL when VALUE has not the option's
 * form. */
static json_t *make_value(enum form form, const char *value, json_t *before)
{
	const char *separator = form == PAIR_EQUAL ? "=" : ":";
	size_t length = strcspn(value, separator);
	json_t *made = json_incref(before);
	char *name;

	switch (form) {
	case LIST:
		made = made ? made : json_array();
		json_array_append_new(made, json_string(value));
		return made;
	case PAIR_EQUAL:
	case PAIR_SECRET:
		made = made ? made : json_object();
		name = mem_strndup(value, length);
		value += length + (value[length] != '\0');
		if (form != PAIR_EQUAL)
			value += strspn(value, " ");
		json_object_set_new(made, name,
			form == PAIR_SECRET ? json_pack("{s:s}", "secret", value)
					    : json_string(value));
		free(name);
		return made;
	case SECRET:
		json_decref(made);
		return json_pack("{s:s}", "secret", value);
	case NUMBER:
	case SHARE:
		json_decref(made);
		return number_or_text(value);
	case IS_TRUE:
	case IS_FALSE:
		json_decref(made);
		return json_boolean(form == IS_TRUE);
	case IS_CLOSED:
		json_decref(made);
		return json_string("closed");
	default:
		json_decref(made);
		return json_string(value);
	}
}

static void set_member(json_t *object, const char *path, enum form form, const char *value)
{
	size_t length = strcspn(path, ".");
	char name[64];
	json_t *inner;

	snprintf(name, sizeof(name), "%.*s", (int)length, path);
	inner = json_object_get(object, name);
	if (path[length] == '\0') {
		json_object_set_new(object, name, make_value(form, value, inner));
		return;
	}
	if (!inner) {
		inner = json_object();
		json_object_set_new(object, name, inner);
	}
	set_member(inner, path + length + 1, form, value);
}

/* What TCP calls a switch is a kind of its own here. */
static void drop_namesakes(const struct args *args, json_t *monitor)
{
	if (args_has(args, "tls"))
		json_object_del(json_object_get(monitor, "request"), "tls");
}

/* NULL: an option that has to be a pair is none, *WRONG. */
static json_t *monitor_of_options(const struct args *args, const char **wrong)
{
	json_t *monitor = json_object();
	const char *value;

	if (monitor_options_apply(of_check, args, monitor, wrong) == -1) {
		json_decref(monitor);
		return NULL;
	}
	drop_namesakes(args, monitor);

	if (args->n_operands > 0)
		set_member(monitor, "name", TEXT, args->operand[0]);
	for (size_t m = 0; m < ARRAY_LEN(members); m++)
		for (int i = 0; (value = args_nth(args, members[m].option, i)); i++)
			set_member(monitor, members[m].path, members[m].form, value);
	return monitor;
}

/* A problem of the member PATH ("regions[0]" is one of "regions") is one of the option that made
 * it. */
static void print_problem(
	struct cli *cli, const struct args *args, const char *path, const char *message)
{
	size_t length = strcspn(path, "[");
	const char *generated = monitor_options_name(of_check, path);

	for (size_t m = 0; m < ARRAY_LEN(members); m++) {
		if (strlen(members[m].path) != length ||
			memcmp(members[m].path, path, length) != 0 || strcmp(path, "name") == 0 ||
			(generated && !args_has(args, members[m].option)))
			continue;
		cli_usage(cli, "--%s: %s", members[m].option, message);
		return;
	}
	if (generated)
		cli_usage(cli, "--%s: %s", generated, message);
	else if (strcmp(path, "type") == 0 || strcmp(path, "target") == 0)
		cli_usage(cli, "what should be checked? accepted: one of --http, --tcp, --ping, "
			       "--redirect, "
			       "--tls and --dns");
	else
		cli_usage(cli, "%s%s%s", path, *path ? ": " : "", message);
}

static int check_options(struct cli *cli, const struct args *args, const json_t *in)
{
	struct problems problems = {0};
	struct monitor m;
	int failed = monitor_decode(in, SCHEMA_STRICT, "", &m, &problems);
	const char *said = "";

	for (size_t i = 0; i < problems.n; i++) {
		const char *path = problems.item[i].path;
		if (strcmp(path, "target") != 0 ||
			strcmp(said, "type") != 0) /* one question is enough */
			print_problem(cli, args, path, problems.item[i].message);
		said = path;
	}
	monitor_clear(&m);
	return failed;
}

/* The coordinator's complaints go to the file, or to the options. */
static void print_refusal(struct cli *cli, struct client *client, struct files *files,
	const struct args *args, int status, const json_t *answer)
{
	const json_t *errors = json_object_get(answer, "errors"), *error;
	size_t i;

	if (json_array_size(errors) == 0 || (status != 422 && status != 400)) {
		client_print_problem(client, status, answer);
		return;
	}
	json_array_foreach (errors, i, error) {
		const char *path = json_string_value(json_object_get(error, "path"));
		const char *message = json_string_value(json_object_get(error, "message"));
		if (files)
			files_complain(files, path ? path : "", message ? message : "?");
		else if (path && (strcmp(path, "type") == 0 || strcmp(path, "target") == 0))
			cli_usage(cli, "%s", message ? message : "?");
		else
			print_problem(cli, args, path ? path : "", message ? message : "?");
	}
	if (files)
		files_print_complaints(files, cli->err);
}

static int post(
	struct cli *cli, const struct args *args, const json_t *monitor, struct files *files)
{
	struct client *client = cli_client(cli);
	json_t *answer = NULL;
	int status =
		client ? client_request(client, "POST", "/api/v1/monitors", monitor, &answer) : -1;
	bool done = status >= 200 && status <= 299;

	if (done && cli->json)
		cli_print_json(cli, answer);
	else if (done)
		cli_print_warnings(cli, NULL, answer);
	if (done && !cli->json)
		cli_note(cli,
			"Monitor %s is registered; 'quorate explain' shows its votes as they come.",
			json_string_value(json_object_get(answer, "name")));
	else if (!done && status != -1)
		print_refusal(cli, client, files, args, status, answer);
	json_decref(answer);
	return done ? CLI_OK : CLI_FAILED;
}

static int add_file(struct cli *cli, const struct args *args)
{
	struct files *files = files_new();
	int status;

	files_add_one(files, args_value(args, "file"));
	files_check(files);
	if (files_complaints(files) > 0) {
		files_print_complaints(files, cli->err);
		status = CLI_USAGE;
	} else {
		status = post(cli, args, json_array_get(files_monitors(files), 0), files);
	}
	files_free(files);
	return status;
}

int command_monitor_add(struct cli *cli, const struct args *args)
{
	const char *wrong;
	json_t *monitor;
	int status;

	if (args_has(args, "file")) {
		if (args->n_operands > 0)
			return cli_usage(cli,
				"monitor add: with --file, name and options stand in the file");
		return add_file(cli, args);
	}
	monitor = monitor_of_options(args, &wrong);
	if (!monitor)
		return cli_usage(cli, "--%s: accepted: 'NAME: VALUE'", wrong);
	if (check_options(cli, args, monitor) == -1)
		status = CLI_USAGE;
	else
		status = post(cli, args, monitor, NULL);
	json_decref(monitor);
	return status;
}
