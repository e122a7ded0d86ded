// SPDX-License-Identifier: MIT
/* The parts of a running coordinator, for those that need several (API handlers, main). Everything is borrowed. */
#ifndef QUORATE_COORDINATOR_H
#define QUORATE_COORDINATOR_H

#include "coordinator/alerts.h"
#include "coordinator/conf.h"
#include "coordinator/door.h"
#include "coordinator/fleet.h"
#include "coordinator/join.h"
#include "coordinator/registry.h"
#include "coordinator/verdicts.h"

struct coordinator {
	struct loop *loop;
	struct coordinator_conf conf;
	struct store *store;
	struct registry *registry;
	struct alerts *alerts;
	struct verdicts *verdicts;
	struct fleet *fleet;
	struct notify *notify;
	struct curl_loop *curl;
	struct api *api;
	struct door *door;       /* NULL: none is configured */
	struct join_place *join; /* what join strings say; NULL: there is no door */
	struct join_gate join_gate;
	char *store_problem[STORE_PART_COUNT]; /* why it is not well now; NULL: it is */
	int64_t started_wall_ms;
};

/* What join strings say from now on, after the door was opened or has other keys: those that it
 * made are pinned, an operator's certificate is recognised by its name. In join.c. */
void coordinator_set_join(struct coordinator *c);

#endif
