// SPDX-License-Identifier: MIT
/*
 * Rendezvous hashing: every domain (and every probe in it) has a weight for the monitor, and the
 * heaviest win. The winners are picked one after the other, those with somebody available first;
 * with at most SEATS_MAX winners that needs neither sorting nor memory.
 */
#include "coordinator/core/assign.h"

/* The finalizer of splitmix64: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15U;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return x ^ (x >> 31);
}

static uint64_t weigh(uint64_t monitor_hash, uint64_t what)
{
	return mix(monitor_hash ^ mix(what));
}

/* Whether A goes before B; equal weights (equal hashes, in practice) are told apart by the number
 * itself. */
static bool heavier(uint64_t monitor_hash, uint64_t a, uint64_t b)
{
	uint64_t weight_a = weigh(monitor_hash, a), weight_b = weigh(monitor_hash, b);

	return weight_a != weight_b ? weight_a > weight_b : a > b;
}

int assign_domains(const struct candidate *c, size_t n)
{
	int domains = 0;

	for (size_t i = 0; i < n; i++) {
		size_t j = 0;
		while (c[j].domain != c[i].domain)
			j++;
		domains += j == i;
	}
	return domains;
}

/* ---- which domains get a seat */

struct chosen {
	uint64_t domain[SEATS_MAX];
	int n;
};

static int chosen_find(const struct chosen *chosen, uint64_t domain)
{
	for (int i = 0; i < chosen->n; i++)
		if (chosen->domain[i] == domain)
			return i;
	return -1;
}

/* The heaviest domain not chosen yet, of the available candidates only or of all; NULL: none is
 * left. */
static const struct candidate *best_domain(uint64_t monitor_hash, const struct candidate *c,
	size_t n, bool available, const struct chosen *chosen)
{
	const struct candidate *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if ((available && !c[i].available) || chosen_find(chosen, c[i].domain) >= 0)
			continue;
		if (!best || heavier(monitor_hash, c[i].domain, best->domain))
			best = &c[i];
	}
	return best;
}

static void choose_domains(uint64_t monitor_hash, const struct candidate *c, size_t n, int seats,
	struct chosen *chosen)
{
	chosen->n = 0;
	while (chosen->n < seats) {
		const struct candidate *best = best_domain(monitor_hash, c, n, true, chosen);
		if (!best)
			best = best_domain(monitor_hash, c, n, false, chosen);
		if (!best)
			return;
		chosen->domain[chosen->n++] = best->domain;
	}
}

/* ---- which seat each domain gets */

static const struct candidate *find_key(const struct candidate *c, size_t n, uint32_t key)
{
	for (size_t i = 0; i < n; i++)
		if (c[i].key == key)
			return &c[i];
	return NULL;
}

/* Orders CHOSEN by seat: a domain that was there keeps its number, the others fill the gaps,
 * heaviest first. */
static void number_seats(const struct candidate *c, size_t n, const struct assigned *previous,
	int n_previous, struct chosen *chosen)
{
	uint64_t at[SEATS_MAX];
	bool taken[SEATS_MAX] = {false}, placed[SEATS_MAX] = {false};

	for (int i = 0; i < n_previous; i++) {
		const struct candidate *was = find_key(c, n, previous[i].key);
		int which = was ? chosen_find(chosen, was->domain) : -1;
		int seat = previous[i].seat;
		if (which < 0 || placed[which] || seat < 0 || seat >= chosen->n || taken[seat])
			continue;
		at[seat] = was->domain;
		taken[seat] = placed[which] = true;
	}
	int seat = 0;
	for (int i = 0; i < chosen->n; i++) {
		if (placed[i])
			continue;
		while (taken[seat])
			seat++;
		at[seat++] = chosen->domain[i];
	}
	for (int i = 0; i < chosen->n; i++)
		chosen->domain[i] = at[i];
}

/* ---- who votes in a seat */

static bool has_key(const struct assigned *out, int n, uint32_t key)
{
	for (int i = 0; i < n; i++)
		if (out[i].key == key)
			return true;
	return false;
}

static int fill_seat(uint64_t monitor_hash, const struct candidate *c, size_t n, uint64_t domain,
	int per_seat, struct assigned *out)
{
	int filled = 0;

	while (filled < per_seat) {
		const struct candidate *best = NULL;
		for (size_t i = 0; i < n; i++) {
			if (c[i].domain != domain || has_key(out, filled, c[i].key))
				continue;
			if (!best || c[i].available > best->available ||
				(c[i].available == best->available &&
					heavier(monitor_hash, c[i].hash, best->hash)))
				best = &c[i];
		}
		if (!best)
			break;
		out[filled++] = (struct assigned){.key = best->key};
	}
	return filled;
}

int assign_seats(uint64_t monitor_hash, const struct candidate *c, size_t n, int seats,
	int per_seat, const struct assigned *previous, int n_previous, struct assigned *out,
	int *n_seats)
{
	struct chosen chosen;
	int voters = 0;

	choose_domains(monitor_hash, c, n, seats < SEATS_MAX ? seats : SEATS_MAX, &chosen);
	number_seats(c, n, previous, previous ? n_previous : 0, &chosen);
	for (int seat = 0; seat < chosen.n; seat++) {
		int filled =
			fill_seat(monitor_hash, c, n, chosen.domain[seat], per_seat, out + voters);
		for (int i = 0; i < filled; i++)
			out[voters + i].seat = seat;
		voters += filled;
	}
	*n_seats = chosen.n;
	return voters;
}

/* ---- whose seat is given to others */

int assign_replace(uint64_t monitor_hash, struct candidate *c, size_t n_candidates, int per_seat,
	const bool *replaced, struct assigned *out, int n, int n_seats)
{
	struct assigned by_right[VOTERS_MAX];
	bool any = false;

	for (int i = 0; i < n; i++) {
		by_right[i] = out[i];
		any |= replaced[i];
		for (size_t k = 0; replaced[i] && k < n_candidates; k++)
			if (c[k].key == out[i].key)
				c[k].available = false;
	}
	if (!any)
		return n;
	for (size_t k = 0; k < n_candidates; k++)
		if (c[k].barred && !has_key(by_right, n, c[k].key))
			c[k].available = false;
	int voters = assign_seats(
		monitor_hash, c, n_candidates, n_seats, per_seat, by_right, n, out, &n_seats);
	int all = voters;
	for (int i = 0; i < n; i++)
		if (replaced[i] && !has_key(out, voters, by_right[i].key))
			out[all++] = (struct assigned){
				.seat = by_right[i].seat, .key = by_right[i].key, .shadow = true};
	return all;
}

/* ---- when */

int64_t assign_phase_ms(uint64_t monitor_hash, int seat, int n_seats, int64_t interval_ms)
{
	uint64_t base = mix(monitor_hash) % (uint64_t)interval_ms;
	int64_t offset = n_seats > 0 ? interval_ms * seat / n_seats : 0;

	return ((int64_t)base + offset) % interval_ms;
}

int64_t assign_next_in_ms(int64_t phase_ms, int64_t interval_ms, int64_t wall_ms)
{
	int64_t in_ms = (phase_ms - wall_ms) % interval_ms;

	return in_ms < 0 ? in_ms + interval_ms : in_ms;
}
