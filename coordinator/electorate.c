// SPDX-License-Identifier: MIT
/*
 * Who votes on a monitor: the eligible among the registered probes, seated by core/assign. Being
 * gone changes no electorate for five minutes, nor does being in quarantine; n is counted from what
 * is registered, never from who is alive.
 */
#include "coordinator/rule.h"
#include "coordinator/verdicts_internal.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

static size_t collect(const struct verdicts *v, const struct monitor *m, struct candidate **out)
{
	struct registry *r = v->c->registry;
	struct candidate *list = NULL;
	struct probe *probe = NULL;
	size_t n = 0;

	while ((probe = registry_next_probe(r, probe))) {
		const struct standing_of *s = verdicts_standing(v, probe->key);
		if (!registry_eligible(r, probe, m))
			continue;
		list = mem_resize(list, n + 1, sizeof(*list));
		list[n++] = (struct candidate){
			.key = probe->key,
			.hash = id_hash(&probe->id),
			.domain = registry_domain(r, probe,
				m->domain < 0 ? DOMAIN_REGION : (enum failure_domain)m->domain),
			.available = s && s->available && !probe->drained && probe->token_hash &&
				     s->court.fault != FAULT_TWINS,
			.barred = quarantine_since(s, m) != 0,
		};
	}
	*out = list;
	return n;
}

static const struct assigned *seat_of(const struct assigned *seats, int n, uint32_t key)
{
	for (int i = 0; i < n; i++) {
		if (seats[i].key == key)
			return &seats[i];
	}
	return NULL;
}

/* Tells the fleet the difference between two seatings of the monitor. */
static void tell_fleet(
	struct watched *wd, const struct assigned *old, int n_old, int old_seats, int n, bool all)
{
	struct fleet *fleet = wd->v->c->fleet;

	for (int i = 0; i < n_old; i++) {
		if (!seat_of(wd->seats, n, old[i].key))
			fleet_drop(fleet, old[i].key, &wd->id);
	}
	for (int i = 0; i < n; i++) {
		const struct assigned *before = seat_of(old, n_old, wd->seats[i].key);
		if (all || !before || before->seat != wd->seats[i].seat || old_seats != wd->n_seats)
			fleet_assign(
				fleet, wd->seats[i].key, &wd->id, wd->seats[i].seat, wd->n_seats);
	}
}

static void forget_evidence(struct watched *wd, int n)
{
	for (int i = 0; i < VOTERS_MAX; i++) {
		struct evidence *e = &wd->evidence[i];
		if (!e->text || seat_of(wd->seats, n, e->key))
			continue;
		free(e->text);
		*e = (struct evidence){0};
	}
}

static bool same_seats(const struct watched *wd, const struct assigned *seats, int n, int n_seats)
{
	bool same = wd->w && wd->w->n_voters == n && wd->n_seats == n_seats;

	for (int i = 0; same && i < n; i++)
		same = seats[i].key == wd->seats[i].key && seats[i].seat == wd->seats[i].seat &&
		       seats[i].shadow == wd->seats[i].shadow;
	return same;
}

void electorate_seat(struct watched *wd, const struct registered *entry, bool revised)
{
	const struct monitor *m = &entry->m;
	struct assigned seats[VOTERS_MAX] = {{0}}, old[VOTERS_MAX];
	int n_old = wd->w ? wd->w->n_voters : 0, old_seats = wd->n_seats, n_seats = 0, n = 0;
	struct candidate *candidates = NULL;
	struct watch *before = wd->w;
	struct watch_rule rule;

	memcpy(old, wd->seats, sizeof(old));
	if (registry_is_checked(entry)) {
		size_t n_candidates = collect(wd->v, m, &candidates);
		n = assign_seats(id_hash(&m->id), candidates, n_candidates, (int)m->quorum.seats,
			(int)m->quorum.per_seat, old, n_old, seats, &n_seats);
		n = quarantine_reseat(wd->v, m, candidates, n_candidates, seats, n, n_seats);
		free(candidates);
	}
	if (!revised && same_seats(wd, seats, n, n_seats))
		return;
	memcpy(wd->seats, seats, sizeof(seats));
	wd->n_seats = n_seats;
	for (wd->n_seated = 0; wd->n_seated < n && !seats[wd->n_seated].shadow;)
		wd->n_seated++;
	rule_of(m, n_seats, &rule);
	wd->w = mem_alloc(watch_size(n));
	watch_init(wd->w, &rule, n);
	for (int i = 0; i < n; i++)
		watch_seat(wd->w, i, seats[i].seat, seats[i].key);
	wd->w->next_round = clock_wall_ms(); /* so that no number is used again after a restart */
	if (before)
		watch_carry(wd->w, before);
	for (int i = 0; i < n; i++)
		watch_suspect(wd->w, seats[i].key, court_suspects(wd->v, seats[i].key));
	quarantine_apply(wd);
	free(before);
	forget_evidence(wd, n);
	tell_fleet(wd, old, n_old, old_seats, n, revised);
}
