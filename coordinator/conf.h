// SPDX-License-Identifier: MIT
/* coordinator.yml: defaults for everything; `quorate-coordinator --check-config` prints problems with their place. */
#ifndef QUORATE_COORDINATOR_CONF_H
#define QUORATE_COORDINATOR_CONF_H

#include "coordinator/allowance.h"
#include "coordinator/notify/notify.h"
#include "proto/base/schema.h"

struct coordinator_conf {
	char *store;     /* "sqlite:/var/lib/quorate-coordinator" or "memory:" */
	char *state_dir; /* admin.key, sockets; 0700 */
	struct {         /* link: */
		char *report_address;
		char *orders_address;
	};
	struct {                  /* api: */
		char *api_listen; /* listen: "127.0.0.1:7443"; loopback only; NULL: none (with a door) */
		char *api_socket; /* socket: path of the unix socket; NULL: none */
	};
	struct {                        /* door: */
		char *door_listen;      /* listen: "0.0.0.0:7443"; NULL: no door */
		char *door_certificate; /* certificate: PEM file; NULL: one of its own, in state_dir */
		char *door_key;         /* key: PEM file */
		struct strings door_addresses; /* addresses: host:port as probes reach it */
		int64_t door_connections, door_per_address;
		struct strings door_proxy_from; /* proxy_protocol_from: networks of fronts */
	};
	struct allowance_rates limits; /* limits: of each probe */
	char *url;                     /* what alert links begin with */
	int log_level;
	int64_t per_target; /* checks per minute and target address over all monitors, at most */
	int64_t retention_days; /* of raw results */
	struct list channels;   /* of struct channel_conf */
};

extern const struct schema coordinator_conf_schema;

/* Reads PATH (a missing default file gives the defaults), checks what spans several fields, fills in the paths that
 * depend on state_dir. 0, or -1 after every problem was printed with file and line. */
MUST_CHECK int coordinator_conf_load(
	const char *path, bool missing_ok, struct coordinator_conf *conf);
void coordinator_conf_clear(struct coordinator_conf *conf);

#endif
