// SPDX-License-Identifier: MIT
/*
 * How a check is made and what it expects, as options of a command line: one for each field of
 * `request` and `expect` in the monitor's table, and `timeout`. Names, values and help come from the
 * table, so that a new field is a new option:
 *
 *   expect.body_contains           --body-contains TEXT
 *   expect.response_time.warning   --response-time-warning TIME
 *   expect.status                  --status 2xx,301       (commas make a list)
 *   request.headers                --header 'NAME: VALUE' (one by one; '{secret: NAME}' for a value)
 *   expect.hops                    --hop 'status: 301'    (one by one, each in YAML)
 *   request.verify                 --no-verify            (a switch away from the default)
 */
#ifndef QUORATE_PROTO_MONITOR_OPTIONS_H
#define QUORATE_PROTO_MONITOR_OPTIONS_H

#include "proto/base/args.h"
#include "proto/base/schema.h"

struct monitor_options;

struct monitor_options *monitor_options_new(void);
void monitor_options_free(struct monitor_options *o);
/* For args_parse(). Borrowed. */
const struct cli_option *monitor_options_table(const struct monitor_options *o);
/* Those that a check of KIND knows; freed with free(), its texts are O's. */
struct cli_option *monitor_options_of(const struct monitor_options *o, int kind);
/* Puts what ARGS says into MONITOR (a JSON object). What is wrong with a value is the decoder's to
 * say; but for a pair that is none ("NAME: VALUE"): -1, and *WRONG is the option's name. */
MUST_CHECK int monitor_options_apply(const struct monitor_options *o, const struct args *args,
	json_t *monitor, const char **wrong);
/* The name of the option that made the field at PATH ("expect.status", "request.headers.Accept",
 * "expect.hops[1].status"), without dashes; NULL: none does. Borrowed. */
const char *monitor_options_name(const struct monitor_options *o, const char *path);
/* Whether ARGS has any of them; the first one's name, or NULL. */
const char *monitor_options_given(const struct monitor_options *o, const struct args *args);

#endif
