// SPDX-License-Identifier: MIT
#include "coordinator/cli/history.h"

#include "coordinator/core/assign.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"
#include "proto/base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- probes */

static const json_t *registered(const json_t *probes, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)probes, i, one)
		if (strcmp(value_text(one, "name", ""), name) == 0)
			return one;
	return NULL;
}

/* The failure domain of a RESULT's probe, at the level that is fixed for the monitor. */
static const char *domain_of(const json_t *monitor, const json_t *result, const json_t *probe)
{
	const char *level = value_text(monitor, "domain", "region");

	if (strcmp(level, "probe") == 0)
		return value_text(result, "probe", "?");
	if (strcmp(level, "provider") == 0 && value_text(probe, "provider", NULL))
		return value_text(probe, "provider", NULL);
	return value_text(result, "region", value_text(result, "probe", "?"));
}

static uint32_t key_of(
	struct history *h, const json_t *monitor, const json_t *probes, const json_t *result)
{
	const char *name = value_text(result, "probe", "?");
	struct history_probe *p;
	const json_t *probe;

	for (size_t i = 0; i < h->n_probes; i++)
		if (strcmp(h->probes[i].name, name) == 0)
			return (uint32_t)i + 1;
	h->probes = mem_resize(h->probes, h->n_probes + 1, sizeof(*h->probes));
	p = &h->probes[h->n_probes++];
	memset(p, 0, sizeof(*p));
	probe = registered(probes, name);
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(p->domain, sizeof(p->domain), "%s", domain_of(monitor, result, probe));
	if (probe && id_parse(value_text(probe, "id", ""), &p->id) == -1)
		memset(&p->id, 0, sizeof(p->id));
	return (uint32_t)h->n_probes;
}

/* ---- results */

static int index_of(const char *const *names, const char *text, int otherwise)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	return otherwise;
}

static void read_severities(const json_t *result, struct rehearsal_vote *v)
{
	const json_t *severity = value_at(result, "severity");

	for (int t = 0; t < THRESHOLD_COUNT; t++)
		v->severity[t] = (uint8_t)index_of(severity_names,
			value_text(severity, alert_kind_names[ALERT_SLOW + t], ""), SEVERITY_NONE);
}

static struct rehearsal_vote *room_for_one(struct history *h)
{
	if (h->n == h->room) {
		h->room = h->room ? 2 * h->room : 1024;
		h->votes = mem_resize(h->votes, h->room, sizeof(*h->votes));
	}
	return &h->votes[h->n++];
}

static void add_result(
	struct history *h, const json_t *monitor, const json_t *probes, const json_t *result)
{
	int64_t started_ms;
	enum reason reason = reason_find(value_text(result, "reason", ""));
	struct rehearsal_vote *v;

	if (json_is_true(value_at(result, "late"))) {
		h->late++;
		return;
	}
	if (time_parse(value_text(result, "started_at", ""), &started_ms) == -1)
		return;
	v = room_for_one(h);
	*v = (struct rehearsal_vote){
		.started_at_ms = started_ms,
		.ended_at_ms = started_ms + json_integer_value(value_at(result, "duration_ms")),
		.round = json_integer_value(value_at(result, "round")),
		.key = key_of(h, monitor, probes, result),
		.verdict = index_of(verdict_names, value_text(result, "verdict", ""), VERDICT_NONE),
		.reason = reason == REASON_COUNT ? REASON_OK : (int)reason,
	};
	read_severities(result, v);
}

static int by_end(const void *a, const void *b)
{
	const struct rehearsal_vote *x = a, *y = b;

	return (x->ended_at_ms > y->ended_at_ms) - (x->ended_at_ms < y->ended_at_ms);
}

static char *page_path(
	const json_t *monitor, int64_t from_wall_ms, int64_t to_wall_ms, const char *cursor)
{
	char from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];
	char *path = client_path("/api/v1/monitors/%s/results?from=%s&to=%s&limit=500",
		     value_text(monitor, "id", ""), time_format(from_wall_ms, from),
		     time_format(to_wall_ms, to)),
	     *whole;

	if (!cursor)
		return path;
	whole = mem_printf("%s&cursor=%s", path, cursor);
	free(path);
	return whole;
}

int history_fetch(struct client *client, const json_t *monitor, const json_t *probes,
	int64_t from_wall_ms, int64_t to_wall_ms, struct history *out)
{
	char *cursor = NULL;
	json_t *page, *result;
	size_t i;

	*out = (struct history){0};
	do {
		char *path = page_path(monitor, from_wall_ms, to_wall_ms, cursor);
		int status = client_call(client, "GET", path, NULL, &page);
		free(path);
		mem_set(&cursor, NULL);
		if (status == -1)
			return -1;
		json_array_foreach (value_at(page, "items"), i, result)
			add_result(out, monitor, probes, result);
		mem_set(&cursor, json_string_value(value_at(page, "next_cursor")));
		json_decref(page);
	} while (cursor);
	if (out->n > 0)
		qsort(out->votes, out->n, sizeof(*out->votes), by_end);
	return 0;
}

/* ---- seats */

static uint64_t name_hash(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a: as registry_domain() */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
	return hash;
}

static int seat_of_domain(
	const struct history *h, const struct assigned *seats, int n, const struct history_probe *p)
{
	for (int i = 0; i < n; i++)
		if (strcmp(h->probes[seats[i].key - 1].domain, p->domain) == 0)
			return seats[i].seat;
	return -1;
}

static void drop_unseated(struct history *h)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		h->votes[i].seat = h->probes[h->votes[i].key - 1].seat;
		if (h->votes[i].seat >= 0)
			h->votes[kept++] = h->votes[i];
	}
	h->n = kept;
}

int history_seat(struct history *h, const struct id *monitor, int seats)
{
	struct candidate *c = mem_array(h->n_probes ? h->n_probes : 1, sizeof(*c));
	struct assigned assigned[VOTERS_MAX];
	int n_seats, n;

	for (size_t i = 0; i < h->n_probes; i++)
		c[i] = (struct candidate){
			.key = (uint32_t)i + 1,
			.hash = id_is_zero(&h->probes[i].id) ? name_hash(h->probes[i].name)
							     : id_hash(&h->probes[i].id),
			.domain = name_hash(h->probes[i].domain),
			.available = true,
		};
	h->domains = assign_domains(c, h->n_probes);
	n = assign_seats(id_hash(monitor), c, h->n_probes, seats, 1, NULL, 0, assigned, &n_seats);
	for (size_t i = 0; i < h->n_probes; i++)
		h->probes[i].seat = seat_of_domain(h, assigned, n, &h->probes[i]);
	drop_unseated(h);
	free(c);
	return n_seats;
}

void history_clear(struct history *h)
{
	free(h->votes);
	free(h->probes);
	*h = (struct history){0};
}
