// SPDX-License-Identifier: MIT
/*
 * quorate alert follow: the stream of alerts, a line per event. Loses its connection without losing
 * events: it comes back with the last event's id.
 */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/evidence.h"
#include "proto/base/table.h"
#include "proto/base/text.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_FIRST_MS 200
#define WAIT_MAX_MS   30000

struct follow {
	struct cli *cli;
	long wanted; /* events; 0: for ever */
	long seen;
	bool stop;
	bool lost;      /* told the user so */
	bool connected; /* at least once */
	int64_t wait_ms;
};

static void print_subject(struct cli *cli, const json_t *alert)
{
	style_print(cli->out, cli->color, STYLE_BOLD,
		value_text(alert, "monitor.name",
			value_text(alert, "probe.name", value_text(alert, "probe", "?"))));
	if (value_at(alert, "monitor.target")) {
		fputs(" (", cli->out);
		text_print(cli->out, value_text(alert, "monitor.target", ""));
		fputs(")", cli->out);
	}
}

/* "18:30:53  OPENED  K7F-2QX  critical down: shop front (https://…): connection refused, 3 of 3
 * seats" */
static void print_alert(struct cli *cli, const char *what, const json_t *alert)
{
	const char *severity = value_text(alert, "severity", "?");
	const char *reason = value_text(alert, "reason.text", NULL);
	bool closed = strcmp(what, "closed") == 0;
	char word[16], lasted[TEXT_SIZE];

	snprintf(word, sizeof(word), "%-12s", what);
	style_print(cli->out, cli->color, closed ? STYLE_GOOD : style_of(severity), word);
	fputs("  ", cli->out);
	text_print(cli->out, value_text(alert, "case", "-"));
	fputs("  ", cli->out);
	style_print(cli->out, cli->color, closed ? STYLE_PLAIN : style_of(severity), severity);
	fprintf(cli->out, " ");
	text_print(cli->out, value_text(alert, "kind", "?"));
	fputs(": ", cli->out);
	print_subject(cli, alert);
	if (closed) {
		fprintf(cli->out, ", after %s", alert_lasted(alert, lasted));
		return;
	}
	if (reason) {
		fputs(": ", cli->out);
		text_print(cli->out, reason);
	}
	if (json_is_object(value_at(alert, "quorum.counted")))
		fprintf(cli->out, ", %s of %s seats say down",
			value_text(alert, "quorum.counted.down", "?"),
			value_text(alert, "quorum.seats", "?"));
}

static void print_event(struct cli *cli, const json_t *event)
{
	const char *type = value_text(event, "type", "?");
	char at[TEXT_SIZE];

	fprintf(cli->out, "%s  ", text_clock(at, value_text(event, "timestamp", NULL)));
	if (strncmp(type, "alert.", 6) == 0 && json_is_object(value_at(event, "data"))) {
		print_alert(cli, type + 6, value_at(event, "data"));
	} else {
		char *words = value_words(value_at(event, "data"));
		style_print(cli->out, cli->color, STYLE_WARNING, type);
		fputs("  ", cli->out);
		text_print(cli->out, words);
		free(words);
	}
	fputc('\n', cli->out);
}

static void event_cb(void *arg, const char *id UNUSED, const char *type UNUSED, const char *data)
{
	struct follow *f = arg;
	json_t *event;

	if (f->stop)
		return;
	event = json_loads(data, 0, NULL);
	if (!json_is_object(event)) {
		json_decref(event);
		return;
	}
	if (f->cli->json) {
		json_dumpf(event, f->cli->out, JSON_COMPACT);
		fputc('\n', f->cli->out);
	} else {
		print_event(f->cli, event);
	}
	json_decref(event);
	f->stop = ++f->seen == f->wanted || fflush(f->cli->out) == EOF;
}

static void connected_cb(void *arg)
{
	struct follow *f = arg;

	if (f->lost)
		cli_note(f->cli, "quorate: connected again; nothing was missed");
	else if (!f->connected)
		cli_note(f->cli, "quorate: following %s; Ctrl-C ends", client_url(f->cli->client));
	f->connected = true;
	f->lost = false;
	f->wait_ms = 0;
}

/* Waits before the next attempt: 0.2 s, doubling to 30 s, with jitter, or what the server asked
 * for. */
static void wait_before_retry(struct follow *f, const struct sse *sse)
{
	int64_t least = sse->retry_ms < WAIT_MAX_MS ? sse->retry_ms : WAIT_MAX_MS;

	f->wait_ms = f->wait_ms ? f->wait_ms * 2 : WAIT_FIRST_MS;
	f->wait_ms = f->wait_ms < WAIT_MAX_MS ? f->wait_ms : WAIT_MAX_MS;
	int64_t ms = f->wait_ms + (int64_t)rand_below((uint64_t)f->wait_ms / 4 + 1);
	ms = ms > least ? ms : least;
	struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&pause, NULL);
}

static int follow(struct follow *f, struct client *client, struct sse *sse)
{
	for (;;) {
		enum stream_end end = client_stream(
			client, "/api/v1/alerts/stream", sse, &f->stop, connected_cb, f);
		if (end == STREAM_STOPPED)
			return CLI_OK;
		if (end == STREAM_REFUSED)
			return CLI_FAILED;
		if (!f->connected) /* a wrong address is told at once instead of tried for ever */
			return cli_fail(f->cli, "cannot follow %s: %s", client_url(client),
				client_problem(client));
		if (!f->lost)
			cli_note(f->cli, "quorate: lost %s (%s); trying again", client_url(client),
				client_problem(client));
		f->lost = true;
		wait_before_retry(f, sse);
	}
}

int command_alert_follow(struct cli *cli, const struct args *args)
{
	const char *count = args_value(args, "count"), *after = args_value(args, "after");
	struct follow f = {.cli = cli, .wanted = count ? strtol(count, NULL, 10) : 0};
	struct client *client;
	struct sse sse;
	int status;

	if (count && f.wanted < 1)
		return cli_usage(
			cli, "--count: '%s' is not accepted; accepted: a number from 1", count);
	if (after &&
		(!*after || strspn(after, "0123456789") != strlen(after) || strlen(after) > 18))
		return cli_usage(cli,
			"--after: '%s' is not accepted; accepted: an event's id, a number", after);
	client = cli_client(cli);
	if (!client)
		return CLI_FAILED;
	sse_init(&sse, event_cb, &f);
	if (after)
		snprintf(sse.id, sizeof(sse.id), "%s", after);
	status = follow(&f, client, &sse);
	sse_clear(&sse);
	return status;
}
