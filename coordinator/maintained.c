// SPDX-License-Identifier: MIT
/* Which watched monitors are in maintenance now, and how people see that. What it means for alerts is
 * core/watch's business, and when it is the registry's. */
#include "coordinator/maintenance.h"
#include "coordinator/verdicts_internal.h"

#include "coordinator/json.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"

void maintained_judge(struct watched *wd, int64_t now_ms)
{
	bool was_in = wd->w->block == BLOCK_MAINTENANCE;

	if (wd->maintained)
		watch_block(wd->w, BLOCK_MAINTENANCE, now_ms);
	else
		family_judge(wd, now_ms);
	if (was_in && !wd->maintained)
		wd->looked_again = false;
}

void maintained_place(struct watched *wd, const struct monitor *m)
{
	const struct maintenance *mt = registry_maintenance_of(wd->v->c->registry, m);
	bool maintained = mt != NULL;

	wd->maintained_until_wall_ms = mt ? mt->window.to_wall_ms : 0;
	if (maintained == wd->maintained)
		return;
	wd->maintained = maintained;
	log_info("monitor.maintenance name=%s is=%s", log_quote(m->name),
		maintained ? "begun" : "over");
	verdicts_evaluate(wd);
}

void maintained_changed(struct verdicts *v)
{
	struct watched *wd, *next;

	HASH_ITER (hh, v->watched, wd, next) {
		const struct registered *entry = registry_monitor(v->c->registry, &wd->id);
		if (entry)
			maintained_place(wd, &entry->m);
	}
}

/* ---- for people */

static const struct maintenance *maintenance_of(const struct watched *wd)
{
	const struct registered *entry =
		wd->maintained ? registry_monitor(wd->v->c->registry, &wd->id) : NULL;

	return entry ? registry_maintenance_of(wd->v->c->registry, &entry->m) : NULL;
}

enum monitor_state verdicts_state(
	struct verdicts *v, const struct id *monitor, int64_t *since_wall_ms)
{
	const struct watched *wd = verdicts_find(v, monitor);
	const struct maintenance *mt;
	const struct registered *entry = wd ? NULL : registry_monitor(v->c->registry, monitor);

	*since_wall_ms = wd ? wd->state_since_wall_ms : v->c->started_wall_ms;
	if (entry && entry->pause.at_wall_ms != UNSET)
		*since_wall_ms = entry->pause.at_wall_ms;
	if (wd && (mt = maintenance_of(wd))) {
		*since_wall_ms = mt->window.from_wall_ms;
		return STATE_MAINTENANCE;
	}
	return wd ? wd->w->state : STATE_PAUSED;
}

json_t *verdicts_maintenance(struct verdicts *v, const struct id *monitor)
{
	const struct watched *wd = verdicts_find(v, monitor);
	const struct maintenance *mt = wd ? maintenance_of(wd) : NULL;
	char id[ID_TEXT_SIZE], until[TIME_TEXT_SIZE];

	if (!mt)
		return NULL;
	time_format(mt->window.to_wall_ms, until);
	return json_pack("{s:s, s:o, s:s, s:s?, s:s, s:s, s:o}", "id", id_format(&mt->id, id),
		"from", json_time(mt->window.from_wall_ms), "until", until, "reason", mt->reason,
		"by", mt->by, "finds", monitor_state_names[wd->w->state], "words",
		json_sprintf("until %s%s%s%s: no alert opens meanwhile; its checks say %s", until,
			mt->reason ? " (" : "", mt->reason ? mt->reason : "", mt->reason ? ")" : "",
			monitor_state_names[wd->w->state]));
}
