// SPDX-License-Identifier: MIT
/*
 * What a probe may do with a valid token: how much (allowance.h), and for which monitors.
 *
 * Beyond its allowance it is held back first: the door stops reading from it, its receipts and orders wait. Who goes on
 * regardless is refused as `busy`, unread. When it lasts the court opens a case.
 */
#include "coordinator/fleet_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdlib.h>

/* ---- how much */

const char limits_words[] =
	"this probe sends more than it may, without waiting for answers; 'limits' in the "
	"coordinator's configuration says how much that is";

int64_t limits_wait_ms(const struct member *m)
{
	return allowance_wait_ms(&m->allowance, clock_now_ms());
}

int64_t limits_take(struct member *m, enum allowance_kind kind, int64_t n)
{
	struct coordinator *c = m->fleet->c;
	int64_t now_ms = clock_now_ms(), before_ms = allowance_wait_ms(&m->allowance, now_ms),
		wait_ms = allowance_take(&m->allowance, &c->conf.limits, kind, n, now_ms);
	const struct probe *probe;

	if (wait_ms <= before_ms)
		return wait_ms;
	door_hold(c->door, m->key, wait_ms);
	probe = registry_probe_by_key(c->registry, m->key);
	if (before_ms == 0 && probe && log_ratelimit("probe.held_back", 10000) >= 0)
		log_warning("probe.held_back name=%s limit=%s per_second=%lld wait_ms=%lld",
			log_quote(probe->name), allowance_names[kind],
			(long long)c->conf.limits.per_second[kind], (long long)wait_ms);
	return wait_ms;
}

bool limits_admit(struct member *m, size_t size_bytes)
{
	bool admitted = limits_wait_ms(m) <= ALLOWANCE_REFUSE_MS;

	if (m->links == 0) { /* else the door has counted it */
		limits_take(m, ALLOWANCE_MESSAGES, 1);
		limits_take(m, ALLOWANCE_BYTES, (int64_t)size_bytes);
	}
	if (admitted)
		return true;
	m->refused++;
	m->fleet->counts.refused_messages++;
	return false;
}

void fleet_charge(struct fleet *f, uint32_t probe_key, int64_t messages, int64_t bytes)
{
	struct member *m = fleet_member(f, probe_key);

	limits_take(m, ALLOWANCE_MESSAGES, messages);
	limits_take(m, ALLOWANCE_BYTES, bytes);
}

int64_t fleet_wait_ms(const struct fleet *f, uint32_t probe_key)
{
	const struct member *m = fleet_find(f, probe_key);

	return m ? limits_wait_ms(m) : 0;
}

void fleet_link_opened(struct fleet *f, uint32_t probe_key)
{
	fleet_member(f, probe_key)->links++;
}

void fleet_link_closed(struct fleet *f, uint32_t probe_key)
{
	struct member *m = fleet_find(f, probe_key);

	if (m && m->links > 0)
		m->links--;
}

bool fleet_floods(struct fleet *f, uint32_t probe_key)
{
	struct member *m = fleet_find(f, probe_key);

	return m && allowance_persists(&m->allowance, clock_now_ms());
}

/* ---- for which monitors */

static struct tenure *find_tenure(const struct member *m, const struct id *monitor)
{
	struct tenure *t;

	HASH_FIND(hh, m->tenures, monitor, sizeof(*monitor), t);
	return t;
}

static void end_tenure(struct member *m, struct tenure *t)
{
	HASH_DELETE(hh, m->tenures, t);
	free(t);
}

void tenure_add(struct member *m, const struct id *monitor)
{
	struct tenure *t = find_tenure(m, monitor);

	if (t)
		end_tenure(m, t); /* it becomes the youngest */
	else if (HASH_COUNT(m->tenures) >= TENURES_MAX)
		end_tenure(m, m->tenures);
	t = mem_alloc(sizeof(*t));
	t->monitor = *monitor;
	t->until_ms = clock_now_ms();
	HASH_ADD(hh, m->tenures, monitor, sizeof(t->monitor), t);
}

void tenure_clear(struct member *m)
{
	while (m->tenures)
		end_tenure(m, m->tenures);
}

bool tenure_covers(const struct member *m, const struct result *r)
{
	const struct tenure *t;
	int64_t revision;

	if (order_log_has(&m->orders, &r->monitor, &revision))
		return true;
	t = find_tenure(m, &r->monitor);
	return t && clock_now_ms() - r->age_ms - r->duration_ms < t->until_ms + TENURE_GRACE_MS;
}
