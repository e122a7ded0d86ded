// SPDX-License-Identifier: MIT
/* coordinator.yml: defaults for everything; `quorate-coordinator --check-config` prints problems with their place. */
#ifndef QUORATE_COORDINATOR_CONF_H
#define QUORATE_COORDINATOR_CONF_H

#include "coordinator/notify/notify.h"
#include "proto/base/schema.h"

struct coordinator_conf {
	char *store;           /* "sqlite:/var/lib/quorate/coordinator" or "memory:" */
	char *state_dir;       /* admin.key, sockets; 0700 */
	char *report_address;  /* link.report */
	char *orders_address;  /* link.orders */
	char *api_listen;      /* api.listen: "127.0.0.1:7443"; loopback only; empty: none */
	char *api_socket;      /* api.socket: path of the unix socket; empty: none */
	char *url;             /* what alert links begin with */
	int log_level;
	int64_t per_target;    /* checks per minute and target address over all monitors, at most */
	int64_t retention_days; /* of raw results */
	struct list channels;  /* of struct channel_conf */
};

extern const struct schema coordinator_conf_schema;

#endif
