// SPDX-License-Identifier: MIT
/* Parts of the pages about alerts and monitors: labelled lines, votes, what was observed. */
#ifndef QUORATE_CLI_EVIDENCE_H
#define QUORATE_CLI_EVIDENCE_H

#include "coordinator/cli/cli.h"
#include "proto/base/text.h"

/* "label      TEXT", wrapped; nothing when TEXT is NULL or empty. */
void evidence_line(struct cli *cli, const char *label, const char *text);
/* An object's members, "name: value", one per line; nothing when there are none. */
void evidence_members(struct cli *cli, const char *label, const json_t *object);
/* A list of texts, or of objects with a name, one per line. */
void evidence_list(struct cli *cli, const char *label, const json_t *list);
/* An alert's "quorum" in words. */
void evidence_quorum(struct cli *cli, const json_t *quorum);
/* An alert's "observed": address, status, headers, certificate, redirect chain, excerpt. */
void evidence_observed(struct cli *cli, const json_t *observed);
/* Votes as a table with age and fate. */
void evidence_votes(struct cli *cli, const json_t *votes);
/* Alerts as a table, one per line. */
void evidence_alerts(struct cli *cli, const json_t *alerts);
/* How long an alert has been open, or was. Returns TEXT. */
char *alert_lasted(const json_t *alert, char text[TEXT_SIZE]);

#endif
