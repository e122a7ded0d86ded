// SPDX-License-Identifier: MIT
/* quorate monitor add: options become the object that the API takes; one table says which option is
 * which member. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "proto/files.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct cli_option monitor_add_options[] = {
	{"file", 'f', "FILE",
		"the monitor is described in FILE (YAML or JSON); - is standard input"},
	{"name", 0, "NAME", "its name, if not given as a word"},
	{"http", 0, "URL", "check this http:// or https:// URL"},
	{"tcp", 0, "HOST:PORT", "check that a connection is accepted (--closed: that it is not)"},
	{"ping", 0, "HOST", "check that pings are answered"},
	{"redirect", 0, "URL", "check a chain of redirects"},
	{"tls", 0, "HOST[:PORT]", "check TLS and its certificate, on any port (443 if left out)"},
	{"interval", 0, "TIME", "between two checks of a probe: 30s, 5m"},
	{"timeout", 0, "TIME", "of one check as a whole: 10s"},
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
	{"family", 0, "FAMILY", "auto, ipv4, ipv6, or both: each of the two must succeed"},
	{"source", 0, "ADDRESS", "the address to check from, one of the probe's own"},
	{"method", 0, "METHOD", "http: GET, HEAD, POST, PUT, DELETE or OPTIONS"},
	{"header", 0, "'NAME: VALUE'", "http: a header to send; may be repeated; no secrets here"},
	{"header-secret", 0, "'NAME: SECRET'",
		"http: a header with the value of a secret; may be repeated"},
	{"body", 0, "TEXT", "http: the body to send"},
	{"body-secret", 0, "SECRET", "http: the body is the value of a secret"},
	{"insecure", 0, NULL, "http, redirect, tls, tcp: do not verify certificates"},
	{"starttls", 0, "PROTOCOL",
		"tls, tcp: ask for TLS in this protocol: smtp, imap, pop3, ftp, ldap, postgres, "
		"mysql, ..."},
	{"server-name", 0, "NAME", "tls, tcp: the name that the certificate must be for"},
	{"status", 0, "STATUS", "http: a status that is fine: 200, 2xx, 200-204; may be repeated"},
	{"follow", 0, "N", "http: follow this many redirects at most; 0: none"},
	{"contains", 0, "TEXT", "http: the body must contain this"},
	{"slow-warning", 0, "TIME", "http, tcp, tls: a response time that is a warning"},
	{"slow-critical", 0, "TIME", "http, tcp, tls: a response time that is critical"},
	{"certificate-warning", 0, "DAYS",
		"http, redirect, tls, tcp: days that the certificate must still be valid"},
	{"certificate-critical", 0, "DAYS", "the same, critical"},
	{"closed", 0, NULL, "tcp: the port must be closed"},
	{"packets", 0, "N", "ping: how many"},
	{"size", 0, "N", "ping: bytes of payload"},
	{"df", 0, NULL, "ping: do not let packets be fragmented"},
	{"ttl", 0, "N", "ping: TTL (hop limit) of the packets"},
	{"loss-warning", 0, "PERCENT", "ping: loss that is a warning"},
	{"loss-critical", 0, "PERCENT", "ping: loss that is critical"},
	{"rtt-warning", 0, "TIME", "ping: round trip that is a warning"},
	{"rtt-critical", 0, "TIME", "ping: round trip that is critical"},
	{"jitter-warning", 0, "TIME", "ping: jitter that is a warning"},
	{"jitter-critical", 0, "TIME", "ping: jitter that is critical"},
	{"final-url", 0, "URL", "redirect: where it must end"},
	{"final-status", 0, "STATUS",
		"redirect: the status that it must end with; may be repeated"},
	{"max-hops", 0, "N", "redirect: at most this many redirects"},
	{0},
};

enum form {
	TEXT,
	NUMBER,
	SHARE,
	LIST,
	PAIR_EQUAL,
	PAIR_COLON,
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
	{"interval", "interval", TEXT},
	{"timeout", "timeout", TEXT},
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
	{"family", "request.family", TEXT},
	{"source", "request.source", TEXT},
	{"method", "request.method", TEXT},
	{"header", "request.headers", PAIR_COLON},
	{"header-secret", "request.headers", PAIR_SECRET},
	{"body", "request.body", TEXT},
	{"body-secret", "request.body", SECRET},
	{"insecure", "request.verify", IS_FALSE},
	{"starttls", "request.starttls", TEXT},
	{"server-name", "request.server_name", TEXT},
	{"status", "expect.status", LIST},
	{"follow", "expect.follow", NUMBER},
	{"contains", "expect.body_contains", TEXT},
	{"slow-warning", "expect.response_time.warning", TEXT},
	{"slow-critical", "expect.response_time.critical", TEXT},
	{"certificate-warning", "expect.certificate_days.warning", NUMBER},
	{"certificate-critical", "expect.certificate_days.critical", NUMBER},
	{"closed", "expect.port", IS_CLOSED},
	{"packets", "request.packets", NUMBER},
	{"size", "request.size", NUMBER},
	{"df", "request.df", IS_TRUE},
	{"ttl", "request.ttl", NUMBER},
	{"loss-warning", "expect.loss.warning", SHARE},
	{"loss-critical", "expect.loss.critical", SHARE},
	{"rtt-warning", "expect.rtt.warning", TEXT},
	{"rtt-critical", "expect.rtt.critical", TEXT},
	{"jitter-warning", "expect.jitter.warning", TEXT},
	{"jitter-critical", "expect.jitter.critical", TEXT},
	{"final-url", "expect.final_url", TEXT},
	{"final-status", "expect.final_status", LIST},
	{"max-hops", "expect.max_hops", NUMBER},
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
	case PAIR_COLON:
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

static json_t *monitor_of_options(const struct args *args)
{
	json_t *monitor = json_object();
	const char *value;

	if (args->n_operands > 0)
		set_member(monitor, "name", TEXT, args->operand[0]);
	for (size_t m = 0; m < ARRAY_LEN(members); m++)
		for (int i = 0; (value = args_nth(args, members[m].option, i)); i++)
			set_member(monitor, members[m].path, members[m].form, value);
	return monitor;
}

/* A problem of the member PATH ("regions[0]" is one of "regions") is one of the option that made
 * it. */
static void print_problem(struct cli *cli, const char *path, const char *message)
{
	size_t length = strcspn(path, "[");

	for (size_t m = 0; m < ARRAY_LEN(members); m++) {
		if (strlen(members[m].path) != length ||
			memcmp(members[m].path, path, length) != 0 || strcmp(path, "name") == 0)
			continue;
		cli_usage(cli, "--%s: %s", members[m].option, message);
		return;
	}
	if (strcmp(path, "type") == 0 || strcmp(path, "target") == 0)
		cli_usage(cli, "what should be checked? accepted: one of --http, --tcp, --ping, "
			       "--redirect and --tls");
	else
		cli_usage(cli, "%s%s%s", path, *path ? ": " : "", message);
}

static int check_options(struct cli *cli, const json_t *in)
{
	struct problems problems = {0};
	struct monitor m;
	int failed = monitor_decode(in, SCHEMA_STRICT, "", &m, &problems);
	const char *said = "";

	for (size_t i = 0; i < problems.n; i++) {
		const char *path = problems.item[i].path;
		if (strcmp(path, "target") != 0 ||
			strcmp(said, "type") != 0) /* one question is enough */
			print_problem(cli, path, problems.item[i].message);
		said = path;
	}
	monitor_clear(&m);
	return failed;
}

/* The coordinator's complaints go to the file, or to the options. */
static void print_refusal(struct cli *cli, struct client *client, struct files *files, int status,
	const json_t *answer)
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
			print_problem(cli, path ? path : "", message ? message : "?");
	}
	if (files)
		files_print_complaints(files, cli->err);
}

static int post(struct cli *cli, const json_t *monitor, struct files *files)
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
		print_refusal(cli, client, files, status, answer);
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
		status = post(cli, json_array_get(files_monitors(files), 0), files);
	}
	files_free(files);
	return status;
}

int command_monitor_add(struct cli *cli, const struct args *args)
{
	json_t *monitor;
	int status;

	if (args_has(args, "file")) {
		if (args->n_operands > 0)
			return cli_usage(cli,
				"monitor add: with --file, name and options stand in the file");
		return add_file(cli, args);
	}
	monitor = monitor_of_options(args);
	if (check_options(cli, monitor) == -1)
		status = CLI_USAGE;
	else
		status = post(cli, monitor, NULL);
	json_decref(monitor);
	return status;
}
