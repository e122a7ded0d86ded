// SPDX-License-Identifier: MIT
/*
 * The command line: `quorate NOUN VERB`. One table of commands makes the dispatch, the help and the
 * checks of the man page. Data goes to `out`, words about it to `err`; a command returns the
 * program's exit status.
 */
#ifndef QUORATE_CLI_H
#define QUORATE_CLI_H

#include "proto/base/args.h"
#include "quorate/attr.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* tried, and failed or was refused */
	CLI_USAGE = 2,  /* the command line or a file is wrong; nothing was sent */
	CLI_DOWN = 3    /* `status --exit-code`: something is down */
};

struct client;

struct cli {
	FILE *out, *err;
	bool json;             /* -o json */
	bool color;            /* OUT is a terminal that wants it */
	const char *url;       /* --url; NULL: from the environment or the default */
	const char *key_file;  /* --key-file; NULL: the same */
	struct client *client; /* opened by cli_client() */
};

struct command {
	const char *noun, *verb; /* verb NULL: the noun alone is the command */
	const char *operands;    /* for the usage line: "NAME"; NULL: none */
	int min_operands, max_operands;
	const struct cli_option *options; /* NULL: none */
	int (*run)(struct cli *cli, const struct args *args);
	const char *summary;
	const char *details; /* more lines for --help; NULL: none */
};

extern const struct command commands[]; /* in the order of the help; ended by noun NULL */
extern const struct cli_option global_options[];

/* The whole program. OUT and ERR are borrowed. */
int cli_main(int argc, char *const *argv, FILE *out, FILE *err);

/* help.c */
void help_all(FILE *out);
void help_noun(FILE *out, const char *noun);
void help_command(FILE *out, const struct command *command);
int command_help(struct cli *cli, const struct args *args);

/* The connection's settings, from the options and the environment; NULL after saying what is wrong.
 * Borrowed. */
struct client *cli_client(struct cli *cli);
/* "quorate: MESSAGE" on ERR. Returns CLI_FAILED. */
int cli_fail(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same for a wrong command line or file. Returns CLI_USAGE. */
int cli_usage(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/* A line of explanation on ERR. */
void cli_note(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

/* A document of the API as JSON on OUT. Returns CLI_OK. */
int cli_print_json(struct cli *cli, const json_t *document);
/* "quorate: warning: [NAME: ]PATH: MESSAGE" on ERR for each of the "warnings" of OBJECT. */
void cli_print_warnings(struct cli *cli, const char *name, const json_t *object);
/* A secret that is told only once: to the new 0600 file SAVE, or as a line on OUT when SAVE is
 * NULL. */
int cli_print_secret(struct cli *cli, const char *secret, const char *save);

int command_monitor_add(struct cli *cli, const struct args *args);
int command_monitor_list(struct cli *cli, const struct args *args);
int command_monitor_show(struct cli *cli, const struct args *args);
int command_monitor_pause(struct cli *cli, const struct args *args);
int command_monitor_resume(struct cli *cli, const struct args *args);
int command_monitor_delete(struct cli *cli, const struct args *args);
int command_probe_add(struct cli *cli, const struct args *args);
int command_probe_list(struct cli *cli, const struct args *args);
int command_probe_show(struct cli *cli, const struct args *args);
int command_probe_revoke(struct cli *cli, const struct args *args);
int command_probe_token(struct cli *cli, const struct args *args);
int command_probe_drain(struct cli *cli, const struct args *args);
int command_probe_undrain(struct cli *cli, const struct args *args);
int command_probe_remove(struct cli *cli, const struct args *args);
int command_door_show(struct cli *cli, const struct args *args);
int command_door_rotate(struct cli *cli, const struct args *args);
int command_region_add(struct cli *cli, const struct args *args);
int command_region_list(struct cli *cli, const struct args *args);
int command_region_remove(struct cli *cli, const struct args *args);
int command_maintenance_start(struct cli *cli, const struct args *args);
int command_maintenance_add(struct cli *cli, const struct args *args);
int command_maintenance_end(struct cli *cli, const struct args *args);
int command_maintenance_list(struct cli *cli, const struct args *args);
int command_maintenance_remove(struct cli *cli, const struct args *args);
int command_alert_list(struct cli *cli, const struct args *args);
int command_alert_show(struct cli *cli, const struct args *args);
int command_alert_ack(struct cli *cli, const struct args *args);
int command_alert_comment(struct cli *cli, const struct args *args);
int command_alert_close(struct cli *cli, const struct args *args);
int command_alert_reopen(struct cli *cli, const struct args *args);
int command_alert_follow(struct cli *cli, const struct args *args);
int command_key_add(struct cli *cli, const struct args *args);
int command_key_list(struct cli *cli, const struct args *args);
int command_key_remove(struct cli *cli, const struct args *args);
int command_secret_set(struct cli *cli, const struct args *args);
int command_secret_list(struct cli *cli, const struct args *args);
int command_secret_remove(struct cli *cli, const struct args *args);
int command_apply(struct cli *cli, const struct args *args);
int command_status(struct cli *cli, const struct args *args);
int command_rehearse(struct cli *cli, const struct args *args);
int command_explain(struct cli *cli, const struct args *args);

extern struct cli_option monitor_add_options[]; /* filled by: */
void monitor_add_prepare(void);

#endif
