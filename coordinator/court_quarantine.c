// SPDX-License-Identifier: MIT
/*
 * Quarantine on real time: collects what suspicious probes say of which organizations' networks,
 * has core/quarantine judge it, and tells every electorate whose votes it sets aside. A probe under
 * sentence checks on: only so can it show that it agrees again. After five minutes its seat is given
 * to another, where there is one, and it is a shadow in that electorate: asked, and not counted.
 *
 * The network of a monitor is where others who agree with the quorum connected to, not what the
 * accused says: else it could choose how much its contradictions count for.
 */
#include "coordinator/verdicts_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define CANARY_LABEL "quorate.canary"

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

uint64_t quarantine_organization(const char *name)
{
	return *name ? hash_bytes(name, strlen(name)) : QUARANTINE_CANARIES;
}

const char *quarantine_organization_name(const struct verdicts *v, uint64_t organization)
{
	const struct registered *entry = NULL;

	if (organization == QUARANTINE_CANARIES)
		return "";
	while ((entry = registry_next_monitor(v->c->registry, entry ? &entry->m.id : NULL)))
		if (quarantine_organization(organization_of(&entry->m)) == organization)
			return organization_of(&entry->m);
	return NULL;
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
		is_canary(m) ? QUARANTINE_CANARIES : quarantine_organization(organization_of(m));
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

static void drop_idle(struct quarantine_of *q, int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < q->n; i++)
		if (!quarantine_is_idle(&q->charge[i]) &&
			!quarantine_is_lapsed(&q->charge[i], now_ms))
			q->charge[kept++] = q->charge[i];
	q->n = kept;
}

static void weigh(struct quarantine_of *q, int64_t now_ms)
{
	struct accusation found;
	int organizations = 0;

	quarantine_sort(q->testimony, q->n_testimony);
	for (size_t i = 0; i < q->n_testimony;) {
		i += quarantine_count(&q->testimony[i], q->n_testimony - i, &found);
		organizations += found.organization != QUARANTINE_CANARIES;
		quarantine_follow(charge_of(q, found.organization), &found, now_ms);
	}
	drop_idle(q, now_ms);
	bool everywhere = quarantine_everywhere(q->charge, q->n, organizations);
	if (everywhere != (q->everywhere_since_ms != 0))
		q->everywhere_since_ms = everywhere ? now_ms : 0;
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
		s->quarantine->changed = false;
		any = true;
	}
	return any;
}

static bool is_ripe(int64_t since_ms, int64_t now_ms)
{
	return since_ms != 0 && now_ms - since_ms >= QUARANTINE_REPLACED_MS;
}

/* In how many places others may have its seats. */
static int count_ripe(const struct quarantine_of *q, int64_t now_ms)
{
	int n = is_ripe(q->everywhere_since_ms, now_ms);

	for (size_t i = 0; i < q->n; i++)
		n += is_ripe(q->charge[i].own_since_ms, now_ms);
	return n;
}

/* Another number when the sentence is another, or (ALL) what it rests on. Everywhere is everywhere,
 * whoever else set it aside for themselves. */
static uint64_t summary(const struct quarantine_of *q, bool all)
{
	uint64_t sum = q->everywhere_since_ms != 0;

	for (size_t i = 0; i < q->n && (all || !q->everywhere_since_ms); i++) {
		const struct charge *c = &q->charge[i];
		uint64_t bits = c->own_since_ms != 0;
		if (all)
			bits |= (uint64_t)c->accuses.on << 1 | (uint64_t)c->wide.on << 2;
		sum += bits * (c->organization | 8);
	}
	return sum;
}

static void tell(const struct verdicts *v, const struct standing_of *s)
{
	const struct probe *probe = registry_probe_by_key(v->c->registry, s->key);
	char where[SENTENCE_WORDS_SIZE];

	quarantine_words(v, s, where, sizeof(where));
	log_warning("probe.quarantine name=%s dissents=%d monitors=%d set_aside=%s",
		log_quote(probe ? probe->name : "?"), s->facts.dissents, s->facts.monitors,
		log_quote(where[0] ? where : "nowhere any more"));
}

/* Returns whether seats may change. */
static bool judge(struct verdicts *v, struct standing_of *s, int64_t now_ms)
{
	struct quarantine_of *q = s->quarantine;
	uint64_t sentence = summary(q, false), all = summary(q, true);
	bool lasted = quarantine_lasts(s);
	int ripe = q->ripe;

	weigh(q, now_ms);
	q->ripe = count_ripe(q, now_ms);
	q->changed = summary(q, false) != sentence;
	if (summary(q, true) != all)
		quarantine_save(v, s, lasted);
	if (q->changed) {
		tell(v, s);
		court_mark(v, s->key);
	}
	bool reseat = ripe != q->ripe || (q->changed && ripe > 0);
	if (q->n == 0 && s->facts.dissents == 0)
		quarantine_clear(s);
	return reseat;
}

bool quarantine_session(struct verdicts *v, bool held, int64_t now_ms)
{
	struct standing_of *s, *s_next;
	struct watched *wd, *next;
	bool reseat = false;

	if (!open_cases(v))
		return false;
	HASH_ITER (hh, v->probes, s, s_next)
		for (size_t i = 0; held && s->quarantine && i < s->quarantine->n; i++)
			quarantine_rest(&s->quarantine->charge[i]);
	if (held)
		return false;
	HASH_ITER (hh, v->watched, wd, next)
		hear_monitor(wd, now_ms);
	HASH_ITER (hh, v->probes, s, s_next)
		if (s->quarantine)
			reseat |= judge(v, s, now_ms);
	return reseat;
}

/* ---- the electorates */

int64_t quarantine_since(const struct standing_of *s, const struct monitor *m)
{
	const struct quarantine_of *q = s ? s->quarantine : NULL;
	int64_t since_ms = q ? q->everywhere_since_ms : 0;
	uint64_t organization = quarantine_organization(organization_of(m));

	for (size_t i = 0; q && i < q->n; i++) {
		const struct charge *c = &q->charge[i];
		if (c->organization == organization && c->own_since_ms != 0 &&
			(since_ms == 0 || c->own_since_ms < since_ms))
			since_ms = c->own_since_ms;
	}
	return since_ms;
}

/* Who of the N on SEATS is set aside for M. A shadow is so already. */
static void detain(const struct verdicts *v, const struct monitor *m, const struct assigned *seats,
	int n, int n_seats, struct detainee d[VOTERS_MAX], bool taken[VOTERS_MAX])
{
	for (int i = 0; i < n; i++) {
		uint32_t key = seats[i].key;
		int64_t since_ms = quarantine_since(verdicts_standing(v, key), m);
		d[i] = (struct detainee){
			.seat = seats[i].seat,
			.wanted = since_ms != 0,
			.gone = seats[i].shadow || court_exclusion(v, key) != EXCLUDED_NOT,
			.since_ms = since_ms,
			.key = key,
		};
	}
	quarantine_take(d, n, n_seats, taken);
}

void quarantine_apply(struct watched *wd)
{
	const struct monitor *m = &registry_monitor(wd->v->c->registry, &wd->id)->m;
	struct detainee d[VOTERS_MAX];
	bool taken[VOTERS_MAX];

	detain(wd->v, m, wd->seats, wd->w->n_voters, wd->n_seats, d, taken);
	for (int i = 0; i < wd->w->n_voters; i++)
		watch_exclude(wd->w, d[i].key,
			wd->seats[i].shadow     ? EXCLUDED_REPLACED
			: d[i].gone || taken[i] ? EXCLUDED_QUARANTINE
						: EXCLUDED_NOT);
}

int quarantine_reseat(const struct verdicts *v, const struct monitor *m, struct candidate *c,
	size_t n_candidates, struct assigned seats[VOTERS_MAX], int n, int n_seats)
{
	int64_t now_ms = clock_now_ms();
	struct detainee d[VOTERS_MAX];
	bool taken[VOTERS_MAX];

	detain(v, m, seats, n, n_seats, d, taken);
	for (int i = 0; i < n; i++)
		taken[i] = taken[i] && is_ripe(d[i].since_ms, now_ms);
	return assign_replace(id_hash(&m->id), c, n_candidates, (int)m->quorum.per_seat, taken,
		seats, n, n_seats);
}
