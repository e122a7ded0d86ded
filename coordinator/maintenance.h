// SPDX-License-Identifier: MIT
/*
 * Maintenances: windows of time, once or again and again, in which somebody works on what monitors
 * look at. It goes on being checked; alerts do not open (core/watch's BLOCK_MAINTENANCE). Part of the
 * registry: kept in the store, loaded with it, told of by CHANGED_MAINTENANCE.
 */
#ifndef QUORATE_MAINTENANCE_H
#define QUORATE_MAINTENANCE_H

#include "coordinator/recurrence.h"
#include "coordinator/registry.h"

#define MAINTENANCES_MAX       1000
#define MAINTENANCE_NAMES_MAX  1000 /* monitors of one */
#define MAINTENANCE_FOR_MIN_MS INT64_C(1000)
#define MAINTENANCE_FOR_MAX_MS (INT64_C(366) * 86400000)

struct maintenance {
	struct id id;
	/* Whose: all of its monitors, or those named below; NULL: of all, those named below. */
	char *organization;
	struct strings monitors; /* ids as text, however people named them */
	struct strings services;
	struct pairs labels; /* a monitor has to have all of them */
	int64_t from_wall_ms, to_wall_ms;
	int64_t for_ms; /* with `every`: of each window */
	struct strings every;
	char *at; /* "02:00" */
	char *zone;
	char *reason, *by;
	int64_t created_wall_ms;
	int64_t ended_wall_ms; /* windows that began before were ended by hand; UNSET: none */
	/* of this run, not stored */
	bool on;              /* within `window` */
	bool more;            /* `window` is under way or to come; false: all are over */
	struct window window; /* the one under way, else the next */
	int64_t looked_wall_ms;
	UT_hash_handle hh; /* by id */
};
extern const struct schema maintenance_schema;

/* ---- finding. Borrowed until the loop turns. */
struct maintenance *registry_maintenance(struct registry *r, const struct id *id); /* or NULL */
/* In the order of their making; NULL: the first. */
struct maintenance *registry_next_maintenance(struct registry *r, const struct maintenance *after);
/* Whether it is about M, at whatever time. */
bool maintenance_covers(const struct maintenance *mt, const struct monitor *m);
/* The one that M is in now, of several the one that ends last; NULL: none. */
const struct maintenance *registry_maintenance_of(struct registry *r, const struct monitor *m);

/* ---- changing, as in registry.h */
/* IN: as people write it. ORGANIZATION: the only one that its author sees; NULL: all. BY: who. */
MUST_CHECK int registry_add_maintenance(struct registry *r, const json_t *in,
	const char *organization, const char *by, struct problems *p, registry_done_fn done,
	void *arg);
/* Ends the window under way, for all that MT is about. -1: there is none under way. */
MUST_CHECK int registry_end_maintenance(
	struct registry *r, const struct id *id, const char *by, registry_done_fn done, void *arg);
/* With all of its windows, the one under way included. -1: there is none of that id. */
MUST_CHECK int registry_remove_maintenance(
	struct registry *r, const struct id *id, registry_done_fn done, void *arg);
/* To be called about once a second: windows that begin and end by WALL_MS. Listeners are told of
 * each; what was over for a week is forgotten. */
void registry_step_maintenances(struct registry *r, int64_t wall_ms);

#endif
