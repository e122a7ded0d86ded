// SPDX-License-Identifier: MIT
/*
 * Faults as functions of the instant. Time is cut into cells as long as a fault, from an offset of
 * the subject's own; whether a cell is faulty is a hash of its number. So any instant can be asked
 * for, in any order and without memory, and every method is judged on the same world.
 */
#include "tests/fleet/fleet.h"

#include <stdlib.h>

const int64_t fault_ms[FAULT_LENGTHS] = {1000, 10000, 60000, 600000};

enum { KIND_PATH = 1, KIND_REGION_BLIND, KIND_REGION_CUT, KIND_OUTAGE, KIND_HANG, KIND_MONITOR };

#define SHARE(x)  ((uint32_t)((x)*4294967296.0))
#define MINUTE_MS 60000

/* Outages of a target. The longest begin once in three days; in one of 526 minutes there is one of
 * 1 s, of 10 s, or for the whole minute, in these parts of 19. */
#define OUTAGE_LONG   SHARE(2.3e-3)
#define OUTAGE_MINUTE SHARE(1.9e-3)
enum { OUTAGE_1S = 6, OUTAGE_10S = 6, OUTAGE_PARTS = 19 };

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9U;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebU;
	return x ^ x >> 31;
}

static uint64_t stream_of(const struct fleet_setup *s, int kind, uint64_t subject)
{
	return (subject << 8 | (uint64_t)kind) * 0x9e3779b97f4a7c15U + (s->seed << 40);
}

static uint64_t hash_of(const struct fleet_setup *s, int kind, uint64_t subject, uint64_t number)
{
	return mix(stream_of(s, kind, subject) + number);
}

/* ---- cells */

/* Where the cells of one length begin, modulo that length. */
static int64_t offset_ms(uint64_t stream, enum fault_length l)
{
	return (int64_t)((stream >> (8 + l) & 0xffffffU) * (uint64_t)fault_ms[l] >> 24);
}

static uint64_t cell_at(uint64_t stream, enum fault_length l, int64_t at_ms)
{
	return stream + ((uint64_t)l << 36) +
	       (uint64_t)((at_ms + offset_ms(stream, l)) / fault_ms[l]);
}

static bool is_faulty(uint64_t cell, uint32_t share)
{
	return mix(cell) >> 32 < share;
}

/* Bits of the lengths whose cell at AT_MS is faulty; SHARE has one entry per length. */
static unsigned faults_of(uint64_t stream, const uint32_t share[FAULT_LENGTHS], int64_t at_ms)
{
	unsigned on = 0;

#pragma GCC unroll 4
	for (enum fault_length l = 0; l < FAULT_LENGTHS; l++)
		if (is_faulty(cell_at(stream, l, at_ms), share[l]))
			on |= 1U << l;
	return on;
}

/* The long cells that checks of one schedule fall into, one after the other. */
struct walk {
	uint64_t cell;
	int64_t into_ms;
	uint32_t share;
	bool faulty;
};

static void walk_begin(struct walk *w, uint64_t stream, uint32_t share, int64_t at_ms)
{
	w->cell = cell_at(stream, FAULT_600S, at_ms);
	w->into_ms = (at_ms + offset_ms(stream, FAULT_600S)) % fault_ms[FAULT_600S];
	w->share = share;
	w->faulty = is_faulty(w->cell, share);
}

static void walk_on(struct walk *w)
{
	w->into_ms += INTERVAL_MS;
	if (w->into_ms < fault_ms[FAULT_600S])
		return;
	w->into_ms -= fault_ms[FAULT_600S];
	w->faulty = is_faulty(++w->cell, w->share);
}

/* ---- regions: the same for all monitors, so minutes without any fault are known beforehand */

static uint64_t region_stream(const struct fleet_setup *s, int kind, int region)
{
	return stream_of(s, kind, (uint64_t)region);
}

static int region_of(int probe)
{
	return probe / PROBES_IN_REGION;
}

static int64_t minutes_of(const struct fleet_setup *s)
{
	return s->end_ms / MINUTE_MS + 2;
}

/* Bits by region, for what they see and for what gets through. */
static uint8_t *ill_minute(const struct fleet_setup *s, int kind, int64_t at_ms)
{
	return &s->ill_minutes[2 * (at_ms / MINUTE_MS) + (kind == KIND_REGION_CUT)];
}

static void mark(struct fleet_setup *s, int kind, int region, int64_t from_ms, int64_t last_ms)
{
	for (int64_t minute = from_ms < 0 ? 0 : from_ms / MINUTE_MS;
		minute <= last_ms / MINUTE_MS && minute < minutes_of(s); minute++)
		*ill_minute(s, kind, minute * MINUTE_MS) |= (uint8_t)(1U << region);
}

static void mark_region(struct fleet_setup *s, int kind, int region, enum fault_length l)
{
	uint64_t stream = region_stream(s, kind, region), cell = cell_at(stream, l, 0);
	int64_t end_ms = minutes_of(s) * MINUTE_MS;

	for (int64_t at_ms = -offset_ms(stream, l); at_ms < end_ms; at_ms += fault_ms[l])
		if (is_faulty(cell++, s->region_share[l]))
			mark(s, kind, region, at_ms, at_ms + fault_ms[l] - 1);
}

void world_prepare(struct fleet_setup *s)
{
	s->ill_minutes = calloc((size_t)minutes_of(s), 2);
	if (!s->ill_minutes)
		abort();
	for (enum fault_length l = 0; l < FAULT_LENGTHS; l++) {
		s->path_share[l] = SHARE(s->path * s->part[l]);
		s->region_share[l] = SHARE(s->region / 2 * s->part[l]);
		for (int region = 0; region < REGIONS; region++) {
			mark_region(s, KIND_REGION_BLIND, region, l);
			mark_region(s, KIND_REGION_CUT, region, l);
		}
	}
}

void world_clear(struct fleet_setup *s)
{
	free(s->ill_minutes);
	s->ill_minutes = NULL;
}

static bool may_be_ill(const struct fleet_setup *s, int kind, int probe, int64_t at_ms)
{
	return at_ms / MINUTE_MS >= minutes_of(s) ||
	       (*ill_minute(s, kind, at_ms) >> region_of(probe) & 1);
}

static unsigned region_faults(const struct fleet_setup *s, int kind, int probe, int64_t at_ms)
{
	return may_be_ill(s, kind, probe, at_ms)
		       ? faults_of(region_stream(s, kind, region_of(probe)), s->region_share, at_ms)
		       : 0;
}

/* ---- what is */

static uint64_t path_of(int monitor, int probe)
{
	return (uint64_t)monitor * PROBES + (uint64_t)probe;
}

unsigned faults_at(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms)
{
	uint64_t path = stream_of(s, KIND_PATH, path_of(monitor, probe));

	return faults_of(path, s->path_share, at_ms) |
	       region_faults(s, KIND_REGION_BLIND, probe, at_ms);
}

bool is_silent(const struct fleet_setup *s, int probe, int64_t at_ms)
{
	return region_faults(s, KIND_REGION_CUT, probe, at_ms) != 0;
}

static uint64_t outages_of(const struct fleet_setup *s, int monitor)
{
	return stream_of(s, KIND_OUTAGE, (uint64_t)monitor);
}

bool is_out(const struct fleet_setup *s, int monitor, int64_t at_ms)
{
	uint64_t stream = outages_of(s, monitor), minute = cell_at(stream, FAULT_60S, at_ms);
	int64_t second = (at_ms + offset_ms(stream, FAULT_60S)) / 1000 % 60;

	if (is_faulty(cell_at(stream, FAULT_600S, at_ms), OUTAGE_LONG))
		return true;
	if (!is_faulty(minute, OUTAGE_MINUTE))
		return false;
	uint64_t which = mix(~minute), part = which % OUTAGE_PARTS, place = which >> 32;
	if (part < OUTAGE_1S)
		return second == (int64_t)(place % 60);
	return part >= OUTAGE_1S + OUTAGE_10S || second / 10 == (int64_t)(place % 6);
}

bool was_out(const struct fleet_setup *s, int monitor, int64_t from_ms, int64_t to_ms)
{
	for (int64_t at_ms = from_ms < 0 ? 0 : from_ms; at_ms < to_ms; at_ms += fault_ms[FAULT_1S])
		if (is_out(s, monitor, at_ms))
			return true;
	return is_out(s, monitor, to_ms);
}

int64_t next_long_outage(const struct fleet_setup *s, int monitor, int64_t from_ms)
{
	const enum fault_length l = FAULT_600S;
	uint64_t stream = outages_of(s, monitor);
	int64_t at_ms = from_ms + fault_ms[l] - (from_ms + offset_ms(stream, l)) % fault_ms[l];

	for (; at_ms < s->end_ms; at_ms += fault_ms[l])
		if (is_faulty(cell_at(stream, l, at_ms), OUTAGE_LONG))
			return at_ms;
	return -1;
}

uint64_t monitor_hash(const struct fleet_setup *s, int monitor)
{
	return hash_of(s, KIND_MONITOR, (uint64_t)monitor, 0);
}

/* ---- what is seen of it */

enum sight sight_at(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms, bool *hangs)
{
	bool down = faults_at(s, monitor, probe, at_ms) != 0 || is_out(s, monitor, at_ms);

	down = down != (probe == s->liar);
	*hangs = down && hash_of(s, KIND_HANG, path_of(monitor, probe), (uint64_t)at_ms) & 1;
	if (is_silent(s, probe, at_ms) ||
		is_silent(s, probe, at_ms + (*hangs ? TIMEOUT_MS : LATENCY_MS)))
		return SEES_NOTHING;
	return down ? SEES_DOWN : SEES_UP;
}

/* The first check that an honest probe may not report up. */
static int64_t next_trouble(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms)
{
	uint64_t path = stream_of(s, KIND_PATH, path_of(monitor, probe));
	uint64_t target = outages_of(s, monitor), minute = cell_at(target, FAULT_60S, at_ms);
	uint64_t cell_1s = cell_at(path, FAULT_1S, at_ms),
		 cell_10s = cell_at(path, FAULT_10S, at_ms),
		 cell_60s = cell_at(path, FAULT_60S, at_ms);
	const uint32_t *share = s->path_share;
	struct walk way, outage;

	walk_begin(&way, path, share[FAULT_600S], at_ms);
	walk_begin(&outage, target, OUTAGE_LONG, at_ms);
	for (; at_ms < s->end_ms; at_ms += INTERVAL_MS) {
		if (way.faulty | outage.faulty | is_faulty(cell_1s, share[FAULT_1S]) |
			is_faulty(cell_10s, share[FAULT_10S]) |
			is_faulty(cell_60s, share[FAULT_60S]) | is_faulty(minute, OUTAGE_MINUTE) |
			may_be_ill(s, KIND_REGION_BLIND, probe, at_ms) |
			may_be_ill(s, KIND_REGION_CUT, probe, at_ms) |
			may_be_ill(s, KIND_REGION_CUT, probe, at_ms + LATENCY_MS))
			break;
		cell_1s += INTERVAL_MS / 1000;
		cell_10s += INTERVAL_MS / 10000;
		cell_60s++;
		minute++;
		walk_on(&way);
		walk_on(&outage);
	}
	return at_ms;
}

int64_t next_other(
	const struct fleet_setup *s, int monitor, int probe, int64_t at_ms, enum sight sight)
{
	bool hangs;

	for (; at_ms < s->end_ms; at_ms += INTERVAL_MS) {
		if (sight == SEES_UP && probe != s->liar)
			at_ms = next_trouble(s, monitor, probe, at_ms);
		if (at_ms < s->end_ms && sight_at(s, monitor, probe, at_ms, &hangs) != sight)
			break;
	}
	return at_ms;
}
