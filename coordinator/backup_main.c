// SPDX-License-Identifier: MIT
/* The command lines of backup, restore and check. */
#include "coordinator/backup.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_CONFIG "/etc/quorate/coordinator.yml"

enum { EXIT_USAGE = 2 };

static const char usage[] =
	"Usage: quorate-coordinator backup [-c FILE] [--without-keys] [--without-results] FOLDER\n"
	"       quorate-coordinator restore [-c FILE] [--replace] FOLDER\n"
	"       quorate-coordinator check [-c FILE] [FOLDER]\n"
	"\n"
	"backup copies a coordinator, which may be running, into the new FOLDER; restore puts it\n"
	"back while the coordinator is stopped; check reads all of a backup, or of the "
	"coordinator's\n"
	"own folder, and says what is in it.\n"
	"\n"
	"  -c, --config FILE      configuration (default: " DEFAULT_CONFIG ")\n"
	"      --without-keys     leave out the secret key, the link key and the configuration\n"
	"      --without-results  leave out the raw results (history; nothing that decides)\n"
	"      --replace          put what is there aside, into before-restore\n"
	"  -h, --help             print this\n";

static const struct {
	const char *name;
	int (*run)(const struct coordinator_conf *conf, const struct backup_options *o);
	bool folder_needed;
} commands[] = {
	{"backup", backup_make, true},
	{"restore", backup_restore, true},
	{"check", backup_check, false},
};

static int find(const char *word)
{
	for (size_t i = 0; word && i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, word) == 0)
			return (int)i;
	return -1;
}

bool backup_is_command(const char *word)
{
	return find(word) != -1;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct backup_options *o, bool *config_given)
{
	static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
		{"without-keys", no_argument, NULL, 'K'},
		{"without-results", no_argument, NULL, 'R'}, {"replace", no_argument, NULL, 'P'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			o->config = optarg;
			*config_given = true;
			break;
		case 'K':
			o->without_keys = true;
			break;
		case 'R':
			o->without_results = true;
			break;
		case 'P':
			o->replace = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		o->folder = argv[optind++];
	if (optind == argc)
		return -1;
	fprintf(stderr, "quorate-coordinator: unexpected argument '%s'\n\n%s", argv[optind], usage);
	return EXIT_USAGE;
}

int backup_main(int argc, char **argv)
{
	struct backup_options o = {.config = DEFAULT_CONFIG};
	struct coordinator_conf conf;
	bool config_given = false;
	int command = find(argv[0]), status = parse(argc, argv, &o, &config_given);

	if (status != -1)
		return status;
	if (!o.folder && commands[command].folder_needed) {
		fprintf(stderr, "quorate-coordinator: %s: which FOLDER?\n\n%s", argv[0], usage);
		return EXIT_USAGE;
	}
	if (coordinator_conf_load(o.config, !config_given, &conf) == -1)
		return 1;
	umask(0077);
	if (backup_store_folder(&conf))
		status = commands[command].run(&conf, &o);
	else
		status = -backup_fail("store: %s keeps nothing on a disk", conf.store);
	coordinator_conf_clear(&conf);
	return status;
}
