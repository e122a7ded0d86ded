// SPDX-License-Identifier: MIT
/* Inside `quorate-probe check`: words become jobs, jobs become results, results are told. */
#ifndef QUORATE_PROBE_ONCE_INTERNAL_H
#define QUORATE_PROBE_ONCE_INTERNAL_H

#include "probe/bounds.h"
#include "probe/once.h"
#include "proto/base/args.h"
#include "proto/monitor_options.h"

#include <jansson.h>

struct once;

/* A form of output. Each result is told as it comes; begin and end come once, in pairs. */
struct once_form {
	const char *name;
	void (*begin)(struct once *o); /* NULL: nothing to do */
	void (*one)(struct once *o, const struct job *job, const struct result *result);
	void (*step)(struct once *o, int64_t at_us, const char *text); /* NULL: no --explain */
	void (*end)(struct once *o);
};

/* What a plugin says at the end. */
struct once_plugin {
	FILE *lines, *perfdata;
	char *lines_text, *perfdata_text;
	size_t lines_bytes, perfdata_bytes;
	enum once_exit worst; /* judged by severities, too */
};

/* One --secret NAME=FILE. */
struct once_secret {
	char *name, *value;
	bool used;
};

struct once {
	FILE *out, *err;
	struct args args;
	struct monitor_options *options;

	/* what is wanted: once_words.c */
	const struct once_form *form;
	int64_t count, interval_ms, concurrency;
	bool details, color, utf8;

	/* what is checked, and within which bounds: once_jobs.c */
	struct probe_conf conf;
	struct policy policy;
	struct once_secret *secret;
	size_t n_secrets;
	struct job **job;
	size_t n_jobs;

	/* the course of it: once.c */
	struct loop *loop;
	struct engine *engine;
	struct timer next_turn;
	size_t next; /* of this turn */
	int64_t turn, turn_began_at_ms, in_flight, sequence;
	bool stopped;
	bool unread; /* nobody reads what we say any more */

	/* what was found */
	int64_t found[4]; /* by enum once_exit */
	int64_t min_us, max_us, sum_us;
	int64_t timed;    /* how many those are of */
	json_t *steps;    /* ndjson: of the check that runs */
	int name_columns; /* table */
	struct once_plugin plugin;
};

/* "quorate-probe check: …" to people, or as a plugin. Returns ONCE_UNKNOWN. */
int once_complain(struct once *o, const char *format, ...) PRINTF_LIKE(2, 3);
/* Reads the words. -1: go on; else the exit status. */
int once_read_words(struct once *o, int n, char *const *words);
void once_print_help(struct once *o);
/* Reads the local file, and makes jobs of operands or file. The same. */
int once_make_jobs(struct once *o);
void once_drop_jobs(struct once *o);
/* Reads --secret; -1: go on. once_secrets.c */
int once_read_secrets(struct once *o);
void once_drop_secrets(struct once *o);
/* Fills in the values of M's secrets. A sentence about the first that is not there goes to WHY with
 * its PATH; 0 or -1. */
MUST_CHECK int once_fill_secrets(
	struct once *o, const struct monitor *m, char path[160], char why[320]);

enum once_exit once_exit_of(const struct result *result);
/* The worse of two. */
enum once_exit once_worse(enum once_exit a, enum once_exit b);
enum once_exit once_status(const struct once *o);
/* Whether results are of one check only, which can be told at length. */
bool once_is_lone(const struct once *o);

extern const struct once_form once_table, once_ndjson, once_nagios;
/* A plugin's word on why it could not even begin. */
void once_nagios_unknown(FILE *out, const char *why);

#endif
