// SPDX-License-Identifier: MIT
/*
 * Parents and children among the watched monitors. Who they are is found anew after a change of the
 * registry, at the next use; what they mean is core/parents's business.
 */
#include "coordinator/verdicts_internal.h"

#include "coordinator/core/parents.h"
#include "coordinator/json.h"
#include "proto/base/clock.h"

#include <stdio.h>
#include <string.h>

/* ---- who is whose */

static bool has(const struct watched *wd, const struct watched *ancestor)
{
	for (int i = 0; i < wd->n_ancestors; i++)
		if (wd->ancestor[i] == ancestor)
			return true;
	return false;
}

static bool was_seen(const struct registered **seen, int n, const struct registered *entry)
{
	for (int i = 0; i < n; i++)
		if (seen[i] == entry)
			return true;
	return n == ANCESTORS_MAX;
}

/* Also over parents that are paused, and so hold nothing back themselves. */
static void find_ancestors(struct watched *wd, const struct registered *entry)
{
	const struct registered *seen[ANCESTORS_MAX];
	struct registry *r = wd->v->c->registry;
	int n = 0;

	for (int done = -1; done < n; done++) {
		const struct monitor *m = done < 0 ? &entry->m : &seen[done]->m;
		for (size_t i = 0; i < m->parents.n; i++) {
			const struct registered *parent = registry_parent(r, m, m->parents.item[i]);
			if (!parent || parent == entry || was_seen(seen, n, parent))
				continue;
			seen[n++] = parent;
			struct watched *found = verdicts_find(wd->v, &parent->m.id);
			if (!found || !found->w)
				continue;
			found->is_ancestor = true;
			wd->ancestor[wd->n_ancestors++] = found;
		}
	}
}

static void find_families(struct verdicts *v)
{
	struct watched *wd, *next;

	v->families_known = true;
	HASH_ITER (hh, v->watched, wd, next) {
		wd->n_ancestors = 0;
		wd->is_ancestor = false;
	}
	HASH_ITER (hh, v->watched, wd, next) {
		const struct registered *entry = registry_monitor(v->c->registry, &wd->id);
		if (entry && entry->m.parents.n > 0)
			find_ancestors(wd, entry);
	}
}

void family_changed(struct verdicts *v)
{
	v->families_known = false;
}

/* ---- around an evaluation */

static enum watch_block judge(const struct watched *wd, const struct watched **which)
{
	const struct watch *parents[ANCESTORS_MAX];
	int i = 0;

	for (int k = 0; k < wd->n_ancestors; k++)
		parents[k] = wd->ancestor[k]->w;
	enum watch_block block = parents_judge(wd->w, parents, wd->n_ancestors, &i);
	*which = block == BLOCK_NONE ? NULL : wd->ancestor[i];
	return block;
}

void family_judge(struct watched *wd, int64_t now_ms)
{
	const struct watched *which;

	if (!wd->v->families_known)
		find_families(wd->v);
	watch_block(wd->w, judge(wd, &which), now_ms);
}

static void ask_parents(struct watched *wd)
{
	struct watch *parents[ANCESTORS_MAX];
	bool asked[ANCESTORS_MAX];

	for (int i = 0; i < wd->n_ancestors; i++)
		parents[i] = wd->ancestor[i]->w;
	parents_ask(wd->w, parents, wd->n_ancestors, asked);
	for (int i = 0; i < wd->n_ancestors; i++)
		if (asked[i])
			verdicts_evaluate(wd->ancestor[i]);
}

static void tell_children(struct watched *wd)
{
	struct watched *child, *next;

	HASH_ITER (hh, wd->v->watched, child, next)
		if (has(child, wd))
			verdicts_evaluate(child);
}

/* The parent's alert names whom it keeps quiet. */
static void list_held(struct watched *wd)
{
	bool held = wd->w->block == BLOCK_PARENT && wd->w->down && !wd->w->slot[ALERT_DOWN].open;
	const struct registered *entry = registry_monitor(wd->v->c->registry, &wd->id);
	const struct watched *which;

	if (!held)
		wd->listed = false;
	if (!held || wd->listed || !entry || judge(wd, &which) != BLOCK_PARENT)
		return;
	wd->listed = alerts_hold_back(wd->v->c->alerts, ALERT_DOWN, &which->id, entry->m.name);
}

void family_follow(struct watched *wd, bool was_down, bool was_looking)
{
	if (wd->n_ancestors > 0) {
		ask_parents(wd);
		list_held(wd);
	}
	if (wd->is_ancestor && (was_down != wd->w->down || was_looking != watch_is_looking(wd->w)))
		tell_children(wd);
}

/* ---- for people */

static json_t *held_by(const struct watched *wd, const struct watched *which, bool down)
{
	const struct registered *entry = registry_monitor(wd->v->c->registry, &which->id);
	const char *name = entry ? entry->m.name : "?";
	const char *case_id = alerts_case(wd->v->c->alerts, ALERT_DOWN, &which->id);
	char since[TIME_TEXT_SIZE] = "";

	if (!down)
		return json_pack("{s:s, s:o}", "by", name, "words",
			json_sprintf("parent %s is looked at first", name));
	time_format(which->state_since_wall_ms, since);
	return json_pack("{s:s, s:s, s:s?, s:o}", "by", name, "since", since, "case", case_id,
		"words",
		json_sprintf(
			"parent %s is down since %s%s%s%s: meanwhile no alert of this one opens",
			name, since, case_id ? " (" : "", case_id ? case_id : "",
			case_id ? ")" : ""));
}

json_t *family_explain(struct watched *wd)
{
	const struct watched *which;
	enum watch_block block;

	if (!wd->v->families_known)
		find_families(wd->v);
	block = judge(wd, &which);
	if (which)
		return held_by(wd, which, block == BLOCK_PARENT);
	if (watch_is_released(wd->w) && wd->w->down && !wd->maintained && !wd->w->recheck)
		return json_pack("{s:s}", "words",
			"its parent is up again: what is still down opens when newer checks say "
			"so");
	return json_null();
}
