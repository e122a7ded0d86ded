// SPDX-License-Identifier: MIT
/* The probe's own local file (probe.yml): where the coordinator is, who we are, what we are willing
 * to do. Nothing in it can be set from the coordinator. */
#ifndef QUORATE_PROBE_CONF_H
#define QUORATE_PROBE_CONF_H

#include "proto/base/schema.h"
#include "quorate/list.h"

#include <stdio.h>

/* Where the coordinator's door is and what proves that it is the one. Each of the two proofs may
 * stand alone; with neither, the system's CAs vouch for the address's host name. */
struct coordinator_conf {
	struct strings addresses; /* HOST:PORT, [V6]:PORT or HOST, tried in turn; none: no door */
	struct strings pin;       /* sha256//BASE64 of the public key; any one of them will do */
	char *ca;                 /* PEM file of the CAs that may vouch */
	char *name;               /* in the certificate; NULL: the address's host */
	char *proxy;              /* http://HOST:PORT, "none"; NULL: the environment's */
	char *proxy_password_file;
};

struct probe_conf {
	char *name;           /* as registered at the coordinator; NULL: as it joined */
	char *report_address; /* link.report: tcp://127.0.0.1:7444 */
	char *orders_address; /* link.orders: tcp://127.0.0.1:7445 */
	struct coordinator_conf coordinator; /* with addresses, the two above are not used */
	char *token_file; /* holds the token; 0600, refused when others can read it */
	char *state_dir;  /* boot-independent state: the spool */
	int log_level;
	struct strings allow; /* CIDRs allowed beyond public addresses */
	struct strings types; /* check kinds we are willing to run; default all */
	struct strings ports, methods, organizations; /* none: all */
	struct list anchors;                          /* of struct anchor, probe/anchor.h */
	struct pairs proxies;                         /* of checks: name -> http://HOST:PORT */
	int64_t min_interval_ms;
	int64_t in_flight_max, per_second, per_destination, body_max_bytes;
	int64_t certificate_memo_ms; /* a verified chain is not verified again for so long; 0: always */
	int64_t results_max;         /* kept in memory while the coordinator is away */
	int64_t spool_max_bytes;     /* of them on disk; 0: none */
};

extern const struct schema probe_conf_schema;

/* Reads PATH and fills in what depends on other keys. 0, or -1 after every problem was printed; CONF is clear then. */
MUST_CHECK int probe_conf_load(const char *path, bool missing_ok, struct probe_conf *conf);
/* The same, with the problems printed to OUT. */
MUST_CHECK int probe_conf_load_to(
	const char *path, bool missing_ok, struct probe_conf *conf, FILE *out);
/* What the running probe cannot change stays in NOW as it is, with a warning for each change. */
void probe_conf_keep(struct probe_conf *wanted, struct probe_conf *now);
extern const struct schema coordinator_conf_schema; /* of `coordinator:` alone */

#endif
