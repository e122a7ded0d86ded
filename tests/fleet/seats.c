// SPDX-License-Identifier: MIT
/* Who votes on one monitor: seated by core/assign, set aside and replaced as
 * coordinator/court_quarantine.c and electorate.c have it. */
#include "tests/fleet/play.h"

#include <assert.h>
#include <string.h>

/* The probe that is set aside here, and whether for so long that another gets its seat. */
struct bound {
	int probe;
	bool replaced;
};

/* Of N voters by right. */
static struct bound bound_of(const struct play *p, const struct court *court,
	const struct assigned *seats, int n, int64_t now_ms, bool *taken)
{
	struct detainee d[VOTERS] = {{0}};
	struct bound bound = {NOBODY, false};

	for (int i = 0; i < n; i++) {
		int64_t since_ms =
			court_since(court, (int)seats[i].key - 1, play_organization(p->monitor));
		d[i] = (struct detainee){.seat = seats[i].seat,
			.wanted = since_ms != 0,
			.since_ms = since_ms,
			.key = seats[i].key};
	}
	quarantine_take(d, n, SEATS, taken);
	for (int i = 0; i < n; i++)
		if (taken[i])
			bound = (struct bound){(int)d[i].key - 1,
				now_ms - d[i].since_ms >= QUARANTINE_REPLACED_MS};
	return bound;
}

static void all_probes(struct candidate c[PROBES])
{
	for (int i = 0; i < PROBES; i++)
		c[i] = (struct candidate){play_key(i), 0x9e3779b97f4a7c15U * (uint64_t)(i + 1),
			(uint64_t)(i / PROBES_IN_REGION) + 1, .available = true};
}

/* Who would sit here if nobody were in quarantine. */
static int seats_by_right(const struct play *p, struct assigned seats[VOTERS_MAX])
{
	struct candidate c[PROBES];
	struct assigned old[VOTERS];
	int n_seats;

	all_probes(c);
	for (int i = 0; i < p->w->n_voters; i++)
		old[i] = (struct assigned){
			p->voter[i].seat, play_key(p->voter[i].probe), p->voter[i].shadow};
	int n = assign_seats(monitor_hash(p->s, p->monitor), c, PROBES, SEATS, 1, old,
		p->w->n_voters, seats, &n_seats);
	assert(n == SEATS && n_seats == SEATS);
	return n;
}

static struct seated newcomer(const struct play *p, const struct assigned *a, int64_t now_ms)
{
	int64_t phase_ms =
		assign_phase_ms(monitor_hash(p->s, p->monitor), a->seat, SEATS, INTERVAL_MS);

	return (struct seated){
		.probe = (int)a->key - 1,
		.next_start_ms = now_ms + assign_next_in_ms(phase_ms, INTERVAL_MS, now_ms),
		.next_other_ms = -1,
		.newest = SEES_NOTHING,
		.free_since_ms = now_ms,
		.bound_since_ms = INT64_MAX,
	};
}

static void leave(struct play *p, const struct seated *v, int64_t now_ms)
{
	if (v->stance != STANCE_NONE)
		play_testify_of(p, v->probe, v->stance, STANCE_NONE, (int32_t)(now_ms / 1000 + 1));
}

/* The watch's voters are N others from now on. */
static void seat(struct play *p, const struct assigned *seats, int n, int64_t now_ms)
{
	struct play old = *p;
	bool stays[VOTERS] = {false};

	old.w = (struct watch *)(void *)old.room;
	watch_init(p->w, &play_rule, n);
	for (int i = 0; i < n; i++) {
		int before = watch_find(old.w, seats[i].key);
		p->voter[i] = before >= 0 ? old.voter[before] : newcomer(p, &seats[i], now_ms);
		p->voter[i].seat = seats[i].seat;
		p->voter[i].shadow = seats[i].shadow;
		watch_seat(p->w, i, seats[i].seat, seats[i].key);
		if (before >= 0)
			stays[before] = true;
	}
	watch_carry(p->w, old.w);
	for (int i = 0; i < old.w->n_voters; i++)
		if (!stays[i])
			leave(p, &old.voter[i], now_ms);
}

static void exclude(struct play *p, int bound_probe, int64_t now_ms)
{
	for (int i = 0; i < p->w->n_voters; i++) {
		struct seated *v = &p->voter[i];
		bool binds = v->probe == bound_probe;
		watch_exclude(p->w, play_key(v->probe),
			!binds      ? EXCLUDED_NOT
			: v->shadow ? EXCLUDED_REPLACED
				    : EXCLUDED_QUARANTINE);
		if (binds == (v->free_since_ms < 0))
			continue;
		if (!binds) {
			v->free_since_ms = v->bound_until_ms = now_ms;
			continue;
		}
		if (v->probe == p->s->liar)
			p->notes->totals->lied_ms += now_ms - v->free_since_ms;
		v->free_since_ms = -1;
		v->bound_since_ms = now_ms;
	}
}

void play_sentence(struct play *p, const struct court *court, int64_t now_ms)
{
	bool taken[VOTERS_MAX];

	int n = p->n_right;
	struct bound bound = bound_of(p, court, p->right, n, now_ms, taken);
	if (bound.probe == p->bound_probe && bound.replaced == p->replaced)
		return;
	if (play_is_calm(p))
		play_land(p, now_ms);
	p->now_ms = now_ms;
	if (bound.replaced != p->replaced || (bound.replaced && bound.probe != p->bound_probe)) {
		struct assigned seats[VOTERS_MAX];
		struct candidate c[PROBES];
		n = seats_by_right(p, seats);
		bound = bound_of(p, court, seats, n, now_ms, taken);
		for (int i = 0; i < n; i++)
			taken[i] = taken[i] && bound.replaced;
		all_probes(c);
		for (int i = 0; i < PROBES; i++)
			c[i].barred = court_since(court, i, play_organization(p->monitor)) != 0;
		n = assign_replace(
			monitor_hash(p->s, p->monitor), c, PROBES, 1, taken, seats, n, SEATS);
		seat(p, seats, n, now_ms);
	}
	exclude(p, bound.probe, now_ms);
	p->bound_probe = bound.probe;
	p->replaced = bound.replaced;
	play_evaluate(p);
	p->evaluated_ms = now_ms + 1; /* this session is over */
}

/* ---- beginning and end */

void play_begin(struct play *p, const struct fleet_setup *s, int monitor, struct notes *notes)
{
	struct assigned seats[VOTERS_MAX];

	*p = (struct play){.s = s,
		.monitor = monitor,
		.notes = notes,
		.bound_probe = NOBODY,
		.tick_at_ms = INT64_MAX,
		.evaluated_ms = -1};
	p->w = (struct watch *)(void *)p->room;
	watch_init(p->w, &play_rule, 0);
	seat(p, seats, seats_by_right(p, seats), 0);
	p->n_right = p->w->n_voters;
	memcpy(p->right, seats, (size_t)p->n_right * sizeof(*seats));
	p->outage_at_ms = next_long_outage(s, monitor, 2 * INTERVAL_MS);
}

void play_end(struct play *p)
{
	int64_t end_ms = p->s->end_ms;

	judge_outages(p, end_ms);
	for (int i = 0; i < p->w->n_voters; i++) {
		if (p->voter[i].probe != p->s->liar)
			continue;
		p->notes->totals->lies_ms += end_ms;
		if (p->voter[i].free_since_ms >= 0)
			p->notes->totals->lied_ms += end_ms - p->voter[i].free_since_ms;
	}
}
