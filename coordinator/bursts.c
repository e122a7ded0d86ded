// SPDX-License-Identifier: MIT
/*
 * Confirmation bursts as far as they can be afforded: by every voter's budget and by the target's.
 * Where one is used up the monitor's scheduled votes decide.
 */
#include "coordinator/verdicts_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/monitor.h"

#include <stdlib.h>

#define SCARCE_TOLD_MS 60000

/* There is one as long as it is not full. */
struct target_budget {
	char host[MONITOR_HOST_SIZE];
	struct budget budget;
	UT_hash_handle hh;
};

static struct target_budget *target_of(struct verdicts *v, const struct monitor *m)
{
	char host[MONITOR_HOST_SIZE];
	struct target_budget *t;
	int port;

	monitor_destination(m, host, &port);
	HASH_FIND_STR(v->targets, host, t);
	if (t)
		return t;
	t = mem_alloc(sizeof(*t));
	memcpy(t->host, host, sizeof(host));
	HASH_ADD_STR(v->targets, host, t);
	return t;
}

static void target_free(struct verdicts *v, struct target_budget *t)
{
	HASH_DEL(v->targets, t);
	free(t);
}

void bursts_sweep(struct verdicts *v, int64_t now_ms)
{
	struct target_budget *t, *next;

	HASH_ITER (hh, v->targets, t, next)
		if (budget_is_full(&t->budget, now_ms))
			target_free(v, t);
}

void bursts_clear(struct verdicts *v)
{
	struct target_budget *t, *next;

	HASH_ITER (hh, v->targets, t, next)
		target_free(v, t);
}

/* The first voter that has nothing left; NULL: none. */
static const struct standing_of *poorest(const struct watched *wd, int64_t checks, int64_t now_ms)
{
	for (int i = 0; i < wd->n_seated; i++) {
		const struct standing_of *s = verdicts_standing(wd->v, wd->w->voter[i].key);
		if (s && !budget_has(&s->budget, budget_of_probe(s->scheduled_per_1000_s), checks,
				 now_ms))
			return s;
	}
	return NULL;
}

static void tell_scarce(const struct watched *wd, const struct standing_of *poor, const char *host)
{
	const struct probe *probe =
		poor ? registry_probe_by_key(wd->v->c->registry, poor->key) : NULL;
	int skipped = log_ratelimit("bursts.scarce", SCARCE_TOLD_MS);

	if (skipped < 0)
		return;
	log_info("bursts.scarce of=%s skipped=%d msg=\"no confirmation for now: scheduled checks "
		 "decide\"",
		log_quote(probe ? probe->name : host), skipped);
}

bool bursts_afford(struct watched *wd, int rounds)
{
	const struct registered *entry = registry_monitor(wd->v->c->registry, &wd->id);
	struct target_budget *target =
		target_of(wd->v, &entry->m); /* of "": the probes' resolvers */
	int64_t now_ms = clock_now_ms(), all = (int64_t)rounds * wd->n_seated;
	const struct standing_of *poor = poorest(wd, rounds, now_ms);

	if (poor || !budget_has(&target->budget, BUDGET_OF_TARGET_PER_1000_S, all, now_ms)) {
		tell_scarce(wd, poor, target->host);
		return false;
	}
	budget_take(&target->budget, BUDGET_OF_TARGET_PER_1000_S, all, now_ms);
	for (int i = 0; i < wd->n_seated; i++) {
		struct standing_of *s = verdicts_standing(wd->v, wd->w->voter[i].key);
		if (s)
			budget_take(&s->budget, budget_of_probe(s->scheduled_per_1000_s), rounds,
				now_ms);
	}
	return true;
}
