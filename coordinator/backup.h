// SPDX-License-Identifier: MIT
/* quorate-coordinator backup, restore and check: a folder that holds one moment of the coordinator. */
#ifndef QUORATE_COORDINATOR_BACKUP_H
#define QUORATE_COORDINATOR_BACKUP_H

#include "coordinator/conf.h"

/* What a backup may hold beside state.db; each under its own name. */
struct backup_file {
	const char *name;
	bool in_store; /* it stands in the store's folder, else in state_dir */
	bool is_key, is_database;
	const char *what;
};
extern const struct backup_file backup_files[];
extern const size_t backup_files_n;

struct backup_options {
	const char *folder; /* of the backup; NULL (check only): the coordinator's own */
	const char *config;
	bool without_keys, without_results;
	bool replace;
};

/* Each prints what it did and found on standard output, errors on standard error, and returns the exit status. */
int backup_make(const struct coordinator_conf *conf, const struct backup_options *o);
int backup_restore(const struct coordinator_conf *conf, const struct backup_options *o);
int backup_check(const struct coordinator_conf *conf, const struct backup_options *o);

/* "backup", "restore" or "check" and what follows: the command line. */
bool backup_is_command(const char *word);
int backup_main(int argc, char **argv);

/* ---- backup_files.c, shared by the three */
/* Where FILE stands in the coordinator's own folders; owned. */
char *backup_own_path(const struct coordinator_conf *conf, const struct backup_file *file);
/* The folder of the store; NULL: it is in memory. Borrowed. */
const char *backup_store_folder(const struct coordinator_conf *conf);
/* Copies a small file as 0600; 1: there is none, -1: said why. */
int backup_copy_file(const char *from, const char *to);
int backup_sync(const char *folder);
/* Reads and prints what FOLDER holds; -1: something is damaged, and was said. DOOR: where door.key stands. */
int backup_describe(const char *folder, const char *door, bool *secret_key, bool *link_key);
/* "quorate-coordinator: …" on standard error; -1. */
int backup_fail(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
