// SPDX-License-Identifier: MIT
/* quorate-probe: options and configuration, then daemon_run(). See quorate-probe(8). */
#include "probe/conf.h"
#include "probe/daemon.h"
#include "probe/token.h"
#include "proto/base/yaml.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define CONF_PATH "/etc/quorate/probe.yml"

enum { EXIT_USAGE = 2 }; /* wrong options or configuration */

static const char usage[] =
	"usage: quorate-probe [-c FILE] [--check-config]\n"
	"\n"
	"Runs checks for a quorate coordinator. It only dials out and listens nowhere.\n"
	"\n"
	"  -c, --config FILE   configuration (default: " CONF_PATH ")\n"
	"      --check-config  read configuration and token, say what is wrong, and exit\n"
	"      --version       print the version and exit\n"
	"      --help          print this and exit\n"
	"\n"
	"SIGHUP reads the configuration again. See quorate-probe(8).\n";

enum option_code { OPTION_CHECK = 256, OPTION_VERSION, OPTION_HELP };

static int check_config(const char *path, const struct probe_conf *conf)
{
	char why[TOKEN_WHY_SIZE], *token = NULL;
	if (token_read(conf->token_file, &token, why)) {
		fprintf(stderr, "%s\n", why);
		return EXIT_USAGE;
	}
	token_free(token);
	printf("%s: ok\n", path);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"check-config", no_argument, NULL, OPTION_CHECK},
		{"version", no_argument, NULL, OPTION_VERSION},
		{"help", no_argument, NULL, OPTION_HELP}, {NULL, 0, NULL, 0}};
	const char *path = CONF_PATH;
	bool check_only = false;
	int code;
	while ((code = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (code) {
		case 'c':
			path = optarg;
			break;
		case OPTION_CHECK:
			check_only = true;
			break;
		case OPTION_VERSION:
			printf("quorate-probe %s\n", QUORATE_VERSION);
			return EXIT_SUCCESS;
		case OPTION_HELP:
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "quorate-probe: '%s' is not an option\n%s", argv[optind], usage);
		return EXIT_USAGE;
	}
	struct probe_conf conf;
	int status = EXIT_USAGE;
	if (conf_load(path, false, &probe_conf_schema, &conf) == 0)
		status = check_only ? check_config(path, &conf) : daemon_run(path, &conf);
	schema_clear(&probe_conf_schema, &conf);
	return status;
}
