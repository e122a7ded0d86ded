// SPDX-License-Identifier: MIT
/*
 * Who a monitor's parents are. They are named as people name monitors, by id, external_id or name,
 * within the organization; one that is removed later is no parent any more, and holds nothing back.
 */
#include "coordinator/registry_internal.h"

#include <stdio.h>
#include <string.h>

const struct registered *registry_parent(
	struct registry *r, const struct monitor *m, const char *text)
{
	const struct registered *found = registry_monitor_find(r, text);

	return found && strcmp(found->m.organization, m->organization) == 0 ? found : NULL;
}

/* ---- what a plan makes of them */

/* A walk up from the monitor FROM. */
struct climb {
	struct registry *r;
	struct mark *marks;
	const struct monitor *from;
	const struct monitor *seen[ANCESTORS_MAX];
	int n_seen;
	bool too_many;
	char circle[240]; /* "a needs b, which needs a"; "": none found */
};

/* As it will be after the plan. */
static const struct monitor *resolve(
	const struct climb *c, const struct monitor *m, const char *text)
{
	const struct plan_item *item = plan_marked(c->marks, 'i', text);
	const struct registered *entry;
	char id[ID_TEXT_SIZE];

	if (!item)
		item = plan_marked(c->marks, 'e', text);
	if (!item)
		item = plan_marked(c->marks, 'n', text);
	if (item)
		return strcmp(item->m.organization, m->organization) == 0 ? &item->m : NULL;
	entry = registry_parent(c->r, m, text);
	/* what the plan changes has another name now */
	return entry && !plan_marked(c->marks, 'i', id_format(&entry->m.id, id)) ? &entry->m : NULL;
}

static bool was_seen(struct climb *c, const struct monitor *m)
{
	for (int i = 0; i < c->n_seen; i++)
		if (id_equal(&c->seen[i]->id, &m->id))
			return true;
	c->too_many = c->too_many || c->n_seen == ANCESTORS_MAX;
	if (!c->too_many)
		c->seen[c->n_seen++] = m;
	return c->too_many;
}

/* Depth is bounded: nobody is climbed twice. WAY: the sentence so far. */
static void climb(struct climb *c, const struct monitor *m, const char *way)
{
	for (size_t i = 0; i < m->parents.n && !c->circle[0]; i++) {
		const struct monitor *parent = resolve(c, m, m->parents.item[i]);
		char further[sizeof(c->circle)];
		if (!parent)
			continue;
		snprintf(further, sizeof(further), "%.150s%s '%.48s'", way,
			m == c->from ? " needs" : ", which needs", parent->name);
		if (id_equal(&parent->id, &c->from->id))
			memcpy(c->circle, further, sizeof(further));
		else if (!was_seen(c, parent))
			climb(c, parent, further);
	}
}

static void check_known(
	const struct climb *c, const struct monitor *m, const char *base, struct problems *p)
{
	char path[REGISTRY_PATH_BYTES], member[32];

	for (size_t i = 0; i < m->parents.n; i++) {
		if (resolve(c, m, m->parents.item[i]))
			continue;
		snprintf(member, sizeof(member), "parents[%zu]", i);
		registry_path(path, base, member);
		problems_add(p, path,
			"no monitor of organization '%s' is called '%.128s'; accepted: the name, "
			"external_id or id of one that is registered, or in the same request",
			m->organization, m->parents.item[i]);
	}
}

void registry_check_parents(struct registry *r, const struct monitor *m, struct mark *marks,
	const char *base, struct problems *p)
{
	struct climb c = {.r = r, .marks = marks, .from = m};
	char path[REGISTRY_PATH_BYTES], way[64];

	if (m->parents.n == 0)
		return;
	registry_path(path, base, "parents");
	check_known(&c, m, base, p);
	snprintf(way, sizeof(way), "'%.48s'", m->name);
	climb(&c, m, way);
	if (c.circle[0])
		problems_add(p, path, "a circle: %s", c.circle);
	else if (c.too_many)
		problems_add(p, path,
			"more than %d parents, their parents included; accepted: at most %d",
			ANCESTORS_MAX, ANCESTORS_MAX);
}

/* Whoever names a monitor that is renamed has to name it anew: it would silently lose a parent. */
void registry_check_rename(struct registry *r, const struct monitor *m, struct mark *marks,
	const char *base, struct problems *p)
{
	const struct registered *old = registry_monitor(r, &m->id);
	char path[REGISTRY_PATH_BYTES], id[ID_TEXT_SIZE];

	if (!old || strcmp(old->m.name, m->name) == 0)
		return;
	for (const struct registered *e = NULL;
		(e = registry_next_monitor(r, e ? &e->m.id : NULL));) {
		if (!strings_have(&e->m.parents, old->m.name) ||
			strcmp(e->m.organization, m->organization) != 0 ||
			plan_marked(marks, 'i', id_format(&e->m.id, id)))
			continue;
		registry_path(path, base, "name");
		problems_add(p, path,
			"'%.64s' names this monitor as a parent, by its old name '%.64s'; change "
			"both "
			"in one request, or name parents by external_id",
			e->m.name, old->m.name);
		return;
	}
}
