// SPDX-License-Identifier: MIT
/*
 * Faults as functions of the instant. Time is cut into cells as long as a fault, from an offset of
 * the subject's own; whether a cell is faulty is a hash of its number. So any instant can be asked
 * for, in any order and without memory, and every method is judged on the same world.
 */
#include "tests/fleet/fleet.h"

const int64_t fault_ms[FAULT_LENGTHS] = {1000, 10000, 60000, 600000};

enum { KIND_PATH = 1, KIND_REGION_BLIND, KIND_REGION_CUT, KIND_OUTAGE, KIND_HANG, KIND_MONITOR };

#define SHARE(x) ((uint32_t)((x)*4294967296.0))

/* Outages of a target: how likely a cell of each length is one. The longest: once in three days. */
static const uint32_t outage_share[FAULT_LENGTHS] = {
	SHARE(1e-5), SHARE(1e-4), SHARE(7e-4), SHARE(2.3e-3)};

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

/* Where the cells of one length begin, modulo that length. */
static int64_t offset_ms(uint64_t stream, enum fault_length l)
{
	return (int64_t)((stream >> (8 + l) & 0xffffffU) * (uint64_t)fault_ms[l] >> 24);
}

static bool is_faulty(uint64_t stream, enum fault_length l, int64_t cell, uint32_t share)
{
	return mix(stream + ((uint64_t)l << 36) + (uint64_t)cell) >> 32 < share;
}

/* Bits of the lengths whose cell at AT_MS is faulty; SHARE has one entry per length. */
static unsigned faults_of(uint64_t stream, const uint32_t share[FAULT_LENGTHS], int64_t at_ms)
{
	unsigned on = 0;

#pragma GCC unroll 4
	for (enum fault_length l = 0; l < FAULT_LENGTHS; l++)
		if (is_faulty(stream, l, (at_ms + offset_ms(stream, l)) / fault_ms[l], share[l]))
			on |= 1U << l;
	return on;
}

static unsigned equal_faults(uint64_t stream, double share, int64_t at_ms)
{
	uint32_t each = SHARE(share / FAULT_LENGTHS);

	return faults_of(stream, (const uint32_t[]){each, each, each, each}, at_ms);
}

static uint64_t path_of(int monitor, int probe)
{
	return (uint64_t)monitor * PROBES + (uint64_t)probe;
}

static int region_of(int probe)
{
	return probe / PROBES_IN_REGION;
}

unsigned faults_at(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms)
{
	uint64_t path = stream_of(s, KIND_PATH, path_of(monitor, probe));
	uint64_t region = stream_of(s, KIND_REGION_BLIND, (uint64_t)region_of(probe));

	return equal_faults(path, s->path, at_ms) | equal_faults(region, s->region / 2, at_ms);
}

bool is_silent(const struct fleet_setup *s, int probe, int64_t at_ms)
{
	uint64_t region = stream_of(s, KIND_REGION_CUT, (uint64_t)region_of(probe));

	return equal_faults(region, s->region / 2, at_ms) != 0;
}

bool is_out(const struct fleet_setup *s, int monitor, int64_t at_ms)
{
	return faults_of(stream_of(s, KIND_OUTAGE, (uint64_t)monitor), outage_share, at_ms) != 0;
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
	uint64_t stream = stream_of(s, KIND_OUTAGE, (uint64_t)monitor);
	int64_t offset = offset_ms(stream, l), cell = (from_ms + offset) / fault_ms[l] + 1;

	for (; cell * fault_ms[l] - offset < s->end_ms; cell++)
		if (is_faulty(stream, l, cell, outage_share[l]))
			return cell * fault_ms[l] - offset;
	return -1;
}

uint64_t monitor_hash(const struct fleet_setup *s, int monitor)
{
	return hash_of(s, KIND_MONITOR, (uint64_t)monitor, 0);
}

static bool says_down(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms)
{
	bool down = faults_at(s, monitor, probe, at_ms) != 0 || is_out(s, monitor, at_ms);

	return down != (probe == s->liar);
}

enum sight sight_at(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms)
{
	if (is_silent(s, probe, at_ms))
		return SEES_NOTHING;
	return says_down(s, monitor, probe, at_ms) ? SEES_DOWN : SEES_UP;
}

int64_t next_down(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms)
{
	while (at_ms < s->end_ms &&
		!(says_down(s, monitor, probe, at_ms) && !is_silent(s, probe, at_ms)))
		at_ms += INTERVAL_MS;
	return at_ms;
}

bool hangs_at(const struct fleet_setup *s, int monitor, int probe, int64_t at_ms)
{
	return hash_of(s, KIND_HANG, path_of(monitor, probe), (uint64_t)at_ms) & 1;
}
