// SPDX-License-Identifier: MIT
/*
 * Evidence is counted in three steps, each of which a tenant could otherwise inflate: monitors to
 * networks, networks to organizations, organizations to the sentence.
 */
#include "coordinator/core/quarantine.h"

/* ---- in order of organization and network; a heap, since it needs no memory */

static bool before(const struct testimony *a, const struct testimony *b)
{
	return a->organization != b->organization ? a->organization < b->organization
						  : a->network < b->network;
}

static void swap(struct testimony *a, struct testimony *b)
{
	struct testimony t = *a;

	*a = *b;
	*b = t;
}

/* The heap's top may be too small for its place. */
static void sift(struct testimony *t, size_t at, size_t n)
{
	for (size_t child; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && before(&t[child], &t[child + 1]))
			child++;
		if (!before(&t[at], &t[child]))
			return;
		swap(&t[at], &t[child]);
	}
}

void quarantine_sort(struct testimony *t, size_t n)
{
	for (size_t i = n / 2; i > 0; i--)
		sift(t, i - 1, n);
	for (size_t left = n; left > 1; left--) {
		swap(&t[0], &t[left - 1]);
		sift(t, 0, left - 1);
	}
}

/* ---- what one organization found */

size_t quarantine_count(const struct testimony *t, size_t n, struct accusation *out)
{
	size_t i = 0;

	*out = (struct accusation){.organization = t->organization};
	while (i < n && t[i].organization == out->organization) {
		uint64_t network = t[i].network;
		int monitors = 0, dissents = 0;
		for (; i < n && t[i].organization == out->organization && t[i].network == network;
			i++) {
			monitors++;
			dissents += t[i].dissents;
			if (t[i].interval_ms > out->interval_ms)
				out->interval_ms = t[i].interval_ms;
		}
		out->networks++;
		if (2 * dissents <= monitors)
			continue;
		out->against++;
		out->network = network;
	}
	if (out->interval_ms > QUARANTINE_INTERVAL_MAX_MS)
		out->interval_ms = QUARANTINE_INTERVAL_MAX_MS;
	return i;
}

static void follow(struct lasting *l, bool found, int64_t interval_ms, int64_t now_ms)
{
	int rounds = l->on ? QUARANTINE_CALM_ROUNDS : QUARANTINE_ROUNDS;

	if (found == l->on) {
		l->turning_ms = 0;
		return;
	}
	if (l->turning_ms == 0)
		l->turning_ms = now_ms;
	if (now_ms - l->turning_ms < rounds * interval_ms)
		return;
	*l = (struct lasting){.on = found};
}

void quarantine_follow(struct charge *c, const struct accusation *found, int64_t now_ms)
{
	bool accuses = 2 * found->against > found->networks;
	bool wide = accuses && found->against >= QUARANTINE_LEAST;

	c->organization = found->organization;
	c->heard_ms = now_ms;
	if (accuses)
		c->network = found->network;
	follow(&c->accuses, accuses, found->interval_ms, now_ms);
	follow(&c->wide, wide, found->interval_ms, now_ms);
	if (!c->wide.on || c->organization == QUARANTINE_CANARIES)
		c->own_since_ms = 0;
	else if (c->own_since_ms == 0)
		c->own_since_ms = now_ms;
}

void quarantine_rest(struct charge *c)
{
	c->accuses.turning_ms = c->wide.turning_ms = 0;
}

bool quarantine_is_idle(const struct charge *c)
{
	return !c->accuses.on && !c->wide.on && c->accuses.turning_ms == 0;
}

bool quarantine_is_lapsed(const struct charge *c, int64_t now_ms)
{
	return now_ms - c->heard_ms > QUARANTINE_LAPSED_MS;
}

/* ---- the sentence */

/* Charges of narrow evidence that name the same network are one finding. */
static bool is_repeat(const struct charge *c, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (c[j].accuses.on && c[j].organization != QUARANTINE_CANARIES && !c[j].wide.on &&
			c[j].network == c[i].network)
			return true;
	return false;
}

bool quarantine_everywhere(const struct charge *c, size_t n, int organizations)
{
	int accusers = 0, networks = 0;

	for (size_t i = 0; i < n; i++) {
		if (!c[i].accuses.on)
			continue;
		if (c[i].organization == QUARANTINE_CANARIES) {
			if (c[i].wide.on)
				return true;
			continue;
		}
		accusers++;
		if (c[i].wide.on)
			networks += QUARANTINE_LEAST;
		else if (!is_repeat(c, i))
			networks++;
	}
	return accusers >= QUARANTINE_LEAST && networks >= QUARANTINE_LEAST &&
	       2 * accusers > organizations;
}

/* ---- who is taken from one electorate */

static bool earlier(const struct detainee *a, const struct detainee *b)
{
	return a->since_ms != b->since_ms ? a->since_ms < b->since_ms : a->key < b->key;
}

void quarantine_take(const struct detainee *d, int n, int seats, bool *taken)
{
	int left = (seats - 1) / 3, seat = -1;

	for (int i = 0; i < n; i++) {
		taken[i] = false;
		if (!d[i].gone)
			continue;
		left--;
		if (seat != -1 && seat != d[i].seat)
			left = 0; /* it has lost more than one already */
		seat = d[i].seat;
	}
	while (left-- > 0) {
		int first = -1;
		for (int i = 0; i < n; i++)
			if (d[i].wanted && !d[i].gone && !taken[i] &&
				(seat == -1 || d[i].seat == seat) &&
				(first == -1 || earlier(&d[i], &d[first])))
				first = i;
		if (first == -1)
			return;
		taken[first] = true;
		seat = d[first].seat;
	}
}
