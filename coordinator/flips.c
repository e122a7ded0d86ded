// SPDX-License-Identifier: MIT
/*
 * Mass flips, of one organization or of all together: who turns, and whether what turns is looked at
 * once more before anybody is told. One organization's failures are no reason to doubt another's:
 * all together are a mass only when several contribute.
 */
#include "coordinator/verdicts_internal.h"

#include "coordinator/json.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <stdlib.h>
#include <string.h>

#define ALL "" /* no organization has this name */

static struct flips *flips_of(struct verdicts *v, const char *organization)
{
	struct flips *f;

	HASH_FIND_STR(v->flips, organization, f);
	if (f)
		return f;
	f = mem_alloc(sizeof(*f));
	f->organization = mem_strdup(organization);
	HASH_ADD_KEYPTR(hh, v->flips, f->organization, strlen(f->organization), f);
	return f;
}

static void flips_free(struct verdicts *v, struct flips *f)
{
	HASH_DEL(v->flips, f);
	free(f->organization);
	free(f);
}

void flips_clear(struct verdicts *v)
{
	struct flips *f, *next;

	HASH_ITER (hh, v->flips, f, next)
		flips_free(v, f);
}

static const char *organization_of(const struct watched *wd)
{
	const struct registered *entry = registry_monitor(wd->v->c->registry, &wd->id);

	return entry && entry->m.organization ? entry->m.organization : ORGANIZATION_DEFAULT;
}

/* How many organizations turned lately. */
static int contributors(struct verdicts *v, int64_t now_ms)
{
	struct flips *f, *next;
	int n = 0;

	HASH_ITER (hh, v->flips, f, next)
		n += f->organization[0] && flip_count(&f->flip, now_ms) > 0;
	return n;
}

/* Asks every voter once more, if that can be afforded; else the next checks tell. */
static void look_again(struct watched *wd)
{
	struct burst_order order = {
		.monitor = wd->id,
		.monitor_revision = wd->w->rule.revision,
		.first_round = wd->w->next_round,
		.rounds = 1,
	};

	if (wd->w->rule.rounds == 0 || !bursts_afford(wd, 1))
		return;
	wd->w->next_round++;
	for (int i = 0; i < wd->n_seated; i++)
		fleet_burst(wd->v->c->fleet, wd->w->voter[i].key, &order);
}

static void doubt(struct watched *wd, const struct mass *mass, int64_t now_ms)
{
	watch_doubt(wd->w, now_ms);
	if (id_is_zero(&wd->mass.id))
		wd->mass = *mass;
	wd->looked_again = false;
	verdicts_evaluate(wd);
}

static void begin(struct verdicts *v, struct flips *f, int changed, int64_t now_ms)
{
	struct watched *wd, *next;

	f->since_ms = now_ms;
	f->mass = (struct mass){
		.id = id_new(),
		.everywhere = !f->organization[0],
		.since_wall_ms = clock_wall_ms(),
		.changed = changed,
		.monitors = f->enabled,
	};
	log_warning(
		"verdicts.mass_flip of=%s changed=%d monitors=%d msg=\"each is looked at once more "
		"before it is told\"",
		f->organization[0] ? log_quote(f->organization) : "all", changed, f->enabled);
	HASH_ITER (hh, v->watched, wd, next)
		if (wd->w->turning &&
			(!f->organization[0] || strcmp(organization_of(wd), f->organization) == 0))
			doubt(wd, &f->mass, now_ms);
}

static void count_enabled(struct verdicts *v)
{
	struct flips *f, *f_next, *all = flips_of(v, ALL);
	struct watched *wd, *next;

	HASH_ITER (hh, v->flips, f, f_next)
		f->enabled = 0;
	HASH_ITER (hh, v->watched, wd, next) {
		flips_of(v, organization_of(wd))->enabled++;
		all->enabled++;
	}
}

static void note(struct verdicts *v, struct flips *f, int64_t now_ms)
{
	int changed;

	if (f->enabled == 0)
		count_enabled(v);

	flip_note(&f->flip, now_ms);
	changed = flip_count(&f->flip, now_ms);
	if (f->since_ms != 0 || !flip_is_mass(changed, f->enabled))
		return;
	if (!f->organization[0] && contributors(v, now_ms) < 2)
		return;
	begin(v, f, changed, now_ms);
}

static void follow_doubt(struct watched *wd, int64_t now_ms)
{
	if (wd->looked_again || !watch_wants_look(wd->w, now_ms))
		return;
	wd->looked_again = true;
	look_again(wd);
}

/* What it turned to was told, or it is again as it was: the mass flip is no matter of its any more. */
static void follow_mass(struct watched *wd)
{
	const struct watch *w = wd->w;

	if (w->doubt_since_ms == 0 && !w->turning && w->down == w->slot[ALERT_DOWN].open)
		memset(&wd->mass, 0, sizeof(wd->mass));
}

json_t *flips_words(const struct watched *wd)
{
	char text[ID_TEXT_SIZE];
	const struct mass *m = &wd->mass;

	if (id_is_zero(&m->id))
		return NULL;
	return json_pack("{s:s, s:s, s:o, s:i, s:i}", "id", id_format(&m->id, text), "of",
		m->everywhere ? "all" : "organization", "since", json_time(m->since_wall_ms),
		"changed", m->changed, "monitors", m->monitors);
}

void flips_follow(struct watched *wd, bool was_turning, int64_t now_ms)
{
	struct verdicts *v = wd->v;
	struct flips *own, *all;

	follow_doubt(wd, now_ms);
	follow_mass(wd);
	if (!wd->w->turning || was_turning || wd->w->held || wd->w->block == BLOCK_MAINTENANCE ||
		now_ms - wd->turned_at_ms < FLIP_WINDOW_S * 1000)
		return;
	wd->turned_at_ms = now_ms;
	own = flips_of(v, organization_of(wd));
	all = flips_of(v, ALL);
	note(v, own, now_ms);
	note(v, all, now_ms);
	if (own->since_ms != 0 || all->since_ms != 0)
		doubt(wd, own->since_ms != 0 ? &own->mass : &all->mass, now_ms);
}

static void end(struct flips *f, int64_t now_ms)
{
	log_info("verdicts.mass_flip_over of=%s lasted_ms=%lld",
		f->organization[0] ? log_quote(f->organization) : "all",
		(long long)(now_ms - f->since_ms));
	f->since_ms = 0;
}

void flips_session(struct verdicts *v, int64_t now_ms)
{
	struct flips *f, *f_next, *all = flips_of(v, ALL);

	count_enabled(v);
	v->counts.mass_flip = false;
	HASH_ITER (hh, v->flips, f, f_next) {
		if (f->since_ms != 0 && !flip_is_mass(flip_count(&f->flip, now_ms), f->enabled))
			end(f, now_ms);
		v->counts.mass_flip |= f->since_ms != 0;
		if (f->enabled == 0 && f != all)
			flips_free(v, f);
	}
}
