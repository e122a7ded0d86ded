// SPDX-License-Identifier: MIT
/* The words behind `quorate-probe check`: its own options here, those of the check from the table of
 * a monitor's fields. */
#include "probe/once_internal.h"

#include "proto/base/mem.h"
#include "proto/base/text.h"
#include "proto/monitor.h"
#include "quorate/duration.h"
#include "quorate/limits.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT_MAX       1000000
#define CONCURRENCY     20
#define CONCURRENCY_MAX 10000
#define INTERVAL_MS     1000

static const struct cli_option own_options[] = {
	{"file", 'f', "FILE",
		"check the monitors of FILE, which 'quorate apply' reads too; - is standard input"},
	{"config", 'c', "FILE", "the probe's local file (default: /etc/quorate/probe.yml, if any)"},
	{"output", 'o', "FORM", "table (the default), ndjson or nagios"},
	{"allow", 0, "CIDR", "a network that may be contacted in this run; may be repeated"},
	{"secret", 0, "NAME=FILE", "the value of {secret: NAME} is in FILE; may be repeated"},
	{"explain", 0, NULL, "show each step with its time; one check at a time"},
	{"details", 0, NULL, "tell all about each of several checks"},
	{"count", 0, "N", "check N times (default: 1)"},
	{"interval", 0, "TIME", "from one time to the next (default: 1s)"},
	{"concurrency", 0, "N", "checks of a file that run at the same time (default: 20)"},
	{"ipv4", '4', NULL, "use IPv4"},
	{"ipv6", '6', NULL, "use IPv6"},
	{"help", 0, NULL, "print this, or with a TYPE what it knows, and exit"},
	{0},
};

static const struct once_form *const forms[] = {&once_table, &once_ndjson, &once_nagios};

int once_complain(struct once *o, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;
	va_start(arguments, format);
	ensure(vasprintf(&text, format, arguments) != -1);
	va_end(arguments);
	if (o->form == &once_nagios) {
		once_nagios_unknown(o->out, text);
	} else {
		fputs("quorate-probe: check: ", o->err);
		text_print(o->err, text);
		fputc('\n', o->err);
	}
	free(text);
	return ONCE_UNKNOWN;
}

/* "help", "help TYPE": no target stands alone without being a URL. */
static bool says_help(const struct once *o)
{
	return o->args.n_operands > 0 && !args_has(&o->args, "file") &&
	       strcmp(o->args.operand[0], "help") == 0;
}

/* The kind that the words name, or -1. */
static int named_kind(const struct once *o)
{
	int at = says_help(o) ? 1 : 0;
	for (int kind = 0; kind < CHECK_KIND_COUNT && o->args.n_operands > at; kind++)
		if (strcmp(o->args.operand[at], check_kind_names[kind]) == 0)
			return kind;
	return -1;
}

static void print_help_of(struct once *o, int kind)
{
	struct cli_option *options = monitor_options_of(o->options, kind);
	fprintf(o->out, "usage: quorate-probe check [options] %s TARGET…\n\nTARGET is ",
		check_kind_names[kind]);
	text_print(o->out, target_accepts(kind));
	fprintf(o->out, ".\n\noptions of a check of type %s, as its monitor has them\n",
		check_kind_names[kind]);
	args_help(o->out, options);
	fputs("\n--help alone tells the others. See quorate-monitors(5), quorate-probe(8).\n",
		o->out);
	free(options);
}

void once_print_help(struct once *o)
{
	if (named_kind(o) != -1) {
		print_help_of(o, named_kind(o));
		return;
	}
	fputs("usage: quorate-probe check [options] URL…\n"
	      "       quorate-probe check [options] TYPE TARGET…\n"
	      "       quorate-probe check [options] -f FILE [NAME…]\n"
	      "\n"
	      "Checks once and says what it found. TYPE is one of",
		o->out);
	for (int kind = 0; kind < CHECK_KIND_COUNT; kind++)
		fprintf(o->out, "%s %s", kind ? "," : "", check_kind_names[kind]);
	fputs(".\n"
	      "It ends with 0 (up), 1 (a warning), 2 (down), 3 (wrong usage, or could not check).\n"
	      "\n"
	      "options\n",
		o->out);
	args_help(o->out, own_options);
	fputs("\noptions of a check, as its monitor has them\n", o->out);
	args_help(o->out, monitor_options_table(o->options));
	fputs("\n--help TYPE tells those of one type alone. See quorate-probe(8), "
	      "quorate-monitors(5).\n",
		o->out);
}

/* Before anything can be complained about: where to. */
static void look_for_nagios(struct once *o, int n, char *const *words)
{
	for (int i = 0; i < n; i++)
		if (strcmp(words[i], "-onagios") == 0 || strcmp(words[i], "--output=nagios") == 0 ||
			(strcmp(words[i], "nagios") == 0 && i > 0 &&
				(strcmp(words[i - 1], "-o") == 0 ||
					strcmp(words[i - 1], "--output") == 0)))
			o->form = &once_nagios;
}

static int read_form(struct once *o)
{
	const char *name = args_value(&o->args, "output");
	for (size_t i = 0; name && i < ARRAY_LEN(forms); i++) {
		if (strcmp(forms[i]->name, name) != 0)
			continue;
		o->form = forms[i];
		return -1;
	}
	return name ? once_complain(o, "-o %s: accepted: table, ndjson or nagios", name) : -1;
}

static int read_number(
	struct once *o, const char *name, int64_t otherwise, int64_t max, int64_t *out)
{
	const char *text = args_value(&o->args, name);
	char *end = NULL;
	*out = otherwise;
	if (!text)
		return -1;
	*out = strtoll(text, &end, 10);
	if (*text && !*end && *out >= 1 && *out <= max)
		return -1;
	return once_complain(o, "--%s: '%s' cannot be used; accepted: a number from 1 to %lld",
		name, text, (long long)max);
}

static int read_interval(struct once *o)
{
	const char *text = args_value(&o->args, "interval");
	o->interval_ms = INTERVAL_MS;
	if (!text || (duration_parse(text, &o->interval_ms) == 0 && o->interval_ms >= 100 &&
			     o->interval_ms <= INTERVAL_MAX_MS))
		return -1;
	return once_complain(
		o, "--interval: '%s' cannot be used; accepted: a duration from 100ms to 24h", text);
}

/* What does not go together. */
static int read_combination(struct once *o)
{
	const char *of_check = monitor_options_given(o->options, &o->args);
	if (args_has(&o->args, "ipv4") && args_has(&o->args, "ipv6"))
		return once_complain(o, "-4 and -6: accepted: one of them");
	if (args_has(&o->args, "file") &&
		(of_check || args_has(&o->args, "ipv4") || args_has(&o->args, "ipv6")))
		return once_complain(o,
			"--%s: with -f the options of a check stand in the file, as 'request' and "
			"'expect' of its monitors",
			of_check                     ? of_check
			: args_has(&o->args, "ipv4") ? "ipv4"
						     : "ipv6");
	if (!args_has(&o->args, "file") && o->args.n_operands == 0)
		return once_complain(o, "what should be checked? accepted: a URL, TYPE TARGET, or "
					"-f FILE; --help tells more");
	if (args_has(&o->args, "explain") && !o->form->step)
		return once_complain(o, "--explain: accepted with -o table and -o ndjson");
	return -1;
}

static bool has_color(FILE *out)
{
	const char *no = getenv("NO_COLOR");
	int fd = fileno(out);
	return fd >= 0 && isatty(fd) && !(no && *no);
}

int once_read_words(struct once *o, int n, char *const *words)
{
	const char *why;
	int status;
	o->form = &once_table;
	look_for_nagios(o, n, words);
	if (args_parse(&o->args, own_options, monitor_options_table(o->options), n, words, false,
		    &why) == -1)
		return once_complain(
			o, "%s%s", why, strchr(why, ';') ? "" : "; --help lists what is accepted");
	if (args_has(&o->args, "help") || says_help(o)) {
		once_print_help(o);
		return ONCE_UP;
	}
	o->details = args_has(&o->args, "details");
	o->color = has_color(o->out);
	if ((status = read_form(o)) != -1 ||
		(status = read_number(o, "count", 1, COUNT_MAX, &o->count)) != -1 ||
		(status = read_number(
			 o, "concurrency", CONCURRENCY, CONCURRENCY_MAX, &o->concurrency)) != -1 ||
		(status = read_interval(o)) != -1 || (status = read_combination(o)) != -1)
		return status;
	if (args_has(&o->args, "explain"))
		o->concurrency = 1;
	return -1;
}
