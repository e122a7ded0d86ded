// SPDX-License-Identifier: MIT
/* quorate-probe: options and configuration, then daemon_run(), join_run() or doctor_run(); `check` goes
 * to once_main() with all its words. See quorate-probe(8). */
#include "probe/conf.h"
#include "probe/daemon.h"
#include "probe/doctor.h"
#include "probe/join.h"
#include "probe/joined.h"
#include "probe/once.h"
#include "probe/token.h"
#include "probe/waiting.h"
#include "proto/base/yaml.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF_PATH "/etc/quorate/probe.yml"

enum { EXIT_USAGE = 2 }; /* wrong options or configuration */

static const char usage[] =
	"usage: quorate-probe [-c FILE] [--wait] [--check-config]\n"
	"       quorate-probe join [-c FILE] [--file FILE] [--force]\n"
	"       quorate-probe doctor [-c FILE] [-o text|json]\n"
	"       quorate-probe check [options] URL | TYPE TARGET | -f FILE\n"
	"\n"
	"Runs checks for a quorate coordinator. It only dials out and listens nowhere.\n"
	"'join' reads the line that 'quorate probe add' printed from standard input.\n"
	"'doctor' says what works from here, and what to do about what does not.\n"
	"'check' runs checks once, here and now; 'check --help' tells more.\n"
	"\n"
	"  -c, --config FILE   configuration (default: " CONF_PATH ")\n"
	"      --check-config  read configuration and token, say what is wrong, and exit\n"
	"      --file FILE     join: read the join string from FILE\n"
	"      --force         join: replace another probe's token\n"
	"      --wait          wait until this machine has joined instead of ending\n"
	"  -o, --output FORM   doctor: text (the default) or json\n"
	"      --version       print the version and exit\n"
	"      --help          print this and exit\n"
	"\n"
	"SIGHUP reads the configuration again. See quorate-probe(8).\n";

enum option_code {
	OPTION_CHECK = 256,
	OPTION_FILE,
	OPTION_FORCE,
	OPTION_WAIT,
	OPTION_VERSION,
	OPTION_HELP
};

struct options {
	const char *path;
	bool path_given, check_only, join, wait, doctor;
	const char *output; /* NULL: not given */
	struct join_options joining;
};

static int check_config(const char *path, const struct probe_conf *conf)
{
	char why[TOKEN_WHY_SIZE], *token = NULL;
	if (token_read(conf->token_file, &token, why)) {
		fprintf(stderr, "%s\n", why);
		return EXIT_USAGE;
	}
	token_free(token);
	const char *password_file = conf->coordinator.proxy_password_file;
	if (password_file && secret_read("password file", password_file, 1, &token, why)) {
		fprintf(stderr, "%s\n", why);
		return EXIT_USAGE;
	}
	if (password_file)
		token_free(token);
	printf("%s: ok\n", path);
	return EXIT_SUCCESS;
}

/* The doctor's exit statuses are its own. */
static int usage_status(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "doctor") == 0)
			return DOCTOR_USAGE;
	return EXIT_USAGE;
}

static int parse_doctor(int n_left, char **left, struct options *o)
{
	o->doctor = true;
	if (n_left > 0)
		fprintf(stderr, "quorate-probe: doctor: '%s' is not an option\n%s", left[0], usage);
	else if (o->check_only || o->wait || o->joining.file || o->joining.force)
		fputs("quorate-probe: doctor: accepted: -c FILE, -o text, -o json\n", stderr);
	else if (o->output && strcmp(o->output, "text") != 0 && strcmp(o->output, "json") != 0)
		fprintf(stderr, "quorate-probe: doctor: -o %s: accepted: text, json\n", o->output);
	else
		return -1;
	return DOCTOR_USAGE;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"check-config", no_argument, NULL, OPTION_CHECK},
		{"file", required_argument, NULL, OPTION_FILE},
		{"force", no_argument, NULL, OPTION_FORCE},
		{"wait", no_argument, NULL, OPTION_WAIT}, {"output", required_argument, NULL, 'o'},
		{"version", no_argument, NULL, OPTION_VERSION},
		{"help", no_argument, NULL, OPTION_HELP}, {NULL, 0, NULL, 0}};
	int code;
	while ((code = getopt_long(argc, argv, "c:o:", options, NULL)) != -1) {
		switch (code) {
		case 'c':
			o->path = optarg;
			o->path_given = true;
			break;
		case 'o':
			o->output = optarg;
			break;
		case OPTION_CHECK:
			o->check_only = true;
			break;
		case OPTION_FILE:
			o->joining.file = optarg;
			break;
		case OPTION_FORCE:
			o->joining.force = true;
			break;
		case OPTION_WAIT:
			o->wait = true;
			break;
		case OPTION_VERSION:
			printf("quorate-probe %s\n", QUORATE_VERSION);
			return EXIT_SUCCESS;
		case OPTION_HELP:
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return usage_status(argc, argv);
		}
	}
	if (optind < argc && strcmp(argv[optind], "doctor") == 0)
		return parse_doctor(argc - optind - 1, argv + optind + 1, o);
	if (optind < argc && strcmp(argv[optind], "join") == 0) {
		o->join = true;
		optind++;
	}
	if (optind < argc && o->join) {
		fputs("quorate-probe: join: the join string is a secret: not an argument, but "
		      "standard input or --file FILE\n",
			stderr);
		return EXIT_USAGE;
	}
	if (optind < argc) {
		fprintf(stderr, "quorate-probe: '%s' is not an option\n%s", argv[optind], usage);
		return EXIT_USAGE;
	}
	if (o->output) {
		fputs("quorate-probe: -o belongs to doctor\n", stderr);
		return EXIT_USAGE;
	}
	if (!o->join && (o->joining.file || o->joining.force)) {
		fputs("quorate-probe: --file and --force belong to join\n", stderr);
		return EXIT_USAGE;
	}
	return -1;
}

static int run(const struct options *o, struct probe_conf *conf)
{
	char why[TOKEN_WHY_SIZE];
	if (o->join)
		return join_run(conf, &o->joining);
	if (o->wait && !waiting_is_over(conf)) {
		if (o->check_only) {
			printf("%s: ok; this machine has not joined yet\n", o->path);
			return EXIT_SUCCESS;
		}
		if (waiting_run(o->path, conf))
			return EXIT_SUCCESS;
	}
	if (joined_complete(conf, why)) {
		fprintf(stderr, "%s%s%s\n", conf->name ? "" : o->path,
			conf->name ? "" : ":1:1: ", why);
		return EXIT_USAGE;
	}
	return o->check_only ? check_config(o->path, conf) : daemon_run(o->path, conf);
}

/* "check" may stand behind -c FILE; the words around it are all its own. -1: it is not there. */
static int run_check(int argc, char **argv)
{
	int at = 1;
	while (at < argc && strncmp(argv[at], "-", 1) == 0) {
		bool is_conf = strcmp(argv[at], "-c") == 0 || strcmp(argv[at], "--config") == 0;
		if (!is_conf && strncmp(argv[at], "-c", 2) != 0 &&
			strncmp(argv[at], "--config=", 9) != 0)
			return -1;
		at += is_conf ? 2 : 1;
	}
	if (at >= argc || strcmp(argv[at], "check") != 0)
		return -1;
	memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof(*argv));
	return once_main(argc - 2, argv + 2, stdout, stderr);
}

int main(int argc, char **argv)
{
	struct options o = {.path = CONF_PATH};
	struct probe_conf conf;
	int status = run_check(argc, argv);
	if (status == -1)
		status = parse(argc, argv, &o);
	if (status >= 0)
		return status;
	if (o.doctor) {
		struct doctor_options options = {.conf_path = o.path,
			.conf_given = o.path_given,
			.json = o.output && strcmp(o.output, "json") == 0};
		return doctor_run(&options, stdout);
	}
	status = EXIT_USAGE;
	if (probe_conf_load(o.path, !o.path_given, &conf) == 0)
		status = run(&o, &conf);
	schema_clear(&probe_conf_schema, &conf);
	return status;
}
