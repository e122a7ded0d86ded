// SPDX-License-Identifier: MIT
/*
 * Quarantine on real time: collects what suspicious probes say of which organizations' networks,
 * has core/quarantine judge it, and tells every electorate whose votes it sets aside. A probe under
 * sentence keeps its seats and checks on: only so can it show that it agrees again.
 *
 * The network of a monitor is where others who agree with the quorum connected to, not what the
 * accused says: else it could choose how much its contradictions count for.
 */
#include "coordinator/verdicts_internal.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANARY_LABEL "quorate.canary"
#define NAMED_MAX    3 /* organizations in an alert's words */

/* FNV-1a; never 0. */
static uint64_t hash_bytes(const void *bytes, size_t n)
{
	const unsigned char *at = bytes;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash ? hash : 1;
}

uint64_t quarantine_network(const char *address)
{
	unsigned char raw[16];
	char host[INET6_ADDRSTRLEN];
	size_t length;

	if (!address)
		return 0;
	address += address[0] == '[';
	length = strcspn(address, strchr(address, '.') && !strchr(address, ']') ? ":" : "]%");
	if (length >= sizeof(host))
		return 0;
	memcpy(host, address, length);
	host[length] = '\0';
	if (inet_pton(AF_INET, host, raw) == 1)
		return hash_bytes(raw, 3);
	return inet_pton(AF_INET6, host, raw) == 1 ? hash_bytes(raw, 6) : 0;
}

/* ---- who says what */

static const char *organization_of(const struct monitor *m)
{
	return m->organization ? m->organization : ORGANIZATION_DEFAULT;
}

static uint64_t organization_hash(const char *name)
{
	return hash_bytes(name, strlen(name));
}

/* One that the operator vouches for. */
static bool is_canary(const struct monitor *m)
{
	if (strcmp(organization_of(m), ORGANIZATION_DEFAULT) != 0)
		return false;
	for (size_t i = 0; i < m->labels.n; i++)
		if (strcmp(m->labels.item[i].name, CANARY_LABEL) == 0)
			return strcmp(m->labels.item[i].value, "true") == 0;
	return false;
}

static uint64_t network_seen_by(const struct watched *wd, uint32_t key)
{
	for (int i = 0; i < VOTERS_MAX; i++)
		if (wd->evidence[i].text && wd->evidence[i].key == key)
			return wd->evidence[i].network;
	return 0;
}

/* As somebody else than voter ACCUSED saw it who agrees; else by the target's name. */
static uint64_t network_of(
	const struct watched *wd, const struct monitor *m, const enum stance *stance, int accused)
{
	char host[MONITOR_HOST_SIZE];
	uint64_t network = 0;
	int port;

	for (int i = 0; i < wd->w->n_voters && !network; i++)
		if (i != accused && stance[i] == STANCE_AGREES)
			network = network_seen_by(wd, wd->w->voter[i].key);
	if (network)
		return network;
	monitor_destination(m, host, &port);
	return hash_bytes(host, strlen(host));
}

static void testify(struct quarantine_of *q, struct testimony t)
{
	if (q->n_testimony == q->room) {
		q->room = q->room ? 2 * q->room : 16;
		q->testimony = mem_resize(q->testimony, q->room, sizeof(*q->testimony));
	}
	q->testimony[q->n_testimony++] = t;
}

static void hear_monitor(struct watched *wd, int64_t now_ms)
{
	const struct monitor *m = &registry_monitor(wd->v->c->registry, &wd->id)->m;
	uint64_t organization =
		is_canary(m) ? QUARANTINE_CANARIES : organization_hash(organization_of(m));
	enum stance stance[VOTERS_MAX];
	struct tally tally;

	watch_stances(wd->w, now_ms, stance, &tally);
	for (int i = 0; i < wd->w->n_voters; i++) {
		struct standing_of *s = verdicts_standing(wd->v, wd->w->voter[i].key);
		if (!s || !s->quarantine || stance[i] == STANCE_NONE)
			continue;
		testify(s->quarantine, (struct testimony){
					       .organization = organization,
					       .network = network_of(wd, m, stance, i),
					       .dissents = stance[i] == STANCE_DISSENTS,
					       .interval_ms = m->interval_ms,
				       });
	}
}

/* ---- what becomes of it */

static struct charge *charge_of(struct quarantine_of *q, uint64_t organization)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->charge[i].organization == organization)
			return &q->charge[i];
	q->charge = mem_resize(q->charge, q->n + 1, sizeof(*q->charge));
	q->charge[q->n] = (struct charge){.organization = organization};
	return &q->charge[q->n++];
}

static void drop_idle(struct quarantine_of *q)
{
	size_t kept = 0;

	for (size_t i = 0; i < q->n; i++)
		if (!quarantine_is_idle(&q->charge[i]))
			q->charge[kept++] = q->charge[i];
	q->n = kept;
}

/* Returns whether what is set aside is another now. */
static bool weigh(struct quarantine_of *q, int64_t now_ms)
{
	bool was_everywhere = q->everywhere_since_ms != 0, changed = false;
	struct accusation found;
	int organizations = 0;

	quarantine_sort(q->testimony, q->n_testimony);
	for (size_t i = 0; i < q->n_testimony;) {
		i += quarantine_count(&q->testimony[i], q->n_testimony - i, &found);
		organizations += found.organization != QUARANTINE_CANARIES;
		struct charge *c = charge_of(q, found.organization);
		bool was = c->own_since_ms != 0;
		quarantine_follow(c, &found, now_ms);
		changed |= was != (c->own_since_ms != 0);
	}
	drop_idle(q);
	bool everywhere = quarantine_everywhere(q->charge, q->n, organizations);
	if (everywhere != was_everywhere)
		q->everywhere_since_ms = everywhere ? now_ms : 0;
	return changed || everywhere != was_everywhere;
}

void quarantine_clear(struct standing_of *s)
{
	if (!s->quarantine)
		return;
	free(s->quarantine->charge);
	free(s->quarantine->testimony);
	free(s->quarantine);
	s->quarantine = NULL;
}

/* Whoever contradicts nobody, and has nothing against it, is not looked at. */
static bool open_cases(struct verdicts *v)
{
	struct standing_of *s, *next;
	bool any = false;

	HASH_ITER (hh, v->probes, s, next) {
		if (s->facts.dissents > 0 && !s->quarantine)
			s->quarantine = mem_alloc(sizeof(*s->quarantine));
		if (!s->quarantine)
			continue;
		s->quarantine->n_testimony = 0;
		any = true;
	}
	return any;
}

static void judge(struct verdicts *v, struct standing_of *s, int64_t now_ms)
{
	const struct probe *probe = registry_probe_by_key(v->c->registry, s->key);
	char where[256];

	if (weigh(s->quarantine, now_ms)) {
		quarantine_words(v, s, where, sizeof(where));
		log_warning("probe.quarantine name=%s dissents=%d monitors=%d set_aside=%s",
			log_quote(probe ? probe->name : "?"), s->facts.dissents, s->facts.monitors,
			log_quote(where[0] ? where : "nowhere any more"));
		court_mark(v, s->key);
	}
	if (s->quarantine->n == 0 && s->facts.dissents == 0)
		quarantine_clear(s);
}

void quarantine_session(struct verdicts *v, bool held, int64_t now_ms)
{
	struct standing_of *s, *s_next;
	struct watched *wd, *next;

	if (!open_cases(v))
		return;
	HASH_ITER (hh, v->probes, s, s_next)
		for (size_t i = 0; held && s->quarantine && i < s->quarantine->n; i++)
			quarantine_rest(&s->quarantine->charge[i]);
	if (held)
		return;
	HASH_ITER (hh, v->watched, wd, next)
		hear_monitor(wd, now_ms);
	HASH_ITER (hh, v->probes, s, s_next)
		if (s->quarantine)
			judge(v, s, now_ms);
}

/* ---- the electorates */

static int64_t sentenced_since(const struct standing_of *s, uint64_t organization)
{
	const struct quarantine_of *q = s ? s->quarantine : NULL;

	if (q && q->everywhere_since_ms)
		return q->everywhere_since_ms;
	for (size_t i = 0; q && i < q->n; i++)
		if (q->charge[i].organization == organization)
			return q->charge[i].own_since_ms;
	return 0;
}

void quarantine_apply(struct watched *wd)
{
	const struct registered *entry = registry_monitor(wd->v->c->registry, &wd->id);
	uint64_t organization = organization_hash(organization_of(&entry->m));
	struct detainee d[VOTERS_MAX];
	bool taken[VOTERS_MAX];

	for (int i = 0; i < wd->w->n_voters; i++) {
		uint32_t key = wd->w->voter[i].key;
		int64_t since_ms = sentenced_since(verdicts_standing(wd->v, key), organization);
		d[i] = (struct detainee){
			.seat = wd->w->voter[i].seat,
			.wanted = since_ms != 0,
			.gone = court_exclusion(wd->v, key) != EXCLUDED_NOT,
			.since_ms = since_ms,
			.key = key,
		};
	}
	quarantine_take(d, wd->w->n_voters, wd->w->rule.quorum.seats, taken);
	for (int i = 0; i < wd->w->n_voters; i++)
		watch_exclude(wd->w, d[i].key,
			d[i].gone || taken[i] ? EXCLUDED_QUARANTINE : EXCLUDED_NOT);
}

/* ---- for people */

bool verdicts_quarantined(const struct verdicts *v, uint32_t probe_key)
{
	const struct standing_of *s = verdicts_standing(v, probe_key);

	return s && s->quarantine && s->quarantine->everywhere_since_ms != 0;
}

bool quarantine_lasts(const struct standing_of *s)
{
	const struct quarantine_of *q = s->quarantine;

	for (size_t i = 0; q && i < q->n; i++)
		if (q->charge[i].own_since_ms)
			return true;
	return q && q->everywhere_since_ms;
}

/* The name behind a hash, as long as it has monitors. */
static const char *organization_name(const struct verdicts *v, uint64_t organization)
{
	const struct registered *entry = NULL;

	while ((entry = registry_next_monitor(v->c->registry, entry ? &entry->m.id : NULL)))
		if (organization_hash(organization_of(&entry->m)) == organization)
			return organization_of(&entry->m);
	return "?";
}

void quarantine_words(
	const struct verdicts *v, const struct standing_of *s, char *text, size_t room)
{
	static const char end[] = " until it agrees again (where there are four seats or more)";
	const struct quarantine_of *q = s->quarantine;
	int named = 0;
	size_t used;

	text[0] = '\0';
	if (!quarantine_lasts(s))
		return;
	used = (size_t)snprintf(text, room, "; its votes do not count");
	for (size_t i = 0; !q->everywhere_since_ms && i < q->n; i++) {
		if (!q->charge[i].own_since_ms || named > NAMED_MAX || used >= room)
			continue;
		used += (size_t)snprintf(text + used, room - used, "%s%s",
			named == 0 ? " for monitors of " : ", ",
			named < NAMED_MAX ? organization_name(v, q->charge[i].organization)
					  : "others");
		named++;
	}
	if (used < room)
		snprintf(text + used, room - used, "%s", end);
}
