// SPDX-License-Identifier: MIT
/*
 * The probes before the court, once a second of virtual time, as coordinator/court_quarantine.c has
 * it: what the organizations find is followed by core/quarantine, which says whose votes are set
 * aside. Sessions in which nobody says anything new, and no time runs out, change nothing and are
 * left out.
 */
#include "tests/fleet/fleet.h"

#include <stdlib.h>
#include <string.h>

void court_open(struct court *c)
{
	*c = (struct court){.ripe = INT32_MAX};
	for (int p = 0; p < PROBES; p++)
		for (int o = 0; o < ORGANIZATIONS; o++)
			c->charge[p][o].organization = (uint64_t)o + 1;
}

int64_t court_since(const struct court *c, int probe, int organization)
{
	int64_t everywhere_ms = c->history[probe].since_ms;
	int64_t own_ms = c->charge[probe][organization].own_since_ms;

	return everywhere_ms == 0 || (own_ms != 0 && own_ms < everywhere_ms) ? own_ms
									     : everywhere_ms;
}

/* ---- when time alone may turn something */

static int32_t turns_at(const struct lasting *l)
{
	int rounds = l->on ? QUARANTINE_CALM_ROUNDS : QUARANTINE_ROUNDS;

	return l->turning_ms == 0
		       ? INT32_MAX
		       : (int32_t)((l->turning_ms + rounds * (int64_t)INTERVAL_MS + 999) / 1000);
}

static int32_t charge_due(const struct charge *charge)
{
	int32_t accuses = turns_at(&charge->accuses), wide = turns_at(&charge->wide);

	return accuses < wide ? accuses : wide;
}

/* When the next probe has been set aside for long enough for others to get its seats. */
static int32_t next_ripe(const struct court *c)
{
	int32_t next = INT32_MAX;

	for (int p = 0; p < PROBES; p++)
		for (int o = 0; o < ORGANIZATIONS; o++) {
			int64_t since_ms = court_since(c, p, o);
			int32_t at = (int32_t)((since_ms + QUARANTINE_REPLACED_MS) / 1000);
			if (since_ms != 0 && at > c->session && at < next)
				next = at;
		}
	return next;
}

int32_t court_due(const struct court *c)
{
	int32_t due = c->ripe;

	for (int p = 0; c->turning > 0 && p < PROBES; p++)
		for (int o = 0; o < ORGANIZATIONS; o++) {
			int32_t at = charge_due(&c->charge[p][o]);
			if (at > c->session && at < due)
				due = at;
		}
	return due;
}

/* ---- one session */

static bool follow(struct court *c, int probe, int organization)
{
	struct charge *charge = &c->charge[probe][organization];
	bool was_turning = charge_due(charge) != INT32_MAX;
	int64_t was_ms = charge->own_since_ms;
	struct accusation found = {
		.organization = (uint64_t)organization + 1,
		.networks = c->networks[probe][organization],
		.against = c->against[probe][organization],
		.network = (uint64_t)organization + 1, /* organizations share none here */
		.interval_ms = INTERVAL_MS,
	};

	if (found.networks == 0)
		return false;
	quarantine_follow(charge, &found, c->session * INT64_C(1000));
	c->turning += (charge_due(charge) != INT32_MAX) - was_turning;
	return was_ms != charge->own_since_ms;
}

static bool sentence(struct court *c, int probe)
{
	struct history *h = &c->history[probe];
	int64_t now_ms = c->session * INT64_C(1000);
	int organizations = 0;

	for (int o = 0; o < ORGANIZATIONS; o++)
		organizations += c->networks[probe][o] > 0;
	bool everywhere = quarantine_everywhere(c->charge[probe], ORGANIZATIONS, organizations);
	if (everywhere == (h->since_ms != 0))
		return false;
	if (everywhere) {
		h->times++;
		h->first_ms = h->first_ms ? h->first_ms : now_ms;
	} else {
		h->lasted_ms += now_ms - h->since_ms;
	}
	h->since_ms = everywhere ? now_ms : 0;
	return true;
}

/* TOUCHED: bits by organization, for every probe, of what was said anew. */
static bool judge(struct court *c, const uint32_t touched[PROBES])
{
	bool changed = false;

	for (int p = 0; p < PROBES; p++) {
		bool any = touched[p] != 0;
		for (int o = 0; o < ORGANIZATIONS; o++) {
			bool due = c->turning > 0 && charge_due(&c->charge[p][o]) <= c->session;
			any |= due;
			if (due || (touched[p] >> o & 1))
				changed |= follow(c, p, o);
		}
		changed |= any && sentence(c, p);
	}
	return changed;
}

/* ---- many */

/* The evidence of one session, as a list. */
struct listed {
	const struct evidence *e;
	int next; /* -1: the last */
};

static void hear(struct court *c, const struct evidence *e, uint32_t touched[PROBES])
{
	c->networks[e->probe][e->organization] =
		(int16_t)(c->networks[e->probe][e->organization] + e->networks);
	c->against[e->probe][e->organization] =
		(int16_t)(c->against[e->probe][e->organization] + e->against);
	touched[e->probe] |= 1U << e->organization;
}

bool court_sit(struct court *c, int32_t until, struct evidence *const *evidence,
	const int *n_evidence, int n)
{
	int32_t from = c->session + 1, due = court_due(c);
	int total = 0, used = 0;
	bool changed = false;

	for (int i = 0; i < n; i++)
		total += n_evidence[i];
	int *first = malloc((size_t)(until - from + 1) * sizeof(*first));
	struct listed *list = malloc((size_t)(total + 1) * sizeof(*list));
	if (!first || !list)
		abort();
	memset(first, 0xff, (size_t)(until - from + 1) * sizeof(*first));
	for (int i = 0; i < n; i++)
		for (int k = 0; k < n_evidence[i]; k++) {
			int *at = &first[evidence[i][k].session - from];
			list[used] = (struct listed){&evidence[i][k], *at};
			*at = used++;
		}
	for (int32_t session = from; session <= until && !changed; session++) {
		uint32_t touched[PROBES] = {0};
		c->session = session;
		if (first[session - from] < 0 && session < due)
			continue;
		for (int k = first[session - from]; k >= 0; k = list[k].next)
			hear(c, list[k].e, touched);
		changed = judge(c, touched) || session >= c->ripe;
		if (changed)
			c->ripe = next_ripe(c);
		due = court_due(c);
	}
	free(first);
	free(list);
	return changed;
}
